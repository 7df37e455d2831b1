"""Tests of `radiusmfa.upstream.dialogue`."""

from __future__ import annotations

import pytest

from radiusmfa.config.upstream_model import Codec, Dialogue, Event, Rule
from radiusmfa.upstream import dialogue
from radiusmfa.upstream.dialogue import Reader, UnwritableTextError, fitted, shown
from radiusmfa.wire import codec, vendor
from radiusmfa.wire.names import AttributeValueError

ACCEPT, REJECT, CHALLENGE = 2, 3, 11
QUESTION = "Wait for the token to change, then enter the new tokencode:"


def _packet(code: int, *attributes: bytes) -> codec.Packet:
    body = b"".join(attributes)
    size = 20 + len(body)
    return codec.decode(bytes((code, 7, size >> 8, size & 255)) + bytes(16) + body)


def _said(*values: bytes, code: int = CHALLENGE) -> codec.Packet:
    return _packet(code, *(codec.attribute(18, value) for value in values))


def _reader(*rules: Rule, written: Codec = Codec.UTF_8) -> Reader:
    return Reader(Dialogue(name="x", rules=rules), written)


def _with(name: str, value: str) -> Reader:
    return _reader(Rule(event=Event.LOCKED, attributes=((name, value),)))


@pytest.mark.parametrize(
    ("code", "event"), [(ACCEPT, Event.OTHER), (REJECT, Event.DENIED), (CHALLENGE, Event.OTHER)]
)
def test_without_a_rule_a_reject_is_a_denial(code: int, event: Event) -> None:
    """What no rule fits is a denial if it is a Reject, and else nothing known."""
    assert _reader().event(_said(b"Hm?", code=code)) is event


def test_attribute_that_no_dictionary_has_is_refused() -> None:
    """A rule that could never hold is no rule."""
    with pytest.raises(AttributeValueError):
        _with("Stat", "x")


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        (b"Please ENTER\r\nthe  Next\tcode:", True),
        (b"next code, please enter", False),
        (b"enter the next co-de", False),
        (b"", False),
    ],
)
def test_words_are_found_without_regard_to_case_and_blanks(said: bytes, fits: bool) -> None:  # noqa: FBT001 - a table
    """All words of a rule must stand in the text, each as it is but for case and blanks."""
    reader = _reader(Rule(event=Event.CODE_WANTED, words=("Enter  the", "NEXT CODE")))
    assert (reader.event(_said(said)) is Event.CODE_WANTED) is fits


def test_words_are_found_across_reply_messages() -> None:
    """A text in several Reply-Messages is one text, also where a full one was cut in a word."""
    reader = _reader(Rule(event=Event.CODE_WANTED, words=("enter passcode",)))
    assert reader.event(_said(b"Enter", b"passcode")) is Event.CODE_WANTED
    assert reader.event(_said(b"x" * 247 + b" enter", b" passcode")) is Event.CODE_WANTED


def test_first_rule_that_fits_counts() -> None:
    """Of several rules that fit the first one names the event."""
    reader = _reader(
        Rule(event=Event.LOCKED, code=REJECT, words=("pin",)),
        Rule(event=Event.PIN_SHOWN, words=("your pin",)),
        Rule(event=Event.NEW_PIN_WANTED, words=("pin",)),
    )
    assert reader.event(_said(b"your PIN")) is Event.PIN_SHOWN
    assert reader.event(_said(b"PIN")) is Event.NEW_PIN_WANTED
    assert reader.event(_said(b"PIN", code=REJECT)) is Event.LOCKED


def test_event_is_the_same_for_whoever_has_the_text() -> None:
    """Who has read the text already need not have it read again, and gets the same event."""
    reader = _reader(Rule(event=Event.LOCKED, words=("locked",)))
    packet = _said(b"Account is LOCKED")
    assert reader.event(packet, reader.text(packet)) is reader.event(packet) is Event.LOCKED


