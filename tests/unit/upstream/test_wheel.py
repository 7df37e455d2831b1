"""Tests of `radiusmfa.upstream.wheel`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.upstream.wheel import TICK, Wheel

# Monotonic time of a machine that runs since a moment or since years.
TIMES = st.floats(0, 1e9)
_SLIGHTLY = 1e-6  # what a float of that size is off by


def test_empty_wheel_has_nothing_due() -> None:
    """Without a timer nothing is due, ever, and nobody has to wake up."""
    wheel: Wheel[str] = Wheel()
    assert len(wheel) == 0
    assert wheel.next is None
    assert wheel.due(1e9) == []


def test_item_is_due_once() -> None:
    """What was due is not held any longer."""
    wheel: Wheel[str] = Wheel()
    wheel.add(5.0, "it")
    assert len(wheel) == 1
    assert wheel.due(4.9) == []
    assert wheel.due(5.0) == ["it"]
    assert wheel.due(9.0) == []
    assert (len(wheel), wheel.next) == (0, None)


def test_earliest_is_due_first() -> None:
    """Items come in the order of their time, not in that of adding; within a tick as added."""
    wheel: Wheel[str] = Wheel()
    for when, item in [(7.0, "c"), (1.0, "a"), (3.0, "b"), (7.0, "d"), (99.0, "later")]:
        wheel.add(when, item)
    assert wheel.due(10.0) == ["a", "b", "c", "d"]
    assert wheel.due(98.9) == []
    assert wheel.due(100.0) == ["later"]


def test_what_is_late_already_is_due_at_once() -> None:
    """An item whose time is over when it is added comes with the next look."""
    wheel: Wheel[str] = Wheel()
    wheel.add(10.0, "later")
    wheel.add(1.0, "late")
    assert wheel.next == pytest.approx(1.0)
    assert wheel.due(5.0) == ["late"]
    assert wheel.next == pytest.approx(10.0)


def test_many_of_one_moment_cost_one_timer() -> None:
    """Thousands of logins that wait for the same tick wake us up once."""
    wheel: Wheel[int] = Wheel()
    for at in range(10_000):
        wheel.add(5.0 + at * TICK / 20_000, at)
    wakings = 0
    found: list[int] = []
    while wheel.next is not None:
        found += wheel.due(wheel.next)
        wakings += 1
    assert sorted(found) == list(range(10_000))
    assert wakings <= 2


@given(st.lists(TIMES, min_size=1, max_size=30))
def test_timer_that_goes_off_finds_something(times: list[float]) -> None:
    """Whoever wakes up when `next` says so finds at least one item: nobody wakes up for nothing."""
    wheel: Wheel[float] = Wheel()
    for when in times:
        wheel.add(when, when)
    found: list[float] = []
    while wheel.next is not None:
        now = wheel.next
        due = wheel.due(now)
        assert due
        # Never early, and at most one tick late.
        assert all(now - TICK - _SLIGHTLY <= when <= now + _SLIGHTLY for when in due)
        found += due
    assert sorted(found) == sorted(times)


@given(st.lists(st.tuples(TIMES, st.booleans()), max_size=40))
def test_nothing_is_lost(said: list[tuple[float, bool]]) -> None:
    """Whatever is added while time passes is due in the end, each item once."""
    wheel: Wheel[int] = Wheel()
    found: list[int] = []
    for at, (when, looks) in enumerate(said):
        wheel.add(when, at)
        if looks:
            found += wheel.due(when)
    assert len(wheel) == len(said) - len(found)
    found += wheel.due(2e9)
    assert sorted(found) == list(range(len(said)))
