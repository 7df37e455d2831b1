"""Tests of `radiusmfa.stores.tokens`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.interfaces import KeysError, StoreError
from radiusmfa.stores import people, tokens, trail
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import ACTOR, NOW, SEED, device, enroll, hotp, settle, totp

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock


def _last_line(store: Database) -> dict[str, Any]:
    *_, (_, line) = trail.read(store)
    found: dict[str, Any] = json.loads(line)
    return found


def _exported(store: Database, *serials: str, user: str | None = None) -> dict[str, bytes]:
    found = tokens.export(store, ACTOR, user=user, serials=frozenset(serials))
    return {token.serial: seed.reveal() for token, seed in found}


def _use(store: Database, step: int) -> None:
    with store.transaction() as connection:
        connection.execute("INSERT INTO used VALUES (?, 1)", (step,))


CHANGES = [
    pytest.param(lambda store, one: tokens.assign(store, ACTOR, one, "bob"), id="assign"),
    pytest.param(lambda store, one: tokens.assign(store, ACTOR, one, None), id="unassign"),
    pytest.param(
        lambda store, one: tokens.set_disabled(store, ACTOR, one, disabled=True), id="disable"
    ),
    pytest.param(
        lambda store, one: tokens.set_disabled(store, ACTOR, one, disabled=False), id="enable"
    ),
    pytest.param(lambda store, one: tokens.revoke(store, ACTOR, one), id="revoke"),
    pytest.param(_exported, id="export"),
]


@pytest.fixture
def owned(store: Database) -> Database:
    """A store where alice has token T1 and bob has none."""
    settle(store, "alice", "bob")
    enroll(store, totp("T1", "alice"))
    return store


@pytest.mark.parametrize("change", CHANGES)
def test_unknown_token_is_refused(
    change: Callable[[Database, str], object], owned: Database, stock: Stock
) -> None:
    """What concerns no token is refused, changes nothing and leaves no audit line."""
    before = stock.dump()
    with pytest.raises(RefusedError, match="there is no token 'T9'"):
        change(owned, "T9")
    with pytest.raises(RefusedError, match="there is no token 'T9'"):
        tokens.show(owned, "T9")
    assert stock.dump() == before


@pytest.mark.parametrize("change", CHANGES)
def test_revoked_token_stays_revoked(
    change: Callable[[Database, str], object], owned: Database, stock: Stock
) -> None:
    """Revoking is for good: no command brings the token back, or shows its seed."""
    tokens.revoke(owned, ACTOR, "T1")
    before = stock.dump()
    with pytest.raises(RefusedError, match=r"'T1' (is revoked, which is for good|to export)"):
        change(owned, "T1")
    assert stock.dump() == before


@pytest.mark.parametrize("disabled", [True, False])
def test_pending_token_becomes_active_by_proof_alone(
    owned: Database, stock: Stock, *, disabled: bool
) -> None:
    """Disabling and enabling is no way round the first passcode."""
    enroll(owned, totp("T2", "alice"), status="pending")
    before = stock.dump()
    with pytest.raises(RefusedError, match="'T2' is pending and does not count"):
        tokens.set_disabled(owned, ACTOR, "T2", disabled=disabled)
    assert stock.dump() == before


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (totp("T1", "bob"), "there is a token 'T1' already; nothing was changed"),
        (totp("T2", "carl"), "there is no user 'carl'; for somebody whom only a directory"),
    ],
    ids=["serial-taken", "unknown-user"],
)
def test_impossible_enrolment_is_refused(
    new: tokens.NewToken, why: str, owned: Database, stock: Stock
) -> None:
    """A serial is given once, and a token belongs to somebody who exists, or to nobody."""
    before = stock.dump()
    with pytest.raises(RefusedError, match=re.escape(why)):
        enroll(owned, new)
    assert stock.dump() == before


def test_serial_of_a_revoked_token_stays_taken(owned: Database) -> None:
    """A serial in the audit means one token for ever."""
    tokens.revoke(owned, ACTOR, "T1")
    with pytest.raises(RefusedError, match="already"):
        enroll(owned, totp("T1", "bob"))


@pytest.mark.parametrize(
    "change",
    [{"digits": 5}, {"digits": 9}, {"algorithm": "md5"}, {"kind": "sms"}, {"period": 0}],
    ids=str,
)
def test_token_that_nobody_could_use_is_refused(
    change: dict[str, Any], owned: Database, stock: Stock
) -> None:
    """The store itself refuses what no login could ever check."""
    before = stock.dump()
    with pytest.raises(StoreError, match="CHECK constraint"):
        enroll(owned, replace(totp("T2", "alice"), **change))
    assert stock.dump() == before


def test_enrolment_is_stored_and_audited(owned: Database) -> None:
    """What was enrolled is listed as it is; the audit has its kind, not its seed."""
    new = replace(
        totp("T2", "bob"), algorithm="sha256", digits=8, period=60, label="Bob's", drift=2
    )
    enroll(owned, new)
    found = tokens.show(owned, "T2")
    assert (found.user, found.kind, found.algorithm) == ("bob", "totp", "sha256")
    assert (found.digits, found.period, found.status) == (8, 60, "active")
    assert (found.drift, found.last, found.label, found.created) == (2, -1, "Bob's", int(NOW))
    line = _last_line(owned)
    assert (line["action"], line["user"], line["token"]) == ("token.enroll", "bob", "T2")
    assert line["detail"] == "totp sha256 8 digits 60 s, active"
    enroll(owned, hotp("H1"), status="pending")
    line = _last_line(owned)
    assert line["detail"] == "hotp sha1 6 digits, pending"
    assert "user" not in line


def test_seeds_are_never_stored_in_clear(owned: Database, stock: Stock) -> None:
    """Neither the file nor its log holds a seed; objects do not show one."""
    octets = b"".join(path.read_bytes() for path in stock.folder.glob("it.db*"))
    assert SEED not in octets
    assert b"T1" in octets
    stored = tokens.find(owned.connection, "T1")
    assert "sealed" not in repr(stored)
    assert str(SEED)[2:-1] not in repr(totp("T2"))


def test_seed_moved_to_another_row_does_not_open(owned: Database, stock: Stock) -> None:
    """Whoever can write the store cannot give one person's token to another."""
    enroll(owned, totp("T2", "bob", seed=b"another seed of bob!"))
    with stock.raw() as connection:
        connection.execute(
            "UPDATE tokens SET seed = (SELECT seed FROM tokens WHERE serial = 'T1')"
            " WHERE serial = 'T2'"
        )
    with pytest.raises(KeysError, match="does not open"):
        _exported(owned, "T2")
    with stock.raw() as connection:
        connection.execute("UPDATE tokens SET user = 2 WHERE serial = 'T1'")
    with pytest.raises(KeysError, match="does not open"):
        _exported(owned, "T1")


