"""
Attributes on their way: of a request to an upstream, of its Accept to the client.

RFC 2865 section 2.3, RFC 2868 section 3.5, RFC 2548 section 2.4. What belongs to one
hop (proofs, State, Proxy-State, signatures) never passes to the other. What is hidden
with the secret of one hop is opened, kept in clear, and hidden anew for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, final

from radiusmfa.upstream.kept import (
    CHAP_MPPE_KEYS,
    EMPTY,
    OPENED,
    Hidden,
    Kept,
    damaged,
    encoded,
    tag_octets,
    walk,
)
from radiusmfa.wire import mschap, names, numbers, password, salt, texts, vendor
from radiusmfa.wire.codec import attribute

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from radiusmfa.config.upstream_model import Passing
    from radiusmfa.upstream.kept import Key
    from radiusmfa.wire.codec import Packet

_CHAP_CHALLENGE: Final = 60
_ERROR_CAUSE: Final = 101
_ARAP: Final = frozenset({70, 71, 72, 73, 74, 84})  # RFC 2869 sections 5.4 to 5.8, 5.15
_USER_NAME: Final = (0, numbers.USER_NAME)
_CLASS: Final = (0, numbers.CLASS)
_MICROSOFT: Final = mschap.MICROSOFT.to_bytes(vendor.ID_OCTETS, "big")


def _microsoft(kinds: Iterable[int]) -> frozenset[Key]:
    return frozenset((mschap.MICROSOFT, kind) for kind in kinds)


_OF_EXCHANGE: Final = _microsoft(mschap.OF_ACCEPT)
_OF_ONE_HOP: Final = frozenset(
    (0, kind)
    for kind in (
        numbers.USER_PASSWORD, numbers.CHAP_PASSWORD, numbers.STATE, numbers.PROXY_STATE,
        _CHAP_CHALLENGE, numbers.EAP_MESSAGE, numbers.MESSAGE_AUTHENTICATOR,
    )
) | _microsoft((mschap.CHAP_ERROR, *mschap.OF_REQUEST))  # fmt: skip
_NOT_TAKEN: Final = _OF_ONE_HOP | {(0, numbers.PROMPT), (0, _ERROR_CAUSE)}
_NOT_SENT: Final = (
    _OF_ONE_HOP | _OF_EXCHANGE | OPENED | {_USER_NAME} | {(0, kind) for kind in _ARAP}
)
# Under these names nothing else is passed: it would pass for what it is not.
_NO_NEW_NAME: Final = OPENED | _OF_EXCHANGE | {(0, numbers.VENDOR_SPECIFIC)}

_DROPPED: Final = 0
_AS_IT_IS: Final = 1
_LOOKED_AT: Final = 2


class UnusableReplyError(Exception):
    """
    A reply with a hidden attribute that does not open, so that it cannot be passed on.

    Attributes:
        vendor: Enterprise number, 0 for a standard attribute.
        kind: Its type.
    """

    def __init__(self, vendor: int, kind: int) -> None:
        """Name the attribute, nothing of its value."""
        super().__init__(f"the hidden attribute {vendor}/{kind} does not open")
        self.vendor = vendor
        self.kind = kind


@final
class Taken:
    """Which attributes of an upstream's Accept the client gets, compiled once."""

    __slots__ = ("_rules",)

    def __init__(self, passing: Passing) -> None:
        """
        Compile *passing*.

        Raises:
            names.AttributeValueError: No dictionary has one of its names.
        """
        self._rules = _compiled(passing, never=_NOT_TAKEN, always=_OF_EXCHANGE)

    def take(self, packet: Packet, secret: bytes, authenticator: bytes) -> Kept:
        """
        Return what *packet* gives the client.

        Never State and what else belongs to one hop; User-Name only by name; what
        belongs to MS-CHAP always. Hidden ones come out in clear.

        Args:
            packet: The Accept, verified.
            secret: Shared with the upstream.
            authenticator: Request Authenticator of the request that it answers.

        Raises:
            UnusableReplyError: One of the hidden ones that are passed does not open.
        """
        plain, hidden = _sifted(packet.octets, numbers.HEADER_OCTETS, self._rules)
        if not plain and not hidden:
            return EMPTY
        return Kept(
            plain, tuple([_opened(key, value, secret, authenticator) for key, value in hidden])
        )


@final
class Sent:
    """Which attributes of a client's request an upstream gets, compiled once."""

    __slots__ = ("_rules",)

    def __init__(self, passing: Passing) -> None:
        """
        Compile *passing*.

        Raises:
            names.AttributeValueError: No dictionary has one of its names.
        """
        self._rules = _compiled(passing, never=_NOT_SENT, always=frozenset())

    def send(self, packet: Packet) -> bytes:
        """
        Return the encoded attributes of *packet* that the upstream gets.

        Never User-Name, a proof of any kind, or what belongs to one hop: the caller adds
        its own.
        """
        return _sifted(packet.octets, numbers.HEADER_OCTETS, self._rules)[0]


def replace(kept: Kept, own: bytes) -> Kept:
    """
    Return *kept* without the plain attributes that also stand in *own*.

    Class stays: it may stand several times, and the upstream knows its sessions by it
    (RFC 2865 section 5.25).

    Args:
        kept: What an upstream's Accept gave.
        own: Encoded attributes that the client gets whatever the upstream says.
    """
    if not kept.plain:
        return kept
    here: set[Key] = set()
    for kind, value in walk(own):
        here.update((maker, code) for maker, code, _ in _parts(kind, value) or ())
    here.discard(_CLASS)
    return Kept(_sifted(kept.plain, 0, _without(frozenset(here)))[0], kept.hidden)


