"""
What a token server says: reply packets to events and texts, texts to octets that fit a client.

Nothing here decides a login: an event is for the audit, the counters and the prompt shown.
Whatever a reply holds, there is an event and a printable text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.upstream_model import Codec, Event
from radiusmfa.wire import names, numbers, vendor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from radiusmfa.config.upstream_model import Dialogue, Rule
    from radiusmfa.wire.codec import Packet

EMPTY: Final = b"Passcode: "
"""What stands for a text of which nothing is left; some clients fail without a Reply-Message."""

_REPLIES: Final = (numbers.ACCESS_ACCEPT, numbers.ACCESS_REJECT, numbers.ACCESS_CHALLENGE)
_TEXT: Final = "{text}"
_TEXT_KINDS: Final = frozenset({"string", "octets"})
_VENDOR_HEAD_OCTETS: Final = 8  # type, length, Vendor-Id, vendor type, vendor length
_HEAD_OCTETS: Final = 2
# How a question ends, also in the wide characters of East Asia.
_QUESTION: Final = (":", "?", "]", "\uff1a", "\uff1f", "\uff3d")
# `surrogateescape` leaves a broken octet as one of these; cp1252 has a character for most.
_BROKEN: Final = {
    0xDC00 + octet: bytes([octet]).decode("cp1252", "replace") for octet in range(0x80, 0x100)
}


class UnwritableTextError(ValueError):
    """A text that the server's codec has no octets for; it does not say which text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    """
    An attribute that must be there.

    Attributes:
        vendor: Enterprise number, 0 for a standard attribute.
        code: Its type.
        value: The octets; empty: any.
        within: Whether they may stand anywhere in the value.
    """

    vendor: int
    code: int
    value: bytes
    within: bool

    def holds(self, packet: Packet) -> bool:
        """Say whether *packet* has such an attribute."""
        return any(self._fits(value) for value in self._values(packet))

    def _values(self, packet: Packet) -> list[bytes]:
        if not self.vendor:
            return packet.values(self.code)
        if numbers.VENDOR_SPECIFIC not in packet:
            return []
        return [
            value
            for whole in packet.values(numbers.VENDOR_SPECIFIC)
            for maker, code, value in vendor.sub_attributes(whole) or ()
            if (maker, code) == (self.vendor, self.code)
        ]

    def _fits(self, value: bytes) -> bool:
        return self.value in value if self.within else self.value == value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Test:
    """A rule, ready to be tried."""

    event: Event
    code: int
    words: tuple[str, ...]
    conditions: tuple[_Condition, ...]

    def holds(self, packet: Packet) -> bool:
        """Say whether *packet* has the attributes that the rule names."""
        return not self.conditions or all(one.holds(packet) for one in self.conditions)


@final
class Reader:
    """Reads the replies of one upstream, and writes what it is told."""

    __slots__ = ("_codec", "_silent", "_spoken")

    def __init__(self, dialogue: Dialogue, codec: Codec) -> None:
        """
        Make the rules ready.

        Args:
            dialogue: How the server speaks; `config.dialogues` has checked its attributes.
            codec: How it writes text.

        Raises:
            AttributeValueError: An attribute that no dictionary has; `config.dialogues`
                lets none pass.
        """
        self._codec = codec
        tests = [_test(rule) for rule in dialogue.rules]
        # By code, those first that may fit a reply with a text, then those that may fit one
        # without: an Accept, as nearly all are, passes a handful of rules and not all.
        self._spoken = {
            code: tuple(test for test in tests if test.code in {0, code}) for code in _REPLIES
        }
        self._silent = {
            code: tuple(test for test in some if not any(test.words))
            for code, some in self._spoken.items()
        }

    def event(self, packet: Packet, text: str | None = None) -> Event:
        """
        Return what a reply says: the event of the first rule that fits.

        Where none fits, a Reject is `DENIED`; everything else is `OTHER`.

        Args:
            packet: The reply.
            text: Its `text`, if that is known already.
        """
        code = packet.code
        if text is None:
            text = self.text(packet)
        if not text:
            for test in self._silent.get(code, ()):
                if test.holds(packet):
                    return test.event
        else:
            said = _folded(text)
            for test in self._spoken.get(code, ()):
                for words in test.words:
                    if words not in said:
                        break
                else:
                    if test.holds(packet):
                        return test.event
        return Event.DENIED if packet.code == numbers.ACCESS_REJECT else Event.OTHER

    def text(self, packet: Packet) -> str:
        r"""
        Return the Reply-Messages as one text, each in a line of its own; may be empty.

        A Reply-Message of 253 octets is full: the next one continues it without a new
        line, for servers cut long texts there. Broken UTF-8 is read as cp1252 octet by
        octet. Every character is printable or `\n`; blanks around the text are gone.
        """
        if numbers.REPLY_MESSAGE not in packet:
            return ""
        octets = bytearray()
        for value in packet.values(numbers.REPLY_MESSAGE):
            octets += value
            if len(value) < numbers.LARGEST_VALUE:
                octets += b"\n"
        return _printable(self._decoded(bytes(octets)))

    def written(self, text_octets: bytes) -> bytes:
        """
        Return a client's octets (UTF-8) as the server writes them.

        For a server that writes UTF-8 they are passed on as they came, whatever they are:
        a password is octets.

        Raises:
            UnwritableTextError: The server writes cp1252, and the octets are no UTF-8 or
                hold a character that cp1252 lacks.
        """
        if self._codec is Codec.UTF_8:
            return text_octets
        octets = _in_cp1252(text_octets)
        if octets is None:
            raise UnwritableTextError("cannot be written in cp1252")
        return octets

    def _decoded(self, octets: bytes) -> str:
        if self._codec is Codec.CP1252:
            return octets.decode("cp1252", "replace")
        return octets.decode("utf-8", "surrogateescape").translate(_BROKEN)


def shown(event: Event, said: str, texts: Mapping[Event, str]) -> str:
    """
    Return the text of a challenge as a client gets it; may be empty.

    Args:
        event: What the server's challenge means.
        said: The server's text.
        texts: Those of the client's style, from `config.dialogues.prompt_texts`. An event
            that is not among them keeps the server's text; `{text}` stands for it.
    """
    text = texts.get(event)
    return said if text is None else text.replace(_TEXT, said)


def fitted(text: str, limit: int) -> bytes:
    """
    Return *text* in UTF-8, cut where it is too long; never empty.

    A text that ends as a question does (`:`, `?`, `]`) loses its beginning: below a menu
    or a greeting stands what to do. Any other text loses its end. It is cut between
    characters, and between words or lines where that leaves at least half of the room used.

    Args:
        text: What is to be shown; blanks alone become "Passcode: ".
        limit: Octets at most, 16 to 253.
    """
    octets = text.encode("utf-8", "replace")
    if not text.strip():
        return EMPTY
    if len(octets) <= limit:
        return octets
    plain = text.strip()
    octets = plain.encode("utf-8", "replace")
    if len(octets) <= limit:
        return octets
    if plain.endswith(_QUESTION):
        return _end(octets, limit)
    return _beginning(octets, limit)


def _end(octets: bytes, limit: int) -> bytes:
    piece = octets[-limit:].decode("utf-8", "ignore").encode()
    if not octets[-limit - 1 : -limit].isspace():
        for parting in (b"\n", b" "):
            at = piece.find(parting, 0, limit // 2)
            if at >= 0:
                piece = piece[at:]
                break
    return piece.lstrip()


def _beginning(octets: bytes, limit: int) -> bytes:
    piece = octets[:limit].decode("utf-8", "ignore").encode()
    if not octets[limit : limit + 1].isspace():
        at = max(piece.rfind(b"\n"), piece.rfind(b" "))
        piece = piece[:at] if at >= limit // 2 else piece
    return piece.rstrip()


def _test(rule: Rule) -> _Test:
    return _Test(
        event=rule.event,
        code=rule.code,
        words=tuple(_folded(words) for words in rule.words),
        conditions=tuple(_condition(name, value) for name, value in rule.attributes),
    )


def _condition(name: str, value: str) -> _Condition:
    found = names.attribute(name.partition(":")[0])
    octets = b""
    if value:
        head = _VENDOR_HEAD_OCTETS if found.vendor else _HEAD_OCTETS
        octets = names.encode(name, value)[head:]
    # A text need only stand somewhere in the value: State and MS-CHAP-Error hold more
    # than the word that is looked for. A number or an address is the whole value.
    return _Condition(
        vendor=found.vendor,
        code=found.code,
        value=octets,
        within=not value or found.kind in _TEXT_KINDS,
    )


def _in_cp1252(octets: bytes) -> bytes | None:
    # None, no exception: that would hold the text, which may be a password.
    try:
        return octets.decode("utf-8", "strict").encode("cp1252", "strict")
    except UnicodeError:
        return None


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()


def _printable(text: str) -> str:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join([_shown(character) for character in text]).strip()


def _shown(character: str) -> str:
    if character == "\n" or character.isprintable():
        return character
    # Tabs and the blanks of other scripts part words; what else cannot be seen is dropped.
    return " " if character.isspace() else ""
