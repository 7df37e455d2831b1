"""What can be configured: one frozen dataclass a section, safe by default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final, TypeAlias

from radiusmfa.config.policy_model import Order
from radiusmfa.config.upstream_model import Prompts

if TYPE_CHECKING:
    from datetime import date
    from ipaddress import IPv4Network, IPv6Network
    from pathlib import Path

    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.policy_model import Policy, Remember
    from radiusmfa.config.service_model import Service
    from radiusmfa.config.upstream_model import Upstream, UpstreamFactor
    from radiusmfa.secret import Secret

Network: TypeAlias = "IPv4Network | IPv6Network"


@unique
class Mode(StrEnum):
    """What User-Password holds, and what follows."""

    STEP_UP = "step-up"
    """The passcode alone; somebody else has checked the password."""
    APPEND = "append"
    """Password and passcode in one field."""
    CHALLENGE = "challenge"
    """The password; the passcode comes with the State of our Access-Challenge."""
    AUTO = "auto"
    """`append` if the tail fits a passcode, else `challenge`."""
    PROXY = "proxy"
    """Whatever the upstream that is the client's primary wants: it asks for every proof."""


LOCAL: Final = "local"
"""`primary`: the users of the store. Anything else but `none` names an upstream."""
NONE: Final = "none"
"""`primary`: nobody here checks a password; only with `mode: step-up`."""
LOCAL_FACTORS: Final = ("totp", "hotp", "yubikey", "recovery")
"""Factors that the store holds; every other name is a factor that an upstream checks."""


@unique
class Tri(StrEnum):
    """A setting that the client's own packets may decide."""

    YES = "yes"
    NO = "no"
    AUTO = "auto"


@unique
class Level(StrEnum):
    """The least urgent messages that are logged."""

    DEBUG = "debug"
    """Every packet."""
    INFO = "info"
    """The server's life cycle."""
    WARN = "warn"
    """Clients that misbehave, settings that weaken."""
    CRITICAL = "critical"
    """Faults of our own."""


@unique
class Protocol(StrEnum):
    """How a client has been told to send passwords."""

    PAP = "pap"
    CHAP = "chap"
    MSCHAPV2 = "mschapv2"


@unique
class Explain(StrEnum):
    """What the Reply-Message of a Reject says besides `reject_message`."""

    NOTHING = "nothing"
    ID = "id"
    """The short id of the login, for `radiusmfa why`."""
    REASON = "reason"
    """The reason code and the id: whoever guesses at names learns which of them exist."""


