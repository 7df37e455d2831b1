"""
Salted hiding on octets: tunnel passwords and MPPE keys.

RFC 2868 section 3.5, RFC 2548 sections 2.4.2 and 2.4.3. Hidden is a length octet,
then the value, then NULs up to a multiple of 16; the salt comes first, in clear.
"""

from __future__ import annotations

from typing import Final

from radiusmfa.wire.digest import md5

SALT_OCTETS: Final = 2
LARGEST_PLAIN: Final = 239  # 15 blocks less the length octet: what fits one attribute
_BLOCK_OCTETS: Final = 16
_LARGEST_HIDDEN: Final = SALT_OCTETS + 240
_TOP_BIT: Final = 0x80


class SaltError(Exception):
    """A value or a salt that cannot be hidden, or a hidden value that does not open."""


def seal(plain: bytes, secret: bytes, authenticator: bytes, salt: bytes) -> bytes:
    """
    Return *salt*, then *plain* hidden.

    Args:
        plain: 0 to 239 octets.
        secret: Shared with whoever shall read it.
        authenticator: Request Authenticator of the Access-Request, also in its reply.
        salt: Two octets, the top bit set; no two in one packet may be equal.

    Raises:
        SaltError: *plain* is too long, or *salt* is no salt.
    """
    if len(plain) > LARGEST_PLAIN:
        raise SaltError("a hidden value has at most 239 octets")
    # "The most significant bit (leftmost) of the Salt field MUST be set (1)" (RFC 2868).
    if len(salt) != SALT_OCTETS or not salt[0] & _TOP_BIT:
        raise SaltError("a salt has two octets, and its top bit is set")
    size = -(-(len(plain) + 1) // _BLOCK_OCTETS) * _BLOCK_OCTETS
    padded = (bytes((len(plain),)) + plain).ljust(size, b"\0")
    blocks = [salt]
    previous = authenticator + salt
    for at in range(0, size, _BLOCK_OCTETS):
        previous = _xor(padded[at : at + _BLOCK_OCTETS], md5(secret + previous).digest())
        blocks.append(previous)
    return b"".join(blocks)


def unseal(hidden: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """
    Return what `seal` hid: 0 to 239 octets.

    Whoever has another secret gets other octets, or the error: nothing in the value
    shows that it is genuine. That is the packet's signature's business.

    Raises:
        SaltError: Not a salt and 1 to 15 blocks of 16 octets, or a length octet that
            exceeds what follows it.
    """
    size = len(hidden) - SALT_OCTETS
    if size < _BLOCK_OCTETS or size % _BLOCK_OCTETS or len(hidden) > _LARGEST_HIDDEN:
        raise SaltError("a hidden value is a salt and 1 to 15 blocks of 16 octets")
    masks = []
    previous = authenticator + hidden[:SALT_OCTETS]
    for at in range(SALT_OCTETS, len(hidden), _BLOCK_OCTETS):
        masks.append(md5(secret + previous).digest())
        previous = hidden[at : at + _BLOCK_OCTETS]
    padded = _xor(hidden[SALT_OCTETS:], b"".join(masks))
    if padded[0] >= size:
        raise SaltError("the length octet exceeds the hidden value")
    return padded[1 : 1 + padded[0]]


def _xor(one: bytes, other: bytes) -> bytes:
    number = int.from_bytes(one, "big") ^ int.from_bytes(other, "big")
    return number.to_bytes(len(one), "big")
