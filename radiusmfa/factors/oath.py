"""The arithmetic of HOTP and TOTP: RFC 4226 section 5, RFC 6238 section 4."""

from __future__ import annotations

import hashlib
from typing import Final, final

ALGORITHMS: Final = ("sha1", "sha256", "sha512")
_BLOCK_OCTETS: Final = {"sha1": 64, "sha256": 64, "sha512": 128}
_INNER_PAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD: Final = bytes(octet ^ 0x5C for octet in range(256))
_MODULUS: Final = {digits: 10**digits for digits in range(6, 11)}
LARGEST_COUNTER: Final = 2**63 - 1  # what the store holds


@final
class PasscodeKey:
    """
    A seed, ready to make passcodes: HMAC's two states are made once and copied.

    Attributes:
        digits: 6 to 10.
    """

    __slots__ = ("_inner", "_modulus", "_outer", "digits")

    def __init__(self, seed: bytes, algorithm: str, digits: int) -> None:
        """
        Prepare *seed*.

        Args:
            seed: Key octets, any number.
            algorithm: `sha1`, `sha256` or `sha512`.
            digits: Length of a passcode.

        Raises:
            ValueError: Unknown algorithm or number of digits.
        """
        if algorithm not in _BLOCK_OCTETS or digits not in _MODULUS:
            msg = "unknown algorithm or number of digits"
            raise ValueError(msg)
        block = _BLOCK_OCTETS[algorithm]
        key = hashlib.new(algorithm, seed).digest() if len(seed) > block else seed
        key = key.ljust(block, b"\0")
        self._inner = hashlib.new(algorithm, key.translate(_INNER_PAD))
        self._outer = hashlib.new(algorithm, key.translate(_OUTER_PAD))
        self._modulus = _MODULUS[digits]
        self.digits = digits

    def number(self, counter: int) -> int:
        """Return the passcode for *counter* (0 to 2**64 - 1) as a number."""
        inner = self._inner.copy()
        inner.update(counter.to_bytes(8, "big"))
        outer = self._outer.copy()
        outer.update(inner.digest())
        digest = outer.digest()
        # RFC 4226 section 5.3; for the longer hashes the offset is in the last octet too.
        at = digest[-1] & 15
        truncated = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
        number: int = truncated % self._modulus
        return number


def passcode(seed: bytes, counter: int, digits: int = 6, algorithm: str = "sha1") -> str:
    """Return the passcode of *seed* for *counter* with its leading zeros."""
    return f"{PasscodeKey(seed, algorithm, digits).number(counter):0{digits}d}"
