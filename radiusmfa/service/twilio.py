"""
Twilio's Messages and Calls: a text, or a call that reads the code out, digit by digit, twice.

An answered call proves nothing, and neither does a delivered message: only the code does.
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.config.message_model import Channel
from radiusmfa.outcome import Failed, Reason, Unavailable
from radiusmfa.service import answers, codes, forms, wording
from radiusmfa.service.codes import Carrier
from radiusmfa.service.dialogue import Lost, Query, exchange
from radiusmfa.service.sending import Sent, problem

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.config.message_model import Twilio
    from radiusmfa.login.errands import AskService
    from radiusmfa.outcome import Outcome
    from radiusmfa.service.codes import Carrying, Parcel
    from radiusmfa.service.dialogue import Dialogue, Reply, Request, Tools

LONGEST_TWIML: Final = 4000
_API: Final = "/2010-04-01/Accounts/"
_OK: Final = 200
_CREATED: Final = 201
_RINGS: Final = 30
"""Seconds that a telephone rings: a call that nobody answers is over before the code is."""
_NO_DEVICE: Final = Failed(Reason.NO_USABLE_DEVICE)
_ERRORS: Final[dict[int, Outcome]] = {
    20429: Unavailable(Reason.UPSTREAM_BUSY),
    # A number that it cannot, or may not, reach; 21408 comes with status 403.
    **dict.fromkeys(
        (21211, 21214, 21215, 21217, 21219, 21408, 21608, 21610, 21612, 21614), _NO_DEVICE
    ),
}
_DEAD: Final = frozenset({"failed", "undelivered", "canceled"})
_SERVICE: Final = "MG"


def ask(settings: Twilio, asked: AskService, tools: Tools) -> Dialogue:
    """Send a code by *settings*, or look at the one that was typed."""

    def carry(parcel: Parcel) -> Carrying:
        answer = yield from exchange(_query(settings, parcel))
        return _meaning(answer)

    carrier = Carrier(
        name=settings.channel.value,
        words=settings.words,
        attribute=settings.attribute,
        prefixes=settings.prefixes,
        codes=settings.codes,
        carry=carry,
    )
    return (yield from codes.ask(carrier, asked, tools))


def examine(settings: Twilio, _: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Return what is wrong with the account, a line each; nobody is called."""
    headers = (("Authorization", forms.basic(settings.user, settings.password)),)
    path = f"{_API}{settings.account}.json"
    answer = yield from exchange(Query(method="GET", path=path, headers=headers, seconds=0))
    if isinstance(answer, Lost):
        return (answer.why,)
    found = answers.read(answer.octets)
    if answer.status != _OK or found is None:
        return (answers.told(answer.status, found),)
    if found.get("status") != "active":
        return ("the account is not active",)
    if found.get("type") == "Trial":
        return ("it is a trial account, which reaches verified numbers only",)
    return ()


def twiml(text: str, values: dict[str, str]) -> str:
    """Return what is read out: *text* filled in, twice."""
    while True:
        said = html.escape(wording.filled(text, values | {"code": wording.spoken(values["code"])}))
        whole = (
            f'<Response><Pause length="1"/><Say>{said}</Say><Pause length="1"/>'
            f"<Say>{said}</Say></Response>"
        )
        long = max(("user", "client"), key=lambda name: len(values[name]))
        if len(whole) <= LONGEST_TWIML or not values[long]:
            return whole
        values = values | {long: values[long][: len(values[long]) // 2]}


def _query(settings: Twilio, parcel: Parcel) -> Query:
    pairs = [("To", parcel.place.to)]
    if settings.channel is Channel.VOICE:
        kind = "Calls"
        said = twiml(settings.codes.text, parcel.values)
        pairs += [("From", settings.sender), ("Twiml", said), ("Timeout", str(_RINGS))]
    else:
        kind = "Messages"
        sender = "MessagingServiceSid" if settings.sender.startswith(_SERVICE) else "From"
        pairs += [
            (sender, settings.sender),
            ("Body", wording.sms(settings.codes.text, parcel.values)),
            # Later than that it would be a surprise.
            ("ValidityPeriod", str(settings.codes.lifetime)),
        ]
    return Query(
        method="POST",
        path=f"{_API}{settings.account}/{kind}.json",
        body=forms.form(pairs),
        headers=(
            ("Authorization", forms.basic(settings.user, settings.password)),
            ("Content-Type", forms.FORM),
        ),
        seconds=0,
    )


def _meaning(answer: Reply | Lost) -> Sent | None:
    came = problem(answer)
    if isinstance(answer, Lost):
        return came
    return answers.failure(answer, _ERRORS) or came or _created(answer)


def _created(answer: Reply) -> Sent | None:
    found = answers.read(answer.octets)
    if answer.status != _CREATED:
        why = answers.told(answer.status, found)
        return Sent(problem=Failed(Reason.UPSTREAM_MISCONFIGURED), trouble=why)
    if found is None or not isinstance(found.get("sid"), str):
        return Sent(problem=Failed(Reason.BAD_UPSTREAM_REPLY), trouble="answers what is no message")
    return Sent(problem=_NO_DEVICE) if found.get("status") in _DEAD else None
