"""Tests of `radiusmfa.stores.masks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.login.devices import Question
from radiusmfa.stores import masks, tokens
from tests.unit.stores.stock import ACTOR, device, enroll, settle, totp

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database


@pytest.fixture
def owned(store: Database) -> Database:
    """A store where alice has one of each kind."""
    settle(store, "alice")
    enroll(store, totp("T1", "alice"))
    device(store, "alice", "sms", "+491701234567", serial="S1")
    device(store, "alice", "email", "alice@example.org", serial="E1")
    device(store, "alice", "question", Question("Which city?", "$hash").dump(), serial="Q1")
    return store


@pytest.mark.parametrize(
    ("serial", "mask", "said"),
    [
        ("T1", "", ""),
        ("S1", "***4567", "sms ***4567"),
        ("E1", "a***@example.org", "email a***@example.org"),
        ("Q1", "", "question"),
    ],
)
def test_each_kind_is_masked(serial: str, mask: str, said: str, owned: Database) -> None:
    """Listings and audit say the kind, and of a destination as much as tells it from others."""
    stored = tokens.find(owned.connection, serial)
    assert (masks.of(owned, stored), masks.said(owned, stored)) == (mask, said)


def test_what_does_not_open_has_a_question_mark(owned: Database) -> None:
    """A damaged row is listed, and said to be one."""
    owned.connection.execute("UPDATE tokens SET seed = x'00' WHERE serial = 'S1'")
    assert masks.of(owned, tokens.find(owned.connection, "S1")) == "?"


def test_nothing_is_left_of_what_was_revoked(owned: Database) -> None:
    """The number is destroyed: there is nothing to mask."""
    tokens.revoke(owned, ACTOR, "S1")
    assert masks.of(owned, tokens.find(owned.connection, "S1")) == ""
