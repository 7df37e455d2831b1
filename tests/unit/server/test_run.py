"""Steps performed against a real store: what is claimed and counted, and what breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept, Challenge, Decision, Reject, Silence
from radiusmfa.login.challenges import Entry
from radiusmfa.login.flow import Step
from radiusmfa.outcome import PASSED, Outcome, Passed, Reason
from radiusmfa.primary.local import Answer
from radiusmfa.server.run import Attempt, Steps, broken
from radiusmfa.stores import people, tokens
from tests.flows.world import ADDRESSES, Person, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

RIGHT, WRONG = Answer(is_right=True, better=None), Answer(is_right=False, better=None)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server with a client of each mode."""
    with World(tmp_path) as made:
        yield made


class Round:
    """One round of a login, step by step, in turns of its own."""

    def __init__(
        self, world: World, mode: Mode, name: str, typed: bytes, wrong: int | None = None
    ) -> None:
        """Begin; *wrong* is how many passcodes were wrong before, None: no answer."""
        self.world = world
        self.steps: Steps = world.pipeline.parts.steps
        client = world.pipeline.parts.sites[mode.value].client
        entry = None
        if wrong is not None:
            now = world.now
            entry = Entry(b"s", ADDRESSES[mode], 1, "login", mode.value, wrong, now, now + 180)
        self.attempt = Attempt(client, mode, name.encode(), typed, entry)

    def start(self) -> Decision | None:
        """Return what is decided at once."""
        return self._turn(self.steps.start)

    def resume(self, answer: Answer | None) -> Decision | None:
        """Return what is decided when the password was checked."""

        def resumed(attempt: Attempt, now: float, monotonic: float) -> Decision | None:
            return self.steps.resume(attempt, answer, now, monotonic)

        return self._turn(resumed)

    def give_up(self) -> Decision | None:
        """Return what is decided when the password cannot be checked."""
        return self._turn(self.steps.give_up)

    def _turn(self, act: Callable[[Attempt, float, float], Decision | None]) -> Decision | None:
        self.world.logins.begin()
        self.attempt.user = self.world.logins.user(self.attempt.name)
        decision = act(self.attempt, self.world.now, self.world.clock.monotonic())
        self.world.logins.commit()
        return decision


@pytest.mark.parametrize(
    ("mode", "step"),
    [(Mode.APPEND, Step.REST), (Mode.CHALLENGE, Step.PASSWORD), (Mode.AUTO, Step.REST)],
)
@pytest.mark.parametrize(
    ("answer", "decision"),
    [
        (WRONG, Reject(Reason.BAD_PASSWORD)),
        (None, Reject(Reason.BROKEN)),
    ],
    ids=["wrong", "broken"],
)
def test_promise_2_password_not_right_is_a_reject(
    world: World, mode: Mode, step: Step, answer: Answer | None, decision: Decision
) -> None:
    """Whatever is not a right password is a Reject, with the right passcode too."""
    alice = world.person()
    passcode = b"" if mode is Mode.CHALLENGE else alice.code(world.now)
    one = Round(world, mode, "alice", alice.password + passcode)

    assert one.start() is None
    assert one.attempt.step is step
    assert one.resume(answer) == decision
    assert tokens.show(world.admin, alice.serial).last == -1


def test_right_password_and_tail_are_accepted_and_claimed(world: World) -> None:
    """Behind a right password the passcode is used up, and the attempt tells by which token."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))

    assert one.start() is None
    assert one.attempt.asked is not None
    assert one.attempt.asked.typed == alice.password
    assert one.resume(RIGHT) == Accept(Reason.PASSED)
    assert (one.attempt.kind, one.attempt.serial) == ("totp", alice.serial)
    assert tokens.show(world.admin, alice.serial).last == world.now // 30


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"has_token": True}, id="token"),
        pytest.param({"has_token": False}, id="none"),
        pytest.param({"has_token": False, "password_only": True}, id="exempt"),
    ],
)
def test_right_password_leads_to_what_else_is_needed(
    world: World, settings: dict[str, Any]
) -> None:
    """After the password: a challenge, an Accept for the exempt, a Reject for the rest."""
    alice = world.person(**settings)
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    expected: dict[str, Decision] = {
        "TOTP-alice": Challenge(Reason.PASSCODE_WANTED),
        "": Reject(Reason.NOT_ENROLLED),
    }

    assert one.start() is None
    decision = one.resume(RIGHT)

    is_exempt = settings.get("password_only", False)
    assert decision == (Accept(Reason.PASSWORD_ONLY) if is_exempt else expected[alice.serial])


def test_promise_3_password_that_cannot_be_checked_is_silence(world: World) -> None:
    """Without room for a check nothing is decided."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    assert one.start() is None

    assert one.give_up() == Silence(Reason.UNAVAILABLE)
    assert one.attempt.asked is None


