"""Tests of `radiusmfa.wire.address`."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.wire import codec, names, vendor
from radiusmfa.wire.address import Reader, Source, source

CALLING, TUNNEL, FRAMED, FRAMED_6, SPECIFIC = 31, 66, 8, 168, 26
STATION = "Calling-Station-Id"


def _packet(*attributes: bytes) -> codec.Packet:
    body = b"".join(attributes)
    return codec.decode(bytes((1, 7)) + (20 + len(body)).to_bytes(2) + bytes(16) + body)


def _read(entry: str, *attributes: bytes) -> str | None:
    found = Reader([entry]).read(_packet(*attributes))
    return None if found is None else str(found)


def _calling(text: bytes) -> str | None:
    return _read(STATION, codec.attribute(CALLING, text))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"00-00-5e-00-53-01", id="mac-dashes"),
        pytest.param(b"00:00:5e:00:53:01", id="mac-colons"),
        pytest.param(b"0000.5e00.5301", id="mac-dots"),
        pytest.param(b"00005e005301", id="mac-plain"),
        pytest.param(b"00:00:5e:ff:fe:00:53:01", id="eui-64"),
        pytest.param(b"+49 30 901820", id="telephone"),
        pytest.param(b"CLIENTVPN", id="word"),
        pytest.param(b"host.example.com", id="name"),
        pytest.param(b"192.0.2", id="three-parts"),
        pytest.param(b"192.0.2.256", id="part-too-large"),
        pytest.param(b"192.0.2.01", id="octal"),
        pytest.param(b"192.0.2.1/32", id="prefix"),
        pytest.param(b" 192.0.2.1", id="blank"),
        pytest.param(b"192.0.2.1\0", id="nul"),
        pytest.param(b"192.0.2.1:", id="no-port"),
        pytest.param(b"192.0.2.1:123456", id="port-too-long"),
        pytest.param(b"[192.0.2.1", id="open-bracket"),
        pytest.param(b"192.0.2.1[x]", id="port-of-letters"),
        pytest.param(b"fe80::1%eth0", id="zone"),
        pytest.param("192.0.2.\u0661".encode(), id="other-digits"),
        pytest.param(b"\xff\xfe", id="octets"),
        pytest.param(b"1" * 253, id="long"),
        pytest.param(b"0.0.0.0", id="nobody"),
        pytest.param(b"::", id="nobody-6"),
        pytest.param(b"::ffff:0.0.0.0", id="nobody-mapped"),
        pytest.param(b"224.0.0.1", id="multicast"),
        pytest.param(b"ff02::1", id="multicast-6"),
    ],
)
def test_what_is_no_address_is_none(text: bytes) -> None:
    """A MAC address, a number, a name or garbage says nothing of where somebody is."""
    assert _calling(text) is None


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (b"203.0.113.9", "203.0.113.9"),
        (b"203.0.113.9:49152", "203.0.113.9"),
        (b"203.0.113.9[4500]", "203.0.113.9"),
        (b"2001:db8::9", "2001:db8::9"),
        (b"2001:DB8:0:0::9", "2001:db8::9"),
        (b"[2001:db8::9]", "2001:db8::9"),
        (b"[2001:db8::9]:49152", "2001:db8::9"),
        (b"2001:db8::9[4500]", "2001:db8::9"),
        (b"::ffff:203.0.113.9", "203.0.113.9"),
        (b"[::ffff:203.0.113.9]:443", "203.0.113.9"),
        (b"127.0.0.1", "127.0.0.1"),
    ],
)
def test_address_is_read(text: bytes, address: str) -> None:
    """An address counts in each form that devices write, IPv4 within IPv6 as IPv4."""
    assert _calling(text) == address


@pytest.mark.parametrize("tag", [b"", b"\0", b"\x01", b"\x1f"])
def test_tag_is_no_part_of_the_text(tag: bytes) -> None:
    """Tunnel-Client-Endpoint has a tag or none (RFC 2868 section 3.3)."""
    endpoint = codec.attribute(TUNNEL, tag + b"203.0.113.9")
    assert _read("Tunnel-Client-Endpoint", endpoint) == "203.0.113.9"
    assert _read(STATION, codec.attribute(CALLING, b"\0203.0.113.9")) is None


@pytest.mark.parametrize("value", [b"", b"\0", b"\x20203.0.113.9", b"\0\0203.0.113.9"])
def test_tag_that_is_none_is_no_address(value: bytes) -> None:
    """Only one octet up to 0x1F is a tag."""
    assert _read("Tunnel-Client-Endpoint", codec.attribute(TUNNEL, value)) is None


@pytest.mark.parametrize(
    ("entry", "kind", "value", "address"),
    [
        ("Framed-IP-Address", FRAMED, bytes((203, 0, 113, 9)), "203.0.113.9"),
        ("Framed-IP-Address", FRAMED, bytes(4), None),
        ("Framed-IP-Address", FRAMED, b"203.0.113.9", None),
        ("Framed-IP-Address", FRAMED, bytes(5), None),
        ("Framed-IP-Address", FRAMED, ip_address("2001:db8::9").packed, None),
        ("Framed-IPv6-Address", FRAMED_6, bytes((203, 0, 113, 9)), None),
        ("Framed-IPv6-Address", FRAMED_6, ip_address("2001:db8::9").packed, "2001:db8::9"),
        (
            "Framed-IPv6-Address",
            FRAMED_6,
            ip_address("::ffff:203.0.113.9").packed,
            "203.0.113.9",
        ),
    ],
)
def test_binary_address_is_read(entry: str, kind: int, value: bytes, address: str | None) -> None:
    """Four or sixteen octets are an address where the attribute is of that type."""
    assert _read(entry, codec.attribute(kind, value)) == address


def test_four_octets_of_text_are_text() -> None:
    """A text of four characters is never taken for the octets of an address."""
    assert _calling(b"::12") == "::12"
    assert _calling(b"abcd") is None


def test_octets_hold_an_address_of_either_form() -> None:
    """An attribute of octets may hold the address as octets or as text."""
    entry = "Fortinet-Client-IPv6-Address"
    packed = ip_address("2001:db8::9").packed
    assert _read(entry, vendor.encode(12356, 4, packed)) == "2001:db8::9"
    assert _read(entry, vendor.encode(12356, 4, b"2001:db8::9")) == "2001:db8::9"


def test_prefix_names_one_of_many() -> None:
    """Of many Cisco-AVPairs the one with the prefix holds the address, wherever it stands."""
    pairs = [b"mdm-tlv=device-mac=192.0.2.7", b"ip:source-ip=203.0.113.9", b"coa-push=true"]
    whole = [vendor.encode(9, 1, pair) for pair in pairs]
    assert _read("Cisco-AVPair:ip:source-ip=", *whole) == "203.0.113.9"
    assert _read("Cisco-AVPair:source-ip=", *whole) is None
    assert _read("Cisco-AVPair", *whole) is None


def test_prefix_and_octets_are_no_address() -> None:
    """What follows a prefix is text."""
    whole = codec.attribute(25, b"ip=" + bytes((203, 0, 113, 9)))
    assert _read("Class:ip=", whole) is None
    assert _read("Class:ip=", codec.attribute(25, b"ip=203.0.113.9")) == "203.0.113.9"


def test_likeliest_attribute_goes_before() -> None:
    """The order of the list decides, not that of the packet; what holds none is passed over."""
    reader = Reader(["PaloAlto-Client-Source-IP", STATION])
    calling = codec.attribute(CALLING, b"192.0.2.7")
    source_ip = vendor.encode(25461, 7, b"203.0.113.9")
    assert str(reader.read(_packet(calling, source_ip))) == "203.0.113.9"
    assert str(reader.read(_packet(calling, vendor.encode(25461, 7, b"?")))) == "192.0.2.7"
    assert str(reader.read(_packet(calling))) == "192.0.2.7"
    assert reader.read(_packet()) is None


def test_first_value_that_is_an_address_counts() -> None:
    """An attribute that is there twice is looked at in order."""
    twice = (codec.attribute(CALLING, b"?"), codec.attribute(CALLING, b"192.0.2.7"))
    assert _read(STATION, *twice) == "192.0.2.7"


def test_opaque_vendor_attribute_is_passed_over() -> None:
    """Inner lengths that do not add up hide no address and stop nothing."""
    opaque = codec.attribute(SPECIFIC, bytes.fromhex("00000009" + "01ff6970"))
    good = vendor.encode(9, 1, b"ip:source-ip=203.0.113.9")
    assert _read("Cisco-AVPair:ip:source-ip=", opaque, good) == "203.0.113.9"
    assert _read("Cisco-AVPair:ip:source-ip=", opaque) is None


def test_empty_list_knows_nobody() -> None:
    """A client whose device says nothing has no address attribute."""
    assert Reader([]).read(_packet(codec.attribute(CALLING, b"192.0.2.7"))) is None


def test_source_is_what_the_dictionary_says() -> None:
    """Vendor, code, prefix, type and tag come from the entry and the dictionary."""
    pair = source("cisco-avpair:ip:source-ip=")
    assert pair == Source(9, 1, b"ip:source-ip=", "string", tagged=False)
    assert source("Tunnel-Client-Endpoint") == Source(0, 66, b"", "string", tagged=True)


@pytest.mark.parametrize(
    ("entry", "fault"),
    [
        ("Calling-Station", "no dictionary has this attribute; did you mean Call"),
        ("", "no dictionary has this attribute"),
        ("NAS-Port", "NAS-Port cannot hold an address"),
        ("User-Password", "User-Password cannot hold an address"),
        ("Framed-IPv6-Prefix", "Framed-IPv6-Prefix cannot hold an address"),
        ("Framed-IP-Address:ip=", "Framed-IP-Address has no text that could begin with 'ip='"),
        ("Cisco-AVPair:", "Cisco-AVPair is followed by nothing"),
    ],
)
def test_unfit_entry_is_refused(entry: str, fault: str) -> None:
    """An attribute that is unknown or cannot hold an address is named."""
    with pytest.raises(names.AttributeValueError) as caught:
        source(entry)
    assert str(caught.value).startswith(fault)


EVERY = Reader([
    "Cisco-AVPair:ip:source-ip=",
    "Fortinet-Client-IPv6-Address",
    "Tunnel-Client-Endpoint",
    "Framed-IP-Address",
    STATION,
])  # fmt: skip


@given(
    st.lists(
        st.tuples(st.sampled_from([CALLING, TUNNEL, FRAMED, SPECIFIC]), st.binary(max_size=40)),
        max_size=8,
    )
)
def test_any_octets_are_an_address_or_none(attributes: list[tuple[int, bytes]]) -> None:
    """Whatever stands in the attributes: an address or None, never an error."""
    packet = _packet(*(codec.attribute(kind, value) for kind, value in attributes))
    found = EVERY.read(packet)
    assert found is None or not (found.is_unspecified or found.is_multicast)


@given(st.text(alphabet="0123456789abcdef:.[]%/ -", max_size=45))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """Whatever text a device writes: an address or None, never an error."""
    packet = _packet(codec.attribute(CALLING, text.encode()))
    found = EVERY.read(packet)
    assert found is None or ip_address(str(found)) == found
