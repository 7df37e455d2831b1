"""Tests of `service.twilio`: messages and calls, and what Twilio says of them."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.message_model import Channel, Codes, Twilio
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason, Unavailable
from radiusmfa.secret import Secret
from radiusmfa.service import twilio
from radiusmfa.service.dialogue import Lost, Query, Reply
from tests.unit.service.player import NUMBER, Player, asked, phone

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served

ACCOUNT = f"AC{'0' * 32}"
CREATED = Reply(status=201, octets=b'{"sid": "SM1", "status": "queued"}')
NO_DEVICE = Failed(Reason.NO_USABLE_DEVICE)
MISCONFIGURED = Failed(Reason.UPSTREAM_MISCONFIGURED)
MALFORMED = Failed(Reason.BAD_UPSTREAM_REPLY)


def _settings(**settings: Any) -> Twilio:  # noqa: ANN401 - of Twilio
    usual: dict[str, Any] = {
        "account": ACCOUNT,
        "user": "SK1",
        "password": Secret(b"pw"),
        "sender": "+15005550006",
    }
    return Twilio(**(usual | settings))


def _served(answer: object, **settings: object) -> tuple[Served, Player]:
    player = Player()
    found = _settings(**settings)
    question = asked(devices=(phone(kind=found.holds),))
    return player.play(twilio.ask(found, question, player.tools), answer), player


def _error(code: object, status: int = 400) -> Reply:
    return Reply(status=status, octets=json.dumps({"code": code, "message": NUMBER}).encode())


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.VOICE])
@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (_error(20003, 401), MISCONFIGURED),
        (_error(20404, 404), MISCONFIGURED),
        (_error(21606), MISCONFIGURED),
        (_error("21211"), MISCONFIGURED),
        (Reply(status=400, octets=b"<html>"), MISCONFIGURED),
        (Reply(status=403), MISCONFIGURED),
        (Reply(status=302), MISCONFIGURED),
        (Reply(status=200, octets=CREATED.octets), MISCONFIGURED),
        (_error(21211), NO_DEVICE),
        (_error(21408, 403), NO_DEVICE),
        (_error(21608), NO_DEVICE),
        (_error(21610), NO_DEVICE),
        (_error(21614), NO_DEVICE),
        (Reply(status=201, octets=b'{"sid": "SM1", "status": "failed"}'), NO_DEVICE),
        (Reply(status=201, octets=b'{"sid": "SM1", "status": "undelivered"}'), NO_DEVICE),
        (Reply(status=201, octets=b'{"sid": 1}'), MALFORMED),
        (Reply(status=201, octets=b"[]"), MALFORMED),
        (Reply(status=201, octets=b"<html>"), MALFORMED),
        (_error(20429, 429), Unavailable(Reason.UPSTREAM_BUSY)),
        (Reply(status=500), Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Lost(why="x", is_unsent=True), Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Lost(why="x"), Unavailable(Reason.UPSTREAM_SILENT)),
    ],
)
def test_what_is_not_sent_is_not_asked_for(
    answer: object, outcome: object, channel: Channel
) -> None:
    """Each no of Twilio's ends the login; its own text, which may name the number, is not told."""
    served, _ = _served(answer, channel=channel)
    assert (served.outcome, served.state) == (outcome, b"")
    assert NUMBER not in served.trouble


