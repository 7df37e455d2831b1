"""
Handing one mail to an SMTP server (RFC 5321): verified TLS, logged in, once, within its time.

Twisted's own client is not used: it brings the reactor of the process with it, keeps what was
sent, passwords too, in its errors, and believes what stands unprotected behind the answer to
STARTTLS.
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final, cast, final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import TLSVersion, optionsForClientTLS
from twisted.protocols.basic import LineReceiver
from twisted.protocols.tls import TLSMemoryBIOFactory

from radiusmfa.config.message_model import MailTls
from radiusmfa.server.certificates import trust
from radiusmfa.server.https import Reply, UnaskedError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from typing import Any

    from twisted.internet.interfaces import (
        IDelayedCall,
        IOpenSSLClientConnectionCreator,
        IReactorTime,
        IStreamClientEndpoint,
        ITCPTransport,
        ITransport,
    )
    from twisted.python.failure import Failure

    from radiusmfa.config.message_model import Smtp
    from radiusmfa.service.dialogue import Mail

_LARGEST_ANSWER: Final = 100
"""Lines of one answer."""
_LINE: Final = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)
_READY: Final = 220
_OK: Final = 250
_GO_ON: Final = 334
_DATA: Final = 354
_TAKEN: Final = frozenset({250, 251, 252})
_LOGGED_IN: Final = 235
_NO: Final = 400
"""From here on an answer is a no."""
_ODD: Final = 500
_OF_TLS: Final = frozenset({"Error", "VerificationError", "CertificateError"})
"""Names of what OpenSSL and the check of the host's name raise."""
_GOOD_BYE_SECONDS: Final = 5.0


async def send(reactor: IReactorTime, settings: Smtp, mail: Mail, ca_file: Path | None) -> Reply:
    """
    Return what the server says of *mail*: 250, or the status of its first no.

    In front of its text stands the command that it answers, as in `RCPT: no such user`. A
    mail to nobody is not sent: the server is only asked whether it takes our account. The
    deadline is the caller's, who cancels.

    Args:
        reactor: Twisted's.
        settings: Which server, and who we are to it.
        mail: What is to be sent.
        ca_file: Certificates that are trusted, PEM; None: those of the system.

    Raises:
        ConfigError: *ca_file* cannot be used.
        UnaskedError: The server could not be asked, or breaks off.
    """
    tls = None
    if settings.tls is not MailTls.NONE:
        tls = optionsForClientTLS(
            settings.host,
            trustRoot=trust(ca_file),
            extraCertificateOptions={"raiseMinimumTo": TLSVersion.TLSv1_2},
        )
    endpoint: IStreamClientEndpoint = HostnameEndpoint(reactor, settings.host, settings.port)
    if tls is not None and settings.tls is MailTls.IMPLICIT:
        # The clock: without it Twisted takes the reactor of the process.
        endpoint = wrapClientTLS(tls, endpoint, clock=reactor)
    line = _Line(reactor)
    try:
        await connectProtocol(endpoint, line.wire)  # type: ignore[no-untyped-call]
    except ConnectingCancelledError:
        raise CancelledError from None
    except (ConnectError, DNSLookupError) as error:
        why = f"cannot be reached ({type(error).__name__})"
        raise UnaskedError(why, is_unsent=True) from None
    try:
        reply = await _talk(line, settings, mail, tls)
    except BaseException:
        line.hang_up()
        raise
    line.leave()
    return reply


async def _talk(
    line: _Line, settings: Smtp, mail: Mail, tls: IOpenSSLClientConnectionCreator | None
) -> Reply:
    answer = await line.answer()
    if answer.status != _READY:
        return _of(b"greeting", answer)
    offered = await _greet(line)
    if settings.tls is MailTls.STARTTLS and tls is not None:
        await _protect(line, offered, tls)
        offered = await _greet(line)
    if settings.user:
        answer = await _log_in(line, settings, offered)
        if answer.status != _LOGGED_IN:
            return _of(b"AUTH", answer)
    if not mail.to:
        return Reply(_OK, "", b"")
    return await _hand_over(line, settings, mail)


async def _protect(
    line: _Line, offered: dict[bytes, bytes], tls: IOpenSSLClientConnectionCreator
) -> None:
    if b"STARTTLS" not in offered:
        raise UnaskedError("does not offer STARTTLS: nothing was sent", is_unsent=True)
    answer = await line.ask(b"STARTTLS")
    if answer.status != _READY:
        raise UnaskedError("offers STARTTLS and does not do it", is_unsent=True)
    line.protect(tls)


async def _hand_over(line: _Line, settings: Smtp, mail: Mail) -> Reply:
    for words in (b"MAIL FROM:<%s>" % settings.sender.encode(), b"RCPT TO:<%s>" % mail.to.encode()):
        answer = await line.ask(words)
        if answer.status not in _TAKEN:
            return _of(words[:4], answer)
    answer = await line.ask(b"DATA")
    if answer.status != _DATA:
        return _of(b"DATA", answer._replace(status=max(answer.status, _NO)))
    return _of(b"mail", await line.deliver(mail.octets))


def _of(command: bytes, answer: Reply) -> Reply:
    # What is neither a yes nor a no is no SMTP.
    status = answer.status if answer.status == _OK or answer.status >= _NO else _ODD
    return Reply(status, "", command + b": " + answer.octets)


async def _greet(line: _Line) -> dict[bytes, bytes]:
    """Return what the server can do, in capital letters, and the words behind."""
    answer = await line.ask(b"EHLO " + line.name())
    if answer.status != _OK:
        raise UnaskedError(f"does not speak ESMTP ({answer.status})", is_unsent=True)
    found = {}
    for one in answer.octets.upper().split(b"\n")[1:]:
        name, _, rest = one.partition(b" ")
        found[name] = rest
    return found


