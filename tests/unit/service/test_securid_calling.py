"""Pushes by RSA: refusals first, then what the person says, in time and late."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason
from radiusmfa.service import securid_attempt as attempts
from radiusmfa.service import securid_calling as calling
from radiusmfa.service.dialogue import Lost, Rung
from tests.securid import DEVICE, SENT_CODE, Mode, Mood
from tests.unit.service.securid_stage import Stage

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served

PUSH = [["APPROVE"]]


def _failed(served: Served) -> Reason:
    assert isinstance(served.outcome, Failed), served
    assert not served.state
    return served.outcome.reason


def test_person_who_says_no_is_refused() -> None:
    """The audit knows the way, the device, and how long it took."""
    stage = Stage(offers=PUSH, says="deny", polls=2)

    served = stage.ask("", can_show=False)

    assert _failed(served) is Reason.PERSON_REFUSED
    assert (served.way, served.device, served.person) == ("push", DEVICE, 10.0)
    assert served.event is Event.DENIED


def test_nobody_who_answers_is_refused() -> None:
    """After a minute it is over, and RSA hears that."""
    stage = Stage(offers=PUSH, says="nothing")

    served = stage.ask("push", can_show=False)

    assert _failed(served) is Reason.UNANSWERED
    assert served.person is None
    assert stage.simulator.calls() == ["initialize", *["verify"] * 13, "cancel"]


@pytest.mark.parametrize("word", ["TIMEOUT", "APPROVE_EXPIRED", "REQUEST_TIMED_OUT"])
def test_rsas_own_timeout_is_no_refusal(word: str) -> None:
    """Nobody is silenced for not having answered."""
    stage = Stage(offers=PUSH, says="deny")
    stage.spoil = lambda reply: replace(
        reply, octets=reply.octets.replace(b"VERIFY_ERROR", word.encode())
    )
    assert _failed(stage.ask("", can_show=False)) is Reason.UNANSWERED


def test_attempt_that_ends_otherwise_is_rsas_no() -> None:
    """What is not the person's word silences nobody."""
    stage = Stage(offers=PUSH, says="nothing")
    stage.is_over = True
    asks = stage.ask("")
    stage.is_over = False
    stage.simulator.later += 200

    assert _failed(stage.ask("", asks.state)) is Reason.UPSTREAM_REFUSED


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        (Mood.ERROR, Reason.BAD_UPSTREAM_REPLY),
        (Mood.UNKNOWN, Reason.BAD_UPSTREAM_REPLY),
        (Mood.OTHERS, Reason.BAD_UPSTREAM_REPLY),
    ],
)
def test_odd_answer_to_a_push_is_refused(mood: Mood, reason: Reason) -> None:
    """Nobody gets in by an answer that means nothing."""
    stage = Stage(offers=PUSH)
    stage.simulator.mood, stage.simulator.of = mood, {"verify"}
    assert _failed(stage.ask("", can_show=False)) is reason


def test_success_with_a_refusal_inside_is_none() -> None:
    """An answer that contradicts itself lets nobody in."""
    stage = Stage(offers=PUSH, says="deny")
    stage.spoil = lambda reply: replace(
        reply,
        octets=reply.octets.replace(
            b'"attemptResponseCode": "FAIL"', b'"attemptResponseCode": "SUCCESS"'
        ),
    )
    assert _failed(stage.ask("", can_show=False)) is Reason.BAD_UPSTREAM_REPLY


def test_nobody_is_called_without_the_time_to_answer() -> None:
    """A client that gives up soon and cannot ask: the phone does not ring."""
    stage = Stage(offers=PUSH)
    assert _failed(stage.ask("", can_show=False, seconds=10)) is Reason.TOO_LITTLE_TIME
    assert stage.rings == []
    assert stage.simulator.calls() == ["initialize", "cancel"]


def test_person_who_approves_gets_in() -> None:
    """RSA is asked every five seconds, by the reference, in a chain of messages."""
    stage = Stage(offers=PUSH, polls=3)

    served = stage.ask("", can_show=False)

    assert served.outcome == PASSED
    assert (served.way, served.device, served.person) == ("push", DEVICE, 15.0)
    (wanted,) = stage.rings
    assert (wanted.way, wanted.is_open) == ("push", True)
    (opened,) = stage.opened
    assert opened.seconds == 60
    bodies = stage.simulator.bodies("verify")
    assert len({one["context"]["messageId"] for one in bodies}) == 4
    references = [one["subjectCredentials"][0]["referenceId"] for one in bodies]
    assert references[0] is None
    assert len(set(references[1:])) == 1


def test_login_that_is_over_waits_for_enter() -> None:
    """Approve, then Enter: the person had longer than the client."""
    stage = Stage(offers=PUSH, polls=1)
    stage.is_over = True
    asks = stage.ask("push")
    assert (asks.outcome, asks.event) == (UPSTREAM_ASKS, Event.PUSH_SENT)
    assert asks.text == f"Approve the request on {DEVICE}, then press Enter: "
    again = stage.ask("", asks.state)
    assert again.event is Event.PUSH_SENT
    stage.is_over = False

    assert stage.ask("", again.state).outcome == PASSED
    assert len(stage.rings) == 1


def test_login_that_is_over_where_nothing_can_be_shown_fails() -> None:
    """No answer in time is none."""
    stage = Stage(offers=PUSH)
    stage.is_over = True
    assert _failed(stage.ask("", can_show=False)) is Reason.UNANSWERED


