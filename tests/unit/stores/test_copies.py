"""Tests of `radiusmfa.stores.copies`."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import sys
from typing import TYPE_CHECKING

import pytest

from radiusmfa.interfaces import KeysError, StoreError
from radiusmfa.stores import copies, database, people, rotation, tokens, trail
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import (
    ACTOR,
    NOBODY,
    NOW,
    SEED,
    Stock,
    device,
    enroll,
    full_disk,
    in_child,
    settle,
    totp,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def backup(stock: Stock, tmp_path: Path) -> Path:
    """A backup of a store with alice and her token; bob was added after it."""
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, totp("T1", "alice"))
        copies.take(store, ACTOR, tmp_path / "backup")
        settle(store, "bob")
    return tmp_path / "backup"


def _names(stock: Stock) -> list[str]:
    with stock.open() as store:
        assert trail.verify(store).fault is None
        return [person.name for person in people.everybody(store)]


def _hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


def _refusal(backup: Path, stock: Stock, kind: type[Exception] = StoreError) -> str:
    before = stock.dump()
    with pytest.raises(kind) as raised:
        copies.checked(backup, stock.path, Vault.read(stock.keys))
    assert stock.dump() == before
    assert _hidden(stock.folder) == []
    assert "\n" not in str(raised.value)
    assert ".restoring" not in str(raised.value)
    return str(raised.value)


def _spoil(backup: Path, *how: str) -> None:
    with sqlite3.connect(backup) as connection:
        for statement in how:
            connection.execute(statement)
    connection.close()


# -- taking --


def test_backup_overwrites_nothing(stock: Stock, tmp_path: Path) -> None:
    """A file that is there already stays, and the audit does not claim a backup."""
    (tmp_path / "backup").write_text("mine")
    with stock.open() as store, pytest.raises(StoreError, match="is there already"):
        copies.take(store, ACTOR, tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "mine"
    with stock.open() as store:
        assert trail.head(store.connection)[0] == 0


def test_backup_needs_its_folder(stock: Stock, tmp_path: Path) -> None:
    """Where no file can be made there is one line, and no audit line."""
    with stock.open() as store:
        with pytest.raises(StoreError, match="cannot be made: No such file"):
            copies.take(store, ACTOR, tmp_path / "no" / "backup")
        assert trail.head(store.connection)[0] == 0


def test_full_disk_leaves_no_backup(stock: Stock, tmp_path: Path) -> None:
    """Half a backup does not appear, under no name."""
    (tmp_path / "to").mkdir()
    with stock.open() as store:
        settle(store, *(f"user{at}" for at in range(500)))
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with full_disk(40_000), pytest.raises(StoreError, match=r"the disk of .*backup"):
            copies.take(store, ACTOR, tmp_path / "to" / "backup")
    assert list((tmp_path / "to").iterdir()) == []


def test_backup_is_one_whole_file(backup: Path, stock: Stock) -> None:
    """A backup is complete without the files that lie beside a store, and its owner's alone."""
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert _hidden(backup.parent) == []
    assert {path.name for path in backup.parent.glob("backup*")} == {"backup"}
    with database.connect(backup, Vault.read(stock.keys)) as copy:
        assert [person.name for person in people.everybody(copy)] == ["alice"]
        assert trail.verify(copy).fault is None


def test_backup_tells_its_size_and_is_audited(stock: Stock, tmp_path: Path) -> None:
    """The line of the backup stands in the store and in the backup itself."""
    with stock.open() as store:
        octets = copies.take(store, ACTOR, tmp_path / "backup")
        lines = list(trail.read(store))
    assert octets == (tmp_path / "backup").stat().st_size
    assert '"action":"backup"' in lines[-1][1]
    with database.connect(tmp_path / "backup", Vault.read(stock.keys)) as copy:
        assert list(trail.read(copy)) == lines


def test_backup_holds_no_seed_in_clear(backup: Path) -> None:
    """Without the keys a backup opens no door."""
    assert SEED not in backup.read_bytes()


def test_backup_is_taken_while_others_write(stock: Stock, tmp_path: Path) -> None:
    """A server that has its write lock for the moment of a turn does not spoil the copy."""
    with stock.open() as writer, stock.open() as store:
        settle(writer, "alice")
        copies.take(store, ACTOR, tmp_path / "backup")
        settle(writer, "bob")
    with database.connect(tmp_path / "backup", Vault.read(stock.keys)) as copy:
        assert [person.name for person in people.everybody(copy)] == ["alice"]


def test_two_backups_at_once_do_not_mix(stock: Stock, tmp_path: Path) -> None:
    """What another process is writing for the same name is not touched."""
    others = tmp_path / f".backup.backup-{os.getpid() + 1}"
    others.write_text("half")
    with stock.open() as store:
        copies.take(store, ACTOR, tmp_path / "backup")
    assert others.read_text() == "half"


# -- checking --


def test_missing_backup_is_refused(stock: Stock, tmp_path: Path) -> None:
    """A name with a typing error is one line."""
    assert _refusal(tmp_path / "no", stock) == f"there is no backup {tmp_path / 'no'}"


