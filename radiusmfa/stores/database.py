"""
The store: one SQLite file, made, opened and checked here, and nowhere else.

Whoever opens it learns in one line what is wrong: no store, another's keys, a newer
schema, damage, a full disk, a file that cannot be written.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, Self, final

from radiusmfa.interfaces import KeysError, StoreBusyError, StoreError
from radiusmfa.stores import migrations, trail
from radiusmfa.stores.vault import KEY_OCTETS, sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

    from radiusmfa.stores.vault import Vault

BUSY_TIMEOUT: Final = 15.0  # seconds; a mass import holds the write lock for some
SIDE_FILES: Final = ("-wal", "-shm", "-journal")
"""What SQLite puts next to a store; they belong to it."""

_MAGIC: Final = b"SQLite format 3\0"
_PUT_META: Final = "INSERT INTO meta (name, value) VALUES (?, ?)"
_AUDIT_KEY: Final = "SELECT value FROM meta WHERE name = 'audit_key'"
_VERSION: Final = "SELECT value FROM meta WHERE name = 'schema_version'"


@final
class Database:
    """
    An open store.

    Attributes:
        path: The file.
        connection: In autocommit mode; `transaction` brackets changes.
        vault: The keys that open its seeds.
        audit_key: Of the audit's chain.
        pepper: Key of the hashes of recovery codes and mass-imported passwords.
    """

    __slots__ = ("_identity", "audit_key", "connection", "path", "pepper", "vault")

    def __init__(  # noqa: PLR0913 - what every use of a store needs
        self,
        path: Path,
        connection: sqlite3.Connection,
        vault: Vault,
        *,
        audit_key: bytes,
        pepper: bytes,
        identity: tuple[int, int],
    ) -> None:
        """Take an open, checked *connection* to the file of that device and inode number."""
        self._identity = identity
        self.path = path
        self.connection = connection
        self.vault = vault
        self.audit_key = audit_key
        self.pepper = pepper

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """
        Do all that is inside, or nothing of it.

        Raises:
            StoreBusyError: Others have been writing for too long.
            StoreError: The store cannot be written, or was replaced since it was opened.
            KeysError: The keys were rotated since they were read.
        """
        with self._bracket("BEGIN IMMEDIATE") as connection:
            self._refuse_outdated(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """
        Show the store as it is at one moment, whatever others write meanwhile.

        Raises:
            StoreError: The store cannot be read.
        """
        with self._bracket("BEGIN") as connection:
            yield connection

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def in_memory(self) -> Database:
        """
        Return a copy of everything in memory: what is done to it has no consequences.

        Raises:
            StoreError: The store cannot be read.
        """
        memory = sqlite3.connect(":memory:", isolation_level=None)
        try:
            self.connection.backup(memory)
        except sqlite3.Error as error:
            memory.close()
            raise explained(self.path, error) from None
        return Database(
            self.path,
            memory,
            self.vault,
            audit_key=self.audit_key,
            pepper=self.pepper,
            identity=self._identity,
        )

    def __enter__(self) -> Self:
        """Return this store, to be closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    def _refuse_outdated(self, connection: sqlite3.Connection) -> None:
        # An import may have worked for minutes. What it would seal with keys that left
        # the file meanwhile, or write to a file that was put aside, would be lost.
        try:
            is_same = _identity(self.path) == self._identity
        except OSError:
            is_same = False
        if not is_same:
            raise StoreError(
                f"{self.path} was replaced meanwhile; nothing was changed: run the command again"
            )
        (sealed,) = connection.execute(_AUDIT_KEY).fetchone() or (None,)
        if not isinstance(sealed, bytes) or not self.vault.has_key_of(sealed):
            raise KeysError(
                f"{self.vault.path}: the keys were rotated meanwhile; nothing was changed:"
                " run the command again"
            )

    @contextmanager
    def _bracket(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self.connection
        try:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise explained(self.path, error) from None


def create(path: Path, vault: Vault) -> None:
    """
    Make an empty store for *vault* at *path*, which must not exist.

    Raises:
        StoreError: It cannot be made; nothing is left behind.
    """
    claim_name(path)
    try:
        connection = open_file(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            migrations.migrate(connection, 0, migrations.steps())
            connection.executemany(_PUT_META, _facts(vault))
            connection.execute("COMMIT")
        finally:
            connection.close()
        sync_directory(path.parent)
    except BaseException as error:
        remove(path)
        if isinstance(error, sqlite3.Error):
            raise explained(path, error) from None
        raise


def connect(path: Path, vault: Vault, *, busy_timeout: float = BUSY_TIMEOUT) -> Database:
    """
    Open the store at *path*; an older schema is brought up to date.

    Args:
        path: The file.
        vault: Its keys.
        busy_timeout: Seconds to wait while others write.

    Raises:
        StoreError: Missing, damaged, of a newer version, or not accessible.
        KeysError: The keys belong to another store.
    """
    refuse_foreign(path)
    identity = _identity(path)
    try:
        connection = open_file(path, busy_timeout=busy_timeout)
    except sqlite3.Error as error:
        raise explained(path, error) from None
    try:
        return _checked(path, connection, vault, identity)
    except sqlite3.Error as error:
        connection.close()
        raise explained(path, error) from None
    except BaseException:
        connection.close()
        raise


def open_file(
    path: Path, *, busy_timeout: float = BUSY_TIMEOUT, mode: str = "rw"
) -> sqlite3.Connection:
    """Open an existing SQLite file with the settings of every connection; checks nothing."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
    )
    # FULL: a commit is on disk when it returns, which promise 1 rests on. A store from
    # elsewhere may bring views and triggers: they may not call functions.
    for setting in ("synchronous = FULL", "foreign_keys = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {setting}")
    return connection


def lock_file(path: Path) -> BinaryIO:
    """
    Claim the store at *path* for one server, or for a command that needs it alone.

    Returns:
        The lock; closing it, or the end of the process, gives it up.

    Raises:
        StoreError: A server runs on this store, or the lock cannot be made.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        file = os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")
    except OSError as error:
        raise StoreError(f"{lock} cannot be made: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _give_to_owner(file.fileno(), path)
    except BlockingIOError:
        file.close()
        raise StoreError(f"{path}: the server is running on this store; stop it first") from None
    except OSError as error:
        file.close()
        raise StoreError(f"{lock} cannot be locked: {error.strerror}") from None
    return file


def refuse_foreign(path: Path) -> None:
    """
    Look at the first octets of a file.

    Raises:
        StoreError: It is missing, cannot be read, or is no SQLite file.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(_MAGIC))
    except FileNotFoundError:
        raise StoreError(f"there is no store at {path}: make one with `radiusmfa init`") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from None
    if start != _MAGIC:
        raise StoreError(f"{path} is damaged or not a store of radiusmfa: {_RESTORE}")


def claim_name(path: Path) -> None:
    """
    Make an empty file that only its owner can read, where none was.

    Raises:
        StoreError: It cannot be made, or is there already.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        raise StoreError(f"{path} is there already; nothing was changed") from None
    except OSError as error:
        raise StoreError(f"{path} cannot be made: {error.strerror}") from None


def remove(path: Path) -> None:
    """Remove a store and what SQLite put next to it."""
    for suffix in ("", *SIDE_FILES):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """Return *error* as one line that says what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreBusyError(f"{path} is busy: another process is writing; try again in a moment")
    if code == sqlite3.SQLITE_FULL:
        return StoreError(f"the disk of {path} is full; nothing was changed: make room, try again")
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM}:
        return StoreError(
            f"{path} cannot be written: look who owns it, its directory, and {path.name}-wal"
        )
    if code == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"the disk of {path} failed; nothing was changed: look at the disk, quotas and limits"
        )
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return StoreError(f"{path} is damaged: {_RESTORE}")
    return StoreError(f"{path}: {error}")


_RESTORE: Final = "put a backup in its place with `radiusmfa restore FILE`"


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _checked(
    path: Path, connection: sqlite3.Connection, vault: Vault, identity: tuple[int, int]
) -> Database:
    _bring_up_to_date(path, connection)
    facts = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    if facts.get("store_id") != vault.store_id:
        raise KeysError(f"the keys file {vault.path} belongs to another store than {path}")
    audit_key, pepper = (
        _unsealed(path, vault, name, facts.get(name)) for name in ("audit_key", "pepper")
    )
    if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        connection.execute("PRAGMA journal_mode = WAL")
    return Database(path, connection, vault, audit_key=audit_key, pepper=pepper, identity=identity)


def _unsealed(path: Path, vault: Vault, name: str, sealed: object) -> bytes:
    if not isinstance(sealed, bytes):
        raise StoreError(f"{path} is damaged: {_RESTORE}")
    return vault.open(sealed, f"meta|{name}")


def _bring_up_to_date(path: Path, connection: sqlite3.Connection) -> None:
    steps = migrations.steps()
    version = _version(path, connection)
    if version > max(steps):
        raise StoreError(
            f"store {path} was written by a newer radiusmfa (schema {version}, this one knows"
            f" {max(steps)}): install that version, or restore a backup"
        )
    if version < max(steps):
        connection.execute("BEGIN IMMEDIATE")
        migrations.migrate(
            connection, _version(path, connection), steps
        )  # somebody may have been faster
        connection.execute("COMMIT")


def _version(path: Path, connection: sqlite3.Connection) -> int:
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
    found = connection.execute(_VERSION).fetchone() if known else None
    if found is None or not isinstance(found[0], int) or found[0] < 1:
        raise StoreError(f"{path} is a SQLite file, but not a store of radiusmfa: {_RESTORE}")
    return int(found[0])


def _facts(vault: Vault) -> list[tuple[str, object]]:
    audit_key, pepper = secrets.token_bytes(KEY_OCTETS), secrets.token_bytes(KEY_OCTETS)
    return [
        ("store_id", vault.store_id),
        ("audit_key", vault.seal(audit_key, "meta|audit_key")),
        ("pepper", vault.seal(pepper, "meta|pepper")),
        ("audit_head", trail.head_record(audit_key, 0, trail.NOTHING_BEFORE)),
    ]


def _give_to_owner(descriptor: int, path: Path) -> None:
    # Made by root, the lock must still be the server's to take.
    if os.geteuid() == 0:
        with suppress(FileNotFoundError):
            owner = path.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
