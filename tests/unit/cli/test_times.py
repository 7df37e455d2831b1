"""Tests of `radiusmfa.cli.times`."""

from __future__ import annotations

import click
import pytest

from radiusmfa.cli import times
from radiusmfa.cli.times import Duration, Moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8",
        "h",
        "8 h",
        "8H",
        "-8h",
        "+8h",
        "1.5h",
        "8h30m",
        "8hh",
        "8w",
        "1000000s",
        "٣h",
        "8h\n",
    ],
)
def test_what_is_no_duration(text: str) -> None:
    """Half of what was typed is never taken for the whole."""
    assert times.duration(text) is None
    with pytest.raises(click.BadParameter, match="a duration is written 90m, 8h or 30d"):
        Duration().convert(text, None, None)


def test_nothing_is_no_duration() -> None:
    """No second is none that somebody wants."""
    with pytest.raises(click.BadParameter, match="a duration is written"):
        Duration().convert("0h", None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("90m", 5400), ("8h", 28800), ("30d", 2592000), ("999999d", 86399913600)],
)
def test_duration_is_seconds(text: str, seconds: int) -> None:
    """Seconds, minutes, hours or days."""
    assert Duration().convert(text, None, None) == times.duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "18:00", "2026-13-01", "2026-12-01T25:00", "2026-12-01T18:00 CET", "8h"],
)
def test_what_is_no_moment(text: str) -> None:
    """What is no point in time is refused with how one is written."""
    assert times.moment(text) is None
    with pytest.raises(click.BadParameter, match=r"a time is written 2026-12-01T18:00 \(UTC\)"):
        Moment().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-01-15T08:00", 1_800_000_000),
        ("2027-01-15 08:00:00", 1_800_000_000),
        ("2027-01-15T08:00:00Z", 1_800_000_000),
        ("2027-01-15T09:00+01:00", 1_800_000_000),
        ("2027-01-15T03:30-04:30", 1_800_000_000),
        ("2027-01-15", 1_800_000_000 - 8 * 3600),
        ("0001-01-01T00:00+14:00", -62135596800 - 14 * 3600),
        ("9999-12-31T23:59:59-14:00", 253402300799 + 14 * 3600),
    ],
)
def test_moment_is_utc(text: str, seconds: int) -> None:
    """Without a zone it is UTC, as all times that are shown."""
    assert Moment().convert(text, None, None) == times.moment(text) == seconds


def test_names_are_for_help_texts() -> None:
    """In help texts they show what is wanted."""
    assert (Duration.name, Moment.name) == ("duration", "time")
