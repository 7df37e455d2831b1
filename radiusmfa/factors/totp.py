"""Time-based passcodes: which step does one belong to? RFC 6238 section 5.2 and 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from radiusmfa.config.model import Totp
    from radiusmfa.factors.oath import PasscodeKey


# Less than a day into 1970: no window reaches below zero, nor with an imported drift of -1000.
_EARLIEST_STEP: Final = 2000


def current_step(now: float, period: int) -> int:
    """Return the time step at *now*, seconds since 1970 (T0 = 0)."""
    return max(int(now) // period, _EARLIEST_STEP)


def find_step(key: PasscodeKey, number: int, step: int, drift: int, window: int) -> int | None:
    """
    Return the time step whose passcode is *number*, or None.

    The token's own time (*step* + *drift*) is looked at first, then its
    neighbours, then ours: a drift that was learned wrongly never locks out a
    token that is right.

    Args:
        key: The token's.
        number: What was typed.
        step: Ours, now.
        drift: Steps that the token is known to be ahead of us; negative: behind.
        window: Steps each way that are accepted.
    """
    own = step + drift
    if key.number(own) == number:
        return own
    for away in range(1, window + 1):
        if key.number(own - away) == number:
            return own - away
        if key.number(own + away) == number:
            return own + away
    return find_step(key, number, step, 0, window) if drift else None


def learned_drift(drift: int, step: int, found: int, limit: int) -> int:
    """
    Return the drift to remember after the passcode of step *found* came at *step*.

    At most one step at a time: a person who types slowly looks like a token that
    is one step behind (RFC 6238 section 5.2 and section 6).
    """
    away = found - step - drift
    moved = drift + (away > 0) - (away < 0)
    return max(-limit, min(limit, moved))


def find_pair(key: PasscodeKey, first: int, second: int, step: int, settings: Totp) -> int | None:
    """Return the later step of two consecutive passcodes near *step*, or None."""
    found = find_far(key, first, step, settings)
    if found is None or key.number(found + 1) != second:
        return None
    return found + 1


def find_far(key: PasscodeKey, number: int, step: int, settings: Totp) -> int | None:
    """Return the step within the resynchronization window, nearest to *step*, or None."""
    for away in range(settings.resync_window + 1):
        if key.number(step - away) == number:
            return step - away
        if key.number(step + away) == number:
            return step + away
    return None
