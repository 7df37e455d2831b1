"""Tests of `server.mailing` on real sockets: nothing leaves unprotected, nothing is sent twice."""

from __future__ import annotations

import base64
import gc
from typing import TYPE_CHECKING, Any, Final, final

import pytest
import trustme
from twisted.internet.defer import CancelledError, Deferred

from radiusmfa.config.message_model import MailTls, Smtp
from radiusmfa.interfaces import ConfigError
from radiusmfa.secret import Secret
from radiusmfa.server import mailing
from radiusmfa.server.https import Reply, UnaskedError
from radiusmfa.service.dialogue import Mail
from tests.mail_server import PASSWORD, USER, Mood, Office, Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twisted.python.failure import Failure

    from tests.loop import Loop

OCTETS: Final = b"Subject: hello\r\n\r\n.first\r\n..second\r\nlast\r\n"
MAIL: Final = Mail(to="alice@example.com", octets=OCTETS)


@final
class Site:
    """A mail server, and who hands mails to it."""

    def __init__(self, loop: Loop, running: Running, ca_file: Path | None) -> None:
        self.loop = loop
        self.running = running
        self.ca_file = ca_file
        self.settings: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": running.port,
            "user": USER,
            "password": Secret(PASSWORD.encode()),
            "sender": "login@example.com",
        }

    @property
    def office(self) -> Office:
        """What the server has."""
        return self.running.office

    def begin(self, mail: Mail = MAIL, **settings: Any) -> Deferred[Reply]:  # noqa: ANN401
        """Begin to hand over a mail."""
        smtp = Smtp(**(self.settings | settings))
        return Deferred.fromCoroutine(mailing.send(self.loop.reactor, smtp, mail, self.ca_file))

    def send(self, mail: Mail = MAIL, **settings: object) -> Reply:
        """Return what comes of a mail."""
        smtp = Smtp(**(self.settings | settings))
        return self.loop.run(mailing.send(self.loop.reactor, smtp, mail, self.ca_file))

    def why(self, **settings: Any) -> UnaskedError:  # noqa: ANN401 - of Smtp
        """Return why nobody could be asked."""
        with pytest.raises(UnaskedError) as caught:
            self.send(**settings)
        assert PASSWORD not in str(caught.value)
        return caught.value


@pytest.fixture
def site(loop: Loop, ca: trustme.CA, ca_file: Path) -> Iterator[Site]:
    """Return a server with STARTTLS."""
    with Running(ca) as running:
        yield Site(loop, running, ca_file)


def _in_clear(office: Office) -> bytes:
    return b"".join(line for line, is_safe in office.said if not is_safe)


@pytest.mark.parametrize("mood", [Mood.NO_STARTTLS, Mood.REFUSES_STARTTLS, Mood.INJECTED, Mood.OLD])
def test_nothing_is_sent_without_tls(site: Site, mood: Mood) -> None:
    """Who does not offer it, refuses it or is talked into something gets no account, no mail."""
    site.office.mood = mood

    error = site.why()

    assert error.is_unsent
    assert site.office.mails == []
    assert not _in_clear(site.office).replace(b"EHLO [127.0.0.1]\r\n", b"").strip(b"STARTTLS\r\n")


