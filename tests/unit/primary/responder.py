"""A small LDAP server on loopback that answers as a test says: real sockets, real octets."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, final

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

PATIENCE: Final = 20.0  # seconds until a test that hangs fails
BASE: Final = "dc=corp,dc=example"
SERVICE: Final = f"cn=radiusmfa,{BASE}"
ALICE: Final = f"uid=alice,ou=people,{BASE}"
START_TLS: Final = "1.3.6.1.4.1.1466.20037"
WHO_AM_I: Final = "1.3.6.1.4.1.4203.1.11.3"
HANG_UP: Final = b"hang up"
SILENCE: Final = b"silence"
_BIND, _UNBIND, _SEARCH, _EXTENDED = "bindRequest", "unbindRequest", "searchRequest", "extendedReq"
_KINDS: Final = {0: _BIND, 2: _UNBIND, 3: _SEARCH, 23: _EXTENDED}  # RFC 4511 appendix B
_PRESENT, _EXTENSIBLE = 7, 9
_APPLICATION: Final = {_BIND: 1, _SEARCH: 5, _EXTENDED: 24}
_ENTRY: Final = 4
_REFERENCE: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """
    What a client asked.

    Attributes:
        kind: `bindRequest`, `searchRequest`, `extendedReq` or `unbindRequest`.
        number: Of the message.
        name: Of a bind, or the object identifier of an extended request.
        password: Of a bind.
        base: Of a search.
        filter: Of a search.
        attributes: Of a search.
        size_limit: Of a search.
        connection: Which connection it came on, counted from 0.
        is_encrypted: Whether by TLS.
    """

    kind: str
    number: int
    name: str = ""
    password: bytes = b""
    base: str = ""
    filter: str = ""
    attributes: tuple[str, ...] = ()
    size_limit: int = 0
    connection: int = 0
    is_encrypted: bool = False

    def result(
        self,
        code: int = 0,
        message: str = "",
        *,
        controls: Mapping[str, bytes] | None = None,
        more: bytes = b"",
        number: int | None = None,
        kind: str = "",
    ) -> bytes:
        """Return the octets that end the answer."""
        body = _tlv(0x0A, bytes([code])) + _tlv(4, b"") + _tlv(4, message.encode()) + more
        answer = _tlv(0x60 | _APPLICATION[kind or self.kind], body)
        if controls:
            each = (
                _tlv(0x30, _tlv(4, name.encode()) + _tlv(4, value))
                for name, value in controls.items()
            )
            answer += _tlv(0xA0, b"".join(each))
        return self.message(answer, number)

    def entry(self, dn: str, attributes: Mapping[str, Sequence[bytes]]) -> bytes:
        """Return the octets of an entry."""
        rows = b"".join(
            _tlv(
                0x30,
                _tlv(4, name.encode()) + _tlv(0x31, b"".join(_tlv(4, value) for value in values)),
            )
            for name, values in attributes.items()
        )
        return self.message(_tlv(0x60 | _ENTRY, _tlv(4, dn.encode()) + _tlv(0x30, rows)))

    def reference(self, url: str) -> bytes:
        """Return the octets of a reference to another server."""
        return self.message(_tlv(0x60 | _REFERENCE, _tlv(4, url.encode())))

    def message(self, operation: bytes, number: int | None = None) -> bytes:
        """Return *operation* in its envelope."""
        return _tlv(0x30, _tlv(2, bytes([0, *_big(number or self.number)])) + operation)


def _big(number: int) -> bytes:
    return number.to_bytes(3, "big")


def _tlv(tag: int, value: bytes) -> bytes:
    size = len(value)
    return bytes([tag, 0x83]) + _big(size) + value


@final
class Responder:
    """
    The server; answers in one thread a connection.

    Attributes:
        port: On 127.0.0.1.
        requests: Everything asked so far.
        connections: How many were made.
        rules: How each kind of request is answered: octets, one after the other; HANG_UP
            ends the connection, SILENCE says nothing more.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, is_ldaps: bool = False) -> None:
        """
        Listen.

        Args:
            tls: For StartTLS, or for LDAPS.
            is_ldaps: Whether TLS comes first.
        """
        self._tls = tls
        self._is_ldaps = is_ldaps
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[Request] = []
        self.connections = 0
        self.rules: dict[str, Callable[[Request], Sequence[bytes]]] = {
            _BIND: answer_bind,
            _SEARCH: answer_search,
            _EXTENDED: answer_extended,
            _UNBIND: lambda _: (HANG_UP,),
        }
        self._open: list[socket.socket] = []
        self._end = threading.Event()
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        """Stop with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self.close()

    def close(self) -> None:
        """Stop listening, hang up, and wait for the threads."""
        self._end.set()
        _shut(self._listener)
        self.hang_up()
        for thread in list(self._threads):
            thread.join(PATIENCE)

    def hang_up(self) -> None:
        """Close every connection there is."""
        for one in list(self._open):
            _shut(one)

    def seen(self, kind: str) -> list[Request]:
        """Return the requests of one kind."""
        return [one for one in self.requests if one.kind == kind]

    def await_goodbye(self) -> None:
        """Wait until somebody has said good-bye."""
        with self._news:
            assert self._news.wait_for(lambda: bool(self.seen(_UNBIND)), PATIENCE)

    @property
    def binds(self) -> list[tuple[str, bytes]]:
        """Names and passwords that were sent."""
        return [(one.name, one.password) for one in self.seen(_BIND)]

    @property
    def searches(self) -> list[Request]:
        """Searches that were sent."""
        return self.seen(_SEARCH)

    def _accept(self) -> None:
        with self._listener:
            while not self._end.is_set():
                try:
                    connected, _ = self._listener.accept()
                except OSError:
                    return
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                number, self.connections = self.connections, self.connections + 1
                thread = threading.Thread(target=self._serve, args=(connected, number))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connected: socket.socket, number: int) -> None:
        self._open.append(connected)
        try:
            if not self._end.is_set():  # else nobody would wake us
                self._talk(connected, number)
        except (LookupError, OSError, ValueError):
            return  # who connected has gone, did not like our certificate, or spoke TLS
        finally:
            self._open.remove(connected)
            connected.close()

    def _talk(self, plain: socket.socket, number: int) -> None:
        talking = self._encrypted(plain) if self._is_ldaps else plain
        is_encrypted = self._is_ldaps
        try:
            while octets := _read_message(talking):
                request = _parse(octets, number, is_encrypted=is_encrypted)
                with self._news:
                    self.requests.append(request)
                    self._news.notify_all()
                for part in self.rules[request.kind](request):
                    if part == HANG_UP:
                        return
                    if part == SILENCE:
                        self._end.wait(PATIENCE)
                        return
                    talking.sendall(part)
                if request.name == START_TLS and self._tls and not is_encrypted:
                    talking, is_encrypted = self._encrypted(plain), True
        finally:
            if talking is not plain:
                self._open.remove(talking)
                talking.close()

    def _encrypted(self, plain: socket.socket) -> socket.socket:
        assert self._tls is not None
        # Of a copy: `plain` is closed by whoever opened it.
        wrapped = self._tls.wrap_socket(
            plain.dup(), server_side=True, do_handshake_on_connect=False
        )
        self._open.append(wrapped)
        try:
            wrapped.do_handshake()
        except OSError:
            self._open.remove(wrapped)
            wrapped.close()
            raise
        return wrapped


def _shut(one: socket.socket) -> None:
    try:
        # The descriptor below TLS: waking whoever reads it must not wait for them.
        socket.socket.shutdown(one, socket.SHUT_RDWR)
    except OSError:
        return


def _read_message(talking: socket.socket) -> bytes:
    head = _exactly(talking, 2)
    if not head:
        return b""
    size = head[1]
    if size > 0x7F:
        more = _exactly(talking, size - 0x80)
        head, size = head + more, int.from_bytes(more, "big")
    return head + _exactly(talking, size)


def _exactly(talking: socket.socket, size: int) -> bytes:
    octets = b""
    while len(octets) < size and (part := talking.recv(size - len(octets))):
        octets += part
    return octets


def _parse(octets: bytes, connection: int, *, is_encrypted: bool) -> Request:
    ((_, envelope),) = _parts(octets)
    (_, number), (tag, body), *_ = _parts(envelope)
    kind = _KINDS[tag & 0x1F]
    common: dict[str, Any] = {
        "kind": kind,
        "number": int.from_bytes(number, "big"),
        "connection": connection,
        "is_encrypted": is_encrypted,
    }
    if kind == _UNBIND:
        return Request(**common)
    values = _parts(body)
    if kind == _BIND:
        return Request(name=values[1][1].decode(), password=values[2][1], **common)
    if kind == _EXTENDED:
        return Request(name=values[0][1].decode(), **common)
    return Request(
        base=values[0][1].decode(),
        size_limit=int.from_bytes(values[3][1], "big"),
        filter=_filter(*values[6]),
        attributes=tuple(name.decode() for _, name in _parts(values[7][1])),
        **common,
    )


def _parts(octets: bytes) -> list[tuple[int, bytes]]:
    """Return tag and value of each element (BER, as RFC 4511 section 5.1 restricts it)."""
    found, at = [], 0
    while at < len(octets):
        tag, size, at = octets[at], octets[at + 1], at + 2
        if size > 0x7F:
            more = size - 0x80
            size, at = int.from_bytes(octets[at : at + more], "big"), at + more
        found.append((tag, octets[at : at + size]))
        at += size
    return found


def _filter(tag: int, value: bytes) -> str:
    """Return a filter as text (RFC 4515); what means something there is escaped."""
    kind = tag & 0x1F
    if kind in {0, 1, 2}:
        return f"({'&|!'[kind]}{''.join(_filter(*part) for part in _parts(value))})"
    if kind == _PRESENT:
        return f"({value.decode()}=*)"
    if kind == _EXTENSIBLE:
        (_, rule), (_, name), (_, looked_for), *_ = _parts(value)
        return f"({name.decode()}:{rule.decode()}:={_escaped(looked_for)})"
    (_, name), (_, looked_for) = _parts(value)
    return f"({name.decode()}={_escaped(looked_for)})"


def _escaped(value: bytes) -> str:
    text = value.decode("utf-8", "replace")
    if not text.isprintable() or text.encode() != value:
        return "".join(f"\\{octet:02x}" for octet in value)
    return re.sub(r"[\\*()]", lambda found: f"\\{ord(found[0]):02x}", text)


def answer_bind(request: Request) -> Sequence[bytes]:
    """Accept `right` and the service's password."""
    right = {b"right", b"service-password"}
    return [request.result(0 if request.password in right else 49)]


def answer_search(request: Request) -> Sequence[bytes]:
    """Know alice, whatever is looked for, and no group."""
    if "member" in request.filter:
        return [request.result()]
    return [request.entry(ALICE, {"uid": [b"Alice"]}), request.result()]


def answer_extended(request: Request) -> Sequence[bytes]:
    """Begin TLS; say that somebody is `CORP` and alice."""
    value = b"u:CORP\\alice" if request.name == WHO_AM_I else b""
    more = _tlv(0x8B, value) if value else b""
    return [request.result(more=more)]
