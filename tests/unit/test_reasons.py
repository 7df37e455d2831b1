"""Tests of `radiusmfa.reasons`: every reason has its words, and nothing is said twice."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from radiusmfa.cli.main import COMMANDS
from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept, Silence
from radiusmfa.login.flow import Step, advance
from radiusmfa.outcome import (
    ASKS_NEXT_PASSCODE,
    ASKS_OTHER_PASSCODE,
    ASKS_PASSCODE,
    PASSED,
    UNAVAILABLE,
    UPSTREAM_ASKS,
    Reason,
)
from radiusmfa.reasons import EXPLANATIONS, Kind

EVERY = pytest.mark.parametrize("code", EXPLANATIONS)


def test_every_reason_is_explained_and_no_other() -> None:
    """The words follow the list of reasons: all of them, in its order, and nothing else."""
    assert list(EXPLANATIONS) == list(Reason)


@EVERY
def test_words_are_sentences(code: str) -> None:
    """Each text is a line for a table: no blank around it, no bar, quotes in pairs."""
    told = EXPLANATIONS[code]
    for text in (told.meaning, told.told, *([told.advice] if told.advice else [])):
        assert re.fullmatch(r"[A-Z`][^|\n]+[.?`]", text), text
        assert text.count("`") % 2 == 0
        assert len(text) <= 90


@EVERY
def test_what_went_wrong_has_advice(code: str) -> None:
    """Whoever is refused or hears nothing can be helped; who gets in may need nothing."""
    told = EXPLANATIONS[code]
    assert told.advice or told.kind in {Kind.ACCEPT, Kind.CHALLENGE}


def test_no_sentence_stands_twice() -> None:
    """Two reasons that read the same would be one."""
    texts = Counter(
        text
        for one in EXPLANATIONS.values()
        for text in (one.meaning, one.told, one.advice)
        if text
    )
    assert [text for text, count in texts.items() if count > 1] == []


@EVERY
def test_words_name_commands_that_exist(code: str) -> None:
    """A command that the helpdesk is told to type is one."""
    told = EXPLANATIONS[code]
    named = re.findall(r"`radiusmfa ([a-z]+)", f"{told.meaning} {told.told} {told.advice}")
    assert set(named) <= COMMANDS.keys()


@pytest.mark.parametrize("step", Step)
def test_accepts_of_the_flow_are_called_so(step: Step) -> None:
    """Whatever lets somebody in is explained as an accept."""
    decided = advance(Mode.AUTO, step, PASSED)
    if isinstance(decided, Accept):
        assert EXPLANATIONS[decided.reason].kind is Kind.ACCEPT


@pytest.mark.parametrize("reason", [one.reason for one in (
    ASKS_PASSCODE, ASKS_NEXT_PASSCODE, ASKS_OTHER_PASSCODE, UPSTREAM_ASKS
)])  # fmt: skip
def test_questions_are_called_challenges(reason: Reason) -> None:
    """Whatever a check may ask for is explained as a challenge."""
    assert EXPLANATIONS[reason].kind is Kind.CHALLENGE


def test_silence_is_called_so() -> None:
    """What gets no answer is no refusal; nothing else is silent."""
    decided = advance(Mode.AUTO, Step.PASSCODE, UNAVAILABLE)
    assert isinstance(decided, Silence)
    silent = [code for code, told in EXPLANATIONS.items() if told.kind is Kind.SILENCE]
    assert silent == [decided.reason]
