"""
Perform the steps that `login.flow` asks for: against the store, the hash threads, upstreams.

Everything here happens inside a turn of `stores.logins`: what is claimed or counted
is on disk before the answer leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.config.model import Mode
from radiusmfa.decision import Accept
from radiusmfa.login import flow, passcode
from radiusmfa.login.account import Kind
from radiusmfa.login.errands import Approval, Served, Told
from radiusmfa.login.flow import Step
from radiusmfa.login.passcode import Found, FoundRecovery
from radiusmfa.outcome import (
    ASKS_OTHER_PASSCODE,
    ASKS_PASSCODE,
    BROKEN,
    PASSED,
    UNAVAILABLE,
    Failed,
    Outcome,
    Reason,
    Unavailable,
)
from radiusmfa.primary.local import Answer, Question
from radiusmfa.server.guard import admitted
from radiusmfa.server.passcodes import FALSE_STARTS, OwnPasscodes
from radiusmfa.server.waivers import WITHOUT_PASSCODE, Waivers
from radiusmfa.upstream.inquiry import Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Client
    from radiusmfa.decision import Decision
    from radiusmfa.login.account import User
    from radiusmfa.server.asking import Asking
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.server.binding import Binding
    from radiusmfa.server.guard import Guard
    from radiusmfa.stores.logins import Logins

    Checked: TypeAlias = Answer | Response | Told | Approval | Served
    _Performer: TypeAlias = Callable[[Attempt, float, float], Outcome | None]

_FAILED: Final = {reason: Failed(reason) for reason in Reason}
Watch: TypeAlias = "Callable[[Step, Outcome], None]"
# A member is looked for in its class in Python: five times as long as a name of a module.
_REST: Final = Step.REST
_WITH_PASSWORD: Final = Step.PASSWORD
_PASSWORD: Final = Kind.PASSWORD
_OATH: Final = Kind.OATH
_REMEMBERED: Final = Reason.REMEMBERED
_PASSWORD_ONLY: Final = Reason.PASSWORD_ONLY
_LOCKED: Final = _FAILED[Reason.LOCKED]
_NOT_ENROLLED: Final = _FAILED[Reason.NOT_ENROLLED]


@final
class Steps:
    """Performs steps; knows the store, the settings and how to have others asked."""

    def __init__(  # noqa: PLR0913 - the composition root passes each part once
        self,
        logins: Logins,
        guard: Guard,
        asking: Asking,
        binding: Binding,
        decoy: str,
        watch: Watch | None = None,
    ) -> None:
        """
        Keep the parts.

        Args:
            logins: The store.
            guard: Of wrong proofs.
            asking: The upstreams.
            binding: The directories.
            decoy: A password hash of nobody.
            watch: Told of every step and its outcome.
        """
        self._logins = logins
        self._guard = guard
        self._passcodes = OwnPasscodes(logins, guard)
        self._waivers = Waivers(logins)
        self._asking = asking
        self._binding = binding
        self._decoy = decoy
        self._watch = watch
        self._performers: dict[Step, _Performer] = {
            Step.PASSCODE: self._passcode,
            Step.TAIL: self._tail,
            Step.REST: self._password,
            Step.CLAIM: self._claim_tail,
            Step.PASSWORD: self._password,
            Step.FACTOR: self._factor,
            Step.OPEN: self._open,
            Step.BOTH: self._both,
            Step.INSTEAD: self._instead,
            Step.LAST: self._password,
        }

    def start(self, attempt: Attempt, now: float, monotonic: float) -> Decision | None:
        """Return the decision on a new round, or None: `attempt.asked` is to be checked."""
        user, entry = attempt.user, attempt.entry
        if user is not None and (user.is_exempt or attempt.rule is not None):
            attempt.waived = self._waivers.find(attempt, user, now)
        attempt.step = flow.begin(
            attempt.mode,
            resumed=None if entry is None else flow.STEPS[entry.step],
            is_exempt=attempt.waived in WITHOUT_PASSCODE,
            factor_first=attempt.plan.factor_first,
        )
        return self._walk(attempt, None, now, monotonic)

    def resume(
        self, attempt: Attempt, answer: Checked | None, now: float, monotonic: float
    ) -> Decision | None:
        """Return the decision once somebody has answered; *answer* None: the check broke."""
        outcome: Outcome | None = BROKEN
        if isinstance(answer, Answer):
            outcome = self._password_outcome(attempt, answer, now)
        elif isinstance(answer, (Response, Served)):
            outcome = self._asking.outcome(attempt, answer, now)
        elif isinstance(answer, Told):
            outcome = self._bound(attempt, answer, now, monotonic)
        attempt.asked = None
        return self._walk(attempt, outcome, now, monotonic)

    def give_up(self, attempt: Attempt, now: float, monotonic: float) -> Decision | None:
        """Return the decision where the password cannot be checked for want of a thread."""
        attempt.asked = None
        return self._walk(attempt, UNAVAILABLE, now, monotonic)

    def decided(self, attempt: Attempt, decision: Decision, now: float) -> None:
        """Remember for the next login what *attempt* has proved, as its policy says."""
        if isinstance(decision, Accept):
            self._waivers.remember(attempt, decision.reason, now)

    def _walk(
        self, attempt: Attempt, outcome: Outcome | None, now: float, monotonic: float
    ) -> Decision | None:
        while True:
            if outcome is None:
                outcome = self._performers[attempt.step](attempt, now, monotonic)
            if outcome is None:
                return None
            if self._watch is not None:
                self._watch(attempt.step, outcome)
            if attempt.plan.is_plain and attempt.rule is None:
                # Nearly all; nothing to look up.
                following = flow.advance(
                    attempt.mode, attempt.step, outcome, is_answer=attempt.entry is not None
                )
            else:
                following = self._following(attempt, outcome, now)
            if not isinstance(following, Step):
                return following
            attempt.step = following
            outcome = None

    def _following(self, attempt: Attempt, outcome: Outcome, now: float) -> flow.Next:
        plan, user, client = attempt.plan, attempt.user, attempt.client
        has_instead = opens = fails_open = False  # looked up only where it decides
        if isinstance(outcome, Unavailable):
            attempt.gone = outcome.reason
            has_instead = plan.has_instead(user)
            fails_open = self._asking.opens_without(attempt, now)
        elif attempt.step is _WITH_PASSWORD and attempt.waived is None:
            opens = user is not None and plan.opening(user) is not None
        return flow.advance(
            attempt.mode,
            attempt.step,
            outcome,
            is_answer=attempt.entry is not None,
            opens=opens,
            has_instead=has_instead,
            fails_open=fails_open,
            can_show=client.shows_challenges,
            factor_first=plan.factor_first,
            may_be_alone=attempt.waived is _REMEMBERED,
            waived=attempt.waived or _PASSWORD_ONLY,
        )

    def _both(self, attempt: Attempt, now: float, _monotonic: float) -> Outcome | None:
        return self._asking.ask_primary(attempt, Kind.UPSTREAM, attempt.typed, now)

    def _open(self, attempt: Attempt, now: float, _monotonic: float) -> Outcome | None:
        return self._asking.open_factor(attempt, now)

    def _passcode(  # noqa: PLR0911 - one return a way to check it
        self, attempt: Attempt, now: float, monotonic: float
    ) -> Outcome | None:
        user, plan = admitted(attempt.user), attempt.plan
        if isinstance(user, Failed):
            return user
        if attempt.entry is not None and attempt.is_talking:
            if self._guard.is_locked(user, Kind.UPSTREAM, attempt.client.name, now):
                return _LOCKED
            return self._asking.go_on(attempt, user)
        factor = plan.factor(user, attempt.typed) if plan.has_upstream else None
        if factor is not None and (
            attempt.proof
            or plan.chooses(user, attempt.typed)
            or not passcode.is_enrolled(plan.desk.factors, user)
        ):
            # Only a server that holds the passcode can check what was made of it.
            return self._asking.ask_factor(attempt, user, factor, attempt.typed, now)
        if attempt.proof:
            return _FAILED[Reason.UNSUPPORTED_METHOD]
        outcome = self._passcodes.check(
            attempt, user, plan.desk, attempt.typed, now, monotonic, may_be_other=factor is not None
        )
        if outcome is not None or factor is None:
            return outcome
        return self._asking.ask_factor(attempt, user, factor, attempt.typed, now)

    def _tail(  # noqa: PLR0911 - one return a reading of what was typed
        self, attempt: Attempt, now: float, monotonic: float
    ) -> Outcome:
        user, client = admitted(attempt.user), attempt.client
        if isinstance(user, Failed):
            return user
        if attempt.proof:
            return _FAILED[Reason.UNSUPPORTED_METHOD]  # nobody can take it apart
        found, attempt.rest, tail = passcode.find_tail(
            attempt.plan.desk, user, attempt.typed, client.delimiter.encode(), now, monotonic
        )
        is_found = isinstance(found, passcode.FOUND)
        if not is_found and found is not Reason.REPLAYED_PASSCODE and self._split(attempt, user):
            return PASSED
        kind = _OATH if tail.isdigit() else passcode.kind_of(tail)
        # In `auto` letters at the end are the password's own, unless they are a code.
        is_passcode = is_found or kind is _OATH or not _may_be_alone(attempt)
        if is_passcode and self._guard.is_locked(user, kind, client.name, now):
            return _LOCKED
        if isinstance(found, passcode.FOUND):
            attempt.found = found
            return PASSED
        if not _may_be_alone(attempt):
            if found is Reason.NOT_ENROLLED and attempt.plan.factor(user) is not None:
                return _FAILED[Reason.BAD_PASSCODE]  # nothing here looks like one of that server
            return self._passcodes.wrong(attempt, user, kind, tail, found, now, monotonic)
        # No wrong passcode yet: it may be a password alone, whose check follows.
        is_guess = kind is _OATH and found not in FALSE_STARTS
        attempt.guess = tail if is_guess else b""
        return _FAILED[found if isinstance(found, Reason) else Reason.BAD_PASSCODE]

    def _split(self, attempt: Attempt, user: User) -> bool:
        # Whether it ends in a passcode of another server only that server knows: so the
        # password is checked first. Without a delimiter `auto` cannot tell one from two.
        plan, typed, delimiter = attempt.plan, attempt.typed, attempt.client.delimiter.encode()
        if not delimiter and (otp := plan.tail(user, typed)):  # it shows by itself where it begins
            attempt.rest, attempt.offered = otp.before, otp.typed
            attempt.factor = plan.factor(user, otp.typed)
            return True
        factor = plan.factor(user, typed.rpartition(delimiter)[2] if delimiter else b"")
        if factor is None:
            return False
        tail = 0 if attempt.mode is Mode.AUTO else factor.tail
        if delimiter:
            rest, found, tail_octets = typed.rpartition(delimiter)
            if not found:
                return False
        elif 0 < tail < len(typed):
            rest, tail_octets = typed[:-tail], typed[-tail:]
        else:
            return False
        attempt.rest, attempt.factor, attempt.offered = rest, factor, tail_octets
        if tail_octets.isdigit() and attempt.plan.has_token(user):
            attempt.guess = tail_octets
        return True

    def _password(self, attempt: Attempt, now: float, monotonic: float) -> Outcome | None:
        plan = attempt.plan
        typed = attempt.rest if attempt.step is _REST else attempt.typed
        if plan.primary:
            return self._asking.ask_primary(attempt, _PASSWORD, typed, now)
        if plan.directory is not None:
            ruling = attempt.ruling
            if ruling is not None and plan.directory.name in ruling.bound:
                return PASSED  # to read the groups; one bind a login
            return self._binding.ask(attempt, plan.directory, typed, now, monotonic)
        if attempt.proof:
            return _FAILED[Reason.UNSUPPORTED_METHOD]  # of a hash nothing can be made
        self._ask_password(attempt, typed, now)
        return None

    def _bound(self, attempt: Attempt, told: Told, now: float, monotonic: float) -> Outcome:
        directory = attempt.plan.directory
        if directory is None or directory.name != told.directory:
            return BROKEN
        if attempt.ruling is not None:
            attempt.ruling.took(told)
        outcome = self._binding.outcome(attempt, directory, told, now, monotonic)
        if outcome == PASSED and attempt.step in flow.WHOLE:
            attempt.guess = b""  # digits at the end of a password that was right
        return outcome

    def _factor(self, attempt: Attempt, now: float, _monotonic: float) -> Outcome:
        user, plan = admitted(attempt.user), attempt.plan
        if isinstance(user, Failed):
            return user
        attempt.waived = self._waivers.find(attempt, user, now)  # it may have changed meanwhile
        if attempt.waived is not None:
            return PASSED
        factor = plan.factor(user)
        is_enrolled = passcode.is_enrolled(plan.desk.factors, user)
        if factor is not None and not plan.has_token(user):
            attempt.factor = factor
            is_left_alone = not is_enrolled or plan.has_instead(user)
            if is_left_alone and self._asking.is_gone(attempt, factor):
                return Unavailable(Reason.UPSTREAM_UNREACHABLE)  # nobody types a code in vain
        return ASKS_PASSCODE if is_enrolled or factor is not None else _NOT_ENROLLED

    def _instead(self, attempt: Attempt, now: float, monotonic: float) -> Outcome | None:
        user, desk = admitted(attempt.user), attempt.plan.instead
        if isinstance(user, Failed):
            return user
        attempt.missing = attempt.factor_name or attempt.missing
        is_answer = attempt.entry is not None and attempt.entry.step == Step.INSTEAD.name
        typed = attempt.typed if is_answer else attempt.offered
        if typed is not None and not attempt.proof:
            outcome = self._passcodes.check(attempt, user, desk, typed, now, monotonic)
            # What was typed for the other server is no reason to refuse this one.
            if is_answer or outcome in (PASSED, _LOCKED):
                return outcome
        if not attempt.client.shows_challenges:
            return _FAILED[attempt.gone or Reason.UPSTREAM_UNREACHABLE]
        return ASKS_OTHER_PASSCODE

    def _ask_password(self, attempt: Attempt, typed: bytes, now: float) -> None:
        user = attempt.user
        stored = None if user is None or user.is_disabled else user.password
        if user is not None and self._guard.is_locked(user, _PASSWORD, attempt.client.name, now):
            stored = None
        # Nobody learns from the time it takes who exists, is disabled or locked.
        attempt.asked = Question(self._decoy if stored is None else stored, stored is None, typed)

    def _password_outcome(self, attempt: Attempt, answer: Answer, now: float) -> Outcome | None:
        # The user was read again: whatever changed during the check counts. None: ask anew.
        question, client = attempt.asked, attempt.client
        if not isinstance(question, Question):
            return BROKEN
        user = self._barred(attempt.user, question, client, now)
        if isinstance(user, Failed):
            return user
        if question.stored != user.password:
            return None  # another login has renewed the hash, or somebody the password
        if not answer.is_right:
            self._guard.count(user, _PASSWORD, client.name, question.typed, now)
            if attempt.guess:
                # Whoever knows the password resets its count at will: not this one.
                self._guard.count(user, _OATH, client.name, attempt.guess, now)
            return _FAILED[Reason.BAD_PASSWORD]
        self._guard.clear(user, _PASSWORD, client.name)
        if attempt.step in flow.WHOLE:
            attempt.guess = b""  # digits at the end of a password that was right
        if answer.better is not None:
            self._logins.put_password(user, answer.better)
        attempt.proved = user.password
        return PASSED

    def _barred(
        self, user: User | None, question: Question, client: Client, now: float
    ) -> User | Failed:
        found = admitted(user)
        if isinstance(found, Failed):
            return found
        if found.password is None:
            return _FAILED[Reason.NO_PASSWORD]
        # Many at once passed the lock before the first of them was counted.
        is_locked = self._guard.is_locked(found, _PASSWORD, client.name, now)
        return _LOCKED if is_locked or question.is_decoy else found

    def _claim_tail(self, attempt: Attempt, now: float, _monotonic: float) -> Outcome | None:
        user, found, factor = attempt.user, attempt.found, attempt.factor
        if user is not None and found is None and factor is not None:
            return self._asking.ask_factor(attempt, user, factor, attempt.offered or b"", now)
        if user is None or found is None:
            return _FAILED[Reason.REPLAYED_PASSCODE]
        kind = Kind.RECOVERY if isinstance(found, FoundRecovery) else _OATH
        # As for passwords: in `auto` many tails at once passed the lock before one was counted.
        if self._guard.is_locked(user, kind, attempt.client.name, now):
            return _LOCKED
        if isinstance(found, Found) and found.token not in user.tokens:  # a key, or read again
            if (token := user.held(found.token.id)) is None:
                return _FAILED[Reason.BAD_PASSCODE]
            found = found._replace(token=token)
        return self._passcodes.claim(attempt, user, found)


def _may_be_alone(attempt: Attempt) -> bool:
    return attempt.mode is Mode.AUTO or attempt.waived is _REMEMBERED
