"""
Octets in, octets out: a UDP socket on Twisted's reactor.

Twisted's own DatagramProtocol takes one datagram a call. Here a readable socket is
emptied in one go, because a burst shares one transaction; the choice is hidden here.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast, final

from twisted.internet.interfaces import IReadDescriptor
from twisted.logger import Logger
from zope.interface import implementer

from radiusmfa.interfaces import SystemRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted.python.failure import Failure

    from radiusmfa.duplicates import Duplicates
    from radiusmfa.server.pipeline import Pipeline
    from radiusmfa.server.received import Address

log = Logger()

_BURST: Final = 64
_LAST_BURSTS: Final = 64  # 4,096 requests before the end
_LARGEST_DATAGRAM: Final = 8192  # twice the largest packet; what is beyond is padding
_KERNEL_BUFFER_OCTETS: Final = 4 << 20
_IP_PKTINFO: Final = 8  # linux/in.h; not in Python's socket module before 3.12
_CONTROL_OCTETS: Final = 128

_Source: TypeAlias = tuple[str, int]  # of IPv6: and two numbers
_Target: TypeAlias = tuple[_Source, list[tuple[int, int, bytes]]]


class Reactor(Protocol):
    """What a port needs of Twisted's reactor."""

    def addReader(self, reader: IReadDescriptor) -> object:  # noqa: N802 - Twisted's name
        """Call *reader*'s doRead when there is something to read."""

    def removeReader(self, reader: IReadDescriptor) -> object:  # noqa: N802 - Twisted's name
        """Stop that."""

    def callLater(self, delay: float, call: Callable[[], None], /) -> object:  # noqa: N802 - Twisted's name
        """Do *call* after *delay* seconds."""


class ListenError(SystemRefusedError):
    """An address that cannot be listened on."""


def bind(host: str, port: int) -> socket.socket:
    """
    Return a socket bound to *host*, a numeric address, and *port*.

    Raises:
        ListenError: The port is taken, the address is not ours, or not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        if family == socket.AF_INET6:
            # 0.0.0.0 and :: are listed side by side; neither takes the other's packets.
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _KERNEL_BUFFER_OCTETS)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        where = f"[{host}]:{port}" if family == socket.AF_INET6 else f"{host}:{port}"
        hint = ""
        if isinstance(error, PermissionError):
            hint = " (a port below 1024 needs root)"
        elif error.errno == 98:  # noqa: PLR2004 - EADDRINUSE
            hint = "; find its owner with: ss -lunp"
        msg = f"cannot listen on udp {where}: {error.strerror}{hint}"
        raise ListenError(msg) from None
    return opened


@implementer(IReadDescriptor)
@final
class UdpPort:
    """
    One bound socket.

    Attributes:
        served: Packet codes that are served here.
        duplicates: What was answered here.
    """

    def __init__(
        self,
        reactor: Reactor,
        opened: socket.socket,
        served: frozenset[int],
        duplicates: Duplicates,
        pipeline: Pipeline,
    ) -> None:
        """Own *opened* until `close`."""
        self.served = served
        self.duplicates = duplicates
        self._reactor = reactor
        self._socket = opened
        self._pipeline = pipeline
        self._is_draining = False
        self.address: tuple[str, int] = opened.getsockname()[:2]
        self._is_wildcard = self.address[0] in ("0.0.0.0", "::")  # noqa: S104 - compared only
        if self._is_wildcard:
            if opened.family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            else:
                opened.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)

    def start(self) -> None:
        """Begin to read."""
        self._reactor.addReader(self)

    def pause(self) -> None:
        """Stop reading; the socket stays open and may still answer."""
        self._reactor.removeReader(self)

    def drain(self) -> None:
        """Take what has arrived, and read no more."""
        self._is_draining = True
        self.pause()
        for _ in range(_LAST_BURSTS):
            if not self._read():
                break

    def close(self) -> None:
        """Stop reading and free the port."""
        self._reactor.removeReader(self)
        self._socket.close()

    def fileno(self) -> int:
        """Return the descriptor, -1 once closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """Return what Twisted calls this in its log."""
        return f"udp {self.address[1]}"

    def connectionLost(self, reason: Failure) -> None:  # noqa: ARG002, N802 - Twisted's
        """Close; the reactor lost the descriptor."""
        self._socket.close()

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Take what is there, at most a burst, and have it answered."""
        if self._read() and self._pipeline.is_blocked:
            self.pause()
            self._reactor.callLater(0.01, self._resume)

    def send(self, octets: bytes, address: Address) -> None:
        """Send *octets* to where they belong, from the address that was asked."""
        try:
            if self._is_wildcard:
                target, source = cast("_Target", address)
                self._socket.sendmsg([octets], source, 0, target)
            else:
                self._socket.sendto(octets, cast("_Source", address))
        except OSError:
            return  # a full buffer or a gone route loses a datagram as the network does

    def _read(self) -> bool:
        burst = self._receive_with_target() if self._is_wildcard else self._receive()
        if not burst:
            return False
        try:
            self._pipeline.receive(self, burst)
        except Exception:  # noqa: BLE001 - the datagram edge: no packet may end the server
            log.failure("a burst of packets broke")
        return True

    def _receive(self) -> list[tuple[bytes, Address, str]]:
        receive = self._socket.recvfrom
        burst: list[tuple[bytes, Address, str]] = []
        try:
            for _ in range(_BURST):
                datagram, address = receive(_LARGEST_DATAGRAM)
                burst.append((datagram, address, address[0]))
        except BlockingIOError:
            return burst
        except OSError:
            return burst  # an ICMP error of an earlier answer
        return burst

    def _receive_with_target(self) -> list[tuple[bytes, Address, str]]:
        # RFC 2865 section 3: the reply's source is the request's destination, also on a
        # machine with several addresses.
        receive = self._socket.recvmsg
        burst: list[tuple[bytes, Address, str]] = []
        try:
            for _ in range(_BURST):
                datagram, control, _, address = receive(_LARGEST_DATAGRAM, _CONTROL_OCTETS)
                source = tuple(_as_source(*entry) for entry in control)
                burst.append((datagram, (address, source), address[0]))
        except OSError:
            return burst
        return burst

    def _resume(self) -> None:
        if self._socket.fileno() >= 0 and not self._is_draining:
            self._reactor.addReader(self)


def _as_source(level: int, kind: int, value: bytes) -> tuple[int, int, bytes]:
    if level == socket.IPPROTO_IP:
        # in_pktinfo: interface, local address, destination. To send, the second is the
        # source; the interface is left to the routes.
        return level, kind, bytes(4) + value[4:8] + bytes(4)
    return level, kind, value
