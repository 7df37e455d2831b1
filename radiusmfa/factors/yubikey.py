"""
One-time passwords of a YubiKey: what is typed, and what stands in its encrypted block.

A password is the public id of the key and 16 octets, encrypted with AES-128, in ModHex:
16 letters that lie in the same place on most keyboards. The block holds a private id, two
counters and a checksum. A counter that was used, or one before it, is never good again.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Final, NamedTuple, final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

if TYPE_CHECKING:
    from collections.abc import Iterable

PRIVATE_ID_OCTETS: Final = 6
KEY_OCTETS: Final = 16
SEED_OCTETS: Final = PRIVATE_ID_OCTETS + KEY_OCTETS
"""What the store keeps of a key that is checked here: private id and AES key."""
BLOCK_SIGNS: Final = 32  # 16 octets in ModHex
_FEWEST_SIGNS: Final = 2  # of a public id: without one nobody knows whose key it is
_MOST_SIGNS: Final = 16
_SIZES: Final = range(_FEWEST_SIGNS + BLOCK_SIGNS, _MOST_SIGNS + BLOCK_SIGNS + 1, 2)
_HEX: Final = b"0123456789abcdef"
_MODHEX: Final = b"cbdefghijklnrtuv"
_MODHEX_SIGNS: Final = frozenset(_MODHEX)
# The same keys on a Dvorak keyboard.
_DVORAK: Final = b"jxe.uidchtnbpygk"
_DVORAK_SIGNS: Final = frozenset(_DVORAK)
_FROM_DVORAK: Final = bytes.maketrans(_DVORAK, _MODHEX)
_TO_HEX: Final = bytes.maketrans(_MODHEX, _HEX)
_FROM_HEX: Final = bytes.maketrans(_HEX, _MODHEX)
_RESIDUE: Final = 0xF0B8  # of ISO 13239's checksum over a message that ends in its own
_POLYNOMIAL: Final = 0x8408


class Otp(NamedTuple):
    """
    A one-time password as it was typed, in lower-case ModHex.

    Attributes:
        public_id: Which key.
        block: 32 signs.
    """

    public_id: str
    block: bytes

    @property
    def text(self) -> str:
        """The whole of it."""
        return self.public_id + self.block.decode("ascii")


def readings(typed: bytes) -> tuple[Otp, ...]:
    """
    Return what *typed* can be: one password, seldom two, mostly none.

    A caps lock, a Dvorak keyboard and the Enter that many keys press are seen through. Twelve
    letters are ModHex and Dvorak both; what has only these is read as ModHex first.
    """
    # Most of what is typed ends here.
    if len(typed) < _SIZES.start:
        return ()
    signs = trimmed(typed).lower()
    if len(signs) not in _SIZES:
        return ()
    found = []
    if _MODHEX_SIGNS.issuperset(signs):
        found.append(_otp(signs))
    if _DVORAK_SIGNS.issuperset(signs):
        found.append(_otp(signs.translate(_FROM_DVORAK)))
    return tuple(found)


class Tail(NamedTuple):
    """
    A password at the end of what was typed.

    Attributes:
        before: What stands before it.
        typed: The password as it was typed.
        is_own: It is of one of the keys that were asked about.
    """

    before: bytes
    typed: bytes
    is_own: bool


def tail(typed: bytes, public_ids: Iterable[str]) -> Tail | None:
    """
    Return the password at the end of *typed*, None if there is none.

    Args:
        typed: Anything.
        public_ids: Of somebody's keys: as long as theirs is a public id.
    """
    known = set(public_ids)
    whole, found = trimmed(typed), None
    for size in sorted({len(one) + BLOCK_SIGNS for one in known}):
        if len(whole) < size or not (read := readings(whole[-size:])):
            continue
        is_own = any(one.public_id in known for one in read)
        if is_own or found is None:
            found = Tail(whole[:-size], whole[-size:], is_own)
        if is_own:
            break
    return found


def trimmed(typed: bytes) -> bytes:
    """Return *typed* without the Enter at its end."""
    return typed.rstrip(b"\r\n")


def modhex(plain: bytes) -> str:
    """Return octets in ModHex."""
    return plain.hex().encode("ascii").translate(_FROM_HEX).decode("ascii")


def is_public_id(text: str) -> bool:
    """Say whether *text* can be the public id of a key: 2 to 16 signs, an even number."""
    signs = text.encode("utf-8", "replace")
    return (
        len(signs) in range(_FEWEST_SIGNS, _MOST_SIGNS + 1, 2)
        and text.isascii()
        and _MODHEX_SIGNS.issuperset(signs)
    )


@final
class OtpKey:
    """Private id and AES key of one YubiKey; the key schedule is made once."""

    __slots__ = ("_decrypt", "_private_id")

    def __init__(self, seed: bytes) -> None:
        """
        Prepare *seed*.

        Args:
            seed: 6 octets of private id and 16 of AES key.

        Raises:
            ValueError: It has another length.
        """
        if len(seed) != SEED_OCTETS:
            msg = "a YubiKey has 6 octets of private id and 16 of key"
            raise ValueError(msg)
        self._private_id = seed[:PRIVATE_ID_OCTETS]
        cipher = Cipher(algorithms.AES128(seed[PRIVATE_ID_OCTETS:]), modes.ECB())  # noqa: S305 - the device's
        # With ECB each block stands for itself: one decryptor is good for all of them.
        self._decrypt = cipher.decryptor().update

    def step(self, block: bytes) -> int | None:
        """
        Return the step of a password, None if it is not one of this key.

        The later of two passwords has the larger step: how often the key was plugged in, and
        behind it how many passwords it has made since.

        Args:
            block: 32 signs of lower-case ModHex.
        """
        plain = self._decrypt(bytes.fromhex(block.translate(_TO_HEX).decode("ascii")))
        is_whole = _checksum(plain) == _RESIDUE
        is_own = hmac.compare_digest(plain[:PRIVATE_ID_OCTETS], self._private_id)
        if not (is_whole and is_own):
            return None
        # Bit 15 says that caps lock is on, in old keys.
        plugged = int.from_bytes(plain[6:8], "little") & 0x7FFF
        return plugged << 8 | plain[11]


def _otp(signs: bytes) -> Otp:
    return Otp(signs[:-BLOCK_SIGNS].decode("ascii"), signs[-BLOCK_SIGNS:])


def _checksum(octets: bytes) -> int:
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc
