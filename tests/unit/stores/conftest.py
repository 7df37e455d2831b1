"""A fresh store for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.stores.stock import Stock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.stores.database import Database


@pytest.fixture
def stock(tmp_path: Path) -> Stock:
    """A store and its keys."""
    return Stock(tmp_path)


@pytest.fixture
def store(stock: Stock) -> Iterator[Database]:
    """The store, open."""
    with stock.open() as opened:
        yield opened