def test_listing_is_sorted_and_can_be_of_one_user(owned: Database) -> None:
    """All tokens by serial, or those of one person; an unknown person is refused."""
    enroll(owned, totp("A1", "bob"), hotp("Z1"))
    assert [one.serial for one in tokens.listing(owned)] == ["A1", "T1", "Z1"]
    assert [one.serial for one in tokens.listing(owned, user="bob")] == ["A1"]
    with pytest.raises(RefusedError, match="no user"):
        tokens.listing(owned, user="carl")


def test_used_step_shows_in_the_listing(owned: Database) -> None:
    """What a login used counts at once, also before it is folded into the token's row."""
    _use(owned, 7)
    _use(owned, 5)
    assert tokens.show(owned, "T1").last == 7


def test_assigned_token_keeps_what_was_used(owned: Database) -> None:
    """A token that changes hands opens with its seed and still knows its used passcodes."""
    _use(owned, 7)
    tokens.assign(owned, ACTOR, "T1", "bob")
    found = tokens.show(owned, "T1")
    assert (found.user, found.last, found.status) == ("bob", 7, "active")
    assert _exported(owned, user="bob") == {"T1": SEED}
    tokens.assign(owned, ACTOR, "T1", None)
    assert tokens.show(owned, "T1").user is None
    assert _exported(owned) == {"T1": SEED}


def test_assigning_is_audited(owned: Database) -> None:
    """The audit says whose the token is and whose it was."""
    tokens.assign(owned, ACTOR, "T1", "bob")
    line = _last_line(owned)
    assert (line["action"], line["user"], line["detail"]) == (
        "token.assign",
        "bob",
        "before: alice",
    )
    tokens.assign(owned, ACTOR, "T1", None)
    assert "user" not in _last_line(owned)
    tokens.assign(owned, ACTOR, "T1", "alice")
    assert "detail" not in _last_line(owned)


def test_disabled_token_can_be_enabled(owned: Database) -> None:
    """A disabled token does not count until it is enabled."""
    tokens.set_disabled(owned, ACTOR, "T1", disabled=True)
    assert tokens.show(owned, "T1").status == "disabled"
    assert people.person(owned, "alice").tokens == 0
    assert _last_line(owned)["action"] == "token.disable"
    tokens.set_disabled(owned, ACTOR, "T1", disabled=False)
    assert tokens.show(owned, "T1").status == "active"
    assert _last_line(owned)["action"] == "token.enable"


