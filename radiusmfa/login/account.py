"""What is known of one person while the server runs: a user, tokens, failures."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum, unique
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from radiusmfa.factors.oath import PasscodeKey
    from radiusmfa.factors.yubikey import OtpKey
    from radiusmfa.login.throttle import Failures


@unique
class Kind(StrEnum):
    """What kinds of proof there are; also the guard that counts their failures."""

    PASSWORD = "password"  # noqa: S105 - a kind of proof
    OATH = "oath"
    RECOVERY = "recovery"
    UPSTREAM = "upstream"


@dataclass(slots=True, eq=False)
class Token:
    """
    An active OATH token.

    The only fields that change are *drift*, *last* and *awaited*, and only
    together with the store (`stores.logins`).

    Attributes:
        id: Its number in the store.
        serial: What people call it.
        key: The seed, ready for use.
        period: Seconds of a time step; 0 for HOTP.
        drift: Steps that its clock is known to be ahead of ours.
        last: The step or counter used last, -1 if none. Nothing up to it is valid.
        awaited: Resynchronization: the step or counter whose passcode must come
            next, and until when (monotonic); it was announced by the one before.
    """

    id: int
    serial: str
    key: PasscodeKey
    period: int
    drift: int
    last: int
    awaited: tuple[int, float] | None = None


@dataclass(slots=True, eq=False)
class Yubikey:
    """
    An active YubiKey that is checked here.

    Only *last* changes, and only together with the store (`stores.logins`).

    Attributes:
        id: Its number in the store.
        serial: Its public id, which begins each of its passwords.
        key: Private id and AES key, ready for use.
        last: The step used last, -1 if none. Nothing up to it is valid.
        drift: As a token's, and always 0.
        awaited: As a token's, and always nothing.
    """

    id: int
    serial: str
    key: OtpKey
    last: int
    drift: int = 0
    awaited: None = None


@dataclass(frozen=True, slots=True)
class Device:
    """
    What somebody has that is not checked here: where a message reaches them, for example.

    Attributes:
        id: Its number in the store.
        serial: What people call it.
        kind: `sms`, `voice`, `email`, `yubikey` (one that a service checks), `question`.
        secret: What has to be known of it: a number, an address; empty: nothing.
        label: For people.
    """

    id: int
    serial: str
    kind: str
    secret: bytes = field(repr=False)
    label: str = ""


@dataclass(slots=True, eq=False)
class User:
    """
    A person who may log in, as the store knows them.

    Attributes:
        id: Number in the store; below 0: an upstream knows this person, the store does not.
        name: Normal form.
        password: Hash, or None: cannot log in by password.
        is_exempt: Needs no second factor; an administrator said so.
        is_disabled: May not log in at all.
        tokens: Active ones.
        recovery: Digests of unused recovery codes.
        failures: By kind of proof and client.
        upstreams: Upstreams that the user is assigned to, and the name there; empty: the
            one that was typed, rewritten as the upstream wants it.
        groups: Those that the store knows.
        is_kept: Their failures are in the store, too, though they have no row there.
        is_damaged: A token of theirs does not open: they have one, though nobody can use it.
        devices: What else they have, oldest first.
        yubikeys: Active ones that are checked here.
        tails: How many digits a passcode after a password may have: a token's, or two
            consecutive ones; likeliest first.
    """

    id: int
    name: str
    password: str | None
    is_exempt: bool
    is_disabled: bool
    tokens: tuple[Token, ...]
    recovery: set[bytes] = field(default_factory=set)
    failures: dict[tuple[Kind, str], Failures] = field(default_factory=dict)
    upstreams: dict[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    is_damaged: bool = False
    is_kept: bool = False
    devices: tuple[Device, ...] = ()
    yubikeys: tuple[Yubikey, ...] = ()
    tails: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Count the digits once."""
        lengths = sorted({token.key.digits for token in self.tokens})
        self.tails = (*lengths, *(2 * length for length in lengths))

    def held(self, number: int) -> Token | Yubikey | None:
        """Return what has that number in the store, of all that is checked here."""
        every: tuple[Token | Yubikey, ...] = (*self.tokens, *self.yubikeys)
        return next((one for one in every if one.id == number), None)
