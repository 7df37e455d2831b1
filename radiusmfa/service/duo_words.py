"""What somebody types for Duo, and what they are shown: words, menus, texts that fit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from radiusmfa.service.duo_answers import Device

LONGEST: Final = 253
"""Octets of a Reply-Message."""
WAYS: Final = ("push", "phone", "sms")
"""In the order of a menu."""
APPROVE: Final = "Approve the login on your phone, then press Enter."
ANSWER: Final = "Answer the call and do what it says, then press Enter."
NUMBER: Final = "Enter {} in Duo Mobile on your phone, then press Enter here."
THEN_ENTER: Final = "Then press Enter here."
PASSCODE: Final = "Passcode: "
SENT: Final = "Passcodes were sent to {}. Type one of them: "
SENT_NEXT: Final = "Passcodes were sent to {}. Type the one that begins with {}: "
SENT_ELSEWHERE: Final = "Passcodes were sent to your phone. Log in again with one of them."
ENROL: Final = "You have to enrol before you can log in."
ENROLLED: Final = "Finish the enrolment, then log in again."
NO_DEVICE: Final = "None of your devices can do that."
TYPE_A_CODE: Final = "Type a passcode here: there is no time to answer a phone."
_MOST_OPTIONS: Final = 20
"""Their names alone fit into a Reply-Message."""
_LINES: Final = {"push": "Push to {}", "phone": "Call {}", "sms": "Send passcodes to {}"}
_WORD: Final = re.compile(rb"(push|phone|sms|auto)([1-9][0-9]?)?", re.IGNORECASE)
_NUMBER: Final = re.compile(rb"[1-9][0-9]?")
# Of Duo Mobile, tokens, messages, bypass codes; and what a YubiKey types.
_PASSCODE: Final = re.compile(rb"[0-9]{6,10}|[cbdefghijklnrtuv]{32,64}")
_ESCAPES: Final = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])"
    r"|\x9b[0-?]*[ -/]*[@-~]"
)
_BLANKS: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Word:
    """
    A word that chooses.

    Attributes:
        way: `push`, `phone`, `sms` or `auto`.
        number: Which of the devices that can do it, from 1 on.
    """

    way: str
    number: int = 1


@dataclass(frozen=True, slots=True)
class Code:
    """
    A passcode.

    Attributes:
        text: As it was typed.
    """

    text: str

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "Code(...)"


@dataclass(frozen=True, slots=True)
class Pick:
    """
    A line of the menu.

    Attributes:
        number: From 1 on.
    """

    number: int


Typed: TypeAlias = Word | Code | Pick | None
"""None: nothing that has a meaning."""


def read(typed: bytes) -> Typed:
    """Return what *typed* means."""
    if match := _WORD.fullmatch(typed):
        return Word(match[1].decode().lower(), int(match[2] or 1))
    if _PASSCODE.fullmatch(typed):
        return Code(typed.decode())
    if _NUMBER.fullmatch(typed):
        return Pick(int(typed))
    return None


def options(devices: Iterable[Device]) -> tuple[tuple[str, Device], ...]:
    """Return what can be chosen of *devices*: way and device, in the order of the menu."""
    known = tuple(devices)
    found = ((way, device) for way in WAYS for device in known if way in device.can)
    return tuple(islice(found, _MOST_OPTIONS))


def menu(user: str, choices: Sequence[tuple[str, Device]]) -> str:
    """
    Return the menu of *choices*: a line each, or their names alone where that does not fit.

    Args:
        user: Whose login it is.
        choices: From `options`.
    """
    if not choices:
        return PASSCODE
    lines = [f" {at}. {_line(way, device)}" for at, (way, device) in enumerate(choices, 1)]
    numbers = "1" if len(choices) == 1 else f"1-{len(choices)}"
    long = "\n".join((
        f"Duo login for {plain(user)}", *lines, f"Passcode, or number ({numbers}): ",
    ))  # fmt: skip
    if len(long.encode()) <= LONGEST:
        return long
    return _short(choices)


def enrolment(text: str, portal: str) -> str:
    """Return what somebody reads who has to enrol: *text* of Duo, and where."""
    if not portal:
        return fitting(text or ENROL)
    whole = f"{text or ENROL}\n{portal}"
    if len(whole.encode()) <= LONGEST:
        return whole
    # An address that is cut leads nowhere.
    return portal if len(portal) <= LONGEST else fitting(text or ENROL)


def plain(text: str) -> str:
    """Return *text* on one line, without escape sequences and what cannot be printed."""
    text = _BLANKS.sub(" ", _ESCAPES.sub("", text))
    return "".join(letter for letter in text if letter.isprintable()).strip()


def fitting(text: str) -> str:
    """Return as much of *text* as a Reply-Message holds."""
    return text.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore")


def _line(way: str, device: Device) -> str:
    line = _LINES[way].format(device.label or "your phone")
    if way == "sms" and device.next_code:
        line += f" (next one begins with {device.next_code})"
    return line


def _short(choices: Sequence[tuple[str, Device]]) -> str:
    names = []
    for way in WAYS:
        count = sum(one == way for one, _ in choices)
        names += [f"{way}{at}" for at in range(1, count + 1)]
    return f"Passcode, or {', '.join(names)}: "
