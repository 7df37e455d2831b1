"""
Retransmissions: the same request is decided once and answered alike (RFC 5080 section 2.2.2).

Two generations of entries take turns: what is older than one lifetime goes with
its whole generation, so that no entry needs a timer or a search. Only verified
packets may come here.
"""

from __future__ import annotations

from enum import Enum, auto, unique
from typing import TYPE_CHECKING, Final, TypeAlias, final

if TYPE_CHECKING:
    from collections.abc import Hashable

LEAST_LIFETIME: Final = 5.0
"""Seconds that a reply is kept even when the room runs out; RFC 5080 asks for 5 to 30."""
MOST_OCTETS: Final = 256 << 20
"""Of requests that are kept, whatever their number. A reply may be as large as its request
(Proxy-State comes back), so both may take twice that."""


LEAST_WAIT: Final = 0.9
"""Seconds that a client waits for an answer before it asks again: one by its settings, less
what the network may shift; RFC 5080 section 2.2.1 has two."""


@unique
class Seen(Enum):
    """What `claim` knows of a request."""

    NEW = auto()
    """Never seen; it is pending from now on."""
    PENDING = auto()
    """Being decided: stay silent."""
    FULL = auto()
    """New, but there is no room: stay silent."""


_Entry: TypeAlias = tuple[bytes, bytes | None]  # the request, and the reply once there is one


@final
class Duplicates:
    """What was received on one port, and what was answered."""

    def __init__(self, lifetime: float, most: int) -> None:
        """
        Start empty.

        Args:
            lifetime: Seconds that a reply is kept at least.
            most: Entries kept at most.
        """
        self.configure(lifetime, most)
        self._young: dict[Hashable, _Entry] = {}
        self._old: dict[Hashable, _Entry] = {}
        self._young_octets = 0
        self._turned = float("-inf")

    def configure(self, lifetime: float, most: int) -> None:
        """Change what the constructor was told; what is kept stays."""
        self._lifetime = lifetime
        self._most_young = max(1, most // 2)

    def __len__(self) -> int:
        """Return the number of entries."""
        return len(self._young) + len(self._old)

    def claim(self, key: Hashable, octets: bytes, now: float) -> bytes | Seen:
        """
        Return the reply that *octets* already got, or what is known of them.

        The same key with other octets is a new request: it takes the place of the
        old one, whose late reply must not be sent any more.

        Args:
            key: Source address, port and identifier.
            octets: The whole request.
            now: Monotonic time.
        """
        if now - self._turned >= self._lifetime:
            self._turn(now)
        entry = self._young.get(key) or self._old.get(key)
        if entry is not None and entry[0] == octets:
            return Seen.PENDING if entry[1] is None else entry[1]
        if len(self._young) >= self._most_young or self._young_octets >= MOST_OCTETS // 2:
            if now - self._turned < LEAST_LIFETIME:
                return Seen.FULL
            self._turn(now)
        # A key is in one generation, or the turn would bring it back.
        if entry is not None and self._old.pop(key, None) is None:
            self._young_octets -= len(entry[0])
        self._young[key] = (octets, None)
        self._young_octets += len(octets)
        return Seen.NEW

    def answer(self, key: Hashable, octets: bytes, reply: bytes) -> bool:
        """Keep *reply*; False if a newer request has taken the place of *octets*."""
        entry = self._young.get(key) or self._old.get(key)
        if entry is not None and entry[0] != octets:
            return False
        self._old.pop(key, None)
        self._young[key] = (octets, reply)
        return True

    def forget(self, key: Hashable, octets: bytes) -> None:
        """Treat *octets* as never seen: nothing was decided."""
        for generation in (self._young, self._old):
            entry = generation.get(key)
            if entry is not None and entry[0] == octets:
                del generation[key]

    def _turn(self, now: float) -> None:
        pending = {key: entry for key, entry in self._old.items() if entry[1] is None}
        self._old = self._young
        self._young = pending
        self._young_octets = sum(len(octets) for octets, _ in pending.values())
        self._turned = now


@final
class Answer:
    """
    A login of the last seconds, for a client that asks again from another port.

    Attributes:
        address: Where the first request came from.
        arrived: When, monotonic.
        code: Packet code of the answer; 0 while it is being decided.
        attributes: Of the answer.
        kept: What has to be hidden for each request by itself, or None.
        waiting: Requests that get the same answer once there is one.
    """

    __slots__ = ("address", "arrived", "attributes", "code", "kept", "waiting")

    def __init__(self, address: Hashable, arrived: float) -> None:
        """Begin undecided."""
        self.address = address
        self.arrived = arrived
        self.code = 0
        self.attributes = b""
        self.kept: object = None
        self.waiting: list[object] = []


@final
class Retries:
    """
    One client's logins by identifier, user and credential, for a few seconds.

    Some clients retry with a new port and a new authenticator; to the person it is
    one login, and a passcode that was right must not be called used.
    """

    def __init__(self, window: float) -> None:
        """Start empty; *window* is in seconds."""
        self._window = window
        self._young: dict[int, Answer] = {}
        self._old: dict[int, Answer] = {}
        self._turned = float("-inf")

    def find(self, key: int, address: Hashable, now: float) -> Answer | None:
        """
        Return the login that a request from *address* repeats, or None.

        From the same port it is no retry: a client that keeps its port keeps its
        authenticator too, and is known by `Duplicates`. Nor is what comes sooner after
        the first than any client waits for an answer, once that has been given.
        """
        if now - self._turned >= self._window:
            self._old = self._young
            self._young = {}
            self._turned = now
        answer = self._young.get(key) or self._old.get(key)
        if answer is None or answer.address == address:
            return None
        age = now - answer.arrived
        is_soon = answer.code and age < LEAST_WAIT
        return None if is_soon or age > self._window else answer

    def put(self, key: int, answer: Answer) -> None:
        """Remember a new login."""
        self._young[key] = answer

    def forget(self, key: int) -> None:
        """Nothing was decided: the next request is a login of its own."""
        self._young.pop(key, None)
        self._old.pop(key, None)
