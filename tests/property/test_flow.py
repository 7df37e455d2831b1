"""For all logins: whatever each step answers, in whatever order rounds come, proofs decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept, Challenge
from radiusmfa.login.flow import Step, advance, begin
from radiusmfa.outcome import (
    ASKS_NEXT_PASSCODE,
    ASKS_PASSCODE,
    BROKEN,
    PASSED,
    UNAVAILABLE,
    Failed,
    Outcome,
    Reason,
)

if TYPE_CHECKING:
    from radiusmfa.decision import Decision

pytestmark = pytest.mark.property

OUTCOMES: st.SearchStrategy[Outcome] = st.one_of(
    st.just(PASSED),  # half of them, or no login ever got far
    st.sampled_from([ASKS_PASSCODE, ASKS_NEXT_PASSCODE, UNAVAILABLE, BROKEN]),
    st.sampled_from([*map(Failed, Reason)]),
)
PASSWORDS = frozenset({Step.PASSWORD, Step.REST})
PASSCODES = frozenset({Step.PASSCODE, Step.CLAIM})


@given(
    mode=st.sampled_from(Mode),
    exemptions=st.lists(st.booleans(), min_size=1, max_size=5),
    data=st.data(),
)
def test_promise_2_no_login_is_accepted_without_its_proofs(
    mode: Mode, exemptions: list[bool], data: st.DataObject
) -> None:
    """However many rounds, and though exemptions come and go, an Accept had all its proofs."""
    passed: list[Step] = []
    was_exempt = False
    decision: Decision | None = None
    for number, is_exempt in enumerate(exemptions):
        step = begin(mode, is_answer=number > 0, is_exempt=is_exempt)
        decision = None
        while decision is None:
            outcome = data.draw(OUTCOMES)
            if step is Step.FACTOR and outcome == PASSED:
                was_exempt = was_exempt or is_exempt
                outcome = PASSED if is_exempt else ASKS_PASSCODE
            if outcome == PASSED:
                passed.append(step)
            following = advance(mode, step, outcome, is_answer=number > 0)
            if isinstance(following, Step):
                step = following
            else:
                decision = following
        if not isinstance(decision, Challenge):
            break
    if isinstance(decision, Accept):
        has_password = mode is Mode.STEP_UP or not PASSWORDS.isdisjoint(passed)
        has_passcode = not PASSCODES.isdisjoint(passed)
        assert has_password
        assert has_passcode or (was_exempt and mode is not Mode.STEP_UP)
        assert passed[-1] in PASSCODES | {Step.FACTOR}
