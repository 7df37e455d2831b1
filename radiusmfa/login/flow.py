"""
Who gets in, on one page.

A login is a walk through ten steps. The shell performs a step and tells its
outcome; `advance` answers with the next step or with a decision. There is no
other way to an Accept than the lines marked with an arrow, and
`tests/unit/login/test_flow.py` walks every path there is.

    step-up, answer   PASSCODE ------------------------------------> Accept
    append, auto      TAIL -> REST -> CLAIM -----------------------> Accept
    challenge, auto   PASSWORD -> FACTOR --> Challenge, then "answer" above
                      PASSWORD -> OPEN ----------------------------> Accept
    factor waived     PASSWORD -> FACTOR --------------------------> Accept
    fails open        OPEN, CLAIM, FACTOR or answer's PASSCODE ----> Accept
    factor first      PASSCODE --> Challenge, then LAST -----------> Accept
    proxy             BOTH ----------------------------------------> Accept
    servers are gone  PASSCODE, CLAIM, FACTOR or OPEN -> INSTEAD --> Accept

Whoever performs a step, the store or an upstream, makes no difference here. An
upstream that asks for more than it was given is answered by a Challenge, and the
person's answer resumes the same step. INSTEAD is a factor as any other: the
policy names which one counts while the servers of the first cannot be asked.

A factor is waived after the right password for an exempt user (an administrator said
`--password-only`), and where a policy says so by name: `factors: skip`, `remember`, or
`not_enrolled` until a day. Where nobody checks a password (`step-up`), nothing is waived:
something has to be proved. So for a service with `open_until` that cannot be asked at all;
one that is only busy, which whoever asks often enough can make it, opens nothing.
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

    # Enum's own hashes the name, in Python: tables of steps are looked into at every step.
    __hash__ = object.__hash__

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
    LAST = auto()
    """Is the whole User-Password the password? The second factor was proved before."""


# A member is looked for in its class in Python: five times as long as a name of a module.
_FACTOR: Final = Step.FACTOR
_PROXY: Final = Mode.PROXY
_STEP_UP: Final = Mode.STEP_UP
_CHALLENGE: Final = Mode.CHALLENGE
STEPS: Final = {step.name: step for step in Step}
"""By name, as challenges keep them."""
NAMES: Final = {step: name for name, step in STEPS.items()}

Next: TypeAlias = Step | Decision

_AFTER_PASSED: Final[dict[Step, Next]] = {
    Step.PASSCODE: Accept(Reason.PASSED),  # <-- Accept
    Step.TAIL: Step.REST,
    Step.REST: Step.CLAIM,
    Step.CLAIM: Accept(Reason.PASSED),  # <-- Accept
    Step.PASSWORD: Step.FACTOR,
    Step.OPEN: Accept(Reason.PASSED),  # <-- Accept
    Step.BOTH: Accept(Reason.PASSED),  # <-- Accept
    Step.INSTEAD: Accept(Reason.PASSED_INSTEAD),  # <-- Accept
    Step.LAST: Accept(Reason.PASSED),  # <-- Accept
}
_WAIVED: Final[dict[Reason, Next]] = {
    reason: Accept(reason)  # <-- Accept
    for reason in (
        Reason.PASSWORD_ONLY, Reason.FACTOR_SKIPPED, Reason.REMEMBERED, Reason.NOT_ENROLLED_YET,
    )
}  # fmt: skip
"""What FACTOR may pass by, the password being right; there is no other reason."""
_FAILED_OPEN: Final = Accept(Reason.FAILED_OPEN)  # <-- Accept
WHOLE: Final = frozenset({Step.PASSWORD, Step.LAST})
"""Steps that take everything that was typed for the password."""
_BEFORE_LAST: Final = frozenset({Step.PASSCODE, Step.INSTEAD})
"""Steps that prove the factor where the password comes last."""
_REJECT: Final = {reason: Reject(reason) for reason in Reason}
_SILENCE: Final = Silence(Reason.UNAVAILABLE)
_SURELY_PASSCODE: Final = frozenset({Reason.REPLAYED_PASSCODE, Reason.LOCKED})
_WITH_PASSWORD: Final = frozenset({Mode.APPEND, Mode.CHALLENGE, Mode.AUTO})
_CAN_ASK: Final = frozenset({Mode.CHALLENGE, Mode.AUTO})
_GONE: Final = frozenset({
    Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY,
})  # fmt: skip
_OPENS: Final = _GONE - {Reason.UPSTREAM_BUSY}
"""Why a login may fail open. Whoever asks often enough makes others busy: that opens nothing."""
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
    Step.LAST: Step.LAST,
}
"""What the answer to a challenge begins with, by the step that asked. What was proved before
that step is not asked for again; what comes after it still is."""


def begin(mode: Mode, *, resumed: Step | None, is_exempt: bool, factor_first: bool = False) -> Step:
    """
    Return what has to be found out first.

    Args:
        mode: The client's; for an answer, that of the round before.
        resumed: The request answers a challenge of ours: where it goes on.
        is_exempt: The user needs no second factor.
        factor_first: `challenge`: the passcode comes first, then the password is asked for.

    Raises:
        KeyError: No answer begins with *resumed*: somebody wrote it into the store.
    """
    if resumed is not None:
        # Again by the table: no step that lets in by itself begins an answer.
        return RESUMED[resumed]
    if mode is _PROXY:
        return Step.BOTH
    if mode is _STEP_UP:
        return Step.PASSCODE
    if mode is _CHALLENGE or is_exempt:
        return Step.PASSCODE if factor_first and not is_exempt else Step.PASSWORD
    return Step.TAIL


def advance(  # noqa: C901, PLR0911, PLR0913 - one return a line: the table reads as one
    mode: Mode,
    step: Step,
    outcome: Outcome,
    *,
    is_answer: bool = False,
    opens: bool = False,
    has_instead: bool = False,
    fails_open: bool = False,
    can_show: bool = False,
    factor_first: bool = False,
    may_be_alone: bool = False,
    waived: Reason = Reason.PASSWORD_ONLY,
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
        fails_open: While they are gone, whoever has proved the password gets in.
        can_show: The client can show what an upstream asks.
        factor_first: As for `begin`.
        may_be_alone: A password may come without a passcode: the factor is remembered.
        waived: Why FACTOR passes, where it does.
    """
    match outcome:
        case Passed():
            if step is _FACTOR:
                return _WAIVED[waived]
            if factor_first and step in _BEFORE_LAST:
                return Challenge(Reason.PASSWORD_WANTED)
            return Step.OPEN if opens and step is Step.PASSWORD else _AFTER_PASSED[step]
        case Failed(reason):
            # A tail that is no passcode may be the end of a password alone.
            is_open = mode is Mode.AUTO or may_be_alone
            if step is Step.TAIL and is_open and reason not in _SURELY_PASSCODE:
                return Step.PASSWORD
            return _REJECT[reason]
        case Asks(reason):
            return _asked(mode, step, reason, is_answer=is_answer, can_show=can_show)
        case Unavailable(reason):
            if reason is Reason.UNAVAILABLE:
                return _SILENCE
            if reason not in _GONE or step not in _OF_A_FACTOR:
                return _REJECT[reason]
            if has_instead:
                return Step.INSTEAD
            is_proved = _has_password(mode, step, is_answer=is_answer, factor_first=factor_first)
            may_open = fails_open and reason in _OPENS
            return _FAILED_OPEN if may_open and is_proved else _REJECT[reason]
        case Broken():
            return _REJECT[Reason.BROKEN]
        case _:
            assert_never(outcome)