def test_same_login_again_rings_once() -> None:
    """A client that asks anew shares the push that is open; its own attempt is ended."""
    stage = Stage(offers=PUSH)
    stage.is_over = True
    stage.ask("")
    stage.is_over = False
    stage.rung = Rung(state=stage.opened[0].state)

    served = stage.ask("")

    assert (served.outcome, served.way) == (PASSED, "push")
    assert stage.simulator.sent == ["APPROVE"]
    assert stage.simulator.calls()[-3:] == ["initialize", "cancel", "verify"]
    assert stage.watches[0].key == stage.watches[1].key


def test_push_of_somebody_who_proved_more_is_not_joined() -> None:
    """Whoever has typed no code does not get in by the push that followed somebody's code."""
    stage = Stage(offers=PUSH)
    stage.is_over = True
    stage.ask("")
    stage.is_over = False
    before = attempts.load(stage.opened[0].state)
    stage.rung = Rung(state=attempts.dump(replace(before, done=("SECURID",))))

    assert _failed(stage.ask("")) is Reason.CALL_OPEN
    assert len(stage.watches) == 1


@pytest.mark.parametrize("state", [b"x", b"[]"])
def test_open_push_that_cannot_be_read_is_lost(state: bytes) -> None:
    """What another request has left must be ours."""
    stage = Stage(offers=PUSH)
    stage.rung = Rung(state=state)
    assert _failed(stage.ask("")) is Reason.DIALOGUE_LOST


def test_state_of_no_push_is_not_gone_on_with() -> None:
    """A state that waits for a code is no open push."""
    stage = Stage(offers=[["APPROVE"], ["SMS"]])
    stage.rung = Rung(state=stage.ask("sms").state)
    assert _failed(stage.ask("push")) is Reason.DIALOGUE_LOST


def test_watching_that_breaks_is_lost() -> None:
    """Where nobody watches any more, nobody gets in."""
    stage = Stage(offers=PUSH)
    stage.is_over = True
    stage.watched = Lost(why="it broke")
    assert _failed(stage.ask("")) is Reason.DIALOGUE_LOST


def test_number_is_shown_before_anybody_waits() -> None:
    """Where a number has to be chosen, the person reads it first."""
    stage = Stage(offers=PUSH, number="42")
    asks = stage.ask("")
    assert asks.text == f"Choose 42 on {DEVICE}, then press Enter: "
    assert stage.watches == []
    stage.rung = Rung(state=stage.opened[0].state)
    assert "42" in stage.ask("").text

    assert stage.ask("", asks.state).outcome == PASSED


def test_number_that_nobody_can_see_is_refused() -> None:
    """Where it cannot be shown the attempt is ended."""
    stage = Stage(offers=PUSH, number="42")
    assert _failed(stage.ask("", can_show=False)) is Reason.CHALLENGE_NOT_SHOWN
    assert stage.simulator.calls()[-1] == "cancel"


def test_code_instead_of_enter_is_a_new_attempt() -> None:
    """The old one is ended, so that whoever watches it hears of that, and of no refusal."""
    stage = Stage(offers=[["APPROVE"], ["SECURID"]], says="nothing")
    stage.is_over = True
    asks = stage.ask("push")

    assert stage.ask(stage.alice.passcode(), asks.state).outcome == PASSED
    assert stage.simulator.calls()[-2:] == ["cancel", "initialize"]
    (watched,) = stage.watches
    assert _failed(stage.play(watched.dialogue)) is Reason.UPSTREAM_REFUSED


def test_push_is_not_all() -> None:
    """Where RSA wants a code besides, an approval alone lets nobody in."""
    stage = Stage(offers=[["APPROVE", "SMS"]])
    assert _failed(stage.ask("", can_show=False)) is Reason.CHALLENGE_NOT_SHOWN

    asks = stage.ask("")
    assert (asks.event, asks.way, asks.person) == (Event.CODE_SENT, "sms", 5.0)
    assert stage.ask(SENT_CODE, asks.state).outcome == PASSED


def test_fingerprint_is_a_push() -> None:
    """Device biometrics, where nothing has to be typed."""
    assert Stage(offers=[["FINGERPRINT"]]).ask("push", can_show=False).outcome == PASSED


def test_late_enter_finds_nothing() -> None:
    """After the attempt's three minutes nobody is asked."""
    stage = Stage(offers=PUSH)
    stage.is_over = True
    asks = stage.ask("")
    stage.advance(181)
    assert _failed(stage.ask("", asks.state)) is Reason.UNANSWERED


def test_push_without_a_method_is_lost() -> None:
    """A state that names no device's method is not ours."""
    stage = Stage(offers=PUSH)
    stage.is_over = True
    attempt = attempts.load(stage.ask("").state)
    broken = attempts.dump(replace(attempt, chosen=None))
    assert _failed(stage.ask("", broken)) is Reason.DIALOGUE_LOST


def test_connection_that_fails_once_is_tried_again() -> None:
    """What has not reached RSA for sure is sent again; what may have is lost."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state
    stage.lost[0] = Lost(why="refused", is_unsent=True)

    assert _failed(stage.ask("000000", state)) is Reason.DIALOGUE_LOST
    assert len(stage.queries) == 3


def test_numbers_are_those_of_rsa() -> None:
    """A minute to answer, a look every five seconds."""
    assert (calling.POLL_SECONDS, calling.PUSH_SECONDS) == (5, 60)
