"""
Turns: threads that wait for the network together, and compute one after the other.

Python runs one thread at a time, and lets each of the others that want to run wait for
milliseconds. Twenty threads that decode answers at once decode no more of them than one
does, and everybody else waits for all of them: the reactor's own thread several times in
each login. So a thread's turn begins with an answer, and ends with the next question.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Mine(threading.local):
    """What one thread knows: whether it takes turns, and whether this is its own."""

    def __init__(self) -> None:
        self.takes_part = self.is_held = False


@final
class Turns:
    """Whose turn it is, of the threads that share this; whoever takes none waits for none."""

    def __init__(self) -> None:
        """Let it be nobody's."""
        self._lock = threading.Lock()
        self._mine = _Mine()

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Inside, it is this thread's turn, but while it waits for the network."""
        mine = self._mine
        mine.takes_part = True
        self._begin(mine)
        try:
            yield
        finally:
            mine.takes_part = False
            self.end()

    def end(self) -> None:
        """Let the next thread have its turn, if it is this one's."""
        mine = self._mine
        if mine.is_held:
            mine.is_held = False
            self._lock.release()

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Inside, this thread waits for the network; afterwards it is its turn again."""
        self.end()
        yield
        # Whoever is interrupted has next to nothing to compute any more.
        mine = self._mine
        if mine.takes_part:
            self._begin(mine)

    def _begin(self, mine: _Mine) -> None:
        if not mine.is_held:
            self._lock.acquire()
            mine.is_held = True
