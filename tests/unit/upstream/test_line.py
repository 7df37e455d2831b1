"""Tests of `radiusmfa.upstream.line`."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.upstream_model import (
    Codec,
    Dialogue,
    Event,
    Passing,
    Rule,
    Server,
    Upstream,
    UserName,
)
from radiusmfa.login.talk import Talk
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Outcome, Reason, Unavailable
from radiusmfa.secret import Secret
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.upstream.kept import EMPTY
from radiusmfa.upstream.line import Heard, Line, Words
from radiusmfa.wire import codec, numbers, salt, vendor

SHARED: Final = b"the upstream's secret"
ASKED: Final = bytes(range(16))
RULES: Final = Dialogue(
    name="securid",
    rules=(
        Rule(event=Event.NEW_PIN_WANTED, words=("new pin",)),
        Rule(event=Event.LOCKED, code=3, words=("locked",)),
    ),
)
NAME: Final = codec.attribute(numbers.USER_NAME, b"alice")
NAS: Final = codec.attribute(numbers.NAS_IDENTIFIER, b"gate")
STATION: Final = codec.attribute(numbers.CALLING_STATION_ID, b"198.51.100.7")
STATE: Final = codec.attribute(numbers.STATE, b"theirs")
CHAP: Final = codec.attribute(numbers.CHAP_PASSWORD, bytes(17))
FILTER: Final = codec.attribute(11, b"staff")
TEXT: Final = codec.attribute(numbers.REPLY_MESSAGE, b"Enter a new PIN:")
PROMPT: Final = codec.attribute(numbers.PROMPT, b"\0\0\0\1")


def _line(**settings: Codec | UserName | Passing | int) -> Line:
    server = Server(host="192.0.2.9", secret=Secret(SHARED))
    usual: dict[str, Any] = {"name": "rsa", "servers": (server,), "dialogue": RULES}
    return Line(Upstream(**(usual | settings)))


def _packet(*attributes: bytes, code: int = 1) -> codec.Packet:
    body = b"".join(attributes)
    size = 20 + len(body)
    return codec.decode(bytes((code, 7, size >> 8, size & 255)) + ASKED + body)


def _words(packet: codec.Packet | None = None, **said: bytes | str | Talk | None) -> Words:
    usual: dict[str, Any] = {
        "packet": packet or _packet(NAME, NAS),
        "client": "vpn",
        "name": b"alice",
        "alias": "",
        "typed": b"123456",
        "proof": b"",
        "talk": None,
        "deadline": 20.0,
    }
    return Words(**(usual | said))


def _asked(line: Line, words: Words) -> tuple[Inquiry, codec.Packet]:
    inquiry = line.inquiry(words)
    assert isinstance(inquiry, Inquiry)
    return inquiry, _packet(inquiry.attributes)


def _heard(
    *attributes: bytes, code: int, so_far: int = 0, rounds: int = 20, take: Passing | None = None
) -> Heard:
    packet = _packet(*attributes, code=code)
    response = Response(upstream="rsa", packet=packet, secret=SHARED, authenticator=ASKED)
    return _line(rounds=rounds, take=take or Passing()).heard(response, so_far)


# -- what cannot be written --


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param({"codec": Codec.CP1252}, {"name": "Łucja".encode()}, id="name"),
        pytest.param({"codec": Codec.CP1252}, {"typed": "hasło".encode()}, id="password"),
        pytest.param({"codec": Codec.CP1252}, {"typed": b"\xff"}, id="no text"),
        pytest.param({"codec": Codec.CP1252}, {"alias": "Łucja"}, id="the name there"),
        pytest.param({}, {"alias": "a" * 254}, id="the name there is too long"),
        pytest.param(
            {"user_name": UserName(realm="example.com")},
            {"name": b"a" * 242},
            id="too long with its realm",
        ),
        pytest.param(
            {"user_name": UserName(strip=("realm",))}, {"name": b"@example.com"}, id="a realm alone"
        ),
        pytest.param(
            {"user_name": UserName(strip=("domain",))}, {"name": b"EXAMPLE\\"}, id="a domain alone"
        ),
        pytest.param(
            {"user_name": UserName(strip=("realm",), realm="other.example")},
            {"name": b"@example.com"},
            id="a realm alone for another",
        ),
    ],
)
def test_what_cannot_be_written_is_not_sent(settings: dict[str, Any], said: dict[str, Any]) -> None:
    """A name or a password that the server could not read, or nobody's, is a reason."""
    assert _line(**settings).inquiry(_words(**said)) is Reason.TEXT_NOT_WRITABLE


