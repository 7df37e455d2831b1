"""Upstream servers that tests play on real sockets, and relays whose time a test turns."""

from __future__ import annotations

import resource
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, final

from radiusmfa.config.upstream_model import AliveCheck, Dialogue, Server, Upstream
from radiusmfa.ops.logs import Discards
from radiusmfa.secret import Secret
from radiusmfa.server.relays import Relays
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.wire import codec, numbers
from radiusmfa.wire.codec import Packet, SigningKey
from tests.fakes import FakeClock, FakeReactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from radiusmfa.server.received import Received

SECRET: Final = b"shared with the upstream"
KEY: Final = SigningKey(Secret(SECRET))
NAME: Final = codec.attribute(numbers.USER_NAME, b"alice")
BUDGET: Final = 20.0


class Asked(NamedTuple):
    """A request as a server got it, and from where."""

    packet: Packet
    source: tuple[str, int]


@final
class Home:
    """An upstream server: a socket and a secret."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen on *port*, by default any."""
        self.socket = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM
        )
        self.socket.bind((host, port))
        self.socket.settimeout(5)
        self.host, self.port = self.socket.getsockname()[:2]

    def entry(self, **settings: object) -> Server:
        """Return the server's entry in a configuration."""
        usual: dict[str, object] = {
            "host": self.host,
            "port": self.port,
            "secret": Secret(SECRET),
            "alive_check": AliveCheck.NONE,
        }
        return Server(**(usual | settings))  # type: ignore[arg-type]

    def receive(self) -> Asked:
        """Return the next request, which must be there."""
        octets, source = self.socket.recvfrom(8192)
        packet = codec.decode(octets)
        codec.verify(packet, KEY)
        return Asked(packet, source[:2])

    def probe(self) -> Asked:
        """Return the next look whether the server is alive; logins are passed over."""
        while True:
            asked = self.receive()
            if asked.packet.value(numbers.USER_NAME) != b"alice":
                return asked

    def accept(self, *codes: int) -> None:
        """Accept each request of these *codes* that has arrived, and leave the others waiting."""
        self.socket.settimeout(0)
        try:
            while True:
                asked = self.receive()
                if asked.packet.code in codes:
                    self.reply(asked)
        except BlockingIOError:
            self.socket.settimeout(5)

    def is_quiet(self) -> bool:
        """Say whether nothing has arrived."""
        self.socket.settimeout(0)
        try:
            self.socket.recvfrom(8192)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(5)
        return False

    def reply(
        self,
        asked: Asked,
        code: int = numbers.ACCESS_ACCEPT,
        attributes: bytes = b"",
        *,
        key: SigningKey = KEY,
        signed: bool = True,
    ) -> None:
        """Answer *asked*; its Proxy-State comes back."""
        octets = codec.reply(code, asked.packet, key, attributes, signed=signed)
        assert octets is not None
        self.socket.sendto(octets, asked.source)

    def close(self) -> None:
        """Stop listening."""
        self.socket.close()


@final
class Net:
    """
    Relays over real sockets, with a clock that tests turn.

    Attributes:
        clock: Time.
        reactor: Reads when a test says so.
        relays: What is tested.
        told: What came of inquiries, oldest first.
        drops: Reasons of dropped replies.
        looked_up: Names that were looked up, and whom to tell.
        breaks: Whether whoever is told raises.
    """

    def __init__(self) -> None:
        """Know no upstream yet."""
        self.clock = FakeClock()
        self.clock.advance(1000)
        self.reactor = FakeReactor()
        self.told: list[Response] = []
        self.drops: list[str] = []
        self.looked_up: list[tuple[str, Callable[[Sequence[str]], None]]] = []
        self.relays = Relays(
            self.reactor,
            self.clock,
            Discards(lambda reason, _source, _more: self.drops.append(reason)),
            call_later=self.clock.timers.callLater,
            look_up=lambda host, tell: self.looked_up.append((host, tell)),
            answered=self._answered,
        )
        self.breaks = False

    def upstream(self, *servers: Server, waits: bool = False, **settings: object) -> Upstream:
        """Serve one upstream, called `other`, and return it."""
        usual: dict[str, object] = {
            "name": "other",
            "servers": servers,
            "dialogue": Dialogue(name="generic", waits=waits),
        }
        upstream = Upstream(**(usual | settings))  # type: ignore[arg-type]
        self.relays.configure([upstream])
        return upstream

    def ask(self, *, server: str = "", budget: float = BUDGET, typed: bytes = b"1234") -> None:
        """Ask the upstream whether alice may in."""
        inquiry = Inquiry(
            upstream="other",
            attributes=NAME,
            typed=typed,
            server=server,
            deadline=self.clock.monotonic() + budget,
        )
        self.relays.ask([(_anybody(), inquiry)])

    def read(self) -> None:
        """Take what has arrived."""
        self.reactor.read()

    def pass_time(self, seconds: float, step: float = 0.25) -> None:
        """Let *seconds* pass in steps, reading as the reactor would."""
        left = seconds
        while left > 0:
            self.clock.advance(min(step, left))
            self.read()
            left -= step

    @property
    def counted(self) -> dict[str, int]:
        """What was counted of the upstream."""
        return self.relays.read()["other"]

    def _answered(self, batch: list[tuple[Received, Response]]) -> None:
        if self.breaks:
            raise ZeroDivisionError
        self.told.extend(response for _, response in batch)

    def close(self) -> None:
        """Close every socket."""
        self.relays.close()


def _anybody() -> Received:
    # Relays never look into it: whoever asked is handed back as he came.
    return object()  # type: ignore[return-value]


@contextmanager
def no_descriptors() -> Iterator[None]:
    """Let the system give this process no further descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
