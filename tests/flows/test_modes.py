"""Every mode: the right proofs get in, and each wrong, missing or withdrawn one does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.secret import Secret
from radiusmfa.stores import people, tokens
from tests.flows.world import (
    ACCEPT,
    ADDRESSES,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    REJECT,
    STEP_UP,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.flows.world import Nas, Person, World


def log_in(nas: Nas, mode: Mode, name: str, password: bytes, passcode: bytes) -> int:
    """Return the code of the last answer to a login as a client of *mode* makes it."""
    if mode is Mode.STEP_UP:
        return nas.decide(name, passcode)
    if mode is Mode.CHALLENGE:
        reply = nas.ask(name, password)
        if reply is None or reply.code != CHALLENGE:
            return 0 if reply is None else reply.code
        return nas.decide(name, passcode, reply.state)
    return nas.decide(name, password + passcode)


# Those of local proofs; what an upstream checks is in `test_upstream_proxy` and its neighbors.
EVERY_MODE = pytest.mark.parametrize("mode", list(ADDRESSES), ids=lambda mode: mode.value)
WITH_PASSWORD = pytest.mark.parametrize(
    "mode", [Mode.APPEND, Mode.CHALLENGE, Mode.AUTO], ids=lambda mode: mode.value
)


@EVERY_MODE
def test_right_proofs_are_accepted(world: World, mode: Mode) -> None:
    """A person with the right password and passcode gets in, and the audit says by which token."""
    alice = world.person()
    nas = world.nas(ADDRESSES[mode])

    code = log_in(nas, mode, "alice", alice.password, alice.code(world.now))

    assert code == ACCEPT
    line = world.lines()[-1]
    assert (line["decision"], line["reason"]) == ("accept", "passed")
    assert (line["factor"], line["token"], line["mode"]) == ("totp", alice.serial, mode.value)


@EVERY_MODE
def test_wrong_code_is_rejected(world: World, mode: Mode) -> None:
    """A wrong passcode is rejected in every mode."""
    alice = world.person()
    nas = world.nas(ADDRESSES[mode])

    code = log_in(nas, mode, "alice", alice.password, alice.wrong(world.now))

    assert code == REJECT


@EVERY_MODE
def test_promise_1_reused_code_is_rejected(world: World, mode: Mode) -> None:
    """The passcode of a login opens no second one, from whichever client."""
    alice = world.person()
    used = alice.code(world.now)
    assert log_in(world.nas(STEP_UP), Mode.STEP_UP, "alice", b"", used) == ACCEPT

    code = log_in(world.nas(ADDRESSES[mode], 40001), mode, "alice", alice.password, used)

    assert code == REJECT


@WITH_PASSWORD
def test_wrong_password_is_rejected(world: World, mode: Mode) -> None:
    """The right passcode behind a wrong password is rejected and stays unused."""
    alice = world.person()
    nas = world.nas(ADDRESSES[mode])
    right = alice.code(world.now)

    code = log_in(nas, mode, "alice", b"a wrong password", right)

    assert code == REJECT
    assert world.reasons[-1] == ("reject", "bad-password")
    assert log_in(nas, mode, "alice", alice.password, right) == ACCEPT


@WITH_PASSWORD
def test_promise_2_password_alone_is_no_login(world: World, mode: Mode) -> None:
    """The right password without a passcode is never an Accept."""
    alice = world.person()

    code = world.nas(ADDRESSES[mode]).decide("alice", alice.password)

    assert code == (REJECT if mode is Mode.APPEND else CHALLENGE)


@WITH_PASSWORD
def test_promise_2_passcode_alone_is_no_login(world: World, mode: Mode) -> None:
    """The right passcode without a password is never an Accept."""
    alice = world.person()

    code = world.nas(ADDRESSES[mode]).decide("alice", alice.code(world.now))

    assert code == REJECT


@EVERY_MODE
@pytest.mark.parametrize("name", ["mallory", "x" * 253, "josé"], ids=["short", "longest", "other"])
def test_unknown_user_is_rejected(world: World, mode: Mode, name: str) -> None:
    """Nobody gets in under a name that is not there, whatever is typed."""
    alice = world.person()
    nas = world.nas(ADDRESSES[mode])

    code = log_in(nas, mode, name, alice.password, alice.code(world.now))

    assert code == REJECT
    assert world.reasons == [("reject", "unknown-user")]


@pytest.mark.parametrize(
    "name",
    [b"alice\0", b"\0", b" alice", b"alice ", b"al\x01ice", b"alice\xff", b"\xed\xa0\x80"],
    ids=["nul-behind", "nul", "blank-before", "blank-behind", "control", "not-utf-8", "surrogate"],
)
@EVERY_MODE
def test_unusable_user_name_is_rejected(world: World, mode: Mode, name: bytes) -> None:
    """A name that nobody can have is rejected and not repaired into one that somebody has."""
    alice = world.person()
    nas = world.nas(ADDRESSES[mode])
    now = alice.code(world.now)
    typed = now if mode is Mode.STEP_UP else alice.password + now

    assert nas.decide(name, typed) == REJECT
    assert world.reasons == [("reject", "bad-user-name")]


@EVERY_MODE
def test_user_name_in_another_case_is_the_same_person(world: World, mode: Mode) -> None:
    """`ALICE` gets in as `alice`, and what one spelling used is used for the other."""
    alice = world.person()
    nas = world.nas(ADDRESSES[mode])
    used = alice.code(world.now)

    assert log_in(nas, mode, "ALICE", alice.password, used) == ACCEPT
    assert log_in(nas, mode, "Alice", alice.password, used) == REJECT


def disabled_user(world: World, person: Person) -> None:
    """Disable the user."""
    people.set_disabled(world.admin, world.actor, person.name, disabled=True)


def disabled_token(world: World, person: Person) -> None:
    """Disable the token."""
    tokens.set_disabled(world.admin, world.actor, person.serial, disabled=True)


def revoked_token(world: World, person: Person) -> None:
    """Revoke the token."""
    tokens.revoke(world.admin, world.actor, person.serial)


def other_owner(world: World, person: Person) -> None:
    """Take the token away."""
    tokens.assign(world.admin, world.actor, person.serial, None)


def deleted_user(world: World, person: Person) -> None:
    """Delete the user."""
    people.delete(world.admin, world.actor, person.name)


WITHDRAWALS: Final = [
    pytest.param(disabled_user, "user-disabled", id="disabled-user"),
    pytest.param(disabled_token, "not-enrolled", id="disabled-token"),
    pytest.param(revoked_token, "not-enrolled", id="revoked-token"),
    pytest.param(other_owner, "not-enrolled", id="unassigned-token"),
    pytest.param(deleted_user, "unknown-user", id="deleted-user"),
]


@EVERY_MODE
@pytest.mark.parametrize(("withdraw", "reason"), WITHDRAWALS)
def test_withdrawn_right_is_rejected_at_the_next_login(
    world: World, mode: Mode, withdraw: Callable[[World, Person], None], reason: str
) -> None:
    """What an administrator takes away is gone for the very next login, without a restart."""
    alice = world.person()
    nas = world.nas(ADDRESSES[mode])
    assert log_in(nas, mode, "alice", alice.password, alice.code(world.now)) == ACCEPT
    world.clock.advance(30)

    withdraw(world, alice)
    code = log_in(nas, mode, "alice", alice.password, alice.code(world.now))

    assert code == REJECT
    expected = {reason, "bad-password"} if mode is Mode.AUTO else {reason}
    assert world.reasons[-1][1] in expected


@pytest.mark.parametrize(("withdraw", "reason"), WITHDRAWALS)
def test_right_withdrawn_between_the_rounds_is_rejected(
    world: World, withdraw: Callable[[World, Person], None], reason: str
) -> None:
    """An open challenge does not outlive the right to answer it."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    withdraw(world, alice)

    assert nas.decide("alice", alice.code(world.now), state) == REJECT
    expected = {reason, "unknown-state"} if withdraw is deleted_user else {reason}
    assert world.reasons[-1][1] in expected