# -- what is asked --


def test_inquiry_says_whom_what_and_until_when() -> None:
    """The upstream, the proof as octets, any of its servers, and the client's deadline."""
    inquiry, packet = _asked(_line(), _words())
    assert (inquiry.upstream, inquiry.typed) == ("rsa", b"123456")
    assert (inquiry.server, inquiry.deadline) == ("", 20.0)
    assert packet.octets[20:] == NAME + NAS


@pytest.mark.parametrize(
    ("rules", "name", "written"),
    [
        pytest.param(UserName(), b"alice@example.com", b"alice@example.com", id="as it came"),
        pytest.param(UserName(strip=("realm",)), b"alice@example.com", b"alice", id="realm off"),
        pytest.param(UserName(strip=("realm",)), b"alice", b"alice", id="no realm"),
        pytest.param(UserName(strip=("realm",)), b"a@b@c", b"a@b", id="the last realm"),
        pytest.param(UserName(strip=("domain",)), b"EXAMPLE\\alice", b"alice", id="domain off"),
        pytest.param(UserName(strip=("domain",)), b"alice", b"alice", id="no domain"),
        pytest.param(
            UserName(strip=("realm", "domain")), b"EXAMPLE\\alice@b", b"alice", id="both off"
        ),
        pytest.param(
            UserName(strip=("domain",)), b"EXAMPLE\\alice@b", b"alice@b", id="the realm stays"
        ),
        pytest.param(UserName(realm="example.com"), b"alice", b"alice@example.com", id="realm on"),
        pytest.param(UserName(domain="EXAMPLE"), b"alice", b"EXAMPLE\\alice", id="domain on"),
        pytest.param(
            UserName(strip=("realm",), realm="b"), b"alice@a", b"alice@b", id="another realm"
        ),
        pytest.param(UserName(), b"\xff\0", b"\xff\0", id="any octets"),
    ],
)
def test_name_is_written_as_the_upstream_wants_it(
    rules: UserName, name: bytes, written: bytes
) -> None:
    """Realm and domain come off and on as configured, and nothing else is changed."""
    _, packet = _asked(_line(user_name=rules), _words(name=name))
    assert packet.values(numbers.USER_NAME) == [written]


def test_name_there_is_sent_as_it_is() -> None:
    """Whoever has a name at the upstream has that one: no rule rewrites it."""
    rules = UserName(strip=("realm",), domain="EXAMPLE")
    _, packet = _asked(_line(user_name=rules), _words(alias="Älice@there"))
    assert packet.values(numbers.USER_NAME) == ["Älice@there".encode()]


def test_texts_are_written_in_the_servers_codec() -> None:
    """A server that writes cp1252 gets names and passwords in it, the name there included."""
    line = _line(codec=Codec.CP1252)
    said = _words(name="Jürgen".encode(), typed="Paßwort€".encode())
    inquiry, packet = _asked(line, said)
    assert packet.value(numbers.USER_NAME) == b"J\xfcrgen"
    assert inquiry.typed == b"Pa\xdfwort\x80"
    _, packet = _asked(line, _words(alias="Jürgen"))
    assert packet.value(numbers.USER_NAME) == b"J\xfcrgen"


