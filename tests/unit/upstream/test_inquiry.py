"""Tests of `radiusmfa.upstream.inquiry`."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Final

import pytest
from pyrad import dictionary
from pyrad import packet as pyrad

from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.upstream import inquiry
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.wire import codec, numbers, password
from radiusmfa.wire.codec import Fault, SigningKey

SHARED: Final = b"the upstream's secret"
KEY: Final = SigningKey(Secret(SHARED))
OTHER: Final = SigningKey(Secret(b"another one's secret"))
ASKED: Final = bytes(range(16))
OURS: Final = b"radiusmfa:7"
NAME: Final = codec.attribute(numbers.USER_NAME, b"alice")
STATE: Final = codec.attribute(numbers.STATE, b"theirs")
PROXY_STATE: Final = codec.attribute(numbers.PROXY_STATE, OURS)


def _inquiry(typed: bytes | None = b"123456", attributes: bytes = NAME + STATE) -> Inquiry:
    return Inquiry(upstream="rsa", attributes=attributes, typed=typed, deadline=5.0)


def _built(typed: bytes | None = b"123456", attributes: bytes = NAME + STATE) -> codec.Packet:
    return codec.decode(inquiry.build(_inquiry(typed, attributes), 7, ASKED, OURS, KEY))


def _kinds(packet: codec.Packet) -> list[int]:
    found, at = [], numbers.HEADER_OCTETS
    while at < len(packet.octets):
        found.append(packet.octets[at])
        at += packet.octets[at + 1]
    return found


def _reply(
    *attributes: bytes, key: SigningKey = KEY, signed: bool = True, code: int = 2
) -> codec.Packet:
    # Answered as if the request had no Proxy-State: the test brings what it wants.
    request = codec.decode(codec.request(1, 7, ASKED, NAME, key))
    octets = codec.reply(code, request, key, b"".join(attributes), signed=signed)
    assert octets is not None
    return codec.decode(octets)


def _refusal(
    packet: codec.Packet, *, asked: bytes = ASKED, key: SigningKey = KEY, required: bool = True
) -> Fault:
    with pytest.raises(codec.UnverifiedPacketError) as raised:
        inquiry.check(packet, asked, OURS, key, require_signature=required)
    return raised.value.fault


# -- what is ignored --


@pytest.mark.parametrize("code", sorted(inquiry.REPLIES))
@pytest.mark.parametrize("required", [True, False], ids=["required", "waived"])
def test_reply_of_another_secret_is_ignored(code: int, *, required: bool) -> None:
    """Who does not share the secret says nothing, whether a signature is required or not."""
    for signed in (True, False):
        packet = _reply(key=OTHER, signed=signed, code=code)
        assert _refusal(packet, required=required) is Fault.BAD_RESPONSE_AUTHENTICATOR


def test_reply_to_another_request_is_ignored() -> None:
    """A genuine reply to a request from before, with the same identifier, answers nothing."""
    assert _refusal(_reply(PROXY_STATE), asked=ASKED[::-1]) is Fault.BAD_RESPONSE_AUTHENTICATOR


def test_reply_without_signature_is_ignored_where_one_is_required() -> None:
    """Without Message-Authenticator an Accept may be forged (CVE-2024-3596)."""
    packet = _reply(PROXY_STATE, signed=False)
    assert _refusal(packet) is Fault.MISSING_MESSAGE_AUTHENTICATOR


def test_reply_with_a_wrong_signature_is_ignored_where_none_is_required() -> None:
    """A server whose signature is waived may leave it out, and not make it wrong."""
    forged = codec.attribute(numbers.MESSAGE_AUTHENTICATOR, bytes(16))
    packet = _reply(forged, signed=False)
    assert _refusal(packet, required=False) is Fault.BAD_MESSAGE_AUTHENTICATOR


@pytest.mark.parametrize(
    "states",
    [
        pytest.param([b"radiusmfa:8"], id="another's"),
        pytest.param([b""], id="empty"),
        pytest.param([OURS[:-1]], id="cut"),
        pytest.param([OURS + b"\0"], id="longer"),
        pytest.param([OURS, OURS], id="twice"),
        pytest.param([OURS, b"more"], id="ours and another's"),
        pytest.param([b"more", OURS], id="another's and ours"),
    ],
)
def test_reply_with_another_proxy_state_is_ignored(states: list[bytes]) -> None:
    """Proxy-State comes back unchanged and alone, or the reply is for somebody else."""
    packet = _reply(*(codec.attribute(numbers.PROXY_STATE, one) for one in states))
    assert _refusal(packet) is Fault.BAD_PROXY_STATE


def test_signature_is_looked_at_before_anything_else() -> None:
    """What is not genuine is not read: its Proxy-State says nothing."""
    packet = _reply(codec.attribute(numbers.PROXY_STATE, b"another's"), key=OTHER)
    assert _refusal(packet) is Fault.BAD_RESPONSE_AUTHENTICATOR


# -- what is taken --


@pytest.mark.parametrize("code", sorted(inquiry.REPLIES))
@pytest.mark.parametrize("attributes", [PROXY_STATE, b""], ids=["brought back", "left out"])
def test_genuine_reply_is_taken(code: int, attributes: bytes) -> None:
    """Accept, Reject and Challenge with the right signature; some servers lose Proxy-State."""
    inquiry.check(_reply(attributes, code=code), ASKED, OURS, KEY, require_signature=True)


def test_reply_without_signature_is_taken_where_it_is_waived() -> None:
    """An old server that never signs can be used, if its entry says so."""
    inquiry.check(_reply(PROXY_STATE, signed=False), ASKED, OURS, KEY, require_signature=False)


# -- what is asked --


def test_signature_stands_first_and_proxy_state_last() -> None:
    """The order: Message-Authenticator, the password, what is passed on, our Proxy-State."""
    packet = _built()
    assert _kinds(packet) == [
        numbers.MESSAGE_AUTHENTICATOR, numbers.USER_PASSWORD, numbers.USER_NAME,
        numbers.STATE, numbers.PROXY_STATE,
    ]  # fmt: skip
    assert (packet.code, packet.identifier, packet.authenticator) == (1, 7, ASKED)
    assert packet.values(numbers.PROXY_STATE) == [OURS]
    assert codec.verify(packet, KEY)


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"123456", id="a code"),
        pytest.param("pässwörd".encode(), id="letters"),
        pytest.param(b"\xff" * 128, id="the longest"),
    ],
)
def test_password_is_hidden_for_that_server(typed: bytes) -> None:
    """The server reads what was typed with its own secret, and nobody else does."""
    packet = _built(typed)
    hidden = packet.value(numbers.USER_PASSWORD)
    assert hidden is not None
    assert password.recover(hidden, SHARED, ASKED) == typed
    assert password.recover(hidden, OTHER.secret, ASKED) != typed
    assert not typed or typed not in packet.octets


def test_another_proof_goes_without_a_password() -> None:
    """With CHAP there is no User-Password: one packet has one proof."""
    chap = codec.attribute(numbers.CHAP_PASSWORD, bytes(17))
    assert _kinds(_built(None, NAME + chap)) == [
        numbers.MESSAGE_AUTHENTICATOR, numbers.USER_NAME, numbers.CHAP_PASSWORD,
        numbers.PROXY_STATE,
    ]  # fmt: skip


def test_another_program_reads_what_is_asked() -> None:
    """An implementation that is not ours finds name, password, and a right signature."""
    names = dictionary.Dictionary()
    octets = inquiry.build(_inquiry(), 7, ASKED, OURS, KEY)
    packet = pyrad.AuthPacket(packet=octets, secret=SHARED, dict=names)
    assert packet.verify_message_authenticator()
    assert packet.PwDecrypt(packet[2][0]) == "123456"
    assert packet[1] == [b"alice"]


def test_request_that_would_be_too_long_is_refused() -> None:
    """What a client sends, and ours besides, fits 4096 octets, or nothing is asked."""
    room = 4096 - 20 - 18 - 18 - len(PROXY_STATE)
    filler = codec.attribute(25, bytes(253)) * 16
    fits = filler[: room - room % 255] + codec.attribute(25, bytes(room % 255 - 2))
    assert len(inquiry.build(_inquiry(attributes=fits), 7, ASKED, OURS, KEY)) == 4096
    with pytest.raises(codec.MalformedPacketError) as raised:
        inquiry.build(_inquiry(attributes=fits + b"\x19\2"), 7, ASKED, OURS, KEY)
    assert raised.value.fault is Fault.TOO_LONG


def test_password_that_is_too_long_is_refused() -> None:
    """RFC 2865 section 5.2 hides 128 octets at most; the error does not show them."""
    with pytest.raises(password.PasswordError) as raised:
        inquiry.build(_inquiry(b"hunter2" * 19), 7, ASKED, OURS, KEY)
    assert "hunter2" not in str(raised.value)


# -- what is shown --


def test_neither_proof_nor_secret_shows_itself() -> None:
    """Nothing that a log would print holds what was typed, a State, or a secret."""
    asked = _inquiry(b"hunter2")
    response = Response(
        upstream="rsa",
        server="192.0.2.9:1812",
        packet=_reply(STATE),
        secret=SHARED,
        authenticator=ASKED,
    )
    assert repr(asked) == "Inquiry('rsa', ...)"
    assert repr(response) == "Response('rsa', '192.0.2.9:1812', upstream-silent)"


def test_response_of_nobody_says_that_nobody_answered() -> None:
    """Without a reply there is a reason, and nobody counts into what such responses share."""
    response = Response(upstream="rsa")
    assert (response.packet, response.reason) == (None, Reason.UPSTREAM_SILENT)
    assert (response.server, response.sent, response.servers, response.ignored) == ("", 0, 0, {})
    assert not isinstance(response.ignored, MutableMapping)
