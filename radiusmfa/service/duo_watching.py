"""Watching what somebody does with a push or a call, to the end; and what the end means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.outcome import PASSED, Failed, Reason
from radiusmfa.service import duo_answers, duo_words
from radiusmfa.service.dialogue import Pause, done
from radiusmfa.service.duo_calls import Trouble, Why

if TYPE_CHECKING:
    from radiusmfa.service.dialogue import Dialogue
    from radiusmfa.service.duo_answers import State
    from radiusmfa.service.duo_calls import Calls
    from radiusmfa.service.duo_memory import Kept

SECONDS: Final = 65.0
"""For how long a push or a call is open: Duo ends it after 60."""
_POLL: Final = 65.0
_MOST_POLLS: Final = 100
_MOST_MISSES: Final = 3
_QUICK: Final = 1.0
"""Seconds; what answers faster than that, and says nothing new, is not asked at once again."""
_WAYS: Final = {"pushed": "push", "push_failed": "push", "calling": "phone", "answered": "phone"}
_BYPASS: Final = "bypass"
_USED: Final = "already been used"
_FINAL: Final = {
    Why.MISCONFIGURED: Reason.UPSTREAM_MISCONFIGURED,
    Why.BUSY: Reason.UPSTREAM_BUSY,
    Why.OVER: Reason.UNANSWERED,
}
"""After these there is nothing to wait for; all else may be better at the next look."""
_NO_FAULT: Final = frozenset({Why.OVER, Why.REFUSED})
"""Time is up; or it does not know the transaction any more, because that has ended."""


def see(calls: Calls, kept: Kept, seen: State | None) -> Dialogue:
    """
    Return what the person said.

    Args:
        calls: Whose `ends` is when nobody can answer any more.
        kept: What is watched.
        seen: What was heard of it already.
    """
    way, misses, quick = kept.way, 0, 0
    for _ in range(_MOST_POLLS):
        asked = calls.now
        found: State | Trouble
        if seen is None:
            found = yield from calls.call(
                "GET", "auth_status", {"txid": kept.txid}, duo_answers.state, seconds=_POLL
            )
        else:
            found, seen = seen, None
        if isinstance(found, Trouble):
            misses += 1
            reason = _FINAL.get(found.why)
            if reason is None and misses >= _MOST_MISSES:
                reason = Reason.UNANSWERED
            if reason is not None:
                text = "" if found.why in _NO_FAULT else found.text
                return Served(outcome=Failed(reason), way=way, device=kept.device, trouble=text)
        elif found.result != "waiting":
            took = max(0.0, calls.now - kept.began)
            return ended(found, way=way, device=kept.device, person=took)
        else:
            way = _WAYS.get(found.status, way)
        quick += calls.now - asked < _QUICK
        if quick > 1 or isinstance(found, Trouble):
            # The first answer comes at once, all others when there is news.
            calls.now = (yield from done(Pause(_QUICK))).now or calls.now + _QUICK
    return Served(outcome=Failed(Reason.UNANSWERED), way=way, device=kept.device)


def ended(state: State, *, way: str, device: str = "", person: float | None = None) -> Served:
    """
    Return what the end of an authentication means.

    Args:
        state: Its last.
        way: How it was done.
        device: Which device, masked.
        person: Seconds that the person took.
    """
    if state.result == "allow":
        # Duo's word, too, where an administrator there has said so meanwhile.
        is_waived = state.status == _BYPASS
        return Served(outcome=PASSED, way=way, device=device, person=person, is_waived=is_waived)
    reason, event = _refusal(state, way)
    return Served(
        outcome=Failed(reason), event=event, text=duo_words.fitting(state.text),
        way=way, device=device, person=person,
    )  # fmt: skip


def _refusal(  # noqa: PLR0911 - a table
    state: State, way: str
) -> tuple[Reason, Event | None]:
    if state.result == "waiting":
        return Reason.BAD_UPSTREAM_REPLY, None  # of what does not wait for anybody
    match state.status:
        case "fraud":
            return Reason.FRAUD_REPORTED, Event.DENIED
        case "timeout":
            return Reason.UNANSWERED, None
        case "locked_out":
            return Reason.UPSTREAM_REFUSED, Event.LOCKED
        case "sent":
            return Reason.UPSTREAM_REFUSED, Event.CODE_SENT
        case "deny" if way in {"push", "phone"}:
            return Reason.PERSON_REFUSED, Event.DENIED
        case "deny" if way == "passcode":
            is_used = _USED in state.text.lower()
            return (Reason.REPLAYED_PASSCODE if is_used else Reason.BAD_PASSCODE), Event.DENIED
        case _:
            return Reason.UPSTREAM_REFUSED, Event.DENIED
