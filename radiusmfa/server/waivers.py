"""Why somebody needs no second factor after the right password: said by name, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.policy_model import By
from radiusmfa.login import passcode
from radiusmfa.outcome import Reason
from radiusmfa.stores.remembered import Parts
from radiusmfa.wire import numbers

if TYPE_CHECKING:
    from radiusmfa.config.policy_model import Remember
    from radiusmfa.login.account import User
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.stores.logins import Logins

WITHOUT_PASSCODE: Final = frozenset({
    Reason.PASSWORD_ONLY,
    Reason.FACTOR_SKIPPED,
    Reason.NOT_ENROLLED_YET,
})  # fmt: skip
"""Waivers of people who have no passcode to type; who is remembered may type one all the same."""
_PROVED: Final = frozenset({Reason.PASSED, Reason.PASSED_INSTEAD})


@final
class Waivers:
    """Knows the store, where passed factors are remembered."""

    def __init__(self, logins: Logins) -> None:
        """Keep the store."""
        self._logins = logins

    def find(self, attempt: Attempt, user: User, now: float) -> Reason | None:
        """Return why *user* needs no second factor in this login; None: they need one."""
        if user.is_exempt:
            return Reason.PASSWORD_ONLY
        rule = attempt.rule
        if rule is None:
            return None
        client, plan = rule.client, rule.plan
        if client.skips_factor:
            return Reason.FACTOR_SKIPPED
        parts = _parts(attempt, user, client.remember)
        if parts is not None and self._logins.remembers(parts, now):
            return Reason.REMEMBERED
        if now < plan.grace and not _has_factor(attempt, user):
            return Reason.NOT_ENROLLED_YET
        return None

    def remember(self, attempt: Attempt, reason: Reason, now: float) -> None:
        """Note that *attempt*, accepted for *reason*, has proved everything, if that is wanted."""
        user, remember = attempt.user, attempt.client.remember
        if user is None or remember is None or reason not in _PROVED:
            return
        if attempt.heard is not None and attempt.heard.is_waived:
            return  # nothing was proved that could be remembered
        parts = _parts(attempt, user, remember)
        if parts is not None:
            self._logins.remember(parts, user.name, now, now + remember.seconds)


def _parts(attempt: Attempt, user: User, remember: Remember | None) -> Parts | None:
    if remember is None:
        return None
    station = b""
    if By.STATION in remember.by:
        station = attempt.packet.value(numbers.CALLING_STATION_ID) or b""
        if not station:
            return None  # from nowhere is not the same place
    return Parts(
        user=user.id,
        policy="" if attempt.rule is None else attempt.rule.name,
        client=attempt.client.name if By.CLIENT in remember.by else "",
        station=station.decode("utf-8", "backslashreplace"),
        directory="" if attempt.rule is None else attempt.rule.directory,
    )


def _has_factor(attempt: Attempt, user: User) -> bool:
    plan = attempt.plan
    return (
        user.is_damaged
        or plan.factor(user) is not None
        or passcode.is_enrolled(plan.desk.factors, user)
    )
