"""
Connections to a web server: straight or through an HTTP proxy, with TLS to the server itself.

A connection is there when the server has proved who it is: until then nothing of a request
has left, so that whatever goes wrong before may be tried elsewhere.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final, TypeVar, cast, final
from urllib.parse import urlsplit

from twisted.internet.abstract import isIPAddress
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionClosed
from twisted.internet.interfaces import IHandshakeListener, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import TLSVersion, optionsForClientTLS
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

from radiusmfa.server.certificates import trust

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from twisted.internet.interfaces import (
        IAddress,
        IProtocol,
        IProtocolFactory,
        IReactorTCP,
        IReactorTime,
        ITCPTransport,
    )
    from twisted.python.failure import Failure
    from twisted.web.client import URI

    from radiusmfa.config.service_model import Proxy

_T = TypeVar("_T")

PATIENCE: Final = 8.0
"""Seconds that a proxy gets, to reach the server behind it, too."""
LARGEST_HEAD_OCTETS: Final = 8192
LARGEST_EXCHANGE_OCTETS: Final = 524_288
"""Of all that comes to one request: the head, the body in however small chunks."""
_PORTS: Final = {"http": 80, "https": 443}
_BEGINNING: Final = b"HTTP/1."
_STATUS: Final = re.compile(
    rb"HTTP/1\.[0-9] ([1-9][0-9]{2})(?: [^\r\n]*)?\r\n"
)  # RFC 9112 section 4
_SUCCESS: Final = range(200, 300)
_NO_ACCOUNT: Final = frozenset({401, 407})  # tinyproxy answers 401 to a wrong password
_NO_WAY_ON: Final = range(502, 505)


class UnopenedError(Exception):
    """
    There is no connection; the text, which holds nothing secret, says why.

    Attributes:
        is_moment: It may be a moment's fault.
    """

    def __init__(self, why: str, *, is_moment: bool = False) -> None:
        """Say *why*."""
        super().__init__(why)
        self.is_moment = is_moment


@implementer(IAgentEndpointFactory)
@final
class Endpoints:
    """Where to connect for one server, and how."""

    def __init__(
        self, reactor: IReactorTime, url: str, ca_file: Path | None, proxy: Proxy | None
    ) -> None:
        """
        Compile the way to a server.

        Args:
            reactor: Twisted's.
            url: `https://HOST[:PORT]`; `http` where nothing has to be protected.
            ca_file: Certificates that are trusted, PEM; None: those of the system.
            proxy: The way there; None: straight. It is told the server's name, and looks it up.

        Raises:
            ConfigError: *ca_file* cannot be used.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
        way: IStreamClientEndpoint = HostnameEndpoint(reactor, host, port)
        if isIPAddress(host):  # no thread has to look it up
            way = TCP4ClientEndpoint(cast("IReactorTCP", reactor), host, port)
        door: type[_Door] = _Open
        if proxy is not None:
            way = Tunnel(reactor, proxy, host, port)
        if parts.scheme == "https":
            tls = optionsForClientTLS(
                host,
                trustRoot=trust(ca_file),
                extraCertificateOptions={"raiseMinimumTo": TLSVersion.TLSv1_2},
            )
            # The clock: without it Twisted takes the reactor of the process, which may be another.
            way, door = wrapClientTLS(tls, way, clock=reactor), _Shaking
        self._way = _Way(way, door)

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: ARG002, N802 - Twisted's
        """Return the one there is: this is one server's."""
        return self._way


