"""A RADIUS server of a few lines on loopback, for the commands that ask one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
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

    def __init__(self, acts: Sequence[Act], host: str = "127.0.0.1") -> None:
        """Listen on *host* until every act is done."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._channel = socket.socket(family, socket.SOCK_DGRAM)
        self._channel.bind((host, 0))
        self._channel.settimeout(PATIENCE)
        self._acts = acts
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
        """Wait for the last act and close."""
        self._thread.join(PATIENCE)
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
            packet = codec.decode(datagram)
            self.arrived.append(packet)
            for octets in act(packet):
                self._channel.sendto(octets, address)


def answer(code: int, attributes: bytes = b"", *, signed: bool = True) -> Act:
    """Return an act that sends one genuine reply."""

    def act(packet: codec.Packet) -> list[bytes]:
        octets = codec.reply(code, packet, KEY, attributes, signed=signed)
        assert octets is not None
        return [octets]

    return act


def silent(_: codec.Packet) -> list[bytes]:
    """Send nothing."""
    return []


def changed(packet: codec.Packet) -> list[bytes]:
    """Send an Access-Accept that was changed on its way."""
    (octets,) = answer(numbers.ACCESS_ACCEPT)(packet)
    return [octets[:-1] + bytes([octets[-1] ^ 1])]
