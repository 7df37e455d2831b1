"""
Perform the steps that `login.flow` asks for, against the store and the hash threads.

Everything here happens inside a turn of `stores.logins`: what is claimed or counted
is on disk before the answer leaves.
"""

from __future__ import annotations

import hmac
import math
from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.config.model import Mode
from radiusmfa.decision import Reject
from radiusmfa.login import flow, passcode, throttle
from radiusmfa.login.account import Kind
from radiusmfa.login.flow import Step
from radiusmfa.login.passcode import Awaited, Found, FoundRecovery
from radiusmfa.outcome import (
    ASKS_NEXT_PASSCODE,
    ASKS_PASSCODE,
    BROKEN,
    PASSED,
    UNAVAILABLE,
    Failed,
    Outcome,
    Reason,
)
from radiusmfa.primary.local import Answer, Question

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Client, Lockout
    from radiusmfa.decision import Decision
    from radiusmfa.login.account import Token, User
    from radiusmfa.login.challenges import Entry
    from radiusmfa.login.passcode import Desk, Find
    from radiusmfa.stores.logins import Logins

_FAILED: Final = {reason: Failed(reason) for reason in Reason}
Watch: TypeAlias = "Callable[[Step, Outcome], None]"
_FALSE_STARTS: Final = frozenset({Reason.NOT_ENROLLED, Reason.REPLAYED_PASSCODE})
"""Reasons that are no guess: they do not count towards a lock-out."""
_PASSCODE_MEMORY: Final = 120.0
"""Seconds in which the same wrong passcode is a retry. Later it is a new guess: what was
wrong then may be right now. A wrong password stays wrong."""


@final
class Attempt:
    """
    One round of one login, while it is decided.

    Attributes:
        client: Whose request it is.
        mode: The client's, or that of the round before.
        typed: User-Password in clear.
        entry: The challenge it answers, or None.
        name: User-Name as it came.
        user: Who it is; looked up anew after every wait.
        step: What is being found out.
        found: The passcode that TAIL found.
        rest: The password before it.
        guess: In `auto`, digits that were no passcode: a wrong one, if the whole is
            no password either.
        asked: The password check under way, or None.
        kind: What counted: the second factor for the audit.
        serial: The token that counted.
    """

    __slots__ = (
        "asked", "client", "entry", "found", "guess", "kind", "mode", "name", "rest", "serial",
        "step", "typed", "user",
    )  # fmt: skip

    def __init__(
        self, client: Client, mode: Mode, name: bytes, typed: bytes, entry: Entry | None
    ) -> None:
        """Begin a round."""
        self.client = client
        self.mode = mode
        self.name = name
        self.typed = typed
        self.entry = entry
        self.user: User | None = None
        self.step = Step.PASSCODE
        self.found: Found | FoundRecovery | None = None
        self.rest = b""
        self.guess = b""
        self.asked: Question | None = None
        self.kind = ""
        self.serial = ""


