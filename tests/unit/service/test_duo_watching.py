"""Tests of `radiusmfa.service.duo_watching`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.outcome import PASSED, Failed, Reason
from radiusmfa.service.dialogue import Done, Query, Reply
from radiusmfa.service.duo_answers import State
from radiusmfa.service.duo_calls import Calls
from radiusmfa.service.duo_memory import At, Kept
from radiusmfa.service.duo_watching import SECONDS, ended, see
from tests.duo import Fault, Kind, Transaction
from tests.duo import State as Told
from tests.duo_login import Shell
from tests.fakes import START

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.login.errands import Served
    from radiusmfa.service.dialogue import Dialogue

KEPT: Final = Kept(at=At.WATCH, txid="a-b", way="push", device="XXX-XXX-0100", began=START)
PUSHED: Final = Told("waiting", "pushed", "Pushed a login request to your device...")
ALLOWED: Final = Told("allow", "allow", "Success. Logging you in...")


def _shell(*steps: tuple[float, Told]) -> Shell:
    shell = Shell()
    alice = shell.duo.add("alice")
    whole = [(START + after, told) for after, told in steps]
    made = Transaction(id="a-b", user=alice, factor="push", steps=whole)
    shell.duo.transactions["a-b"] = made
    return shell


def _played(dialogue: Dialogue, answer: Callable[[object], object]) -> Served:
    told: object = None
    while True:
        try:
            told = answer(dialogue.send(told))
        except StopIteration as ended_in:
            found: Served = ended_in.value
            return found


def _see(shell: Shell, seen: State | None = None) -> Served:
    calls = Calls(shell.settings, shell.tools(), START + SECONDS)
    found: Served = shell.perform(see(calls, KEPT, seen), START + SECONDS)
    return found


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(kind=Kind.STATUS, status=401, code=40103, times=99), Reason.UPSTREAM_MISCONFIGURED),
        (Fault(kind=Kind.STATUS, status=429, times=99), Reason.UPSTREAM_BUSY),
        (Fault(kind=Kind.STATUS, status=503, times=99), Reason.UNANSWERED),
        (Fault(kind=Kind.STATUS, status=400, code=40002, times=99), Reason.UNANSWERED),
        (Fault(kind=Kind.EMPTY, times=99), Reason.UNANSWERED),
        (Fault(kind=Kind.RESET, times=99), Reason.UNANSWERED),
        (Fault(kind=Kind.SLOW, seconds=999.0, times=99), Reason.UNANSWERED),
    ],
    ids=lambda one: one.kind + str(one.status) if isinstance(one, Fault) else one.name,
)
def test_what_cannot_be_seen_lets_nobody_in(fault: Fault, reason: Reason) -> None:
    """Whatever goes wrong with looking, the end is a no, in time."""
    shell = _shell((0.0, PUSHED), (5.0, ALLOWED))
    shell.duo.faults.append(Fault(**vars(fault)))
    assert _see(shell).outcome == Failed(reason)
    assert shell.now <= START + SECONDS
    assert len(shell.queries) <= 8


def test_push_that_nobody_answers_ends() -> None:
    """Not even Duo says that it is over."""
    shell = _shell((0.0, PUSHED))
    assert _see(shell).outcome == Failed(Reason.UNANSWERED)
    assert shell.now <= START + SECONDS


def test_duo_that_answers_at_once_is_not_asked_in_a_storm() -> None:
    """Without long polls it is asked once a second."""
    shell = _shell(*((float(at), PUSHED) for at in range(60)))
    shell.duo.longest_poll = 0.0
    assert _see(shell).outcome == Failed(Reason.UNANSWERED)
    assert len(shell.queries) <= SECONDS + 2


@pytest.mark.parametrize("kind", [Kind.EMPTY, Kind.RESET, Kind.STATUS])
def test_look_that_fails_is_tried_again(kind: Kind) -> None:
    """A yes behind it still counts."""
    shell = _shell((0.0, PUSHED), (20.0, ALLOWED))
    shell.duo.faults.append(Fault(kind=kind))
    served = _see(shell)
    assert served.outcome == PASSED
    assert served.person == pytest.approx(20.0, abs=0.1)


def test_poll_that_runs_out_is_repeated() -> None:
    """Duo may say 40002 where nothing has happened for a minute, or what it said before."""
    for runs_out in (True, False):
        shell = _shell((0.0, PUSHED), (50.0, ALLOWED))
        shell.duo.polls_run_out, shell.duo.longest_poll = runs_out, 30.0
        assert _see(shell).outcome == PASSED


def test_what_was_seen_already_counts() -> None:
    """The first look was somebody else's, and may have been the end."""
    shell = _shell((0.0, PUSHED), (5.0, ALLOWED))
    served = _see(shell, State("deny", "fraud", "No."))
    assert served.outcome == Failed(Reason.FRAUD_REPORTED)
    assert shell.queries == []
    assert _see(shell, State("waiting", "pushed")).outcome == PASSED


