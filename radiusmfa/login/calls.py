"""
Calls to people: who may be called when, and whose call a login goes on with.

A person whose phone rings again and again says yes in the end. So one call is open at a
time, there are only so many an hour, and after a no there is silence for a while.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, TypeVar, final

from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.config.service_model import Limits

_Key = TypeVar("_Key", int, bytes)

HOUR: Final = 3600.0
DAY: Final = 86_400.0


@unique
class Result(StrEnum):
    """What became of a call."""

    OPEN = "open"
    """The person has not answered yet."""
    SENT = "sent"
    """Something was sent; no answer is waited for."""
    PASSED = "passed"
    REFUSED = "refused"
    FRAUD = "fraud"
    ENDED = "ended"


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """
    One call.

    Attributes:
        id: By chance.
        service: Who called.
        user: Number of the person; below 0 without a row.
        way: `push`, `phone`, `sms` ...
        target: Keyed digest of the destination.
        place: Of which login.
        state: What it takes to go on with it; empty: nothing can. Of one that has passed: what
            was watched, once a login has got in by it.
        created: Seconds since 1970.
        expires: Until when it is open; afterwards when it was answered.
        result: What became of it.
    """

    id: int
    service: str
    user: int
    way: str
    target: bytes
    place: bytes
    state: bytes = field(default=b"", repr=False)
    created: float
    expires: float
    result: Result = Result.OPEN


@final
class Book:
    """The calls of one service: found by person and by destination, counted by time."""

    def __init__(self) -> None:
        """Know none yet."""
        self._calls: dict[int, Call] = {}
        self._of: dict[int, dict[int, Call]] = {}
        self._to: dict[bytes, dict[int, Call]] = {}
        self._created: list[float] = []

    def __iter__(self) -> Iterator[Call]:
        """Return every call, the oldest first."""
        return iter(self._calls.values())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._calls)

    def put(self, call: Call) -> None:
        """Know *call*, or that it has changed."""
        before = self._calls.get(call.id)
        if before is None:
            insort(self._created, call.created)
        else:
            call.created = before.created  # the store knows it without its fraction
        self._calls[call.id] = call
        self._of.setdefault(call.user, {})[call.id] = call
        self._to.setdefault(call.target, {})[call.id] = call

    def remove(self, call: Call) -> None:
        """Forget *call*, which is known."""
        del self._calls[call.id]
        del self._created[bisect_left(self._created, call.created)]
        _drop(self._of, call.user, call)
        _drop(self._to, call.target, call)

    def get(self, number: int) -> Call | None:
        """Return the call of that number, None: there is none."""
        return self._calls.get(number)

    def of(self, user: int) -> list[Call]:
        """Return those of a person."""
        return list(self._of.get(user, {}).values())

    def to(self, target: bytes) -> list[Call]:
        """Return those of a destination."""
        return list(self._to.get(target, {}).values())

    def since(self, moment: float) -> int:
        """Return how many there were after *moment*."""
        return len(self._created) - bisect_right(self._created, moment)


def refusal(  # noqa: PLR0913 - one return a rule; who calls whom, when, how often
    known: Book,
    limits: Limits,
    user: int,
    target: bytes,
    now: float,
    *,
    is_open: bool,
) -> Reason | None:
    """
    Return why *user* must not be called now, or None.

    Args:
        known: The service's calls of the last day.
        limits: The service's.
        user: Number of the person.
        target: Keyed digest of the destination.
        now: Seconds since 1970.
        is_open: The call will be open until the person answers.
    """
    own, at_once = known.of(user), known.to(target)
    # One telephone may belong to several accounts, and all of them to one attacker; or one
    # account have many names, each of which is somebody else here.
    theirs = own + [call for call in at_once if call.user != user]
    if is_open and any(is_still_open(call, now) for call in theirs):
        return Reason.CALL_OPEN
    for call in theirs:
        if call.result in (Result.REFUSED, Result.FRAUD):
            silence = limits.cool_down * (2 if call.result is Result.FRAUD else 1)
            if now < call.expires + silence:
                return Reason.COOLING_DOWN
    if _since(own, now - DAY) >= limits.per_day or _since(own, now - HOUR) >= limits.per_hour:
        return Reason.CALL_LIMIT
    if _since(at_once, now - HOUR) >= limits.per_hour:
        return Reason.CALL_LIMIT
    return Reason.CALL_LIMIT if known.since(now - HOUR) >= limits.site_per_hour else None


def to_go_on(known: Book, user: int, place: bytes, now: float) -> Call | None:
    """Return the open call of the very login that *place* is, or None."""
    for call in known.of(user):
        if call.place == place and call.state and is_still_open(call, now):
            return call
    return None


def is_still_open(call: Call, now: float) -> bool:
    """Say whether the person may still answer *call*; a clock set back opens none again."""
    return call.result is Result.OPEN and call.created - 1 <= now < call.expires


def _drop(found: dict[_Key, dict[int, Call]], key: _Key, call: Call) -> None:
    del found[key][call.id]
    if not found[key]:
        del found[key]


def _since(calls: list[Call], moment: float) -> int:
    return sum(call.created > moment for call in calls)
