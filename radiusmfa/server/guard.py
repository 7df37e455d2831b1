"""Wrong proofs and locks of one person at one client, kept in the store with the turn."""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING, Final, TypeAlias, final

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
UnderWay: TypeAlias = tuple[tuple[int, Kind, str], int]
"""A proof that is being checked elsewhere: whose, of which kind, where; and a hash of it."""
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
        self._under_way: dict[tuple[int, Kind, str], list[int]] = {}

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

    def may_ask(self, user: User, kind: Kind, client: Client, proof: bytes) -> bool:
        """
        Say whether one more proof of *user* may be sent to a server that counts for itself.

        Nobody learns more at once than in a row: different proofs that are under way count
        as if they were wrong. The same one again is no guess.
        """
        under_way = self._under_way.get((user.id, kind, client.name))
        if under_way is None:
            return True
        known = user.failures.get((kind, client.name))
        left = self._lockout.threshold - (0 if known is None else known.wrong)
        return hash(proof) in under_way or len(set(under_way)) < left

    def sent(self, user: User, kind: Kind, client: Client, proof: bytes) -> UnderWay:
        """Note that *proof* is under way; `answered` ends it."""
        key, digest = (user.id, kind, client.name), hash(proof)
        self._under_way.setdefault(key, []).append(digest)
        return key, digest

    def answered(self, one: UnderWay) -> None:
        """Note that a proof is not under way any more."""
        key, digest = one
        proofs = self._under_way.get(key)
        if proofs is None:
            return  # a reload has forgotten it
        if digest in proofs:
            proofs.remove(digest)
        if not proofs:
            del self._under_way[key]

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
