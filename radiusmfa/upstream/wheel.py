"""
Many timers for the price of one: what is due, a tick at a time.

Thousands of logins wait at once, each for its next retransmission or its end. Nothing
is ever taken out: who is not waiting any more says so when its turn comes.
"""

from __future__ import annotations

import heapq
import math
from typing import Final, Generic, TypeVar, final

_Item = TypeVar("_Item")

TICK: Final = 0.02  # seconds; finer than any timer of RADIUS needs to be


@final
class Wheel(Generic[_Item]):
    """Items by the tick at which they are due."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._slots: dict[int, list[_Item]] = {}
        self._ticks: list[int] = []

    def __len__(self) -> int:
        """Return how many items are held, those that wait no more included."""
        return sum(map(len, self._slots.values()))

    def add(self, when: float, item: _Item) -> None:
        """Hold *item* until *when*, monotonic; it is due up to one tick later."""
        tick = math.ceil(when / TICK)
        slot = self._slots.get(tick)
        if slot is None:
            self._slots[tick] = [item]
            heapq.heappush(self._ticks, tick)
        else:
            slot.append(item)

    @property
    def next(self) -> float | None:
        """When the next item is due, None: nothing is held."""
        return self._ticks[0] * TICK if self._ticks else None

    def due(self, now: float) -> list[_Item]:
        """Return what is due at *now*, the earliest first, and hold it no longer."""
        found: list[_Item] = []
        # As `next` says it: a timer that went off at that time finds something.
        while self._ticks and self._ticks[0] * TICK <= now:
            found += self._slots.pop(heapq.heappop(self._ticks))
        return found
