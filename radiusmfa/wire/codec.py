"""
Packets: octets to values and back; decode, verify, encode, sign.

RFC 2865 section 3, RFC 2866 section 3, RFC 3579 section 3.2, RFC 5080 section
2.2.2, RFC 5997 section 3. One walk over the octets checks and indexes the
attributes together; a value is cut out only when somebody asks for it. Whatever
octets come in, `decode` and `verify` answer with a value or with one of the two
errors below, and nothing else.
"""

from __future__ import annotations

import hmac
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, final

from radiusmfa.wire import numbers
from radiusmfa.wire.digest import md5

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from radiusmfa.secret import Secret

AUTHENTICATION_PORT: Final = frozenset({numbers.ACCESS_REQUEST, numbers.STATUS_SERVER})
ACCOUNTING_PORT: Final = frozenset({numbers.ACCOUNTING_REQUEST, numbers.STATUS_SERVER})

_ZEROS: Final = bytes(numbers.AUTHENTICATOR_OCTETS)
_SIGNATURE_OCTETS: Final = 18
_SIGNATURE_HEAD: Final = bytes((numbers.MESSAGE_AUTHENTICATOR, _SIGNATURE_OCTETS))
_BLANK_SIGNATURE: Final = _SIGNATURE_HEAD + _ZEROS
_MD5_BLOCK_OCTETS: Final = 64
_INNER_PAD: Final = bytes(octet ^ 0x36 for octet in range(256))
_OUTER_PAD: Final = bytes(octet ^ 0x5C for octet in range(256))


@unique
class Fault(StrEnum):
    """Why a packet is discarded; stable names for counters and the log."""

    UNKNOWN_CLIENT = "unknown-client"
    SHORT_PACKET = "short-packet"
    BAD_LENGTH = "bad-length"
    TOO_LONG = "too-long"
    UNKNOWN_CODE = "unknown-code"
    UNEXPECTED_CODE = "unexpected-code"
    WRONG_PORT = "wrong-port"
    ATTRIBUTE_TOO_SHORT = "attribute-too-short"
    ATTRIBUTE_OVERFLOW = "attribute-overflow"
    ATTRIBUTE_TYPE_0 = "attribute-type-0"
    TOO_MANY_ATTRIBUTES = "too-many-attributes"
    DUPLICATE_MESSAGE_AUTHENTICATOR = "duplicate-message-authenticator"
    BAD_MESSAGE_AUTHENTICATOR = "bad-message-authenticator"
    MISSING_MESSAGE_AUTHENTICATOR = "missing-message-authenticator"
    PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR = "proxy-state-without-message-authenticator"
    BAD_REQUEST_AUTHENTICATOR = "bad-request-authenticator"
    BAD_RESPONSE_AUTHENTICATOR = "bad-response-authenticator"
    BAD_PROXY_STATE = "bad-proxy-state"
    UNEXPECTED_REPLY = "unexpected-reply"
    WRONG_SOURCE = "wrong-source"
    NO_CREDENTIALS = "no-credentials"
    MISSING_ATTRIBUTE = "missing-attribute"
    BAD_ATTRIBUTE = "bad-attribute"


class PacketError(Exception):
    """
    A packet that is discarded in silence.

    Attributes:
        fault: Why.
    """

    def __init__(self, fault: Fault) -> None:
        """Keep *fault*; there is nothing else to say to anyone."""
        super().__init__(fault.value)
        self.fault = fault


class MalformedPacketError(PacketError):
    """The octets are not a RADIUS packet that this port serves."""


class UnverifiedPacketError(PacketError):
    """Nothing shows that the packet comes from the client, or it was changed."""


