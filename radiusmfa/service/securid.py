"""
RSA's SecurID Authentication API: passcodes, next tokencodes, new PINs, pushes, codes by telephone.

Only an attempt that RSA calls a SUCCESS lets anybody in. Each answer says what can come next;
what we do not know, or cannot do over RADIUS, is not chosen.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, assert_never

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.outcome import Failed, Reason
from radiusmfa.service import securid_attempt as attempts
from radiusmfa.service import securid_calling as calling
from radiusmfa.service import securid_message as rsa
from radiusmfa.service import securid_pin as pin
from radiusmfa.service import securid_texts as texts
from radiusmfa.service.securid_attempt import Attempt, Awaits
from radiusmfa.service.securid_calls import Calls
from radiusmfa.service.securid_choice import pick
from radiusmfa.service.securid_round import LOST, Begin, Choose, Round, Steps, Try

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.config.service_model import SecurId
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.dialogue import Dialogue, Request, Tools
    from radiusmfa.service.securid_message import Answer, Method
    from radiusmfa.service.securid_round import Step

    Examination: TypeAlias = Generator[Request, Any, tuple[str, ...]]

PROBE: Final = "radiusmfa-probe"
"""Whom `doctor` asks about: nobody has that name."""
MOST_WRONG: Final = 3
"""Wrong values in one attempt, after which the login ends, and counts as one wrong try."""
_SECURID: Final = rsa.Method(id=rsa.SECURID)
_OWN_PINS: Final = frozenset({rsa.NEW_PIN, rsa.NEW_PIN_CONFIRM})
_NUMBERED: Final = re.compile(f"({'|'.join(texts.WORDS)})([0-9]{{1,3}})", re.ASCII)
_LONGEST_TYPED: Final = 128


def ask(settings: SecurId, asked: AskService, tools: Tools) -> Dialogue:
    """
    Have RSA check somebody's second factor, or go on where the last round ended.

    Args:
        settings: From the configuration.
        asked: About whom, what was typed, and where the last round ended.
        tools: Of the shell.
    """
    try:
        attempt = attempts.load(asked.state) if asked.state else None
    except attempts.StateError:
        return Served(outcome=LOST)
    turn, typed = Round(settings, asked, tools, attempt), _text(asked.typed)
    if typed is None:
        return _ended((yield from turn.give_up(Reason.BAD_PASSCODE)))
    if (named := _NUMBERED.fullmatch(typed.strip().lower())) is not None and int(named[2]) != 1:
        # RSA knows one device of each kind: it is no passcode, and must not count as one.
        return _ended((yield from turn.give_up(Reason.NO_USABLE_DEVICE)))
    step: Step = Begin()
    if attempt is not None:
        step = yield from _answered(turn, typed)
    while not isinstance(step, Served):
        match step:
            case Begin():
                step = yield from _begin(turn, typed)
            case Try():
                step = yield from _try(turn, step)
            case Choose():
                step = yield from _choose(turn, step)
            case _:
                assert_never(step)
    return step


def examine(settings: SecurId, tools: Tools) -> Examination:
    """
    Return what is wrong with the servers, a line each; nothing: all is well.

    Args:
        settings: From the configuration.
        tools: Of the shell.
    """
    calls, wrong = Calls(settings, tools), []
    for server in range(len(settings.urls)):
        trouble = yield from calls.examine(server, PROBE)
        wrong.append(trouble)
    return tuple(line for line in wrong if line)


def _begin(turn: Round, typed: str) -> Steps:
    """Open an attempt, and try what was typed with it where it can only be SECURID's."""
    word = _word(typed)
    passcode = "" if word else typed
    turn.way = texts.PASSCODE if passcode else ""
    at_once = passcode if _can_only_be_securid(turn.settings) else ""
    begun = yield from turn.calls.initialize(turn.subject, at_once)
    if isinstance(begun, Served):
        return turn.completed(begun)
    answer = begun.answer
    turn.attempt = Attempt(
        url=begun.url,
        id=answer.attempt,
        message=answer.message,
        ends=turn.tools.now + rsa.ATTEMPT_SECONDS,
        offers=answer.offers,
    )
    if begun.is_tried and (answer.code != rsa.CHALLENGE or answer.result(rsa.SECURID)):
        return (yield from _judge(turn, answer, Try(method=_SECURID, value=passcode)))
    if answer.code == rsa.SUCCESS and turn.settings.policy:
        turn.way = "policy"  # the cloud's policy wants nothing of this person
        return replace(turn.passed(), is_waived=True)
    if answer.code != rsa.CHALLENGE:
        return turn.refused(answer)
    return Choose(word=word, passcode=passcode)


