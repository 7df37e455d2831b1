"""What can be configured of directories: LDAP servers that know people and their passwords."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.secret import Secret

ANONYMOUS: Final = "anonymous"
"""`bind_dn`: everybody may search."""
DN: Final = "dn"
"""`group_attribute`: the group's distinguished name, which nobody else can have."""


@unique
class Tls(StrEnum):
    """How the connection is protected."""

    LDAPS = "ldaps"
    """TLS from the first octet, mostly port 636."""
    STARTTLS = "starttls"
    """TLS begun on the plain port (RFC 4511 section 4.14), before anything else is sent."""
    NONE = "none"
    """Not at all: everybody on the path reads the passwords."""


@unique
class Kind(StrEnum):
    """What kind of server it is; decides defaults, and how reasons are read."""

    LDAP = "ldap"
    ACTIVE_DIRECTORY = "active-directory"


@unique
class Groups(StrEnum):
    """How the groups of a person are found."""

    MEMBER_OF = "member-of"
    """The values of `memberOf`: direct groups."""
    NESTED = "nested"
    """A search with Active Directory's in-chain rule (1.2.840.113556.1.4.1941)."""
    SEARCH = "search"
    """A search below `group_base` with `group_filter`."""
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryServer:
    """
    One LDAP server.

    Attributes:
        host: Name or numeric address; the name that its certificate must have.
        port: 1 to 65535.
        tls: How the connection is protected.
    """

    host: str
    port: int
    tls: Tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    r"""
    A directory, on one server or several that hold the same.

    Attributes:
        name: As `primary` calls it; unique among primaries and upstreams.
        servers: In order of preference; at least one.
        base: Below which entry people are.
        kind: What kind of server it is; some defaults below are those of `ldap`.
        starttls: Whether TLS is begun on `ldap://` servers. `no` gives every password to
            whoever listens on the path.
        ca_file: Certificates that are trusted; None: those of the system.
        verify: Whether certificate and name are checked. `no` gives every password to
            whoever sits on the path.
        bind_dn: Who searches; empty: nobody does, see `bind_as`; `anonymous`: everybody may.
        bind_password: Of `bind_dn`.
        bind_as: How a person's name is written to bind without a search before, `{user}` in
            it: a distinguished name, or Active Directory's `{user}@realm` and
            `DOMAIN\{user}`; empty: search, then bind.
        user_filter: Which entries are people.
        user_attributes: A person is found by any of these.
        name_attribute: Its value is the person's one name here: tokens belong to it.
        strip: What is taken off the typed name before the search: `domain`, `realm`.
        groups: How groups are found.
        group_base: Where; empty: `base`.
        group_filter: `{dn}` in it is the person's, `{user}` their value of
            `name_attribute`.
        group_attribute: Its value is the group's name; `dn`: the group's distinguished name.
        attributes: What else is read of a person, for `reply`.
        timeout: Seconds to connect, and again for each answer, 1 to 60.
        threads: Logins that ask at the same time, 1 to 100.
        lockout: Wrong passwords of one person, at all clients together, until we ask no
            more for some time, 1 to 100; below the directory's own threshold.
        lockout_window: Seconds until a wrong password no longer counts there, and until we ask
            again after `lockout` of them, 60 to 604800: not shorter than the directory's own.
        wrong_memory: Seconds in which the same wrong password is not sent again, 0 to 3600.
    """

    name: str
    servers: tuple[DirectoryServer, ...]
    base: str
    kind: Kind = Kind.LDAP
    starttls: bool = True
    ca_file: Path | None = None
    verify: bool = True
    bind_dn: str = ""
    bind_password: Secret | None = None
    bind_as: str = ""
    user_filter: str = "(objectClass=person)"
    user_attributes: tuple[str, ...] = ("uid", "mail")
    name_attribute: str = "uid"
    strip: tuple[str, ...] = ()
    groups: Groups = Groups.SEARCH
    group_base: str = ""
    group_filter: str = "(|(member={dn})(uniqueMember={dn})(memberUid={user}))"
    group_attribute: str = "cn"
    attributes: tuple[str, ...] = ()
    timeout: int = 5
    threads: int = 20
    lockout: int = 4
    lockout_window: int = 1800
    wrong_memory: int = 300

    @property
    def can_search(self) -> bool:
        """Whether somebody can be looked up before their password is known."""
        return bool(self.bind_dn)

    @property
    def binds_by_dn(self) -> bool:
        r"""Whether `bind_as` makes a distinguished name, not `user@realm` or `DOMAIN\user`."""
        return "=" in self.bind_as