def test_a_message_is_sent() -> None:
    """As Twilio wants it, and its code lets in."""
    served, player = _served(CREATED)
    query = player.query
    form = dict(parse_qsl(query.body.decode(), strict_parsing=True))
    assert (query.method, query.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert dict(query.headers) == {
        "Authorization": "Basic " + base64.b64encode(b"SK1:pw").decode(),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    assert (form["To"], form["From"], form["ValidityPeriod"]) == (NUMBER, "+15005550006", "180")
    assert b"To=%2B49" in query.body
    code = form["Body"].partition(" is ")[2][:6].encode()
    again = asked(typed=code, state=served.state)
    assert player.play(twilio.ask(_settings(), again, player.tools)).outcome == PASSED


def test_a_messaging_service_sends() -> None:
    """Then there is no number of ours."""
    _, player = _served(CREATED, sender=f"MG{'1' * 32}")
    form = dict(parse_qsl(player.query.body.decode()))
    assert form["MessagingServiceSid"] == f"MG{'1' * 32}"
    assert "From" not in form


def test_a_call_reads_the_code_out_twice() -> None:
    """Digit by digit; nothing asks for a key, and no answer proves anything."""
    served, player = _served(CREATED, channel=Channel.VOICE)
    form = dict(parse_qsl(player.query.body.decode()))
    assert player.query.path.endswith("/Calls.json")
    said = [one.text or "" for one in ET.fromstring(form["Twiml"]).iter("Say")]  # noqa: S314
    assert len(said) == 2
    assert said[0] == said[1]
    digits = said[0].partition(" is ")[2].partition(".")[0]
    assert len(digits.split(", ")) == 6
    assert (form["From"], form["Timeout"]) == ("+15005550006", "30")
    assert (served.outcome, served.way) == (UPSTREAM_ASKS, "voice")
    (ring,) = player.rings
    assert ring.way == "voice"
    code = digits.replace(", ", "").encode()
    again = asked(typed=code, state=served.state)
    settings = _settings(channel=Channel.VOICE)
    assert player.play(twilio.ask(settings, again, player.tools)).outcome == PASSED


@pytest.mark.parametrize("word", [b"voice", b"phone", b"call", b"call2"])
def test_words_choose_a_call(word: bytes) -> None:
    """With another number, too."""
    player = Player()
    devices = (phone(kind="voice"), phone("+4930999999", kind="voice"))
    question = asked(typed=word, devices=devices)
    settings = _settings(channel=Channel.VOICE)
    player.play(twilio.ask(settings, question, player.tools), CREATED)
    assert player.rings[0].to == ("+4930999999" if word.endswith(b"2") else NUMBER)


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=3000),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=253),
)
def test_any_name_is_read_out_as_text(user: str, client: str) -> None:
    """No name is markup, none makes it too long, and the code is there in full."""
    values = {"code": "1045", "minutes": "3", "user": user, "client": client}
    whole = twilio.twiml("{user} at {client}: {code}", values)
    assert len(whole) <= twilio.LONGEST_TWIML
    root = ET.fromstring(whole.replace("\ufffe", "?").replace("\uffff", "?"))  # noqa: S314 - ours
    assert [one.tag for one in root] == ["Pause", "Say", "Pause", "Say"]
    assert all((one.text or "").endswith(": 1, 0, 4, 5") for one in root.iter("Say"))


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Lost(why="cannot be reached"), ("cannot be reached",)),
        (_error(20003, 401), ("does not take our account (20003)",)),
        (_error(20404, 404), ("does not know the account or the service (20404)",)),
        (Reply(status=200, octets=b"<html>"), ("answers 200 without saying why",)),
        (Reply(status=200, octets=b'{"status":"suspended"}'), ("the account is not active",)),
        (
            Reply(status=200, octets=b'{"status":"active","type":"Trial"}'),
            ("it is a trial account, which reaches verified numbers only",),
        ),
        (Reply(status=200, octets=b'{"status":"active","type":"Full"}'), ()),
    ],
)
def test_examination_calls_nobody(answer: object, told: tuple[str, ...]) -> None:
    """It looks at the account."""
    examination = twilio.examine(_settings(), Player().tools)
    query = next(examination)
    assert isinstance(query, Query)
    assert (query.method, query.path) == ("GET", f"/2010-04-01/Accounts/{ACCOUNT}.json")
    with pytest.raises(StopIteration) as ended:
        examination.send(answer)
    assert ended.value.value == told


def test_texts_of_calls_may_be_long() -> None:
    """A call is no message of 160 letters."""
    text = f"{'Good morning. ' * 30}{{code}}"
    _, player = _served(CREATED, channel=Channel.VOICE, codes=Codes(text=text))
    assert b"Good%20morning" in player.query.body


def test_names_that_make_a_call_too_long_are_cut() -> None:
    """Escaped they are longer than they look."""
    values = {"code": "1045", "minutes": "3", "user": 700 * "&", "client": 300 * '"'}
    whole = twilio.twiml("{user} {client} {code}", values)
    assert len(whole) <= twilio.LONGEST_TWIML
    assert whole.count("1, 0, 4, 5") == 2
