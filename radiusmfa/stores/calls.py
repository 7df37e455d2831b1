"""Calls to people: kept in memory for a day, and in the store, so that no restart forgets them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.login.calls import DAY, Book, Call, Result

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from radiusmfa.stores.vault import Vault

FORGET: Final = "DELETE FROM calls WHERE user = ? AND result != 'open'"
"""What `radiusmfa user unlock` does: counts and silence end, an open call does not."""
_READ: Final = (
    "SELECT id, service, user, way, target, place, state, created, expires, result FROM calls"
)
_PUT: Final = "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TIDY: Final = "DELETE FROM calls WHERE created <= ?"
_TIDY_EVERY: Final = 60.0  # seconds
_AGAIN: Final = 60.0
"""Seconds in which a login may come back for a yes that could not be written."""
_MOST_OF_A_SERVICE: Final = 200_000


@final
class Calls:
    """The calls of the last day, by service; changed between turns, written with the next one."""

    def __init__(self, vault: Vault) -> None:
        """Know none yet; *vault* seals what it takes to go on with one."""
        self._vault = vault
        self._known: defaultdict[str, Book] = defaultdict(Book)
        self._unwritten: dict[int, Call] = {}
        self._taken: dict[int, bytes] = {}
        self._lines: list[str] = []
        self._tidied = 0.0

    def of(self, service: str) -> Book:
        """Return the calls of *service*."""
        return self._known[service]

    def find(self, call: Call) -> Call:
        """Return *call* as it is known by now; somebody else may have changed it."""
        return self._known[call.service].get(call.id) or call

    def put(self, call: Call) -> None:
        """Know *call*, new or changed, and write it with the next turn."""
        known = self._known[call.service]
        known.put(call)
        if len(known) > _MOST_OF_A_SERVICE:
            known.remove(next(iter(known)))
        self._unwritten[call.id] = call

    def is_written(self, call: Call) -> bool:
        """Return whether *call*, as it is, is on disk."""
        return call.id not in self._unwritten

    def take(self, call: Call, key: bytes, state: bytes) -> None:
        """
        Have a login get in by *call*, which is written with the next turn, or not at all.

        Args:
            call: The person has said yes.
            key: What was watched.
            state: What it took to go on with it.
        """
        self._taken[call.id], call.state = state, key
        call.result = Result.PASSED
        self.put(call)

    def tell(self, line: str) -> None:
        """Write an audit line with the next turn."""
        self._lines.append(line)

    # -- within a turn --

    def load(self, sql: sqlite3.Connection) -> None:
        """Read what the store knows; what is not written yet is kept."""
        self._known.clear()
        for row in sql.execute(_READ):
            call = self._call(row)
            if call.id not in self._unwritten:
                self._known[call.service].put(call)
        for call in self._unwritten.values():
            self._known[call.service].put(call)

    def unwritten(self, audit: Callable[[str], None]) -> list[tuple[str, tuple[object, ...]]]:
        """Return statements that write what has changed, and their values; *audit* the lines."""
        for line in self._lines:
            audit(line)
        return [(_PUT, self._row(call)) for call in self._unwritten.values()]

    def written(self) -> None:
        """Learn that all of it is on disk."""
        self._unwritten.clear()
        self._taken.clear()
        self._lines.clear()

    def lost(self) -> None:
        """Learn that a turn was not written: who got in by a call comes back for it, soon."""
        for number, state in self._taken.items():
            call = self._unwritten[number]
            call.state, call.result, call.expires = state, Result.OPEN, call.expires + _AGAIN
        self._taken.clear()

    def tidy(self, sql: sqlite3.Connection, now: float) -> None:
        """Forget, now and then, what is older than a day."""
        if 0 <= now - self._tidied < _TIDY_EVERY:
            return
        self._tidied = now
        sql.execute(_TIDY, (int(now - DAY),))
        for known in self._known.values():
            for call in [one for one in known if one.created <= now - DAY]:
                known.remove(call)

    def _row(self, call: Call) -> tuple[object, ...]:
        state = self._vault.seal(call.state, _place(call.id)) if call.state else b""
        return (
            call.id, call.service, call.user, call.way, call.target, call.place, state,
            int(call.created), int(call.expires), call.result.value,
        )  # fmt: skip

    def _call(self, row: tuple[Any, ...]) -> Call:
        number, service, user, way, target, place, sealed, created, expires, result = row
        try:
            state = self._vault.open(sealed, _place(number)) if sealed else b""
        except RadiusmfaError:
            state = b""  # it cannot be gone on with
        return Call(
            id=number, service=service, user=user, way=way, target=target, place=place,
            state=state, created=created, expires=expires, result=Result(result),
        )  # fmt: skip


def _place(number: int) -> str:
    return f"call|{number}"
