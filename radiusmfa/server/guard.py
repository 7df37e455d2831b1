"""Wrong proofs and locks of one person at one client, kept in the store with the turn."""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING, Final, final

from radiusmfa.login import throttle
from radiusmfa.login.account import Kind
from radiusmfa.outcome import Failed, Reason

if TYPE_CHECKING:
    from radiusmfa.config.model import Client, Lockout
    from radiusmfa.login.account import User
    from radiusmfa.stores.logins import Logins

_PASSCODE_MEMORY: Final = 120.0
"""Seconds in which the same wrong passcode is a retry. Later it is a new guess: what was
wrong then may be right now. A wrong password stays wrong."""
_CHANGES: Final = frozenset({Kind.OATH, Kind.UPSTREAM})


@final
class Guard:
    """Counts, locks and forgives."""

    def __init__(self, logins: Logins, lockout: Lockout, pepper: bytes) -> None:
        """
        Keep the parts.

        Args:
            logins: The store.
            lockout: Settings.
            pepper: The store's, for digests of what was wrong.
        """
        self._logins = logins
        self._lockout = lockout
        self._pepper = pepper

    def is_locked(self, user: User, kind: Kind, client: Client, now: float) -> bool:
        """Say whether proofs of *kind* are refused unseen."""
        failures = user.failures  # nearly always none
        return bool(failures) and throttle.is_locked(
            failures.get((kind, client.name)), now, self._lockout
        )

    def allowed(self, user: User | None, kind: Kind, client: Client, now: float) -> User | Failed:
        """Return *user*, or why nobody is even asked about a proof of *kind*."""
        found = admitted(user)
        if not isinstance(found, Failed) and self.is_locked(found, kind, client, now):
            return Failed(Reason.LOCKED)
        return found

    def count(self, user: User, kind: Kind, client: Client, typed: bytes, now: float) -> None:
        """Count *typed* as wrong."""
        known = user.failures.get((kind, client.name))
        # Eight octets tell a repetition; they are too few to find the password by.
        repeat = hmac.digest(self._pepper, b"repeat|%d|" % user.id + typed, "sha256")[:8]
        memory = _PASSCODE_MEMORY if kind in _CHANGES else math.inf
        failures = throttle.after_failure(known, now, repeat, self._lockout, memory=memory)
        self._logins.put_failures(user, kind, client.name, failures)

    def clear(self, user: User, kind: Kind, client: Client) -> None:
        """Forget what was wrong: a proof was right."""
        if user.failures:
            self._logins.clear_failures(user, kind, client.name)


def admitted(user: User | None) -> User | Failed:
    """Return *user*, or why nobody of that name may log in."""
    if user is None:
        return Failed(Reason.UNKNOWN_USER)
    return Failed(Reason.USER_DISABLED) if user.is_disabled else user
