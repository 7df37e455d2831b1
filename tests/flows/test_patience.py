"""`time_budget: learn`: a client's tries teach how long it waits, login by login."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.logger import ILogObserver, formatEvent, globalLogPublisher
from zope.interface import provider

from radiusmfa.outcome import Reason
from tests.flows.upstreams import PROXY, TokenServer, proxied, serve, tell, told
from tests.flows.world import ACCEPT, REJECT, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from twisted.logger import LogEvent

    from radiusmfa.server.received import Received
    from tests.flows.world import Nas

LEARNED = 14.25
"""Seconds of a client that gives up after 15."""


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


def learning(world: World, **settings: object) -> TokenServer:
    """Serve a client whose patience is learned."""
    return serve(world, proxied(learns_patience=True, **settings))


def waiting(world: World) -> Received:
    """Return the login that waits."""
    received, _ = world.relays.waiting[0]
    return received


def left(world: World) -> float:
    """Return how many seconds the login that waits still has."""
    return waiting(world).deadline() - world.clock.monotonic()


def unanswered(world: World, server: TokenServer, nas: Nas, *, seconds: float = 19.0) -> None:
    """Let a client ask every five seconds, three times, for somebody who does not answer."""
    request = tell(nas, "alice", b"right")
    for _ in range(2):
        world.clock.advance(5)
        nas.put(request)
    world.clock.advance(seconds - 10)
    server.fail(Reason.UNANSWERED)
    assert told(nas, request).code == REJECT


def test_client_that_does_not_ask_again_has_what_is_configured(world: World) -> None:
    """Nothing is learned from silence."""
    server = learning(world)
    nas = world.nas(PROXY)
    for _ in range(2):
        tell(nas, "alice", b"right")
        assert left(world) == 19.0
        world.clock.advance(19)
        server.fail(Reason.UNANSWERED)

    assert world.logins.clients.patience() == []


def test_ordinary_client_teaches_nothing(world: World) -> None:
    """Where a number is configured it counts, however often the client asks again."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    for _ in range(2):
        request = tell(nas, "alice", b"right")
        for _ in range(3):
            world.clock.advance(5)
            nas.put(request)
            assert waiting(world).deadline() == waiting(world).arrived + 19.0
        server.fail(Reason.UNANSWERED)

    assert world.logins.clients.patience() == []


def test_lost_turn_is_no_lesson(world: World) -> None:
    """A login that waits when the store is lost is forgotten, with whoever asked again for it."""
    server = learning(world)
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"right")
    world.clock.advance(5)
    nas.put(request)
    break_audit(world)
    server.reject()
    mend_audit(world)
    assert world.port.sent == []
    world.clock.advance(5)

    nas.put(request)

    assert left(world) == 19.0
    received = waiting(world)
    assert received.wait is not None
    assert received.wait.tries == 1


def test_lesson_of_a_lost_turn_is_written_with_the_next(world: World) -> None:
    """What the disk did not take is not lost for the next server."""
    server = learning(world)
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"right")
    for _ in range(2):
        world.clock.advance(5)
        nas.put(request)
    world.clock.advance(9)
    break_audit(world)
    server.reject()
    mend_audit(world)
    assert world.logins.clients.patience() == []

    tell(nas, "bob", b"right")
    server.reject()

    ((_, _, known),) = world.logins.clients.patience()
    assert known.seconds == 15.0


def break_audit(world: World) -> None:
    """Let no audit line be written."""
    world.admin.connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
    )


def mend_audit(world: World) -> None:
    """End that."""
    world.admin.connection.execute("DROP TRIGGER broken")


def test_second_login_has_what_the_first_has_taught(world: World, logged: list[str]) -> None:
    """A login outlives its client once; the next has to be answered before that, and so it is."""
    server = learning(world)
    nas = world.nas(PROXY)
    unanswered(world, server, nas)

    request = tell(nas, "alice", b"right")

    assert server.heard().inquiry.deadline - world.clock.monotonic() == pytest.approx(LEARNED)
    assert left(world) == pytest.approx(LEARNED)
    assert [line for line in logged if "gives up" in line] == [
        "client proxy (192.0.2.5): gives up after 15 s (5 s apart, 3 tries); set time_budget: 15"
    ]
    server.accept()
    assert told(nas, request).code == ACCEPT


def test_each_address_is_learned_by_itself(world: World) -> None:
    """What one device of an entry teaches does not count for its neighbour."""
    server = learning(world, networks=proxied().networks + world.clients[0].networks)
    unanswered(world, server, world.nas(PROXY))

    tell(world.nas("192.0.2.1"), "bob", b"right")

    assert left(world) == 19.0


def test_restart_forgets_nothing(world: World) -> None:
    """What was learned lies in the store with the login that taught it."""
    server = learning(world)
    unanswered(world, server, world.nas(PROXY))

    world.restart()

    tell(world.nas(PROXY), "alice", b"right")
    assert left(world) == pytest.approx(LEARNED)


@pytest.mark.parametrize("window", [0, 5], ids=["no-retries", "retries"])
@pytest.mark.parametrize("port", [40000, 40001], ids=["same-port", "another-port"])
def test_new_requests_for_the_same_login_are_tries(world: World, window: int, port: int) -> None:
    """A client that makes each try a request of its own teaches as much."""
    server = learning(world, retry_window=window)
    first, other = world.nas(PROXY), world.nas(PROXY, port)
    tell(first, "alice", b"right")
    for _ in range(2):
        world.clock.advance(5)
        tell(other, "alice", b"right")
    world.clock.advance(9)
    server.fail(Reason.UNANSWERED)
    assert len(server.asked) == 1

    tell(first, "alice", b"right")

    assert left(world) == pytest.approx(LEARNED)


def test_other_logins_at_the_same_time_are_no_tries(world: World) -> None:
    """Ten people who log in one after the other are not one who asks ten times."""
    server = learning(world)
    nas = world.nas(PROXY)
    for number in range(4):
        tell(nas, f"user{number}", b"right")
        world.clock.advance(4)
    for _ in range(4):
        server.fail(Reason.UNANSWERED)

    assert world.logins.clients.patience() == []


def test_deadline_moves_while_the_client_asks(world: World) -> None:
    """Somebody who takes longer than is configured gets in, if the client still asks."""
    server = learning(world)
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"right")
    for _ in range(8):
        world.clock.advance(5)
        assert left(world) > 0
        nas.put(request)

    server.accept()

    assert told(nas, request).code == ACCEPT


def test_client_that_changes_is_learned_anew(world: World, logged: list[str]) -> None:
    """Two logins without the tries that there should be: what is configured counts again."""
    server = learning(world)
    nas = world.nas(PROXY)
    unanswered(world, server, nas)
    for _ in range(2):
        tell(nas, "alice", b"right")
        world.clock.advance(LEARNED)
        server.fail(Reason.UNANSWERED)

    tell(nas, "alice", b"right")

    assert left(world) == 19.0
    assert world.logins.clients.patience() == []
    assert logged[-1] == (
        "client proxy (192.0.2.5): asks again in another way than one that gives up after 15 s"
        " (5 s apart, 3 tries); how long it waits is learned anew"
    )


def test_nothing_is_kept_of_logins_that_are_over(world: World) -> None:
    """Each login takes its place with it."""
    server = learning(world)
    nas = world.nas(PROXY)
    for number in range(10):
        tell(nas, f"user{number}", b"right")
        tell(world.nas(PROXY, 40001), f"user{number}", b"right")
        server.accept()

    patience = world.pipeline.parts.sites["proxy"].patience
    assert patience is not None
    assert patience.of(PROXY)._waits == {}
