"""One round: how it asks, and how it ends."""

from __future__ import annotations

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import AskService
from radiusmfa.outcome import Failed, Reason
from radiusmfa.service.securid_attempt import Attempt
from radiusmfa.service.securid_message import Answer, Method
from radiusmfa.service.securid_round import Round, Try
from tests.securid import CODES, Mode
from tests.unit.service.securid_stage import URLS, Stage


def _round() -> Round:
    stage = Stage()
    attempt = Attempt(url=URLS[0], id="a", message="m", ends=stage.now + 180)
    asked = AskService(service="rsa", user="alice")
    return Round(stage.settings, asked, stage.tools(30), attempt)


def test_questions_come_to_an_end() -> None:
    """After eight questions it is over, and RSA hears that."""
    stage = Stage(mode=Mode.NEW_PIN, pin="")

    served = stage.talk(CODES[0], *("1", "1") * 4)

    assert served.outcome == Failed(Reason.TOO_MANY_ROUNDS)
    assert stage.simulator.calls()[-1] == "cancel"


@pytest.mark.parametrize(
    ("code", "reason", "tried", "outcome", "event"),
    [
        ("ODD", "", "SECURID", Reason.BAD_UPSTREAM_REPLY, None),
        ("CHALLENGE", "", "", Reason.BAD_UPSTREAM_REPLY, None),
        ("FAIL", "VERIFY_ERROR", "SECURID", Reason.BAD_PASSCODE, Event.DENIED),
        ("FAIL", "VERIFY_ERROR", "SECURID_NEWPIN", Reason.UPSTREAM_REFUSED, Event.DENIED),
        ("FAIL", "VERIFY_ERROR", "", Reason.UPSTREAM_REFUSED, Event.DENIED),
        ("FAIL", "SUBJECT_LOCKED_OUT", "SECURID", Reason.UPSTREAM_REFUSED, Event.LOCKED),
    ],
)
def test_end_of_an_attempt_has_a_reason(
    code: str, reason: str, tried: str, outcome: Reason, event: Event | None
) -> None:
    """A wrong code, a no of RSA's, a lock, or something out of place."""
    answer = Answer(attempt="a", message="m", code=code, reason=reason)

    served = _round().refused(answer, Method(id=tried) if tried else None)

    assert (served.outcome, served.event) == (Failed(outcome), event)
    assert bool(served.trouble) == (outcome is Reason.BAD_UPSTREAM_REPLY)


def test_answer_without_offers_keeps_those_before() -> None:
    """While a push is open RSA need not repeat what else there is."""
    turn = _round()
    turn.take(Answer(attempt="a", message="2", code="CHALLENGE", offers=((Method(id="SMS"),),)))
    turn.take(Answer(attempt="a", message="3", code="IN_PROCESS"))
    assert (turn.open.message, turn.open.offers) == ("3", ((Method(id="SMS"),),))


def test_value_does_not_show_itself() -> None:
    """A step that a log could print holds no passcode."""
    assert "1234" not in repr(Try(method=Method(id="SECURID"), value="1234"))
