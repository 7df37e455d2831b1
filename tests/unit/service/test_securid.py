"""Whole dialogues with RSA's simulator: refusals first."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config import service_securid
from radiusmfa.config.upstream_model import Event
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Asks, Failed, Reason, Unavailable
from radiusmfa.service import kinds, securid
from radiusmfa.service import securid_attempt as attempts
from radiusmfa.service import securid_texts as texts
from radiusmfa.service.dialogue import Lost, Reply, Rung
from tests.securid import (
    CODES,
    EMERGENCY_CODE,
    KEY,
    MASKED_PHONE,
    PIN,
    SENT_CODE,
    SOFT_CODE,
    Mode,
    Mood,
)
from tests.unit.service.securid_stage import URLS, Stage

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served

NEXT_PASSCODE = PIN + CODES[1]
WRONG = PIN + "000000"
GONE = Lost(why="cannot be reached", is_unsent=True)
SILENT = Lost(why="has not answered within 10 s")
OVER = Lost(why="the login cannot wait any longer", is_over=True)
PUSH = [["APPROVE"]]
EVERYTHING = [["SECURID"], ["APPROVE"], ["SMS"], ["VOICE"], ["TOKEN"], ["EMERGENCY_TOKENCODE"]]


def _failed(served: Served) -> Reason:
    assert isinstance(served.outcome, Failed), served
    assert not served.state
    return served.outcome.reason


def _gone(served: Served) -> Reason:
    assert isinstance(served.outcome, Unavailable), served
    return served.outcome.reason


# -- one passcode --


@pytest.mark.parametrize(
    "typed", [WRONG, CODES[0], PIN, PIN + CODES[0] + "0", "0", "x" * 128, "*", "pusch"]
)
def test_wrong_passcode_is_refused(typed: str) -> None:
    """A passcode that RSA does not take lets nobody in; a client that cannot ask hears no."""
    served = Stage().ask(typed, can_show=False)

    assert _failed(served) is Reason.BAD_PASSCODE
    assert (served.way, served.event) == ("passcode", Event.DENIED)


@pytest.mark.parametrize("typed", [b"\xff", b"1234\n159759", b"1234\x00159759", b"x" * 129])
def test_what_is_no_text_is_never_sent(typed: bytes) -> None:
    """Octets that are no printable text of at most 128 characters never reach RSA."""
    stage = Stage()

    assert _failed(stage.ask(typed)) is Reason.BAD_PASSCODE
    assert stage.queries == []


def test_used_passcode_is_refused() -> None:
    """RSA takes a code once."""
    stage = Stage()
    passcode = stage.alice.passcode()
    assert stage.ask(passcode).outcome == PASSED

    assert _failed(stage.ask(passcode, can_show=False)) is Reason.BAD_PASSCODE


def test_stranger_is_refused() -> None:
    """Whom RSA does not know does not get in."""
    assert _failed(Stage().ask(PIN + CODES[0], user="mallory")) is Reason.BAD_PASSCODE
    assert _failed(Stage().ask("", user="mallory")) is Reason.UPSTREAM_REFUSED


def test_locked_person_is_refused() -> None:
    """Whom RSA has locked does not get in, and the audit says so."""
    stage = Stage(locked=True)

    served = stage.ask(stage.alice.passcode())

    assert _failed(served) is Reason.UPSTREAM_REFUSED
    assert served.event is Event.LOCKED


def test_passcode_is_accepted_in_one_exchange() -> None:
    """A right passcode lets in, with the first request."""
    stage = Stage()

    served = stage.ask(stage.alice.passcode())

    assert served.outcome == PASSED
    assert (served.way, served.device, served.person) == ("passcode", "", None)
    assert served.server == "am1.example.com:5555"
    assert stage.simulator.calls() == ["initialize"]


def test_signed_passcode_is_accepted() -> None:
    """In HMAC mode the key itself is never sent."""
    stage = Stage()
    stage.sign()

    assert stage.ask(stage.alice.passcode()).outcome == PASSED
    assert all(KEY not in repr(one.headers) for one in stage.simulator.asked)


def test_signature_with_another_key_is_refused() -> None:
    """A wrong key is a fault of the settings, not of the person."""
    stage = Stage()
    stage.sign()
    stage.settings = replace(stage.settings, access_id="other")

    assert _failed(stage.ask(stage.alice.passcode())) is Reason.UPSTREAM_MISCONFIGURED


def test_alias_is_what_rsa_is_asked_about() -> None:
    """Somebody may be called otherwise at RSA."""
    stage = Stage()
    served = stage.ask(stage.alice.passcode(), user="alice@corp.example", alias="alice")
    assert served.outcome == PASSED


# -- next tokencode --


@pytest.mark.parametrize("typed", [CODES[0], PIN + CODES[1], "000000"])
def test_wrong_next_tokencode_is_refused(typed: str) -> None:
    """The same code again, one with the PIN, any other: three times, then it is over."""
    stage = Stage(mode=Mode.NEXT)

    served = stage.talk(stage.alice.passcode(), typed, typed, typed)

    assert _failed(served) is Reason.BAD_PASSCODE
    assert stage.simulator.calls()[-1] == "cancel"


def test_next_tokencode_is_not_asked_where_it_cannot_be_shown() -> None:
    """A client without challenges cannot ask; the attempt is ended."""
    stage = Stage(mode=Mode.NEXT)

    served = stage.ask(stage.alice.passcode(), can_show=False)

    assert _failed(served) is Reason.CHALLENGE_NOT_SHOWN
    assert stage.simulator.calls() == ["initialize", "cancel"]


def test_next_tokencode_is_accepted() -> None:
    """The code after the passcode, without the PIN."""
    stage = Stage(mode=Mode.NEXT)
    asks = stage.ask(stage.alice.passcode())
    assert (asks.outcome, asks.event) == (UPSTREAM_ASKS, Event.NEXT_CODE_WANTED)
    assert asks.text == "Enter next token code: "
    assert (asks.echo, asks.limit) == (False, 180)

    assert stage.ask(CODES[1], asks.state).outcome == PASSED


def test_wrong_value_may_be_corrected() -> None:
    """A slip does not end an attempt."""
    stage = Stage(mode=Mode.NEXT)
    asks = stage.talk(stage.alice.passcode(), "000000")
    assert asks.text == "Not accepted. Enter next token code: "

    assert stage.ask(CODES[1], asks.state).outcome == PASSED


def test_empty_answer_is_refused() -> None:
    """Enter alone is no code, and never sent: to RSA it could be a wish to be called."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state

    assert _failed(stage.ask("", state)) is Reason.BAD_PASSCODE
    assert stage.simulator.calls() == ["initialize", "cancel"]


