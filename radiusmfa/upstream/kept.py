"""
What an upstream's Accept gives the client, kept in clear until its final Accept.

RFC 2868 section 3.5, RFC 2548 section 2.4: a hidden value is hidden for one request of
one hop. Between two rounds of a login it lies sealed in the store; here it becomes
octets for that, and attributes of the request that is answered at last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from radiusmfa.wire import mschap, password, salt, vendor
from radiusmfa.wire.codec import attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Key: TypeAlias = tuple[int, int]
"""Vendor, 0 for a standard attribute, and type."""

TUNNEL_PASSWORD: Final = (0, 69)
CHAP_MPPE_KEYS: Final = (mschap.MICROSOFT, mschap.CHAP_MPPE_KEYS)
OPENED: Final = frozenset({
    TUNNEL_PASSWORD,
    CHAP_MPPE_KEYS,
    (mschap.MICROSOFT, mschap.MPPE_SEND_KEY),
    (mschap.MICROSOFT, mschap.MPPE_RECV_KEY),
})  # fmt: skip
"""The hidden ones that we can open and hide anew."""

_FORMAT: Final = b"\x01"
_SIZE_OCTETS: Final = 2
_ROW_HEAD_OCTETS: Final = vendor.ID_OCTETS + 2


class Hidden(NamedTuple):
    """
    An attribute that is hidden on the wire.

    Attributes:
        vendor: Enterprise number, 0 for a standard attribute.
        kind: Its type.
        tag: One octet if it has a tag (RFC 2868 section 3.1), else none.
        value: In clear.
    """

    vendor: int
    kind: int
    tag: bytes
    value: bytes

    def __repr__(self) -> str:
        """Show nothing of the value."""
        return "Hidden(...)"


@dataclass(frozen=True, slots=True)
class Kept:
    """
    What an upstream's Accept gives the client, maybe later.

    Attributes:
        plain: Encoded attributes, none of them hidden.
        hidden: Those that are hidden, in clear.
    """

    plain: bytes
    hidden: tuple[Hidden, ...]

    def __repr__(self) -> str:
        """Show nothing of the values."""
        return "Kept(...)"


EMPTY: Final = Kept(b"", ())
"""What gives the client nothing."""


def seal(kept: Kept, secret: bytes, authenticator: bytes, entropy: Callable[[int], bytes]) -> bytes:
    """
    Return the encoded attributes of *kept* for an Accept, what is hidden hidden for its client.

    Args:
        kept: What an upstream's Accept gave.
        secret: Shared with the client.
        authenticator: Request Authenticator of the request that the Accept answers.
        entropy: Gives that many random octets.
    """
    if not kept.hidden:
        return kept.plain
    # RFC 2868 section 3.5: each salt in a packet "MUST be unique": they are counted on from
    # one that is drawn.
    first = int.from_bytes(entropy(salt.SALT_OCTETS), "big")
    parts = [kept.plain]
    for at, row in enumerate(kept.hidden):
        key = (row.vendor, row.kind)
        if key == CHAP_MPPE_KEYS:
            value = password.hide(row.value, secret, authenticator)
        else:
            fresh = (0x8000 | (first + at) & 0x7FFF).to_bytes(salt.SALT_OCTETS, "big")
            value = row.tag + salt.seal(row.value, secret, authenticator, fresh)
        parts.append(encoded(key, value))
    return b"".join(parts)


def dump(kept: Kept) -> bytes:
    """Return *kept* as octets that `load` reads; they hold keys in clear."""
    parts = [_FORMAT, len(kept.plain).to_bytes(_SIZE_OCTETS, "big"), kept.plain]
    for row in kept.hidden:
        value = row.tag + row.value
        parts += [
            row.vendor.to_bytes(vendor.ID_OCTETS, "big"),
            bytes((row.kind, len(value))),
            value,
        ]
    return b"".join(parts)


def load(octets: bytes) -> Kept:
    """
    Return what `dump` wrote.

    Raises:
        ValueError: Anything else; the text shows nothing of it.
    """
    start = len(_FORMAT) + _SIZE_OCTETS
    at = start + int.from_bytes(octets[len(_FORMAT) : start], "big")
    if not octets.startswith(_FORMAT) or not start <= at <= len(octets):
        raise damaged()
    plain = octets[start:at]
    list(walk(plain))  # its lengths add up, or it raises
    hidden = []
    while at < len(octets):
        head = octets[at : at + _ROW_HEAD_OCTETS]
        end = at + len(head) + head[-1]
        if len(head) < _ROW_HEAD_OCTETS or end > len(octets):
            raise damaged()
        hidden.append(_row(head, octets[at + len(head) : end]))
        at = end
    return Kept(plain, tuple(hidden))


def _row(head: bytes, value: bytes) -> Hidden:
    key = (int.from_bytes(head[: vendor.ID_OCTETS], "big"), head[vendor.ID_OCTETS])
    tag = value[: tag_octets(key)]
    value = value[len(tag) :]
    fits = (
        len(value) == mschap.CHAP_MPPE_KEYS_OCTETS
        if key == CHAP_MPPE_KEYS
        else len(value) <= salt.LARGEST_PLAIN
    )
    if key not in OPENED or len(tag) != tag_octets(key) or not fits:
        raise damaged()
    return Hidden(*key, tag, value)


def damaged() -> ValueError:
    """Return what to raise for octets that nothing here has made."""
    return ValueError("what was kept of an Accept is damaged")


def walk(octets: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of each attribute; raise ValueError if lengths do not add up."""
    end = len(octets)
    while at < end:
        size = octets[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end or not octets[at]:  # noqa: PLR2004 - type and length octets
            raise damaged()
        yield octets[at], octets[at + 2 : at + size]
        at += size


def encoded(key: Key, value: bytes) -> bytes:
    """Return a complete attribute; none if *value*, under a longer name, no longer fits."""
    maker, kind = key
    if not maker:
        return attribute(kind, value)
    return vendor.encode(maker, kind, value) if len(value) <= vendor.LARGEST_VALUE else b""


def tag_octets(key: Key) -> int:
    """Return how many octets the tag of *key* has (RFC 2868 section 3.5): 0 or 1."""
    return 1 if key == TUNNEL_PASSWORD else 0
