"""
What an administrator does to tokens: each call is one transaction with its audit line.

A token counts only while it is active and belongs to a user. Whatever is written to
`tokens.last` is never below what stands in the table of used steps: a used passcode
stays used.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.interfaces import KeysError
from radiusmfa.secret import Secret
from radiusmfa.stores import owners, remembered, trail
from radiusmfa.stores.people import RefusedError, seed_place, user_number

if TYPE_CHECKING:
    import sqlite3

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

_SERIAL_SIGNS: Final = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_SERIAL_LENGTH: Final = 10  # 49 bits: two of a million tokens meet once in a thousand stores
_SELECT: Final = """
    SELECT t.id, t.serial, u.name, t.kind, t.algorithm, t.digits, t.period, t.status, t.drift,
        max(t.last, coalesce(s.step, -1)), t.label, t.created, t.user, t.seed
    FROM tokens t LEFT JOIN users u ON u.id = t.user
    LEFT JOIN (SELECT token, max(step) AS step FROM used GROUP BY token) s ON s.token = t.id
"""
_SEEDS: Final = """
    SELECT t.serial, t.user, t.seed FROM tokens t JOIN users u ON u.id = t.user
    WHERE u.name = ? AND t.kind = ? AND t.status != 'revoked'
"""
INSERT: Final = """
    INSERT INTO tokens
        (serial, user, kind, algorithm, digits, period, seed, status, drift, last, label, created)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """
    A token that is to be stored.

    Attributes:
        serial: Unique; see `new_serial`.
        kind: `totp` or `hotp`.
        seed: The key.
        algorithm: `sha1`, `sha256` or `sha512`.
        digits: 6 to 8.
        period: Seconds of a time step; 0 for HOTP.
        last: Step or counter used last; -1: none.
        drift: Steps that its clock is ahead.
        label: For people.
        user: Normal form of its user's name; None: nobody's yet.
    """

    serial: str
    kind: str
    seed: Secret
    algorithm: str = "sha1"
    digits: int = 6
    period: int = 30
    last: int = -1
    drift: int = 0
    label: str = ""
    user: str | None = None

    @property
    def shape(self) -> str:
        """What kind of token this is, for the audit."""
        period = f" {self.period} s" if self.period else ""
        return f"{self.kind} {self.algorithm} {self.digits} digits{period}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """
    A token as listings show it, without its seed.

    Attributes:
        id: Number in the store.
        serial: What people call it.
        user: Name, or None.
        kind: `totp` or `hotp`.
        algorithm: Of the HMAC.
        digits: Length of a passcode.
        period: Seconds of a time step; 0 for HOTP.
        status: `pending`, `active`, `disabled` or `revoked`.
        drift: Steps that its clock is ahead.
        last: Step or counter used last, -1 if none.
        label: For people.
        created: Seconds since 1970.
    """

    id: int
    serial: str
    user: str | None
    kind: str
    algorithm: str
    digits: int
    period: int
    status: str
    drift: int
    last: int
    label: str
    created: int


@dataclass(frozen=True, slots=True)
class Stored:
    """
    A token with what only the store needs of it.

    Attributes:
        token: As listings show it.
        owner: Number of its user, or None.
        sealed: Its seed.
    """

    token: Token
    owner: int | None
    sealed: bytes = field(repr=False)


def new_serial(kind: str) -> str:
    """Return a serial for a token that has none."""
    signs = "".join(secrets.choice(_SERIAL_SIGNS) for _ in range(_SERIAL_LENGTH))
    return f"{kind.upper()}-{signs}"


def listing(database: Database, *, user: str | None = None) -> list[Token]:
    """
    Return all tokens by serial, or those of one *user*.

    Raises:
        RefusedError: There is no such user.
    """
    with database.reading() as connection:
        return [stored.token for stored in _chosen(connection, user)]


def show(database: Database, serial: str) -> Token:
    """
    Return one token.

    Raises:
        RefusedError: There is none of that serial.
    """
    with database.reading() as connection:
        return find(connection, serial).token


def enroll(
    database: Database, actor: Actor, new: NewToken, *, status: str, new_user: bool = False
) -> None:
    """
    Store a token; `pending` counts only after `confirm`.

    With *new_user* its user is made, without a password, if there is none.

    Raises:
        RefusedError: No such user, the serial is taken, or the user has this seed already.
    """
    with database.transaction() as connection:
        if connection.execute("SELECT 1 FROM tokens WHERE serial = ?", (new.serial,)).fetchone():
            raise RefusedError(f"there is a token {new.serial!r} already; nothing was changed")
        number = owners.number(database, connection, actor, new.user, is_new=new_user)
        _refuse_same_seed(database, new.user, new.kind, new.seed)
        connection.execute(INSERT, values(database, new, number, status=status, now=actor.now))
        line = actor.line(
            "token.enroll",
            user=new.user or "",
            token=new.serial,
            detail=f"{new.shape}, {status}",
        )
        trail.append(database, [line])


def values(
    database: Database, new: NewToken, user: int | None, *, status: str, now: float
) -> tuple[object, ...]:
    """Return the row of a new token, its seed sealed."""
    place = seed_place(new.serial, user)
    return (
        new.serial,
        user,
        new.kind,
        new.algorithm,
        new.digits,
        new.period,
        database.vault.seal(new.seed.reveal(), place),
        status,
        new.drift,
        new.last,
        new.label,
        int(now),
    )


def assign(
    database: Database, actor: Actor, serial: str, user: str | None, *, new_user: bool = False
) -> None:
    """
    Give a token to *user*, or take it from everybody.

    With *new_user* that user is made, without a password, if there is none.

    Raises:
        RefusedError: No such token or user, it is revoked, or the user has this seed already.
    """
    with database.transaction() as connection:
        stored = find_usable(connection, serial)
        number = owners.number(database, connection, actor, user, is_new=new_user)
        seed = open_seed(database, stored)
        if number != stored.owner:
            _refuse_same_seed(database, user, stored.token.kind, seed)
        sealed = database.vault.seal(seed.reveal(), seed_place(serial, number))
        connection.execute(
            "UPDATE tokens SET user = ?, seed = ? WHERE id = ?", (number, sealed, stored.token.id)
        )
        connection.execute(remembered.END, (stored.owner,))
        before = f"before: {stored.token.user}" if stored.token.user else ""
        note(database, actor, "token.assign", replace(stored.token, user=user), detail=before)


def set_disabled(database: Database, actor: Actor, serial: str, *, disabled: bool) -> None:
    """
    Let a token not count, or count again.

    Raises:
        RefusedError: No such token, or it is revoked or pending: disabled and enabled
            again, a pending token would count although nobody proved that it works.
    """
    with database.transaction() as connection:
        stored = find_usable(connection, serial)
        token = stored.token
        if token.status == "pending":
            raise RefusedError(
                f"token {serial!r} is pending and does not count: `radiusmfa token confirm`"
                " or `resync` makes it count, `revoke` ends it"
            )
        status = "disabled" if disabled else "active"
        connection.execute("UPDATE tokens SET status = ? WHERE id = ?", (status, token.id))
        connection.execute(remembered.END, (stored.owner,))
        note(database, actor, "token.disable" if disabled else "token.enable", token)


def revoke(database: Database, actor: Actor, serial: str) -> None:
    """
    End a token for good: its seed is destroyed, its serial stays taken.

    Raises:
        RefusedError: No such token, or it is revoked already.
    """
    with database.transaction() as connection:
        stored = find_usable(connection, serial)
        nothing = database.vault.seal(b"", seed_place(serial, stored.owner))
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute(
            "UPDATE tokens SET status = 'revoked', seed = ? WHERE id = ?",
            (nothing, stored.token.id),
        )
        connection.execute(remembered.END, (stored.owner,))
        note(database, actor, "token.revoke", stored.token)


def export(
    database: Database, actor: Actor, *, user: str | None, serials: frozenset[str]
) -> list[tuple[Token, Secret]]:
    """
    Return tokens with their seeds in clear; the audit says so.

    Args:
        database: The store.
        actor: Who does it.
        user: Only this user's; None: everybody's.
        serials: Only these; none named: all that are not revoked.

    Raises:
        RefusedError: No such user or token.
    """
    with database.transaction() as connection:
        usable = [one for one in _chosen(connection, user) if one.token.status != "revoked"]
        missing = serials - {one.token.serial for one in usable}
        if missing:
            raise RefusedError(f"there is no token {min(missing)!r} to export")
        opened = [
            (one.token, open_seed(database, one))
            for one in usable
            if not serials or one.token.serial in serials
        ]
        detail = f"{len(opened)} seeds in clear"
        trail.append(database, [actor.line("token.export", user=user or "", detail=detail)])
    return opened


def find(connection: sqlite3.Connection, serial: str) -> Stored:
    """
    Return one token as it is stored, within a transaction.

    Raises:
        RefusedError: There is none of that serial.
    """
    row = connection.execute(f"{_SELECT} WHERE t.serial = ?", (serial,)).fetchone()
    if row is None:
        raise RefusedError(f"there is no token {serial!r}; `radiusmfa token list` shows all")
    return _stored(row)


def find_usable(connection: sqlite3.Connection, serial: str) -> Stored:
    """
    Return one token that is not revoked, within a transaction.

    Raises:
        RefusedError: There is none of that serial, or it is revoked.
    """
    stored = find(connection, serial)
    if stored.token.status == "revoked":
        raise RefusedError(f"token {serial!r} is revoked, which is for good; nothing was changed")
    return stored


def of_seed(database: Database, user: str, kind: str, seed: Secret) -> str | None:
    """
    Return the serial of a token of *user*, of that kind and seed, within a transaction.

    With two such tokens a passcode that was used with one would be good with the other.
    """
    rows = database.connection.execute(_SEEDS, (user, kind))
    for serial, owner, sealed in rows.fetchall():
        with suppress(KeysError):  # one that does not open counts nowhere
            if is_same_key(Secret(database.vault.open(sealed, seed_place(serial, owner))), seed):
                return str(serial)
    return None


def is_same_key(one: Secret, other: Secret) -> bool:
    """Say whether two seeds make the same passcodes: HMAC fills a key up with zero octets."""
    return Secret(one.reveal().rstrip(b"\0")) == Secret(other.reveal().rstrip(b"\0"))


def open_seed(database: Database, stored: Stored) -> Secret:
    """Return a token's seed in clear."""
    place = seed_place(stored.token.serial, stored.owner)
    return Secret(database.vault.open(stored.sealed, place))


