"""Two servers in turns: what both do within the same minute is compared."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from bench import load, table

if TYPE_CHECKING:
    from bench.load import Flow
    from bench.processes import Server
    from bench.wish import Wish

LOOPBACK: Final = "127.0.0.1"
"""Where FreeRADIUS's one client is."""
WARM_LOGINS: Final = 256
# FreeRADIUS 3.2.1 forgets a session-state now and then when its answer comes at once.
_TOLERATED: Final = 0.002
_CLEANUP_SECONDS: Final = 6.0

Runner: TypeAlias = Callable[[int], table.Measure]
"""Does so many logins and measures them."""


class Side(NamedTuple):
    """
    A server, and what it is given to do.

    Attributes:
        server: Whose processor time counts.
        run: Does so many logins and measures them.
    """

    server: Server
    run: Runner


def compare(
    name: str, mine: Side, theirs: Side | None, wish: Wish, against: str = table.FREERADIUS
) -> table.Row:
    """
    Return the row of *name*: medians, and the median of the ratios of neighboring runs.

    What a server puts away seconds after the last reply, when nobody looks any more, is
    shared out among all logins.

    Args:
        name: Of the row.
        mine: Our server.
        theirs: Another, or None.
        wish: What the command line asks for.
        against: What the other is.
    """
    sides = [mine] if theirs is None else [mine, theirs]
    for side in sides:
        side.run(WARM_LOGINS)
    _put_away(sides)
    began = [side.server.cpu_seconds() for side in sides]
    found: list[list[table.Measure]] = [[] for _ in sides]
    for at in range(wish.rounds):
        # Who is first changes, so that nobody always profits from a warm machine.
        for number in reversed(range(len(sides))) if at % 2 else range(len(sides)):
            found[number].append(sides[number].run(wish.logins))
        costs = (
            f"{who} {runs[-1].cpu_us:.1f} us"
            for who, runs in zip(("ours", against), found, strict=False)
        )
        say(f"{name}: {', '.join(costs)}")
    _put_away(sides)
    for number, side in enumerate(sides):
        spent = (side.server.cpu_seconds() - began[number]) / wish.logins * 1e6
        later = (spent - sum(run.cpu_us for run in found[number])) / wish.rounds
        found[number] = [replace(run, cpu_us=run.cpu_us + later) for run in found[number]]
    if theirs is None:
        return table.Row(name=name, ours=table.summary(found[0]), theirs=None, against=against)
    return table.Row(
        name=name,
        ours=table.summary(found[0]),
        theirs=table.summary(found[1]),
        ratio=median(a.cpu_us / b.cpu_us for a, b in zip(*found, strict=True)),
        against=against,
    )


def _put_away(sides: list[Side]) -> None:
    # FreeRADIUS keeps every request for five seconds, to know it again (`cleanup_delay`).
    time.sleep(_CLEANUP_SECONDS)
    for side in sides:
        side.server.rest()


def measure(
    server: Server, flow: Flow, source: str, wish: Wish, behind: Server | None = None
) -> table.Measure:
    """Send *flow* to *server* from *source*, and return what it cost, and cost *behind* it."""
    before = server.cpu_seconds()
    behind_before = 0.0 if behind is None else behind.cpu_seconds()
    run = load.drive(
        flow,
        server.port,
        source=source,
        outstanding=wish.outstanding,
        spin=wish.spin,
        tolerated=int(_TOLERATED * len(flow.first)) if source == LOOPBACK else 0,
    )
    behind_seconds = 0.0 if behind is None else behind.rest() - behind_before
    return table.measure(run, server.rest() - before, behind_seconds)


def say(line: str) -> None:
    """Tell whoever waits for the table."""
    print(f"bench: {line}", file=sys.stderr, flush=True)
