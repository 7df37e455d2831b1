"""What is known of one kind of device: a profile, as the client entries that name it take it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TYPE_CHECKING

from radiusmfa.config.model import Mode, Protocol
from radiusmfa.config.upstream_model import Prompts

if TYPE_CHECKING:
    from collections.abc import Iterable


@unique
class Challenge(StrEnum):
    """What a device does with an Access-Challenge."""

    YES = "yes"
    """It shows the text and sends the answer, round after round."""
    TEXT = "text"
    """It shows the text and one field; menus and pages of a token server stay text."""
    NO = "no"
    """It takes it for a failure."""


@unique
class Fact(StrEnum):
    """What a device does, where that is known."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """
    How a group reaches the device.

    Attributes:
        attribute: Its name.
        value: What stands in it, with `{group}` where the name goes.
        join: What stands between the names of several groups in one attribute; empty: each
            group has an attribute of its own.
    """

    attribute: str
    value: str = "{group}"
    join: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """
    One kind of device.

    Attributes:
        name: As client entries call it; the file's name.
        title: As people call it.
        modes: Those that it can do; the first is the default of its clients. `proxy` is not
            among them: every device can do that.
        challenge: What it does with a challenge.
        timeout: Seconds that it waits for an answer: its default, or, where it has none or
            one that is too short, what `setup` says to set.
        tries: How often it sends a request, the first time included.
        time_budget: Default of its clients, seconds; not longer than `timeout` times `tries`.
        prompt_limit: Default of its clients: octets of the longest text that it shows.
        prompts: Default of its clients.
        protocols: How it can be told to send passwords; the first is the default.
        address: Attributes that hold the person's address, the likeliest first.
        sends_message_authenticator: Whether it signs its Access-Requests.
        requires_signed_replies: Whether it drops replies without Message-Authenticator.
        group: How a group reaches it; None: not at all.
        reply: Attributes of an Accept that it understands; empty: not known.
        strip_realm: Whether user names come with a realm, as `user@realm`.
        probe_users: Names that it tries by itself; each is to be a quick Reject.
        entry: Settings that its client entry needs besides, name and value.
        setup: What to set on the device, a step each.
        commands: The same as its command line takes it.
        notes: What else to know.
        unverified: Names of the attributes above that are not confirmed by a primary source.
    """

    name: str
    title: str
    modes: tuple[Mode, ...]
    challenge: Challenge
    timeout: float = 5
    tries: int = 1
    time_budget: int = 5
    prompt_limit: int = 253
    prompts: Prompts = Prompts.RELAY
    protocols: tuple[Protocol, ...] = (Protocol.PAP,)
    address: tuple[str, ...] = ()
    sends_message_authenticator: Fact = Fact.UNKNOWN
    requires_signed_replies: Fact = Fact.UNKNOWN
    group: Group | None = None
    reply: tuple[str, ...] = ()
    strip_realm: bool = False
    probe_users: tuple[str, ...] = ()
    entry: tuple[tuple[str, str], ...] = ()
    setup: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()

    @property
    def shows_challenges(self) -> bool:
        """Return whether its clients can be sent a challenge."""
        return self.challenge is not Challenge.NO

    def can_do(self, mode: Mode) -> bool:
        """Return whether its clients can have *mode*."""
        return mode is Mode.PROXY or mode in self.modes

    def not_understood(self, names: Iterable[str]) -> list[str]:
        """Return those of *names*, tags aside, that it is not known to understand."""
        known = {name.lower() for name in self.reply}
        return [name for name in names if known and name.partition(":")[0].lower() not in known]
