"""The connections to one LDAP server: some are kept for searches, all end with it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final, final

from radiusmfa.outcome import Reason
from radiusmfa.primary.ldap import Link, LinkError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from radiusmfa.config.directory_model import DirectoryServer
    from radiusmfa.primary.turns import Turns

_IDLE: Final = 60.0  # seconds; firewalls forget connections, and drop what comes on them later


@final
class Links:
    """
    Connections to one server, for several threads; a connection is lent to one at a time.

    Attributes:
        name: `host:port`, for people.
    """

    def __init__(
        self,
        server: DirectoryServer,
        tls: ssl.SSLContext,
        monotonic: Callable[[], float],
        most: int,
        turns: Turns | None = None,
    ) -> None:
        """
        Connect to nobody yet.

        Args:
            server: Which.
            tls: See `ldap.context`.
            monotonic: A clock.
            most: Connections that are kept.
            turns: Of the threads that ask.
        """
        host = f"[{server.host}]" if ":" in server.host else server.host
        self.name = f"{host}:{server.port}"
        self._server = server
        self._tls = tls
        self._monotonic = monotonic
        self._most = most
        self._turns = turns
        self._lock = threading.Lock()
        self._kept: list[tuple[Link, float]] = []
        self._lent: set[Link] = set()
        self._is_closed = False

    def open(self, until: float) -> Link:
        """Lend a fresh connection, to be dropped or kept afterwards; raise LinkError for none."""
        link = Link(self._server, self._tls, self._monotonic, turns=self._turns)
        with self._lock:
            if self._is_closed:
                raise LinkError(Reason.DIRECTORY_UNREACHABLE, "it is not asked any more")
            self._lent.add(link)
        try:
            link.open(until)
        except BaseException:
            self.drop(link)
            raise
        return link

    def take(self) -> Link | None:
        """Lend a connection that was kept, if one was not left alone for too long."""
        oldest = self._monotonic() - _IDLE
        with self._lock:
            stale = [link for link, since in self._kept if since < oldest]
            self._kept = [(link, since) for link, since in self._kept if since >= oldest]
            taken = self._kept.pop()[0] if self._kept else None
            if taken is not None:
                self._lent.add(taken)
        for link in stale:
            link.close()
        return taken

    def keep(self, link: Link) -> None:
        """Take back a connection that serves everybody: nobody but `bind_dn` is bound on it."""
        with self._lock:
            has_room = len(self._kept) < self._most and not self._is_closed
            if has_room:
                self._lent.discard(link)
                self._kept.append((link, self._monotonic()))
        if not has_room:
            self.drop(link)

    def drop(self, link: Link) -> None:
        """Close a connection that was lent."""
        with self._lock:
            self._lent.discard(link)
        link.close()

    def drop_kept(self) -> None:
        """Close those that nobody uses: one of them was found broken."""
        with self._lock:
            kept, self._kept = self._kept, []
        for link, _ in kept:
            link.close()

    def close(self) -> None:
        """Keep none any more, and wake whoever waits for one."""
        with self._lock:
            self._is_closed = True
            lent = list(self._lent)
        for link in lent:
            link.cut()
        self.drop_kept()
