"""
Where a person can be reached: numbers and addresses, checked, masked, chosen by a word.

They come from the person's devices in the store or from what a directory says of them,
never from a request.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from radiusmfa.login import devices
from radiusmfa.login.devices import DeviceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.login.errands import AskService

_WORD: Final = re.compile(r"([a-z]{1,20})([1-9]?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """
    Somewhere that a code can be sent to.

    Attributes:
        to: The number (E.164) or the address.
        masked: What may be shown and written of it.
        serial: Of the device; empty: a directory knows it.
    """

    to: str = field(repr=False)
    masked: str
    serial: str = ""


def find(
    asked: AskService, kind: str, *, attribute: str = "", prefixes: tuple[str, ...] = ()
) -> tuple[Destination, ...]:
    """
    Return where the person of *asked* can be reached, in order; what cannot be used is left out.

    Args:
        asked: Whose devices and attributes.
        kind: `sms`, `voice` or `email`.
        attribute: Of the directory, where the person has no device; empty: none.
        prefixes: Numbers begin with one of these; empty: any.
    """
    found: dict[str, Destination] = {}
    for text, serial in _written(asked, attribute):
        to = _usable(kind, text)
        if to and (not prefixes or to.startswith(prefixes)):
            shown = devices.masked(kind, to.encode())
            found.setdefault(to, Destination(to=to, masked=shown, serial=serial))
    return tuple(found.values())


def chosen(typed: bytes, words: tuple[str, ...]) -> int:
    """Return which destination *typed* asks for, from 1 on; 0: it is no word that asks for one."""
    match = _WORD.fullmatch(typed.decode("ascii", "replace").strip().lower())
    if match is None or match[1] not in words:
        return 0
    return int(match[2] or 1)


def _written(asked: AskService, attribute: str) -> Iterator[tuple[str, str]]:
    if asked.devices:
        for device in asked.devices:
            yield device.secret.decode("utf-8", "replace"), device.serial
        return
    for name, texts in asked.attributes:
        if attribute and name.lower() == attribute.lower():
            yield from ((text, "") for text in texts)


def _usable(kind: str, text: str) -> str:
    # "+49 (0)30 1234", as directories have it: the zero is not dialled from abroad.
    text = text.replace("(0)", "") if kind != "email" else text
    try:
        return devices.destination(kind, text)
    except DeviceError:
        return ""
