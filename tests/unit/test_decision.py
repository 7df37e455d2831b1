"""Tests of `radiusmfa.decision`."""

from __future__ import annotations

import dataclasses

import pytest

from radiusmfa.decision import BROKEN, Accept, Challenge, Reject, Silence
from radiusmfa.outcome import Reason

EVERY = (Accept, Challenge, Reject, Silence)


def test_decisions_with_one_reason_still_differ() -> None:
    """Whatever the reason, a Reject is never equal to an Accept."""
    decisions = [kind(Reason.PASSED) for kind in EVERY]
    for at, one in enumerate(decisions):
        assert [one == other for other in decisions] == [at == place for place in range(4)]


@pytest.mark.parametrize("kind", EVERY)
def test_decision_does_not_change(kind: type[Accept | Challenge | Reject | Silence]) -> None:
    """A decision keeps its reason from the flow to the audit line."""
    decision = kind(Reason.LOCKED)
    assert decision.reason is Reason.LOCKED
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.reason = Reason.PASSED  # type: ignore[misc]  # that is what must fail


def test_promise_3_what_broke_is_a_reject() -> None:
    """A login that raised is rejected."""
    assert Reject(Reason.BROKEN) == BROKEN
