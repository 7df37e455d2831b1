"""What each client's replies hold, compiled once from its configuration."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Client, Factors, Mode
from radiusmfa.config.upstream_model import Event, Prompts, UpstreamFactor
from radiusmfa.login.plan import Plan
from radiusmfa.outcome import UPSTREAM_ASKS, Failed, Reason
from radiusmfa.request import Credentials
from radiusmfa.secret import Secret
from radiusmfa.server.attempt import Attempt
from radiusmfa.server.replies import Replies
from radiusmfa.upstream.kept import EMPTY, Hidden, Kept
from radiusmfa.upstream.line import Heard
from radiusmfa.wire import codec, names, numbers, vendor
from radiusmfa.wire.codec import Packet, attribute

if TYPE_CHECKING:
    from typing import Any

SECRET = Secret(b"a shared secret of 30 octets..")
NO_ECHO = bytes((76, 6, 0, 0, 0, 0))
FACTORS = (
    UpstreamFactor(name="rsa", upstream="rsa", prompt="PASSCODE: "),
    UpstreamFactor(name="vip", upstream="vip"),
)


def replies(**settings: Any) -> Replies:  # noqa: ANN401 - settings of any type
    """Return the replies of a client with *settings*."""
    networks = (ipaddress.ip_network("192.0.2.1"),)
    client = Client(name="vpn", networks=networks, secret=SECRET, **settings)
    return Replies(client, Factors(upstream=FACTORS), bytes)


def attempt(heard: Heard | None = None, factor: UpstreamFactor | None = None) -> Attempt:
    """Return a login in which an upstream has said *heard*."""
    networks = (ipaddress.ip_network("192.0.2.1"),)
    client = Client(name="vpn", networks=networks, secret=SECRET)
    plan = Plan(client, Factors(), b"pepper")
    asked = Credentials(b"alice", b"", None)
    made = Attempt(client, plan, Mode.CHALLENGE, request(), asked, None, 0.0)
    made.heard, made.factor = heard, factor
    return made


def request(*attributes: bytes) -> Packet:
    """Return an Access-Request."""
    octets = codec.request(1, 7, bytes(16), b"".join(attributes), codec.SigningKey(SECRET))
    return codec.decode(octets)


def test_accept_holds_class_alone_where_nothing_is_configured() -> None:
    """Without configuration an Accept names its login in Class, and nothing else."""
    made = replies()

    assert made.accept("login-1", "alice", EMPTY) == (attribute(numbers.CLASS, b"login-1"), None)
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

    octets, kept = made.accept("L1", "j\u00f6rg", EMPTY)

    assert made.has_attributes
    assert kept is None
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
        made.accept("L1", "a" * 200, EMPTY)


def test_user_name_with_braces_fills_in_as_it_is() -> None:
    """A name that looks like a field is a name."""
    made = replies(reply=(("Filter-Id", "{user}"),))

    assert made.accept("L1", "{login}", EMPTY)[0].startswith(attribute(11, b"{login}"))


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.PASSCODE_WANTED, b"Your code? "),
        (Reason.NEXT_PASSCODE_WANTED, b"Next passcode: "),
        (
            Reason.OTHER_PASSCODE_WANTED,
            b"The server of your token cannot be reached. Passcode of another token: ",
        ),
    ],
)
def test_challenge_holds_state_message_and_no_echo(reason: Reason, text: bytes) -> None:
    """A challenge holds State, one Reply-Message, and Prompt = No-Echo."""
    made = replies(prompt="Your code? ")

    octets = made.challenge(b"state", reason, attempt(), 180)

    assert octets == attribute(numbers.STATE, b"state") + attribute(18, text) + NO_ECHO


@pytest.mark.parametrize(("name", "text"), [("rsa", b"PASSCODE: "), ("vip", b"Passcode: ")])
def test_factor_of_an_upstream_may_have_its_own_prompt(name: str, text: bytes) -> None:
    """Before the server has said anything, its factor's prompt stands, or the client's."""
    one = attempt(factor=next(factor for factor in FACTORS if factor.name == name))

    octets = replies().challenge(b"s", Reason.PASSCODE_WANTED, one, 180)

    assert octets == attribute(numbers.STATE, b"s") + attribute(18, text) + NO_ECHO


@pytest.mark.parametrize(
    ("heard", "message", "rest"),
    [
        pytest.param(Heard(UPSTREAM_ASKS, text="PIN? "), b"PIN? ", NO_ECHO, id="bare"),
        pytest.param(
            Heard(UPSTREAM_ASKS, text="PIN? ", echo=(1).to_bytes(4), limit=30),
            b"PIN? ",
            attribute(numbers.PROMPT, (1).to_bytes(4))
            + attribute(numbers.SESSION_TIMEOUT, (30).to_bytes(4)),
            id="echo-and-time",
        ),
        pytest.param(
            Heard(UPSTREAM_ASKS, text="PIN? ", limit=600),
            b"PIN? ",
            NO_ECHO + attribute(numbers.SESSION_TIMEOUT, (180).to_bytes(4)),
            id="more-time-than-we-give",
        ),
        pytest.param(
            Heard(UPSTREAM_ASKS, Event.NEW_PIN_WANTED, text="Something long"),
            b"New PIN: ",
            NO_ECHO,
            id="style",
        ),
        pytest.param(Heard(UPSTREAM_ASKS, Event.OTHER), b"Passcode: ", NO_ECHO, id="empty"),
    ],
)
def test_question_of_an_upstream_is_relayed(heard: Heard, message: bytes, rest: bytes) -> None:
    """Text in the client's style, echo and time as the server said."""
    made = replies(prompts=Prompts.PLAIN)

    octets = made.challenge(b"s", Reason.UPSTREAM_ASKS, attempt(heard=heard), 180)

    assert octets == attribute(numbers.STATE, b"s") + attribute(18, message) + rest