def test_a_certificate_of_strangers_is_refused(site: Site, tmp_path: Path) -> None:
    """Of another authority: no account, no mail."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    site.ca_file = tmp_path / "other.pem"

    error = site.why()

    assert "certificate" in str(error)
    assert error.is_unsent
    assert site.office.mails == []


def test_a_certificate_of_another_host_is_refused(site: Site) -> None:
    """The name has to be the one that was asked for."""
    assert "certificate" in str(site.why(host="localhost"))
    assert site.office.mails == []


def test_certificates_that_cannot_be_read_are_told(site: Site, tmp_path: Path) -> None:
    """As of every service."""
    site.ca_file = tmp_path / "none.pem"
    with pytest.raises(ConfigError):
        site.send()


@pytest.mark.parametrize(
    ("mood", "status", "text"),
    [
        (Mood.BUSY, 421, b"greeting: come back later"),
        (Mood.CLOSED, 554, b"greeting: no SMTP service here"),
        (Mood.NOT_FROM_YOU, 550, b"MAIL: 5.7.1 not from you"),
        (Mood.UNKNOWN, 550, b"RCPT: 5.1.1 no such person"),
        (Mood.GREY, 451, b"RCPT: 4.7.1 greylisted"),
        (Mood.FULL, 452, b"DATA: 4.3.1 no room"),
        (Mood.SPAM, 554, b"mail: 5.7.1 this is spam"),
    ],
)
def test_a_no_is_told(site: Site, mood: Mood, status: int, text: bytes) -> None:
    """With what was asked; nothing is tried again."""
    site.office.mood = mood
    assert site.send() == Reply(status, "", text)
    assert site.office.mails == []


@pytest.mark.parametrize("ways", [("PLAIN",), ("LOGIN",)])
def test_a_wrong_password_is_told(site: Site, ways: tuple[str, ...]) -> None:
    """And no mail is offered."""
    site.office.ways = ways
    reply = site.send(password=Secret(b"wrong"))
    assert reply == Reply(535, "", b"AUTH: 5.7.8 who are you?")
    assert not any(line.startswith(b"MAIL") for line, _ in site.office.said)


def test_a_server_that_knows_no_way_to_log_in(site: Site) -> None:
    """Nothing is sent without."""
    site.office.ways = ("CRAM-MD5", "XOAUTH2")
    assert "neither AUTH PLAIN nor AUTH LOGIN" in str(site.why())


def test_a_server_that_wants_a_login(site: Site) -> None:
    """Where we have none."""
    assert site.send(user="") == Reply(530, "", b"MAIL: 5.7.0 log in first")


@pytest.mark.parametrize("mood", [Mood.HTTP, Mood.ENDLESS])
def test_what_is_no_mail_server_is_told(site: Site, mood: Mood) -> None:
    """Whatever it says."""
    site.office.mood = mood
    error = site.why()
    assert str(error) == "answers what is no SMTP"
    assert error.is_unsent


def test_nobody_listens(site: Site) -> None:
    """Nothing was sent."""
    site.running.__exit__()
    error = site.why()
    assert "cannot be reached" in str(error)
    assert error.is_unsent


def test_what_may_have_been_sent_is_told_apart(site: Site) -> None:
    """The server has the mail, and hangs up: it must not be sent again by itself."""
    site.office.mood = Mood.BREAKS_OFF
    error = site.why()
    assert not error.is_unsent
    assert len(site.office.mails) == 1


@pytest.mark.parametrize("mood", [Mood.SILENT, Mood.SLOW_AT_THE_END])
def test_who_gives_up_hangs_up(site: Site, mood: Mood) -> None:
    """At once, in the middle of anything."""
    site.office.mood = mood
    ends: list[Reply | Failure] = []
    work = site.begin()
    work.addBoth(ends.append)
    expected = bool(mood is Mood.SLOW_AT_THE_END)
    site.loop.until(lambda: len(site.office.mails) == expected and bool(site.running.connections))

    work.cancel()

    (end,) = ends
    assert not isinstance(end, Reply)
    assert isinstance(end.value, CancelledError)
    site.office.released.set()
    site.loop.until(lambda: not site.running.connections)


def test_who_gives_up_before_there_is_a_connection(site: Site) -> None:
    """Is told so at once; nothing was sent."""
    ends: list[Reply | Failure] = []
    work = site.begin()
    work.addBoth(ends.append)
    work.cancel()
    (end,) = ends
    assert not isinstance(end, Reply)
    # Of a look-up of a name that is cancelled Twisted says that there is no such name.
    is_told = isinstance(end.value, UnaskedError) and end.value.is_unsent
    assert is_told or isinstance(end.value, CancelledError)
    assert site.office.said == []


@pytest.mark.parametrize("ways", [("PLAIN",), ("LOGIN",), ("X", "LOGIN", "PLAIN")])
def test_a_mail_is_handed_over(site: Site, ways: tuple[str, ...]) -> None:
    """As it is, dots at the beginning of lines included, once, all of it protected."""
    site.office.ways = ways

    reply = site.send()

    assert reply == Reply(250, "", b"mail: taken")
    (mail,) = site.office.mails
    assert (mail.sender, mail.to) == ("login@example.com", ["alice@example.com"])
    assert mail.octets == OCTETS
    assert _in_clear(site.office) == b"EHLO [127.0.0.1]\r\nSTARTTLS\r\n"
    site.loop.until(lambda: not site.running.connections)
    assert site.office.said[-1][0] == b"QUIT\r\n"


def test_a_look_sends_nothing(site: Site) -> None:
    """A mail to nobody: the account is tried."""
    look = Mail(to="", octets=b"")
    assert site.send(look) == Reply(250, "", b"")
    assert site.send(look, password=Secret(b"wrong")).status == 535
    assert site.office.mails == []


def test_tls_from_the_first_octet(loop: Loop, ca: trustme.CA, ca_file: Path) -> None:
    """On a port of its own."""
    with Running(ca, is_implicit=True) as running:
        site = Site(loop, running, ca_file)
        assert site.send(tls=MailTls.IMPLICIT).status == 250
        assert _in_clear(site.office) == b""
        site.ca_file = None
        assert "certificate" in str(site.why(tls=MailTls.IMPLICIT))


def test_without_tls_to_this_machine(loop: Loop) -> None:
    """Where the file says so."""
    with Running(None) as running:
        site = Site(loop, running, None)
        running.office.wants_login = False
        assert site.send(tls=MailTls.NONE, user="").status == 250
        assert len(site.office.mails) == 1


def test_no_error_keeps_the_password(site: Site) -> None:
    """Nowhere in what is raised, nor in what that refers to."""
    site.office.mood = Mood.BREAKS_OFF
    error = site.why()
    told = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())
    seen = repr([error, error.args, error.__cause__, error.__context__, *gc.get_referents(error)])
    assert PASSWORD not in seen
    assert told.decode() not in seen