def test_another_proof_takes_the_place_of_the_password() -> None:
    """CHAP attributes go as they are; what was typed is not sent with them."""
    inquiry, packet = _asked(_line(), _words(proof=CHAP, typed=b""))
    assert inquiry.typed is None
    assert packet.raw(numbers.CHAP_PASSWORD) == CHAP


@pytest.mark.parametrize(
    ("talk", "states", "server"),
    [
        pytest.param(None, [], "", id="a first request"),
        pytest.param(
            Talk(upstream="rsa", server="192.0.2.9:1812", state=b"theirs"),
            [b"theirs"],
            "192.0.2.9:1812",
            id="an answer",
        ),
        pytest.param(Talk(kept=b"\1", missing="vip"), [], "", id="a challenge of ours"),
        pytest.param(
            Talk(upstream="rsa", server="192.0.2.9:1812", state=b"x" * 253),
            [b"x" * 253],
            "192.0.2.9:1812",
            id="the longest State",
        ),
    ],
)
def test_answer_goes_to_the_server_that_asked(
    talk: Talk | None, states: list[bytes], server: str
) -> None:
    """A dialogue stays where it began, with the State of that server and never our own."""
    words = _words(_packet(NAME, NAS, codec.attribute(numbers.STATE, b"ours")), talk=talk)
    inquiry, packet = _asked(_line(), words)
    assert packet.values(numbers.STATE) == states
    assert inquiry.server == server


def test_attributes_of_the_request_are_passed_as_configured() -> None:
    """The client's own attributes go along; proofs, State and Proxy-State of its hop do not."""
    request = _packet(
        NAME, codec.attribute(numbers.USER_PASSWORD, bytes(16)), STATE, STATION, NAS,
        codec.attribute(numbers.PROXY_STATE, b"x"),
    )  # fmt: skip
    _, packet = _asked(_line(), _words(request))
    assert packet.octets[20:] == NAME + STATION + NAS
    _, packet = _asked(_line(send=Passing(everything=False)), _words(request))
    # RFC 2865 section 4.1: some identity of a NAS there must be.
    assert packet.octets[20:] == NAME + codec.attribute(numbers.NAS_IDENTIFIER, b"vpn")
    passed = Passing(everything=False, names=(("NAS-Identifier", "NAS-Identifier"),))
    _, packet = _asked(_line(send=passed), _words(request))
    assert packet.octets[20:] == NAME + NAS


@pytest.mark.parametrize(
    ("attributes", "identity"),
    [
        pytest.param(b"", [b"vpn"], id="none"),
        pytest.param(STATION, [b"vpn"], id="a caller is none"),
        pytest.param(NAS, [b"gate"], id="NAS-Identifier"),
        pytest.param(codec.attribute(4, bytes(4)), [], id="NAS-IP-Address"),
        pytest.param(codec.attribute(95, bytes(16)), [], id="NAS-IPv6-Address"),
    ],
)
def test_request_without_a_nas_gets_the_clients_name(
    attributes: bytes, identity: list[bytes]
) -> None:
    """An Access-Request names a NAS (RFC 2865 section 4.1); where none does, we do."""
    _, packet = _asked(_line(), _words(_packet(NAME, attributes)))
    assert packet.values(numbers.NAS_IDENTIFIER) == identity


# -- what the answer means --


