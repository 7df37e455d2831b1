"""Tests of `radiusmfa.stores.restoring`: a restored backup never opens a used passcode again."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.model import Factors, Totp
from radiusmfa.factors import recovery
from radiusmfa.factors import totp as totp_factor
from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.stores import (
    approvals,
    copies,
    granting,
    people,
    remembered,
    restoring,
    tokens,
    trail,
)
from radiusmfa.stores.approvals import State
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.remembered import Parts
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import (
    ACTOR,
    NOW,
    SEED,
    Stock,
    device,
    enroll,
    hotp,
    keyed,
    settle,
    step,
    totp,
)

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.login.account import User
    from radiusmfa.stores.restoring import Report

SETTINGS: Final = Factors(totp=Totp(window=1, drift_limit=5, resync_window=20))
STEP: Final = step()


@pytest.fixture
def backup(stock: Stock, tmp_path: Path) -> Path:
    """A backup of alice with a TOTP token, a HOTP token and recovery codes."""
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, totp("T1", "alice"), hotp("H1", "alice"))
        people.issue_recovery(store, ACTOR, "alice", ["abcde-fghjk", "mmmmm-nnnnn"])
        copies.take(store, ACTOR, tmp_path / "backup")
    return tmp_path / "backup"


def _turn(stock: Stock, serial: str, *steps: int, drift: int = 0) -> list[bool]:
    """Let logins use passcodes, as the server does; say for each whether it opened the door."""
    with stock.open() as store:
        logins = Logins(store)
        logins.begin()
        user = _user(logins)
        (token,) = [one for one in user.tokens if one.serial == serial]
        opened = [logins.claim(token, step, drift) for step in steps]
        logins.audit("{}")
        logins.commit()
    return opened


def _user(logins: Logins) -> User:
    user = logins.user(b"alice")
    assert user is not None
    return user


def _use_code(stock: Stock, code: str) -> bool:
    with stock.open() as store:
        logins = Logins(store)
        logins.begin()
        user = _user(logins)
        canonical = recovery.canonical(code.encode()) or b""
        claimed = logins.claim_recovery(user, recovery.digest(store.pepper, user.id, canonical))
        logins.commit()
    return claimed


def _restore(backup: Path, stock: Stock, *, readable: bool = True, now: float = NOW) -> Report:
    copy = copies.checked(backup, stock.path, Vault.read(stock.keys))
    old = stock.open() if readable else None
    report = restoring.use_up(copy, old, Actor("tester", now), factors=SETTINGS, source=backup.name)
    if old:
        old.close()
    copies.put_in_place(copy, stock.path, now)
    return report


def _accepted(stock: Stock, now: float) -> set[int]:
    """Return every step of T1 whose passcode would open the door at *now*."""
    with stock.open() as store:
        token = tokens.show(store, "T1")
        key = PasscodeKey(SEED, "sha1", 6)
        at = totp_factor.current_step(now, 30)
        around = range(at - 60, at + 60)
        found = {
            one
            for one in around
            if totp_factor.find_step(key, key.number(one), at, token.drift, 1) == one
        }
        return {one for one in found if one > token.last}


@pytest.mark.parametrize("readable", [True, False], ids=["old-store", "no-old-store"])
@pytest.mark.parametrize("used", [STEP - 1, STEP, STEP + 1])
def test_used_passcode_stays_used(used: int, backup: Path, stock: Stock, *, readable: bool) -> None:
    """A passcode that opened a door after the backup opens none after the restore."""
    assert _turn(stock, "T1", used) == [True]
    _restore(backup, stock, readable=readable)
    assert _turn(stock, "T1", used) == [False]
    assert _accepted(stock, NOW) == set()


def test_used_passcode_of_a_clock_far_ahead_stays_used(stock: Stock, tmp_path: Path) -> None:
    """A token that came with a drift beyond the limit opens no door twice either."""
    ahead = 500
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, replace(totp("T1", "alice"), drift=ahead))
        copies.take(store, ACTOR, tmp_path / "backup")
    assert _turn(stock, "T1", STEP + ahead + 1, drift=5) == [True]
    _restore(tmp_path / "backup", stock, readable=False)
    assert _turn(stock, "T1", STEP + ahead + 1) == [False]


@pytest.mark.parametrize("used", [0, 1, 700])
def test_used_counter_stays_used(used: int, backup: Path, stock: Stock) -> None:
    """What the replaced store knows of a counter is taken over; the next one is good."""
    _turn(stock, "H1", used)
    report = _restore(backup, stock)
    assert (report.is_complete, report.waiting) == (True, ())
    assert _turn(stock, "H1", used, used + 1) == [False, True]


def test_counter_that_nobody_knows_waits_for_proof(backup: Path, stock: Stock) -> None:
    """Without the replaced store a HOTP token does not count until two passcodes set it right."""
    _turn(stock, "H1", 700)
    report = _restore(backup, stock, readable=False)
    assert (report.is_complete, report.waiting) == (False, ("H1",))
    with stock.open() as store:
        assert tokens.show(store, "H1").status == "pending"
        assert people.person(store, "alice").tokens == 1


def test_revoked_counter_token_does_not_wait(stock: Stock, tmp_path: Path) -> None:
    """A token that was revoked before the backup stays revoked."""
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, hotp("H1", "alice"))
        tokens.revoke(store, ACTOR, "H1")
        copies.take(store, ACTOR, tmp_path / "backup")
    assert _restore(tmp_path / "backup", stock, readable=False).waiting == ()
    with stock.open() as store:
        assert tokens.show(store, "H1").status == "revoked"


@pytest.mark.parametrize("readable", [True, False], ids=["old-store", "no-old-store"])
def test_used_password_of_a_yubikey_stays_used(
    stock: Stock, tmp_path: Path, *, readable: bool
) -> None:
    """What nobody knows of a key's counter a new password has to show; a service's knows it."""
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, keyed("vvcc", "alice", bytes(22)), keyed("vvcb", "alice"))
        copies.take(store, ACTOR, tmp_path / "backup")
    with stock.open() as store:
        logins = Logins(store)
        logins.begin()
        (key,) = _user(logins).yubikeys
        assert logins.claim(key, 300, 0)
        logins.commit()
    report = _restore(tmp_path / "backup", stock, readable=readable)
    assert report.waiting == (() if readable else ("vvcc",))
    with stock.open() as store:
        own, elsewhere = tokens.show(store, "vvcc"), tokens.show(store, "vvcb")
        assert (own.status, own.last) == (("active", 300) if readable else ("pending", -1))
        assert (elsewhere.status, elsewhere.last) == ("active", -1)


def test_used_recovery_code_stays_used(backup: Path, stock: Stock) -> None:
    """A code that was used since is void, the other still opens one door once."""
    assert _use_code(stock, "abcde-fghjk")
    assert _restore(backup, stock).void_codes == 1
    assert not _use_code(stock, "abcde-fghjk")
    assert _use_code(stock, "mmmmm-nnnnn")


def test_codes_that_nobody_knows_are_void(backup: Path, stock: Stock) -> None:
    """Without the replaced store every code may have been used."""
    assert _restore(backup, stock, readable=False).void_codes == 2
    assert not _use_code(stock, "mmmmm-nnnnn")


def test_codes_that_were_replaced_stay_void(backup: Path, stock: Stock) -> None:
    """A backup does not bring back the codes on a sheet that was thrown away."""
    with stock.open() as store:
        people.issue_recovery(store, ACTOR, "alice", ["ppppp-qqqqq"])
    assert _restore(backup, stock).void_codes == 2


@pytest.mark.parametrize("readable", [True, False], ids=["old-store", "no-old-store"])
def test_new_passcodes_are_good_from_the_time_told(
    backup: Path, stock: Stock, *, readable: bool
) -> None:
    """The report says when TOTP works again, and then it does."""
    report = _restore(backup, stock, readable=readable)
    assert report.totp_from > NOW
    assert _accepted(stock, report.totp_from)
    assert _accepted(stock, report.totp_from - 61) == set()
    assert report.totp_from - NOW <= (90 if readable else 700)


@given(
    drift=st.integers(-5, 5),
    learned=st.integers(-5, 5),
    used=st.integers(-3, 3),
    later=st.integers(0, 40),
    readable=st.booleans(),
)
def test_no_drift_opens_a_used_passcode(
    drift: int,
    learned: int,
    used: int,
    later: int,
    readable: bool,  # noqa: FBT001 - hypothesis passes by name
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever a token's clock, what was accepted at the restore is never accepted after it."""
    folder = tmp_path_factory.mktemp("restoring")
    stock = Stock(folder)
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, replace(totp("T1", "alice"), drift=drift))
        copies.take(store, ACTOR, folder / "backup")
    at = STEP + learned + max(-1, min(1, used))
    _turn(stock, "T1", at, drift=learned)
    _restore(folder / "backup", stock, readable=readable)
    assert at not in _accepted(stock, NOW + 30 * later)


