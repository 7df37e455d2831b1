"""Tests of `radiusmfa.service.duo_memory`."""

from __future__ import annotations

import json

import pytest

from radiusmfa.service import duo_memory
from radiusmfa.service.duo_memory import At, Kept

WHOLE = json.loads(Kept(at=At.WATCH, txid="x", began=5.0).dump())
CHANGES: list[dict[str, object]] = [
    {"v": 2}, {"v": None}, {"at": "x"}, {"at": None}, {"txid": ""}, {"txid": 5},
    {"began": "x"}, {"began": None}, {"options": 5}, {"options": [5]}, {"options": [["a"]]},
    {"more": 1}, {"way": None}, {"number": 5}, {"device": []}, {"began": 10**400},
    {"began": float("nan")}, {"began": float("inf")},
]  # fmt: skip


@pytest.mark.parametrize(
    "octets",
    [
        *(b"", b"{", b"[]", b"null", b"\xff", b"{}", 70_000 * b"["),
        *(json.dumps(WHOLE | change).encode() for change in CHANGES),
        *(
            json.dumps({name: value for name, value in WHOLE.items() if name != left}).encode()
            for left in ("v", "at", "options", "began")
        ),
    ],
    ids=lambda octets: repr(octets)[:40],
)
def test_what_is_something_else_is_none(octets: bytes) -> None:
    """Another version, another service, something that was tampered with."""
    assert duo_memory.load(octets) is None


@pytest.mark.parametrize(
    "kept",
    [
        Kept(at=At.ENROL),
        Kept(at=At.ASK, options=(("push", "DP1"), ("sms", "DP1"))),
        Kept(at=At.WATCH, txid="a-b", way="push", device="ü", began=1.5, number="376"),
    ],
)
def test_what_is_kept_comes_back(kept: Kept) -> None:
    """From one round to the next."""
    assert duo_memory.load(kept.dump()) == kept
