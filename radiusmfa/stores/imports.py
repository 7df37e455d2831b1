"""
Many users or tokens at once: all of them, or none, with one audit line for the file.

What takes long (parsing, hashing, sealing) is done before the write lock is taken, so
that a running server waits for the insertion alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.login import devices
from radiusmfa.stores import owners, tokens, trail, twins

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from radiusmfa.secret import Secret
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.tokens import NewToken
    from radiusmfa.stores.trail import Actor

_INSERT_USER: Final = """
    INSERT INTO users (id, name, password, password_only, disabled, created)
    VALUES (?, ?, ?, ?, ?, ?)
"""
# A number is never given twice, not even that of a user who was deleted.
_NEXT_USER: Final = "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'users'"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """
    A user that is to be stored.

    Attributes:
        name: Normal form.
        password: A hash of `primary.hashing`; None: cannot log in by password.
        disabled: May not log in.
        password_only: Exempt from the second factor.
        token: Theirs; its `user` is not looked at.
        where: The place in the file, for faults.
    """

    name: str
    password: str | None = field(default=None, repr=False)
    disabled: bool = False
    password_only: bool = False
    token: NewToken | None = None
    where: str = ""


def user_faults(connection: sqlite3.Connection, users: Iterable[NewUser]) -> list[str]:
    """Return what of the store stands in the way of *users*, a line each."""
    names, serials = _names(connection), _serials(connection)
    aliases = {alias for (alias,) in connection.execute("SELECT alias FROM aliases")}
    faults = []
    for user in users:
        if user.name in names:
            faults.append(f"{user.where}: there is a user {user.name!r} already")
        elif user.name in aliases:
            faults.append(f"{user.where}: {user.name!r} is an alias of another user")
        if user.token is not None and user.token.serial in serials:
            faults.append(f"{user.where}: there is a token {user.token.serial!r} already")
    return faults


def token_faults(
    database: Database, found: Iterable[tuple[str, NewToken]], *, new_users: bool = False
) -> list[str]:
    """
    Return what stands in the way of tokens, each with its place in the file.

    Call it within a transaction or `reading`.

    Args:
        database: The store.
        found: Each with its place in the file.
        new_users: Users that are not there will be made.
    """
    connection = database.connection
    names, serials = _names(connection), _serials(connection)
    aliases = {alias for (alias,) in connection.execute("SELECT alias FROM aliases")}
    seeds: dict[tuple[str, str], list[tuple[str, Secret]]] = {}
    faults = []
    for where, token in found:
        if token.serial in serials:
            faults.append(f"{where}: there is a token {token.serial!r} already")
        if token.user is not None and token.user in aliases:
            faults.append(f"{where}: {token.user!r} is an alias of another user")
        elif token.user is not None and token.user not in names and not new_users:
            faults.append(f"{where}: there is no user {token.user!r}")
        elif token.user is not None:
            faults += _seed_faults(database, where, token.user, token, seeds=seeds)
    return faults


def add_users(database: Database, actor: Actor, users: Sequence[NewUser], detail: str) -> None:
    """
    Store *users* with their tokens.

    Args:
        database: The store.
        actor: Who does it.
        users: No two of one name, no two tokens of one serial.
        detail: What the audit says of the file.

    Raises:
        ImportRefusedError: With every user and token that is there already.
    """
    with database.reading() as connection:
        (first,) = connection.execute(_NEXT_USER).fetchone()
    rows = list(_token_rows(database, actor, users, first))
    with database.transaction() as connection:
        _refuse(user_faults(connection, users))
        (number,) = connection.execute(_NEXT_USER).fetchone()
        if number != first:  # somebody added a user meanwhile; seeds are bound to numbers
            first = number
            rows = list(_token_rows(database, actor, users, first))
        connection.executemany(_INSERT_USER, _user_rows(actor, users, first))
        connection.executemany(tokens.INSERT, rows)
        trail.append(database, [actor.line("user.import", detail=detail)])


def add_tokens(
    database: Database,
    actor: Actor,
    found: Sequence[tuple[str, NewToken]],
    detail: str,
    *,
    new_users: bool = False,
) -> None:
    """
    Store tokens, active; those that name a user become theirs.

    Args:
        database: The store.
        actor: Who does it.
        found: Each with its place in the file; no two of one serial.
        detail: What the audit says of the file.
        new_users: Make the users that are not there, without a password.

    Raises:
        ImportRefusedError: With every serial that is taken and every unknown user.
    """
    with database.transaction() as connection:
        _refuse(token_faults(database, found, new_users=new_users))
        for name in {token.user for _, token in found} if new_users else ():
            owners.number(database, connection, actor, name, is_new=True)
        numbers = dict(connection.execute("SELECT name, id FROM users"))
        connection.executemany(
            tokens.INSERT,
            (
                tokens.values(
                    database,
                    token,
                    None if token.user is None else numbers[token.user],
                    status="active",
                    now=actor.now,
                )
                for _, token in found
            ),
        )
        trail.append(database, [actor.line("token.import", detail=detail)])


def _seed_faults(
    database: Database,
    where: str,
    user: str,
    token: NewToken,
    *,
    seeds: dict[tuple[str, str], list[tuple[str, Secret]]],
) -> Iterator[str]:
    # One seed twice at one person would make each passcode good twice.
    theirs = seeds.setdefault((user, token.kind), [])
    before = next(
        (place for place, seed in theirs if twins.are_same(token.kind, seed, token.seed)), None
    )
    if before is not None:
        yield f"{where}: the {devices.thing(token.kind)} of {before} again, for the same user"
    theirs.append((where, token.seed))
    serial = twins.find(database, user, token.kind, token.seed)
    if serial is not None:
        is_personal = token.kind in devices.PERSONAL
        what = f"this {devices.thing(token.kind)}" if is_personal else "a token of this seed"
        yield f"{where}: {user} has {what} already, {serial}"


def _user_rows(actor: Actor, users: Iterable[NewUser], first: int) -> Iterator[tuple[object, ...]]:
    now = int(actor.now)
    for number, user in enumerate(users, first):
        yield number, user.name, user.password, user.password_only, user.disabled, now


def _token_rows(
    database: Database, actor: Actor, users: Iterable[NewUser], first: int
) -> Iterator[tuple[object, ...]]:
    for number, user in enumerate(users, first):
        if user.token is not None:
            yield tokens.values(database, user.token, number, status="active", now=actor.now)


def _names(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM users")}


def _serials(connection: sqlite3.Connection) -> set[str]:
    return {serial for (serial,) in connection.execute("SELECT serial FROM tokens")}


def _refuse(faults: Sequence[str]) -> None:
    if faults:
        raise ImportRefusedError(*faults)
