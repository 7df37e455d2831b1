"""
Open challenges by their State (RFC 2865 section 5.24, RFC 5080 section 2.1.1).

A State is a random name and carries nothing. It is good for one answer, by the
user it was issued for, through the client (the address) it was issued to.
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple, final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from radiusmfa.login.talk import Talk

_RANDOM_OCTETS: Final = 24
LARGEST_STATE_OCTETS: Final = 64
MOST_OF_ONE: Final = 1000
"""Challenges that one person may leave open: one password must not take the room of all."""
_STRANGERS_PART: Final = 2
"""Strangers get half of the room: names cost nothing where an upstream asks everybody."""


class Entry(NamedTuple):
    """
    One open challenge.

    Attributes:
        state: Its name, printable ASCII, without zero octets: clients copy State
            with string functions.
        source: Address it was sent to: a client is an address (RFC 2865 section 3).
        user: Number of the user.
        login: Id of the login that it continues.
        mode: The client's mode when it began; later rounds keep to it.
        wrong: Wrong passcodes so far.
        created: Seconds since 1970.
        expires: Seconds since 1970.
        step: Name of the step (`login.flow`) that the answer resumes.
        talk: What stands behind it, sealed in the store; None: nothing.
        policy: Key of the policy that decides the login; empty: the client's own settings.
    """

    state: bytes
    source: str
    user: int
    login: str
    mode: str
    wrong: int
    created: float
    expires: float
    step: str = "PASSCODE"
    talk: Talk | None = None
    policy: str = ""


@final
class Challenges:
    """The open challenges of this server, oldest first."""

    def __init__(
        self, prefix: str, lifetime: float, most: int, entropy: Callable[[int], bytes]
    ) -> None:
        """
        Start without any.

        Args:
            prefix: Names the node and worker, so that a State tells where it is from.
            lifetime: Seconds until an unanswered challenge ends.
            most: How many may be open.
            entropy: Returns that many random octets.
        """
        self._prefix = prefix.encode()
        self.configure(lifetime, most)
        self._entropy = entropy
        self._open: dict[bytes, Entry] = {}
        self._of_user: Counter[int] = Counter()
        self._of_strangers = 0

    def configure(self, lifetime: float, most: int) -> None:
        """Change what the constructor was told, for challenges still to be issued."""
        self._lifetime = lifetime
        self._most = most

    def __len__(self) -> int:
        """Return how many are open."""
        return len(self._open)

    def load(self, entries: Iterable[Entry]) -> None:
        """Take over what the store kept, oldest first."""
        self._open = {entry.state: entry for entry in entries}
        self._of_user = Counter(entry.user for entry in self._open.values())
        self._of_strangers = sum(entry.user < 0 for entry in self._open.values())

    def issue(  # noqa: PLR0913 - the fields of an entry
        self,
        source: str,
        user: int,
        login: str,
        mode: str,
        wrong: int,
        now: float,
        *,
        step: str = "PASSCODE",
        talk: Talk | None = None,
        limit: float | None = None,
        policy: str = "",
    ) -> Entry | None:
        """
        Return a new entry, or None if too many are open already, of all or of *user*.

        Args:
            source: See `Entry`, as for all that are not named here.
            user: Number of the user.
            login: Id of the login.
            mode: The client's.
            wrong: Wrong passcodes so far.
            now: Wall time.
            step: What the answer resumes.
            talk: The dialogue behind it.
            policy: Its key.
            limit: Seconds that an upstream gives the person, if fewer than the lifetime.
        """
        if len(self._open) >= self._most or self._of_user[user] >= MOST_OF_ONE:
            return None
        if user < 0 and self._of_strangers >= self._most // _STRANGERS_PART:
            return None
        random = base64.urlsafe_b64encode(self._entropy(_RANDOM_OCTETS))
        lifetime = self._lifetime if limit is None else min(limit, self._lifetime)
        entry = Entry(
            self._prefix + random, source, user, login, mode, wrong, now, now + lifetime, step,
            talk, policy,
        )  # fmt: skip
        self._open[entry.state] = entry
        self._of_user[user] += 1
        self._of_strangers += user < 0
        return entry

    def take(self, state: bytes, source: str, now: float) -> Entry | None:
        """
        Return the entry that *state* names and end it, or None.

        A State of another address is left open: whoever guesses or overhears one
        elsewhere cannot end it. A clock set back ends an entry rather than making
        it live longer.
        """
        entry = self._open.get(state)
        if entry is None or entry.source != source:
            return None
        self._end(entry)
        return entry if entry.created <= now < entry.expires else None

    def expired(self, now: float) -> list[Entry]:
        """End what is too old at *now* and return it."""
        old = []
        for entry in self._open.values():
            if entry.created <= now < entry.expires:
                break  # the rest is younger; what an upstream cut short waits for its turn
            old.append(entry)
        for entry in old:
            self._end(entry)
        return old

    def _end(self, entry: Entry) -> None:
        del self._open[entry.state]
        self._of_strangers -= entry.user < 0
        if self._of_user[entry.user] > 1:
            self._of_user[entry.user] -= 1
        else:
            del self._of_user[entry.user]
