"""
Asking a web server: verified TLS, no redirects, no cookies, small answers, one try more.

Whoever calls sets the deadline, for all of it, by cancelling; a cancelled request closes
its connection. What goes wrong is an UnaskedError, whose text holds nothing secret.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast, final
from urllib.parse import urlencode, urlsplit

from OpenSSL import crypto
from treq.client import HTTPClient
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.error import (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.ssl import (
    Certificate,
    TLSVersion,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web._newclient import RequestNotSent
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from treq._types import _ITreqReactor
    from treq.response import _Response
    from twisted.internet._sslverify import IOpenSSLTrustRoot
    from twisted.internet.interfaces import (
        IConsumer,
        IPushProducer,
        IReactorTime,
        IStreamClientEndpoint,
    )
    from twisted.python.failure import Failure
    from twisted.web.client import URI

    from radiusmfa.service.dialogue import Query

LARGEST_BODY_OCTETS: Final = 65_536
_TRIES: Final = 2
_IDLE_CONNECTIONS: Final = 8
_IDLE_SECONDS: Final = 30
_END: Final = b"-----END CERTIFICATE-----"
_FAILURES: Final = (
    ConnectError,
    ConnectingCancelledError,
    ConnectionClosed,
    DNSLookupError,
    RequestNotSent,
    RequestTransmissionFailed,
    ResponseFailed,
)
_OF_TLS: Final = frozenset({"Error", "VerificationError", "CertificateError"})
"""Names of what OpenSSL and the check of the host's name raise."""


class UnaskedError(Exception):
    """
    A server could not be asked; the text says how it failed, for the log.

    Attributes:
        is_unsent: Nothing of the request has reached it, for sure.
    """

    def __init__(self, why: str, *, is_unsent: bool = False) -> None:
        """Say *why*."""
        super().__init__(why)
        self.is_unsent = is_unsent


class Reply(NamedTuple):
    """
    What a server answered.

    Attributes:
        status: Of HTTP.
        retry_after: The header of that name, or `X-Retry-After`; empty: none.
        octets: The body.
    """

    status: int
    retry_after: str
    octets: bytes


@final
class Https:
    """One server, and the connections to it that are kept open."""

    def __init__(self, reactor: IReactorTime, url: str, ca_file: Path | None) -> None:
        """
        Connect to nobody yet.

        Args:
            reactor: Twisted's.
            url: `https://HOST[:PORT]`; `http` where nothing has to be protected.
            ca_file: Certificates that are trusted, PEM; None: those of the system.

        Raises:
            ConfigError: *ca_file* cannot be used.
        """
        self._reactor = reactor
        self._url = url
        self._pool = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = _IDLE_CONNECTIONS
        self._pool.cachedConnectionTimeout = _IDLE_SECONDS
        self._pool.retryAutomatically = False  # `ask` does
        endpoints = _Endpoints(reactor, url, ca_file)
        self._agent = Agent.usingEndpointFactory(  # type: ignore[no-untyped-call]
            reactor, endpoints, self._pool
        )

    async def get(
        self, path: str, parameters: list[tuple[str, str]], headers: dict[str, str]
    ) -> Reply:
        """
        Return what the server answers to a GET.

        Raises:
            UnaskedError: It does not, or not as it should.
        """
        return await self._ask("GET", path, headers, parameters=parameters)

    async def post(self, path: str, form: list[tuple[str, str | bytes]]) -> Reply:
        """
        Return what the server answers to a POST of *form*, which may hold secrets.

        Raises:
            UnaskedError: It does not, or not as it should.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", path, headers, body=urlencode(form).encode())

    async def exchange(self, query: Query) -> Reply:
        """
        Return what the server answers to *query*, whose deadline is the caller's.

        Raises:
            UnaskedError: It does not, or not as it should.
        """
        return await self._ask(
            query.method,
            query.path,
            dict(query.headers),
            parameters=list(query.parameters),
            body=query.body if query.method != "GET" else None,
            tries=_TRIES if query.is_safe else 1,
        )

    def close(self) -> None:
        """Close what is kept open; who asks just now is not disturbed."""
        self._pool.closeCachedConnections()  # type: ignore[no-untyped-call]

    async def _ask(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        *,
        parameters: list[tuple[str, str]] | None = None,
        body: bytes | None = None,
        tries: int = _TRIES,
    ) -> Reply:
        def send() -> Deferred[_Response]:
            wanted = Headers({"Accept": ["application/json"]})
            for name, value in headers.items():
                wanted.addRawHeader(name, value)
            # A client of its own each time: requests that bring the cookie of one session wait
            # for each other at the server.
            return HTTPClient(self._agent, data_to_body_producer=_Octets).request(
                method,
                self._url + path,
                params=parameters,
                headers=wanted,
                data=body,
                allow_redirects=False,
                unbuffered=True,
                reactor=cast("_ITreqReactor", self._reactor),
            )

        return await _answer(send, tries)


@implementer(IAgentEndpointFactory)
@final
class _Endpoints:
    """Where to connect, and how."""

    def __init__(self, reactor: IReactorTime, url: str, ca_file: Path | None) -> None:
        parts = urlsplit(url)
        self._reactor = reactor
        self._host = parts.hostname or ""
        self._port = parts.port or 443
        self._tls = None
        if parts.scheme == "https":
            self._tls = optionsForClientTLS(
                self._host,
                trustRoot=trust(ca_file),
                extraCertificateOptions={"raiseMinimumTo": TLSVersion.TLSv1_2},
            )

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:  # noqa: ARG002, N802 - Twisted's
        """Return the one there is: this is one server's."""
        plain = HostnameEndpoint(self._reactor, self._host, self._port)
        if self._tls is None:
            return plain
        # The clock: without it Twisted takes the reactor of the process, which may be another.
        return wrapClientTLS(self._tls, plain, clock=self._reactor)


def trust(path: Path | None) -> IOpenSSLTrustRoot:
    """
    Return whose certificates are trusted: those in the file at *path*, or the system's.

    Raises:
        ConfigError: The file cannot be used.
    """
    if path is None:
        return platformTrust()  # type: ignore[no-untyped-call,no-any-return]
    try:
        blocks = path.read_bytes().split(_END)[:-1]
        found = [Certificate.loadPEM(block + _END) for block in blocks]
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except crypto.Error:
        raise ConfigError(f"{path}: holds something that is no certificate") from None
    return trustRootFromCertificates(found)  # type: ignore[no-untyped-call,no-any-return]


@implementer(IBodyProducer)
@final
class _Octets:
    """
    A body that is all there.

    Attributes:
        length: In octets.
    """

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self.length = len(octets)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:  # noqa: N802 - Twisted's
        """Write all of it."""
        consumer.write(self._octets)
        return succeed(None)

    def pauseProducing(self) -> None:  # noqa: N802 - Twisted's
        """Nothing is left to be paused."""

    def resumeProducing(self) -> None:  # noqa: N802 - Twisted's
        """Nothing is left to be resumed."""

    def stopProducing(self) -> None:  # noqa: N802 - Twisted's
        """Nothing is left to be stopped."""


@final
class _Body(Protocol):
    """
    Collects a body that is not too large.

    Attributes:
        whole: Fires with its octets.
    """

    def __init__(self) -> None:
        self.whole: Deferred[bytes] = Deferred(lambda _: self._stop())
        self._octets = bytearray()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        """Take some octets."""
        self._octets += data
        if len(self._octets) > LARGEST_BODY_OCTETS and not self.whole.called:
            self._stop()
            self.whole.errback(UnaskedError(f"answers more than {LARGEST_BODY_OCTETS} octets"))

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's
        """Take the end."""
        if self.whole.called:
            return
        if isinstance(reason.value, ResponseDone):
            self.whole.callback(bytes(self._octets))
        else:
            self.whole.errback(UnaskedError("answers in part only"))

    def _stop(self) -> None:
        # Not loseConnection: that waits until the other end has said good-bye, too.
        cast("IPushProducer", self.transport).stopProducing()


async def _answer(send: Callable[[], Deferred[_Response]], tries: int) -> Reply:
    try:
        return await _read(await send())
    except _FAILURES as error:
        if _is_cancelled(error):
            raise CancelledError from None
        if tries == 1 or not _is_lost(error):
            raise UnaskedError(_told(error), is_unsent=_is_unsent(error)) from None
    return await _answer(send, tries - 1)


async def _read(response: _Response) -> Reply:
    body = _Body()
    response.deliverBody(body)
    headers = response.headers
    later = headers.getRawHeaders("retry-after", headers.getRawHeaders("x-retry-after", [""]))
    return Reply(response.code, later[-1], await body.whole)


def _is_cancelled(error: Exception) -> bool:
    """Return whether it is the caller who wants no more; each part of Twisted says it its way."""
    return isinstance(error, ConnectingCancelledError) or any(
        isinstance(reason, CancelledError) for reason in _reasons(error)
    )


def _is_lost(error: Exception) -> bool:
    """Return whether *error* may be the end of a connection that was kept open, or a moment's."""
    # Not DNSLookupError: Twisted makes one, too, of a look-up that is cancelled.
    if isinstance(error, ResponseNeverReceived):
        return any(isinstance(reason, ConnectionClosed) for reason in _reasons(error))
    return isinstance(error, ConnectError | ConnectionClosed | RequestTransmissionFailed)


def _is_unsent(error: Exception) -> bool:
    """Return whether the server has seen nothing of the request: no connection, or no TLS."""
    if isinstance(error, ConnectError | DNSLookupError | RequestNotSent):
        return True
    return bool(_OF_TLS.intersection(type(reason).__name__ for reason in _reasons(error)))


def _told(error: Exception) -> str:
    """Return what to say of *error*: kinds, no texts, for those may quote what was sent."""
    kinds = [type(reason).__name__ for reason in (error, *_reasons(error))]
    if _OF_TLS.intersection(kinds):
        return "its certificate is not trusted, not of this host, or TLS failed"
    return f"cannot be reached, or breaks off ({kinds[-1]})"


def _reasons(error: Exception) -> list[BaseException]:
    return [reason.value for reason in getattr(error, "reasons", ())]
