"""What can be configured of upstreams: other RADIUS servers that check a password or a factor."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from radiusmfa.secret import Secret


@unique
class Use(StrEnum):
    """Which of several servers is asked."""

    FAIL_OVER = "fail-over"
    """The first that is alive, in the order of the file."""
    SPREAD = "spread"
    """Those that are alive, in turn."""


@unique
class AliveCheck(StrEnum):
    """How a silent server is told from a dead one, and a dead one found alive again."""

    STATUS_SERVER = "status-server"
    """RFC 5997."""
    ACCESS_REQUEST = "access-request"
    """A login of nobody, whose Reject is a sign of life; for servers without Status-Server."""
    NONE = "none"
    """Nothing is sent: once in a while a login tries it."""


@unique
class StartWith(StrEnum):
    """What an upstream factor is sent first, after the password was right."""

    CODE = "code"
    """The passcode, which we ask the person for."""
    PASSWORD = "password"  # noqa: S105 - what is sent, not a password
    """The password that was right: the server checks it again, then asks or pushes."""
    WORD = "word"
    """A word that makes the server push or ask, as `push`."""


@unique
class Users(StrEnum):
    """Who has an upstream factor."""

    EVERYONE = "everyone"
    """Whoever has no token in the store, and is assigned to no other of the client's factors."""
    ASSIGNED = "assigned"
    """Those of `radiusmfa user upstream`."""


@unique
class Codec(StrEnum):
    """How an upstream writes text."""

    UTF_8 = "utf-8"
    CP1252 = "cp1252"


@unique
class Prompts(StrEnum):
    """Which texts a client gets in the dialogue of a token server."""

    RELAY = "relay"
    """Those of the server."""
    PLAIN = "plain"
    """Short ones of ours, by event."""
    ASA_SDI = "asa-sdi"
    """Those that a Cisco ASA with `proxy-auth sdi` knows."""
    CITRIX_WI = "citrix-wi"
    """Those that the old Citrix Web Interface knows."""


