"""An HTTP proxy on loopback that does, and answers, what a test says."""

from __future__ import annotations

import socket
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final, Self, final

OPENED: Final = b"HTTP/1.1 200 Connection established\r\n\r\n"
_PATIENCE: Final = 30.0


@final
@dataclass(kw_only=True, eq=False)
class Proxy:
    """
    A proxy that takes whatever comes, and answers the same to everybody.

    Attributes:
        answer: What it answers; it is sent in pieces, each by itself.
        leads_to: Where it connects whoever has its answer; None: it says nothing more.
        hangs_up: It ends the connection after its answer.
        host: Where it listens.
        heads: What it was asked, oldest first.
        open: Connections that are open now.
    """

    answer: tuple[bytes, ...] = (OPENED,)
    leads_to: tuple[str, int] | None = None
    hangs_up: bool = False
    host: str = "127.0.0.1"
    heads: list[bytes] = field(default_factory=list)
    open: set[socket.socket] = field(default_factory=set)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self._listening = socket.create_server((self.host, 0), family=family)
        self.port: int = self._listening.getsockname()[1]

    def __enter__(self) -> Self:
        """Serve."""
        self._start(self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop: hang up, and wait for every thread."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in list(self.open):
            _hang_up(one)
        for thread in self._threads:
            thread.join(_PATIENCE)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        while True:
            try:
                accepted, _ = self._listening.accept()
            except OSError:
                return  # that is all
            self.open.add(accepted)
            self._start(self._talk, accepted)

    def _talk(self, accepted: socket.socket) -> None:
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with ExitStack() as undo, suppress(OSError):
            undo.callback(self._close, accepted)
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                octets = accepted.recv(4096)
                if not octets:
                    return
                head += octets
            self.heads.append(head)
            for piece in self.answer:
                accepted.sendall(piece)
            if self.hangs_up:
                return
            if self.leads_to is not None:
                server = undo.enter_context(socket.create_connection(self.leads_to, _PATIENCE))
                self.open.add(server)
                undo.callback(self._close, server)
                self._start(_copy, server, accepted)
                _copy(accepted, server)
            while accepted.recv(4096):
                continue  # and say nothing

    def _close(self, one: socket.socket) -> None:
        _hang_up(one)
        one.close()
        self.open.discard(one)


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while octets := one.recv(65_536):
            other.sendall(octets)
    _hang_up(other)


def _hang_up(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
