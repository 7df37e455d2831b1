"""Requests of one login find each other, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.clients import Peer
from radiusmfa.config.model import Client, Factors
from radiusmfa.duplicates import Seen
from radiusmfa.login.plan import Plan
from radiusmfa.request import Credentials
from radiusmfa.secret import Secret
from radiusmfa.server import joins
from radiusmfa.server.parts import Site
from radiusmfa.server.received import Received
from radiusmfa.server.replies import Replies
from radiusmfa.server.rules import Rule
from radiusmfa.wire import codec
from tests.fakes import FakePort

if TYPE_CHECKING:
    from radiusmfa.duplicates import Answer

SECRET = Secret(b"a shared secret of 30 octets..")
ASKED = Credentials(b"alice", b"right", None)
HERE, THERE = ("192.0.2.1", 40000), ("192.0.2.1", 40001)


class Desk:
    """One client's requests."""

    def __init__(self, primary: str = "rsa", window: int = 5) -> None:
        """Have an upstream asked, unless *primary* is `local`."""
        self.client = Client(
            name="vpn", networks=(), secret=SECRET, primary=primary, retry_window=window
        )
        plan = Plan(self.client, Factors(), b"")
        self.site = Site(Rule(self.client, plan, Replies(self.client, Factors(), bytes)))
        self.port = FakePort()

    def take(
        self, identifier: int, address: tuple[str, int] = HERE, station: bytes = b"", **_: object
    ) -> Received:
        """Return a request that is new to the port."""
        key = codec.SigningKey(SECRET)
        attributes = codec.attribute(31, station) if station else b""
        packet = codec.decode(codec.request(1, identifier, bytes(16), attributes, key))
        peer = Peer(address[0], self.client, key)
        one = Received(self.port, address, packet, peer, self.site, 0.0)
        assert self.port.duplicates.claim(one.key, packet.octets, 0.0) is Seen.NEW
        return one

    def is_pending(self, one: Received) -> bool:
        """Say whether a retransmission of *one* would be silent."""
        return self.port.duplicates.claim(one.key, one.packet.octets, 0.0) is Seen.PENDING


def begun(desk: Desk, identifier: int = 1) -> tuple[Received, Answer]:
    """Return a login that waits for an upstream."""
    one = desk.take(identifier)
    assert joins.find(one, ASKED, 0.0) is None
    assert joins.wait(one) is None
    assert one.answer is not None
    return one, one.answer


def test_client_without_retries_and_upstreams_joins_nothing() -> None:
    """Where nothing is waited for and nothing retried, nothing is looked up."""
    desk = Desk(primary="local", window=0)
    one = desk.take(1)

    assert joins.find(one, ASKED, 0.0) is None
    assert (one.login_key, one.retry, one.answer) == (0, 0, None)


@pytest.mark.parametrize(
    ("asked", "changes"),
    [
        pytest.param(ASKED._replace(typed=b"other"), {}, id="password"),
        pytest.param(ASKED._replace(name=b"bob"), {}, id="user"),
        pytest.param(ASKED._replace(state=b"s"), {}, id="state"),
        pytest.param(ASKED._replace(proof=b"p"), {}, id="proof"),
        pytest.param(ASKED, {"station": b"elsewhere"}, id="station"),
        pytest.param(ASKED, {"address": ("192.0.2.2", 40000)}, id="address"),
    ],
)
def test_other_login_does_not_join(asked: Credentials, changes: dict[str, object]) -> None:
    """Who proves something else, or from elsewhere, is somebody else."""
    desk = Desk()
    begun(desk)

    assert joins.find(desk.take(2, **changes), asked, 0.0) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("window", [0, 5])
@pytest.mark.parametrize(("identifier", "address"), [(2, HERE), (1, THERE), (2, THERE)])
def test_same_login_joins_while_it_waits(
    window: int, identifier: int, address: tuple[str, int]
) -> None:
    """From the same or another port, with whichever identifier; and not once it has ended."""
    desk = Desk(window=window)
    one, answer = begun(desk)

    assert joins.find(desk.take(identifier, address), ASKED, 0.0) is answer
    joins.end(one)
    assert joins.find(desk.take(7, address), ASKED, 0.0) is None


def test_retry_from_another_port_joins_without_an_upstream() -> None:
    """As before there were upstreams: same identifier, another port."""
    desk = Desk(primary="local")
    one = desk.take(1)
    assert joins.find(one, ASKED, 0.0) is None

    assert joins.find(desk.take(1, THERE), ASKED, 1.0) is one.answer
    assert joins.find(desk.take(2, THERE), ASKED, 1.0) is None


def test_second_inquiry_of_one_login_is_its_own() -> None:
    """A login that asks two upstreams in turn does not wait for itself."""
    one, _ = begun(Desk())

    assert joins.wait(one) is None


def test_two_that_meet_at_the_upstream_are_one() -> None:
    """The later one joins, and brings whoever waited for it, now or later."""
    desk = Desk()
    one, two = desk.take(1), desk.take(2)
    for received in (one, two):
        assert joins.find(received, ASKED, 0.0) is None
    three = desk.take(2, THERE)
    known = joins.find(three, ASKED, 0.0)
    assert known is two.answer
    assert known is not None
    known.waiting.append(three)
    assert joins.wait(one) is None

    joined = joins.wait(two)

    assert joined is one.answer
    assert joined is not None
    assert joined.waiting == [three]
    joins.end(one)
    assert joins.find(desk.take(2, ("192.0.2.1", 40002)), ASKED, 0.0) is joined


def test_two_that_meet_without_retries_are_one() -> None:
    """A client that wants no retries still has one login."""
    desk = Desk(window=0)
    one, two = desk.take(1), desk.take(2)
    for received in (one, two):
        assert joins.find(received, ASKED, 0.0) is None
    assert joins.wait(one) is None

    assert joins.wait(two) is one.answer


def test_who_joined_does_not_end_what_the_first_waits_for() -> None:
    """Only the login that is asked about ends it."""
    desk = Desk()
    _, answer = begun(desk)
    other = desk.take(2)
    assert joins.find(other, ASKED, 0.0) is answer

    joins.end(other)

    assert joins.find(desk.take(3), ASKED, 0.0) is answer


@pytest.mark.parametrize("window", [0, 5])
def test_forgotten_login_was_never_there(window: int) -> None:
    """When nothing was decided, the first and whoever joined may ask again."""
    desk = Desk(window=window)
    one, answer = begun(desk)
    other = desk.take(2)
    answer.waiting += [other, "something else"]
    assert desk.is_pending(one)
    assert desk.is_pending(other)

    joins.forget(one)

    assert not desk.is_pending(one)
    assert not desk.is_pending(other)
    assert joins.find(desk.take(3), ASKED, 0.0) is None


def test_forgotten_request_that_had_joined_leaves_the_first_alone() -> None:
    """Forgetting one that has no answer of its own forgets its octets, no more."""
    desk = Desk()
    _, answer = begun(desk)
    other = desk.take(2)
    assert joins.find(other, ASKED, 0.0) is answer

    joins.forget(other)

    assert not desk.is_pending(other)
    assert joins.find(desk.take(3), ASKED, 0.0) is answer
