"""What can be configured of services: others that check a second factor, asked by HTTPS or SMTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from radiusmfa.config.upstream_model import StartWith
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


def _no_secret() -> Secret:
    return Secret(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """
    An HTTP proxy through which a service is reached (CONNECT).

    Attributes:
        host: Its name or address.
        port: 1 to 65535.
        user: For `Proxy-Authorization`; empty: none.
        password: Of that user.
    """

    host: str
    port: int = 3128
    user: str = ""
    password: Secret = field(default_factory=_no_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    How often people are called, or sent something.

    Attributes:
        per_hour: Calls to one person in an hour, 1 to 1000.
        per_day: Calls to one person in a day, 1 to 10000.
        site_per_hour: Calls to everybody in an hour, 1 to 1000000.
        cool_down: Seconds without calls after somebody has said no, 0 to 86400; twice as
            many after "fraud".
    """

    per_hour: int = 10
    per_day: int = 50
    site_per_hour: int = 10_000
    cool_down: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """
    One-time codes that we make and send.

    Attributes:
        digits: 6 to 10.
        lifetime: Seconds, 30 to 600.
        tries: Wrong answers until a code is void, 1 to 10.
        text: What is sent; `{code}`, `{minutes}`, `{user}` and `{client}` are filled in.
    """

    digits: int = 6
    lifetime: int = 300
    tries: int = 3
    text: str = "Your login code is {code}. It is good for {minutes} minutes."


@unique
class DuoFactor(StrEnum):
    """What is begun by itself at Duo."""

    AUTO = "auto"
    """A push, or else a call."""
    PUSH = "push"
    PHONE = "phone"
    SMS = "sms"
    PASSCODE = "passcode"