@pytest.mark.parametrize(("withdraw", "reason"), WITHDRAWALS)
@pytest.mark.parametrize("address", [APPEND, AUTO])
def test_right_withdrawn_during_the_password_check_is_rejected(
    world: World, withdraw: Callable[[World, Person], None], reason: str, address: str
) -> None:
    """Whatever changes while a password is checked counts when it has been checked."""
    alice = world.person()
    nas = world.nas(address)
    request = nas.request("alice", alice.password + alice.code(world.now))
    nas.put(request)
    assert world.port.sent == []

    withdraw(world, alice)
    world.work()

    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons[-1][1] in {reason, "bad-passcode"}


@EVERY_MODE
def test_token_pending_is_not_enrolled(world: World, mode: Mode) -> None:
    """A token that was never confirmed proves nothing."""
    alice = world.person(status="pending")
    nas = world.nas(ADDRESSES[mode])

    code = log_in(nas, mode, "alice", alice.password, alice.code(world.now))

    assert code == REJECT


@WITH_PASSWORD
def test_promise_2_user_without_a_token_is_rejected(world: World, mode: Mode) -> None:
    """A person with a password and no second factor stays out; that is no outage."""
    alice = world.person(has_token=False)

    code = world.nas(ADDRESSES[mode]).decide("alice", alice.password)

    assert code == REJECT
    assert world.reasons == [("reject", "not-enrolled")]


