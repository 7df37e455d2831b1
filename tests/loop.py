"""A real reactor of a test's own, that runs while the test waits for something."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Self, TypeVar, final

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

_T = TypeVar("_T")

PATIENCE: Final = 10.0
_TURN: Final = 0.02  # seconds that one turn waits at most


@final
class Loop:
    """
    Runs a reactor that nothing else has.

    Attributes:
        reactor: It.
    """

    def __init__(self) -> None:
        """Start."""
        self.reactor = SelectReactor()
        self.reactor.startRunning(installSignalHandlers=False)

    def __enter__(self) -> Self:
        """Run."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, and close what wakes the reactor up."""
        # First the threads that look names up: what they tell wakes the reactor up.
        self.reactor.getThreadPool().stop()
        self.reactor.disconnectAll()
        self.reactor.runUntilCurrent()
        for waker in self.reactor.getReaders():  # type: ignore[no-untyped-call]
            waker.connectionLost(Failure(ConnectionDone()))  # type: ignore[no-untyped-call]

    def until(self, has_happened: Callable[[], bool]) -> None:
        """Run until *has_happened* says so; fail if it never does."""
        end = time.monotonic() + PATIENCE
        while not has_happened():
            assert time.monotonic() < end, "it never happened"
            self.reactor.iterate(_TURN)

    def run(self, work: Coroutine[Deferred[object], object, _T]) -> _T:
        """Return what comes of *work*, or raise it."""
        results: list[_T | Failure] = []
        Deferred.fromCoroutine(work).addBoth(results.append)
        self.until(lambda: bool(results))
        (result,) = results
        if isinstance(result, Failure):
            result.raiseException()
        return result