@implementer(IStreamClientEndpoint)
@final
class Tunnel:
    """A way through an HTTP proxy, by CONNECT (RFC 9110 section 9.3.6)."""

    def __init__(
        self, reactor: IReactorTime, proxy: Proxy, host: str, port: int, patience: float = PATIENCE
    ) -> None:
        """
        Keep the parts.

        Args:
            reactor: Twisted's.
            proxy: Checked settings.
            host: Name or address of the server behind it.
            port: Of that server.
            patience: Seconds until the proxy must have opened the way.
        """
        self._reactor = reactor
        self._proxy = proxy
        self._patience = patience
        self._target = _authority(host, port)

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's
        """Connect, or fail with UnopenedError; what failed or was cancelled leaves nothing open."""
        proxy, reactor, patience = self._proxy, self._reactor, self._patience
        name = f"proxy {_authority(proxy.host, proxy.port)}"
        asking = _Asking(protocolFactory, name, self._request(), has_user=bool(proxy.user))
        later = reactor.callLater(patience, asking.fail, "gives no answer in time")

        def settled(result: _T) -> _T:
            if later.active():
                later.cancel()
            return result

        asking.opened.addBoth(settled)
        asking.start(HostnameEndpoint(reactor, proxy.host, proxy.port, timeout=patience))
        return asking.opened

    def _request(self) -> bytes:
        lines = [f"CONNECT {self._target} HTTP/1.1", f"Host: {self._target}"]
        if self._proxy.user:
            account = self._proxy.user.encode() + b":" + self._proxy.password.reveal()
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(account).decode()}")
        return "\r\n".join((*lines, "", "")).encode("ascii")


@implementer(IStreamClientEndpoint)
@final
class _Way:
    """Another endpoint, behind a door: what fails is an UnopenedError, and leaves nothing open."""

    def __init__(self, endpoint: IStreamClientEndpoint, door: type[_Door]) -> None:
        self._endpoint = endpoint
        self._door = door

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803 - Twisted's
        """Connect."""
        door = self._door(protocolFactory)
        door.start(self._endpoint)
        return door.opened


