"""What `probe` shows of packets, and what it must never show."""

from __future__ import annotations

import json

import pytest

from radiusmfa.cli import shown
from radiusmfa.cli.exchange import Answer, Server, login_request
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests.unit.cli.responder import KEY, SECRET

_TUNNEL_PASSWORD = 69
_SERVICE_TYPE = 6
_FRAMED_ADDRESS = 8
_NAS_IPV6_ADDRESS = 95
_PLACE = Server(host="192.0.2.1", port=1812, key=KEY, timeout=1, tries=1)


def packet(*attributes: tuple[int, bytes], signed: bool = False) -> codec.Packet:
    """Return an Access-Accept with *attributes*, as it arrived."""
    asked = codec.decode(codec.request(1, 9, bytes(16), b"", KEY))
    octets = b"".join(codec.attribute(kind, value) for kind, value in attributes)
    answer = codec.reply(numbers.ACCESS_ACCEPT, asked, KEY, octets, signed=signed)
    assert answer is not None
    return codec.decode(answer)


def told(*, signed: bool = True, ignored: dict[str, int] | None = None) -> Answer:
    """Return a genuine answer of 12.34 ms with a Reply-Message."""
    arrived = packet((numbers.REPLY_MESSAGE, b"hello"), signed=signed)
    return Answer(packet=arrived, signed=signed, seconds=0.01234, sent=2, ignored=ignored or {})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        pytest.param(numbers.USER_PASSWORD, b"s" * 16, id="password"),
        pytest.param(numbers.CHAP_PASSWORD, b"s" * 17, id="chap"),
        pytest.param(numbers.STATE, b"s" * 20, id="state"),
        pytest.param(numbers.MESSAGE_AUTHENTICATOR, b"s" * 16, id="signature"),
        pytest.param(_TUNNEL_PASSWORD, b"s" * 19, id="tunnel-password"),
        pytest.param(
            numbers.VENDOR_SPECIFIC, b"\0\0\x01\x37\x11\x12" + b"s" * 16, id="mppe-recv-key"
        ),
        pytest.param(
            numbers.VENDOR_SPECIFIC,
            b"\0\0\x01\x37\x01\x03a\x10\x12" + b"s" * 16,
            id="mppe-send-key-behind-another",
        ),
    ],
)
def test_what_would_help_an_attacker_is_a_length(kind: int, value: bytes) -> None:
    """Passwords, State, signatures and keys are shown by their length alone."""
    ((_, text),) = shown.attributes(packet((kind, value)))

    assert text == f"({len(value)} octets)"


@pytest.mark.parametrize(
    ("kind", "value", "name", "text"),
    [
        pytest.param(numbers.USER_NAME, b"alice", "User-Name", '"alice"', id="text"),
        pytest.param(
            numbers.REPLY_MESSAGE, "Grüße".encode(), "Reply-Message", '"Grüße"', id="utf-8"
        ),
        pytest.param(numbers.REPLY_MESSAGE, b"\xff\x1b", "Reply-Message", r'"\xff\x1b"', id="raw"),
        pytest.param(_FRAMED_ADDRESS, b"\xc0\0\2\1", "Framed-IP-Address", "192.0.2.1", id="ipv4"),
        pytest.param(
            _NAS_IPV6_ADDRESS, b"\x20\1\x0d\xb8" + bytes(12), "NAS-IPv6-Address", "2001:db8::",
            id="ipv6",
        ),
        pytest.param(_FRAMED_ADDRESS, b"\xc0\0", "Framed-IP-Address", "0xc000", id="short-ipv4"),
        pytest.param(27, b"\0\0\x0e\x10", "Session-Timeout", "3600", id="number"),
        pytest.param(27, b"\x0e\x10", "Session-Timeout", "0x0e10", id="short-number"),
        pytest.param(_SERVICE_TYPE, b"\0\0\0\x63", "Service-Type", "99", id="unnamed-value"),
        pytest.param(numbers.CLASS, b"\1\2", "Class", "0x0102", id="octets"),
        pytest.param(250, b"\1\2", "Attribute-250", "0x0102", id="unknown"),
        pytest.param(
            numbers.VENDOR_SPECIFIC, b"\0\0\x01\x37\x1c\x06\1\2\3\4", "Vendor-Specific",
            "0x000001371c0601020304", id="vendor",
        ),
        pytest.param(
            numbers.VENDOR_SPECIFIC, b"\0\0\x01\x37\x1c\0", "Vendor-Specific",
            "0x000001371c00", id="vendor-without-sense",
        ),
    ],
)  # fmt: skip
def test_value_is_shown_by_its_type(kind: int, value: bytes, name: str, text: str) -> None:
    """A value is shown as its dictionary says, in hexadecimal where that does not fit."""
    assert shown.attributes(packet((kind, value))) == [(name, text)]


