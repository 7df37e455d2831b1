"""`radiusmfa run`: refusals before anything is served, signals while it serves."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Final, cast, final

import pytest
from twisted.logger import LogLevel, LogLevelFilterPredicate, capturedLogs, formatEvent

from radiusmfa.cli import exits, run
from radiusmfa.cli.main import main
from radiusmfa.config import read
from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault
from tests.fakes import FakeReactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from twisted.internet.posixbase import PosixReactorBase

CONFIGURATION: Final = """
listen: [{udp: "127.0.0.1:0"}]
store: {sqlite: radiusmfa.db}
keys: {file: keys}
passwords: {memory_kib: 8, passes: 1, threads: 1}
log: {level: warn}
clients: [{name: nas, networks: [127.0.0.1], secret: {file: secret}}]
"""


@final
class SignalledReactor(FakeReactor):
    """Runs what waits for it, gets two signals, and stops."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        super().__init__()
        self._first: list[Callable[[], object]] = []
        self._last: list[Callable[[], Any]] = []

    def addSystemEventTrigger(self, _phase: str, _event: str, call: Callable[[], Any]) -> None:  # noqa: N802
        """Do *call* at the end."""
        self._last.append(call)

    def callWhenRunning(self, call: Callable[[], object]) -> None:  # noqa: N802
        """Do *call* at the beginning."""
        self._first.append(call)

    def run(self) -> None:
        """Live a life."""
        for call in self._first:
            call()
        for number in (signal.SIGHUP, signal.SIGUSR1):
            os.kill(os.getpid(), number)
            self.wait()
        done: list[None] = []
        for last in self._last:
            last().addCallback(done.append)
        while not done:
            self.advance(0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Everything that a server needs."""
    (tmp_path / "radiusmfa.yaml").write_text(CONFIGURATION)
    (tmp_path / "secret").write_text("a shared secret of 30 octets..")
    (tmp_path / "secret").chmod(0o600)
    database.create(tmp_path / "radiusmfa.db", Vault.create(tmp_path / "keys"))
    return tmp_path


@pytest.fixture
def signals() -> Iterator[None]:
    """Put the signals back as they were."""
    before = [(number, signal.getsignal(number)) for number in (signal.SIGHUP, signal.SIGUSR1)]
    yield
    for number, handler in before:
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("gone", "code"),
    [
        pytest.param("radiusmfa.yaml", exits.CONFIGURATION, id="no configuration"),
        pytest.param("keys", exits.STORE, id="no keys"),
        pytest.param("radiusmfa.db", exits.STORE, id="no store"),
    ],
)
def test_missing_file_ends_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], gone: str, code: int
) -> None:
    """What is missing is named in one line, with its exit code, and nothing is served."""
    (folder / gone).unlink()
    assert main(["-c", str(folder / "radiusmfa.yaml"), "run"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("radiusmfa: ")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("signals")
def test_signals_reload_count_and_stop(folder: Path) -> None:
    """SIGHUP loads the configuration, SIGUSR1 writes the counters, the end closes everything."""
    path = folder / "radiusmfa.yaml"
    level = LogLevelFilterPredicate()
    with capturedLogs() as said:
        reactor = cast("PosixReactorBase", SignalledReactor())
        run.serve(read.load(path), reactor, lambda _: level)
    lines = [formatEvent(event) for event in said]
    assert any("is ready" in line for line in lines)
    assert any("the configuration was loaded" in line for line in lines)
    assert sum("total_access_requests=0" in line for line in lines) == 2
    assert level.logLevelForNamespace("radiusmfa") is LogLevel.warn
    database.lock_file(folder / "radiusmfa.db").close()


def test_journal_is_known_by_its_stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Levels are marked for the journal only if stderr still leads there."""
    with (tmp_path / "journal").open("wb") as journal, (tmp_path / "other").open("wb") as other:
        about = os.fstat(journal.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{about.st_dev}:{about.st_ino}")
        assert run.is_journal(journal.fileno())
        assert not run.is_journal(other.fileno())
        monkeypatch.delenv("JOURNAL_STREAM")
        assert not run.is_journal(journal.fileno())
