"""FreeRADIUS as a proxy in front of our server: a child with a configuration of its own."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Final, final

from tests.live.nas import Nas
from tests.live.world import SECRET, START_SECONDS, free_ports

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.world import World

NAS_SECRET: Final = b"secret-between-nas-and-proxy"

_CONFIGURATION: Final = """
prefix = /usr
libdir = /usr/lib/freeradius
confdir = {here}
raddbdir = {here}
logdir = {here}
run_dir = {here}
db_dir = {here}
radacctdir = {here}
name = proxy
pidfile = {here}/proxy.pid
max_request_time = 30
cleanup_delay = 2
max_requests = 1024
hostname_lookups = no
log {{
    destination = files
    file = {here}/radius.log
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = yes
}}
proxy_requests = yes
client nas {{
    ipaddr = 127.0.0.1
    secret = {nas_secret}
}}
home_server radiusmfa {{
    type = auth
    ipaddr = 127.0.0.1
    port = {home}
    secret = {secret}
    src_ipaddr = {source}
    response_window = 6
    zombie_period = 40
    status_check = status-server
    check_interval = 6
    check_timeout = 4
    num_answers_to_alive = 3
}}
home_server_pool radiusmfa {{
    type = fail-over
    home_server = radiusmfa
}}
realm home {{
    auth_pool = radiusmfa
    nostrip
}}
modules {{
}}
server proxy {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    authorize {{
        update control {{
            &Proxy-To-Realm := "home"
        }}
    }}
    pre-proxy {{
        {pre_proxy}
    }}
}}
"""
_SIGN: Final = "update proxy-request { &Message-Authenticator := 0x00 }"
# What FreeRADIUS passes on of a signed request is signed again; it has to be told not to.
_DO_NOT_SIGN: Final = "update proxy-request { &Message-Authenticator !* ANY }"


@final
class Proxy:
    """A FreeRADIUS that sends everything on to our server from the address *source*."""

    def __init__(self, folder: Path, world: World, source: str, *, signs: bool) -> None:
        """Write the configuration and start; wait until it answers."""
        folder.mkdir(mode=0o700)
        self.folder = folder
        (self.port,) = free_ports(1)
        (folder / "dictionary").write_text("")
        (folder / "radiusd.conf").write_text(
            _CONFIGURATION.format(
                here=folder,
                nas_secret=NAS_SECRET.decode(),
                secret=SECRET.decode(),
                home=world.port,
                port=self.port,
                source=source,
                pre_proxy=_SIGN if signs else _DO_NOT_SIGN,
            )
        )
        binary = shutil.which("freeradius", path="/usr/sbin:/usr/bin:/sbin") or "freeradius"
        with (folder / "output").open("wb") as output:
            self._process = subprocess.Popen(
                [binary, "-f", "-d", str(folder), "-n", "radiusd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait()

    def nas(self) -> Nas:
        """Return a NAS that knows only the proxy, which in this version does not sign."""
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
                log = self.folder / "radius.log"
                said += log.read_text(errors="replace") if log.exists() else ""
                message = f"FreeRADIUS does not answer:\n{said[-2000:]}"
                raise AssertionError(message)

    def _answers(self) -> bool:
        with self.nas() as nas:
            if nas.status(0.1):
                return True
        time.sleep(0.02)
        return False