@dataclass(frozen=True, slots=True)
class Listen:
    """
    One UDP address to listen on.

    Attributes:
        host: A numeric IPv4 or IPv6 address; `0.0.0.0` and `::` are all of a family.
        port: 0 (any free one, for tests) to 65535.
    """

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """
    One NAS, or a network of them, that shares a secret with us.

    Attributes:
        name: How logs and the audit call it; unique.
        networks: Source addresses this entry answers; the longest prefix wins.
        secret: Shared secret, at least 16 octets unless `weak_secret` says so
            (RFC 2865 section 3).
        weak_secret: Whether a shorter secret was allowed. Such a secret can be
            guessed off-line from one captured packet.
        mode: What User-Password holds.
        primary: Who checks the password: `local`, `none` (only with `mode: step-up`), or
            the name of an upstream. With `mode: proxy` an upstream that checks everything.
        factors: Names of the second factors that count here, in order of preference.
        when_unavailable: Names of the factors that count instead, in order, where the
            servers of the user's own could not be asked.
        time_budget: Seconds from a request until this client gives up, 1 to 300; its
            answer leaves before.
        learns_patience: `time_budget: learn`: the number counts until the client's tries have
            taught another.
        shows_challenges: Whether a token server's challenge can be passed on to it.
        without_password: `step-up`: a request that brings no password at all begins the factor
            by itself, as a push. Whoever sends it has checked the password, and cannot show it.
        prompts: Which texts of a token server's dialogue it gets.
        delimiter: `append` and `auto`: what stands between password and passcode.
            Empty: the passcode is the tail that has a token's length.
        require_message_authenticator: Discard Access-Requests without one. `no`
            lets replies be forged (CVE-2024-3596); `auto` learns from the
            client's first verified packets.
        limit_proxy_state: Where Message-Authenticator is not required, discard
            requests that bring Proxy-State without it.
        sign_replies: Put a Message-Authenticator first into every reply. `no`
            only for a client that drops signed replies.
        prompt: The Reply-Message of a challenge.
        prompt_limit: Longest Reply-Message this client shows, 16 to 253 octets.
        reject_message: The Reply-Message of a Reject; empty: none.
        reply: Attributes of an Accept, as names and values to fill in.
        attempts: Wrong passcodes until a challenge ends in a Reject, 1 to 10.
        retry_window: Seconds, 0 to 30, in which a new request with the same
            identifier, user, credential and Calling-Station-Id is the same login again.
        profile: What kind of device it is; empty: not said. Its data are the defaults.
        protocol: How it has been told to send passwords.
        address: Attributes that may hold the person's own address, the likeliest first; a
            prefix that the text must have stands behind a colon.
        trust_address: Whether that address counts for policies: the client can say anything.
        group_reply: Attribute and value that carry a group to this client; empty: none.
        explain: What a Reject says.
        directory: Whose groups and attributes count; empty: none.
        order: Which proof comes first.
        weak: Whether a weak factor, as security questions, may count as a second factor.
            Whoever knows a person well gets past it.
        skips_factor: The password alone lets in; only a policy can say so.
        not_enrolled_until: Until the end of this day whoever has no factor gets in with
            the password alone; only a policy can say so.
        remember: For how long a passed factor is not asked for again; only a policy says so.
    """

    name: str
    networks: tuple[Network, ...]
    secret: Secret
    weak_secret: bool = False
    mode: Mode = Mode.CHALLENGE
    primary: str = LOCAL
    factors: tuple[str, ...] = LOCAL_FACTORS
    when_unavailable: tuple[str, ...] = ()
    time_budget: int = 20
    learns_patience: bool = False
    shows_challenges: bool = True
    without_password: bool = False
    prompts: Prompts = Prompts.RELAY
    delimiter: str = ""
    require_message_authenticator: Tri = Tri.YES
    limit_proxy_state: Tri = Tri.AUTO
    sign_replies: bool = True
    prompt: str = "Passcode: "
    prompt_limit: int = 253
    reject_message: str = ""
    reply: tuple[tuple[str, str], ...] = ()
    attempts: int = 1
    retry_window: int = 5
    profile: str = ""
    protocol: Protocol = Protocol.PAP
    address: tuple[str, ...] = ("Calling-Station-Id",)
    trust_address: bool = False
    group_reply: tuple[str, str] = ("", "")
    explain: Explain = Explain.NOTHING
    directory: str = ""
    order: Order = Order.PASSWORD_FIRST
    weak: bool = False
    skips_factor: bool = False
    not_enrolled_until: date | None = None
    remember: Remember | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passwords:
    """
    How local passwords are hashed (Argon2id, RFC 9106).

    Attributes:
        memory_kib: Memory of one hash in KiB, 8 to 1048576. Below 7168 a stolen store
            is searched for passwords quickly; the log says so at every start.
        passes: Passes over that memory, 1 to 16; with more than four of them the
            largest memory is refused, for no hash may hold a thread for long.
        lanes: Parallel lanes of one hash, 1 to 16.
        threads: Hashes at the same time, 0 to 64; 0 is one a processor.
        queue: Logins that may wait for a thread, 1 to 10000; one more gets no answer.
            One client can take three quarters of it.
        upgrade: Hash a right password again if its hash is of another form, or of
            other parameters. `no` leaves weak imported hashes as they are.
    """

    memory_kib: int = 19456
    passes: int = 2
    lanes: int = 1
    threads: int = 0
    queue: int = 256
    upgrade: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Totp:
    """
    Time-based tokens (RFC 6238).

    Attributes:
        window: Steps each way from the token's own time that are accepted, 0 to 10.
        drift_limit: Steps that a token's clock may be learned to be off, 0 to 100.
        resync_window: Steps each way searched for two consecutive codes, 0 to 100.
    """

    window: int = 1
    drift_limit: int = 20
    resync_window: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotp:
    """
    Counter-based tokens (RFC 4226).

    Attributes:
        look_ahead: Counters beyond the next that are accepted, 0 to 100
            (section 7.4).
        resync_window: Counters searched for two consecutive codes, 0 to 10000.
    """

    look_ahead: int = 10
    resync_window: int = 200


