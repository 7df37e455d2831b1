"""
The store as a login needs it: people in memory, and one transaction a turn.

A turn takes the write lock first and then looks whether anybody else has written
since the last one (`PRAGMA data_version`). If not, what is in memory is true and
stays true until `commit`, so a passcode is claimed by looking at memory and writing
one narrow row; if so, memory is thrown away and read again as it is needed. Nothing
that was decided may leave before `commit` has returned.
"""

from __future__ import annotations

import sqlite3
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final, final

from radiusmfa.interfaces import StoreBusyError, StoreError
from radiusmfa.login.username import normal_name
from radiusmfa.stores import approvals, database, loading, open_challenges, remembered, trail
from radiusmfa.stores.calls import Calls
from radiusmfa.stores.client_state import ClientState
from radiusmfa.stores.strangers import Strangers

if TYPE_CHECKING:
    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.login.account import Kind, Token, User, Yubikey
    from radiusmfa.login.challenges import Entry
    from radiusmfa.login.errands import Approval
    from radiusmfa.login.throttle import Failures
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.remembered import Parts

_STATEMENT: Final = itemgetter(0)
_MOST_REMEMBERED: Final = 200_000
_PRELOADED: Final = 20_000
_FOLDED: Final = 2_000  # used steps folded in one turn
_FOLD_FROM: Final = 50_000  # used steps that are left alone

_PUT_FAILURES = "INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)"
_CLEAR_FAILURES = "DELETE FROM failures WHERE user = ? AND factor = ? AND client = ?"
_PUT_HASH = "UPDATE users SET password = ? WHERE id = ? AND password = ?"


