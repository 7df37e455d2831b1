"""
Twilio Verify: it makes the code, sends it, and says whether the one that was typed is right.

Only `approved` lets anybody in. A verification that was approved, has expired or was tried too
often is gone there: 404.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.config.message_model import Channel
from radiusmfa.outcome import PASSED, Failed, Reason
from radiusmfa.service import answers, codes, forms
from radiusmfa.service.dialogue import Lost, Query, exchange
from radiusmfa.service.sending import Checked, Sent, Way, converse, problem

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.config.message_model import Verify
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.destinations import Destination
    from radiusmfa.service.dialogue import Dialogue, Reply, Request, Tools
    from radiusmfa.service.sending import Checking, Open, Sending

_LIFETIME: Final = 600
"""Seconds that a verification is open, counted by Twilio."""
_TRIES: Final = 5
_SHORTEST: Final = 4
_LONGEST: Final = 10
_SID: Final = re.compile(r"VE[0-9a-f]{32}")
_OK: Final = 200
_GOOD: Final = (_OK, 201)
_NOT_FOUND: Final = 404
_CHANNELS: Final = {Channel.SMS: "sms", Channel.VOICE: "call", Channel.EMAIL: "email"}
_WRONG: Final = Failed(Reason.BAD_PASSCODE)
_EXPIRED: Final = Failed(Reason.CODE_EXPIRED)
_MALFORMED: Final = Failed(Reason.BAD_UPSTREAM_REPLY)
_ERRORS: Final = {
    60203: Failed(Reason.CALL_LIMIT),  # Twilio sends five in ten minutes
    # A number or an address that it cannot, or may not, reach.
    **dict.fromkeys(
        (21211, 21408, 21608, 21610, 21614, 60200, 60205, 60220, 60410, 60605),
        Failed(Reason.NO_USABLE_DEVICE),
    ),
}
_NO_CODE: Final = 60200
"""What was typed cannot be a code of this service: of another length, for example."""
_TOO_OFTEN: Final = 60202
_OUTCOMES: Final = {
    "pending": _WRONG,
    "max_attempts_reached": _WRONG,
    "expired": _EXPIRED,
    "canceled": _EXPIRED,
    "deleted": _EXPIRED,
    "failed": _EXPIRED,
}


def ask(settings: Verify, asked: AskService, tools: Tools) -> Dialogue:
    """Have a code sent by *settings*, or have the one that was typed looked at."""

    def send(place: Destination) -> Sending:
        pairs = [("To", place.to), ("Channel", _CHANNELS[settings.channel])]
        return _started((yield from exchange(_query(settings, "Verifications", pairs))))

    def check(sent: Open, typed: bytes) -> Checking:
        code = codes.read(typed, _SHORTEST, _LONGEST)
        if not code:
            return Checked(outcome=_WRONG)
        pairs = [("VerificationSid", sent.name), ("Code", code)]
        answer = yield from exchange(_query(settings, "VerificationCheck", pairs))
        return _decided(sent, answer)

    way = Way(
        name=settings.channel.value,
        words=settings.words,
        attribute=settings.attribute,
        prefixes=settings.prefixes,
        lifetime=_LIFETIME,
        tries=_TRIES,
        send=send,
        check=check,
    )
    return (yield from converse(way, asked, tools))


def examine(settings: Verify, _: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Return what is wrong with the service, a line each; nobody is sent anything."""
    query = Query(
        method="GET",
        path=f"/v2/Services/{settings.service}",
        headers=(("Authorization", forms.basic(settings.user, settings.password)),),
        seconds=0,
    )
    answer = yield from exchange(query)
    if isinstance(answer, Lost):
        return (answer.why,)
    found = answers.read(answer.octets)
    if answer.status != _OK or found is None or found.get("sid") != settings.service:
        return (answers.told(answer.status, found),)
    return ()


def _query(settings: Verify, what: str, pairs: list[tuple[str, str]]) -> Query:
    return Query(
        method="POST",
        path=f"/v2/Services/{settings.service}/{what}",
        body=forms.form(pairs),
        headers=(
            ("Authorization", forms.basic(settings.user, settings.password)),
            ("Content-Type", forms.FORM),
        ),
        seconds=0,
    )


def _started(answer: Reply | Lost) -> Sent:
    came = problem(answer)
    if isinstance(answer, Lost):
        # Its name is not known: nobody could ask about it.
        late = Sent(problem=Failed(Reason.UNANSWERED))
        return late if came is None or came.is_late else came
    return answers.failure(answer, _ERRORS) or came or _begun(answer)


def _begun(answer: Reply) -> Sent:
    found = answers.read(answer.octets)
    if answer.status not in _GOOD:
        why = answers.told(answer.status, found)
        return Sent(problem=Failed(Reason.UPSTREAM_MISCONFIGURED), trouble=why)
    name = "" if found is None else found.get("sid")
    if found is None or not isinstance(name, str) or not _SID.fullmatch(name):
        return Sent(problem=_MALFORMED, trouble="answers what is no verification")
    if found.get("status") != "pending":
        return Sent(problem=_MALFORMED, trouble="begins a verification that is not pending")
    return Sent(name=name)


def _decided(sent: Open, answer: Reply | Lost) -> Checked:
    if isinstance(answer, Lost):
        return Checked(outcome=None, trouble=answer.why)
    found = answers.read(answer.octets)
    if answer.status == _NOT_FOUND:
        return Checked(outcome=_EXPIRED)
    if (number := answers.code(found)) in (_NO_CODE, _TOO_OFTEN):
        return Checked(outcome=_WRONG, is_last=number == _TOO_OFTEN)
    came = problem(answer)
    if came is not None:
        # A fault, or too much to do: the same code can be typed again.
        outcome = came.problem if isinstance(came.problem, Failed) else None
        return Checked(outcome=outcome, trouble=came.trouble)
    if answer.status in _GOOD and found is not None and found.get("sid") == sent.name:
        return _judged(found)
    return Checked(outcome=_MALFORMED, trouble=answers.told(answer.status, found))


def _judged(found: dict[str, Any]) -> Checked:
    status = found.get("status")
    if status == "approved" and found.get("valid") is True:
        return Checked(outcome=PASSED)
    outcome = _OUTCOMES.get(status) if isinstance(status, str) else None
    return Checked(outcome=outcome or _MALFORMED, is_last=status == "max_attempts_reached")
