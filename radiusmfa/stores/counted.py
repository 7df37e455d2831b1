"""Whose wrong proofs are counted: users, and people whom only a directory knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.stores import people
from radiusmfa.stores.people import Person

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database


def person(database: Database, name: str) -> Person:
    """
    Return one user, or somebody without a row whose wrong proofs the store keeps.

    The latter has a number below 0, and nothing but the name and a lock.

    Args:
        database: The store.
        name: Normal form; as a directory calls them.

    Raises:
        RefusedError: There is no such user, and nothing is counted under that name.
    """
    with database.reading() as connection:
        number = people.counted_number(database, connection, name)
    if number > 0:
        return people.person(database, name)
    return Person(
        id=number,
        name=name,
        password=None,
        password_only=False,
        disabled=False,
        created=0,
        tokens=0,
        recovery_codes=0,
        locked_until=max(one.until for one in people.failures(database, name)),
    )
