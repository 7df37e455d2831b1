"""One connection to an LDAP server (RFC 4511): the only module that knows ldap3."""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.config.directory_model import Tls
from radiusmfa.interfaces import ConfigError, RadiusmfaError
from radiusmfa.outcome import Reason
from radiusmfa.primary.bounded_socket import BoundedSocket
from radiusmfa.primary.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import ModuleType

    from radiusmfa.config.directory_model import Directory, DirectoryServer

SUCCESS: Final = 0
PROTOCOL_ERROR: Final = 2
SIZE_LIMIT_EXCEEDED: Final = 4
REFERRAL: Final = 10
_START_TLS: Final = "1.3.6.1.4.1.1466.20037"  # RFC 4511 section 4.14
_WHO_AM_I: Final = "1.3.6.1.4.1.4203.1.11.3"  # RFC 4532
_ASK_FOR_REASONS: Final = "1.3.6.1.4.1.42.2.27.8.5.1"  # draft-behera-ldap-password-policy-10
_MOST_ADDRESSES: Final = 4
_GOODBYE: Final = 0.5  # seconds for an unbind, which has no answer


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One entry of a directory.

    Attributes:
        dn: Its distinguished name.
        attributes: Values by name in lower case; only what was asked for.
    """

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """
    What a server answers.

    Attributes:
        code: Result code, RFC 4511 appendix A; 0: success.
        message: The server's diagnostic message.
        controls: Object identifier and value of each.
        value: Of an extended response.
        entries: What a search found.
    """

    code: int
    message: str = ""
    controls: tuple[tuple[str, bytes], ...] = ()
    value: bytes = b""
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """
    What to look for.

    Attributes:
        base: Where.
        filter: RFC 4515; every value in it is escaped.
        attributes: What to read.
        most: Entries at most; 0: as many as the server gives.
        is_entry: Only the entry *base* itself.
    """

    base: str
    filter: str = field(repr=False)
    attributes: tuple[str, ...]
    most: int = 0
    is_entry: bool = False


class LinkError(Exception):
    """
    There is no answer that could be used, and the connection is worth nothing any more.

    Attributes:
        reason: DIRECTORY_UNREACHABLE, DIRECTORY_SILENT or DIRECTORY_REFUSED.
        what: For the log; nothing secret.
    """

    def __init__(self, reason: Reason, what: str) -> None:
        """Note both."""
        super().__init__(what)
        self.reason = reason
        self.what = what


def context(settings: Directory) -> ssl.SSLContext:
    """
    Return how TLS is done: 1.2 or more, certificate and name checked unless *settings* say no.

    Raises:
        ConfigError: `ca_file` cannot be used.
    """
    try:
        # Where a file is named, the system's own certificates are not trusted.
        made = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        why = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        where = f"primaries.{settings.name}.ldap.ca_file: {settings.ca_file}"
        raise ConfigError(f"{where}: {why}") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not settings.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def library() -> ModuleType:
    """Return ldap3, or raise RadiusmfaError if it is not installed."""
    try:
        import ldap3  # noqa: PLC0415 - an extra: who has no directory need not have it
    except ImportError:
        msg = "directories need ldap3, which is not installed: pip install 'radiusmfa[ldap]'"
        raise RadiusmfaError(msg) from None
    found: ModuleType = ldap3
    return found


def addresses(host: str, port: int) -> list[str]:
    """Return the addresses of *host*, as the system prefers them; raise LinkError for none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise LinkError(Reason.DIRECTORY_UNREACHABLE, f"{host} has no address") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found))[:_MOST_ADDRESSES]