@pytest.mark.parametrize(
    ("how", "kind", "why"),
    [
        pytest.param(
            lambda path: path.write_text("text"), StoreError, "is damaged or not a", id="text"
        ),
        pytest.param(
            lambda path: _spoil(path, "UPDATE meta SET value = 99 WHERE name = 'schema_version'"),
            StoreError,
            "newer radiusmfa",
            id="newer",
        ),
        pytest.param(
            lambda path: _spoil(path, "UPDATE audit SET line = '{}' WHERE seq = 2"),
            StoreError,
            "its audit does not verify, line 2",
            id="audit-changed",
        ),
        pytest.param(
            lambda path: _spoil(path, "DELETE FROM audit WHERE seq = 3"),
            StoreError,
            "its audit does not verify, line 3",
            id="audit-cut",
        ),
        pytest.param(
            lambda path: _spoil(path, "UPDATE tokens SET user = NULL"),
            KeysError,
            "does not open",
            id="token-of-somebody-else",
        ),
        pytest.param(
            lambda path: _spoil(path, "UPDATE tokens SET seed = zeroblob(50)"),
            KeysError,
            "not sealed",
            id="seed-changed",
        ),
        pytest.param(
            lambda path: os.truncate(path, path.stat().st_size // 2),
            StoreError,
            "is damaged",
            id="cut",
        ),
        pytest.param(
            lambda path: _spoil(path, "DROP TABLE tokens"), StoreError, "no such table", id="table"
        ),
    ],
)
def test_bad_backup_is_refused(
    how: Callable[[Path], object], kind: type[Exception], why: str, backup: Path, stock: Stock
) -> None:
    """A backup that is damaged, tampered with or too new never takes the store's place."""
    how(backup)
    assert why in _refusal(backup, stock, kind)


def test_damaged_index_is_found(backup: Path, stock: Stock) -> None:
    """Damage that no query of ours would meet is found too."""
    _spoil(
        backup,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = 'CREATE INDEX tokens_of_user ON tokens (serial)'"
        " WHERE name = 'tokens_of_user'",
    )
    assert "is damaged" in _refusal(backup, stock)


def test_backup_of_another_store_is_refused(backup: Path, tmp_path: Path) -> None:
    """A backup belongs to its keys."""
    (tmp_path / "other").mkdir()
    other = Stock(tmp_path / "other")
    assert "belongs to another store" in _refusal(backup, other, KeysError)


def test_backup_from_before_a_rotation_needs_its_keys(backup: Path, stock: Stock) -> None:
    """With keys that were rotated since, the refusal says which key is missing."""
    with stock.open() as store:
        rotation.rotate(store, ACTOR, keep=False)
    assert "key 1 is missing; bring back" in _refusal(backup, stock, KeysError)


def test_full_disk_refuses_the_restore(backup: Path, stock: Stock) -> None:
    """If the copy does not fit, the store stays and nothing lies beside it."""
    vault = Vault.read(stock.keys)
    with full_disk(20_000), pytest.raises(StoreError, match=r"the disk of .*backup"):
        copies.checked(backup, stock.path, vault)
    assert _hidden(stock.folder) == []
    assert _names(stock) == ["alice", "bob"]


def test_folder_of_the_store_must_be_there(backup: Path, stock: Stock, tmp_path: Path) -> None:
    """A restore to a folder that does not exist is one line."""
    with pytest.raises(StoreError, match="cannot be made: No such file"):
        copies.checked(backup, tmp_path / "no" / "it.db", Vault.read(stock.keys))


def test_backup_itself_is_not_changed(backup: Path, stock: Stock) -> None:
    """Checking and discarding leaves the backup as it was, and no file beside either."""
    before = backup.read_bytes()
    (stock.folder / ".it.db.restoring").write_text("left by a run that was killed")
    copies.discard(copies.checked(backup, stock.path, Vault.read(stock.keys)))
    assert backup.read_bytes() == before
    assert _hidden(stock.folder) == []
    assert _names(stock) == ["alice", "bob"]


# -- putting in place --


def _restore(backup: Path, stock: Stock) -> Path | None:
    copy = copies.checked(backup, stock.path, Vault.read(stock.keys))
    return copies.put_in_place(copy, stock.path, NOW)


def test_old_store_is_kept(backup: Path, stock: Stock) -> None:
    """The store that was replaced lies beside the new one, whole, with all that was written."""
    aside = _restore(backup, stock)
    assert aside == stock.path.with_name("it.db.before-20270115T080000Z")
    assert _names(stock) == ["alice"]
    stock.path = aside
    assert _names(stock) == ["alice", "bob"]


def test_each_replaced_store_is_kept(backup: Path, stock: Stock) -> None:
    """Two restores in one second keep two stores."""
    names = [_restore(backup, stock), _restore(backup, stock)]
    assert [path.name for path in names if path] == [
        "it.db.before-20270115T080000Z",
        "it.db.before-20270115T080000Z-1",
    ]


def test_restore_where_no_store_is(backup: Path, stock: Stock) -> None:
    """A store that was lost comes back; there is nothing to keep."""
    database.remove(stock.path)
    assert _restore(backup, stock) is None
    assert _names(stock) == ["alice"]
    with stock.open() as store:
        assert tokens.show(store, "T1").user == "alice"


def test_damaged_store_is_replaced_and_kept(backup: Path, stock: Stock) -> None:
    """A store that cannot be read is no obstacle; it is kept as it is."""
    stock.path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    damaged = stock.path.read_bytes()
    aside = _restore(backup, stock)
    assert aside is not None
    assert aside.read_bytes() == damaged
    assert _names(stock) == ["alice"]


def test_log_of_the_old_store_is_not_applied_to_the_new(backup: Path, stock: Stock) -> None:
    """What a killed server left in its log belongs to the old store alone."""

    def work() -> None:
        store = stock.open()
        settle(store, "carl")
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work) == (None, signal.SIGKILL)
    assert stock.path.with_name("it.db-wal").stat().st_size
    aside = _restore(backup, stock)
    assert _names(stock) == ["alice"]
    assert aside is not None
    stock.path = aside
    assert _names(stock) == ["alice", "bob", "carl"]