def _has_password(mode: Mode, step: Step, *, is_answer: bool, factor_first: bool) -> bool:
    # Whether the password was right before *step*, a step of a factor.
    if mode not in _WITH_PASSWORD or factor_first:
        return False
    return is_answer or step is not Step.PASSCODE


def resumption(step: Step, reason: Reason) -> Step:
    """
    Return what the answer to a challenge begins with.

    Args:
        step: The one that ended in the challenge.
        reason: What is asked for.
    """
    return Step.LAST if reason is Reason.PASSWORD_WANTED else RESUMED[step]


def _asked(mode: Mode, step: Step, reason: Reason, *, is_answer: bool, can_show: bool) -> Decision:
    if reason is Reason.PASSWORD_WANTED:
        return _REJECT[Reason.BROKEN]  # only a passcode that was right asks for it
    if reason is Reason.UPSTREAM_ASKS or step is Step.INSTEAD:
        # An upstream has its own reasons to ask. REST is not resumed: its passcode would
        # have to be kept.
        is_shown = can_show and step in RESUMED
        return Challenge(reason) if is_shown else _REJECT[Reason.CHALLENGE_NOT_SHOWN]
    # Only who has proved the password is asked, and only where a client asks.
    if (step is Step.FACTOR and mode in _CAN_ASK) or (step is Step.PASSCODE and is_answer):
        return Challenge(reason)
    return _REJECT[reason]
