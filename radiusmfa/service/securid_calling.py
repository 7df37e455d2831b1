"""People whom RSA calls: a push to a device and what they say there, a code sent or told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.outcome import UPSTREAM_ASKS, Asks, Failed, Reason
from radiusmfa.service import securid_attempt as attempts
from radiusmfa.service import securid_message as rsa
from radiusmfa.service import securid_texts as texts
from radiusmfa.service.dialogue import Lost, Opened, Pause, Ring, Watch, done, ring, watch
from radiusmfa.service.securid_attempt import Awaits
from radiusmfa.service.securid_round import LOST, Begin, Choose, Round, Steps

if TYPE_CHECKING:
    from radiusmfa.service.dialogue import Dialogue
    from radiusmfa.service.securid_message import Answer, Method
    from radiusmfa.service.securid_round import Step

POLL_SECONDS: Final = 5.0
PUSH_SECONDS: Final = 60.0
"""How long RSA waits for a person."""
LEAST_SECONDS: Final = 15.0
"""With less time nobody is called at a client that cannot wait for Enter."""
_TAIL_SECONDS: Final = 10.0
"""For the last look, and for saying that nobody waits any longer."""
_UNANSWERED: Final = Failed(Reason.UNANSWERED)


def send(turn: Round, method: Method) -> Steps:  # noqa: PLR0911 - one return an end
    """
    Have a code sent or told, and ask for it.

    Args:
        turn: The round.
        method: SMS or VOICE.
    """
    if not turn.asked.can_show:
        return (yield from turn.give_up(Reason.CHALLENGE_NOT_SHOWN))
    rung = yield from ring(Ring(way=turn.way, device=method.device, to=_to(turn, method)))
    if rung.refused is not None:
        return (yield from turn.give_up(rung.refused))
    # "First verify with empty value triggers sending."
    answer = yield from turn.calls.verify(turn.open, method, "")
    if isinstance(answer, Served):
        return turn.completed(answer)
    turn.take(answer)
    if answer.code == rsa.FAIL:
        return turn.refused(answer)
    if answer.result(method.id) == rsa.FAIL:
        return (yield from turn.give_up(Reason.UPSTREAM_REFUSED, Event.DENIED))
    if answer.code not in {rsa.CHALLENGE, rsa.IN_PROCESS}:
        return turn.refused(answer)  # nobody is let in for nothing
    sent = _same(answer, method)
    asked = replace(turn.open, awaits=Awaits.VALUE, rang=turn.calls.now)
    return (yield from turn.question(asked, sent, Event.CODE_SENT, texts.question(sent)))


def push(turn: Round, method: Method) -> Steps:
    """
    Ask the person on a device, and wait for the answer.

    Args:
        turn: The round.
        method: APPROVE or FINGERPRINT.
    """
    left = turn.tools.now + turn.tools.seconds - turn.calls.now
    if not turn.asked.can_show and left < LEAST_SECONDS:
        return (yield from turn.give_up(Reason.TOO_LITTLE_TIME))
    wanted = Ring(way=turn.way, device=method.device, to=_to(turn, method), is_open=True)
    rung = yield from ring(wanted)
    if rung.refused is not None:
        return (yield from turn.give_up(rung.refused))
    if rung.state:
        proved = turn.open.done
        yield from turn.calls.cancel(turn.open)
        return (yield from _join(turn, rung.state, proved))
    began = turn.calls.now
    answer = yield from turn.calls.verify(turn.open, method, "")
    if isinstance(answer, Served):
        return turn.completed(answer)
    turn.attempt = replace(turn.open, rang=began)
    served = _heard(turn, answer, method)
    if served is not None:
        return _after(turn, served)
    return (yield from _opened(turn))


def answered(turn: Round, typed: str) -> Steps:
    """
    Take what was typed while a push is open.

    Args:
        turn: The round.
        typed: Nothing: what does the person say? Else another way is wanted.
    """
    if typed.strip().lower() in {"", "push"}:
        return (yield from _watch(turn, at_once=True))
    # Whoever still watches the old attempt hears that it has ended.
    yield from turn.calls.cancel(turn.open)
    turn.attempt = None
    turn.way = turn.device = ""
    return Begin()


def poll(turn: Round, *, at_once: bool) -> Dialogue:
    """
    Ask again and again how a push is getting on, until it has ended.

    Args:
        turn: A round of its own: it may go on after the one that began it.
        at_once: Without waiting first.
    """
    while True:
        if not at_once:
            told = yield from done(Pause(POLL_SECONDS))
            turn.calls.now = max(turn.calls.now, told.now)
        at_once = False
        method = turn.open.chosen
        if method is None:
            return turn.served(LOST)
        answer = yield from turn.calls.verify(turn.open, method, "")
        if isinstance(answer, Served):
            return turn.completed(answer)
        served = _heard(turn, answer, method)
        if served is not None:
            return served
        if turn.calls.now >= min(turn.open.rang + PUSH_SECONDS, turn.open.ends):
            yield from turn.calls.cancel(turn.open)
            return turn.served(_UNANSWERED)


def _opened(turn: Round) -> Steps:
    """Wait for the person, or show first what has to be chosen on the device."""
    method = turn.open.chosen
    if method is not None and method.number and not turn.asked.can_show:
        return (yield from turn.give_up(Reason.CHALLENGE_NOT_SHOWN, Event.PUSH_SENT))
    state = attempts.dump(replace(turn.open, steps=turn.steps + 1))
    yield from done(Opened(state=state, seconds=PUSH_SECONDS))
    if method is not None and method.number:
        return (yield from _say_sent(turn))
    return (yield from _watch(turn, at_once=False))


def _join(turn: Round, state: bytes, proved: tuple[str, ...]) -> Steps:
    """
    Go on with a push that another request of this login has begun.

    Args:
        turn: The round.
        state: Of that push.
        proved: What this request has proved before: whoever joins has to have proved as much.
    """
    try:
        attempt = attempts.load(state)
    except attempts.StateError:
        return turn.served(LOST)
    if attempt.chosen is None or attempt.awaits is not Awaits.PUSH:
        return turn.served(LOST)
    if not {*attempt.done} <= {*proved}:
        return turn.served(Failed(Reason.CALL_OPEN))
    turn.attempt, turn.steps = attempt, attempt.steps - 1
    turn.note(attempt.chosen)
    if attempt.chosen.number and turn.asked.can_show:
        return (yield from _say_sent(turn))  # the first answer may have been lost on its way
    return (yield from _watch(turn, at_once=True))


def _watch(turn: Round, *, at_once: bool) -> Steps:
    attempt = turn.open
    left = max(0.0, min(attempt.rang + PUSH_SECONDS, attempt.ends) - turn.calls.now)
    other = Round(turn.settings, turn.asked, turn.tools, attempt)
    other.calls.now = turn.calls.now
    watched = yield from watch(
        Watch(
            key=f"securid {attempt.id}",
            dialogue=poll(other, at_once=at_once),
            seconds=left + _TAIL_SECONDS,
        )
    )
    if not isinstance(watched, Lost):
        return _after(turn, watched)
    if not watched.is_over:
        return turn.served(LOST, trouble=watched.why)
    if not turn.asked.can_show:
        return turn.served(_UNANSWERED)
    return (yield from _say_sent(turn))


def _say_sent(turn: Round) -> Steps:
    attempt, method = turn.open, turn.open.chosen
    if method is None:
        return turn.served(LOST)
    text = texts.push_sent(method)
    return (yield from turn.question(attempt, method, Event.PUSH_SENT, text))


def _after(turn: Round, served: Served) -> Step:
    """Take what came of a push: an end, or something that RSA wants besides."""
    if not isinstance(served.outcome, Asks):
        return served
    try:
        turn.attempt = attempts.load(served.state)
    except attempts.StateError:
        return turn.served(LOST)
    turn.person = served.person
    return Choose()


def _heard(turn: Round, answer: Answer, method: Method) -> Served | None:
    """Return what came of a push; None: the person has not answered yet."""
    turn.take(answer)
    result, took = answer.result(method.id), max(0.0, turn.calls.now - turn.open.rang)
    if answer.code == rsa.SUCCESS and result != rsa.FAIL:
        turn.person = took
        return turn.passed()
    if result == rsa.FAIL and answer.code != rsa.SUCCESS:
        if _is_late(answer) or took >= PUSH_SECONDS:
            return turn.served(_UNANSWERED)
        turn.person = took
        return turn.served(Failed(Reason.PERSON_REFUSED), Event.DENIED)
    if answer.code not in {rsa.CHALLENGE, rsa.IN_PROCESS}:
        return turn.refused(answer)
    if result == rsa.SUCCESS:
        turn.person = took
        proved = (*turn.open.done, method.id)
        told = replace(turn.open, awaits=Awaits.NOTHING, done=proved, offers=answer.offers)
        state = attempts.dump(told)
        return replace(turn.served(UPSTREAM_ASKS), state=state)
    chosen = _same(answer, method)
    turn.attempt = replace(turn.open, chosen=chosen, awaits=Awaits.PUSH)
    return None


def _same(answer: Answer, method: Method) -> Method:
    """Return *method* as *answer* offers it, less what that leaves out."""
    now = answer.offered(method.id)
    if now is None:
        return method
    reference, device = now.reference or method.reference, now.device or method.device
    return replace(now, reference=reference, device=device, number=now.number or method.number)


def _to(turn: Round, method: Method) -> str:
    # A masked number alone would be that of many people.
    return f"{turn.subject}|{method.device}"


def _is_late(answer: Answer) -> bool:
    """Say whether nobody answered in time; that such a word says it is an assumption."""
    return any(word in answer.reasons() for word in ("TIMEOUT", "TIMED_OUT", "EXPIRED"))