@unique
class DuoPrompt(StrEnum):
    """What somebody gets who has typed nothing for Duo yet."""

    AUTO = "auto"
    """The first of the factors begins."""
    MENU = "menu"
    """A list of what they can do, where the client shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duo:
    """
    Duo's Auth API v2.

    Attributes:
        host: `api-XXXXXXXX.duosecurity.com`, with `:PORT` if it is not 443.
        integration_key: `DI` and 18 more.
        secret_key: 40 characters.
        factors: What is begun by itself, the first that the person's devices can do.
        prompt: What comes before that, where the client can show it.
        enrolment: Show where somebody enrols who has not yet.
        send_address: Tell Duo where the person is.
    """

    word: ClassVar[str] = "duo"
    start_with: ClassVar[StartWith] = StartWith.WORD
    holds: ClassVar[str] = ""
    words: ClassVar[tuple[str, ...]] = ("push", "phone", "sms", "auto")

    host: str
    integration_key: str
    secret_key: Secret
    factors: tuple[DuoFactor, ...] = (DuoFactor.AUTO,)
    prompt: DuoPrompt = DuoPrompt.AUTO
    enrolment: bool = True
    send_address: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurId:
    """
    RSA's SecurID Authentication API (REST), of Authentication Manager or the cloud.

    Attributes:
        urls: `https://HOST[:PORT]`, the servers in the order in which they are asked.
        access_key: Sent as `client-key`, or the key of the HMAC.
        access_id: Of the HMAC mode; empty: the key itself is sent.
        date_header: HMAC mode: name of the header that carries the date. An assumption, as the
            next two.
        id_header: HMAC mode: name of the header that carries `access_id`.
        signature_header: HMAC mode: name of the header that carries the signature.
        agent: `clientId`: the name of this agent there.
        policy: `assurancePolicyId` of the cloud; empty: none.
        methods: Which methods are used, in order of preference; empty: those that can be.
    """

    word: ClassVar[str] = "securid"
    start_with: ClassVar[StartWith] = StartWith.CODE
    holds: ClassVar[str] = ""
    words: ClassVar[tuple[str, ...]] = ("push", "sms", "phone")

    urls: tuple[str, ...]
    access_key: Secret
    access_id: str = ""
    date_header: str = "Date"
    id_header: str = "access-id"
    signature_header: str = "client-key-hmac"
    agent: str = "radiusmfa"
    policy: str = ""
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Yubico:
    """
    YubiCloud, or a validation server of the same protocol 2.0.

    Attributes:
        urls: `https://HOST[:PORT][/path]`, asked at the same time.
        client_id: Number of the API client.
        secret: Its key, decoded from base64; empty: answers are not signed.
        sync: `sl`: per cent of servers that have to agree, `fast`, `secure`; empty: as usual.
    """

    word: ClassVar[str] = "yubico"
    start_with: ClassVar[StartWith] = StartWith.CODE
    holds: ClassVar[str] = "yubikey"
    words: ClassVar[tuple[str, ...]] = ()

    urls: tuple[str, ...] = ("https://api.yubico.com/wsapi/2.0/verify",)
    client_id: int
    secret: Secret = field(default_factory=_no_secret)
    sync: str = ""


@unique
class Channel(StrEnum):
    """How a code of ours reaches somebody."""

    SMS = "sms"
    VOICE = "voice"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """
    SMS by any HTTP gateway.

    Attributes:
        url: `https://HOST[:PORT]/path`.
        method: `POST` or `GET`.
        content: `form`, `json`, `query` or `raw`.
        fields: What is sent: name, and a text with `{to}` and `{text}`.
        user: For basic authentication; empty: none.
        password: Of that user; or the value of `header`.
        header: Name of a header that carries the password (`Authorization`: with `Bearer`).
        number_format: `e164`, `e164_noplus`, or `national:0049`.
        statuses: Of HTTP that mean sent.
        success: Regular expression that the answer must match; empty: any.
        failure: Regular expression that it must not match; empty: none.
        prefixes: Numbers begin with one of these, as `+49`; empty: any.
        codes: What is sent.
    """

    word: ClassVar[str] = "sms"
    start_with: ClassVar[StartWith] = StartWith.WORD
    holds: ClassVar[str] = "sms"
    words: ClassVar[tuple[str, ...]] = ("sms",)

    url: str
    method: str = "POST"
    content: str = "form"
    fields: tuple[tuple[str, str], ...] = (("to", "{to}"), ("text", "{text}"))
    user: str = ""
    password: Secret = field(default_factory=_no_secret)
    header: str = ""
    number_format: str = "e164"
    statuses: tuple[int, ...] = (200, 201, 202)
    success: str = ""
    failure: str = ""
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
        prefixes: As for `Gateway`.
    """

    word: ClassVar[str] = "verify"
    start_with: ClassVar[StartWith] = StartWith.WORD

    service: str
    user: str
    password: Secret
    channel: Channel = Channel.SMS
    url: str = "https://verify.twilio.com"
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
        tls: `starttls`, `implicit`, or `none` (to a loopback address only).
        user: For authentication; empty: none.
        password: Of that user.
        sender: Address that the mail comes from.
        subject: Of the mail; the code never stands in it.
        codes: What is sent.
    """

    word: ClassVar[str] = "smtp"
    start_with: ClassVar[StartWith] = StartWith.WORD
    holds: ClassVar[str] = "email"
    words: ClassVar[tuple[str, ...]] = ("email", "mail")

    host: str
    port: int = 587
    tls: str = "starttls"
    user: str = ""
    password: Secret = field(default_factory=_no_secret)
    sender: str
    subject: str = "Your login code"
    codes: Codes = Codes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """
    Security questions: a weak factor, no second factor unless a policy says `weak: yes`.

    Attributes:
        ask: How many of a person's questions are asked, 1 to 5.
    """

    word: ClassVar[str] = "question"
    start_with: ClassVar[StartWith] = StartWith.WORD
    holds: ClassVar[str] = "question"
    words: ClassVar[tuple[str, ...]] = ("question",)

    ask: int = 2


Settings: TypeAlias = Duo | SecurId | Yubico | Gateway | Twilio | Verify | Smtp | Questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """
    Somebody else who checks a second factor, or carries one to people.

    Attributes:
        name: How factors, logs and the audit call it; unique, also among upstreams.
        settings: What kind it is, and all that is its own.
        ca_file: Certificates that are trusted; None: those of the system.
        proxy: The way there; None: direct.
        timeout: Seconds for one exchange, 1 to 60.
        limits: How often people are called.
        open_until: Until the end of this day, whoever has proved the password gets in while
            the service cannot be asked at all. None: never (fail closed).
    """

    name: str
    settings: Settings
    ca_file: Path | None = None
    proxy: Proxy | None = None
    timeout: int = 10
    limits: Limits = Limits()
    open_until: date | None = None
