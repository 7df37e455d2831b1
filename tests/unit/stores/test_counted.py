"""Tests of `radiusmfa.stores.counted`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.stores import counted, people, strangers
from radiusmfa.stores.people import Failure, RefusedError
from tests.unit.stores.stock import ACTOR, settle

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database


def _fail(store: Database, number: int, until: int) -> None:
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO failures VALUES (?, 'password', '@corp', 4, 0, ?, x'00')", (number, until)
        )


def test_nobody_is_refused(store: Database) -> None:
    """A name that is no user's, and under which nothing is counted, is refused."""
    settle(store, "alice")
    _fail(store, strangers.number(store.pepper, "zoe"), 70)
    for refused in (counted.person, people.failures):
        with pytest.raises(RefusedError, match="there is no user 'bob'"):
            refused(store, "bob")
    with pytest.raises(RefusedError, match="there is no user 'bob'"):
        people.unlock(store, ACTOR, "bob")
    assert counted.person(store, "zoe").locked_until == 70


def test_person_of_a_directory_is_shown_and_unlocked(store: Database) -> None:
    """Whoever has no row can be locked, too: an administrator sees it, and ends it."""
    number = strangers.number(store.pepper, "zoe")
    _fail(store, number, 70)

    zoe = counted.person(store, "zoe")
    assert (zoe.id, zoe.name, zoe.tokens, zoe.locked_until) == (number, "zoe", 0, 70)
    assert people.failures(store, "zoe") == [Failure("password", "@corp", 4, 70)]

    assert people.unlock(store, ACTOR, "zoe") == 1
    with pytest.raises(RefusedError, match="there is no user 'zoe'"):
        counted.person(store, "zoe")


def test_user_of_that_name_goes_before(store: Database) -> None:
    """Once somebody is added, what was counted before under their name is not theirs."""
    _fail(store, strangers.number(store.pepper, "zoe"), 70)
    settle(store, "zoe")

    zoe = counted.person(store, "zoe")
    assert (zoe.id > 0, zoe.locked_until) == (True, 0)
    assert people.failures(store, "zoe") == []
