"""
Who gets in, on one page.

A login is a walk through nine steps. The shell performs a step and tells its
outcome; `advance` answers with the next step or with a decision. There is no
other way to an Accept than the six lines marked with an arrow, and
`tests/unit/login/test_flow.py` walks every path there is.

    step-up, answer   PASSCODE ------------------------------------> Accept
    append, auto      TAIL -> REST -> CLAIM -----------------------> Accept
    challenge, auto   PASSWORD -> FACTOR --> Challenge, then "answer" above
                      PASSWORD -> OPEN ----------------------------> Accept
    exempt user       PASSWORD -> FACTOR --------------------------> Accept
    proxy             BOTH ----------------------------------------> Accept
    servers are gone  PASSCODE, CLAIM, FACTOR or OPEN -> INSTEAD --> Accept

Whoever performs a step, the store or an upstream, makes no difference here. An
upstream that asks for more than it was given is answered by a Challenge, and the
person's answer resumes the same step. INSTEAD is a factor as any other: the
policy names which one counts while the servers of the first cannot be asked.

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
    OPEN = auto()
    """Does the user's token server let the person in, told of a right password?"""
    BOTH = auto()
    """Does the upstream that checks everything let the person in?"""
    INSTEAD = auto()
    """Is it an unused passcode of the factor that counts while servers are gone?"""


Next: TypeAlias = Step | Decision

_AFTER_PASSED: Final[dict[Step, Next]] = {
    Step.PASSCODE: Accept(Reason.PASSED),  # <-- Accept
    Step.TAIL: Step.REST,
    Step.REST: Step.CLAIM,
    Step.CLAIM: Accept(Reason.PASSED),  # <-- Accept
    Step.PASSWORD: Step.FACTOR,
    Step.FACTOR: Accept(Reason.PASSWORD_ONLY),  # <-- Accept
    Step.OPEN: Accept(Reason.PASSED),  # <-- Accept
    Step.BOTH: Accept(Reason.PASSED),  # <-- Accept
    Step.INSTEAD: Accept(Reason.PASSED_INSTEAD),  # <-- Accept
}
_REJECT: Final = {reason: Reject(reason) for reason in Reason}
_SILENCE: Final = Silence(Reason.UNAVAILABLE)
_SURELY_PASSCODE: Final = frozenset({Reason.REPLAYED_PASSCODE, Reason.LOCKED})
_CAN_ASK: Final = frozenset({Mode.CHALLENGE, Mode.AUTO})
_GONE: Final = frozenset({
    Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY,
})  # fmt: skip
_OF_A_FACTOR: Final = frozenset({Step.PASSCODE, Step.CLAIM, Step.FACTOR, Step.OPEN})
"""Steps whose server another factor may stand in for; every other proof was given before."""
RESUMED: Final = {
    Step.PASSWORD: Step.PASSWORD,
    Step.PASSCODE: Step.PASSCODE,
    Step.CLAIM: Step.PASSCODE,
    Step.FACTOR: Step.PASSCODE,
    Step.OPEN: Step.PASSCODE,
    Step.BOTH: Step.BOTH,
    Step.INSTEAD: Step.INSTEAD,
}
"""What the answer to a challenge begins with, by the step that asked. What was proved before
that step is not asked for again; what comes after it still is."""


def begin(mode: Mode, *, resumed: Step | None, is_exempt: bool) -> Step:
    """
    Return what has to be found out first.

    Args:
        mode: The client's; for an answer, that of the round before.
        resumed: The request answers a challenge of ours: where it goes on.
        is_exempt: The user needs no second factor.

    Raises:
        KeyError: No answer begins with *resumed*: somebody wrote it into the store.
    """
    if resumed is not None:
        # Again by the table: no step that lets in by itself begins an answer.
        return RESUMED[resumed]
    if mode is Mode.PROXY:
        return Step.BOTH
    if mode is Mode.STEP_UP:
        return Step.PASSCODE
    if mode is Mode.CHALLENGE or is_exempt:
        return Step.PASSWORD
    return Step.TAIL


def advance(  # noqa: PLR0911, PLR0913 - one return a line: the table reads as one
    mode: Mode,
    step: Step,
    outcome: Outcome,
    *,
    is_answer: bool = False,
    opens: bool = False,
    has_instead: bool = False,
    can_show: bool = False,
) -> Next:
    """
    Return what follows *step* after its *outcome*.

    Args:
        mode: As for `begin`.
        step: What was asked.
        outcome: What was found out.
        is_answer: The request answers a challenge; only an answer may be asked for again.
        opens: The user's token server begins by itself after the right password.
        has_instead: Another factor counts for this user while servers are gone.
        can_show: The client can show what an upstream asks.
    """
    match outcome:
        case Passed():
            return Step.OPEN if opens and step is Step.PASSWORD else _AFTER_PASSED[step]
        case Failed(reason):
            # A tail that is no passcode may be the end of a password alone.
            if step is Step.TAIL and mode is Mode.AUTO and reason not in _SURELY_PASSCODE:
                return Step.PASSWORD
            return _REJECT[reason]
        case Asks(reason):
            return _asked(mode, step, reason, is_answer=is_answer, can_show=can_show)
        case Unavailable(reason):
            if reason is Reason.UNAVAILABLE:
                return _SILENCE
            is_gone = reason in _GONE and step in _OF_A_FACTOR
            return Step.INSTEAD if is_gone and has_instead else _REJECT[reason]
        case Broken():
            return _REJECT[Reason.BROKEN]
        case _:
            assert_never(outcome)


def _asked(mode: Mode, step: Step, reason: Reason, *, is_answer: bool, can_show: bool) -> Decision:
    if reason is Reason.UPSTREAM_ASKS or step is Step.INSTEAD:
        # An upstream has its own reasons to ask. REST is not resumed: its passcode would
        # have to be kept.
        is_shown = can_show and step in RESUMED
        return Challenge(reason) if is_shown else _REJECT[Reason.CHALLENGE_NOT_SHOWN]
    # Only who has proved the password is asked, and only where a client asks.
    if (step is Step.FACTOR and mode in _CAN_ASK) or (step is Step.PASSCODE and is_answer):
        return Challenge(reason)
    return _REJECT[reason]
