"""One approval's questions: who asks together asks once, what is kept, and how they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.logger import capturedLogs

from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.server import desk
from tests.fakes import START, FakeClock
from tests.servicenow import HOUR, PASSWORD, Mood, Running, at
from tests.unit.server.approval_office import ApprovalOffice

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.loop import Loop

UNAVAILABLE = Reason.APPROVAL_UNAVAILABLE


@pytest.fixture
def running() -> Iterator[Running]:
    """Return a simulator without TLS."""
    with Running(None) as made:
        yield made


@pytest.fixture
def office(loop: Loop, running: Running) -> Iterator[ApprovalOffice]:
    """Return a simulator with Alice, and who asks it."""
    made = ApprovalOffice(loop, running)
    yield made
    made.approvals.close()


@pytest.mark.parametrize(
    "mood",
    [
        Mood.HTML,
        Mood.TRUNCATED,
        Mood.SHORT,
        Mood.CUT_OFF,
        Mood.LARGE,
        Mood.BOMB,
        Mood.GARBLED,
        Mood.ELSEWHERE,
    ],
)
def test_service_that_does_not_answer_well_lets_nobody_in(
    office: ApprovalOffice, mood: Mood
) -> None:
    """Whatever is wrong with an answer, the approval is unavailable; the next login asks again."""
    office.simulator.mood = mood
    assert office.reason() is UNAVAILABLE

    office.simulator.mood = Mood.WELL
    assert office.reason() is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_service_that_refuses_lets_nobody_in(office: ApprovalOffice, status: int) -> None:
    """An error of HTTP is never a yes, and never a no that would be kept."""
    office.simulator.status = status
    assert office.reason() is UNAVAILABLE

    office.simulator.status = 0
    assert office.reason() is None


@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.DRIP])
def test_service_that_is_too_slow_lets_nobody_in(loop: Loop, running: Running, mood: Mood) -> None:
    """After `timeout` seconds, for all that a question takes, nobody waits any longer."""
    office = ApprovalOffice(loop, running, timeout=1)
    running.simulator.mood = mood

    assert office.reason() is UNAVAILABLE
    running.simulator.released.set()
    loop.until(lambda: not running.simulator.open)


def test_question_that_breaks_lets_nobody_in(loop: Loop, running: Running) -> None:
    """A fault of ours is logged by its kind, without its text, and lets nobody in."""
    office = ApprovalOffice(loop, running)
    office.clock = FakeClock(wall=1e30)
    office.approvals._clock = office.clock
    office.approvals.configure([office.source(timeout=3)])

    with capturedLogs() as events:
        assert office.reason() is UNAVAILABLE

    assert any("a question broke" in str(event["log_format"]) for event in events)


def test_deadline_that_has_passed_is_not_asked(office: ApprovalOffice) -> None:
    """A login without time left is told at once."""
    office.ask("alice", patience=0)

    assert [found.reason for _, found in office.told] == [UNAVAILABLE]
    assert office.simulator.asked == []


def test_login_with_less_time_is_told_sooner(office: ApprovalOffice) -> None:
    """Who cannot wait as long as the question takes is told in time; who can, still waits."""
    office.simulator.mood = Mood.SILENT
    (patient,) = office.ask("alice")
    (hurried,) = office.ask("alice", patience=0.1)

    office.wait(hurried)
    assert [(of, found.reason) for of, found in office.told] == [(hurried, UNAVAILABLE)]
    assert len(office.simulator.asked) == 1

    office.approvals.close()
    assert office.told[1][0] is patient


def test_question_that_nobody_waits_for_tells_nobody(office: ApprovalOffice) -> None:
    """Who was told in time is not told again when the question ends."""
    office.simulator.mood = Mood.SILENT
    (hurried,) = office.ask("alice", patience=0.1)
    office.wait(hurried)

    office.approvals.close()

    assert len(office.told) == 1


def test_answer_in_time_stops_the_timer(office: ApprovalOffice) -> None:
    """Who had less time than the question takes at most, and got an answer, is told once."""
    (hurried,) = office.ask("alice", patience=2)
    office.wait(hurried)

    assert [found.reason for _, found in office.told] == [None]
    assert [call for call in office.loop.reactor.getDelayedCalls() if "_late" in str(call)] == []


def test_many_at_once_ask_once(office: ApprovalOffice) -> None:
    """A hundred logins of one person are one exchange, answered in one turn."""
    asking = office.ask(*["alice"] * 100)
    asking += office.ask(*["alice"] * 100)
    office.wait(*asking)

    assert {found.reason for _, found in office.told} == {None}
    assert office.simulator.paths() == ["sys_user", "change_request"]
    assert office.batches == [200]


def test_each_person_is_asked_about(office: ApprovalOffice) -> None:
    """What is true of Alice is not true of Bob."""
    asking = office.ask("alice", "bob")
    office.wait(*asking)

    told = {id(of): found.reason for of, found in office.told}
    assert [told[id(one)] for one in asking] == [None, Reason.NOT_APPROVED]


def test_seconds_are_those_that_were_waited(office: ApprovalOffice) -> None:
    """The audit gets the time that each login waited; for a kept answer none."""
    (first,) = office.ask("alice")
    office.clock.advance(1.5)
    (second,) = office.ask("alice")
    office.wait(first, second)
    office.ask("alice")

    assert [found.seconds for _, found in office.told] == [1.5, 0.0, 0.0]


def test_yes_is_kept_for_a_while(office: ApprovalOffice) -> None:
    """A yes is given again without asking, for `cache` seconds."""
    office.reason()
    office.record["approval"] = "cancelled"
    office.clock.advance(29.9)

    assert office.reason() is None
    assert len(office.simulator.asked) == 2
    office.clock.advance(0.2)
    assert office.reason() is Reason.APPROVAL_REJECTED


def test_yes_is_kept_no_longer_than_it_holds(office: ApprovalOffice) -> None:
    """A yes ends with its window, however long it would be kept."""
    office.record["end_date"] = at(START + 5)
    assert office.reason() is None

    office.clock.advance(5.5)

    assert office.reason() is Reason.APPROVAL_EXPIRED


def test_yes_that_ends_while_it_is_asked_for_is_none(office: ApprovalOffice) -> None:
    """An approval whose window closes before the answer arrives has ended."""
    office.record["end_date"] = at(START + 5)
    (one,) = office.ask("alice")
    office.clock.advance(5.5)
    office.wait(one)

    assert [(found.reason, found.until) for _, found in office.told] == [
        (Reason.APPROVAL_EXPIRED, None)
    ]


def test_no_is_kept_for_ten_seconds(office: ApprovalOffice) -> None:
    """A no is kept for less: somebody may be approving just now."""
    office.record["approval"] = "requested"
    assert office.reason() is Reason.APPROVAL_PENDING
    office.record["approval"] = "approved"
    office.clock.advance(9.9)
    assert office.reason() is Reason.APPROVAL_PENDING
    office.clock.advance(0.2)
    assert office.reason() is None


def test_nothing_is_kept_without_a_cache(loop: Loop, running: Running) -> None:
    """With `cache: 0` every login asks."""
    office = ApprovalOffice(loop, running, cache=0)
    office.reason()
    office.record["approval"] = "cancelled"

    assert office.reason() is Reason.APPROVAL_REJECTED
    assert office.reason("bob") is Reason.NOT_APPROVED


def test_what_is_kept_is_bounded(office: ApprovalOffice) -> None:
    """Ten thousand answers are kept, and then all are forgotten."""
    office.reason()
    asked = len(office.simulator.asked)
    # Names that are never asked about: each is answered at once, with a no.
    for at_once in range(desk.MOST_KEPT - 1):
        office.ask(f"{at_once}^")
    office.reason()
    assert len(office.simulator.asked) == asked

    office.ask("one more^")
    office.reason()

    assert len(office.simulator.asked) > asked


def test_sixteen_are_asked_at_the_same_time(office: ApprovalOffice) -> None:
    """More than sixteen people wait for their turn, and get it."""
    office.simulator.mood = Mood.SILENT
    office.ask(*[f"user{number}" for number in range(desk.AT_ONCE + 5)])
    office.loop.until(lambda: len(office.simulator.asked) == desk.AT_ONCE)
    for _ in range(10):
        office.loop.reactor.iterate(0.01)

    assert len(office.simulator.asked) == desk.AT_ONCE
    assert office.told == []


def test_too_many_questions_are_not_asked(office: ApprovalOffice) -> None:
    """Beyond a thousand people who wait, one more is told at once that nobody can be asked."""
    office.simulator.mood = Mood.SILENT
    many = [f"user{number}" for number in range(desk.MOST_QUESTIONS)]
    office.ask(*many[: desk.MOST_OF_ONE])
    office.ask(*many[desk.MOST_OF_ONE :], client="switch")
    assert office.told == []

    (late,) = office.ask("alice", client="wifi")
    assert [of for of, _ in office.told] == [late]
    office.ask("user5")
    assert len(office.told) == 1


def test_one_client_leaves_room_for_the_others(
    office: ApprovalOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One client gets a part of the room, and has it back when its questions end."""
    monkeypatch.setattr(desk, "MOST_OF_ONE", 2)
    early = office.ask("user1", "user2")
    (late,) = office.ask("alice")
    (other,) = office.ask("bob", client="switch")
    assert [of for of, _ in office.told] == [late]

    office.wait(*early, other)
    office.told.clear()
    assert office.reason() is None


