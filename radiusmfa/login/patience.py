"""
How long a client waits for an answer, learned from how it asks again.

A client sends its request again while it waits, and gives up one pause after its last try.
Nobody is told when that was. But a login that is still being decided when the next try
should long have come has outlived its client: so old it must not become again. Pure:
points in time are arguments, monotonic.

What can be lost on the way only makes us answer sooner than need be; what is known is
changed only when two logins agree that did not wait at the same time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, final

from radiusmfa.login.tries import LATE, LEAST_MARGIN, LONGEST, UNEVEN, Known, Wait, is_near

if TYPE_CHECKING:
    from collections.abc import Hashable

MOST: Final = 65_536
"""Addresses of one client entry of which something is kept."""
_SHARE: Final = 0.05
"""Of the time that is left for the way back; at least a tenth of a second."""
_ANOTHER: Final = 1.4  # times as long: the client's pauses are not what they were
_ALIKE: Final = 0.1  # of an age, for two to be one


def budget(seconds: float) -> float:
    """Return how long a login may take whose client waits for *seconds*."""
    return seconds - max(LEAST_MARGIN, _SHARE * seconds)


class _Doubt(NamedTuple):
    """
    What one login says against what is known.

    Attributes:
        found: What it says instead; None: the client does not ask again as it did.
        ended: When that was seen.
    """

    found: Known | None
    ended: float


@final
class Patience:
    """
    How long the client at one address waits.

    Attributes:
        known: What was learned; None: nothing yet.
        is_changed: It has changed since somebody looked.
    """

    __slots__ = ("_doubt", "_is_curious", "_waits", "is_changed", "known", "start")

    def __init__(self, start: float, known: Known | None = None) -> None:
        """
        Begin.

        Args:
            start: Seconds that it is believed to wait before anything is known.
            known: What was learned before.
        """
        self.start = start
        self.known = known
        self.is_changed = False
        self._is_curious = known is None
        self._doubt: _Doubt | None = None
        self._waits: dict[Hashable, Wait] = {}

    def deadline(self, arrived: float, wait: Wait | None = None) -> float:
        """
        Return when the answer has to leave; it may move as long as somebody asks again.

        Nothing is known: whoever asks again is there, so that the login goes on until nobody
        does. That shows how long the client waits, and costs the one login an answer that
        comes too late for anybody.

        Args:
            arrived: When the login's first request came.
            wait: The same login, if it waits; None: it begins.
        """
        limit = self.start if self.known is None else self.known.limit
        if wait is None:
            return arrived + budget(limit)
        ends = wait.first + budget(limit)
        if wait.tries > 1:
            due = wait.last + wait.next
            if self._is_curious and wait.can_teach:
                ends = max(ends, wait.long_gone)
            elif due > wait.first + limit + wait.next / 2:
                # One try more than there should be: it is there until the next is due.
                ends = max(ends, due - max(LEAST_MARGIN, 2 * _SHARE * wait.next))
        return min(ends, wait.began + budget(LONGEST))

    def begin(self, arrived: float, *names: Hashable) -> Wait:
        """
        Learn that a login waits.

        Args:
            arrived: When its request came.
            names: What its requests are known by.
        """
        wait = Wait(arrived)
        for name in names:
            self._call(wait, name)
        return wait

    def again(self, name: Hashable, now: float, other: Hashable = None) -> None:
        """
        Learn that somebody has asked again for the login of that name, if it waits.

        Args:
            name: Of a request, or of the login.
            now: When.
            other: What the new request is known by, if it is not the same octets.
        """
        wait = self._waits.get(name)
        if wait is None:
            return
        if other is not None:
            self._call(wait, other)
            if wait.tries > 1 and now >= wait.long_gone:
                # The same octets would only say that some were lost. This is somebody new.
                self._conclude(wait, now)
                wait.start(now)
                return
        wait.again(now, is_resent=other is None)

    def end(self, wait: Wait, now: float) -> None:
        """Learn that a login was answered or given up at *now*."""
        self.forget(wait)
        self._conclude(wait, now)

    def forget(self, wait: Wait) -> None:
        """Learn nothing of a login: it was not decided."""
        for name in wait.names:
            self._waits.pop(name, None)

    def look_again(self, start: float) -> None:
        """
        Find out whether the client waits longer by now: it may have been given more time.

        Args:
            start: As to the constructor.
        """
        self.start = start
        self._is_curious = True

    def _call(self, wait: Wait, name: Hashable) -> None:
        self._waits[name] = wait
        wait.names.append(name)

    def _conclude(self, wait: Wait, now: float) -> None:
        is_gone = wait.tries > 1 and now >= wait.gone
        if is_gone and wait.can_teach:
            self._take(wait.known(), wait.first, now)
        elif self.known is not None and self._is_other(wait, self.known, now):
            self._object(None, wait.first, now)
        elif self._doubt is not None and self._refutes(wait, self._doubt):
            self._doubt = None

    def _is_other(self, wait: Wait, known: Known, now: float) -> bool:
        """Say whether the client has not asked again as it did when it was learned from."""
        if wait.tries > 1:
            shorter, longer = sorted((wait.pause, known.pause))
            return wait.can_teach and longer > _ANOTHER * shorter
        return now >= wait.first + (1 + UNEVEN) * known.pause + LATE

    def _refutes(self, wait: Wait, doubt: _Doubt) -> bool:
        if wait.tries == 1:
            return False  # it was over too soon to say anything
        found = doubt.found
        return found is None or wait.last - wait.first > found.seconds - found.pause / 2

    def _take(self, found: Known, first: float, now: float) -> None:
        if self.known is None:
            self._learn(found)
        elif _are_alike(found, self.known):
            self._doubt, self._is_curious = None, False
        else:
            self._object(found, first, now)

    def _object(self, found: Known | None, first: float, now: float) -> None:
        doubt = self._doubt
        if doubt is not None and first < doubt.ended:
            return  # the same trouble may have met both
        if doubt is None or not _agree(found, doubt.found):
            self._doubt = _Doubt(found, now)
            return
        self._learn(None if found is None or doubt.found is None else min(found, doubt.found))

    def _learn(self, found: Known | None) -> None:
        self.known, self._doubt = found, None
        self._is_curious = found is None
        self.is_changed = True


@final
class Addresses:
    """What the addresses of one client entry have taught."""

    def __init__(self, start: float) -> None:
        """Know nothing but *start*: seconds that each is believed to wait."""
        self._start = start
        self._by_address: dict[str, Patience] = {}

    def restore(self, address: str, known: Known) -> None:
        """Take over what was learned of *address* before a restart."""
        self._by_address[address] = Patience(self._start, known)

    def of(self, address: str) -> Patience:
        """Return what is known of *address*."""
        patience = self._by_address.get(address)
        if patience is None:
            if len(self._by_address) >= MOST:
                self._make_room()
            patience = self._by_address[address] = Patience(self._start)
        return patience

    def look_again(self, start: float) -> None:
        """Find out whether they wait longer by now."""
        self._start = start
        for patience in self._by_address.values():
            patience.look_again(start)

    def _make_room(self) -> None:
        # Whoever holds the secret can invent addresses of a large network.
        taught = {one: it for one, it in self._by_address.items() if it.known is not None}
        self._by_address = taught if len(taught) < MOST else {}


def _are_alike(one: Known, other: Known) -> bool:
    return is_near(one.seconds, other.seconds, max(LATE, _ALIKE * max(one.seconds, other.seconds)))


def _agree(one: Known | None, other: Known | None) -> bool:
    return one is other if one is None or other is None else _are_alike(one, other)
