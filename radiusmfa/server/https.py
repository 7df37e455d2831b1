"""
Asking a web server: verified TLS, no redirects, no cookies, small answers, one try more.

Whoever calls sets the deadline, for all of it, by cancelling; a cancelled request closes
its connection. What goes wrong is an UnaskedError, whose text holds nothing secret.
"""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Final, NamedTuple, cast, final
from urllib.parse import urlencode

from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionClosed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.web.client import (
    Agent,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseDone,
    ResponseFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from radiusmfa.server.connecting import Endpoints, UnopenedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from treq._types import _ITreqReactor
    from treq.response import _Response
    from twisted.internet.interfaces import IConsumer, IPushProducer, IReactorTime
    from twisted.python.failure import Failure

    from radiusmfa.config.service_model import Proxy
    from radiusmfa.service.dialogue import Query

LARGEST_BODY_OCTETS: Final = 65_536
_IDLE_CONNECTIONS: Final = 64
"""Whoever waits for people asks again and again: each connection fewer is a handshake more."""
_IDLE_SECONDS: Final = 30
_FAILURES: Final = (UnopenedError, RequestTransmissionFailed, ResponseFailed)


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

    def __init__(
        self, reactor: IReactorTime, url: str, ca_file: Path | None, proxy: Proxy | None = None
    ) -> None:
        """
        Connect to nobody yet.

        Args:
            reactor: Twisted's.
            url: `https://HOST[:PORT]`; `http` where nothing has to be protected.
            ca_file: Certificates that are trusted, PEM; None: those of the system.
            proxy: The way there; None: straight.

        Raises:
            ConfigError: *ca_file* cannot be used.
        """
        self._reactor = reactor
        self._url = url
        self._usual = Headers({"Accept": ["application/json"]})
        if "[" in url:
            # Below treq an address of version 6 is taken for a name. The way there is known
            # without it; the server wants to see it.
            scheme, _, authority = url.partition("://")
            self._url = f"{scheme}://address"
            self._usual.addRawHeader("Host", authority)
        endpoints = Endpoints(reactor, url, ca_file, proxy)
        self._pool = HTTPConnectionPool(reactor)  # type: ignore[no-untyped-call]
        self._pool.maxPersistentPerHost = _IDLE_CONNECTIONS
        self._pool.cachedConnectionTimeout = _IDLE_SECONDS
        self._pool.retryAutomatically = False  # `_ask` does
        self._kept = _client(reactor, endpoints, self._pool)
        # What must not be sent twice never goes where the server may just be hanging up.
        once = HTTPConnectionPool(reactor, persistent=False)  # type: ignore[no-untyped-call]
        self._fresh = _client(reactor, endpoints, once)

    async def get(
        self, path: str, parameters: list[tuple[str, str]], headers: dict[str, str]
    ) -> Reply:
        """
        Return what the server answers to a GET.

        Raises:
            UnaskedError: It does not, or not as it should.
        """
        asked = _Asked("GET", self._url + path, tuple(headers.items()), parameters)
        return await self._ask(asked, is_safe=True)

    async def post(self, path: str, form: list[tuple[str, str | bytes]]) -> Reply:
        """
        Return what the server answers to a POST of *form*, which may hold secrets.

        Raises:
            UnaskedError: It does not, or not as it should.
        """
        headers = (("Content-Type", "application/x-www-form-urlencoded"),)
        asked = _Asked("POST", self._url + path, headers, body=urlencode(form).encode())
        return await self._ask(asked, is_safe=True)

    async def exchange(self, query: Query) -> Reply:
        """
        Return what the server answers to *query*, whose deadline is the caller's.

        What is not safe is sent once, on a connection of its own.

        Raises:
            UnaskedError: It does not, or not as it should.
        """
        body = query.body if query.method != "GET" else None
        url = self._url + query.path
        asked = _Asked(query.method, url, query.headers, query.parameters, body)
        return await self._ask(asked, is_safe=query.is_safe)

    def close(self) -> None:
        """Close what is kept open; who asks just now is not disturbed."""
        self._pool.closeCachedConnections()  # type: ignore[no-untyped-call]

    async def _ask(self, asked: _Asked, *, is_safe: bool) -> Reply:
        try:
            return await _read(await self._send(self._kept if is_safe else self._fresh, asked))
        except _FAILURES as error:
            if _is_cancelled(error):
                raise CancelledError from None
            if not is_safe or not _is_lost(error):
                raise _unasked(error) from None
        try:
            return await _read(await self._send(self._fresh, asked))
        except _FAILURES as error:
            if _is_cancelled(error):
                raise CancelledError from None
            raise _unasked(error) from None

    def _send(self, client: HTTPClient, asked: _Asked) -> Deferred[_Response]:
        wanted = self._usual.copy()
        for name, value in asked.headers:
            wanted.addRawHeader(name, value)
        return client.request(
            asked.method,
            asked.url,
            params=list(asked.parameters),
            headers=wanted,
            data=asked.body,
            allow_redirects=False,
            unbuffered=True,
            reactor=cast("_ITreqReactor", self._reactor),
        )


class _Asked(NamedTuple):
    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    parameters: Sequence[tuple[str, str]] = ()
    body: bytes | None = None


def _client(reactor: IReactorTime, endpoints: Endpoints, pool: HTTPConnectionPool) -> HTTPClient:
    agent = _Unpacked(Agent.usingEndpointFactory(reactor, endpoints, pool))  # type: ignore[no-untyped-call]
    # Requests that bring the cookie of one session wait for each other at the server.
    nothing = IndexableCookieJar(DefaultCookiePolicy(allowed_domains=()))
    return HTTPClient(agent, nothing, data_to_body_producer=_Octets)


@implementer(IAgent)
@final
class _Unpacked:
    """
    An agent that wants nothing packed, and takes nothing that is.

    treq would unpack it, layer by layer, and a few octets may be packed gigabytes.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,  # noqa: N803 - Twisted's
    ) -> Deferred[IResponse]:
        """Ask, without saying that anything may be packed."""
        wanted = Headers() if headers is None else headers.copy()
        wanted.removeHeader(b"accept-encoding")
        asking: Deferred[IResponse] = self._agent.request(method, uri, wanted, bodyProducer)
        return asking.addCallback(_unpacked)


def _unpacked(response: IResponse) -> IResponse:
    if response.headers.hasHeader(b"content-encoding"):
        response.deliverBody(_Unwanted())  # type: ignore[no-untyped-call]
        raise UnaskedError("answers packed, which nobody wanted")
    return response


@final
class _Unwanted(Protocol):
    """Takes nothing of a body."""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's
        """Hang up."""
        cast("IPushProducer", self.transport).stopProducing()


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


async def _read(response: _Response) -> Reply:
    body = _Body()
    response.deliverBody(body)
    headers = response.headers
    later = headers.getRawHeaders("retry-after", headers.getRawHeaders("x-retry-after", [""]))
    return Reply(response.code, later[-1], await body.whole)


def _is_cancelled(error: Exception) -> bool:
    """Return whether it is the caller who wants no more."""
    return any(isinstance(reason, CancelledError) for reason in _reasons(error))


def _is_lost(error: Exception) -> bool:
    """Return whether *error* may be the end of a connection that was kept open, or a moment's."""
    if isinstance(error, UnopenedError):
        return error.is_moment
    if isinstance(error, ResponseNeverReceived):
        return any(isinstance(reason, ConnectionClosed) for reason in _reasons(error))
    return isinstance(error, RequestTransmissionFailed)


def _unasked(error: Exception) -> UnaskedError:
    """Return what to say of *error*: kinds, no texts, for those may quote what was sent."""
    if isinstance(error, UnopenedError):
        return UnaskedError(str(error), is_unsent=True)
    kind = [type(reason).__name__ for reason in (error, *_reasons(error))][-1]
    return UnaskedError(f"breaks off ({kind})")


def _reasons(error: Exception) -> list[BaseException]:
    return [reason.value for reason in getattr(error, "reasons", ())]
