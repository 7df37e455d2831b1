"""User names: one normal form for the wire, the store and the command line."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

LARGEST_NAME_OCTETS: Final = 253  # an attribute's value, RFC 2865 section 5.1


class UserNameError(ValueError):
    """A name that no user can have; the text says why, without the name."""


def normal_name(octets: bytes) -> str:
    r"""
    Return the normal form of a User-Name.

    Strict UTF-8, Unicode NFC, case folded: `Alice` and `alice` are one person.
    `DOMAIN\user` and `user@realm` stay as they are.

    Raises:
        UserNameError: Empty, over 253 octets, not UTF-8, or with NUL, control
            characters, or blanks at an end (nothing is cut or repaired).
    """
    try:
        text = octets.decode("utf-8", "strict")
    except UnicodeDecodeError:
        msg = "a user name must be UTF-8"
        raise UserNameError(msg) from None
    return user_name(text)


def user_name(text: str) -> str:
    """Return the normal form of a name typed by a person; see `normal_name`."""
    if not text:
        msg = "a user name must not be empty"
        raise UserNameError(msg)
    if text.isascii():
        name = text.lower()
        usable = text.isprintable()
    else:
        name = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
        usable = all(_is_fit(character) for character in text)
    if not usable or text != text.strip():
        msg = "a user name must not hold control characters, or blanks at an end"
        raise UserNameError(msg)
    if max(len(name.encode()), len(text.encode())) > LARGEST_NAME_OCTETS:
        msg = f"a user name has at most {LARGEST_NAME_OCTETS} octets"
        raise UserNameError(msg)
    return name


def stripped(octets: bytes, rules: Collection[str]) -> bytes:
    r"""
    Return a User-Name without what *rules* take off; may be empty.

    Args:
        octets: As it came.
        rules: `domain` (`DOMAIN\user`), `realm` (`user@realm`), both or none.
    """
    if "domain" in rules:
        octets = octets.rpartition(b"\\")[2]
    if "realm" in rules and b"@" in octets:
        octets = octets.rpartition(b"@")[0]
    return octets


def is_plain(octets: bytes) -> bool:
    """
    Say whether nothing but the case tells *octets*, a usable name, from its normal form.

    `straße` and `strasse` are one person here; another server may think otherwise.
    """
    if octets.isascii():
        return True
    text = unicodedata.normalize("NFC", octets.decode("utf-8", "replace"))
    return unicodedata.normalize("NFC", text.casefold()) == unicodedata.normalize(
        "NFC", text.lower()
    )


def _is_fit(character: str) -> bool:
    # Letters of every script, and the plain blank inside a name ("Jörg Müller"). Neither
    # half of a surrogate pair, which argv may bring: it is no character.
    category = unicodedata.category(character)
    return category[0] not in "CZ" or character == " "