def test_clock_set_back_at_the_restore_opens_nothing_known(backup: Path, stock: Stock) -> None:
    """If the clock is an hour back, what the replaced store knows still counts."""
    _turn(stock, "T1", STEP)
    _restore(backup, stock, now=NOW - 3600)
    assert _turn(stock, "T1", STEP) == [False]
    assert STEP not in _accepted(stock, NOW)


def test_store_that_went_another_way_tells_nothing(backup: Path, stock: Stock) -> None:
    """Only a store that has grown out of the backup knows what was used since."""
    _turn(stock, "H1", 3)
    _restore(backup, stock)
    _turn(stock, "H1", 9)
    with stock.open() as store:
        copies.take(store, ACTOR, backup.with_name("later"))
    _restore(backup, stock)
    report = _restore(backup.with_name("later"), stock)
    assert not report.is_complete
    assert report.waiting == ("H1",)


def test_damaged_store_tells_nothing(backup: Path, stock: Stock) -> None:
    """If the replaced store breaks while it is asked, everything counts as used."""
    copy = copies.checked(backup, stock.path, Vault.read(stock.keys))
    with stock.open() as old:
        old.connection.set_authorizer(
            lambda *what: sqlite3.SQLITE_DENY if "recovery" in what else sqlite3.SQLITE_OK
        )
        report = restoring.use_up(copy, old, ACTOR, factors=SETTINGS, source="backup")
    copies.discard(copy)
    assert not report.is_complete
    assert report.void_codes == 2


