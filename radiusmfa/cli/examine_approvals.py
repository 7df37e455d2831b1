"""A service that knows approvals, asked by `doctor`: is it there, may our account read it all?"""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, Final, final
from urllib.parse import urlencode, urlsplit

from radiusmfa.approval import answers, servicenow
from radiusmfa.cli import findings, reach
from radiusmfa.cli.findings import Cause, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.approval.servicenow import Query
    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.approval_model import ServiceNow

_OK: Final = 200
_HTTPS_PORT: Final = 443
_LARGEST_BODY_OCTETS: Final = 65_536
_FORM: Final = "application/x-www-form-urlencoded"
_ACCOUNT: Final = (Cause.ACCOUNT_REFUSED, "does not take our account", "correct name and password")
_REFUSALS: Final = {
    400: (Cause.NO_TABLE_API, "does not know the table or a field", "see table and relation"),
    401: _ACCOUNT,
    403: (
        Cause.MISSING_RIGHT,
        "does not let our account read the table",
        "give the account a role that may",
    ),
    404: (
        Cause.NO_TABLE_API,
        "has no such table, or hides it from our account",
        "correct url and table, or give the account a role that may",
    ),
    429: (Cause.WAITING_WANTED, "wants us to wait", "who else asks it so often by our account?"),
}
_OTHER: Final = (
    Cause.NO_TABLE_API,
    "has a fault, sleeps, or is no ServiceNow instance",
    "open url in a browser, and wake it up or correct it",
)


class _RefusedError(Exception):
    """The service does not answer what it was asked; the argument is what was found."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.text)
        self.finding = finding


def examine(name: str, settings: ServiceNow, timeout: float) -> list[Finding]:
    """
    Ask the service and return what is found, at least one finding.

    Args:
        name: Of the approval.
        settings: Of the service.
        timeout: Seconds for each answer; after the first that does not come nothing is asked.
    """
    parts = urlsplit(settings.url)
    subject = f"approval {name} {parts.netloc}"
    tls = None
    if parts.scheme == "https":
        try:
            tls = ssl.create_default_context(cafile=settings.ca_file)
        except OSError as error:
            text = f"{settings.ca_file} cannot be used: {error.strerror}"
            return [findings.fault(subject, Cause.NOT_ASKED, text, "correct ca_file")]
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
    host, port = parts.hostname or "", parts.port or _HTTPS_PORT
    found = reach.examine(reach.Door(host=host, port=port, timeout=timeout, tls=tls), subject)
    if tls is None:
        found.append(_of_no_protection(subject))
    if any(one.level is Level.FAULT for one in found):
        return found
    visit = _Visit(settings, subject, host, port, tls, timeout)
    try:
        visit.ask(found)
    except _RefusedError as refused:
        found.append(refused.finding)
    return found


@final
@dataclass(frozen=True, slots=True)
class _Visit:
    """A service, and what it is asked, each time on a connection of its own."""

    settings: ServiceNow
    subject: str
    host: str
    port: int
    tls: ssl.SSLContext | None
    timeout: float

    def ask(self, found: list[Finding]) -> None:
        """Add to *found* what is found; raise _RefusedError where nothing more can be asked."""
        authorization = self._authorization()
        for query in servicenow.examination(self.settings):
            started = time.monotonic()
            octets = self._read(query, authorization)
            found.append(self._of_records(query, octets, time.monotonic() - started))

    def _of_records(self, query: Query, octets: bytes, seconds: float) -> Finding:
        try:
            answers.rows(octets)
        except answers.MalformedError:
            raise self._refused(_OTHER, query.table) from None
        trouble = servicenow.trouble(query, octets)
        if trouble:
            advice = "the account needs a role that may read these fields of all records"
            return findings.fault(self.subject, Cause.MISSING_RIGHT, trouble, advice)
        return findings.ok(self.subject, f"{query.table}: our account may read it", seconds)

    def _authorization(self) -> str:
        secret = self.settings.password.reveal()
        if not self.settings.client_id:
            octets = self.settings.user.encode() + b":" + secret
            return "Basic " + base64.b64encode(octets).decode()
        form = {
            "grant_type": "client_credentials",
            "client_id": self.settings.client_id,
            "client_secret": secret,
        }
        headers = {"Content-Type": _FORM}
        octets = self._octets("/oauth_token.do", headers, "a token", urlencode(form).encode())
        try:
            token, _ = answers.token(octets)
        except answers.MalformedError:
            raise self._refused(_OTHER, "a token") from None
        return "Bearer " + token.reveal().decode()

    def _read(self, query: Query, authorization: str) -> bytes:
        path = f"/api/now/table/{query.table}?{urlencode(query.parameters)}"
        return self._octets(path, {"Authorization": authorization}, query.table)

    def _octets(
        self, path: str, headers: dict[str, str], what: str, body: bytes | None = None
    ) -> bytes:
        connection, until = self._connection(), time.monotonic() + self.timeout
        octets, status = b"", 0
        # Its text might hold what was sent.
        with contextlib.suppress(OSError, HTTPException), _within(connection, self.timeout):
            method = "GET" if body is None else "POST"
            connection.request(method, path, body, {"Accept": "application/json", **headers})
            answer = connection.getresponse()
            octets, status = answer.read(_LARGEST_BODY_OCTETS + 1), answer.status
        connection.close()
        if time.monotonic() >= until:
            raise _RefusedError(self._of_silence())
        if not status:
            raise self._refused(_OTHER, f"{what}: it breaks off")
        if status != _OK:
            raise self._refused(_REFUSALS.get(status, _OTHER), f"{what}: status {status}")
        if len(octets) > _LARGEST_BODY_OCTETS:
            raise self._refused(_OTHER, f"{what}: more than {_LARGEST_BODY_OCTETS} octets")
        return octets

    def _connection(self) -> HTTPConnection:
        if self.tls is None:
            return HTTPConnection(self.host, self.port, timeout=self.timeout)
        return HTTPSConnection(self.host, self.port, timeout=self.timeout, context=self.tls)

    def _refused(self, refusal: tuple[Cause, str, str], what: str) -> _RefusedError:
        cause, text, advice = refusal
        return _RefusedError(findings.fault(self.subject, cause, f"{text} ({what})", advice))

    def _of_silence(self) -> Finding:
        return findings.fault(
            self.subject,
            Cause.SILENT,
            "takes the connection, and then does not answer in time",
            "is it overloaded, or asleep?",
        )


@contextlib.contextmanager
def _within(connection: HTTPConnection, seconds: float) -> Iterator[None]:
    """Hang up after *seconds*: the timeout of the connection begins anew with each octet."""
    timer = threading.Timer(seconds, _cut, (connection,))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _cut(connection: HTTPConnection) -> None:
    with contextlib.suppress(OSError, AttributeError):  # it has no socket yet, or no more
        # Of the descriptor below TLS, whose own would wait for whoever reads it.
        socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)


def _of_no_protection(subject: str) -> Finding:
    return findings.note(
        subject,
        Cause.UNPROTECTED,
        "is asked WITHOUT TLS: whoever sits on the path reads the account's password, and says yes",
        "write https://",
    )
