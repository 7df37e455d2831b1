"""
What people have besides tokens: numbers, addresses, questions; in one form each, and masked.

Whoever has one is reached there, or knows the answer. The octets are what the store seals.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final, Self

OATH: Final = ("totp", "hotp")
"""Kinds of tokens that make passcodes of a seed."""
DESTINATIONS: Final = ("sms", "voice", "email")
"""Kinds that somebody is reached by."""
PERSONAL: Final = (*DESTINATIONS, "question")
"""Kinds that are one person's own: nobody else can use them."""
FEWEST_SIGNS: Final = 3
"""Of an answer."""
LARGEST_ANSWER: Final = 128
"""Octets of an answer: what a User-Password holds, RFC 2865 section 5.2."""
LARGEST_QUESTION: Final = 200
"""Octets of a question: it has to fit into one Reply-Message."""

_SEPARATORS: Final = re.compile(r"[ ./()\u00a0-]")
_NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)  # ITU-T E.164: at most 15 digits
# RFC 5321 section 4.1.2: Dot-string and Domain. Quoted strings and literals are left out: the
# signs in them have a meaning in headers.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@({_LABEL}(?:\.{_LABEL})+)", re.ASCII)
_LARGEST_LOCAL_PART: Final = 64  # RFC 5321 section 4.5.3.1.1
_LARGEST_ADDRESS: Final = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets
_SHOWN_DIGITS: Final = 4
_VERSION: Final = 1
_THINGS: Final = {"sms": "number", "voice": "number", "email": "address", "question": "question"}


class DeviceError(ValueError):
    """A number, address, question or answer that cannot be used; the text says why, without it."""


@dataclass(frozen=True, slots=True)
class Question:
    """
    A security question.

    Attributes:
        text: As it is asked.
        hashed: Of the answer in its normal form, by `primary.hashing`.
    """

    text: str
    hashed: str = field(repr=False)

    def dump(self) -> bytes:
        """Return the octets that the store seals."""
        return json.dumps([_VERSION, self.text, self.hashed], ensure_ascii=False).encode()

    @classmethod
    def load(cls, octets: bytes) -> Self | None:
        """Return what `dump` made; None: something else made it."""
        try:
            found = json.loads(octets)
        except ValueError:  # no UTF-8 either
            return None
        match found:
            case [int() as version, str() as text, str() as hashed] if version == _VERSION:
                return cls(text, hashed)
        return None


def thing(kind: str) -> str:
    """Return what a device of *kind* is, in a word: `number`, `address`, `question`, `seed`."""
    return _THINGS.get(kind, "seed")


def destination(kind: str, text: str) -> str:
    """
    Return where *text* says that somebody is reached by *kind*, in the one form of it.

    Raises:
        DeviceError: Nobody can be reached there.
    """
    return address(text) if kind == "email" else number(text)


def number(text: str) -> str:
    """
    Return a telephone number as ITU-T E.164 writes it: `+`, country code, number.

    Blanks, hyphens, dots, slashes and brackets pass. What is dialled before a country code
    differs between countries, so that a number has to begin with `+`.

    Raises:
        DeviceError: Any other text.
    """
    if "(0)" in text:
        raise DeviceError("the number holds (0), which is not dialled from abroad: leave it out")
    plain = _SEPARATORS.sub("", text.strip())
    if not plain.startswith("+"):
        raise DeviceError("the number must begin with + and the country code, as +491701234567")
    if not _NUMBER.fullmatch(plain):
        raise DeviceError("the number must have 7 to 15 digits after the +, the first not 0")
    return plain


def address(text: str) -> str:
    """
    Return one e-mail address; the case of the domain does not count, and is lower.

    Raises:
        DeviceError: No address, or several, or one with a name, quotes or signs beyond ASCII.
    """
    plain = text.strip()
    match = _ADDRESS.fullmatch(plain)
    if match is None:
        what = "the address must be one plain address, as alice@example.org"
        if not plain.isascii():
            what += ", in ASCII: a domain of other letters is written xn--..."
        raise DeviceError(what)
    if len(plain) > _LARGEST_ADDRESS or len(match[1]) > _LARGEST_LOCAL_PART:
        what = f"the address has more than {_LARGEST_ADDRESS} characters, or more than"
        raise DeviceError(f"{what} {_LARGEST_LOCAL_PART} before the @")
    return f"{match[1]}@{match[2].lower()}"


def question(text: str) -> str:
    """
    Return the text of a question, blanks collapsed.

    Raises:
        DeviceError: Empty, longer than 200 octets, or not printable.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).split())
    if not plain or not plain.isprintable():  # half a surrogate pair is not
        raise DeviceError("the question must be a printable text")
    if len(plain.encode()) > LARGEST_QUESTION:
        msg = f"the question has more than {LARGEST_QUESTION} octets"
        raise DeviceError(msg)
    return plain


def answer(typed: bytes) -> bytes:
    """
    Return an answer in its normal form: NFKC, case folded, blanks collapsed.

    Raises:
        DeviceError: No UTF-8, shorter than 3 characters, longer than 128 octets, or with
            control characters.
    """
    try:
        text = typed.decode()
    except UnicodeDecodeError:
        raise DeviceError("the answer is not UTF-8") from None
    # Folding makes some signs decomposable again, so that it is normalized before and after.
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    plain = " ".join(folded.split())
    if len(plain) < FEWEST_SIGNS:
        msg = f"the answer must have at least {FEWEST_SIGNS} characters"
        raise DeviceError(msg)
    if not plain.isprintable():
        raise DeviceError("the answer holds control characters")
    if len(plain.encode()) > LARGEST_ANSWER:
        msg = f"the answer has more than {LARGEST_ANSWER} octets"
        raise DeviceError(msg)
    return plain.encode()


def masked(kind: str, secret: bytes) -> str:
    """Return what may be shown of a device: `***4567`, `a***@example.org`; empty: nothing."""
    if kind not in DESTINATIONS:
        return ""
    text = secret.decode("utf-8", "replace")
    if kind == "email":
        local, _, domain = text.partition("@")
        return f"{local[:1] if len(local) > 1 else ''}***{domain and '@'}{domain}"
    return f"***{text[-_SHOWN_DIGITS:]}"


def whole(kind: str, secret: bytes) -> str:
    """Return all of a device that a person may read: the number, the address, the question."""
    if kind == "question":
        found = Question.load(secret)
        return "" if found is None else found.text
    return secret.decode("utf-8", "replace") if kind in DESTINATIONS else ""


def same(kind: str, secret: bytes) -> bytes:
    """Return what two devices of one person and kind must not have in common."""
    if kind == "question":
        return whole(kind, secret).casefold().encode()
    # HMAC fills a key up with zero octets: with and without them it makes the same passcodes.
    return secret if kind in DESTINATIONS else secret.rstrip(b"\0")
