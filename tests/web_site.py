"""A web server on loopback for simulators: what came in is kept, and it misbehaves on demand."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, Self, final
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    import socket

    from trustme import CA

PATIENCE: Final = 30.0
HTML: Final = b"<html><body>Please log in to the guest network</body></html>"


class Mood(Enum):
    """How a server behaves."""

    WELL = auto()
    SILENT = auto()
    """It takes the request and does what it is told, and gives no answer."""
    DEAF = auto()
    """It takes the request, and hangs up."""
    HTML = auto()
    """A page of somebody else's, with status 200."""
    TRUNCATED = auto()
    """An answer that ends in the middle, with a Content-Length that fits."""
    LARGE = auto()
    """A megabyte."""


class Asked(NamedTuple):
    """A request as it came."""

    method: str
    path: str
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form; a field that stands twice is a mistake of ours."""
        pairs = parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True)
        found = dict(pairs)
        assert len(found) == len(pairs)
        return found


class Answer(NamedTuple):
    """What is answered."""

    status: int
    octets: bytes
    content_type: str = "application/json"


def as_json(status: int, found: object) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, json.dumps(found).encode())


class Served(Protocol):
    """What a simulator does."""

    def answer(self, asked: Asked) -> Answer:
        """Do what is asked, and return what is said of it."""


@dataclass(kw_only=True)
class Behaviour:
    """
    How a server behaves, and what it has seen.

    Attributes:
        mood: How it answers.
        status: Answered to every request; 0: what it deserves.
        asked: Every request, oldest first.
        released: Ends silence.
    """

    mood: Mood = Mood.WELL
    status: int = 0
    asked: list[Asked] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, parts.path, self.path, query, headers, body)
        behaviour = self.server.behaviour
        behaviour.asked.append(asked)
        if behaviour.status:
            self._send(as_json(behaviour.status, {"message": "as a test says"}))
            return
        answer = self.server.simulator.answer(asked)
        match behaviour.mood:
            case Mood.WELL:
                self._send(answer)
            case Mood.SILENT:
                behaviour.released.wait(PATIENCE)
                self.close_connection = True
            case Mood.DEAF:
                self.close_connection = True
            case Mood.HTML:
                self._send(Answer(200, HTML, "text/html"))
            case Mood.TRUNCATED:
                self._send(answer._replace(octets=answer.octets[:-3]))
            case Mood.LARGE:
                self._send(answer._replace(octets=answer.octets + b" " * 2**20))

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.octets)))
        self.end_headers()
        self.wfile.write(answer.octets)


class _Server(ThreadingHTTPServer):
    """Serves one simulator, over TLS if it has a context."""

    daemon_threads = False  # they are waited for

    def __init__(
        self, simulator: Served, behaviour: Behaviour, context: ssl.SSLContext | None
    ) -> None:
        self.simulator = simulator
        self.behaviour = behaviour
        self.open: set[socket.socket] = set()
        self._context = context
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept; the handshake is made in the connection's thread."""
        accepted, address = super().get_request()
        if self._context is not None:
            accepted = self._context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False
            )
        self.open.add(accepted)
        return accepted, address

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as the base class has it
        """Close."""
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up, or do not trust us."""


@final
class Running:
    """
    A simulator that is served.

    Attributes:
        simulator: What is served.
        behaviour: How it behaves.
        url: Where.
    """

    def __init__(self, simulator: Served, ca: CA | None = None) -> None:
        """Serve on a port of loopback: with a certificate of *ca*, or without TLS."""
        self.simulator = simulator
        self.behaviour = Behaviour()
        context = None
        if ca is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ca.issue_cert("127.0.0.1").configure_cert(context)
        self._server = _Server(simulator, self.behaviour, context)
        self.url = f"{'https' if ca else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self) -> Self:
        """Serve."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop: hang up, and wait for every thread."""
        self.behaviour.released.set()
        self._server.shutdown()
        for one in list(self._server.open):
            try:
                one.shutdown(2)
            except OSError:
                continue  # the other end was faster
        self._server.server_close()
        self._thread.join()
