"""Tests of `radiusmfa.stores.remembered`: when a factor counts as passed, and when no more."""

from __future__ import annotations

import json
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.stores import assignments, names, people, remembered, tokens, trail
from radiusmfa.stores.assignments import Assignment
from radiusmfa.stores.remembered import Parts, Remembered
from tests.unit.stores.stock import ACTOR, NOW, enroll, settle, totp

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database

ALICE: Final = Parts(user=1, policy="vpn", client="gate", station="192.0.2.7")
BOB: Final = Parts(user=2, policy="vpn")
STRANGER: Final = Parts(user=-77, policy="vpn")


def _put(store: Database, parts: Parts, name: str, *, now: float = NOW, lasting: int = 60) -> None:
    with store.transaction() as connection:
        expires = now + lasting
        remembered.put(connection, store.pepper, parts, name=name, now=now, expires=expires)


def _find(store: Database, parts: Parts, now: float = NOW) -> Remembered | None:
    with store.transaction() as connection:
        return remembered.find(connection, remembered.mac(store.pepper, parts), now)


def _names(store: Database, **given: Any) -> list[str]:  # noqa: ANN401 - filters
    return [one.name for one in remembered.listing(store, NOW, **given)]


def _lines(store: Database) -> list[dict[str, Any]]:
    return [json.loads(line) for _, line in trail.read(store)]


@pytest.fixture
def full(store: Database) -> Database:
    """A store that remembers alice, bob, and somebody of a directory."""
    settle(store, "alice", "bob")
    enroll(store, totp("T1", "alice"), totp("T2", "bob"))
    assignments.assign(store, ACTOR, Assignment(user="alice", upstream="rsa"))
    _put(store, ALICE, "alice")
    _put(store, BOB, "bob")
    _put(store, STRANGER, "carol@example.com")
    return store


@pytest.mark.parametrize(
    "other",
    [
        Parts(user=11, policy="vpn", client="gate", station="192.0.2.7"),
        Parts(user=-1, policy="vpn", client="gate", station="192.0.2.7"),
        Parts(user=1, policy="VPN", client="gate", station="192.0.2.7"),
        Parts(user=1, policy="vpn", client="", station="192.0.2.7"),
        Parts(user=1, policy="vpn", client="gate", station=""),
        Parts(user=1, policy="vpn", client="gate192.0.2.7", station=""),
        Parts(user=1, policy="vpngate", client="", station="192.0.2.7"),
    ],
    ids=str,
)
def test_other_parts_are_not_remembered(other: Parts, full: Database) -> None:
    """Another person, policy, client or station: the factor is asked for."""
    assert _find(full, other) is None


def test_no_two_parts_are_the_same_octets() -> None:
    """Names that run into each other, whatever signs they hold, have digests of their own."""
    texts = ("", "a", "aa", "a|a", "\0", "a\0", "\0\0\0\1a", "ä", "\udcff")
    every = [
        Parts(user=user, policy=policy, client=client, station=station)
        for user in (1, 11, -1)
        for policy in texts
        for client in texts
        for station in texts
    ]
    assert len({remembered.mac(b"pepper", parts) for parts in every}) == len(every)


def test_digest_is_keyed() -> None:
    """Without the store's pepper nobody makes a digest that counts."""
    digests = [remembered.mac(pepper, ALICE) for pepper in (b"one", b"other", b"")]
    assert all(one != other for one, other in combinations(digests, 2))
    assert all(len(one) == 32 for one in digests)


@pytest.mark.parametrize("later", [60, 61, 1e9])
def test_expired_is_not_remembered(later: float, full: Database) -> None:
    """At its end it is over, and stays so when the clock is set back."""
    assert _find(full, ALICE, NOW + later) is None
    assert _find(full, ALICE) is None


def test_future_is_not_remembered(full: Database) -> None:
    """With the clock before its beginning it does not count; when it has caught up, it does."""
    assert _find(full, ALICE, NOW - 1) is None
    assert _find(full, ALICE) is not None


def test_pruned_is_not_remembered(full: Database) -> None:
    """What has expired goes, so that a clock that is set back revives nothing."""
    _put(full, BOB, "bob", lasting=10)
    with full.transaction() as connection:
        assert remembered.prune(connection, NOW + 10.5) == 1
        assert remembered.prune(connection, NOW + 10.5) == 0
    assert _find(full, BOB) is None
    assert _find(full, ALICE) is not None


