"""Tests of `radiusmfa.outcome`."""

from __future__ import annotations

import dataclasses
import re

import pytest

from radiusmfa import outcome
from radiusmfa.outcome import Asks, Broken, Failed, Passed, Reason, Unavailable

EVERY = (
    Passed(),
    Failed(Reason.BAD_PASSCODE),
    Asks(Reason.PASSCODE_WANTED),
    Unavailable(),
    Unavailable(Reason.UPSTREAM_SILENT),
    Failed(Reason.UPSTREAM_SILENT),
    Broken(),
)


def test_no_outcome_is_taken_for_another() -> None:
    """Each outcome is equal to itself only: nothing that failed compares as passed."""
    places = range(len(EVERY))
    for at, one in enumerate(EVERY):
        assert [one == other for other in EVERY] == [at == place for place in places]


def test_outcomes_do_not_change() -> None:
    """An outcome that was given cannot be made into another one later."""
    failed = Failed(Reason.BAD_PASSCODE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        failed.reason = Reason.PASSED  # type: ignore[misc]  # that is what must fail


def test_reasons_are_stable_words() -> None:
    """A reason stands in audit lines and counters: lower case, words joined by hyphens."""
    for reason in Reason:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason)
        assert str(reason) == reason.name.lower().replace("_", "-")


def test_ready_made_outcomes_are_what_they_say() -> None:
    """The shared outcomes hold the reasons that their names promise."""
    ready = (outcome.PASSED, outcome.UNAVAILABLE, outcome.BROKEN)
    assert ready == (Passed(), Unavailable(Reason.UNAVAILABLE), Broken())
    assert outcome.ASKS_PASSCODE.reason is Reason.PASSCODE_WANTED
    assert outcome.ASKS_NEXT_PASSCODE.reason is Reason.NEXT_PASSCODE_WANTED
    assert outcome.ASKS_OTHER_PASSCODE.reason is Reason.OTHER_PASSCODE_WANTED
    assert outcome.UPSTREAM_ASKS.reason is Reason.UPSTREAM_ASKS
