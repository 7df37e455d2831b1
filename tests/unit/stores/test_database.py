"""Tests of `radiusmfa.stores.database`."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from radiusmfa.interfaces import KeysError, StoreBusyError, StoreError
from radiusmfa.stores import database, migrations, people, rotation, trail
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import ACTOR, NOBODY, Stock, full_disk, in_child, open_folder, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database

ADD = "INSERT INTO users (name, created) VALUES (?, 0)"
NEWEST = max(migrations.steps())


def _refusal(stock: Stock, kind: type[Exception] = StoreError) -> str:
    with pytest.raises(kind) as raised:
        stock.open()
    assert "\n" not in str(raised.value)
    return str(raised.value)


def _spoil(stock: Stock, how: str, *values: object) -> None:
    with stock.raw() as connection:
        connection.execute(how, values)


def test_missing_store_is_refused(stock: Stock) -> None:
    """Without a store there is a line that says so, and none is made by the way."""
    stock.path.unlink()
    assert "there is no store at" in _refusal(stock)
    assert not stock.path.exists()


@pytest.mark.parametrize(
    "octets",
    [b"", b"SQLite format 3", b"hello, this is a text file", b"\0" * 4096],
    ids=["empty", "cut", "text", "zeros"],
)
def test_file_that_is_no_store_is_refused(octets: bytes, stock: Stock) -> None:
    """A file of another kind is told apart from a store by its first octets, and left alone."""
    stock.path.write_bytes(octets)
    assert "is damaged or not a store" in _refusal(stock)
    assert stock.path.read_bytes() == octets


def test_folder_is_no_store(stock: Stock) -> None:
    """A folder in the store's place is one line."""
    stock.path.unlink()
    stock.path.mkdir()
    assert "cannot be read: Is a directory" in _refusal(stock)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        pytest.param("DROP TABLE meta", "but not a store of radiusmfa", id="other-program"),
        pytest.param(
            "DELETE FROM meta WHERE name = 'schema_version'", "but not a", id="no-version"
        ),
        pytest.param("UPDATE meta SET value = 'x'", "but not a store", id="version-of-text"),
        pytest.param("UPDATE meta SET value = 0", "but not a store", id="version-0"),
        pytest.param(
            "UPDATE meta SET value = 99 WHERE name = 'schema_version'",
            f"written by a newer radiusmfa (schema 99, this one knows {NEWEST})",
            id="newer",
        ),
        pytest.param("DELETE FROM meta WHERE name = 'pepper'", "is damaged", id="no-pepper"),
        pytest.param(
            "UPDATE meta SET value = 7 WHERE name = 'audit_key'", "is damaged", id="odd-key"
        ),
    ],
)
def test_foreign_or_newer_store_is_refused(how: str, why: str, stock: Stock) -> None:
    """A store that this version does not know is refused and stays as it is."""
    _spoil(stock, how)
    before = stock.dump()
    assert why in _refusal(stock)
    assert stock.dump() == before


def test_keys_of_another_store_are_refused(stock: Stock, tmp_path: Path) -> None:
    """The wrong keys file is found before anything is read or written with it."""
    stock.keys = tmp_path / "other"
    Vault.create(stock.keys)
    assert "belongs to another store" in _refusal(stock, KeysError)


def test_keys_of_another_store_with_its_name_are_refused(stock: Stock, tmp_path: Path) -> None:
    """Somebody who writes the right store's name into other keys gets no further."""
    other = Vault.create(tmp_path / "other")
    right = Vault.read(stock.keys)
    stock.keys.write_text(other.text().replace(other.store_id, right.store_id))
    assert "does not open a value in the store" in _refusal(stock, KeysError)


def test_damaged_store_is_explained(stock: Stock) -> None:
    """Damage inside the file is one line that names the way back."""
    with stock.open() as store:
        settle(store, *(f"user{at}" for at in range(2000)))
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    size = stock.path.stat().st_size
    with stock.path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size // 4))
    with stock.open() as store, pytest.raises(StoreError, match="is damaged: put a backup"):
        people.everybody(store)