@final
class SigningKey:
    """
    A shared secret, ready to sign.

    The two MD5 states of HMAC (RFC 2104) are made once and copied per packet: a
    fifth of the cost of a fresh HMAC.
    """

    __slots__ = ("_inner", "_outer", "secret")

    def __init__(self, secret: Secret) -> None:
        """Prepare the states for *secret*, at least one octet."""
        self.secret = secret.reveal()
        key = self.secret
        if len(key) > _MD5_BLOCK_OCTETS:
            key = md5(key).digest()
        key = key.ljust(_MD5_BLOCK_OCTETS, b"\0")
        self._inner = md5(key.translate(_INNER_PAD))
        self._outer = md5(key.translate(_OUTER_PAD))

    def hmac(self, octets: bytes) -> bytes:
        """Return HMAC-MD5 over *octets*, 16 octets."""
        inner = self._inner.copy()
        inner.update(octets)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


@final
class Packet:
    """
    A packet whose structure has been checked.

    Attributes:
        code: Packet code.
        identifier: The one-octet header field.
        authenticator: The 16-octet header field.
        octets: The packet without padding, 20 to 4096 octets.
    """

    __slots__ = ("_first", "_repeated", "authenticator", "code", "identifier", "octets")

    def __init__(
        self, octets: bytes, first: dict[int, int], repeated: dict[int, list[int]] | None
    ) -> None:
        """Keep the walk's index; only `decode` makes packets."""
        self.code = octets[0]
        self.identifier = octets[1]
        self.authenticator = octets[4:20]
        self.octets = octets
        self._first = first
        self._repeated = repeated

    def __contains__(self, kind: int) -> bool:
        """Say whether an attribute of type *kind* is there."""
        return kind in self._first

    def has_any(self, kinds: Collection[int]) -> bool:
        """Say whether an attribute of one of *kinds* is there."""
        return not self._first.keys().isdisjoint(kinds)

    def value(self, kind: int) -> bytes | None:
        """Return the first value of type *kind*, 0 to 253 octets, or None."""
        at = self._first.get(kind)
        if at is None:
            return None
        return self.octets[at + 2 : at + self.octets[at + 1]]

    def values(self, kind: int) -> list[bytes]:
        """Return the values of type *kind* in their order."""
        octets = self.octets
        return [octets[at + 2 : at + octets[at + 1]] for at in self._places(kind)]

    def raw(self, kind: int) -> bytes:
        """Return all attributes of type *kind* as they came, headers included."""
        octets = self.octets
        return b"".join([octets[at : at + octets[at + 1]] for at in self._places(kind)])

    def is_repeated(self, kinds: Collection[int]) -> bool:
        """Say whether one of *kinds* is there more than once."""
        return self._repeated is not None and not self._repeated.keys().isdisjoint(kinds)

    def _places(self, kind: int) -> Iterable[int]:
        if self._repeated is not None and kind in self._repeated:
            return self._repeated[kind]
        return () if kind not in self._first else (self._first[kind],)


def decode(datagram: bytes, served: frozenset[int] | None = None) -> Packet:
    """
    Return the packet in *datagram*, or raise MalformedPacketError.

    Args:
        datagram: What arrived, of any size.
        served: Codes that this port serves; None takes any code.
    """
    octets = _without_padding(datagram)
    if served is not None and octets[0] not in served:
        raise MalformedPacketError(_fault_of_code(octets[0]))
    end = len(octets)
    at = numbers.HEADER_OCTETS
    first: dict[int, int] = {}
    repeated: dict[int, list[int]] | None = None
    count = 0
    while at < end:
        if at + 1 == end:
            raise MalformedPacketError(Fault.ATTRIBUTE_OVERFLOW)
        size = octets[at + 1]
        if size < 2:  # noqa: PLR2004 - type and length octets are part of the length
            raise MalformedPacketError(Fault.ATTRIBUTE_TOO_SHORT)
        kind = octets[at]
        if kind in first:
            repeated = {} if repeated is None else repeated
            _note_repeated(repeated, kind, (first[kind], at), count)
        else:
            first[kind] = at
        at += size
        count += 1
    if at != end:
        raise MalformedPacketError(Fault.ATTRIBUTE_OVERFLOW)
    if 0 in first:
        raise MalformedPacketError(Fault.ATTRIBUTE_TYPE_0)
    if count > numbers.MOST_ATTRIBUTES:
        raise MalformedPacketError(Fault.TOO_MANY_ATTRIBUTES)
    _check_signature_shape(octets, first, repeated)
    return Packet(octets, first, repeated)


