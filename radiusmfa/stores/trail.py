"""
The audit's chain: each line is sealed together with all lines before it.

A changed, inserted, removed or moved line breaks the chain at that place; the head
record, renewed in the same transaction as every line, tells when lines are missing
at the end. Whoever has the keys can forge both: a copy kept elsewhere cannot be.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator

    from radiusmfa.stores.database import Database

NOTHING_BEFORE: Final = bytes(32)
"""The mac before the first line."""

_SEQ_OCTETS: Final = 8
_BLOCK_OCTETS: Final = 64  # of SHA-256
_INNER_PAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD: Final = bytes(octet ^ 0x5C for octet in range(256))
_READ_AT_ONCE: Final = 1000
_LAST: Final = "SELECT seq, mac FROM audit ORDER BY seq DESC LIMIT 1"
_HEAD: Final = "SELECT value FROM meta WHERE name = 'audit_head'"
_PUT_HEAD: Final = "UPDATE meta SET value = ? WHERE name = 'audit_head'"
_AFTER: Final = (
    "SELECT seq, CAST(line AS BLOB), CAST(mac AS BLOB) FROM audit WHERE seq > ?"
    " ORDER BY seq LIMIT ?"
)
_WITH: Final = (
    "SELECT seq, CAST(line AS BLOB) FROM audit"
    " WHERE seq > ? AND seq <= ? AND line LIKE ? ESCAPE '~'"
)
_TIME: Final = (
    "SELECT CASE WHEN json_valid(line) THEN json_extract(line, '$.time') END FROM audit"
    " WHERE seq > ? ORDER BY seq LIMIT 1"
)
_LITERAL: Final = str.maketrans({sign: f"~{sign}" for sign in "~%_"})
_LOOKED_AT_ONCE: Final = 50_000
_ALL: Final = "SELECT seq, CAST(line AS BLOB), mac FROM audit ORDER BY seq"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What `verify` found.

    Attributes:
        lines: How many lines are right, from the first on.
        fault: What is wrong first; None if nothing is.
        at_seq: The line where it shows, 0 if nothing is wrong.
    """

    lines: int
    fault: str | None = None
    at_seq: int = 0


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who changes something by command line, and when.

    Attributes:
        name: The operating system's user, and who became them by sudo.
        now: Wall time.
        behind: Who became them by sudo, alone; empty: nobody did.
    """

    name: str
    now: float
    behind: str = ""

    @property
    def person(self) -> str:
        """The human who acts: not whose rights they use, but who they logged in as."""
        return self.behind or self.name

    def line(self, action: str, *, user: str = "", token: str = "", detail: str = "") -> str:
        """Return the audit line of *action*; what is empty is left out."""
        fields = {
            "time": timestamp(self.now),
            "kind": "admin",
            "action": action,
            "by": self.name,
            "user": user,
            "token": token,
            "detail": detail,
        }
        kept = {name: value for name, value in fields.items() if value}
        return json.dumps(kept, separators=(",", ":"))


def timestamp(now: float) -> str:
    """Return *now* as the audit writes it: UTC with milliseconds."""
    milliseconds = int(now * 1000)
    day = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1000))
    return f"{day}.{milliseconds % 1000:03d}Z"


def chain(key: bytes, previous: bytes, line: str) -> bytes:
    """Return the mac of *line*, given the mac of the line before."""
    return hmac.digest(key, previous + line.encode(), "sha256")


@final
class Chain:
    """
    `chain` for one key, again and again.

    The two states of HMAC (RFC 2104) are made once and copied: less than half the cost.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        """Prepare the states for *key*, 32 octets."""
        block = key.ljust(_BLOCK_OCTETS, b"\0")
        self._inner = hashlib.sha256(block.translate(_INNER_PAD))
        self._outer = hashlib.sha256(block.translate(_OUTER_PAD))

    def mac(self, previous: bytes, line: str) -> bytes:
        """Return the mac of *line*, given the mac of the line before."""
        inner = self._inner.copy()
        inner.update(previous + line.encode())
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


def head_record(key: bytes, seq: int, mac: bytes) -> bytes:
    """Return the record that line *seq* with *mac* is the last one."""
    number = seq.to_bytes(_SEQ_OCTETS, "big")
    return number + hmac.digest(key, b"head" + number + mac, "sha256")


