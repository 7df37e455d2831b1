"""
Who gets in, on one page.

A login is a walk through six steps. The shell performs a step and tells its
outcome; `advance` answers with the next step or with a decision. There is no
other way to an Accept than the four lines marked with an arrow, and
`tests/unit/login/test_flow.py` walks every path there is.

    step-up, answer   PASSCODE ------------------------------------> Accept
    append, auto      TAIL -> REST -> CLAIM -----------------------> Accept
    challenge, auto   PASSWORD -> FACTOR --> Challenge, then "answer" above
    exempt user       PASSWORD -> FACTOR --------------------------> Accept

An exempt user (an administrator said `--password-only`) needs no second factor
after the right password. Where nobody checks a password (`step-up`), there is no
exemption: something has to be proved.
"""

from __future__ import annotations

from enum import Enum, auto, unique
from typing import TYPE_CHECKING, TypeAlias, assert_never

from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept, Challenge, Decision, Reject, Silence
from radiusmfa.outcome import Asks, Broken, Failed, Outcome, Passed, Reason, Unavailable

if TYPE_CHECKING:
    from typing import Final


@unique
class Step(Enum):
    """What has to be found out next."""

    PASSCODE = auto()
    """Is the whole User-Password an unused passcode? It is used up with the answer."""
    TAIL = auto()
    """Does User-Password end in an unused passcode? Nothing is used up yet."""
    REST = auto()
    """Is what stands before that passcode the password?"""
    CLAIM = auto()
    """Use up the passcode that TAIL found; it may have been used meanwhile."""
    PASSWORD = auto()
    """Is the whole User-Password the password?"""
    FACTOR = auto()
    """What else does this user have to prove? Passed: nothing; Asks: a passcode."""


Next: TypeAlias = Step | Decision

_AFTER_PASSED: Final[dict[Step, Next]] = {
    Step.PASSCODE: Accept(Reason.PASSED),  # <-- Accept
    Step.TAIL: Step.REST,
    Step.REST: Step.CLAIM,
    Step.CLAIM: Accept(Reason.PASSED),  # <-- Accept
    Step.PASSWORD: Step.FACTOR,
    Step.FACTOR: Accept(Reason.PASSWORD_ONLY),  # <-- Accept
}
_REJECT: Final = {reason: Reject(reason) for reason in Reason}
_SILENCE: Final = Silence(Reason.UNAVAILABLE)
_SURELY_PASSCODE: Final = frozenset({Reason.REPLAYED_PASSCODE, Reason.LOCKED})
_CAN_ASK: Final = frozenset({Mode.CHALLENGE, Mode.AUTO})


def begin(mode: Mode, *, is_answer: bool, is_exempt: bool) -> Step:
    """
    Return what has to be found out first.

    Args:
        mode: The client's; for an answer, that of the round before.
        is_answer: The request answers a challenge of ours: the password was right.
        is_exempt: The user needs no second factor.
    """
    if is_answer or mode is Mode.STEP_UP:
        return Step.PASSCODE
    if mode is Mode.CHALLENGE or is_exempt:
        return Step.PASSWORD
    return Step.TAIL


def advance(  # noqa: PLR0911 - one return a line: the table reads as one
    mode: Mode, step: Step, outcome: Outcome, *, is_answer: bool = False
) -> Next:
    """
    Return what follows *step* after its *outcome*.

    Args:
        mode: As for `begin`.
        step: What was asked.
        outcome: What was found out.
        is_answer: As for `begin`; only an answer may be asked for again.
    """
    match outcome:
        case Passed():
            return _AFTER_PASSED[step]
        case Failed(reason):
            # A tail that is no passcode may be the end of a password alone.
            if step is Step.TAIL and mode is Mode.AUTO and reason not in _SURELY_PASSCODE:
                return Step.PASSWORD
            return _REJECT[reason]
        case Asks(reason):
            # Only who has proved the password is asked, and only where a client asks.
            if (step is Step.FACTOR and mode in _CAN_ASK) or (step is Step.PASSCODE and is_answer):
                return Challenge(reason)
            return _REJECT[reason]
        case Unavailable():
            return _SILENCE
        case Broken():
            return _REJECT[Reason.BROKEN]
        case _:
            assert_never(outcome)
