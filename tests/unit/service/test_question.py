"""Tests of `radiusmfa.service.question`: the test plays the shell."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.service_model import Questions
from radiusmfa.config.upstream_model import Event
from radiusmfa.login.account import Device
from radiusmfa.login.devices import Question
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason
from radiusmfa.service import question
from radiusmfa.service.dialogue import CheckHash, Done, Memory, Tools

NOW: Final = 1_800_000_000.0
DAY: Final = 86_400
ANSWERS: Final = {f"Q{at}": f"answer {at}" for at in range(5)}
TWO: Final = Questions()


def _device(serial: str, secret: bytes | None = None) -> Device:
    text = Question(f"What is {serial}?", f"hash of {ANSWERS.get(serial)}")
    return Device(1, serial, "question", text.dump() if secret is None else secret)


DEVICES: Final = tuple(_device(serial) for serial in ANSWERS)


def _asked(**changes: Any) -> AskService:  # noqa: ANN401 - fields of any type
    usual: dict[str, Any] = {
        "service": "q", "user": "alice", "number": 7, "devices": DEVICES, "can_show": True,
    }  # fmt: skip
    return AskService(**(usual | changes))


def _tools(now: float = NOW, pepper: bytes = b"pepper") -> Tools:
    return Tools(now=now, seconds=20, entropy=bytes, pepper=pepper, memory=Memory())


def _play(
    asked: AskService, settings: Questions = TWO, tools: Tools | None = None
) -> tuple[Served, list[bytes]]:
    """Return what a round ends in, and what was checked; hashes here are `hash of ANSWER`."""
    dialogue = question.ask(settings, asked, _tools() if tools is None else tools)
    checked: list[bytes] = []
    answer: object = None
    while True:
        try:
            request = dialogue.send(answer)
        except StopIteration as ended:
            served: Served = ended.value
            return served, checked
        assert isinstance(request, CheckHash)
        checked.append(request.typed)
        is_right = request.stored == f"hash of {request.typed.decode()}"
        answer = Done(is_right=is_right, now=NOW)


def _log_in(
    answers: str,
    settings: Questions = TWO,
    tools: Tools | None = None,
) -> tuple[Served, list[Served]]:
    """Answer as many questions as *answers* has letters, right (r) or wrong (w)."""
    served, _ = _play(_asked(), settings, tools)
    before = []
    for letter in answers:
        before.append(served)
        assert served.outcome == UPSTREAM_ASKS, served
        typed = ANSWERS[served.serial] if letter == "r" else "wrong"
        served, _ = _play(_asked(typed=typed.encode(), state=served.state), settings, tools)
    return served, before


# -- refused --


@pytest.mark.parametrize("answers", ["wr", "rw", "ww"])
def test_one_wrong_answer_is_the_whole_failure(answers: str) -> None:
    """Whichever it was, it is only told at the end: nobody learns which one."""
    served, before = _log_in(answers)
    assert served.outcome == Failed(Reason.BAD_PASSCODE)
    assert [one.outcome for one in before] == [UPSTREAM_ASKS, UPSTREAM_ASKS]
    assert not served.text
    shown, _ = _log_in("rr")
    assert shown.outcome == PASSED


def test_wrong_answer_is_asked_on_like_a_right_one() -> None:
    """The second question is the same one, word for word."""
    texts = []
    for answers in ("rr", "wr"):
        _, before = _log_in(answers)
        texts.append([(one.text, one.device, one.event, one.echo, one.limit) for one in before])
    assert texts[0] == texts[1]


@pytest.mark.parametrize(
    "typed",
    [b"", b" ", b"ab", b"\xff\xfe\xfd", b"a\0b c", 200 * b"a", "\u202eabc".encode()],
    ids=["empty", "blank", "short", "no-text", "zero", "long", "control"],
)
def test_what_is_no_answer_is_wrong(typed: bytes) -> None:
    """It is checked all the same, against something that no answer is: it takes as long."""
    served, before = _log_in("r")
    assert before
    last, checked = _play(_asked(typed=typed, state=served.state))
    assert checked == [b"\0"]
    assert last.outcome == Failed(Reason.BAD_PASSCODE)


@pytest.mark.parametrize("typed", [b"123456", b"answer 0", b"push", b"\xff", b"questions"])
def test_what_answers_no_question_is_a_wrong_passcode(typed: bytes) -> None:
    """Nothing was asked yet: it may be a code, which none of our tokens has made."""
    served, checked = _play(_asked(typed=typed))
    assert (served.outcome, checked) == (Failed(Reason.BAD_PASSCODE), [])


@pytest.mark.parametrize(
    "devices",
    [
        (),
        DEVICES[:1],
        (DEVICES[0], _device("Q9", b"damaged")),
        (DEVICES[0], _device("Q9", b"")),
    ],
    ids=["none", "one", "damaged", "empty"],
)
def test_fewer_questions_than_are_asked_let_nobody_in(devices: tuple[Device, ...]) -> None:
    """Less than what the administrator wants proved is nothing."""
    served, _ = _play(_asked(devices=devices))
    assert served.outcome == Failed(Reason.NO_USABLE_DEVICE)


def test_client_that_shows_nothing_is_not_asked() -> None:
    """Nobody could answer."""
    served, _ = _play(_asked(can_show=False))
    assert served.outcome == Failed(Reason.CHALLENGE_NOT_SHOWN)


def test_question_that_was_taken_away_meanwhile_ends_the_login() -> None:
    """An administrator has disabled it: another one is not asked in its place."""
    served, _ = _play(_asked())
    serials = json.loads(served.state)[1]
    for gone in serials:
        left = tuple(one for one in DEVICES if one.serial != gone)
        typed = ANSWERS[serials[0]].encode()
        last, _ = _play(_asked(typed=typed, state=served.state, devices=left))
        assert last.outcome == Failed(Reason.DIALOGUE_LOST)


@pytest.mark.parametrize(
    "state",
    [
        b"x",
        b"\xff",
        b"[]",
        b"{}",
        b'[2, ["Q0", "Q1"], 1, true, 0.0]',
        b'[1, ["Q0", "Q1"], 2, true, 0.0]',
        b'[1, ["Q0", "Q1"], -1, true, 0.0]',
        b"[1, [], 0, true, 0.0]",
        b'[1, ["Q0", "Q1"], 1, 1, 0.0]',
        b'[1, ["Q0", "Q1"], 1, true, "0"]',
        b'[1, "Q0", 0, true, 0.0]',
        b'[1, ["Q0", "Q1"], 1, true]',
        b'[1, [["Q0"], "Q1"], 0, true, 0.0]',
    ],
)
def test_state_that_cannot_be_read_ends_the_login(state: bytes) -> None:
    """Whoever wrote it, nobody gets in by it."""
    served, checked = _play(_asked(typed=b"answer 0", state=state))
    assert (served.outcome, checked) == (Failed(Reason.DIALOGUE_LOST), [])


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_any_octets_let_nobody_in(state: bytes, typed: bytes) -> None:
    """Whatever stands in the state, or is typed: an outcome, and no Passed."""
    served, _ = _play(_asked(typed=typed, state=state))
    assert served.outcome != PASSED


# -- asked and passed --


def test_all_right_answers_let_in() -> None:
    """Normalized as they were when they were hashed; the audit gets what it needs."""
    served, before = _log_in("rr")
    assert served.outcome == PASSED
    assert (served.way, served.device) == ("question", "2 questions")
    assert served.serial == before[1].serial
    first, second = before
    assert first.serial != second.serial
    assert first.text == f"What is {first.serial}? (1 of 2) "
    assert second.text == f"What is {second.serial}? (2 of 2) "
    assert first.event is Event.RESPONSE_WANTED
    assert not first.echo
    assert not second.echo


def test_answers_are_checked_in_their_normal_form() -> None:
    """Case and blanks do not count; the thread gets octets that were hashed so."""
    served, _ = _play(_asked())
    typed = f"  {ANSWERS[served.serial].upper().replace(' ', '   ')} "
    _, checked = _play(_asked(typed=typed.encode(), state=served.state))
    assert checked == [ANSWERS[served.serial].encode()]


@pytest.mark.parametrize(("ask", "device"), [(1, "1 question"), (5, "5 questions")])
def test_as_many_are_asked_as_the_file_says(ask: int, device: str) -> None:
    """Each once."""
    served, before = _log_in(ask * "r", Questions(ask=ask))
    assert (served.outcome, served.device) == (PASSED, device)
    assert len({one.serial for one in before}) == ask


@pytest.mark.parametrize("typed", [b"", b"question", b"QUESTION"])
def test_nothing_or_its_name_begins_it(typed: bytes) -> None:
    """After the password by itself; at our own prompt by its word."""
    served, _ = _play(_asked(typed=typed))
    assert served.outcome == UPSTREAM_ASKS


def test_how_long_the_person_took_is_told() -> None:
    """From the first question on, over all rounds; a clock that was set back took no time."""
    first, _ = _play(_asked(), tools=_tools(NOW))
    typed = ANSWERS[first.serial].encode()
    second, _ = _play(_asked(typed=typed, state=first.state), tools=_tools(NOW + 9))
    assert (first.person, second.person) == (None, None)
    typed = ANSWERS[second.serial].encode()
    for later, seconds in ((20.5, 20.5), (-60, 0.0)):
        last, _ = _play(_asked(typed=typed, state=second.state), tools=_tools(NOW + later))
        assert last.person == seconds


# -- which --


def _drawn(now: float = NOW, **changes: Any) -> tuple[str, ...]:  # noqa: ANN401 - fields of any type
    tools = _tools(now, changes.pop("pepper", b"pepper"))
    return question.drawn(TWO, _asked(**changes), tools)


def test_whoever_begins_anew_is_asked_the_same() -> None:
    """Nobody waits for the questions that are easy to find out, at whatever hour of the day."""
    day = NOW // DAY * DAY
    assert {_drawn(day + seconds) for seconds in (0, 1, 3600, DAY - 1)} == {_drawn(day)}
    assert _drawn(devices=DEVICES[::-1]) == _drawn()


def test_questions_are_drawn_by_chance() -> None:
    """Others on other days, for other people and in other stores; each comes in its turn."""
    days = [_drawn(NOW + day * DAY) for day in range(200)]
    assert {serial for drawn in days for serial in drawn} == set(ANSWERS)
    assert len(set(days)) == 20  # each pair, in each order
    people = {_drawn(number=number) for number in range(50)}
    stores = {_drawn(pepper=bytes([at])) for at in range(50)}
    services = {_drawn(service=str(at)) for at in range(50)}
    assert min(map(len, (people, stores, services))) > 10


# -- examined --


def test_nothing_outside_can_be_wrong() -> None:
    """Nobody is asked: `doctor` finds nothing."""
    examination = question.examine(TWO, _tools())
    with pytest.raises(StopIteration) as ended:
        next(examination)
    assert ended.value.value == ()


def test_nothing_of_an_answer_shows_itself() -> None:
    """Neither in what a round ends in, nor in what is remembered between two."""
    served, _ = _play(_asked())
    last, _ = _play(_asked(typed=b"a secret answer", state=served.state))
    for one in (served, last):
        assert b"hash of" not in one.state
        assert b"secret answer" not in one.state
        assert "What is" not in repr(one)
