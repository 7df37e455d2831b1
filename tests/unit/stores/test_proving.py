"""Tests of `radiusmfa.stores.proving`."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config.model import Factors, Hotp, Totp
from radiusmfa.secret import Secret
from radiusmfa.stores import people, proving, tokens, trail
from radiusmfa.stores.people import RefusedError
from radiusmfa.stores.trail import Actor
from tests.unit.stores.stock import (
    ACTOR,
    NOW,
    code,
    device,
    enroll,
    hotp,
    keyed,
    settle,
    step,
    totp,
)

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.tokens import Token
    from tests.unit.stores.stock import Stock

SETTINGS: Final = Factors(
    totp=Totp(window=1, drift_limit=5, resync_window=20), hotp=Hotp(look_ahead=3, resync_window=50)
)
STEP: Final = step()


@pytest.fixture
def pending(store: Database) -> Database:
    """A store with a pending TOTP token T1 and a pending HOTP token H1."""
    settle(store, "alice")
    enroll(store, totp("T1", "alice"), hotp("H1", "alice"), status="pending")
    return store


def _confirm(store: Database, serial: str, typed: Secret, *, now: float = NOW) -> None:
    proving.confirm(store, Actor("tester", now), serial, typed, factors=SETTINGS)


def _resync(store: Database, serial: str, *typed: Secret, now: float = NOW) -> Token:
    first, second = typed
    return proving.resynchronize(
        store, Actor("tester", now), serial, (first, second), factors=SETTINGS
    )


def _use(store: Database, serial: str, at: int) -> None:
    number = tokens.show(store, serial).id
    with store.transaction() as connection:
        connection.execute("INSERT INTO used VALUES (?, ?)", (at, number))


@pytest.mark.parametrize(
    ("serial", "typed"),
    [
        pytest.param("T1", code(STEP + 2), id="too-early"),
        pytest.param("T1", code(STEP - 2), id="too-late"),
        pytest.param("T1", code(STEP, seed=b"another seed"), id="other-token"),
        pytest.param("T1", Secret(b""), id="empty"),
        pytest.param("T1", Secret(code(STEP).reveal()[:-1]), id="five-digits"),
        pytest.param("T1", Secret(code(STEP).reveal() + b"0"), id="seven-digits"),
        pytest.param("T1", Secret(b" " + code(STEP).reveal()[1:]), id="blank"),
        pytest.param("T1", Secret("١٢٣".encode()), id="other-digits"),
        pytest.param("T1", Secret(b"-12345"), id="sign"),
        pytest.param("H1", code(5), id="beyond-the-look-ahead"),
        pytest.param("T9", code(STEP), id="unknown-token"),
    ],
)
def test_wrong_passcode_confirms_nothing(
    serial: str, typed: Secret, pending: Database, stock: Stock
) -> None:
    """A pending token stays pending unless its own passcode of now was typed."""
    before = stock.dump()
    with pytest.raises(RefusedError) as raised:
        _confirm(pending, serial, typed)
    assert stock.dump() == before
    assert len(typed) < 4 or typed.reveal().decode() not in str(raised.value)


@pytest.mark.parametrize(
    ("serial", "counter"),
    [("T1", STEP - 1), ("T1", STEP), ("T1", STEP + 1), ("H1", 0), ("H1", 3)],
)
def test_right_passcode_confirms_and_is_used(serial: str, counter: int, pending: Database) -> None:
    """The passcode that confirms a token cannot also open a door."""
    _confirm(pending, serial, code(counter))
    found = tokens.show(pending, serial)
    assert (found.status, found.last) == ("active", counter)
    *_, (_, line) = trail.read(pending)
    assert json.loads(line)["action"] == "token.confirm"


def test_used_passcode_confirms_nothing(pending: Database) -> None:
    """What a login used once, before the token was pending again, proves nothing."""
    _use(pending, "T1", STEP)
    with pytest.raises(RefusedError, match="not a passcode of token 'T1' now"):
        _confirm(pending, "T1", code(STEP))
    _confirm(pending, "T1", code(STEP + 1))


def test_clock_set_back_confirms_no_used_passcode(pending: Database) -> None:
    """An hour back, the passcode of an hour ago is still used."""
    _use(pending, "T1", STEP)
    earlier = NOW - 3600
    with pytest.raises(RefusedError):
        _confirm(pending, "T1", code(step(now=earlier)), now=earlier)


@pytest.mark.parametrize("status", ["active", "disabled", "revoked"])
def test_only_pending_tokens_are_confirmed(status: str, pending: Database) -> None:
    """A token that is not pending is no business of `confirm`; a disabled one stays disabled."""
    enroll(pending, totp("T2", "alice"), status=status)
    with pytest.raises(RefusedError, match=f"is {status}"):
        _confirm(pending, "T2", code(STEP))
    assert tokens.show(pending, "T2").status == status


@pytest.mark.parametrize(
    ("serial", "typed"),
    [
        pytest.param("T1", (code(STEP), code(STEP)), id="same-twice"),
        pytest.param("T1", (code(STEP + 1), code(STEP)), id="wrong-order"),
        pytest.param("T1", (code(STEP), code(STEP + 2)), id="gap"),
        pytest.param("T1", (code(STEP + 21), code(STEP + 22)), id="beyond-the-window"),
        pytest.param("T1", (code(STEP - 21), code(STEP - 20)), id="before-the-window"),
        pytest.param("H1", (code(52), code(53)), id="beyond-the-hotp-window"),
        pytest.param("H1", (code(4), code(6)), id="hotp-gap"),
        pytest.param("T1", (code(STEP), Secret(b"12345a")), id="letter"),
        pytest.param("T9", (code(STEP), code(STEP + 1)), id="unknown-token"),
    ],
)
def test_anything_but_two_consecutive_passcodes_is_refused(
    serial: str, typed: tuple[Secret, Secret], pending: Database, stock: Stock
) -> None:
    """A token is set right only by two passcodes, one right after the other."""
    before = stock.dump()
    with pytest.raises(RefusedError):
        _resync(pending, serial, *typed)
    assert stock.dump() == before


@pytest.mark.parametrize("away", [-4, 0, 1, 5])
def test_two_passcodes_set_the_clock_right(away: int, pending: Database) -> None:
    """The drift is known afterwards, both passcodes are used up, and a pending token is active."""
    found = _resync(pending, "T1", code(STEP + away - 1), code(STEP + away))
    assert (found.drift, found.last, found.status) == (away, STEP + away, "active")
    *_, (_, line) = trail.read(pending)
    assert json.loads(line)["detail"] == f"drift {away} steps"


@pytest.mark.parametrize("away", [-10, 6, 15])
def test_clock_too_far_off_is_refused(away: int, pending: Database, stock: Stock) -> None:
    """A clock that is off by more than is allowed means another token."""
    before = stock.dump()
    with pytest.raises(RefusedError, match=rf"is {away} steps off, and .* allows 5: replace"):
        _resync(pending, "T1", code(STEP + away - 1), code(STEP + away))
    assert stock.dump() == before


def test_two_passcodes_set_the_counter_right(pending: Database) -> None:
    """A fob whose button was pressed in a pocket works again."""
    found = _resync(pending, "H1", code(40), code(41))
    assert (found.last, found.drift, found.status) == (41, 0, "active")
    *_, (_, line) = trail.read(pending)
    assert json.loads(line)["detail"] == "next counter 42"


@pytest.mark.parametrize(
    ("serial", "used", "first"),
    [("T1", STEP, STEP - 1), ("T1", STEP, STEP), ("H1", 7, 6), ("H1", 7, 7)],
)
def test_used_passcodes_set_nothing_right(
    serial: str, used: int, first: int, pending: Database
) -> None:
    """If one of the two was used before, the two prove nothing."""
    _use(pending, serial, used)
    with pytest.raises(RefusedError, match="not two new passcodes"):
        _resync(pending, serial, code(first), code(first + 1))
    _resync(pending, serial, code(used + 1), code(used + 2))


def test_disabled_token_stays_disabled(store: Database) -> None:
    """Setting a clock right does not undo an administrator's decision."""
    settle(store, "alice")
    enroll(store, totp("T1", "alice"), status="disabled")
    assert _resync(store, "T1", code(STEP - 1), code(STEP)).status == "disabled"
    tokens.revoke(store, ACTOR, "T1")
    with pytest.raises(RefusedError, match="is revoked"):
        _resync(store, "T1", code(STEP), code(STEP + 1))
    assert people.person(store, "alice").tokens == 0