def test_damaged_header_is_explained(stock: Stock) -> None:
    """Damage behind the first octets is one line too."""
    with stock.path.open("r+b") as file:
        file.seek(16)
        file.write(b"\xff" * 200)
    assert "is damaged" in _refusal(stock)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        (sqlite3.SQLITE_BUSY, StoreBusyError, "is busy"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusyError, "is busy"),
        (sqlite3.SQLITE_LOCKED, StoreBusyError, "is busy"),
        (sqlite3.SQLITE_FULL, StoreError, "is full; nothing was changed"),
        (sqlite3.SQLITE_READONLY, StoreError, "cannot be written"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, StoreError, "cannot be written"),
        (sqlite3.SQLITE_CANTOPEN, StoreError, "cannot be written"),
        (sqlite3.SQLITE_PERM, StoreError, "cannot be written"),
        (sqlite3.SQLITE_IOERR_WRITE, StoreError, "failed; nothing was changed"),
        (sqlite3.SQLITE_CORRUPT, StoreError, "is damaged: put a backup"),
        (sqlite3.SQLITE_NOTADB, StoreError, "is damaged: put a backup"),
        (sqlite3.SQLITE_TOOBIG, StoreError, "it.db: odd"),
    ],
)
def test_errors_of_sqlite_are_explained(code: int, kind: type[StoreError], words: str) -> None:
    """Whatever SQLite says becomes one line that names the file and what to do."""
    error = sqlite3.OperationalError("odd")
    error.sqlite_errorcode = code
    explained = database.explained(Path("it.db"), error)
    assert type(explained) is kind
    assert words in str(explained)
    assert "it.db" in str(explained)


def test_full_file_changes_nothing(store: Database, stock: Stock) -> None:
    """When the store can grow no more, the whole transaction is undone and said so."""
    before = stock.dump()
    (pages,) = store.connection.execute("PRAGMA page_count").fetchone()
    store.connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="is full; nothing was changed"), store.transaction() as at:
        at.executemany(ADD, [(f"user{number}" * 20,) for number in range(1000)])
    assert stock.dump() == before


def test_full_disk_changes_nothing(stock: Stock) -> None:
    """When the disk can hold no more, nothing is half done, and the store works on."""
    before = stock.dump()
    with stock.open() as store:
        refused = pytest.raises(StoreError, match=r"the disk of .*nothing was changed")
        with full_disk(stock.path.stat().st_size), refused, store.transaction() as connection:
            connection.executemany(ADD, [(f"user{number}" * 50,) for number in range(5000)])
    assert stock.dump() == before
    with stock.open() as store:
        settle(store, "alice")
        assert trail.verify(store).fault is None


def test_full_disk_leaves_no_new_store(tmp_path: Path) -> None:
    """A store that cannot be made leaves nothing behind."""
    vault = Vault.create(tmp_path / "keys")
    with full_disk(8192), pytest.raises(StoreError):
        database.create(tmp_path / "it.db", vault)
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_store_is_never_overwritten(stock: Stock) -> None:
    """A new store is not made where something is."""
    before = stock.path.read_bytes()
    with pytest.raises(StoreError, match="is there already; nothing was changed"):
        database.create(stock.path, Vault.read(stock.keys))
    assert stock.path.read_bytes() == before


def test_store_needs_its_folder(stock: Stock) -> None:
    """Where no file can be made there is one line."""
    with pytest.raises(StoreError, match="cannot be made: No such file"):
        database.create(stock.folder / "no" / "it.db", Vault.read(stock.keys))


def test_new_store_is_its_owners_alone(stock: Stock) -> None:
    """Others can neither read the store nor what SQLite puts next to it."""
    with stock.open() as store:
        settle(store, "alice")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stock.folder.iterdir()}
    assert modes == dict.fromkeys(["it.db", "it.db-wal", "it.db-shm", "keys"], 0o600)


def _as_nobody(mode: int, work: Callable[[Stock], object]) -> None:
    with open_folder() as folder:
        stock = Stock(folder)
        if os.geteuid() == 0:
            for path in folder.iterdir():
                os.chown(path, NOBODY, NOBODY)
        folder.chmod(mode)
        try:
            in_child(lambda: work(stock), user=NOBODY)
        finally:
            folder.chmod(0o755)


