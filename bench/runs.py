"""Runs of people with tokens: every login with a fresh code, and a wrong one must be refused."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from bench import load, pairs, people
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from bench import table
    from bench.load import Login
    from bench.people import Person
    from bench.processes import Server
    from bench.wish import Wish

LONG_AGO: Final = 10_000  # time steps
_PER_SECOND: Final = 2500


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """
    People who log in at one server from one address, again and again.

    Attributes:
        server: Whose processor time counts.
        mode: As `load.of_people` takes it.
        source: Loopback address.
        everybody: Of whom each run takes some.
        wish: What the command line asks for.
        reuses: The server does not mind a code that was used before.
        per_second: Logins a second that it does at least.
        behind: A server that it asks; what that spends is measured, too.
    """

    server: Server
    mode: str
    source: str
    everybody: list[Person]
    wish: Wish
    reuses: bool = False
    per_second: int = _PER_SECOND
    behind: Server | None = None

    def side(self) -> pairs.Side:
        """Return it for `pairs.compare`, after somebody was refused a code of long ago."""
        refused(self.server, self.logins(self.everybody[-1:], LONG_AGO), self.source)
        return pairs.Side(self.server, self.run)

    def run(self, logins: int) -> table.Measure:
        """Log in so many people within one time step, and measure it."""
        settle(logins, self.per_second)
        some = self.everybody[:logins]
        if not self.reuses:
            while len(fresh := _fresh(self.everybody)) < logins:
                time.sleep(people.left(time.time()) + 0.1)
            some = fresh[:logins]
        return self.measure(some)

    def measure(self, some: list[Person]) -> table.Measure:
        """Log in *some*, who have not used the code of this time step here."""
        flow = load.prepare(self.logins(some), self.server.secret)
        if not self.reuses:
            now = people.step(time.time())
            for person in some:
                person.used = now
        return pairs.measure(self.server, flow, self.source, self.wish, self.behind)

    def logins(self, some: list[Person], ago: int = 0) -> list[Login]:
        """Return one login of each of *some* with the code of *ago* time steps before."""
        return load.of_people(some, self.mode, people.step(time.time()) - ago)


def refused(server: Server, logins: list[Login], source: str) -> None:
    """Have each of *logins* refused: who accepts anything is fast."""
    load.drive(
        load.prepare(logins, server.secret),
        server.port,
        source=source,
        outstanding=1,
        spin=False,
        expected=numbers.ACCESS_REJECT,
    )


def settle(wanted: int, per_second: int = _PER_SECOND) -> None:
    """Wait for a new time step if this one has no time for so many logins."""
    # FreeRADIUS takes the code of this very time step: prepare and send within it.
    left = people.left(time.time())
    if left < 4 + wanted / per_second:
        time.sleep(left + 0.1)


def _fresh(everybody: list[Person]) -> list[Person]:
    now = people.step(time.time())
    return [person for person in everybody if person.used < now]
