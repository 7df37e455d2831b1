"""
The simulators of those who carry codes, looked at with other people's clients.

Twilio's own package and Python's smtplib have to get along with them unchanged.
"""

from __future__ import annotations

import json
import re
import smtplib
import ssl
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests import sms_gateway, twilio_api
from tests.mail_server import PASSWORD, USER, Mood
from tests.mail_server import Running as MailServer
from tests.twilio_api import ACCOUNT, KEY, KEY_SECRET, MESSAGING, SENDER, SERVICE, TOKEN
from tests.web_site import Running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trustme import CA
    from twilio.http.response import Response

NUMBER: Final = "+4915112345678"
_HOST: Final = re.compile(r"https://(?:api|verify)\.twilio\.com")


class Elsewhere(TwilioHttpClient):  # type: ignore[misc]  # untyped
    """Twilio's own way to send requests, to another host: what the package has it for."""

    def __init__(self, url: str) -> None:
        super().__init__(pool_connections=False)
        self._url = url

    def request(self, method: str, url: str, *args: Any, **settings: Any) -> Response:  # noqa: ANN401
        """Send to the simulator."""
        return super().request(method, _HOST.sub(self._url, url), *args, **settings)


@pytest.fixture
def twilio() -> Iterator[Running]:
    """Return a Twilio without TLS: whom the package trusts is not the question here."""
    with Running(twilio_api.Twilio()) as running:
        yield running


def _client(running: Running, user: str = ACCOUNT, password: str = TOKEN) -> Client:
    return Client(user, password, ACCOUNT, http_client=Elsewhere(running.url))


@pytest.fixture
def client(twilio: Running) -> Client:
    """Return Twilio's package."""
    return _client(twilio)


def _outbox(running: Running) -> list[twilio_api.Message]:
    simulator = running.simulator
    assert isinstance(simulator, twilio_api.Twilio)
    return simulator.outbox


def test_twilio_refuses_strangers(twilio: Running) -> None:
    """With its own error."""
    with pytest.raises(TwilioRestException) as caught:
        _client(twilio, password="wrong").messages.create(to=NUMBER, from_=SENDER, body="x")
    assert (caught.value.status, caught.value.code) == (401, 20003)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "0151", "from_": SENDER, "body": "x"}, 21211),
        ({"to": NUMBER, "body": "x"}, 21603),
        ({"to": NUMBER, "from_": "+1234567", "body": "x"}, 21606),
        ({"to": NUMBER, "from_": SENDER}, 21602),
        ({"to": NUMBER, "from_": SENDER, "body": 1601 * "x"}, 21617),
    ],
)
def test_twilio_refuses_messages(client: Client, fields: dict[str, str], code: int) -> None:
    """Each with its number."""
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(**fields)
    assert caught.value.code == code


def test_twilio_takes_messages(twilio: Running, client: Client) -> None:
    """From a number, a messaging service, with an API key."""
    found = client.messages.create(to=NUMBER, from_=SENDER, body="hi + ho", validity_period=300)
    assert (found.status, found.to, found.body) == ("queued", NUMBER, "hi + ho")
    assert re.fullmatch(r"SM[0-9a-f]{32}", found.sid or "")
    assert found.date_created is not None
    other = _client(twilio, KEY, KEY_SECRET).messages
    assert other.create(to=NUMBER, messaging_service_sid=MESSAGING, body="x").status == "accepted"
    assert [one.text for one in _outbox(twilio)] == ["hi + ho", "x"]


def test_twilio_calls(twilio: Running, client: Client) -> None:
    """And reads out what TwiML says; what is no TwiML is refused."""
    call = client.calls.create(
        to=NUMBER, from_=SENDER, twiml="<Response><Say>1, 2 &amp; 3</Say></Response>", timeout=30
    )
    assert (call.status, call.direction) == ("queued", "outbound-api")
    assert _outbox(twilio)[0].text == "1, 2 & 3"
    for twiml in ("<Response><Say>", f"<Response><Say>{4000 * 'x'}</Say></Response>"):
        with pytest.raises(TwilioRestException):
            client.calls.create(to=NUMBER, from_=SENDER, twiml=twiml)


def test_twilio_tells_of_the_account(client: Client) -> None:
    """As `doctor` asks."""
    account = client.api.v2010.accounts(ACCOUNT).fetch()
    assert (account.status, account.type) == ("active", "Full")
    assert client.verify.v2.services(SERVICE).fetch().sid == SERVICE