def test_eight_digits_and_other_periods(store: Database) -> None:
    """Length and period of the token itself count."""
    enroll(store, replace(totp("T8"), digits=8, period=60), status="pending")
    at = step(period=60)
    with pytest.raises(RefusedError, match="has 8 digits"):
        _confirm(store, "T8", code(at))
    _confirm(store, "T8", code(at, digits=8))


def test_factor_that_is_switched_off_can_still_be_enrolled(pending: Database) -> None:
    """Without a setting of its own a kind of token has the usual windows."""
    none = Factors(totp=None, hotp=None)
    proving.confirm(pending, ACTOR, "H1", code(10), factors=none)
    proving.resynchronize(pending, ACTOR, "H1", (code(11), code(12)), factors=none)
    proving.confirm(pending, ACTOR, "T1", code(STEP - 1), factors=none)
    proving.resynchronize(pending, ACTOR, "T1", (code(STEP), code(STEP + 1)), factors=none)


@pytest.mark.parametrize("kind", ["sms", "voice", "email", "question"])
def test_what_makes_no_passcodes_is_refused(kind: str, store: Database, stock: Stock) -> None:
    """There is nothing to confirm or to synchronize: the refusal says what it is."""
    settle(store, "alice")
    device(store, "alice", kind, "+491701234567", serial="D1")
    before = stock.dump()
    why = f"token 'D1' makes no passcodes, it is of kind {kind}: it counts from its enrolment on"
    with pytest.raises(RefusedError, match=why):
        _confirm(store, "D1", code(1))
    with pytest.raises(RefusedError, match=why):
        _resync(store, "D1", code(1), code(2))
    assert stock.dump() == before


def test_yubikey_has_no_clock_to_set(pending: Database) -> None:
    """Neither one code nor two say anything of a YubiKey, which is told."""
    enroll(pending, keyed("vvcc", "alice", bytes(22)), status="pending")
    for prove in (
        lambda: _confirm(pending, "vvcc", code(1)),
        lambda: _resync(pending, "vvcc", code(1), code(2)),
    ):
        with pytest.raises(RefusedError, match="'vvcc' is a YubiKey"):
            prove()
    assert tokens.show(pending, "vvcc").status == "pending"