def test_what_an_upstream_gives_follows_what_is_configured() -> None:
    """What an Accept brings besides is kept, less what the configuration names itself."""
    made = replies(reply=(("Filter-Id", "ours"),))
    row = Hidden(311, 16, b"", b"key")
    given = Kept(attribute(11, b"theirs") + attribute(27, bytes(4)), (row,))

    octets, kept = made.accept("L1", "alice", given)

    assert octets == attribute(11, b"ours") + attribute(numbers.CLASS, b"L1")
    assert kept == Kept(attribute(27, bytes(4)), (row,))


@pytest.mark.parametrize(
    ("limit", "text"),
    [(16, "\u20ac" * 5), (17, "\u20ac" * 5), (18, "\u20ac" * 6), (253, "\u20ac" * 20)],
)
def test_prompt_is_cut_between_characters(limit: int, text: str) -> None:
    """A prompt is cut to what the client shows, and never within a character."""
    made = replies(prompt="\u20ac" * 20, prompt_limit=limit)

    assert attribute(18, text.encode()) + NO_ECHO in made.challenge(
        b"s", Reason.PASSCODE_WANTED, attempt(), 180
    )


@pytest.mark.parametrize(("message", "octets"), [("", b""), ("No.", attribute(18, b"No."))])
def test_reject_holds_the_configured_message_or_nothing(message: str, octets: bytes) -> None:
    """A Reject says what is configured, and never why."""
    assert replies(reject_message=message).reject(request(), None) == octets


@pytest.mark.parametrize(
    ("eap", "identifier"), [(b"\2\7\0\4", 7), (b"\2\xff", 255), (b"\2", 0), (b"", 0)]
)
def test_reject_of_eap_holds_a_failure_and_no_message(eap: bytes, identifier: int) -> None:
    """EAP is refused in its own words (RFC 3579 section 2.6.3)."""
    made = replies(reject_message="No.")

    octets = made.reject(request(attribute(numbers.EAP_MESSAGE, eap)), None)

    assert octets == attribute(numbers.EAP_MESSAGE, bytes((4, identifier, 0, 4)))


REFUSED = Failed(Reason.UPSTREAM_REFUSED)
MSCHAP = (vendor.encode(311, 11, bytes(16)), vendor.encode(311, 25, b"\x2a" + bytes(49)))
ERROR = vendor.encode(311, 2, b"\x2aE=648 R=0 C=00 V=3 M=Password expired")
OWN_ERROR = vendor.encode(311, 2, b"\x2aE=691 R=0 C=" + b"0" * 32 + b" V=3")


@pytest.mark.parametrize(
    ("heard", "message", "octets"),
    [
        pytest.param(
            Heard(REFUSED, text="Not today."), "", attribute(18, b"Not today."), id="text"
        ),
        pytest.param(Heard(REFUSED, text="Theirs."), "No.", attribute(18, b"No."), id="configured"),
        pytest.param(Heard(REFUSED), "", b"", id="bare"),
        pytest.param(
            Heard(Failed(Reason.BAD_CHALLENGE), text="Theirs."), "", b"", id="not-refused"
        ),
        pytest.param(None, "", b"", id="unasked"),
    ],
)
def test_words_of_an_upstream_that_refused_are_passed_on(
    heard: Heard | None, message: str, octets: bytes
) -> None:
    """Where an upstream refused its words stand, unless the configuration has some."""
    made = replies(reject_message=message)

    assert made.reject(request(), attempt(heard=heard)) == octets


@pytest.mark.parametrize(
    ("heard", "attributes", "octets"),
    [
        pytest.param(Heard(REFUSED, error=ERROR), MSCHAP, ERROR, id="theirs"),
        pytest.param(Heard(REFUSED), MSCHAP, OWN_ERROR, id="ours"),
        pytest.param(None, MSCHAP, OWN_ERROR, id="unasked"),
        pytest.param(Heard(REFUSED, error=ERROR), (), b"", id="no-mschap"),
        pytest.param(None, (vendor.encode(9, 1, b"x"),), b"", id="other-vendor"),
    ],
)
def test_reject_of_mschap_holds_its_error(
    heard: Heard | None, attributes: tuple[bytes, ...], octets: bytes
) -> None:
    """MS-CHAP is refused in its own words (RFC 2548 section 2.1.5), or the upstream's."""
    assert replies().reject(request(*attributes), attempt(heard=heard)) == octets
