"""What packets teach reaches the store and the log, and only for clients that are to teach."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from zope.interface import provider

from radiusmfa.clients import Peer
from radiusmfa.config.model import Client, Factors, Tri
from radiusmfa.duplicates import Answer
from radiusmfa.login.plan import Plan
from radiusmfa.login.tries import Known
from radiusmfa.secret import Secret
from radiusmfa.server import teaching
from radiusmfa.server.parts import Site
from radiusmfa.server.received import Received
from radiusmfa.server.replies import Replies
from radiusmfa.server.rules import Rule
from radiusmfa.wire import codec
from tests.fakes import START, FakeClock, FakePort

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.logger import LogEvent

    from radiusmfa.stores.client_state import ClientState

SECRET = Secret(b"a shared secret of 30 octets..")
KEY = codec.SigningKey(SECRET)
HOST = "192.0.2.1"


class Rows:
    """Takes what is to be stored."""

    def __init__(self) -> None:
        """Have nothing yet."""
        self.peers: list[tuple[object, ...]] = []
        self.patience: list[tuple[object, ...]] = []

    def put_peer(self, row: tuple[str, str, str, str], now: float) -> None:
        """Take how a client signs."""
        self.peers.append((*row, now))

    def put_patience(self, *row: object) -> None:
        """Take how long it waits."""
        self.patience.append(row)


class Desk:
    """One client's requests."""

    def __init__(self, *, learns: bool = True, primary: str = "rsa") -> None:
        """Have an upstream asked, unless *primary* is `local`."""
        self.client = Client(
            name="vpn", networks=(), secret=SECRET, primary=primary, learns_patience=learns
        )
        plan = Plan(self.client, Factors(), b"")
        self.site = Site(Rule(self.client, plan, Replies(self.client, Factors(), bytes)))
        self.peer = Peer(HOST, self.client, KEY)
        self.port, self.clock, self.rows = FakePort(), FakeClock(), Rows()
        self.clients = cast("ClientState", self.rows)

    def request(self, identifier: int = 1) -> Received:
        """Return a request that has just come."""
        packet = codec.decode(codec.request(1, identifier, bytes(16), b"", KEY))
        now = self.clock.monotonic()
        return Received(self.port, (HOST, 40000), packet, self.peer, self.site, now)

    def waiting(self) -> Received:
        """Return a login that waits."""
        received = self.request()
        received.answer = Answer(received.address, received.arrived)
        teaching.waits(received)
        return received

    def resend(self, received: Received) -> None:
        """Let it come again, five seconds later."""
        self.clock.advance(5)
        name = received.port, received.address, received.packet.identifier
        teaching.resent(self.site, self.peer, name, self.clock.monotonic())

    def end(self, received: Received) -> None:
        """Let it have its answer, after it was given up."""
        self.clock.advance(9)
        teaching.ended(received, self.clients, self.clock)


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """What is logged meanwhile."""
    texts: list[str] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        texts.append(formatEvent(event))

    globalLogPublisher.addObserver(observe)
    yield texts
    globalLogPublisher.removeObserver(observe)


@pytest.mark.parametrize(("learns", "primary"), [(False, "rsa"), (True, "local")])
def test_client_that_is_not_to_teach_costs_nothing(primary: str, *, learns: bool) -> None:
    """Where a number is configured, or nobody outside is asked, nothing is kept of any try."""
    desk = Desk(learns=learns, primary=primary)
    received = desk.waiting()

    desk.resend(received)
    teaching.joined(desk.request(2), Answer("x", 0.0))
    teaching.forgotten(received)
    desk.end(received)

    assert (desk.site.patience, received.wait) == (None, None)
    assert desk.rows.patience == []
    assert received.deadline() == 19.0


def test_login_that_waits_for_nobody_teaches_nothing() -> None:
    """What is decided at once has no tries."""
    desk = Desk()
    received = desk.request()
    teaching.waits(received)  # nobody could join it

    desk.end(received)

    assert received.wait is None


def test_login_that_waits_twice_began_once() -> None:
    """A directory first, then a push: its client waits since its first packet."""
    desk = Desk()
    received = desk.waiting()
    wait = received.wait
    desk.clock.advance(3)

    teaching.waits(received)

    assert received.wait is wait
    assert wait is not None
    assert wait.first == 0.0


def test_lesson_is_stored_and_told_once(logged: list[str]) -> None:
    """A login that outlives its client is a row and a line; one more like it is neither."""
    desk = Desk()
    for _ in range(2):
        received = desk.waiting()
        desk.resend(received)
        desk.resend(received)
        desk.end(received)

    assert desk.rows.patience == [("vpn", HOST, Known(15.0, 5.0, 3), START + 19)]
    assert logged == [
        "client vpn (192.0.2.1): gives up after 15 s (5 s apart, 3 tries); set time_budget: 15"
    ]


def test_other_requests_for_the_same_login_are_tries() -> None:
    """Whoever joins a login has asked again for it, and may do so by itself."""
    desk = Desk()
    received = desk.waiting()
    assert received.answer is not None
    desk.clock.advance(5)
    other = desk.request(2)
    teaching.joined(other, received.answer)
    desk.resend(other)

    desk.end(received)

    assert desk.rows.patience[0][2] == Known(15.0, 5.0, 3)


def test_forgotten_login_is_no_lesson() -> None:
    """What was not decided is not known any more; what was learned is stored again."""
    desk = Desk()
    received = desk.waiting()
    desk.resend(received)

    teaching.forgotten(received)

    desk.resend(received)
    assert received.wait is not None
    assert received.wait.tries == 2
    known = desk.waiting()
    desk.resend(known)
    desk.resend(known)
    desk.end(known)
    teaching.forgotten(known)
    desk.end(desk.waiting())
    assert len(desk.rows.patience) == 2


def test_what_is_forgotten_is_said(logged: list[str]) -> None:
    """A client that asks in another way is learned anew, and the store knows nothing of it."""
    desk = Desk()
    received = desk.waiting()
    desk.resend(received)
    desk.resend(received)
    desk.end(received)
    for _ in range(2):
        desk.end(desk.waiting())

    assert desk.rows.patience[-1][2] is None
    assert "learned anew" in logged[-1]


def test_signatures_are_stored_and_told(logged: list[str]) -> None:
    """What a client's packets taught of how it signs is a row and a line."""
    desk = Desk()
    desk.peer.message_authenticator, desk.peer.is_changed = Tri.YES, True

    teaching.signs(desk.peer, desk.clients, 5.0)

    assert not desk.peer.is_changed
    assert desk.rows.peers == [("vpn", HOST, "yes", "auto", 5.0)]
    assert "require_message_authenticator is now 'yes'" in logged[0]