@unique
class Event(StrEnum):
    """What a token server says in a dialogue; for audit, counters and the prompt only."""

    CODE_WANTED = "code-wanted"
    NEXT_CODE_WANTED = "next-code-wanted"
    NEW_PIN_WANTED = "new-pin-wanted"
    PIN_CONFIRM_WANTED = "pin-confirm-wanted"
    PIN_CHOICE_WANTED = "pin-choice-wanted"
    SYSTEM_PIN_OFFERED = "system-pin-offered"
    PIN_SHOWN = "pin-shown"
    PIN_ACCEPTED = "pin-accepted"
    PIN_REJECTED = "pin-rejected"
    CHOICE_WANTED = "choice-wanted"
    RESPONSE_WANTED = "response-wanted"
    PUSH_SENT = "push-sent"
    CODE_SENT = "code-sent"
    ENROLMENT_WANTED = "enrolment-wanted"
    PASSWORD_EXPIRED = "password-expired"  # noqa: S105
    LOCKED = "locked"
    DENIED = "denied"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    One way to know an event by; all that is named must hold.

    Attributes:
        event: What it then is.
        code: Packet code of the reply: 2, 3 or 11; 0: any.
        words: Texts that the Reply-Messages hold, without regard to case, each run of
            blanks as one.
        attributes: Attributes that are there: name, and the value as a person writes it;
            empty: any value.
    """

    event: Event
    code: int = 0
    words: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """
    How a kind of token server speaks; from `conf/dialogues/`, or a file of the site's.

    Nothing here decides a login.

    Attributes:
        name: As `securid`.
        waits: The server may be silent because it waits for a person (a push): then its
            silence is no sign that it is gone.
        patience: Seconds that one server gets for its answer, 1 to 300; the default of
            the upstream's own setting.
        alive_check: The default of the servers' own setting.
        start_with: The default of the factor's own setting.
        word: The default of the factor's own setting.
        prompt: What we ask with before the server has said anything; empty: the client's.
        rules: The first that fits names the event.
    """

    name: str
    waits: bool = False
    patience: int = 10
    alive_check: AliveCheck = AliveCheck.STATUS_SERVER
    start_with: StartWith = StartWith.CODE
    word: str = ""
    prompt: str = ""
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Passing:
    """
    Which attributes are passed on.

    Attributes:
        everything: All but those that are never passed on; `names` then only renames.
        names: Name of each one that is passed, and what it is called there.
    """

    everything: bool = True
    names: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """
    One server of an upstream.

    Attributes:
        host: Numeric address or name; a name is looked up again and again.
        port: 1 to 65535.
        secret: Shared with it, at least 16 octets unless `weak_secret` says so.
        weak_secret: Whether a shorter secret was allowed.
        require_message_authenticator: Drop its replies without one. `no` lets replies be
            forged (CVE-2024-3596): whoever sits between can let anybody in.
        alive_check: How its silence is told from its death.
    """

    host: str
    port: int = 1812
    secret: Secret
    weak_secret: bool = False
    require_message_authenticator: bool = True
    alive_check: AliveCheck = AliveCheck.STATUS_SERVER


@dataclass(frozen=True, slots=True, kw_only=True)
class UserName:
    """
    How a user's name is written for an upstream; a name given by `user upstream` is sent as it is.

    Attributes:
        strip: What is taken off: `realm` (from `@` on), `domain` (up to the backslash).
        realm: Put behind as `@realm`, empty: nothing.
        domain: Put in front with a backslash, empty: nothing.
    """

    strip: tuple[str, ...] = ()
    realm: str = ""
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """
    Another RADIUS server, or several that are one: a token server, NPS, a proxy.

    Attributes:
        name: How clients, factors, logs and the audit call it; unique.
        servers: At least one.
        use: Which of them is asked.
        dialogue: How it speaks.
        retransmit: Seconds until the same octets are sent again, then twice as many and
            so on (RFC 5080 section 2.2.1), 1 to 30.
        patience: Seconds without any sign of life after which a server is given up and
            the next is asked, 1 to 300; never more than the client's time budget.
        probe_interval: Seconds between two looks at a server that is dead, 1 to 3600.
        ports: Source ports a server at most; each can have 256 requests outstanding.
        rounds: Challenges in one login at most, 1 to 100.
        codec: How it writes user names, passwords and prompts.
        user_name: How names are rewritten.
        send: Attributes of the request that it gets.
        take: Attributes of its Accept that the client gets.
        probe_user: Whose login an `access-request` alive check tries.
    """

    name: str
    servers: tuple[Server, ...]
    use: Use = Use.FAIL_OVER
    dialogue: Dialogue = Dialogue(name="generic")
    retransmit: int = 2
    patience: int = 10
    probe_interval: int = 10
    ports: int = 64
    rounds: int = 20
    codec: Codec = Codec.UTF_8
    user_name: UserName = UserName()
    send: Passing = Passing()
    take: Passing = Passing()
    probe_user: str = "radiusmfa-probe"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamFactor:
    """
    A second factor that somebody else checks: an upstream, or a service.

    Attributes:
        name: How clients and the audit call it.
        upstream: Name of the upstream, or of the service.
        users: Who has it.
        start_with: What it is sent first after the right password.
        word: What is sent with `start_with: word`.
        tail: `append` without a delimiter: octets of its passcode, 0 to 64; 0: it has no
            fixed length, and a delimiter is needed.
        prompt: What we ask with before the server has said anything; empty: the client's.
        is_service: A service checks it.
        holds: Kind of device (`login.account.Device`) that somebody needs who has it; empty:
            `users` says who has it.
        is_in_directory: A directory knows where people without such a device are reached:
            then `users` says who else has it.
        words: What chooses it when it is typed, with a digit behind it, too.
        takes_words: Its dialogues ask for codes and words, never for a text of the person's own:
            a word of another factor turns to that one.
        is_weak: It proves little: no second factor unless a policy says `weak: yes`.
    """

    name: str
    upstream: str
    users: Users = Users.EVERYONE
    start_with: StartWith = StartWith.CODE
    word: str = ""
    tail: int = 0
    prompt: str = ""
    is_service: bool = False
    holds: str = ""
    is_in_directory: bool = False
    words: tuple[str, ...] = ()
    takes_words: bool = False
    is_weak: bool = False

    @property
    def needs(self) -> str:
        """Kind of device without which nobody has it; empty: `users` says who else does."""
        return "" if self.is_in_directory else self.holds
