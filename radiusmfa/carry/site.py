"""What is carried over: our configuration as values, and what is to be said of the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from radiusmfa.config.model import Network
    from radiusmfa.secret import Secret

TIME_BUDGET: Final = 60
"""Seconds; the file that is read does not tell how long its clients wait."""


@unique
class Kind(StrEnum):
    """What a remark is about."""

    TO_DO = "to-do"
    """Nobody gets in until it is done."""
    MISSING = "missing"
    """It has no counterpart."""
    DIFFERENT = "different"
    """It was carried over, and is not quite the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """
    What an administrator has to know of one setting.

    Attributes:
        kind: What it is about.
        section: Name of the section; empty: the file as a whole.
        line: Where it stands, from 1.
        setting: Its name; empty: the section as a whole.
        text: What it is, or does, here.
        instead: What to do; empty: nothing.
    """

    kind: Kind
    section: str
    line: int
    setting: str
    text: str
    instead: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """
    Where something comes from.

    Attributes:
        section: Name of the section.
        line: Where it stands.
    """

    section: str
    line: int

    def __str__(self) -> str:
        """Return what a comment says."""
        return f"[{self.section}], line {self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFile:
    """
    A secret in a file of its own.

    Attributes:
        name: Of the file, below `secrets`.
        octets: What stands in it.
        is_made_up: By chance, because the file that was read does not tell it.
    """

    name: str
    octets: Secret
    is_made_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """
    A file of certificates that are trusted.

    Attributes:
        name: Of the file, below `certificates`.
        octets: What stands in it; None: it could not be read.
    """

    name: str
    octets: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuoService:
    """
    An account of an application at Duo.

    Attributes:
        name: Of the service and of the factor.
        origin: The first section that uses it.
        host: With `:PORT` if it is not 443.
        integration_key: The `ikey`.
        secret_key: The `skey`.
        factors: What begins by itself.
        is_menu: People are shown what they can do.
        enrolment: People are shown where to enrol.
        timeout: Seconds; None: as usual.
        proxy: Host and port of an HTTP proxy; None: direct.
        certificates: That are trusted; None: those of the system.
        fails_open: Sections that let in with the password while Duo cannot be reached.
    """

    name: str
    origin: Origin
    host: str
    integration_key: str
    secret_key: SecretFile
    factors: tuple[str, ...]
    is_menu: bool
    enrolment: bool
    timeout: int | None
    proxy: tuple[str, int] | None
    certificates: Certificates | None
    fails_open: tuple[Origin, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """
    An Active Directory that checks passwords.

    Attributes:
        name: Its own.
        origin: Its section.
        servers: URLs.
        base: Distinguished name.
        bind_name: Who searches; empty: the file does not tell.
        nobody: Bound instead until the account's password is known; empty: it is.
        bind_password: Of that account.
        user_filter: Who may log in.
        user_attributes: What people type.
        name_attribute: What they are called here.
        timeout: Seconds; None: as usual.
        certificates: That are trusted; None: those of the system.
    """

    name: str
    origin: Origin
    servers: tuple[str, ...]
    base: str
    bind_name: str
    nobody: str
    bind_password: SecretFile
    user_filter: str
    user_attributes: tuple[str, ...]
    name_attribute: str
    timeout: int | None
    certificates: Certificates | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """
    A RADIUS server that checks passwords.

    Attributes:
        name: Its own.
        origin: Its section.
        servers: Host and port of each.
        secret: Shared with all of them.
        is_weak: It has fewer than 16 octets.
        retransmit: Seconds; None: as usual.
        patience: Seconds; None: as usual.
        take: Attributes of its Accept that clients get; None: all of them.
    """

    name: str
    origin: Origin
    servers: tuple[tuple[str, int], ...]
    secret: SecretFile
    is_weak: bool
    retransmit: int | None
    patience: int | None
    take: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """
    A device, or some of them, that may ask.

    Attributes:
        name: Its own.
        origin: Its `radius_ip_N`.
        networks: Where it asks from.
        secret: Shared with it.
        is_weak: It has fewer than 16 octets.
        mode: As in our configuration.
        primary: As in our configuration.
        factor: Name of the factor.
        delimiter: Between password and passcode; empty: none.
        address: Attribute that holds the person's address; empty: as usual.
    """

    name: str
    origin: Origin
    networks: tuple[Network, ...]
    secret: SecretFile
    is_weak: bool
    mode: str
    primary: str
    factor: str
    delimiter: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """
    People whose password alone lets in.

    Attributes:
        name: Of the policy.
        origin: The section.
        clients: By name.
        users: In their normal form.
    """

    name: str
    origin: Origin
    clients: tuple[str, ...]
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """
    Everything that is carried over.

    Attributes:
        listen: Addresses with their ports.
        services: Accounts at Duo.
        directories: That check passwords.
        upstreams: That check passwords.
        clients: Who may ask.
        exemptions: Whose password alone lets in.
        remarks: On what is not carried over, or not quite.
    """

    listen: tuple[str, ...]
    services: tuple[DuoService, ...]
    directories: tuple[Directory, ...]
    upstreams: tuple[Upstream, ...]
    clients: tuple[Client, ...]
    exemptions: tuple[Exemption, ...]
    remarks: tuple[Remark, ...]

    @property
    def primaries(self) -> tuple[str, ...]:
        """Names of whoever checks passwords."""
        directories = (one.name for one in self.directories)
        return (*directories, *(one.name for one in self.upstreams))

    @property
    def secrets(self) -> tuple[SecretFile, ...]:
        """Every secret, each with a file of its own."""
        found = [
            *(one.secret_key for one in self.services),
            *(one.bind_password for one in self.directories),
            *(one.secret for one in self.upstreams),
            *(one.secret for one in self.clients),
        ]
        return tuple({one.name: one for one in found}.values())

    @property
    def certificates(self) -> tuple[Certificates, ...]:
        """Every file of certificates."""
        found = [
            *(one.certificates for one in self.services),
            *(one.certificates for one in self.directories),
        ]
        return tuple({one.name: one for one in found if one is not None}.values())
