"""What an Access-Request asks: who, with which proof, in answer to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from radiusmfa.outcome import Reason
from radiusmfa.wire import numbers, password

if TYPE_CHECKING:
    from radiusmfa.wire.codec import Packet

_AT_MOST_ONCE: Final = frozenset({
    numbers.USER_NAME,
    numbers.USER_PASSWORD,
    numbers.CHAP_PASSWORD,
    numbers.STATE,
})  # fmt: skip
_OTHER_PROOFS: Final = frozenset({numbers.CHAP_PASSWORD, numbers.EAP_MESSAGE, 70})  # ARAP-Password
_MICROSOFT: Final = (311).to_bytes(4, "big")
_MS_CHAP_RESPONSES: Final = frozenset({1, 25})  # RFC 2548 sections 2.1.3, 2.3.2


class Credentials(NamedTuple):
    """
    What a PAP request proves with.

    Attributes:
        name: User-Name as it came.
        typed: User-Password in clear: octets, never text.
        state: State, if it answers a challenge.
    """

    name: bytes
    typed: bytes
    state: bytes | None

    def __repr__(self) -> str:
        """Show nothing of the proof."""
        return "Credentials(...)"


def read(packet: Packet, secret: bytes) -> Credentials | Reason:
    """
    Return what *packet* asks, or why it cannot be decided (it is then rejected).

    RFC 2865 section 5.44: each of these at most once, and only one kind of proof.
    """
    if packet.is_repeated(_AT_MOST_ONCE):
        return Reason.DUPLICATE_ATTRIBUTE
    hidden = packet.value(numbers.USER_PASSWORD)
    if _has_other_proof(packet):
        return Reason.UNSUPPORTED_METHOD if hidden is None else Reason.TWO_CREDENTIALS
    if hidden is None:
        return Reason.NO_CREDENTIALS
    name = packet.value(numbers.USER_NAME)
    if not name:
        return Reason.NO_USER_NAME if name is None else Reason.BAD_USER_NAME
    try:
        typed = password.recover(hidden, secret, packet.authenticator)
    except password.PasswordError:
        return Reason.BAD_USER_PASSWORD
    return Credentials(name, typed, packet.value(numbers.STATE))


def has_no_proof(packet: Packet) -> bool:
    """Say whether the request holds no credential of any kind (RFC 3579 section 3.3 note 1)."""
    return numbers.USER_PASSWORD not in packet and not _has_other_proof(packet)


def _has_other_proof(packet: Packet) -> bool:
    return packet.has_any(_OTHER_PROOFS) or (
        numbers.VENDOR_SPECIFIC in packet and _has_ms_chap(packet)
    )


def _has_ms_chap(packet: Packet) -> bool:
    values = packet.values(numbers.VENDOR_SPECIFIC)
    return any(value[:4] == _MICROSOFT and _holds_response(value) for value in values)


def _holds_response(value: bytes) -> bool:
    at = 4  # after the vendor; several may follow in one attribute (RFC 2865 section 5.26)
    while at < len(value):
        if value[at] in _MS_CHAP_RESPONSES:
            return True
        size = value[at + 1] if at + 1 < len(value) else 0
        if size < 2:  # noqa: PLR2004 - type and length octets are part of the length
            return False
        at += size
    return False
