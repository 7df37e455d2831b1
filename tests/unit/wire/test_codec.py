"""Tests of `radiusmfa.wire.codec`."""

from __future__ import annotations

import hmac
from hashlib import md5
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from radiusmfa.wire.codec import Fault, MalformedPacketError, SigningKey, UnverifiedPacketError
from tests.families import family, malformed

if TYPE_CHECKING:
    from collections.abc import Callable

KEY: Final = SigningKey(Secret(b"sixteen octets!!"))
OTHER: Final = SigningKey(Secret(b"seventeen octets!"))
AUTHENTICATOR: Final = bytes(range(16))
NAME: Final = codec.attribute(numbers.USER_NAME, b"alice")
# What `decode` and `verify` say; the later steps of the pipeline know the others.
STRUCTURAL: Final = frozenset({
    Fault.SHORT_PACKET, Fault.BAD_LENGTH, Fault.TOO_LONG, Fault.UNKNOWN_CODE,
    Fault.UNEXPECTED_CODE, Fault.WRONG_PORT, Fault.ATTRIBUTE_TOO_SHORT, Fault.ATTRIBUTE_OVERFLOW,
    Fault.ATTRIBUTE_TYPE_0, Fault.TOO_MANY_ATTRIBUTES, Fault.DUPLICATE_MESSAGE_AUTHENTICATOR,
    Fault.BAD_MESSAGE_AUTHENTICATOR, Fault.BAD_REQUEST_AUTHENTICATOR,
})  # fmt: skip


def _key(inputs: dict[str, str]) -> SigningKey:
    return SigningKey(Secret(bytes.fromhex(inputs["secret_hex"])))


def _packet(attributes: bytes = b"", code: int = 1, authenticator: bytes = AUTHENTICATOR) -> bytes:
    size = 20 + len(attributes)
    return bytes((code, 7, size >> 8, size & 255)) + authenticator + attributes


def _fault(datagram: bytes, served: frozenset[int] | None = None) -> Fault:
    with pytest.raises(MalformedPacketError) as caught:
        codec.decode(datagram, served)
    return caught.value.fault


def _unverified(datagram: bytes, key: SigningKey = KEY) -> Fault:
    with pytest.raises(UnverifiedPacketError) as caught:
        codec.verify(codec.decode(datagram), key)
    return caught.value.fault


def _is_code(*codes: str) -> Callable[[dict[str, Any]], bool]:
    return lambda vector: vector["inputs"]["packet_hex"][:2] in codes


# Decoding