def test_new_store_has_the_owner_and_mode_of_the_old(backup: Path, stock: Stock) -> None:
    """A restore by root leaves a store that the server can write."""
    stock.path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(stock.path, NOBODY, NOBODY)
    owner = stock.path.stat().st_uid
    _restore(backup, stock)
    found = stock.path.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (owner, 0o640)


def test_new_store_has_the_owner_of_its_folder(backup: Path, stock: Stock) -> None:
    """Where no store was, the folder tells whose the new one is."""
    database.remove(stock.path)
    if os.geteuid() == 0:
        os.chown(stock.folder, NOBODY, NOBODY)
    owner = stock.folder.stat().st_uid
    _restore(backup, stock)
    assert stock.path.stat().st_uid == owner


def test_failed_replacing_is_explained(backup: Path, stock: Stock) -> None:
    """If the store cannot be replaced, one line says so."""
    copy = copies.checked(backup, stock.path, Vault.read(stock.keys))
    database.remove(stock.path)
    stock.path.mkdir()
    with pytest.raises(StoreError, match="cannot be replaced"):
        copies.put_in_place(copy, stock.path, NOW)
    copies.discard(copy)
    assert _hidden(stock.folder) == []


def test_full_disk_at_the_last_moment_is_explained(backup: Path, stock: Stock) -> None:
    """If the copy's last changes do not fit, the store stays."""
    copy = copies.checked(backup, stock.path, Vault.read(stock.keys))
    settle(copy, *(f"user{at}" for at in range(50)))
    with full_disk(30_000), pytest.raises(StoreError, match=r"the disk of .*it\.db"):
        copies.put_in_place(copy, stock.path, NOW)
    copies.discard(copy)
    assert _names(stock) == ["alice", "bob"]


@pytest.mark.parametrize("step", ["os.link", "os.remove", "os.rename"])
def test_kill_while_replacing_leaves_a_whole_store(step: str, backup: Path, stock: Stock) -> None:
    """After kill -9 at any step of a restore there is the old store or the new one, whole."""

    def work() -> None:
        copy = copies.checked(backup, stock.path, Vault.read(stock.keys))
        sys.addaudithook(
            lambda event, _: os.kill(os.getpid(), signal.SIGKILL) if event == step else None
        )
        copies.put_in_place(copy, stock.path, NOW)

    assert in_child(work) == (None, signal.SIGKILL)
    assert _names(stock) == ["alice", "bob"]
    assert _restore(backup, stock) is not None
    assert _names(stock) == ["alice"]


def test_kill_while_a_backup_is_taken_leaves_no_backup(stock: Stock, tmp_path: Path) -> None:
    """A backup that did not finish does not have its name, and the next one does."""

    def work() -> None:
        with stock.open() as store:
            store.connection.set_trace_callback(
                lambda one: os.kill(os.getpid(), signal.SIGKILL) if "COMMIT" in one else None
            )
            copies.take(store, ACTOR, tmp_path / "backup")

    assert in_child(work) == (None, signal.SIGKILL)
    assert not (tmp_path / "backup").exists()
    with stock.open() as store:
        copies.take(store, ACTOR, tmp_path / "backup")
    shutil.copy(tmp_path / "backup", stock.path)
    assert _names(stock) == []


def test_numbers_are_looked_at_too(stock: Stock, tmp_path: Path) -> None:
    """A backup whose numbers do not open is refused before it is put in place."""
    with stock.open() as store:
        settle(store, "alice")
        device(store, "alice", "sms", "+491701234567", serial="S1")
        copies.take(store, ACTOR, tmp_path / "whole")
        store.connection.execute("UPDATE tokens SET seed = zeroblob(60)")
        copies.take(store, ACTOR, tmp_path / "damaged")
    _refusal(tmp_path / "damaged", stock, KeysError)
    copy = copies.checked(tmp_path / "whole", stock.path, Vault.read(stock.keys))
    assert tokens.show(copy, "S1").to == "***4567"
    copies.discard(copy)
