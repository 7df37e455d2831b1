"""Tests of `radiusmfa.stores.owners`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.stores import names, owners, people
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import ACTOR, settle

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database


def _number(store: Database, name: str | None, *, is_new: bool) -> int | None:
    with store.transaction() as connection:
        return owners.number(store, connection, ACTOR, name, is_new=is_new)


def test_nobody_new_is_made_unless_it_is_asked_for(store: Database) -> None:
    """A typing error gives no token to nobody; the refusal says what to do."""
    with pytest.raises(RefusedError, match=r"there is no user 'zoe'.*say --new-user"):
        _number(store, "zoe", is_new=False)
    assert people.everybody(store) == []


def test_somebody_new_has_no_password_and_is_not_exempt(store: Database) -> None:
    """The row lets nobody in by itself, and the audit has it."""
    number = _number(store, "zoe", is_new=True)
    found = people.person(store, "zoe")
    assert (found.id, found.password, found.password_only) == (number, None, False)
    assert _number(store, "zoe", is_new=True) == number
    lines = store.connection.execute("SELECT line FROM audit WHERE line LIKE '%user.add%'")
    assert len(lines.fetchall()) == 1


@pytest.mark.parametrize("is_new", [False, True])
def test_an_alias_and_nobody_are_no_new_user(store: Database, *, is_new: bool) -> None:
    """A name that is somebody's already cannot be another person's."""
    settle(store, "alice")
    names.add_aliases(store, ACTOR, "alice", ["smith"])
    with pytest.raises(RefusedError, match="that is an alias of 'alice'"):
        _number(store, "smith", is_new=is_new)
    assert _number(store, None, is_new=is_new) is None