@pytest.mark.parametrize(
    ("datagram", "fault"),
    [
        pytest.param(b"", Fault.SHORT_PACKET, id="nothing"),
        pytest.param(_packet()[:19], Fault.SHORT_PACKET, id="19 octets"),
        pytest.param(b"\1\0\0\x13" + bytes(16), Fault.BAD_LENGTH, id="length 19"),
        pytest.param(b"\1\0\0\0" + bytes(16), Fault.BAD_LENGTH, id="length 0"),
        pytest.param(b"\1\0\0\x15" + bytes(16), Fault.BAD_LENGTH, id="one octet missing"),
        pytest.param(b"\1\0\x10\x01" + bytes(4093), Fault.TOO_LONG, id="4097 octets"),
        pytest.param(b"\1\0\xff\xff" + bytes(16), Fault.TOO_LONG, id="length 65535"),
        pytest.param(_packet(b"\1"), Fault.ATTRIBUTE_OVERFLOW, id="type without length"),
        pytest.param(_packet(NAME + b"\1"), Fault.ATTRIBUTE_OVERFLOW, id="a last type alone"),
        pytest.param(_packet(b"\1\0"), Fault.ATTRIBUTE_TOO_SHORT, id="attribute length 0"),
        pytest.param(_packet(b"\1\1"), Fault.ATTRIBUTE_TOO_SHORT, id="attribute length 1"),
        pytest.param(_packet(b"\1\4a"), Fault.ATTRIBUTE_OVERFLOW, id="one past the end"),
        pytest.param(_packet(b"\1\xffa"), Fault.ATTRIBUTE_OVERFLOW, id="far past the end"),
        pytest.param(_packet(b"\0\2"), Fault.ATTRIBUTE_TYPE_0, id="type 0"),
        pytest.param(_packet(NAME + b"\0\3x"), Fault.ATTRIBUTE_TYPE_0, id="a later type 0"),
        pytest.param(_packet(b"\x19\2" * 201), Fault.TOO_MANY_ATTRIBUTES, id="201 attributes"),
        pytest.param(
            _packet(bytes(b for kind in range(1, 202) for b in (kind, 2))),
            Fault.TOO_MANY_ATTRIBUTES,
            id="201 types",
        ),
        # Nobody makes us walk over two thousand of them.
        pytest.param(
            _packet(b"\x19\2" * 300 + b"\x19\0"),
            Fault.TOO_MANY_ATTRIBUTES,
            id="what follows the 200th is not looked at",
        ),
        pytest.param(
            _packet((b"\x50\x12" + bytes(16)) * 2),
            Fault.DUPLICATE_MESSAGE_AUTHENTICATOR,
            id="two Message-Authenticators",
        ),
        pytest.param(
            _packet(b"\x50\x11" + bytes(15)),
            Fault.BAD_MESSAGE_AUTHENTICATOR,
            id="a short Message-Authenticator",
        ),
        pytest.param(
            _packet(b"\x50\x13" + bytes(17)),
            Fault.BAD_MESSAGE_AUTHENTICATOR,
            id="a long Message-Authenticator",
        ),
        pytest.param(_packet(b"\x50\x02"), Fault.BAD_MESSAGE_AUTHENTICATOR, id="an empty one"),
    ],
)
def test_what_is_no_packet_is_refused(datagram: bytes, fault: Fault) -> None:
    """Every way to be malformed has its own name, and nothing else comes out."""
    assert _fault(datagram) is fault


@pytest.mark.parametrize("port", [codec.AUTHENTICATION_PORT, codec.ACCOUNTING_PORT])
def test_each_code_has_its_port(port: frozenset[int]) -> None:
    """A port decodes the codes it serves, and says of any other why not."""
    for code in range(256):
        if code in port:
            assert codec.decode(_packet(code=code), port).code == code
            continue
        expected = Fault.UNKNOWN_CODE
        if code in numbers.NOT_FOR_A_SERVER:
            expected = Fault.UNEXPECTED_CODE
        elif code in {1, 4, 40, 43}:
            expected = Fault.WRONG_PORT
        assert _fault(_packet(code=code), port) is expected


