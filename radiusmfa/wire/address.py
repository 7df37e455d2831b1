"""
Where a person is: the address in one of the attributes that a client's device uses for it.

It stands in `wire` because attributes are found here, by number and in vendors' attributes, and
because the configuration checks what it names with the same code. Whatever a device writes,
`Reader.read` answers with an address or None.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, final

from radiusmfa.wire import names, numbers, vendor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Address

    from radiusmfa.wire.codec import Packet

    Address: TypeAlias = IPv4Address | IPv6Address

_TEXT_KINDS: Final = frozenset({"string", "octets"})
_SIZES: Final = {"octets": {4, 16}, "ipaddr": {4}, "ipv6addr": {16}}
"""Octets of an address in attributes of these kinds."""
_LARGEST_TAG: Final = 0x1F  # RFC 2868 section 3.1
_LONGEST_TEXT_OCTETS: Final = 64
# `192.0.2.1:4500`, `[2001:db8::1]:4500`, and strongSwan's `192.0.2.1[4500]`, `2001:db8::1[4500]`.
_WITH_PORT: Final = re.compile(
    r"(?P<plain>[0-9.]+):[0-9]{1,5}"
    r"|\[(?P<inside>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?"
    r"|(?P<before>[0-9A-Fa-f:.]+)\[[0-9]{1,5}\]"
)
# Eight pairs of digits are the MAC address of a wireless device (EUI-64) that looks like IPv6.
_EUI_64: Final = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){7}")


class Source(NamedTuple):
    """
    One attribute that may hold the address.

    Attributes:
        vendor: Enterprise number, 0 for a standard attribute.
        code: Its type; for a vendor's attribute the vendor type.
        prefix: What the text must begin with; the address follows.
        kind: Data type: `string`, `octets`, `ipaddr` or `ipv6addr`.
        tagged: Whether a tag may stand in front (RFC 2868).
    """

    vendor: int
    code: int
    prefix: bytes
    kind: str
    tagged: bool


def source(entry: str) -> Source:
    """
    Return the attribute that *entry* names.

    Args:
        entry: A name; behind a colon what the text must begin with, as in
            `Cisco-AVPair:ip:source-ip=`.

    Raises:
        AttributeValueError: No dictionary has it, or it cannot hold an address.
    """
    name, colon, prefix = entry.partition(":")
    found = names.attribute(name)
    if found.hidden or found.kind not in {*_TEXT_KINDS, *_SIZES}:
        raise names.AttributeValueError(f"{found.name} cannot hold an address")
    if colon and (not prefix or found.kind not in _TEXT_KINDS):
        what = (
            f"has no text that could begin with {prefix!r}" if prefix else "is followed by nothing"
        )
        raise names.AttributeValueError(f"{found.name} {what}")
    return Source(found.vendor, found.code, prefix.encode(), found.kind, found.tagged)


@final
class Reader:
    """Finds the address in a packet, as one client's `address` says."""

    __slots__ = ("_has_vendors", "_sources")

    def __init__(self, entries: Iterable[str]) -> None:
        """Compile *entries*, the likeliest first; see `source`."""
        self._sources = tuple(source(entry) for entry in entries)
        self._has_vendors = any(found.vendor for found in self._sources)

    def read(self, packet: Packet) -> Address | None:
        """
        Return the first address that one of the attributes holds.

        An IPv4 address in IPv6 form is an IPv4 address. None: there is none, so it is not
        known where the person is. A MAC address, a telephone number and the address of nobody
        (`0.0.0.0`) are no address, and the next attribute is looked at.
        """
        of_vendors = _of_vendors(packet) if self._has_vendors else []
        for wanted in self._sources:
            if wanted.vendor:
                key = wanted[:2]
                values = [value for maker, kind, value in of_vendors if (maker, kind) == key]
            else:
                values = packet.values(wanted.code)
            for value in values:
                found = _address(value, wanted)
                if found is not None:
                    return found
        return None


def _of_vendors(packet: Packet) -> list[tuple[int, int, bytes]]:
    return [
        part
        for whole in packet.values(numbers.VENDOR_SPECIFIC)
        for part in vendor.sub_attributes(whole) or ()
    ]


def _address(value: bytes, wanted: Source) -> Address | None:
    if wanted.tagged and value[:1] and value[0] <= _LARGEST_TAG:
        value = value[1:]
    if not value.startswith(wanted.prefix):
        return None
    value = value[len(wanted.prefix) :]
    if len(value) in _SIZES.get(wanted.kind, ()) and not wanted.prefix:
        return _of_somebody(ip_address(value))
    return _of_text(value) if wanted.kind in _TEXT_KINDS else None


def _of_text(value: bytes) -> Address | None:
    if not value.isascii() or len(value) > _LONGEST_TEXT_OCTETS:
        return None
    text = value.decode("ascii")
    if match := _WITH_PORT.fullmatch(text):
        text = match["plain"] or match["inside"] or match["before"]
    if _EUI_64.fullmatch(text):
        return None
    try:
        return _of_somebody(ip_address(text))
    except ValueError:
        return None


def _of_somebody(address: Address) -> Address | None:
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None  # it means something on the device only
        address = address.ipv4_mapped or address
    return None if address.is_unspecified or address.is_multicast else address
