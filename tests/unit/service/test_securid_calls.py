"""Requests to RSA: servers that fail or are gone, and when another one is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from radiusmfa.outcome import PASSED, Failed, Reason, Unavailable
from radiusmfa.service.dialogue import Lost, Reply
from tests.securid import CODES, PIN, Mode, Mood
from tests.unit.service.securid_stage import URLS, Stage

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served

WRONG = PIN + "000000"
GONE = Lost(why="cannot be reached", is_unsent=True)
SILENT = Lost(why="has not answered within 10 s")
OVER = Lost(why="the login cannot wait any longer", is_over=True)


def _failed(served: Served) -> Reason:
    assert isinstance(served.outcome, Failed), served
    assert not served.state
    return served.outcome.reason


def _gone(served: Served) -> Reason:
    assert isinstance(served.outcome, Unavailable), served
    return served.outcome.reason


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        (Mood.ERROR, Reason.BAD_UPSTREAM_REPLY),
        (Mood.UNKNOWN, Reason.BAD_UPSTREAM_REPLY),
    ],
)
def test_odd_answer_is_refused(mood: Mood, reason: Reason) -> None:
    """ERROR and words that nobody knows let nobody in, and no other factor stands in."""
    stage = Stage()
    stage.simulator.mood = mood

    served = stage.ask(stage.alice.passcode())

    assert _failed(served) is reason
    assert served.trouble


@pytest.mark.parametrize("mood", [Mood.OTHERS, Mood.OTHER_ATTEMPT, Mood.ERROR, Mood.UNKNOWN])
def test_odd_answer_within_an_attempt_is_refused(mood: Mood) -> None:
    """A success that answers another request, or is another attempt's, is none."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state
    stage.simulator.mood = mood

    assert _failed(stage.ask(CODES[1], state)) is Reason.BAD_UPSTREAM_REPLY


def test_success_of_another_request_is_no_answer() -> None:
    """A first answer that is not ours is none at all."""
    stage = Stage()
    stage.simulator.mood = Mood.OTHERS
    assert _gone(stage.ask(stage.alice.passcode())) is Reason.UPSTREAM_UNREACHABLE


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.UPSTREAM_MISCONFIGURED),
        (401, Reason.UPSTREAM_MISCONFIGURED),
        (403, Reason.UPSTREAM_MISCONFIGURED),
        (404, Reason.UPSTREAM_MISCONFIGURED),
        (302, Reason.UPSTREAM_MISCONFIGURED),
    ],
)
def test_refused_call_is_a_fault_of_the_settings(status: int, reason: Reason) -> None:
    """A server that does not take our calls is there: nothing stands in for it."""
    stage = Stage()
    stage.simulator.status = status

    served = stage.ask(stage.alice.passcode())

    assert _failed(served) is reason
    assert "am1.example.com:5555" in served.trouble


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (429, Reason.UPSTREAM_BUSY),
        (500, Reason.UPSTREAM_UNREACHABLE),
        (503, Reason.UPSTREAM_UNREACHABLE),
    ],
)
def test_server_with_a_fault_could_not_be_asked(status: int, reason: Reason) -> None:
    """A server that fails by itself is as good as gone."""
    stage = Stage()
    stage.simulator.status = status
    assert _gone(stage.ask(stage.alice.passcode())) is reason


def test_fault_that_the_passcode_causes_is_no_outage() -> None:
    """A passcode that breaks the server opens no way around it."""
    stage = Stage()

    def breaks(reply: Reply) -> Reply:
        is_tried = b'"collectedInputs"' in stage.queries[-1].body
        return replace(reply, status=500, octets=b"") if is_tried else reply

    stage.spoil = breaks
    assert _failed(stage.ask(stage.alice.passcode())) is Reason.DIALOGUE_LOST


@pytest.mark.parametrize(
    ("lost", "reason"),
    [(GONE, Reason.UPSTREAM_UNREACHABLE), (SILENT, Reason.UPSTREAM_SILENT)],
)
def test_server_that_is_gone_could_not_be_asked(lost: Lost, reason: Reason) -> None:
    """No connection, or no answer."""
    stage = Stage()
    stage.lost[0] = lost
    assert _gone(stage.ask(stage.alice.passcode())) is reason


def test_login_without_time_fails() -> None:
    """Whose time is over does not hear that nobody could be asked."""
    stage = Stage()
    stage.lost[0] = OVER
    assert _failed(stage.ask(stage.alice.passcode())) is Reason.UNANSWERED


# -- several servers --


