"""radsecproxy in front of our server, over UDP: another implementation that takes packets apart."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Final, final

from tests.live.freeradius import NAS_SECRET
from tests.live.nas import Nas
from tests.live.world import SECRET, START_SECONDS, free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.world import World

_CONFIGURATION: Final = """
ListenUDP 127.0.0.1:{port}
SourceUDP {source}
LogLevel 3
client nas {{
    host 127.0.0.1
    type udp
    secret {nas_secret}
}}
server radiusmfa {{
    host 127.0.0.1:{home}
    type udp
    secret {secret}
    retryCount 5
    retryInterval 5
}}
realm * {{
    server radiusmfa
}}
"""
_NOBODY: Final = "nobody@probe"


@final
class RadsecProxy:
    """A radsecproxy that sends everything on to our server from the address *source*."""

    def __init__(self, folder: Path, world: World, source: str) -> None:
        """Write the configuration and start; wait until it answers."""
        folder.mkdir(mode=0o700)
        self.folder = folder
        (self.port,) = free_ports(1)
        file = folder / "radsecproxy.conf"
        file.write_text(
            _CONFIGURATION.format(
                nas_secret=NAS_SECRET.decode(),
                secret=SECRET.decode(),
                home=world.port,
                port=self.port,
                source=source,
            )
        )
        binary = shutil.which("radsecproxy", path="/usr/sbin:/usr/bin:/sbin") or "radsecproxy"
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [binary, "-f", "-c", str(file)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def nas(self) -> Nas:
        """Return a NAS that knows only the proxy."""
        return Nas(self.port, NAS_SECRET, wants_signature=False)

    def stop(self) -> None:
        """End the child by its process id."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.stop()
                said = (self.folder / "output").read_text(errors="replace")
                message = f"radsecproxy does not answer:\n{said[-2000:]}"
                raise AssertionError(message)

    def _answers(self) -> bool:
        with self.nas() as nas:
            nas.send(nas.request(_NOBODY, "-"))
            if nas.receive(0.2) is not None:
                return True
        time.sleep(0.02)
        return False
