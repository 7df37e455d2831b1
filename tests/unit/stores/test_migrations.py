"""Tests of `radiusmfa.stores.migrations`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.model import Factors
from radiusmfa.login.account import Kind
from radiusmfa.login.throttle import Failures
from radiusmfa.stores import copies, granting, migrations, names, people, restoring, trail
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import ACTOR, NOW, Stock, enroll, settle, totp

if TYPE_CHECKING:
    from pathlib import Path

META = "CREATE TABLE meta (name PRIMARY KEY, value)"


def test_steps_of_the_schema_are_taken_in_order(tmp_path: Path) -> None:
    """An older store gets the steps it lacks, each once, and its number."""
    steps = {
        2: "CREATE TABLE b (x);\n-- a word; with a semicolon\nINSERT INTO b SELECT x FROM a;\n",
        10: "CREATE TABLE c AS\n  SELECT x + 1 AS x FROM b;\n",
        1: "not SQL: it was taken before;",
    }
    with closing(sqlite3.connect(tmp_path / "it", isolation_level=None)) as connection:
        connection.executescript(f"{META}; CREATE TABLE a AS SELECT 6 AS x;")
        connection.execute("BEGIN")
        migrations.migrate(connection, 1, steps)
        connection.execute("COMMIT")
        assert connection.execute("SELECT x FROM c").fetchone() == (7,)
        assert connection.execute("SELECT value FROM meta").fetchone() == (10,)


def test_step_that_fails_ends_the_migration(tmp_path: Path) -> None:
    """A step that cannot be taken is an error, and the caller's transaction undoes all."""
    with closing(sqlite3.connect(tmp_path / "it", isolation_level=None)) as connection:
        connection.execute(META)
        connection.execute("BEGIN")
        with pytest.raises(sqlite3.OperationalError):
            migrations.migrate(connection, 0, {1: "CREATE TABLE a (x);", 2: "no SQL;"})
        connection.execute("ROLLBACK")
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [
            ("meta",),
            ("sqlite_autoindex_meta_1",),
        ]


def test_newest_schema_takes_no_step(tmp_path: Path) -> None:
    """A store that is up to date is not touched."""
    with closing(sqlite3.connect(tmp_path / "it", isolation_level=None)) as connection:
        migrations.migrate(connection, 2, {1: "no SQL;", 2: "no SQL;"})
        assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_shipped_steps_begin_at_one_without_a_gap() -> None:
    """Every step that is shipped can be reached, and is SQL that ends."""
    found = migrations.steps()
    assert sorted(found) == list(range(1, len(found) + 1))
    assert all(text.rstrip().endswith(";") for text in found.values())


# -- version 1 to version 2 --

# Each with an odd digest or an end in the future, as a store of version 1 may hold them.
FAILED = [
    (1, "oath", "vpn", 3, 1_800_000_000, 1_800_000_060, b"digest\0\xff"),
    (1, "password", "vpn", 12, 1_799_999_999, 1_800_000_900, b""),
    (2, "recovery", "wifi", 1, 1_700_000_000, 0, b"8 octets"),
]
OPEN = [
    ("0early", "192.0.2.1", 1, '["id1", "auto", 0]', 10, 70),
    ("0late", "2001:db8::1", 2, '["id2", "challenge", 1]', 20.5, 80.5),
]


# The tables that came with the steps, and are empty after one.
LATER = {
    2: ("upstream_users",),
    3: ("aliases", "user_groups", "approvals", "remembered"),
}


def _made(folder: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """Return a store as it was made when *version* was the newest."""
    known = {number: step for number, step in migrations.steps().items() if number <= version}
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "steps", lambda: known)
        return Stock(folder)


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """A store of version 1: people, a token, failures, open challenges."""
    stock = _made(tmp_path, 1, monkeypatch)
    with stock.raw() as sql:
        sql.executemany("INSERT INTO users (name, created) VALUES (?, 5)", [("alice",), ("bob",)])
        sql.executemany("INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)", FAILED)
        sql.executemany("INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?)", OPEN)
        sql.execute("INSERT INTO recovery VALUES (1, x'00ff')")
        sql.execute("INSERT INTO used VALUES (10, 1)")
        assert sql.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone() == (
            1,
        )
    return stock


def _rows(stock: Stock) -> dict[str, list[tuple[Any, ...]]]:
    with stock.raw() as sql:
        names = sql.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sql.execute(f"SELECT * FROM {name}").fetchall()  # noqa: S608 - a table's own name
            for (name,) in names
            if not name.startswith("sqlite_")
        }


