"""The `schedules` section: hours that come again each week, by the wall clock of a zone."""

from __future__ import annotations

import dataclasses
import re
from datetime import date
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from radiusmfa.config import site_file
from radiusmfa.config.fields import Fields, Found, closest, scalar_text
from radiusmfa.config.nodes import Listing, Mapping
from radiusmfa.config.policy_model import Schedule, Span
from radiusmfa.config.upstreams import NAME
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from radiusmfa.config.nodes import Report
    from radiusmfa.config.secrets import Sources

_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAILY: Final = "daily"
SETTINGS: Final = ("days", "from", "to", "zone", "holidays")
"""What is said of hours."""
_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MIDNIGHT: Final = 24 * 60
_YEARS: Final = range(1970, 3000)
_EXAMPLE: Final = "must be a day, as 2026-12-25"


def read(top: Fields, sources: Sources) -> dict[str, Schedule]:
    """
    Return the schedules of the file by name.

    Args:
        top: The whole file.
        sources: The folder that files of holidays lie in.
    """
    found = top.find("schedules")
    if found is None:
        return {}
    if not isinstance(found.node, Mapping):
        top.fault("schedules", "must name schedules, as {business: {days: mon-fri, ...}}")
        return {}
    section = top.section("schedules", found.node.entries)
    schedules = {}
    for name, (place, node) in found.node.entries.items():
        if not NAME.fullmatch(name):
            top.report.add(place, section.path(name), "must be a name that begins with a letter")
        if not isinstance(node, Listing | Mapping):
            section.fault(name, "must be hours, as {days: mon-fri, from: 08:00, to: 18:00, ...}")
            continue
        parts = [
            _schedule(name, Fields(item.node, item.where, top.report, known=SETTINGS), sources)
            for item in section.some(name)
        ]
        if parts:
            schedules[name] = joined(parts, name)
    return schedules


def joined(parts: list[Schedule], name: str) -> Schedule:
    """Return one schedule that holds when any of *parts* does; there is at least one."""
    plain = [dataclasses.replace(one, name=name, also=()) for part in parts for one in _flat(part)]
    return dataclasses.replace(plain[0], also=tuple(plain[1:]))


def day(found: Found, report: Report) -> date | None:
    """Return a day that was written as 2026-12-25."""
    text = scalar_text(found, report)
    if text is None:
        return None
    written = _day(text)
    if written is None:
        report.add(found.place, found.where, _EXAMPLE)
    return written


def _flat(schedule: Schedule) -> tuple[Schedule, ...]:
    return (schedule, *schedule.also)


def _schedule(name: str, fields: Fields, sources: Sources) -> Schedule:
    start, end = _clock(fields, "from", 0), _clock(fields, "to", _MIDNIGHT)
    if start == _MIDNIGHT:
        fields.fault("from", "must be before 24:00")
    elif start == end:
        fields.fault("to", "is when it begins, too: leave both out for whole days")
    # 00:00 ends the day as 24:00 does.
    span = Span(days=_days(fields), start=start, end=end or _MIDNIGHT)
    return Schedule(
        name=name, spans=(span,), zone=_zone(fields), holidays=_holidays(fields, sources)
    )


def _clock(fields: Fields, name: str, default: int) -> int:
    found = fields.find(name)
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return default
    match = _CLOCK.fullmatch(text)
    if match is None:
        fields.fault(name, "must be hours and minutes, as 08:00 or 24:00")
        return default
    return int(match[1]) * 60 + int(match[2]) if match[1] else _MIDNIGHT


def _days(fields: Fields) -> frozenset[int]:
    if not fields.has("days"):
        return frozenset(range(7))
    days: set[int] = set()
    for item in fields.some("days"):
        text = scalar_text(item, fields.report)
        if text is None:
            continue
        first, dash, last = text.lower().partition("-")
        unknown = [word for word in (first, last or first) if word not in _DAYS]
        if text.lower() == _DAILY:
            days.update(range(7))
        elif unknown or (dash and not last):
            hint = closest(unknown[0] if unknown else "", [*_DAYS, _DAILY])
            what = "must be days, as mon-fri, sat, [mon, wed] or daily"
            fields.report.add(item.place, item.where, what + hint)
        else:
            begin, length = _DAYS.index(first), _DAYS.index(last or first) - _DAYS.index(first)
            days.update((begin + more) % 7 for more in range(length % 7 + 1))
    return frozenset(days)


def _zone(fields: Fields) -> ZoneInfo:
    found = fields.need("zone")
    text = scalar_text(found, fields.report) if found else None
    if text is None:
        return ZoneInfo("UTC")
    # "localtime" is whatever this machine has.
    zones = available_timezones() - {"localtime"}
    if text not in zones:
        folded = {zone.lower(): zone for zone in zones}
        near = f"; did you mean {folded[text.lower()]}?" if text.lower() in folded else ""
        what = "is no time zone, as Europe/Berlin or UTC"
        fields.fault("zone", f"{text} {what}{near or closest(text, sorted(zones))}")
        return ZoneInfo("UTC")
    return ZoneInfo(text)


def _holidays(fields: Fields, sources: Sources) -> frozenset[date]:
    found = fields.find("holidays")
    if found is None:
        return frozenset()
    if isinstance(found.node, Mapping):
        return _of_file(found, fields.report, sources)
    days = [day(item, fields.report) for item in fields.items("holidays")]
    return frozenset(one for one in days if one is not None)


def _of_file(found: Found, report: Report, sources: Sources) -> frozenset[date]:
    path = site_file.named(found, report, sources)
    if path is None:
        return frozenset()
    try:
        lines = site_file.octets(path).decode("utf-8-sig", "strict").splitlines()
    except ConfigError as error:
        report.add(found.place, found.where, str(error))
        return frozenset()
    except UnicodeDecodeError:
        report.add(found.place, found.where, f"{path}: must be UTF-8")
        return frozenset()
    days = set()
    for at, line in enumerate(lines, 1):
        written = line.partition("#")[0].strip()
        one = _day(written)
        if one is not None:
            days.add(one)
        elif written:
            report.add(found.place, found.where, f"{path}:{at}: {_EXAMPLE}")
    return frozenset(days)


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None
    return found if found and found.year in _YEARS else None