def test_token_that_the_old_store_lost_is_used_up_too(backup: Path, stock: Stock) -> None:
    """A token whose row is gone from the replaced store has at least what the backup says."""
    with stock.raw() as connection:
        connection.execute("DELETE FROM tokens WHERE serial = 'T1'")
    _restore(backup, stock)
    assert _accepted(stock, NOW) == set()


def test_open_challenges_end(backup: Path, stock: Stock) -> None:
    """A State that was issued before the backup opens no door after it."""
    with sqlite3.connect(backup) as connection:
        connection.execute("INSERT INTO challenges VALUES ('s', 'vpn', 1, '[]', 0, 9e9)")
    connection.close()
    _restore(backup, stock)
    with stock.raw() as opened:
        assert opened.execute("SELECT count(*) FROM challenges").fetchone() == (0,)


def test_what_was_learned_of_clients_is_taken_over(backup: Path, stock: Stock) -> None:
    """A client that once signed its packets must go on signing them after a restore."""
    row = ("vpn", "192.0.2.1", "yes", "no", 1, 15.5, 5.0, 3)
    with stock.open() as store, store.transaction() as connection:
        connection.execute("INSERT INTO client_state VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    _restore(backup, stock)
    with stock.raw() as opened:
        assert opened.execute("SELECT * FROM client_state").fetchall() == [row]


def test_drift_is_taken_over(backup: Path, stock: Stock) -> None:
    """A clock that was learned since the backup need not be learned again."""
    _turn(stock, "T1", STEP + 3, drift=3)
    _restore(backup, stock)
    with stock.open() as store:
        assert tokens.show(store, "T1").drift == 3


def test_restore_is_audited(backup: Path, stock: Stock) -> None:
    """The audit of the backup goes on with who restored it, and after which line."""
    report = _restore(backup, stock)
    with stock.open() as store:
        *_, (seq, line) = trail.read(store)
        assert trail.verify(store).fault is None
    assert seq == report.lines + 1
    assert json.loads(line)["detail"] == f"backup, after line {report.lines}"
    assert (report.users, report.tokens) == (1, 2)


def test_server_that_comes_back_sees_the_restore(backup: Path, stock: Stock) -> None:
    """Used steps of the backup are folded, so that nothing counts twice or not at all."""
    _restore(backup, stock)
    with stock.raw() as connection:
        assert connection.execute("SELECT count(*) FROM used").fetchone() == (0,)


def test_factor_that_is_switched_off_is_used_up_too(backup: Path, stock: Stock) -> None:
    """Tokens of a kind that is switched off now may be switched on again."""
    copy = copies.checked(backup, stock.path, Vault.read(stock.keys))
    restoring.use_up(copy, None, ACTOR, factors=Factors(totp=None), source="backup")
    copies.put_in_place(copy, stock.path, NOW)
    assert _accepted(stock, NOW) == set()


def test_restore_of_an_empty_store(stock: Stock, tmp_path: Path) -> None:
    """A backup without anybody is restored as it is."""
    with stock.open() as store:
        copies.take(store, ACTOR, tmp_path / "backup")
        settle(store, "alice")
    report = _restore(tmp_path / "backup", stock)
    assert (report.users, report.tokens, report.totp_from) == (0, 0, NOW)
    with stock.open() as store:
        assert people.everybody(store) == []


SOURCE: Final = ApprovalSource(name="aws-root")


@pytest.fixture
def approved(stock: Stock, tmp_path: Path) -> Path:
    """A backup with approvals of alice: #1 in force, #2 revoked, #3 that ends soon, #4 for bob."""
    with stock.open() as store:
        settle(store, "alice")
        for user, lasting in (("alice", 600), ("alice", 600), ("alice", 60), ("bob", 600)):
            until = NOW + lasting
            granting.grant(store, ACTOR, SOURCE, user, why="why", until=until)
        granting.revoke(store, ACTOR, 2)
        parts = Parts(user=1, policy="vpn")
        with store.transaction() as connection:
            remembered.put(
                connection, store.pepper, parts, name="alice", now=NOW, expires=NOW + 600
            )
        copies.take(store, ACTOR, tmp_path / "backup")
    return tmp_path / "backup"


def _approved(stock: Stock, now: float = NOW) -> list[int]:
    with stock.open() as store:
        return [one.id for one in approvals.listing(store) if one.state(1, now) is State.IN_FORCE]


def test_approval_that_was_revoked_stays_revoked(approved: Path, stock: Stock) -> None:
    """What the replaced store knows of approvals is taken over; what nobody touched counts."""
    with stock.open() as store:
        granting.revoke(store, Actor("eve", NOW + 5), 4)
        granting.grant(store, ACTOR, SOURCE, "carl", why="why", until=NOW + 600)
    report = _restore(approved, stock)
    assert report.void_approvals == ()
    assert _approved(stock) == [1, 3]
    with stock.open() as store:
        (fourth,) = approvals.listing(store, user="bob")
        assert (fourth.revoked_by, fourth.revoked) == ("eve", NOW + 5)


def test_approval_that_had_ended_does_not_come_back(approved: Path, stock: Stock) -> None:
    """What was seen past its end is over after a restore, whatever the clock says."""
    with stock.open() as store, store.transaction() as connection:
        approvals.expire(connection, NOW + 60)
    _restore(approved, stock)
    assert _approved(stock, NOW) == [1, 4]


def test_approvals_nobody_knows_of_are_revoked(approved: Path, stock: Stock) -> None:
    """If the replaced store cannot be read, any of them may have been revoked since."""
    report = _restore(approved, stock, readable=False)
    assert report.void_approvals == (1, 3, 4)
    assert _approved(stock) == []
    with stock.open() as store:
        *_, (_, line) = trail.read(store)
        detail = json.loads(line)["detail"]
        assert detail.endswith("; approvals revoked: #1 #3 #4")
        by = {one.id: one.revoked_by for one in approvals.listing(store)}
    assert by == {1: "tester", 2: "tester", 3: "tester", 4: "tester"}


def test_number_that_means_another_approval_tells_nothing(approved: Path, stock: Stock) -> None:
    """An approval that the replaced store does not have as the backup has it is revoked."""
    with stock.raw() as connection:
        connection.execute("UPDATE approvals SET user = 'eve' WHERE id = 1")
        connection.execute("DELETE FROM approvals WHERE id = 4")
    assert _restore(approved, stock).void_approvals == (1, 4)
    assert _approved(stock) == [3]


def test_no_factor_is_remembered_over_a_restore(approved: Path, stock: Stock) -> None:
    """Whatever was revoked or disabled since, the factor is asked for."""
    _restore(approved, stock)
    with stock.open() as store:
        assert remembered.listing(store, NOW) == []


@pytest.mark.parametrize("knows", [True, False])
def test_numbers_and_questions_are_as_they_were(
    stock: Stock, tmp_path: Path, *, knows: bool
) -> None:
    """They make no passcodes that could have been used: none of them waits for anything."""
    with stock.open() as store:
        settle(store, "alice")
        for kind in ("sms", "voice", "email", "question"):
            device(store, "alice", kind, "+491701234567", serial=kind)
        tokens.revoke(store, ACTOR, "voice")
        copies.take(store, ACTOR, tmp_path / "backup")
        tokens.set_disabled(store, ACTOR, "sms", disabled=True)
    copy = copies.checked(tmp_path / "backup", stock.path, Vault.read(stock.keys))
    with stock.open() as old, copy:
        report = restoring.use_up(
            copy, old if knows else None, ACTOR, factors=SETTINGS, source="backup"
        )
        found = {one.serial: (one.status, one.to) for one in tokens.listing(copy)}
    assert (report.is_complete, report.waiting) == (knows, ())
    assert found == {
        "sms": ("active", "***4567"),
        "voice": ("revoked", ""),
        "email": ("active", "+***"),
        "question": ("active", ""),
    }
