"""Whose a token is to be: a user, or somebody whom only a directory knows, who then gets a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.stores import people, trail

if TYPE_CHECKING:
    import sqlite3

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

_INSERT: Final = "INSERT INTO users (name, password, password_only, created) VALUES (?, NULL, 0, ?)"
_ADVICE: Final = (
    "for somebody whom only a directory or an upstream knows, say --new-user: a place for tokens,"
    " without a password"
)


def number(
    database: Database,
    connection: sqlite3.Connection,
    actor: Actor,
    name: str | None,
    *,
    is_new: bool,
) -> int | None:
    """
    Return the number of the user called *name*, within a transaction; None: nobody's.

    Args:
        database: The store.
        connection: Its own.
        actor: Who does it.
        name: Normal form; None: nobody.
        is_new: Make the user, without a password, if there is none.

    Raises:
        RefusedError: There is none, or the name is somebody's alias.
    """
    if name is None:
        return None
    if is_new and people.own_name(connection, name) is None:
        connection.execute(_INSERT, (name, int(actor.now)))
        trail.append(database, [actor.line("user.add", user=name, detail="without a password")])
    return people.user_number(connection, name, _ADVICE)