def test_folder_that_cannot_be_written_is_explained() -> None:
    """A store in a read-only folder cannot be used; the line says where to look."""
    with pytest.raises(StoreError, match="cannot be written: look who owns it, its directory"):
        _as_nobody(0o555, lambda stock: settle(stock.open(), "alice"))


def test_store_that_cannot_be_read_is_explained() -> None:
    """A store that belongs to somebody else is one line."""

    def work(stock: Stock) -> None:
        stock.path.chmod(0)
        stock.open()

    with pytest.raises(StoreError, match="cannot be read: Permission denied"):
        _as_nobody(0o755, work)


def test_store_that_cannot_be_written_is_explained() -> None:
    """A store that may only be read cannot be used by a command that writes."""

    def work(stock: Stock) -> None:
        stock.path.chmod(0o400)
        settle(stock.open(), "alice")

    with pytest.raises(StoreError, match="cannot be written"):
        _as_nobody(0o755, work)


def test_lock_in_a_read_only_folder_is_explained() -> None:
    """Where no lock can be made no server runs."""
    with pytest.raises(StoreError, match=r"lock cannot be made: Permission denied"):
        _as_nobody(0o555, lambda stock: database.lock_file(stock.path).close())


def test_error_inside_undoes_everything(store: Database, stock: Stock) -> None:
    """An error in the middle of a change leaves the store as it was, and free."""
    before = stock.dump()

    def change() -> None:
        with store.transaction() as connection:
            connection.execute(ADD, ("alice",))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert stock.dump() == before
    settle(store, "alice")


def test_refused_statement_undoes_everything(store: Database) -> None:
    """A constraint that is broken half way undoes what came before it."""
    with pytest.raises(StoreError, match="UNIQUE"), store.transaction() as connection:
        connection.executemany(ADD, [("alice",), ("alice",)])
    assert people.everybody(store) == []


def test_kill_in_the_middle_changes_nothing(stock: Stock) -> None:
    """After kill -9 in a transaction the store is as it was before, and works."""
    before = stock.dump()

    def work() -> None:
        with stock.open() as store, store.transaction() as connection:
            connection.executemany(ADD, [(f"user{at}" * 50,) for at in range(20_000)])
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work) == (None, signal.SIGKILL)
    assert stock.dump() == before
    with stock.open() as store:
        settle(store, "alice")
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_others_who_write_are_waited_for_and_then_named(stock: Stock) -> None:
    """While somebody else holds the write lock a change is refused, and can be tried again."""
    with stock.open() as one, stock.open() as other:
        with one.transaction(), pytest.raises(StoreBusyError, match="another process is writing"):
            settle(other, "alice")
        settle(other, "alice")
        assert [person.name for person in people.everybody(one)] == ["alice"]


def test_reading_shows_one_moment(stock: Stock) -> None:
    """What is read together belongs together, also while others write; readers stop nobody."""
    with stock.open() as reader, stock.open() as writer:
        with reader.reading() as connection:
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
            settle(writer, "alice")
            assert connection.execute("SELECT count(*) FROM users").fetchone() == (0,)
        assert len(people.everybody(reader)) == 1


def test_change_with_keys_that_were_rotated_meanwhile_is_refused(stock: Stock) -> None:
    """A seed sealed with a key that has left the file would be lost: the change is refused."""
    with stock.open() as slow:
        with stock.open() as store:
            rotation.rotate(store, ACTOR, keep=False)
        with pytest.raises(KeysError, match="the keys were rotated meanwhile"):
            settle(slow, "alice")
    with stock.open() as store:
        settle(store, "alice")


def test_change_between_two_steps_of_a_rotation_is_allowed(stock: Stock) -> None:
    """As long as the store is sealed with a key that is known, changes go on."""
    with stock.open() as slow:
        slow.vault.with_new_key().replace()
        settle(slow, "alice")
    with stock.open() as newer:
        settle(newer, "bob")


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "replaced"])
def test_change_of_a_store_that_was_replaced_is_refused(
    stock: Stock, tmp_path: Path, *, is_gone: bool
) -> None:
    """What would go into a file that was put aside would be lost: the change is refused."""
    with stock.open() as slow:
        stock.path.rename(tmp_path / "aside")
        if not is_gone:
            shutil.copy(tmp_path / "aside", stock.path)
        with pytest.raises(StoreError, match="was replaced meanwhile"):
            settle(slow, "alice")


