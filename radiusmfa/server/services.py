"""Services that check a factor, or carry a code to people: which there are, and who asks whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from radiusmfa.config import site_file
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import BROKEN, Asks, Failed, Passed, Reason, Unavailable
from radiusmfa.server.performing import Performer, Round
from radiusmfa.server.ringing import Ringing
from radiusmfa.service import kinds
from radiusmfa.service.dialogue import Memory, Tools

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from radiusmfa.config.service_model import Service
    from radiusmfa.config.upstream_model import Event
    from radiusmfa.interfaces import Clock
    from radiusmfa.server.received import Received
    from radiusmfa.stores.calls import Calls

log = Logger()

MOST_WAITING: Final = 20_000
"""Logins that wait for one service; one more is told at once that there is no room."""
MOST_OF_ONE: Final = MOST_WAITING - MOST_WAITING // 4
"""Those that one client began: what floods it must not silence the others."""
_MISSING: Final = frozenset({Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_SILENT})
_MISSES: Final = 3
"""Logins in a row that found the service gone, after which nobody waits for it."""
_PAUSE: Final = 30.0
"""Seconds until one login tries it again."""
_COUNTED: Final = (
    "logins", "logins_passed", "logins_asked_more", "logins_failed", "logins_unavailable",
)  # fmt: skip


class World(NamedTuple):
    """
    What every service needs, whatever it is.

    Attributes:
        reactor: Twisted's.
        clock: Both clocks.
        calls: Those that the store knows.
        pepper: The store's.
        entropy: Returns that many random octets.
        flush: Has the store write now.
        agrees: Checks a password hash in a thread.
        alarm: Makes the audit line of a fraud.
    """

    reactor: IReactorTime
    clock: Clock
    calls: Calls
    pepper: bytes
    entropy: Callable[[int], bytes]
    flush: Callable[[], None]
    agrees: Callable[[str, bytes], Deferred[bool]]
    alarm: Callable[[AskService, Served], str]


@final
class Counterpart:
    """
    One service, and the logins that wait for it.

    Attributes:
        service: From the configuration.
        counted: What came of its dialogues, and what its answers meant.
        ringing: Its calls to people.
    """

    def __init__(
        self,
        world: World,
        service: Service,
        tell: Callable[[Received, Served], None],
        before: Counterpart | None = None,
    ) -> None:
        """
        Ask nothing yet.

        Args:
            world: See `World`.
            service: From the configuration.
            tell: Gets what came of each dialogue.
            before: It before a reload; what rings goes on to ring.

        Raises:
            ConfigError: The service cannot be asked so.
        """
        self.service = service
        self.counted: Counter[str] = Counter(dict.fromkeys(_COUNTED, 0))
        self._world = world
        self._tell = tell
        self._trusted = site_file.version(service.ca_file)
        self._memory = Memory()
        # Of another account nothing is known here.
        is_same = before is not None and before.service.settings == service.settings
        self.ringing: Ringing = Ringing(
            world.reactor, world.clock, service, world.calls,
            pepper=world.pepper, entropy=world.entropy, flush=world.flush, alarm=world.alarm,
            before=before.ringing if before is not None and is_same else None,
        )  # fmt: skip
        self._performer = Performer(world.reactor, world.clock, service, self.ringing, world.agrees)
        self._number = 0
        self._waiting: dict[int, Deferred[Served]] = {}
        self._waiting_of: Counter[str] = Counter()
        self._misses = 0
        self._tried = 0.0
        self._said = ""

    def serves(self, service: Service) -> bool:
        """Say whether *service*, and the certificates that it trusts, are still these."""
        trusted = site_file.version(service.ca_file)
        return service == self.service and self._trusted == trusted

    def is_dead(self) -> bool:
        """Say whether it has been gone for several logins, and none is due to try it again."""
        return self._misses >= _MISSES and self._world.clock.monotonic() < self._tried + _PAUSE

    def ask(self, received: Received, asked: AskService) -> Served | None:
        """Begin what *asked* wants; return what came of it if that is known at once."""
        client = received.site.client.name
        if len(self._waiting) >= MOST_WAITING or self._waiting_of[client] >= MOST_OF_ONE:
            return self._named(Served(outcome=Unavailable(Reason.UPSTREAM_BUSY)), 0.0)
        self.counted["logins"] += 1
        began = self._world.clock.monotonic()
        self._waiting_of[client] += 1
        self._number += 1
        work = self._waiting[self._number] = Deferred.fromCoroutine(self._served(received, asked))
        work.addBoth(self._end, self._number, received, began).addErrback(_broke)
        return None

    @property
    def offset(self) -> float | None:
        """Seconds that the service's clock is ahead of ours; None: not known."""
        return self._memory.offset if self._memory.is_known else None

    def examine(self, seconds: float) -> Deferred[tuple[str, ...]]:
        """Return what is wrong with the service, found out in *seconds*, a line each."""
        settings, world = self.service.settings, self._world
        ends = world.clock.monotonic() + seconds
        asked = AskService(service=self.service.name, user="", deadline=ends)
        turn = Round(asked, lambda: ends - world.clock.monotonic())
        examination = kinds.EXAMINATIONS[type(settings)](settings, self._tools(asked))
        return Deferred.fromCoroutine(self._performer.examine(examination, turn))

    def leave(self) -> bool:
        """Keep no connection open; return whether somebody still waits, or a call is open."""
        self._performer.close()
        return bool(self._waiting) or bool(self.ringing.open)

    def tidy(self) -> None:
        """Do what needs no login: now and then."""
        self.ringing.tidy()

    def close(self) -> None:
        """Tell everybody who waits that nothing is decided, and close every connection."""
        self.ringing.close()
        for work in reversed(list(self._waiting.values())):
            work.cancel()
        self._performer.close()

    def read(self) -> dict[str, int]:
        """Return the counters."""
        return {
            "pending_requests": len(self._waiting),
            "open_calls": self.ringing.open,
            **self.counted,
        }

    async def _served(self, received: Received, asked: AskService) -> Served:
        settings, clock = self.service.settings, self._world.clock
        dialogue = kinds.DIALOGUES[type(settings)](settings, asked, self._tools(asked))
        turn = Round(asked, lambda: received.deadline() - clock.monotonic())
        return await self._performer.perform(dialogue, turn)

    def _tools(self, asked: AskService) -> Tools:
        world = self._world
        return Tools(
            now=world.clock.wall(),
            seconds=max(0.0, asked.deadline - world.clock.monotonic()),
            entropy=world.entropy,
            pepper=world.pepper,
            memory=self._memory,
            timeout=self.service.timeout,
        )

    def _end(self, result: Served | Failure, number: int, received: Received, began: float) -> None:
        del self._waiting[number]
        self._waiting_of[received.site.client.name] -= 1
        if isinstance(result, Served):
            served = result
        elif isinstance(result.value, CancelledError):
            # We close. Nobody is let in for that; whoever asks again goes on with the open call.
            served = Served(outcome=Unavailable(Reason.UNAVAILABLE))
        else:
            # Its own text might hold what was sent.
            log.critical(
                "a dialogue with {service} broke: {kind}",
                service=self.service.name, kind=result.type,
            )  # fmt: skip
            served = Served(outcome=BROKEN)
        self._note(served)
        self._tell(received, self._named(served, self._world.clock.monotonic() - began))

    def _named(self, served: Served, seconds: float) -> Served:
        return replace(served, service=self.service.name, seconds=seconds)

    def _note(self, served: Served) -> None:
        outcome = served.outcome
        # A busy service is there. Taken for gone, it could be made to fail open.
        if isinstance(outcome, Unavailable) and outcome.reason in _MISSING:
            self._misses += 1
            self._tried = self._world.clock.monotonic()
        else:
            self._misses = 0
        self.counted[_counted(served)] += 1
        if served.trouble != self._said and (served.trouble or not isinstance(outcome, Failed)):
            self._said = served.trouble
            name = self.service.name
            if served.trouble:
                log.warn("service {name}: {trouble}", name=name, trouble=served.trouble)
            else:
                log.info("service {name} does as it should again", name=name)


