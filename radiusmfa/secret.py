"""Octets that do not show themselves."""

from __future__ import annotations

import hmac
from typing import final


@final
class Secret:
    """
    A shared secret, password, passcode or seed.

    It prints as `Secret(...)`, cannot be pickled or hashed, and compares in
    constant time. `reveal` is the word that a reviewer searches for.
    """

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        """Wrap *octets*."""
        self._octets = octets

    def reveal(self) -> bytes:
        """Return the octets."""
        return self._octets

    def __len__(self) -> int:
        """Return the number of octets."""
        return len(self._octets)

    def __eq__(self, other: object) -> bool:
        """Compare in constant time."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._octets, other._octets)

    __hash__ = None  # type: ignore[assignment]  # a key in a dict would outlive its use

    def __repr__(self) -> str:
        """Return the same text for every secret."""
        return "Secret(...)"

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to be pickled or copied into another process."""
        msg = "a Secret is not pickled"
        raise TypeError(msg)
