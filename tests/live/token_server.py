"""
Other people's token servers, played by Debian's FreeRADIUS with scripts of ours.

RSA SecurID, Symantec VIP, OneSpan, Microsoft NPS, Duo's proxy, and a generic server
without any product's manners. What they know is in `token_users`, what they do in
`unlang/`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from enum import StrEnum, unique
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM
from typing import TYPE_CHECKING, Final, Self, final

from tests.live.nas import Nas
from tests.live.token_users import HOLDERS
from tests.live.world import START_SECONDS, free_ports

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from signal import Signals
    from types import TracebackType

UPSTREAM_SECRET: Final = b"secret-of-the-token-server"
_UNLANG: Final = Path(__file__).parent / "unlang"
# Whom the server refuses without a line in its records: it shows that it is there.
_PROBE: Final = "probe"
# Somebody may begin to wait just after the signal: nothing is lost by not waiting with them.
_STOP_SECONDS: Final = 2.0


@unique
class Signature(StrEnum):
    """Where a reply has its Message-Authenticator."""

    FIRST = "first"
    LAST = "last"
    NONE = "none"


@final
class TokenServer:
    """
    A FreeRADIUS that plays a token server; used as a context it runs from start to end.

    Attributes:
        folder: Its configuration, records and log.
        plays: A key of `token_users.HOLDERS`.
        host: Loopback address.
        port: For Access-Requests.
        secret: Shared with every client.
    """

    def __init__(
        self,
        folder: Path,
        plays: str,
        *,
        port: int | None = None,
        host: str = "127.0.0.1",
        secret: bytes = UPSTREAM_SECRET,
        clients: Collection[str] = ("127.0.0.0/8", "::1"),
        status_server: bool = True,
        signature: Signature = Signature.FIRST,
        requires_signature: bool = False,
        state_lifetime: int = 300,
    ) -> None:
        """
        Write the configuration; nothing runs yet.

        Args:
            folder: What does not exist yet.
            plays: A key of `token_users.HOLDERS`.
            port: By default one that nobody uses.
            host: Loopback address to listen on, of either family.
            secret: Printable ASCII without quotes.
            clients: Addresses or networks that are answered.
            status_server: Answer Status-Server; otherwise it gets silence.
            signature: Of every reply, that to Status-Server as well.
            requires_signature: Discard requests without Message-Authenticator.
            state_lifetime: Seconds until a State is no good any more; 0: it never is.
        """
        folder.mkdir(mode=0o700)
        self.folder = folder
        self.plays = plays
        self.host = host
        self.port = free_ports(1)[0] if port is None else port
        self.secret = secret
        self._has_status_server = status_server
        self._process: subprocess.Popen[bytes] | None = None
        settings = {
            "here": str(folder),
            "unlang": str(_UNLANG),
            "plays": plays,
            "address": host,
            "port": str(self.port),
            "signature": signature.value,
            "status_server": "yes" if status_server else "no",
            "state_lifetime": str(state_lifetime),
        }
        lines = [f'{name} = "{value}"' for name, value in settings.items()]
        for at, network in enumerate(clients):
            lines += [
                f"client client-{at} {{",
                f"    ipaddr = {network}",
                f'    secret = "{secret.decode()}"',
                f"    require_message_authenticator = {'yes' if requires_signature else 'no'}",
                "}",
            ]
        lines.append(f"$INCLUDE {_UNLANG / 'main.conf'}")
        self._write("radiusd.conf", lines)
        self._write("dictionary", [f"$INCLUDE {_UNLANG / 'dictionary'}"])
        self._write("users", [one.entry(name) for name, one in HOLDERS[plays].items()])

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop, if it still runs."""
        self.stop()

    # -- the process --

    @property
    def pid(self) -> int:
        """Return its process id, which is also that of its group."""
        assert self._process is not None
        return self._process.pid

    def start(self, *, source: str = "") -> None:
        """
        Start, again if need be, and wait until it answers.

        Args:
            source: One of its clients; by default the address it listens on.
        """
        assert self._process is None
        binary = shutil.which("freeradius", path="/usr/sbin:/usr/bin:/sbin") or "freeradius"
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [binary, "-f", "-d", str(self.folder), "-n", "radiusd"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        until = time.monotonic() + START_SECONDS
        while not self._answers(source):
            if not self.is_running() or time.monotonic() > until:
                self.kill()
                message = f"FreeRADIUS does not answer:\n{self.log()[-2000:]}"
                raise AssertionError(message)

    def stop(self) -> None:
        """End it with SIGTERM, and with it those that wait."""
        self._end(SIGTERM)

    def kill(self) -> None:
        """End it with SIGKILL: whoever waits gets nothing, and open dialogues are lost."""
        self._end(SIGKILL)

    def freeze(self) -> None:
        """Stop it from running: what arrives waits in its socket."""
        os.kill(self.pid, SIGSTOP)

    def thaw(self) -> None:
        """Let it go on after `freeze`."""
        os.kill(self.pid, SIGCONT)

    def is_running(self) -> bool:
        """Say whether it has been started and has not ended."""
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """Return what FreeRADIUS has said."""
        files = [self.folder / "output", self.folder / "radius.log"]
        return "".join(one.read_text(errors="replace") for one in files if one.exists())

    # -- what it has seen --

    def requests(self, user: str | None = None) -> list[dict[str, list[str]]]:
        """
        Return every Access-Request that it has accepted as genuine, oldest first.

        Retransmitted ones are there once. Names are FreeRADIUS's, values as it prints
        them: octets as `0x` and digits, User-Password in the clear (what is not UTF-8 as
        `surrogateescape` has it; nothing after a NUL). Packet-Src-IP-Address
        and Packet-Src-Port are added. An empty value is left out.

        Args:
            user: Only those with this User-Name.
        """
        seen = [request for code, request in self._records() if code == "Access-Request"]
        return [one for one in seen if user is None or one.get("User-Name") == [user]]

    def passwords(self, user: str) -> list[str]:
        """Return what stood in the User-Password of every Access-Request of *user*."""
        return [one.get("User-Password", [""])[0] for one in self.requests(user)]

    def counts(self) -> Counter[str]:
        """Return how many Access-Requests there were of every User-Name."""
        return Counter(one.get("User-Name", [""])[0] for one in self.requests())

    def status_requests(self) -> int:
        """Return how many Status-Server there were, those of `start` among them."""
        return sum(code == "Status-Server" for code, _ in self._records())

    def nas(self, source: str = "", secret: bytes | None = None) -> Nas:
        """Return a NAS of ours that talks to it directly and takes unsigned replies, too."""
        source = source or self.host
        chosen = self.secret if secret is None else secret
        return Nas(self.port, chosen, source, server=self.host, wants_signature=False)

    def _records(self) -> list[tuple[str, dict[str, list[str]]]]:
        path = self.folder / "requests"
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [_record(line) for line in lines]

    def _write(self, name: str, lines: list[str]) -> None:
        (self.folder / name).write_text("\n".join(lines) + "\n")

    def _end(self, number: Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            # The group is what it started itself: programs that do nothing but wait.
            os.killpg(process.pid, SIGCONT)
            os.killpg(process.pid, number)
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, SIGKILL)
            process.wait()

    def _answers(self, source: str) -> bool:
        with self.nas(source) as nas:
            if self._has_status_server:
                answers = nas.status(0.1)
            else:
                nas.send(nas.request(_PROBE, "-"))
                answers = nas.receive(0.1) is not None
        if not answers:
            time.sleep(0.02)
        return answers


@contextmanager
def every_server(folder: Path) -> Iterator[dict[str, TokenServer]]:
    """Run one server of each kind, each below *folder*; they are named by what they play."""
    with ExitStack() as stack:
        yield {plays: stack.enter_context(TokenServer(folder / plays, plays)) for plays in HOLDERS}


def _record(line: bytes) -> tuple[str, dict[str, list[str]]]:
    code, address, port, attributes = json.loads(line.decode(errors="surrogateescape"))
    request = {name: [_once_more(value) for value in all_] for name, all_ in attributes.items()}
    return code, request | {"Packet-Src-IP-Address": [address], "Packet-Src-Port": [port]}


def _once_more(value: str) -> str:
    # FreeRADIUS 3.2.1 escapes the text of an attribute twice.
    return str(json.loads(f'"{value}"'))
