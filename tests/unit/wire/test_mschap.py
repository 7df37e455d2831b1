"""Tests of `radiusmfa.wire.mschap`."""

from __future__ import annotations

from typing import Final

import pytest

from radiusmfa.wire import codec, mschap, names, vendor
from tests.families import family

CHALLENGE: Final = bytes.fromhex("e4d0a00ceefeb6cd10a7b264cc17460e")


def _packet(*attributes: bytes) -> codec.Packet:
    body = b"".join((codec.attribute(1, b"alice"), *attributes))
    size = 20 + len(body)
    return codec.decode(bytes((1, 7, size >> 8, size & 255)) + bytes(16) + body)


def _response(kind: int, ident: int, maker: int = mschap.MICROSOFT) -> bytes:
    return vendor.encode(maker, kind, bytes((ident,)) + bytes(49))


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(b"", id="PAP"),
        pytest.param(vendor.encode(311, mschap.CHAP_CHALLENGE, bytes(16)), id="a challenge alone"),
        pytest.param(vendor.encode(311, mschap.CHAP2_CPW, bytes(68)), id="a changed password"),
        pytest.param(_response(mschap.CHAP2_RESPONSE, 5, maker=9), id="another vendor's type 25"),
        pytest.param(vendor.encode(311, mschap.CHAP2_RESPONSE, b""), id="a response of nothing"),
        pytest.param(b"\x1a\x09\0\0\1\x37\x19\x34\5", id="a damaged one"),
        pytest.param(b"\x1a\2", id="an empty Vendor-Specific"),
    ],
)
def test_request_without_a_response_gets_no_error(attributes: bytes) -> None:
    """Whoever did not try MS-CHAP is told nothing in its words."""
    assert mschap.failure(_packet(attributes), CHALLENGE) is None


@pytest.mark.parametrize(
    ("inputs", "expected"),
    family("mschap_error", lambda row: row["id"] in {"v2-no-message", "v1-challenge"}),
)
def test_vectors_are_the_form_of_an_error(inputs: dict[str, int], expected: dict[str, str]) -> None:
    """Ident, number, retry, challenge and version stand where each version has them."""
    kind = {1: mschap.CHAP_RESPONSE, 2: mschap.CHAP2_RESPONSE}[inputs["mschap_version"]]
    challenge = bytes.fromhex(expected["challenge_hex"]).ljust(16, b"\0")
    wanted = bytes.fromhex(expected["attribute_hex"])
    # Of the vectors' errors none is the one that we send: 691, no retry.
    wanted = wanted.replace(b"E=646", b"E=691").replace(b"R=1", b"R=0")
    packet = _packet(_response(kind, inputs["ident"]))
    assert mschap.failure(packet, challenge) == wanted


@pytest.mark.parametrize("ident", [0, 255])
def test_ident_is_that_of_the_response(ident: int) -> None:
    """The client finds its own ident in the error, wherever the response stands."""
    inner = codec.attribute(mschap.CHAP_CHALLENGE, bytes(16))
    inner += codec.attribute(mschap.CHAP2_RESPONSE, bytes((ident,)) + bytes(49))
    whole = codec.attribute(26, mschap.MICROSOFT.to_bytes(4, "big") + inner)
    found = mschap.failure(_packet(vendor.encode(9, 1, b"a=b"), whole), CHALLENGE)
    text = b"E=691 R=0 C=E4D0A00CEEFEB6CD10A7B264CC17460E V=3"
    assert found == vendor.encode(311, 2, bytes((ident,)) + text)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("MS-CHAP-Response", mschap.CHAP_RESPONSE),
        ("MS-CHAP-Error", mschap.CHAP_ERROR),
        ("MS-CHAP-CPW-1", mschap.CHAP_CPW_1),
        ("MS-CHAP-CPW-2", mschap.CHAP_CPW_2),
        ("MS-CHAP-LM-Enc-PW", mschap.CHAP_LM_ENC_PW),
        ("MS-CHAP-NT-Enc-PW", mschap.CHAP_NT_ENC_PW),
        ("MS-MPPE-Encryption-Policy", mschap.MPPE_ENCRYPTION_POLICY),
        ("MS-MPPE-Encryption-Types", mschap.MPPE_ENCRYPTION_TYPES),
        ("MS-CHAP-Domain", mschap.CHAP_DOMAIN),
        ("MS-CHAP-Challenge", mschap.CHAP_CHALLENGE),
        ("MS-CHAP-MPPE-Keys", mschap.CHAP_MPPE_KEYS),
        ("MS-MPPE-Send-Key", mschap.MPPE_SEND_KEY),
        ("MS-MPPE-Recv-Key", mschap.MPPE_RECV_KEY),
        ("MS-Old-ARAP-Password", mschap.OLD_ARAP_PASSWORD),
        ("MS-New-ARAP-Password", mschap.NEW_ARAP_PASSWORD),
        ("MS-CHAP2-Response", mschap.CHAP2_RESPONSE),
        ("MS-CHAP2-Success", mschap.CHAP2_SUCCESS),
        ("MS-CHAP2-CPW", mschap.CHAP2_CPW),
    ],
)
def test_numbers_are_those_of_the_dictionary(name: str, kind: int) -> None:
    """Each number that the code names is the one that the dictionary gives to the name."""
    found = names.attribute(name)
    assert (found.vendor, found.code) == (mschap.MICROSOFT, kind)


def test_every_hidden_one_belongs_to_the_accept() -> None:
    """Requests and Accepts share no type of the exchange; the keys are the Accept's."""
    assert not mschap.OF_REQUEST & mschap.OF_ACCEPT
    keys = {mschap.CHAP_MPPE_KEYS, mschap.MPPE_SEND_KEY, mschap.MPPE_RECV_KEY}
    assert keys <= mschap.OF_ACCEPT
    assert mschap.CHAP_ERROR not in mschap.OF_REQUEST | mschap.OF_ACCEPT
