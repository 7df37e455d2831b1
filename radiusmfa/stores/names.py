"""
What else people are called, and which groups the store knows them in.

Each change is one transaction, all of it or nothing, with an audit line for each name.
It ends the open challenges of the person: another policy may be theirs now.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from radiusmfa.stores import people, trail
from radiusmfa.stores.people import RefusedError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

LONGEST_GROUP: Final = 128
"""Characters of the name of a group."""

BY_ALIAS: Final = """
    SELECT u.id, u.name, u.password, u.password_only, u.disabled
    FROM aliases a JOIN users u ON u.id = a.user WHERE a.alias = ?
"""
"""The user whose alias a name, in its normal form, is."""

_GROUPS: Final = "SELECT name FROM user_groups WHERE user = ? ORDER BY name"
_ALIASES: Final = "SELECT alias FROM aliases WHERE user = ?"
_END_CHALLENGES: Final = "DELETE FROM challenges WHERE user = ?"


class GroupNameError(ValueError):
    """A name that no group can have; the text says why, without the name."""


def group_name(text: str) -> str:
    """
    Return the name of a group: in Unicode's form NFC, case kept.

    Raises:
        GroupNameError: Empty, over 128 characters, or with control characters, or blanks at
            an end.
    """
    name = unicodedata.normalize("NFC", text)
    if not name:
        raise GroupNameError("the name of a group must not be empty")
    if not name.isprintable() or name != name.strip():
        msg = "the name of a group must not hold control characters, or blanks at an end"
        raise GroupNameError(msg)
    if len(name) > LONGEST_GROUP:
        raise GroupNameError(f"the name of a group has at most {LONGEST_GROUP} characters")
    return name


def groups_of(connection: sqlite3.Connection, user: int) -> tuple[str, ...]:
    """Return the groups of the user of that number, as they were written."""
    return tuple(name for (name,) in connection.execute(_GROUPS, (user,)))


def add_aliases(database: Database, actor: Actor, user: str, aliases: Sequence[str]) -> None:
    """
    Let *user* be found by other names, too.

    Args:
        database: The store.
        actor: Who does it.
        user: Normal form of the name.
        aliases: Normal forms.

    Raises:
        RefusedError: There is no such user, or one of *aliases* is the name or an alias of
            anybody already.
    """
    with database.transaction() as connection:
        number = people.user_number(connection, user)
        wanted = tuple(dict.fromkeys(aliases))
        for alias in wanted:
            _refuse_taken(connection, user, alias)
        connection.executemany(
            "INSERT INTO aliases (alias, user) VALUES (?, ?)",
            [(alias, number) for alias in wanted],
        )
        _finish(database, number, [_line(actor, "alias", user, alias) for alias in wanted])


def remove_aliases(database: Database, actor: Actor, user: str, aliases: Sequence[str]) -> None:
    """
    Let *user* be found by these names no more.

    Raises:
        RefusedError: There is no such user, or they lack one of *aliases*.
    """
    with database.transaction() as connection:
        number = people.user_number(connection, user)
        theirs = {alias for (alias,) in connection.execute(_ALIASES, (number,))}
        wanted = tuple(dict.fromkeys(aliases))
        for alias in wanted:
            _refuse_if(alias not in theirs, f"{user} has no alias {alias!r}")
        connection.executemany("DELETE FROM aliases WHERE alias = ?", [(one,) for one in wanted])
        lines = [_line(actor, "alias", user, f"{alias} removed") for alias in wanted]
        _finish(database, number, lines)


def add_groups(database: Database, actor: Actor, user: str, groups: Sequence[str]) -> None:
    """
    Put *user* into groups.

    Args:
        database: The store.
        actor: Who does it.
        user: Normal form of the name.
        groups: From `group_name`; compared without case.

    Raises:
        RefusedError: There is no such user, or they are in one of *groups* already.
    """
    with database.transaction() as connection:
        number = people.user_number(connection, user)
        known = _known_groups(connection, number)
        wanted = {_folded(group): group for group in groups}
        for key in wanted:
            _refuse_if(key in known, f"{user} is in the group {known.get(key)!r} already")
        connection.executemany(
            "INSERT INTO user_groups (user, name) VALUES (?, ?)",
            [(number, group) for group in wanted.values()],
        )
        lines = [_line(actor, "group", user, group) for group in wanted.values()]
        _finish(database, number, lines)


def remove_groups(database: Database, actor: Actor, user: str, groups: Sequence[str]) -> None:
    """
    Take *user* out of groups.

    Raises:
        RefusedError: There is no such user, or they are not in one of *groups*.
    """
    with database.transaction() as connection:
        number = people.user_number(connection, user)
        known = _known_groups(connection, number)
        wanted = {_folded(group): group for group in groups}
        for key, group in wanted.items():
            _refuse_if(key not in known, f"{user} is not in the group {group!r}")
        connection.executemany(
            "DELETE FROM user_groups WHERE user = ? AND name = ?",
            [(number, known[key]) for key in wanted],
        )
        lines = [_line(actor, "group", user, f"{known[key]} removed") for key in wanted]
        _finish(database, number, lines)


def _refuse_taken(connection: sqlite3.Connection, user: str, alias: str) -> None:
    owner = people.own_name(connection, alias)
    if owner == alias:
        raise RefusedError(f"{alias!r} is a user's own name; nothing was changed")
    _refuse_if(owner == user, f"{user} has the alias {alias!r} already")
    _refuse_if(owner is not None, f"{alias!r} is an alias of {owner!r}")


def _refuse_if(refused: bool, why: str) -> None:  # noqa: FBT001 - reads as one sentence
    if refused:
        raise RefusedError(f"{why}; nothing was changed")


def _known_groups(connection: sqlite3.Connection, number: int) -> dict[str, str]:
    return {_folded(name): name for name in groups_of(connection, number)}


def _folded(group: str) -> str:
    return unicodedata.normalize("NFC", group.casefold())


def _line(actor: Actor, what: str, user: str, detail: str) -> str:
    return actor.line(f"user.{what}", user=user, detail=detail)


def _finish(database: Database, number: int, lines: list[str]) -> None:
    database.connection.execute(_END_CHALLENGES, (number,))
    trail.append(database, lines)
