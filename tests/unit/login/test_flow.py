"""Who gets in: every walk through the flow table, for every mode, and what it must have proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept, Challenge, Reject, Silence
from radiusmfa.login.flow import Step, advance, begin
from radiusmfa.outcome import (
    ASKS_NEXT_PASSCODE,
    ASKS_PASSCODE,
    BROKEN,
    PASSED,
    UNAVAILABLE,
    Broken,
    Failed,
    Outcome,
    Passed,
    Reason,
    Unavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.decision import Decision

EVERY_OUTCOME: Final[tuple[Outcome, ...]] = (
    PASSED,
    *(Failed(reason) for reason in Reason),
    ASKS_PASSCODE,
    ASKS_NEXT_PASSCODE,
    UNAVAILABLE,
    BROKEN,
)
MOST_ROUNDS: Final = 3
MOST_STEPS: Final = 4  # of one round; more would be a circle

APPENDED = (Step.TAIL, Step.REST, Step.CLAIM)
CHALLENGED = (Step.PASSWORD, Step.PASSCODE)
EXEMPT = (Step.PASSWORD, Step.FACTOR)
# What must have passed, in this order, before anybody gets in; and nothing else does.
PROOFS: Final = {
    (Mode.STEP_UP, False): {(Step.PASSCODE,)},
    (Mode.STEP_UP, True): {(Step.PASSCODE,)},
    (Mode.APPEND, False): {APPENDED},
    (Mode.APPEND, True): {EXEMPT},
    (Mode.CHALLENGE, False): {CHALLENGED},
    (Mode.CHALLENGE, True): {CHALLENGED, EXEMPT},
    (Mode.AUTO, False): {APPENDED, CHALLENGED},
    (Mode.AUTO, True): {CHALLENGED, EXEMPT},
}
MODES = [
    pytest.param(mode, is_exempt, id=f"{mode.value}{'-exempt' if is_exempt else ''}")
    for mode, is_exempt in PROOFS
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """
    A whole login.

    Attributes:
        outcomes: Of each step, in order.
        decision: How its last round ended.
        rounds: How many there were.
    """

    outcomes: tuple[tuple[Step, Outcome], ...]
    decision: Decision
    rounds: int

    @property
    def proved(self) -> tuple[Step, ...]:
        """The steps that passed."""
        return tuple(step for step, outcome in self.outcomes if outcome == PASSED)


def outcomes_of(step: Step, *, is_exempt: bool) -> tuple[Outcome, ...]:
    """Return what a step may answer: only an exempt user has nothing more to prove."""
    if step is Step.FACTOR and not is_exempt:
        return tuple(outcome for outcome in EVERY_OUTCOME if outcome != PASSED)
    return EVERY_OUTCOME


def one_round(
    mode: Mode, *, is_answer: bool, is_exempt: bool
) -> Iterator[tuple[tuple[tuple[Step, Outcome], ...], Decision]]:
    """Yield every way through one request."""
    first = begin(mode, is_answer=is_answer, is_exempt=is_exempt)
    pending: list[tuple[tuple[tuple[Step, Outcome], ...], Step]] = [((), first)]
    while pending:
        so_far, step = pending.pop()
        assert len(so_far) < MOST_STEPS
        for outcome in outcomes_of(step, is_exempt=is_exempt):
            following = advance(mode, step, outcome, is_answer=is_answer)
            walked = (*so_far, (step, outcome))
            if isinstance(following, Step):
                pending.append((walked, following))
            else:
                yield walked, following


def every_walk(mode: Mode, *, is_exempt: bool) -> Iterator[Walk]:
    """Yield every login there can be, challenges and their answers included."""
    pending: list[tuple[tuple[tuple[Step, Outcome], ...], int]] = [((), 0)]
    while pending:
        before, rounds = pending.pop()
        for walked, decision in one_round(mode, is_answer=rounds > 0, is_exempt=is_exempt):
            outcomes = (*before, *walked)
            yield Walk(outcomes=outcomes, decision=decision, rounds=rounds + 1)
            if isinstance(decision, Challenge) and rounds + 1 < MOST_ROUNDS:
                pending.append((outcomes, rounds + 1))


@pytest.mark.parametrize(("mode", "is_exempt"), MODES)
def test_promise_2_accept_needs_every_proof_the_mode_names(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """Nobody gets in without every proof that the mode names, and with them somebody does."""
    accepted = {
        walk.proved
        for walk in every_walk(mode, is_exempt=is_exempt)
        if isinstance(walk.decision, Accept)
    }

    assert accepted == PROOFS[mode, is_exempt]


@pytest.mark.parametrize(("mode", "is_exempt"), MODES)
def test_promise_2_accept_follows_a_passed_step_only(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """Whatever the last step answers other than Passed, the login is not accepted."""
    for walk in every_walk(mode, is_exempt=is_exempt):
        _, last = walk.outcomes[-1]
        assert not isinstance(walk.decision, Accept) or last == PASSED


@pytest.mark.parametrize(("mode", "is_exempt"), MODES)
def test_promise_3_broken_check_is_rejected_at_every_step(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """A check that breaks ends the login with a Reject, wherever it happens."""
    broken = [
        walk.decision
        for walk in every_walk(mode, is_exempt=is_exempt)
        if isinstance(walk.outcomes[-1][1], Broken)
    ]

    assert set(broken) == {Reject(Reason.BROKEN)}


@pytest.mark.parametrize(("mode", "is_exempt"), MODES)
def test_promise_3_unavailable_check_is_answered_by_silence(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """Where a proof cannot be asked for, nothing is decided and nobody gets in."""
    unavailable = [
        walk.decision
        for walk in every_walk(mode, is_exempt=is_exempt)
        if isinstance(walk.outcomes[-1][1], Unavailable)
    ]

    assert set(unavailable) == {Silence(Reason.UNAVAILABLE)}


@pytest.mark.parametrize(("mode", "is_exempt"), MODES)
def test_challenge_follows_the_right_password_only(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """Nobody is asked for a passcode before the password was right."""
    for walk in every_walk(mode, is_exempt=is_exempt):
        assert not isinstance(walk.decision, Challenge) or walk.proved == (Step.PASSWORD,)


@pytest.mark.parametrize("mode", [Mode.STEP_UP, Mode.APPEND], ids=lambda mode: mode.value)
@pytest.mark.parametrize("is_exempt", [False, True], ids=["second-factor", "exempt"])
def test_client_without_challenges_is_never_sent_one(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """Clients that put everything into one request are never asked for more."""
    walks = every_walk(mode, is_exempt=is_exempt)

    assert not any(isinstance(walk.decision, Challenge) for walk in walks)


@pytest.mark.parametrize(("mode", "is_exempt"), MODES)
def test_reject_tells_the_reason_of_the_failed_proof(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """A Reject holds the reason of the proof that failed last."""
    for walk in every_walk(mode, is_exempt=is_exempt):
        _, last = walk.outcomes[-1]
        if isinstance(last, Failed):
            assert walk.decision == Reject(last.reason)


def test_exempt_user_is_accepted_for_another_reason() -> None:
    """The audit tells a login without a second factor from one with it."""
    accepted = {
        (walk.proved, walk.decision.reason)
        for walk in every_walk(Mode.AUTO, is_exempt=True)
        if isinstance(walk.decision, Accept)
    }

    assert accepted == {(EXEMPT, Reason.PASSWORD_ONLY), (CHALLENGED, Reason.PASSED)}


@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("is_exempt", [False, True], ids=["second-factor", "exempt"])
def test_answer_begins_with_the_passcode(mode: Mode, is_exempt: bool) -> None:  # noqa: FBT001
    """Whoever answers a challenge has to give the passcode, exempt meanwhile or not."""
    assert begin(mode, is_answer=True, is_exempt=is_exempt) is Step.PASSCODE


@pytest.mark.parametrize("is_exempt", [False, True], ids=["second-factor", "exempt"])
def test_step_up_knows_no_exemption(is_exempt: bool) -> None:  # noqa: FBT001
    """Where nobody checks a password, something has to be proved by everybody."""
    assert begin(Mode.STEP_UP, is_answer=False, is_exempt=is_exempt) is Step.PASSCODE


def test_wrong_tail_is_a_password_alone_in_auto_only() -> None:
    """In `auto` what ends in no passcode may be a password; in `append` it is refused."""
    wrong = Failed(Reason.BAD_PASSCODE)

    assert advance(Mode.AUTO, Step.TAIL, wrong) is Step.PASSWORD
    assert advance(Mode.APPEND, Step.TAIL, wrong) == Reject(Reason.BAD_PASSCODE)


@pytest.mark.parametrize("step", list(Step), ids=lambda step: step.name)
@pytest.mark.parametrize("outcome", EVERY_OUTCOME, ids=repr)
@pytest.mark.parametrize("mode", list(Mode), ids=lambda mode: mode.value)
def test_only_passed_leads_on_or_in(mode: Mode, step: Step, outcome: Outcome) -> None:
    """Nothing but Passed leads to an Accept, whichever step is asked in whichever mode."""
    for is_answer in (False, True):
        following = advance(mode, step, outcome, is_answer=is_answer)

        assert not isinstance(following, Accept) or isinstance(outcome, Passed)