@final
class _Outgoing:
    """A transport whose door learns when something is asked."""

    def __init__(self, door: _Door, transport: ITCPTransport) -> None:
        self._door = door
        self._transport = transport

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Ask."""
        self._door.asks()
        self._transport.write(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:  # noqa: N802 - Twisted's
        """Ask."""
        self._door.asks()
        self._transport.writeSequence(data)


class _Door(Protocol):
    """
    Stands between a connection and the protocol that wants it, until the way is free.

    Attributes:
        opened: Fires with that protocol.
        address: Of whom we are connected to.
    """

    def __init__(self, factory: IProtocolFactory) -> None:
        self.address: IAddress | None = None
        self.opened: Deferred[IProtocol] = Deferred(self._cancelled)
        self._factory = factory
        self._inner: IProtocol | None = None
        self._connecting: Deferred[IProtocol] | None = None
        self._is_settled = False
        self._came = 0

    def asks(self) -> None:
        """Learn that something is asked: what comes from here on is the answer."""
        self._came = 0

    def start(self, endpoint: IStreamClientEndpoint) -> None:
        """Connect to *endpoint*."""
        self._connecting = endpoint.connect(_One(self))
        self._connecting.addErrback(self._unreached)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        """Hand on what comes, unless it never ends."""
        if self._inner is not None:
            self._came += len(data)
            if self._came > LARGEST_EXCHANGE_OCTETS:
                cast("ITCPTransport", self.transport).abortConnection()
            else:
                self._inner.dataReceived(data)
        elif not self._is_settled:
            self._answered(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's
        """Hand on the end."""
        if self._inner is not None:
            self._inner.connectionLost(reason)
        else:
            self._lost(cast("Exception", reason.value))

    def _outgoing(self) -> ITCPTransport:
        return cast("ITCPTransport", _Outgoing(self, cast("ITCPTransport", self.transport)))

    def _answered(self, data: bytes) -> None:
        """Take what comes before the way is free."""

    def _lost(self, error: Exception) -> None:
        """Tell why there is no way, if the end was not ours."""

    def _unreached(self, failure: Failure) -> IProtocol | None:
        error = cast("Exception", failure.value)
        if not isinstance(error, UnopenedError):  # else a proxy has told why
            what = f"cannot be reached ({type(error).__name__})"
            error = UnopenedError(what, is_moment=isinstance(error, ConnectError))
        self._refuse(error)
        return None

    def _let_in(self) -> IProtocol:
        self._is_settled = True
        # Neither Twisted's factory for HTTP nor that for TLS ever says no.
        inner = cast("IProtocol", self._factory.buildProtocol(cast("IAddress", self.address)))
        self._inner = inner
        inner.makeConnection(self._outgoing())
        self.opened.callback(inner)
        return inner

    def _refuse(self, error: Exception) -> None:
        if self._close():
            self.opened.errback(error)

    def _cancelled(self, _: Deferred[IProtocol]) -> None:
        self._close()

    def _close(self) -> bool:
        if self._is_settled:
            return False
        self._is_settled = True
        if self.transport is not None:
            cast("ITCPTransport", self.transport).abortConnection()
        elif self._connecting is not None:
            self._connecting.cancel()
        return True


@final
class _Asking(_Door):
    """Asks a proxy for the way; then all that comes is the server's."""

    def __init__(
        self, factory: IProtocolFactory, name: str, request: bytes, *, has_user: bool
    ) -> None:
        super().__init__(factory)
        self._name = name
        self._request = request
        self._has_user = has_user
        self._head = b""

    def fail(self, what: str) -> None:
        """Let go of the proxy, which does *what*."""
        self._refuse(UnopenedError(what))

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's
        """Ask."""
        cast("ITCPTransport", self.transport).write(self._request)
        self._request = b""

    def _outgoing(self) -> ITCPTransport:
        return cast("ITCPTransport", self.transport)  # TLS counts for itself

    def _refuse(self, error: Exception) -> None:
        is_moment = isinstance(error, UnopenedError) and error.is_moment
        super()._refuse(UnopenedError(f"{self._name} {error}", is_moment=is_moment))

    def _lost(self, error: Exception) -> None:  # noqa: ARG002 - it is the same to us
        self._refuse(UnopenedError("ends the connection without an answer", is_moment=True))

    def _answered(self, data: bytes) -> None:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        match = _STATUS.match(head + end)
        if not head.startswith(_BEGINNING[: len(head)]) or (end and match is None):
            self.fail("answers no HTTP")
        elif len(head) > LARGEST_HEAD_OCTETS:
            self.fail(f"answers a head of more than {LARGEST_HEAD_OCTETS} octets")
        elif end and match is not None:
            self._decide(int(match[1]), rest)

    def _decide(self, status: int, rest: bytes) -> None:
        if status not in _SUCCESS:
            self.fail(_refusal(status, has_user=self._has_user))
            return
        # "A client MUST ignore any Content-Length or Transfer-Encoding header fields received in
        # a successful response to CONNECT": the rest is the server's.
        self._head = b""
        inner = self._let_in()
        if rest:
            inner.dataReceived(rest)


@final
class _Open(_Door):
    """Lets everybody in."""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's
        """Learn that there is a connection."""
        self._let_in()


@implementer(IHandshakeListener)
@final
class _Shaking(_Door):
    """Waits until the handshake is over."""

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's
        """Learn that TLS is up, and that the certificate is good."""
        if not self._is_settled:
            self._let_in()

    def _lost(self, error: Exception) -> None:
        if isinstance(error, ConnectionClosed):
            kind = type(error).__name__
            self._refuse(UnopenedError(f"breaks off before TLS is up ({kind})", is_moment=True))
        else:
            what = "its certificate is not trusted, not of this host, or TLS failed"
            self._refuse(UnopenedError(what))


@final
class _One(Factory):
    """Makes the one protocol that there is."""

    noisy = False

    def __init__(self, door: _Door) -> None:
        self._door = door

    def buildProtocol(self, addr: IAddress | None) -> _Door:  # noqa: N802 - Twisted's
        """Return it."""
        self._door.address = addr
        return self._door


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _refusal(status: int, *, has_user: bool) -> str:
    if status in _NO_ACCOUNT:
        asked = (
            "does not take this user and password" if has_user else "wants a user and a password"
        )
        return f"{asked} ({status})"
    return f"{'cannot reach the server' if status in _NO_WAY_ON else 'refuses'} ({status})"
