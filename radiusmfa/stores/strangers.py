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
        if len(self._recent) >= _MOST_RECENT:
            self._recent.clear()
        known = self._recent[normal] = User(
            number(self._pepper, normal), normal, None,
            is_exempt=False, is_disabled=False, tokens=(),
        )  # fmt: skip
        return known

    def keep(self, user: User) -> None:
        """Remember the failures of *user*."""
        # Only of whom something is to be remembered: names alone push nobody out.
        if user.name not in self._known and len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[user.name] = user
        self._recent.pop(user.name, None)

    def forget_kept(self) -> None:
        """Forget whose failures the store keeps: somebody else may have ended them there."""
        for users in (self._known, self._recent):
            for name in [name for name, user in users.items() if user.is_kept]:
                del users[name]


def number(pepper: bytes, normal: str) -> int:
    """Return the number of somebody without a row: the same after a restart, below 0."""
    # An open challenge is bound to it, and failures that the store keeps.
    mac = hmac.digest(pepper, b"stranger|" + normal.encode(), "sha256")
    return -1 - int.from_bytes(mac[:7], "big")