@pytest.mark.parametrize("reason", list(Reason))
def test_silence_is_unavailable_only_where_nobody_could_be_asked(reason: Reason) -> None:
    """A server that is alive and does not answer has refused; only a dead one is gone."""
    gone = {Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY}
    heard = _line().heard(Response(upstream="rsa", reason=reason), 0)
    assert heard.outcome == (Unavailable(reason) if reason in gone else Failed(reason))
    assert heard == Heard(heard.outcome)


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(codec.attribute(numbers.REPLY_MESSAGE, b"Access granted"), id="a text"),
        pytest.param(STATE, id="a State"),
        pytest.param(PROMPT, id="a Prompt"),
    ],
)
@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (2, PASSED),
        (3, Failed(Reason.UPSTREAM_REFUSED)),
        (5, Failed(Reason.UPSTREAM_REFUSED)),
        (0, Failed(Reason.UPSTREAM_REFUSED)),
        (255, Failed(Reason.UPSTREAM_REFUSED)),
    ],
)
def test_only_an_accept_lets_in(code: int, outcome: Outcome, attributes: bytes) -> None:
    """Whatever a reply says, its code decides; every code but Accept and Challenge refuses."""
    assert _heard(attributes, code=code).outcome == outcome


def test_accept_gives_the_client_its_attributes() -> None:
    """What the upstream gives is kept for the client, keys opened with that server's secret."""
    key = salt.seal(b"sixteen octets!!", SHARED, ASKED, b"\x80\1")
    heard = _heard(FILTER, vendor.encode(311, 16, key), STATE, code=2)
    assert heard.outcome == PASSED
    assert heard.kept.plain == FILTER
    assert [row.value for row in heard.kept.hidden] == [b"sixteen octets!!"]
    nothing = _heard(FILTER, code=2, take=Passing(everything=False))
    assert (nothing.outcome, nothing.kept) == (PASSED, EMPTY)


def test_accept_with_a_key_that_does_not_open_lets_nobody_in() -> None:
    """A client without its keys would hang up: the Accept is not passed on without them."""
    heard = _heard(vendor.encode(311, 16, b"\x80\1" + bytes(32)), FILTER, code=2)
    assert heard.outcome == Failed(Reason.BAD_UPSTREAM_REPLY)
    assert heard.kept == EMPTY


def test_challenge_asks_with_what_belongs_to_it() -> None:
    """State, text, Prompt and Session-Timeout of a challenge are kept, and nothing else."""
    limit = codec.attribute(numbers.SESSION_TIMEOUT, b"\0\0\0\x3c")
    heard = _heard(STATE, TEXT, PROMPT, limit, FILTER, code=11)
    assert heard == Heard(
        UPSTREAM_ASKS,
        Event.NEW_PIN_WANTED,
        state=b"theirs",
        text="Enter a new PIN:",
        echo=b"\0\0\0\1",
        limit=60,
    )


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param(TEXT, id="no State"),
        pytest.param(TEXT + codec.attribute(numbers.STATE, b""), id="an empty State"),
        pytest.param(TEXT + STATE + STATE, id="two States"),
        pytest.param(
            TEXT + STATE + codec.attribute(numbers.EAP_MESSAGE, b"\1\1\0\4"), id="a round of EAP"
        ),
    ],
)
def test_challenge_that_cannot_be_answered_is_refused(attributes: bytes) -> None:
    """RFC 2865 section 5.44: one State; without it nobody knows what an answer belongs to."""
    heard = _heard(attributes, code=11)
    assert heard == Heard(Failed(Reason.BAD_CHALLENGE), Event.NEW_PIN_WANTED)


@pytest.mark.parametrize(
    ("so_far", "outcome"),
    [
        (0, UPSTREAM_ASKS),
        (2, UPSTREAM_ASKS),
        (3, Failed(Reason.TOO_MANY_ROUNDS)),
        (99, Failed(Reason.TOO_MANY_ROUNDS)),
    ],
)
def test_dialogue_ends_after_so_many_rounds(so_far: int, outcome: Outcome) -> None:
    """A server that asks for ever is answered by a Reject in the end."""
    assert _heard(STATE, code=11, so_far=so_far, rounds=3).outcome == outcome


