"""A mail server on loopback: STARTTLS, AUTH, what it keeps, and every way to say no."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self, cast, final

if TYPE_CHECKING:
    from email.message import EmailMessage

    from trustme import CA

USER: Final = "radiusmfa"
PASSWORD: Final = "what the mail server knows"
PATIENCE: Final = 30.0


class Mood(Enum):
    """How the server behaves."""

    WELL = auto()
    BUSY = auto()
    """421 at once."""
    CLOSED = auto()
    """554 at once."""
    UNKNOWN = auto()
    """550: there is no such person."""
    GREY = auto()
    """451: later."""
    NOT_FROM_YOU = auto()
    """550 to MAIL FROM."""
    FULL = auto()
    """452 to DATA."""
    SPAM = auto()
    """554 to the mail itself."""
    SILENT = auto()
    """It says nothing."""
    SLOW_AT_THE_END = auto()
    """It takes the mail, and does not say so."""
    BREAKS_OFF = auto()
    """It hangs up behind DATA."""
    NO_STARTTLS = auto()
    """It does not offer it."""
    REFUSES_STARTTLS = auto()
    """It offers it, and says 454."""
    INJECTED = auto()
    """Somebody on the path has put words behind the answer to STARTTLS."""
    HTTP = auto()
    """It is a web server."""
    ENDLESS = auto()
    """Its greeting never ends."""
    OLD = auto()
    """It knows HELO only."""


_GREETINGS: Final = {
    Mood.BUSY: ["421 come back later"],
    Mood.CLOSED: ["554 no SMTP service here"],
    Mood.HTTP: ["HTTP/1.1 400 Bad Request"],
    Mood.ENDLESS: 1000 * ["220-and another thing"],
}


class Mail(NamedTuple):
    """A mail that was taken."""

    sender: str
    to: list[str]
    message: EmailMessage
    octets: bytes


@dataclass(kw_only=True)
class Office:
    """
    What the server has, and how it behaves.

    Attributes:
        mood: How it behaves.
        ways: Of AUTH.
        wants_login: Nobody sends without.
        mails: Those that were taken.
        said: Every line that came, and whether TLS protected it.
        released: Ends silence.
    """

    mood: Mood = Mood.WELL
    ways: tuple[str, ...] = ("PLAIN", "LOGIN")
    wants_login: bool = True
    mails: list[Mail] = field(default_factory=list)
    said: list[tuple[bytes, bool]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


class _Talk(socketserver.BaseRequestHandler):
    """One connection."""

    server: _Server

    def setup(self) -> None:
        """Begin."""
        self.is_safe = False
        self.is_known = False
        self.sender = ""
        self.to: list[str] = []
        if self.server.is_implicit:
            self._protect()
        self.file = self.request.makefile("rb")

    def finish(self) -> None:
        """Hang up."""
        self.file.close()
        with contextlib.suppress(OSError):
            self.request.close()
        self.server.open.discard(self.request)

    def handle(self) -> None:
        """Greet, and do what is said until somebody has enough."""
        office = self.server.office
        if office.mood is Mood.SILENT:
            office.released.wait(PATIENCE)
            return
        if office.mood in _GREETINGS:
            for text in _GREETINGS[office.mood]:
                self._say(text)
            return
        self._say("220 mail.example.com ESMTP")
        while line := self.file.readline(10_000):
            office.said.append((line, self.is_safe))
            word, _, rest = line.decode().strip().partition(" ")
            if not self._do(word.upper(), rest):
                return

    def _do(self, word: str, rest: str) -> bool:
        method = getattr(self, f"_do_{word.lower()}", None)
        if method is None:
            self._say("502 what?")
            return True
        return cast("bool", method(rest))

    def _do_ehlo(self, _: str) -> bool:
        office = self.server.office
        if office.mood is Mood.OLD:
            self._say("502 what?")
            return True
        lines = ["mail.example.com"]
        if not self.is_safe and self.server.context and office.mood is not Mood.NO_STARTTLS:
            lines.append("STARTTLS")
        if office.ways and (self.is_safe or self.server.context is None):
            lines.append(f"AUTH {' '.join(office.ways)}")
        lines.append("8BITMIME")
        for at, text in enumerate(lines):
            self._say(f"250{' ' if at == len(lines) - 1 else '-'}{text}")
        return True

    def _do_helo(self, _: str) -> bool:
        self._say("250 mail.example.com")
        return True

    def _do_starttls(self, _: str) -> bool:
        mood = self.server.office.mood
        if mood is Mood.REFUSES_STARTTLS or self.server.context is None:
            self._say("454 TLS is not available")
            return True
        if mood is Mood.INJECTED:
            self.request.sendall(b"220 go on\r\n250-mail.example.com\r\n250 AUTH PLAIN\r\n")
        else:
            self._say("220 go on")
        self.file.close()
        self._protect()
        self.file = self.request.makefile("rb")
        return True

    def _do_auth(self, rest: str) -> bool:
        way, _, first = rest.partition(" ")
        if way.upper() not in self.server.office.ways:
            self._say("504 not that way")
            return True
        if way.upper() == "PLAIN":
            found = base64.b64decode(first or self._challenge(b"")).split(b"\0")[1:]
        else:
            user = base64.b64decode(first or self._challenge(b"Username:"))
            found = [user, base64.b64decode(self._challenge(b"Password:"))]
        self.is_known = found == [USER.encode(), PASSWORD.encode()]
        self._say("235 welcome" if self.is_known else "535 5.7.8 who are you?")
        return True

    def _do_mail(self, rest: str) -> bool:
        office = self.server.office
        if office.wants_login and not self.is_known:
            self._say("530 5.7.0 log in first")
        elif office.mood is Mood.NOT_FROM_YOU:
            self._say("550 5.7.1 not from you")
        else:
            self.sender, self.to = _address(rest), []
            self._say("250 fine")
        return True

    def _do_rcpt(self, rest: str) -> bool:
        match self.server.office.mood:
            case Mood.UNKNOWN:
                self._say("550 5.1.1 no such person")
            case Mood.GREY:
                self._say("451 4.7.1 greylisted")
            case _:
                self.to.append(_address(rest))
                self._say("250 fine")
        return True

    def _do_data(self, _: str) -> bool:
        office = self.server.office
        if not self.to:
            self._say("503 to whom?")
            return True
        if office.mood is Mood.FULL:
            self._say("452 4.3.1 no room")
            return True
        self._say("354 go on")
        lines = []
        while (line := self.file.readline(10_000)) not in (b".\r\n", b""):
            assert line.endswith(b"\r\n")
            lines.append(line[1:] if line.startswith(b".") else line)
        if office.mood is Mood.SPAM:
            self._say("554 5.7.1 this is spam")
            return True
        octets = b"".join(lines)
        message = message_from_bytes(octets, policy=default)
        office.mails.append(Mail(self.sender, self.to, message, octets))
        if office.mood is Mood.SLOW_AT_THE_END:
            office.released.wait(PATIENCE)
        if office.mood in (Mood.BREAKS_OFF, Mood.SLOW_AT_THE_END):
            return False
        self._say("250 taken")
        return True

    def _do_rset(self, _: str) -> bool:
        self._say("250 fine")
        return True

    def _do_quit(self, _: str) -> bool:
        self._say("221 bye")
        return False

    def _challenge(self, text: bytes) -> bytes:
        self._say(f"334 {base64.b64encode(text).decode()}")
        return cast("bytes", self.file.readline(10_000)).strip()

    def _say(self, text: str) -> None:
        self.request.sendall(text.encode() + b"\r\n")

    def _protect(self) -> None:
        context = self.server.context
        assert context is not None
        plain = self.request
        self.request = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        # Known before the handshake: whoever stops us hangs up in the middle of it.
        self.server.open.add(self.request)
        self.server.open.discard(plain)
        self.request.do_handshake()
        self.is_safe = True


def _address(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = False  # they are waited for
    allow_reuse_address = True

    def __init__(
        self, office: Office, context: ssl.SSLContext | None, *, is_implicit: bool
    ) -> None:
        self.office = office
        self.context = context
        self.is_implicit = is_implicit
        self.open: set[Any] = set()
        super().__init__(("127.0.0.1", 0), _Talk)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as there
        """Remember the connection."""
        self.open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up, or do not trust us."""


@final
class Running:
    """
    A mail server that runs.

    Attributes:
        office: What it has, and how it behaves.
        port: Where it listens on 127.0.0.1.
    """

    def __init__(self, ca: CA | None, *, is_implicit: bool = False) -> None:
        """Listen: with a certificate of *ca* for 127.0.0.1, or without TLS."""
        self.office = Office()
        context = None
        if ca is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            ca.issue_cert("127.0.0.1").configure_cert(context)
        self._server = _Server(self.office, context, is_implicit=is_implicit)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._server.open)

    def __enter__(self) -> Self:
        """Listen."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop: hang up, and wait for every thread."""
        self.office.released.set()
        self._server.shutdown()
        for one in list(self._server.open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
        self._thread.join()
