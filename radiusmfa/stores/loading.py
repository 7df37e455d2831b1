"""One person out of the store, with everything that a login needs of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.login.account import Kind, Token, User
from radiusmfa.login.throttle import Failures
from radiusmfa.stores import names

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from radiusmfa.stores.vault import Vault

    Row: TypeAlias = tuple[int, str, str | None, int, int]

_USER: Final = "SELECT id, name, password, password_only, disabled FROM users WHERE name = ?"
_TOKENS: Final = (
    "SELECT id, serial, algorithm, digits, period, seed, drift, last FROM tokens"
    " WHERE user = ? AND status = 'active' ORDER BY id"
)
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
    tokens, is_damaged = [], False
    for one in sql.execute(_TOKENS, (number,)).fetchall():
        token = _token(vault, number, one, used)
        if token is None:
            damaged.add(one[1])
            is_damaged = True
        else:
            tokens.append(token)
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
    )


def failures(sql: sqlite3.Connection, number: int) -> dict[tuple[Kind, str], Failures]:
    """Return the wrong proofs of the user of that number, by kind and place."""
    rows = sql.execute(_FAILURES, (number,))
    return {(Kind(one[0]), one[1]): Failures(*one[2:]) for one in rows}


def _token(
    vault: Vault,
    owner: int,
    found: tuple[int, str, str, int, int, bytes, int, int],
    used: Mapping[int, int],
) -> Token | None:
    number, serial, algorithm, digits, period, sealed, drift, last = found
    try:
        seed = vault.open(sealed, f"seed|{serial}|{owner}")
        key = PasscodeKey(seed, algorithm, digits)
    except (RadiusmfaError, ValueError):
        return None
    return Token(number, serial, key, period, drift, max(last, used.get(number, -1)))