def test_what_is_the_same_is_remembered(full: Database) -> None:
    """Until its end, with all that a listing shows; somebody without a row, too."""
    assert _find(full, ALICE, NOW + 59.9) == Remembered(
        id=1, parts=ALICE, name="alice", created=int(NOW), expires=int(NOW) + 60
    )
    assert _find(full, BOB) is not None
    assert _find(full, STRANGER) is not None


def test_next_pass_replaces_the_one_before(full: Database) -> None:
    """A factor that was passed again counts from then; there is one row."""
    _put(full, ALICE, "alice", now=NOW + 50)
    found = _find(full, ALICE, NOW + 100)
    assert found is not None
    assert found.expires == NOW + 110
    assert len(_names(full, name="alice")) == 1


ENDING: Final = {
    "disable": lambda store: people.set_disabled(store, ACTOR, "alice", disabled=True),
    "exempt": lambda store: people.set_password_only(store, ACTOR, "alice", password_only=True),
    "password": lambda store: people.set_password(store, ACTOR, "alice", "$new"),
    "recovery": lambda store: people.issue_recovery(store, ACTOR, "alice", []),
    "delete": lambda store: people.delete(store, ACTOR, "alice"),
    "revoke-token": lambda store: tokens.revoke(store, ACTOR, "T1"),
    "disable-token": lambda store: tokens.set_disabled(store, ACTOR, "T1", disabled=True),
    "give-token": lambda store: tokens.assign(store, ACTOR, "T1", "bob"),
    "take-token": lambda store: tokens.assign(store, ACTOR, "T1", None),
    "assign": lambda store: assignments.assign(
        store, ACTOR, Assignment(user="alice", upstream="nps")
    ),
    "unassign": lambda store: assignments.remove(store, ACTOR, "alice", "rsa"),
    "assign-many": lambda store: assignments.assign_many(
        store, ACTOR, [Assignment(user="alice", upstream="nps")], ""
    ),
}


@pytest.mark.parametrize("what", ENDING)
def test_change_ends_what_was_remembered(what: str, full: Database) -> None:
    """Whatever makes the proof doubtful ends it, for that person alone."""
    change: Callable[[Database], object] = ENDING[what]
    change(full)
    assert _find(full, ALICE) is None
    assert _find(full, BOB) is not None
    assert _find(full, STRANGER) is not None


def test_listing_is_by_name(full: Database) -> None:
    """What counts now, of everybody, of one, or of whose alias a name is."""
    names.add_aliases(full, ACTOR, "alice", ["asmith"])
    assert _names(full) == ["alice", "bob", "carol@example.com"]
    assert _names(full, name="bob") == ["bob"]
    assert _names(full, name="asmith") == ["alice"]
    assert _names(full, name="carol@example.com") == ["carol@example.com"]
    assert _names(full, name="eve") == []
    assert remembered.listing(full, NOW + 60) == []


def test_person_is_asked_again(full: Database) -> None:
    """By name or alias; others are not, and the audit says who was."""
    names.add_aliases(full, ACTOR, "alice", ["asmith"])
    _put(full, Parts(user=1, policy="web"), "alice")
    assert remembered.revoke(full, ACTOR, "asmith") == 2
    assert _names(full) == ["bob", "carol@example.com"]
    assert remembered.revoke(full, ACTOR, "carol@example.com") == 1
    line = _lines(full)[-1]
    assert (line["action"], line["user"], line["detail"]) == (
        "remembered.revoke",
        "carol@example.com",
        "1 remembered",
    )


def test_one_is_revoked(full: Database) -> None:
    """By its number; the audit has the person and the number."""
    assert remembered.revoke_one(full, ACTOR, 2)
    assert _names(full) == ["alice", "carol@example.com"]
    line = _lines(full)[-1]
    assert (line["user"], line["detail"]) == ("bob", "#2")


def test_everybody_is_asked_again(full: Database) -> None:
    """Nothing is remembered any more, with one line for all."""
    before = len(_lines(full))
    assert remembered.revoke_all(full, ACTOR) == 3
    assert _names(full) == []
    (line,) = _lines(full)[before:]
    assert line["detail"] == "3 remembered, of everybody"


def test_revoking_nothing_leaves_no_line(full: Database) -> None:
    """Nothing was done, and nothing is said to have been."""
    before = _lines(full)
    assert remembered.revoke(full, ACTOR, "eve") == 0
    assert not remembered.revoke_one(full, ACTOR, 99)
    remembered.revoke_all(full, ACTOR)
    assert remembered.revoke_all(full, ACTOR) == 0
    assert len(_lines(full)) == len(before) + 1