@final
class Link:
    """A connection to one server; used by one thread at a time."""

    def __init__(
        self,
        server: DirectoryServer,
        tls: ssl.SSLContext,
        monotonic: Callable[[], float],
        resolve: Callable[[str, int], list[str]] = addresses,
        turns: Turns | None = None,
    ) -> None:
        """
        Connect to nobody yet.

        Args:
            server: Whom to connect to.
            tls: See `context`.
            monotonic: A clock.
            resolve: Tells the addresses of a host and a port, at least one.
            turns: Of the threads that ask; None: this one takes none.
        """
        self._server = server
        self._tls = tls
        self._monotonic = monotonic
        self._turns = turns or Turns()
        self._resolve = resolve
        self._ldap3 = library()
        self._connection: Any = None
        self._socket: BoundedSocket | None = None

    def open(self, until: float) -> None:
        """
        Connect, and begin TLS, before anything else is said.

        Args:
            until: When that must be done, monotonic, as in every method here.

        Raises:
            LinkError: It cannot be.
        """
        with self._turns.away():
            left = self._resolve(self._server.host, self._server.port)
        while True:
            # Each address has its share of the time.
            share = (until - self._monotonic()) / len(left)
            try:
                return self._connect(left.pop(0), self._monotonic() + share)
            except LinkError:
                self.close()
                if not left:
                    raise

    def bind(self, name: str, password: bytes, until: float) -> Answer:
        """Return the answer to a simple bind (RFC 4513 section 5.1.3), or raise LinkError."""
        if not name or not password:
            # "unauthenticated": servers answer success (RFC 4513 section 5.1.2).
            msg = "a bind needs a name and a password"
            raise ValueError(msg)
        connection = self._connection
        connection.user, connection.password = name, password
        connection.authentication = self._ldap3.SIMPLE
        # The fast one, good for many entries, cannot read a referral here.
        connection.fast_decoder = False
        try:
            with self._waiting(until):
                connection.bind(read_server_info=False, controls=[(_ASK_FOR_REASONS, False, None)])
                return self._answer("bindResponse")
        finally:
            connection.password = connection.request = None
            connection.fast_decoder = True

    def who_am_i(self, until: float) -> Answer:
        """Return the answer to "Who am I?" (RFC 4532), or raise LinkError."""
        with self._waiting(until):
            self._connection.extended(_WHO_AM_I)
            return self._answer("extendedResp")

    def search(self, search: Search, until: float) -> Answer:
        """Return what was found; references to other servers are left out, never followed."""
        with self._waiting(until):
            self._connection.search(
                search.base,
                search.filter,
                self._ldap3.BASE if search.is_entry else self._ldap3.SUBTREE,
                # Who may write an alias would else decide who is found.
                dereference_aliases=self._ldap3.DEREF_NEVER,
                attributes=list(search.attributes),
                size_limit=search.most,
                time_limit=max(1, ceil(until - self._monotonic())),
            )
            return self._answer("searchResDone")

    def close(self) -> None:
        """Say good-bye if possible, and close."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._socket is not None:
            self._socket.until = self._monotonic() + _GOODBYE
        with contextlib.suppress(*_faults()):
            connection.unbind()
        if connection.socket is not None:
            connection.socket.close()

    def cut(self) -> None:
        """Wake whoever waits for this connection in another thread: it fails at once."""
        connection = self._connection
        with contextlib.suppress(OSError, AttributeError):
            connection.socket.shutdown(socket.SHUT_RDWR)

    def _connect(self, address: str, until: float) -> None:
        left = until - self._monotonic()
        if left <= 0:
            raise LinkError(Reason.DIRECTORY_SILENT, "there was no time left to connect")
        # Without its TLS: it would check names by other rules than OpenSSL, and only afterwards.
        server = self._ldap3.Server(
            address, port=self._server.port, get_info=self._ldap3.NONE, connect_timeout=left
        )
        self._connection = self._ldap3.Connection(
            server,
            # Followed, it would send the password to whoever the answer names.
            auto_referrals=False,
            auto_range=False,
            auto_escape=False,
            check_names=False,
            read_only=True,
            return_empty_attributes=False,
        )
        with self._waiting(until):
            with self._turns.away():
                self._connection.open(read_server_info=False)
            self._socket = BoundedSocket(self._connection.socket, self._monotonic, self._turns)
            self._connection.socket = self._socket
            self._socket.until = until
            if self._server.tls is Tls.STARTTLS:
                self._connection.extended(_START_TLS)
                if self._answer("extendedResp").code != SUCCESS:
                    raise LinkError(Reason.DIRECTORY_REFUSED, "it refuses StartTLS")
            if self._server.tls is not Tls.NONE:
                self._socket.encrypt(self._tls, self._server.host)

    @contextlib.contextmanager
    def _waiting(self, until: float) -> Iterator[None]:
        """Let what is inside wait until *until*; turn whatever it raises into a LinkError."""
        if self._socket is not None:
            self._socket.until = until
            self._socket.taken = 0
        try:
            yield
        except LinkError:
            raise
        except TimeoutError:
            raise LinkError(Reason.DIRECTORY_SILENT, "it does not answer in time") from None
        except ssl.SSLError as error:
            raise LinkError(Reason.DIRECTORY_UNREACHABLE, _why_no_tls(error)) from None
        except ConnectionRefusedError:
            msg = "nothing listens there"
            raise LinkError(Reason.DIRECTORY_UNREACHABLE, msg) from None
        except _faults() as error:
            # Its text might hold what was sent.
            msg = f"the connection broke ({type(error).__name__})"
            raise LinkError(Reason.DIRECTORY_UNREACHABLE, msg) from None

    def _answer(self, kind: str) -> Answer:
        result = self._connection.result
        if result["type"] != kind:
            raise LinkError(Reason.DIRECTORY_UNREACHABLE, "it answers what was not asked")
        controls = result.get("controls") or {}
        found = self._connection.response if kind == "searchResDone" else ()
        return Answer(
            code=int(result["result"]),
            message=str(result["message"]),
            controls=tuple((str(name), bytes(it["value"] or b"")) for name, it in controls.items()),
            value=bytes(result.get("responseValue") or b""),
            entries=tuple(_entry(one) for one in found if one["type"] == "searchResEntry"),
        )


def _entry(found: dict[str, Any]) -> Entry:
    attributes = found["raw_attributes"].items()
    return Entry(
        str(found["dn"]), {str(name).lower(): tuple(values or ()) for name, values in attributes}
    )


def _faults() -> tuple[type[Exception], ...]:
    """Return what ldap3 raises for a lost connection, and for octets that are no LDAP."""
    from ldap3.core.exceptions import LDAPExceptionError  # noqa: PLC0415 - see `library`
    from pyasn1.error import PyAsn1Error  # noqa: PLC0415

    broken = (AttributeError, LookupError, OSError, RecursionError, TypeError, ValueError)
    return (LDAPExceptionError, PyAsn1Error, *broken)


def _why_no_tls(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    # What ldap3 makes of an end while something is sent is an SSLError without a reason.
    reason = getattr(error, "reason", None) or "it hangs up"
    return f"no TLS with it: {reason.lower().replace('_', ' ')}"
