"""Tests of `radiusmfa.wire.names`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad.dictionary import Dictionary

from radiusmfa import shipped
from radiusmfa.wire import names
from radiusmfa.wire.names import AttributeValueError, DictionaryError

VECTORS = Path(__file__).parents[2] / "vectors" / "data_types.json"


def _vectors() -> list[object]:
    rows: list[object] = []
    for vector in json.loads(VECTORS.read_text(encoding="utf-8"))["vectors"]:
        inputs = vector["inputs"]
        name, value = inputs["name"], str(inputs["value"]).removeprefix("text:")
        if inputs["data_type"] == "tagged-string":
            tag, value = (part.partition("=")[2] for part in value.split(" "))
            name += "" if tag == "none" else f":{tag}"
        if inputs["data_type"] == "vsa":
            value = "0x" + vector["expected"]["attribute_hex"][16:]
        rows.append(pytest.param(name, value, vector["expected"]["attribute_hex"], id=vector["id"]))
    return rows


@pytest.mark.parametrize(("name", "value", "octets"), _vectors())
def test_vectors_are_encoded(name: str, value: str, octets: str) -> None:
    """Each data type is written as its RFC says."""
    assert names.encode(name, value).hex() == octets


@pytest.mark.parametrize(
    ("name", "value", "octets"),
    [
        pytest.param("Class", "65", "19043635", id="digits stay text"),
        pytest.param("Class", "0x00ff", "190400ff", id="hexadecimal"),
        pytest.param("service-type", "framed-user", "060600000002", id="any case"),
        pytest.param("Service-Type", "0x11", "060600000011", id="hexadecimal number"),
        pytest.param("Tunnel-Type", "VLAN", "40060000000d", id="number without tag"),
        pytest.param("Tunnel-Type:31", "13", "40061f00000d", id="number with tag"),
        pytest.param("Tunnel-Client-Endpoint", "\x01", "42040001", id="text like a tag"),
        pytest.param("Cisco-AVPair", "a=b", "1a0b00000009" + "0105613d62", id="vendor text"),
        pytest.param("F5-LTM-User-Role", "guest", "1a0c00000d2f0106000002bc", id="vendor number"),
        pytest.param("Framed-IPv6-Prefix", "::/0", "61040000", id="prefix of no octets"),
        pytest.param("Event-Timestamp", "1767323045", "3706695735a5", id="seconds"),
        pytest.param("Event-Timestamp", "2026-01-02T04:04:05+01:00", "3706695735a5", id="zone"),
        pytest.param("Event-Timestamp", "2026-01-02T03:04:05", "3706695735a5", id="no zone is UTC"),
    ],
)
def test_values_are_encoded(name: str, value: str, octets: str) -> None:
    """A value as a person writes it becomes a whole attribute."""
    assert names.encode(name, value).hex() == octets


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("Usr-Name", "x", "no dictionary has this attribute; did you mean User-Name?"),
        ("Zzzzzzzz", "x", "no dictionary has this attribute"),
        ("User-Password", "x", "is hidden with the request's authenticator"),
        ("MS-MPPE-Send-Key", "x", "is hidden with the request's authenticator"),
        ("Class:1", "x", "has no tag"),
        ("Tunnel-Type:0", "VLAN", "a tag is a number from 1 to 31"),
        ("Tunnel-Type:32", "VLAN", "a tag is a number from 1 to 31"),
        ("Tunnel-Type:", "VLAN", "a tag is a number from 1 to 31"),
        ("Tunnel-Type:1", "16777216", "must be below 16777216"),
        ("Session-Timeout", "-1", "must fit 32 bits"),
        ("Session-Timeout", "4294967296", "must fit 32 bits"),
        ("Session-Timeout", "1.5", "must be a number or one of its names"),
        ("Session-Timeout", "", "must be a number or one of its names"),
        ("Service-Type", "Framed-Usr", "must be a number or one of its names; did you mean framed"),
        ("Framed-IP-Address", "192.0.2", "must be an IPv4 address"),
        ("Framed-IP-Address", "2001:db8::1", "must be an IPv4 address"),
        ("Framed-IPv6-Address", "fe80::1%eth0", "must be an IPv6 address"),
        ("Framed-IPv6-Prefix", "2001:db8::1/64", "must be an IPv6 prefix without bits"),
        ("Framed-Interface-Id", "1:2:3", "must be four groups"),
        ("Event-Timestamp", "soon", "must be a time"),
        ("Event-Timestamp", "1960-01-01", "must be a time"),
        ("Class", "0x0", "must be 0x and pairs"),
        ("Class", "", "must not be empty"),
        ("Class", "x" * 254, "has more than 253 octets"),
        ("Cisco-AVPair", "x" * 248, "has more than 247 octets"),
        ("Filter-Id", "\ud800", "must be UTF-8 text"),
    ],
)
def test_unfit_value_is_refused(name: str, value: str, fault: str) -> None:
    """A value that is not of its attribute's type is refused, with what it must be."""
    with pytest.raises(AttributeValueError) as caught:
        names.encode(name, value)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize("value", ["0x41", "0x", "0xzz", "plain"])
