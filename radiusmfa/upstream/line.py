"""
One upstream as a login speaks to it: what is written to it, and what its replies mean.

Pure: it builds an inquiry and reads a response. Only a genuine Access-Accept is
Passed; texts and events decide nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, final

from radiusmfa.config.upstream_model import Passing
from radiusmfa.login import username
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Outcome, Reason, Unavailable
from radiusmfa.upstream import attributes
from radiusmfa.upstream.dialogue import Reader, UnwritableTextError
from radiusmfa.upstream.inquiry import Inquiry, Response
from radiusmfa.upstream.kept import EMPTY
from radiusmfa.wire import codec, mschap, numbers, vendor

if TYPE_CHECKING:
    from radiusmfa.config.upstream_model import Event, Upstream
    from radiusmfa.login.account import User
    from radiusmfa.login.person import Person
    from radiusmfa.login.talk import Talk
    from radiusmfa.upstream.kept import Kept
    from radiusmfa.wire.codec import Packet

_IDENTITY: Final = frozenset({
    numbers.NAS_IP_ADDRESS, numbers.NAS_IDENTIFIER, numbers.NAS_IPV6_ADDRESS,
})  # fmt: skip
_ALL: Final = Passing()
_INTEGER_OCTETS: Final = 4
_NOT_ASKED: Final = frozenset({
    Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY,
})  # fmt: skip
"""Why there is no reply: these say that nobody could be asked; the others that nobody answered."""


class Words(NamedTuple):
    """
    What a login says to an upstream in one round.

    Attributes:
        packet: The client's request.
        client: The client's name, for requests that bring no identity of a NAS.
        name: User-Name as it came.
        alias: The user's name there, UTF-8; empty: what came, rewritten.
        typed: What is to be User-Password.
        user: Whose login it is; a server of RADIUS is told the name alone.
        person: What a directory says of them, or None.
        place: Which login this is: what is the same in each of its requests.
        address: Where the person is, if that is known; else empty.
        can_show: The client can show what is asked.
        has_password: The password was right before.
        proof: CHAP or MS-CHAP attributes instead; empty: *typed* counts.
        talk: The dialogue that this continues, or None.
        deadline: Until when there has to be an answer, monotonic.
    """

    packet: Packet
    client: str
    name: bytes
    alias: str
    typed: bytes
    proof: bytes
    talk: Talk | None
    deadline: float
    user: User | None = None
    person: Person | None = None
    place: tuple[bytes, ...] = ()
    address: str = ""
    can_show: bool = False
    has_password: bool = False

    def __repr__(self) -> str:
        """Show nothing of the proof."""
        return "Words(...)"


class Heard(NamedTuple):
    """
    What an upstream has said.

    Attributes:
        outcome: Of the step that asked it.
        event: What its reply says, None: there is none.
        kept: What its Accept gives the client.
        state: Of its challenge.
        text: Its Reply-Messages as one text.
        echo: Prompt, 4 octets; empty: it has none.
        limit: Session-Timeout of its challenge: seconds that the person gets, None: none.
        error: Its MS-CHAP-Error, encoded; empty: none.
        is_waived: It wants nothing of this person: nothing was proved.
    """

    outcome: Outcome
    event: Event | None = None
    kept: Kept = EMPTY
    state: bytes = b""
    text: str = ""
    echo: bytes = b""
    limit: int | None = None
    error: bytes = b""
    is_waived: bool = False

    def __repr__(self) -> str:
        """Show nothing of State, keys, and a PIN in the text."""
        return f"Heard({self.outcome!r}, {self.event!r}, ...)"


@final
class Line:
    """
    One upstream, compiled once.

    Attributes:
        settings: From the configuration.
    """

    __slots__ = ("_reader", "_sent", "_taken", "settings")

    def __init__(self, settings: Upstream) -> None:
        """Compile *settings*, which are checked."""
        self.settings = settings
        self._reader = Reader(settings.dialogue, settings.codec)
        self._sent = attributes.Sent(settings.send)
        self._taken = attributes.Taken(settings.take)

    def inquiry(self, words: Words) -> Inquiry | Reason:
        """Return what is to be asked, or why that cannot be written."""
        try:
            name = self._name(words)
            typed = None if words.proof else self._reader.written(words.typed)
            parts = [codec.attribute(numbers.USER_NAME, name), words.proof]
        except (UnwritableTextError, codec.MalformedPacketError):
            return Reason.TEXT_NOT_WRITABLE
        talk, server = words.talk, ""
        if talk is not None and talk.state:
            parts.append(codec.attribute(numbers.STATE, talk.state))
            server = talk.server
        sent = self._sent.send(words.packet)
        parts.append(sent)
        if not self._names_a_nas(words.packet, sent):
            # RFC 2865 section 4.1: an Access-Request "MUST contain either a NAS-IP-Address
            # attribute or a NAS-Identifier attribute (or both)".
            parts.append(codec.attribute(numbers.NAS_IDENTIFIER, words.client.encode()))
        return Inquiry(
            upstream=self.settings.name,
            attributes=b"".join(parts),
            typed=typed,
            server=server,
            deadline=words.deadline,
        )

    def heard(self, response: Response, rounds: int) -> Heard:
        """
        Return what *response* means.

        Args:
            response: To an inquiry of this upstream.
            rounds: Its challenges in this login so far.
        """
        packet = response.packet
        if packet is None:
            reason = response.reason
            return Heard(Unavailable(reason) if reason in _NOT_ASKED else Failed(reason))
        text = self._reader.text(packet)
        event = self._reader.event(packet, text)
        if packet.code == numbers.ACCESS_ACCEPT:
            return self._accepted(packet, response, event)
        if packet.code == numbers.ACCESS_CHALLENGE:
            return self._asked(packet, event, text, rounds)
        error = _mschap_error(packet)
        return Heard(Failed(Reason.UPSTREAM_REFUSED), event, text=text, error=error)

    def _accepted(self, packet: Packet, response: Response, event: Event) -> Heard:
        try:
            kept = self._taken.take(packet, response.secret, response.authenticator)
        except attributes.UnusableReplyError:
            return Heard(Failed(Reason.BAD_UPSTREAM_REPLY), event)
        return Heard(PASSED, event, kept)

    def _asked(self, packet: Packet, event: Event, text: str, rounds: int) -> Heard:
        states = packet.values(numbers.STATE)
        # RFC 2865 section 5.44: at most one; without any there is nothing to answer to.
        if len(states) != 1 or not states[0] or numbers.EAP_MESSAGE in packet:
            return Heard(Failed(Reason.BAD_CHALLENGE), event)
        if rounds >= self.settings.rounds:
            return Heard(Failed(Reason.TOO_MANY_ROUNDS), event)
        echo = packet.value(numbers.PROMPT) or b""
        return Heard(
            UPSTREAM_ASKS,
            event,
            state=states[0],
            text=text,
            echo=echo if len(echo) == _INTEGER_OCTETS else b"",
            limit=_seconds(packet),
        )

    def _names_a_nas(self, packet: Packet, sent: bytes) -> bool:
        if self.settings.send == _ALL:  # nearly always: what came goes
            return packet.has_any(_IDENTITY)
        at = 0
        while at < len(sent):
            if sent[at] in _IDENTITY:
                return True
            at += sent[at + 1]
        return False

    def _name(self, words: Words) -> bytes:
        if words.alias:
            return self._reader.written(words.alias.encode())
        rules = self.settings.user_name
        name = username.stripped(words.name, rules.strip)
        if not name or not username.is_plain(name):
            # Nobody, or one whom we may take for another than that server does.
            raise UnwritableTextError("a name that is not to be written")
        if rules.domain:
            name = rules.domain.encode() + b"\\" + name
        if rules.realm:
            name = name + b"@" + rules.realm.encode()
        return self._reader.written(name)


def _seconds(packet: Packet) -> int | None:
    value = packet.value(numbers.SESSION_TIMEOUT)
    if value is None or len(value) != _INTEGER_OCTETS:
        return None
    return int.from_bytes(value, "big") or None


def _mschap_error(packet: Packet) -> bytes:
    for value in packet.values(numbers.VENDOR_SPECIFIC):
        for maker, kind, octets in vendor.sub_attributes(value) or ():
            if (maker, kind) == (mschap.MICROSOFT, mschap.CHAP_ERROR):
                return vendor.encode(maker, kind, octets)
    return b""
