"""Which of several servers is asked: one that failed is left alone for a while."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final, final

_SHORTEST_PAUSE: Final = 2.0  # seconds; twice as many after each trial in vain
_LONGEST_PAUSE: Final = 10.0


@dataclass(slots=True)
class _State:
    pause: float = 0.0
    next_try: float = float("-inf")
    is_on_trial: bool = False


@final
class Breaker:
    """Servers by number, in order of preference; may be used by several threads."""

    def __init__(self, servers: int) -> None:
        """Believe all of them alive."""
        self._lock = threading.Lock()
        self._states = [_State() for _ in range(servers)]

    def choose(self, now: float) -> list[int]:
        """
        Return whom to ask, in order; none: all have failed, and none is due to be tried.

        One that failed is tried by one login after its pause; the others still leave it out.
        """
        with self._lock:
            return [at for at, state in enumerate(self._states) if _may_ask(state, now)]

    def is_dead(self, now: float) -> bool:
        """Say whether `choose` would find nobody."""
        with self._lock:
            return all(state.pause and now < state.next_try for state in self._states)

    def well(self, server: int) -> bool:
        """Note an answer of any kind; say whether *server* had failed before."""
        with self._lock:
            state = self._states[server]
            had_failed = state.pause > 0
            state.pause, state.next_try, state.is_on_trial = 0.0, float("-inf"), False
            return had_failed

    def failed(self, server: int, now: float) -> bool:
        """Note that there was no answer; say whether *server* was well before."""
        with self._lock:
            state = self._states[server]
            was_well = state.pause == 0
            # Many may have been asking it when it went: together they are one failure.
            if was_well or state.is_on_trial:
                state.pause = min(2 * state.pause, _LONGEST_PAUSE) or _SHORTEST_PAUSE
                state.next_try = now + state.pause
            state.is_on_trial = False
            return was_well


def _may_ask(state: _State, now: float) -> bool:
    if state.pause == 0:
        return True
    if now < state.next_try:
        return False
    state.next_try, state.is_on_trial = now + state.pause, True
    return True
