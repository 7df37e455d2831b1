r"""
Regular expressions that a configuration may hold, with a bound on what they cost.

An expression that repeats what repeats takes longer than the world lasts on some texts, and
the reactor waits for it. So a repetition stands behind one character, class or escape, never
behind a group; `*` and `+` reach a hundred characters; and all of them together may not have
more than some ten thousand ways to fit.
"""

from __future__ import annotations

import re
import warnings
from typing import Final

REACH: Final = 100
"""Characters that `*` and `+` reach at most."""
_MOST_WAYS: Final = 20_000
_LONGEST: Final = 500
_ATOM: Final = re.compile(
    r"\\(?P<escaped>.)|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<group>\((?P<kind>\?:|\?)?)|(?P<end>\))"
    r"|(?P<repeat>[*+?]|\{(?=[0-9,])(?P<least>[0-9]*)(?P<to>,?)(?P<most>[0-9]*)\})(?P<lazy>[?+]?)"
    r"|.",
    re.DOTALL,
)


class PatternError(ValueError):
    """What is wrong with an expression."""


def bounded(pattern: str) -> str:
    """
    Return *pattern* with `*` and `+` bounded.

    Raises:
        PatternError: It is none, or might take too long.
    """
    if len(pattern) > _LONGEST:
        raise PatternError(f"must have {_LONGEST} characters at most")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what will mean something else one day
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError, Warning):
        raise PatternError("must be a regular expression of Python") from None
    return _rewritten(pattern)


def _rewritten(pattern: str) -> str:
    parts, ways, is_after_group = [], 1, False
    for found in _ATOM.finditer(pattern):
        text = found[0]
        if found["escaped"] and found["escaped"].isdigit():
            raise PatternError("must not refer back to a group")
        if found["kind"] == "?":
            raise PatternError("must not look around, name groups or set flags")
        if found["repeat"]:
            least, most = _reach(found)
            if is_after_group and (least, most) != (0, 1):
                raise PatternError("must not repeat a group; only ? may stand behind it")
            ways *= most - least + 1
            text = f"{{{least},{most}}}{found['lazy']}"
        parts.append(text)
        is_after_group = found["end"] is not None
    if ways > _MOST_WAYS:
        raise PatternError("might take too long: two of * and + at most, or repeat less: {0,9}")
    return "".join(parts)


def _reach(found: re.Match[str]) -> tuple[int, int]:
    match found["repeat"]:
        case "*":
            return 0, REACH
        case "+":
            return 1, REACH
        case "?":
            return 0, 1
        case _:
            least = int(found["least"] or 0)
            most = int(found["most"] or REACH) if found["to"] else least
            return least, max(least, most)
