"""What each client's replies hold, compiled once from its configuration."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Client, Explain, Factors, Mode
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
from radiusmfa.wire.template import Fields

if TYPE_CHECKING:
    from typing import Any

SECRET = Secret(b"a shared secret of 30 octets..")
NO_ECHO = bytes((76, 6, 0, 0, 0, 0))
LOGIN = "Zb3_kQ-9sYw1x0aV"
ALICE = Fields("alice", "L1")
FACTORS = (
    UpstreamFactor(name="rsa", upstream="rsa", prompt="PASSCODE: "),
    UpstreamFactor(name="vip", upstream="vip"),
)


def replies(**settings: Any) -> Replies:  # noqa: ANN401 - settings of any type
    """Return the replies of a client with *settings*."""
    networks = (ipaddress.ip_network("192.0.2.1"),)
    client = Client(name="vpn", networks=networks, secret=SECRET, **settings)
    return Replies(client, Factors(upstream=FACTORS), bytes, "office")


def accepted(made: Replies, fields: Fields = ALICE, kept: Kept = EMPTY) -> bytes:
    """Return the configured attributes of an Accept."""
    octets, _ = made.accept(fields.login, fields, kept)
    class_ = attribute(numbers.CLASS, fields.login.encode())
    assert octets.endswith(class_)
    return octets.removesuffix(class_)


def refused(made: Replies, packet: Packet | None = None, heard: Heard | None = None) -> bytes:
    """Return the attributes of a Reject."""
    login = None if heard is None else attempt(heard=heard)
    return made.reject(packet or request(), login, Reason.BAD_PASSCODE, LOGIN)


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

    assert made.accept("L1", ALICE, EMPTY) == (attribute(numbers.CLASS, b"L1"), None)
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

    octets, kept = made.accept("L1", Fields("j\u00f6rg", "L1"), EMPTY)

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
        made.accept("L1", Fields("a" * 200, "L1"), EMPTY)


def test_user_name_with_braces_fills_in_as_it_is() -> None:
    """A name that looks like a field is a name."""
    made = replies(reply=(("Filter-Id", "{user}"),))

    assert accepted(made, Fields("{login}", "L1")) == attribute(11, b"{login}")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (Reason.PASSCODE_WANTED, b"Your code? "),
        (Reason.PASSWORD_WANTED, b"Password: "),
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

    octets, kept = made.accept("L1", ALICE, given)

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
    assert refused(replies(reject_message=message)) == octets


@pytest.mark.parametrize(
    ("eap", "identifier"), [(b"\2\7\0\4", 7), (b"\2\xff", 255), (b"\2", 0), (b"", 0)]
)
def test_reject_of_eap_holds_a_failure_and_no_message(eap: bytes, identifier: int) -> None:
    """EAP is refused in its own words (RFC 3579 section 2.6.3)."""
    made = replies(reject_message="No.", explain=Explain.REASON)

    octets = refused(made, request(attribute(numbers.EAP_MESSAGE, eap)))

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
        pytest.param(
            Heard(Failed(Reason.PERSON_REFUSED), text="Denied."),
            "",
            attribute(18, b"Denied."),
            id="of-a-service",
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
    assert refused(replies(reject_message=message), heard=heard) == octets


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
    assert refused(replies(), request(*attributes), heard) == octets


SHORT = b"(Zb3_kQ-9)"
LONG = b"(bad-passcode Zb3_kQ-9)"


@pytest.mark.parametrize(
    ("settings", "heard", "text"),
    [
        pytest.param({"explain": Explain.ID}, None, SHORT, id="id"),
        pytest.param({"explain": Explain.REASON}, None, LONG, id="reason"),
        pytest.param(
            {"explain": Explain.REASON, "reject_message": "No."}, None, b"No. " + LONG, id="both"
        ),
        pytest.param(
            {"explain": Explain.ID}, Heard(REFUSED, text="Not today."), b"Not today. " + SHORT,
            id="theirs-first",
        ),
        pytest.param(
            {"explain": Explain.ID, "reject_message": "No."}, Heard(REFUSED, text="Theirs."),
            b"No. " + SHORT, id="ours-instead-of-theirs",
        ),
        pytest.param(
            {"explain": Explain.ID, "reject_message": "Not here.", "prompt_limit": 16}, None,
            b"Not h " + SHORT, id="message-is-cut",
        ),
        pytest.param(
            {"explain": Explain.ID, "reject_message": "\u20ac" * 3, "prompt_limit": 16}, None,
            b"\xe2\x82\xac " + SHORT, id="cut-between-characters",
        ),
        pytest.param(
            {"explain": Explain.REASON, "reject_message": "No.", "prompt_limit": 16}, None,
            b"No. " + SHORT, id="no-room-for-the-reason",
        ),
        pytest.param(
            {"explain": Explain.REASON, "reject_message": "No.", "prompt_limit": len(LONG)}, None,
            LONG, id="room-for-nothing-else",
        ),
    ],
)  # fmt: skip
def test_reject_explains_itself_where_the_client_is_told_to(
    settings: dict[str, Any], heard: Heard | None, text: bytes
) -> None:
    """The short id, or reason and id, stand last and whole; what is before them is cut."""
    assert len(text) <= settings.get("prompt_limit", 253)
    assert refused(replies(**settings), heard=heard) == attribute(18, text)


def test_reject_of_mschap_explains_itself_beside_its_error() -> None:
    """With MS-CHAP the explanation stands before the error."""
    made = replies(explain=Explain.ID)

    assert refused(made, request(*MSCHAP)) == attribute(18, SHORT) + OWN_ERROR


BOB = Fields(
    "bob", "L2", "Staff", ("Admins", "Staff"),
    (("mail", ("b@x", "bob@x")), ("hours", ("3600",)), ("hex", ("0x41",))),
)  # fmt: skip
TOLD = Kept(attribute(11, b"gold") + vendor.encode(9, 1, b"a=b") + vendor.encode(9, 1, b"c=d"), ())


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("{group}", id="group"),
        pytest.param("{groups}", id="groups"),
        pytest.param("{directory.mail}", id="directory"),
        pytest.param("x{directory.mail:,}", id="joined"),
        pytest.param("{upstream.Filter-Id}", id="upstream"),
    ],
)
def test_promise_6_placeholder_without_a_value_raises(value: str) -> None:
    """What is not known of somebody is an error, for the caller to reject on: never left out."""
    with pytest.raises(names.AttributeValueError, match=r"^Filter-Id: \{.* has no value"):
        accepted(replies(reply=(("Filter-Id", "staff"), ("Filter-Id", value))))


@pytest.mark.parametrize(
    ("name", "value", "known"),
    [
        ("Session-Timeout", "{directory.mail}", "must be a number"),
        ("Framed-IP-Address", "{directory.hours}", "must be an IPv4 address"),
        ("Filter-Id", "{directory.mail}" + "x" * 250, "has more than 253 octets"),
        ("Class", "0x{directory.mail:,}", "must be 0x and pairs"),
    ],
)
def test_promise_6_value_that_is_none_raises(name: str, value: str, known: str) -> None:
    """A value of the directory that its attribute cannot have is an error."""
    with pytest.raises(names.AttributeValueError, match=known):
        accepted(replies(reply=((name, value),)), BOB)


@pytest.mark.parametrize(
    ("name", "value", "octets"),
    [
        ("Filter-Id", "{group}", attribute(11, b"Staff")),
        ("Filter-Id", "g={groups}", attribute(11, b"g=Admins") + attribute(11, b"g=Staff")),
        ("Class", "{groups:;}", attribute(25, b"Admins;Staff")),
        ("Cisco-AVPair", "mail={directory.mail}",
         vendor.encode(9, 1, b"mail=b@x") + vendor.encode(9, 1, b"mail=bob@x")),
        ("Session-Timeout", "{directory.hours}", attribute(27, (3600).to_bytes(4))),
        ("Tunnel-Private-Group-Id:1", "{group}", attribute(81, b"\1Staff")),
        ("Tunnel-Type:1", "{directory.vlan|VLAN}", attribute(64, b"\1\0\0\15")),
        ("Filter-Id", "{upstream.Filter-Id}/{client}", attribute(11, b"gold/vpn")),
        ("Reply-Message", "{upstream.Cisco-AVPair}", attribute(18, b"a=b") + attribute(18, b"c=d")),
        ("Reply-Message", "{policy} {login}", attribute(18, b"office L2")),
        ("Class", "{directory.hex}", attribute(25, b"0x41")),
        ("Class", "0x{directory.hours}", attribute(25, b"\x36\x00")),
        ("Class", "0x41", attribute(25, b"A")),
    ],
)  # fmt: skip
def test_accept_holds_what_is_known_of_the_person(name: str, value: str, octets: bytes) -> None:
    """Each placeholder is filled in, several values as several attributes; data stays data."""
    assert accepted(replies(reply=((name, value),)), BOB, TOLD) == octets


def test_accept_keeps_the_order_of_the_configuration() -> None:
    """Attributes stand as the configuration names them, fixed or not."""
    made = replies(reply=(("Filter-Id", "a"), ("Filter-Id", "{user}"), ("Filter-Id", "c")))

    assert accepted(made) == b"".join(attribute(11, text) for text in (b"a", b"alice", b"c"))


@pytest.mark.parametrize(
    ("group_reply", "value", "octets"),
    [
        (("Class", "OU={group};"), "{group}", attribute(25, b"OU=Staff;")),
        (("Fortinet-Group-Name", "{group}"), "{groups}",
         vendor.encode(12356, 1, b"Admins") + vendor.encode(12356, 1, b"Staff")),
        (("Filter-Id", ""), "{group}", attribute(11, b"Staff")),
        (("Class", "OU={group};"), "staff", attribute(25, b"OU=staff;")),
    ],
)  # fmt: skip
def test_group_is_what_the_client_understands(
    group_reply: tuple[str, str], value: str, octets: bytes
) -> None:
    """`Group` becomes the attribute, in the form, that the client's profile names."""
    made = replies(reply=(("Group", value),), group_reply=group_reply)

    assert accepted(made, BOB) == octets


