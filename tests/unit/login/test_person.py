"""Tests of `radiusmfa.login.person`."""

from __future__ import annotations

import json

import pytest

from radiusmfa.login.person import Person, PersonError, dump, load

ALICE = Person(
    directory="corp",
    name="alice",
    dn="CN=Alice,DC=example,DC=com",
    groups=("Staff", "VPN-Nutzer"),
    attributes=(("department", ("Köln",)), ("mail", ("a@example.com", "b@example.com"))),
)


@pytest.mark.parametrize(
    "person", [ALICE, Person(directory="d", name="n", dn="")], ids=["much", "little"]
)
def test_person_comes_back_as_they_were(person: Person) -> None:
    """What was sealed between two rounds is what the first round knew."""
    assert load(dump(person, "a@example.com")) == (person, "a@example.com")


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"{}",
        b"7",
        b"\xff",
        json.dumps(["corp", "alice", "dn", ["g"], []]).encode(),
        json.dumps(["corp", "alice", "dn", 7, [], "a"]).encode(),
        json.dumps(["corp", "alice", "dn", [], [["mail"]], "a"]).encode(),
        json.dumps(["corp", "alice", "dn", [], [["mail", 7]], "a"]).encode(),
        b"[" * 100_000,
    ],
)
def test_anything_else_is_refused(octets: bytes) -> None:
    """Whatever stands in the store, it is a person or the documented error."""
    with pytest.raises(PersonError):
        load(octets)
