"""For all hours and every minute: a schedule holds when a slow reading of it says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config import containment
from radiusmfa.config.policy_model import Schedule, Span
from radiusmfa.login import schedule

pytestmark = pytest.mark.property

# Offsets by hand, not from the library: zone, hours in winter and summer, and when summer is.
ZONES = {
    "UTC": (0, 0, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
    "Europe/Berlin": (
        1,
        2,
        datetime(2026, 3, 29, 1, tzinfo=UTC),
        datetime(2026, 10, 25, 1, tzinfo=UTC),
    ),
    "America/New_York": (
        -5,
        -4,
        datetime(2026, 3, 8, 7, tzinfo=UTC),
        datetime(2026, 11, 1, 6, tzinfo=UTC),
    ),
    "Asia/Tokyo": (9, 9, datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)),
}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MINUTES = 365 * 1440
DAY = timedelta(days=1)

SPANS = st.builds(
    Span,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    start=st.integers(0, 1439),
    end=st.integers(1, 1440),
)
HOLIDAYS = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=20)
PLAIN = st.builds(
    Schedule,
    name=st.just("it"),
    spans=st.lists(SPANS, min_size=1, max_size=3).map(tuple),
    zone=st.sampled_from(sorted(ZONES)).map(ZoneInfo),
    holidays=HOLIDAYS,
)
SCHEDULES = st.builds(
    lambda first, also: Schedule(
        name="it", spans=first.spans, zone=first.zone, holidays=first.holidays, also=tuple(also)
    ),
    PLAIN,
    st.lists(PLAIN, max_size=2),
)


def _wall(when: datetime, zone: str) -> datetime:
    winter, summer, begin, end = ZONES[zone]
    hours = summer if begin <= when < end else winter
    return (when + timedelta(hours=hours)).replace(tzinfo=None)


def _slowly(found: Schedule, when: datetime) -> bool:
    """Say the same as `schedule.holds`, by beginnings and ends on a calendar."""
    for part in (found, *found.also):
        wall = _wall(when, part.zone.key)
        for span in part.spans:
            for began in (wall.date(), wall.date() - DAY):
                midnight = datetime(began.year, began.month, began.day)  # noqa: DTZ001 - a wall's
                begin = midnight + timedelta(minutes=span.start)
                end = midnight + timedelta(minutes=span.end)
                if span.end <= span.start:
                    end += DAY
                is_day = began.weekday() in span.days and began not in part.holidays
                if is_day and begin <= wall < end:
                    return True
    return False


@given(
    SCHEDULES, st.lists(st.integers(0, MINUTES - 1), min_size=1, max_size=50), st.integers(0, 59)
)
def test_any_minute_agrees(found: Schedule, minutes: list[int], second: int) -> None:
    """Nights, holidays, several clocks, and both changes of the clock."""
    for minute in minutes:
        when = BEGIN + timedelta(minutes=minute, seconds=second)
        assert schedule.holds(found, when.timestamp()) is _slowly(found, when)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_every_minute_of_a_year_agrees(zone: str) -> None:
    """Business hours and nights that reach over midnight, with holidays, for a whole year."""
    spans = (
        Span(days=frozenset(range(5)), start=480, end=1080),
        Span(days=frozenset({4, 5}), start=1410, end=150),
    )
    holidays = frozenset({date(2026, 12, 25), date(2026, 3, 28), date(2026, 10, 24)})
    found = Schedule(name="it", spans=spans, zone=ZoneInfo(zone), holidays=holidays)
    begin = int(BEGIN.timestamp())
    wrong = [
        minute
        for minute in range(MINUTES)
        if schedule.holds(found, begin + 60 * minute)
        is not _slowly(found, BEGIN + timedelta(minutes=minute))
    ]
    assert wrong == []


@given(SCHEDULES, SCHEDULES, st.lists(st.integers(0, MINUTES - 1), min_size=1, max_size=50))
def test_what_is_contained_never_holds_alone(
    outer: Schedule, inner: Schedule, minutes: list[int]
) -> None:
    """Where one schedule is said to contain another, no minute belongs to that alone."""
    if not containment.schedules(outer, inner):
        return
    for minute in minutes:
        now = (BEGIN + timedelta(minutes=minute)).timestamp()
        assert schedule.holds(outer, now) or not schedule.holds(inner, now)


HOURLY = st.builds(
    Span,
    days=st.sampled_from([frozenset(range(7)), frozenset(range(5)), frozenset({5})]),
    start=st.sampled_from([0, 480, 1320]),
    end=st.sampled_from([360, 1080, 1440]),
)
SMALL = st.builds(
    Schedule,
    name=st.just("it"),
    spans=st.lists(HOURLY, min_size=1, max_size=2).map(tuple),
    zone=st.just(ZoneInfo("UTC")),
    holidays=st.sets(st.dates(date(2026, 6, 1), date(2026, 6, 7)), max_size=2).map(frozenset),
)


@given(SMALL, SMALL)
def test_containment_is_exact_by_one_clock(outer: Schedule, inner: Schedule) -> None:
    """By one clock the answer is yes just where no hour of any kind of day speaks against it."""
    hours = [BEGIN + timedelta(days=140, hours=at) for at in range(24 * 28)]
    against = [
        when
        for when in hours
        if schedule.holds(inner, when.timestamp()) and not schedule.holds(outer, when.timestamp())
    ]
    assert containment.schedules(outer, inner) is (not against)
