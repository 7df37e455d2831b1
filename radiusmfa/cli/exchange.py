"""One request and its genuine answer over UDP, blocking: what a RADIUS client does."""

from __future__ import annotations

import secrets
import socket
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, final

import click

from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from radiusmfa.secret import Secret

LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not bound
"""Where a server is asked that listens on all addresses of a family."""

_ANSWERS: Final = {
    numbers.ACCESS_REQUEST: frozenset(
        {numbers.ACCESS_ACCEPT, numbers.ACCESS_REJECT, numbers.ACCESS_CHALLENGE}
    ),
    # An authentication port answers with Access-Accept, an accounting port with
    # Accounting-Response (RFC 5997 section 4.2).
    numbers.STATUS_SERVER: frozenset({numbers.ACCESS_ACCEPT, numbers.ACCOUNTING_RESPONSE}),
}
_NOT_ASKED: Final = "answers-something-else"
_ELSEWHERE: Final = codec.Fault.WRONG_SOURCE.value
_IP_RECVERR: Final = 11  # linux/in.h
_IPV6_RECVERR: Final = 25  # linux/in6.h


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
        elsewhere: Other addresses from which answers came that are genuine but for that.
    """

    def __init__(
        self,
        ignored: dict[str, int],
        *,
        refused: bool = False,
        elsewhere: tuple[str, ...] = (),
    ) -> None:
        """Keep what is known."""
        super().__init__("no answer")
        self.ignored = ignored
        self.refused = refused
        self.elsewhere = elsewhere


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
    with Channel(server, octets) as channel:
        for _ in range(server.tries):
            try:
                channel.send()
                answer = channel.wait(server.timeout)
            except ConnectionRefusedError:
                raise channel.silence(refused=True) from None
            if answer is not None:
                return answer
        raise channel.silence()


@final
class Channel:
    """
    A socket of its own for one request; used as a context it is closed at the end.

    It is not connected, so that an answer from another address can be told from silence;
    ICMP errors arrive all the same (`IP_RECVERR`), and end the waiting.

    Attributes:
        sent: How often the request was sent.
        ignored: What arrived and was not genuine, by fault.
    """

    def __init__(self, server: Server, octets: bytes) -> None:
        """
        Open the socket; nothing is sent yet.

        Args:
            server: Whom to ask; its own patience is not looked at.
            octets: The request.

        Raises:
            OSError: The address cannot be resolved.
        """
        self.sent = 0
        self.ignored: Counter[str] = Counter()
        self._server = server
        self._octets = octets
        self._elsewhere: set[str] = set()
        self._start = time.monotonic()
        family, self._address = _resolved(server)
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            self._socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
        else:
            self._socket.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)

    def __enter__(self) -> Self:
        """Return this channel, to be closed at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self) -> None:
        """
        Send the request, again if it was sent before.

        Raises:
            ConnectionRefusedError: The host says that nothing listens there.
            OSError: The address cannot be reached; the error names it.
        """
        self.sent += 1
        self._socket.settimeout(None)
        with _named(self._server):
            self._socket.sendto(self._octets, self._address)

    def wait(self, seconds: float) -> Answer | None:
        """
        Return the genuine answer, or None if none comes in time.

        Args:
            seconds: How long to wait.

        Raises:
            ConnectionRefusedError: The host says that nothing listens there.
            OSError: The address cannot be reached; the error names it.
        """
        for datagram, source in self._arriving(seconds):
            verdict = _genuine(datagram, self._octets, self._server)
            if source[:2] != self._address[:2]:
                if not isinstance(verdict, str):
                    self._elsewhere.add(str(source[0]))
                verdict = _ELSEWHERE
            if isinstance(verdict, str):
                self.ignored[verdict] += 1
                continue
            packet, signed = verdict
            return Answer(
                packet=packet,
                signed=signed,
                seconds=time.monotonic() - self._start,
                sent=self.sent,
                ignored=dict(self.ignored),
            )
        return None

    def silence(self, *, refused: bool = False) -> SilenceError:
        """Return what is known where no answer came."""
        elsewhere = tuple(sorted(self._elsewhere))
        return SilenceError(dict(self.ignored), refused=refused, elsewhere=elsewhere)

    def _arriving(self, seconds: float) -> Iterator[tuple[bytes, tuple[str | int | bytes, ...]]]:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                with _named(self._server):
                    datagram, source = self._socket.recvfrom(65535)
            except TimeoutError:
                return
            yield datagram, source


def _resolved(server: Server) -> tuple[socket.AddressFamily, tuple[str | int | bytes, ...]]:
    try:
        found = socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)
    except (socket.gaierror, UnicodeError) as error:
        if not isinstance(error, OSError):  # no name at all: a part of it is too long
            error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        error.filename = server.host  # the system says why, but not of which name
        raise error from None
    family, _, _, _, address = found[0]
    return family, address


@contextmanager
def _named(server: Server) -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise
    except OSError as error:
        error.filename = str(server)  # the system says why, but not of whom
        raise


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
    # What a proxy put into a request comes back unchanged, or not at all.
    own = codec.decode(asked).values(numbers.PROXY_STATE)
    if own and numbers.PROXY_STATE in packet and packet.values(numbers.PROXY_STATE) != own:
        return codec.Fault.BAD_PROXY_STATE.value
    return packet, signed
