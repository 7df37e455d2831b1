"""The settings of one section, taken one by one; what nobody takes is told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from radiusmfa.carry.site import Kind, Origin, Remark, SecretFile
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from radiusmfa.carry.ini import Section, Setting

_WHOLE_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})
_LONGEST_SECRET: Final = 1024
_UNKNOWN: Final = "radiusmfa does not know this setting: nothing was made of it"
_LOOK_UP: Final = "see what it is for; docs/configuration.md has every setting here"
PROTECTED: Final = "it was protected for the machine that it stands on, and cannot be read here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """
    What reading a file needs besides the file.

    Attributes:
        certificates: Returns what stands in the file of certificates that a setting names;
            None: it cannot be read.
        chance: Returns so many letters and digits by chance.
    """

    certificates: Callable[[str], bytes | None]
    chance: Callable[[int], str]


@dataclass(slots=True)
class Notes:
    """
    What is to be said in the end.

    Attributes:
        remarks: For the administrator.
        faults: Why nothing can be carried over: a line, and the text.
    """

    remarks: list[Remark] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


class Taker:
    """One section."""

    __slots__ = ("_notes", "_taken", "section")

    def __init__(self, section: Section, notes: Notes) -> None:
        """
        Begin with nothing taken.

        Args:
            section: What was read.
            notes: Where remarks and faults go.
        """
        self.section = section
        self._notes = notes
        self._taken: set[str] = set()

    def origin(self, name: str = "") -> Origin:
        """Return where the setting *name* stands, or the section."""
        found = self.section.settings.get(name)
        return Origin(section=self.section.name, line=found.line if found else self.section.line)

    def has(self, name: str) -> bool:
        """Return whether *name* has a value."""
        return bool(self._find(name))

    def text(self, name: str, default: str = "") -> str:
        """Return the value of *name*; one that is empty is none."""
        found = self._find(name)
        return found.value if found else default

    def need(self, name: str) -> str:
        """Return the value of *name*, which must be there."""
        text = self.text(name)
        if not text:
            self.fault(name, f"{name} is missing")
        return text

    def matching(self, name: str, form: re.Pattern[str], what: str, *, is_needed: bool) -> str:
        """Return a value that matches *form* as a whole; else *what* says what it must be."""
        text = self.need(name) if is_needed else self.text(name)
        if text and not form.fullmatch(text):
            self.fault(name, f"{name} must be {what}")
            return ""
        return text

    def number(self, name: str, default: int | None, *, low: int, high: int) -> int | None:
        """Return a whole number; one that is too small or too large for us is moved, and told."""
        text = self.text(name)
        if not text:
            return default
        if not _WHOLE_NUMBER.fullmatch(text):
            self.fault(name, f"{name} must be a whole number")
            return default
        number = min(max(int(text), low), high)
        if number != int(text):
            self.different(name, f"it must be from {low} to {high} here: {number} was taken")
        return number

    def port(self, name: str, default: int) -> int:
        """Return a port."""
        text = self.text(name, str(default))
        if not _WHOLE_NUMBER.fullmatch(text) or not 0 < int(text) <= 65535:  # noqa: PLR2004
            self.fault(name, f"{name} must be a port, 1 to 65535")
            return default
        return int(text)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a true or false."""
        word = self.text(name).lower()
        if not word:
            return default
        if word not in _YES | _NO:
            self.fault(name, f"{name} must be true or false")
        return word in _YES

    def choice(self, name: str, default: str, known: tuple[str, ...]) -> str:
        """Return one of *known* words, in lower case."""
        word = self.text(name, default).lower()
        if word not in known:
            self.fault(name, f"{name} must be {' or '.join(known)}")
            return default
        return word

    def words(self, name: str) -> tuple[str, ...]:
        """Return what stands between commas, none twice."""
        parts = (part.strip() for part in self.text(name).split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def numbered(self, prefix: str) -> list[str]:
        """Return the names of all settings that are *prefix* and a number, in that order."""
        form = re.compile(re.escape(prefix) + "([0-9]{1,9})")
        found = [match for name in self.section.settings if (match := form.fullmatch(name))]
        return [match[0] for match in sorted(found, key=lambda one: (int(one[1]), one[1]))]

    def secret(
        self, name: str, protected: str, file: str, context: Context, *, then: str = ""
    ) -> SecretFile | None:
        """
        Return a secret: as it stands there, or one by chance where it was protected.

        Args:
            name: Of the setting.
            protected: Of the setting where it stands if it was protected.
            file: Where it is to stand.
            context: Makes one up.
            then: What has to be done besides once it stands there.
        """
        plain, sealed = self._find(name), self._find(protected)
        if plain is None and sealed is None:
            self.fault("", f"{name} is missing")
            return None
        if plain is None:
            what = f"{PROTECTED}: secrets/{file} holds characters by chance"
            instead = f"write it into secrets/{file}, as one line, before the server starts{then}"
            self.remark(Kind.TO_DO, protected, what, instead)
            octets = context.chance(40).encode()
            return SecretFile(name=file, octets=Secret(octets), is_made_up=True)
        octets = plain.value.encode()
        if len(octets) > _LONGEST_SECRET:
            self.fault(name, f"{name} has more than {_LONGEST_SECRET} octets")
            return None
        return SecretFile(name=file, octets=Secret(octets))

    def fault(self, name: str, what: str) -> None:
        """Note why this section cannot be carried over; the text must not repeat a secret."""
        where = self.origin(name)
        self._notes.faults.append((where.line, f"line {where.line}: [{where.section}]: {what}"))

    def missing(self, name: str, text: str, instead: str = "") -> None:
        """Say of *name*, if it is there, that nothing was made of it."""
        if not name or self.has(name):
            self.remark(Kind.MISSING, name, text, instead)

    def different(self, name: str, text: str, instead: str = "") -> None:
        """Say what of *name* is not quite the same here."""
        self.remark(Kind.DIFFERENT, name, text, instead)

    def remark(self, kind: Kind, name: str, text: str, instead: str = "") -> None:
        """Say something of *name*, or of the section."""
        where = self.origin(name)
        self._notes.remarks.append(
            Remark(
                kind=kind,
                section=where.section,
                line=where.line,
                setting=name,
                text=text,
                instead=instead,
            )
        )

    def end(self, without: Mapping[str, tuple[str, str]]) -> None:
        """
        Tell of every setting that was not taken.

        Args:
            without: Settings that have no counterpart: why, and what to do instead.
        """
        for name, found in self.section.settings.items():
            if name in self._taken or not found.value:
                continue
            text, instead = without.get(name, (_UNKNOWN, _LOOK_UP))
            self.remark(Kind.MISSING, name, text, instead)

    def _find(self, name: str) -> Setting | None:
        self._taken.add(name)
        found = self.section.settings.get(name)
        return found if found is not None and found.value else None