def test_verify_is_strict(twilio: Running, client: Client) -> None:
    """Wrong, right, gone; five tries; five messages; another number."""
    service = client.verify.v2.services(SERVICE)
    begun = service.verifications.create(to=NUMBER, channel="sms")
    assert (begun.status, begun.valid) == ("pending", False)
    code = _outbox(twilio)[-1].text[-6:]
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    checks = service.verification_checks
    assert checks.create(code=wrong, to=NUMBER).status == "pending"
    found = checks.create(code=code, verification_sid=begun.sid)
    assert (found.status, found.valid, found.sid) == ("approved", True, begun.sid)
    with pytest.raises(TwilioRestException) as caught:
        checks.create(code=code, verification_sid=begun.sid)
    assert (caught.value.status, caught.value.code) == (404, 20404)

    again = service.verifications.create(to=NUMBER, channel="sms")
    assert again.sid != begun.sid
    for _ in range(5):
        checks.create(code=wrong, to=NUMBER)
    with pytest.raises(TwilioRestException) as caught:
        checks.create(code=code, to=NUMBER)
    assert (caught.value.status, caught.value.code) == (429, 60202)
    for _ in range(4):
        assert service.verifications.create(to=NUMBER, channel="call").sid == again.sid
    with pytest.raises(TwilioRestException) as caught:
        service.verifications.create(to=NUMBER, channel="sms")
    assert (caught.value.status, caught.value.code) == (429, 60203)


# -- the mail server --


def _mail() -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "login@example.com", "alice@example.com", "Hello"
    mail.set_content(".a line with a dot\n")
    return mail


@pytest.fixture
def context(ca_file: Path) -> ssl.SSLContext:
    """Return who is trusted."""
    return ssl.create_default_context(cafile=ca_file)


def test_smtplib_sends_a_mail(ca: CA, context: ssl.SSLContext) -> None:
    """By STARTTLS, logged in; the mail is the one that was sent."""
    with MailServer(ca) as running, smtplib.SMTP("127.0.0.1", running.port) as smtp:
        smtp.ehlo()
        assert smtp.has_extn("STARTTLS")
        assert not smtp.has_extn("AUTH")
        smtp.starttls(context=context)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(USER, "wrong")
        smtp.login(USER, PASSWORD)
        smtp.send_message(_mail())
        (mail,) = running.office.mails
    assert (mail.sender, mail.to) == ("login@example.com", ["alice@example.com"])
    assert mail.octets.endswith(b"\r\n\r\n.a line with a dot\r\n")


def test_smtplib_sends_a_mail_by_tls(ca: CA, context: ssl.SSLContext) -> None:
    """From the first octet, and by the other way to log in."""
    with MailServer(ca, is_implicit=True) as running:
        running.office.ways = ("LOGIN",)
        with smtplib.SMTP_SSL("127.0.0.1", running.port, context=context) as smtp:
            smtp.login(USER, PASSWORD)
            smtp.send_message(_mail())
        assert len(running.office.mails) == 1


@pytest.mark.parametrize(
    ("mood", "status"),
    [(Mood.UNKNOWN, 550), (Mood.GREY, 451), (Mood.NOT_FROM_YOU, 550), (Mood.SPAM, 554)],
)
def test_smtplib_is_refused(ca: CA, context: ssl.SSLContext, mood: Mood, status: int) -> None:
    """In each way, with its status."""
    with MailServer(ca) as running, smtplib.SMTP("127.0.0.1", running.port) as smtp:
        smtp.starttls(context=context)
        smtp.login(USER, PASSWORD)
        running.office.mood = mood
        with pytest.raises(smtplib.SMTPException) as caught:
            smtp.send_message(_mail())
    assert str(status) in repr(caught.value)


@pytest.mark.parametrize(("mood", "status"), [(Mood.BUSY, 421), (Mood.CLOSED, 554)])
def test_smtplib_is_not_greeted(ca: CA, mood: Mood, status: int) -> None:
    """It is told so at once."""
    with MailServer(ca) as running:
        running.office.mood = mood
        with pytest.raises(smtplib.SMTPConnectError) as caught:
            smtplib.SMTP("127.0.0.1", running.port)
    assert caught.value.smtp_code == status


def test_smtplib_wants_starttls(ca: CA, context: ssl.SSLContext) -> None:
    """Who is not offered it does not go on; nobody sends without."""
    for mood in (Mood.NO_STARTTLS, Mood.REFUSES_STARTTLS):
        with MailServer(ca) as running, smtplib.SMTP("127.0.0.1", running.port) as smtp:
            running.office.mood = mood
            with pytest.raises(smtplib.SMTPException):
                smtp.starttls(context=context)
            with pytest.raises(smtplib.SMTPSenderRefused):
                smtp.send_message(_mail())


# -- the gateway --


@pytest.mark.parametrize("kind", ["form", "json", "query"])
def test_gateway_takes_what_others_write(kind: str) -> None:
    """Python's own forms and JSON."""
    gateway = sms_gateway.Gateway()
    found = {"to": NUMBER, "text": "hi & ho + ä"}
    with Running(gateway) as running:
        url, data, headers = f"{running.url}/send", None, {}
        if kind == "query":
            url += f"?{urlencode(found)}"
        elif kind == "form":
            data = urlencode(found).encode()
        else:
            data, headers = json.dumps(found).encode(), {"Content-Type": "application/json"}
        with urlopen(Request(url, data, headers)) as response:  # noqa: S310 - of loopback
            assert response.read() == b"OK id=1"
        with urlopen(f"{running.url}/_fake/outbox") as response:  # noqa: S310 - of loopback
            assert json.loads(response.read()) == [found]
