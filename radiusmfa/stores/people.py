"""
What an administrator does to users: each call is one transaction with its audit line.

A change is in force for the next login: a running server sees that somebody else
has written, and reads anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.factors import recovery
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.login import devices
from radiusmfa.stores import calls, remembered, strangers, trail

if TYPE_CHECKING:
    import sqlite3

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

_SELECT: Final = """
    SELECT u.id, u.name, u.password, u.password_only, u.disabled, u.created,
        (SELECT count(*) FROM tokens t WHERE t.user = u.id AND t.status = 'active'),
        (SELECT count(*) FROM recovery r WHERE r.user = u.id),
        (SELECT coalesce(max(f.until), 0) FROM failures f WHERE f.user = u.id),
        (SELECT json_group_object(a.upstream, a.name) FROM upstream_users a WHERE a.user = u.id),
        (SELECT json_group_array(a.alias) FROM aliases a WHERE a.user = u.id),
        (SELECT json_group_array(g.name) FROM user_groups g WHERE g.user = u.id)
    FROM users u
"""
_OWN_NAME: Final = """
    SELECT name FROM users WHERE name = ?1
    UNION ALL SELECT u.name FROM aliases a JOIN users u ON u.id = a.user WHERE a.alias = ?1
"""
# Approvals belong to a name: whoever is given it next must not inherit them.
_END_APPROVALS: Final = """
    UPDATE approvals SET revoked_by = ?, revoked = ?
    WHERE user = ? AND revoked_by = '' AND ended = 0
"""
# What is of a user alone, and goes with them.
_OF_A_USER: Final = (
    "failures", "recovery", "challenges", "upstream_users", "aliases", "user_groups", "remembered",
    "calls",
)  # fmt: skip
_OWNED: Final = "SELECT id, serial, kind, seed FROM tokens WHERE user = ?"
_FAILURES: Final = """
    SELECT factor, client, count, until FROM failures WHERE user = ? ORDER BY factor, client
"""
_UNASSIGN: Final = """
    UPDATE tokens SET user = NULL, seed = ?2, status = CASE
        WHEN ?3 THEN 'revoked' WHEN status = 'active' THEN 'disabled' ELSE status END
    WHERE id = ?1
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """
    Wrong proofs of one kind at one client.

    Attributes:
        factor: `password`, `oath`, `recovery` or `upstream`.
        client: Where.
        count: How many since the last right one.
        until: Locked until then, seconds since 1970; 0: not locked.
    """

    factor: str
    client: str
    count: int
    until: int


