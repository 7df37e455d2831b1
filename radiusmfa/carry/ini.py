"""
The file of an Authentication Proxy, read: sections of settings, each with its line.

`authproxy.cfg` is an INI file: `[section]`, `name = value`, comments that begin with `;` or
`#`. Several sections of one kind are told apart by digits (`[radius_server_auto2]`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from radiusmfa.interfaces import ImportRefusedError

LARGEST_FILE: Final = 1024 * 1024
"""Octets; a section takes about 500."""
_MOST_FAULTS: Final = 50
_MARK: Final = "\ufeff"
_OTHER_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_BLANKS: Final = " \t"
_SECTION: Final = re.compile(r"\[[ \t]*([A-Za-z0-9_]{1,64})[ \t]*\][ \t]*(?:[;#].*)?")
_SETTING: Final = re.compile(r"([A-Za-z0-9_]{1,64})[ \t]*[=:][ \t]*(.*)")
_MAYBE_COMMENT: Final = re.compile(r"[ \t][;#]")
_NUMBERED: Final = re.compile(r"([a-z0-9_]*[a-z_])([0-9]*)")


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One setting.

    Attributes:
        value: All that follows the `=`, without blanks at its ends. It may be a secret.
        line: Where it stands, from 1.
    """

    value: str = field(repr=False)
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """
    One section.

    Attributes:
        name: In lower case, with its digits.
        line: Where it begins, from 1.
        settings: By name in lower case.
    """

    name: str
    line: int
    settings: dict[str, Setting] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What kind of section it is: the name without digits."""
        match = _NUMBERED.fullmatch(self.name)
        return match[1] if match else self.name

    @property
    def number(self) -> str:
        """The digits of the name; empty: none."""
        match = _NUMBERED.fullmatch(self.name)
        return match[2] if match else ""


@dataclass(frozen=True, slots=True)
class Doubt:
    """
    What could have been meant otherwise.

    Attributes:
        section: Where, by name.
        setting: Which, by name.
        line: Where it stands.
        text: How it was read.
    """

    section: str
    setting: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """
    A whole file.

    Attributes:
        sections: In the order of the file, no name twice.
        doubts: What could have been meant otherwise.
    """

    sections: tuple[Section, ...]
    doubts: tuple[Doubt, ...] = ()


def parse(octets: bytes) -> Document:
    """
    Return what *octets* say.

    Raises:
        ImportRefusedError: With every line that cannot be read. No text repeats a value.
    """
    text = _text(octets)
    reading = _Reading()
    for number, line in enumerate(_LINE_END.split(text), 1):
        reading.take(number, line)
        if len(reading.faults) >= _MOST_FAULTS:
            break
    if reading.faults:
        raise ImportRefusedError(*reading.faults)
    return Document(tuple(reading.sections.values()), tuple(reading.doubts))


def _text(octets: bytes) -> str:
    if len(octets) > LARGEST_FILE:
        raise ImportRefusedError(f"the file has more than {LARGEST_FILE} octets")
    if octets.startswith(_OTHER_MARKS):
        raise ImportRefusedError("the file is UTF-16: save it as UTF-8")
    try:
        return octets.decode("utf-8", "strict").removeprefix(_MARK)
    except UnicodeDecodeError as error:
        before = octets[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        line = before.count(b"\n") + 1
        raise ImportRefusedError(f"line {line}: the file must be UTF-8: save it so") from None


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    sections: dict[str, Section] = field(default_factory=dict)
    doubts: list[Doubt] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _here: Section | None = None

    def take(self, number: int, line: str) -> None:
        """Read one line."""
        plain = line.strip(_BLANKS)
        if not plain or plain[0] in ";#":
            return
        if not all(character.isprintable() or character == "\t" for character in plain):
            self._fault(number, "a control character")
        elif plain[0] == "[":
            self._begin(number, plain)
        elif match := _SETTING.fullmatch(plain):
            self._set(number, match[1].lower(), match[2], is_indented=line != line.lstrip(_BLANKS))
        else:
            self._fault(number, "neither a [section], nor a setting (name=value), nor a comment")

    def _begin(self, number: int, plain: str) -> None:
        match = _SECTION.fullmatch(plain)
        if match is None:
            self._fault(number, "must be a section, as [radius_server_auto]")
            return
        name = match[1].lower()
        if name in self.sections:
            before = self.sections[name].line
            self._fault(
                number, f"[{name}] stands here again, first in line {before}: add a digit to one"
            )
            return
        self._here = self.sections[name] = Section(name, number)

    def _set(self, number: int, name: str, value: str, *, is_indented: bool) -> None:
        here = self._here
        if here is None:
            self._fault(number, f"{name} stands before the first section")
            return
        if name in here.settings:
            before = here.settings[name].line
            self._fault(
                number,
                f"{name} stands here again, first in line {before}: which of them counts?",
            )
            return
        if "\t" in value:
            self._fault(number, f"{name} has a tab in it: a comment needs a line of its own")
            return
        here.settings[name] = Setting(value, number)
        for text in _doubts(value, is_indented=is_indented):
            self.doubts.append(Doubt(here.name, name, number, text))

    def _fault(self, number: int, what: str) -> None:
        self.faults.append(f"line {number}: {what}")


def _doubts(value: str, *, is_indented: bool) -> list[str]:
    said = []
    if is_indented:
        said.append("the line begins with a blank; it was read as a setting of its own")
    if _MAYBE_COMMENT.search(value):
        said.append("what follows the ; or # was read as a part of the value, not as a comment")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        said.append("the quotes were read as a part of the value")
    return said
