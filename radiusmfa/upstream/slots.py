"""
The 256 identifiers of one source port (RFC 2865 section 2.5, RFC 5080 section 2.2.1).

An identifier is given again as late as possible: the reply to the one before may still
be on its way.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, Generic, TypeVar, final

if TYPE_CHECKING:
    from collections.abc import Iterator

_Item = TypeVar("_Item")

SIZE: Final = 256


@final
class Slots(Generic[_Item]):
    """Who waits for the reply to which identifier."""

    __slots__ = ("_free", "_waiting")

    def __init__(self) -> None:
        """Hold nobody."""
        self._free = deque(range(SIZE))
        self._waiting: dict[int, _Item] = {}

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def __iter__(self) -> Iterator[_Item]:
        """Return all who wait, but those who leave meanwhile."""
        for identifier, item in list(self._waiting.items()):
            if self._waiting.get(identifier) is item:
                yield item

    def take(self, item: _Item) -> int | None:
        """Return the identifier that was free for longest, now *item*'s, or None."""
        if not self._free:
            return None
        identifier = self._free.popleft()
        self._waiting[identifier] = item
        return identifier

    def find(self, identifier: int) -> _Item | None:
        """Return who waits for *identifier*, or None."""
        return self._waiting.get(identifier)

    def free(self, identifier: int) -> None:
        """Let others have *identifier*; whoever waited waits no more."""
        if self._waiting.pop(identifier, None) is not None:
            self._free.append(identifier)
