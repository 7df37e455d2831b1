"""
Requests to RSA's SecurID Authentication API: to which server, and what silence means.

An attempt is known to the server that opened it and to no other. So another server is asked
only while there is none yet, and what is lost afterwards is lost.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final, NamedTuple, final

from radiusmfa.login.errands import Served
from radiusmfa.outcome import Failed, Reason, Unavailable
from radiusmfa.service import securid_message as rsa
from radiusmfa.service import securid_signing as signing
from radiusmfa.service.dialogue import Farewell, Lost, Query, Reply, done, exchange

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.config.service_model import SecurId
    from radiusmfa.outcome import Outcome
    from radiusmfa.service.dialogue import Request, Tools
    from radiusmfa.service.securid_attempt import Attempt
    from radiusmfa.service.securid_message import Answer, Method

SILENT_SECONDS: Final = 60.0
"""For so long a server that gave no answer is asked after all others."""
_OK: Final = 200
_TOO_MANY: Final = 429
_TRIES: Final = 2
_LITTLE: Final = 5.0
"""Seconds: a server whose share of the login's time is less gets that, and no `timeout`."""
_USUAL: Final = 0.0
_ERROR: Final = "ERROR"
_MEANINGS: Final = {
    400: "does not understand our request",
    401: "does not take our access key",
    403: "does not take our access key",
    404: "has no Authentication API at this address; is it enabled there?",
    _TOO_MANY: "says that we ask too often",
}
_UNREACHABLE: Final = Unavailable(Reason.UPSTREAM_UNREACHABLE)
_SILENT: Final = Unavailable(Reason.UPSTREAM_SILENT)
_BUSY: Final = Unavailable(Reason.UPSTREAM_BUSY)
_BAD: Final = Failed(Reason.BAD_UPSTREAM_REPLY)
_MISCONFIGURED: Final = Failed(Reason.UPSTREAM_MISCONFIGURED)
_LOST: Final = Failed(Reason.DIALOGUE_LOST)
_UNANSWERED: Final = Failed(Reason.UNANSWERED)


class Begun(NamedTuple):
    """
    An attempt that was opened.

    Attributes:
        url: Where.
        answer: What was said.
        is_tried: The passcode was tried with it.
    """

    url: str
    answer: Answer
    is_tried: bool


