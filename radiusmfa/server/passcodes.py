"""Passcodes of our own tokens: found, used up in one step, or counted as wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from radiusmfa.login import passcode
from radiusmfa.login.account import Kind, Token
from radiusmfa.login.passcode import Awaited, Found, FoundRecovery
from radiusmfa.outcome import (
    ASKS_NEXT_PASSCODE,
    ASKS_PASSCODE,
    PASSED,
    Failed,
    Outcome,
    Reason,
)

if TYPE_CHECKING:
    from radiusmfa.login.account import User
    from radiusmfa.login.passcode import Desk, Find
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.server.guard import Guard
    from radiusmfa.stores.logins import Logins

_BAD_PASSCODE: Final = Failed(Reason.BAD_PASSCODE)
_OATH: Final = Kind.OATH
FALSE_STARTS: Final = frozenset({Reason.NOT_ENROLLED, Reason.REPLAYED_PASSCODE})
"""Reasons that are no guess: they do not count towards a lock-out."""


@final
class OwnPasscodes:
    """Knows the store and who is locked."""

    def __init__(self, logins: Logins, guard: Guard) -> None:
        """Keep the parts."""
        self._logins = logins
        self._guard = guard

    def check(  # noqa: PLR0913 - what was typed, by whom, for which tokens, and when
        self,
        attempt: Attempt,
        user: User,
        desk: Desk,
        typed: bytes,
        now: float,
        monotonic: float,
        *,
        may_be_other: bool = False,
    ) -> Outcome | None:
        """
        Return what *typed* proves, and use it up.

        Args:
            attempt: The round.
            user: Whose tokens.
            desk: Which kinds of them count.
            typed: Octets, any.
            now: Wall time.
            monotonic: For the memory of a first passcode.
            may_be_other: It may be a passcode of another server's: None says that it is
                none of ours.
        """
        kind = _OATH if typed.isdigit() else passcode.kind_of(typed)
        # Nearly nobody has failures: not worth a call.
        if user.failures and self._guard.is_locked(user, kind, attempt.client.name, now):
            return None if may_be_other else Failed(Reason.LOCKED)
        found = passcode.find(desk, user, typed, now, monotonic)
        if isinstance(found, passcode.FOUND):
            return self.claim(attempt, user, found)
        if may_be_other and found is not Reason.REPLAYED_PASSCODE:
            attempt.guess = typed if kind is Kind.OATH else b""
            return None
        return self.wrong(attempt, user, kind, typed, found, now, monotonic)

    def claim(self, attempt: Attempt, user: User, found: Found | FoundRecovery) -> Outcome:
        """Use up what was found; it may have been used meanwhile."""
        if isinstance(found, FoundRecovery):
            kind, attempt.kind, attempt.serial = Kind.RECOVERY, "recovery", ""
            is_claimed = self._logins.claim_recovery(user, found.digest)
        else:
            token = found.token
            kind, attempt.serial = _OATH, token.serial
            if isinstance(token, Token):
                attempt.kind = "totp" if token.period else "hotp"
            else:
                attempt.kind = "yubikey"
            is_claimed = self._logins.claim(token, found.step, found.drift)
        if not is_claimed:
            return Failed(Reason.REPLAYED_PASSCODE)
        attempt.found = found
        if user.failures:
            self._guard.clear(user, kind, attempt.client.name)
        return PASSED

    def wrong(  # noqa: PLR0913 - what was wrong, whose it was, and when
        self,
        attempt: Attempt,
        user: User,
        kind: Kind,
        typed: bytes,
        found: Find,
        now: float,
        monotonic: float,
    ) -> Outcome:
        """Count *typed*, which is no passcode; say whether it is asked for again."""
        if found not in FALSE_STARTS:
            self._guard.count(user, kind, attempt.client.name, typed, now)
        if isinstance(found, Awaited):
            found.token.awaited = (found.step, monotonic + passcode.AWAITED_LIFETIME)
            return _BAD_PASSCODE if attempt.entry is None else ASKS_NEXT_PASSCODE
        if attempt.has_tries:
            return ASKS_PASSCODE
        return Failed(found) if isinstance(found, Reason) else _BAD_PASSCODE
