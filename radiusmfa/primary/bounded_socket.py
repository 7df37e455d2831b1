"""A socket with an end: a server that drips octets, or floods us, cannot hold a thread."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final, final

from radiusmfa.primary.turns import Turns

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


_LARGEST_ANSWER_OCTETS: Final = 2 * 1024 * 1024


@final
class BoundedSocket:
    """
    What ldap3 needs of a socket.

    Attributes:
        until: When sending and receiving must be done, monotonic.
        taken: Octets received for the present answer.
    """

    def __init__(
        self,
        connected: socket.socket,
        monotonic: Callable[[], float],
        turns: Turns | None = None,
    ) -> None:
        """
        Take over *connected*.

        Args:
            connected: A socket.
            monotonic: A clock.
            turns: Of the threads that ask; None: this one takes none.
        """
        # TLS writes little and often: each time it would wait 40 ms for what came before.
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = connected
        self._monotonic = monotonic
        self._turns = turns or Turns()
        self.until = 0.0
        self.taken = 0

    def encrypt(self, tls: ssl.SSLContext, host: str) -> None:
        """Begin TLS with whoever has a certificate for *host*."""
        wrapped = tls.wrap_socket(self._socket, do_handshake_on_connect=False, server_hostname=host)
        self._socket = wrapped
        self._limit()
        with self._turns.away():
            wrapped.do_handshake()

    def sendall(self, octets: bytes) -> None:
        """Send all of *octets*; until something has come there is nothing to compute."""
        self._limit()
        self._turns.end()
        self._socket.sendall(octets)

    def recv(self, most: int) -> bytes:
        """Return what has come, *most* octets at most."""
        self._limit()
        with self._turns.away():
            octets = self._socket.recv(most)
        self.taken += len(octets)
        if self.taken > _LARGEST_ANSWER_OCTETS:
            msg = "the answer is too large"
            raise OSError(msg)
        return octets

    def shutdown(self, how: int) -> None:
        """End it one way or both."""
        self._socket.shutdown(how)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _limit(self) -> None:
        left = self.until - self._monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
