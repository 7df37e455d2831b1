"""Whether a server can be reached, by name, TCP and TLS, and what its certificate is worth."""

from __future__ import annotations

import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.cli import findings
from radiusmfa.cli.findings import Cause

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from radiusmfa.cli.findings import Finding

_DAY: Final = 86_400
_FEW_DAYS: Final = 30
_MOST_ADDRESSES: Final = 4
_LEAST_SHARE: Final = 0.05  # seconds
# X509_V_ERR_..., openssl/x509_vfy.h
_OUTSIDE_ITS_TIME: Final = frozenset({9, 10})
_ANOTHERS: Final = frozenset({62, 64})


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """
    Where to connect, and how.

    Attributes:
        host: Name or numeric address; the name that the certificate must have.
        port: TCP port.
        timeout: Seconds to connect, and again for TLS.
        tls: Whom to trust; None: without TLS.
        is_checked: Whether logins check the certificate; it is looked at in any case.
        greet: Says what comes before TLS, and returns whether TLS may begin.
    """

    host: str
    port: int
    timeout: float
    tls: ssl.SSLContext | None
    is_checked: bool = True
    greet: Callable[[socket.socket], bool] | None = None


def addresses(host: str, port: int, kind: socket.SocketKind) -> tuple[str, ...]:
    """Return the addresses of *host*, in the system's order; raise OSError if it has none."""
    try:
        rows = socket.getaddrinfo(host, port, type=kind)
    except UnicodeError:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
    return tuple(dict.fromkeys(str(row[4][0]) for row in rows))


def connect(found: Sequence[str], door: Door) -> socket.socket:
    """Return a connection to the first of *found*, addresses, that takes one; raise OSError."""
    left, until = list(found[:_MOST_ADDRESSES]), time.monotonic() + door.timeout
    while True:
        # Each address has its share of the time.
        share = max(_LEAST_SHARE, (until - time.monotonic()) / len(left))
        try:
            channel = socket.create_connection((left.pop(0), door.port), share)
        except OSError:
            if not left:
                raise
        else:
            channel.settimeout(door.timeout)
            return channel


def examine(door: Door, subject: str) -> list[Finding]:
    """Connect, begin TLS, look at the certificate, hang up; return at least one finding."""
    started = time.monotonic()
    try:
        channel = connect(addresses(door.host, door.port, socket.SOCK_STREAM), door)
    except OSError as error:
        return [of_error(error, subject)]
    with channel:
        if door.tls is None:
            return [findings.ok(subject, "takes connections", time.monotonic() - started)]
        return _of_tls(door, door.tls, channel, subject)


def of_error(error: OSError, subject: str) -> Finding:
    """Return what it means that nobody could be asked."""
    if isinstance(error, socket.gaierror):
        return findings.fault(
            subject,
            Cause.NO_ADDRESS,
            f"its name has no address: {error.strerror}",
            "correct the name, or the name service of this host; or write a numeric address",
        )
    if isinstance(error, ConnectionRefusedError):
        return findings.fault(
            subject,
            Cause.NOTHING_LISTENS,
            "nothing listens on that port: the host says so itself",
            "start the server, or correct host and port",
        )
    if isinstance(error, TimeoutError):
        return findings.fault(
            subject,
            Cause.SILENT,
            "silent: nobody takes the connection, and nobody refuses it",
            "is the address right, does the host run, and does a firewall drop packets?",
        )
    return findings.fault(
        subject,
        Cause.UNREACHABLE,
        f"the network does not reach it: {error.strerror}",
        "look at address, route, and firewalls that refuse",
    )


def _of_tls(door: Door, tls: ssl.SSLContext, channel: socket.socket, subject: str) -> list[Finding]:
    started = time.monotonic()
    try:
        if door.greet is not None and not door.greet(channel):
            return [_of_no_tls(subject, "it refuses StartTLS")]
        with tls.wrap_socket(channel, server_hostname=door.host) as secured:
            told, version = secured.getpeercert(), secured.version()
    except ssl.SSLCertVerificationError as error:
        return [_of_bad_certificate(door, error, subject)]
    except TimeoutError:
        return [
            findings.fault(
                subject,
                Cause.SILENT,
                "takes the connection, and then says nothing",
                "is that the right port, with or without TLS? Look at the server's log",
            )
        ]
    except OSError as error:
        why = error.reason if isinstance(error, ssl.SSLError) else None
        return [_of_no_tls(subject, (why or "it hangs up").lower().replace("_", " "))]
    ends = ssl.cert_time_to_seconds(str((told or {})["notAfter"]))
    return _of_good_certificate(door, f"{version}", ends, subject, time.monotonic() - started)


def _of_no_tls(subject: str, why: str) -> Finding:
    return findings.fault(
        subject,
        Cause.NO_TLS,
        f"no TLS with it: {why}",
        "is that the right port? The server needs a certificate, and TLS 1.2 or later",
    )


def _of_good_certificate(
    door: Door, version: str, ends: float, subject: str, seconds: float
) -> list[Finding]:
    days = int((ends - time.time()) // _DAY)
    last = time.strftime("%Y-%m-%d", time.gmtime(ends))
    text = f"{version}, its certificate is right, until {last} ({days} days)"
    found = [findings.ok(subject, text, seconds)]
    if days < _FEW_DAYS:
        found.append(
            findings.note(
                subject,
                Cause.ENDING_CERTIFICATE,
                f"its certificate ends soon, on {last}",
                "renew it there: from then on it will not be asked",
            )
        )
    if not door.is_checked:
        found.append(
            findings.note(
                subject,
                Cause.NEEDLESS_WAIVER,
                "its certificate is right, and is NOT CHECKED: whoever sits on the path can pose"
                " as the server",
                "take out verify: no",
            )
        )
    return found


def _of_bad_certificate(door: Door, error: ssl.SSLCertVerificationError, subject: str) -> Finding:
    cause, advice = _why(error.verify_code)
    if door.is_checked:
        text = f"its certificate is not accepted: {error.verify_message}"
        return findings.fault(subject, cause, text, advice)
    return findings.note(
        subject,
        Cause.UNCHECKED_CERTIFICATE,
        "its certificate is NOT CHECKED: whoever sits on the path can pose as the server; checked"
        f" it would not be accepted: {error.verify_message}",
        f"{advice}; then take out verify: no",
    )


def _why(code: int) -> tuple[Cause, str]:
    if code in _OUTSIDE_ITS_TIME:
        advice = "renew it there; if it is good, this host's clock is wrong"
        return Cause.EXPIRED_CERTIFICATE, advice
    if code in _ANOTHERS:
        advice = "write as host the name that the certificate has, or give it one for this name"
        return Cause.OTHER_NAME, advice
    advice = "name with ca_file who has signed it; or let it send the certificates in between, too"
    return Cause.UNTRUSTED_CERTIFICATE, advice