@final
class Logins:
    """
    The server's side of the store; exactly one exists while a server runs.

    Attributes:
        calls: To people; changed at any time, written with the next turn.
        clients: What their packets have taught.
        damaged: Serials of tokens whose seed could not be opened; they do not count.
        is_stale: What is in memory may be untrue; the next turn reads anew.
    """

    def __init__(self, database: Database) -> None:
        """Read what must be known before the first turn."""
        self._database = database
        self._sql = database.connection
        self._sql.execute("PRAGMA busy_timeout = 0")
        self._users: dict[bytes, User | None] = {}
        self._used: dict[int, int] = {}
        self._strangers = Strangers(database.pepper)
        self._version = -1
        self._chain = trail.Chain(database.audit_key)
        self._seq = 0
        self._mac = b""
        self._used_rows: list[tuple[int, int]] = []
        self._audit_rows: list[tuple[int, str, bytes]] = []
        self._other: list[tuple[str, tuple[object, ...]]] = []
        self._unfolded = 0
        self.calls = Calls(database.vault)
        self.clients = ClientState(database, self._other.append)
        self.damaged: set[str] = set()
        self.is_stale = True

    @property
    def people(self) -> int:
        """How many users are in memory."""
        return len(self._users)

    def registered(self) -> int:
        """Return how many users the store holds."""
        (count,) = self._sql.execute("SELECT count(*) FROM users").fetchone()
        return int(count)

    # -- a turn --

    def begin(self) -> bool:
        """
        Take the write lock; say whether somebody else wrote since the last turn.

        Raises:
            StoreBusyError: Somebody writes just now.
            StoreError: The store cannot be written.
        """
        try:
            self._sql.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                msg = f"{self._database.path}: another process writes"
                raise StoreBusyError(msg) from None
            raise self._failed(error) from None
        except sqlite3.Error as error:
            raise self._failed(error) from None
        try:
            (version,) = self._sql.execute("PRAGMA data_version").fetchone()
            if version == self._version and not self.is_stale:
                if len(self._users) > _MOST_REMEMBERED:  # never within a turn
                    self._users.clear()
                return False
            self._forget()
            self._version = version
        except sqlite3.Error as error:
            raise self._failed(error) from None
        return True

    def commit(self) -> None:
        """
        Write everything of this turn and put it on disk.

        Raises:
            StoreError: Nothing was written; everything in memory is forgotten, and
                no answer of this turn may leave.
        """
        sql = self._sql
        self._other += self.calls.unwritten(self.audit)
        try:
            if self._used_rows:
                sql.executemany("INSERT INTO used (step, token) VALUES (?, ?)", self._used_rows)
            # In their order; what a burst has in common is one call.
            for statement, rows in groupby(self._other, _STATEMENT):
                sql.executemany(statement, [values for _, values in rows])
            if self._audit_rows:
                sql.executemany(
                    "INSERT INTO audit (seq, line, mac) VALUES (?, ?, ?)", self._audit_rows
                )
                head = trail.head_record(self._database.audit_key, self._seq, self._mac)
                sql.execute("UPDATE meta SET value = ? WHERE name = 'audit_head'", (head,))
            sql.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(error) from None
        self._unfolded += len(self._used_rows)
        self.calls.written()
        self._clear_rows()

    def roll_back(self) -> None:
        """End a turn in which nothing may be kept; memory is read again."""
        self.is_stale = True
        self.calls.lost()
        self._clear_rows()
        if self._sql.in_transaction:
            self._sql.execute("ROLLBACK")

    # -- within a turn --

    def user(self, name: bytes) -> User | None:
        """
        Return the user that a User-Name means, or None.

        Raises:
            UserNameError: Nobody can have that name.
            StoreError: The store cannot be read; the turn is over.
        """
        if name in self._users:
            return self._users[name]
        normal = normal_name(name)
        try:
            return self._load(name, normal)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def stranger(self, name: bytes) -> User:
        """
        Return a user whom only an upstream knows, by a User-Name that `user` found nobody for.

        Names do not fill the store: failures of strangers are kept here, while there is room.
        """
        return self._strangers.find(normal_name(name))

    def outsider(self, name: bytes) -> User:
        """
        Return a user without a row of their own whom a directory knows.

        The store keeps their failures: a restart must not give anybody new tries there.
        """
        user = self.stranger(name)
        if not user.is_kept:
            try:
                user.failures.update(loading.failures(self._sql, user.id))
            except sqlite3.Error as error:
                raise self._failed(error) from None
            user.is_kept = True
        return user

    def claim(self, token: Token | Yubikey, step: int, drift: int) -> bool:
        """
        Use up *step* of *token*; False if it, or a later one, was used before.

        False means Reject. A true answer to a used step would open a door twice.
        """
        if step <= token.last:
            return False
        token.last = step
        token.awaited = None
        self._used[token.id] = step
        self._used_rows.append((step, token.id))
        if drift != token.drift:
            token.drift = drift
            self._other.append(("UPDATE tokens SET drift = ? WHERE id = ?", (drift, token.id)))
        return True

    def claim_recovery(self, user: User, digest: bytes) -> bool:
        """Use up a recovery code; False if it was used before."""
        if digest not in user.recovery:
            return False
        user.recovery.discard(digest)
        self._other.append(("DELETE FROM recovery WHERE user = ? AND code = ?", (user.id, digest)))
        return True

    def put_failures(self, user: User, kind: Kind, client: str, failures: Failures) -> None:
        """Remember wrong proofs."""
        user.failures[kind, client] = failures
        if user.id < 0:
            self._strangers.keep(user)
        if user.id >= 0 or user.is_kept:
            self._other.append((_PUT_FAILURES, (user.id, kind.value, client, *failures)))

    def clear_failures(self, user: User, kind: Kind, client: str) -> None:
        """Forget wrong proofs after a right one."""
        known = user.failures.pop((kind, client), None)
        if known is not None and (user.id >= 0 or user.is_kept):
            self._other.append((_CLEAR_FAILURES, (user.id, kind.value, client)))

    def approval(self, source: ApprovalSource, user: str, now: float) -> Approval:
        """
        Say whether *user* has an approval that the store keeps.

        Raises:
            StoreError: The store cannot be read; the turn is over. So for the next two.
        """
        try:
            return approvals.in_force(self._sql, source.name, user, persons=source.persons, now=now)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def remembers(self, parts: Parts, now: float) -> bool:
        """Say whether a second factor was passed a short while ago."""
        try:
            digest = remembered.mac(self._database.pepper, parts)
            return remembered.find(self._sql, digest, now) is not None
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def remember(self, parts: Parts, name: str, now: float, expires: float) -> None:
        """Remember that a second factor was passed."""
        pepper = self._database.pepper
        try:
            remembered.put(self._sql, pepper, parts, name=name, now=now, expires=expires)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def put_password(self, user: User, stored: str) -> None:
        """Replace the stored hash of the same password by a better one."""
        self._other.append((_PUT_HASH, (stored, user.id, user.password)))
        user.password = stored

    def put_challenge(self, entry: Entry) -> None:
        """Keep an open challenge over a restart."""
        row = open_challenges.row(entry, self._database.vault)
        self._other.append((open_challenges.PUT, row))

    def drop_challenge(self, state: bytes) -> None:
        """Forget a challenge that was answered or is too old."""
        self._other.append((open_challenges.DROP, (state.decode("ascii", "replace"),)))

    def touch(self) -> None:
        """Write something and take it away: `commit` then shows whether there is room."""
        self._other.append(("INSERT OR REPLACE INTO meta VALUES ('room', zeroblob(16384))", ()))
        self._other.append(("DELETE FROM meta WHERE name = 'room'", ()))

    def audit(self, line: str) -> None:
        """Append *line* to the chain."""
        self._seq += 1
        self._mac = self._chain.mac(self._mac, line)
        self._audit_rows.append((self._seq, line, self._mac))

    # -- reading --

    def challenges(self) -> list[Entry]:
        """
        Return the open challenges, oldest first; within a turn.

        Raises:
            StoreError: The store cannot be read; the turn is over.
        """
        try:
            return open_challenges.read(self._sql, self._database.vault)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def preload(self) -> None:
        """Read the first users into memory, so that their first login is as fast as the next."""
        rows = self._sql.execute("SELECT name FROM users LIMIT ?", (_PRELOADED,)).fetchall()
        for (name,) in rows:
            self.user(name.encode())

    def tidy(self, now: float) -> None:
        """
        End what is over, and fold used steps; within a turn.

        Raises:
            StoreError: The store cannot be written; the turn is over.
        """
        try:
            approvals.expire(self._sql, now)
            remembered.prune(self._sql, now)
            self.calls.tidy(self._sql, now)
            self._fold(everything=False)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def fold(self, *, everything: bool = False) -> None:
        """
        Move used steps into their tokens' rows, a few at a time; within a turn.

        The table of used steps is what makes a login cheap; it need not grow for ever.

        Raises:
            StoreError: The store cannot be written; the turn is over.
        """
        try:
            self._fold(everything=everything)
        except sqlite3.Error as error:
            raise self._failed(error) from None

    def _fold(self, *, everything: bool) -> None:
        while self._unfolded > (0 if everything else _FOLD_FROM):
            rows = self._sql.execute("SELECT step, token FROM used LIMIT ?", (_FOLDED,)).fetchall()
            self._unfolded -= len(rows)
            if not rows:
                self._unfolded = 0
                return
            self._sql.executemany("UPDATE tokens SET last = max(last, ?) WHERE id = ?", rows)
            self._sql.executemany("DELETE FROM used WHERE step = ? AND token = ?", rows)
            if not everything:
                return

    def _load(self, name: bytes, normal: str) -> User | None:
        sql = self._sql
        row = loading.row(sql, normal)
        # Every spelling of one name is one user in memory, or a claim could be missed.
        key = normal.encode() if row is None else row[1].encode()
        user = self._users.get(key)
        if user is None and row is not None:
            user = loading.user(sql, self._database.vault, row, self._used, self.damaged)
        self._users[name] = self._users[key] = user
        return user

    def _forget(self) -> None:
        self._users.clear()
        self._strangers.forget_kept()
        self._used, self._unfolded = {}, 0
        for step, token in self._sql.execute("SELECT step, token FROM used"):
            self._unfolded += 1
            if step > self._used.get(token, -1):
                self._used[token] = step
        self.calls.load(self._sql)
        self._seq, self._mac = trail.head(self._sql, self._database.audit_key)
        self.is_stale = False

    def _clear_rows(self) -> None:
        self._used_rows.clear()
        self._audit_rows.clear()
        self._other.clear()

    def _failed(self, error: sqlite3.Error) -> StoreError:
        self.is_stale = True
        self.calls.lost()
        self._clear_rows()
        try:
            if self._sql.in_transaction:
                self._sql.execute("ROLLBACK")
        except sqlite3.Error as second:
            error = second
        explained = database.explained(self._database.path, error)
        # Not as a busy store, which may be tried again: this turn is over.
        return StoreError(str(explained))
