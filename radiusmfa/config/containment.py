"""
Does one set of conditions hold wherever another one does?

Each answer is a proof: where it cannot be found, or would take too long, the answer is no.
"""

from __future__ import annotations

import functools
from datetime import date, timedelta
from fnmatch import fnmatchcase
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from radiusmfa.config.model import Network
    from radiusmfa.config.policy_model import Conditions, Schedule

_DAY: Final = timedelta(days=1)
_MINUTES: Final = 24 * 60  # of a day
_SOME_MONDAY: Final = date(2001, 1, 1)
_OTHER: Final = "\0"
"""A character that stands in no pattern."""
_MOST_STEPS: Final = 2_000  # patterns that nobody writes would take for ever


def conditions(outer: Conditions, inner: Conditions) -> bool:
    """
    Say whether *outer* holds whenever *inner* does, clients and groups left aside.

    Groups are those of a directory, and the networks of a client whose word on where people
    are does not count never hold: `config.proofs` knows of both.
    """
    return (
        _texts(outer.realms, inner.realms)
        and patterns(outer.users, inner.users)
        and networks(outer.networks, inner.networks)
        and _attributes(outer, inner)
        and outer.approval in {"", inner.approval}
        and schedules(outer.schedule, inner.schedule)
    )


def patterns(outer: Sequence[str], inner: Sequence[str]) -> bool:
    """
    Say whether each name that fits one of *inner* fits one of *outer*; none: every name.

    All names are walked at once, as the sets of places that they reach in the patterns.
    """
    if not outer or (inner and {*inner} <= {*outer}):
        return True
    if any(not _fits(word, outer) for pattern in inner or ("*",) for word in _words(pattern)):
        return False  # found at once, as almost always
    places = {(pattern, 0) for pattern in inner or ("*",)}
    letters = {*"".join(outer), *"".join(inner), ""} - {"*", "?"}  # "": any other character
    start = (_closed(places), _closed((pattern, 0) for pattern in outer))
    seen, waiting = {start}, [start]
    while waiting:
        before = waiting.pop()
        for letter in letters:
            there = (_after(before[0], letter), _after(before[1], letter))
            if _is_end(there[0]) and not _is_end(there[1]):
                return False
            if there[0] and there not in seen:
                if len(seen) > _MOST_STEPS:
                    return False
                seen.add(there)
                waiting.append(there)
    return True


def networks(outer: Sequence[Network], inner: Sequence[Network]) -> bool:
    """Say whether each address in *inner* is in *outer*; none: every address, and none at all."""
    if not outer:
        return True
    v4 = [*collapse_addresses(one for one in outer if isinstance(one, IPv4Network))]
    v6 = [*collapse_addresses(one for one in outer if isinstance(one, IPv6Network))]
    return bool(inner) and all(
        any(one.subnet_of(net) for net in v4)
        if isinstance(one, IPv4Network)
        else any(one.subnet_of(net) for net in v6)
        for one in inner
    )


@functools.lru_cache(maxsize=1024)  # many policies name the same few
def schedules(outer: Schedule | None, inner: Schedule | None) -> bool:
    """
    Say whether *outer* holds whenever *inner* does; None: always.

    Compared by the minutes of a week on the wall clock of one zone, and on every holiday.
    Hours by another clock prove something only where they are all there are.
    """
    if outer is None:
        return True
    parts = (outer, *outer.also)
    zones = {part.zone.key for part in parts}
    always = [[part for part in parts if part.zone.key == zone] for zone in zones]
    if any(_is_always(same) for same in always):
        return True
    return inner is not None and all(
        _covers([other for other in parts if other.zone.key == part.zone.key], part)
        for part in (inner, *inner.also)
    )


def _texts(outer: Sequence[str], inner: Sequence[str]) -> bool:
    return not outer or (bool(inner) and {*inner} <= {*outer})


def _attributes(outer: Conditions, inner: Conditions) -> bool:
    wanted = dict(inner.attributes)
    return all(name in wanted and {*wanted[name]} <= {*texts} for name, texts in outer.attributes)


def _words(pattern: str) -> Iterator[str]:
    """Yield short and long names that fit *pattern*; there are more."""
    for any_text in ("", _OTHER, 2 * _OTHER):
        word = pattern.replace("*", any_text).replace("?", _OTHER)
        if word:  # a name is never empty
            yield word


def _fits(word: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(word, pattern) for pattern in patterns)


def _closed(places: Iterable[tuple[str, int]]) -> frozenset[tuple[str, int]]:
    """Return *places* in patterns and what a `*` lets begin there, too."""
    found = set()
    for pattern, begin in places:
        at = begin
        found.add((pattern, at))
        while pattern[at : at + 1] == "*":
            at += 1
            found.add((pattern, at))
    return frozenset(found)


def _after(places: Iterable[tuple[str, int]], letter: str) -> frozenset[tuple[str, int]]:
    """Return where the patterns are one *letter* later."""
    found = set()
    for pattern, at in places:
        sign = pattern[at : at + 1]
        if sign == "*":
            found.add((pattern, at))
        elif sign and sign in {"?", letter}:
            found.add((pattern, at + 1))
    return _closed(found)


def _is_end(places: Iterable[tuple[str, int]]) -> bool:
    return any(at == len(pattern) for pattern, at in places)


def _is_always(parts: Sequence[Schedule]) -> bool:
    return all(len(_open(parts, day)) == _MINUTES for day in _days(parts))


def _covers(outer: Sequence[Schedule], inner: Schedule) -> bool:
    return all(_open([inner], day) <= _open(outer, day) for day in _days([*outer, inner]))


def _days(parts: Iterable[Schedule]) -> list[date]:
    """Return days of every kind: a week without holidays, holidays, and the days after them."""
    holidays = {day for part in parts for day in part.holidays}
    return [*_ordinary_week(holidays), *holidays, *(day + _DAY for day in holidays)]


def _ordinary_week(holidays: set[date]) -> list[date]:
    begin = max(holidays, default=_SOME_MONDAY)
    begin += (9 - begin.weekday()) * _DAY  # the Wednesday after: nothing of a holiday is left
    return [begin + at * _DAY for at in range(7)]


def _open(parts: Iterable[Schedule], day: date) -> set[int]:
    """Return the minutes of *day* at which one of *parts* holds."""
    minutes: set[int] = set()
    for part in parts:
        for span in part.spans:
            is_overnight = span.end <= span.start
            if _begins(part, span.days, day):
                minutes.update(range(span.start, _MINUTES if is_overnight else span.end))
            if is_overnight and _begins(part, span.days, day - _DAY):
                minutes.update(range(span.end))
    return minutes


def _begins(part: Schedule, days: frozenset[int], day: date) -> bool:
    return day.weekday() in days and day not in part.holidays
