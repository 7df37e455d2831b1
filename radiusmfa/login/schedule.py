"""Is it one of the hours that come again each week, by the wall clock of a zone?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from radiusmfa.config.policy_model import Schedule

_DAY: Final = timedelta(days=1)
_MINUTES: Final = 60  # in an hour


def holds(schedule: Schedule, now: float) -> bool:
    """
    Say whether *now*, seconds since 1970, lies in one of the spans.

    A span that ends on the next day belongs to the day on which it begins: that one must
    not be a holiday. An hour that the clock shows twice counts twice.
    """
    local = datetime.fromtimestamp(now, schedule.zone)
    minute = _MINUTES * local.hour + local.minute
    today = local.date()
    for span in schedule.spans:
        is_overnight = span.end <= span.start
        if minute >= span.start and (is_overnight or minute < span.end):
            day = today
        elif is_overnight and minute < span.end:
            day = today - _DAY
        else:
            continue
        if day.weekday() in span.days and day not in schedule.holidays:
            return True
    return any(holds(other, now) for other in schedule.also)
