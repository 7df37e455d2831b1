"""An upstream that does what no upstream should: a socket, the shared secret, and a bad habit."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, Self, TypeAlias, final

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests.live.token_server import UPSTREAM_SECRET
from tests.live.world import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    Habit: TypeAlias = Callable[["Asked"], None]

ELSEWHERE: Final = "127.0.0.99"
"""Where no upstream of ours is."""
LATE: Final = 1.4
"""Seconds after which the slow one answers."""
STATE: Final = codec.attribute(numbers.STATE, b"upstream-state")
TEXT: Final = codec.attribute(numbers.REPLY_MESSAGE, b"Code:")
_POLL: Final = 0.05
_FILL: Final = codec.attribute(numbers.REPLY_MESSAGE, b"x" * 253)


@final
class Asked:
    """
    One Access-Request that arrived, and the ways to answer it.

    Attributes:
        packet: As it came.
    """

    def __init__(self, server: HostileUpstream, octets: bytes, source: tuple[str, int]) -> None:
        """Belong to *server*."""
        self.packet = codec.decode(octets)
        self._octets = octets
        self._server = server
        self._source = source

    def built(
        self, code: int, attributes: bytes = b"", *, signed: bool = True, secret: bytes = b""
    ) -> bytes:
        """Return a reply as it should be, but for what is asked otherwise."""
        key = codec.SigningKey(Secret(secret or UPSTREAM_SECRET))
        octets = codec.reply(code, self.packet, key, attributes, signed=signed)
        assert octets is not None
        return octets

    def changed(self, at: int) -> Asked:
        """Return the same with another octet at *at*, as if it had come so."""
        octets = bytearray(self._octets)
        octets[at] ^= 1
        return Asked(self._server, bytes(octets), self._source)

    def send(self, octets: bytes, host: str = "") -> None:
        """Send *octets*, from another address if *host* names one."""
        if not host:
            self._server.send(octets, self._source)
            return
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind((host, self._server.port))
            other.sendto(octets, self._source)

    def answer(self, code: int, attributes: bytes = b"") -> None:
        """Answer as an honest server does."""
        self.send(self.built(code, attributes))

    def close(self) -> None:
        """Let the server close its port."""
        self._server.shut()

    def later(self, seconds: float, octets: bytes) -> None:
        """Send *octets* after some *seconds*."""
        self._server.put_off(time.monotonic() + seconds, octets, self._source)


@final
class HostileUpstream:
    """
    A server on a thread of its own; used as a context it runs from start to end.

    Attributes:
        host: Loopback address.
        port: For Access-Requests.
        seen: Every Access-Request, oldest first, retransmitted ones again.
    """

    def __init__(
        self, habit: Habit, *, host: str = "127.0.0.1", port: int = 0, is_mute: bool = False
    ) -> None:
        """
        Open the socket.

        Args:
            habit: What it does with an Access-Request.
            host: Loopback address.
            port: By default one that nobody uses.
            is_mute: It does not answer Status-Server.
        """
        self.host = host
        self.port = port or free_ports(1)[0]
        self.seen: list[codec.Packet] = []
        self._habit = habit
        self._is_mute = is_mute
        self._is_ended = Event()
        self._put_off: list[tuple[float, bytes, tuple[str, int]]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.host, self.port))
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End, and free the port."""
        self._is_ended.set()
        self._thread.join()
        self._socket.close()

    def send(self, octets: bytes, address: tuple[str, int]) -> None:
        """Send *octets*."""
        self._socket.sendto(octets, address)

    def put_off(self, due: float, octets: bytes, address: tuple[str, int]) -> None:
        """Send *octets* at *due*, monotonic."""
        self._put_off.append((due, octets, address))

    def shut(self) -> None:
        """Close the port; the thread ends with it."""
        self._is_ended.set()

    def _serve(self) -> None:
        with contextlib.closing(self._socket):
            while not self._is_ended.is_set():
                ready, _, _ = select.select([self._socket], [], [], _POLL)
                if ready:
                    self._take(*self._socket.recvfrom(65535))
                now = time.monotonic()
                for one in [one for one in self._put_off if one[0] <= now]:
                    self._put_off.remove(one)
                    self.send(*one[1:])

    def _take(self, octets: bytes, source: tuple[str, int]) -> None:
        asked = Asked(self, octets, source)
        if asked.packet.code == numbers.ACCESS_REQUEST:
            self.seen.append(asked.packet)
            self._habit(asked)
        elif not self._is_mute:
            asked.answer(numbers.ACCESS_ACCEPT)


# -- habits --


def accept(asked: Asked) -> None:
    """Let everybody in."""
    asked.answer(numbers.ACCESS_ACCEPT)


def say_nothing(asked: Asked) -> None:
    """Leave every login without an answer."""
    assert asked.packet.code == numbers.ACCESS_REQUEST