@dataclass(frozen=True, slots=True)
class Yubikey:
    """YubiKeys whose AES key is in the store."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Recovery codes: single use, issued by an administrator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """
    Which second factors are accepted; `None` is off.

    Attributes:
        totp: Time-based tokens.
        hotp: Counter-based tokens.
        yubikey: YubiKeys that are checked here.
        recovery: Recovery codes.
        upstream: Those that upstreams check.
        names: All of them in the order of the file.
    """

    totp: Totp | None = Totp()
    hotp: Hotp | None = Hotp()
    yubikey: Yubikey | None = Yubikey()
    recovery: Recovery | None = Recovery()
    upstream: tuple[UpstreamFactor, ...] = ()
    names: tuple[str, ...] = LOCAL_FACTORS

    @property
    def weak(self) -> frozenset[str]:
        """Names of those that prove little."""
        return frozenset(factor.name for factor in self.upstream if factor.is_weak)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockout:
    """
    Wrong proofs slow a person down (RFC 4226 section 7.3).

    Attributes:
        threshold: Wrong proofs of one kind before a delay, 1 to 100.
        delay: Seconds of the first delay, doubled each time, 1 to 86400.
        longest: Seconds that no delay exceeds, 1 to 604800.
        forget: Seconds after which a wrong proof no longer counts, 60 to 31536000.
    """

    threshold: int = 10
    delay: int = 30
    longest: int = 900
    forget: int = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenges:
    """
    Open challenges.

    Attributes:
        lifetime: Seconds until an unanswered challenge ends, 10 to 3600.
        most: Open challenges at the same time, 100 to 10000000.
    """

    lifetime: int = 180
    most: int = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """
    Retransmitted requests (RFC 5080 section 2.2.2).

    Attributes:
        lifetime: Seconds that a reply is kept for retransmissions, 5 to 300.
        most: Replies kept at the same time, 256 to 10000000.
    """

    lifetime: int = 30
    most: int = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """
    The whole file, ready to use.

    Attributes:
        path: The file it was read from.
        listen: Where Access-Requests and Status-Server arrive; at least one.
        accounting: Where Accounting-Requests arrive; empty: nowhere.
        metrics: Where counters can be read by HTTP; empty: nowhere.
        store_path: The SQLite file.
        keys_path: The keys that seal the seeds in it.
        clients: Who may ask; at least one.
        upstreams: Other RADIUS servers that are asked.
        directories: LDAP servers that are asked.
        services: Others that check a factor, or carry a code to people.
        approvals: Where it is written that somebody may.
        policies: The first that fits decides; None: there is no such section, and each
            client's own settings decide.
        passwords: How local passwords are hashed.
        factors: Which second factors are accepted.
        lockout: What wrong proofs cost.
        challenges: Open challenges.
        duplicates: Retransmitted requests.
        log_level: The least urgent messages that are logged.
        warnings: Settings that weaken, and unsafe files; said at every start.
    """

    path: Path
    listen: tuple[Listen, ...]
    accounting: tuple[Listen, ...] = ()
    metrics: tuple[Listen, ...] = ()
    store_path: Path
    keys_path: Path
    clients: tuple[Client, ...]
    upstreams: tuple[Upstream, ...] = ()
    directories: tuple[Directory, ...] = ()
    services: tuple[Service, ...] = ()
    approvals: tuple[ApprovalSource, ...] = ()
    policies: tuple[Policy, ...] | None = None
    passwords: Passwords = Passwords()
    factors: Factors = Factors()
    lockout: Lockout = Lockout()
    challenges: Challenges = Challenges()
    duplicates: Duplicates = Duplicates()
    log_level: Level = Level.INFO
    warnings: tuple[str, ...] = ()
