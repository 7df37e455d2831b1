"""Tests of `radiusmfa.cli.recovery`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.factors import recovery

if TYPE_CHECKING:
    from tests.unit.cli.office import Office


@pytest.fixture
def alice(office: Office) -> Office:
    """A desk with alice."""
    office.done("user", "add", "alice", "--no-password")
    return office


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ([], 2, "Missing argument 'USER'"),
        (["alice", "--count", "101"], 2, "0<=x<=100"),
        (["alice", "--count", "-1"], 2, "0<=x<=100"),
        (["eve"], 1, "there is no user 'eve'"),
        (["eve", "--yes"], 1, "there is no user 'eve'"),
    ],
    ids=lambda words: "-".join(words) if isinstance(words, list) else "",
)
def test_wrong_usage_is_refused(words: list[str], code: int, why: str, alice: Office) -> None:
    """One line, and no code is shown that nobody could use."""
    assert why in alice.refused(code, "recovery", "issue", *words)


def test_codes_are_shown_once(alice: Office) -> None:
    """Ten codes, each different and well formed, and nowhere else."""
    ran = alice.done("recovery", "issue", "ALICE")
    codes = ran.out.splitlines()
    assert ran.err == "10 codes for alice; they are not shown again.\n"
    assert len(set(codes)) == 10
    assert all(recovery.canonical(code.encode()) for code in codes)
    everything = "\n".join(alice.stock.dump()) + alice.done("audit", "export").out
    assert not any(code in everything for code in codes)
    assert alice.done("user", "show", "alice", "--json").json["recovery_codes"] == 10


def test_codes_in_json(alice: Office) -> None:
    """A program gets the user and the codes."""
    found = alice.done("recovery", "issue", "alice", "--count", "2", "--json").json
    assert found["user"] == "alice"
    assert len(found["codes"]) == 2


def test_unused_codes_are_not_made_void_unasked(alice: Office) -> None:
    """Whoever has codes keeps them unless the answer is yes."""
    alice.done("recovery", "issue", "alice", "--count", "3")
    assert "alice has 3 unused codes. Make them void?" in alice.refused(
        2, "recovery", "issue", "alice"
    )
    assert alice.run("recovery", "issue", "alice", typed="n\n", terminal=True).code == 1
    ran = alice.run("recovery", "issue", "alice", "--count", "1", typed="y\n", terminal=True)
    assert ran.code == 0
    assert alice.done("user", "show", "alice", "--json").json["recovery_codes"] == 1
    alice.done("recovery", "issue", "alice", "--count", "0", "--yes")
    assert alice.done("user", "show", "alice", "--json").json["recovery_codes"] == 0