def answer_late(asked: Asked) -> None:
    """Accept when our server has given up."""
    asked.later(LATE, asked.built(numbers.ACCESS_ACCEPT))


def answer_twice(asked: Asked) -> None:
    """Accept, and accept again."""
    for _ in range(2):
        asked.answer(numbers.ACCESS_ACCEPT)


def challenge_and_accept(asked: Asked) -> None:
    """Ask for a code, and send an Accept that nobody waits for right behind."""
    asked.answer(numbers.ACCESS_CHALLENGE, STATE + TEXT)
    asked.answer(numbers.ACCESS_ACCEPT)


def answer_another(asked: Asked) -> None:
    """Answer with the identifier of another request."""
    asked.changed(1).answer(numbers.ACCESS_ACCEPT)


def answer_an_old_request(asked: Asked) -> None:
    """Answer a request with another authenticator, as a replay does."""
    asked.changed(4).answer(numbers.ACCESS_ACCEPT)


def answer_with_a_wrong_secret(asked: Asked) -> None:
    """Sign with a secret of somebody else's."""
    asked.send(asked.built(numbers.ACCESS_ACCEPT, secret=b"somebody-else's-secret"))


def answer_unsigned(asked: Asked) -> None:
    """Leave Message-Authenticator out."""
    asked.send(asked.built(numbers.ACCESS_ACCEPT, signed=False))


def spoil_the_signature(asked: Asked) -> None:
    """Send a Message-Authenticator that is none, under a right Response Authenticator."""
    other = codec.attribute(numbers.MESSAGE_AUTHENTICATOR, bytes(16))
    asked.send(asked.built(numbers.ACCESS_ACCEPT, other, signed=False))


def answer_with_the_largest_packet(asked: Asked) -> None:
    """Fill an Accept to 4096 octets."""
    asked.answer(numbers.ACCESS_ACCEPT, _filling(asked, numbers.ACCESS_ACCEPT, b""))


def challenge_with_the_largest_packet(asked: Asked) -> None:
    """Fill a challenge to 4096 octets."""
    filling = _filling(asked, numbers.ACCESS_CHALLENGE, STATE)
    asked.answer(numbers.ACCESS_CHALLENGE, STATE + filling)


def answer_with_too_large_a_packet(asked: Asked) -> None:
    """Send a packet of 4097 octets that says so."""
    octets = asked.built(numbers.ACCESS_ACCEPT)
    size = numbers.LARGEST_PACKET + 1
    asked.send(octets[:2] + size.to_bytes(2) + octets[4:] + bytes(size - len(octets)))


def answer_with_noise(asked: Asked) -> None:
    """Send what is no packet."""
    asked.send(b"\x02" + bytes(5))


def answer_as_an_accounting_server(asked: Asked) -> None:
    """Send a genuine Accounting-Response."""
    asked.answer(numbers.ACCOUNTING_RESPONSE)


def answer_from_elsewhere(asked: Asked) -> None:
    """Send the right reply from another address."""
    asked.send(asked.built(numbers.ACCESS_ACCEPT), ELSEWHERE)


def answer_with_another_proxy_state(asked: Asked) -> None:
    """Add a Proxy-State that is none of ours."""
    asked.answer(numbers.ACCESS_ACCEPT, codec.attribute(numbers.PROXY_STATE, b"another's"))


def challenge_for_ever(asked: Asked) -> None:
    """Ask for a code, whatever was typed."""
    asked.answer(numbers.ACCESS_CHALLENGE, STATE + TEXT)


def challenge_without_state(asked: Asked) -> None:
    """Ask for a code that nobody could answer."""
    asked.answer(numbers.ACCESS_CHALLENGE, TEXT)


def challenge_with_two_states(asked: Asked) -> None:
    """Ask for a code with two States."""
    asked.answer(numbers.ACCESS_CHALLENGE, STATE + STATE + TEXT)


def accept_with_broken_keys(asked: Asked) -> None:
    """Send an MPPE key of a size that no key has when it is hidden (RFC 2548 section 2.4.2)."""
    sealed = (311).to_bytes(4) + bytes((16, 21)) + b"\x80\x01" + bytes(17)
    asked.answer(numbers.ACCESS_ACCEPT, codec.attribute(numbers.VENDOR_SPECIFIC, sealed))


def close_the_port(asked: Asked) -> None:
    """Take the request and be gone."""
    asked.close()


def _filling(asked: Asked, code: int, attributes: bytes) -> bytes:
    left = numbers.LARGEST_PACKET - len(asked.built(code, attributes))
    count = left // len(_FILL)
    rest = left - count * len(_FILL)
    assert rest > 2
    return _FILL * count + codec.attribute(numbers.REPLY_MESSAGE, b"y" * (rest - 2))
