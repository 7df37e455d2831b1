"""Wrong proofs and locks: per person, kind and client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.login.account import Kind
from radiusmfa.outcome import Failed, Reason
from radiusmfa.server.guard import Guard, admitted, place_of
from radiusmfa.stores import people
from tests.flows.people import directory
from tests.flows.world import LOCKOUT, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.login.account import User

HERE, ELSEWHERE = "challenge", "other"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store."""
    with World(tmp_path) as made:
        made.person()
        yield made


@pytest.fixture
def guard(world: World) -> Guard:
    """Three wrong ones lock."""
    return Guard(world.logins, LOCKOUT, b"pepper")


@pytest.fixture
def alice(world: World) -> Iterator[User]:
    """A person, within a turn."""
    world.logins.begin()
    user = world.logins.user(b"alice")
    assert user is not None
    yield user
    world.logins.roll_back()


def test_nobody_and_who_is_disabled_are_not_admitted(world: World, guard: Guard) -> None:
    """Before any lock: who does not exist, or may not log in."""
    people.set_disabled(world.admin, world.actor, "alice", disabled=True)
    world.logins.begin()
    user = world.logins.user(b"alice")
    world.logins.roll_back()

    assert admitted(None) == Failed(Reason.UNKNOWN_USER)
    assert admitted(user) == Failed(Reason.USER_DISABLED)
    assert guard.allowed(None, Kind.PASSWORD, HERE, 0) == Failed(Reason.UNKNOWN_USER)


@pytest.mark.parametrize("kind", list(Kind))
def test_wrong_proofs_lock_their_kind_at_their_client(
    guard: Guard, alice: User, kind: Kind
) -> None:
    """Three different wrong proofs lock for as long as is configured, there and so only."""
    for number in range(3):
        assert guard.allowed(alice, kind, HERE, 1000) is alice
        guard.count(alice, kind, HERE, b"%d" % number, 1000)

    assert guard.allowed(alice, kind, HERE, 1000) == Failed(Reason.LOCKED)
    assert guard.is_locked(alice, kind, HERE, 1029)
    assert not guard.is_locked(alice, kind, HERE, 1030)
    assert not guard.is_locked(alice, kind, ELSEWHERE, 1000)
    others = set(Kind) - {kind}
    assert not any(guard.is_locked(alice, other, HERE, 1000) for other in others)


@pytest.mark.parametrize(
    ("kind", "later", "count"),
    [
        (Kind.PASSWORD, 100_000, 1),
        (Kind.RECOVERY, 100_000, 1),
        (Kind.OATH, 120, 1),
        (Kind.OATH, 121, 2),
        (Kind.UPSTREAM, 120, 1),
        (Kind.UPSTREAM, 121, 2),
    ],
)
def test_same_wrong_proof_is_a_retry_while_it_stays_wrong(
    guard: Guard, alice: User, kind: Kind, later: float, count: int
) -> None:
    """A password stays wrong; what changes with time is a new guess after two minutes."""
    guard.count(alice, kind, HERE, b"same", 200_000)
    forget = LOCKOUT.forget
    guard.count(alice, kind, HERE, b"same", 200_000 + min(later, forget))

    assert alice.failures[kind, HERE].wrong == count


def test_digest_of_what_was_wrong_is_the_persons_own(world: World, guard: Guard) -> None:
    """The same wrong proof of two people leaves no trace that says so."""
    world.person("bob")
    world.logins.begin()
    users = [world.logins.user(name) for name in (b"alice", b"bob")]
    for user in users:
        assert user is not None
        guard.count(user, Kind.PASSWORD, HERE, b"same", 1000)
    world.logins.commit()

    rows = world.admin.connection.execute('SELECT DISTINCT "repeat" FROM failures').fetchall()
    assert [len(repeat) for (repeat,) in rows] == [8, 8]


def test_right_proof_forgets_wrong_ones(guard: Guard, alice: User) -> None:
    """Of that kind at that client; where nothing was wrong nothing is done."""
    guard.clear(alice, Kind.OATH, HERE)
    guard.count(alice, Kind.OATH, HERE, b"1", 1000)
    guard.count(alice, Kind.PASSWORD, HERE, b"2", 1000)

    guard.clear(alice, Kind.OATH, HERE)

    assert set(alice.failures) == {(Kind.PASSWORD, HERE)}


def test_directory_has_its_own_limits(world: World) -> None:
    """Every wrong password that was sent counts there, the same one too, until its window ends."""
    corp = directory(lockout=2, lockout_window=1800)
    guard = Guard(world.logins, LOCKOUT, b"pepper", (corp,))
    world.person("carol")
    world.logins.begin()
    carol = world.logins.user(b"carol")
    assert carol is not None
    place = place_of(corp)
    for _ in range(2):
        guard.count(carol, Kind.PASSWORD, place, b"same", 1000)
    assert guard.is_locked(carol, Kind.PASSWORD, place, 1000)
    assert guard.is_locked(carol, Kind.PASSWORD, place, 2799)
    assert not guard.is_locked(carol, Kind.PASSWORD, place, 2801)
    assert not guard.is_locked(carol, Kind.PASSWORD, HERE, 1000)
    world.logins.commit()


def test_wrong_password_is_known_for_its_time_there(world: World, guard: Guard) -> None:
    """The same of the same person at the same directory, also after a reload."""
    world.person("carol")
    world.logins.begin()
    carol = world.logins.user(b"carol")
    assert carol is not None
    guard.found_wrong(carol, "@corp", b"wrong", 100.0, 300.0)
    later = Guard(world.logins, LOCKOUT, b"pepper")
    later.inherit(guard)
    assert later.knows_wrong(carol, "@corp", b"wrong", 399.0)
    assert not later.knows_wrong(carol, "@corp", b"wrong", 400.0)
    assert not later.knows_wrong(carol, "@other", b"wrong", 399.0)
    assert not later.knows_wrong(carol, "@corp", b"right", 399.0)
    world.logins.commit()
