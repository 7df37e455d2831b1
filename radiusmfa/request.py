"""What an Access-Request asks: who, with which proof, in answer to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from radiusmfa.outcome import Reason
from radiusmfa.wire import codec, mschap, numbers, password, vendor

if TYPE_CHECKING:
    from radiusmfa.wire.codec import Packet

_AT_MOST_ONCE: Final = frozenset({
    numbers.USER_NAME,
    numbers.USER_PASSWORD,
    numbers.CHAP_PASSWORD,
    numbers.CHAP_CHALLENGE,
    numbers.STATE,
})  # fmt: skip
_MOST_PROXIES: Final = 20  # more Proxy-States than that are a circle
_NEVER_RELAYED: Final = frozenset({numbers.EAP_MESSAGE, numbers.ARAP_PASSWORD})
_CHAP_PASSWORD_OCTETS: Final = 17  # RFC 2865 section 5.3
_LEAST_CHALLENGE_OCTETS: Final = 5  # RFC 2865 section 5.40: Length >= 7
_RESPONSES: Final = frozenset({mschap.CHAP_RESPONSE, mschap.CHAP2_RESPONSE})


class Credentials(NamedTuple):
    """
    What a request proves with.

    Attributes:
        name: User-Name as it came.
        typed: User-Password in clear: octets, never text.
        state: State, if it answers a challenge.
        proof: Instead of a password: the encoded attributes of CHAP or MS-CHAP, which
            only an upstream can check; empty: a password was typed.
    """

    name: bytes
    typed: bytes
    state: bytes | None
    proof: bytes = b""

    def __repr__(self) -> str:
        """Show nothing of the proof."""
        return "Credentials(...)"


def read(  # noqa: PLR0911 - one a reason
    packet: Packet, secret: bytes, *, without_password: bool = False
) -> Credentials | Reason:
    """
    Return what *packet* asks, or why it cannot be decided (it is then rejected).

    RFC 2865 section 5.44: each of these at most once, and only one kind of proof. A signed
    answer to a challenge may hold none: somebody has pressed Enter.

    Args:
        packet: Verified.
        secret: Shared with the client.
        without_password: A signed request without any proof is one with an empty password.
    """
    if packet.is_repeated(_AT_MOST_ONCE):
        return Reason.DUPLICATE_ATTRIBUTE
    hidden = packet.value(numbers.USER_PASSWORD)
    proof = b""
    if _has_other_proof(packet):
        if hidden is not None:
            return Reason.TWO_CREDENTIALS
        read = _proof(packet)
        if isinstance(read, Reason):
            return read
        proof = read
    elif hidden is None and not _may_be_empty(packet, without_password=without_password):
        return Reason.NO_CREDENTIALS
    name = packet.value(numbers.USER_NAME)
    if not name:
        return Reason.NO_USER_NAME if name is None else Reason.BAD_USER_NAME
    typed = b""
    if hidden is not None:
        try:
            typed = password.recover(hidden, secret, packet.authenticator)
        except password.PasswordError:
            return Reason.BAD_USER_PASSWORD
    return Credentials(name, typed, packet.value(numbers.STATE), proof)


def _may_be_empty(packet: Packet, *, without_password: bool) -> bool:
    # RFC 2865 section 4.1: a password, or a State. Who has approved a push presses Enter, and
    # some clients then send no User-Password at all.
    is_signed = numbers.MESSAGE_AUTHENTICATOR in packet
    return is_signed and (without_password or numbers.STATE in packet)


def is_loop(packet: Packet, marker: bytes) -> bool:
    """Say whether the request has been here before, or through too many proxies."""
    if numbers.PROXY_STATE not in packet:
        return False
    states = packet.values(numbers.PROXY_STATE)
    return len(states) > _MOST_PROXIES or any(one.startswith(marker) for one in states)


def has_no_proof(packet: Packet) -> bool:
    """Say whether the request holds no credential of any kind (RFC 3579 section 3.3 note 1)."""
    return numbers.USER_PASSWORD not in packet and not _has_other_proof(packet)


def _has_other_proof(packet: Packet) -> bool:
    return (
        numbers.CHAP_PASSWORD in packet
        or packet.has_any(_NEVER_RELAYED)
        or (numbers.VENDOR_SPECIFIC in packet and bool(_responses(_microsoft(packet))))
    )


def _proof(packet: Packet) -> bytes | Reason:  # noqa: PLR0911 - one a reason
    if packet.has_any(_NEVER_RELAYED):
        return Reason.UNSUPPORTED_METHOD
    parts = _microsoft(packet) if numbers.VENDOR_SPECIFIC in packet else []
    responses = _responses(parts)
    chap = packet.value(numbers.CHAP_PASSWORD)
    if chap is None:
        if responses > 1:
            return Reason.TWO_CREDENTIALS
        # What is not the answer to a challenge, or to two of them, proves nothing.
        if sum(kind == mschap.CHAP_CHALLENGE for kind, _ in parts) != 1:
            return Reason.BAD_USER_PASSWORD
        return b"".join(vendor.encode(mschap.MICROSOFT, *part) for part in parts)
    if responses:
        return Reason.TWO_CREDENTIALS
    if len(chap) != _CHAP_PASSWORD_OCTETS:
        return Reason.BAD_USER_PASSWORD
    challenge = packet.value(numbers.CHAP_CHALLENGE)
    if challenge is None:
        # RFC 2865 section 5.3: the Request Authenticator stands for it, and the upstream
        # gets another one.
        challenge = packet.authenticator
    if len(challenge) < _LEAST_CHALLENGE_OCTETS:
        return Reason.BAD_USER_PASSWORD
    return packet.raw(numbers.CHAP_PASSWORD) + codec.attribute(numbers.CHAP_CHALLENGE, challenge)


def _microsoft(packet: Packet) -> list[tuple[int, bytes]]:
    return [
        (kind, value)
        for whole in packet.values(numbers.VENDOR_SPECIFIC)
        for maker, kind, value in vendor.sub_attributes(whole) or ()
        if maker == mschap.MICROSOFT and kind in mschap.OF_REQUEST
    ]


def _responses(parts: list[tuple[int, bytes]]) -> int:
    return sum(kind in _RESPONSES for kind, _ in parts)