class RefusedError(RadiusmfaError):
    """What was asked for cannot be done; the text says why, and nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """
    A user as listings show them.

    Attributes:
        id: Number in the store.
        name: Normal form.
        password: The stored hash; None: cannot log in by password.
        password_only: Exempt from the second factor.
        disabled: May not log in.
        created: Seconds since 1970.
        tokens: How many are active.
        recovery_codes: How many are unused.
        locked_until: Seconds since 1970; the latest of all locks.
        upstreams: Those that the user is assigned to by name, and the name there; empty:
            what the person types.
        aliases: What else they may type as their name.
        groups: Those that the store knows of.
    """

    id: int
    name: str
    password: str | None = field(repr=False)
    password_only: bool
    disabled: bool
    created: int
    tokens: int
    recovery_codes: int
    locked_until: int
    upstreams: dict[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


def everybody(database: Database) -> list[Person]:
    """Return all users by name."""
    with database.reading() as connection:
        return [_person(row) for row in connection.execute(f"{_SELECT} ORDER BY u.name")]


def person(database: Database, name: str) -> Person:
    """
    Return one user.

    Raises:
        RefusedError: There is none of that name.
    """
    with database.reading() as connection:
        number = user_number(connection, name)
        row = connection.execute(f"{_SELECT} WHERE u.id = ?", (number,)).fetchone()
    return _person(row)


def failures(database: Database, name: str) -> list[Failure]:
    """
    Return the wrong proofs of a user, or of somebody whom only a directory knows.

    Raises:
        RefusedError: There is no such user, and nothing is counted under that name.
    """
    with database.reading() as connection:
        rows = connection.execute(_FAILURES, (counted_number(database, connection, name),))
        return [Failure(*row) for row in rows]


def refuse_taken(database: Database, name: str) -> None:
    """
    Look whether there is a user of that name, or one who has it as an alias.

    Raises:
        RefusedError: There is.
    """
    with database.reading() as connection:
        _refuse_taken(connection, name)


def add(
    database: Database,
    actor: Actor,
    name: str,
    *,
    password: str | None,
    password_only: bool = False,
) -> None:
    """
    Add a user.

    Args:
        database: The store.
        actor: Who does it.
        name: Normal form.
        password: A hash of `primary.hashing`; None: cannot log in by password.
        password_only: Exempt from the second factor: whoever has the password is in.

    Raises:
        RefusedError: The name is taken.
    """
    with database.transaction() as connection:
        _refuse_taken(connection, name)
        connection.execute(
            "INSERT INTO users (name, password, password_only, created) VALUES (?, ?, ?, ?)",
            (name, password, password_only, int(actor.now)),
        )
        detail = "" if password else "without a password"
        if password_only:
            detail = "PASSWORD ONLY: exempt from the second factor"
        trail.append(database, [actor.line("user.add", user=name, detail=detail)])


def set_password(database: Database, actor: Actor, name: str, password: str | None) -> None:
    """
    Replace the stored hash; None takes the password away.

    Open challenges end: they are there because the password before was right. So do
    remembered factors.

    Raises:
        RefusedError: There is no such user.
    """
    detail = "" if password else "removed"
    line = actor.line("user.password", user=name, detail=detail)
    with database.transaction() as connection:
        number = user_number(connection, name)
        connection.execute("UPDATE users SET password = ? WHERE id = ?", (password, number))
        connection.execute("DELETE FROM challenges WHERE user = ?", (number,))
        connection.execute(remembered.END, (number,))
        trail.append(database, [line])


def set_disabled(database: Database, actor: Actor, name: str, *, disabled: bool) -> None:
    """
    Forbid or allow every login of a user.

    Raises:
        RefusedError: There is no such user.
    """
    line = actor.line("user.disable" if disabled else "user.enable", user=name)
    _set(database, name, ("disabled", disabled), line)


def set_password_only(database: Database, actor: Actor, name: str, *, password_only: bool) -> None:
    """
    Exempt a user from the second factor, or end that.

    Raises:
        RefusedError: There is no such user.
    """
    detail = "PASSWORD ONLY: exempt from the second factor" if password_only else "ended"
    line = actor.line("user.password-only", user=name, detail=detail)
    _set(database, name, ("password_only", password_only), line)


def unlock(database: Database, actor: Actor, name: str) -> int:
    """
    Forget a user's wrong proofs, and with them every lock; return how many there were.

    Also of somebody whom only a directory knows: a lock may have begun there.

    Raises:
        RefusedError: There is no such user, and nothing is counted under that name.
    """
    with database.transaction() as connection:
        number = counted_number(database, connection, name)
        forgotten = connection.execute("DELETE FROM failures WHERE user = ?", (number,)).rowcount
        connection.execute(calls.FORGET, (number,))
        trail.append(database, [actor.line("user.unlock", user=name)])
    return forgotten


def delete(database: Database, actor: Actor, name: str) -> tuple[str, ...]:
    """
    Delete a user and return the serials of the tokens that are nobody's now.

    Active tokens are disabled; failures, recovery codes, open challenges, aliases, groups,
    remembered factors, and the assignments to upstreams go; approvals end. Numbers, addresses
    and questions are destroyed: they are nobody else's.

    Raises:
        RefusedError: There is no such user.
    """
    with database.transaction() as connection:
        number = user_number(connection, name)
        serials, personal = (tuple(found) for found in _release_tokens(database, number))
        for table in _OF_A_USER:
            connection.execute(f"DELETE FROM {table} WHERE user = ?", (number,))  # noqa: S608
        connection.execute("DELETE FROM users WHERE id = ?", (number,))
        ended = connection.execute(_END_APPROVALS, (actor.person, int(actor.now), name)).rowcount
        told = [f"tokens unassigned: {' '.join(serials)}"] if serials else []
        told += [f"revoked: {' '.join(personal)}"] if personal else []
        told += [f"approvals ended: {ended}"] if ended else []
        detail = "; ".join(told)
        trail.append(database, [actor.line("user.delete", user=name, detail=detail)])
    return serials


def issue_recovery(database: Database, actor: Actor, name: str, codes: list[str]) -> None:
    """
    Replace a user's recovery codes; only their keyed hashes are kept.

    Remembered factors end: most often a phone was lost.

    Args:
        database: The store.
        actor: Who does it.
        name: Normal form.
        codes: From `factors.recovery.generate`; none takes all codes away.

    Raises:
        RefusedError: There is no such user.
    """
    canonical = [recovery.canonical(code.encode()) for code in codes]
    with database.transaction() as connection:
        number = user_number(connection, name)
        connection.execute("DELETE FROM recovery WHERE user = ?", (number,))
        connection.execute(remembered.END, (number,))
        connection.executemany(
            "INSERT INTO recovery (user, code) VALUES (?, ?)",
            [
                (number, recovery.digest(database.pepper, number, code))
                for code in canonical
                if code is not None
            ],
        )
        detail = f"{len(codes)} codes; those before are void"
        trail.append(database, [actor.line("recovery.issue", user=name, detail=detail)])


def user_number(
    connection: sqlite3.Connection, name: str, advice: str = "`radiusmfa user list` shows all"
) -> int:
    """
    Return the number of the user called *name*, within a transaction.

    Args:
        connection: The store's.
        name: Normal form.
        advice: What to do if there is none.

    Raises:
        RefusedError: There is none.
    """
    row = connection.execute("SELECT id FROM users WHERE name = ?", (name,)).fetchone()
    if row is None:
        other = own_name(connection, name)
        why = f"that is an alias of {other!r}" if other else advice
        raise RefusedError(f"there is no user {name!r}; {why}")
    return int(row[0])


def counted_number(database: Database, connection: sqlite3.Connection, name: str) -> int:
    """
    Return the number under which wrong proofs of *name* are kept; without a row below 0.

    Raises:
        RefusedError: There is no such user, and nothing is counted under that name.
    """
    outside = strangers.number(database.pepper, name)
    if own_name(connection, name) is None and connection.execute(_FAILURES, (outside,)).fetchone():
        return outside
    return user_number(connection, name)


def own_name(connection: sqlite3.Connection, name: str) -> str | None:
    """Return the name of the user whose name or alias *name* is; None: nobody's here."""
    row = connection.execute(_OWN_NAME, (name,)).fetchone()
    return None if row is None else str(row[0])


