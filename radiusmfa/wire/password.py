"""User-Password hiding on octets, RFC 2865 section 5.2."""

from __future__ import annotations

from typing import Final

from radiusmfa.wire.digest import md5

_BLOCK_OCTETS: Final = 16
LARGEST_PASSWORD: Final = 128


class PasswordError(Exception):
    """A User-Password that is not 16 to 128 octets in steps of 16, or does not fit."""


def hide(password: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """
    Return *password* padded with NUL to a multiple of 16 and hidden.

    Raises:
        PasswordError: It has more than 128 octets.
    """
    if len(password) > LARGEST_PASSWORD:
        msg = "a password has at most 128 octets"
        raise PasswordError(msg)
    size = max(_BLOCK_OCTETS, -(-len(password) // _BLOCK_OCTETS) * _BLOCK_OCTETS)
    plain = password.ljust(size, b"\0")
    previous = authenticator
    blocks = []
    for at in range(0, size, _BLOCK_OCTETS):
        previous = _mask(plain[at : at + _BLOCK_OCTETS], secret, previous)
        blocks.append(previous)
    return b"".join(blocks)


def recover(hidden: bytes, secret: bytes, authenticator: bytes) -> bytes:
    """
    Return the password in *hidden* as octets, trailing NULs stripped.

    Nothing else is stripped or decoded: two passwords that differ in any octet
    differ here.

    Raises:
        PasswordError: The value is not 16 to 128 octets in steps of 16.
    """
    size = len(hidden)
    if size == _BLOCK_OCTETS:  # nearly all
        return _mask(hidden, secret, authenticator).rstrip(b"\0")
    if size % _BLOCK_OCTETS or not _BLOCK_OCTETS <= size <= LARGEST_PASSWORD:
        msg = "User-Password must have 16 to 128 octets in steps of 16"
        raise PasswordError(msg)
    masks, previous = [], authenticator
    for at in range(0, size, _BLOCK_OCTETS):
        masks.append(md5(secret + previous).digest())
        previous = hidden[at : at + _BLOCK_OCTETS]
    number = int.from_bytes(hidden, "big") ^ int.from_bytes(b"".join(masks), "big")
    return number.to_bytes(size, "big").rstrip(b"\0")


def _mask(block: bytes, secret: bytes, previous: bytes) -> bytes:
    mask = md5(secret + previous).digest()
    number = int.from_bytes(block, "big") ^ int.from_bytes(mask, "big")
    return number.to_bytes(_BLOCK_OCTETS, "big")
