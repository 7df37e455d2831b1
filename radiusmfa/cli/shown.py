"""Packets as `probe` shows them: names and values, never a password, passcode or State."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, Final, final

import click

from radiusmfa.cli import common
from radiusmfa.wire import names, numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.cli.exchange import Answer, Server
    from radiusmfa.wire.codec import Packet

_CODES: Final = {
    numbers.ACCESS_REQUEST: "Access-Request",
    numbers.ACCESS_ACCEPT: "Access-Accept",
    numbers.ACCESS_REJECT: "Access-Reject",
    numbers.ACCESS_CHALLENGE: "Access-Challenge",
    numbers.ACCOUNTING_RESPONSE: "Accounting-Response",
    numbers.STATUS_SERVER: "Status-Server",
}
# A State is as good as the password behind it until it is used; with a signature, or a
# value that the secret hides, in a bug report the secret can be guessed at leisure.
_TUNNEL_PASSWORD: Final = 69  # RFC 2868 section 3.5
_HIDDEN: Final = frozenset({
    numbers.USER_PASSWORD,
    numbers.CHAP_PASSWORD,
    numbers.STATE,
    numbers.MESSAGE_AUTHENTICATOR,
    _TUNNEL_PASSWORD,
})  # fmt: skip
_MICROSOFT: Final = (311).to_bytes(4, "big")
_MPPE_KEYS: Final = frozenset({12, 16, 17})  # RFC 2548 sections 2.4.1 to 2.4.3


@final
@dataclass(slots=True)
class Teller:
    """Says what happens as it happens, or collects it for one JSON object."""

    server: Server
    as_json: bool
    _told: list[dict[str, Any]] = field(default_factory=list, init=False)

    def sent(self, packet: Packet) -> None:
        """Show a request before it goes out."""
        self._tell(packet, "sent", f"to {self.server}")

    def received(self, answer: Answer) -> None:
        """Show a genuine reply, and how genuine it is."""
        signature = _signature(answer)
        for fault, count in answer.ignored.items():
            self._say(f"ignored {count} x {fault}")
        self._tell(
            answer.packet,
            "received",
            f"from {self.server} after {answer.seconds * 1000:.1f} ms, Response Authenticator "
            f"right, Message-Authenticator {signature}",
            milliseconds=round(answer.seconds * 1000, 1),
            sent=answer.sent,
            ignored=answer.ignored,
            message_authenticator=signature,
        )

    def event(self, event: str) -> None:
        """Show what the upstream's dialogue makes of the reply that came last; empty: nothing."""
        if event:
            self._told[-1]["event"] = event
            self._say(f"means {event}")

    def end(self, decision: str) -> None:
        """Print the JSON object, if that is wanted."""
        if self.as_json:
            place = {"server": str(self.server)}
            common.emit_json(place | {"decision": decision, "packets": self._told})

    def _tell(self, packet: Packet, way: str, rest: str, **more: object) -> None:
        shown = attributes(packet)
        code = code_name(packet.code)
        self._told.append(
            {"way": way, "code": code, "identifier": packet.identifier}
            | more
            | {"attributes": [{"name": name, "value": value} for name, value in shown]}
        )
        self._say(f"{way} {code} {packet.identifier} {rest}")
        for name, value in shown:
            self._say(f"    {name} = {value}")

    def _say(self, line: str) -> None:
        if not self.as_json:
            click.echo(line)


def attributes(packet: Packet) -> list[tuple[str, str]]:
    """Return name and value of every attribute, in the order of the packet."""
    return [(names.title(kind), _value(kind, value)) for kind, value in _walk(packet)]


def code_name(code: int) -> str:
    """Return the RFC's name of a packet code."""
    return _CODES.get(code, str(code))


def text(octets: bytes) -> str:
    """Return *octets* for a terminal: what cannot be printed is shown as an escape."""
    decoded = octets.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in decoded)


def _signature(answer: Answer) -> str:
    if not answer.signed:
        return "missing"
    first = answer.packet.octets[numbers.HEADER_OCTETS] == numbers.MESSAGE_AUTHENTICATOR
    return "right, first" if first else "right, not first"


def _walk(packet: Packet) -> Iterator[tuple[int, bytes]]:
    octets = packet.octets
    at = numbers.HEADER_OCTETS
    while at < len(octets):
        size = octets[at + 1]
        yield octets[at], octets[at + 2 : at + size]
        at += size


def _value(kind: int, octets: bytes) -> str:
    if kind in _HIDDEN or (kind == numbers.VENDOR_SPECIFIC and _holds_keys(octets)):
        return f"({len(octets)} octets)"
    try:
        found = names.attribute(names.title(kind))
    except names.AttributeValueError:
        return f"0x{octets.hex()}"
    return _typed(found, octets)


def _holds_keys(octets: bytes) -> bool:
    at = len(_MICROSOFT)
    while octets.startswith(_MICROSOFT) and at + 1 < len(octets):
        if octets[at] in _MPPE_KEYS:
            return True
        at += max(octets[at + 1], 2)
    return False


def _typed(found: names.Attribute, octets: bytes) -> str:
    match found.kind, len(octets):
        case "string", _:
            return f'"{text(octets)}"'
        case "integer", 4:
            number = int.from_bytes(octets, "big")
            return next((name for name, at in found.values.items() if at == number), str(number))
        case "ipaddr", 4:
            return str(IPv4Address(octets))
        case "ipv6addr", 16:
            return str(IPv6Address(octets))
        case _:
            return f"0x{octets.hex()}"
