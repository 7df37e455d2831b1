"""
The floor: an echo that verifies and signs, and decides nothing.

What no Python server can beat: one receive, one verification, one signed reply, one
send. It runs as a child process: `python -m bench.floor PORT SECRETFILE`.
"""

from __future__ import annotations

import socket
import sys
from typing import TYPE_CHECKING

from bench import processes
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from pathlib import Path


def start(here: Path, *, secret: str) -> processes.Server:
    """Start the echo as a child; its log goes below *here*."""
    port = processes.free_port()
    here.mkdir()
    (here / "secret").write_text(secret)
    arguments = [sys.executable, "-m", "bench.floor", str(port), str(here / "secret")]
    return processes.start(arguments, port=port, secret=secret, log=here / "output")


def serve(port: int, key: codec.SigningKey) -> None:
    """Answer every genuine request on 127.0.0.1:*port* with Access-Accept, for ever."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.bind(("127.0.0.1", port))
        while True:
            datagram, address = channel.recvfrom(4096)
            try:
                packet = codec.decode(datagram, codec.AUTHENTICATION_PORT)
                codec.verify(packet, key)
            except codec.PacketError:
                continue
            answer = codec.reply(numbers.ACCESS_ACCEPT, packet, key)
            if answer is not None:
                channel.sendto(answer, address)


def main() -> None:
    """Read port and secret file from the command line and serve."""
    with open(sys.argv[2], "rb") as file:  # noqa: PTH123 - nothing else is imported
        serve(int(sys.argv[1]), codec.SigningKey(Secret(file.read())))


if __name__ == "__main__":
    main()
