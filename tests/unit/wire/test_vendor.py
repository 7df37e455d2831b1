"""Tests of `radiusmfa.wire.vendor`."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.wire import codec, names, vendor
from radiusmfa.wire.codec import Fault, MalformedPacketError
from tests.families import family

CISCO: Final = b"\0\0\0\x09"
rows = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), min_size=1, max_size=10)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\0\0\x09", id="half a vendor"),
        pytest.param(CISCO, id="a vendor alone"),
        pytest.param(CISCO + b"\1", id="a type without length"),
        pytest.param(CISCO + b"\1\0a", id="length 0"),
        pytest.param(CISCO + b"\1\1a", id="length 1"),
        pytest.param(CISCO + b"\1\1\2", id="length 1, and the rest adds up"),
        pytest.param(CISCO + b"\1\4a", id="one past the end"),
        pytest.param(CISCO + b"\1\2a", id="an octet too many"),
        pytest.param(CISCO + b"\1\3a\2\0", id="a second one with length 0"),
        pytest.param(bytes(4) + b"\1\3a", id="the vendor that nobody is"),
    ],
)
def test_value_of_another_form_is_opaque(value: bytes) -> None:
    """Where lengths do not add up, nobody guesses what is in it."""
    assert vendor.sub_attributes(value) is None


def test_value_that_does_not_fit_is_refused() -> None:
    """The largest value fills the attribute; one octet more is refused, not cut."""
    assert vendor.encode(9, 1, b"a" * 247)[:8] == b"\x1a\xff" + CISCO + b"\1\xf9"
    with pytest.raises(MalformedPacketError) as caught:
        vendor.encode(9, 1, b"a" * 248)
    assert caught.value.fault is Fault.ATTRIBUTE_OVERFLOW


def test_several_in_one_are_found_in_order() -> None:
    """One Vendor-Specific may hold several sub-attributes, also of one type and empty ones."""
    value = CISCO + b"\1\3a" + b"\2\2" + b"\1\4bc"
    assert vendor.sub_attributes(value) == [(9, 1, b"a"), (9, 2, b""), (9, 1, b"bc")]


@pytest.mark.parametrize(
    ("inputs", "expected"),
    family("salt_encryption", lambda row: row["expected"]["attribute_hex"].startswith("1a")),
)
def test_vectors_are_taken_apart_and_made(inputs: dict[str, str], expected: dict[str, str]) -> None:
    """Each vendor attribute of the vectors is made again from its parts."""
    octets = bytes.fromhex(expected["attribute_hex"])
    found = vendor.sub_attributes(octets[2:])
    assert found is not None
    ((maker, kind, value),) = found
    assert value.hex() == expected.get("salted_hex", expected.get("value_hex"))
    assert (maker, kind) == (311, names.attribute(inputs.get("kind", "ms-chap-mppe-keys")).code)
    assert vendor.encode(maker, kind, value) == octets


def test_encoding_is_that_of_the_dictionary() -> None:
    """A value by name and a value by numbers give the same octets."""
    assert vendor.encode(9, 1, b"a=b") == names.encode("Cisco-AVPair", "a=b")


@given(st.integers(1, 2**32 - 1), rows)
def test_what_is_put_in_comes_out(maker: int, inner: list[tuple[int, bytes]]) -> None:
    """Any sub-attributes are found again, and one alone is what `encode` makes."""
    value = maker.to_bytes(4, "big") + b"".join(codec.attribute(*row) for row in inner)
    assert vendor.sub_attributes(value) == [(maker, *row) for row in inner]
    kind, octets = inner[0]
    assert vendor.sub_attributes(vendor.encode(maker, kind, octets)[2:]) == [(maker, kind, octets)]


@given(st.binary(max_size=253))
def test_any_octets_are_sub_attributes_or_opaque(value: bytes) -> None:
    """Whatever stands in the attribute: sub-attributes that fill it, or None."""
    found = vendor.sub_attributes(value)
    if found is not None:
        inner = b"".join(codec.attribute(kind, octets) for _, kind, octets in found)
        assert value[4:] == inner
        assert {maker for maker, _, _ in found} == {int.from_bytes(value[:4], "big")}
