"""Which factors count for a client, and which of them a user has."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.model import LOCAL, NONE, Mode
from radiusmfa.config.policy_model import Order
from radiusmfa.config.upstream_model import StartWith, Users
from radiusmfa.factors import yubikey
from radiusmfa.login.passcode import Desk, is_enrolled

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date

    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.model import Client, Factors
    from radiusmfa.config.upstream_model import UpstreamFactor
    from radiusmfa.factors.yubikey import Tail
    from radiusmfa.login.account import User

_YUBIKEY: Final = "yubikey"


@final
class Plan:
    """
    What a client's settings ask of its users, compiled once.

    Attributes:
        desk: The local factors that count.
        instead: Those that count while an upstream's servers are gone.
        primary: Name of the upstream that checks the password; empty: none does.
        directory: The directory that checks it, or None.
        grace: Until when (seconds since 1970) the password alone lets in whoever has no
            factor; 0: never.
        strip: What the upstream that knows the people takes off their names: here they are
            the same people, too, with or without it.
        has_upstream: Some upstream may be asked for this client.
        factor_first: The passcode comes first, then the password is asked for.
        is_plain: Neither: what follows a step depends on nothing of the person.
        takes_strangers: Somebody whom the store does not know may log in: somebody else
            knows them.
    """

    __slots__ = (
        "_everyone", "_factors", "_keyed", "_order", "_words", "desk", "directory",
        "factor_first", "grace", "has_upstream", "instead", "is_plain", "primary", "strip",
        "takes_strangers",
    )  # fmt: skip

    def __init__(
        self,
        client: Client,
        factors: Factors,
        pepper: bytes,
        strips: Mapping[str, tuple[str, ...]] | None = None,
        directory: Directory | None = None,
    ) -> None:
        """
        Compile the settings of *client*.

        Args:
            client: Checked.
            factors: All there are.
            pepper: The store's.
            strips: What each upstream takes off names.
            directory: The one that is its primary, if one is.
        """
        self.desk = Desk(factors=_only(factors, client.factors), pepper=pepper)
        self.instead = Desk(factors=_only(factors, client.when_unavailable), pepper=pepper)
        is_upstream = client.primary not in (LOCAL, NONE) and directory is None
        self.primary = client.primary if is_upstream else ""
        self.directory = directory
        self.grace = _end_of(client.not_enrolled_until)
        by_name = {factor.name: factor for factor in factors.upstream}
        # With `proxy` the upstream asks for every proof: there is no other factor.
        names = () if client.mode is Mode.PROXY else client.factors
        self._order = names
        self._factors = tuple(by_name[name] for name in names if name in by_name)
        self._everyone = next(
            (one for one in self._factors if one.users is Users.EVERYONE and not one.needs),
            None,
        )
        self._keyed = next((one for one in self._factors if one.holds == _YUBIKEY), None)
        self._words: dict[str, list[UpstreamFactor]] = {}
        for factor in self._factors:
            for word in factor.words:
                self._words.setdefault(word, []).append(factor)
        self.has_upstream = bool(self.primary or self._factors)
        self.factor_first = client.order is Order.FACTOR_FIRST
        self.is_plain = not (self.has_upstream or self.factor_first)
        asked = [self.primary] if self.primary else [one.upstream for one in self._factors]
        self.strip = frozenset(rule for name in asked for rule in (strips or {}).get(name, ()))
        self.takes_strangers = (
            bool(self.primary)
            or directory is not None
            or (client.mode is Mode.STEP_UP and self._everyone is not None)
        )

    def factor(self, user: User, typed: bytes = b"") -> UpstreamFactor | None:
        """
        Return the upstream factor that *user* has, the first in the client's order.

        What somebody was assigned to counts, or has a device for. Without that, `users:
        everyone` means those who have no token here: a dead token server is nothing to the
        users of local tokens.

        Args:
            user: Whose.
            typed: What chooses among several: a word, as `sms`, or a password of a YubiKey that
                a service checks. Anything else chooses nothing.
        """
        if not self._factors:
            return None
        if typed and (self._words or self._keyed is not None):
            chosen = self._chosen(user, typed)
            if chosen is not None:
                return chosen
        if user.upstreams or user.devices:
            for factor in self._factors:
                if _has(user, factor):
                    return factor
        if self._everyone is None or self.has_token(user):
            return None
        return self._everyone

    def goes_on(self, user: User, name: str, upstream: str) -> bool:
        """
        Say whether the factor of a dialogue that another round began counts here, for *user*.

        Args:
            user: As they are now.
            name: Of the factor.
            upstream: Who checks it.
        """
        found = [one for one in self._factors if (one.name, one.upstream) == (name, upstream)]
        return any(one is self._everyone or _has(user, one) for one in found)

    def turned(self, user: User, name: str, typed: bytes) -> UpstreamFactor | None:
        """
        Return the factor that *user* turns to in the middle of another's dialogue, or None.

        Args:
            user: As they are now.
            name: Of the factor whose dialogue it is.
            typed: A word of that one, a code, or any text that is asked for, turns to none.
        """
        turning = next((one for one in self._factors if one.name == name), None)
        if turning is None or not turning.takes_words:
            return None
        chosen = self._chosen(user, typed)
        return None if chosen is turning or _word(typed) in turning.words else chosen

    def chooses(self, user: User, typed: bytes) -> bool:
        """Say whether *typed* itself chooses a factor of *user*: nobody else can check it."""
        return self._chosen(user, typed) is not None

    def tail(self, user: User, typed: bytes) -> Tail | None:
        """Return the password of a YubiKey at the end of *typed* that a service checks, or None."""
        if self._keyed is None or not user.devices:
            return None
        found = yubikey.tail(typed, _public_ids(user))
        return found if found is not None and found.is_own else None

    def _chosen(self, user: User, typed: bytes) -> UpstreamFactor | None:
        if self._keyed is not None and user.devices and _is_of(user, typed):
            return self._keyed
        named = self._words.get(_word(typed), ())
        own = next((factor for factor in named if _has(user, factor)), None)
        return self._everyone if own is None and self._everyone in named else own

    def opening(self, user: User) -> UpstreamFactor | None:
        """
        Return the upstream factor of *user* if it begins by itself after the password.

        Not where a token of ours comes first in the client's order.
        """
        factor = self.factor(user)
        if factor is None or factor.start_with is StartWith.CODE:
            return None
        before = self._order[: self._order.index(factor.name)]
        return None if any(self._holds(user, name) for name in before) else factor

    def has_token(self, user: User) -> bool:
        """Say whether *user* has a token that counts here; recovery codes alone are none."""
        return any(self._holds(user, name) for name in ("totp", "hotp", "yubikey"))

    def has_instead(self, user: User | None) -> bool:
        """Say whether *user* has a factor that counts while servers are gone."""
        return user is not None and is_enrolled(self.instead.factors, user)

    def _holds(self, user: User, name: str) -> bool:
        kinds = self.desk.factors
        if name == "totp":
            return kinds.totp is not None and any(token.period for token in user.tokens)
        if name == "hotp":
            return kinds.hotp is not None and any(not token.period for token in user.tokens)
        if name == "yubikey":
            return kinds.yubikey is not None and bool(user.yubikeys)
        return False  # a recovery code is for emergencies


def _word(typed: bytes) -> str:
    return typed.decode("ascii", "replace").lower().rstrip("0123456789")


def _has(user: User, factor: UpstreamFactor) -> bool:
    if factor.holds and any(device.kind == factor.holds for device in user.devices):
        return True
    return not factor.needs and factor.upstream in user.upstreams


def _is_of(user: User, typed: bytes) -> bool:
    known = _public_ids(user)
    return any(one.public_id in known for one in yubikey.readings(typed))


def _public_ids(user: User) -> frozenset[str]:
    return frozenset(device.serial for device in user.devices if device.kind == _YUBIKEY)


def _end_of(day: date | None) -> float:
    if day is None:
        return 0.0
    return datetime.combine(day, time.max, UTC).timestamp()


def _only(factors: Factors, names: Collection[str]) -> Factors:
    return dataclasses.replace(
        factors,
        totp=factors.totp if "totp" in names else None,
        hotp=factors.hotp if "hotp" in names else None,
        yubikey=factors.yubikey if "yubikey" in names else None,
        recovery=factors.recovery if "recovery" in names else None,
    )
