"""Tests of `service.gateway`: what is sent, and that a yes has to be one."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.message_model import Codes, Content, Gateway, Method
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason, Unavailable
from radiusmfa.secret import Secret
from radiusmfa.service import gateway
from radiusmfa.service.dialogue import Lost, Query, Reply
from tests.unit.service.player import NUMBER, Player, asked, phone

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served

VALUES = {"to": "+49 1", "text": 'a&b="c" <d>\n'}
MISCONFIGURED = Failed(Reason.UPSTREAM_MISCONFIGURED)


def _settings(**settings: Any) -> Gateway:  # noqa: ANN401 - of Gateway
    return Gateway(**({"url": "https://sms.example.net/v1/send"} | settings))


def _served(answer: object, **settings: object) -> tuple[Served, Player]:
    player = Player()
    return player.play(gateway.ask(_settings(**settings), asked(), player.tools), answer), player


@pytest.mark.parametrize(
    ("answer", "settings", "outcome"),
    [
        (Reply(status=302), {}, MISCONFIGURED),
        (Reply(status=400), {}, MISCONFIGURED),
        (Reply(status=401), {}, MISCONFIGURED),
        (Reply(status=204), {}, MISCONFIGURED),
        (Reply(status=201), {"statuses": (200,)}, MISCONFIGURED),
        (Reply(status=200, octets=b"ERR 301"), {"failure": "ERR"}, MISCONFIGURED),
        (Reply(status=200, octets=b"ERR 301"), {"success": "^OK"}, MISCONFIGURED),
        (Reply(status=200, octets=b""), {"success": "^OK"}, MISCONFIGURED),
        (Reply(status=200, octets=3000 * b" " + b"OK"), {"success": "OK"}, MISCONFIGURED),
        (Reply(status=200, octets=b"OK ERR"), {"success": "OK", "failure": "ERR"}, MISCONFIGURED),
        (Reply(status=500), {}, Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Reply(status=429), {}, Unavailable(Reason.UPSTREAM_BUSY)),
        (Lost(why="x", is_unsent=True), {}, Unavailable(Reason.UPSTREAM_UNREACHABLE)),
        (Lost(why="x"), {}, Unavailable(Reason.UPSTREAM_SILENT)),
    ],
)
def test_what_is_not_sent_is_not_asked_for(
    answer: object, settings: dict[str, object], outcome: object
) -> None:
    """Status 200 with an error in it is a no; so is whatever the expression does not fit."""
    served, player = _served(answer, **settings)
    assert (served.outcome, served.state, len(player.requests)) == (outcome, b"", 1)
    assert served.trouble
    assert "4915" not in served.trouble


@pytest.mark.parametrize(
    ("answer", "settings"),
    [
        (Reply(status=200), {}),
        (Reply(status=202, octets=b'{"status": "queued"}'), {"success": '"status": *"queued"'}),
        (Reply(status=200, octets=b"\xff OK"), {"success": "OK", "failure": "^ERR"}),
        (Lost(why="x", is_over=True), {}),
    ],
)
def test_what_is_sent_is_asked_for(answer: object, settings: dict[str, object]) -> None:
    """And, where the login cannot wait any longer, what may have been."""
    served, _ = _served(answer, **settings)
    assert served.outcome == UPSTREAM_ASKS


def test_the_code_that_was_sent_lets_in() -> None:
    """Out of the message; nothing is asked of the gateway then."""
    player, settings = Player(), _settings()
    state = player.play(gateway.ask(settings, asked(), player.tools), Reply(status=200)).state
    query = player.query
    assert query.body.startswith(b"to=%2B4915112345678&text=Your%20login%20code%20is%20")
    code = query.body.partition(b"is%20")[2][:6]
    again = asked(typed=code, state=state)
    assert player.play(gateway.ask(settings, again, player.tools)).outcome == PASSED
    assert player.requests == []
    assert code.decode() not in repr(query)


def test_one_message_in_letters_of_telephones() -> None:
    """Whatever the person is called."""
    player = Player()
    settings = _settings(
        content=Content.JSON, codes=Codes(text="{user} at {client}: {code}. Do not tell anybody.")
    )
    question = asked(user=100 * "\u0159", client=100 * "x")
    player.play(gateway.ask(settings, question, player.tools), Reply(status=200))
    text = json.loads(player.query.body)["text"]
    assert len(text) == 160
    assert text.startswith("rrr")
    assert text.endswith(". Do not tell anybody.")


def _query(**settings: Any) -> Query:  # noqa: ANN401 - of Gateway
    fields = (("nr", "{to}"), ("x", "{text}"), ("from", "us"))
    return gateway.query(_settings(**({"fields": fields} | settings)), VALUES)


def test_a_form_is_escaped() -> None:
    """`+` would be a blank, `&` another field."""
    query = _query()
    assert query.body == b"nr=%2B49%201&x=a%26b%3D%22c%22%20%3Cd%3E%0A&from=us"
    assert query.headers == (("Content-Type", "application/x-www-form-urlencoded"),)
    assert (query.method, query.path, query.parameters) == ("POST", "/v1/send", ())
    assert not query.is_safe  # nothing is sent twice by itself


def test_json_is_escaped() -> None:
    """An object of texts."""
    query = _query(content=Content.JSON)
    assert json.loads(query.body) == {"nr": "+49 1", "x": VALUES["text"], "from": "us"}
    assert query.headers == (("Content-Type", "application/json"),)


def test_a_query_has_no_body() -> None:
    """It is written by whoever sends it."""
    query = _query(content=Content.QUERY, method=Method.GET)
    assert query.parameters == (("nr", "+49 1"), ("x", VALUES["text"]), ("from", "us"))
    assert (query.method, query.path, query.body, query.headers) == ("GET", "/v1/send", b"", ())


@pytest.mark.parametrize(
    ("kind", "text", "body"),
    [
        ("text/plain", "{to} {text}", b'+49 1 a&b="c" <d>\n'),
        (
            "application/json",
            '[{"m":"{to}","t":"{text}"}]',
            b'[{"m":"+49 1","t":"a&b=\\"c\\" <d>\\n"}]',
        ),
        ("text/xml", "<s>{text}</s>", b"<s>a&amp;b=&quot;c&quot; &lt;d&gt;\n</s>"),
    ],
)
def test_raw_is_escaped_as_its_type_needs(kind: str, text: str, body: bytes) -> None:
    """Braces that mean nothing stay."""
    query = _query(content=Content.RAW, fields=((kind, text),))
    assert (query.body, query.headers) == (body, (("Content-Type", kind),))


def test_values_are_not_filled_in_again() -> None:
    """A text that names {to} is a text."""
    settings = _settings(content=Content.RAW, fields=(("text/plain", "{text}"),))
    assert gateway.query(settings, {"to": "+49", "text": "{to}"}).body == b"{to}"


@pytest.mark.parametrize(
    ("settings", "header"),
    [
        (
            {"user": "me", "password": Secret(b"pw")},
            ("Authorization", "Basic " + base64.b64encode(b"me:pw").decode()),
        ),
        ({"header": "Authorization", "password": Secret(b"pw")}, ("Authorization", "Bearer pw")),
        ({"header": "X-Api-Key", "password": Secret(b"pw")}, ("X-Api-Key", "pw")),
    ],
)
def test_the_account_is_told(settings: dict[str, object], header: tuple[str, str]) -> None:
    """By basic authentication, a token, or a header of the gateway's own."""
    query = _query(**settings)
    assert query.headers[0] == header
    assert "pw" not in repr(query)


