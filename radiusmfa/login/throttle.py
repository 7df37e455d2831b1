"""
Wrong proofs make a person wait (RFC 4226 section 7.3).

Counted per user, kind of proof and client: whoever sits behind one client can
make a person wait at that client only. All times are wall time, because they
outlive the process; a clock set back never makes anyone wait longer than the
longest delay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from radiusmfa.config.model import Lockout


class Failures(NamedTuple):
    """
    The wrong proofs of one kind at one client since the last right one.

    Attributes:
        wrong: How many.
        last: When the latest that counted came, seconds since 1970.
        until: Until when nothing is tried, seconds since 1970; 0: not locked.
        repeat: A keyed digest of the latest, to know it again.
    """

    wrong: int
    last: int
    until: int
    repeat: bytes


def is_locked(failures: Failures | None, now: float, settings: Lockout) -> bool:
    """Say whether proofs are refused unseen at *now*."""
    return failures is not None and now < failures.until <= now + settings.longest


def after_failure(
    failures: Failures | None, now: float, repeat: bytes, settings: Lockout, *, memory: float
) -> Failures:
    """
    Return the failures after one more wrong proof at *now*.

    Args:
        failures: Those before, None if none.
        now: Wall time.
        repeat: Keyed digest of what was wrong. The same as last time counts once:
            a client that retries by itself does not lock its user out.
        settings: From how many failures on, and how long.
        memory: Seconds from the failure that counted in which the same is a repetition.
    """
    if failures is None or now - failures.last > settings.forget:
        failures = Failures(0, 0, 0, b"")
    if failures.wrong and failures.repeat == repeat and now - failures.last <= memory:
        # Not counted, and its time not renewed: repetitions do not prolong each other.
        return failures
    wrong = failures.wrong + 1
    beyond = wrong - settings.threshold
    until = 0
    if beyond >= 0:
        # 2**20 times any delay is beyond any limit; a larger power only costs.
        until = int(now) + min(settings.longest, settings.delay << min(beyond, 20))
    return Failures(wrong, int(now), until, repeat)
