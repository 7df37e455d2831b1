"""Tests of `config.patterns`: an expression costs little, whatever it is given."""

from __future__ import annotations

import re
from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config import patterns
from radiusmfa.config.patterns import PatternError


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$", "(a*)*", "(a|a)*b", "(?:a|aa)+$", "(a?){50}", "(.*a){20}", "(a+){1,3}",
        "a*a*a*b", ".*.*.*", "a{0,999}a{0,999}", "a+?a+?a+?", "a*+a*+a*+", "a?" * 20,
    ],
)  # fmt: skip
def test_what_might_take_too_long_is_refused(pattern: str) -> None:
    """A repetition of what repeats, or too many of them."""
    with pytest.raises(PatternError, match=r"repeat|too long"):
        patterns.bounded(pattern)


@pytest.mark.parametrize("pattern", ["(a)\\1", "(?=a)", "(?<!a)b", "(?i)ok", "(?P<x>a)"])
def test_what_is_not_needed_is_refused(pattern: str) -> None:
    """References, looking around, names, flags."""
    with pytest.raises(PatternError, match="must not"):
        patterns.bounded(pattern)


@pytest.mark.parametrize("pattern", ["(", "[", "*", "a{2,1}", "\\", 501 * "a", "(" * 400])
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    """Python's own word counts."""
    with pytest.raises(PatternError, match="must"):
        patterns.bounded(pattern)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("", "anything", None),
        ("^OK", "OK id=1", "NOT OK"),
        (r'"status":\s*"?(queued|accepted)', '{"status": "queued"}', '{"status": "failed"}'),
        (r"^0{1,2}[,;]? *sent$", "00; sent", "000 sent"),
        (r"[\]*+?]\*\(x\)?", "+*(x", "x"),
        (r"a{3}", "aaa", "aa"),
        (r"a{2,}b", "aaab", "ab"),
        (r"x{", "x{", "x"),
        (r"[^]a]", "b", "]a"),
        (r"(OK)?!", "!", "OK"),
        (r"^a.+?b$", "a--b", "ab"),
    ],
)
def test_what_is_simple_is_taken(pattern: str, yes: str, no: str | None) -> None:
    """And means what it says."""
    bounded = patterns.bounded(pattern)
    assert re.search(bounded, yes)
    assert no is None or not re.search(bounded, no)


def test_repetitions_reach_a_hundred() -> None:
    """Of one character."""
    assert re.search(patterns.bounded("^a*$"), 100 * "a")
    assert not re.search(patterns.bounded("^a*$"), 101 * "a")


@given(st.text("ab()[]\\*+?{},|^$.-0129", max_size=30))
def test_any_text_is_bounded_or_refused(pattern: str) -> None:
    """What is taken is an expression, with few ways to fit."""
    try:
        found = patterns.bounded(pattern)
    except PatternError:
        return
    re.compile(found)
    reaches = re.findall(r"(?<!\\)\{([0-9]+),([0-9]+)\}", re.sub(r"\\.|\[\^?\]?[^]]*\]", "", found))
    assert prod(int(most) - int(least) + 1 for least, most in reaches) <= 20_000
