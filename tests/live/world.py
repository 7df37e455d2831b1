"""The real server in a folder of its own: command line, store, process, people with tokens."""

from __future__ import annotations

import base64
import json
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from signal import SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING, Any, Final, final

from tests.live.nas import PATIENCE, Nas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

SECRET: Final = b"live-test-secret-0123456789"
PASSWORD: Final = "correct horse"
START_SECONDS: Final = 30.0
PERIOD: Final = 30
# Of a passcode's life, what a test may need from making it to the server's look at it.
_MARGIN: Final = 4.0


@final
@dataclass(slots=True, kw_only=True)
class Person:
    """
    Somebody with a password and a TOTP token (SHA-1, six digits, 30 seconds).

    Attributes:
        name: User-Name.
        seed: 20 octets.
        password: Typed.
        serial: Of the token.
        used: Time steps whose codes were handed out.
    """

    name: str
    seed: bytes
    password: str = PASSWORD
    serial: str = ""
    used: set[int] = field(default_factory=set)

    def code(self, ahead: int = -1) -> str:
        """
        Return a code that is valid now and was not handed out before.

        The oldest step of the window comes first, so that three codes are good at
        once; oathtool computes it.

        Args:
            ahead: The first step to try, counted from now: 1 is good for longest.
        """
        now = settled()
        for step in range(now + ahead, now + 2):
            if step > max(self.used, default=-1):
                self.used.add(step)
                return oathtool(self.seed, step)
        message = "this person has used up the codes of the moment: take another"
        raise AssertionError(message)

    def wrong_code(self) -> str:
        """Return six digits that are no code of theirs within a minute of now."""
        now = settled()
        near = {oathtool(self.seed, step) for step in range(now - 3, now + 4)}
        return next(
            code for at in range(10) if (code := f"{secrets.randbelow(10**6):06d}") not in near
        )


