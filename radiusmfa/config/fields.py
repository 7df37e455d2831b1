"""Settings taken out of a mapping one by one: the right type, or a fault and the default."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from radiusmfa.config.nodes import Listing, Mapping, Node, Place, Report, Scalar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from enum import StrEnum

_Choice = TypeVar("_Choice", bound="StrEnum")

_WHOLE_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")  # YAML 1.2 core, decimal
_DURATION: Final = re.compile(r"(0|[1-9][0-9]{0,8})([smhd]?)")
_SECONDS: Final = {"d": 86_400, "h": 3600, "m": 60, "s": 1, "": 1}
_YES: Final = frozenset({"yes", "true"})
_NO: Final = frozenset({"no", "false"})


@dataclass(frozen=True, slots=True)
class Found:
    """
    A value and where it stands.

    Attributes:
        node: What was written.
        where: Path of the setting, as `clients[2].mode`.
        place: For a fault of the value.
    """

    node: Node
    where: str

    @property
    def place(self) -> Place:
        """Return where the value begins."""
        return self.node.place


class Fields:
    """The settings of one mapping; names that are not *known* are faults at once."""

    __slots__ = ("_entries", "_fallback", "_is_mapping", "place", "report", "where")

    def __init__(
        self,
        node: Node,
        where: str,
        report: Report,
        *,
        known: Iterable[str],
        fallback: Fields | None = None,
    ) -> None:
        """
        Take the settings of *node*.

        Args:
            node: What was written; anything but a mapping is a fault.
            where: Path of the mapping, empty at the top of the file.
            report: Where faults go.
            known: Every name allowed here.
            fallback: Where to look for a setting that is not here.
        """
        self.where = where
        self.report = report
        self.place = node.place
        self._fallback = fallback
        self._entries = node.entries if isinstance(node, Mapping) else {}
        self._is_mapping = isinstance(node, Mapping)
        if not self._is_mapping:
            report.add(node.place, where, "must hold settings, as {name: value}")
        names = list(known)
        for name, (place, _) in self._entries.items():
            if name not in names:
                report.add(place, self.path(name), f"is no setting{_similar(name, names)}")

    def path(self, name: str) -> str:
        """Return the path of the setting *name*."""
        return f"{self.where}.{name}" if self.where else name

    def has(self, name: str) -> bool:
        """Return whether *name* is set here, the fallback left aside."""
        return name in self._entries

    def find(self, name: str) -> Found | None:
        """Return what was written for *name*, here or in the fallback."""
        if name in self._entries:
            return Found(self._entries[name][1], self.path(name))
        return self._fallback.find(name) if self._fallback else None

    def every(self, name: str) -> Iterator[Found]:
        """Yield what was written for *name*, here and in each fallback, the first that counts."""
        if name in self._entries:
            yield Found(self._entries[name][1], self.path(name))
        if self._fallback:
            yield from self._fallback.every(name)

    def need(self, name: str) -> Found | None:
        """Return what was written for *name*; nothing is a fault."""
        found = self.find(name)
        if found is None and self._is_mapping:
            self.report.add(self.place, self.path(name), "is missing")
        return found

    def fault(self, name: str, what: str) -> None:
        """Note a fault of the setting *name*, wherever it stands."""
        found = self.find(name)
        place, where = (found.place, found.where) if found else (self.place, self.path(name))
        self.report.add(place, where, what)

    def integer(self, name: str, default: int, *, low: int, high: int) -> int:
        """Return a whole number from *low* to *high*."""
        found = self.find(name)
        if found is None:
            return default
        number = whole(found, low, high)
        if number is not None:
            return number
        self.report.add(found.place, found.where, f"must be a whole number from {low} to {high}")
        return default

    def duration(self, name: str, default: int, *, low: int, high: int) -> int:
        """Return seconds from *low* to *high*, written as 45s, 30m, 8h, 7d, or as a number."""
        found = self.find(name)
        if found is None:
            return default
        node = found.node
        match = _DURATION.fullmatch(node.text) if isinstance(node, Scalar) else None
        seconds = int(match[1]) * _SECONDS[match[2]] if match else -1
        if low <= seconds <= high:
            return seconds
        what = f"must be from {duration_text(low)} to {duration_text(high)}, as 45s, 30m, 8h or 7d"
        self.report.add(found.place, found.where, what)
        return default

    def boolean(self, name: str, *, default: bool) -> bool:
        """Return a yes (or true) or no (or false)."""
        found = self.find(name)
        if found is None:
            return default
        word = _plain_word(found.node)
        if word in _YES or word in _NO:
            return word in _YES
        self.report.add(found.place, found.where, "must be yes or no")
        return default

    def choice(self, name: str, default: _Choice) -> _Choice:
        """Return one of the values that *default* belongs to; true and false are yes and no."""
        found = self.find(name)
        if found is None:
            return default
        choices = {str(choice): choice for choice in type(default)}
        word = found.node.text if isinstance(found.node, Scalar) else ""
        if word in {"true", "false"} and _plain_word(found.node):
            word = "yes" if word == "true" else "no"
        if word in choices:
            return choices[word]
        names = list(choices)
        what = f"must be {', '.join(names[:-1])} or {names[-1]}{closest(word, names)}"
        self.report.add(found.place, found.where, what)
        return default

    def text(self, name: str, default: str, *, low: int, high: int) -> str:
        """Return a printable text of *low* to *high* octets."""
        found = self.find(name)
        if found is None:
            return default
        written = scalar_text(found, self.report)
        if written is None:
            return default
        if not low <= len(written.encode("utf-8", "replace")) <= high:
            what = f"must have {low} to {high} octets"
        elif not written.isprintable():
            what = "must not hold control characters"
        else:
            return written
        self.report.add(found.place, found.where, what)
        return default

    def some(self, name: str) -> list[Found]:
        """Return the entries of a list, or the one value there is; an empty list is a fault."""
        found = self.find(name)
        if found is None or not isinstance(found.node, Listing):
            return [] if found is None else [found]
        if not found.node.items:
            self.report.add(found.place, found.where, "must name at least one")
        return self.items(name)

    def items(self, name: str) -> list[Found]:
        """Return the entries of a list; anything else is a fault."""
        found = self.find(name)
        if found is None:
            return []
        if not isinstance(found.node, Listing):
            self.report.add(found.place, found.where, "must be a list, as [one, two]")
            return []
        return [Found(item, f"{found.where}[{at}]") for at, item in enumerate(found.node.items)]

    def section(self, name: str, known: Iterable[str], *, fallback: Fields | None = None) -> Fields:
        """Return the settings below *name*, before those of *fallback*; none if it is absent."""
        found = self.find(name)
        node: Node = found.node if found else Mapping({}, self.place)
        if isinstance(node, Scalar) and node.is_nothing:
            node = Mapping({}, node.place)
        where = found.where if found else self.path(name)
        return Fields(node, where, self.report, known=known, fallback=fallback)


def whole(found: Found, low: int, high: int) -> int | None:
    """Return a whole number from *low* to *high*, None: it is none."""
    node = found.node
    if isinstance(node, Scalar) and not node.quoted and _WHOLE_NUMBER.fullmatch(node.text):
        number = int(node.text)
        return number if low <= number <= high else None
    return None


def duration_text(seconds: int) -> str:
    """Return *seconds* as a file may have them, in the largest unit that fits."""
    fits = (unit for unit, size in _SECONDS.items() if seconds >= size and seconds % size == 0)
    unit = next(fits, "s")
    return f"{seconds // _SECONDS[unit]}{unit}"


def scalar_text(found: Found, report: Report) -> str | None:
    """Return the text of one value; a list, a mapping or nothing is a fault."""
    if not isinstance(found.node, Scalar):
        report.add(found.place, found.where, "must be one value")
        return None
    if found.node.is_nothing:
        report.add(found.place, found.where, 'has no value; an empty text is written ""')
        return None
    return found.node.text


def _plain_word(node: Node) -> str:
    return node.text if isinstance(node, Scalar) and not node.quoted else ""


def closest(name: str, names: list[str]) -> str:
    """Return a question that names what *name* may have meant; empty: nothing is near."""
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _similar(name: str, names: list[str]) -> str:
    known = f" (known: {', '.join(names)})" if len(names) <= 6 else ""  # noqa: PLR2004 - one line
    return closest(name, names) or known
