"""
The home server: who is asked by a proxy that is measured. It has a process of its own.

It verifies, opens the passcode, looks whether it begins with the PIN, and signs. What it does
besides depends on the User-Name: see `serve`. It runs as a child process:
`python -m bench.home PORT SECRETFILE`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

from bench import processes
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers, password

if TYPE_CHECKING:
    from pathlib import Path

PIN: Final = b"4711"
ASKED: Final = b"asked"
HELD: Final = b"held"
NEVER: Final = b"never"
_RELEASE: Final = b"release"
_COUNT: Final = b"count"
_BUFFER_OCTETS: Final = 4 << 20
_NO_ECHO: Final = codec.attribute(numbers.PROMPT, bytes(4))
_QUESTION: Final = codec.attribute(numbers.REPLY_MESSAGE, b"Passcode: ")
_ASK_SECONDS: Final = 5.0


@final
@dataclass(slots=True)
class _Seen:
    """
    What is to be remembered.

    Attributes:
        names: Of everybody who had to wait.
        held: Who waits for `release`, by name: the request, and where its answer goes.
        is_released: Nobody is held any more.
        ports: Source ports of everybody who had to wait.
        again: Requests that came again.
    """

    names: set[bytes] = field(default_factory=set)
    held: dict[bytes, tuple[codec.Packet, tuple[str, int]]] = field(default_factory=dict)
    is_released: bool = False
    ports: set[int] = field(default_factory=set)
    again: int = 0


def start(here: Path, *, secret: str) -> processes.Server:
    """Start it as a child; its log goes below *here*."""
    port = processes.free_port()
    here.mkdir()
    (here / "secret").write_text(secret)
    arguments = [sys.executable, "-m", "bench.home", str(port), str(here / "secret")]
    return processes.start(arguments, port=port, secret=secret, log=here / "output")


def release(server: processes.Server) -> None:
    """Have everybody who is held accepted."""
    _ask(server, _RELEASE)


def count(server: processes.Server) -> dict[str, int]:
    """Return how many had to wait, on how many source ports, and how many requests came again."""
    counts: dict[str, int] = json.loads(_ask(server, _COUNT))
    return counts


def serve(port: int, key: codec.SigningKey) -> None:
    """
    Answer every genuine, signed request on 127.0.0.1:*port*, for ever.

    What begins with `PIN` is accepted, anything else refused. Names that begin with `ASKED`
    get a challenge first, and have to bring its State. Names that begin with `HELD` or `NEVER`
    get no answer, the former until `release`. Status-Server is always answered.
    """
    seen = _Seen()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
        channel.bind(("127.0.0.1", port))
        while True:
            datagram, address = channel.recvfrom(4096)
            try:
                packet = codec.decode(datagram, codec.AUTHENTICATION_PORT)
                is_signed = codec.verify(packet, key)
            except codec.PacketError:
                continue
            if is_signed:
                for answer, to in _answers(packet, address, key, seen):
                    channel.sendto(answer, to)


def _answers(
    packet: codec.Packet, address: tuple[str, int], key: codec.SigningKey, seen: _Seen
) -> list[tuple[bytes, tuple[str, int]]]:
    if packet.code == numbers.STATUS_SERVER:
        return _one(numbers.ACCESS_ACCEPT, packet, address, key)
    name = packet.value(numbers.USER_NAME) or b""
    if name == _RELEASE:
        waiting, seen.held, seen.is_released = seen.held, {}, True
        answers = _one(numbers.ACCESS_ACCEPT, packet, address, key)
        for held, to in waiting.values():
            answers += _one(numbers.ACCESS_ACCEPT, held, to, key)
        return answers
    if name == _COUNT:
        counts = {"waiting": len(seen.names), "ports": len(seen.ports), "again": seen.again}
        text = codec.attribute(numbers.REPLY_MESSAGE, json.dumps(counts).encode())
        return _one(numbers.ACCESS_ACCEPT, packet, address, key, text)
    if name.startswith(NEVER) or (name.startswith(HELD) and not seen.is_released):
        seen.again += name in seen.names
        seen.names.add(name)
        seen.ports.add(address[1])
        if name.startswith(HELD):
            seen.held[name] = packet, address
        return []
    return _decided(packet, address, name, key)


def _decided(
    packet: codec.Packet, address: tuple[str, int], name: bytes, key: codec.SigningKey
) -> list[tuple[bytes, tuple[str, int]]]:
    typed = password.recover(
        packet.value(numbers.USER_PASSWORD) or b"", key.secret, packet.authenticator
    )
    is_right = typed.startswith(PIN)
    if is_right and name.startswith(ASKED):
        own = hashlib.md5(key.secret + name, usedforsecurity=False).digest()
        state = packet.value(numbers.STATE)
        if state is None:
            asked = codec.attribute(numbers.STATE, own) + _QUESTION + _NO_ECHO
            return _one(numbers.ACCESS_CHALLENGE, packet, address, key, asked)
        is_right = state == own
    code = numbers.ACCESS_ACCEPT if is_right else numbers.ACCESS_REJECT
    return _one(code, packet, address, key)


def _one(
    code: int,
    packet: codec.Packet,
    address: tuple[str, int],
    key: codec.SigningKey,
    attributes: bytes = b"",
) -> list[tuple[bytes, tuple[str, int]]]:
    answer = codec.reply(code, packet, key, attributes)
    return [] if answer is None else [(answer, address)]


def _ask(server: processes.Server, name: bytes) -> bytes:
    key = codec.SigningKey(Secret(server.secret.encode()))
    authenticator = secrets.token_bytes(16)
    hidden = password.hide(PIN, key.secret, authenticator)
    attributes = codec.attribute(numbers.USER_NAME, name)
    attributes += codec.attribute(numbers.USER_PASSWORD, hidden)
    asked = codec.request(numbers.ACCESS_REQUEST, 0, authenticator, attributes, key)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.connect(("127.0.0.1", server.port))
        channel.settimeout(_ASK_SECONDS)
        channel.send(asked)
        return codec.decode(channel.recv(4096)).value(numbers.REPLY_MESSAGE) or b""


def main() -> None:
    """Read port and secret file from the command line and serve."""
    with open(sys.argv[2], "rb") as file:  # noqa: PTH123 - nothing else is imported
        serve(int(sys.argv[1]), codec.SigningKey(Secret(file.read())))


if __name__ == "__main__":
    main()
