"""`radiusmfa run`: the server in the foreground, as systemd and people want it."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, cast

import click

from radiusmfa.cli import common

if TYPE_CHECKING:
    from types import FrameType

    from twisted.internet.posixbase import PosixReactorBase


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
    from twisted.internet import reactor as found  # noqa: PLC0415
    from twisted.logger import LogLevel  # noqa: PLC0415

    from radiusmfa.ops import logs  # noqa: PLC0415
    from radiusmfa.server.service import Service  # noqa: PLC0415

    reactor = cast("PosixReactorBase", found)  # its declared type lacks most of it
    level = logs.start(configuration.log_level, sys.stderr, for_journal=_is_journal())
    service = Service(
        reactor,
        configuration,
        lambda least: level.setLogLevelForNamespace("", LogLevel.levelWithName(least.value)),
    )

    def on_signal(number: int, _: FrameType | None) -> None:
        act = service.reload if number == signal.SIGHUP else service.log_counters
        reactor.callFromThread(act)

    for number in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, on_signal)
    reactor.addSystemEventTrigger("before", "shutdown", service.stop)
    reactor.callWhenRunning(service.start)
    reactor.run()


def _is_journal() -> bool:
    # systemd.exec(5): only if stderr still is the stream that systemd made.
    about = os.fstat(sys.stderr.fileno())
    return os.environ.get("JOURNAL_STREAM") == f"{about.st_dev}:{about.st_ino}"
