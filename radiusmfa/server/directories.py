"""
Directories asked in threads of their own, and no login that waits longer than it may.

Each directory has its own threads: one that is silent holds its own, and nobody else's. All
of them compute one after the other (`primary.turns`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol, final

from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from radiusmfa.config import site_file
from radiusmfa.login.errands import Bind, Told
from radiusmfa.outcome import Reason
from radiusmfa.primary.directory import Directory
from radiusmfa.primary.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IDelayedCall
    from twisted.python.failure import Failure

    from radiusmfa.config.directory_model import Directory as Settings
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.errands import LookUp
    from radiusmfa.server.received import Received

log = Logger()

_WAITING_A_THREAD: Final = 16
"""Errands that may wait for each thread: some two seconds' work."""


class Reactor(Protocol):
    """What the threads need of Twisted's reactor."""

    def callFromThread(self, call: Callable[..., object], /, *args: object) -> object:  # noqa: N802 - Twisted's name
        """Do *call* on the reactor's own thread."""

    def callLater(  # noqa: N802 - Twisted's name
        self, delay: float, call: Callable[..., object], /, *args: object
    ) -> IDelayedCall:
        """Do *call* after *delay* seconds."""


@final
class Directories:
    """
    Every directory, by name.

    Attributes:
        answered: Gets requests and what came of their errands, on the reactor's thread.
    """

    answered: Callable[[list[tuple[Received, Told]]], None]

    def __init__(self, reactor: Reactor, clock: Clock) -> None:
        """Know none yet."""
        self.reactor = reactor
        self.clock = clock
        self.turns = Turns()
        self._desks: dict[str, _Desk] = {}
        self._leaving: list[_Desk] = []

    def configure(self, directories: Iterable[Settings]) -> None:
        """
        Ask *directories* from now on; what has not changed goes on as it is.

        Raises:
            RadiusmfaError: One cannot be asked; then nothing has changed.
        """
        wanted: dict[str, _Desk] = {}
        for settings in directories:
            desk = self._desks.get(settings.name)
            if desk is None or not desk.serves(settings):
                desk = _Desk(self, settings)
            wanted[settings.name] = desk
        before, self._desks = self._desks, wanted
        # Whoever waits for those that are gone is still answered.
        self._leaving += [desk for desk in before.values() if desk not in wanted.values()]
        self.tidy()

    def ask(self, batch: list[tuple[Received, LookUp | Bind]]) -> None:
        """Have every errand of *batch* done; what came of it is told later, or at once."""
        refused = []
        for received, errand in batch:
            desk = self._desks.get(errand.directory)
            if desk is None:  # a reload has taken it away since
                told = Told(directory=errand.directory, reason=Reason.DIRECTORY_UNREACHABLE)
                refused.append((received, told))
            elif not desk.take(received, errand):
                told = Told(directory=errand.directory, reason=Reason.DIRECTORY_BUSY)
                refused.append((received, told))
        if refused:
            self.answered(refused)

    def is_dead(self, name: str) -> bool:
        """Say whether none of its servers is known to be alive, and none is due to be tried."""
        desk = self._desks.get(name)
        return desk is None or desk.directory.is_dead()

    def tidy(self) -> None:
        """Let go of directories that a reload took away, and that nobody waits for any more."""
        for desk in [desk for desk in self._leaving if desk.is_idle]:
            self._leaving.remove(desk)
            desk.close()

    def close(self) -> None:
        """Tell who waits that nobody can be asked, hang up, and end the threads."""
        closing = [*self._desks.values(), *self._leaving]
        self._desks, self._leaving = {}, []
        for desk in closing:
            desk.close()


@final
class _Waiting:
    """An errand under way, and when it is given up."""

    __slots__ = ("asked", "errand", "has_begun", "is_answered", "received", "timer")

    def __init__(self, received: Received, errand: LookUp | Bind, asked: float) -> None:
        self.received = received
        self.errand = errand
        self.asked = asked
        self.has_begun = False
        self.is_answered = False
        self.timer: IDelayedCall | None = None


