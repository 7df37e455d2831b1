"""What the audit says of others that were asked: one JSON object each, nothing of their texts."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Final

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.ops import audit
from radiusmfa.outcome import Asks, Passed
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.errands import AskService
    from radiusmfa.upstream.inquiry import Response
    from radiusmfa.upstream.line import Heard

_MICROSECONDS: Final = 1_000_000
_ANSWERS: Final = {
    numbers.ACCESS_ACCEPT: "accept",
    numbers.ACCESS_REJECT: "reject",
    numbers.ACCESS_CHALLENGE: "challenge",
}


def of(response: Response | Served, heard: Heard) -> str:
    """Return what is written of *response*, which was read as *heard*."""
    if isinstance(response, Served):
        return _of_service(response, heard)
    return _of_upstream(response, heard)


def _of_upstream(response: Response, heard: Heard) -> str:
    parts = _head(response.upstream, response.server, heard)
    if response.packet is None:
        parts.append(f',"answer":"{response.reason.value}"')
    else:
        parts.append(f',"answer":"{_ANSWERS[response.packet.code]}"')
    parts.append(f',"sent":{response.sent},"us":{int(response.seconds * _MICROSECONDS)}')
    if response.servers > 1:
        parts.append(f',"servers":{response.servers}')
    if response.ignored:
        ignored = ",".join(f'"{fault}":{count}' for fault, count in response.ignored.items())
        parts.append(f',"ignored":{{{ignored}}}')
    parts.append("}")
    return "".join(parts)


def _of_service(served: Served, heard: Heard) -> str:
    parts = _head(served.service, served.server, heard)
    outcome = heard.outcome
    if isinstance(outcome, Passed):
        answer = "accept"
    elif isinstance(outcome, Asks):
        answer = "challenge"
    else:
        answer = getattr(outcome, "reason", "broken")
    parts.append(f',"answer":"{answer}"')
    if served.way:
        parts.append(f',"way":{quoted(served.way)}')
    if served.device:
        parts.append(f',"device":{quoted(served.device)}')
    if served.person is not None:
        # How long the person took, beside how long it took in all.
        parts.append(f',"person_us":{int(served.person * _MICROSECONDS)}')
    parts.append(f',"us":{int(served.seconds * _MICROSECONDS)}}}')
    return "".join(parts)


def _head(name: str, server: str, heard: Heard) -> list[str]:
    parts = [f'{{"name":{quoted(name)}']
    if server:
        parts.append(f',"server":{quoted(server)}')
    if heard.event is not None and heard.event is not Event.OTHER:
        parts.append(f',"event":"{heard.event.value}"')
    return parts


def alarm(clock: Clock, asked: AskService, served: Served) -> str:
    """Return the audit line of a login whose person reported that it was not theirs."""
    fields = {
        "reason": getattr(served.outcome, "reason", ""),
        "user": asked.user,
        "client": asked.client,
        "service": asked.service,
        "way": served.way,
        "device": served.device,
    }
    return audit.alarm(clock.wall(), fields)
