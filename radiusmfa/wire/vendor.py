"""Vendor-Specific attributes and what is in them, RFC 2865 section 5.26."""

from __future__ import annotations

from typing import Final

from radiusmfa.wire import numbers
from radiusmfa.wire.codec import Fault, MalformedPacketError

ID_OCTETS: Final = 4
LARGEST_VALUE: Final = 247  # less Vendor-Id, vendor type and vendor length
_HEAD_OCTETS: Final = 2


def sub_attributes(value: bytes) -> list[tuple[int, int, bytes]] | None:
    """
    Return vendor, vendor type and value of each sub-attribute, in order, at least one.

    Args:
        value: Of one Vendor-Specific attribute, 0 to 253 octets.

    Returns:
        None if the value is not built as RFC 2865 suggests ("SHOULD be encoded as a
        sequence of vendor type / vendor length / value fields"); it is then opaque. So
        is one of the vendor 0, which nobody is: it would pass for a standard attribute.
    """
    vendor = int.from_bytes(value[:ID_OCTETS], "big")
    end = len(value)
    at = ID_OCTETS
    if not vendor or at >= end:
        return None
    found = []
    while at < end:
        size = value[at + 1] if at + 1 < end else 0
        if size < _HEAD_OCTETS or at + size > end:
            return None
        found.append((vendor, value[at], value[at + _HEAD_OCTETS : at + size]))
        at += size
    return found


def encode(vendor: int, kind: int, value: bytes) -> bytes:
    """
    Return a complete Vendor-Specific attribute that holds one sub-attribute.

    Args:
        vendor: Enterprise number, 1 to 4294967295.
        kind: Vendor type, 0 to 255.
        value: 0 to 247 octets.

    Raises:
        MalformedPacketError: *value* is longer.
    """
    if len(value) > LARGEST_VALUE:
        raise MalformedPacketError(Fault.ATTRIBUTE_OVERFLOW)
    size = len(value) + _HEAD_OCTETS
    head = bytes((numbers.VENDOR_SPECIFIC, size + ID_OCTETS + 2))
    return b"".join((head, vendor.to_bytes(ID_OCTETS, "big"), bytes((kind, size)), value))