def test_passcode_counts_at_the_second_server() -> None:
    """While the first cannot be reached, the second is asked; then first, for a minute."""
    stage = Stage()
    stage.configure(urls=URLS)
    person = stage.simulators[1].person("alice")
    stage.lost[0] = GONE

    assert stage.ask(person.passcode()).outcome == PASSED
    assert stage.ask(person.passcode()).outcome == PASSED
    assert [query.server for query in stage.queries] == [0, 1, 1]
    stage.advance(61)
    assert stage.ask(person.passcode()).outcome == PASSED
    assert [query.server for query in stage.queries] == [0, 1, 1, 0, 1]


def test_refusal_of_the_first_server_counts() -> None:
    """The second is not asked whether it thinks otherwise, nor is a wrong key tried there."""
    stage = Stage()
    stage.configure(urls=URLS)
    stage.simulators[1].person("alice", codes=["000000"])
    assert _failed(stage.ask(WRONG, can_show=False)) is Reason.BAD_PASSCODE

    stage.simulator.status = 401
    assert _failed(stage.ask(WRONG)) is Reason.UPSTREAM_MISCONFIGURED
    assert {query.server for query in stage.queries} == {0}


def test_error_of_one_and_absence_of_the_other_is_no_outage() -> None:
    """Whom one server cannot deal with does not profit from a replica that is away."""
    stage = Stage()
    stage.configure(urls=URLS)
    stage.simulator.mood = Mood.ERROR
    stage.lost[1] = GONE
    assert _failed(stage.ask("")) is Reason.BAD_UPSTREAM_REPLY


def test_attempt_stays_where_it_began() -> None:
    """No other server is told of an attempt: it is lost with its own."""
    stage = Stage(mode=Mode.NEXT)
    stage.configure(urls=URLS)
    state = stage.ask(stage.alice.passcode()).state
    stage.lost[0] = SILENT

    assert _failed(stage.ask(CODES[1], state)) is Reason.DIALOGUE_LOST
    assert {query.server for query in stage.queries} == {0}


def test_attempt_of_a_server_that_was_taken_away_is_lost() -> None:
    """After a reload without it, too."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state
    stage.configure(urls=URLS[1:])
    assert _failed(stage.ask(CODES[1], state)) is Reason.DIALOGUE_LOST


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (401, Reason.UPSTREAM_MISCONFIGURED),
        (404, Reason.DIALOGUE_LOST),
        (429, Reason.UPSTREAM_BUSY),
        (500, Reason.DIALOGUE_LOST),
    ],
)
def test_fault_within_an_attempt_ends_it(status: int, reason: Reason) -> None:
    """Whatever goes wrong once something was proved: nobody gets in, nothing stands in."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state
    stage.simulator.status = status
    assert _failed(stage.ask(CODES[1], state)) is reason


def test_passcode_is_shown_to_no_other_server_unasked() -> None:
    """Once a server may have used it up, the next is first asked without it."""
    stage = Stage()
    stage.configure(urls=URLS)
    person = stage.simulators[1].person("alice")
    stage.lost[0] = SILENT

    assert stage.ask(person.passcode()).outcome == PASSED
    assert stage.simulators[1].calls() == ["initialize", "verify"]
    first = stage.simulators[1].bodies("initialize")[0]
    assert first["subjectCredentials"] == []


def test_only_what_holds_no_passcode_may_be_sent_twice() -> None:
    """A connection that was kept open may break; a code counts once."""
    stage = Stage(mode=Mode.NEXT)
    stage.talk(stage.alice.passcode(), CODES[1])
    stage.ask("")
    assert [query.is_safe for query in stage.queries] == [False, False, True]


def test_time_is_shared_among_servers() -> None:
    """The last server has its turn before the client gives up."""
    stage = Stage()
    stage.configure(urls=URLS)
    stage.lost = {0: GONE, 1: GONE}

    assert _gone(stage.ask(WRONG, seconds=8)) is Reason.UPSTREAM_UNREACHABLE
    assert [query.seconds for query in stage.queries] == [4.0, 0.0]
    stage.queries.clear()
    stage.ask(WRONG, seconds=60)
    assert [query.seconds for query in stage.queries] == [0.0, 0.0]


def test_silence_of_the_only_server_is_looked_at_without_the_passcode() -> None:
    """A passcode that hangs the server opens no way around it, either."""
    stage = Stage()

    def hangs(reply: Reply) -> Reply | Lost:
        return SILENT if b'"collectedInputs"' in stage.queries[-1].body else reply

    stage.spoil = hangs
    assert _failed(stage.ask(stage.alice.passcode())) is Reason.DIALOGUE_LOST


def test_busy_server_is_not_asked_again() -> None:
    """Who says that we ask too often is left alone."""
    stage = Stage()
    stage.simulator.status = 429
    stage.ask(WRONG)
    assert len(stage.queries) == 1