def verify(packet: Packet, key: SigningKey) -> bool:
    """
    Check what is signed in a request; raise UnverifiedPacketError if it is wrong.

    Returns:
        Whether the packet carries a Message-Authenticator, which then is right.
        Whether one is *required* is the caller's rule (`clients`), but a
        Status-Server and a packet with EAP-Message always need one (RFC 5997
        section 3, RFC 3579 section 3.2).
    """
    octets = packet.octets
    at = packet._first.get(numbers.MESSAGE_AUTHENTICATOR)  # noqa: SLF001 - same module
    if packet.code == numbers.ACCOUNTING_REQUEST:
        # RFC 2866 section 3: the Request Authenticator is a hash with itself zeroed.
        octets = b"".join((octets[:4], _ZEROS, octets[20:]))
        if not hmac.compare_digest(md5(octets + key.secret).digest(), packet.authenticator):
            raise UnverifiedPacketError(Fault.BAD_REQUEST_AUTHENTICATOR)
    if at is None:
        if packet.code == numbers.STATUS_SERVER or numbers.EAP_MESSAGE in packet:
            raise UnverifiedPacketError(Fault.MISSING_MESSAGE_AUTHENTICATOR)
        return False
    blanked = b"".join((octets[: at + 2], _ZEROS, octets[at + 18 :]))
    if not hmac.compare_digest(key.hmac(blanked), octets[at + 2 : at + 18]):
        raise UnverifiedPacketError(Fault.BAD_MESSAGE_AUTHENTICATOR)
    return True


def reply(
    code: int,
    request: Packet,
    key: SigningKey,
    attributes: bytes = b"",
    *,
    signed: bool = True,
) -> bytes | None:
    """
    Return the reply to *request*, or None if it would pass 4096 octets.

    Message-Authenticator comes first (CVE-2024-3596: what follows the header is
    then unknown to an attacker), then *attributes*, then the request's
    Proxy-State unchanged and in order (RFC 2865 section 5.33).

    Args:
        code: Packet code of the reply.
        request: What is answered.
        key: The client's.
        attributes: Encoded attributes, without Message-Authenticator and Proxy-State.
        signed: False leaves Message-Authenticator out, for clients that drop it.
    """
    if numbers.PROXY_STATE in request:
        attributes += request.raw(numbers.PROXY_STATE)
    size = numbers.HEADER_OCTETS + len(attributes) + (_SIGNATURE_OCTETS if signed else 0)
    if size > numbers.LARGEST_PACKET:
        return None
    head = bytes((code, request.identifier, size >> 8, size & 255))
    start = head + request.authenticator
    if signed:
        mac = key.hmac(b"".join((start, _BLANK_SIGNATURE, attributes)))
        attributes = b"".join((_SIGNATURE_HEAD, mac, attributes))
    digest = md5(b"".join((start, attributes, key.secret))).digest()
    return b"".join((head, digest, attributes))


def request(  # noqa: PLR0913 - the fields of a packet
    code: int,
    identifier: int,
    authenticator: bytes,
    attributes: bytes,
    key: SigningKey,
    *,
    signed: bool = True,
) -> bytes:
    """
    Return a request, as a client sends it.

    Args:
        code: Access-Request, Accounting-Request or Status-Server.
        identifier: 0 to 255.
        authenticator: 16 random octets; not looked at for Accounting-Request.
        attributes: Encoded attributes, without Message-Authenticator.
        key: The secret shared with the server.
        signed: Put Message-Authenticator first.
    """
    size = numbers.HEADER_OCTETS + len(attributes) + (_SIGNATURE_OCTETS if signed else 0)
    if size > numbers.LARGEST_PACKET:
        raise MalformedPacketError(Fault.TOO_LONG)
    accounting = code == numbers.ACCOUNTING_REQUEST
    head = bytes((code, identifier, size >> 8, size & 255))
    start = head + (_ZEROS if accounting else authenticator)
    if signed:
        mac = key.hmac(b"".join((start, _BLANK_SIGNATURE, attributes)))
        attributes = b"".join((_SIGNATURE_HEAD, mac, attributes))
    if accounting:
        authenticator = md5(b"".join((start, attributes, key.secret))).digest()
    return b"".join((head, authenticator, attributes))


