"""
Copies of the store: take one while the server runs, check one, put one in its place.

A copy is one file without the keys. It appears under its name when it is complete.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, Final

from radiusmfa.interfaces import KeysError, StoreError
from radiusmfa.stores import database, trail
from radiusmfa.stores.people import seed_place
from radiusmfa.stores.vault import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor
    from radiusmfa.stores.vault import Vault

_MOST_ASIDE: Final = 1000


def take(store: Database, actor: Actor, target: Path) -> int:
    """
    Copy the store as it is at one moment; others may write meanwhile.

    The audit line of the copy stands in the store and in the copy.

    Args:
        store: The store.
        actor: Who does it.
        target: A file that must not exist; only its owner will read it.

    Returns:
        How many octets the copy has.

    Raises:
        StoreError: It cannot be written; nothing is left behind.
    """
    _refuse_taken(target)
    # Of this process alone: two backups at once must not write into one file.
    work = _claimed(target, f"backup-{os.getpid()}")
    try:
        with store.transaction():
            trail.append(store, [actor.line("backup", detail=target.name)])
        _copy(store.connection, work, name=target)
        _refuse_taken(target)
        work.rename(target)
        sync_directory(target.parent)
    except OSError as error:
        raise StoreError(f"{target} cannot be made: {error.strerror}") from None
    finally:
        database.remove(work)
    return target.stat().st_size


def checked(backup: Path, store: Path, vault: Vault) -> Database:
    """
    Copy *backup* next to *store*, and check the copy: SQLite, schema, keys, audit.

    Returns:
        The open copy; `put_in_place` or `discard` ends it.

    Raises:
        StoreError: Damaged, of a newer version, with a broken audit, or unreadable.
        KeysError: It belongs to another store, or a seed does not open.
    """
    if not backup.exists():
        raise StoreError(f"there is no backup {backup}")
    database.refuse_foreign(backup)
    work = _claimed(store, "restoring")
    with ExitStack() as undo:
        undo.callback(database.remove, work)
        copy = _checked(backup, work, vault)
        undo.pop_all()
    return copy


def discard(copy: Database) -> None:
    """Forget a copy that was checked."""
    copy.close()
    database.remove(copy.path)


def put_in_place(copy: Database, store: Path, now: float) -> Path | None:
    """
    Put a checked copy in the place of *store*; the caller holds the store's lock.

    A kill at any moment leaves the old store or the new one, whole.

    Returns:
        Where the old store is now; None if there was none.

    Raises:
        StoreError: A file cannot be made or renamed.
    """
    try:
        copy.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        copy.close()
        _own_like(copy.path, store)
        _sync(copy.path)
        aside = _put_aside(store, now)
        copy.path.replace(store)
        sync_directory(store.parent)
    except OSError as error:
        raise StoreError(f"{store} cannot be replaced: {error.strerror}") from None
    except sqlite3.Error as error:
        raise database.explained(store, error) from None
    return aside


def _copy(source: sqlite3.Connection, work: Path, *, name: Path) -> None:
    try:
        with closing(database.open_file(work)) as target:
            source.backup(target)
            # One file: without this its first reader would make two more next to it.
            target.execute("PRAGMA journal_mode = DELETE")
        _sync(work)
    except sqlite3.Error as error:
        raise database.explained(name, error) from None


def _checked(backup: Path, work: Path, vault: Vault) -> Database:
    try:
        with closing(database.open_file(backup, mode="ro")) as connection:
            _copy(connection, work, name=backup)
        return _opened(work, vault)
    except sqlite3.Error as error:
        raise database.explained(backup, error) from None
    except OSError as error:
        raise StoreError(f"{backup} cannot be copied: {error.strerror}") from None
    except (StoreError, KeysError) as error:
        # The copy is ours alone: the person knows the file by its own name.
        raise type(error)(str(error).replace(str(work), str(backup))) from None


def _opened(work: Path, vault: Vault) -> Database:
    copy = database.connect(work, vault)
    try:
        _check(copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _check(copy: Database) -> None:
    connection = copy.connection
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if found != ("ok",):
        raise StoreError(f"{copy.path} is damaged: take another backup")
    verdict = trail.verify(copy)
    if verdict.fault is not None:
        raise StoreError(
            f"{copy.path}: its audit does not verify, line {verdict.at_seq}: {verdict.fault}"
        )
    for serial, user, seed in connection.execute("SELECT serial, user, seed FROM tokens"):
        copy.vault.open(seed, seed_place(serial, user))


def _put_aside(store: Path, now: float) -> Path | None:
    _write_out(store)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    names = (f"{store.name}.before-{stamp}{f'-{at}' if at else ''}" for at in range(_MOST_ASIDE))
    aside = next(path for name in names if not (path := store.with_name(name)).exists())
    # Second names first, so that no moment is without a complete old store; then the
    # side files go, because SQLite would apply them to whatever has the store's name.
    for suffix in ("", *database.SIDE_FILES):
        old = store.with_name(store.name + suffix)
        if old.exists():
            aside.with_name(aside.name + suffix).hardlink_to(old)
    for suffix in database.SIDE_FILES:
        store.with_name(store.name + suffix).unlink(missing_ok=True)
    return aside if store.exists() else None


def _write_out(store: Path) -> None:
    # Whatever its log holds goes into the file itself. A damaged store stays as it is.
    with suppress(sqlite3.Error), closing(database.open_file(store)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _claimed(path: Path, purpose: str) -> Path:
    work = path.with_name(f".{path.name}.{purpose}")
    with suppress(NotADirectoryError):
        database.remove(work)  # left by a run that was killed
    try:
        database.claim_name(work)
    except StoreError as error:
        raise StoreError(str(error).replace(str(work), str(path))) from None
    return work


def _refuse_taken(target: Path) -> None:
    if target.exists():
        raise StoreError(f"{target} is there already; nothing was changed")


def _own_like(work: Path, store: Path) -> None:
    try:
        wanted = store.stat()
        work.chmod(wanted.st_mode & 0o777)
    except FileNotFoundError:
        wanted = store.parent.stat()
    if os.geteuid() == 0:
        os.chown(work, wanted.st_uid, wanted.st_gid)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