def test_late_answer_is_refused() -> None:
    """An attempt lives three minutes; afterwards nothing is sent."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state
    stage.advance(181)

    assert _failed(stage.ask(CODES[1], state)) is Reason.UNANSWERED
    assert stage.simulator.calls() == ["initialize"]


def test_answer_that_was_given_is_not_taken_again() -> None:
    """The chain of messages shows RSA that an answer comes twice."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state
    stage.ask("000000", state)

    assert _failed(stage.ask(CODES[1], state)) is Reason.BAD_PASSCODE


@pytest.mark.parametrize("state", [b"x", b"[]", b"{}", b"[1]", b"\xff", b"[" * 100_000])
def test_state_that_is_not_ours_is_lost(state: bytes) -> None:
    """What no round has left to remember ends the login."""
    stage = Stage()
    assert _failed(stage.ask(stage.alice.passcode(), state)) is Reason.DIALOGUE_LOST
    assert stage.queries == []


def test_state_that_waits_for_nobody_is_lost() -> None:
    """What a push leaves for the login that watches it answers no question."""
    stage = Stage(mode=Mode.NEXT)
    attempt = attempts.load(stage.ask(stage.alice.passcode()).state)
    state = attempts.dump(replace(attempt, awaits=attempts.Awaits.NOTHING))
    assert _failed(stage.ask(CODES[1], state)) is Reason.DIALOGUE_LOST


# -- which method --


def test_nothing_that_can_be_done_is_refused() -> None:
    """What needs a browser, or a value for a fingerprint, cannot be done over RADIUS."""
    stage = Stage(offers=[["QRCODE"], ["FIDO_TOKEN"], ["APPROVE", "QRCODE"]])

    assert _failed(stage.ask("")) is Reason.NO_USABLE_DEVICE
    assert stage.simulator.calls() == ["initialize", "cancel"]


def test_person_without_anything_is_not_enrolled() -> None:
    """All that the policy lists, the person has not."""
    stage = Stage(offers=[["APPROVE"], ["SMS"]], absent={"APPROVE", "SMS"})
    assert _failed(stage.ask("")) is Reason.NOT_ENROLLED


@pytest.mark.parametrize("word", ["push", "SMS", "phone"])
def test_word_for_what_the_person_has_not_is_refused(word: str) -> None:
    """Nobody is called instead in another way."""
    stage = Stage(offers=EVERYTHING, absent={"APPROVE", "SMS", "VOICE"})
    assert _failed(stage.ask(word)) is Reason.NO_USABLE_DEVICE
    assert stage.rings == []


