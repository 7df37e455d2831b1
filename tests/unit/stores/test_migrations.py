"""Tests of `radiusmfa.stores.migrations`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from radiusmfa.stores import migrations

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