@pytest.mark.parametrize(
    ("value", "echo"),
    [
        pytest.param(b"\0\0\0\0", b"\0\0\0\0", id="no echo"),
        pytest.param(b"\0\0\0\7", b"\0\0\0\7", id="any number"),
        pytest.param(b"\1", b"", id="too short"),
        pytest.param(b"", b"", id="empty"),
        pytest.param(bytes(5), b"", id="too long"),
    ],
)
def test_prompt_is_an_integer_or_left_out(value: bytes, echo: bytes) -> None:
    """A Prompt of another size is none."""
    assert _heard(STATE, codec.attribute(numbers.PROMPT, value), code=11).echo == echo


@pytest.mark.parametrize(
    ("value", "limit"),
    [
        pytest.param(b"\0\0\0\x1e", 30, id="half a minute"),
        pytest.param(b"\xff" * 4, 2**32 - 1, id="the longest"),
        pytest.param(bytes(4), None, id="zero is none"),
        pytest.param(b"\x1e", None, id="too short"),
        pytest.param(b"", None, id="empty"),
        pytest.param(bytes(8), None, id="too long"),
    ],
)
def test_session_timeout_is_an_integer_or_none(value: bytes, limit: int | None) -> None:
    """A Session-Timeout of another size, or of no time at all, limits nothing."""
    attribute = codec.attribute(numbers.SESSION_TIMEOUT, value)
    assert _heard(STATE, attribute, code=11).limit == limit


def test_reject_tells_its_text_and_event() -> None:
    """What a server says of its refusal is known, for the audit and the prompt only."""
    text = codec.attribute(numbers.REPLY_MESSAGE, b"Your token is locked")
    heard = _heard(text, STATE, code=3)
    assert heard == Heard(
        Failed(Reason.UPSTREAM_REFUSED), Event.LOCKED, text="Your token is locked"
    )


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        pytest.param(
            vendor.encode(311, 2, b"\5E=691 R=0"), vendor.encode(311, 2, b"\5E=691 R=0"), id="one"
        ),
        pytest.param(
            vendor.encode(9, 2, b"x")
            + codec.attribute(26, b"\0\0\1\x37\1\2\2\7error")
            + vendor.encode(311, 2, b"later"),
            vendor.encode(311, 2, b"error"),
            id="the first, wherever it stands",
        ),
        pytest.param(vendor.encode(311, 1, b"x") + vendor.encode(9, 2, b"y"), b"", id="none"),
        pytest.param(codec.attribute(26, b"\0\0\1\x37\2\xff"), b"", id="opaque"),
    ],
)
def test_reject_keeps_its_mschap_error(attributes: bytes, error: bytes) -> None:
    """The client of MS-CHAP gets the upstream's own error, alone in its attribute."""
    assert _heard(attributes, code=3).error == error


@given(st.sampled_from([2, 3, 11, 5]), st.binary(max_size=200), st.integers(0, 30))
def test_any_reply_means_something(code: int, octets: bytes, rounds: int) -> None:
    """Whatever a genuine reply holds: an outcome that its code allows, never an exception."""
    try:
        packet = _packet(octets, code=code)
    except codec.MalformedPacketError:
        return
    response = Response(upstream="rsa", packet=packet, secret=SHARED, authenticator=ASKED)
    heard = _line().heard(response, rounds)
    assert heard.event is not None
    assert heard.outcome != PASSED or code == numbers.ACCESS_ACCEPT
    assert heard.outcome != UPSTREAM_ASKS or code == numbers.ACCESS_CHALLENGE


# -- what is shown --


def test_neither_proof_nor_keys_show_themselves() -> None:
    """Nothing that a log would print holds what was typed, a State, a PIN in a text, or keys."""
    words = _words(typed=b"hunter2", talk=Talk(state=b"theirs"))
    pin = codec.attribute(numbers.REPLY_MESSAGE, b"Your new PIN is 4711")
    heard = _heard(STATE, pin, code=11)
    assert heard.text == "Your new PIN is 4711"
    assert repr(words) == "Words(...)"
    assert repr(heard) == f"Heard({UPSTREAM_ASKS!r}, {Event.NEW_PIN_WANTED!r}, ...)"
