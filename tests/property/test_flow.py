"""For all logins: whatever each step answers, in whatever order rounds come, proofs decide."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept, Challenge
from radiusmfa.login.flow import Step, advance, begin, resumption
from radiusmfa.outcome import (
    ASKS_NEXT_PASSCODE,
    ASKS_OTHER_PASSCODE,
    ASKS_PASSCODE,
    BROKEN,
    PASSED,
    UNAVAILABLE,
    UPSTREAM_ASKS,
    Failed,
    Outcome,
    Reason,
    Unavailable,
)

if TYPE_CHECKING:
    from radiusmfa.decision import Decision

pytestmark = pytest.mark.property

GONE = [
    Unavailable(Reason.UPSTREAM_SILENT),
    Unavailable(Reason.UPSTREAM_UNREACHABLE),
    Unavailable(Reason.UPSTREAM_BUSY),
]
OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.sampled_from([ASKS_PASSCODE, ASKS_NEXT_PASSCODE, ASKS_OTHER_PASSCODE, UPSTREAM_ASKS]),
    st.sampled_from(GONE),
    st.sampled_from([UNAVAILABLE, BROKEN]),
    st.sampled_from([*map(Failed, Reason), *map(Unavailable, Reason)]),
)
FLAGS = st.fixed_dictionaries({
    "opens": st.booleans(), "has_instead": st.booleans(), "can_show": st.booleans(),
    "may_be_alone": st.booleans(),
})  # fmt: skip
MOST_ROUNDS = 5
PASSWORDS = frozenset({Step.PASSWORD, Step.REST, Step.LAST})
PASSCODES = frozenset({Step.PASSCODE, Step.CLAIM, Step.OPEN, Step.INSTEAD})


@dataclass
class Login:
    """
    What has happened in a login so far.

    Attributes:
        mode: The client's.
        factor_first: The client's order; a reload that changes it ends open challenges.
        passed: The steps that have passed, over all rounds.
        was_exempt: An exemption counted.
        stood_in: A server was gone while another factor counted for the user.
        decision: Of the last round.
    """

    mode: Mode
    factor_first: bool
    passed: list[Step] = field(default_factory=list)
    was_exempt: bool = False
    stood_in: bool = False
    decision: Decision | None = None

    def go(self, data: st.DataObject, resumed: Step | None) -> Step:
        """Walk one round, and return where its answer goes on; everything may change meanwhile."""
        step = begin(
            self.mode,
            resumed=resumed,
            is_exempt=data.draw(st.booleans()),
            factor_first=self.factor_first,
        )
        while True:
            # Two of three pass, or no login ever got far.
            outcome = data.draw(OUTCOMES) if data.draw(st.integers(0, 2)) == 1 else PASSED
            flags: dict[str, Any] = data.draw(FLAGS)
            if step is Step.FACTOR and outcome == PASSED:
                is_exempt = data.draw(st.booleans())
                self.was_exempt |= is_exempt
                outcome = PASSED if is_exempt else ASKS_PASSCODE
            if outcome == PASSED:
                self.passed.append(step)
            following = advance(
                self.mode,
                step,
                outcome,
                is_answer=resumed is not None,
                factor_first=self.factor_first,
                **flags,
            )
            if not isinstance(following, Step):
                self.decision = following
                is_resumed = isinstance(following, Challenge)
                return resumption(step, following.reason) if is_resumed else step
            if following is Step.INSTEAD:
                assert outcome in GONE
                assert flags["has_instead"]
                self.stood_in = True
            step = following


@given(mode=st.sampled_from(Mode), rounds=st.integers(1, MOST_ROUNDS), data=st.data())
def test_promise_2_no_login_is_accepted_without_its_proofs(
    mode: Mode, rounds: int, data: st.DataObject
) -> None:
    """However many rounds, and though settings come and go, an Accept had all its proofs."""
    login = Login(mode, factor_first=data.draw(st.booleans()))
    resumed: Step | None = None
    for _ in range(rounds):
        resumed = login.go(data, resumed)
        if not isinstance(login.decision, Challenge):
            break
    if not isinstance(login.decision, Accept):
        return
    passed = login.passed
    event(f"{mode.value}: {' '.join(step.name for step in passed)}")
    if mode is Mode.PROXY:
        assert passed == [Step.BOTH]
        return
    assert Step.BOTH not in passed
    assert mode is Mode.STEP_UP or not PASSWORDS.isdisjoint(passed)
    is_exempt = login.was_exempt and mode is not Mode.STEP_UP
    assert is_exempt or not PASSCODES.isdisjoint(passed)
    assert passed[-1] in PASSCODES | {Step.FACTOR, Step.LAST}
    assert login.stood_in or Step.INSTEAD not in passed
    assert Step.CLAIM not in passed or passed == [Step.TAIL, Step.REST, Step.CLAIM]
    assert len(passed) == len(set(passed))
