"""A RADIUS server of a few lines on loopback, for the commands that ask one."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, Self, TypeAlias

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from types import TracebackType

SECRET: Final = b"probe-test-secret"
KEY: Final = codec.SigningKey(Secret(SECRET))
PATIENCE: Final = 20.0

Act: TypeAlias = Callable[[codec.Packet], Sequence[bytes]]


class Responder:
    """Answers the n-th datagram by the n-th act; keeps what arrived."""

    def __init__(
        self, acts: Iterable[Act], host: str = "127.0.0.1", *, replies_from: str = ""
    ) -> None:
        """
        Listen on *host* until every act is done.

        Args:
            acts: One for each datagram.
            host: Loopback address.
            replies_from: Another loopback address, that the answers come from.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._channel = socket.socket(family, socket.SOCK_DGRAM)
        self._channel.bind((host, 0))
        self._channel.settimeout(PATIENCE)
        self._acts = acts
        self._answering = self._channel
        if replies_from:
            self._answering = socket.socket(family, socket.SOCK_DGRAM)
            self._answering.bind((replies_from, 0))
        self.host = host
        self.port: int = self._channel.getsockname()[1]
        self.arrived: list[codec.Packet] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """Be stopped at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def stop(self) -> None:
        """Do the acts for what has arrived, and close."""
        with socket.socket(self._channel.family, socket.SOCK_DGRAM) as channel:
            channel.sendto(b"", (self.host, self.port))
        self._thread.join(PATIENCE)
        self._answering.close()
        self._channel.close()

    def passwords(self) -> list[bytes]:
        """Return what was typed, request by request."""
        return [
            password.recover(
                packet.value(numbers.USER_PASSWORD) or b"", SECRET, packet.authenticator
            )
            for packet in self.arrived
        ]

    def _serve(self) -> None:
        for act in self._acts:
            datagram, address = self._channel.recvfrom(4096)
            if not datagram:  # from `stop`
                return
            packet = codec.decode(datagram)
            self.arrived.append(packet)
            for octets in act(packet):
                self._answering.sendto(octets, address)


def answer(code: int, attributes: bytes = b"", *, signed: bool = True) -> Act:
    """Return an act that sends one genuine reply."""

    def act(packet: codec.Packet) -> list[bytes]:
        octets = codec.reply(code, packet, KEY, attributes, signed=signed)
        assert octets is not None
        return [octets]

    return act


def by_code(**acts: Act) -> Iterable[Act]:
    """
    Return acts without end: one for each code.

    Args:
        acts: `status` for Status-Server, `login` for Access-Request; `unsigned` for one
            without Message-Authenticator. What is not named gets silence.
    """

    def act(packet: codec.Packet) -> Sequence[bytes]:
        name = "status" if packet.code == numbers.STATUS_SERVER else "login"
        if numbers.MESSAGE_AUTHENTICATOR not in packet:
            name = "unsigned"
        return acts.get(name, silent)(packet)

    return itertools.repeat(act)


def other_secret(packet: codec.Packet) -> list[bytes]:
    """Send the right answer, signed with another secret."""
    is_status = packet.code == numbers.STATUS_SERVER
    code = numbers.ACCESS_ACCEPT if is_status else numbers.ACCESS_REJECT
    octets = codec.reply(code, packet, codec.SigningKey(Secret(b"guess" * 4)))
    assert octets is not None
    return [octets]


def closed_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


def silent(_: codec.Packet) -> list[bytes]:
    """Send nothing."""
    return []


def changed(packet: codec.Packet) -> list[bytes]:
    """Send an Access-Accept that was changed on its way."""
    (octets,) = answer(numbers.ACCESS_ACCEPT)(packet)
    return [octets[:-1] + bytes([octets[-1] ^ 1])]
