"""Tables of comma-separated values: delimiter, header, cells, and seeds in them."""

from __future__ import annotations

import contextlib
import csv
import re
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

from radiusmfa.enrol import base32
from radiusmfa.enrol.records import FieldError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DELIMITERS: Final = ";\t,"
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_WORDS: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@unique
class Encoding(StrEnum):
    """How a seed is written."""

    HEX = "hex"
    BASE32 = "base32"


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """
    Yield each row with its line; blank rows and lines that begin with `#` pass.

    The delimiter is the comma, semicolon or tab that the first row uses most; the comma
    where it uses none.

    Raises:
        FieldError: A quote that is not closed where it should be; nothing after it
            can be trusted, so the rows end there.
    """
    lines = text.split("\n")
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    used = [sign for sign in _DELIMITERS if sign in first]
    delimiter = max(used or [","], key=first.count)
    # A comment becomes an empty line: a quote in it must not swallow what follows.
    source = ("\n" if line.startswith("#") else line + "\n" for line in lines)
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    at = 1
    with contextlib.suppress(csv.Error):
        for row in reader:
            if at != reader.line_num:
                break
            if any(cell.strip() for cell in row):
                yield at, row
            at = reader.line_num + 1
        else:
            return
    msg = f"line {at}: a quoted cell is not closed on its line, or a cell is too long"
    raise FieldError(msg)


def header(cells: list[str], names: Mapping[str, str]) -> dict[str, int]:
    """
    Return where each column stands.

    Args:
        cells: The first row.
        names: Accepted spellings, in lower case with blanks, and what they mean.

    Raises:
        FieldError: An unknown column, or two that mean the same. Unknown names are
            not repeated: a row of seeds may stand where the header should.
    """
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        spelled = " ".join(cell.strip().lower().replace("_", " ").replace("-", " ").split())
        if not spelled and place == len(cells) - 1:  # a delimiter at the end of the line
            continue
        if spelled not in names:
            msg = f"column {place + 1} of the header has a name that is not known here"
            raise FieldError(msg)
        if names[spelled] in places:
            msg = f"columns {places[names[spelled]] + 1} and {place + 1} mean the same"
            raise FieldError(msg)
        places[names[spelled]] = place
    return places


def seed_octets(text: str, encoding: Encoding | None) -> bytes:
    """
    Return the octets of a seed.

    Args:
        text: Hexadecimal or base32; blanks and hyphens pass.
        encoding: Which; None takes whatever the text can only be.

    Raises:
        FieldError: Neither, or both where nothing says which.
    """
    joined = re.sub(r"[ \t-]", "", text)
    is_hex = _HEX.fullmatch(joined) is not None
    from_base32 = _from_base32(joined)
    if encoding is None and is_hex and from_base32 is not None:
        raise FieldError("the seed could be hex or base32: name the column seed_hex or seed_base32")
    if is_hex and encoding is not Encoding.BASE32:
        return bytes.fromhex(joined)
    if from_base32 is not None and encoding is not Encoding.HEX:
        return from_base32
    msg = f"the seed is not {encoding or 'hex or base32'}"
    raise FieldError(msg)


def flag(text: str, name: str) -> bool:
    """Return a yes or a no, an empty cell being no, or raise FieldError."""
    word = text.strip().lower()
    if word and word not in _WORDS:
        msg = f"{name} must be yes or no"
        raise FieldError(msg)
    return _WORDS.get(word, False)


def _from_base32(text: str) -> bytes | None:
    try:
        return base32.decode(text) if text else None
    except base32.Base32Error:
        return None
