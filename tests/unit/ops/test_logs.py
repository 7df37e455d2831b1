"""Tests of `radiusmfa.ops.logs`."""

from __future__ import annotations

import io
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import (
    LogBeginner,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    LogPublisher,
    capturedLogs,
    formatEvent,
)

from radiusmfa.config.model import Level
from radiusmfa.ops import logs


class _Log:
    """A log of its own, connected as the server's is."""

    def __init__(self, level: Level, *, for_journal: bool = False) -> None:
        """Begin to log."""
        publisher = LogPublisher()
        self.stream = io.StringIO()
        stdio = type("Stdio", (), {"stdout": sys.stdout, "stderr": sys.stderr})
        loud = type("Warnings", (), {"showwarning": warnings.showwarning})
        beginner = LogBeginner(publisher, io.StringIO(), stdio, loud)
        self.threshold: LogLevelFilterPredicate = logs.start(
            level, self.stream, for_journal=for_journal, begin=beginner.beginLoggingTo
        )
        self.log = Logger(observer=publisher)

    @property
    def lines(self) -> list[str]:
        """Return what was written."""
        return self.stream.getvalue().split("\n")[:-1]


SAID = ["debug", "info", "warn", "error", "critical"]


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        (Level.DEBUG, SAID),
        (Level.INFO, SAID[1:]),
        (Level.WARN, SAID[2:]),
        (Level.CRITICAL, SAID[4:]),
    ],
)
def test_level_decides_what_is_shown(level: Level, shown: list[str]) -> None:
    """What is less urgent than the level is not written."""
    it = _Log(level)
    for name in SAID:
        it.log.emit(LogLevel.levelWithName(name), "hello {who}", who="world")
    assert it.lines == [f"{name:8} hello world" for name in shown]


def test_chatter_of_twisted_is_not_shown() -> None:
    """Connections that begin and end are no events of ours; what went wrong there is."""
    it = _Log(Level.INFO)
    theirs = Logger(namespace="twisted.internet.protocol", observer=it.log.observer)
    theirs.info("Starting factory")
    theirs.error("broken")
    assert it.lines == ["error    broken"]


def test_level_can_be_changed_while_it_runs() -> None:
    """A reload may change the level."""
    it = _Log(Level.CRITICAL)
    it.log.info("before")
    it.threshold.setLogLevelForNamespace("", LogLevel.info)
    it.log.info("after")
    assert it.lines == ["info     after"]


def test_journal_reads_the_level_from_the_line() -> None:
    """sd-daemon(3): under systemd each line begins with its priority."""
    it = _Log(Level.DEBUG, for_journal=True)
    for name in SAID:
        it.log.emit(LogLevel.levelWithName(name), "x")
    assert it.lines == ["<7>x", "<6>x", "<4>x", "<3>x", "<2>x"]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("a\n<2>forged", r"a\n<2>forged", id="second line"),
        pytest.param("a\r\x1b[2Jb", r"a\r\x1b[2Jb", id="terminal sequence"),
        pytest.param("a\u2028b\x85c", r"a\u2028b\x85c", id="line separators"),
        pytest.param("\ud800", r"\ud800", id="surrogate"),
        pytest.param("\u202eevil", r"\u202eevil", id="right to left"),
        pytest.param("Jürgen 🙂", "Jürgen 🙂", id="Unicode"),
    ],
)
def test_event_is_one_line(text: str, written: str) -> None:
    """What a client sends cannot begin a line of its own."""
    it = _Log(Level.INFO, for_journal=True)
    it.log.info("client says {text}", text=text)
    assert it.lines == [f"<6>client says {written}"]


@given(st.text())
def test_any_text_is_one_line(text: str) -> None:
    """Any text: one line that can be printed."""
    it = _Log(Level.INFO)
    it.log.info("{text}", text=text)
    (line,) = it.lines
    assert line.isprintable()


def test_failure_tells_kind_and_place_but_not_its_text() -> None:
    """The text of a surprise may hold a password: the log has its kind and where it was."""
    it = _Log(Level.INFO, for_journal=True)
    try:
        int("hunter2")
    except ValueError:
        it.log.failure("a login of client {client} broke", client="vpn")
    assert it.lines[:2] == ["<2>a login of client vpn broke", "<2>ValueError"]
    assert len(it.lines) == 3
    assert it.lines[2].startswith("<2>  ")
    assert it.lines[2].endswith("in test_failure_tells_kind_and_place_but_not_its_text")
    assert "hunter2" not in it.stream.getvalue()


class _Said:
    """Keeps what would be logged of discarded packets."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self.lines: list[tuple[str, str, int]] = []
        self.discards = logs.Discards(lambda *line: self.lines.append(line))


def test_flood_of_one_kind_is_said_five_times() -> None:
    """A flood fills no disk: five lines in ten seconds, then how many more there were."""
    said = _Said()
    for _ in range(1000):
        said.discards.discarded("bad-length", "192.0.2.1", 100.0)
    assert said.lines == [("bad-length", "192.0.2.1", 0)] * 5
    said.discards.discarded("bad-length", "192.0.2.1", 110.0)
    assert said.lines[5:] == [("bad-length", "192.0.2.1", 995), ("bad-length", "192.0.2.1", 0)]


def test_other_sources_and_reasons_are_still_said() -> None:
    """One loud client does not hide another one, nor another fault."""
    said = _Said()
    for _ in range(10):
        said.discards.discarded("bad-length", "192.0.2.1", 100.0)
    said.discards.discarded("bad-length", "192.0.2.2", 100.0)
    said.discards.discarded("unknown-code", "192.0.2.1", 100.0)
    assert said.lines[5:] == [("bad-length", "192.0.2.2", 0), ("unknown-code", "192.0.2.1", 0)]


def test_flood_from_many_sources_is_bounded() -> None:
    """A flood from forged addresses fills neither memory nor disk, and is summed up."""
    said = _Said()
    for number in range(5000):
        said.discards.discarded("unknown-client", f"10.0.{number >> 8}.{number & 255}", 100.0)
    assert len(said.lines) == 1000 + 5
    assert said.lines[-1] == ("unknown-client", "others", 0)
    said.discards.discarded("unknown-client", "192.0.2.1", 111.0)
    assert said.lines[-2:] == [
        ("unknown-client", "others", 3995),
        ("unknown-client", "192.0.2.1", 0),
    ]


def test_few_packets_are_not_summed_up() -> None:
    """Where every packet was said, there is no line about more."""
    said = _Said()
    for now in (100.0, 103.0, 120.0):
        said.discards.discarded("bad-length", "192.0.2.1", now)
    assert said.lines == [("bad-length", "192.0.2.1", 0)] * 3


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (0, "packet from 192.0.2.1 discarded: bad-length"),
        (7, "7 more packets from 192.0.2.1 discarded: bad-length"),
    ],
)
def test_discarded_packet_is_a_warning(more: int, text: str) -> None:
    """A client that misbehaves is a warning that names it and the fault."""
    with capturedLogs() as seen:
        logs.write_discard("bad-length", "192.0.2.1", more)
    assert [(event["log_level"], formatEvent(event)) for event in seen] == [(LogLevel.warn, text)]
