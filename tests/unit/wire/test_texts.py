"""Tests of `radiusmfa.wire.texts`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.wire import names
from radiusmfa.wire.names import Attribute, AttributeValueError
from radiusmfa.wire.texts import CONTROL, written


def kind(name: str, *, tagged: bool = False) -> Attribute:
    """Return an attribute of a type that the shipped dictionaries do not have."""
    return Attribute(
        name="X", code=200, vendor=0, kind=name, tagged=tagged, hidden=False, values={}
    )


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("Filter-Id", b"\xff"),
        ("Session-Timeout", b""),
        ("Session-Timeout", b"\0\0\1"),
        ("Session-Timeout", bytes(8)),
        ("Tunnel-Type", b"\1"),
        ("Framed-IP-Address", b"\0\0\1"),
        ("Framed-IPv6-Address", bytes(15)),
        ("Framed-IPv6-Prefix", b"\0"),
        ("Framed-IPv6-Prefix", b"\0\x81"),
        ("Framed-IPv6-Prefix", b"\0\x08\x20\x01"),
        ("Framed-IPv6-Prefix", bytes(19)),
        ("Framed-Interface-Id", bytes(7)),
        ("Event-Timestamp", b"\0"),
    ],
)
def test_octets_of_another_type_are_refused(name: str, octets: bytes) -> None:
    """Octets that cannot be a value of the attribute have no text; they are not shown."""
    found = names.attribute(name)
    with pytest.raises(AttributeValueError) as caught:
        written(found, octets)
    assert str(caught.value) == f"holds no value of type {found.kind}"


def test_unknown_type_and_short_address_are_refused() -> None:
    """A type that nothing here writes has no text, nor has half an Ethernet address."""
    for name, octets in (("tlv", b"x"), ("ether", bytes(5))):
        with pytest.raises(AttributeValueError):
            written(kind(name), octets)


@pytest.mark.parametrize(
    ("name", "octets", "text"),
    [
        ("Filter-Id", b"J\xc3\xb6rg", "J\u00f6rg"),
        ("Class", b"OU=staff;", "OU=staff;"),
        ("Class", b"\xff\0", "0xff00"),
        ("Class", b"a\nb", "0x610a62"),
        ("Class", b"0x41", "0x30783431"),
        ("Session-Timeout", b"\0\0\2\x58", "600"),
        ("Service-Type", b"\0\0\0\2", "framed-user"),
        ("Framed-IP-Address", b"\xc0\0\2\7", "192.0.2.7"),
        ("Framed-IPv6-Prefix", b"\0\x20\x20\x01\x0d\xb8", "2001:db8::/32"),
        ("Framed-IPv6-Prefix", b"\0\0", "::/0"),
        ("Framed-Interface-Id", b"\0\1\0\2\0\3\0\4", "0001:0002:0003:0004"),
        ("Event-Timestamp", b"\x69\x57\x35\xa5", "2026-01-02T03:04:05Z"),
        ("Tunnel-Type", b"\1\0\0\15", "vlan"),
        ("Tunnel-Private-Group-Id", b"\1staff", "staff"),
        ("Tunnel-Private-Group-Id", b"staff", "staff"),
        ("Cisco-AVPair", b"a=b", "a=b"),
    ],
)
def test_value_is_written_as_a_person_writes_it(name: str, octets: bytes, text: str) -> None:
    """Each type has the text that makes the same octets."""
    assert written(names.attribute(name), octets) == text


def test_ethernet_address_is_written() -> None:
    """An address of a type that only vendors use is written as the file may have it."""
    assert written(kind("ether"), bytes(range(6))) == "00:01:02:03:04:05"


@pytest.mark.property
@given(
    st.sampled_from([
        "Filter-Id", "Class", "Session-Timeout", "Service-Type", "Framed-IP-Address",
        "Framed-IPv6-Address", "Framed-IPv6-Prefix", "Framed-Interface-Id", "Event-Timestamp",
        "Cisco-AVPair", "F5-LTM-User-Role",
    ]),
    st.binary(min_size=1, max_size=30),
)  # fmt: skip
def test_text_makes_the_same_octets(name: str, octets: bytes) -> None:
    """Any octets: an error, or a text that is written back to them."""
    found = names.attribute(name)
    try:
        text = written(found, octets)
    except AttributeValueError:
        return
    head = 8 if found.vendor else 2
    again = names.encode(name, text)[head:]
    # RFC 3162 section 2.3: octets beyond the prefix may be left out.
    assert again == octets or (found.kind == "ipv6prefix" and written(found, again) == text)
    assert found.kind != "octets" or not CONTROL.search(text)