def test_named_number_is_shown_by_its_name() -> None:
    """Service-Type 8 is Authenticate-Only, in any case of the letters."""
    ((_, text),) = shown.attributes(packet((_SERVICE_TYPE, b"\0\0\0\x08")))

    assert text.lower() == "authenticate-only"


def test_order_of_the_packet_is_kept() -> None:
    """Attributes are shown in their order, repeated ones too."""
    arrived = packet((numbers.CLASS, b"1"), (numbers.USER_NAME, b"a"), (numbers.CLASS, b"2"))

    assert [name for name, _ in shown.attributes(arrived)] == ["Class", "User-Name", "Class"]


def test_code_without_a_name_is_a_number() -> None:
    """A packet code that nobody here sends is shown as it is."""
    assert shown.code_name(numbers.ACCESS_CHALLENGE) == "Access-Challenge"
    assert shown.code_name(40) == "40"


def test_text_cannot_move_the_cursor() -> None:
    """Escapes, line breaks and direction marks are spelled out."""
    said = shown.text("a\x1b[2J\r\n\u202eb".encode())

    assert said == r"a\x1b[2J\r\n\u202eb"


def test_login_is_told_without_its_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    """The lines about a request name the user and hide the proof."""
    teller = shown.Teller(_PLACE, as_json=False)
    octets = login_request(KEY, b"alice", Secret(b"correct horse"), b"state-of-it")

    teller.sent(codec.decode(octets))
    teller.end("accept")

    said = capsys.readouterr().out
    assert said.startswith("sent Access-Request ")
    assert "to 192.0.2.1:1812" in said
    assert 'User-Name = "alice"' in said
    for secret in (b"correct horse", b"state-of-it", SECRET, octets[22:38]):
        assert secret.hex() not in said
        assert secret.decode("latin-1") not in said


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(told(), "Message-Authenticator right, first", id="first"),
        pytest.param(told(signed=False), "Message-Authenticator missing", id="missing"),
    ],
)
def test_answer_is_told_with_how_genuine_it_is(
    capsys: pytest.CaptureFixture[str], answer: Answer, expected: str
) -> None:
    """Time, authenticator and signature of an answer are said, then its attributes."""
    shown.Teller(_PLACE, as_json=False).received(answer)

    said = capsys.readouterr().out
    assert "received Access-Accept 9 from 192.0.2.1:1812 after 12.3 ms" in said
    assert expected in said
    assert '    Reply-Message = "hello"' in said


def test_signature_behind_other_attributes_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    """A Message-Authenticator that is not first protects less, and the line says so."""
    arrived = packet((numbers.CLASS, b"1"), (numbers.MESSAGE_AUTHENTICATOR, bytes(16)))
    answer = Answer(packet=arrived, signed=True, seconds=0, sent=1, ignored={})

    shown.Teller(_PLACE, as_json=False).received(answer)

    assert "Message-Authenticator right, not first" in capsys.readouterr().out


def test_ignored_answers_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """What was not genuine is said before what was."""
    ignored = {"bad-response-authenticator": 3}
    shown.Teller(_PLACE, as_json=False).received(told(ignored=ignored))

    assert capsys.readouterr().out.startswith("ignored 3 x bad-response-authenticator\n")


def test_json_is_one_object_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` nothing is printed before the end, and then everything."""
    teller = shown.Teller(_PLACE, as_json=True)
    teller.received(told())
    assert capsys.readouterr().out == ""

    teller.end("accept")

    said = json.loads(capsys.readouterr().out)
    assert (said["server"], said["decision"]) == ("192.0.2.1:1812", "accept")
    (arrived,) = said["packets"]
    assert (arrived["way"], arrived["code"], arrived["identifier"]) == (
        "received",
        "Access-Accept",
        9,
    )
    assert (arrived["milliseconds"], arrived["sent"]) == (12.3, 2)
    assert {"name": "Reply-Message", "value": '"hello"'} in arrived["attributes"]


def test_event_of_a_reply_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """What an upstream's dialogue makes of a reply stands behind it; nothing if it is nothing."""
    teller = shown.Teller(_PLACE, as_json=False)
    teller.received(told())
    teller.event("")
    teller.event("locked")
    assert capsys.readouterr().out.endswith("\nmeans locked\n")

    teller = shown.Teller(_PLACE, as_json=True)
    teller.received(told())
    teller.event("locked")
    teller.end("reject")
    assert json.loads(capsys.readouterr().out)["packets"][0]["event"] == "locked"
