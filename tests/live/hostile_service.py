"""A web server that does what none should: octets by hand behind TLS, one thread a connection."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TypeAlias, final

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Act: TypeAlias = Callable[["HostileService", ssl.SSLSocket], bool]

PATIENCE: Final = 20.0
_HEAD_END: Final = b"\r\n\r\n"


class Asked(NamedTuple):
    """A request as it came; names of headers are small."""

    first: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The last part of the path, without parameters."""
        return self.first.split(" ")[1].partition("?")[0].rpartition("/")[2]


@final
class HostileService:
    """
    Listens on a port of loopback until the end of a block.

    Attributes:
        port: Where.
        asked: Every request, oldest first.
        accepted: How many connections came.
        over: Set at the end: whoever does something for ever stops.
    """

    def __init__(self, act: Act, context: ssl.SSLContext | None) -> None:
        """
        Serve.

        Args:
            act: Answers what was asked last; returns whether the connection goes on.
            context: With a certificate; None: nothing is said, not even TLS.
        """
        self._act = act
        self._context = context
        self._channel = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._channel.getsockname()[1]
        self.asked: list[Asked] = []
        self.accepted = 0
        self.over = threading.Event()
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def host(self) -> str:
        """Host and port, as a configuration has them."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up, and wait for every thread."""
        self.over.set()
        self._channel.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(PATIENCE)
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the other end was faster
        for thread in self._threads:
            thread.join(PATIENCE)
        for one in (*self._open, self._channel):
            one.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                accepted, _ = self._channel.accept()
            except OSError:
                return
            self.accepted += 1
            self._open.append(accepted)
            thread = threading.Thread(target=self._serve, args=(accepted,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket) -> None:
        if self._context is None:
            self.over.wait()
            return
        try:
            with self._context.wrap_socket(accepted, server_side=True) as channel:
                self._open.append(channel)
                while (asked := _read(channel)) is not None:
                    self.asked.append(asked)
                    if not self._act(self, channel):
                        return
        except (OSError, ValueError):
            return  # the other end has had enough


def _read(channel: ssl.SSLSocket) -> Asked | None:
    octets = b""
    while _HEAD_END not in octets:
        more = channel.recv(65_536)
        if not more:
            return None
        octets += more
    head, _, body = octets.partition(_HEAD_END)
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    while len(body) < int(headers.get("content-length", "0")):
        body += channel.recv(65_536)
    return Asked(first, headers, body)


# -- what a server may do --


def says(*octets: bytes, goes_on: bool = False) -> Act:
    """Say these octets, then hang up, or wait for the next request."""

    def act(_: HostileService, channel: ssl.SSLSocket) -> bool:
        channel.sendall(b"".join(octets))
        return goes_on

    return act


def silent(service: HostileService, _: ssl.SSLSocket) -> bool:
    """Say nothing."""
    service.over.wait()
    return False


def drips(first: bytes, octet: bytes = b"a") -> Act:
    """Say *first*, then one octet a second."""

    def act(service: HostileService, channel: ssl.SSLSocket) -> bool:
        channel.sendall(first)
        while not service.over.wait(1.0):
            channel.sendall(octet)
        return False

    return act


def floods(first: bytes, again: bytes) -> Act:
    """Say *first*, then the other without end."""

    def act(service: HostileService, channel: ssl.SSLSocket) -> bool:
        channel.sendall(first)
        ends = time.monotonic() + PATIENCE
        while not service.over.is_set() and time.monotonic() < ends:
            channel.sendall(again)
        return False

    return act
