"""One person out of the store, with everything that a login needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.factors.yubikey import OtpKey
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.login.account import Device, Kind, Token, User, Yubikey
from radiusmfa.login.throttle import Failures
from radiusmfa.stores import names

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from radiusmfa.stores.vault import Vault

    Row: TypeAlias = tuple[int, str, str | None, int, int]

_USER: Final = "SELECT id, name, password, password_only, disabled FROM users WHERE name = ?"
_TOKENS: Final = (
    "SELECT id, serial, algorithm, digits, period, seed, drift, last, kind, label FROM tokens"
    " WHERE user = ? AND status = 'active' ORDER BY id"
)
_OATH: Final = frozenset({"totp", "hotp"})
_YUBIKEY: Final = "yubikey"  # without a seed it is a service that checks it
_FAILURES: Final = (
    'SELECT factor, client, count, last, until, "repeat" FROM failures WHERE user = ?'
)
_UPSTREAMS: Final = "SELECT upstream, name FROM upstream_users WHERE user = ?"


def row(sql: sqlite3.Connection, normal: str) -> Row | None:
    """Return the row of whom *normal*, a name or an alias in its normal form, means."""
    found: Row | None = sql.execute(_USER, (normal,)).fetchone()
    return sql.execute(names.BY_ALIAS, (normal,)).fetchone() if found is None else found


def user(
    sql: sqlite3.Connection, vault: Vault, found: Row, used: Mapping[int, int], damaged: set[str]
) -> User:
    """
    Return the user of a row.

    Args:
        sql: The store.
        vault: Opens the seeds.
        found: From `row`.
        used: The latest used step of tokens, where it is not in their rows yet.
        damaged: Gets the serials of tokens whose seed does not open: they count as none.
    """
    number, name, password, password_only, disabled = found
    tokens, yubikeys, devices, is_damaged = [], [], [], False
    for *one, kind, label in sql.execute(_TOKENS, (number,)).fetchall():
        identity, serial, sealed = one[0], one[1], one[5]
        secret = _open(vault, number, serial, sealed)
        held: Token | Yubikey | Device | None = None
        if secret is not None and kind in _OATH:
            held = _token(secret, one, used)
        elif secret and kind == _YUBIKEY:
            held = _yubikey(secret, one, used)
        elif secret is not None:
            held = Device(identity, serial, kind, secret, label)
        if held is None:
            damaged.add(serial)
            is_damaged = True
        elif isinstance(held, Token):
            tokens.append(held)
        elif isinstance(held, Yubikey):
            yubikeys.append(held)
        else:
            devices.append(held)
    codes = sql.execute("SELECT code FROM recovery WHERE user = ?", (number,))
    return User(
        number,
        name,
        password,
        bool(password_only),
        bool(disabled),
        tuple(tokens),
        {code for (code,) in codes},
        failures(sql, number),
        dict(sql.execute(_UPSTREAMS, (number,)).fetchall()),
        names.groups_of(sql, number),
        is_damaged,
        devices=tuple(devices),
        yubikeys=tuple(yubikeys),
    )


def failures(sql: sqlite3.Connection, number: int) -> dict[tuple[Kind, str], Failures]:
    """Return the wrong proofs of the user of that number, by kind and place."""
    rows = sql.execute(_FAILURES, (number,))
    return {(Kind(one[0]), one[1]): Failures(*one[2:]) for one in rows}


def _open(vault: Vault, owner: int, serial: str, sealed: bytes) -> bytes | None:
    try:
        return vault.open(sealed, f"seed|{serial}|{owner}")
    except RadiusmfaError:
        return None


def _token(seed: bytes, found: list[Any], used: Mapping[int, int]) -> Token | None:
    number, serial, algorithm, digits, period, _, drift, last = found
    try:
        key = PasscodeKey(seed, algorithm, digits)
    except ValueError:
        return None
    return Token(number, serial, key, period, drift, max(last, used.get(number, -1)))


def _yubikey(seed: bytes, found: list[Any], used: Mapping[int, int]) -> Yubikey | None:
    try:
        key = OtpKey(seed)
    except ValueError:
        return None
    number, public_id, last = found[0], found[1], found[7]
    return Yubikey(number, public_id, key, max(last, used.get(number, -1)))
