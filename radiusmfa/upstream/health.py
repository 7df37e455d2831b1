"""
Is a server alive? What its replies, and its silence, say of it (RFC 3539 section 3.4).

A genuine reply of any kind is life. Silence alone is no death: a server may wait for
a person. It is dead when it gave no sign of life while it was looked at, or when the
network says that nothing listens. What is dead is not asked; it is looked at again and
again, with growing pauses, and one genuine reply revives it: that proves address and
secret, and three in a row (RFC 3539) would prove no more.
"""

from __future__ import annotations

from typing import Final, final

PROBE_TIMEOUT: Final = 1.0
"""Seconds that a look waits for its answer."""
_PROBES: Final = 2
"""Looks without an answer that make a silent server dead."""
_MISSED_LIMIT: Final = 3
"""Logins in a row that a server, which nobody can look at, may leave without an answer."""


@final
class Health:
    """
    What is known of one server; all times are monotonic.

    Attributes:
        is_alive: Whether logins are sent there.
        heard: When the last genuine reply came, -inf: never.
        next_try: When a dead server is looked at next.
        next_trial: When a login may try a dead server: looks may be wrong, or forbidden.
    """

    __slots__ = (
        "_longest", "_missed", "_pause", "_probes", "_shortest", "heard", "is_alive",
        "next_trial", "next_try",
    )  # fmt: skip

    def __init__(self, shortest: float, longest: float) -> None:
        """
        Believe it to be alive.

        Args:
            shortest: Seconds of the first pause before a dead server is looked at.
            longest: Seconds that no pause exceeds; each has twice those of the one before.
                Between two logins that try a dead server there are as many.
        """
        self._shortest = shortest
        self._longest = longest
        self._pause = shortest
        self._missed = 0
        self._probes = 0
        self.is_alive = True
        self.heard = float("-inf")
        self.next_try = self.next_trial = float("-inf")

    def hear(self, now: float) -> bool:
        """Note a genuine reply; say whether it revived the server."""
        was_dead = not self.is_alive
        self.is_alive = True
        self.heard = now
        self._missed = self._probes = 0
        return was_dead

    def lose(self, now: float) -> bool:
        """Note that it is gone; say whether that is news."""
        if not self.is_alive:
            return False
        self.is_alive = False
        self._missed = self._probes = 0
        self._pause = self._shortest
        self.next_try = now + self._pause
        self.next_trial = now + self._longest
        return True

    def miss(self, now: float) -> bool:
        """
        Note a login without an answer where nobody can tell silence from death.

        Says whether that was one too many, and the server is believed dead from now on.
        """
        self._missed += 1
        return self._missed >= _MISSED_LIMIT and self.lose(now)

    def probe_failed(self, now: float) -> bool:
        """Note a look without an answer; say whether it is believed dead from now on."""
        self._probes += 1
        return self._probes >= _PROBES and self.lose(now)

    def is_due(self, now: float) -> bool:
        """Say whether a dead server is to be looked at; who asks does, the next waits longer."""
        if self.is_alive or now < self.next_try:
            return False
        self._pause = min(2 * self._pause, self._longest)
        self.next_try = now + self._pause
        return True

    def may_try(self, now: float) -> bool:
        """Say whether a login may try a dead server; whoever asks does, the next one later."""
        if self.is_alive or now < self.next_trial:
            return False
        self.next_trial = now + self._longest
        return True