def test_all_that_a_rule_names_must_hold() -> None:
    """Code, words and attributes of a rule hold together, or it does not fit."""
    rule = Rule(event=Event.LOCKED, code=REJECT, words=("locked",), attributes=(("Class", ""),))
    text, mark = codec.attribute(18, b"Locked"), codec.attribute(25, b"x")
    assert _reader(rule).event(_packet(REJECT, text, mark)) is Event.LOCKED
    assert _reader(rule).event(_packet(REJECT, text)) is Event.DENIED
    assert _reader(rule).event(_packet(REJECT, mark)) is Event.DENIED
    assert _reader(rule).event(_packet(CHALLENGE, text, mark)) is Event.OTHER


@pytest.mark.parametrize(
    ("name", "value", "attribute", "fits"),
    [
        ("State", "", codec.attribute(24, b""), True),
        ("State", "", codec.attribute(25, b"x"), False),
        ("State", "NEWPIN", codec.attribute(24, b"RSA|1|2|NEWPIN"), True),
        ("State", "NEWPIN", codec.attribute(24, b"RSA|1|2|newpin"), False),
        ("Reply-Message", "no", codec.attribute(18, b"you do not"), True),
        ("Prompt", "Echo", codec.attribute(76, b"\0\0\0\1"), True),
        ("prompt", "1", codec.attribute(76, b"\0\0\0\1"), True),
        ("Prompt", "Echo", codec.attribute(76, b"\0\0\0\0"), False),
        ("Prompt", "Echo", codec.attribute(76, b"\0\0\0\1\0"), False),
        ("MS-CHAP-Error", "E=648", vendor.encode(311, 2, b"\1E=648 R=0"), True),
        ("MS-CHAP-Error", "E=648", vendor.encode(311, 2, b"\1E=691 R=0"), False),
        ("MS-CHAP-Error", "E=648", vendor.encode(312, 2, b"\1E=648 R=0"), False),
        ("MS-CHAP-Error", "E=648", vendor.encode(311, 3, b"\1E=648 R=0"), False),
        ("MS-CHAP-Error", "", vendor.encode(311, 2, b""), True),
        ("MS-CHAP-Error", "", codec.attribute(26, b"\0\0\1\x37\2\xff"), False),
        ("MS-CHAP-Error", "", codec.attribute(2, b"x"), False),
    ],
)
def test_attributes_are_compared_by_their_kind(
    name: str,
    value: str,
    attribute: bytes,
    fits: bool,  # noqa: FBT001 - a table
) -> None:
    """A text need only stand in the value, a number is the whole value, nothing is any value."""
    assert (_with(name, value).event(_packet(CHALLENGE, attribute)) is Event.LOCKED) is fits


def test_any_of_several_attributes_may_fit() -> None:
    """An attribute that comes twice fits if one of the two does."""
    packet = _packet(REJECT, codec.attribute(25, b"a"), codec.attribute(25, b"b"))
    assert _with("Class", "b").event(packet) is Event.LOCKED


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((), ""),
        ((b"",), ""),
        ((b" \r\n",), ""),
        ((b"\r\nWait,\r\nthen enter:",), "Wait,\nthen enter:"),
        ((b"one", b"two\r"), "one\ntwo"),
        ((b"one\rtwo",), "one\ntwo"),
        ((b"x" * 253, b"y"), "x" * 253 + "y"),
        ((b"x" * 252 + b"\xc3", b"\xa9"), "x" * 252 + "\u00e9"),
        ((b"x" * 252, b"y"), "x" * 252 + "\ny"),
        ((b"a\0b\x1b[2Jc\td\x7f",), "ab[2Jc d"),
        (("a\u202eb\u200bc\u00a0d\u2028e\x85f".encode(),), "abc d e f"),
        (("Code f\u00fcr \u82b1".encode(),), "Code f\u00fcr \u82b1"),
        ((b"f\xfcr \xe2\x82\xac \x93\x81\x94",), "f\u00fcr \u20ac \u201c\ufffd\u201d"),
        ((b"\xed\xa0\x80",), "\u00ed \u20ac"),
    ],
)
def test_text_is_printable(values: tuple[bytes, ...], text: str) -> None:
    """Reply-Messages become lines; no control character, hidden character or broken octet stays."""
    assert _reader().text(_said(*values)) == text


def test_text_in_cp1252_is_read_as_such() -> None:
    """What is UTF-8 by chance is no UTF-8 from a server that writes cp1252."""
    assert _reader(written=Codec.CP1252).text(_said(b"\xc3\xa9 \x81")) == "\u00c3\u00a9 \ufffd"


