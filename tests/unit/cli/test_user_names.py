"""Tests of `radiusmfa.cli.user_names`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.office import Office


@pytest.fixture
def desk(office: Office) -> Office:
    """A desk with alice, who is asmith and in Admins, and bob."""
    for name in ("alice", "bob"):
        office.done("user", "add", name, "--no-password")
    office.done("user", "alias", "alice", "asmith")
    office.done("user", "group", "alice", "Admins")
    return office


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["alias", "alice"], "Missing argument 'ALIAS...'", id="no-alias"),
        pytest.param(["group", "alice"], "Missing argument 'GROUP...'", id="no-group"),
        pytest.param(["alias", "alice", "a\x1b"], "a user name must not hold", id="bad-alias"),
        pytest.param(["group", "alice", " a"], "the name of a group must not hold", id="bad-group"),
        pytest.param(["group", "alice", ""], "the name of a group must not be empty", id="empty"),
        pytest.param(["group", "a\0b", "x"], "a user name must not hold", id="bad-user"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 2, one line, and nothing is changed."""
    assert why in desk.refused(2, "user", *words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["alias", "eve", "x"], "there is no user 'eve'", id="alias-unknown"),
        pytest.param(["group", "eve", "x"], "there is no user 'eve'", id="group-unknown"),
        pytest.param(["alias", "bob", "ASmith"], "'asmith' is an alias of 'alice'", id="taken"),
        pytest.param(["alias", "bob", "alice"], "is a user's own name", id="name"),
        pytest.param(["alias", "bob", "x", "--remove"], "bob has no alias 'x'", id="no-alias"),
        pytest.param(["group", "alice", "admins"], "in the group 'Admins' already", id="twice"),
        pytest.param(["group", "bob", "x", "--remove"], "bob is not in the group 'x'", id="not-in"),
        pytest.param(["add", "asmith"], "'asmith' is an alias of 'alice'", id="add"),
    ],
)
def test_what_cannot_be_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 1, one line, and nothing is changed."""
    assert why in desk.refused(1, "user", *words)


def test_aliases_are_added_and_removed(desk: Office) -> None:
    """In their normal form, several at once."""
    ran = desk.done("user", "alias", "alice", "CORP\\Alice", "a.smith@example.com")
    assert ran.out == "alice is also called corp\\alice, a.smith@example.com.\n"
    ran = desk.done("user", "alias", "alice", "asmith", "corp\\alice", "--remove")
    assert ran.out == "alice is not called asmith, corp\\alice any more.\n"
    found = desk.done("user", "show", "alice", "--json").json
    assert found["aliases"] == ["a.smith@example.com"]


def test_groups_are_added_and_removed(desk: Office) -> None:
    """As they are written, several at once."""
    ran = desk.done("user", "group", "bob", "Domain Users", "staff", "staff")
    assert ran.out == "bob is in Domain Users, staff.\n"
    ran = desk.done("user", "group", "bob", "STAFF", "--remove")
    assert ran.out == "bob is not in STAFF any more.\n"
    assert desk.done("user", "show", "bob", "--json").json["groups"] == ["Domain Users"]


def test_change_answers_in_json(desk: Office) -> None:
    """With --json a change prints all that there is now."""
    found = desk.done("user", "alias", "alice", "a2", "--json").json
    assert found == {"name": "alice", "groups": ["Admins"], "aliases": ["a2", "asmith"]}
    found = desk.done("user", "group", "alice", "admins", "--remove", "--json").json
    assert found == {"name": "alice", "groups": [], "aliases": ["a2", "asmith"]}


def test_listings_show_both(desk: Office) -> None:
    """`list` and `show`, for people and for programs."""
    assert desk.done("user", "list").out.splitlines()[:2] == [
        "NAME   PASSWORD  TOKENS  RECOVERY  UPSTREAMS  GROUPS  ALIASES  REMARKS",
        "alice  -         0       0         -          Admins  asmith   no token here",
    ]
    text = desk.done("user", "show", "alice").out
    assert "group           Admins\nalias           asmith\n" in text
    (alice, bob) = desk.done("user", "list", "--json").json
    assert (alice["groups"], alice["aliases"]) == (["Admins"], ["asmith"])
    assert (bob["groups"], bob["aliases"]) == ([], [])


def test_import_with_an_alias_is_refused(desk: Office) -> None:
    """A file whose user has the alias of another is refused with the line."""
    line = desk.refused(6, "user", "import", desk.file("users.csv", "name\ncarl\nasmith\n"))
    assert "line 3: 'asmith' is an alias of another user" in line
