"""New PINs at RSA: what goes wrong first, then one's own and RSA's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.dialogues import prompt_texts
from radiusmfa.config.upstream_model import Event, Prompts
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason
from radiusmfa.service import securid_attempt as attempts
from radiusmfa.upstream.dialogue import shown
from tests.securid import CODES, MADE_PIN, PIN, Mode
from tests.unit.service.securid_stage import Stage

if TYPE_CHECKING:
    from radiusmfa.login.errands import Served
    from radiusmfa.service.dialogue import Reply


def _failed(served: Served) -> Reason:
    assert isinstance(served.outcome, Failed), served
    assert not served.state
    return served.outcome.reason


def test_wrong_confirmation_sets_no_pin() -> None:
    """A slip in a new PIN is noticed here, before RSA hears of the PIN."""
    stage = Stage(mode=Mode.NEW_PIN, pin="")

    asks = stage.talk(CODES[0], "5678", "5679")

    assert (asks.event, asks.outcome) == (Event.PIN_REJECTED, UPSTREAM_ASKS)
    assert asks.text == "PINs do not match. Enter a new PIN (4 to 8 digits): "
    assert stage.alice.pin == ""


@pytest.mark.parametrize("pin", ["123", "123456789", "abcd"])
def test_pin_that_breaks_the_rules_is_asked_for_again(pin: str) -> None:
    """RSA's no is passed on, with the rules."""
    stage = Stage(mode=Mode.NEW_PIN, pin="")

    asks = stage.talk(CODES[0], pin, pin)

    assert asks.event is Event.PIN_REJECTED
    assert asks.text == "PIN rejected. Enter a new PIN (4 to 8 digits): "
    assert stage.ask("", asks.state).event is Event.PIN_REJECTED


@pytest.mark.parametrize("typed", ["5678" + CODES[0], "1234" + CODES[1], CODES[1], "5678"])
def test_new_pin_is_not_all(typed: str) -> None:
    """After the PIN was set the person logs in with it and the next code, not with another."""
    stage = Stage(mode=Mode.NEW_PIN, pin="")

    served = stage.talk(CODES[0], "5678", "5678", typed, typed, typed)

    assert _failed(served) is Reason.BAD_PASSCODE
    assert stage.alice.pin == "5678"


@pytest.mark.parametrize("confirms", [False, True])
def test_new_pin_is_set(confirms: bool) -> None:  # noqa: FBT001 - a table
    """The person types it twice, whether RSA asks for that itself or not."""
    stage = Stage(mode=Mode.NEW_PIN, pin="", confirms=confirms)
    asks = stage.ask(CODES[0])
    assert (asks.event, asks.text) == (
        Event.NEW_PIN_WANTED,
        "Enter a new PIN (4 to 8 digits): ",
    )
    asks = stage.ask("5678", asks.state)
    assert (asks.event, asks.text) == (Event.PIN_CONFIRM_WANTED, "Please re-enter new PIN: ")
    assert b"5678" not in asks.state
    assert not asks.echo
    asks = stage.ask("5678", asks.state)
    assert asks.event is Event.PIN_ACCEPTED
    assert asks.text.startswith("PIN accepted. Wait for the token code to change")

    assert stage.ask("5678" + CODES[1], asks.state).outcome == PASSED
    assert stage.alice.pin == "5678"


@pytest.mark.parametrize("word", ["n", "no", "N"])
def test_pin_of_rsa_may_be_refused(word: str) -> None:
    """Who does not want the PIN that RSA has made gets none, and not in."""
    stage = Stage(mode=Mode.SYSTEM_PIN, pin="")

    assert _failed(stage.talk(CODES[0], word)) is Reason.PERSON_REFUSED
    assert stage.simulator.calls()[-1] == "cancel"


def test_pin_of_rsa_is_shown_once() -> None:
    """It is shown, may be seen on the screen, stands in no later text, and no repr."""
    stage = Stage(mode=Mode.SYSTEM_PIN, pin="")
    asks = stage.ask(CODES[0])
    assert (asks.event, asks.echo) == (Event.PIN_SHOWN, True)
    assert asks.text == f"Your new PIN is: {MADE_PIN}  Do you accept this [y/n]? "
    assert MADE_PIN not in repr(asks)
    assert MADE_PIN not in repr(attempts.load(asks.state))
    asks = stage.ask("y", asks.state)
    assert asks.event is Event.PIN_ACCEPTED
    assert MADE_PIN not in asks.text

    assert stage.ask(MADE_PIN + CODES[1], asks.state).outcome == PASSED


def test_pin_that_nobody_can_see_is_refused() -> None:
    """A PIN of RSA's making that the answer does not hold cannot be taken."""
    stage = Stage(mode=Mode.SYSTEM_PIN, pin="")

    def hide(reply: Reply) -> Reply:
        return replace(reply, octets=reply.octets.replace(f'["{MADE_PIN}"]'.encode(), b"[]"))

    stage.spoil = hide
    assert _failed(stage.ask(CODES[0])) is Reason.BAD_UPSTREAM_REPLY


def test_person_may_choose_whose_pin() -> None:
    """RSA offers both: y is a PIN of one's own, as in the event, n shows RSA's."""
    stage = Stage(mode=Mode.CHOICE, pin="")
    asks = stage.ask(CODES[0])
    assert (asks.event, asks.echo) == (Event.PIN_CHOICE_WANTED, True)
    again = stage.ask("?", asks.state)
    assert again.event is Event.PIN_CHOICE_WANTED

    assert stage.ask("y", again.state).event is Event.NEW_PIN_WANTED
    assert MADE_PIN in stage.ask("n", again.state).text


@pytest.mark.parametrize(
    ("mode", "typed", "text"),
    [
        (Mode.NEXT, (PIN + CODES[0],), "Enter Next PASSCODE"),
        (Mode.CHOICE, (CODES[0],), "Do you want to enter your own pin [y/n]"),
        (Mode.NEW_PIN, (CODES[0],), "Enter your new Alpha-Numerical PIN"),
        (Mode.NEW_PIN, (CODES[0], "5678"), "Reenter PIN:"),
        (Mode.SYSTEM_PIN, (CODES[0],), "Please remember your new PIN. "),
        (Mode.NEW_PIN, (CODES[0], "5678", "5678"), "new PIN with the next card code"),
    ],
)
def test_asa_gets_the_texts_that_it_knows(mode: Mode, typed: tuple[str, ...], text: str) -> None:
    """With `prompts: asa-sdi` each question is one that a Cisco ASA recognizes, as from RADIUS."""
    stage = Stage(mode=mode, pin=PIN if mode is Mode.NEXT else "")
    asks = stage.talk(*typed)

    assert asks.event is not None
    assert text in shown(asks.event, asks.text, prompt_texts(Prompts.ASA_SDI))