@final
class _Desk:
    """
    One directory and its threads.

    Attributes:
        settings: From the configuration.
        directory: What asks it.
    """

    def __init__(self, shared: Directories, settings: Settings) -> None:
        self._shared = shared
        self.settings = settings
        self._trusted = site_file.version(settings.ca_file)
        self.directory = Directory(settings, shared.clock.monotonic, shared.turns)
        self._waiting: set[_Waiting] = set()
        self._pending_of: Counter[str] = Counter()
        self._most = settings.threads * (1 + _WAITING_A_THREAD)
        # What floods one client must not silence the others.
        self._most_of_one = self._most - self._most // 4
        self._pool = ThreadPool(0, settings.threads, name=f"directory {settings.name}")
        self._pool.start()

    def serves(self, settings: Settings) -> bool:
        """Say whether *settings*, and the certificates that they trust, are still these."""
        return settings == self.settings and self._trusted == site_file.version(settings.ca_file)

    @property
    def is_idle(self) -> bool:
        """Whether no thread is busy, not even for somebody who was given up."""
        return not self._waiting

    def take(self, received: Received, errand: LookUp | Bind) -> bool:
        """Have *errand* done; False if there is no room."""
        client = received.site.client.name
        if len(self._waiting) >= self._most or self._pending_of[client] >= self._most_of_one:
            return False
        now = self._shared.clock.monotonic()
        waiting = _Waiting(received, errand, now)
        self._waiting.add(waiting)
        self._pending_of[client] += 1
        left = max(0.0, errand.deadline - now)
        waiting.timer = self._shared.reactor.callLater(left, self._give_up, waiting)

        def done(success: bool, result: Told | Failure | None) -> None:  # noqa: FBT001 - Twisted's
            self._shared.reactor.callFromThread(self._done, waiting, success, result)

        self._pool.callInThreadWithCallback(done, self._do, waiting)
        return True

    def close(self) -> None:
        """Hang up, which wakes the threads, tell who waits, and end the threads."""
        self.directory.close()
        for waiting in [one for one in self._waiting if not one.is_answered]:
            told = Told(directory=self.settings.name, reason=Reason.DIRECTORY_UNREACHABLE)
            self._answer(waiting, told)
        self._pool.stop()

    def _do(self, waiting: _Waiting) -> Told | None:
        """Ask, in a thread."""
        if waiting.is_answered:
            return None
        waiting.has_begun = True
        if isinstance(waiting.errand, Bind):
            return self.directory.bind(waiting.errand)
        return self.directory.find(waiting.errand)

    def _give_up(self, waiting: _Waiting) -> None:
        reason = Reason.DIRECTORY_SILENT if waiting.has_begun else Reason.DIRECTORY_BUSY
        waiting.timer = None
        self._answer(waiting, Told(directory=self.settings.name, reason=reason))

    def _done(self, waiting: _Waiting, success: bool, result: Told | Failure | None) -> None:  # noqa: FBT001
        self._waiting.discard(waiting)
        self._pending_of[waiting.received.site.client.name] -= 1
        for line in self.directory.remarks():
            log.warn("directory {directory}: {line}", directory=self.settings.name, line=line)
        if waiting.is_answered:
            return
        if not success or not isinstance(result, Told):
            # The failure's own text might hold what was sent.
            kind = getattr(result, "type", None)
            log.critical("asking a directory broke: {kind}", kind=kind)
            result = Told(directory=self.settings.name, reason=Reason.DIRECTORY_REFUSED)
        self._answer(waiting, result)

    def _answer(self, waiting: _Waiting, told: Told) -> None:
        waiting.is_answered = True
        if waiting.timer is not None:
            waiting.timer.cancel()
            waiting.timer = None
        # What it waited for a thread is part of what it took.
        seconds = self._shared.clock.monotonic() - waiting.asked
        self._shared.answered([(waiting.received, replace(told, seconds=seconds))])