@final
class Steps:
    """Performs steps; knows the store, the settings and how to have a password checked."""

    def __init__(
        self,
        logins: Logins,
        desk: Desk,
        lockout: Lockout,
        decoy: str,
        watch: Watch | None = None,
    ) -> None:
        """
        Keep the parts.

        Args:
            logins: The store.
            desk: Settings of passcodes.
            lockout: Settings of lock-outs.
            decoy: A password hash of nobody.
            watch: Told of every step and its outcome.
        """
        self._logins = logins
        self._desk = desk
        self._lockout = lockout
        self._decoy = decoy
        self._watch = watch

    def start(self, attempt: Attempt, now: float, monotonic: float) -> Decision | None:
        """Return the decision on a new round, or None: `attempt.asked` is to be checked."""
        user = attempt.user
        attempt.step = flow.begin(
            attempt.mode,
            is_answer=attempt.entry is not None,
            is_exempt=user is not None and user.is_exempt,
        )
        return self._walk(attempt, None, now, monotonic)

    def resume(
        self, attempt: Attempt, answer: Answer | None, now: float, monotonic: float
    ) -> Decision | None:
        """Return the decision once the password was checked; *answer* None: it broke."""
        outcome = BROKEN if answer is None else self._password_outcome(attempt, answer, now)
        attempt.asked = None
        return self._walk(attempt, outcome, now, monotonic)

    def give_up(self, attempt: Attempt, now: float, monotonic: float) -> Decision | None:
        """Return the decision where the password cannot be checked for want of a thread."""
        attempt.asked = None
        return self._walk(attempt, UNAVAILABLE, now, monotonic)

    def _walk(
        self, attempt: Attempt, outcome: Outcome | None, now: float, monotonic: float
    ) -> Decision | None:
        while True:
            if outcome is None:
                outcome = self._perform(attempt, now, monotonic)
            if outcome is None:
                return None
            if self._watch is not None:
                self._watch(attempt.step, outcome)
            following = flow.advance(
                attempt.mode, attempt.step, outcome, is_answer=attempt.entry is not None
            )
            if not isinstance(following, Step):
                return following
            attempt.step = following
            outcome = None

    def _perform(self, attempt: Attempt, now: float, monotonic: float) -> Outcome | None:
        match attempt.step:
            case Step.PASSCODE:
                return self._passcode(attempt, now, monotonic)
            case Step.TAIL:
                return self._tail(attempt, now, monotonic)
            case Step.PASSWORD:
                self._ask_password(attempt, attempt.typed, now)
                return None
            case Step.REST:
                self._ask_password(attempt, attempt.rest, now)
                return None
            case Step.CLAIM:
                return self._claim_tail(attempt, now)
            case Step.FACTOR:
                return _factor(attempt.user)

    def _passcode(self, attempt: Attempt, now: float, monotonic: float) -> Outcome:
        user = attempt.user
        refused = _refused(user)
        if refused is not None or user is None:
            return _FAILED[refused or Reason.UNKNOWN_USER]
        typed = attempt.typed
        kind = Kind.OATH if typed.isdigit() else Kind.RECOVERY
        if self._is_locked(user, kind, attempt.client, now):
            return _FAILED[Reason.LOCKED]
        found = passcode.find(self._desk, user, typed, now, monotonic)
        if isinstance(found, Found | FoundRecovery):
            return self._claim(attempt, user, found)
        return self._wrong_passcode(attempt, user, kind, typed, found, now, monotonic)

    def _tail(self, attempt: Attempt, now: float, monotonic: float) -> Outcome:
        user = attempt.user
        refused = _refused(user)
        if refused is not None or user is None:
            return _FAILED[refused or Reason.UNKNOWN_USER]
        found, attempt.rest, tail = passcode.find_tail(
            self._desk, user, attempt.typed, attempt.client.delimiter.encode(), now, monotonic
        )
        is_found = isinstance(found, Found | FoundRecovery)
        kind = Kind.OATH if tail.isdigit() else Kind.RECOVERY
        # In `auto` letters at the end are the password's own, unless they are a code.
        is_passcode = is_found or kind is Kind.OATH or attempt.mode is not Mode.AUTO
        if is_passcode and self._is_locked(user, kind, attempt.client, now):
            return _FAILED[Reason.LOCKED]
        if isinstance(found, Found | FoundRecovery):
            attempt.found = found
            return PASSED
        if attempt.mode is Mode.AUTO:
            # No wrong passcode yet: it may be a password alone, whose check follows.
            is_guess = kind is Kind.OATH and found not in _FALSE_STARTS
            attempt.guess = tail if is_guess else b""
            return _FAILED[found if isinstance(found, Reason) else Reason.BAD_PASSCODE]
        return self._wrong_passcode(attempt, user, kind, tail, found, now, monotonic)

    def _ask_password(self, attempt: Attempt, typed: bytes, now: float) -> None:
        user = attempt.user
        stored = None if _refused(user) is not None or user is None else user.password
        if user is not None and self._is_locked(user, Kind.PASSWORD, attempt.client, now):
            stored = None
        # Nobody learns from the time it takes who exists, is disabled or locked.
        attempt.asked = Question(self._decoy if stored is None else stored, stored is None, typed)

    def _password_outcome(self, attempt: Attempt, answer: Answer, now: float) -> Outcome | None:
        # The user was read again: whatever changed during the check counts. None: ask anew.
        user, question, client = attempt.user, attempt.asked, attempt.client
        barred = self._barred(user, question, client, now)
        if barred is not None or user is None or question is None:
            return _FAILED[barred or Reason.UNKNOWN_USER]
        if question.stored != user.password:
            return None  # another login has renewed the hash, or somebody the password
        if not answer.is_right:
            self._count(user, Kind.PASSWORD, client, question.typed, now)
            if attempt.guess:
                # Whoever knows the password resets its count at will: not this one.
                self._count(user, Kind.OATH, client, attempt.guess, now)
            return _FAILED[Reason.BAD_PASSWORD]
        if user.failures:
            self._logins.clear_failures(user, Kind.PASSWORD, client.name)
        if answer.better is not None:
            self._logins.put_password(user, answer.better)
        return PASSED

    def _barred(
        self, user: User | None, question: Question | None, client: Client, now: float
    ) -> Reason | None:
        refused = _refused(user)
        if refused is not None or user is None:
            return refused or Reason.UNKNOWN_USER
        if user.password is None:
            return Reason.NO_PASSWORD
        # Many at once passed the lock before the first of them was counted.
        is_locked = self._is_locked(user, Kind.PASSWORD, client, now)
        return Reason.LOCKED if is_locked or question is None or question.is_decoy else None

    def _claim_tail(self, attempt: Attempt, now: float) -> Outcome:
        user, found = attempt.user, attempt.found
        if user is None or found is None:
            return _FAILED[Reason.REPLAYED_PASSCODE]
        kind = Kind.RECOVERY if isinstance(found, FoundRecovery) else Kind.OATH
        # As for passwords: in `auto` many tails at once passed the lock before one was counted.
        if self._is_locked(user, kind, attempt.client, now):
            return _FAILED[Reason.LOCKED]
        if isinstance(found, Found) and found.token not in user.tokens:
            # It was read again meanwhile: another object by now, or gone.
            token = _token(user, found.token.id)
            if token is None:
                return _FAILED[Reason.BAD_PASSCODE]
            found = found._replace(token=token)
        return self._claim(attempt, user, found)

    def _claim(self, attempt: Attempt, user: User, found: Found | FoundRecovery) -> Outcome:
        if isinstance(found, FoundRecovery):
            kind, attempt.kind, attempt.serial = Kind.RECOVERY, "recovery", ""
            is_claimed = self._logins.claim_recovery(user, found.digest)
        else:
            token = found.token
            kind, attempt.serial = Kind.OATH, token.serial
            attempt.kind = "totp" if token.period else "hotp"
            is_claimed = self._logins.claim(token, found.step, found.drift)
        if not is_claimed:
            return _FAILED[Reason.REPLAYED_PASSCODE]
        attempt.found = found
        if user.failures:
            self._logins.clear_failures(user, kind, attempt.client.name)
        return PASSED

    def _wrong_passcode(  # noqa: PLR0913 - what was wrong, whose it was, and when
        self,
        attempt: Attempt,
        user: User,
        kind: Kind,
        typed: bytes,
        found: Find,
        now: float,
        monotonic: float,
    ) -> Outcome:
        if found not in _FALSE_STARTS:
            self._count(user, kind, attempt.client, typed, now)
        entry = attempt.entry
        if isinstance(found, Awaited):
            found.token.awaited = (found.step, monotonic + passcode.AWAITED_LIFETIME)
            return _FAILED[Reason.BAD_PASSCODE] if entry is None else ASKS_NEXT_PASSCODE
        if entry is not None and entry.wrong + 1 < attempt.client.attempts:
            return ASKS_PASSCODE
        return _FAILED[found if isinstance(found, Reason) else Reason.BAD_PASSCODE]

    def _is_locked(self, user: User, kind: Kind, client: Client, now: float) -> bool:
        failures = user.failures  # nearly always none
        return bool(failures) and throttle.is_locked(
            failures.get((kind, client.name)), now, self._lockout
        )

    def _count(self, user: User, kind: Kind, client: Client, typed: bytes, now: float) -> None:
        known = user.failures.get((kind, client.name))
        # Eight octets tell a repetition; they are too few to find the password by.
        key = self._desk.pepper
        repeat = hmac.digest(key, b"repeat|%d|" % user.id + typed, "sha256")[:8]
        memory = _PASSCODE_MEMORY if kind is Kind.OATH else math.inf
        failures = throttle.after_failure(known, now, repeat, self._lockout, memory=memory)
        self._logins.put_failures(user, kind, client.name, failures)


def broken() -> Decision:
    """Return the decision on a login that raised: never an Accept."""
    return Reject(Reason.BROKEN)


def _refused(user: User | None) -> Reason | None:
    if user is None:
        return Reason.UNKNOWN_USER
    return Reason.USER_DISABLED if user.is_disabled else None


def _factor(user: User | None) -> Outcome:
    refused = _refused(user)
    if refused is not None or user is None:
        return _FAILED[refused or Reason.UNKNOWN_USER]
    if user.is_exempt:
        return PASSED
    return ASKS_PASSCODE if user.is_enrolled else _FAILED[Reason.NOT_ENROLLED]


def _token(user: User, number: int) -> Token | None:
    return next((token for token in user.tokens if token.id == number), None)
