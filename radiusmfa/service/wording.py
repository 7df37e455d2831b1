"""What is sent: a text filled in, in letters that every telephone shows, in one message."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

NAMES: Final = ("code", "minutes", "user", "client")
"""What may stand in braces in a text."""
LONGEST_SMS: Final = 160
"""Characters of GSM 03.38 in one message; a longer one costs two, or comes in parts."""
_PLACE: Final = re.compile(r"\{([a-z]+)\}")
_BASIC: Final = frozenset(
    "@\u00a3$\u00a5\u00e8\u00e9\u00f9\u00ec\u00f2\u00c7\n\u00d8\u00f8\u00c5\u00e5"
    "\u0394_\u03a6\u0393\u039b\u03a9\u03a0\u03a8\u03a3\u0398\u039e\u00c6\u00e6\u00df\u00c9"
    " !\"#\u00a4%&'()*+,-./0123456789:;<=>?\u00a1ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    "\u00c4\u00d6\u00d1\u00dc\u00a7\u00bfabcdefghijklmnopqrstuvwxyz"
    "\u00e4\u00f6\u00f1\u00fc\u00e0"
)
_EXTENDED: Final = frozenset("^{}\\[~]|\u20ac")
"""Each takes the place of two."""


def filled(text: str, values: dict[str, str]) -> str:
    """Return *text* with what stands in braces replaced; other braces stay."""
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)


def unknown(text: str) -> list[str]:
    """Return what stands in braces in *text* and means nothing."""
    return [name for name in _PLACE.findall(text) if name not in NAMES]


def sms(text: str, values: dict[str, str]) -> str:
    """
    Return *text* filled in for a telephone: GSM letters, one message, the code whole.

    What is too long is taken off the names, from their ends: those of the client first.
    """
    plain = {name: gsm(value) for name, value in values.items()}
    for name in ("client", "user"):
        while plain.get(name) and septets(filled(text, plain)) > LONGEST_SMS:
            plain[name] = plain[name][:-1]
    return gsm(filled(text, plain))


def gsm(text: str) -> str:
    """Return *text* in the letters of GSM 03.38; others lose their accents, or become `?`."""
    return "".join(_letter(one) for one in text)


def septets(text: str) -> int:
    """Return how much of a message the GSM letters of *text* take."""
    return sum(2 if one in _EXTENDED else 1 for one in text)


def spoken(code: str) -> str:
    """Return *code* as it is read out: digit by digit."""
    return ", ".join(code)


def _letter(one: str) -> str:
    if one in _BASIC or one in _EXTENDED:
        return one
    bare = unicodedata.normalize("NFKD", one)[0]
    return bare if bare in _BASIC else "?"
