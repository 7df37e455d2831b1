"""Tests of `radiusmfa.stores.names`: other names and groups of people."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.stores import imports, names, people, trail
from radiusmfa.stores.imports import NewUser
from radiusmfa.stores.names import GroupNameError
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import ACTOR, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock

CHANGES = {
    "alias": lambda store, user, *some: names.add_aliases(store, ACTOR, user, some),
    "no-alias": lambda store, user, *some: names.remove_aliases(store, ACTOR, user, some),
    "group": lambda store, user, *some: names.add_groups(store, ACTOR, user, some),
    "no-group": lambda store, user, *some: names.remove_groups(store, ACTOR, user, some),
}


@pytest.fixture
def named(store: Database) -> Database:
    """A store with alice, who is also asmith and in Admins, and bob, who is also robert."""
    settle(store, "alice", "bob")
    names.add_aliases(store, ACTOR, "alice", ["asmith"])
    names.add_aliases(store, ACTOR, "bob", ["robert"])
    names.add_groups(store, ACTOR, "alice", ["Admins"])
    return store


def _last_lines(store: Database, count: int) -> list[tuple[Any, ...]]:
    lines = [json.loads(line) for _, line in trail.read(store)][-count:]
    return [(line["action"], line["by"], line["user"], line["detail"]) for line in lines]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "must not be empty", id="empty"),
        pytest.param("a\0b", "control characters", id="nul"),
        pytest.param("a\nb", "control characters", id="line"),
        pytest.param("a\u202eb", "control characters", id="turns-the-direction"),
        pytest.param("a\udc80", "control characters", id="not-utf-8"),
        pytest.param(" a", "blanks at an end", id="blank-first"),
        pytest.param("a ", "blanks at an end", id="blank-last"),
        pytest.param("a" * 129, "at most 128 characters", id="129-characters"),
    ],
)
def test_unfit_group_is_refused(text: str, why: str) -> None:
    """What could not be read in a listing is no name of a group."""
    with pytest.raises(GroupNameError, match=why):
        names.group_name(text)


@pytest.mark.parametrize("text", ["Domain Admins", "a" * 128, "ä" * 128, "CN=x,DC=y", "קבוצה"])
def test_group_keeps_its_case(text: str) -> None:
    """A name is kept as it is written, but composed (Unicode NFC)."""
    assert names.group_name(unicodedata.normalize("NFD", text)) == text


@pytest.mark.parametrize(
    ("change", "words", "why"),
    [
        ("alias", ["eve", "x"], "there is no user 'eve'"),
        ("no-alias", ["eve", "x"], "there is no user 'eve'"),
        ("group", ["eve", "x"], "there is no user 'eve'"),
        ("no-group", ["eve", "x"], "there is no user 'eve'"),
        ("group", ["asmith", "x"], "there is no user 'asmith'; that is an alias of 'alice'"),
        ("alias", ["alice", "x", "alice"], "'alice' is a user's own name"),
        ("alias", ["alice", "x", "bob"], "'bob' is a user's own name"),
        ("alias", ["alice", "x", "robert"], "'robert' is an alias of 'bob'"),
        ("alias", ["alice", "x", "asmith"], "alice has the alias 'asmith' already"),
        ("no-alias", ["alice", "asmith", "robert"], "alice has no alias 'robert'"),
        ("no-alias", ["alice", "alice"], "alice has no alias 'alice'"),
        ("group", ["alice", "x", "ADMINS"], "alice is in the group 'Admins' already"),
        ("no-group", ["alice", "Admins", "x"], "alice is not in the group 'x'"),
        ("no-group", ["bob", "Admins"], "bob is not in the group 'Admins'"),
    ],
)
def test_what_cannot_be_is_refused(
    change: str, words: list[str], why: str, named: Database, stock: Stock
) -> None:
    """One fault, and nothing of it is done."""
    before = stock.dump()
    with pytest.raises(RefusedError, match=why):
        CHANGES[change](named, *words)
    assert stock.dump() == before


@pytest.mark.parametrize(
    "add",
    [
        pytest.param(lambda store: people.refuse_taken(store, "asmith"), id="look"),
        pytest.param(lambda store: people.add(store, ACTOR, "asmith", password=None), id="add"),
    ],
)
def test_alias_is_no_new_users_name(
    add: Callable[[Database], None], named: Database, stock: Stock
) -> None:
    """Two people would have one name."""
    before = stock.dump()
    with pytest.raises(RefusedError, match="'asmith' is an alias of 'alice'; nothing was changed"):
        add(named)
    assert stock.dump() == before


def test_alias_is_no_imported_users_name(named: Database) -> None:
    """A file is refused with the line that names an alias."""
    with named.reading() as connection:
        faults = imports.user_faults(connection, [NewUser(name="asmith", where="line 2")])
    assert faults == ["line 2: 'asmith' is an alias of another user"]


def test_aliases_are_added_and_removed(named: Database) -> None:
    """Each is a line of the audit; who is called so is found."""
    names.add_aliases(named, ACTOR, "alice", ["a@x", "corp\\alice", "a@x"])
    assert people.person(named, "alice").aliases == ("a@x", "asmith", "corp\\alice")
    assert _last_lines(named, 2) == [
        ("user.alias", "tester", "alice", "a@x"),
        ("user.alias", "tester", "alice", "corp\\alice"),
    ]
    names.remove_aliases(named, ACTOR, "alice", ["a@x", "asmith", "asmith"])
    assert people.person(named, "alice").aliases == ("corp\\alice",)
    assert people.person(named, "bob").aliases == ("robert",)
    assert _last_lines(named, 2) == [
        ("user.alias", "tester", "alice", "a@x removed"),
        ("user.alias", "tester", "alice", "asmith removed"),
    ]


def test_alias_finds_its_user(named: Database) -> None:
    """The row of a login's user, by alias; nobody's by a name of their own."""
    with named.reading() as connection:
        found = {
            name: connection.execute(names.BY_ALIAS, (name,)).fetchone()
            for name in ("robert", "bob", "x")
        }
    assert found == {"robert": (2, "bob", None, 0, 0), "bob": None, "x": None}


def test_groups_are_added_and_removed(named: Database) -> None:
    """Without regard to case, with a line each, and for one person."""
    names.add_groups(named, ACTOR, "alice", ["staff", "Über", "STAFF"])
    assert people.person(named, "alice").groups == ("Admins", "STAFF", "Über")
    assert _last_lines(named, 2) == [
        ("user.group", "tester", "alice", "STAFF"),
        ("user.group", "tester", "alice", "Über"),
    ]
    names.remove_groups(named, ACTOR, "alice", ["ADMINS", "über"])
    assert people.person(named, "alice").groups == ("STAFF",)
    assert people.person(named, "bob").groups == ()
    assert _last_lines(named, 2) == [
        ("user.group", "tester", "alice", "Admins removed"),
        ("user.group", "tester", "alice", "Über removed"),
    ]


def test_groups_of_a_login(named: Database) -> None:
    """The server reads them by the user's number."""
    names.add_groups(named, ACTOR, "alice", ["staff"])
    with named.reading() as connection:
        assert names.groups_of(connection, 1) == ("Admins", "staff")
        assert names.groups_of(connection, 2) == ()
        assert names.groups_of(connection, -7) == ()


@pytest.mark.parametrize(
    ("change", "name"),
    [("alias", "new"), ("no-alias", "asmith"), ("group", "new"), ("no-group", "admins")],
)
def test_change_ends_open_challenges(change: str, name: str, named: Database, stock: Stock) -> None:
    """A dialogue that began as somebody else does not go on; other people's do."""
    with named.transaction() as connection:
        connection.executemany(
            "INSERT INTO challenges VALUES (?, 'vpn', ?, '[]', 0, 0)", [("s", 1), ("t", 2)]
        )
    CHANGES[change](named, "alice", name)
    with stock.raw() as connection:
        assert connection.execute("SELECT user FROM challenges").fetchall() == [(2,)]


def test_names_go_with_their_user(named: Database) -> None:
    """After a user is deleted the alias is free, and nobody inherits the groups."""
    people.delete(named, ACTOR, "alice")
    settle(named, "asmith", "alice")
    assert people.person(named, "alice").groups == ()
    assert people.person(named, "asmith").aliases == ()
