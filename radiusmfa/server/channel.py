"""
One source port towards one upstream server.

The socket is not connected, so that a reply from another address can be told from
silence; ICMP errors arrive all the same (`IP_RECVERR`): nothing listens there is known
at once, not after a timeout.
"""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Protocol, final

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from radiusmfa.upstream.slots import Slots

if TYPE_CHECKING:
    from twisted.python.failure import Failure

    from radiusmfa.server.home import Home, Waiting

log = Logger()

_BURST: Final = 64
_LARGEST_DATAGRAM: Final = 8192  # twice the largest packet: one that is too large is seen as such
_KERNEL_BUFFER_OCTETS: Final = 1 << 20
_IP_RECVERR: Final = 11  # linux/in.h
_IPV6_RECVERR: Final = 25  # linux/in6.h
_ERRORS_AT_ONCE: Final = 1000
_GONE: Final = frozenset({
    errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN,
})  # fmt: skip
"""What the network says of a server that is not there."""
_LOST: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.EMSGSIZE, errno.EPERM})
"""What says nothing of a server: our own queue is full, a tunnel too narrow, a filter's rule."""


class Reactor(Protocol):
    """What a channel needs of Twisted's reactor."""

    def addReader(self, reader: IReadDescriptor) -> object:  # noqa: N802 - Twisted's name
        """Call *reader*'s doRead when there is something to read."""

    def removeReader(self, reader: IReadDescriptor) -> object:  # noqa: N802 - Twisted's name
        """Stop that."""


@implementer(IReadDescriptor)
@final
class Channel:
    """
    A socket and who waits for replies on it.

    Attributes:
        slots: By identifier.
        used: When something was last sent, monotonic.
    """

    __slots__ = ("_address", "_home", "_reactor", "_socket", "slots", "used")

    def __init__(self, reactor: Reactor, home: Home, address: tuple[str, int]) -> None:
        """
        Open a socket that talks to *address* only.

        Raises:
            OSError: The system has no more of them.
        """
        self._reactor = reactor
        self._home = home
        self._address = address
        self.slots: Slots[Waiting] = Slots()
        self.used = 0.0
        is_ipv6 = ":" in address[0]
        family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        opened = socket.socket(
            family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        )
        with ExitStack() as undo:
            undo.callback(opened.close)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER_OCTETS)
            if is_ipv6:
                opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            opened.bind(("::" if is_ipv6 else "0.0.0.0", 0))  # noqa: S104 - replies come here
            undo.pop_all()
        self._socket = opened
        reactor.addReader(self)

    def send(self, octets: bytes) -> bool:
        """Send *octets*; False if they cannot even be sent."""
        try:
            self._socket.sendto(octets, self._address)
        except OSError as error:
            if error.errno in _LOST:
                return True  # lost as a network loses it; it is sent again
            # Either this one cannot be sent, or the kernel tells of an earlier one.
            self._drain_errors()
            return self._send_again(octets)
        return True

    def close(self) -> None:
        """Free the port."""
        self._reactor.removeReader(self)
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Return what Twisted calls this in its log."""
        return "upstream"

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Take what has arrived, at most a burst."""
        arrived: list[tuple[bytes, bool]] = []
        error = self._receive(arrived)
        if error:
            # The kernel tells of it before it hands out what had arrived: that counts first.
            self._drain_errors()
            self._receive(arrived)
        if arrived:
            self._home.received(self, arrived)
        if error in _GONE:
            self._home.refused(self)

    def connectionLost(self, reason: Failure) -> None:  # noqa: ARG002, N802 - Twisted's
        """Learn of an ICMP error: Twisted takes it for the end of the socket."""
        if self._socket.fileno() < 0:
            return
        error = self._drain_errors()
        self._reactor.addReader(self)
        if error in _GONE:
            self._home.refused(self)

    def _receive(self, arrived: list[tuple[bytes, bool]]) -> int:
        receive, address = self._socket.recvfrom, self._address
        try:
            for _ in range(_BURST):
                datagram, source = receive(_LARGEST_DATAGRAM)
                arrived.append((datagram, source[:2] == address))
        except BlockingIOError:
            return 0
        except OSError as error:
            return error.errno or 0  # an ICMP error
        return 0

    def _send_again(self, octets: bytes) -> bool:
        try:
            self._socket.sendto(octets, self._address)
        except OSError as error:
            return error.errno in _LOST
        return True

    def _drain_errors(self) -> int:
        # What stays in the queue would wake the reactor for ever.
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        try:
            for _ in range(_ERRORS_AT_ONCE):
                self._socket.recvmsg(1, 512, socket.MSG_ERRQUEUE)
        except OSError:
            return error
        return error
