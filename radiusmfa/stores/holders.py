"""Which factors anybody has at all: read without keys, without a lock, without a change."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from radiusmfa.stores import database

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.stores.database import Database

_KINDS: Final = """
    SELECT DISTINCT kind FROM tokens WHERE user IS NOT NULL AND status = 'active'
"""
_COUNTS: Final = """
    SELECT kind, count(DISTINCT user) FROM tokens
    WHERE user IS NOT NULL AND status = 'active' GROUP BY kind
"""
_PATIENCE: Final = 0.2  # seconds
_UPSTREAMS: Final = "SELECT DISTINCT upstream FROM upstream_users"


def read(path: Path) -> tuple[frozenset[str], frozenset[str]] | None:
    """
    Return the kinds of tokens that users have, and the upstreams that users are assigned to.

    Args:
        path: Of the store. None comes back where it cannot be read: it is missing, in use by
            somebody else, or of an older version.
    """
    # Where nobody has it open, SQLite would leave files beside it that belong to us, and that the
    # server could not open; without them the file is whole, and can be read as it is.
    is_open = path.with_name(f"{path.name}-wal").exists()
    mode = "ro" if is_open else "ro&immutable=1"
    try:
        with closing(database.open_file(path, busy_timeout=_PATIENCE, mode=mode)) as connection:
            kinds, upstreams = (
                frozenset(str(name) for (name,) in connection.execute(query))
                for query in (_KINDS, _UPSTREAMS)
            )
    except sqlite3.Error:
        return None
    return kinds, upstreams


def counts(database: Database) -> dict[str, int]:
    """Return how many users have an active token, or a device, of each kind."""
    with database.reading() as connection:
        return dict(connection.execute(_COUNTS).fetchall())
