"""YubiKeys with their AES keys as files tell of them: Yubico's two logs, and three plain lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.enrol.records import FieldError
from radiusmfa.factors import yubikey
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence

KIND: Final = "yubico otp"
"""How Yubico's log calls such a slot."""
_PRIVATE_ID: Final = re.compile(rf"[0-9A-Fa-f]{{{2 * yubikey.PRIVATE_ID_OCTETS}}}")
_KEY: Final = re.compile(rf"[0-9A-Fa-f]{{{2 * yubikey.KEY_OCTETS}}}")
_IN_THE_LOG: Final = slice(3, 6)  # kind, date, slot, public id, private id, key
_IN_THE_FORM: Final = slice(1, 4)  # serial, public id, private id, key
_PLAIN: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class YubikeyRecord:
    """
    One YubiKey.

    Attributes:
        public_id: In ModHex, lower case.
        seed: Private id and AES key.
        where: The place in the file.
    """

    public_id: str
    seed: Secret
    where: str = ""


def record(public_id: str, private_id: str, key: str, where: str = "") -> YubikeyRecord:
    """
    Return a YubiKey.

    Args:
        public_id: ModHex, 2 to 16 signs.
        private_id: 12 hexadecimal digits.
        key: 32 hexadecimal digits.
        where: The place in the file.

    Raises:
        FieldError: One of them is something else; the text does not repeat it.
    """
    name = public_id_of(public_id)
    if not _PRIVATE_ID.fullmatch(private_id.strip()):
        raise FieldError("the private id must have 12 hexadecimal digits")
    if not _KEY.fullmatch(key.strip()):
        raise FieldError("the AES key must have 32 hexadecimal digits")
    seed = bytes.fromhex(private_id.strip() + key.strip())
    return YubikeyRecord(public_id=name, seed=Secret(seed), where=where)


def public_id_of(text: str) -> str:
    """
    Return a public id in its one form, lower case.

    Raises:
        FieldError: No key has it, or one without a public id.
    """
    name = text.strip().lower()
    if not yubikey.is_public_id(name):
        raise FieldError("the public id must have 2 to 16 letters of cbdefghijklnrtuv, by pairs")
    return name


def of_log(cells: list[str], where: str) -> YubikeyRecord:
    """Return what a row of the personalization tool's log says, or raise FieldError."""
    return _of(cells[_IN_THE_LOG], where)


def of_form(cells: list[str], where: str) -> YubikeyRecord:
    """Return what a row of Yubico's own form says, or raise FieldError."""
    return _of(cells[_IN_THE_FORM], where)


def of_lines(lines: Sequence[str]) -> YubikeyRecord:
    """
    Return what a file of one key says: public id, private id and AES key, each on its line.

    Raises:
        FieldError: It is something else.
    """
    return _of(lines, "the file")


def _of(cells: Sequence[str], where: str) -> YubikeyRecord:
    if len(cells) != _PLAIN:
        raise FieldError("expected public id, private id and AES key")
    public_id, private_id, key = cells
    return record(public_id, private_id, key, where)
