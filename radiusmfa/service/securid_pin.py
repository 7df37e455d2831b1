"""A new PIN at RSA: one's own, typed twice, or one that RSA has made and shows once."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from radiusmfa.config.upstream_model import Event
from radiusmfa.outcome import Reason
from radiusmfa.service import securid_message as rsa
from radiusmfa.service import securid_texts as texts
from radiusmfa.service.securid_attempt import Awaits
from radiusmfa.service.securid_round import Round, Steps, Try

if TYPE_CHECKING:
    from radiusmfa.service.securid_attempt import Attempt
    from radiusmfa.service.securid_message import Method

_YES: Final = frozenset({"y", "yes"})
_NO: Final = frozenset({"n", "no"})


def ask(turn: Round, method: Method) -> Steps:
    """
    Ask for a new PIN.

    Args:
        turn: The round.
        method: What RSA wants: a PIN, the same again, or the PIN that it has made taken.
    """
    made = _made(turn.open)
    if method.id == rsa.SYSTEM_PIN:
        return (yield from _show(turn, method))
    if made is None or method.id != rsa.NEW_PIN:
        return (yield from wanted(turn, method))
    asked = replace(turn.open, awaits=Awaits.CHOICE)
    event, text = Event.PIN_CHOICE_WANTED, texts.CHOICE
    return (yield from turn.question(asked, method, event, text, echo=True))


def wanted(turn: Round, method: Method, before: str = "") -> Steps:
    """
    Ask for a PIN of one's own.

    Args:
        turn: The round.
        method: As it was offered, with the rules for the PIN.
        before: Why the last one was not taken.
    """
    event = Event.PIN_REJECTED if before else Event.NEW_PIN_WANTED
    asked = replace(turn.open, awaits=Awaits.PIN, pin=b"")
    return (yield from turn.question(asked, method, event, before + texts.question(method)))


def answered(turn: Round, method: Method, typed: str) -> Steps:
    """
    Take what was typed.

    Args:
        turn: The round.
        method: What the question was for.
        typed: The answer.
    """
    attempt = turn.open
    if attempt.awaits in {Awaits.CHOICE, Awaits.SHOWN}:
        return (yield from _decided(turn, method, typed.strip().lower()))
    if not typed:
        return (yield from wanted(turn, method, texts.REJECTED))
    # Typed twice whether RSA asks for that or not: a slip would lock the person out.
    told = f"securid pin|{attempt.id}|{typed}".encode()
    digest = hmac.digest(turn.tools.pepper, told, "sha256")
    if attempt.awaits is Awaits.PIN:
        asked = replace(attempt, awaits=Awaits.AGAIN, pin=digest)
        event, text = Event.PIN_CONFIRM_WANTED, texts.REENTER
        return (yield from turn.question(asked, method, event, text))
    if not hmac.compare_digest(digest, attempt.pin):
        return (yield from wanted(turn, method, texts.MISMATCH))
    turn.attempt = replace(attempt, awaits=Awaits.VALUE, pin=b"")
    return Try(method=method, value=typed)


def _decided(turn: Round, method: Method, typed: str) -> Steps:
    """Take a yes or a no."""
    made = _made(turn.open)
    if turn.open.awaits is Awaits.SHOWN:
        if typed in _NO:
            return (yield from turn.give_up(Reason.PERSON_REFUSED))
        turn.attempt = replace(turn.open, awaits=Awaits.VALUE)
        return Try(method=method, value=method.pin)
    if typed in _YES:
        return (yield from wanted(turn, method))
    if typed in _NO and made is not None:
        return (yield from _show(turn, made))
    return (yield from ask(turn, method))


def _show(turn: Round, method: Method) -> Steps:
    if not method.pin:
        trouble = "wants a PIN of its own taken, and does not say which"
        return (yield from turn.give_up(Reason.BAD_UPSTREAM_REPLY, trouble=trouble))
    asked = replace(turn.open, awaits=Awaits.SHOWN)
    text = texts.pin_shown(method)
    return (yield from turn.question(asked, method, Event.PIN_SHOWN, text, echo=True))


def _made(attempt: Attempt) -> Method | None:
    """Return the offer of a PIN that RSA has made."""
    return next((one for some in attempt.offers for one in some if one.pin), None)
