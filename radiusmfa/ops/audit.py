"""
The audit line: one JSON object a decision, with fixed fields, prepared as text.

The lines are chained and kept by the store, in the transaction that also holds
what the decision used up: no Accept leaves without its line on disk.
"""

from __future__ import annotations

import time
from json.encoder import encode_basestring_ascii as quoted
from typing import TYPE_CHECKING, Final, NamedTuple, final

from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from radiusmfa.wire.codec import Packet

_MOST_REMEMBERED: Final = 10_000
_ACCT_STATUS: Final = {
    1: "start",
    2: "stop",
    3: "interim",
    7: "on",
    8: "off",
    9: "tunnel-start",
    10: "tunnel-stop",
    11: "tunnel-reject",
    12: "tunnel-link-start",
    13: "tunnel-link-stop",
    14: "tunnel-link-reject",
    15: "failed",
}  # RFC 2866 section 5.1, RFC 2867 section 3
_ACCT_NUMBERS: Final = {
    "seconds": 46,
    "input": 42,
    "output": 43,
    "input_gigawords": 52,
    "output_gigawords": 53,
    "cause": 49,
    "delay": 41,
    "at": numbers.EVENT_TIMESTAMP,
}  # RFC 2866 section 5, RFC 2869 section 5
_INTEGER_OCTETS: Final = 4


class Ruled(NamedTuple):
    """
    What a policy, or the look for one, went by.

    Attributes:
        policy: Its name; empty: none was chosen.
        group: The user's, by which it fits, or empty.
        address: The user's own, or empty: not known.
        evidence: Number of the record that shows the approval, or empty.
        directory: Microseconds for directories, waiting included.
        approval: Microseconds for services that know approvals, waiting included.
    """

    policy: str = ""
    group: str = ""
    address: str = ""
    evidence: str = ""
    directory: int = 0
    approval: int = 0


class Told(NamedTuple):
    """
    What the line says of a decision, besides what the packet says itself.

    Attributes:
        id: Of the login; all rounds of a dialogue have the same.
        decision: `accept`, `challenge`, `reject` or `silence`.
        reason: See `outcome.Reason`.
        mode: The client's.
        factor: `totp`, `hotp`, `recovery`, the name of an upstream factor, or empty.
        token: Its serial, or empty.
        total: Microseconds from arrival to decision.
        password: Microseconds of them for the password, waiting included.
        missing: The factor whose servers were gone, so that another one counted.
        upstreams: A JSON object for each upstream that was asked, in order.
        ruled: What the policy went by; None: the client's own settings decide.
        person: The one name of whose login it is, or empty: that is not known.
        detail: Which attribute of the reply could not be made, or empty.
    """

    id: str
    decision: str
    reason: str
    mode: str
    factor: str = ""
    token: str = ""
    total: int = 0
    password: int = 0
    missing: str = ""
    upstreams: Sequence[str] = ()
    ruled: Ruled | None = None
    person: str = ""
    detail: str = ""


