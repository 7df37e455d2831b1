"""The schema of the store, step by step: an older store takes the steps that it lacks."""

from __future__ import annotations

import sqlite3
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def steps() -> dict[int, str]:
    """Return the steps of the schema by number."""
    folder = resources.files("radiusmfa.stores") / "schema"
    return {
        int(file.name.removesuffix(".sql")): file.read_text("utf-8") for file in folder.iterdir()
    }


def migrate(connection: sqlite3.Connection, version: int, found: Mapping[int, str]) -> None:
    """Take the schema from *version* to the newest of *found*, within a transaction."""
    for number in sorted(step for step in found if step > version):
        for statement in _statements(found[number]):
            connection.execute(statement)
        connection.execute(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('schema_version', ?)", (number,)
        )


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
