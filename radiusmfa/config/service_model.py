"""What can be configured of services: others that check a second factor, asked by HTTPS or SMTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from radiusmfa.config.message_model import Gateway, Smtp, Twilio, Verify
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