@pytest.mark.parametrize(("inputs", "expected"), family("packet_parse"))
def test_vectors_are_decoded(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """A packet's header and each type's values, in their order, are what its source says."""
    packet = codec.decode(bytes.fromhex(inputs["packet_hex"]))
    assert (packet.code, packet.identifier) == (expected["code"], expected["id"])
    assert packet.authenticator.hex() == expected["authenticator_hex"]
    assert len(packet.octets) == expected["length"]
    for kind in range(256):
        values = [
            bytes.fromhex(row["value_hex"]) for row in expected["attributes"] if row["type"] == kind
        ]
        assert packet.values(kind) == values
        assert packet.value(kind) == (values[0] if values else None)
        assert (kind in packet) is bool(values)
        assert packet.is_repeated({kind}) is (len(values) > 1)
        assert packet.raw(kind) == b"".join(codec.attribute(kind, value) for value in values)


@pytest.mark.parametrize(
    ("kinds", "has"),
    [
        pytest.param([], False, id="none"),
        pytest.param([2, 26], False, id="others"),
        pytest.param([2, 1], True, id="the second"),
        pytest.param({25}, True, id="repeated"),
    ],
)
def test_packet_tells_whether_it_has_one_of_several(
    kinds: list[int] | set[int], *, has: bool
) -> None:
    """One look says whether any of several types is there, however often."""
    packet = codec.decode(_packet(NAME + b"\x19\2\x19\3x"))
    assert packet.has_any(kinds) is has


def test_padding_is_ignored() -> None:
    """Octets after the length are no part of the packet."""
    assert codec.decode(_packet(NAME) + b"\1\0\xff").octets == _packet(NAME)


def test_largest_packet_is_decoded() -> None:
    """4096 octets and 200 attributes are allowed."""
    largest = _packet((b"\x19\xff" + bytes(253)) * 15 + b"\x19\xfb" + bytes(249))
    assert len(codec.decode(largest).octets) == 4096
    assert len(codec.decode(_packet(b"\x19\2" * 200)).values(25)) == 200


@pytest.mark.parametrize(("datagram", "case"), malformed("auth") + malformed("acct"))
def test_malformed_cases_are_told_apart(datagram: bytes, case: dict[str, Any]) -> None:
    """A case that is malformed or forged is discarded for the reason it names, and no other is."""
    served = codec.AUTHENTICATION_PORT if case["port"] == "auth" else codec.ACCOUNTING_PORT
    found = "ok"
    try:
        codec.verify(codec.decode(datagram, served), SigningKey(Secret(b"testing123")))
    except codec.PacketError as error:
        found = error.fault.value
    wanted = case["expect"]["reason"]
    if wanted == "garbage":
        assert found != "ok"
    elif wanted in STRUCTURAL or found != "ok":
        assert (found, case["expect"]["action"]) == (wanted, "discard")


# Signatures


def test_hmac_agrees_with_the_standard_library() -> None:
    """The prepared states give HMAC-MD5 for secrets below, at and above a block of 64 octets."""
    for size in (1, 16, 63, 64, 65, 200):
        secret = bytes(range(size))
        key = SigningKey(Secret(secret))
        for octets in (b"", b"a", bytes(4096)):
            assert key.hmac(octets) == hmac.digest(secret, octets, "md5")


@pytest.mark.parametrize(
    ("inputs", "expected"), family("message_authenticator", _is_code("01", "04", "0c"))
)
def test_vectors_of_signed_requests(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """A request's Message-Authenticator verifies exactly if its source says so."""
    octets = bytes.fromhex(inputs["packet_hex"])
    packet = codec.decode(octets)
    at = expected["value_offset"]
    assert octets[at : at + 16] == packet.value(numbers.MESSAGE_AUTHENTICATOR)
    if expected["valid"]:
        assert codec.verify(packet, _key(inputs)) is True
        return
    # The hash of an Accounting-Request is looked at first, and may be wrong as well.
    wrong = {Fault.BAD_MESSAGE_AUTHENTICATOR}
    if packet.code == numbers.ACCOUNTING_REQUEST:
        wrong.add(Fault.BAD_REQUEST_AUTHENTICATOR)
    assert _unverified(octets, _key(inputs)) in wrong


@pytest.mark.parametrize(
    ("inputs", "expected"), family("message_authenticator", _is_code("02", "03", "05"))
)
def test_vectors_of_signed_replies(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """A reply's Message-Authenticator is computed with the request's authenticator."""
    answer = codec.decode(bytes.fromhex(inputs["packet_hex"]))
    authenticator = bytes.fromhex(inputs["hmac_authenticator_hex"])
    assert codec.verify_reply(answer, authenticator, _key(inputs)) is expected["valid"]


@pytest.mark.parametrize(
    ("inputs", "expected"), family("message_authenticator", _is_code("2b", "28", "2c", "29"))
)
def test_vectors_of_dynamic_authorization_are_not_served(
    inputs: dict[str, str], expected: dict[str, Any]
) -> None:
    """CoA and Disconnect packets are refused on both ports, however well they are signed."""
    assert expected["valid"]
    octets = bytes.fromhex(inputs["packet_hex"])
    for port in (codec.AUTHENTICATION_PORT, codec.ACCOUNTING_PORT):
        assert _fault(octets, port) in {Fault.WRONG_PORT, Fault.UNEXPECTED_CODE}


@pytest.mark.parametrize(("inputs", "expected"), family("request_authenticator", _is_code("04")))
def test_vectors_of_accounting_requests(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """An Accounting-Request is genuine exactly if its authenticator is the hash of RFC 2866."""
    octets = bytes.fromhex(inputs["packet_hex"])
    packet = codec.decode(octets, codec.ACCOUNTING_PORT)
    if not expected["valid"]:
        assert _unverified(octets, _key(inputs)) is Fault.BAD_REQUEST_AUTHENTICATOR
        return
    assert codec.verify(packet, _key(inputs)) is (numbers.MESSAGE_AUTHENTICATOR in packet)
    assert packet.authenticator.hex() == expected["request_authenticator_hex"]


@pytest.mark.parametrize(
    ("inputs", "expected"), family("request_authenticator", _is_code("2b", "28"))
)
def test_vectors_of_coa_requests_are_not_served(
    inputs: dict[str, str], expected: dict[str, Any]
) -> None:
    """A well-formed CoA-Request or Disconnect-Request belongs to another port."""
    assert expected["valid"]
    octets = bytes.fromhex(inputs["packet_hex"])
    assert _fault(octets, codec.AUTHENTICATION_PORT) is Fault.WRONG_PORT


@pytest.mark.parametrize(("inputs", "expected"), family("response_authenticator"))
def test_vectors_of_replies(inputs: dict[str, str], expected: dict[str, Any]) -> None:
    """A reply is genuine exactly if its authenticator is the hash over the request's."""
    request = codec.decode(bytes.fromhex(inputs["request_hex"]))
    answer = codec.decode(bytes.fromhex(inputs["response_hex"]))
    signed = numbers.MESSAGE_AUTHENTICATOR in answer
    if not expected["valid"]:
        with pytest.raises(UnverifiedPacketError) as caught:
            codec.verify_reply(answer, request.authenticator, _key(inputs), require_signature=False)
        assert caught.value.fault is Fault.BAD_RESPONSE_AUTHENTICATOR
        return
    found = codec.verify_reply(answer, request.authenticator, _key(inputs), require_signature=False)
    assert found is signed
    assert answer.authenticator.hex() == expected["response_authenticator_hex"]


@pytest.mark.parametrize(
    ("inputs", "expected"), family("proxy", lambda vector: vector["op"] == "proxy_request")
)
def test_vectors_of_proxied_requests_are_verified(
    inputs: dict[str, str], expected: dict[str, str]
) -> None:
    """What a proxy receives and what it sends on are both genuine, each under its own secret."""
    hops = (
        (inputs["client_packet_hex"], inputs["client_secret_hex"], True),
        (inputs["client_packet_hex"], inputs["upstream_secret_hex"], False),
        (expected["upstream_packet_hex"], inputs["upstream_secret_hex"], True),
        (expected["upstream_packet_hex"], inputs["client_secret_hex"], False),
    )
    for octets, secret, genuine in hops:
        packet, key = codec.decode(bytes.fromhex(octets)), _key({"secret_hex": secret})
        if genuine:
            assert codec.verify(packet, key) is True
            continue
        with pytest.raises(UnverifiedPacketError):
            codec.verify(packet, key)


@pytest.mark.parametrize(
    ("inputs", "expected"),
    family("proxy", lambda row: row["id"] in {"response-accept", "response-reject-proxy-states"}),
)
def test_vectors_of_proxied_replies_are_built(
    inputs: dict[str, Any], expected: dict[str, str]
) -> None:
    """Our reply to a proxied request: signed first, then attributes, then Proxy-State in order."""
    wanted = bytes.fromhex(expected["client_packet_hex"])
    answer = codec.decode(wanted)
    states = answer.raw(numbers.PROXY_STATE)
    asked = _packet(states, authenticator=bytes.fromhex(inputs["client_authenticator_hex"]))
    request = codec.decode(bytes((1, inputs["client_id"])) + asked[2:])
    attributes = wanted[38 : len(wanted) - len(states)]
    key = _key({"secret_hex": inputs["client_secret_hex"]})
    assert codec.reply(wanted[0], request, key, attributes) == wanted


def test_unsigned_access_request_is_not_called_signed() -> None:
    """An Access-Request without Message-Authenticator shows nothing of who sent it."""
    assert codec.verify(codec.decode(_packet(NAME)), KEY) is False


@pytest.mark.parametrize(
    "datagram",
    [
        pytest.param(_packet(code=numbers.STATUS_SERVER), id="Status-Server"),
        pytest.param(_packet(NAME + b"\x4f\x06\2\1\0\4"), id="EAP-Message"),
        pytest.param(_packet(b"\x4f\x02"), id="an empty EAP-Message"),
    ],
)
def test_status_server_and_eap_must_be_signed(datagram: bytes) -> None:
    """Status-Server and EAP-Message are worth nothing without Message-Authenticator."""
    assert _unverified(datagram) is Fault.MISSING_MESSAGE_AUTHENTICATOR


@pytest.mark.parametrize(
    "code", [numbers.ACCESS_REQUEST, numbers.ACCOUNTING_REQUEST, numbers.STATUS_SERVER]
)
def test_any_changed_bit_of_a_signed_request_is_seen(code: int) -> None:
    """No bit of a signed request can be turned over without the signature failing."""
    genuine = codec.request(code, 9, AUTHENTICATOR, NAME, KEY)
    assert codec.verify(codec.decode(genuine), KEY) is True
    for place in range(len(genuine) * 8):
        changed = bytearray(genuine)
        changed[place // 8] ^= 1 << place % 8
        try:
            assert codec.verify(codec.decode(bytes(changed)), KEY) is not True, place
        except codec.PacketError:
            continue


def test_another_secret_is_noticed() -> None:
    """A request signed with another secret is not genuine."""
    octets = codec.request(numbers.ACCESS_REQUEST, 9, AUTHENTICATOR, NAME, OTHER)
    assert _unverified(octets) is Fault.BAD_MESSAGE_AUTHENTICATOR
    accounting = codec.request(numbers.ACCOUNTING_REQUEST, 9, b"", NAME, OTHER, signed=False)
    assert _unverified(accounting) is Fault.BAD_REQUEST_AUTHENTICATOR


# Encoding


@pytest.mark.parametrize("signed", [True, False])
def test_request_is_built_as_a_client_sends_it(*, signed: bool) -> None:
    """A request keeps its fields, and its signature stands first."""
    octets = codec.request(numbers.ACCESS_REQUEST, 255, AUTHENTICATOR, NAME, KEY, signed=signed)
    packet = codec.decode(octets)
    assert (packet.code, packet.identifier, packet.authenticator) == (1, 255, AUTHENTICATOR)
    assert packet.value(numbers.USER_NAME) == b"alice"
    assert (octets[20] == numbers.MESSAGE_AUTHENTICATOR) is signed
    assert codec.verify(packet, KEY) is signed


def test_unsigned_accounting_request_is_genuine_by_its_authenticator() -> None:
    """Accounting needs no Message-Authenticator: its Request Authenticator is a keyed hash."""
    octets = codec.request(numbers.ACCOUNTING_REQUEST, 1, b"", NAME, KEY, signed=False)
    assert codec.verify(codec.decode(octets), KEY) is False
    blank = octets[:4] + bytes(16) + octets[20:]
    assert octets[4:20] == md5(blank + KEY.secret, usedforsecurity=False).digest()


def test_request_that_is_too_long_is_refused() -> None:
    """No request of more than 4096 octets is made."""
    attributes = (b"\x19\xff" + bytes(253)) * 15 + b"\x19\xfb" + bytes(249)
    assert len(codec.request(1, 0, AUTHENTICATOR, attributes, KEY, signed=False)) == 4096
    with pytest.raises(MalformedPacketError) as caught:
        codec.request(1, 0, AUTHENTICATOR, attributes, KEY)
    assert caught.value.fault is Fault.TOO_LONG


def test_reply_brings_proxy_state_back_last_and_in_order() -> None:
    """Proxy-State comes back unchanged and in order, after our own attributes."""
    states = [codec.attribute(numbers.PROXY_STATE, value) for value in (b"b", b"", b"a")]
    request = codec.decode(_packet(states[0] + NAME + states[1] + states[2]))
    message = codec.attribute(numbers.REPLY_MESSAGE, b"hello")
    octets = codec.reply(numbers.ACCESS_REJECT, request, KEY, message)
    assert octets is not None
    assert octets[38:] == message + b"".join(states)
    assert codec.verify_reply(codec.decode(octets), AUTHENTICATOR, KEY) is True


def test_reply_without_signature_only_when_told() -> None:
    """`signed=False` leaves Message-Authenticator out; the Response Authenticator stays."""
    octets = codec.reply(2, codec.decode(_packet()), KEY, signed=False)
    assert octets is not None
    assert len(octets) == 20
    answer = codec.decode(octets)
    assert codec.verify_reply(answer, AUTHENTICATOR, KEY, require_signature=False) is False
    with pytest.raises(UnverifiedPacketError) as caught:
        codec.verify_reply(answer, AUTHENTICATOR, KEY)
    assert caught.value.fault is Fault.MISSING_MESSAGE_AUTHENTICATOR


def test_reply_that_does_not_fit_is_not_made() -> None:
    """A reply that would pass 4096 octets is none; one that just fits is made."""
    state = codec.attribute(numbers.PROXY_STATE, bytes(253))
    request = codec.decode(_packet(state * 15 + codec.attribute(numbers.PROXY_STATE, bytes(231))))
    fits = codec.reply(2, request, KEY)
    assert fits is not None
    assert len(fits) == 4096
    assert codec.reply(2, request, KEY, b"\x19\x02") is None
    assert codec.reply(2, request, KEY, NAME, signed=False) is not None


def test_any_changed_bit_of_a_reply_is_seen() -> None:
    """No bit of a reply can be turned over without a client noticing."""
    genuine = codec.reply(2, codec.decode(_packet(NAME)), KEY, NAME)
    assert genuine is not None
    for place in range(len(genuine) * 8):
        changed = bytearray(genuine)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(codec.PacketError):
            codec.verify_reply(codec.decode(bytes(changed)), AUTHENTICATOR, KEY)


def test_reply_with_a_forged_signature_is_noticed() -> None:
    """The Message-Authenticator is looked at even if the Response Authenticator is right."""
    attributes = b"\x50\x12" + bytes(16)
    head = bytes((2, 7, 0, 38))
    digest = md5(head + AUTHENTICATOR + attributes + KEY.secret, usedforsecurity=False).digest()
    answer = codec.decode(head + digest + attributes)
    with pytest.raises(UnverifiedPacketError) as caught:
        codec.verify_reply(answer, AUTHENTICATOR, KEY, require_signature=False)
    assert caught.value.fault is Fault.BAD_MESSAGE_AUTHENTICATOR


def test_accounting_signature_over_the_sent_authenticator_is_noticed() -> None:
    """An Accounting-Request is signed with its authenticator zeroed, not as it is sent."""
    blank = b"\x50\x12" + bytes(16)
    head = bytes((4, 7, 0, 38))
    mac = KEY.hmac(head + AUTHENTICATOR + blank)
    attributes = blank[:2] + mac
    digest = md5(head + bytes(16) + attributes + KEY.secret, usedforsecurity=False).digest()
    assert _unverified(head + digest + attributes) is Fault.BAD_MESSAGE_AUTHENTICATOR


def test_value_that_does_not_fit_an_attribute_is_refused() -> None:
    """An attribute holds 253 octets at most, and no empty one is a fault."""
    assert codec.attribute(25, bytes(253)) == b"\x19\xff" + bytes(253)
    assert codec.attribute(25, b"") == b"\x19\x02"
    with pytest.raises(MalformedPacketError) as caught:
        codec.attribute(25, bytes(254))
    assert caught.value.fault is Fault.ATTRIBUTE_OVERFLOW


def test_error_says_its_fault_and_nothing_of_the_packet() -> None:
    """What is logged of a bad packet is the name of its fault."""
    error = MalformedPacketError(Fault.TOO_LONG)
    assert (str(error), error.args) == ("too-long", ("too-long",))