@pytest.mark.parametrize(
    ("number_format", "written"),
    [
        ("e164", NUMBER),
        ("e164_noplus", "4915112345678"),
        ("national:0049", "015112345678"),
        ("national:0043", "004915112345678"),
    ],
)
def test_numbers_are_written_as_wanted(number_format: str, written: str) -> None:
    """Those of the gateway's own country with a zero, all others with two."""
    assert gateway.written(NUMBER, number_format) == written


def test_other_countries_are_not_sent_to() -> None:
    """Nothing leaves."""
    player, settings = Player(), _settings(prefixes=("+49",))
    question = asked(devices=(phone("+882991234567"),))
    served = player.play(gateway.ask(settings, question, player.tools))
    assert served.outcome == Failed(Reason.NO_USABLE_DEVICE)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Lost(why="cannot be reached"), ("cannot be reached",)),
        (Reply(status=401), ("does not take our account (401)",)),
        (Reply(status=500), ("has a fault (500)",)),
        (Reply(status=404), ()),
        (Reply(status=405), ()),
        (Reply(status=200), ()),
    ],
)
def test_examination_sends_nothing(answer: object, told: tuple[str, ...]) -> None:
    """It looks whether somebody is there who takes our account."""
    examination = gateway.examine(_settings(header="X-Key", password=Secret(b"x")), Player().tools)
    query = next(examination)
    assert isinstance(query, Query)
    assert (query.method, query.path, query.body, query.parameters) == ("GET", "/v1/send", b"", ())
    with pytest.raises(StopIteration) as ended:
        examination.send(answer)
    assert ended.value.value == told
