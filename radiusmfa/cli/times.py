"""How long, and until when, as administrators type it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import click

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Duration(click.ParamType[int]):
    """Seconds, as `90m`, `8h` or `30d`."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the seconds, at least one."""
        seconds = duration(str(value))
        if not seconds:
            self.fail("a duration is written 90m, 8h or 30d.", param, ctx)
        return seconds


class Moment(click.ParamType[float]):
    """A point in time, as `2026-12-01T18:00`, UTC, or `2026-12-01T18:00+01:00`."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return it in seconds since 1970."""
        found = moment(str(value))
        if found is None:
            self.fail(
                "a time is written 2026-12-01T18:00 (UTC) or 2026-12-01T18:00+01:00.", param, ctx
            )
        return found


def duration(text: str) -> int | None:
    """Return the seconds of `90s`, `90m`, `8h` or `30d`; None: it is none of these."""
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    return None if found is None else int(found[1]) * _UNITS[found[2]]


def moment(text: str) -> float | None:
    """Return a date, or date and time, of ISO 8601 in seconds since 1970; UTC without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