def _answered(turn: Round, typed: str) -> Steps:  # noqa: PLR0911 - one return an end
    """Take the answer to the last round's question."""
    attempt, method = turn.open, turn.open.chosen
    if method is None or attempt.awaits is Awaits.NOTHING:
        return turn.served(LOST)
    if turn.calls.now >= attempt.ends:
        is_sent = method.id in texts.SENT
        return turn.served(Failed(Reason.CODE_EXPIRED if is_sent else Reason.UNANSWERED))
    if attempt.awaits is Awaits.PUSH:
        return (yield from calling.answered(turn, typed))
    if attempt.awaits is not Awaits.VALUE:
        return (yield from pin.answered(turn, method, typed))
    word = "" if method.id in texts.FOLLOWING else _word(typed)
    if word:
        return Choose(word=word)
    if not typed:  # to RSA an empty value may be the wish to be called
        return (yield from turn.give_up(Reason.BAD_PASSCODE))
    if method.id in texts.SENT:
        turn.person = max(0.0, turn.calls.now - attempt.rang)
    return Try(method=method, value=typed)


def _choose(turn: Round, step: Choose) -> Steps:  # noqa: PLR0911 - one return a kind
    method = pick(
        turn.settings.methods,
        turn.open,
        word=step.word,
        has_code=bool(step.passcode),
        can_show=turn.asked.can_show,
    )
    if isinstance(method, Reason):
        return (yield from turn.give_up(method))
    turn.note(method)
    if step.passcode:
        return Try(method=method, value=step.passcode)
    if method.id in texts.PUSHES:
        return (yield from calling.push(turn, method))
    if method.id in texts.SENT:
        return (yield from calling.send(turn, method))
    if method.id in texts.PINS:
        return (yield from pin.ask(turn, method))
    attempt = replace(turn.open, awaits=Awaits.VALUE)
    if step.after in texts.PINS and method.id == rsa.SECURID:
        event, text = Event.PIN_ACCEPTED, texts.PIN_ACCEPTED
        return (yield from turn.question(attempt, method, event, text))
    words = _words(turn) if method.id in texts.CODES else ()
    text = texts.question(method, words)
    return (yield from turn.question(attempt, method, texts.event(method), text))


def _try(turn: Round, step: Try) -> Steps:
    answer = yield from turn.calls.verify(turn.open, step.method, step.value)
    if isinstance(answer, Served):
        return turn.completed(answer)
    return (yield from _judge(turn, answer, step))


def _judge(turn: Round, answer: Answer, step: Try) -> Steps:
    """Return what follows the answer to a value."""
    turn.take(answer)
    method, result = step.method, answer.result(step.method.id)
    if answer.code == rsa.SUCCESS and result != rsa.FAIL:
        return turn.passed()
    if answer.code not in {rsa.CHALLENGE, rsa.IN_PROCESS}:
        return turn.refused(answer, method)
    if result == rsa.FAIL:
        return (yield from _again(turn, answer, method))
    if result != rsa.SUCCESS or not answer.offers:
        trouble = "does not say whether a value was right, or what comes next"
        return (yield from turn.give_up(Reason.BAD_UPSTREAM_REPLY, trouble=trouble))
    turn.attempt = replace(turn.open, done=(*turn.open.done, method.id))
    confirm = answer.offered(rsa.NEW_PIN_CONFIRM)
    if method.id == rsa.NEW_PIN and confirm is not None:
        return Try(method=confirm, value=step.value)  # the person has typed it twice
    return Choose(after=method.id)


def _again(turn: Round, answer: Answer, method: Method) -> Steps:
    """Ask once more after a wrong value, a few times."""
    is_pin = method.id in _OWN_PINS
    offered = answer.offered(rsa.NEW_PIN if is_pin else method.id)
    wrong = turn.open.wrong + 1
    has_tries = is_pin or (wrong < MOST_WRONG and method.id != rsa.SYSTEM_PIN)
    if offered is None or not has_tries or not turn.asked.can_show:
        is_wrong = method.id not in texts.PINS
        reason = Reason.BAD_PASSCODE if is_wrong else Reason.UPSTREAM_REFUSED
        return (yield from turn.give_up(reason, Event.DENIED))
    if is_pin:
        return (yield from pin.wanted(turn, offered, texts.REJECTED))
    attempt = replace(turn.open, wrong=wrong, awaits=Awaits.VALUE)
    text = texts.WRONG + texts.question(offered)
    return (yield from turn.question(attempt, offered, texts.event(offered), text))


def _can_only_be_securid(settings: SecurId) -> bool:
    """Say whether a code can only be SECURID's; else RSA says first what it takes."""
    if settings.methods:
        return [one for one in settings.methods if one in texts.CODES] == [rsa.SECURID]
    return not settings.policy


def _words(turn: Round) -> tuple[str, ...]:
    """Return what else could be typed now."""
    return tuple(
        word
        for word in texts.WORDS
        if not isinstance(pick(turn.settings.methods, turn.open, word=word), Reason)
    )


def _ended(step: Step) -> Served:
    return step if isinstance(step, Served) else Served(outcome=LOST)


def _text(typed: bytes) -> str | None:
    """Return what was typed as a text that RSA can be told; None: it is none."""
    try:
        text = typed.decode("utf-8", "strict")
    except UnicodeDecodeError:
        return None
    return text if len(text) <= _LONGEST_TYPED and text.isprintable() else None


def _word(typed: str) -> str:
    """Return which word was typed; empty: something else."""
    word = typed.strip().lower().removesuffix("1")
    return word if word in texts.WORDS else ""
