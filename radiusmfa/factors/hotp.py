"""Counter-based passcodes: which counter does one belong to? RFC 4226 section 7."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.factors.oath import LARGEST_COUNTER

if TYPE_CHECKING:
    from radiusmfa.factors.oath import PasscodeKey


def find_counter(key: PasscodeKey, number: int, last: int, look_ahead: int) -> int | None:
    """
    Return the first counter after *last* whose passcode is *number*, or None.

    Args:
        key: The token's.
        number: What was typed.
        last: The counter used last, -1 if none.
        look_ahead: Counters beyond the next that are accepted (section 7.4).
    """
    end = min(last + 2 + look_ahead, LARGEST_COUNTER)
    for counter in range(last + 1, end):
        if key.number(counter) == number:
            return counter
    return None


def find_pair(
    key: PasscodeKey, first: int, second: int, last: int, resync_window: int
) -> int | None:
    """Return the later counter of two consecutive passcodes after *last*, or None."""
    end = min(last + 2 + resync_window, LARGEST_COUNTER)
    for counter in range(last + 1, end):
        # A window of a thousand holds the first number by chance once in a thousand
        # guesses; the second makes it one in a thousand million.
        if key.number(counter) == first and key.number(counter + 1) == second:
            return counter + 1
    return None
