"""What an upstream is asked in one round, how the packet is built, and what came of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from radiusmfa.outcome import Reason
from radiusmfa.wire import codec, numbers, password
from radiusmfa.wire.codec import Fault, Packet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from radiusmfa.wire.codec import SigningKey


NOTHING: Final[Mapping[str, int]] = MappingProxyType({})


class Inquiry(NamedTuple):
    """
    One round with an upstream.

    Attributes:
        upstream: Whom to ask.
        attributes: Encoded, but for User-Password, Proxy-State and Message-Authenticator.
        typed: What is hidden as User-Password, 0 to 128 octets; None: the proof is among
            the attributes.
        deadline: When the client has to have its answer, monotonic.
        server: The one whose dialogue this continues; empty: any.
    """

    upstream: str
    attributes: bytes
    typed: bytes | None
    deadline: float
    server: str = ""

    def __repr__(self) -> str:
        """Show nothing of the proof."""
        return f"Inquiry({self.upstream!r}, ...)"


class Response(NamedTuple):
    """
    What came of an inquiry.

    Attributes:
        upstream: Who was asked.
        server: Which of its servers last, empty: none could be.
        packet: Its genuine reply, or None.
        reason: Why there is none.
        secret: That server's, to open what is hidden in the reply.
        authenticator: Of the request that is answered.
        sent: How many packets were sent, to all servers.
        servers: How many servers were tried.
        seconds: From the inquiry to here.
        ignored: What else arrived for it, by fault.
    """

    upstream: str
    server: str = ""
    packet: Packet | None = None
    reason: Reason = Reason.UPSTREAM_SILENT
    secret: bytes = b""
    authenticator: bytes = b""
    sent: int = 0
    servers: int = 0
    seconds: float = 0.0
    ignored: Mapping[str, int] = NOTHING

    def __repr__(self) -> str:
        """Show nothing of the secret."""
        return f"Response({self.upstream!r}, {self.server!r}, {self.reason.value})"


REPLIES: Final = frozenset({numbers.ACCESS_ACCEPT, numbers.ACCESS_REJECT, numbers.ACCESS_CHALLENGE})
"""What an Access-Request may be answered with."""


def build(
    inquiry: Inquiry, identifier: int, authenticator: bytes, proxy_state: bytes, key: SigningKey
) -> bytes:
    """
    Return the packet of *inquiry* for a server that shares *key* with us.

    Message-Authenticator first, then a password hidden for that server, then what is
    passed on, our Proxy-State last (RFC 2865 section 5.33).

    Raises:
        MalformedPacketError: It would pass 4096 octets.
        PasswordError: The password has more than 128 octets.
    """
    hidden = b""
    if inquiry.typed is not None:
        hidden = codec.attribute(
            numbers.USER_PASSWORD, password.hide(inquiry.typed, key.secret, authenticator)
        )
    own = codec.attribute(numbers.PROXY_STATE, proxy_state)
    attributes = b"".join((hidden, inquiry.attributes, own))
    return codec.request(numbers.ACCESS_REQUEST, identifier, authenticator, attributes, key)


def check(
    packet: Packet,
    authenticator: bytes,
    proxy_state: bytes,
    key: SigningKey,
    *,
    require_signature: bool,
) -> None:
    """
    Check a reply to our request; raise PacketError if it has to be ignored.

    Args:
        packet: Decoded.
        authenticator: Of the request.
        proxy_state: Of the request; a reply brings it back unchanged and no other. One
            that brings none is taken: what it would prove, the signature proves better.
        key: The server's.
        require_signature: See `codec.verify_reply`.
    """
    codec.verify_reply(packet, authenticator, key, require_signature=require_signature)
    if numbers.PROXY_STATE in packet and packet.values(numbers.PROXY_STATE) != [proxy_state]:
        raise codec.UnverifiedPacketError(Fault.BAD_PROXY_STATE)
