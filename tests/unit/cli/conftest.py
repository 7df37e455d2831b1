"""A fresh desk for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.cli.office import Office

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """Configuration, keys and an empty store."""
    return Office(tmp_path)
