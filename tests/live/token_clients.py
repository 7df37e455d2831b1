"""Debian's radclient and our own NAS, made to look alike: ask a token server and read its reply."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, final

from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from tests.live.nas import Nas

ACCEPT: Final = "Access-Accept"
REJECT: Final = "Access-Reject"
CHALLENGE: Final = "Access-Challenge"

_CODES: Final = {
    numbers.ACCESS_ACCEPT: ACCEPT,
    numbers.ACCESS_REJECT: REJECT,
    numbers.ACCESS_CHALLENGE: CHALLENGE,
}
_RECEIVED: Final = re.compile(r"^Received (\S+) .*\n((?:\t.*\n)*)", re.MULTILINE)
_ESCAPE: Final = re.compile(r"\\([0-7]{3}|.)")
_LETTERS: Final = {"r": "\r", "n": "\n", "t": "\t"}


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """
    What a token server replied.

    Attributes:
        code: Name of the packet code.
        messages: Every Reply-Message.
        state: State, None if there was none.
        prompt: Prompt: 0 is No-Echo, 1 is Echo, None if there was none.
        session_timeout: Session-Timeout, None if there was none.
        order: The attributes' types; empty where the client does not tell.
        lines: `Name = value`, as radclient prints them; empty from the other client.
    """

    code: str
    messages: list[str]
    state: bytes | None
    prompt: int | None
    session_timeout: int | None
    order: tuple[int, ...] = ()
    lines: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return all of Reply-Message in one."""
        return "".join(self.messages)


class Asks(Protocol):
    """A client that types something and sends it with a State, if it has one."""

    def ask(self, user: str, typed: str, state: bytes | None = None) -> Said | None:
        """Return the reply, None if there was none."""


class Place(Protocol):
    """A server, as a client knows it: address, port and shared secret."""

    @property
    def host(self) -> str:
        """Return a numeric address."""

    @property
    def port(self) -> int:
        """Return the UDP port."""

    @property
    def secret(self) -> bytes:
        """Return the shared secret, printable ASCII."""


@final
class Radclient:
    """Calls radclient, a process for each request."""

    def __init__(self, server: Place, *, tries: int = 1, patience: float = 10) -> None:
        """Ask *server* so often, with so many seconds between."""
        host = f"[{server.host}]" if ":" in server.host else server.host
        self._place = f"{host}:{server.port}"
        self._secret = server.secret.decode()
        self._options = ["-x", "-r", str(tries), "-t", str(patience)]

    def ask(self, user: str, typed: str, state: bytes | None = None) -> Said | None:
        """Send User-Name, User-Password and State, signed."""
        lines = [f'User-Name = "{_quoted(user)}"', f'User-Password = "{_quoted(typed)}"']
        lines += [] if state is None else [f"State = 0x{state.hex()}"]
        return self.send(*lines)

    def send(self, *lines: str) -> Said | None:
        """Send an Access-Request with the attributes in *lines*, signed."""
        done = subprocess.run(
            ["radclient", *self._options, self._place, "auth", self._secret],
            input="\n".join([*lines, "Message-Authenticator = 0x00"]) + "\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        found = _RECEIVED.search(done.stdout)
        return None if found is None else _printed(found[1], found[2])


@final
class OurNas:
    """Sends packets of our own making."""

    def __init__(self, nas: Nas, *, patience: float = 10) -> None:
        """Ask from *nas* and wait so many seconds."""
        self.nas = nas
        self._patience = patience

    def ask(self, user: str, typed: str, state: bytes | None = None) -> Said | None:
        """Send User-Name, User-Password and State, signed."""
        more = b"" if state is None else codec.attribute(numbers.STATE, state)
        return self.send(self.nas.request(user, typed, more))

    def send(self, request: bytes) -> Said | None:
        """Send *request* as it is."""
        self.nas.send(request)
        octets = self.nas.receive(self._patience)
        return None if octets is None else read(self.nas.check(request, octets).packet)


def read(packet: codec.Packet) -> Said:
    """Return what *packet* says."""
    prompt = packet.value(numbers.PROMPT)
    timeout = packet.value(numbers.SESSION_TIMEOUT)
    return Said(
        code=_CODES[packet.code],
        messages=[one.decode() for one in packet.values(numbers.REPLY_MESSAGE)],
        state=packet.value(numbers.STATE),
        prompt=None if prompt is None else int.from_bytes(prompt),
        session_timeout=None if timeout is None else int.from_bytes(timeout),
        order=_order(packet.octets),
    )


def _order(octets: bytes) -> tuple[int, ...]:
    at, kinds = numbers.HEADER_OCTETS, []
    while at < len(octets):
        kinds.append(octets[at])
        at += octets[at + 1]
    return tuple(kinds)


def _printed(code: str, block: str) -> Said:
    lines = tuple(line.strip("\t") for line in block.splitlines())
    values: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(" = ")
        values.setdefault(name, []).append(value)
    state = values.get("State", [None])[0]
    prompt = values.get("Prompt", [None])[0]
    timeout = values.get("Session-Timeout", [None])[0]
    return Said(
        code=code,
        messages=[_plain(one) for one in values.get("Reply-Message", [])],
        state=None if state is None else bytes.fromhex(state.removeprefix("0x")),
        prompt=None if prompt is None else ["No-Echo", "Echo"].index(prompt),
        session_timeout=None if timeout is None else int(timeout),
        lines=lines,
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _plain(printed: str) -> str:
    return _ESCAPE.sub(_unescaped, printed[1:-1])


def _unescaped(found: re.Match[str]) -> str:
    escaped = found[1]
    if len(escaped) > 1:
        return chr(int(escaped, 8))
    return _LETTERS.get(escaped, escaped)
