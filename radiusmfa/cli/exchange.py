"""One request and its genuine answer over UDP, blocking: what a RADIUS client does."""

from __future__ import annotations

import secrets
import socket
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

import click

from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.secret import Secret

_ANSWERS: Final = {
    numbers.ACCESS_REQUEST: frozenset(
        {numbers.ACCESS_ACCEPT, numbers.ACCESS_REJECT, numbers.ACCESS_CHALLENGE}
    ),
    # An authentication port answers with Access-Accept, an accounting port with
    # Accounting-Response (RFC 5997 section 4.2).
    numbers.STATUS_SERVER: frozenset({numbers.ACCESS_ACCEPT, numbers.ACCOUNTING_RESPONSE}),
}
_NOT_ASKED: Final = "answers-something-else"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    Where to ask, and how patiently.

    Attributes:
        host: Name or numeric address, IPv4 or IPv6.
        port: UDP port.
        key: The secret shared with it.
        timeout: Seconds until the same octets are sent again.
        tries: How often they are sent.
        require_signature: Ignore a reply without Message-Authenticator.
    """

    host: str
    port: int
    key: codec.SigningKey
    timeout: float
    tries: int
    require_signature: bool = True

    def __str__(self) -> str:
        """Return `host:port`, with brackets around an IPv6 address."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    A reply that is genuine.

    Attributes:
        packet: The reply.
        signed: Whether it carries a Message-Authenticator, which then is right.
        seconds: From the first sending to the reply.
        sent: How often the request was sent.
        ignored: What else arrived, by the fault that made it be ignored.
    """

    packet: codec.Packet
    signed: bool
    seconds: float
    sent: int
    ignored: dict[str, int]


@final
class SilenceError(Exception):
    """
    No genuine answer came.

    Attributes:
        refused: The host said that nothing listens on that port.
        ignored: What arrived and was not genuine, by fault.
    """

    def __init__(self, ignored: dict[str, int], *, refused: bool = False) -> None:
        """Keep what is known."""
        super().__init__("no answer")
        self.ignored = ignored
        self.refused = refused


def login_request(  # noqa: PLR0913 - the fields of a login
    key: codec.SigningKey,
    name: bytes,
    proof: Secret,
    state: bytes | None = None,
    more: bytes = b"",
    *,
    signed: bool = True,
) -> bytes:
    """
    Return the octets of an Access-Request with a fresh identifier and authenticator.

    Args:
        key: The secret shared with the server.
        name: User-Name.
        proof: User-Password, in clear.
        state: Of the challenge that is answered.
        more: Further attributes, encoded.
        signed: Put a Message-Authenticator first.

    Raises:
        click.UsageError: Name or proof are too long for RADIUS.
    """
    authenticator = secrets.token_bytes(numbers.AUTHENTICATOR_OCTETS)
    try:
        hidden = password.hide(proof.reveal(), key.secret, authenticator)
        attributes = codec.attribute(numbers.USER_NAME, name)
    except (password.PasswordError, codec.PacketError):
        msg = "A user name has at most 253 octets, a password or code at most 128."
        raise click.UsageError(msg) from None
    attributes += codec.attribute(numbers.USER_PASSWORD, hidden) + more
    if state is not None:
        attributes += codec.attribute(numbers.STATE, state)
    return codec.request(
        numbers.ACCESS_REQUEST, secrets.randbelow(256), authenticator, attributes, key,
        signed=signed,
    )  # fmt: skip


def ask(server: Server, octets: bytes) -> Answer:
    """
    Send the request *octets* until a genuine answer comes, and return that.

    A reply that does not verify changes nothing, not even the timer (RFC 2865
    section 3, RFC 5080 section 2.2.1); a retransmission has the same octets.

    Raises:
        SilenceError: Nothing genuine came in time.
        OSError: The address cannot be resolved or reached.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            server.host, server.port, type=socket.SOCK_DGRAM
        )[0]
    except socket.gaierror as error:
        error.filename = server.host  # the system says why, but not of which name
        raise
    ignored: Counter[str] = Counter()
    with socket.socket(family, kind, protocol) as channel:
        channel.connect(address)
        start = time.monotonic()
        for sent in range(1, server.tries + 1):
            try:
                channel.send(octets)
                for datagram in _arriving(channel, server.timeout):
                    verdict = _genuine(datagram, octets, server)
                    if not isinstance(verdict, str):
                        packet, signed = verdict
                        return Answer(
                            packet=packet,
                            signed=signed,
                            seconds=time.monotonic() - start,
                            sent=sent,
                            ignored=dict(ignored),
                        )
                    ignored[verdict] += 1
            except ConnectionRefusedError:
                raise SilenceError(dict(ignored), refused=True) from None
    raise SilenceError(dict(ignored))


def _arriving(channel: socket.socket, seconds: float) -> Iterator[bytes]:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        channel.settimeout(left)
        try:
            yield channel.recv(65535)
        except TimeoutError:
            return


def _genuine(datagram: bytes, asked: bytes, server: Server) -> tuple[codec.Packet, bool] | str:
    try:
        packet = codec.decode(datagram, _ANSWERS[asked[0]])
        if packet.identifier != asked[1]:
            return _NOT_ASKED
        signed = codec.verify_reply(
            packet, asked[4:20], server.key, require_signature=server.require_signature
        )
    except codec.PacketError as error:
        return error.fault.value
    return packet, signed
