"""What each client's replies hold, compiled once from its configuration."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Client
from radiusmfa.secret import Secret
from radiusmfa.server.replies import Replies
from radiusmfa.wire import codec, names, numbers
from radiusmfa.wire.codec import Packet, attribute

if TYPE_CHECKING:
    from typing import Any

SECRET = Secret(b"a shared secret of 30 octets..")
NO_ECHO = bytes((76, 6, 0, 0, 0, 0))


def replies(**settings: Any) -> Replies:  # noqa: ANN401 - settings of any type
    """Return the replies of a client with *settings*."""
    networks = (ipaddress.ip_network("192.0.2.1"),)
    return Replies(Client(name="vpn", networks=networks, secret=SECRET, **settings))


def request(*attributes: bytes) -> Packet:
    """Return an Access-Request."""
    octets = codec.request(1, 7, bytes(16), b"".join(attributes), codec.SigningKey(SECRET))
    return codec.decode(octets)


def test_accept_holds_class_alone_where_nothing_is_configured() -> None:
    """Without configuration an Accept names its login in Class, and nothing else."""
    made = replies()

    assert made.accept("login-1", "alice") == attribute(numbers.CLASS, b"login-1")
    assert not made.has_attributes


def test_accept_holds_what_is_configured_filled_in() -> None:
    """Fixed values and templates stand in the Accept; fields are filled in."""
    made = replies(
        reply=(
            ("Session-Timeout", "600"),
            ("Filter-Id", "{user}@{client}"),
            ("Reply-Message", "login {login}, {{sic}}"),
        )
    )

    octets = made.accept("L1", "j\u00f6rg")

    assert made.has_attributes
    assert octets == b"".join([
        attribute(27, (600).to_bytes(4)),
        attribute(11, "j\u00f6rg@vpn".encode()),
        attribute(18, b"login L1, {sic}"),
        attribute(numbers.CLASS, b"L1"),
    ])  # fmt: skip


def test_promise_6_template_that_does_not_fit_raises() -> None:
    """A value that cannot be sent is an error, for the caller to reject on."""
    made = replies(reply=(("Filter-Id", "{user}{user}"),))

    with pytest.raises(names.AttributeValueError):
        made.accept("L1", "a" * 200)


def test_user_name_with_braces_fills_in_as_it_is() -> None:
    """A name that looks like a field is a name."""
    made = replies(reply=(("Filter-Id", "{user}"),))

    assert made.accept("L1", "{login}").startswith(attribute(11, b"{login}"))


@pytest.mark.parametrize(("is_next", "text"), [(False, b"Your code? "), (True, b"Next passcode: ")])
def test_challenge_holds_state_message_and_no_echo(text: bytes, *, is_next: bool) -> None:
    """A challenge holds State, one Reply-Message, and Prompt = No-Echo."""
    made = replies(prompt="Your code? ")

    octets = made.challenge(b"state", is_next=is_next)

    assert octets == attribute(numbers.STATE, b"state") + attribute(18, text) + NO_ECHO


@pytest.mark.parametrize(
    ("limit", "text"),
    [(16, "\u20ac" * 5), (17, "\u20ac" * 5), (18, "\u20ac" * 6), (253, "\u20ac" * 20)],
)
def test_prompt_is_cut_between_characters(limit: int, text: str) -> None:
    """A prompt is cut to what the client shows, and never within a character."""
    made = replies(prompt="\u20ac" * 20, prompt_limit=limit)

    assert attribute(18, text.encode()) + NO_ECHO in made.challenge(b"s", is_next=False)


@pytest.mark.parametrize(("message", "octets"), [("", b""), ("No.", attribute(18, b"No."))])
def test_reject_holds_the_configured_message_or_nothing(message: str, octets: bytes) -> None:
    """A Reject says what is configured, and never why."""
    assert replies(reject_message=message).reject(request()) == octets


@pytest.mark.parametrize(
    ("eap", "identifier"), [(b"\2\7\0\4", 7), (b"\2\xff", 255), (b"\2", 0), (b"", 0)]
)
def test_reject_of_eap_holds_a_failure_and_no_message(eap: bytes, identifier: int) -> None:
    """EAP is refused in its own words (RFC 3579 section 2.6.3)."""
    made = replies(reject_message="No.")

    octets = made.reject(request(attribute(numbers.EAP_MESSAGE, eap)))

    assert octets == attribute(numbers.EAP_MESSAGE, bytes((4, identifier, 0, 4)))
