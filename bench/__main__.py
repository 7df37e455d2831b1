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
    directory,
    floor,
    forwarding,
    freeradius,
    ours,
    pairs,
    people,
    policies,
    processes,
    push,
    runs,
    silent,
    table,
    waiting,
    wish,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.people import Person
    from bench.wish import Wish

_SECRET: Final = "bench-secret-of-32-octets-or-so."
_PASSWORD: Final = b"correct horse battery"
_SLOW_PEOPLE: Final = 100  # a login with the default hash takes 28 ms of CPU


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmark; 0 when every login was answered as it should be."""
    wanted = wish.read(words, __doc__)
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    waited, pushed, waited_directory = None, None, []
    try:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=wanted.directory) as folder:
            rows = list(Bench(wanted, Path(folder)).rows())
            if wish.WAITING in wanted.modes:
                waited = waiting.wait(wanted.waiting, Path(folder) / "waiting")
            if wish.PUSH in wanted.modes:
                pushed = push.wait(wanted.pushes, Path(folder) / "push")
            if wish.SILENT in wanted.modes:
                waited_directory = silent.wait(Path(folder) / "silent")
    except processes.BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    about = {"started": started, "outstanding": wanted.outstanding, "spin": wanted.spin}
    about |= {"users": wanted.users, "logins": wanted.logins, "rounds": wanted.rounds}
    if wanted.json:
        found = {
            "rows": [row.as_json() for row in rows],
            "waiting": waited and asdict(waited),
            "push": pushed and asdict(pushed),
            "silent directory": [asdict(one) for one in waited_directory],
        }
        print(json.dumps(about | found, indent=2))
        return 0
    for against in dict.fromkeys(row.against for row in rows):
        some = [row for row in rows if row.against == against]
        print(table.render(some, against, **about), end="\n\n")
    if waited is not None:
        print(waiting.render(waited))
    if pushed is not None:
        print(push.render(pushed))
    if waited_directory:
        print(silent.render(waited_directory))
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
        ruled = [mode for mode in self.wish.modes if mode in wish.POLICIES]
        if ruled:
            yield from policies.rows(self.wish, ruled, self.folder / "policies")
        asking = [mode for mode in self.wish.modes if mode in wish.DIRECTORY]
        if asking:
            yield from directory.rows(self.wish, asking, self.folder / "directory")

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
        run = self._people(server, "step-up", everybody, pairs.LOOPBACK).run
        try:
            measures = [run(self.wish.logins) for _ in range(self.wish.rounds)]
        finally:
            server.stop()
        return table.Row(name="floor: signed echo", ours=table.summary(measures), theirs=None)

    def _pair(self, mine: processes.Server, mode: str, everybody: list[Person]) -> table.Row:
        own = self._people(mine, mode, everybody, ours.SOURCES[mode]).side()
        if freeradius.find() is None:
            pairs.say("FreeRADIUS is not installed (apt-get install freeradius): ours alone")
            return pairs.compare(mode, own, None, self.wish)
        where = self.folder / f"freeradius-{mode}"
        theirs = freeradius.start(where, mode, everybody, secret=_SECRET, threads=self.wish.threads)
        try:
            other = self._people(theirs, mode, everybody, pairs.LOOPBACK).side()
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
            measure = self._people(server, "append", some, ours.SOURCES["append"]).measure(some)
        finally:
            server.stop()
        return table.Row(name="append, Argon2id", ours=measure, theirs=None)

    def _people(
        self, server: processes.Server, mode: str, everybody: list[Person], source: str
    ) -> runs.People:
        return runs.People(
            server=server,
            mode=mode,
            source=source,
            everybody=everybody,
            wish=self.wish,
            reuses=source == pairs.LOOPBACK,
        )


if __name__ == "__main__":
    sys.exit(main())
