"""`python -m bench`: measure, and print a table of ratios."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final, final

from bench import floor, freeradius, load, ours, people, processes, table
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.people import Person

_SECRET: Final = "bench-secret-of-32-octets-or-so."
_PASSWORD: Final = b"correct horse battery"
_SLOW_PEOPLE: Final = 100  # a login with the default hash takes 28 ms of CPU
_WARM_LOGINS: Final = 256
# FreeRADIUS 3.2.1 forgets a session-state now and then when its answer comes at once.
_TOLERATED: Final = 0.002
_LONG_AGO: Final = 10_000  # time steps
_LOOPBACK: Final = "127.0.0.1"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What the command line asks for.

    Attributes:
        users: How many people the store holds.
        logins: Logins of one run.
        rounds: Runs of each server, alternating.
        outstanding: Packets on their way at any time.
        threads: FreeRADIUS's worker threads; 0 decides in the receiving thread.
        spin: The client never sleeps.
        json: Print JSON instead of a table.
        modes: Which flows.
        directory: Where the servers' files go.
    """

    users: int
    logins: int
    rounds: int
    outstanding: int
    threads: int
    spin: bool
    json: bool
    modes: tuple[str, ...]
    directory: Path | None


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when every login was accepted."""
    wish = _read(words)
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=wish.directory) as folder:
            rows = list(Bench(wish, Path(folder)).rows())
    except processes.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    about = {"started": started, "outstanding": wish.outstanding, "spin": wish.spin}
    about |= {"users": wish.users, "logins": wish.logins, "rounds": wish.rounds}
    if wish.json:
        print(json.dumps(about | {"rows": [row.as_json() for row in rows]}, indent=2))
    else:
        print(table.render(rows, **about))
    return 0


@final
class Bench:
    """All measurements of one call."""

    def __init__(self, wish: Wish, folder: Path) -> None:
        """Make the people."""
        self.wish = wish
        self.folder = folder
        self.people = people.make(wish.users, _PASSWORD)

    def rows(self) -> Iterator[table.Row]:
        """Measure and yield row by row."""
        self._say("floor: a signed echo in Python")
        yield self._floor()
        port = processes.free_port()
        self._say(f"our store: {self.wish.users} people")
        where = self.folder / "ours"
        config = ours.prepare(where, self.people, secret=_SECRET, port=port, fast=True)
        mine = ours.start(config, port=port, secret=_SECRET)
        try:
            for mode in self.wish.modes:
                yield self._pair(mine, mode)
        finally:
            mine.stop()
        if "append" in self.wish.modes:
            yield self._slow()

    def _floor(self) -> table.Row:
        server = floor.start(self.folder / "floor", secret=_SECRET)
        try:
            measures = [self._theirs(server, "step-up") for _ in range(self.wish.rounds)]
        finally:
            server.stop()
        return table.Row(name="floor: signed echo", ours=table.summary(measures), theirs=None)

    def _pair(self, mine: processes.Server, mode: str) -> table.Row:
        if freeradius.find() is None:
            self._say("FreeRADIUS is not installed (apt-get install freeradius): ours alone")
            measures = [self._ours(mine, mode) for _ in range(self.wish.rounds)]
            return table.Row(name=mode, ours=table.summary(measures), theirs=None)
        where = self.folder / f"freeradius-{mode}"
        theirs = freeradius.start(
            where, mode, self.people, secret=_SECRET, threads=self.wish.threads
        )
        try:
            self._refused(mine, mode, ours.SOURCES[mode])
            self._refused(theirs, mode, _LOOPBACK)
            self._warm(mine, theirs, mode)
            pairs = [self._alternate(mine, theirs, mode, at) for at in range(self.wish.rounds)]
        finally:
            theirs.stop()
        return table.Row(
            name=mode,
            ours=table.summary([pair[0] for pair in pairs]),
            theirs=table.summary([pair[1] for pair in pairs]),
            ratio=median(a.cpu_us / b.cpu_us for a, b in pairs),
        )

    def _alternate(
        self, mine: processes.Server, theirs: processes.Server, mode: str, at: int
    ) -> tuple[table.Measure, table.Measure]:
        # Who is first changes, so that nobody always profits from a warm machine.
        if at % 2:
            second = self._theirs(theirs, mode)
            first = self._ours(mine, mode)
        else:
            first = self._ours(mine, mode)
            second = self._theirs(theirs, mode)
        self._say(f"{mode}: ours {first.cpu_us:.1f} us, FreeRADIUS {second.cpu_us:.1f} us")
        return first, second

    def _refused(self, server: processes.Server, mode: str, source: str) -> None:
        # Who accepts anything is fast: the code of long ago must be a Reject.
        step = people.step(time.time()) - _LONG_AGO
        flow = load.prepare(self.people[-1:], mode, step, _SECRET)
        load.drive(
            flow,
            server.port,
            source=source,
            outstanding=1,
            spin=False,
            expected=numbers.ACCESS_REJECT,
        )

    def _warm(self, mine: processes.Server, theirs: processes.Server, mode: str) -> None:
        self._ours(mine, mode, _WARM_LOGINS)
        self._theirs(theirs, mode, _WARM_LOGINS)

    def _slow(self) -> table.Row:
        self._say("append with the default password hash")
        some = people.make(_SLOW_PEOPLE, _PASSWORD)
        port = processes.free_port()
        config = ours.prepare(self.folder / "slow", some, secret=_SECRET, port=port, fast=False)
        server = ours.start(config, port=port, secret=_SECRET)
        try:
            measure = self._measure(server, some, "append", ours.SOURCES["append"])
        finally:
            server.stop()
        return table.Row(name="append, Argon2id", ours=measure, theirs=None)

    def _ours(self, server: processes.Server, mode: str, logins: int = 0) -> table.Measure:
        wanted = logins or self.wish.logins
        self._settle(wanted)
        while len(fresh := self._fresh()) < wanted:
            time.sleep(people.left(time.time()) + 0.1)
        return self._measure(server, fresh[:wanted], mode, ours.SOURCES[mode])

    def _theirs(self, server: processes.Server, mode: str, logins: int = 0) -> table.Measure:
        # No server but ours minds a code that was used before.
        wanted = logins or self.wish.logins
        self._settle(wanted)
        return self._measure(server, self.people[:wanted], mode, _LOOPBACK)

    def _fresh(self) -> list[Person]:
        now = people.step(time.time())
        return [person for person in self.people if person.used < now]

    @staticmethod
    def _settle(wanted: int) -> None:
        # FreeRADIUS takes the code of this very time step: prepare and send within it.
        left = people.left(time.time())
        if left < 4 + wanted / 2500:
            time.sleep(left + 0.1)

    def _measure(
        self, server: processes.Server, some: list[Person], mode: str, source: str
    ) -> table.Measure:
        step = people.step(time.time())
        flow = load.prepare(some, mode, step, _SECRET)
        is_theirs = source == _LOOPBACK
        if not is_theirs:
            for person in some:
                person.used = step
        before = server.cpu_seconds()
        run = load.drive(
            flow,
            server.port,
            source=source,
            outstanding=self.wish.outstanding,
            spin=self.wish.spin,
            tolerated=int(_TOLERATED * len(some)) if is_theirs else 0,
        )
        return table.measure(run, server.rest() - before)

    @staticmethod
    def _say(line: str) -> None:
        print(f"bench: {line}", file=sys.stderr, flush=True)


def _read(words: Sequence[str] | None) -> Wish:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--users", type=int, default=20_000, help="people in the store")
    parser.add_argument("--logins", type=int, default=5_000, help="logins of one run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each server, alternating")
    parser.add_argument("--outstanding", type=int, default=32, help="packets on their way")
    parser.add_argument(
        "--threads", type=int, default=5, help="FreeRADIUS's workers (Debian: 5); 0: none"
    )
    parser.add_argument("--spin", action="store_true", help="a client that never sleeps")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--mode", action="append", choices=freeradius.MODES, help="a flow (default: all)"
    )
    parser.add_argument("--directory", type=Path, help="for the servers' files: a real disk")
    given = parser.parse_args(words)
    if not 0 < given.logins <= given.users:
        parser.error("--logins must be at most --users: everybody logs in once a time step")
    return Wish(
        users=given.users,
        logins=given.logins,
        rounds=max(1, given.rounds),
        outstanding=max(1, given.outstanding),
        threads=max(0, given.threads),
        spin=given.spin,
        json=given.json,
        modes=tuple(given.mode or freeradius.MODES),
        directory=given.directory,
    )


if __name__ == "__main__":
    sys.exit(main())
