"""YAML octets to plain nodes that know their place; everything ambiguous is a fault."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from yaml.error import Mark

# The C parser is ten times faster where PyYAML has it. `Base`: no scalar is given a
# type, so that `no`, `022` and `12:30:00` stay what was written (YAML 1.2).
_LOADER: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_PLAIN_TAGS: Final = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_DEEPEST: Final = 16  # our deepest setting is 5 deep; the walk below is recursive


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """
    A place in the file.

    Attributes:
        line: From 1.
        column: From 1, in characters.
    """

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """
    One value as it was written.

    Attributes:
        text: The value without quotes.
        quoted: Whether it stood in quotes or as a block, so can only be a text.
        place: Where it begins.
    """

    text: str
    quoted: bool
    place: Place

    @property
    def is_nothing(self) -> bool:
        """Return whether nothing was written, or a null."""
        return not self.quoted and self.text in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True)
class Listing:
    """
    A sequence.

    Attributes:
        items: Its entries in order.
        place: Where it begins.
    """

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """
    A mapping; each key is a text and stands in it once.

    Attributes:
        entries: Key to place of the key, and the value.
        place: Where it begins.
    """

    entries: dict[str, tuple[Place, Node]]
    place: Place


Node: TypeAlias = Scalar | Listing | Mapping


@dataclass(frozen=True, slots=True)
class Report:
    """
    The faults found so far; each is kept once.

    Attributes:
        faults: In the order found.
    """

    faults: dict[tuple[Place, str], None] = field(default_factory=dict)

    def add(self, place: Place, where: str, what: str) -> None:
        """Note that the setting *where* has the fault *what*."""
        self.faults[place, f"{where}: {what}" if where else what] = None

    def lines(self, file: str) -> list[str]:
        """Return every fault as `file:line:column: where: what`, in the order of the file."""
        return [
            f"{file}:{place.line}:{place.column}: {what}" for place, what in sorted(self.faults)
        ]


def parse(octets: bytes, report: Report) -> Mapping:
    """
    Return the one mapping that *octets* hold; faults go to *report*.

    Refused: text that is not UTF-8, syntax errors, more than one document,
    duplicate keys, keys that are no text, aliases, and tags.
    """
    start = Place(1, 1)
    root = _compose(octets, report)
    if root is None:
        return Mapping({}, start)
    node = _Walk(report, set()).node(root, "", 0, start)
    if isinstance(node, Mapping):
        return node
    report.add(node.place, "", "the file must hold settings, as `name: value`")
    return Mapping({}, node.place)


def _compose(octets: bytes, report: Report) -> yaml.Node | None:
    try:
        text = octets.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        before = octets[: error.start]
        line = before.count(b"\n")
        column = len(before) - (before.rfind(b"\n") + 1)
        report.add(Place(line + 1, column + 1), "", "the file must be UTF-8")
        return None
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        report.add(_place(mark), "", f"not YAML: {what}")
        return None
    except yaml.YAMLError as error:
        # ReaderError: a control character; its text would quote the line.
        position = getattr(error, "position", 0)
        report.add(_place_of(text, position), "", "not YAML: a character that is not allowed")
        return None
    if root is None:
        report.add(Place(1, 1), "", "the file holds no settings")
    return root


def _place(mark: Mark | None) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _place_of(text: str, position: int) -> Place:
    before = text[:position]
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


@dataclass(frozen=True, slots=True)
class _Walk:
    report: Report
    seen: set[int]

    def node(self, found: yaml.Node, where: str, depth: int, near: Place) -> Node:
        place = _place(found.start_mark)
        # An alias is the same object met twice; where it stands is not known, only its key.
        if id(found) in self.seen:
            self.report.add(near, where, "aliases (*name) are not read: write the value again")
            return Scalar("", quoted=False, place=place)
        self.seen.add(id(found))
        if found.tag not in _PLAIN_TAGS:
            self.report.add(place, where, f"tags are not read: remove {found.tag!r}")
        if depth > _DEEPEST:
            self.report.add(place, where, "nested too deeply")
            return Scalar("", quoted=False, place=place)
        match found:
            case yaml.MappingNode():
                return Mapping(self._entries(found.value, where, depth), place)
            case yaml.SequenceNode():
                items = enumerate(found.value)
                return Listing(
                    tuple(
                        self.node(item, f"{where}[{at}]", depth + 1, place) for at, item in items
                    ),
                    place,
                )
            case _:
                # A plain scalar's style is None, or "" from the C parser.
                quoted = bool(getattr(found, "style", None))
                return Scalar(str(found.value), quoted=quoted, place=place)

    def _entries(
        self, pairs: Iterable[tuple[yaml.Node, yaml.Node]], where: str, depth: int
    ) -> dict[str, tuple[Place, Node]]:
        entries: dict[str, tuple[Place, Node]] = {}
        for key, value in pairs:
            place = _place(key.start_mark)
            if not isinstance(key, yaml.ScalarNode):
                self.report.add(place, where, "a key must be one word")
                continue
            name = str(key.value)
            inside = f"{where}.{name}" if where else name
            if name in entries:
                first = entries[name][0]
                self.report.add(place, inside, f"stands here twice, first in line {first.line}")
                continue
            entries[name] = (place, self.node(value, inside, depth + 1, place))
        return entries
