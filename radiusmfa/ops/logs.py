"""The log: one line an event on stderr, and no more of one kind than a person can read."""

from __future__ import annotations

import functools
import traceback
from typing import TYPE_CHECKING, Final, TextIO, final

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    globalLogBeginner,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.logger import LogEvent
    from twisted.python.failure import Failure

    from radiusmfa.config.model import Level

log = Logger()

_PERIOD: Final = 10.0  # seconds
_A_PERIOD: Final = 5  # lines of one kind and source in that time
_MOST_REMEMBERED: Final = 1000
# sd-daemon(3): journald reads the level from this; a person sees it as a bare number.
_JOURNAL: Final = {
    LogLevel.debug: "<7>",
    LogLevel.info: "<6>",
    LogLevel.warn: "<4>",
    LogLevel.error: "<3>",
    LogLevel.critical: "<2>",
}


def start(
    level: Level,
    stream: TextIO,
    *,
    for_journal: bool,
    begin: Callable[..., None] = globalLogBeginner.beginLoggingTo,
) -> LogLevelFilterPredicate:
    """
    Send log events of *level* and above to *stream*; return what the level is changed by.

    Args:
        level: The least urgent that is shown.
        stream: stderr.
        for_journal: Prefix each line with the level as journald reads it.
        begin: What connects the log; tests have their own.
    """
    threshold = LogLevelFilterPredicate(LogLevel.levelWithName(level.value))
    # It tells of every connection to a service that a factory starts.
    threshold.setLogLevelForNamespace("twisted", LogLevel.warn)
    written = FileLogObserver(stream, functools.partial(_text, for_journal=for_journal))
    begin([FilteringLogObserver(written, [threshold])], redirectStandardIO=False)
    return threshold


def _text(event: LogEvent, *, for_journal: bool) -> str:
    level = event["log_level"]
    prefix = _JOURNAL[level] if for_journal else f"{level.name:8} "
    failure = event.get("log_failure")
    lines = [formatEvent(event)] if failure is None else [formatEvent(event), *_places(failure)]
    return "".join(f"{prefix}{_on_one_line(line)}\n" for line in lines)


def _places(failure: Failure) -> list[str]:
    # The text of an exception may hold anything, a password too: only its kind and where it was.
    kind = failure.type.__name__ if failure.type else "unknown"
    frames = traceback.extract_tb(failure.getTracebackObject())  # type: ignore[no-untyped-call]
    return [kind, *(f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in frames)]


def _on_one_line(text: str) -> str:
    # Nothing that a client sends begins a line of its own or moves a terminal's cursor.
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


@final
class Discards:
    """Says why packets are discarded, seldom enough that a flood does not fill the disk."""

    def __init__(self, write: Callable[[str, str, int], None]) -> None:
        """
        Say nothing yet.

        Args:
            write: Gets the reason, the source, and how many were not said.
        """
        self._write = write
        self._since = float("-inf")
        self._said: dict[tuple[str, str], int] = {}

    def discarded(self, reason: str, source: str, now: float) -> None:
        """Say it, unless it was said often enough in these seconds (monotonic *now*)."""
        if now - self._since >= _PERIOD:
            self._sum_up()
            self._since = now
        known = (reason, source)
        said = self._said.get(known, 0)
        if not said and len(self._said) >= _MOST_REMEMBERED:
            known, said = (reason, "others"), self._said.get((reason, "others"), 0)
        self._said[known] = said + 1
        if said < _A_PERIOD:
            self._write(*known, 0)

    def _sum_up(self) -> None:
        for (reason, source), said in self._said.items():
            if said > _A_PERIOD:
                self._write(reason, source, said - _A_PERIOD)
        self._said.clear()


def write_discard(reason: str, source: str, more: int) -> None:
    """Log one discarded packet, or how *more* of its kind there were."""
    if more:
        log.warn(
            "{more} more packets from {source} discarded: {reason}",
            more=more,
            source=source,
            reason=reason,
        )
    else:
        log.warn("packet from {source} discarded: {reason}", source=source, reason=reason)
