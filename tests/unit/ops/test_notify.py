"""Tests of `radiusmfa.ops.notify`."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from radiusmfa.ops import notify

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["path", "abstract"])
def fixture_listener(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    """Return a socket as systemd has it, of either kind, and name it in the environment."""
    name = f"{tmp_path}/notify"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(name if request.param == "path" else f"\0{name}")
        listening.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", name if request.param == "path" else f"@{name}")
        yield listening


@pytest.mark.parametrize("message", ["READY=1", "STOPPING=1\nSTATUS=Answering", "WATCHDOG=1"])
def test_message_arrives(fixture_listener: socket.socket, message: str) -> None:
    """What is said arrives as it is, at a path and at an abstract address."""
    notify.notify(message)
    assert fixture_listener.recv(1000) == message.encode()


def test_listener_that_went_away_is_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anyone at the address the server goes on."""
    monkeypatch.setenv("NOTIFY_SOCKET", f"{tmp_path}/gone")
    notify.notify("READY=1")
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize("address", [None, ""])
def test_without_systemd_nothing_is_sent(
    fixture_listener: socket.socket, monkeypatch: pytest.MonkeyPatch, address: str | None
) -> None:
    """Started by hand, the server tells nobody."""
    monkeypatch.delenv("NOTIFY_SOCKET")
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify.notify("READY=1")
    with pytest.raises(BlockingIOError):
        fixture_listener.recv(1000)


def test_message_leaves_no_descriptor_open(fixture_listener: socket.socket) -> None:
    """A server that runs for years opens one socket a message, and closes it."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        notify.notify("WATCHDOG=1")
        assert fixture_listener.recv(1000)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize(
    ("allowed", "interval"),
    [
        pytest.param("30000000", 15.0, id="half of thirty seconds"),
        pytest.param("1", 0.0000005, id="one microsecond"),
        pytest.param("0", None, id="zero"),
        pytest.param("", None, id="empty"),
        pytest.param("-5", None, id="negative"),
        pytest.param("3s", None, id="no number"),
        pytest.param("²", None, id="no plain digit"),
    ],
)
def test_watchdog_is_told_twice_as_often_as_it_asks(
    allowed: str, interval: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sd_watchdog_enabled(3): notify at half the time that systemd allows; else not at all."""
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    monkeypatch.setenv("WATCHDOG_USEC", allowed)
    assert notify.watchdog_interval() == interval


def test_watchdog_of_another_process_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """WATCHDOG_PID says whom systemd watches."""
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert notify.watchdog_interval() == pytest.approx(15.0)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getppid()))
    assert notify.watchdog_interval() is None


def test_without_a_watchdog_there_is_no_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without WatchdogSec= nobody is told anything."""
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    assert notify.watchdog_interval() is None
