"""
Passwords that a directory checks: one bind a login, and none for what is known to be wrong.

A directory counts wrong passwords for itself and locks its accounts. So ours count for a
person at the directory, through whichever client they come, and end before its own do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, final

from radiusmfa.login.account import Kind
from radiusmfa.login.errands import Bind
from radiusmfa.outcome import PASSED, Failed, Reason, Unavailable
from radiusmfa.server.guard import admitted, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.directory_model import Directory
    from radiusmfa.login.account import User
    from radiusmfa.login.errands import Told
    from radiusmfa.login.person import Person
    from radiusmfa.outcome import Outcome
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.server.guard import Guard

GONE: Final = frozenset({
    Reason.DIRECTORY_UNREACHABLE,
    Reason.DIRECTORY_SILENT,
    Reason.DIRECTORY_BUSY,
    Reason.DIRECTORY_REFUSED,
})  # fmt: skip
"""Reasons that say nothing of the person: the directory could not be asked."""


@final
class Binding:
    """Knows who is locked, and which passwords were wrong."""

    def __init__(self, guard: Guard, who: Callable[[Attempt], User | Reason | None]) -> None:
        """
        Keep the parts.

        Args:
            guard: Of wrong proofs.
            who: Says whose login it is (`server.identity`).
        """
        self._guard = guard
        self._who = who

    def ask(  # noqa: PLR0911 - one return a refusal
        self, attempt: Attempt, directory: Directory, typed: bytes, now: float, monotonic: float
    ) -> Failed | None:
        """
        Have *directory* asked whether *typed* is the password, or say why not.

        Whoever it does not know, and whoever may not log in, costs a bind of nobody: nobody
        learns from the time it takes who exists, is disabled or locked.
        """
        if attempt.proof:
            return Failed(Reason.UNSUPPORTED_METHOD)  # a bind needs the password itself
        if not typed:
            return Failed(Reason.BAD_PASSWORD)  # RFC 4513 section 5.1.2: it would be no check
        place, person = place_of(directory), attempt.person
        user = self._guard.allowed(attempt.user, Kind.PASSWORD, place, now)
        if isinstance(user, Failed) or (person is None and directory.can_search):
            if not directory.can_search:
                return user if isinstance(user, Failed) else None
            self._send(attempt, directory, None, typed)
            return None
        if person is not None and person.directory != directory.name:
            return Failed(Reason.AMBIGUOUS_USER)  # whose entry that is, is another directory's word
        refused = self._unsent(user, place, typed, monotonic)
        if refused is not None:
            attempt.barred = refused
            if not directory.can_search:
                return refused
            self._send(attempt, directory, None, typed)
            return None
        attempt.under_way = self._guard.sent(user, Kind.PASSWORD, place, typed)
        self._send(attempt, directory, person, typed)
        return None

    def outcome(
        self, attempt: Attempt, directory: Directory, told: Told, now: float, monotonic: float
    ) -> Outcome:
        """Return what a bind proves, and count it."""
        question, barred = attempt.asked, attempt.barred
        was_asked = attempt.under_way is not None
        self.forget(attempt)
        attempt.barred = None
        place = place_of(directory)
        # The user was read again: whoever was disabled meanwhile does not get in.
        user = self._guard.allowed(attempt.user, Kind.PASSWORD, place, now)
        if isinstance(user, Failed):
            return user
        if barred is not None:
            return barred
        if told.reason in GONE:
            return Unavailable(told.reason)
        if not was_asked or not isinstance(question, Bind):
            return Failed(Reason.UNKNOWN_USER)  # nobody was asked about a person
        if told.reason is None:
            self._guard.clear(user, Kind.PASSWORD, place)
            return self._known(attempt, told)
        if told.reason is Reason.BAD_PASSWORD:
            typed = question.password
            self._guard.count(user, Kind.PASSWORD, place, typed, now)
            self._guard.found_wrong(user, place, typed, monotonic, directory.wrong_memory)
            if attempt.guess:
                # Whoever knows the password resets its count at will: not this one.
                self._guard.count(user, Kind.OATH, attempt.client.name, attempt.guess, now)
        return Failed(told.reason)

    def forget(self, attempt: Attempt) -> None:
        """Note that nothing of *attempt* is under way any more."""
        if attempt.under_way is not None:
            self._guard.answered(attempt.under_way)
            attempt.under_way = None

    def _unsent(self, user: User, place: str, typed: bytes, monotonic: float) -> Failed | None:
        # Why *typed* is not sent, though nothing else bars the person.
        if self._guard.knows_wrong(user, place, typed, monotonic):
            return Failed(Reason.KNOWN_WRONG_PASSWORD)
        if not self._guard.may_ask(user, Kind.PASSWORD, place, typed):
            return Failed(Reason.LOCKED)
        return None

    def _known(self, attempt: Attempt, told: Told) -> Outcome:
        if attempt.person is None:
            # Bound by name, and read afterwards: only now it is known who that is.
            attempt.person = told.person
            found = self._who(attempt)
            if isinstance(found, Reason):
                return Failed(found)
            user = admitted(found)
            if isinstance(user, Failed):
                return user
            if attempt.entry is not None and attempt.entry.user != user.id:
                return Failed(Reason.UNKNOWN_STATE)  # another proof was somebody else's
            attempt.user = user
        return PASSED if attempt.person is not None else Failed(Reason.UNKNOWN_USER)

    def _send(
        self, attempt: Attempt, directory: Directory, person: Person | None, typed: bytes
    ) -> None:
        attempt.asked = Bind(
            directory=directory.name,
            name=attempt.looked_up,
            person=person,
            password=typed,
            deadline=attempt.deadline,
        )