def test_revoking_destroys_the_seed(owned: Database) -> None:
    """After revoking the seed is nowhere in the store, not even sealed."""
    stored = tokens.find(owned.connection, "T1")
    tokens.revoke(owned, ACTOR, "T1")
    owned.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    octets = b"".join(path.read_bytes() for path in owned.path.parent.glob("it.db*"))
    assert stored.sealed not in octets
    assert tokens.open_seed(owned, tokens.find(owned.connection, "T1")).reveal() == b""
    assert _last_line(owned)["action"] == "token.revoke"


def test_export_is_audited_before_it_is_shown(owned: Database) -> None:
    """Whoever takes seeds out of the store leaves a line with how many."""
    enroll(owned, hotp("H1", "bob"), totp("T2"))
    assert _exported(owned) == {"H1": SEED, "T1": SEED, "T2": SEED}
    assert _last_line(owned)["detail"] == "3 seeds in clear"
    assert _exported(owned, "T1", "T2") == {"T1": SEED, "T2": SEED}
    assert _exported(owned, user="bob") == {"H1": SEED}
    line = _last_line(owned)
    assert (line["action"], line["user"], line["detail"]) == (
        "token.export",
        "bob",
        "1 seeds in clear",
    )


@pytest.mark.parametrize(
    ("user", "serials", "why"),
    [("carl", [], "no user 'carl'"), ("bob", ["T1"], "no token 'T1' to export")],
)
def test_impossible_export_is_refused(
    user: str, serials: list[str], why: str, owned: Database, stock: Stock
) -> None:
    """Nothing is exported if anything that was asked for is not there."""
    before = stock.dump()
    with pytest.raises(RefusedError, match=why):
        _exported(owned, *serials, user=user)
    assert stock.dump() == before


def test_new_serials_are_long_and_readable() -> None:
    """A made-up serial says its kind, is unlikely to come twice, and has no signs to mix up."""
    made = {tokens.new_serial("totp") for _ in range(500)}
    assert len(made) == 500
    assert all(re.fullmatch(r"TOTP-[A-HJ-NP-Z2-9]{10}", serial) for serial in made)


def test_one_seed_is_not_given_twice_to_one_person(owned: Database, stock: Stock) -> None:
    """With two tokens of one seed a used passcode would be good once more: refused."""
    enroll(owned, totp("T2", "bob", seed=SEED), totp("T3", seed=SEED))
    before = stock.dump()
    why = "alice has a token of this seed already, T1; nothing was changed"
    for status in ("active", "pending"):
        with pytest.raises(RefusedError, match=why):
            enroll(owned, totp("T4", "alice", seed=SEED), status=status)
        with pytest.raises(RefusedError, match=why):  # HMAC sees no difference
            enroll(owned, totp("T5", "alice", seed=SEED + bytes(4)), status=status)
    for serial in ("T2", "T3"):
        with pytest.raises(RefusedError, match=why):
            tokens.assign(owned, ACTOR, serial, "alice")
    assert stock.dump() == before


def test_seed_of_a_revoked_token_can_be_enrolled_again(owned: Database) -> None:
    """A device whose token was revoked by mistake is enrolled anew."""
    tokens.revoke(owned, ACTOR, "T1")
    enroll(owned, totp("T2", "alice", seed=SEED))
    tokens.assign(owned, ACTOR, "T2", "alice")
    assert people.person(owned, "alice").tokens == 1


def test_damaged_token_is_no_obstacle(owned: Database, stock: Stock) -> None:
    """A seed that does not open counts nowhere, so a new one can be enrolled."""
    with stock.raw() as connection:
        connection.execute("UPDATE tokens SET seed = zeroblob(60)")
    enroll(owned, totp("T2", "alice", seed=SEED))
    assert tokens.show(owned, "T2").user == "alice"


def test_what_no_other_server_could_use_is_not_exported(owned: Database, stock: Stock) -> None:
    """Numbers and keys of other kinds are left out; named, they are refused."""
    device(owned, "alice", "sms", "+491701234567", serial="S1")
    device(owned, "alice", "yubikey", b"private id and key", serial="ccccccbcgujh")
    assert list(_exported(owned)) == ["T1"]
    assert _last_line(owned)["detail"] == "1 seeds in clear"
    before = stock.dump()
    for serial in ("S1", "ccccccbcgujh"):
        with pytest.raises(RefusedError, match=f"'{serial}' is no OATH token: no URI can say it"):
            _exported(owned, "T1", serial)
    assert stock.dump() == before