@final
class Calls:
    """
    The requests of one login.

    Attributes:
        now: Seconds since 1970, as of the latest answer.
    """

    __slots__ = ("_ends", "_settings", "_tools", "now")

    def __init__(self, settings: SecurId, tools: Tools) -> None:
        """Begin with *tools*."""
        self._settings = settings
        self._tools = tools
        self._ends = tools.now + tools.seconds
        self.now = tools.now

    def initialize(self, subject: str, passcode: str) -> Generator[Request, Any, Begun | Served]:
        """
        Open an attempt at the first server that can do it, or say why none can.

        Args:
            subject: Whose.
            passcode: Tried at once; empty: nothing is.
        """
        waiting, trouble = self._servers(), ""
        worst: Outcome = _UNREACHABLE
        while waiting:
            server = waiting[0]
            message = self._message()
            body = rsa.initialize(self._settings, subject, message, passcode)
            seconds = self._share(len(waiting))
            # Nobody misses an attempt that was opened twice; a passcode counts once.
            query = self._query(server, "initialize", body, seconds, is_safe=not passcode)
            told = yield from self._told(query)
            found = _read(told, message, "")
            if not isinstance(found, Served):
                self._heard(server)
                return Begun(self._settings.urls[server], found, bool(passcode))
            trouble = self._said(server, found)
            if found.outcome in {_UNANSWERED, _MISCONFIGURED}:
                return Served(outcome=found.outcome, trouble=trouble)
            if worst != _BAD:  # whom RSA refuses so is not let in because a replica is away
                worst = found.outcome
            was_tried, passcode = bool(passcode), self._kept(passcode, told)
            if was_tried and not passcode and self._asks_again(told, waiting):
                # Was it the passcode that broke it? Without one it is nobody's word but RSA's.
                continue
            self._fell_silent(server)
            del waiting[0]
        return Served(outcome=worst, trouble=trouble)

    def verify(
        self, attempt: Attempt, method: Method, value: str
    ) -> Generator[Request, Any, Answer | Served]:
        """
        Try a method of an attempt; what goes wrong ends it.

        Args:
            attempt: Open.
            method: As it was offered.
            value: What was typed; empty: it is to begin, or to say how it is getting on.
        """
        if attempt.url not in self._settings.urls:
            return Served(outcome=_LOST, trouble="its address is no longer among urls")
        server = self._settings.urls.index(attempt.url)
        found: Answer | Served = Served(outcome=_LOST)
        for _ in range(_TRIES):
            message = self._message()
            body = rsa.verify(attempt.id, message, attempt.message, method, value)
            told = yield from self._told(self._query(server, "verify", body))
            found = _read(told, message, attempt.id)
            if not isinstance(told, Lost) or told.is_over or not told.is_unsent:
                break
        if not isinstance(found, Served):
            return found
        outcome = found.outcome
        if outcome in {_UNREACHABLE, _SILENT}:
            outcome = _LOST
        elif isinstance(outcome, Unavailable):
            outcome = Failed(outcome.reason)
        return Served(outcome=outcome, trouble=self._said(server, found))

    def cancel(self, attempt: Attempt) -> Generator[Request, Any, None]:
        """Tell the server that nobody goes on with *attempt*."""
        if attempt.url not in self._settings.urls:
            return
        body = rsa.cancel(attempt.id, self._message(), attempt.message)
        server = self._settings.urls.index(attempt.url)
        yield from done(Farewell(self._query(server, "cancel", body)))

    def examine(self, server: int, subject: str) -> Generator[Request, Any, str]:
        """Return what is wrong with a server, asked about *subject*; empty: nothing."""
        message = self._message()
        body = rsa.initialize(self._settings, subject, message)
        told = yield from self._told(self._query(server, "initialize", body))
        found = _read(told, message, "")
        if isinstance(found, Served):
            return self._said(server, found) or "nobody had the time to answer"
        if found.code == rsa.CHALLENGE:
            query = rsa.cancel(found.attempt, self._message(), found.message)
            yield from done(Farewell(self._query(server, "cancel", query)))
        return ""

    def _told(self, query: Query) -> Generator[Request, Any, Reply | Lost]:
        told = yield from exchange(query)
        self.now = max(self.now, told.now)
        return told

    def _query(
        self, server: int, call: str, body: bytes, seconds: float = _USUAL, *, is_safe: bool = False
    ) -> Query:
        path = f"{rsa.FOLDER}/{call}"
        return Query(
            method="POST",
            path=path,
            body=body,
            headers=signing.headers(self._settings, path, body, self.now),
            server=server,
            seconds=seconds,
            is_safe=is_safe,
        )

    def _share(self, servers: int) -> float:
        """Return how long one of so many servers gets; 0: as the service's `timeout` says."""
        share = max(1.0, (self._ends - self.now) / servers)
        return share if servers > 1 and share < _LITTLE else _USUAL

    @staticmethod
    def _kept(passcode: str, told: Reply | Lost) -> str:
        """Return the passcode where no server has seen it, else nothing: it may count as used."""
        return passcode if isinstance(told, Lost) and told.is_unsent else ""

    @staticmethod
    def _asks_again(told: Reply | Lost, waiting: list[int]) -> bool:
        if isinstance(told, Lost):
            return len(waiting) == 1
        return told.status != _TOO_MANY

    def _message(self) -> str:
        return str(uuid.UUID(bytes=self._tools.entropy(16), version=4))

    def _servers(self) -> list[int]:
        """Return all servers in their order, those that fell silent lately last."""
        texts, urls = self._tools.memory.texts, self._settings.urls
        silent = [at for at, url in enumerate(urls) if _until(texts.get(url, "")) > self.now]
        return [at for at in range(len(urls)) if at not in silent] + silent

    def _fell_silent(self, server: int) -> None:
        until = self.now + SILENT_SECONDS
        self._tools.memory.texts[self._settings.urls[server]] = str(until)

    def _heard(self, server: int) -> None:
        self._tools.memory.texts.pop(self._settings.urls[server], None)

    def _said(self, server: int, served: Served) -> str:
        host = self._settings.urls[server].partition("://")[2]
        return f"{host} {served.trouble}" if served.trouble else ""


def _read(told: Reply | Lost, message: str, attempt: str) -> Answer | Served:
    """Return the answer, or a Served that says why there is none."""
    if isinstance(told, Lost):
        if told.is_over:
            return Served(outcome=_UNANSWERED)
        return Served(outcome=_UNREACHABLE if told.is_unsent else _SILENT, trouble=told.why)
    if told.status != _OK:
        trouble = _MEANINGS.get(told.status, f"answers with status {told.status}")
        return Served(outcome=_of_status(told.status, is_open=bool(attempt)), trouble=trouble)
    try:
        answer = rsa.read(told.octets, message, attempt)
    except rsa.MalformedError:
        outcome = _BAD if attempt else _UNREACHABLE
        return Served(outcome=outcome, trouble="answers something that is no answer of the API")
    if answer.code == _ERROR:
        return Served(outcome=_BAD, trouble=f"says ERROR {answer.reason}".rstrip())
    return answer


def _of_status(status: int, *, is_open: bool) -> Outcome:
    if status == _TOO_MANY:
        return _BUSY
    if status >= 500:  # noqa: PLR2004 - where the server's own faults begin
        return _UNREACHABLE
    # An attempt that is not there any more is no fault of the settings.
    return _LOST if is_open and status not in {401, 403} else _MISCONFIGURED


def _until(text: str) -> float:
    return float(text) if text else 0.0
