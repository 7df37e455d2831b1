"""Password checks in threads of their own, and no more waiting than can be answered in time."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Protocol, final

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from radiusmfa.primary import hashing, local
from radiusmfa.primary.hashing import Parameters
from radiusmfa.primary.local import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from radiusmfa.config.model import Passwords
    from radiusmfa.interfaces import Clock
    from radiusmfa.primary.local import Question
    from radiusmfa.server.received import Received

log = Logger()


class Reactor(Protocol):
    """What the threads need of Twisted's reactor."""

    def callFromThread(self, call: Callable[..., object], /, *args: object) -> object:  # noqa: N802 - Twisted's name
        """Do *call* on the reactor's own thread."""


@final
class PasswordThreads:
    """
    As many threads as processors: an Argon2 hash keeps one busy for some 30 ms.

    Attributes:
        answer: Gets the request, the answer (None: it broke) and the seconds it took,
            on the reactor's thread.
    """

    answer: Callable[[Received, Answer | None, float], None]

    def __init__(self, reactor: Reactor, settings: Passwords, pepper: bytes, clock: Clock) -> None:
        """Start the threads."""
        self._reactor = reactor
        self._pepper = pepper
        self._clock = clock
        self._waiting = 0
        self._waiting_of: Counter[str] = Counter()
        threads = settings.threads or os.cpu_count() or 1
        self._pool = ThreadPool(threads, threads, name="password")
        self._pool.start()
        self.configure(settings)

    def configure(self, settings: Passwords) -> None:
        """Hash with other parameters from now on, with more or fewer threads."""
        self._parameters = Parameters.of(settings)
        threads = settings.threads or os.cpu_count() or 1
        self._most = settings.queue + threads
        # What floods one client must not silence the others.
        self._most_of_one = self._most - self._most // 4
        self._pool.adjustPoolsize(threads, threads)
        self.decoy = local.decoy(self._parameters)
        self._quick = () if settings.upgrade else hashing.QUICK_FORMS

    def ask(self, received: Received, question: Question) -> bool | Answer:
        """Have *question* checked (True), or answer at once; False if the queue is full."""
        if question.stored.startswith(self._quick) and local.agrees(question, self._pepper):
            # Only what is right: what is wrong takes as long as for an unknown user.
            return Answer(is_right=True, better=None)
        client = received.site.client.name
        if self._waiting >= self._most or self._waiting_of[client] >= self._most_of_one:
            return False
        self._waiting += 1
        self._waiting_of[client] += 1
        asked = self._clock.monotonic()

        def done(success: bool, result: Answer | Failure) -> None:  # noqa: FBT001 - Twisted's
            self._reactor.callFromThread(self._done, received, success, result, asked)

        self._pool.callInThreadWithCallback(
            done, local.check, question, self._pepper, self._parameters
        )
        return True

    def agrees(self, stored: str, typed: bytes) -> Deferred[bool]:
        """Return whether *typed* has the hash *stored*, found out in a thread."""
        found: Deferred[bool] = Deferred()

        def done(success: bool, result: bool | Failure) -> None:  # noqa: FBT001 - Twisted's
            self._reactor.callFromThread(found.callback, success and result is True)

        self._pool.callInThreadWithCallback(done, hashing.verify, stored, typed, self._pepper)
        return found

    def stop(self) -> None:
        """Wait for the checks under way and end the threads."""
        self._pool.stop()

    def _done(
        self,
        received: Received,
        success: bool,  # noqa: FBT001 - Twisted's
        result: Answer | Failure,
        asked: float,
    ) -> None:
        self._waiting -= 1
        self._waiting_of[received.site.client.name] -= 1
        answer = result if success and isinstance(result, local.Answer) else None
        if answer is None:
            # The failure's own text might hold what was hashed.
            log.critical("a password check broke: {kind}", kind=getattr(result, "type", None))
        self.answer(received, answer, self._clock.monotonic() - asked)
