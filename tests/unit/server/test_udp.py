"""Real sockets on loopback: bursts, wildcard addresses, refusals at start."""

from __future__ import annotations

import select
import socket
from typing import TYPE_CHECKING, Any, final

import pytest
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from radiusmfa.duplicates import Duplicates
from radiusmfa.server.udp import ListenError, UdpPort, bind
from radiusmfa.wire.codec import AUTHENTICATION_PORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 30.0  # seconds until a datagram on loopback counts as lost


@final
class FakeReactor:
    """
    Fulfills what a port needs of Twisted's reactor.

    Attributes:
        readers: Those added.
        later: What was put off.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        self.readers: list[object] = []
        self.later: list[Callable[[], None]] = []

    def addReader(self, reader: object) -> None:  # noqa: N802 - Twisted's name
        """Take a reader."""
        self.readers.append(reader)

    def removeReader(self, reader: object) -> None:  # noqa: N802 - Twisted's name
        """Drop a reader."""
        if reader in self.readers:
            self.readers.remove(reader)

    def callLater(self, delay: float, call: Callable[[], None], /) -> None:  # noqa: N802 - Twisted's
        """Put something off."""
        assert delay > 0
        self.later.append(call)


@final
class Recorder:
    """
    Takes the place of the pipeline and answers every datagram with itself.

    Attributes:
        bursts: What arrived.
        is_blocked: Whether no more should be read.
        is_broken: Whether to raise instead.
    """

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.bursts: list[list[tuple[bytes, Any, str]]] = []
        self.is_blocked = False
        self.is_broken = False

    def receive(self, port: UdpPort, burst: list[tuple[bytes, Any, str]]) -> None:
        """Keep a burst, and echo it."""
        self.bursts.append(burst)
        if self.is_broken:
            raise RuntimeError("broke")
        for octets, address, _ in burst:
            port.send(octets, address)


@final
class Rig:
    """
    A port on a free number of *host*, and a client that talks to it.

    Attributes:
        port: Under test.
        client: Connected to it.
    """

    def __init__(self, host: str, target: str) -> None:
        """Open both."""
        self.reactor = FakeReactor()
        self.pipeline = Recorder()
        opened = bind(host, 0)
        pipeline: Any = self.pipeline
        duplicates = Duplicates(30, 1024)
        self.port = UdpPort(self.reactor, opened, AUTHENTICATION_PORT, duplicates, pipeline)
        self.client = socket.socket(opened.family, socket.SOCK_DGRAM)
        self.client.settimeout(PATIENCE)
        self.client.connect((target, self.port.address[1]))

    def send(self, *datagrams: bytes) -> None:
        """Send, and let the port read all of them."""
        for octets in datagrams:
            self.client.send(octets)
        ready, _, _ = select.select([self.port.fileno()], [], [], PATIENCE)
        assert ready
        self.port.doRead()

    def close(self) -> None:
        """Close both."""
        self.port.close()
        self.client.close()


HOSTS = [
    pytest.param(("127.0.0.1", "127.0.0.1"), id="ipv4"),
    pytest.param(("0.0.0.0", "127.0.0.5"), id="all-ipv4"),
    pytest.param(("::1", "::1"), id="ipv6"),
    pytest.param(("::", "::1"), id="all-ipv6"),
]


@pytest.fixture(params=HOSTS)
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A port of each kind."""
    made = Rig(*request.param)
    yield made
    made.close()


@pytest.fixture
def plain() -> Iterator[Rig]:
    """A port on one IPv4 address."""
    made = Rig("127.0.0.1", "127.0.0.1")
    yield made
    made.close()


def test_answer_comes_from_the_address_that_was_asked(rig: Rig) -> None:
    """A connected client takes replies from the asked address only: it gets ours."""
    rig.send(b"first", b"second")

    assert rig.client.recv(100) == b"first"
    assert rig.client.recv(100) == b"second"


def test_source_is_told_as_text(rig: Rig) -> None:
    """The address that clients are looked up by is that of the sender."""
    rig.send(b"x")

    ((_, _, host),) = rig.pipeline.bursts[0]
    assert host == rig.client.getsockname()[0]


