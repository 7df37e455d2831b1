"""Passcodes of our own tokens: used up once, counted when wrong, and asked for again or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.factors.yubikey import OtpKey
from radiusmfa.login.account import Kind, Yubikey
from radiusmfa.login.challenges import Entry
from radiusmfa.outcome import ASKS_NEXT_PASSCODE, ASKS_PASSCODE, PASSED, Failed, Outcome, Reason
from radiusmfa.request import Credentials
from radiusmfa.server.attempt import Attempt
from radiusmfa.server.guard import Guard
from radiusmfa.server.passcodes import OwnPasscodes
from radiusmfa.wire import codec
from tests.flows.world import ASKING, LOCKOUT, World, client
from tests.yubico import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.login.account import User


class Desk:
    """A person with a token and recovery codes, within a turn."""

    def __init__(self, world: World) -> None:
        """Serve a client that gives two tries."""
        self.world = world
        world.clients = (client(ASKING, Mode.CHALLENGE, attempts=2),)
        world.reload()
        self.alice = world.person()
        self.codes = world.recovery(self.alice)
        self.site = world.pipeline.parts.sites["challenge"]
        self.guard = Guard(world.logins, LOCKOUT, b"pepper")
        self.passcodes = OwnPasscodes(world.logins, self.guard)
        world.logins.begin()
        self.attempt = self.begin()

    @property
    def user(self) -> User:
        """Who it is."""
        user = self.world.logins.user(b"alice")
        assert user is not None
        return user

    def begin(self, wrong: int | None = None) -> Attempt:
        """Return a round; *wrong* passcodes were typed in the rounds before, None: it is none."""
        key = codec.SigningKey(self.site.client.secret)
        packet = codec.decode(codec.request(1, 0, bytes(16), b"", key))
        asked = Credentials(b"alice", b"", None)
        entry = None
        if wrong is not None:
            entry = Entry(b"s", ASKING, 1, "login", "challenge", wrong, 0, 180)
        return Attempt(self.site.client, self.site.plan, Mode.CHALLENGE, packet, asked, entry, 20.0)

    def check(self, typed: bytes, *, may_be_other: bool = False) -> Outcome | None:
        """Return what *typed* proves."""
        desk = self.site.plan.desk
        return self.passcodes.check(
            self.attempt, self.user, desk, typed, self.world.now, 0.0, may_be_other=may_be_other
        )

    @property
    def counted(self) -> dict[str, int]:
        """How many proofs of each kind were wrong."""
        return {kind.value: one.wrong for (kind, _), one in self.user.failures.items()}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A person and a turn."""
    with World(tmp_path) as world:
        made = Desk(world)
        yield made
        world.logins.roll_back()


@pytest.mark.parametrize(
    ("typed", "kind"),
    [(b"000000", "oath"), (b"aaaa-bbbb-cccc-dddd", "recovery"), (b"", "recovery")],
)
def test_wrong_passcode_is_counted_by_its_kind(desk: Desk, typed: bytes, kind: str) -> None:
    """Digits are a guess at a token, anything else at a recovery code."""
    assert desk.check(typed) == Failed(Reason.BAD_PASSCODE)
    assert desk.counted == {kind: 1}


@pytest.mark.parametrize("may_be_other", [True, False])
def test_locked_passcode_is_not_looked_at(desk: Desk, *, may_be_other: bool) -> None:
    """After three wrong ones the right one is refused, or left to another server."""
    for number in range(3):
        desk.guard.count(
            desk.user, Kind.OATH, desk.site.client.name, b"%d" % number, desk.world.now
        )

    outcome = desk.check(desk.alice.code(desk.world.now), may_be_other=may_be_other)

    assert outcome == (None if may_be_other else Failed(Reason.LOCKED))
    assert desk.attempt.guess == b""


@pytest.mark.parametrize(("typed", "guess"), [(b"000000", b"000000"), (b"letters", b"")])
def test_what_may_be_anothers_is_no_wrong_one_yet(desk: Desk, typed: bytes, guess: bytes) -> None:
    """Where another server may know it, it is remembered as a guess, and not counted here."""
    assert desk.check(typed, may_be_other=True) is None
    assert desk.attempt.guess == guess
    assert desk.counted == {}