@pytest.mark.parametrize("word", ["push2", "sms0", "Phone12"])
def test_second_device_is_there_nowhere(word: str) -> None:
    """RSA knows one of each kind; the word is never tried as a passcode."""
    stage = Stage(offers=EVERYTHING)

    assert _failed(stage.ask(word)) is Reason.NO_USABLE_DEVICE
    assert stage.queries == []
    assert stage.ask("sms1").event is Event.CODE_SENT


def test_method_that_is_not_wanted_is_not_used() -> None:
    """`methods` says which count: no code where only a push does."""
    stage = Stage(offers=EVERYTHING)
    stage.configure(methods=("APPROVE",))

    assert _failed(stage.ask(stage.alice.passcode())) is Reason.NO_USABLE_DEVICE
    assert _failed(stage.ask("sms")) is Reason.NO_USABLE_DEVICE


@pytest.mark.parametrize(
    ("method", "code"), [("TOKEN", SOFT_CODE), ("EMERGENCY_TOKENCODE", EMERGENCY_CODE)]
)
def test_other_codes_are_accepted(method: str, code: str) -> None:
    """The app's code, and the help desk's: RSA says first which it takes."""
    stage = Stage(offers=[[method]])
    stage.configure(policy="Low")
    stage.simulator.policies["Low"] = "ask"

    assert stage.ask(code).outcome == PASSED
    assert stage.simulator.calls() == ["initialize", "verify"]
    assert _failed(stage.ask("000000", can_show=False)) is Reason.BAD_PASSCODE


def test_preferred_method_is_asked_for() -> None:
    """The first of `methods` that is offered, and what else could be typed."""
    stage = Stage(offers=EVERYTHING)
    stage.configure(methods=("TOKEN", "SMS", "APPROVE"))

    asks = stage.ask("")

    assert (asks.event, asks.text) == (
        Event.CODE_WANTED,
        "Enter the tokencode of the Authenticate app, or type push or sms: ",
    )
    assert stage.ask(SOFT_CODE, asks.state).outcome == PASSED


def test_both_methods_are_needed() -> None:
    """Where RSA wants two, one of them lets nobody in."""
    stage = Stage(offers=[["SECURID", "SMS"]])

    asks = stage.ask(stage.alice.passcode())
    assert asks.event is Event.CODE_SENT
    assert _failed(stage.talk_on(asks.state, "0", "0", "0")) is Reason.BAD_PASSCODE

    asks = stage.ask(stage.alice.passcode())
    assert stage.ask(SENT_CODE, asks.state).outcome == PASSED


def test_policy_that_wants_nothing_is_rsas_to_make() -> None:
    """A policy of the cloud may let in without a question; without a policy nothing does."""
    stage = Stage()
    stage.configure(policy="Trusted")
    stage.simulator.policies["Trusted"] = "allow"
    served = stage.ask("")
    assert (served.outcome, served.way, served.is_waived) == (PASSED, "policy", True)

    stage.configure()
    stage.spoil = lambda reply: replace(
        reply, octets=reply.octets.replace(b'"CHALLENGE"', b'"SUCCESS"')
    )
    assert _failed(stage.ask("")) is Reason.BAD_UPSTREAM_REPLY


def test_value_without_a_verdict_is_refused() -> None:
    """A question more, and no word of the value before: nobody knows what that means."""
    stage = Stage(mode=Mode.NEXT)
    state = stage.ask(stage.alice.passcode()).state

    def silence(reply: Reply) -> Reply:
        body: dict[str, Any] = json.loads(reply.octets)
        body["credentialValidationResults"] = []
        return replace(reply, octets=json.dumps(body).encode())

    stage.spoil = silence
    assert _failed(stage.ask("000000", state)) is Reason.BAD_UPSTREAM_REPLY


def test_passcode_that_was_not_looked_at_is_tried_again() -> None:
    """A server that takes nothing with the first request is told in the second."""
    stage = Stage()
    stage.simulator.tries_at_once = False

    assert stage.ask(stage.alice.passcode()).outcome == PASSED
    assert stage.simulator.calls() == ["initialize", "verify"]
    assert _failed(stage.ask(WRONG, can_show=False)) is Reason.BAD_PASSCODE


# -- sms and phone --


