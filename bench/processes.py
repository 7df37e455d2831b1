"""Servers as child processes: free ports, readiness by Status-Server, CPU time, the end."""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, final

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_START_SECONDS: Final = 60.0  # 100,000 users are read on the way
_STOP_SECONDS: Final = 20.0
_PROBE_SECONDS: Final = 0.2
_REST_SECONDS: Final = 0.05
_IDLE_SECONDS: Final = 0.001  # CPU time in one rest that is no work
_MOST_RESTS: Final = 40
_CPU_CLOCK: Final = 2  # CPUCLOCK_SCHED of the kernel's posix-timers.h


class BenchError(Exception):
    """The bench cannot go on; the text says why."""


@final
@dataclass(slots=True, kw_only=True)
class Server:
    """
    A running server.

    Attributes:
        child: The process.
        port: UDP port on 127.0.0.1.
        secret: Shared secret.
        log: Where its output goes.
    """

    child: subprocess.Popen[bytes]
    port: int
    secret: str
    log: Path

    def cpu_seconds(self) -> float:
        """
        Return the CPU time of all its threads so far, in seconds.

        The process's own CPU clock, which `/proc/<pid>/stat` shows in ticks of 10 ms.
        """
        return time.clock_gettime(~self.child.pid << 3 | _CPU_CLOCK)

    def rest(self) -> float:
        """Wait until it has put away what a load left behind; return its CPU time then."""
        before = self.cpu_seconds()
        for _ in range(_MOST_RESTS):
            time.sleep(_REST_SECONDS)
            now = self.cpu_seconds()
            if now - before < _IDLE_SECONDS:
                return now
            before = now
        return before

    def stop(self) -> None:
        """End it by its process id: SIGTERM, then SIGKILL."""
        self.child.terminate()
        try:
            self.child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def free_port() -> int:
    """Return a UDP port on 127.0.0.1 that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(arguments: Sequence[str], *, port: int, secret: str, log: Path) -> Server:
    """
    Start *arguments* and wait until the server answers Status-Server.

    Raises:
        BenchError: It ended, or did not answer in time; with its last words.
    """
    with log.open("wb") as output:
        child = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    server = Server(child=child, port=port, secret=secret, log=log)
    until = time.monotonic() + _START_SECONDS
    while not _is_ready(server):
        if child.poll() is not None or time.monotonic() > until:
            server.stop()
            said = log.read_text(errors="replace")[-2000:]
            message = f"{arguments[0]} does not answer:\n{said}"
            raise BenchError(message)
    return server


def _is_ready(server: Server) -> bool:
    key = codec.SigningKey(Secret(server.secret.encode()))
    authenticator = secrets.token_bytes(16)
    asked = codec.request(numbers.STATUS_SERVER, 0, authenticator, b"", key)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.connect(("127.0.0.1", server.port))
        channel.settimeout(_PROBE_SECONDS)
        try:
            channel.send(asked)
            answer = codec.decode(channel.recv(4096))
            codec.verify_reply(answer, authenticator, key, require_signature=False)
        except ConnectionRefusedError:
            time.sleep(_PROBE_SECONDS / 10)
            return False
        except TimeoutError:
            return False
    return True
