"""`wire.codec` and `request` for any octets, and beside pyrad where pyrad is right."""

from __future__ import annotations

import hmac
from hashlib import md5
from typing import Final

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyrad import packet as pyrad

from radiusmfa import request
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers, password
from radiusmfa.wire.codec import MalformedPacketError, SigningKey, UnverifiedPacketError

pytestmark = pytest.mark.property

_PORTS: Final = st.sampled_from([None, codec.AUTHENTICATION_PORT, codec.ACCOUNTING_PORT])
_AUTHENTICATORS: Final = st.binary(min_size=16, max_size=16)
_SECRETS: Final = st.binary(min_size=1, max_size=80)
_KINDS: Final = st.integers(1, 255).filter(lambda kind: kind != numbers.MESSAGE_AUTHENTICATOR)
# Pyrad's client wants just the Proxy-State back that it sent, which `reply` sees to.
_NO_STATE: Final = st.lists(
    st.tuples(_KINDS.filter(lambda kind: kind != numbers.PROXY_STATE), st.binary(max_size=253)),
    max_size=12,
)
_ATTRIBUTES: Final = st.lists(st.tuples(_KINDS, st.binary(max_size=253)), max_size=12)
# Types that our code looks at, so that the cases are not all of unknown ones.
_OURS: Final = st.sampled_from([1, 2, 3, 18, 24, 25, 26, 33, 70, 79, 80])
_PIECES: Final = st.one_of(
    st.tuples(_OURS, st.binary(max_size=40)).map(lambda row: codec.attribute(*row)),
    st.binary(max_size=6),
    st.just(b"\x50\x12" + bytes(16)),
)


def _encoded(attributes: list[tuple[int, bytes]]) -> bytes:
    return b"".join(codec.attribute(kind, value) for kind, value in attributes)


@st.composite
def _datagrams(draw: st.DrawFn) -> bytes:
    """Return octets that look like a packet in most respects, not in all."""
    body = b"".join(draw(st.lists(_PIECES, max_size=8)))
    wrong = draw(st.sampled_from([0, 0, 0, 0, 1, -1, 20, 4096]))
    size = max(0, 20 + len(body) + wrong)
    code = draw(st.one_of(st.sampled_from([1, 4, 12]), st.integers(0, 255)))
    head = bytes((code, draw(st.integers(0, 255)), size >> 8 & 255, size & 255))
    return head + draw(_AUTHENTICATORS) + body + draw(st.binary(max_size=3))


def _read_by_pyrad(octets: bytes) -> pyrad.Packet:
    """Return pyrad's reading; without a dictionary it leaves every value as it is."""
    return pyrad.Packet(packet=octets, secret=b"x")


def _key(secret: bytes) -> SigningKey:
    return SigningKey(Secret(secret))


@given(st.one_of(st.binary(max_size=300), _datagrams()), _PORTS, _SECRETS)
@example(b"", None, b"x")
@example(b"\1\0\0\x14" + bytes(16), None, b"x")
def test_any_octets_are_a_packet_or_an_error(
    datagram: bytes, served: frozenset[int] | None, secret: bytes
) -> None:
    """Whatever arrives: a packet, or one of the two errors, and the walk is consistent."""
    try:
        packet = codec.decode(datagram, served)
    except MalformedPacketError:
        return
    assert datagram.startswith(packet.octets)
    assert sum(len(packet.raw(kind)) for kind in range(256)) == len(packet.octets) - 20
    assert (packet.code, packet.identifier) == (datagram[0], datagram[1])
    try:
        signed = codec.verify(packet, _key(secret))
    except UnverifiedPacketError:
        return
    assert signed is (numbers.MESSAGE_AUTHENTICATOR in packet)


@given(_datagrams())
def test_what_we_decode_pyrad_reads_alike(datagram: bytes) -> None:
    """Pyrad finds the same attributes in every packet that we accept, and no other."""
    try:
        ours = codec.decode(datagram)
    except MalformedPacketError:
        return
    theirs = _read_by_pyrad(ours.octets)
    assert (theirs.code, theirs.id) == (ours.code, ours.identifier)
    assert theirs.authenticator == ours.authenticator
    found = {kind: list(dict.__getitem__(theirs, kind)) for kind in dict.keys(theirs)}
    assert found == {kind: ours.values(kind) for kind in range(256) if kind in ours}


@given(_datagrams())
def test_what_pyrad_refuses_we_refuse(datagram: bytes) -> None:
    """We are the stricter: nothing is a packet to us that is none to pyrad."""
    try:
        _read_by_pyrad(datagram)
    except pyrad.PacketError:
        with pytest.raises(MalformedPacketError):
            codec.decode(datagram)


