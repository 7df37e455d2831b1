"""Families of vectors (`tests/vectors/README.md`) as tables for `parametrize`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER: Final = Path(__file__).parent / "vectors"


def family(name: str, only: Callable[[dict[str, Any]], bool] | None = None) -> list[Any]:
    """
    Return inputs and expectation of each vector, named by its id.

    Args:
        name: The file, without `.json`.
        only: Which vectors; None takes all.
    """
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    chosen = [vector for vector in document["vectors"] if only is None or only(vector)]
    assert chosen, f"no vector of {name} is left"
    return [pytest.param(row["inputs"], row["expected"], id=row["id"]) for row in chosen]


def malformed(port: str) -> list[Any]:
    """Return datagram and expectation of each case of `malformed.json` for *port*."""
    document = json.loads((FOLDER / "malformed.json").read_text(encoding="utf-8"))
    return [
        pytest.param(bytes.fromhex(case["packet_hex"]), case, id=case["id"])
        for case in document["cases"]
        if case["port"] == port and case["source"] == "known"
    ]
