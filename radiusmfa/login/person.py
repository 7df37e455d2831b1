"""What a directory says of one person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """
    One entry of a directory.

    Attributes:
        directory: Which directory.
        name: The person's one name here, normal form: tokens and lock-outs belong to it.
        dn: Distinguished name of the entry.
        groups: Names as the directory writes them, sorted.
        attributes: Name, as the configuration writes it, and texts in the directory's order.
    """

    directory: str
    name: str
    dn: str
    groups: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()


class PersonError(ValueError):
    """Octets that no `dump` has made."""


def dump(person: Person, looked_up: str) -> bytes:
    """Return *person*, and by which name they were found, to be sealed between two rounds."""
    row = [person.directory, person.name, person.dn, person.groups, person.attributes, looked_up]
    return _encoded(row).encode()


def load(octets: bytes) -> tuple[Person, str]:
    """Return what `dump` made *octets* of; raise PersonError for any others."""
    try:
        directory, name, dn, groups, attributes, looked_up = json.loads(octets)
        person = Person(
            directory=str(directory),
            name=str(name),
            dn=str(dn),
            groups=tuple(str(group) for group in groups),
            attributes=tuple(
                (str(name), tuple(str(text) for text in texts)) for name, texts in attributes
            ),
        )
        return person, str(looked_up)
    except (RecursionError, TypeError, ValueError):
        msg = "what a directory said of a person is damaged"
        raise PersonError(msg) from None
