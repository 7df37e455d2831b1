"""Attribute names: dictionaries read once through pyrad, values written by people to octets."""

from __future__ import annotations

import difflib
import functools
import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import TYPE_CHECKING, Final

from pyrad.dictionary import Dictionary, ParseError

from radiusmfa import shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.resources.abc import Traversable

_VENDOR_SPECIFIC: Final = 26  # RFC 2865 section 5.26
_LARGEST_VALUE_OCTETS: Final = 253  # RFC 2865 section 5: Length is one octet
_LARGEST_VENDOR_VALUE_OCTETS: Final = 247  # less Vendor-Id, vendor type and length
LARGEST_TAG: Final = 0x1F  # RFC 2868 section 3.1
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}|0x[0-9A-Fa-f]{1,16}")
_HEXTETS: Final = re.compile(r"[0-9A-Fa-f]{1,4}(:[0-9A-Fa-f]{1,4}){3}")
_ETHER: Final = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")


class AttributeValueError(ValueError):
    """An attribute that cannot be written; the text says why."""


class DictionaryError(ValueError):
    """A dictionary that cannot be read; the text names file and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """
    What a dictionary says about one attribute.

    Attributes:
        name: As the dictionary spells it.
        code: Its type octet; for a vendor's attribute the vendor type.
        vendor: Enterprise number, 0 for a standard attribute.
        kind: Data type, as `string` or `ipaddr`.
        tagged: Whether it has a tag (RFC 2868).
        hidden: Whether its value is hidden with an authenticator.
        values: Numbers of its named values, by name in lower case.
    """

    name: str
    code: int
    vendor: int
    kind: str
    tagged: bool
    hidden: bool
    values: Mapping[str, int]


def attribute(name: str) -> Attribute:
    """
    Return the attribute called *name*, in any case.

    Raises:
        AttributeValueError: No dictionary has it; a close name is suggested.
    """
    known = _attributes()
    found = known.get(name.lower())
    if found is None:
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f"; did you mean {known[close[0]].name}?" if close else ""
        raise AttributeValueError(f"no dictionary has this attribute{hint}")
    return found


def title(code: int) -> str:
    """Return the name of the standard attribute *code*, or `Attribute-<code>`."""
    return _titles().get(code, f"Attribute-{code}")


def writable(name: str) -> tuple[Attribute, int | None]:
    """
    Return the attribute that a person means by *name*, and the tag it is to have, or None.

    Args:
        name: Name of the attribute; `Tunnel-Type:1` has the tag 1.

    Raises:
        AttributeValueError: The name is unknown, or no value of it can be written.
    """
    plain, tag = _split_tag(name)
    found = attribute(plain)
    if found.hidden:
        raise AttributeValueError(
            "is hidden with the request's authenticator: it has no fixed value"
        )
    if tag is not None and not found.tagged:
        raise AttributeValueError("has no tag")
    return found, tag


def encode(name: str, value: str, *, is_text: bool = False) -> bytes:
    """
    Return a complete attribute: type, length and value.

    Args:
        name: Name of the attribute; `Tunnel-Type:1` has the tag 1.
        value: As a person writes it: text, number or the number's name,
            address, prefix, `0x` and hexadecimal digits, a UTC time.
        is_text: `0x` begins no octets: *value* is not what a person has written for
            this attribute.

    Raises:
        AttributeValueError: The name is unknown, or the value is not of its type.
    """
    found, tag = writable(name)
    octets = _tag(found, tag, _value(found, value, is_text=is_text))
    limit = _LARGEST_VENDOR_VALUE_OCTETS if found.vendor else _LARGEST_VALUE_OCTETS
    if len(octets) > limit:
        raise AttributeValueError(f"has more than {limit} octets")
    if not octets:
        # RFC 2865 section 5: "Text of length zero (0) MUST NOT be sent".
        raise AttributeValueError("must not be empty")
    inner = bytes([found.code, len(octets) + 2]) + octets
    if not found.vendor:
        return inner
    whole = found.vendor.to_bytes(4, "big") + inner
    return bytes([_VENDOR_SPECIFIC, len(whole) + 2]) + whole


def read(files: Mapping[str, str]) -> dict[str, Attribute]:
    """
    Return every attribute of *files* by name in lower case.

    Args:
        files: Text of each dictionary by its file name.

    Raises:
        DictionaryError: A line that pyrad cannot read, or a name that stands twice.
    """
    dictionary = Dictionary()
    for file, text in files.items():
        try:
            dictionary.ReadDictionary(io.StringIO(text))
        except ParseError as error:
            raise DictionaryError(f"{file}:{error.line}: {error.msg}") from None
        if dictionary.skipped_attributes:
            skipped = ", ".join(sorted(dictionary.skipped_attributes))
            raise DictionaryError(f"{file}: of a type that cannot be written: {skipped}")
    return {name.lower(): _converted(dictionary, name) for name in dictionary.attributes}


def _converted(dictionary: Dictionary, name: str) -> Attribute:
    # pyrad is untyped: this is where its objects end.
    entry = dictionary.attributes[name]
    values: dict[str, int] = {}
    for word in entry.values.forward:
        values[str(word).lower()] = int.from_bytes(entry.values.GetForward(word), "big")
    return Attribute(
        name=str(entry.name),
        code=int(entry.code),
        vendor=int(dictionary.vendors.GetForward(entry.vendor)),
        kind=str(entry.type),
        tagged=bool(entry.has_tag),
        hidden=bool(entry.encrypt),
        values=values,
    )


@functools.cache
def _attributes() -> Mapping[str, Attribute]:
    folder = shipped.folder("dictionaries")
    return read({file.name: file.read_text(encoding="utf-8") for file in _files(folder)})


def _files(folder: Traversable) -> list[Traversable]:
    found = [file for file in folder.iterdir() if file.name.startswith("dictionary.")]
    # The RFCs first: later files give values to their attributes.
    return sorted(found, key=lambda file: (not file.name.startswith("dictionary.rfc"), file.name))


@functools.cache
def _titles() -> Mapping[int, str]:
    return {found.code: found.name for found in _attributes().values() if not found.vendor}


def _split_tag(name: str) -> tuple[str, int | None]:
    plain, colon, digits = name.partition(":")
    if not colon:
        return name, None
    if not (digits.isascii() and digits.isdigit() and 1 <= int(digits) <= LARGEST_TAG):
        raise AttributeValueError(f"a tag is a number from 1 to {LARGEST_TAG}")
    return plain, int(digits)


def _tag(found: Attribute, tag: int | None, octets: bytes) -> bytes:
    if not found.tagged:
        return octets
    if found.kind == "integer":
        if octets[0]:
            raise AttributeValueError("must be below 16777216: the tag takes the first octet")
        return bytes([tag or 0]) + octets[1:]
    if tag is not None:
        return bytes([tag]) + octets
    # RFC 2868 section 3.3: an octet up to 0x1F would be read as the tag.
    return bytes(1) + octets if octets[:1] <= bytes([LARGEST_TAG]) else octets


def _value(found: Attribute, value: str, *, is_text: bool) -> bytes:
    if size := INTEGER_OCTETS.get(found.kind):
        return _integer(found, value, size)
    convert = _text if is_text and found.kind == "octets" else _CONVERTERS.get(found.kind)
    if convert is None:
        raise AttributeValueError(f"values of type {found.kind} cannot be written here")
    try:
        return convert(value)
    except AttributeValueError:
        raise
    except ValueError:
        raise AttributeValueError(f"must be {_EXAMPLES[found.kind]}") from None


def _integer(found: Attribute, value: str, octets: int) -> bytes:
    named = found.values.get(value.lower())
    if named is None and not _NUMBER.fullmatch(value):
        close = difflib.get_close_matches(value.lower(), found.values, n=1)
        raise AttributeValueError(
            f"must be a number or one of its names{f'; did you mean {close[0]}?' if close else ''}"
        )
    number = int(value, 16 if value.startswith("0x") else 10) if named is None else named
    try:
        return number.to_bytes(octets, "big")
    except OverflowError:
        raise AttributeValueError(f"must fit {octets * 8} bits") from None


def _text(value: str) -> bytes:
    return value.encode("utf-8", "strict")


def _octets(value: str) -> bytes:
    # Only 0x makes octets of digits: pyrad would also rewrite "65".
    return bytes.fromhex(value[2:]) if value.startswith("0x") else _text(value)


def _date(value: str) -> bytes:
    if value.isascii() and value.isdigit():
        seconds = int(value)
    else:
        time = datetime.fromisoformat(value)
        seconds = int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())
    if not 0 <= seconds < 2**32:
        raise ValueError
    return seconds.to_bytes(4, "big")


def _ipv6_address(value: str) -> bytes:
    address = IPv6Address(value)
    if address.scope_id is not None:
        raise ValueError
    return address.packed


def _prefix(value: str) -> bytes:
    # RFC 3162 section 2.3: "bits outside of the Prefix-Length ... must be zero"; trailing
    # octets beyond the prefix may be left out.
    network = IPv6Network(value)
    size = (network.prefixlen + 7) // 8
    return bytes([0, network.prefixlen]) + network.network_address.packed[:size]


def _interface(value: str) -> bytes:
    if not _HEXTETS.fullmatch(value):
        raise ValueError
    return b"".join(int(part, 16).to_bytes(2, "big") for part in value.split(":"))


def _ether(value: str) -> bytes:
    if not _ETHER.fullmatch(value):
        raise ValueError
    return bytes.fromhex(value.replace(":", "").replace("-", ""))


INTEGER_OCTETS: Final[Mapping[str, int]] = {"byte": 1, "short": 2, "integer": 4, "integer64": 8}
"""Octets of a number, by data type."""
_CONVERTERS: Final[Mapping[str, Callable[[str], bytes]]] = {
    "string": _text,
    "octets": _octets,
    "date": _date,
    "ipaddr": lambda value: IPv4Address(value).packed,
    "ipv6addr": _ipv6_address,
    "ipv6prefix": _prefix,
    "ifid": _interface,
    "ether": _ether,
}
_EXAMPLES: Final[Mapping[str, str]] = {
    "string": "UTF-8 text",
    "octets": "0x and pairs of hexadecimal digits, or text",
    "date": "a time, as 2026-01-31T08:00:00Z, or seconds since 1970",
    "ipaddr": "an IPv4 address, as 192.0.2.1",
    "ipv6addr": "an IPv6 address, as 2001:db8::1",
    "ipv6prefix": "an IPv6 prefix without bits beyond its length, as 2001:db8::/56",
    "ifid": "four groups of hexadecimal digits, as 0:0:0:1",
    "ether": "six pairs of hexadecimal digits, as 00:00:5e:00:53:01",
}
