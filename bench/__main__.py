"""`python -m bench`: measure, and print a table of ratios."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from bench import (
    floor,
    forwarding,
    freeradius,
    load,
    ours,
    pairs,
    people,
    processes,
    table,
    waiting,
    wish,
)
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from bench.people import Person
    from bench.wish import Wish

_SECRET: Final = "bench-secret-of-32-octets-or-so."
_PASSWORD: Final = b"correct horse battery"
_SLOW_PEOPLE: Final = 100  # a login with the default hash takes 28 ms of CPU
_LONG_AGO: Final = 10_000  # time steps


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when every login was answered as it should be."""
    wanted = wish.read(words, __doc__)
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    waited = None
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=wanted.directory) as folder:
            rows = list(Bench(wanted, Path(folder)).rows())
            if wish.WAITING in wanted.modes:
                waited = waiting.wait(wanted.waiting, Path(folder) / "waiting")
    except processes.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    about = {"started": started, "outstanding": wanted.outstanding, "spin": wanted.spin}
    about |= {"users": wanted.users, "logins": wanted.logins, "rounds": wanted.rounds}
    if wanted.json:
        found = {"rows": [row.as_json() for row in rows]}
        print(json.dumps(about | found | {"waiting": waited and asdict(waited)}, indent=2))
        return 0
    if rows:
        print(table.render(rows, **about), end="\n\n")
    if waited is not None:
        print(waiting.render(waited))
    return 0


@final
class Bench:
    """All comparisons of one call."""

    def __init__(self, wanted: Wish, folder: Path) -> None:
        """Do what is *wanted*; files go below *folder*."""
        self.wish = wanted
        self.folder = folder

    def rows(self) -> Iterator[table.Row]:
        """Measure and yield row by row."""
        modes = [mode for mode in self.wish.modes if mode in freeradius.MODES]
        if modes:
            yield from self._own(modes)
        forwarded = [mode for mode in self.wish.modes if mode in wish.FORWARDING]
        if forwarded:
            yield from forwarding.rows(self.wish, forwarded, self.folder / "forwarding")

    def _own(self, modes: list[str]) -> Iterator[table.Row]:
        everybody = people.make(self.wish.users, _PASSWORD)
        pairs.say("floor: a signed echo in Python")
        yield self._floor(everybody)
        port = processes.free_port()
        pairs.say(f"our store: {self.wish.users} people")
        where = self.folder / "ours"
        config = ours.prepare(where, everybody, secret=_SECRET, port=port, fast=True)
        mine = ours.start(config, port=port, secret=_SECRET)
        try:
            for mode in modes:
                yield self._pair(mine, mode, everybody)
        finally:
            mine.stop()
        if "append" in modes:
            yield self._slow()

    def _floor(self, everybody: list[Person]) -> table.Row:
        server = floor.start(self.folder / "floor", secret=_SECRET)
        run = self._theirs(server, "step-up", everybody)
        try:
            measures = [run(self.wish.logins) for _ in range(self.wish.rounds)]
        finally:
            server.stop()
        return table.Row(name="floor: signed echo", ours=table.summary(measures), theirs=None)

    def _pair(self, mine: processes.Server, mode: str, everybody: list[Person]) -> table.Row:
        _refused(mine, mode, ours.SOURCES[mode], everybody[-1])
        own = pairs.Side(mine, self._ours(mine, mode, everybody))
        if freeradius.find() is None:
            pairs.say("FreeRADIUS is not installed (apt-get install freeradius): ours alone")
            return pairs.compare(mode, own, None, self.wish)
        where = self.folder / f"freeradius-{mode}"
        theirs = freeradius.start(where, mode, everybody, secret=_SECRET, threads=self.wish.threads)
        try:
            _refused(theirs, mode, pairs.LOOPBACK, everybody[-1])
            other = pairs.Side(theirs, self._theirs(theirs, mode, everybody))
            return pairs.compare(mode, own, other, self.wish)
        finally:
            theirs.stop()

    def _slow(self) -> table.Row:
        pairs.say("append with the default password hash")
        some = people.make(_SLOW_PEOPLE, _PASSWORD)
        port = processes.free_port()
        config = ours.prepare(self.folder / "slow", some, secret=_SECRET, port=port, fast=False)
        server = ours.start(config, port=port, secret=_SECRET)
        try:
            measure = self._measure(server, some, "append", ours.SOURCES["append"])
        finally:
            server.stop()
        return table.Row(name="append, Argon2id", ours=measure, theirs=None)

    def _ours(
        self, server: processes.Server, mode: str, everybody: list[Person]
    ) -> Callable[[int], table.Measure]:
        def run(logins: int) -> table.Measure:
            _settle(logins)
            while len(fresh := _fresh(everybody)) < logins:
                time.sleep(people.left(time.time()) + 0.1)
            return self._measure(server, fresh[:logins], mode, ours.SOURCES[mode])

        return run

    def _theirs(
        self, server: processes.Server, mode: str, everybody: list[Person]
    ) -> Callable[[int], table.Measure]:
        def run(logins: int) -> table.Measure:
            # No server but ours minds a code that was used before.
            _settle(logins)
            return self._measure(server, everybody[:logins], mode, pairs.LOOPBACK)

        return run

    def _measure(
        self, server: processes.Server, some: list[Person], mode: str, source: str
    ) -> table.Measure:
        step = people.step(time.time())
        flow = load.prepare(load.of_people(some, mode, step), _SECRET)
        if source != pairs.LOOPBACK:
            for person in some:
                person.used = step
        return pairs.measure(server, flow, source, self.wish)


def _refused(server: processes.Server, mode: str, source: str, person: Person) -> None:
    # Who accepts anything is fast: the code of long ago must be a Reject.
    step = people.step(time.time()) - _LONG_AGO
    load.drive(
        load.prepare(load.of_people([person], mode, step), _SECRET),
        server.port,
        source=source,
        outstanding=1,
        spin=False,
        expected=numbers.ACCESS_REJECT,
    )


def _fresh(everybody: list[Person]) -> list[Person]:
    now = people.step(time.time())
    return [person for person in everybody if person.used < now]


def _settle(wanted: int) -> None:
    # FreeRADIUS takes the code of this very time step: prepare and send within it.
    left = people.left(time.time())
    if left < 4 + wanted / 2500:
        time.sleep(left + 0.1)


if __name__ == "__main__":
    sys.exit(main())