def verify_reply(
    answer: Packet, authenticator: bytes, key: SigningKey, *, require_signature: bool = True
) -> bool:
    """
    Check a reply as a client must; raise UnverifiedPacketError if it is not genuine.

    Args:
        answer: The decoded reply.
        authenticator: Request Authenticator of the request it answers.
        key: The secret shared with the server.
        require_signature: Refuse a reply without Message-Authenticator.

    Returns:
        Whether it carries a Message-Authenticator, which then is right.
    """
    octets = b"".join((answer.octets[:4], authenticator, answer.octets[20:]))
    if not hmac.compare_digest(md5(octets + key.secret).digest(), answer.authenticator):
        raise UnverifiedPacketError(Fault.BAD_RESPONSE_AUTHENTICATOR)
    at = answer._first.get(numbers.MESSAGE_AUTHENTICATOR)  # noqa: SLF001 - same module
    if at is None:
        if require_signature:
            raise UnverifiedPacketError(Fault.MISSING_MESSAGE_AUTHENTICATOR)
        return False
    blanked = b"".join((octets[: at + 2], _ZEROS, octets[at + 18 :]))
    if not hmac.compare_digest(key.hmac(blanked), octets[at + 2 : at + 18]):
        raise UnverifiedPacketError(Fault.BAD_MESSAGE_AUTHENTICATOR)
    return True


def attribute(kind: int, value: bytes) -> bytes:
    """Return one attribute: type, length, *value* of at most 253 octets."""
    if len(value) > numbers.LARGEST_VALUE:
        raise MalformedPacketError(Fault.ATTRIBUTE_OVERFLOW)
    return bytes((kind, len(value) + 2)) + value


def _without_padding(datagram: bytes) -> bytes:
    if len(datagram) < numbers.HEADER_OCTETS:
        raise MalformedPacketError(Fault.SHORT_PACKET)
    size = datagram[2] << 8 | datagram[3]
    if size > numbers.LARGEST_PACKET:
        raise MalformedPacketError(Fault.TOO_LONG)
    if size == len(datagram):
        return datagram
    if size < numbers.HEADER_OCTETS or size > len(datagram):
        raise MalformedPacketError(Fault.BAD_LENGTH)
    # "Octets outside the range of the Length field MUST be treated as padding and
    # ignored on reception" (RFC 2865 section 3).
    return datagram[:size]


def _fault_of_code(code: int) -> Fault:
    if code in numbers.NOT_FOR_A_SERVER:
        return Fault.UNEXPECTED_CODE
    if code in numbers.DYNAMIC_AUTHORIZATION or code in AUTHENTICATION_PORT | ACCOUNTING_PORT:
        return Fault.WRONG_PORT
    return Fault.UNKNOWN_CODE


def _note_repeated(
    repeated: dict[int, list[int]], kind: int, places: tuple[int, int], count: int
) -> None:
    # Nobody makes us walk over two thousand attributes: so many must repeat their types.
    if count >= numbers.MOST_ATTRIBUTES:
        raise MalformedPacketError(Fault.TOO_MANY_ATTRIBUTES)
    repeated.setdefault(kind, [places[0]]).append(places[1])


def _check_signature_shape(
    octets: bytes, first: dict[int, int], repeated: dict[int, list[int]] | None
) -> None:
    at = first.get(numbers.MESSAGE_AUTHENTICATOR)
    if at is None:
        return
    # At most one (RFC 2869 section 5.19), of 16 octets (RFC 3579 section 3.2).
    if repeated is not None and numbers.MESSAGE_AUTHENTICATOR in repeated:
        raise MalformedPacketError(Fault.DUPLICATE_MESSAGE_AUTHENTICATOR)
    if octets[at + 1] != _SIGNATURE_OCTETS:
        raise MalformedPacketError(Fault.BAD_MESSAGE_AUTHENTICATOR)