async def _log_in(line: _Line, settings: Smtp, offered: dict[bytes, bytes]) -> Reply:
    ways = offered.get(b"AUTH", b"").split()
    user, password = settings.user.encode(), settings.password.reveal()
    if b"PLAIN" in ways:
        return await line.ask(b"AUTH PLAIN " + base64.b64encode(b"\0%s\0%s" % (user, password)))
    if b"LOGIN" not in ways:
        raise UnaskedError("offers neither AUTH PLAIN nor AUTH LOGIN", is_unsent=True)
    answer = await line.ask(b"AUTH LOGIN")
    for octets in (user, password):
        if answer.status != _GO_ON:
            return answer
        answer = await line.ask(base64.b64encode(octets))
    return answer


@final
class _Wire(Protocol):
    """
    The connection under a line, with TLS from some moment on.

    What a transport of Twisted does for that takes its time from the reactor of the process.
    """

    def __init__(self, line: _Line, reactor: IReactorTime) -> None:
        self._line = line
        self._reactor = reactor
        self._above: Protocol = line

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's
        """Begin in the clear, or above the TLS that is there."""
        transport = cast("ITransport", self.transport)
        self._line.makeConnection(transport)  # type: ignore[no-untyped-call]

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        """Pass on."""
        self._above.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's
        """Pass on."""
        self._above.connectionLost(reason)

    def protect(self, tls: IOpenSSLClientConnectionCreator) -> None:
        """Begin TLS."""
        above = Factory.forProtocol(lambda: self._line)
        transport = cast("ITransport", self.transport)
        factory = TLSMemoryBIOFactory(tls, True, above, clock=self._reactor)  # noqa: FBT003 - Twisted's
        self._above = factory.buildProtocol(transport.getPeer())
        self._above.makeConnection(transport)  # type: ignore[no-untyped-call]


@final
class _Line(LineReceiver):
    """
    The conversation with a server: one command, one answer.

    Attributes:
        wire: What is connected.
    """

    delimiter = b"\n"

    def __init__(self, reactor: IReactorTime) -> None:
        self.wire = _Wire(self, reactor)
        self._reactor = reactor
        self._answers: list[Reply] = []
        self._texts: list[bytes] = []
        self._waiting: Deferred[Reply] | None = None
        self._ended: UnaskedError | None = None
        self._may_be_sent = False
        self._leaving: IDelayedCall | None = None

    def name(self) -> bytes:
        """Return what we call ourselves: an address, as RFC 5321 section 4.1.3 writes it."""
        host = cast("ITCPTransport", self.transport).getHost().host
        return b"[%s%s]" % (b"IPv6:" if ":" in host else b"", host.encode())

    async def ask(self, words: bytes) -> Reply:
        """Return the answer to a command."""
        self._write(words + b"\r\n")
        return await self.answer()

    async def deliver(self, octets: bytes) -> Reply:
        """Return the answer to the mail itself."""
        # RFC 5321 section 4.5.2: a dot in front of a dot.
        stuffed = re.sub(rb"^\.", b"..", octets.removesuffix(b"\r\n"), flags=re.MULTILINE)
        self._may_be_sent = True
        self._write(stuffed + b"\r\n.\r\n")
        return await self.answer()

    async def answer(self) -> Reply:
        """Return the next answer."""
        if self._answers:
            return self._answers.pop(0)
        if self._ended is not None:
            raise self._ended
        self._waiting = Deferred(self._give_up)
        return await self._waiting

    def protect(self, tls: IOpenSSLClientConnectionCreator) -> None:
        """Begin TLS."""
        rest = self.clearLineBuffer()  # type: ignore[no-untyped-call]
        if rest or self._answers or self._texts:
            raise UnaskedError("says more than it should before TLS", is_unsent=True)
        self.wire.protect(tls)

    def leave(self) -> None:
        """Say good-bye, and wait only a little for the other end to do so."""
        self._write(b"QUIT\r\n")
        if self.transport is not None:
            self.transport.loseConnection()
            self._leaving = self._reactor.callLater(_GOOD_BYE_SECONDS, self.hang_up)

    def hang_up(self) -> None:
        """Close, whatever the other end says."""
        if self.transport is not None:
            cast("ITCPTransport", self.transport).abortConnection()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's
        """Take a line of an answer."""
        match = _LINE.fullmatch(line.removesuffix(b"\r"))
        if match is None or len(self._texts) >= _LARGEST_ANSWER:
            self._end("answers what is no SMTP")
            return
        self._texts.append(match[3] or b"")
        if match[2] == b"-":
            return
        texts, self._texts = self._texts, []
        reply = Reply(int(match[1]), "", b"\n".join(texts))
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            self._answers.append(reply)
        else:
            waiting.callback(reply)

    def lineLengthExceeded(self, _: bytes) -> None:  # noqa: N802 - Twisted's
        """Take a line that never ends."""
        self._end("answers what is no SMTP")

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's
        """Take the end."""
        if self._leaving is not None and self._leaving.active():
            self._leaving.cancel()
        if _OF_TLS.intersection(type(one).__name__ for one in _chain(reason.value)):
            self._end("its certificate is not trusted, not of this host, or TLS failed")
        else:
            self._end(f"breaks off ({type(reason.value).__name__})")

    def _give_up(self, _: Deferred[Reply]) -> None:
        self._waiting = None
        self.hang_up()

    def _end(self, why: str) -> None:
        if self._ended is None:
            self._ended = UnaskedError(why, is_unsent=not self._may_be_sent)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(self._ended)
        self.hang_up()

    def _write(self, octets: bytes) -> None:
        if self.transport is not None:
            self.transport.write(octets)


def _chain(error: BaseException | None) -> Generator[BaseException, Any, None]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
