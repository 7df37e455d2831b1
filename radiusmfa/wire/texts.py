"""Values of attributes as a person writes them: the way back of `names.encode`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final

from radiusmfa.wire import names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CONTROL: Final = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")
"""What moves a cursor or ends a line: no value that a person would write holds it."""
_HEXADECIMAL: Final = "0x"
_INTERFACE_OCTETS: Final = 8  # RFC 3162 section 2.2
_LARGEST_PREFIX: Final = 18  # RFC 3162 section 2.3: reserved, length, up to 16 octets
_IPV6_OCTETS: Final = 16


def written(found: names.Attribute, octets: bytes) -> str:
    """
    Return *octets*, the value of an attribute without its tag, as text.

    Octets that are no plain text are `0x` and digits, and so is a text that begins with
    `0x`: two values never have the same text.

    Raises:
        names.AttributeValueError: They are no value of the attribute's type.
    """
    value = _without_tag(found, octets)
    try:
        if size := names.INTEGER_OCTETS.get(found.kind):
            return _number(found, value, size)
        return _CONVERTERS[found.kind](value)
    except (KeyError, ValueError, OverflowError):
        raise names.AttributeValueError(f"holds no value of type {found.kind}") from None


def _without_tag(found: names.Attribute, octets: bytes) -> bytes:
    if not found.tagged:
        return octets
    if found.kind == "integer":
        return bytes(1) + octets[1:]
    # RFC 2868 section 3.3: an octet above 0x1F belongs to the text.
    return octets[1:] if octets[:1] <= bytes([names.LARGEST_TAG]) else octets


def _number(found: names.Attribute, octets: bytes, size: int) -> str:
    if len(octets) != size:
        raise ValueError
    number = int.from_bytes(octets, "big")
    return next((name for name, at in found.values.items() if at == number), str(number))


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "strict")


def _octets(octets: bytes) -> str:
    try:
        text = _text(octets)
    except UnicodeDecodeError:
        text = _HEXADECIMAL
    is_plain = not (text.startswith(_HEXADECIMAL) or CONTROL.search(text))
    return text if is_plain else _HEXADECIMAL + octets.hex()


def _date(octets: bytes) -> str:
    if len(octets) != names.INTEGER_OCTETS["integer"]:
        raise ValueError
    time = datetime.fromtimestamp(int.from_bytes(octets, "big"), UTC)
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _prefix(octets: bytes) -> str:
    if not 2 <= len(octets) <= _LARGEST_PREFIX:  # noqa: PLR2004 - reserved and length octets
        raise ValueError
    return str(IPv6Network((octets[2:].ljust(_IPV6_OCTETS, b"\0"), octets[1])))


def _interface(octets: bytes) -> str:
    if len(octets) != _INTERFACE_OCTETS:
        raise ValueError
    return octets.hex(":", 2)


def _ether(octets: bytes) -> str:
    if len(octets) != 6:  # noqa: PLR2004 - of an Ethernet address
        raise ValueError
    return octets.hex(":")


_CONVERTERS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "string": _text,
    "octets": _octets,
    "date": _date,
    "ipaddr": lambda octets: str(IPv4Address(octets)),
    "ipv6addr": lambda octets: str(IPv6Address(octets)),
    "ipv6prefix": _prefix,
    "ifid": _interface,
    "ether": _ether,
}