def _broke(failure: Failure) -> None:
    log.failure("a turn of services broke", failure=failure)


def _counted(served: Served) -> str:
    outcome = served.outcome
    if isinstance(outcome, Passed):
        return "logins_passed"
    if isinstance(outcome, Asks):
        return "logins_asked_more"
    return "logins_unavailable" if isinstance(outcome, Unavailable) else "logins_failed"


@final
class Services:
    """
    Every service, by name.

    Attributes:
        answered: Gets what came of dialogues, on the reactor's thread.
    """

    answered: Callable[[list[tuple[Received, Served]]], None]

    def __init__(self, world: World) -> None:
        """Know none yet."""
        self._world = world
        self._open: dict[str, Counterpart] = {}
        self._leaving: list[Counterpart] = []

    def prepared(self, services: Iterable[Service]) -> dict[str, Counterpart]:
        """
        Return what `swap` takes; nothing has changed yet.

        Raises:
            ConfigError: One cannot be asked.
        """
        found = dict[str, Counterpart]()
        for service in services:
            known = self._open.get(service.name)
            if known is None or not known.serves(service):
                known = known or next(
                    (one for one in reversed(self._leaving) if one.service.name == service.name),
                    None,
                )
                known = Counterpart(self._world, service, self._tell, known)
            found[service.name] = known
        return found

    def swap(self, services: dict[str, Counterpart]) -> None:
        """Ask *services*, as they were prepared, from now on."""
        gone = [one for name, one in self._open.items() if services.get(name) is not one]
        self._open = services
        # Whoever waits for those that are gone is still answered.
        self._leaving = [one for one in (*self._leaving, *gone) if one.leave()]

    def ask(self, batch: list[tuple[Received, AskService]]) -> None:
        """Ask whatever *batch* wants; what came of it is told later, or at once."""
        for received, asked in batch:
            known = self._open.get(asked.service)
            if known is None:  # a reload has taken it away since
                lost = Served(outcome=Failed(Reason.DIALOGUE_LOST), service=asked.service)
                self._tell(received, lost)
                continue
            served = known.ask(received, asked)
            if served is not None:
                self._tell(received, served)

    def has(self, name: str) -> bool:
        """Say whether there is a service of that name."""
        return name in self._open

    def is_dead(self, name: str) -> bool:
        """Say whether a service is known to be gone."""
        return self._open[name].is_dead()

    def heard(self, name: str, event: Event) -> None:
        """Count what an answer of a service meant."""
        self._open[name].counted[f"event:{event.value}"] += 1

    def read(self) -> dict[str, dict[str, int]]:
        """Return the counters of each service."""
        return {name: one.read() for name, one in self._open.items()}

    def tidy(self) -> None:
        """Do what needs no login: now and then."""
        for one in (*self._open.values(), *self._leaving):
            one.tidy()
        self._leaving = [one for one in self._leaving if one.leave()]

    def close(self) -> None:
        """Tell everybody who waits that nothing is decided, and close every connection."""
        for one in (*self._open.values(), *self._leaving):
            one.close()

    def _tell(self, received: Received, served: Served) -> None:
        self.answered([(received, served)])