def test_change_without_its_audit_key_is_refused(store: Database, stock: Stock) -> None:
    """A store that lost its audit's key while open takes no change that nobody could verify."""
    _spoil(stock, "DELETE FROM meta WHERE name = 'audit_key'")
    with pytest.raises(KeysError):
        settle(store, "alice")


def test_every_commit_is_on_disk(store: Database) -> None:
    """The settings that promise 1 rests on: full synchronization, and a log before the file."""
    assert store.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
    assert store.connection.execute("PRAGMA foreign_keys").fetchone() == (1,)


def test_other_journal_is_set_right(stock: Stock) -> None:
    """A store that another program left in another journal mode gets ours again."""
    _spoil(stock, "PRAGMA journal_mode = DELETE")
    with stock.open() as store:
        assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_older_store_is_brought_up_to_date(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening an older store takes it to the newest schema in one step, or leaves it."""
    newer = migrations.steps() | {
        NEWEST + 1: "CREATE TABLE later (x);",
        NEWEST + 2: "no SQL;",
    }
    before = stock.dump()
    monkeypatch.setattr(migrations, "steps", lambda: newer)
    assert "syntax error" in _refusal(stock)
    assert stock.dump() == before
    newer[NEWEST + 2] = "INSERT INTO later VALUES (1);"
    with stock.open() as store:
        assert store.connection.execute("SELECT x FROM later").fetchone() == (1,)
    with stock.open() as store:
        assert store.connection.execute("SELECT count(*) FROM later").fetchone() == (1,)


def test_one_server_has_the_store(stock: Stock) -> None:
    """A second server, or a command that needs the store alone, is refused until the first ends."""
    first = database.lock_file(stock.path)
    with pytest.raises(StoreError, match="the server is running on this store; stop it first"):
        database.lock_file(stock.path)
    first.close()
    database.lock_file(stock.path).close()


def test_lock_ends_with_its_process(stock: Stock) -> None:
    """A server that was killed leaves no lock that somebody must remove."""

    def work() -> None:
        database.lock_file(stock.path)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work) == (None, signal.SIGKILL)
    database.lock_file(stock.path).close()


def test_lock_belongs_to_the_stores_owner(stock: Stock) -> None:
    """A lock that root made can still be taken by the server."""
    if os.geteuid() == 0:
        os.chown(stock.path, NOBODY, NOBODY)
    database.lock_file(stock.path).close()
    found = (stock.folder / "it.db.lock").stat()
    assert found.st_uid == stock.path.stat().st_uid
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_lock_needs_its_folder(tmp_path: Path) -> None:
    """Where no file can be made there is one line."""
    with pytest.raises(StoreError, match="cannot be made: No such file"):
        database.lock_file(tmp_path / "no" / "it.db")


def test_copy_in_memory_has_everything_and_changes_nothing(store: Database, stock: Stock) -> None:
    """What is tried on a copy in memory begins with the store as it is, and leaves it so."""
    settle(store, "alice")
    before = stock.dump()
    with store.in_memory() as copy:
        settle(copy, "bob")
        assert [one.name for one in people.everybody(copy)] == ["alice", "bob"]
    assert stock.dump() == before


def test_copy_of_a_store_that_cannot_be_read_is_explained(stock: Stock) -> None:
    """A store that fails while it is copied is one line."""
    store = stock.open()
    store.close()
    with pytest.raises(StoreError, match=r"it\.db"):
        store.in_memory()


def test_lock_needs_no_store(tmp_path: Path) -> None:
    """A restore to an empty place takes the lock too."""
    database.lock_file(tmp_path / "it.db").close()
    assert (tmp_path / "it.db.lock").exists()


def test_removing_takes_what_lies_beside(stock: Stock) -> None:
    """A store is removed with the files that SQLite put next to it."""
    for suffix in database.SIDE_FILES:
        stock.path.with_name(stock.path.name + suffix).touch()
    database.remove(stock.path)
    assert [path.name for path in stock.folder.iterdir()] == ["keys"]
