"""Tests of `radiusmfa.upstream.slots`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.upstream.slots import SIZE, Slots


def _full() -> Slots[str]:
    slots: Slots[str] = Slots()
    assert [slots.take(f"login {at}") for at in range(SIZE)] == list(range(256))
    return slots


def test_no_identifier_is_given_twice() -> None:
    """A source port has 256 identifiers; the next login gets none there."""
    slots = _full()
    assert len(slots) == 256
    assert slots.take("one more") is None
    assert len(slots) == 256


def test_reply_is_for_whom_it_was_asked() -> None:
    """By its identifier each reply finds its own login."""
    slots = _full()
    assert [slots.find(at) for at in range(SIZE)] == [f"login {at}" for at in range(SIZE)]


@pytest.mark.parametrize("identifier", [0, 7, 255])
def test_identifier_that_nobody_waits_for_is_nobodys(identifier: int) -> None:
    """A reply that was never asked for, or comes after the end, finds nobody."""
    slots: Slots[str] = Slots()
    assert slots.find(identifier) is None
    slots.free(identifier)
    assert len(slots) == 0
    assert [slots.take("x") for _ in range(SIZE)].count(identifier) == 1


def test_identifier_that_was_freed_is_free_once() -> None:
    """Freed twice, an identifier is still not two logins' own."""
    slots = _full()
    slots.free(9)
    slots.free(9)
    assert slots.find(9) is None
    assert slots.take("next") == 9
    assert slots.take("one more") is None


def test_identifier_is_given_again_as_late_as_possible() -> None:
    """The reply to the one before may be on its way: all others come first."""
    slots: Slots[str] = Slots()
    first = slots.take("first")
    assert first == 0
    slots.free(first)
    given = []
    for _ in range(SIZE):
        identifier = slots.take("x")
        assert identifier is not None
        given.append(identifier)
        slots.free(identifier)
    assert given == [*range(1, SIZE), 0]


def test_who_leaves_while_all_are_told_is_passed_over() -> None:
    """Telling one may end another, or send it elsewhere: that one is told no more."""
    slots: Slots[int] = Slots()
    for at in range(3):
        slots.take(at)
    told = []
    for item in slots:
        told.append(item)
        slots.free(item)
        slots.free(1)
    assert told == [0, 2]
    assert len(slots) == 0


@given(st.lists(st.none() | st.integers(0, SIZE - 1), max_size=600))
def test_slots_are_a_table(said: list[int | None]) -> None:
    """Whatever comes and goes: nobody is lost, and no identifier is two logins' at once."""
    slots: Slots[int] = Slots()
    waiting: dict[int, int] = {}
    for at, freed in enumerate(said):
        if freed is None:
            identifier = slots.take(at)
            assert (identifier is None) is (len(waiting) == SIZE)
            if identifier is not None:
                assert identifier not in waiting
                assert 0 <= identifier < SIZE
                waiting[identifier] = at
        else:
            slots.free(freed)
            waiting.pop(freed, None)
        assert len(slots) == len(waiting)
    assert sorted(slots) == sorted(waiting.values())
    assert all(slots.find(identifier) == item for identifier, item in waiting.items())
