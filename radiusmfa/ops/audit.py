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
    from collections.abc import Sequence

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
        parts = [
            self._time(now),
            '"kind":"login","id":"',
            told.id,
            '","decision":"',
            told.decision,
            '","reason":"',
            told.reason,
            '","user":',
            self._text(user),
            self._source(client, address),
            self._place(packet),
            ',"mode":"',
            told.mode,
        ]
        if told.factor:
            parts += '","factor":"', told.factor
        if told.missing:
            parts += '","instead_of":"', told.missing
        parts.append('"')
        if told.token:
            parts += ',"token":', quoted(told.token)
        if told.upstreams:
            parts += ',"upstreams":[', ",".join(told.upstreams), "]"
        parts.append(',"us":{"total":')
        if told.password:
            parts.append(f'{told.total},"password":{told.password}}}}}')
        else:
            parts.append(f"{told.total}}}}}")
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


def _escaped(octets: bytes) -> str:
    # Whatever a client sends becomes one JSON string of printable ASCII.
    return quoted(octets.decode("utf-8", "backslashreplace"))


def _integer(packet: Packet, kind: int) -> int | None:
    value = packet.value(kind)
    if value is None or len(value) != _INTEGER_OCTETS:
        return None
    return int.from_bytes(value, "big")