def vanish(world: World, alice: Person) -> None:
    """Delete the user."""
    people.delete(world.admin, world.actor, alice.name)


def disable(world: World, alice: Person) -> None:
    """Disable the user."""
    people.set_disabled(world.admin, world.actor, alice.name, disabled=True)


def take_password(world: World, alice: Person) -> None:
    """Take the password away."""
    people.set_password(world.admin, world.actor, alice.name, None)


def lock(world: World, alice: Person) -> None:
    """Lock the password at the client."""
    world.admin.connection.execute(
        "INSERT INTO failures SELECT id, 'password', 'challenge', 9, ?, ?, x'00' FROM users"
        " WHERE name = ?",
        (int(world.now), int(world.now) + 30, alice.name),
    )


CHANGES = [
    pytest.param(vanish, Reason.UNKNOWN_USER, id="deleted"),
    pytest.param(disable, Reason.USER_DISABLED, id="disabled"),
    pytest.param(take_password, Reason.NO_PASSWORD, id="without-password"),
    pytest.param(lock, Reason.LOCKED, id="locked"),
]


@pytest.mark.parametrize(("change", "reason"), CHANGES)
@pytest.mark.parametrize("is_during", [False, True], ids=["before", "during"])
def test_promise_2_right_password_counts_for_nothing_after_a_change(
    world: World, change: Callable[[World, Person], None], reason: Reason, *, is_during: bool
) -> None:
    """Before or during the check: who may not log in does not, though the answer is yes."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    if not is_during:
        change(world, alice)
    assert one.start() is None
    assert one.attempt.asked is not None
    assert one.attempt.asked.is_decoy is not is_during
    if is_during:
        change(world, alice)

    assert one.resume(RIGHT) == Reject(reason)


def test_promise_2_yes_to_a_decoy_is_no(world: World) -> None:
    """A lock that ended during the check does not make the decoy's answer count."""
    alice = world.person()
    lock(world, alice)
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None
    people.unlock(world.admin, world.actor, "alice")

    assert one.resume(RIGHT) == Reject(Reason.LOCKED)


def test_password_renewed_during_the_check_is_asked_again(world: World) -> None:
    """An answer about a hash that is no longer stored counts for nothing; the new one is asked."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None
    people.set_password(world.admin, world.actor, "alice", "$another$")

    assert one.resume(RIGHT) is None
    assert one.attempt.asked is not None
    assert one.attempt.asked.stored == "$another$"
    assert people.failures(world.admin, "alice") == []


def test_better_hash_is_kept(world: World) -> None:
    """A renewed hash that comes with a right password is stored."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None

    one.resume(Answer(is_right=True, better="$better$"))

    assert people.person(world.admin, "alice").password == "$better$"


def test_better_hash_of_a_wrong_password_is_not_kept(world: World) -> None:
    """Whatever comes with a no is not stored."""
    alice = world.person()
    before = people.person(world.admin, "alice").password
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    assert one.start() is None

    one.resume(Answer(is_right=False, better="$better$"))

    assert people.person(world.admin, "alice").password == before


def drop_token(world: World, alice: Person) -> None:
    """Disable the token."""
    tokens.set_disabled(world.admin, world.actor, alice.serial, disabled=True)


