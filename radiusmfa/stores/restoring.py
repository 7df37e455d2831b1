"""
After a restore, no passcode that was ever used may be valid again.

A backup knows the passcodes used before it. If the store that it replaces can still
be read and has grown out of the backup, that store knows the rest. If not, whatever
may have been used since counts as used: TOTP jumps ahead of the clock, recovery codes
are void, HOTP tokens wait for two new consecutive passcodes, and YubiKeys for a new one.

Approvals that were revoked or had ended since do not come back either; if nobody knows
which, all are revoked. No factor is remembered over a restore.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.config.model import Factors, Totp
from radiusmfa.factors import totp
from radiusmfa.login import devices
from radiusmfa.stores import client_state, trail
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor

_TOKENS: Final = "SELECT id, serial, kind, period, status, drift, last, seed FROM tokens"
_PUT_STATE: Final = "UPDATE tokens SET drift = ?, last = ?, status = ? WHERE id = ?"
_CODES: Final = "SELECT user, code FROM recovery"
_GRANTS: Final = "SELECT id, approval, user, created, revoked_by, revoked, ended FROM approvals"

_PUT_GRANT: Final = "UPDATE approvals SET revoked_by = ?, revoked = ?, ended = ? WHERE id = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """
    What a restore changed in the copy.

    Attributes:
        is_complete: The replaced store told which passcodes were used since.
        users: How many there are.
        tokens: How many there are.
        waiting: Serials of HOTP tokens that need two consecutive passcodes, and of YubiKeys that
            need a new password.
        void_codes: How many recovery codes are void.
        void_approvals: Numbers of approvals that are revoked by the restore.
        totp_from: When the first TOTP passcodes are good again, seconds since 1970.
        lines: How many audit lines the backup brought.
    """

    is_complete: bool
    users: int
    tokens: int
    waiting: tuple[str, ...]
    void_codes: int
    void_approvals: tuple[int, ...]
    totp_from: float
    lines: int


def use_up(
    copy: Database, old: Database | None, actor: Actor, *, factors: Factors, source: str
) -> Report:
    """
    Mark in *copy* what is used, drop open challenges, and write the audit line.

    Args:
        copy: The checked copy of a backup.
        old: The store that it will replace; None: there is none that can be read.
        actor: Who does it.
        factors: How far from the clock a passcode may have been accepted.
        source: Name of the backup, for the audit.

    Raises:
        StoreError: The copy cannot be written.
    """
    lines = trail.head(copy.connection)[0]
    known = None if old is None else _known(copy, old)
    with copy.transaction() as connection:
        waiting, totp_from = _use_up_tokens(connection, known, actor.now, factors.totp or Totp())
        void = _use_up_recovery(connection, known)
        void_approvals = tuple(_revoke_approvals(connection, known, actor))
        connection.execute("DELETE FROM challenges")
        connection.execute("DELETE FROM remembered")
        connection.executemany(client_state.PUT, [] if known is None else known.peers)
        detail = f"{source}, after line {lines}"
        if void_approvals:
            numbers = " ".join(f"#{number}" for number in void_approvals)
            detail += f"; approvals revoked: {numbers}"
        trail.append(copy, [actor.line("restore", detail=detail)])
        return Report(
            is_complete=known is not None,
            users=_count(connection, "users"),
            tokens=_count(connection, "tokens"),
            waiting=tuple(waiting),
            void_codes=void,
            void_approvals=void_approvals,
            totp_from=totp_from,
            lines=lines,
        )


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    period: int
    status: str
    drift: int
    last: int
    is_elsewhere: bool


@dataclass(frozen=True, slots=True)
class _Known:
    """What the store that is replaced knows of the time since the backup."""

    tokens: dict[tuple[int, str], _Token]
    codes: set[tuple[int, bytes]]
    grants: dict[tuple[object, ...], tuple[str, int, int]]
    peers: list[tuple[object, ...]]


def _known(copy: Database, old: Database) -> _Known | None:
    # The audit is a chain: whoever has our last line has everything before it too.
    seq, mac = trail.head(copy.connection)
    try:
        row = old.connection.execute("SELECT mac FROM audit WHERE seq = ?", (seq,)).fetchone()
        if seq and row != (mac,):
            return None
        connection = old.connection
        codes = set(connection.execute(_CODES))
        peers = connection.execute(client_state.ROWS).fetchall()
        return _Known(_state(connection), codes, _grants(connection), peers)
    except sqlite3.Error:  # damaged; that may be why there is a restore
        return None


def _use_up_tokens(
    connection: sqlite3.Connection, known: _Known | None, now: float, settings: Totp
) -> tuple[list[str], float]:
    reach = max(settings.drift_limit + settings.window, settings.resync_window + 1)
    waiting, rows, totp_from = list[str](), list[tuple[object, ...]](), now
    for (number, serial), token in _state(connection).items():
        newer = token if known is None else known.tokens.get((number, serial), token)
        last, status, drift = max(token.last, newer.last), token.status, newer.drift
        if token.kind == "totp":
            # A drift that was imported may be beyond what is learned.
            own = settings.window + max(drift, 0)
            ahead = max(reach, own) if known is None else own
            last = max(last, totp.current_step(now, token.period) + ahead)
            totp_from = max(totp_from, (last + 1 - max(drift, 0)) * token.period)
        elif token.is_elsewhere:
            continue  # whoever checks it knows what was used
        elif known is None and status != "revoked" and token.kind not in devices.PERSONAL:
            status = "pending"
            waiting.append(serial)
        rows.append((drift, last, status, number))
    connection.executemany(_PUT_STATE, rows)
    connection.execute("DELETE FROM used")
    return waiting, totp_from


def _state(connection: sqlite3.Connection) -> dict[tuple[int, str], _Token]:
    used = dict(connection.execute("SELECT token, max(step) FROM used GROUP BY token"))
    return {
        (number, serial): _Token(
            kind,
            period,
            status,
            drift,
            max(last, used.get(number, -1)),
            kind == "yubikey" and Vault.is_empty(seed),
        )
        for number, serial, kind, period, status, drift, last, seed in connection.execute(_TOKENS)
    }


def _use_up_recovery(connection: sqlite3.Connection, known: _Known | None) -> int:
    unused = set() if known is None else known.codes
    void = [row for row in connection.execute(_CODES) if row not in unused]
    connection.executemany("DELETE FROM recovery WHERE user = ? AND code = ?", void)
    return len(void)


def _revoke_approvals(
    connection: sqlite3.Connection, known: _Known | None, actor: Actor
) -> Iterator[int]:
    newer = {} if known is None else known.grants
    void = (actor.person, int(actor.now), 0)
    for grant, state in _grants(connection).items():
        is_open = state[0] == "" and not state[2]
        after = newer.get(grant, void) if is_open else state
        connection.execute(_PUT_GRANT, (*after, grant[0]))
        if after is void:
            yield int(str(grant[0]))


def _grants(connection: sqlite3.Connection) -> dict[tuple[object, ...], tuple[str, int, int]]:
    # By number, and by what the number stood for: a damaged store may have given it anew.
    return {row[:4]: row[4:] for row in connection.execute(_GRANTS)}


def _count(connection: sqlite3.Connection, table: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608
    return int(count)
