"""What the audit says of others that were asked: facts in their places, and nobody's texts."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.outcome import (
    BROKEN,
    PASSED,
    UPSTREAM_ASKS,
    Failed,
    Outcome,
    Reason,
    Unavailable,
)
from radiusmfa.secret import Secret
from radiusmfa.server import told
from radiusmfa.upstream.inquiry import Response
from radiusmfa.upstream.line import Heard
from radiusmfa.wire import codec, numbers
from tests.dialogues import asked
from tests.fakes import FakeClock

KEY: Final = codec.SigningKey(Secret(b"shared with the upstream"))
HOSTILE: Final = '","answer":"accept","x":"\n\x1b[31m\ud83dä'
TEXT: Final = "a text of theirs"
STATE: Final = b"a state of theirs"


def of(thing: Response | Served, outcome: Outcome, event: Event | None = None) -> dict[str, Any]:
    """Return what is written, read again."""
    line = told.of(thing, Heard(outcome, event, state=STATE, text=TEXT))
    assert line.isascii()
    assert "\n" not in line
    assert TEXT not in line
    assert STATE.decode() not in line
    found: dict[str, Any] = json.loads(line)
    return found


def served(outcome: Outcome = PASSED, **others: Any) -> Served:  # noqa: ANN401 - of any type
    """Return what a dialogue ended in."""
    usual: dict[str, Any] = {"service": "push", "text": TEXT, "state": STATE, "trouble": TEXT}
    return Served(outcome=outcome, **(usual | others))


def packet(code: int) -> codec.Packet:
    """Return a reply."""
    request = codec.decode(codec.request(1, 0, bytes(16), b"", KEY))
    octets = codec.reply(code, request, KEY, b"")
    assert octets is not None
    return codec.decode(octets)


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Failed(Reason.PERSON_REFUSED), "person-refused"),
        (Failed(Reason.UPSTREAM_REFUSED), "upstream-refused"),
        (Unavailable(Reason.UPSTREAM_SILENT), "upstream-silent"),
        (BROKEN, "broken"),
        (UPSTREAM_ASKS, "challenge"),
        (PASSED, "accept"),
    ],
)
def test_service_is_told_by_what_was_made_of_it(outcome: Outcome, answer: str) -> None:
    """What counts is the outcome that was heard, not what the dialogue would have liked."""
    line = of(served(PASSED), outcome)
    assert line == {"name": "push", "answer": answer, "us": 0}


def test_service_is_told_with_all_that_is_known() -> None:
    """Which way, which device, how long the person took, and how long it took in all."""
    one = served(
        server="api-1.example", way="push", device="iOS (***0100)", person=6.21, seconds=6.48,
        serial="T1",
    )  # fmt: skip
    assert of(one, PASSED, Event.PUSH_SENT) == {
        "name": "push", "server": "api-1.example", "event": "push-sent", "answer": "accept",
        "way": "push", "device": "iOS (***0100)", "person_us": 6_210_000, "us": 6_480_000,
    }  # fmt: skip


def test_person_who_took_no_time_is_told() -> None:
    """Nobody waited for is another thing than an answer at once."""
    assert of(served(person=0.0), PASSED)["person_us"] == 0
    assert "person_us" not in of(served(), PASSED)


@pytest.mark.parametrize("event", [None, Event.OTHER])
def test_event_that_says_nothing_is_left_out(event: Event | None) -> None:
    """A line has no empty places."""
    assert "event" not in of(served(), PASSED, event)


@pytest.mark.parametrize("field", ["server", "way", "device"])
def test_whatever_a_service_says_stays_in_its_place(field: str) -> None:
    """Quotes, line ends and halves of signs do not leave their text."""
    facts: dict[str, Any] = {field: HOSTILE}
    line = of(served(**facts), Failed(Reason.UPSTREAM_REFUSED))
    assert (line[field], line["answer"]) == (HOSTILE, "upstream-refused")
    assert set(line) == {"name", field, "answer", "us"}


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (numbers.ACCESS_ACCEPT, "accept"),
        (numbers.ACCESS_REJECT, "reject"),
        (numbers.ACCESS_CHALLENGE, "challenge"),
    ],
)
def test_upstream_is_told_by_its_packet(code: int, answer: str) -> None:
    """Its code, its server, and what it took."""
    response = Response(
        upstream="rsa", server="here:1812", packet=packet(code), sent=2, seconds=0.5
    )
    assert of(response, PASSED, Event.DENIED) == {
        "name": "rsa", "server": "here:1812", "event": "denied", "answer": answer, "sent": 2,
        "us": 500_000,
    }  # fmt: skip


def test_upstream_without_an_answer_is_told_by_the_reason() -> None:
    """Several servers, and replies that were none, are counted."""
    response = Response(
        upstream="rsa", reason=Reason.UPSTREAM_SILENT, sent=5, servers=2,
        ignored={"wrong-source": 1, "too-long": 2},
    )  # fmt: skip
    assert of(response, Unavailable(Reason.UPSTREAM_SILENT)) == {
        "name": "rsa", "answer": "upstream-silent", "sent": 5, "us": 0, "servers": 2,
        "ignored": {"wrong-source": 1, "too-long": 2},
    }  # fmt: skip


def test_alarm_says_whose_login_it_was() -> None:
    """Who, where, which service and which device; nothing that was typed or answered."""
    question = asked(service="push", typed=b"what was typed", state=STATE, address="192.0.2.7")
    one = served(Failed(Reason.FRAUD_REPORTED), way="push", device="***0100")
    line = told.alarm(FakeClock(), question, one)
    found = json.loads(line)
    assert found.pop("time")
    assert found == {
        "kind": "alarm", "reason": "fraud-reported", "user": "alice", "client": "vpn",
        "service": "push", "way": "push", "device": "***0100",
    }  # fmt: skip
