"""
The tries of one login, as its client makes them, and what they say of how long it waits.

Pauses between tries are alike, or grow: twice as long each time (RFC 5080 section 2.2.1), or
by less. What is said is never more than is certain: a try that was lost makes it less.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, final

if TYPE_CHECKING:
    from collections.abc import Hashable

LONGEST: Final = 300.0
"""Seconds: no client is believed to wait longer."""
SHORTEST: Final = 2.0
"""Seconds: in less nobody can be asked anything."""
LATE: Final = 0.5
"""Seconds that a try may be late, whatever its pause."""
UNEVEN: Final = 0.25
"""Of a pause that clients and networks may shift the next try by."""
LEAST_MARGIN: Final = 0.1
"""Seconds that an answer needs for the way back."""
_SAME_TRY: Final = 0.2  # seconds: what comes sooner is the network's copy, or a twin
_MOST_LOST: Final = 4  # pauses that are one where tries in between were lost
_GROWING: Final = (1.2, 2.4)  # times the pause before; RFC 5080 has 2, strongSwan 1.4
_DOUBLED: Final = (1.7, 2.4)
_LEVEL: Final = 12.0  # seconds: pauses that have grown so long may stay so (RFC 5080: MRT 16 s)
_LEVEL_NEXT: Final = 14.4  # 16 s, less the tenth that RFC 5080 shifts them by


class Known(NamedTuple):
    """
    How long one client waits.

    Attributes:
        seconds: From its first try until it gives up, as it was seen.
        pause: Seconds between its first tries.
        tries: How many there are, the first included.
    """

    seconds: float
    pause: float
    tries: int

    @property
    def limit(self) -> float:
        """The same within what is believed."""
        return min(LONGEST, max(SHORTEST, self.seconds))

    @property
    def setting(self) -> int:
        """Return what `time_budget` is to be."""
        return int(self.limit + LEAST_MARGIN)

    @property
    def advice(self) -> str:
        """Return what to do about it."""
        if self.seconds < SHORTEST:
            return "in that time nobody can be asked: let it wait longer"
        return f"set time_budget: {self.setting}"

    def __str__(self) -> str:
        """Return it as a person reads it."""
        # Whole seconds of settings, measured: a few milliseconds more or less.
        age = (
            round(self.seconds, 1) if self.seconds < SHORTEST else int(self.seconds + LEAST_MARGIN)
        )
        apart = f"{round(self.pause, 1):g} s apart"
        if not is_near(self.seconds / self.pause, self.tries, UNEVEN * self.tries):
            apart += " at first, then longer"
        return f"gives up after {age} s ({apart}, {self.tries} tries)"


@final
class Wait:
    """
    One login of a client, from its first try on.

    Attributes:
        began: When somebody first asked.
        first: When whoever waits now asked first: they may have given up, and begun anew.
        last: When they were heard last.
        tries: How often.
        pause: Their shortest pause.
        names: What its requests are known by.
    """

    __slots__ = (
        "_gap", "_gap_before", "_is_doubling", "_is_even", "_is_growing", "_is_resent", "_single",
        "began", "first", "last", "names", "pause", "tries",
    )  # fmt: skip

    def __init__(self, arrived: float) -> None:
        """Begin with a first try."""
        self.began = arrived
        self.names: list[Hashable] = []
        self.start(arrived)

    def start(self, now: float) -> None:
        """Begin anew: whoever asked before has given up."""
        self.first = self.last = now
        self.tries = 1
        self.pause = self._gap = self._gap_before = 0.0
        self._is_even = self._is_growing = self._is_doubling = True
        self._is_resent = False
        self._single = 0  # pauses as short as the shortest

    def again(self, now: float, *, is_resent: bool) -> None:
        """
        Take one more try.

        Args:
            now: When.
            is_resent: The same octets, so that it is the same client's same try at it.
        """
        gap = now - self.last
        if gap < _SAME_TRY:
            return
        self.last = now
        self.tries += 1
        self._is_resent |= is_resent
        if self.tries == 2:  # noqa: PLR2004 - one pause: nothing to compare
            self.pause = self._gap = gap
            self._single = 1
            return
        self._compare(gap, gap / self._gap)
        self.pause = min(self.pause, gap)
        self._gap_before, self._gap = self._gap, gap

    @property
    def can_teach(self) -> bool:
        """Whether its tries came as one client's do."""
        # A single other request may be a person who has tried again.
        is_client = self._is_resent or self.tries > 2  # noqa: PLR2004
        return self.tries > 1 and is_client and (self._is_even or self._is_growing)

    @property
    def next(self) -> float:
        """Seconds from the last try that the client waits at least."""
        if not self._has_grown:
            return self.pause
        longest = 1.9 if self._is_doubling and self.tries > 3 else 0.9  # noqa: PLR2004
        # Beyond what RFC 5080 has, the last pause may be two, with a lost try between them.
        return min(longest * self._gap, max(_LEVEL_NEXT, 0.9 * self._gap_before))

    @property
    def gone(self) -> float:
        """When it is certain that no other try comes, if none was lost."""
        if self._has_one_pause:
            return self.last + (1 + UNEVEN) * self.pause + LATE
        return self.last + 2.2 * self._gap + LATE

    @property
    def long_gone(self) -> float:
        """When it is certain, though one was lost."""
        more = self.pause if self._has_one_pause else 0.0
        return self.gone + more + LEAST_MARGIN

    def known(self) -> Known:
        """Return how long the client waits, now that it is gone."""
        seconds = self.last - self.first + self.next
        # Those that were lost count as well.
        tries = round(seconds / self.pause) if self._has_one_pause else self.tries
        return Known(seconds, self.pause, tries)

    @property
    def _has_one_pause(self) -> bool:
        return self._is_even and self.tries > 2 and self._is_mostly_single  # noqa: PLR2004

    @property
    def _is_mostly_single(self) -> bool:
        return 2 * self._single > self.tries - 1

    @property
    def _has_grown(self) -> bool:
        # Two pauses, 5 and 10 s, may as well be three of 5 s and a try that was lost.
        return self._is_growing and (self.tries > 3 or not self._is_even)  # noqa: PLR2004

    def _compare(self, gap: float, ratio: float) -> None:
        shorter, longer = sorted((self.pause, gap))
        times = round(longer / shorter)
        is_multiple = times <= _MOST_LOST and is_near(longer, times * shorter, UNEVEN * shorter)
        self._is_even &= is_multiple
        if times == 1:
            self._single += 1
        elif gap < self.pause:
            self._single = 1
        is_level = gap >= _LEVEL and is_near(ratio, 1.0, UNEVEN) and not self._is_mostly_single
        self._is_growing &= _GROWING[0] <= ratio <= _GROWING[1] or is_level
        self._is_doubling &= _DOUBLED[0] <= ratio <= _DOUBLED[1]


def is_near(one: float, other: float, within: float) -> bool:
    """Say whether two numbers are no further apart than *within*."""
    return abs(one - other) <= within