@pytest.mark.parametrize("may_be_other", [True, False])
def test_promise_1_used_passcode_is_a_replay(desk: Desk, *, may_be_other: bool) -> None:
    """A passcode is right once; again it is no guess, and nothing for another server."""
    code = desk.alice.code(desk.world.now)
    assert desk.check(code) == PASSED

    assert desk.check(code, may_be_other=may_be_other) == Failed(Reason.REPLAYED_PASSCODE)
    assert desk.counted == {}
    assert (desk.attempt.kind, desk.attempt.serial) == ("totp", desk.alice.serial)


def test_promise_1_used_password_of_a_yubikey_is_a_replay(desk: Desk) -> None:
    """It is used up as a code is; the audit names the key."""
    key = Key()
    held = Yubikey(99, key.public_id, OtpKey(key.private_id + key.aes_key), -1)
    desk.user.yubikeys = (held,)
    otp = key.touch().encode()

    assert [desk.check(otp), desk.check(otp)] == [PASSED, Failed(Reason.REPLAYED_PASSCODE)]
    assert (desk.attempt.kind, desk.attempt.serial) == ("yubikey", key.public_id)
    assert desk.check(Key().touch().encode()) == Failed(Reason.BAD_PASSCODE)
    assert desk.counted == {"oath": 1}


def test_promise_1_what_was_found_may_be_used_meanwhile(desk: Desk) -> None:
    """Between finding and claiming somebody else may have used it."""
    assert desk.check(desk.codes[0]) == PASSED
    found = desk.attempt.found
    assert found is not None
    assert (desk.attempt.kind, desk.attempt.serial) == ("recovery", "")

    assert desk.passcodes.claim(desk.attempt, desk.user, found) == Failed(Reason.REPLAYED_PASSCODE)


def test_counter_token_is_told_by_its_kind(tmp_path: Path) -> None:
    """The audit learns that it was a HOTP token."""
    with World(tmp_path) as world:
        bob = world.hotp("bob")
        site = world.pipeline.parts.sites["challenge"]
        passcodes = OwnPasscodes(world.logins, Guard(world.logins, LOCKOUT, b"pepper"))
        world.logins.begin()
        user = world.logins.user(b"bob")
        key = codec.SigningKey(site.client.secret)
        packet = codec.decode(codec.request(1, 0, bytes(16), b"", key))
        asked = Credentials(b"bob", b"", None)
        attempt = Attempt(site.client, site.plan, Mode.STEP_UP, packet, asked, None, 20.0)
        assert user is not None

        outcome = passcodes.check(attempt, user, site.plan.desk, bob.counted(0), world.now, 0.0)

        world.logins.roll_back()
        assert (outcome, attempt.kind, attempt.serial) == (PASSED, "hotp", "HOTP-bob")


def test_right_passcode_forgets_wrong_ones(desk: Desk) -> None:
    """The count of its kind is cleared."""
    desk.check(b"000000")
    assert desk.check(desk.alice.code(desk.world.now)) == PASSED
    assert desk.counted == {}


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [(None, Failed(Reason.BAD_PASSCODE)), (0, ASKS_PASSCODE), (1, Failed(Reason.BAD_PASSCODE))],
)
def test_wrong_answer_is_asked_for_again_while_there_are_tries(
    desk: Desk, wrong: int | None, outcome: Outcome
) -> None:
    """Who answers a question of ours gets as many tries as the client gives."""
    desk.attempt = desk.begin(wrong)

    assert desk.check(b"000000") == outcome


@pytest.mark.parametrize(
    ("wrong", "outcome"), [(None, Failed(Reason.BAD_PASSCODE)), (1, ASKS_NEXT_PASSCODE)]
)
def test_passcode_far_off_is_asked_to_be_followed(
    desk: Desk, wrong: int | None, outcome: Outcome
) -> None:
    """A code out of its window counts as wrong; the next one after it would prove the token."""
    desk.attempt = desk.begin(wrong)

    assert desk.check(desk.alice.code(desk.world.now, 10)) == outcome
    assert desk.counted == {"oath": 1}
    (token,) = desk.user.tokens
    assert token.awaited is not None


def test_person_without_tokens_guesses_nothing(desk: Desk) -> None:
    """Who has nothing to guess at is not enrolled, and not counted."""
    desk.world.logins.roll_back()
    desk.world.person("carol", has_token=False)
    desk.world.logins.begin()
    carol = desk.world.logins.user(b"carol")
    assert carol is not None

    outcome = desk.passcodes.check(
        desk.attempt, carol, desk.site.plan.desk, b"000000", desk.world.now, 0.0
    )

    assert outcome == Failed(Reason.NOT_ENROLLED)
    assert carol.failures == {}
