"""
Performs what a service's dialogues ask for: HTTP, mail, hashes, pauses, calls to people.

Each thing gets no more time than the login has left; whatever goes wrong is told to the
dialogue as a `Lost`, which decides what that means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from twisted.internet.defer import CancelledError, Deferred, DeferredQueue
from twisted.internet.defer import TimeoutError as TimedOutError
from twisted.internet.task import deferLater
from twisted.logger import Logger

from radiusmfa.config.message_model import Smtp
from radiusmfa.outcome import Reason
from radiusmfa.server import mailing
from radiusmfa.server.https import Https, UnaskedError
from radiusmfa.service import kinds
from radiusmfa.service.dialogue import (
    CheckHash,
    Done,
    Farewell,
    Lost,
    Mail,
    Next,
    Opened,
    Pause,
    Query,
    Race,
    Reply,
    Ring,
    Rung,
    Watch,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator
    from typing import Any, TypeVar

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.failure import Failure

    from radiusmfa.config.service_model import Service
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.calls import Call
    from radiusmfa.login.errands import AskService, Served
    from radiusmfa.server.ringing import Ringing
    from radiusmfa.service.dialogue import Dialogue, Request

    _Ended = TypeVar("_Ended")

log = Logger()

_OVER: Final = "the login cannot wait any longer"
_NEARLY: Final = 0.05  # seconds: timers are not exact
_FAREWELL: Final = 10.0  # seconds


@final
class Round:
    """
    One dialogue while it is performed.

    Attributes:
        asked: What it is about.
        left: Says how many seconds the login can wait.
        call: The call that it has begun, or goes on with.
        answers: Those of a race.
        racing: What of it was begun.
        unanswered: How much of that is under way.
    """

    __slots__ = ("answers", "asked", "call", "left", "racing", "unanswered")

    def __init__(self, asked: AskService, left: Callable[[], float]) -> None:
        """Begin."""
        self.asked = asked
        self.left = left
        self.call: Call | None = None
        self.answers: DeferredQueue[Reply | Lost] = DeferredQueue()
        self.racing: list[Deferred[None]] = []
        self.unanswered = 0


@final
class Performer:
    """Performs dialogues with one service."""

    def __init__(
        self,
        reactor: IReactorTime,
        clock: Clock,
        service: Service,
        ringing: Ringing,
        agrees: Callable[[str, bytes], Deferred[bool]],
    ) -> None:
        """
        Connect to nobody yet.

        Args:
            reactor: Twisted's.
            clock: Both clocks.
            service: From the configuration.
            ringing: Its calls to people.
            agrees: Checks a password hash in a thread.

        Raises:
            ConfigError: `ca_file` cannot be used.
        """
        self._reactor = reactor
        self._clock = clock
        self._ringing = ringing
        self._agrees = agrees
        self._service = service
        self._timeout = service.timeout
        self._servers = [
            Https(reactor, url, service.ca_file, service.proxy)
            for url in kinds.servers(service.settings)
        ]

    async def perform(self, dialogue: Dialogue, turn: Round) -> Served:
        """Return what *dialogue* ends in; whatever it began is over then."""
        try:
            return await self._to_the_end(dialogue, turn)
        finally:
            for one in turn.racing:
                one.cancel()
            self._ringing.ended(turn.call)

    async def examine(
        self, examination: Generator[Request, Any, tuple[str, ...]], turn: Round
    ) -> tuple[str, ...]:
        """Return what an examination of the service has found out."""
        return await self._to_the_end(examination, turn)

    def close(self) -> None:
        """Close connections that are kept open."""
        for server in self._servers:
            server.close()

    async def _to_the_end(self, dialogue: Generator[Request, Any, _Ended], turn: Round) -> _Ended:
        answer: object = None
        while True:
            try:
                request = dialogue.send(answer)
            except StopIteration as ended:
                result: _Ended = ended.value
                return result
            answer = await self._do(request, turn)

    async def _do(self, request: Request, turn: Round) -> object:  # noqa: C901, PLR0911 - one a kind
        match request:
            case Query():
                return await self._exchange(request, turn.left)
            case Race():
                return await self._race(request, turn)
            case Mail():
                return await self._post(request, turn.left)
            case Next():
                return await self._next(turn)
            case CheckHash():
                is_right = await self._agrees(request.stored, request.typed)
                return Done(is_right=is_right, now=self._clock.wall())
            case Pause():
                await deferLater(self._reactor, max(0.0, min(request.seconds, turn.left())))
                return Done(now=self._clock.wall())
            case Ring():
                return await self._ring(request, turn)
            case Opened():
                self._ringing.opened(turn.call, request)
                return Done(now=self._clock.wall())
            case Watch():
                return await self._watch(request, turn)
            case Farewell():
                self._say_farewell(request.query)
                return Done(now=self._clock.wall())

    async def _exchange(self, query: Query, left: Callable[[], float]) -> Reply | Lost:
        server = self._servers[query.server]
        limit = query.seconds or self._timeout
        answer = await self._within(limit, left, lambda: server.exchange(query))
        if isinstance(answer, Lost):
            return Lost(
                why=answer.why, is_over=answer.is_over, is_unsent=answer.is_unsent,
                server=query.server, now=self._clock.wall(),
            )  # fmt: skip
        return Reply(
            status=answer.status,
            octets=answer.octets,
            retry_after=answer.retry_after,
            server=query.server,
            now=self._clock.wall(),
        )

    async def _post(self, mail: Mail, left: Callable[[], float]) -> Reply | Lost:
        settings, ca_file = self._service.settings, self._service.ca_file
        if not isinstance(settings, Smtp):
            return Lost(why="carries no mail", is_unsent=True, now=self._clock.wall())
        limit = min(mail.seconds, self._timeout)
        answer = await self._within(
            limit, left, lambda: mailing.send(self._reactor, settings, mail, ca_file)
        )
        if isinstance(answer, Lost):
            return answer
        return Reply(status=answer.status, octets=answer.octets, now=self._clock.wall())

    async def _within(
        self,
        seconds: float,
        left: Callable[[], float],
        begin: Callable[[], Coroutine[Any, Any, _Ended]],
    ) -> _Ended | Lost:
        limit = min(seconds, left())
        if limit <= 0:
            return Lost(why=_OVER, is_over=True, is_unsent=True, now=self._clock.wall())
        work = Deferred.fromCoroutine(begin())
        work.addTimeout(limit, self._reactor)
        try:
            return await work
        except TimedOutError:
            why = f"has not answered within {limit:.0f} s"
            return Lost(why=why, is_over=left() <= _NEARLY, now=self._clock.wall())
        except UnaskedError as error:
            return Lost(why=str(error), is_unsent=error.is_unsent, now=self._clock.wall())

    async def _race(self, race: Race, turn: Round) -> Reply | Lost:
        for query in race.queries:
            work = Deferred.fromCoroutine(self._exchange(query, turn.left))
            turn.racing.append(work.addCallbacks(turn.answers.put, _quiet))
            turn.unanswered += 1
        return await self._next(turn)

    async def _next(self, turn: Round) -> Reply | Lost:
        if not turn.unanswered:
            return Lost(why="nobody is left to be asked", now=self._clock.wall())
        turn.unanswered -= 1
        return await turn.answers.get()

    async def _ring(self, wanted: Ring, turn: Round) -> Rung:
        rung, turn.call = self._ringing.ring(turn.asked, wanted)
        if turn.call is None or rung.state:
            return rung
        if await self._ringing.is_written(turn.call, turn.left):
            return rung
        return Rung(refused=Reason.UNAVAILABLE)

    async def _watch(self, wanted: Watch, turn: Round) -> Served | Lost:
        ends = self._clock.monotonic() + wanted.seconds

        def begin() -> Deferred[Served]:
            # Apart from the login: it goes on when that has ended.
            alone = Round(turn.asked, lambda: ends - self._clock.monotonic())
            return Deferred.fromCoroutine(self._to_the_end(wanted.dialogue, alone))

        left = turn.left if wanted.waits else _not_at_all
        served = await self._ringing.watch(turn.asked, turn.call, wanted, begin, left)
        if served is None:
            return Lost(why=_OVER, is_over=True, now=self._clock.wall())
        return served

    def _say_farewell(self, query: Query) -> None:
        async def say() -> None:
            await self._exchange(query, lambda: _FAREWELL)

        Deferred.fromCoroutine(say()).addErrback(_quiet)


def _not_at_all() -> float:
    return 0.0


def _quiet(failure: Failure) -> None:
    if not isinstance(failure.value, CancelledError):
        log.critical("asking in passing broke: {kind}", kind=failure.type)