def note(database: Database, actor: Actor, action: str, token: Token, *, detail: str = "") -> None:
    """Append the audit line of what was done to a token, within a transaction."""
    line = actor.line(action, user=token.user or "", token=token.serial, detail=detail)
    trail.append(database, [line])


def _refuse_same_seed(database: Database, user: str | None, kind: str, seed: Secret) -> None:
    serial = None if user is None else of_seed(database, user, kind, seed)
    if serial is not None:
        raise RefusedError(
            f"{user} has a token of this seed already, {serial}; nothing was changed"
        )


def _chosen(connection: sqlite3.Connection, user: str | None) -> list[Stored]:
    if user is None:
        rows = connection.execute(f"{_SELECT} ORDER BY t.serial")
    else:
        number = user_number(connection, user)
        rows = connection.execute(f"{_SELECT} WHERE t.user = ? ORDER BY t.serial", (number,))
    return [_stored(row) for row in rows]


def _stored(row: tuple[Any, ...]) -> Stored:
    token = Token(
        id=row[0],
        serial=row[1],
        user=row[2],
        kind=row[3],
        algorithm=row[4],
        digits=row[5],
        period=row[6],
        status=row[7],
        drift=row[8],
        last=row[9],
        label=row[10],
        created=row[11],
    )
    return Stored(token, row[12], row[13])
