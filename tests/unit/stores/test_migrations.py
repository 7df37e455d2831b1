"""Tests of `radiusmfa.stores.migrations`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.model import Factors
from radiusmfa.interfaces import StoreError
from radiusmfa.login.account import Kind
from radiusmfa.login.throttle import Failures
from radiusmfa.stores import (
    copies,
    granting,
    migrations,
    names,
    people,
    restoring,
    tokens,
    trail,
)
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import ACTOR, NOW, SEED, Stock, device, enroll, settle, totp

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
    4: ("calls",),
}
# Id, serial, owner, kind, algorithm, digits, period, status, drift, last, label: every status, a
# gap in the numbers, and nobody's; the last number that was given belongs to none of them.
TOKENS = [
    (1, "T1", 1, "totp", "sha1", 6, 30, "active", -2, 9, "phone"),
    (3, "H1", 1, "hotp", "sha256", 8, 0, "pending", 0, -1, ""),
    (4, "T2", 2, "totp", "sha512", 7, 60, "disabled", 5, 100, "l\u00e4bel"),
    (6, "T3", None, "totp", "sha1", 6, 30, "revoked", 0, 3, ""),
]
LAST_NUMBER = 9


def _made(folder: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """Return a store as it was made when *version* was the newest."""
    known = {number: step for number, step in migrations.steps().items() if number <= version}
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "steps", lambda: known)
        return Stock(folder)


def _give_tokens(stock: Stock, sql: sqlite3.Connection) -> None:
    vault = Vault.read(stock.keys)
    for number, serial, owner, *rest in TOKENS:
        sealed = vault.seal(SEED, people.seed_place(serial, owner))
        kind, algorithm, digits, period, status, drift, last, label = rest
        row = (number, serial, owner, kind, algorithm, digits, period, sealed, status, drift, last)
        sql.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 5)", (*row, label)
        )
    sql.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = 'tokens'", (LAST_NUMBER,))


def _sequences(stock: Stock) -> dict[str, int]:
    with stock.raw() as sql:
        return dict(sql.execute("SELECT name, seq FROM sqlite_sequence").fetchall())


def _assert_whole(stock: Stock, before: dict[str, list[tuple[Any, ...]]], version: int) -> None:
    after = _rows(stock)
    for number, tables in LATER.items():
        for table in tables if number > version else ():
            assert after.pop(table) == []
    meta = dict(after.pop("meta"))
    assert meta.pop("schema_version") == max(migrations.steps())
    assert meta.items() <= dict(before.pop("meta")).items()
    for rows in (before, after):
        rows["failures"].sort()
    assert after == before


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """A store of version 1: people, a token, failures, open challenges."""
    stock = _made(tmp_path, 1, monkeypatch)
    with stock.raw() as sql:
        sql.executemany("INSERT INTO users (name, created) VALUES (?, 5)", [("alice",), ("bob",)])
        sql.executemany("INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)", FAILED)
        sql.executemany("INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?)", OPEN)
        sql.execute("INSERT INTO recovery VALUES (1, x'00ff')")
        _give_tokens(stock, sql)
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
    before, sequences = _rows(old), _sequences(old)
    assert (len(before["tokens"]), sorted(before["failures"])) == (4, sorted(FAILED))
    old.open().close()
    _assert_whole(old, before, 1)
    assert _sequences(old) == sequences


@pytest.mark.parametrize("version", [1, 2, 3])
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
        (token,) = alice.tokens
        assert (token.serial, token.drift, token.last) == ("T1", -2, 10)
        assert not logins.damaged
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
        _give_tokens(stock, sql)
        sql.executemany("INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?)", OPEN)
        assert sql.execute("SELECT value FROM meta WHERE name = 'schema_version'").fetchone() == (
            2,
        )
    return stock


def test_version_2_is_taken_over_whole(second: Stock) -> None:
    """Every row of every table is there after the migration, and the new tables are empty."""
    before, sequences = _rows(second), _sequences(second)
    second.open().close()
    _assert_whole(second, before, 2)
    assert _sequences(second) == sequences


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


# -- version 3 to version 4 --


@pytest.fixture
def third(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """A store of version 3: people, tokens of every status, and what was used of them."""
    stock = _made(tmp_path, 3, monkeypatch)
    with stock.raw() as sql:
        sql.executemany("INSERT INTO users (name, created) VALUES (?, 5)", [("alice",), ("bob",)])
        _give_tokens(stock, sql)
        sql.executemany("INSERT INTO used VALUES (?, ?)", [(10, 1), (101, 4)])
        sql.execute("INSERT INTO aliases VALUES ('asmith', 1)")
        sql.execute("INSERT INTO user_groups VALUES (1, 'Admins')")
        sql.executemany("INSERT INTO failures VALUES (?, ?, ?, ?, ?, ?, ?)", FAILED)
        sql.execute("INSERT INTO remembered VALUES (NULL, x'01', 1, 'x', 'vpn', '', '', 0, 9e9)")
        sql.executemany("INSERT INTO challenges VALUES (?, ?, ?, ?, ?, ?)", OPEN)
    return stock


def test_step_that_breaks_leaves_version_3_as_it_was(third: Stock) -> None:
    """Whatever fails at the end of the step: no token is lost, and the store opens afterwards."""
    with third.raw() as sql:
        sql.execute("CREATE TABLE calls (x)")
    before, sequences = _rows(third), _sequences(third)
    with pytest.raises(StoreError, match="table calls already exists"):
        third.open()
    assert (_rows(third), _sequences(third)) == (before, sequences)
    with third.raw() as sql:
        sql.execute("DROP TABLE calls")
    third.open().close()
    del before["calls"]
    _assert_whole(third, before, 3)


def test_version_3_is_taken_over_whole(third: Stock) -> None:
    """Every token keeps its number, its seal and what was used of it; so does all else."""
    before, sequences = _rows(third), _sequences(third)
    assert [row[0] for row in before["tokens"]] == [row[0] for row in TOKENS]
    assert sequences["tokens"] == LAST_NUMBER
    third.open().close()
    _assert_whole(third, before, 3)
    assert _sequences(third) == sequences
    third.open().close()  # once more: nothing is left to be done
    assert _sequences(third) == sequences


def test_number_of_a_token_is_never_given_again(third: Stock) -> None:
    """Not even one that belonged to a token which is gone: what was used is kept by number."""
    with third.open() as store:
        enroll(store, totp("T9", "alice"))
        assert tokens.show(store, "T9").id == LAST_NUMBER + 1


def test_store_that_never_had_a_token_begins_at_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no number to carry over."""
    with _made(tmp_path, 3, monkeypatch).open() as store:
        settle(store, "alice")
        enroll(store, totp("T1", "alice"))
        assert tokens.show(store, "T1").id == 1


