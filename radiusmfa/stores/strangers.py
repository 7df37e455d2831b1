"""People whom an upstream or a directory knows, and the store does not."""

from __future__ import annotations

import hmac
from typing import Final, final

from radiusmfa.login.account import User

_MOST: Final = 10_000
_MOST_RECENT: Final = 1024  # a login reads its stranger twice


@final
class Strangers:
    """Those with wrong proofs are remembered while there is room: names alone fill nothing."""

    def __init__(self, pepper: bytes) -> None:
        """Know nobody; *pepper* is the store's."""
        self._pepper = pepper
        self._known: dict[str, User] = {}  # with something to remember
        self._recent: dict[str, User] = {}

    def find(self, normal: str) -> User:
        """Return the user of that name in its normal form; the same number after a restart."""
        if normal in self._known:
            known = self._known[normal] = self._known.pop(normal)  # the latest goes last
            return known
        if normal in self._recent:
            return self._recent[normal]
        # The same number after a restart: an open challenge is bound to it.
        mac = hmac.digest(self._pepper, b"stranger|" + normal.encode(), "sha256")
        number = -1 - int.from_bytes(mac[:7], "big")
        if len(self._recent) >= _MOST_RECENT:
            self._recent.clear()
        known = self._recent[normal] = User(
            number, normal, None, is_exempt=False, is_disabled=False, tokens=()
        )
        return known

    def keep(self, user: User) -> None:
        """Remember the failures of *user*."""
        # Only of whom something is to be remembered: names alone push nobody out.
        if user.name not in self._known and len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[user.name] = user
        self._recent.pop(user.name, None)
