"""
Second factors that were passed a short while ago, and are not asked for again.

A row is found by a keyed digest over all that must be the same. It ends early with
whatever makes the proof behind it doubtful: a change of the person's tokens, password,
exemption or assignments deletes it in the same transaction, by `END`.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.stores import trail

if TYPE_CHECKING:
    import sqlite3

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

END: Final = "DELETE FROM remembered WHERE user = ?"
"""Forget what was remembered of the user of that number."""

_LENGTH_OCTETS: Final = 4
_SELECT: Final = "SELECT id, user, name, policy, client, station, created, expires FROM remembered"
_PUT: Final = """
    INSERT OR REPLACE INTO remembered (mac, user, name, policy, client, station, created, expires)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
# By the name of somebody whom a directory knows, and by the alias of somebody whom the store knows.
_OF: Final = "(name = :name OR user IN (SELECT user FROM aliases WHERE alias = :name))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """
    What must be the same for a factor to count as passed.

    Attributes:
        user: Number of the person; below zero for those without a row in the store.
        policy: Name of the policy that says so.
        client: Name of the client; empty: the same at every client.
        station: Where the person sits; empty: the same everywhere.
        directory: Whose person it is; empty: the store's.
    """

    user: int
    policy: str
    client: str = ""
    station: str = ""
    directory: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """
    A factor that is not asked for again.

    Attributes:
        id: Number in the store.
        parts: What must be the same.
        name: What the person is called here.
        created: When it was passed, seconds since 1970.
        expires: When it will be asked for again.
    """

    id: int
    parts: Parts
    name: str
    created: int
    expires: int


def mac(pepper: bytes, parts: Parts) -> bytes:
    """
    Return the digest of *parts*, 32 octets.

    Each part comes with its length: no two that differ are the same octets.

    Args:
        pepper: The store's.
        parts: What must be the same.
    """
    texts = (str(parts.user), parts.policy, parts.client, parts.station, parts.directory)
    octets = [text.encode("utf-8", "surrogatepass") for text in texts]
    message = b"".join(len(one).to_bytes(_LENGTH_OCTETS, "big") + one for one in octets)
    return hmac.digest(pepper, b"remembered|" + message, "sha256")


def put(  # noqa: PLR0913 - the columns of a row
    connection: sqlite3.Connection,
    pepper: bytes,
    parts: Parts,
    *,
    name: str,
    now: float,
    expires: float,
) -> None:
    """Remember from *now* that a factor was passed, within a turn; what was before is replaced."""
    row = (parts.user, name, parts.policy, parts.client, parts.station, int(now), int(expires))
    connection.execute(_PUT, (mac(pepper, parts), *row))


def find(connection: sqlite3.Connection, digest: bytes, now: float) -> Remembered | None:
    """
    Return what is remembered under *digest*, within a turn; None: ask for the factor.

    What has expired goes at once, and what is of the future does not count: a clock
    that is set back revives nothing.

    Args:
        connection: The store's.
        digest: From `mac`.
        now: Wall time.
    """
    row = connection.execute(f"{_SELECT} WHERE mac = ?", (digest,)).fetchone()
    if row is None:
        return None
    found = _remembered(row)
    if found.expires <= now:
        connection.execute("DELETE FROM remembered WHERE id = ?", (found.id,))
        return None
    return found if found.created <= now else None


def prune(connection: sqlite3.Connection, now: float) -> int:
    """Forget what has expired, within a turn; return how many there were."""
    return connection.execute("DELETE FROM remembered WHERE expires <= ?", (int(now),)).rowcount


def listing(database: Database, now: float, *, name: str | None = None) -> list[Remembered]:
    """Return what counts at *now* by name and end: everybody's, or that of *name*."""
    where, order = "WHERE expires > :now", "ORDER BY name, expires, id"
    if name is not None:
        where += f" AND {_OF}"
    with database.reading() as connection:
        rows = connection.execute(f"{_SELECT} {where} {order}", {"now": int(now), "name": name})
        return [_remembered(row) for row in rows]


def revoke(database: Database, actor: Actor, name: str) -> int:
    """Ask the person called *name* again everywhere; return how much was remembered."""
    with database.transaction() as connection:
        count = connection.execute(f"DELETE FROM remembered WHERE {_OF}", {"name": name}).rowcount  # noqa: S608
        _note(database, actor, count, user=name)
    return count


def revoke_one(database: Database, actor: Actor, number: int) -> bool:
    """Forget one that is remembered, by its number; say whether it was there."""
    with database.transaction() as connection:
        row = connection.execute(
            "DELETE FROM remembered WHERE id = ? RETURNING name", (number,)
        ).fetchone()
        if row is not None:
            line = actor.line("remembered.revoke", user=row[0], detail=f"#{number}")
            trail.append(database, [line])
    return row is not None


def revoke_all(database: Database, actor: Actor) -> int:
    """Ask everybody again everywhere; return how much was remembered."""
    with database.transaction() as connection:
        count = connection.execute("DELETE FROM remembered").rowcount
        _note(database, actor, count)
    return count


def _note(database: Database, actor: Actor, count: int, *, user: str = "") -> None:
    if count:
        detail = f"{count} remembered" if user else f"{count} remembered, of everybody"
        trail.append(database, [actor.line("remembered.revoke", user=user, detail=detail)])


def _remembered(row: tuple[int, int, str, str, str, str, int, int]) -> Remembered:
    number, user, name, policy, client, station, created, expires = row
    return Remembered(
        id=number,
        parts=Parts(user=user, policy=policy, client=client, station=station),
        name=name,
        created=created,
        expires=expires,
    )
