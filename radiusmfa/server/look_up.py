"""The addresses of a name, looked up in a thread: the system's resolver may take its time."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Reactor(Protocol):
    """What a look-up needs of Twisted's reactor."""

    def callInThread(self, call: Callable[..., object], /, *args: object) -> object:  # noqa: N802 - Twisted's name
        """Do *call* in a thread of the pool that Twisted keeps for resolving names."""

    def callFromThread(self, call: Callable[..., object], /, *args: object) -> object:  # noqa: N802 - Twisted's name
        """Do *call* on the reactor's own thread."""


def look_up(reactor: Reactor, host: str, tell: Callable[[Sequence[str]], None]) -> None:
    """
    Tell *tell* the addresses of *host*, on the reactor's thread.

    Args:
        reactor: Twisted's.
        host: A name; IPv4 and IPv6 as the system prefers them.
        tell: Gets them in that order, each once; none if there are none.
    """
    reactor.callInThread(_resolve, reactor, host, tell)


def _resolve(reactor: Reactor, host: str, tell: Callable[[Sequence[str]], None]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        found = []
    reactor.callFromThread(tell, tuple(dict.fromkeys(str(one[4][0]) for one in found)))
