"""SMS by any HTTP gateway: what it is sent, and by what it says that the message is on its way."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config.message_model import Content
from radiusmfa.outcome import Failed, Reason
from radiusmfa.service import codes, forms, wording
from radiusmfa.service.codes import Carrier
from radiusmfa.service.dialogue import Lost, Query, exchange
from radiusmfa.service.sending import Sent, problem

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from radiusmfa.config.message_model import Gateway
    from radiusmfa.login.errands import AskService
    from radiusmfa.service.codes import Carrying, Parcel
    from radiusmfa.service.dialogue import Dialogue, Reply, Request, Tools

_LOOKED_AT: Final = 2000
"""Characters of an answer that the expressions see: what they cost is bounded."""
_NATIONAL: Final = "national:00"
_FAULT: Final = 500


def ask(settings: Gateway, asked: AskService, tools: Tools) -> Dialogue:
    """Send a code by *settings*, or look at the one that was typed."""

    def carry(parcel: Parcel) -> Carrying:
        text = wording.sms(settings.codes.text, parcel.values)
        to = written(parcel.place.to, settings.number_format)
        answer = yield from exchange(query(settings, {"to": to, "text": text}))
        return _meaning(settings, answer)

    carrier = Carrier(
        name="sms",
        words=settings.words,
        attribute=settings.attribute,
        prefixes=settings.prefixes,
        codes=settings.codes,
        carry=carry,
    )
    return (yield from codes.ask(carrier, asked, tools))


def examine(settings: Gateway, _: Tools) -> Generator[Request, Any, tuple[str, ...]]:
    """Return what is wrong with the gateway, a line each; nothing is sent to anybody."""
    answer = yield from exchange(
        Query(method="GET", path=_path(settings), headers=_account(settings), seconds=0)
    )
    if isinstance(answer, Lost):
        return (answer.why,)
    if answer.status in (401, 403):
        return (f"does not take our account ({answer.status})",)
    # Without a message in it, any other word of a gateway is a good one, a fault left aside.
    return (f"has a fault ({answer.status})",) if answer.status >= _FAULT else ()


def written(to: str, number_format: str) -> str:
    """Return a number, which is E.164, as a gateway wants it."""
    if number_format == "e164":
        return to
    if number_format == "e164_noplus":
        return to[1:]
    country = "+" + number_format.removeprefix(_NATIONAL)
    return "0" + to.removeprefix(country) if to.startswith(country) else "00" + to[1:]


def query(settings: Gateway, values: dict[str, str]) -> Query:
    """Return what is sent to the gateway for a message with these *values*."""
    pairs = tuple((name, wording.filled(text, values)) for name, text in settings.fields)
    parameters: tuple[tuple[str, str], ...] = ()
    kind, body = "", b""
    match settings.content:
        case Content.QUERY:
            parameters = pairs
        case Content.FORM:
            kind, body = forms.FORM, forms.form(pairs)
        case Content.JSON:
            kind, body = forms.JSON, json.dumps(dict(pairs)).encode()
        case Content.RAW:
            ((kind, text),) = settings.fields
            safe = {name: forms.escaped(value, kind) for name, value in values.items()}
            body = wording.filled(text, safe).encode()
    said = (("Content-Type", kind),) if kind else ()
    return Query(
        method=settings.method,
        path=_path(settings),
        parameters=parameters,
        body=body,
        headers=(*_account(settings), *said),
        seconds=0,
    )


def _account(settings: Gateway) -> tuple[tuple[str, str], ...]:
    if settings.user:
        return (("Authorization", forms.basic(settings.user, settings.password)),)
    if not settings.header:
        return ()
    if settings.header.lower() == "authorization":
        return ((settings.header, forms.bearer(settings.password)),)
    return ((settings.header, forms.plain(settings.password)),)


def _path(settings: Gateway) -> str:
    return "/" + "/".join(settings.url.split("/", 3)[3:])


def _meaning(settings: Gateway, answer: Reply | Lost) -> Sent | None:
    came = problem(answer)
    if came is not None or isinstance(answer, Lost):
        return came
    text = answer.octets.decode("utf-8", "replace")[:_LOOKED_AT]
    if answer.status not in settings.statuses:
        why = f"does not take the message ({answer.status})"
    elif settings.failure and re.search(settings.failure, text):
        why = f"says that it failed ({answer.status})"
    elif settings.success and not re.search(settings.success, text):
        why = f"does not say that it is sent ({answer.status})"
    else:
        return None
    return Sent(problem=Failed(Reason.UPSTREAM_MISCONFIGURED), trouble=why)
