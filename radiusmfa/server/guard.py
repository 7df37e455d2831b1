"""Wrong proofs and locks of one person at one client or directory, kept with the turn."""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.config.model import Lockout
from radiusmfa.login import throttle
from radiusmfa.login.account import Kind
from radiusmfa.outcome import Failed, Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.config.directory_model import Directory
    from radiusmfa.login.account import User
    from radiusmfa.stores.logins import Logins

_PASSCODE_MEMORY: Final = 120.0
"""Seconds in which the same wrong passcode is a retry. Later it is a new guess: what was
wrong then may be right now. A wrong password stays wrong."""
UnderWay: TypeAlias = tuple[tuple[int, Kind, str], int]
"""A proof that is being checked elsewhere: whose, of which kind, where; and a hash of it."""
_MOST_WRONG: Final = 10_000
_CHANGES: Final = frozenset({Kind.OATH, Kind.UPSTREAM})


@final
class Guard:
    """Counts, locks and forgives."""

    def __init__(
        self,
        logins: Logins,
        lockout: Lockout,
        pepper: bytes,
        directories: Iterable[Directory] = (),
    ) -> None:
        """
        Keep the parts.

        Args:
            logins: The store.
            lockout: Settings.
            pepper: The store's, for digests of what was wrong.
            directories: Which count for themselves, with their own limits.
        """
        self._logins = logins
        self._lockout = lockout
        self._lockouts = {place_of(one): _lockout_of(one) for one in directories}
        self._wrong: dict[tuple[int, str, bytes], float] = {}
        self._pepper = pepper
        self._under_way: dict[tuple[int, Kind, str], list[int]] = {}

    def is_locked(self, user: User, kind: Kind, place: str, now: float) -> bool:
        """Say whether proofs of *kind* are refused unseen."""
        failures = user.failures  # nearly always none
        return bool(failures) and throttle.is_locked(
            failures.get((kind, place)), now, self._limits(place)
        )

    def allowed(self, user: User | None, kind: Kind, place: str, now: float) -> User | Failed:
        """Return *user*, or why nobody is even asked about a proof of *kind*."""
        found = admitted(user)
        if not isinstance(found, Failed) and self.is_locked(found, kind, place, now):
            return Failed(Reason.LOCKED)
        return found

    def may_ask(self, user: User, kind: Kind, place: str, proof: bytes) -> bool:
        """
        Say whether one more proof of *user* may be sent to a server that counts for itself.

        Nobody learns more at once than in a row: different proofs that are under way count
        as if they were wrong. The same one again is no guess.
        """
        under_way = self._under_way.get((user.id, kind, place))
        if under_way is None:
            return True
        known = user.failures.get((kind, place))
        left = self._limits(place).threshold - (0 if known is None else known.wrong)
        if place in self._lockouts:
            return len(under_way) < left  # the directory counts the same one again
        return hash(proof) in under_way or len(set(under_way)) < left

    def sent(self, user: User, kind: Kind, place: str, proof: bytes) -> UnderWay:
        """Note that *proof* is under way; `answered` ends it."""
        key, digest = (user.id, kind, place), hash(proof)
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

    def count(self, user: User, kind: Kind, place: str, typed: bytes, now: float) -> None:
        """Count *typed* as wrong."""
        known = user.failures.get((kind, place))
        repeat = self._repeat(user, typed)
        memory = _PASSCODE_MEMORY if kind in _CHANGES else math.inf
        if place in self._lockouts:
            memory = -math.inf  # whatever was sent the directory has counted, too
        failures = throttle.after_failure(known, now, repeat, self._limits(place), memory=memory)
        self._logins.put_failures(user, kind, place, failures)

    def clear(self, user: User, kind: Kind, place: str) -> None:
        """Forget what was wrong: a proof was right."""
        if user.failures:
            self._logins.clear_failures(user, kind, place)

    def knows_wrong(self, user: User, place: str, typed: bytes, monotonic: float) -> bool:
        """Say whether *typed* was `found_wrong` there a short while ago."""
        until = self._wrong.get((user.id, place, self._repeat(user, typed)))
        return until is not None and monotonic < until

    def found_wrong(
        self, user: User, place: str, typed: bytes, monotonic: float, memory: float
    ) -> None:
        """Know for *memory* seconds that *typed* is wrong there; nothing of it can be read back."""
        if len(self._wrong) >= _MOST_WRONG:
            del self._wrong[next(iter(self._wrong))]
        key = user.id, place, self._repeat(user, typed)
        self._wrong.pop(key, None)  # the latest goes last
        self._wrong[key] = monotonic + memory

    def inherit(self, before: Guard) -> None:
        """Know what was found wrong until a reload, and what is under way."""
        self._wrong = before._wrong
        self._under_way = before._under_way

    def _repeat(self, user: User, typed: bytes) -> bytes:
        # Eight octets tell a repetition; they are too few to find the password by.
        return hmac.digest(self._pepper, b"repeat|%d|" % user.id + typed, "sha256")[:8]

    def _limits(self, place: str) -> Lockout:
        return self._lockouts.get(place, self._lockout)


def place_of(directory: Directory) -> str:
    """Return where wrong passwords of *directory* count: no client can be called so."""
    return f"@{directory.name}"


def _lockout_of(directory: Directory) -> Lockout:
    # The directory forgets after its own window, not after a delay: until then not one more.
    window = directory.lockout_window
    return Lockout(threshold=directory.lockout, delay=window, longest=window, forget=window)


def admitted(user: User | None) -> User | Failed:
    """Return *user*, or why nobody of that name may log in."""
    if user is None:
        return Failed(Reason.UNKNOWN_USER)
    return Failed(Reason.USER_DISABLED) if user.is_disabled else user
