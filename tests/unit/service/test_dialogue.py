"""What dialogues ask for and are told: nothing of it shows a secret, and each answer has a type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.login.errands import Served
from radiusmfa.outcome import PASSED, Failed, Reason
from radiusmfa.service import dialogue
from radiusmfa.service.dialogue import (
    CheckHash,
    Done,
    Farewell,
    Lost,
    Mail,
    Opened,
    Pause,
    Query,
    Reply,
    Ring,
    Rung,
    Watch,
)
from tests.dialogues import Played, asked, tools

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from radiusmfa.service.dialogue import Dialogue, Request

SECRET: Final = b"nobody may see this"
QUERY: Final = Query(method="GET", path="/")
LET_IN: Final = Served(outcome=PASSED)


def seen() -> Dialogue:
    """Let everybody in."""
    yield QUERY
    return LET_IN


@pytest.mark.parametrize(
    "made",
    [
        Query(method="POST", path="/", body=SECRET, headers=(("Authorization", SECRET.decode()),)),
        Mail(to=SECRET.decode(), octets=SECRET),
        CheckHash(stored=SECRET.decode(), typed=SECRET),
        Ring(way="sms", to=SECRET.decode()),
        Opened(state=SECRET, seconds=60),
        Farewell(Query(method="POST", path="/", body=SECRET)),
        Reply(status=200, octets=SECRET),
        Rung(state=SECRET),
        Served(outcome=PASSED, text=SECRET.decode(), state=SECRET),
        asked(typed=SECRET, state=SECRET),
        tools(pepper=SECRET),
    ],
    ids=lambda made: type(made).__name__,
)
def test_nothing_secret_is_shown(made: object) -> None:
    """Whatever is logged or raised by mistake holds no code, key, number or address."""
    assert SECRET.decode() not in repr(made)


def test_query_is_not_repeated_unless_it_says_so() -> None:
    """What rings is the usual case: forgetting to say it never rings twice."""
    assert not QUERY.is_safe


@pytest.mark.parametrize(
    ("typed", "request_", "answer"),
    [
        (dialogue.exchange, QUERY, Reply(status=200)),
        (dialogue.exchange, Mail(to="a@example.org", octets=b""), Lost(why="gone")),
        (dialogue.ring, Ring(way="push"), Rung(refused=Reason.CALL_OPEN)),
        (dialogue.watch, Watch(key="tx", dialogue=seen(), seconds=60), LET_IN),
        (dialogue.done, Pause(1), Done(now=1.0)),
        (dialogue.done, Opened(state=b"", seconds=1), Done()),
        (dialogue.done, CheckHash(stored="", typed=b""), Done(is_right=True)),
        (dialogue.done, Farewell(QUERY), Done()),
    ],
)
def test_typed_way_asks_and_answers(
    typed: Callable[[Any], Generator[Request, Any, Any]], request_: Request, answer: object
) -> None:
    """Each asks for what it was given, and returns what it was told."""
    told: list[object] = []

    def ask() -> Dialogue:
        told.append((yield from typed(request_)))
        return LET_IN

    played = Played(ask())
    assert played.request is request_
    assert played.send(answer).end == LET_IN
    assert told == [answer]


def test_dialogue_is_played_by_hand() -> None:
    """A test sees each request, answers it, and gets what the dialogue ends in."""

    def ask() -> Dialogue:
        rung = yield from dialogue.ring(Ring(way="push", is_open=True))
        if rung.refused is not None:
            return Served(outcome=Failed(rung.refused))
        answer = yield from dialogue.exchange(QUERY)
        if isinstance(answer, Lost):
            return Served(outcome=Failed(Reason.UNANSWERED), trouble=answer.why)
        checked = yield from dialogue.done(CheckHash(stored="", typed=answer.octets))
        return LET_IN if checked.is_right else Served(outcome=Failed(Reason.BAD_PASSCODE))

    assert Played(ask()).rung(Reason.CALL_LIMIT).end.outcome == Failed(Reason.CALL_LIMIT)
    assert Played(ask()).rung().lost(is_over=True).end.trouble == "breaks off"
    played = Played(ask(), now=5.0).rung().reply(octets=b"x")
    assert played.request == CheckHash(stored="", typed=b"x")
    assert played.done().end.outcome == Failed(Reason.BAD_PASSCODE)
    assert Played(ask()).rung().reply().done(is_right=True).end == LET_IN
    assert len(played.requests) == 3