def use_code(world: World, alice: Person) -> None:
    """Use the code elsewhere."""
    Round(world, Mode.STEP_UP, "alice", alice.code(world.now)).start()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(drop_token, Reason.BAD_PASSCODE, id="token-disabled"),
        pytest.param(use_code, Reason.REPLAYED_PASSCODE, id="code-used"),
    ],
)
def test_promise_1_passcode_lost_during_the_check_is_a_reject(
    world: World, change: Callable[[World, Person], None], reason: Reason
) -> None:
    """What was found before the password check has to be claimed after it."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    assert one.start() is None
    change(world, alice)

    assert one.resume(RIGHT) == Reject(reason)


def test_promise_2_claim_without_a_find_is_a_reject(world: World) -> None:
    """A claim that nothing was found for opens nothing."""
    alice = world.person()
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    assert one.start() is None
    one.attempt.found = None

    assert one.resume(RIGHT) == Reject(Reason.REPLAYED_PASSCODE)


@pytest.mark.parametrize("mode", [Mode.STEP_UP, Mode.APPEND])
@pytest.mark.parametrize(
    ("change", "reason"),
    [(vanish, Reason.UNKNOWN_USER), (disable, Reason.USER_DISABLED)],
)
def test_passcode_of_who_may_not_log_in_is_not_looked_at(
    world: World, mode: Mode, change: Callable[[World, Person], None], reason: Reason
) -> None:
    """The right passcode of somebody unknown or disabled is a Reject."""
    alice = world.person()
    change(world, alice)

    assert Round(world, mode, "alice", alice.code(world.now)).start() == Reject(reason)


def test_factor_of_who_may_not_log_in_is_a_reject(world: World) -> None:
    """Even right after a right password, the factor looks at the user again."""
    alice = world.person()
    one = Round(world, Mode.CHALLENGE, "alice", alice.password)
    one.attempt.step = Step.FACTOR
    for change, reason in ((disable, Reason.USER_DISABLED), (vanish, Reason.UNKNOWN_USER)):
        change(world, alice)
        world.logins.begin()
        one.attempt.user = world.logins.user(b"alice")
        decision = one.steps._walk(one.attempt, None, world.now, 0)
        world.logins.roll_back()
        assert decision == Reject(reason)


@pytest.mark.parametrize("mode", [Mode.STEP_UP, Mode.APPEND, Mode.AUTO])
def test_locked_passcode_is_refused_unseen(world: World, mode: Mode) -> None:
    """After three wrong passcodes the right one is refused where it was guessed."""
    alice = world.person()
    before = b"" if mode is Mode.STEP_UP else alice.password
    for wrong in range(3):
        one = Round(world, mode, "alice", before + b"%06d" % wrong)
        if one.start() is None:
            one.resume(WRONG)

    assert Round(world, mode, "alice", before + alice.code(world.now)).start() == Reject(
        Reason.LOCKED
    )


def test_auto_takes_letters_at_the_end_for_the_password(world: World) -> None:
    """In `auto` a password that ends in letters is no guess at a recovery code."""
    alice = world.person()
    world.recovery(alice)
    one = Round(world, Mode.AUTO, "alice", alice.password)

    assert one.start() is None
    assert one.attempt.step is Step.PASSWORD
    assert one.resume(WRONG) == Reject(Reason.BAD_PASSWORD)
    assert {one.factor for one in people.failures(world.admin, "alice")} == {"password"}


def test_right_passcode_forgets_wrong_ones(world: World) -> None:
    """A right passcode clears the count."""
    alice = world.person()
    Round(world, Mode.STEP_UP, "alice", b"000000").start()
    assert people.failures(world.admin, "alice")

    Round(world, Mode.STEP_UP, "alice", alice.code(world.now)).start()

    assert people.failures(world.admin, "alice") == []


@pytest.mark.parametrize(
    ("wrong", "decision"),
    [(None, Reject(Reason.BAD_PASSCODE)), (0, Reject(Reason.BAD_PASSCODE))],
    ids=["step-up", "answer"],
)
def test_wrong_passcode_ends_where_no_attempts_are_left(
    world: World, wrong: int | None, decision: Decision
) -> None:
    """A wrong passcode is a Reject where the client gives one attempt."""
    world.person()
    mode = Mode.STEP_UP if wrong is None else Mode.CHALLENGE

    assert Round(world, mode, "alice", b"000000", wrong).start() == decision


def test_code_far_off_asks_for_the_next_in_a_dialogue_only(world: World) -> None:
    """A passcode far off earns a question where somebody can be asked, else a Reject."""
    alice = world.person()
    far = alice.code(world.now, 10)

    asked = Round(world, Mode.CHALLENGE, "alice", far, 0).start()
    refused = Round(world, Mode.STEP_UP, "alice", far).start()

    assert asked == Challenge(Reason.NEXT_PASSCODE_WANTED)
    assert refused == Reject(Reason.BAD_PASSCODE)


def test_recovery_code_is_claimed(world: World) -> None:
    """A recovery code is used up, and the attempt says what it was."""
    code, _ = world.recovery(world.person())
    one = Round(world, Mode.STEP_UP, "alice", code)

    assert one.start() == Accept(Reason.PASSED)
    assert (one.attempt.kind, one.attempt.serial) == ("recovery", "")
    assert people.person(world.admin, "alice").recovery_codes == 1


def test_watch_is_told_every_step(world: World) -> None:
    """`radiusmfa try` sees each step with its outcome, in order."""
    alice = world.person()
    seen: list[tuple[Step, Outcome]] = []
    one = Round(world, Mode.APPEND, "alice", alice.password + alice.code(world.now))
    one.steps._watch = lambda step, outcome: seen.append((step, outcome))

    one.start()
    one.resume(RIGHT)

    assert seen == [(Step.TAIL, PASSED), (Step.REST, PASSED), (Step.CLAIM, PASSED)]
    assert all(isinstance(outcome, Passed) for _, outcome in seen)


def test_promise_3_what_broke_is_a_reject() -> None:
    """A login that raised is rejected."""
    assert broken() == Reject(Reason.BROKEN)