@final
class Lines:
    """Makes audit lines; keeps the parts that come again and again."""

    def __init__(self) -> None:
        """Know no parts yet."""
        self._second = -1
        self._prefix = ""
        self._sources: dict[tuple[str, str], str] = {}
        self._texts: dict[bytes, str] = {}

    def login(  # noqa: PLR0913 - what a line holds; keywords would cost a microsecond
        self, now: float, user: bytes, client: str, address: str, packet: Packet, told: Told
    ) -> str:
        """Return the line of a decision; *user* is the User-Name as it came."""
        # At once: eleven looks into a named tuple would cost more.
        (
            login, decision, reason, mode, factor, token, total, password, missing, upstreams,
            ruled, person, detail,
        ) = told  # fmt: skip
        other = ""
        if person and (octets := person.encode()) != user:
            other = f',"person":{self._text(octets)}'
        parts = [
            self._time(now),
            '"kind":"login","id":"',
            login,
            '","decision":"',
            decision,
            '","reason":"',
            reason,
            '","user":',
            self._text(user),
            other,
            self._source(client, address),
            self._place(packet),
            ',"mode":"',
            mode,
        ]
        if factor:
            parts += '","factor":"', factor
        if missing:
            parts += '","instead_of":"', missing
        parts.append('"')
        if token:
            parts += ',"token":', quoted(token)
        if ruled is not None:
            parts.append(_rule(ruled))
        if upstreams:
            parts += ',"upstreams":[', ",".join(upstreams), "]"
        if detail:
            parts += ',"detail":', quoted(detail)
        parts.append(f',"us":{{"total":{total}')
        if password:
            parts.append(f',"password":{password}')
        if ruled is not None:
            parts.append(_errands(ruled))
        parts.append("}}")
        return "".join(parts)

    def accounting(self, now: float, client: str, address: str, packet: Packet) -> str | None:
        """
        Return the line of an Accounting-Request, or None if it cannot be recorded.

        Passwords have no place in such a request and are not looked at (RFC 2866
        section 4.1).
        """
        status = _integer(packet, numbers.ACCT_STATUS_TYPE)
        if status not in _ACCT_STATUS:
            return None
        parts = [self._time(now), f'"kind":"accounting","status":"{_ACCT_STATUS[status]}"']
        login = packet.value(numbers.CLASS)
        if login is not None:
            parts.append(f',"id":{self._text(login)}')
        session = packet.value(numbers.ACCT_SESSION_ID)
        if session is not None:
            parts.append(f',"session":{_escaped(session)}')
        user = packet.value(numbers.USER_NAME)
        if user is not None:
            parts.append(f',"user":{self._text(user)}')
        parts += self._source(client, address), self._place(packet)
        for title, kind in _ACCT_NUMBERS.items():
            number = _integer(packet, kind)
            if number is not None:
                parts.append(f',"{title}":{number}')
        parts.append("}")
        return "".join(parts)

    def _time(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._prefix = time.strftime('{"time":"%Y-%m-%dT%H:%M:%S.', time.gmtime(second))
        return f'{self._prefix}{int((now - second) * 1000):03d}Z",'

    def _source(self, client: str, address: str) -> str:
        part = self._sources.get((client, address))
        if part is None:
            part = f',"client":{quoted(client)},"source":{quoted(address)}'
            if len(self._sources) >= _MOST_REMEMBERED:
                self._sources.clear()
            self._sources[client, address] = part
        return part

    def _place(self, packet: Packet) -> str:
        nas = packet.value(numbers.NAS_IDENTIFIER)
        part = ""
        if nas is not None:
            part = f',"nas":{self._text(nas)}'
        else:
            nas = packet.value(numbers.NAS_IP_ADDRESS)
            if nas is not None and len(nas) == _INTEGER_OCTETS:
                part = ',"nas":"{}.{}.{}.{}"'.format(*nas)
        station = packet.value(numbers.CALLING_STATION_ID)
        return part if station is None else f'{part},"station":{self._text(station)}'

    def _text(self, octets: bytes) -> str:
        try:
            return self._texts[octets]
        except KeyError:
            if len(self._texts) >= _MOST_REMEMBERED:
                self._texts.clear()
            text = self._texts[octets] = _escaped(octets)
            return text


def _rule(ruled: Ruled) -> str:
    fields = {
        "policy": ruled.policy,
        "group": ruled.group,
        "address": ruled.address,
        "approval": ruled.evidence,
    }
    return "".join(f',"{name}":{quoted(text)}' for name, text in fields.items() if text)


def _errands(ruled: Ruled) -> str:
    fields = {"directory": ruled.directory, "approval": ruled.approval}
    return "".join(f',"{name}":{us}' for name, us in fields.items() if us)


def _escaped(octets: bytes) -> str:
    # Whatever a client sends becomes one JSON string of printable ASCII.
    return quoted(octets.decode("utf-8", "backslashreplace"))


def _integer(packet: Packet, kind: int) -> int | None:
    value = packet.value(kind)
    if value is None or len(value) != _INTEGER_OCTETS:
        return None
    return int.from_bytes(value, "big")


def alarm(now: float, fields: Mapping[str, str]) -> str:
    """Return the line of what must not be overlooked; empty *fields* are left out."""
    told = "".join(f',"{name}":{quoted(text)}' for name, text in fields.items() if text)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return f'{{"time":"{at}.{int(now % 1 * 1000):03d}Z","kind":"alarm"{told}}}'
