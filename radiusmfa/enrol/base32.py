"""Base32 of OTP seeds, RFC 4648 section 6: exact, or as people type it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_EXACT: Final = re.compile(r"(?:[A-Z2-7]{8})*(?:[A-Z2-7]{2,7}=+)?")
_TYPED: Final = re.compile(r"([A-Z2-7]*)(=*)")
_IGNORED: Final = {ord(character): None for character in " \t\r\n-"}
_MOST_PADDING: Final = 6


class Base32Error(ValueError):
    """Text that is not base32; it never holds the text."""


def decode(text: str, *, strict: bool = False) -> bytes:
    """
    Return the octets that *text* stands for.

    Args:
        text: Base32; unless *strict*, of either case, with blanks and hyphens
            anywhere, and with or without padding.
        strict: Take RFC 4648 to the letter.

    Raises:
        Base32Error: Anything else, also bits left over at the end that are not zero.
    """
    letters = _exact(text) if strict else _typed(text)
    try:
        octets = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        raise Base32Error("not base32: a character is missing or too many") from None
    if encode(octets) != letters:  # RFC 4648 section 3.5: such pad bits may be refused
        raise Base32Error("not base32: the last character does not fit")
    return octets


def encode(octets: bytes) -> str:
    """Return *octets* as base32 without padding, the form that applications take."""
    return base64.b32encode(octets).decode("ascii").rstrip("=")


def _exact(text: str) -> str:
    if _EXACT.fullmatch(text) is None or len(text) % 8:
        raise Base32Error("not base32 as RFC 4648 writes it")
    return text.rstrip("=")


def _typed(text: str) -> str:
    if not text.isascii():
        raise Base32Error("not base32: only A to Z and 2 to 7 stand for something")
    found = _TYPED.fullmatch(text.translate(_IGNORED).upper())
    if found is None:
        raise Base32Error("not base32: only A to Z and 2 to 7 stand for something")
    letters, padding = found.groups()
    if len(padding) > _MOST_PADDING or (padding and not letters):
        raise Base32Error("not base32: too much padding")
    return letters