def test_version_1_is_taken_over_whole(old: Stock) -> None:
    """Every row of every table is there after the migration, and nobody is assigned yet."""
    before = _rows(old)
    old.open().close()
    after = _rows(old)
    for table in (*LATER[2], *LATER[3]):
        assert after.pop(table) == []
    meta = dict(after.pop("meta"))
    assert meta.pop("schema_version") == max(migrations.steps())
    assert meta.items() <= dict(before.pop("meta")).items()
    assert sorted(after["failures"]) == sorted(FAILED)
    assert after == before


@pytest.mark.parametrize("version", [1, 2])
def test_older_store_gets_the_schema_of_a_new_one(
    version: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that was migrated is built as a new one is, but for the spelling of its SQL."""
    (tmp_path / "new").mkdir()
    fresh, stock = Stock(tmp_path / "new"), _made(tmp_path, version, monkeypatch)
    stock.open().close()

    def built(stock: Stock) -> list[tuple[str, str]]:
        with stock.raw() as sql:
            return sql.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()

    assert built(stock) == built(fresh)


def test_logins_go_on_after_the_migration(old: Stock) -> None:
    """Locks hold, open challenges can be answered, and an upstream's refusals have room."""
    with old.open() as store:
        logins = Logins(store)
        logins.begin()
        alice = logins.user(b"alice")
        assert alice is not None
        assert alice.failures == {
            (Kind.OATH, "vpn"): Failures(*FAILED[0][3:]),
            (Kind.PASSWORD, "vpn"): Failures(*FAILED[1][3:]),
        }
        assert alice.upstreams == {}
        assert [(entry.state, entry.user) for entry in logins.challenges()] == [
            (b"0early", 1),
            (b"0late", 2),
        ]
        logins.put_failures(alice, Kind.UPSTREAM, "vpn", Failures(1, 2, 3, b"4"))
        logins.commit()
        settle(store, "carl")
        enroll(store, totp("T9", "carl"))
        assert trail.verify(store).fault is None
    assert (1, "upstream", "vpn", 1, 2, 3, b"4") in _rows(old)["failures"]


def test_kind_of_failure_that_nobody_knows_is_refused(old: Stock) -> None:
    """The table of failures still takes the kinds that there are, and no other."""
    old.open().close()
    with old.raw() as sql, pytest.raises(sqlite3.IntegrityError):
        sql.execute("INSERT INTO failures VALUES (1, 'face', 'vpn', 1, 1, 1, x'')")


# -- version 2 to version 3 --


@pytest.fixture
def second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """A store of version 2: people, one of them assigned to an upstream, and what failed."""
    stock = _made(tmp_path, 2, monkeypatch)
    with stock.raw() as sql:
        sql.executemany("INSERT INTO users (name, created) VALUES (?, 5)", [("alice",), ("bob",)])
        sql.execute("INSERT INTO upstream_users VALUES (1, 'rsa', 'ASmith')")
        sql.executemany("INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)", FAILED)
        sql.execute("INSERT INTO failures VALUES (2, 'upstream', 'vpn', 1, 2, 3, x'04')")
        sql.executemany("INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?)", OPEN)
        assert sql.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone() == (
            2,
        )
    return stock


def test_version_2_is_taken_over_whole(second: Stock) -> None:
    """Every row of every table is there after the migration, and the new tables are empty."""
    before = _rows(second)
    second.open().close()
    after = _rows(second)
    for table in LATER[3]:
        assert after.pop(table) == []
    meta = dict(after.pop("meta"))
    assert meta.pop("schema_version") == max(migrations.steps())
    assert meta.items() <= dict(before.pop("meta")).items()
    assert after == before


def test_version_2_takes_what_is_new(second: Stock) -> None:
    """People of before get aliases, groups and approvals; a backup of before can be restored."""
    with second.open() as store:
        names.add_aliases(store, ACTOR, "alice", ["asmith"])
        names.add_groups(store, ACTOR, "alice", ["Admins"])
        source = ApprovalSource(name="aws-root")
        granting.grant(store, ACTOR, source, "alice", why="why", until=NOW + 60)
        assert people.person(store, "alice").groups == ("Admins",)
        assert trail.verify(store).fault is None


def test_backup_of_version_2_is_restored(second: Stock, tmp_path: Path) -> None:
    """A copy that an older radiusmfa took becomes a store of now."""
    backup = tmp_path / "backup"
    with second.raw() as sql:
        sql.execute("VACUUM INTO ?", (str(backup),))
    copy = copies.checked(backup, second.path, Vault.read(second.keys))
    with second.open() as old:
        report = restoring.use_up(copy, old, ACTOR, factors=Factors(), source="backup")
    copies.put_in_place(copy, second.path, NOW)
    assert (report.is_complete, report.void_approvals) == (True, ())
    with second.open() as store:
        assert people.person(store, "alice").upstreams == {"rsa": "ASmith"}
