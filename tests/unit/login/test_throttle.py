"""Wrong proofs make a person wait: when, how long, and what does not count."""

from __future__ import annotations

import math

import pytest

from radiusmfa.config.model import Lockout
from radiusmfa.login.throttle import Failures, after_failure, is_locked

SETTINGS = Lockout(threshold=3, delay=30, longest=900, forget=86400)
NOW = 1_800_000_000.0


def wrong(
    failures: Failures | None, now: float, repeat: bytes = b"", memory: float = math.inf
) -> Failures:
    """Return the failures after a wrong proof, different from all before unless said otherwise."""
    told = repeat or b"%d" % (failures.wrong if failures else 0)
    return after_failure(failures, now, told, SETTINGS, memory=memory)


def after(number: int) -> Failures:
    """Return the failures after so many different wrong proofs at once."""
    failures: Failures | None = None
    for _ in range(number):
        failures = wrong(failures, NOW)
    assert failures is not None
    return failures


def test_nobody_is_locked_without_failures() -> None:
    """Who did nothing wrong is not locked."""
    assert not is_locked(None, NOW, SETTINGS)


@pytest.mark.parametrize(
    ("number", "seconds"),
    [(1, 0), (2, 0), (3, 30), (4, 60), (5, 120), (6, 240), (7, 480), (8, 900), (9, 900), (99, 900)],
)
def test_delay_doubles_from_the_threshold_on(number: int, seconds: int) -> None:
    """From the threshold on each wrong proof doubles the delay, up to the longest."""
    failures = after(number)

    assert failures.wrong == number
    assert failures.until == (NOW + seconds if seconds else 0)
    assert is_locked(failures, NOW, SETTINGS) is bool(seconds)
    assert not is_locked(failures, NOW + seconds, SETTINGS)


def test_threshold_of_one_locks_at_once() -> None:
    """The smallest threshold locks after the first wrong proof."""
    settings = Lockout(threshold=1, delay=10)

    failures = after_failure(None, NOW, b"x", settings, memory=0)

    assert is_locked(failures, NOW + 9, settings)


def test_repetition_counts_once() -> None:
    """The same wrong proof again changes nothing."""
    failures = wrong(None, NOW, b"same")

    assert wrong(failures, NOW + 60, b"same") == failures


def test_repetition_after_another_counts() -> None:
    """Two guesses in turn are no repetition."""
    failures: Failures | None = None
    for number in range(6):
        failures = wrong(failures, NOW, b"one" if number % 2 else b"other")

    assert failures is not None
    assert failures.wrong == 6


def test_repetition_beyond_the_memory_counts() -> None:
    """The same wrong proof much later is a new guess."""
    failures = wrong(None, NOW, b"same")

    assert wrong(failures, NOW + 60, b"same", memory=60).wrong == 1
    assert wrong(failures, NOW + 61, b"same", memory=60).wrong == 2


def test_repetitions_do_not_prolong_each_other() -> None:
    """The memory runs from the failure that counted, not from its last repetition."""
    failures = wrong(None, NOW, b"same")
    for second in range(1, 200):
        failures = wrong(failures, NOW + second, b"same", memory=60)

    assert failures.wrong > 2


@pytest.mark.parametrize(("seconds", "number"), [(86_400, 3), (86_401, 1)])
def test_old_failures_are_forgotten(seconds: int, number: int) -> None:
    """After a day without a wrong proof counting begins anew."""
    failures = wrong(after(2), NOW + seconds, b"new")

    assert failures.wrong == number


@pytest.mark.parametrize("back", [0, 1, 901, 3600, 10**9])
def test_clock_set_back_makes_nobody_wait_longer(back: int) -> None:
    """Whatever the clock does, nobody waits longer than the longest delay."""
    failures = after(99)
    now = NOW - back

    assert not is_locked(failures, now + 900 + (0 if back > 900 else back), SETTINGS)


def test_shorter_longest_delay_is_in_force_at_once() -> None:
    """A lock from before the configuration was relaxed ends with it."""
    failures = after(99)

    assert not is_locked(failures, NOW, Lockout(threshold=3, longest=60))