@pytest.mark.parametrize("value", ["{group}", "staff"])
def test_promise_6_group_without_an_attribute_raises(value: str) -> None:
    """Where nothing carries a group, the login fails, and the server starts all the same."""
    made = replies(reply=(("Group", value),))

    with pytest.raises(names.AttributeValueError):
        accepted(made, BOB)


def test_promise_6_value_too_long_with_the_names_it_holds_raises() -> None:
    """What only this client's name makes too long fails its logins, and not the start."""
    made = replies(reply=(("Filter-Id", "{client}" + "x" * 251),))

    with pytest.raises(names.AttributeValueError):
        accepted(made)


def timeout(seconds: int) -> bytes:
    """Return a Session-Timeout."""
    return attribute(27, seconds.to_bytes(4))


@pytest.mark.parametrize(
    ("own", "given", "limit", "expected"),
    [
        pytest.param((), b"", 90.9, (b"", timeout(90)), id="added"),
        pytest.param((), TOLD.plain, 90, (b"", timeout(90) + TOLD.plain), id="added-before"),
        pytest.param(("600",), b"", 90, (timeout(90), b""), id="ours-shortened"),
        pytest.param(("60",), b"", 90, (timeout(60), b""), id="ours-shorter"),
        pytest.param(("600", "60"), b"", 90, (timeout(90) + timeout(60), b""), id="two"),
        pytest.param((), timeout(600), 90, (b"", timeout(90)), id="theirs-shortened"),
        pytest.param((), timeout(60), 90, (b"", timeout(60)), id="theirs-shorter"),
        pytest.param((), timeout(0), 90, (b"", timeout(90)), id="theirs-without-end"),
        pytest.param((), attribute(27, b"60"), 90, (b"", timeout(90)), id="theirs-damaged"),
        pytest.param(("600",), timeout(60), 90, (timeout(90), b""), id="ours-instead-of-theirs"),
        pytest.param((), b"", 0.4, (b"", timeout(1)), id="the-last-second"),
        pytest.param((), b"", float("inf"), (b"", timeout(2**32 - 1)), id="longest"),
    ],
)
def test_session_does_not_outlast_what_allows_it(
    own: tuple[str, ...], given: bytes, limit: float, expected: tuple[bytes, bytes]
) -> None:
    """No Session-Timeout is longer than an approval, and there is one."""
    made = replies(reply=tuple(("Session-Timeout", text) for text in own))
    row = Hidden(311, 16, b"", b"key")

    octets, kept = made.accept("L1", ALICE, Kept(given, (row,)), limit)

    ours, plain = expected
    assert octets == ours + attribute(numbers.CLASS, b"L1")
    assert kept == Kept(plain, (row,))


def test_limit_alone_is_no_attribute_that_may_be_left_out() -> None:
    """Nobody leaves a Session-Timeout out that ends a session: it stands in what is promised."""
    _, kept = replies().accept("L1", ALICE, EMPTY, 90)

    assert kept == Kept(timeout(90), ())


@pytest.mark.parametrize("limit", [0, -1.5])
def test_session_that_is_over_is_not_begun(limit: float) -> None:
    """An approval that has ended lets nobody in."""
    with pytest.raises(names.AttributeValueError):
        replies().accept("L1", ALICE, EMPTY, limit)


def test_promise_6_what_must_be_filled_in_is_never_left_out() -> None:
    """Without anything known of the login, an attribute that names it cannot be made."""
    made = replies(reply=(("Filter-Id", "{user}"),))
    assert made.is_filled
    with pytest.raises(names.AttributeValueError):
        made.accept("L1", None, EMPTY)
    assert not replies(reply=(("Filter-Id", "fixed"),)).is_filled
