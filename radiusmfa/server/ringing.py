"""
Calls to people as a service makes them: guarded, written down, watched to their end.

A call is watched apart from the login that began it. So a login that cannot wait any longer
is answered in time, the next round of it, or the same client asking again, shares the same
call, and whoever says "fraud" late is still heard.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger

from radiusmfa.login import calls as rules
from radiusmfa.login.calls import Call, Result
from radiusmfa.login.errands import Served
from radiusmfa.outcome import BROKEN, Failed, Passed, Reason
from radiusmfa.service.dialogue import Rung

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from radiusmfa.config.service_model import Service
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.dialogue import Opened, Ring, Watch
    from radiusmfa.stores.calls import Calls

log = Logger()

_UNKNOWN: Final = 120.0
"""Seconds that a call counts as open of which the service has not said how long it is."""
_KEPT: Final = 300.0
"""Seconds that an answer is kept for the login that comes back for it."""
_BUSY: Final = 0.02
"""Seconds until it is looked again whether the store could be written."""
_PATIENCE: Final = 100
"""How often that is looked."""
_TAKEN: Final = Served(outcome=Failed(Reason.DIALOGUE_LOST))
_BROKEN: Final = Served(outcome=BROKEN)
_RESULTS: Final = {
    Failed(Reason.PERSON_REFUSED): Result.REFUSED,
    Failed(Reason.FRAUD_REPORTED): Result.FRAUD,
}


@final
class _Watched:
    """
    One call that is being watched.

    Attributes:
        work: Finds out what the person says; None: it has been found out.
        served: What that was.
        waiting: Logins that wait for it.
        call: Which call it is; None: not known.
        state: What it takes to go on with that.
        is_taken: A login has got its Passed; of a call that is known, the call says so.
        ends: Until when it is kept, monotonic; once it is found out.
    """

    __slots__ = ("call", "ends", "is_taken", "served", "state", "waiting", "work")

    def __init__(self) -> None:
        self.work: Deferred[Served] | None = None
        self.served: Served | None = None
        self.waiting: list[Deferred[None]] = []
        self.call: Call | None = None
        self.state = b""
        self.is_taken = False
        self.ends = 0.0


@final
class Ringing:
    """
    The calls of one service.

    Attributes:
        watched: Those that are being watched, and what was heard lately, by key.
    """

    def __init__(  # noqa: PLR0913 - the service passes each part once
        self,
        reactor: IReactorTime,
        clock: Clock,
        service: Service,
        calls: Calls,
        *,
        pepper: bytes,
        entropy: Callable[[int], bytes],
        flush: Callable[[], None],
        alarm: Callable[[AskService, Served], str],
        before: Ringing | None = None,
    ) -> None:
        """
        Call nobody yet.

        Args:
            reactor: Twisted's.
            clock: Both clocks.
            service: From the configuration.
            calls: The store's.
            pepper: The store's, for digests of destinations.
            entropy: Returns that many random octets.
            flush: Has the store write now.
            alarm: Makes the audit line of a fraud.
            before: Those of the same service before a reload: what it has heard is known here.
        """
        self._reactor = reactor
        self._clock = clock
        self._service = service
        self._calls = calls
        self._pepper = pepper
        self._entropy = entropy
        self._flush = flush
        self._alarm = alarm
        self.watched: dict[str, _Watched] = {} if before is None else before.watched
        self._open = 0

    @property
    def open(self) -> int:
        """How many calls are being watched."""
        return self._open

    def ring(self, asked: AskService, wanted: Ring) -> tuple[Rung, Call | None]:
        """Say whether the person of *asked* may be called, and which call that is."""
        now, known = self._clock.wall(), self._calls.of(self._service.name)
        if wanted.is_open:
            before = rules.to_go_on(known, asked.number, asked.place, now)
            if before is not None:
                return Rung(state=before.state), before
        # A device without its number is this person's alone: others' numbers end alike.
        target = self._digest(wanted.to or f"{asked.number}|{wanted.device}")
        refused = rules.refusal(
            known, self._service.limits, asked.number, target, now, is_open=wanted.is_open
        )
        if refused is not None:
            return Rung(refused=refused), None
        call = Call(
            id=int.from_bytes(self._entropy(6), "big") + 1,
            service=self._service.name,
            user=asked.number,
            way=wanted.way,
            target=target,
            place=asked.place,
            created=now,
            expires=now + _UNKNOWN,
            result=Result.OPEN if wanted.is_open else Result.SENT,
        )
        self._calls.put(call)
        return Rung(), call

    async def is_written(self, call: Call, left: Callable[[], float]) -> bool:
        """
        Return whether *call* is on disk, so that nothing rings of which nobody would know.

        Args:
            call: It is about to begin.
            left: Says how many seconds the login can wait.
        """
        self._flush()
        for _ in range(_PATIENCE):
            if self._calls.is_written(call):
                return True
            if left() <= 0:
                break
            # Somebody else writes just now, or there is no room.
            await deferLater(self._reactor, _BUSY)
            self._flush()
        return False

    def opened(self, call: Call | None, said: Opened) -> None:
        """Write down at once what it takes to go on with *call*: a restart must not ring again."""
        if call is None:
            return
        call.state, call.expires = said.state, self._clock.wall() + said.seconds
        self._calls.put(call)
        self._flush()

    def ended(self, call: Call | None) -> None:
        """Learn that the round which began *call* is over; what is not watched is over, too."""
        if call is not None and call.result is Result.OPEN and not call.state:
            self._settle(call, Result.ENDED)

    async def watch(
        self,
        asked: AskService,
        call: Call | None,
        wanted: Watch,
        begin: Callable[[], Deferred[Served]],
        left: Callable[[], float],
    ) -> Served | None:
        """
        Return what the person says, or None: the login cannot wait any longer.

        Args:
            asked: For which login.
            call: The one that is watched; None: it is looked for.
            wanted: What is watched.
            begin: Begins to watch.
            left: Says how many seconds the login can wait.
        """
        watched = self.watched.get(wanted.key)
        if watched is None and self._was_taken(asked, wanted):
            return _TAKEN
        if watched is None:
            watched = self.watched[wanted.key] = _Watched()
            if call is None:
                known = self._calls.of(self._service.name)
                call = rules.to_go_on(known, asked.number, asked.place, self._clock.wall())
            watched.call, watched.state = call, b"" if call is None else call.state
            self._open += 1
            watched.work = begin()
            watched.work.addBoth(self._found, watched, asked, call)
        while watched.served is None:
            if left() <= 0:
                return None
            await self._wait(watched, left())
        served = watched.served
        if not isinstance(served.outcome, Passed):
            return served
        if watched.is_taken or self._was_taken(asked, wanted):
            return _TAKEN  # one call, one login
        watched.is_taken = watched.call is None
        if watched.call is not None:
            # On disk before the Accept leaves: it is written with the turn that decides it.
            taken = self._calls.find(watched.call)
            self._calls.take(taken, wanted.key.encode(), watched.state)
        return served

    def tidy(self) -> None:
        """Forget answers that nobody came back for."""
        now = self._clock.monotonic()
        for key in [
            key for key, one in self.watched.items() if one.work is None and now >= one.ends
        ]:
            del self.watched[key]

    def close(self) -> None:
        """Watch nothing any more."""
        for watched in list(self.watched.values()):
            if watched.work is not None:
                watched.work.cancel()

    async def _wait(self, watched: _Watched, seconds: float) -> None:
        waiting: Deferred[None] = Deferred()
        watched.waiting.append(waiting)
        timer: IDelayedCall = self._reactor.callLater(seconds, self._late, watched, waiting)
        try:
            await waiting
        finally:
            if timer.active():
                timer.cancel()
            if waiting in watched.waiting:
                watched.waiting.remove(waiting)

    def _late(self, watched: _Watched, waiting: Deferred[None]) -> None:
        watched.waiting.remove(waiting)
        waiting.callback(None)

    def _found(
        self, result: Served | Failure, watched: _Watched, asked: AskService, call: Call | None
    ) -> None:
        self._open -= 1
        served = result if isinstance(result, Served) else _BROKEN
        watched.work, watched.served = None, served
        watched.ends = self._clock.monotonic() + _KEPT
        waiting, watched.waiting = watched.waiting, []
        if not isinstance(result, Served) and isinstance(result.value, CancelledError):
            # We close. The call is as open as before: after a restart it is gone on with.
            for one in waiting:
                one.callback(None)
            return
        if not isinstance(result, Served):
            # Its own text might hold what was sent.
            log.critical("watching a call broke: {kind}", kind=result.type)
        is_fraud = served.outcome == Failed(Reason.FRAUD_REPORTED)
        if is_fraud:
            log.critical(
                "ALARM: {user} reports that a login at {client} was not theirs ({service})",
                user=asked.user, client=asked.client, service=self._service.name,
            )  # fmt: skip
            self._calls.tell(self._alarm(asked, served))
        if call is not None and self._calls.find(call).result is Result.OPEN:
            self._settle(call, _result(served))
        for one in waiting:
            one.callback(None)
        if not waiting:
            self._flush()

    def _was_taken(self, asked: AskService, wanted: Watch) -> bool:
        # Before a restart, or by a login that asked before a reload: not in our memory.
        key = wanted.key.encode()
        return any(
            one.result is Result.PASSED and one.state == key
            for one in self._calls.of(self._service.name).of(asked.number)
        )

    def _settle(self, call: Call, result: Result) -> None:
        call.result, call.state, call.expires = result, b"", self._clock.wall()
        self._calls.put(call)

    def _digest(self, target: str) -> bytes:
        return hmac.digest(self._pepper, b"target|" + target.encode(), "sha256")[:16]


def _result(served: Served) -> Result:
    outcome = served.outcome
    if isinstance(outcome, Failed):
        return _RESULTS.get(outcome, Result.ENDED)
    return Result.PASSED if isinstance(outcome, Passed) else Result.ENDED