@given(st.integers(0, 255), _AUTHENTICATORS, _ATTRIBUTES, _SECRETS)
def test_signed_request_is_genuine_to_pyrad(
    identifier: int, authenticator: bytes, attributes: list[tuple[int, bytes]], secret: bytes
) -> None:
    """Pyrad verifies the Message-Authenticator of every request that we sign."""
    octets = codec.request(1, identifier, authenticator, _encoded(attributes), _key(secret))
    assert codec.verify(codec.decode(octets), _key(secret)) is True
    theirs = pyrad.AuthPacket(packet=octets, secret=secret)
    assert theirs.verify_message_authenticator() is True


@given(st.integers(0, 255), _ATTRIBUTES, _SECRETS, st.booleans())
def test_accounting_request_is_genuine_to_pyrad(
    identifier: int,
    attributes: list[tuple[int, bytes]],
    secret: bytes,
    signed: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    """Pyrad verifies the Request Authenticator of every Accounting-Request that we make."""
    octets = codec.request(4, identifier, b"", _encoded(attributes), _key(secret), signed=signed)
    theirs = pyrad.AcctPacket(packet=octets, secret=secret)
    assert theirs.VerifyAcctRequest() is True
    if signed:
        assert theirs.verify_message_authenticator() is True


@given(
    st.sampled_from([2, 3, 11]),
    st.integers(0, 255),
    _AUTHENTICATORS,
    st.lists(st.binary(max_size=60), max_size=4),
    _NO_STATE,
    _SECRETS,
    st.booleans(),
)
def test_reply_is_genuine_to_pyrad(
    code: int,
    identifier: int,
    authenticator: bytes,
    states: list[bytes],
    attributes: list[tuple[int, bytes]],
    secret: bytes,
    signed: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    """Pyrad's client takes our reply, signed or not, and finds it changed if one octet is."""
    asked = _encoded([(numbers.PROXY_STATE, state) for state in states])
    octets = codec.request(1, identifier, authenticator, asked, _key(secret))
    answer = codec.reply(
        code, codec.decode(octets), _key(secret), _encoded(attributes), signed=signed
    )
    assert answer is not None
    theirs = pyrad.AuthPacket(packet=octets, secret=secret)
    reply = pyrad.AuthPacket(packet=answer, secret=secret)
    assert theirs.VerifyReply(reply, answer, enforce_ma=signed)
    changed = bytes((answer[0] ^ 1, *answer[1:]))
    assert not theirs.VerifyReply(pyrad.Packet(packet=changed, secret=secret), changed)


@given(
    st.integers(0, 255),
    _ATTRIBUTES.map(lambda rows: [row for row in rows if row[0] != numbers.VENDOR_SPECIFIC]),
    _SECRETS,
)
def test_what_pyrad_sends_we_verify(
    identifier: int, attributes: list[tuple[int, bytes]], secret: bytes
) -> None:
    """A request that pyrad signs is genuine to us, and its values are those it was given."""
    theirs = pyrad.AuthPacket(id=identifier, secret=secret, message_authenticator=True)
    values = {kind: [row[1] for row in attributes if row[0] == kind] for kind, _ in attributes}
    for kind, octets in values.items():
        theirs[kind] = octets
    packet = codec.decode(theirs.RequestPacket(), codec.AUTHENTICATION_PORT)
    assert codec.verify(packet, _key(secret)) is True
    assert {kind: packet.values(kind) for kind in values} == values


@given(st.binary(min_size=1, max_size=128), _SECRETS, _AUTHENTICATORS)
def test_password_that_pyrad_hides_we_recover(
    plain: bytes, secret: bytes, authenticator: bytes
) -> None:
    """Pyrad hides as we do; its own recovery is not asked, because it drops octets."""
    theirs = pyrad.AuthPacket(id=1, secret=secret, authenticator=authenticator)
    assert theirs.PwCrypt(plain) == password.hide(plain, secret, authenticator)


@given(_datagrams(), _SECRETS)
def test_any_packet_asks_something_or_says_why_not(datagram: bytes, secret: bytes) -> None:
    """`request.read` answers every packet with credentials or a reason to refuse."""
    try:
        packet = codec.decode(datagram)
    except MalformedPacketError:
        return
    asked = request.read(packet, secret)
    if isinstance(asked, Reason):
        assert asked not in {Reason.PASSED, Reason.PASSWORD_ONLY, Reason.RESYNCHRONIZED}
        return
    assert asked.name
    assert len(asked.typed) <= 128
    assert not request.has_no_proof(packet)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_prepared_hmac_is_hmac(secret: bytes, octets: bytes) -> None:
    """The signing key's copied states give what RFC 2104 asks for."""
    assert _key(secret).hmac(octets) == hmac.digest(secret, octets, md5)
