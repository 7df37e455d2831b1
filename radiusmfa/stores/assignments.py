"""
Who is assigned to which upstream, and what they are called there.

Each change is one transaction with its audit line, in force for the next login. It ends
the open challenges of the person: they may stand for somebody else's account there. It
ends what is remembered of the person's factors, too.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.stores import people, remembered, trail
from radiusmfa.stores.people import RefusedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

LARGEST_NAME_OCTETS: Final = 253  # an attribute's value, RFC 2865 section 5.1

_PUT: Final = "INSERT OR REPLACE INTO upstream_users (user, upstream, name) VALUES (?, ?, ?)"
_DELETE: Final = "DELETE FROM upstream_users WHERE user = ? AND upstream = ?"
_ENDS: Final = ("DELETE FROM challenges WHERE user = ?", remembered.END)
_COUNTS: Final = "SELECT upstream, count(*) FROM upstream_users GROUP BY upstream"


class NameThereError(ValueError):
    """A name that nobody can have at an upstream; the text says why, without the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """
    One user at one upstream.

    Attributes:
        user: Normal form of the name here.
        upstream: Name of the upstream.
        name: The name there, from `name_there`; empty: what the person types.
        where: The place in a file, for faults.
    """

    user: str
    upstream: str
    name: str = ""
    where: str = ""


def name_there(text: str) -> str:
    """
    Return the name that somebody has at an upstream: in Unicode's form NFC, case kept.

    Raises:
        NameThereError: Empty, over 253 octets, or with control characters, or blanks at an end.
    """
    name = unicodedata.normalize("NFC", text)
    if not name:
        msg = "a name must not be empty"
        raise NameThereError(msg)
    if name != name.strip() or any(map(_is_unfit, name)):
        msg = "a name must not hold control characters, or blanks at an end"
        raise NameThereError(msg)
    if len(name.encode()) > LARGEST_NAME_OCTETS:
        msg = f"a name has at most {LARGEST_NAME_OCTETS} octets"
        raise NameThereError(msg)
    return name


def assign(database: Database, actor: Actor, one: Assignment) -> None:
    """
    Assign a user to an upstream; an assignment to it that was there is replaced.

    Raises:
        RefusedError: There is no such user.
    """
    detail = f"{one.upstream} as {one.name}" if one.name else one.upstream
    with database.transaction() as connection:
        number = people.user_number(connection, one.user)
        connection.execute(_PUT, (number, one.upstream, one.name))
        _end(connection, [(number,)])
        trail.append(database, [actor.line("user.upstream", user=one.user, detail=detail)])


def remove(database: Database, actor: Actor, user: str, upstream: str) -> None:
    """
    End an assignment, also to an upstream that is configured no more.

    Raises:
        RefusedError: There is no such user, or no such assignment.
    """
    with database.transaction() as connection:
        number = people.user_number(connection, user)
        if not connection.execute(_DELETE, (number, upstream)).rowcount:
            msg = f"{user} is not assigned to {upstream!r}; nothing was changed"
            raise RefusedError(msg)
        _end(connection, [(number,)])
        detail = f"{upstream} removed"
        trail.append(database, [actor.line("user.upstream", user=user, detail=detail)])


def faults(connection: sqlite3.Connection, found: Sequence[Assignment]) -> list[str]:
    """Return what of the store stands in the way of *found*, a line each."""
    known = _numbers(connection)
    return [f"{one.where}: there is no user {one.user!r}" for one in found if one.user not in known]


def assign_many(database: Database, actor: Actor, found: Sequence[Assignment], detail: str) -> None:
    """
    Assign all of *found*, or nobody.

    Args:
        database: The store.
        actor: Who does it.
        found: No two of one user and upstream.
        detail: What the audit says of the file.

    Raises:
        ImportRefusedError: With every user that is not there.
    """
    with database.transaction() as connection:
        wrong = faults(connection, found)
        if wrong:
            raise ImportRefusedError(*wrong)
        numbers = _numbers(connection)
        connection.executemany(_PUT, _rows(numbers, found))
        _end(connection, [(numbers[name],) for name in {one.user for one in found}])
        trail.append(database, [actor.line("user.upstream-import", detail=detail)])


def counts(database: Database) -> dict[str, int]:
    """Return how many users are assigned to each upstream."""
    with database.reading() as connection:
        return dict(connection.execute(_COUNTS).fetchall())


def _is_unfit(character: str) -> bool:
    # Letters of every script and the plain blank are fit; half a surrogate pair is not.
    return unicodedata.category(character)[0] in "CZ" and character != " "


def _end(connection: sqlite3.Connection, numbers: Sequence[tuple[int]]) -> None:
    for statement in _ENDS:
        connection.executemany(statement, numbers)


def _numbers(connection: sqlite3.Connection) -> dict[str, int]:
    return dict(connection.execute("SELECT name, id FROM users").fetchall())


def _rows(numbers: dict[str, int], found: Sequence[Assignment]) -> Iterator[tuple[int, str, str]]:
    for one in found:
        yield numbers[one.user], one.upstream, one.name
