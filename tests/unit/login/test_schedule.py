"""Tests of `radiusmfa.login.schedule`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config.policy_model import Schedule, Span
from radiusmfa.login.schedule import holds

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset(range(5))
BUSINESS = Schedule(
    name="business",
    spans=(Span(days=WEEKDAYS, start=8 * 60, end=18 * 60),),
    zone=BERLIN,
    holidays=frozenset({date(2026, 12, 25)}),
)
NIGHT = Schedule(
    name="night",
    spans=(Span(days=frozenset({4}), start=22 * 60, end=6 * 60),),  # Friday
    zone=BERLIN,
    holidays=frozenset({date(2026, 12, 25)}),  # a Friday
)


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    """Return the time that a wall clock of *zone* shows as *text*."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("text", "is_inside"),
    [
        pytest.param("2026-11-26T07:59:59", False, id="a second before"),
        pytest.param("2026-11-26T08:00:00", True, id="the first second"),
        pytest.param("2026-11-26T17:59:59", True, id="the last second"),
        pytest.param("2026-11-26T18:00:00", False, id="the end"),
        pytest.param("2026-11-28T12:00:00", False, id="Saturday"),
        pytest.param("2026-12-25T12:00:00", False, id="holiday"),
        pytest.param("2026-07-01T08:00:00", True, id="in summer"),
    ],
)
def test_hours_are_those_of_the_zone(text: str, *, is_inside: bool) -> None:
    """A span counts from its first minute to the one before its end, on its days."""
    assert holds(BUSINESS, at(text)) is is_inside


def test_zone_makes_the_difference() -> None:
    """Eight in Berlin is seven in London."""
    now = datetime(2026, 11, 26, 7, 30, tzinfo=UTC).timestamp()
    london = Schedule(name="l", spans=BUSINESS.spans, zone=ZoneInfo("Europe/London"))
    assert holds(BUSINESS, now)
    assert not holds(london, now)


@pytest.mark.parametrize(
    ("text", "is_inside"),
    [
        pytest.param("2026-11-27T21:59:00", False, id="before"),
        pytest.param("2026-11-27T23:00:00", True, id="Friday evening"),
        pytest.param("2026-11-28T05:59:00", True, id="Saturday morning"),
        pytest.param("2026-11-28T06:00:00", False, id="after"),
        pytest.param("2026-11-27T05:00:00", False, id="Friday morning is Thursday's night"),
        pytest.param("2026-12-25T23:00:00", False, id="holiday evening"),
        pytest.param("2026-12-26T05:00:00", False, id="the morning after a holiday"),
    ],
)
def test_night_belongs_to_the_day_it_begins(text: str, *, is_inside: bool) -> None:
    """A span over midnight is one of its first day, holidays included."""
    assert holds(NIGHT, at(text)) is is_inside


def test_any_of_several_spans_will_do() -> None:
    """A schedule holds in each of its spans; whole days end at midnight."""
    whole = Span(days=frozenset({6}))
    schedule = Schedule(name="s", spans=(*BUSINESS.spans, whole), zone=BERLIN)

    assert holds(schedule, at("2026-11-29T00:00:00"))
    assert holds(schedule, at("2026-11-29T23:59:59"))
    assert not holds(schedule, at("2026-11-30T00:00:00"))
    assert holds(schedule, at("2026-11-30T09:00:00"))


def test_hour_that_comes_twice_counts_twice() -> None:
    """When clocks are set back the same hour by the wall is allowed both times."""
    span = Span(days=frozenset({6}), start=2 * 60, end=3 * 60)
    schedule = Schedule(name="s", spans=(span,), zone=BERLIN)
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp()
    second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC).timestamp()

    assert holds(schedule, first)
    assert holds(schedule, second)
    assert not holds(schedule, second + 3600)
