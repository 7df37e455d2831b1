"""Tests of `radiusmfa.config.schedules`."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config import nodes, schedules
from radiusmfa.config.fields import Fields, Found
from radiusmfa.config.policy_model import Schedule, Span
from radiusmfa.config.secrets import Sources
from radiusmfa.login import schedule

if TYPE_CHECKING:
    from pathlib import Path

BERLIN = ZoneInfo("Europe/Berlin")


def _read(text: str, folder: Path) -> tuple[dict[str, Schedule], list[str]]:
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("schedules", "x"))
    return schedules.read(top, Sources(folder, {})), report.lines("f")


def _one(settings: str, folder: Path) -> Schedule:
    found, faults = _read(f"schedules: {{it: {settings}}}", folder)
    assert not faults
    return found["it"]


def test_hours_of_the_design_are_read(tmp_path: Path) -> None:
    """Days, hours, zone and holidays are what the file says."""
    text = '{days: mon-fri, from: "08:00", to: 18:00, zone: Europe/Berlin, holidays: [2026-12-25]}'
    assert _one(text, tmp_path) == Schedule(
        name="it",
        spans=(Span(days=frozenset(range(5)), start=480, end=1080),),
        zone=BERLIN,
        holidays=frozenset({date(2026, 12, 25)}),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("sat", {5}),
        ("[mon, wed-fri]", {0, 2, 3, 4}),
        ("daily", set(range(7))),
        ("fri-mon", {4, 5, 6, 0}),
        ("sun-sat", set(range(7))),
        ("[SAT, Sun]", {5, 6}),
        ("tue-tue", {1}),
    ],
)
def test_days_are_read(text: str, expected: set[int], tmp_path: Path) -> None:
    """A day, a range, also over the end of the week, a list, or every day."""
    found = _one(f"{{days: {text}, zone: UTC}}", tmp_path)
    assert found.spans[0].days == expected


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("", 0, 1440),
        (", from: 08:00", 480, 1440),
        (", from: 8:00, to: 9:05", 480, 545),
        (", to: 24:00", 0, 1440),
        (", from: 22:00, to: 06:00", 1320, 360),
        (", from: 22:00, to: 00:00", 1320, 1440),
        (", from: 23:59, to: '00:01'", 1439, 1),
    ],
)
def test_hours_are_read(text: str, start: int, end: int, tmp_path: Path) -> None:
    """Hours with or without quotes, whole days without any, and over midnight."""
    (span,) = _one(f"{{zone: UTC{text}}}", tmp_path).spans
    assert (span.start, span.end, span.days) == (start, end, frozenset(range(7)))


def test_several_hours_count_each_by_its_own_clock(tmp_path: Path) -> None:
    """Each entry of a list has its own days, hours, zone and holidays; any of them counts."""
    text = """[{days: mon, from: 08:00, to: 09:00, zone: UTC, holidays: [2026-06-01]},
        {days: mon, from: 08:00, to: 09:00, zone: Asia/Tokyo}]"""
    found = _one(text, tmp_path)
    assert [part.zone.key for part in (found, *found.also)] == ["UTC", "Asia/Tokyo"]
    held = [
        hour
        for hour in range(24)
        for day in (1, 8)
        if schedule.holds(found, datetime(2026, 6, day, hour, 30, tzinfo=UTC).timestamp())
    ]
    # The Monday before in Tokyo is Sunday night here; the first is a holiday in UTC alone.
    assert held == [8]
    sunday = datetime(2026, 5, 31, 23, 30, tzinfo=UTC).timestamp()
    assert schedule.holds(found, sunday)


def test_joined_schedules_hold_when_any_does(tmp_path: Path) -> None:
    """What names several schedules holds in the hours of each."""
    two = "[{days: tue, zone: UTC}, {days: wed, zone: UTC}]"
    text = f"schedules: {{a: {{days: mon, zone: UTC}}, b: {two}}}"
    found, _ = _read(text, tmp_path)
    joined = schedules.joined([found["a"], found["b"]], "a, b")
    days = [
        day
        for day in range(1, 8)  # 2026-06-01 is a Monday
        if schedule.holds(joined, datetime(2026, 6, day, 12, tzinfo=UTC).timestamp())
    ]
    assert days == [1, 2, 3]
    assert {part.name for part in (joined, *joined.also)} == {"a, b"}
    assert all(not part.also for part in joined.also)


def test_holidays_of_a_file(tmp_path: Path) -> None:
    """One day a line, empty lines and comments left aside, beside the configuration."""
    text = "2026-12-25  # Christmas\n\n# ours\n 2026-01-01\n"
    for octets in (text.encode(), text.replace("\n", "\r\n").encode("utf-8-sig")):
        (tmp_path / "days.txt").write_bytes(octets)
        found = _one("{zone: UTC, holidays: {file: days.txt}}", tmp_path)
        assert found.holidays == {date(2026, 12, 25), date(2026, 1, 1)}


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (None, "there is no such file"),
        (b"2026-12-25\n25.12.2026\n", "days.txt:2: must be a day, as 2026-12-25"),
        (b"2026-02-30\n", "days.txt:1: must be a day"),
        (b"\xff\n", "days.txt: must be UTF-8"),
        (b"#" * (1024 * 1024 + 1), "days.txt: larger than 1048576 octets"),
    ],
)
def test_files_of_holidays_that_cannot_be_used(
    octets: bytes | None, why: str, tmp_path: Path
) -> None:
    """What is wrong with the file is said at the place that names it."""
    if octets is not None:
        (tmp_path / "days.txt").write_bytes(octets)
    _, faults = _read("schedules: {it: {zone: UTC, holidays: {file: days.txt}}}", tmp_path)
    (fault,) = faults
    assert fault.startswith("f:1:")
    assert ": schedules.it.holidays" in fault
    assert why in fault


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("mon-fri", "schedules.it: must be hours, as {days: mon-fri"),
        ("[]", "schedules.it: must name at least one"),
        ("[mon]", "schedules.it[0]: must hold settings"),
        ("{}", "schedules.it.zone: is missing"),
        ("{zone: }", "schedules.it.zone: has no value"),
        ("{zone: Mars/Base}", "zone: Mars/Base is no time zone, as Europe/Berlin or UTC"),
        ("{zone: europe/berlin}", "did you mean Europe/Berlin?"),
        ("{zone: Europe/Berln}", "did you mean Europe/Berlin?"),
        ("{zone: ../../etc/passwd}", "is no time zone"),
        ("{zone: localtime}", "is no time zone"),
        ("{zone: Europe}", "is no time zone"),
        ("{zone: UTC, day: mon}", "schedules.it.day: is no setting; did you mean days?"),
        ("{zone: UTC, days: mno}", "schedules.it.days: must be days, as mon-fri"),
        ("{zone: UTC, days: mno}", "did you mean mon?"),
        ("{zone: UTC, days: [mon, fri-]}", "schedules.it.days[1]: must be days"),
        ("{zone: UTC, days: mon-fir}", "did you mean fri?"),
        ("{zone: UTC, days: [[mon]]}", "schedules.it.days[0]: must be one value"),
        ("{zone: UTC, days: []}", "schedules.it.days: must name at least one"),
        ("{zone: UTC, from: 8}", "schedules.it.from: must be hours and minutes, as 08:00"),
        ("{zone: UTC, to: 25:00}", "schedules.it.to: must be hours and minutes"),
        ("{zone: UTC, to: 24:01}", "schedules.it.to: must be hours and minutes"),
        ("{zone: UTC, from: 24:00}", "schedules.it.from: must be before 24:00"),
        ("{zone: UTC, from: 08:00, to: 08:00}", "schedules.it.to: is when it begins, too"),
        ("{zone: UTC, holidays: [2026-2-30]}", "holidays[0]: must be a day, as 2026-12-25"),
        ("{zone: UTC, holidays: [2026-02-30]}", "holidays[0]: must be a day"),
        ("{zone: UTC, holidays: [9999-12-31]}", "holidays[0]: must be a day"),
        ("{zone: UTC, holidays: [[]]}", "holidays[0]: must be one value"),
        ("{zone: UTC, holidays: 2026-12-25}", "holidays: must be a list"),
        ("{zone: UTC, holidays: {}}", "holidays.file: is missing"),
        ("{zone: UTC, holidays: {file: []}}", "holidays.file: must be one value"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: str, what: str, tmp_path: Path) -> None:
    """Each mistake is a fault with its place, and what may have been meant."""
    _, faults = _read(f"schedules: {{it: {settings}}}", tmp_path)
    assert len(faults) == 1
    assert what in faults[0]


def test_names_are_names(tmp_path: Path) -> None:
    """A schedule has a name that begins with a letter."""
    _, faults = _read("schedules: {1st: {zone: UTC}}", tmp_path)
    assert faults == ["f:1:13: schedules.1st: must be a name that begins with a letter"]


def test_section_must_name_schedules(tmp_path: Path) -> None:
    """Anything but a mapping is a fault; none at all is none."""
    assert _read("x: 1", tmp_path) == ({}, [])
    _, faults = _read("schedules: [a]", tmp_path)
    assert faults == ["f:1:12: schedules: must name schedules, as {business: {days: mon-fri, ...}}"]


def test_a_day_is_read_or_refused() -> None:
    """A day alone, for whoever else has one to read."""
    report = nodes.Report()
    node = nodes.parse(b"{a: 2027-01-31, b: soon, c: []}", report).entries
    assert schedules.day(Found(node["a"][1], "a"), report) == date(2027, 1, 31)
    assert schedules.day(Found(node["b"][1], "b"), report) is None
    assert schedules.day(Found(node["c"][1], "c"), report) is None
    assert report.lines("f") == [
        "f:1:20: b: must be a day, as 2026-12-25",
        "f:1:29: c: must be one value",
    ]
