"""Recovery codes: printed once, used once, stored only as a keyed hash."""

from __future__ import annotations

import hmac
import secrets
from typing import Final

# 32 signs less those that people mix up; 10 of them hold 49 bits.
_SIGNS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_SIGN_OCTETS: Final = frozenset(_SIGNS.encode())
SIGNS_IN_A_CODE: Final = 10
_HALF: Final = SIGNS_IN_A_CODE // 2
TYPED_OCTETS: Final = (SIGNS_IN_A_CODE + 1, SIGNS_IN_A_CODE)
"""Lengths of a recovery code as people type it: with and without its dash."""


def generate(count: int) -> list[str]:
    """Return *count* new codes as they are shown: `xxxxx-xxxxx`."""
    codes = ("".join(secrets.choice(_SIGNS) for _ in range(SIGNS_IN_A_CODE)) for _ in range(count))
    return [f"{code[:_HALF]}-{code[_HALF:]}" for code in codes]


def canonical(octets: bytes) -> bytes | None:
    """Return the ten signs of a typed code in lower case, or None if it is not one."""
    if len(octets) not in TYPED_OCTETS:
        return None
    code = octets.lower()
    if len(code) > SIGNS_IN_A_CODE:
        if code[_HALF] not in b"- ":
            return None
        code = code[:_HALF] + code[_HALF + 1 :]
    return code if _SIGN_OCTETS.issuperset(code) else None


def digest(pepper: bytes, user: int, code: bytes) -> bytes:
    """
    Return what the store keeps of a canonical code, 32 octets.

    Args:
        pepper: The store's own secret: without it the codes cannot be tried out.
        user: The user's number in the store; the same code of two users differs.
        code: From `canonical`.
    """
    return hmac.digest(pepper, b"recovery|%d|" % user + code, "sha256")