def test_text_that_nobody_wrote_for_the_attribute_is_no_octets(value: str) -> None:
    """What comes from elsewhere is a text, also where it begins with 0x."""
    assert names.encode("Class", value, is_text=True)[2:] == value.encode()
    assert names.encode("NAS-Port", "0x11", is_text=True)[2:] == (17).to_bytes(4)
    with pytest.raises(AttributeValueError):
        names.encode("Class", "\ud800", is_text=True)


def test_name_is_an_attribute_and_its_tag() -> None:
    """A name means an attribute, and says the tag that its value is to have."""
    found, tag = names.writable("tunnel-type:3")

    assert (found.name, tag) == ("Tunnel-Type", 3)
    assert names.writable("Class")[1] is None


@pytest.mark.parametrize(("name", "most"), [("Class", 253), ("Cisco-AVPair", 247)])
def test_longest_value_fits_one_attribute(name: str, most: int) -> None:
    """The longest value fills the attribute's length octet."""
    assert names.encode(name, "x" * most)[1] == 255


@given(st.sampled_from(["Class", "NAS-Port", "Framed-IPv6-Prefix", "Tunnel-Type:3"]), st.text())
def test_any_text_is_encoded_or_refused(name: str, value: str) -> None:
    """Any text: an attribute whose length octet is right, or the documented error."""
    try:
        octets = names.encode(name, value)
    except AttributeValueError:
        return
    assert octets[1] == len(octets)


def test_titles_name_standard_attributes() -> None:
    """Standard attributes have names; what is unknown shows its number."""
    assert names.title(80) == "Message-Authenticator"
    assert names.title(241) == "Attribute-241"


def test_attribute_tells_what_the_dictionary_says() -> None:
    """Name, number, vendor, type and values come from the dictionary."""
    found = names.attribute("ms-mppe-encryption-policy")
    assert (found.name, found.code, found.vendor) == ("MS-MPPE-Encryption-Policy", 7, 311)
    assert (found.kind, found.tagged, found.hidden) == ("integer", False, False)
    assert found.values == {"encryption-allowed": 1, "encryption-required": 2}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ATTRIBUTE A 1 strnig", "dictionary.x:1: Illegal type: strnig"),
        ("\nATTRIBUTE A 1", "dictionary.x:2: Incorrect number of tokens for attribute definition"),
        ("ATTRIBUTE A 1 bool", "dictionary.x: of a type that cannot be written: A"),
    ],
)
def test_broken_dictionary_names_file_and_line(text: str, fault: str) -> None:
    """A dictionary that cannot be read is named with the line."""
    with pytest.raises(DictionaryError) as caught:
        names.read({"dictionary.x": text})
    assert str(caught.value) == fault


@pytest.mark.parametrize(
    "file", sorted(file.name for file in shipped.folder("dictionaries").iterdir())
)
def test_dictionaries_name_their_source_and_each_code_once(file: str) -> None:
    """Each dictionary says where its facts are from; no code has two names, no name two codes."""
    text = shipped.text("dictionaries", file)
    assert text.startswith("# ")
    rows = [line.split() for line in text.splitlines() if line.startswith("ATTRIBUTE")]
    assert len({row[1].lower() for row in rows}) == len(rows)
    assert len({row[2] for row in rows}) == len(rows)


def test_pyrad_agrees_on_what_it_can_read() -> None:
    """The oracle finds the same number and type under each name."""
    dictionary = Dictionary()
    for file in ("dictionary.rfc2865", "dictionary.microsoft"):
        dictionary.ReadDictionary(str(shipped.folder("dictionaries") / file))
    assert len(dictionary.attributes) > 60
    for name, entry in dictionary.attributes.items():
        assert names.attribute(name).code == entry.code
        assert names.attribute(name).kind == entry.type
