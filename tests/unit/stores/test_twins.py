"""Tests of `radiusmfa.stores.twins`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.login.devices import Question
from radiusmfa.secret import Secret
from radiusmfa.stores import twins
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import SEED, device, enroll, settle, totp

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database


@pytest.fixture
def owned(store: Database) -> Database:
    """A store where alice has a token, a number and a question."""
    settle(store, "alice", "bob")
    enroll(store, totp("T1", "alice"))
    device(store, "alice", "sms", "+491701234567", serial="S1")
    device(store, "alice", "question", Question("Which city?", "$hash").dump(), serial="Q1")
    return store


@pytest.mark.parametrize(
    ("kind", "secret", "why"),
    [
        ("totp", SEED, "alice has a token of this seed already, T1"),
        ("totp", SEED + b"\0", "alice has a token of this seed already, T1"),
        ("sms", b"+491701234567", "alice has this number already, S1"),
        ("question", Question("which CITY?", "x").dump(), "alice has this question already, Q1"),
    ],
)
def test_twin_is_refused(kind: str, secret: bytes, why: str, owned: Database) -> None:
    """The same thing twice at one person: the serial of the first is named, nothing of it."""
    with owned.reading(), pytest.raises(RefusedError) as caught:
        twins.refuse(owned, "alice", kind, Secret(secret))
    assert str(caught.value) == f"{why}; nothing was changed"


@pytest.mark.parametrize(
    ("user", "kind", "secret"),
    [
        ("bob", "sms", b"+491701234567"),
        (None, "sms", b"+491701234567"),
        ("alice", "voice", b"+491701234567"),
        ("alice", "sms", b"+491701234568"),
        ("alice", "hotp", SEED),
        ("alice", "yubikey", b""),
    ],
)
def test_what_is_no_twin_passes(
    user: str | None, kind: str, secret: bytes, owned: Database
) -> None:
    """Two people may share a telephone, and one number may be called and sent messages."""
    with owned.reading():
        twins.refuse(owned, user, kind, Secret(secret))


def test_nothing_is_the_twin_of_what_has_no_seed(owned: Database) -> None:
    """Somebody may have several keys that a service checks: there is nothing here to compare."""
    device(owned, "alice", "yubikey", b"", serial="ccccccbcgujh")
    with owned.reading():
        assert twins.find(owned, "alice", "yubikey", Secret(b"")) is None


def test_what_does_not_open_is_nobodys_twin(owned: Database) -> None:
    """A damaged row stands in nobody's way."""
    owned.connection.execute("UPDATE tokens SET seed = x'00' WHERE serial = 'S1'")
    with owned.reading():
        assert twins.find(owned, "alice", "sms", Secret(b"+491701234567")) is None