def values(kept: Kept, name: str) -> list[str]:
    """
    Return the values of an attribute of *kept* as texts, in order; none of a hidden one.

    Raises:
        names.AttributeValueError: No dictionary has *name*, or what the upstream has sent
            is no value of its type.
    """
    found = names.attribute(name)
    return [
        texts.written(found, value)
        for kind, whole in walk(kept.plain)
        for maker, code, value in _parts(kind, whole) or ()
        if (maker, code) == (found.vendor, found.code)
    ]


@dataclass(frozen=True, slots=True)
class _Rules:
    """
    What becomes of each attribute.

    Attributes:
        routes: What it is called on the other hop, None if it does not get there.
        everything: What is not in `routes` keeps its name; else it stays behind.
        fates: What becomes of each standard type, by number: `_DROPPED`, `_AS_IT_IS`, or
            `_LOOKED_AT` where that takes more than a glance.
    """

    routes: Mapping[Key, Key | None]
    everything: bool
    fates: bytes

    def route(self, key: Key) -> Key | None:
        """Return what *key* is called on the other hop, or None."""
        return self.routes.get(key, key if self.everything else None)

    def passes_opaque(self, value: bytes) -> bool:
        """Say whether a Vendor-Specific that nobody can look into is passed."""
        # Microsoft's may hold a proof or a key that a more lenient reader finds.
        return self.everything and not value.startswith(_MICROSOFT)


def _rules(routes: Mapping[Key, Key | None], *, everything: bool) -> _Rules:
    fates = bytearray()
    for kind in range(256):
        key = (0, kind)
        to = routes.get(key, key if everything else None)
        if kind == numbers.VENDOR_SPECIFIC or key in OPENED or to not in {None, key}:
            fates.append(_LOOKED_AT)
        else:
            fates.append(_DROPPED if to is None else _AS_IT_IS)
    return _Rules(routes, everything, bytes(fates))


@lru_cache(maxsize=256)  # the names of a configuration; compiling costs more than a login
def _without(keys: frozenset[Key]) -> _Rules:
    return _rules(dict.fromkeys(keys), everything=True)


def _compiled(passing: Passing, *, never: frozenset[Key], always: frozenset[Key]) -> _Rules:
    routes: dict[Key, Key | None] = {_USER_NAME: None}
    for name, other in passing.names:
        here, there = names.attribute(name), names.attribute(other)
        routes[here.vendor, here.code] = _renamed(here, there, never)
    routes.update(dict.fromkeys(never))
    routes.update((key, key) for key in always)
    return _rules(routes, everything=passing.everything)


def _renamed(here: names.Attribute, there: names.Attribute, never: frozenset[Key]) -> Key | None:
    key, other = (here.vendor, here.code), (there.vendor, there.code)
    if key == other:
        return key if key in OPENED or not here.hidden else None
    # Renamed, a key would leave in clear, and a text would be taken for a key.
    if here.hidden or there.hidden or other in never | _NO_NEW_NAME:
        return None
    return other


def _sifted(octets: bytes, at: int, rules: _Rules) -> tuple[bytes, list[tuple[Key, bytes]]]:
    """Return what passes: encoded what is plain, by key what is hidden, as it came."""
    plain: list[bytes] = []
    hidden: list[tuple[Key, bytes]] = []
    fates, end = rules.fates, len(octets)
    while at < end:  # as `walk`, which would cost a generator and a copy of every value
        kind = octets[at]
        size = octets[at + 1] if at + 1 < end else 0
        if size < 2 or at + size > end or not kind:  # noqa: PLR2004 - type and length octets
            raise damaged()
        fate = fates[kind]
        if fate == _AS_IT_IS:
            plain.append(octets[at : at + size])
        elif fate == _LOOKED_AT:
            _look_at(kind, octets[at + 2 : at + size], rules, plain, hidden)
        at += size
    return b"".join(plain), hidden


def _look_at(
    kind: int,
    value: bytes,
    rules: _Rules,
    plain: list[bytes],
    hidden: list[tuple[Key, bytes]],
) -> None:
    parts = _parts(kind, value)
    if parts is None:
        if rules.passes_opaque(value):
            plain.append(attribute(kind, value))
        return
    same = b""
    for maker, code, inner in parts:
        key = (maker, code)
        to = rules.route(key)
        if to is None:
            continue
        if key in OPENED:
            hidden.append((key, inner))
        elif to == key:
            same += attribute(code, inner)
        else:
            plain.append(encoded(to, inner))
    # Sub-attributes that stood in one attribute stay in one: nothing grows.
    if same and kind == numbers.VENDOR_SPECIFIC:
        same = attribute(kind, value[: vendor.ID_OCTETS] + same)
    plain.append(same)


def _parts(kind: int, value: bytes) -> list[tuple[int, int, bytes]] | None:
    if kind == numbers.VENDOR_SPECIFIC:
        return vendor.sub_attributes(value)
    return [(0, kind, value)]


def _opened(key: Key, value: bytes, secret: bytes, authenticator: bytes) -> Hidden:
    if key == CHAP_MPPE_KEYS:
        size = mschap.CHAP_MPPE_KEYS_OCTETS
        if len(value) != size:
            raise UnusableReplyError(*key)
        # A key may end in NULs, which a password would lose.
        clear = password.recover(value, secret, authenticator).ljust(size, b"\0")
        return Hidden(*key, b"", clear)
    tag = value[: tag_octets(key)]
    try:
        return Hidden(*key, tag, salt.unseal(value[len(tag) :], secret, authenticator))
    except salt.SaltError:
        raise UnusableReplyError(*key) from None