def test_version_3_takes_what_is_new(third: Stock) -> None:
    """Tokens of before work as they did, beside numbers, addresses and questions."""
    with third.open() as store:
        exported = tokens.export(store, ACTOR, user=None, serials=frozenset())
        assert [(one.serial, one.last, seed.reveal()) for one, seed in exported] == [
            ("H1", -1, SEED),
            ("T1", 10, SEED),
            ("T2", 101, SEED),
        ]
        device(store, "alice", "sms", "+491701234567", serial="S1")
        assert tokens.show(store, "S1").to == "***4567"
        people.delete(store, ACTOR, "alice")
        assert tokens.show(store, "T1").user is None
        assert trail.verify(store).fault is None
    with third.raw() as sql:
        sql.execute("PRAGMA foreign_keys = ON")
        sql.execute("DELETE FROM users")
        assert sql.execute("SELECT DISTINCT user FROM tokens").fetchall() == [(None,)]
        assert sql.execute("PRAGMA foreign_key_check").fetchall() == []
        assert sql.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.mark.parametrize(
    "row",
    [
        ("fax", "", 0, 0),
        ("totp", "sha1", 6, 0),
        ("hotp", "sha1", 6, 30),
        ("hotp", "", 6, 0),
        ("totp", "sha1", 5, 30),
        ("totp", "sha1", 9, 30),
        ("sms", "sha1", 6, 0),
        ("sms", "", 0, 30),
        ("sms", "md5", 0, 0),
    ],
)
def test_token_that_cannot_be_is_refused_by_the_table(
    row: tuple[object, ...], third: Stock
) -> None:
    """What no login could ever check is not stored, whoever writes it."""
    third.open().close()
    with third.raw() as sql, pytest.raises(sqlite3.IntegrityError):
        sql.execute(
            "INSERT INTO tokens (serial, kind, algorithm, digits, period, seed, status, created)"
            " VALUES ('X', ?, ?, ?, ?, x'', 'active', 0)",
            row,
        )


def test_backup_of_version_3_is_restored(third: Stock, tmp_path: Path) -> None:
    """A copy that an older radiusmfa took becomes a store of now, its numbers as they were."""
    backup = tmp_path / "backup"
    with third.raw() as sql:
        sql.execute("VACUUM INTO ?", (str(backup),))
    copy = copies.checked(backup, third.path, Vault.read(third.keys))
    with third.open() as old:
        report = restoring.use_up(copy, old, ACTOR, factors=Factors(), source="backup")
    copies.put_in_place(copy, third.path, NOW)
    assert report.is_complete
    assert _sequences(third)["tokens"] == LAST_NUMBER
    with third.open() as store:
        found = {one.serial: (one.id, one.status) for one in tokens.listing(store)}
    assert found == {row[1]: (row[0], row[7]) for row in TOKENS}