def head(connection: sqlite3.Connection, key: bytes | None = None) -> tuple[int, bytes]:
    """
    Return number and mac of the last line, to continue after it.

    Args:
        connection: The store's.
        key: With it, the head record is looked at too. If lines were removed at the
            end, the mac that is returned is one that no line has: the next line
            breaks the chain, and `verify` shows the place for ever. Without that,
            the next line would heal the cut.
    """
    seq, mac = connection.execute(_LAST).fetchone() or (0, NOTHING_BEFORE)
    if key is None:
        return seq, mac
    (record,) = connection.execute(_HEAD).fetchone() or (b"",)
    if record == head_record(key, seq, mac):
        return seq, mac
    return seq, hmac.digest(key, b"cut" + mac, "sha256")


def append(database: Database, lines: Iterable[str]) -> None:
    """Append *lines* within the caller's transaction."""
    key = database.audit_key
    seq, mac = head(database.connection, key)
    rows = []
    for line in lines:
        seq += 1
        mac = chain(key, mac, line)
        rows.append((seq, line, mac))
    database.connection.executemany("INSERT INTO audit (seq, line, mac) VALUES (?, ?, ?)", rows)
    database.connection.execute(_PUT_HEAD, (head_record(key, seq, mac),))


def verify(database: Database) -> Verdict:
    """Walk the whole chain as it is at one moment, and say what is wrong first."""
    key = database.audit_key
    with database.reading() as connection:
        (record,) = connection.execute(_HEAD).fetchone() or (b"",)
        seq, mac = 0, NOTHING_BEFORE
        for at, octets, stored in connection.execute(_ALL):
            if at != seq + 1:
                return Verdict(seq, f"{_missing(seq + 1, at - 1)}", seq + 1)
            mac = hmac.digest(key, mac + octets, "sha256")
            if not isinstance(stored, bytes) or not hmac.compare_digest(mac, stored):
                return Verdict(
                    seq, "it was changed, or put here, or lines before it were removed", at
                )
            seq = at
    if record == head_record(key, seq, mac):
        return Verdict(seq)
    claimed = int.from_bytes(record[:_SEQ_OCTETS], "big") if isinstance(record, bytes) else 0
    if claimed > seq:
        return Verdict(seq, _missing(seq + 1, claimed), seq + 1)
    return Verdict(seq, "the record of which line is the last was changed", seq)


def read(database: Database, after: int = 0) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line beyond line *after*, oldest first."""
    return ((seq, line) for seq, line, _ in read_chain(database, after))


def read_chain(database: Database, after: int = 0) -> Iterator[tuple[int, str, bytes]]:
    """Yield number, text and mac of each line beyond line *after*, oldest first."""
    while True:
        with database.reading() as connection:
            rows = connection.execute(_AFTER, (after, _READ_AT_ONCE)).fetchall()
        for seq, octets, mac in rows:
            # A line that somebody damaged is shown as well as it can be.
            yield seq, octets.decode("utf-8", "backslashreplace"), mac
            after = seq
        if not rows:
            return


def find(database: Database, texts: Iterable[str], since: str = "") -> Iterator[tuple[int, str]]:
    """
    Yield number and text of each line that holds any of *texts*, newest first.

    The store itself looks: half a second a text for a million lines.

    Args:
        database: The store.
        texts: As they stand in a line, ASCII letters in either case.
        since: Earliest time, as lines have it: what is much older is not looked at.
    """
    patterns = [f"%{text.translate(_LITERAL)}%" for text in texts]
    last, _ = head(database.connection)
    while last > 0:
        first = last - _LOOKED_AT_ONCE
        with database.reading() as connection:
            found = {
                row for text in patterns for row in connection.execute(_WITH, (first, last, text))
            }
            (oldest,) = connection.execute(_TIME, (first,)).fetchone() or ("",)
        for seq, octets in sorted(found, reverse=True):
            yield seq, octets.decode("utf-8", "backslashreplace")
        if str(oldest or "~") < since:
            return
        last = first


def _missing(first: int, last: int) -> str:
    return "it is missing" if first >= last else f"it is missing, and all up to line {last}"
