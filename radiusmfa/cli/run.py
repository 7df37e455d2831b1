"""`radiusmfa run`: the server in the foreground, as systemd and people want it."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, cast

import click

from radiusmfa.cli import common

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from twisted.internet.posixbase import PosixReactorBase
    from twisted.logger import LogLevelFilterPredicate

    from radiusmfa.config.model import Configuration, Level


@click.command()
@click.pass_context
def command(ctx: click.Context) -> None:
    """
    Run the server in the foreground; the log goes to stderr.

    \b
    SIGHUP           read the configuration again (a bad one changes nothing)
    SIGUSR1          write the counters to the log
    SIGTERM, Ctrl-C  answer what is pending, then stop
    """  # noqa: D301 - \b is click's mark: keep the lines as they are
    configuration = common.load_config(ctx)
    # Here, so that no other command waits for the reactor, and nobody else imports it.
    from twisted.internet import reactor  # noqa: PLC0415

    from radiusmfa.ops import logs  # noqa: PLC0415

    def log(least: Level) -> LogLevelFilterPredicate:
        return logs.start(least, sys.stderr, for_journal=is_journal(sys.stderr.fileno()))

    # The declared type of the reactor lacks most of it.
    chosen = cast("PosixReactorBase", reactor)
    # Twisted's timers follow the time of day: set back by an hour, none would go off for one.
    chosen.seconds = time.monotonic
    serve(configuration, chosen, log)


def serve(
    configuration: Configuration,
    reactor: PosixReactorBase,
    start_log: Callable[[Level], LogLevelFilterPredicate],
) -> None:
    """
    Serve until a signal ends it.

    Args:
        configuration: Checked.
        reactor: Not running yet.
        start_log: Starts the log from a level on.

    Raises:
        RadiusmfaError: Something cannot be opened; nothing was served.
    """
    from twisted.logger import LogLevel  # noqa: PLC0415

    from radiusmfa.server.service import Service  # noqa: PLC0415

    def set_level(least: Level) -> None:
        level.setLogLevelForNamespace("", LogLevel.levelWithName(least.value))

    service = Service(reactor, configuration, set_level)
    level = start_log(configuration.log_level)

    def on_signal(number: int, _: FrameType | None) -> None:
        act = service.reload if number == signal.SIGHUP else service.log_counters
        reactor.callFromThread(act)

    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, on_signal)
    reactor.addSystemEventTrigger("before", "shutdown", service.stop)
    reactor.callWhenRunning(service.start)
    reactor.run()


def is_journal(descriptor: int) -> bool:
    """Return whether *descriptor* still is the stream to the journal (systemd.exec(5))."""
    about = os.fstat(descriptor)
    return os.environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"
