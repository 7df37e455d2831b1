"""Tests of `radiusmfa.stores.devices`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.interfaces import StoreError
from radiusmfa.login.devices import Question
from radiusmfa.secret import Secret
from radiusmfa.stores import devices, people, tokens, trail
from radiusmfa.stores.devices import NewDevice
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import ACTOR, device, enroll, settle, totp

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock

NUMBER = "+491701234567"
QUESTION = Question("Which city?", "$argon2id$hash")


def _last_line(store: Database) -> dict[str, Any]:
    *_, (_, line) = trail.read(store)
    found: dict[str, Any] = json.loads(line)
    return found


@pytest.fixture
def owned(store: Database) -> Database:
    """A store where alice has a number, and bob nothing."""
    settle(store, "alice", "bob")
    device(store, "alice", "sms", NUMBER, serial="S1")
    return store


@pytest.mark.parametrize(
    ("user", "secret", "serial", "why"),
    [
        ("eve", NUMBER, "S2", "there is no user 'eve'"),
        ("bob", NUMBER, "S1", "there is a token 'S1' already"),
        ("alice", NUMBER, "S2", "alice has this number already, S1"),
    ],
)
def test_impossible_enrolment_is_refused(
    user: str, secret: str, serial: str, why: str, owned: Database, stock: Stock
) -> None:
    """Nobody there, a serial that is taken, the same number again: nothing is changed."""
    before = stock.dump()
    with pytest.raises(RefusedError, match=why):
        device(owned, user, "sms", secret, serial=serial)
    assert stock.dump() == before


def test_unknown_kind_is_refused(owned: Database, stock: Stock) -> None:
    """The store itself takes no kind that no login could use."""
    before = stock.dump()
    with pytest.raises(StoreError, match="CHECK constraint"):
        device(owned, "bob", "fax", NUMBER)
    assert stock.dump() == before


@pytest.mark.parametrize(
    ("kind", "secret", "said"),
    [
        ("sms", NUMBER, "sms ***4567"),
        ("voice", NUMBER, "voice ***4567"),
        ("email", "bob@example.org", "email b***@example.org"),
        ("question", QUESTION.dump(), "question"),
    ],
)
def test_enrolment_counts_at_once(
    kind: str, secret: str | bytes, said: str, owned: Database, stock: Stock
) -> None:
    """A login knows it whole; listing and audit have it masked; the file has it sealed."""
    serial = device(owned, "bob", kind, secret, label="work")
    assert serial.startswith(f"{kind.upper()}-")
    (found,) = tokens.listing(owned, user="bob")
    assert (found.kind, found.status, found.label) == (kind, "active", "work")
    assert f"{found.kind} {found.to}".rstrip() == said
    line = _last_line(owned)
    assert (line["action"], line["user"], line["token"]) == ("token.enroll", "bob", serial)
    assert line["detail"] == f"{said}, active"
    logins = Logins(owned)
    logins.begin()
    bob = logins.user(b"bob")
    logins.roll_back()
    assert bob is not None
    (held,) = bob.devices
    octets = secret if isinstance(secret, bytes) else secret.encode()
    assert (held.serial, held.kind, held.secret, held.label) == (serial, kind, octets, "work")
    assert not bob.tokens
    for word in (NUMBER, "bob@example.org", "Which city", "$argon2id$hash"):
        assert word not in "\n".join(stock.dump())
        assert word not in repr(held)


def test_new_user_is_made_along_with_it(owned: Database) -> None:
    """Somebody whom only a directory knows gets a row, without a password."""
    new = NewDevice(kind="email", secret=Secret(b"eve@example.org"), user="eve")
    serial = devices.enroll(owned, ACTOR, new, new_user=True)
    assert people.person(owned, "eve").password is None
    assert tokens.show(owned, serial).user == "eve"
    assert "eve@" not in repr(new)


@pytest.mark.parametrize(
    ("kind", "secret", "shown"),
    [
        ("voice", NUMBER, NUMBER),
        ("email", "bob@example.org", "bob@example.org"),
        ("question", QUESTION.dump(), "Which city?"),
    ],
)
def test_whoever_looks_is_in_the_audit(
    kind: str, secret: str | bytes, shown: str, owned: Database
) -> None:
    """The whole of it is shown, without the answer; the audit says who saw it, and not what."""
    serial = device(owned, "bob", kind, secret)
    assert devices.read(owned, ACTOR, serial) == shown
    line = _last_line(owned)
    assert (line["action"], line["token"], line["detail"]) == ("token.reveal", serial, kind)
    assert shown not in json.dumps(line)


@pytest.mark.parametrize(
    ("serial", "why"),
    [
        ("S9", "there is no token 'S9'"),
        ("T1", "'T1' is totp: a seed is not shown"),
        ("S1", "'S1' is revoked"),
    ],
)
def test_what_cannot_be_shown_is_refused(serial: str, why: str, owned: Database) -> None:
    """No seed is shown this way, and nothing is left of what was revoked."""
    enroll(owned, totp("T1", "alice"))
    tokens.revoke(owned, ACTOR, "S1")
    with pytest.raises(RefusedError, match=why):
        devices.read(owned, ACTOR, serial)


def test_giving_it_to_somebody_seals_it_anew(owned: Database) -> None:
    """A number can change hands; its seal is bound to whose it is; the audit has the mask."""
    tokens.assign(owned, ACTOR, "S1", "bob")
    assert _last_line(owned)["detail"] == "sms ***4567, before: alice"
    assert devices.read(owned, ACTOR, "S1") == NUMBER
    tokens.assign(owned, ACTOR, "S1", None)
    assert tokens.show(owned, "S1").to == "***4567"
    assert devices.read(owned, ACTOR, "S1") == NUMBER


def test_nobody_gets_the_same_number_twice_by_assignment(owned: Database) -> None:
    """What enrolment refuses assignment refuses, too."""
    device(owned, "bob", "sms", NUMBER, serial="S2")
    with pytest.raises(RefusedError, match="alice has this number already, S1"):
        tokens.assign(owned, ACTOR, "S2", "alice")


def test_it_is_disabled_enabled_and_revoked(owned: Database, stock: Stock) -> None:
    """As a token; each line of the audit says kind and mask; revoking destroys the number."""
    for disabled, action in ((True, "token.disable"), (False, "token.enable")):
        tokens.set_disabled(owned, ACTOR, "S1", disabled=disabled)
        line = _last_line(owned)
        assert (line["action"], line["detail"]) == (action, "sms ***4567")
    tokens.revoke(owned, ACTOR, "S1")
    line = _last_line(owned)
    assert (line["action"], line["detail"]) == ("token.revoke", "sms ***4567")
    stored = tokens.find(owned.connection, "S1")
    assert tokens.open_seed(owned, stored).reveal() == b""
    with stock.raw() as raw:
        assert raw.execute("SELECT status FROM tokens").fetchall() == [("revoked",)]