def test_outage_is_one_line(office: ApprovalOffice) -> None:
    """The log says when a service cannot be asked and when it can again, not at each login."""
    with capturedLogs() as events:
        office.simulator.status = 500
        office.reason()
        office.reason()
        office.simulator.status = 0
        office.reason()
        office.reason("bob")

    lines = [event["log_format"].format(**event) for event in events if "name" in event]
    assert lines == [
        "approval change cannot be asked: has a fault, or sleeps (500)",
        "approval change can be asked again",
    ]


@pytest.mark.parametrize("mood", [Mood.HTML, Mood.SILENT])
def test_log_tells_why(loop: Loop, running: Running, mood: Mood) -> None:
    """What was wrong is in the log, in words."""
    office = ApprovalOffice(loop, running, timeout=1)
    running.simulator.mood = mood
    with capturedLogs() as events:
        office.reason()

    (line,) = [event["why"] for event in events if "why" in event]
    assert line in {"what it answers are no records", "has not answered within 1 s"}


def test_password_is_in_no_log(loop: Loop, running: Running) -> None:
    """Neither password nor header is in the log, whatever fails."""
    with capturedLogs() as events:
        office = ApprovalOffice(loop, running)
        for status in (401, 500):
            running.simulator.status = status
            office.reason()
        office = ApprovalOffice(loop, running, password=Secret(b"another " + PASSWORD.encode()))
        running.simulator.hangs_up = 9
        office.reason()

    told = repr(events)
    assert PASSWORD not in told
    assert "Basic " not in told


def test_closing_tells_who_waits(office: ApprovalOffice) -> None:
    """At the end everybody who waits is told, and the log does not complain."""
    office.simulator.mood = Mood.SILENT
    asking = office.ask("alice", "bob")
    office.loop.until(lambda: len(office.simulator.asked) == 2)
    with capturedLogs() as events:
        office.approvals.close()

    assert [(of, found.reason) for of, found in office.told] == [
        (one, UNAVAILABLE) for one in reversed(asking)
    ]
    assert [event for event in events if "why" in event] == []


def test_turn_that_breaks_is_logged(office: ApprovalOffice) -> None:
    """Whoever takes the answers may fail: the next question is asked all the same."""
    answered = office.approvals.answered

    def broken(_: object) -> None:
        raise ZeroDivisionError

    office.approvals.answered = broken
    with capturedLogs() as events:
        office.ask("alice")
        office.loop.until(lambda: any("log_failure" in event for event in events))
    office.approvals.answered = answered

    assert office.answer("bob").reason is Reason.NOT_APPROVED
    assert office.answer().until == START + HOUR