def test_way_is_what_duo_did() -> None:
    """`auto` may have been a call."""
    calling = Told("waiting", "calling", "Dialing XXX-XXX-0100...")
    shell = _shell((0.0, calling), (9.0, Told("waiting", "answered", "Answered.")), (12.0, ALLOWED))
    served = _see(shell)
    assert (served.way, served.device, served.outcome) == ("phone", "XXX-XXX-0100", PASSED)


def test_watching_ends_without_a_clock() -> None:
    """Should nobody say what time it is: a hundred looks are enough."""
    calls = Calls(Shell().settings, Shell().tools(), START + SECONDS)
    octets = b'{"stat": "OK", "response": {"result": "waiting", "status": "pushed"}}'
    looks: list[Query] = []

    def answer(request: object) -> Reply | Done:
        if isinstance(request, Query):
            looks.append(request)
            return Reply(status=200, octets=octets)
        return Done()

    assert _played(see(calls, KEPT, None), answer).outcome == Failed(Reason.UNANSWERED)
    assert len(looks) == 100


@pytest.mark.parametrize(
    ("status", "way", "reason", "event"),
    [
        ("fraud", "push", Reason.FRAUD_REPORTED, Event.DENIED),
        ("deny", "push", Reason.PERSON_REFUSED, Event.DENIED),
        ("deny", "phone", Reason.PERSON_REFUSED, Event.DENIED),
        ("deny", "passcode", Reason.BAD_PASSCODE, Event.DENIED),
        ("deny", "sms", Reason.UPSTREAM_REFUSED, Event.DENIED),
        ("timeout", "push", Reason.UNANSWERED, None),
        ("locked_out", "passcode", Reason.UPSTREAM_REFUSED, Event.LOCKED),
        ("sent", "passcode", Reason.UPSTREAM_REFUSED, Event.CODE_SENT),
        ("allow", "push", Reason.UPSTREAM_REFUSED, Event.DENIED),
        ("bypass", "push", Reason.UPSTREAM_REFUSED, Event.DENIED),
        ("", "push", Reason.UPSTREAM_REFUSED, Event.DENIED),
    ],
)
def test_deny_is_a_no_whatever_its_status(
    status: str, way: str, reason: Reason, event: Event | None
) -> None:
    """`result` decides; `status` says why."""
    served = ended(State("deny", status, "No."), way=way)
    assert (served.outcome, served.event, served.text) == (Failed(reason), event, "No.")


@pytest.mark.parametrize("status", ["allow", "pushed", ""])
def test_waiting_is_no_end(status: str) -> None:
    """Of what does not wait for anybody."""
    served = ended(State("waiting", status), way="passcode")
    assert served.outcome == Failed(Reason.BAD_UPSTREAM_REPLY)


@pytest.mark.parametrize("status", ["allow", "bypass", "", "deny"])
def test_allow_lets_in(status: str) -> None:
    """By its result alone."""
    served = ended(State("allow", status), way="push")
    assert (served.outcome, served.is_waived) == (PASSED, status == "bypass")
