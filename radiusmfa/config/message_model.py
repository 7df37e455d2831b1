"""What can be configured of services that carry one-time codes: SMS, calls, e-mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import ClassVar

from radiusmfa.config.upstream_model import StartWith
from radiusmfa.secret import Secret


def _no_secret() -> Secret:
    return Secret(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """
    One-time codes that we make and send.

    Attributes:
        digits: 6 to 10.
        lifetime: Seconds, 30 to 600; a challenge of ours ends with `challenges.lifetime`.
        tries: Wrong answers until a code is void, 1 to 10.
        text: What is sent; `{code}`, `{minutes}`, `{user}` and `{client}` are filled in.
    """

    digits: int = 6
    lifetime: int = 180
    tries: int = 3
    text: str = "Your login code is {code}. It is good for {minutes} minutes."


@unique
class Channel(StrEnum):
    """How a code of ours reaches somebody."""

    SMS = "sms"
    VOICE = "voice"
    EMAIL = "email"


@unique
class Method(StrEnum):
    """How a gateway is asked."""

    POST = "POST"
    GET = "GET"


@unique
class Content(StrEnum):
    """How a gateway wants what it is sent."""

    FORM = "form"
    """`application/x-www-form-urlencoded`."""
    JSON = "json"
    """An object of texts."""
    QUERY = "query"
    """In the address, which servers write into their logs."""
    RAW = "raw"
    """A text of any type."""


@unique
class MailTls(StrEnum):
    """How the way to a mail server is protected."""

    STARTTLS = "starttls"
    """TLS begun on the plain port, before anything else is sent (RFC 3207)."""
    IMPLICIT = "implicit"
    """TLS from the first octet (RFC 8314)."""
    NONE = "none"
    """Not at all; to this machine itself only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """
    SMS by any HTTP gateway.

    Attributes:
        url: `https://HOST[:PORT]/path`.
        method: `POST` or `GET`.
        content: How it wants what it is sent.
        fields: What is sent: name, and a text with `{to}` and `{text}`; with `raw` one, whose
            name is the Content-Type.
        user: For basic authentication; empty: none.
        password: Of that user; or the value of `header`.
        header: Name of a header that carries the password (`Authorization`: with `Bearer`).
        number_format: `e164`, `e164_noplus`, or `national:0049`: numbers of that country
            begin with 0, all others with 00.
        statuses: Of HTTP that mean sent.
        success: Regular expression (`config.patterns`) that the answer must match; empty: any.
        failure: Regular expression that it must not match; empty: none.
        attribute: Of the directory: the number of whoever has no device of the kind; empty:
            only devices count.
        prefixes: Numbers begin with one of these, as `+49`; empty: any.
        codes: What is sent.
    """

    word: ClassVar[str] = "sms"
    start_with: ClassVar[StartWith] = StartWith.WORD
    holds: ClassVar[str] = "sms"
    words: ClassVar[tuple[str, ...]] = ("sms",)

    url: str
    method: Method = Method.POST
    content: Content = Content.FORM
    fields: tuple[tuple[str, str], ...] = (("to", "{to}"), ("text", "{text}"))
    user: str = ""
    password: Secret = field(default_factory=_no_secret)
    header: str = ""
    number_format: str = "e164"
    statuses: tuple[int, ...] = (200, 201, 202)
    success: str = ""
    failure: str = ""
    attribute: str = ""
    prefixes: tuple[str, ...] = ()
    codes: Codes = Codes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Twilio:
    """
    Twilio: a message, or a call that reads the code out.

    Attributes:
        account: Account SID, `AC` and 32 hexadecimal digits.
        user: Account SID, or the SID of an API key.
        password: Auth token, or the secret of the API key.
        sender: Number that calls or sends; with `channel: sms` also a name, or the SID of a
            messaging service.
        channel: `sms` or `voice`.
        url: Of the API.
        attribute: As for `Gateway`.
        prefixes: As for `Gateway`.
        codes: What is sent or said.
    """

    word: ClassVar[str] = "twilio"
    start_with: ClassVar[StartWith] = StartWith.WORD

    account: str
    user: str = ""
    password: Secret
    sender: str
    channel: Channel = Channel.SMS
    url: str = "https://api.twilio.com"
    attribute: str = ""
    prefixes: tuple[str, ...] = ()
    codes: Codes = Codes()

    @property
    def holds(self) -> str:
        """Kind of device that somebody needs."""
        return self.channel.value

    @property
    def words(self) -> tuple[str, ...]:
        """Words that choose it."""
        return ("sms",) if self.channel is Channel.SMS else ("voice", "phone", "call")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verify:
    """
    Twilio Verify: it makes, sends and checks the code.

    Attributes:
        service: SID of the Verify service, `VA` and 32 hexadecimal digits.
        user: Account SID, or the SID of an API key.
        password: Auth token, or the secret of the API key.
        channel: `sms`, `voice` (a call) or `email`.
        url: Of the API.
        attribute: As for `Gateway`.
        prefixes: As for `Gateway`.
    """

    word: ClassVar[str] = "verify"
    start_with: ClassVar[StartWith] = StartWith.WORD

    service: str
    user: str
    password: Secret
    channel: Channel = Channel.SMS
    url: str = "https://verify.twilio.com"
    attribute: str = ""
    prefixes: tuple[str, ...] = ()

    @property
    def holds(self) -> str:
        """Kind of device that somebody needs."""
        return self.channel.value

    @property
    def words(self) -> tuple[str, ...]:
        """Words that choose it."""
        return {
            Channel.SMS: ("sms",),
            Channel.VOICE: ("voice", "phone", "call"),
            Channel.EMAIL: ("email", "mail"),
        }[self.channel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Smtp:
    """
    E-mail by an SMTP server.

    Attributes:
        host: Its name.
        port: 1 to 65535.
        tls: How the way there is protected.
        user: For authentication; empty: none.
        password: Of that user.
        sender: Address that the mail comes from.
        subject: Of the mail; the code never stands in it.
        attribute: Of the directory: the address of whoever has no device of the kind; empty:
            only devices count.
        codes: What is sent.
    """

    word: ClassVar[str] = "smtp"
    start_with: ClassVar[StartWith] = StartWith.WORD
    holds: ClassVar[str] = "email"
    words: ClassVar[tuple[str, ...]] = ("email", "mail")

    host: str
    port: int = 587
    tls: MailTls = MailTls.STARTTLS
    user: str = ""
    password: Secret = field(default_factory=_no_secret)
    sender: str
    subject: str = "Your login code"
    attribute: str = ""
    codes: Codes = Codes()
