"""What can be configured of policies: who may in, from where, when, and with what."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from ipaddress import IPv4Network, IPv6Network
    from zoneinfo import ZoneInfo


@unique
class Order(StrEnum):
    """Which proof comes first in `mode: challenge`."""

    PASSWORD_FIRST = "password-first"  # noqa: S105 - an order, not a password
    """The password, then the passcode that we ask for."""
    FACTOR_FIRST = "factor-first"
    """The passcode, then the password that we ask for: who has no passcode guesses at none."""


@unique
class By(StrEnum):
    """What must be the same for a factor to be remembered."""

    USER = "user"
    CLIENT = "client"
    STATION = "station"
    """Calling-Station-Id; a request without one is never remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remember:
    """
    For how long a passed second factor is not asked for again.

    Attributes:
        seconds: 60 to 2592000 (30 days), from the login that passed it.
        by: What must be the same; `user` is always among it.
    """

    seconds: int
    by: tuple[By, ...] = (By.USER, By.CLIENT, By.STATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """
    Hours that come again each week.

    Attributes:
        days: 0 (Monday) to 6, at least one: the day on which the span begins.
        start: Minutes after midnight, 0 to 1439.
        end: Minutes after midnight, 1 to 1440, not part of it; not after `start`: of the
            next day.
    """

    days: frozenset[int]
    start: int = 0
    end: int = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """
    When something is allowed.

    Attributes:
        name: As policies call it.
        spans: Any of them; at least one.
        zone: Where the hours are those of the wall clock.
        holidays: Days on which no span begins.
        also: Further hours by other clocks, or with other holidays; they have none themselves.
    """

    name: str
    spans: tuple[Span, ...]
    zone: ZoneInfo
    holidays: frozenset[date] = frozenset()
    also: tuple[Schedule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """
    What must hold for a policy to decide: everything that is named; of each, any value.

    Attributes:
        clients: Names of client entries; empty: every client. So for all below.
        users: Normal forms; `*` is any text, `?` one character, and neither holds a `[`.
        realms: What follows the last `@`, or stands before the backslash, case folded.
        groups: Names of groups as the file writes them; their case does not count.
        networks: Where the person is, as the client's address attributes say.
        schedule: When; None: at any time.
        attributes: Name of an attribute of the request, as its dictionary spells it, and the
            texts it may have.
        approval: Name of an approval that must be in force; empty: none.
    """

    clients: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    realms: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    schedule: Schedule | None = None
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    approval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """
    Who may in, and with what. None in a result: as the client's own setting says.

    Attributes:
        name: As the audit calls it; unique.
        when: What must hold.
        deny: Whom it fits does not get in.
        primary: Who checks the password.
        directory: Whose groups and attributes count; empty: the directory that is the
            primary, or the only one where groups or attributes of one are needed.
        factors: Names of the second factors that count, in order of preference.
        skips_factor: `factors: skip`: the password alone lets in.
        weak: Whether a weak factor may count; what the client says of that does not.
        when_unavailable: Factors that count where the servers of others are gone.
        not_enrolled_until: Until the end of this day (UTC) whoever has no factor gets in
            with the password alone; None: nobody does.
        order: Which proof comes first.
        remember: For how long a passed factor is not asked for again.
        reply: Attributes of an Accept.
    """

    name: str
    when: Conditions = Conditions()
    deny: bool = False
    primary: str | None = None
    directory: str = ""
    factors: tuple[str, ...] | None = None
    skips_factor: bool = False
    weak: bool = False
    when_unavailable: tuple[str, ...] | None = None
    not_enrolled_until: date | None = None
    order: Order | None = None
    remember: Remember | None = None
    reply: tuple[tuple[str, str], ...] | None = None
