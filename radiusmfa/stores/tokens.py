"""
What an administrator does to tokens: each call is one transaction with its audit line.

A token counts only while it is active and belongs to a user. Whatever is written to
`tokens.last` is never below what stands in the table of used steps: a used passcode
stays used.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.login import devices
from radiusmfa.secret import Secret
from radiusmfa.stores import masks, owners, remembered, trail, twins
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
        kind: `totp`, `hotp`, or a kind of `login.account.Device`.
        seed: The key; of a device, what has to be known of it.
        algorithm: `sha1`, `sha256` or `sha512`; empty: it makes no OATH passcodes.
        digits: 6 to 8; 0: it makes none.
        period: Seconds of a time step; 0 for all but TOTP.
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
        """What kind of token this is, for the audit; a number or address is masked."""
        if self.kind in devices.PERSONAL:
            return f"{self.kind} {devices.masked(self.kind, self.seed.reveal())}".rstrip()
        if not self.digits:
            return self.kind
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
        kind: `totp`, `hotp`, or what it is besides (`login.account.Device`).
        algorithm: Of the HMAC; empty: it makes no OATH passcodes.
        digits: Length of a passcode; 0: it makes none.
        period: Seconds of a time step; 0 for all but TOTP.
        status: `pending`, `active`, `disabled` or `revoked`.
        drift: Steps that its clock is ahead.
        last: Step or counter used last, -1 if none.
        label: For people.
        created: Seconds since 1970.
        to: Where it reaches its user, masked; empty: nowhere.
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
    to: str = ""


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
        return [_shown(database, stored) for stored in _chosen(connection, user)]


def show(database: Database, serial: str) -> Token:
    """
    Return one token.

    Raises:
        RefusedError: There is none of that serial.
    """
    with database.reading() as connection:
        return _shown(database, find(connection, serial))


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
        twins.refuse(database, new.user, new.kind, new.seed)
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
            twins.refuse(database, user, stored.token.kind, seed)
        sealed = database.vault.seal(seed.reveal(), seed_place(serial, number))
        connection.execute(
            "UPDATE tokens SET user = ?, seed = ? WHERE id = ?", (number, sealed, stored.token.id)
        )
        connection.execute(remembered.END, (stored.owner,))
        told = [masks.said(database, stored)]
        told += [f"before: {stored.token.user}"] if stored.token.user else []
        detail = ", ".join(filter(None, told))
        note(database, actor, "token.assign", replace(stored.token, user=user), detail=detail)


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
        action = "token.disable" if disabled else "token.enable"
        note(database, actor, action, token, detail=masks.said(database, stored))


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
        note(database, actor, "token.revoke", stored.token, detail=masks.said(database, stored))


def export(
    database: Database, actor: Actor, *, user: str | None, serials: frozenset[str]
) -> list[tuple[Token, Secret]]:
    """
    Return OATH tokens with their seeds in clear; the audit says so.

    Args:
        database: The store.
        actor: Who does it.
        user: Only this user's; None: everybody's.
        serials: Only these; none named: all that are not revoked.

    Raises:
        RefusedError: No such user or token, or it has no seed that another server could use.
    """
    with database.transaction() as connection:
        usable = [one for one in _chosen(connection, user) if one.token.status != "revoked"]
        missing = serials - {one.token.serial for one in usable}
        if missing:
            raise RefusedError(f"there is no token {min(missing)!r} to export")
        others = {one.token.serial for one in usable if one.token.kind not in devices.OATH}
        if named := serials & others:
            raise RefusedError(f"token {min(named)!r} is no OATH token: no URI can say it")
        opened = [
            (one.token, open_seed(database, one))
            for one in usable
            if one.token.serial not in others and (not serials or one.token.serial in serials)
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


def open_seed(database: Database, stored: Stored) -> Secret:
    """Return a token's seed in clear."""
    place = seed_place(stored.token.serial, stored.owner)
    return Secret(database.vault.open(stored.sealed, place))


def note(database: Database, actor: Actor, action: str, token: Token, *, detail: str = "") -> None:
    """Append the audit line of what was done to a token, within a transaction."""
    line = actor.line(action, user=token.user or "", token=token.serial, detail=detail)
    trail.append(database, [line])


def _shown(database: Database, stored: Stored) -> Token:
    return replace(stored.token, to=masks.of(database, stored))


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