def seed_place(serial: str, user: int | None) -> str:
    """Return what a token's sealed seed is bound to."""
    return f"seed|{serial}|{user or 0}"


def _refuse_taken(connection: sqlite3.Connection, name: str) -> None:
    taken = own_name(connection, name)
    if taken == name:
        raise RefusedError(f"there is a user {name!r} already; nothing was changed")
    if taken is not None:
        raise RefusedError(f"{name!r} is an alias of {taken!r}; nothing was changed")


def _set(database: Database, name: str, change: tuple[str, object], line: str) -> None:
    column, value = change
    with database.transaction() as connection:
        number = user_number(connection, name)
        connection.execute(f"UPDATE users SET {column} = ? WHERE id = ?", (value, number))  # noqa: S608
        connection.execute(remembered.END, (number,))
        trail.append(database, [line])


def _release_tokens(database: Database, number: int) -> tuple[list[str], list[str]]:
    vault, connection = database.vault, database.connection
    released: tuple[list[str], list[str]] = ([], [])
    connection.execute("PRAGMA secure_delete = ON")
    for token, serial, kind, sealed in connection.execute(_OWNED, (number,)).fetchall():
        is_personal = kind in devices.PERSONAL
        seed = b"" if is_personal else vault.open(sealed, seed_place(serial, number))
        nobodys = vault.seal(seed, seed_place(serial, None))
        connection.execute(_UNASSIGN, (token, nobodys, is_personal))
        released[is_personal].append(serial)
    return released


def _person(row: tuple[Any, ...]) -> Person:
    return Person(
        id=row[0],
        name=row[1],
        password=row[2],
        password_only=bool(row[3]),
        disabled=bool(row[4]),
        created=row[5],
        tokens=row[6],
        recovery_codes=row[7],
        locked_until=row[8],
        upstreams=dict(sorted(json.loads(row[9]).items())),
        aliases=tuple(sorted(json.loads(row[10]))),
        groups=tuple(sorted(json.loads(row[11]), key=str.casefold)),
    )
