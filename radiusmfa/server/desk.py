"""
One approval that a service knows: who asks at the same time asks once, an answer is kept.

Whatever goes wrong is APPROVAL_UNAVAILABLE, which lets nobody in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple, final

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.defer import TimeoutError as TimedOutError
from twisted.logger import Logger

from radiusmfa.config import site_file
from radiusmfa.login.errands import Approval
from radiusmfa.outcome import Reason
from radiusmfa.server.https import UnaskedError
from radiusmfa.server.servicenow import Instance

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.internet.interfaces import IDelayedCall, IReactorTime
    from twisted.python.failure import Failure

    from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.errands import AskApproval
    from radiusmfa.server.received import Received

log = Logger()

AT_ONCE: Final = 16
"""Questions that a service gets at the same time; more wait for their turn."""
MOST_QUESTIONS: Final = 1024
"""Questions under way, those that wait included; one more is not asked."""
MOST_OF_ONE: Final = MOST_QUESTIONS - MOST_QUESTIONS // 4
"""Those that one client began: what floods it must not silence the others."""
MOST_KEPT: Final = 10_000
NO_IS_KEPT: Final = 10
"""Seconds that a no is kept at most: somebody may be approving just now."""


class _Kept(NamedTuple):
    """An answer, and until when it may be given again, monotonic."""

    approval: Approval
    ends: float


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """A login that waits, since when, and what ends that before the answer comes."""

    received: Received
    began: float
    timer: IDelayedCall | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class _Question:
    """What is asked about one person, by which client first, until when, and who waits for it."""

    user: str
    client: str
    ends: float
    waiting: list[_Waiting] = field(default_factory=list)
    work: Deferred[Approval] | None = None


@final
class Desk:
    """
    A service and the questions to it.

    Attributes:
        source: From the configuration.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        clock: Clock,
        source: ApprovalSource,
        settings: ServiceNow,
        tell: Callable[[list[tuple[Received, Approval]]], None],
    ) -> None:
        """
        Ask nothing yet.

        Args:
            reactor: Twisted's.
            clock: Both clocks.
            source: Which approval.
            settings: Its `servicenow`.
            tell: Gets what came of questions.

        Raises:
            ConfigError: The service cannot be asked so.
        """
        self.source = source
        self._reactor = reactor
        self._clock = clock
        self._settings = settings
        self._trusted = site_file.version(settings.ca_file)
        self._tell = tell
        self._instance = Instance(reactor, clock, source, settings)
        self._room = DeferredSemaphore(AT_ONCE)
        self._questions: dict[str, _Question] = {}
        self._questions_of: Counter[str] = Counter()
        self._kept: dict[str, _Kept] = {}
        self._said = ""

    def serves(self, source: ApprovalSource) -> bool:
        """Say whether *source*, and the certificates that it trusts, are still these."""
        trusted = site_file.version(self._settings.ca_file)
        return source == self.source and self._trusted == trusted

    def ask(self, received: Received, asked: AskApproval) -> Approval | None:
        """Return the answer if it is known, or None, and tell it later."""
        now = self._clock.monotonic()
        kept = self._kept.get(asked.user)
        if kept is not None and now < kept.ends and not self._is_over(kept.approval):
            return kept.approval
        question = self._questions.get(asked.user)
        client = received.site.client.name
        if now >= asked.deadline or (question is None and self._is_full(client)):
            return self._unavailable()
        if question is not None:
            self._wait(question, received, asked.deadline)
            return None
        ends = now + self._settings.timeout
        question = _Question(user=asked.user, client=client, ends=ends)
        self._questions[asked.user] = question
        self._questions_of[client] += 1
        self._wait(question, received, asked.deadline)
        self._begin(question)
        return None

    def leave(self) -> bool:
        """Keep no connection open; return whether somebody still waits."""
        self._instance.close()
        return bool(self._questions)

    def close(self) -> None:
        """Tell everybody who waits that nobody can be asked, and close every connection."""
        # The last first: else each that ends would let another begin.
        for question in reversed(list(self._questions.values())):
            if question.work is not None:
                question.work.cancel()
        self._instance.close()

    def _is_full(self, client: str) -> bool:
        return len(self._questions) >= MOST_QUESTIONS or self._questions_of[client] >= MOST_OF_ONE

    def _wait(self, question: _Question, received: Received, deadline: float) -> None:
        now = self._clock.monotonic()
        waiting = _Waiting(received=received, began=now)
        question.waiting.append(waiting)
        if deadline < question.ends:
            waiting.timer = self._reactor.callLater(deadline - now, self._late, question, waiting)

    def _late(self, question: _Question, waiting: _Waiting) -> None:
        """Answer who cannot wait any longer; the others still do."""
        question.waiting.remove(waiting)
        seconds = self._clock.monotonic() - waiting.began
        self._tell([(waiting.received, replace(self._unavailable(), seconds=seconds))])

    def _begin(self, question: _Question) -> None:
        question.work = work = Deferred.fromCoroutine(self._work(question.user))
        work.addTimeout(self._settings.timeout, self._reactor)
        work.addBoth(self._end, question).addErrback(_broke)

    async def _work(self, user: str) -> Approval:
        await self._room.acquire()
        try:
            return await self._instance.ask(user)
        finally:
            self._room.release()

    def _end(self, result: Approval | Failure, question: _Question) -> None:
        del self._questions[question.user]
        self._questions_of[question.client] -= 1
        approval = self._approval(result)
        self._keep(question.user, approval)
        now = self._clock.monotonic()
        told = []
        for waiting in question.waiting:
            if waiting.timer is not None:
                waiting.timer.cancel()
            told.append((waiting.received, replace(approval, seconds=now - waiting.began)))
        if told:
            self._tell(told)

    def _approval(self, result: Approval | Failure) -> Approval:
        if not isinstance(result, Approval):
            self._say(self._why(result))
            return self._unavailable()
        is_answer = result.reason is not Reason.APPROVAL_UNAVAILABLE
        self._say("" if is_answer else "what it answers are no records")
        if self._is_over(result):
            return replace(result, reason=Reason.APPROVAL_EXPIRED, until=None)
        return result

    def _keep(self, user: str, approval: Approval) -> None:
        if approval.reason is Reason.APPROVAL_UNAVAILABLE:
            return
        seconds = float(self._settings.cache)
        if approval.reason is not None:
            seconds = min(seconds, NO_IS_KEPT)
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[user] = _Kept(approval, self._clock.monotonic() + seconds)

    def _is_over(self, approval: Approval) -> bool:
        return approval.until is not None and approval.until < self._clock.wall()

    def _unavailable(self) -> Approval:
        return Approval(approval=self.source.name, reason=Reason.APPROVAL_UNAVAILABLE)

    def _why(self, failure: Failure) -> str:
        if isinstance(failure.value, UnaskedError):
            return str(failure.value)
        if isinstance(failure.value, TimedOutError):
            return f"has not answered within {self._settings.timeout} s"
        if isinstance(failure.value, CancelledError):
            return self._said  # we close
        # Its own text might hold what was sent.
        log.critical("a question broke: {kind}", kind=failure.type)
        return "a question to it broke"

    def _say(self, why: str) -> None:
        """Log what has changed: an outage is one line, not one a login."""
        if why == self._said:
            return
        self._said = why
        if why:
            log.warn("approval {name} cannot be asked: {why}", name=self.source.name, why=why)
        else:
            log.info("approval {name} can be asked again", name=self.source.name)


def _broke(failure: Failure) -> None:
    log.failure("a turn of approvals broke", failure=failure)