def settled() -> int:
    """
    Return the present time step, early enough before the next.

    The window of one step each way must still hold all three codes when they arrive.
    """
    left = PERIOD - time.time() % PERIOD
    if left < _MARGIN:
        time.sleep(left + 0.01)
    return int(time.time() // PERIOD)


def oathtool(seed: bytes, step: int) -> str:
    """Return the code of *step* as OATH Toolkit computes it: independent of our arithmetic."""
    at = f"@{step * PERIOD}"
    done = subprocess.run(
        ["oathtool", "--totp", "--now", at, "-"],
        input=seed.hex(),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@final
class World:
    """
    A configuration with its keys and store, and the server that may run on it.

    Attributes:
        folder: Where everything but the log lies.
        config: The configuration.
        port: Of Access-Requests.
        accounting_port: Of Accounting-Requests.
        wrapper: Command line that runs the server, which stands behind it; empty: none.
    """

    def __init__(self, folder: Path, site: Path | None = None) -> None:
        """
        Choose ports; make keys and an empty store.

        Args:
            folder: For the log.
            site: What does not exist yet; by default within *folder*.
        """
        self.folder = site or folder / "site"
        self.config = self.folder / "radiusmfa.yaml"
        self._log = folder / "log"
        self.port, self.accounting_port = free_ports(2)
        self.wrapper: tuple[str, ...] = ()
        self._process: subprocess.Popen[bytes] | None = None
        self._number = 0
        self._pool: list[Person] = []
        self.run("init", str(self.folder))

    # -- the command line --

    def command(self, *words: str) -> list[str]:
        """Return the command line of `radiusmfa -c CONFIG words`."""
        return [sys.executable, "-m", "radiusmfa", "-c", str(self.config), *words]

    def run(
        self, *words: str, typed: str = "", expect: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run `radiusmfa -c CONFIG words`; it must end with *expect*, None: any."""
        done = subprocess.run(
            self.command(*words),
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert expect is None or done.returncode == expect, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def audit(self, **wanted: str) -> list[dict[str, Any]]:
        """Return the audit's lines whose fields are as *wanted*."""
        done = self.run("audit", "export")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        lines = [line.get("line", line) for line in lines]
        lines = [json.loads(line) if isinstance(line, str) else line for line in lines]
        return [
            line for line in lines if all(line.get(name) == value for name, value in wanted.items())
        ]

    def configure(
        self, clients: Iterable[Mapping[str, object]], listen: str = "", **sections: object
    ) -> None:
        """Write the configuration: *clients*, and *sections* as they are."""
        (self.folder / "secret").write_bytes(SECRET)
        (self.folder / "secret").chmod(0o600)
        lines = [
            f"listen: {listen or self._listens()}",
            f'accounting: [{{udp: "127.0.0.1:{self.accounting_port}"}}]',
            "store: {sqlite: radiusmfa.db}",
            "keys: {file: keys}",
            "clients:",
        ]
        lines += [
            f"  - {json.dumps({'secret': {'file': 'secret'}} | dict(one))}" for one in clients
        ]
        lines += [f"{name}: {json.dumps(value)}" for name, value in sections.items()]
        self.config.write_text("\n".join(lines) + "\n")

    # -- people --

    def populate(self, count: int) -> None:
        """Import *count* people with a password and a token each."""
        people = [
            Person(name=f"live{at:04d}", seed=secrets.token_bytes(20), serial=f"L{at:04d}")
            for at in range(self._number, self._number + count)
        ]
        self._number += count
        rows = ["name,password,seed_base32,serial"]
        for one in people:
            seed = base64.b32encode(one.seed).decode()
            rows.append(f"{one.name},{one.password},{seed},{one.serial}")
        file = self.folder / "people.csv"
        file.write_text("\n".join(rows) + "\n")
        self.run("user", "import", str(file))
        file.unlink()
        self._pool += people

    def person(self) -> Person:
        """Return somebody whom no other test has used."""
        if not self._pool:
            self.populate(20)
        return self._pool.pop(0)

    # -- the process --

    @property
    def pid(self) -> int:
        """Return the server's process id."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, source: str = "127.0.0.1") -> None:
        """Start the server and wait until it answers Status-Server from *source*."""
        self.launch()
        until = time.monotonic() + START_SECONDS
        while not self._is_ready(source):
            if not self.is_running() or time.monotonic() > until:
                self.kill()
                message = f"the server does not answer:\n{self.log()}"
                raise AssertionError(message)

    def launch(self) -> None:
        """Start the server and do not wait."""
        assert self._process is None
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self.wrapper, *self.command("run")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> int:
        """End the server with SIGTERM; return its exit code."""
        return self._end(SIGTERM)

    def kill(self) -> None:
        """End the server with SIGKILL: it learns nothing of it."""
        self._end(SIGKILL)

    def signal(self, number: Signals) -> None:
        """Send a signal to the server."""
        assert self._process is not None
        self._process.send_signal(number)

    def is_running(self) -> bool:
        """Say whether the server has not ended."""
        return self._process is not None and self._process.poll() is None

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait until the server has ended by itself; return its exit code."""
        assert self._process is not None
        code = self._process.wait(patience)
        self._process = None
        return code

    def log(self) -> str:
        """Return what the server has said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def faults(self) -> list[str]:
        """Return the lines of the log that speak of a fault of the server's own."""
        return [line for line in self.log().splitlines() if line.startswith("critical")]

    def until_logged(self, pattern: str, seen: int = 0) -> re.Match[str]:
        """Wait until the log matches *pattern* after its first *seen* characters."""
        until = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.log()[seen:])) is None:
            assert time.monotonic() < until, f"{pattern!r} is not in:\n{self.log()[seen:]}"
            time.sleep(0.02)
        return found

    def nas(self, source: str = "127.0.0.1", *, accounting: bool = False) -> Nas:
        """Return a NAS at *source*."""
        return Nas(self.accounting_port if accounting else self.port, SECRET, source)

    def _end(self, number: Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise

    def _is_ready(self, source: str) -> bool:
        with self.nas(source) as nas:
            if nas.status(0.1):
                return True
        time.sleep(0.02)  # a refused datagram comes back at once
        return False

    def _listens(self) -> str:
        return f'[{{udp: "127.0.0.1:{self.port}"}}, {{udp: "[::1]:{self.port}"}}]'


def free_ports(count: int) -> list[int]:
    """
    Return UDP ports that nobody uses now, on any address of either family.

    They lie below those that the kernel hands out: while a server is down, no
    client's socket takes its port.
    """
    found: list[int] = []
    while len(found) < count:
        port = 20_000 + secrets.randbelow(12_000)
        if port not in found and _is_free(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as channel:
        channel.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            channel.bind(("::", port))
        except OSError:
            return False
        return True


def missing(*programs: str) -> list[str]:
    """Return which of *programs* cannot be found."""
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [name for name in programs if shutil.which(name, path=path) is None]