@WITH_PASSWORD
def test_user_without_a_password_is_rejected(world: World, mode: Mode) -> None:
    """A person without a password cannot log in where one is asked for."""
    alice = world.person(password=None)
    nas = world.nas(ADDRESSES[mode])

    code = log_in(nas, mode, "alice", alice.password, alice.code(world.now))

    assert code == REJECT
    assert world.reasons == [("reject", "no-password")]


@WITH_PASSWORD
def test_exempt_user_gets_in_by_password_alone(world: World, mode: Mode) -> None:
    """Whom an administrator exempted gets in by password, and the audit says so."""
    alice = world.person(has_token=False, password_only=True)
    nas = world.nas(ADDRESSES[mode])

    assert nas.decide("alice", b"wrong") == REJECT
    assert nas.decide("alice", alice.password) == ACCEPT
    assert world.reasons[-1] == ("accept", "password-only")


def test_exempt_user_has_to_prove_something_in_step_up(world: World) -> None:
    """Where nobody checks a password, an exempt user without a token stays out."""
    alice = world.person(has_token=False, password_only=True)

    assert world.nas(STEP_UP).decide("alice", alice.password) == REJECT


def test_exemption_ended_during_the_password_check_is_rejected(world: World) -> None:
    """An exemption that ends while the password is checked lets nobody in any more."""
    alice = world.person(has_token=False, password_only=True)
    nas = world.nas(APPEND)
    request = nas.request("alice", alice.password)
    nas.put(request)

    people.set_password_only(world.admin, world.actor, "alice", password_only=False)
    world.work()

    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT


def test_auto_asks_who_typed_a_password_alone(world: World) -> None:
    """In `auto`, a password alone earns a challenge whose answer gets in."""
    alice = world.person()
    nas = world.nas(AUTO)

    state = nas.challenged("alice", alice.password)

    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        pytest.param(b"%(password)s;%(code)s", ACCEPT, id="right"),
        pytest.param(b"%(password)s%(code)s", REJECT, id="no-delimiter"),
        pytest.param(b"%(password)s;", REJECT, id="no-passcode"),
        pytest.param(b";%(code)s", REJECT, id="no-password"),
        pytest.param(b"%(code)s;%(password)s", REJECT, id="turned-round"),
        pytest.param(b"%(password)s;%(code)s;", REJECT, id="one-too-many"),
    ],
)
def test_delimiter_parts_password_and_passcode(world: World, typed: bytes, code: int) -> None:
    """With a delimiter the passcode is what stands behind the last of them."""
    world.clients = (client(APPEND, Mode.APPEND, delimiter=";"),)
    world.reload()
    alice = world.person()
    fields = {b"password": alice.password, b"code": alice.code(world.now)}

    assert world.nas(APPEND).decide("alice", typed % fields) == code


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("digits", [6, 7, 8])
@pytest.mark.parametrize("period", [30, 60])
def test_every_shape_of_token_is_accepted_once(
    world: World, algorithm: str, digits: int, period: int
) -> None:
    """Each hash, length and period of a TOTP token works, behind a password too."""
    token = tokens.NewToken(
        serial="T", kind="totp", seed=Secret(bytes(range(32))), algorithm=algorithm,
        digits=digits, period=period,
    )  # fmt: skip
    alice = world.person(token=token)
    typed = alice.password + alice.code(world.now)

    assert world.nas(APPEND).decide("alice", typed) == ACCEPT
    assert world.nas(APPEND, 40001).decide("alice", typed, None) == REJECT