@pytest.mark.parametrize(("word", "way"), [("sms", "sms"), ("phone", "voice")])
def test_code_is_sent_and_accepted(word: str, way: str) -> None:
    """Typed instead of a code; the audit knows the way and the end of the number."""
    stage = Stage(offers=EVERYTHING)
    asks = stage.ask(word)
    assert (asks.event, asks.way, asks.device) == (Event.CODE_SENT, way, MASKED_PHONE)
    (wanted,) = stage.rings
    assert (wanted.way, wanted.device, wanted.is_open) == (way, MASKED_PHONE, False)
    assert "2345" not in f"{asks} {wanted}"

    stage.advance(8)
    wrong = stage.ask("00000000", asks.state)
    stage.advance(4)
    served = stage.ask(SENT_CODE, wrong.state)
    assert (served.outcome, served.way, served.device) == (PASSED, way, MASKED_PHONE)
    assert (asks.person, wrong.person, served.person) == (None, 8.0, 12.0)


def test_nobody_is_called_against_the_limits() -> None:
    """What the guard of calls refuses is not sent, and the attempt is ended."""
    stage = Stage(offers=EVERYTHING)
    stage.rung = Rung(refused=Reason.CALL_LIMIT)

    for word in ("sms", "push"):
        assert _failed(stage.ask(word)) is Reason.CALL_LIMIT
    assert stage.simulator.sent == []
    assert stage.simulator.calls() == ["initialize", "cancel"] * 2


def test_code_is_not_sent_where_nobody_can_type_it() -> None:
    """A client that cannot ask has no use for a message."""
    stage = Stage(offers=EVERYTHING)
    assert _failed(stage.ask("sms", can_show=False)) is Reason.CHALLENGE_NOT_SHOWN
    assert stage.rings == []


def test_sent_code_is_good_for_three_minutes() -> None:
    """Whoever types it later hears that it is too old."""
    stage = Stage(offers=EVERYTHING)
    state = stage.ask("sms").state
    stage.advance(181)
    assert _failed(stage.ask(SENT_CODE, state)) is Reason.CODE_EXPIRED


@pytest.mark.parametrize("answer", ["SUCCESS", "ERROR", "FAIL"])
def test_sending_lets_nobody_in(answer: str) -> None:
    """A success for an empty value is none."""
    stage = Stage(offers=EVERYTHING)
    state = stage.ask("").state
    stage.spoil = lambda reply: replace(
        reply, octets=reply.octets.replace(b'"CHALLENGE"', f'"{answer}"'.encode())
    )
    assert isinstance(stage.ask("sms", state).outcome, Failed)


def test_another_way_is_chosen_within_the_attempt() -> None:
    """A word at the prompt for a code: no new attempt."""
    stage = Stage(offers=EVERYTHING)

    assert stage.talk("", "sms", "push").outcome == PASSED
    assert stage.simulator.calls().count("initialize") == 1


# -- the registry --


def test_kinds_know_the_dialogue() -> None:
    """The shell finds dialogue and examination by the settings."""
    settings = Stage().settings
    assert kinds.DIALOGUES[type(settings)] is securid.ask
    assert kinds.EXAMINATIONS[type(settings)] is securid.examine
    assert kinds.servers(settings) == URLS[:1]


def test_methods_of_the_configuration_are_those_of_the_dialogue() -> None:
    """What can be written is what can be done."""
    assert set(service_securid.METHODS) == set(texts.METHODS)


def test_examination_of_servers_that_are_well_finds_nothing() -> None:
    """Nobody is called for it."""
    stage = Stage()
    stage.configure(urls=URLS)
    assert stage.examine() == ()
    assert [query.server for query in stage.queries] == [0, 1]


def test_examination_says_what_is_wrong() -> None:
    """A line for each server that is not well; nothing secret in it."""
    stage = Stage()
    stage.configure(urls=URLS)
    stage.simulator.status = 401
    stage.lost[1] = GONE
    first, second = stage.examine()
    assert first == "am1.example.com:5555 does not take our access key"
    assert second == "am2.example.com:5555 cannot be reached"

    stage.lost = {1: OVER}
    stage.simulator.status = 0
    stage.simulator.person("radiusmfa-probe")
    stage.simulator.mood = Mood.ERROR
    first, second = stage.examine()
    assert "says ERROR" in first
    assert second
    stage.simulator.mood = Mood.WELL
    assert len(stage.examine()) == 1
    assert stage.simulator.calls()[-1] == "cancel"


def test_nothing_secret_is_shown() -> None:
    """Neither keys nor what was typed stand in what a log could print."""
    stage = Stage(mode=Mode.NEXT)
    passcode = stage.alice.passcode()
    asks = stage.ask(passcode)

    printed = repr([*stage.queries, asks, stage.settings])
    assert passcode not in printed
    assert KEY not in printed
    assert isinstance(asks.outcome, Asks)
