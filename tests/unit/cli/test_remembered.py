"""Tests of `radiusmfa.cli.remembered`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from radiusmfa.stores import remembered
from radiusmfa.stores.remembered import Parts

if TYPE_CHECKING:
    from tests.unit.cli.office import Office


@pytest.fixture
def desk(office: Office) -> Office:
    """A desk that remembers alice twice, carol of a directory once, and bob no more."""
    for name in ("alice", "bob"):
        office.done("user", "add", name, "--no-password")
    office.done("user", "alias", "alice", "asmith")
    now = time.time()
    with office.open() as store, store.transaction() as connection:
        for parts, name, expires in (
            (Parts(user=1, policy="vpn", client="gate", station="a\x1b[2J"), "alice", now + 900),
            (Parts(user=1, policy="web"), "alice", now + 800),
            (Parts(user=-5, policy="web", client="gate"), "carol@example.com", now + 700),
            (Parts(user=2, policy="web"), "bob", now - 1),
        ):
            remembered.put(
                connection, store.pepper, parts, name=name, now=now - 60, expires=expires
            )
    return office


def _ids(desk: Office, *words: str) -> list[int]:
    return [one["id"] for one in desk.done("remembered", "list", *words, "--json").json]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param([], "Name a USER, or say --id or --all", id="nobody"),
        pytest.param(["alice", "--all"], "Name a USER, or say", id="user-and-all"),
        pytest.param(["alice", "--id", "1"], "Name a USER, or say", id="user-and-id"),
        pytest.param(["--id", "0"], "is not in the range", id="no-number"),
        pytest.param(["--id", str(2**63)], "is not in the range", id="beyond-the-store"),
        pytest.param(["--all"], "Nobody can answer here: say --yes", id="nobody-to-ask"),
        pytest.param(["a\0b"], "a user name must not hold", id="bad-user"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 2, one line, and nothing is changed."""
    assert why in desk.refused(2, "remembered", "revoke", *words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["eve"], "nothing is remembered of 'eve'"),
        (["--id", "99"], "nothing is remembered #99"),
    ],
    ids=["user", "id"],
)
def test_revoking_nothing_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 1: whoever mistypes a name learns it."""
    assert why in desk.refused(1, "remembered", "revoke", *words)


def test_list_shows_what_counts(desk: Office) -> None:
    """Not what has expired; control characters of a client are not sent to the terminal."""
    lines = desk.done("remembered", "list").out.splitlines()
    assert lines[0].split() == ["ID", "USER", "POLICY", "CLIENT", "STATION", "SINCE", "UNTIL"]
    assert [line.split()[:5] for line in lines[1:]] == [
        ["2", "alice", "web", "any", "any"],
        ["1", "alice", "vpn", "gate", "a\\x1b[2J"],
        ["3", "carol@example.com", "web", "gate", "any"],
    ]


def test_list_answers_in_json(desk: Office) -> None:
    """Of everybody, of one, or of whose alias a name is."""
    assert _ids(desk) == [2, 1, 3]
    assert _ids(desk, "asmith") == [2, 1]
    assert _ids(desk, "bob") == []
    (found,) = desk.done("remembered", "list", "carol@example.com", "--json").json
    assert found["expires"] - found["created"] == 760
    del found["expires"], found["created"]
    assert found == {
        "id": 3,
        "user": "carol@example.com",
        "policy": "web",
        "client": "gate",
        "station": None,
    }


def test_revoking(desk: Office) -> None:
    """One, one person's, or everybody's, which asks first."""
    assert desk.done("remembered", "revoke", "--id", "3").out == "1 revoked.\n"
    assert desk.done("remembered", "revoke", "alice").out == "2 revoked.\n"
    assert _ids(desk) == []
    line = desk.lines()[-1]
    assert (line["action"], line["user"]) == ("remembered.revoke", "alice")


def test_revoking_everything_asks(desk: Office) -> None:
    """No is exit code 1 and changes nothing; nothing left is no error."""
    assert desk.run("remembered", "revoke", "--all", typed="n\n", terminal=True).code == 1
    assert _ids(desk) == [2, 1, 3]
    found = desk.done("remembered", "revoke", "--all", "--yes", "--json").json
    assert found == {"revoked": 4}
    assert desk.done("remembered", "revoke", "--all", "--yes").out == "0 revoked.\n"
