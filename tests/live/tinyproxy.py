"""tinyproxy on loopback: somebody else's HTTP proxy, that wants an account."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Final, Self, final

from tests.live.world import START_SECONDS, free_ports

if TYPE_CHECKING:
    from pathlib import Path

USER: Final = "radiusmfa"
PASSWORD: Final = "what-the-proxy-says"

_CONFIGURATION: Final = """
Port {port}
Listen {host}
Timeout 60
MaxClients 20
Allow 127.0.0.1
Allow ::1
BasicAuth {user} {password}
ConnectPort {target}
LogFile "{log}"
LogLevel Connect
"""


@final
class Tinyproxy:
    """
    A proxy that leads to one port, whatever the host.

    Attributes:
        host: Where it listens.
        port: Of it.
    """

    def __init__(self, folder: Path, target: int, host: str = "127.0.0.1") -> None:
        """Write the configuration and start; wait until it listens."""
        self.host = host
        (self.port,) = free_ports(1)
        self._log = folder / "tinyproxy.log"
        file = folder / "tinyproxy.conf"
        file.write_text(
            _CONFIGURATION.format(
                port=self.port,
                host=host,
                user=USER,
                password=PASSWORD,
                target=target,
                log=self._log,
            )
        )
        binary = shutil.which("tinyproxy", path="/usr/sbin:/usr/bin:/sbin") or "tinyproxy"
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [binary, "-d", "-c", str(file)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the child by its process id."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def asked(self) -> list[str]:
        """Return the requests that it says it was sent."""
        lines = self._log.read_text(errors="replace").splitlines()
        return [line.partition("): ")[2] for line in lines if "Request (file descriptor" in line]

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                said = self._log.read_text(errors="replace") if self._log.exists() else ""
                message = f"tinyproxy does not listen:\n{said[-2000:]}"
                raise AssertionError(message)
            time.sleep(0.02)

    def _listens(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), 1).close()
        except OSError:
            return False
        return True