@pytest.mark.parametrize("octets", ["\u03c0".encode(), b"hun\xffter2\xc3"])
def test_text_that_cp1252_lacks_is_refused(octets: bytes) -> None:
    """A password that cannot be written is refused; the error does not hold it."""
    with pytest.raises(UnwritableTextError) as caught:
        _reader(written=Codec.CP1252).written(octets)
    assert str(caught.value) == "cannot be written in cp1252"
    assert caught.value.__context__ is None


def test_text_is_written_in_the_codec_of_the_server() -> None:
    """A client's UTF-8 becomes cp1252 for a server that writes that."""
    octets = "gr\u00fcn\u20ac".encode()
    assert _reader(written=Codec.CP1252).written(octets) == b"gr\xfcn\x80"
    assert _reader(written=Codec.CP1252).written(b"") == b""


@pytest.mark.parametrize("octets", [b"", b"a", "gr\u00fcn".encode(), b"\xff\x00"])
def test_octets_for_a_server_of_utf_8_are_not_touched(octets: bytes) -> None:
    """A password is octets: it is passed on as it came, be it UTF-8 or not."""
    assert _reader().written(octets) == octets


def test_client_gets_its_own_text_or_the_servers() -> None:
    """A text of the style stands for the server's, which `{text}` brings back."""
    texts = {Event.CODE_WANTED: "Code: ", Event.PIN_SHOWN: "Remember. {text}"}
    assert shown(Event.CODE_WANTED, "PASSCODE:", texts) == "Code: "
    assert shown(Event.PIN_SHOWN, "PIN is {4711}", texts) == "Remember. PIN is {4711}"
    assert shown(Event.OTHER, "Hm", texts) == "Hm"
    assert shown(Event.CODE_WANTED, "PASSCODE:", {}) == "PASSCODE:"


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_empty_text_becomes_a_prompt(text: str) -> None:
    """A client never gets an empty Reply-Message: some fail on it."""
    assert fitted(text, 16) == b"Passcode: "
    assert dialogue.EMPTY == b"Passcode: "


@pytest.mark.parametrize(
    ("text", "limit", "octets"),
    [
        pytest.param("Passcode: ", 16, "Passcode: ", id="fits: blank kept"),
        pytest.param("0123456789abcdef", 16, "0123456789abcdef", id="fits exactly"),
        pytest.param("  0123456789abcde:  ", 16, "0123456789abcde:", id="fits without blanks"),
        pytest.param(QUESTION, 16, "new tokencode:", id="question: end, whole words"),
        pytest.param(QUESTION, 20, "the new tokencode:", id="question: half a word dropped"),
        pytest.param(QUESTION, 14, "new tokencode:", id="question: cut between words"),
        pytest.param(
            "Hello alice\n1 push\n2 sms\nOption?", 22, "1 push\n2 sms\nOption?", id="lines"
        ),
        pytest.param("Hello " + "x" * 30 + " [y/n]", 24, "x" * 18 + " [y/n]", id="one long word"),
        pytest.param("x" * 40 + ":", 16, "x" * 15 + ":", id="question without blanks"),
        pytest.param("\u00e9" * 20 + "?", 16, "\u00e9" * 7 + "?", id="question: whole characters"),
        pytest.param("\u7801" * 20 + "\uff1a", 17, "\u7801" * 4 + "\uff1a", id="wide colon"),
        pytest.param("Your account is locked", 16, "Your account is", id="statement: beginning"),
        pytest.param("Your account is locked", 15, "Your account is", id="statement: at a blank"),
        pytest.param("Your account\nlocked out", 16, "Your account", id="statement: at a line"),
        pytest.param("No " + "x" * 30, 16, "No " + "x" * 13, id="statement: one long word"),
        pytest.param("\u00e9" * 20, 17, "\u00e9" * 8, id="statement: whole characters"),
        pytest.param("\ud800" * 3, 16, "???", id="lone surrogates"),
    ],
)
def test_long_text_is_cut_where_it_hurts_least(text: str, limit: int, octets: str) -> None:
    """A question keeps its end, a statement its beginning, in whole characters and words."""
    assert fitted(text, limit) == octets.encode()
