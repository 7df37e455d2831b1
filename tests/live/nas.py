"""A NAS of our own: packets built and checked octet by octet, sent over real UDP."""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, final

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from types import TracebackType

PATIENCE: Final = 10.0
_QUIET: Final = 0.05  # for what is on its way through the loopback already


@final
@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that verified, and the request it answers."""

    packet: codec.Packet
    request: bytes

    @property
    def code(self) -> int:
        """Return the packet code."""
        return self.packet.code

    @property
    def state(self) -> bytes:
        """Return its State, which must be there."""
        state = self.packet.value(numbers.STATE)
        assert state is not None
        return state


@final
class Nas:
    """One source address and port with a shared secret."""

    def __init__(
        self,
        port: int,
        secret: bytes,
        source: str = "127.0.0.1",
        *,
        server: str = "",
        wants_signature: bool = True,
    ) -> None:
        """
        Open a socket from *source* to the same family's loopback address.

        Args:
            port: The server's.
            secret: Shared with it.
            source: Loopback address to send from.
            server: Loopback address to send to; by default the first of the family.
            wants_signature: Every reply must begin with a Message-Authenticator.
        """
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        self.key = codec.SigningKey(Secret(secret))
        self._channel = socket.socket(family, socket.SOCK_DGRAM)
        self._channel.bind((source, 0))
        self._channel.connect((server or ("::1" if ":" in source else "127.0.0.1"), port))
        self._identifier = secrets.randbelow(256)
        self._wants_signature = wants_signature

    def __enter__(self) -> Self:
        """Be closed at the end of a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close the socket."""
        self._channel.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, for a selector."""
        return self._channel.fileno()

    def request(
        self,
        user: str | bytes,
        proof: str | bytes,
        more: bytes = b"",
        *,
        identifier: int | None = None,
        signed: bool = True,
    ) -> bytes:
        """Return an Access-Request with a new identifier and authenticator."""
        authenticator = secrets.token_bytes(16)
        hidden = password.hide(_octets(proof), self.key.secret, authenticator)
        attributes = codec.attribute(numbers.USER_NAME, _octets(user))
        attributes += codec.attribute(numbers.USER_PASSWORD, hidden) + more
        number = self.next_identifier() if identifier is None else identifier
        return codec.request(
            numbers.ACCESS_REQUEST, number, authenticator, attributes, self.key, signed=signed
        )

    def next_identifier(self) -> int:
        """Return an identifier that this socket has not used lately."""
        self._identifier = (self._identifier + 1) % 256
        return self._identifier

    def ask(self, request: bytes, patience: float = PATIENCE) -> Reply:
        """Send *request* once and return the reply, which must be genuine."""
        self.send(request)
        octets = self.receive(patience)
        assert octets is not None, "no reply"
        return self.check(request, octets)

    def insist(self, request: bytes, tries: int = 20) -> Reply:
        """Send *request* again and again, as clients do, until the reply comes."""
        for _ in range(tries):
            self.send(request)
            until = time.monotonic() + 0.5
            while (left := until - time.monotonic()) > 0:
                octets = self.receive(left)
                if octets is not None and octets[1] == request[1]:
                    return self.check(request, octets)
        message = f"no reply to {tries} packets"
        raise AssertionError(message)

    def check(self, request: bytes, octets: bytes) -> Reply:
        """Return *octets* as the reply to *request*: genuine, signature first."""
        packet = codec.decode(octets)
        assert packet.identifier == request[1]
        wants = self._wants_signature
        codec.verify_reply(packet, request[4:20], self.key, require_signature=wants)
        assert not wants or octets[20] == numbers.MESSAGE_AUTHENTICATOR
        return Reply(packet, request)

    def send(self, octets: bytes) -> None:
        """Send *octets*, whatever they are."""
        self._channel.send(octets)

    def receive(self, patience: float = PATIENCE) -> bytes | None:
        """Return the next datagram, or None if there is none in time."""
        self._channel.settimeout(patience)
        try:
            return self._channel.recv(65535)
        except TimeoutError:
            return None
        except ConnectionRefusedError:
            return None

    def waiting(self) -> list[bytes]:
        """Return what else has arrived."""
        arrived = []
        while (octets := self.receive(_QUIET)) is not None:
            arrived.append(octets)
        return arrived

    def login(self, user: str, proof: str | bytes, more: bytes = b"") -> int:
        """Send one request; return the reply's code."""
        return self.ask(self.request(user, proof, more)).code

    def dialogue(self, user: str, word: str, code: str) -> int:
        """Log in by password and challenge; return the code of the last reply."""
        first = self.ask(self.request(user, word))
        if first.code != numbers.ACCESS_CHALLENGE:
            return first.code
        state = codec.attribute(numbers.STATE, first.state)
        return self.ask(self.request(user, code, state)).code

    def status(self, patience: float = 1.0) -> bool:
        """Say whether the server answers Status-Server (RFC 5997)."""
        return self._until_status(patience) is not None

    def before_status(self) -> list[bytes]:
        """
        Return what arrives before the answer to a Status-Server, and right after it.

        The server answers in order: what it had to say to earlier packets is there.
        """
        earlier = self._until_status(PATIENCE)
        assert earlier is not None, "the server does not answer"
        return earlier + self.waiting()

    def _until_status(self, patience: float) -> list[bytes] | None:
        asked = codec.request(
            numbers.STATUS_SERVER, self.next_identifier(), secrets.token_bytes(16), b"", self.key
        )
        self.send(asked)
        until = time.monotonic() + patience
        earlier: list[bytes] = []
        while (left := until - time.monotonic()) > 0:
            octets = self.receive(left)
            if octets is None:
                return None
            if octets[1] == asked[1]:
                self.check(asked, octets)
                return earlier
            earlier.append(octets)
        return None


def _octets(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
