"""What the packets of clients have taught: whether they sign, and how long they wait."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.interfaces import StoreError
from radiusmfa.login.tries import Known
from radiusmfa.stores import database

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database

ROWS: Final = (
    "SELECT client, address, message_authenticator, proxy_state, since, waits, pause, tries"
    " FROM client_state"
)
PUT: Final = """
INSERT OR REPLACE INTO client_state
    (client, address, message_authenticator, proxy_state, since, waits, pause, tries)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_PEERS: Final = "SELECT client, address, message_authenticator, proxy_state FROM client_state"
_PUT_PEER: Final = """
INSERT INTO client_state (client, address, message_authenticator, proxy_state, since)
    VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (client, address) DO UPDATE SET
    message_authenticator = excluded.message_authenticator, proxy_state = excluded.proxy_state,
    since = excluded.since
"""
_PATIENCE: Final = "SELECT client, address, waits, pause, tries FROM client_state WHERE tries > 1"
_PUT_PATIENCE: Final = """
INSERT INTO client_state
    (client, address, message_authenticator, proxy_state, since, waits, pause, tries)
    VALUES (?, ?, 'auto', 'auto', ?, ?, ?, ?)
    ON CONFLICT (client, address) DO UPDATE SET
    waits = excluded.waits, pause = excluded.pause, tries = excluded.tries
"""


def _refuse(_: tuple[str, tuple[object, ...]]) -> None:
    raise AssertionError("what clients have taught is only read here")


@final
class ClientState:
    """The rows of all clients; what is put is written with the turn."""

    def __init__(
        self, opened: Database, write: Callable[[tuple[str, tuple[object, ...]]], None] = _refuse
    ) -> None:
        """
        Read nothing yet.

        Args:
            opened: The store.
            write: Has a statement done with the next commit; without it they are only read.
        """
        self._database = opened
        self._write = write

    def peers(self) -> list[tuple[str, str, str, str]]:
        """
        Return how clients sign: client, address, message_authenticator, proxy_state.

        Raises:
            StoreError: The store cannot be read.
        """
        return self._read(_PEERS)

    def put_peer(self, row: tuple[str, str, str, str], now: float) -> None:
        """Remember how a client signs."""
        self._write((_PUT_PEER, (*row, int(now))))

    def patience(self) -> list[tuple[str, str, Known]]:
        """
        Return how long clients wait: client, address, and what is known.

        Raises:
            StoreError: The store cannot be read.
        """
        return [
            (client, address, Known(waits, pause, tries))
            for client, address, waits, pause, tries in self._read(_PATIENCE)
            if _is_positive(waits) and _is_positive(pause) and isinstance(tries, int)
        ]

    def put_patience(self, client: str, address: str, known: Known | None, now: float) -> None:
        """Remember how long a client waits; None: that is not known any more."""
        values = (0.0, 0.0, 0) if known is None else known
        self._write((_PUT_PATIENCE, (client, address, int(now), *values)))

    def _read(self, statement: str) -> list[Any]:
        try:
            return self._database.connection.execute(statement).fetchall()
        except sqlite3.Error as error:
            raise StoreError(str(database.explained(self._database.path, error))) from None


def _is_positive(number: object) -> bool:
    return isinstance(number, float) and 0 < number < float("inf")