def test_burst_is_read_at_once_and_no_larger_than_64(rig: Rig) -> None:
    """Whatever waits is one burst, up to 64; the rest waits for the next turn."""
    rig.send(*(b"%d" % number for number in range(70)))

    assert [len(burst) for burst in rig.pipeline.bursts] == [64]
    rig.port.doRead()
    assert [len(burst) for burst in rig.pipeline.bursts] == [64, 6]


def test_nothing_to_read_is_no_burst(rig: Rig) -> None:
    """A false alarm of the reactor does nothing."""
    rig.port.doRead()

    assert rig.pipeline.bursts == []


def test_longest_datagram_arrives_cut_but_too_long(plain: Rig) -> None:
    """A datagram beyond every packet is cut, and still longer than any packet may be."""
    plain.send(bytes(20_000))

    ((octets, _, _),) = plain.pipeline.bursts[0]
    assert len(octets) == 8192


def test_burst_that_breaks_does_not_end_the_server(plain: Rig) -> None:
    """Whatever breaks while a burst is decided, the next burst is read."""
    plain.pipeline.is_broken = True
    plain.send(b"poison")
    plain.pipeline.is_broken = False

    plain.send(b"next")

    assert plain.client.recv(100) == b"next"


def test_reading_pauses_while_too_much_waits(plain: Rig) -> None:
    """When the pipeline is full the port stops reading, and begins again by itself."""
    plain.port.start()
    plain.pipeline.is_blocked = True
    plain.send(b"x")
    assert plain.reactor.readers == []

    plain.reactor.later.pop()()

    assert plain.reactor.readers == [plain.port]


def test_closed_port_does_not_begin_again(plain: Rig) -> None:
    """A port that was closed while it paused stays closed."""
    plain.pipeline.is_blocked = True
    plain.send(b"x")
    plain.port.close()

    plain.reactor.later.pop()()

    assert plain.reactor.readers == []
    assert plain.port.fileno() == -1


def test_drained_port_does_not_begin_again(plain: Rig) -> None:
    """A port that paused under load reads no more once the end has come."""
    plain.pipeline.is_blocked = True
    plain.send(b"x")
    plain.port.drain()

    plain.reactor.later.pop()()

    assert plain.reactor.readers == []


def test_paused_port_still_answers(plain: Rig) -> None:
    """While the server ends, what is pending is answered through the paused port."""
    plain.port.start()
    plain.port.pause()
    plain.port.send(b"late", plain.client.getsockname())

    assert plain.reactor.readers == []
    assert plain.client.recv(100) == b"late"


def test_reply_that_cannot_be_sent_is_lost(plain: Rig) -> None:
    """A closed socket or an impossible target loses a datagram, and nothing else."""
    plain.port.send(b"x", ("127.0.0.1", 0))
    plain.port.close()
    plain.port.send(b"x", plain.client.getsockname())
    plain.port.doRead()

    assert plain.pipeline.bursts == []


def test_lost_descriptor_is_closed(plain: Rig) -> None:
    """When the reactor loses the socket it is closed."""
    plain.port.connectionLost(Failure(ConnectionLost()))  # type: ignore[no-untyped-call]

    assert plain.port.fileno() == -1


def test_log_names_the_port(plain: Rig) -> None:
    """Twisted's log calls the port by its number."""
    assert plain.port.logPrefix() == f"udp {plain.port.address[1]}"


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_taken_port_is_one_clear_line(host: str) -> None:
    """A port that somebody has is refused with its address and a hint."""
    with bind(host, 0) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            bind(host, number)

    text = str(caught.value)
    assert f"{number}: Address already in use" in text
    assert "ss -lunp" in text
    assert "\n" not in text


def test_foreign_address_is_one_clear_line() -> None:
    """An address of another machine cannot be listened on."""
    with pytest.raises(ListenError, match=r"cannot listen on udp 192\.0\.2\.1:0: Cannot assign"):
        bind("192.0.2.1", 0)


def test_both_wildcards_have_the_same_port() -> None:
    """0.0.0.0 and :: may be listed side by side."""
    with bind("0.0.0.0", 0) as first, bind("::", first.getsockname()[1]) as second:
        assert first.getsockname()[1] == second.getsockname()[1]
