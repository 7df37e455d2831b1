"""
Steps that an upstream performs: what it is asked, and what its answer makes of the login.

What is counted here, lock-outs included, is counted like every other proof.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final, final

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.login import person as people
from radiusmfa.login.account import Kind
from radiusmfa.login.errands import Served
from radiusmfa.login.flow import WHOLE, Step
from radiusmfa.login.talk import Talk
from radiusmfa.outcome import ASKS_PASSCODE, Failed, Passed, Reason, Unavailable
from radiusmfa.server import told
from radiusmfa.server.guard import admitted
from radiusmfa.service.line import ServiceLine
from radiusmfa.upstream import attributes
from radiusmfa.upstream.inquiry import Response
from radiusmfa.upstream.kept import EMPTY, Kept, dump
from radiusmfa.upstream.line import Heard, Line, Words
from radiusmfa.wire import numbers
from radiusmfa.wire.address import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from radiusmfa.config.upstream_model import Event, UpstreamFactor
    from radiusmfa.login.account import User
    from radiusmfa.outcome import Outcome
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.server.guard import Guard
    from radiusmfa.wire.address import Address

_PLACE: Final = (
    numbers.CALLING_STATION_ID, numbers.NAS_IDENTIFIER, numbers.NAS_IP_ADDRESS,
    numbers.NAS_IPV6_ADDRESS,
)  # fmt: skip
"""What is the same in each request of a login, and another's in another's."""
_REFUSED: Final = Failed(Reason.UPSTREAM_REFUSED)
_WRONG: Final = Failed(Reason.BAD_PASSCODE)
_UNANSWERED: Final = Failed(Reason.UNANSWERED)
_COUNTED: Final = (
    _REFUSED, Failed(Reason.TOO_MANY_ROUNDS), _WRONG,
    Failed(Reason.PERSON_REFUSED), Failed(Reason.FRAUD_REPORTED),
)  # fmt: skip
"""What counts as a wrong proof; of a push, that nobody answered it, too."""
_LOST: Final = Failed(Reason.DIALOGUE_LOST)  # also where the configuration has lost it meanwhile
_NOT_THEIRS: Final = Failed(Reason.NOT_ENROLLED)
_OF_PASSWORD: Final = frozenset({Step.PASSWORD, Step.REST, Step.LAST})
_OF_PRIMARY: Final = WHOLE | {Step.BOTH}


@final
class Asking:
    """Knows the upstreams, and whether there is anybody to ask."""

    def __init__(
        self,
        lines: Mapping[str, Line | ServiceLine],
        guard: Guard,
        is_dead: Callable[[str], bool],
        note: Callable[[str, Event], None] | None = None,
    ) -> None:
        """
        Keep the parts.

        Args:
            lines: Every upstream and service by name.
            guard: Of wrong proofs.
            is_dead: Says whether nobody of an upstream can be asked now.
            note: Told what each reply means, for the counters.
        """
        self._lines = lines
        self._guard = guard
        self._is_dead = is_dead
        self._note = note
        self._readers: dict[tuple[str, ...], Reader] = {}

    def opens_without(self, attempt: Attempt, now: float) -> bool:
        """Say whether somebody who has proved the password gets in while this service is gone."""
        factor, user = attempt.factor, attempt.user
        line = None if factor is None else self._lines.get(factor.upstream)
        if not isinstance(line, ServiceLine) or line.settings.open_until is None:
            return False
        # Whoever has a token of ours can prove more; whoever has guessed is not let off.
        if user is None or user.is_damaged or attempt.plan.has_token(user):
            return False
        if attempt.plan.factor(user) != factor:
            return False  # it was chosen by a word: the person's own one may work
        if self._guard.is_locked(user, Kind.UPSTREAM, attempt.client.name, now):
            return False
        return now < datetime.combine(line.settings.open_until, time.max, UTC).timestamp()

    def is_gone(self, attempt: Attempt, factor: UpstreamFactor) -> bool:
        """Say, also to the audit, whether it is known that the servers of *factor* are gone."""
        if not self._is_dead(factor.upstream):
            return False
        reason = Reason.UPSTREAM_UNREACHABLE
        response = Response(upstream=factor.upstream, reason=reason)
        attempt.told = [*(attempt.told or ()), told.of(response, Heard(Unavailable(reason)))]
        return True

    def ask_primary(self, attempt: Attempt, kind: Kind, typed: bytes, now: float) -> Failed | None:
        """
        Have the upstream that is the client's primary asked, or say why not.

        Args:
            attempt: The round.
            kind: What its answer proves: the password, or everything.
            typed: What is to be checked.
            now: Wall time.
        """
        user = self._guard.allowed(attempt.user, kind, attempt.client.name, now)
        if isinstance(user, Failed):
            return user
        if attempt.is_talking:
            return self.go_on(attempt, user)
        return self._ask(attempt, user, attempt.plan.primary, typed)

    def ask_factor(
        self, attempt: Attempt, user: User, factor: UpstreamFactor, passcode: bytes, now: float
    ) -> Failed | None:
        """Have the token server of *factor* asked about *passcode*, or say why not."""
        if self._guard.is_locked(user, Kind.UPSTREAM, attempt.client.name, now):
            return Failed(Reason.LOCKED)
        attempt.factor, attempt.offered = factor, passcode
        return self._ask(attempt, user, factor.upstream, passcode)

    def open_factor(self, attempt: Attempt, now: float) -> Failed | None:
        """Have the user's token server begin by itself, or say why not."""
        user = self._guard.allowed(attempt.user, Kind.UPSTREAM, attempt.client.name, now)
        if isinstance(user, Failed):
            return user
        factor = attempt.plan.opening(user)
        if factor is None:
            return Failed(Reason.NOT_ENROLLED)  # somebody has changed it meanwhile
        attempt.factor = factor
        if factor.start_with is StartWith.WORD:
            # A service that is told nothing begins by itself.
            return self._ask(attempt, user, factor.upstream, factor.word.encode(), proof=b"")
        if attempt.proof or attempt.is_talking:
            # There is no password to tell: what proved it has been used, or was none.
            return Failed(Reason.UNSUPPORTED_METHOD)
        return self._ask(attempt, user, factor.upstream, attempt.typed)

    def go_on(self, attempt: Attempt, user: User) -> Failed | None:
        """Give the upstream that has asked the person's answer, or say why not."""
        talk = None if attempt.entry is None else attempt.entry.talk
        if talk is None or talk.upstream not in self._lines:
            return _LOST
        if not _goes_on(attempt, user, talk):
            return _NOT_THEIRS  # a reload, or an administrator, has taken it away
        other = attempt.plan.turned(user, talk.factor, attempt.typed)
        if other is not None:
            attempt.factor, attempt.offered = other, attempt.typed
            return self._ask(attempt, user, other.upstream, attempt.typed)
        return self._ask(attempt, user, talk.upstream, attempt.typed, talk=talk)

    def outcome(self, attempt: Attempt, response: Response | Served, now: float) -> Outcome:
        """Return the outcome of the step that *response* answers, and count it."""
        self.forget(attempt)
        heard = self._hear(attempt, response)
        # The user was read again: whoever was disabled meanwhile does not get in.
        user = admitted(attempt.user)
        if isinstance(user, Failed):
            return user
        client, outcome = attempt.client, heard.outcome
        kind = _kind(attempt)
        barred = self._barred(attempt, user, heard, kind, now)
        if barred is not None:
            return barred
        if attempt.guess and not isinstance(outcome, Passed):
            # A wrong code of a token of ours, too: nobody guesses at those for free.
            self._guard.count(user, Kind.OATH, client.name, attempt.guess, now)
        if isinstance(outcome, Passed):
            self._guard.clear(user, kind, client.name)
            if kind is Kind.UPSTREAM:
                attempt.kind = attempt.factor_name or attempt.answered[0]
                attempt.serial = response.serial if isinstance(response, Served) else ""
            if attempt.step in WHOLE:
                attempt.guess = b""  # digits at the end of a password that was right
        elif (
            outcome in _COUNTED
            or (attempt.step is Step.OPEN and outcome == _UNANSWERED)
            or (isinstance(response, Served) and response.is_wrong)
        ):
            self._guard.count(user, kind, client.name, self._proof(attempt), now)
            is_wrong = outcome in (_REFUSED, _WRONG)
            if is_wrong and attempt.is_own_question and attempt.has_tries:
                return ASKS_PASSCODE
        return outcome

    def forget(self, attempt: Attempt) -> None:
        """Note that nothing of *attempt* is under way any more."""
        if attempt.under_way is not None:
            self._guard.answered(attempt.under_way)
            attempt.under_way = None

    def talk(self, attempt: Attempt) -> Talk | None:
        """Return what the challenge that *attempt* ends in has to remember; None: nothing."""
        kept = b"" if attempt.kept == EMPTY else dump(attempt.kept)
        heard, person = attempt.heard, attempt.person
        known = b"" if person is None else people.dump(person, attempt.looked_up)
        if heard is None or not heard.state:
            proved = attempt.kind, attempt.serial
            if not (kept or attempt.missing or known or attempt.kind):
                return None
            return Talk(kept=kept, missing=attempt.missing, person=known, proved=proved)
        before = None if attempt.entry is None else attempt.entry.talk
        upstream, server = attempt.answered
        is_same = before is not None and before.upstream == upstream
        return Talk(
            upstream=upstream,
            factor=attempt.factor_name,
            server=server,
            state=heard.state,
            rounds=1 + (before.rounds if before is not None and is_same else 0),
            kept=kept,
            person=known,
        )

    def _barred(
        self, attempt: Attempt, user: User, heard: Heard, kind: Kind, now: float
    ) -> Failed | None:
        """Return why it does not count what was heard, whatever it is; None: it does."""
        if self._is_other(attempt, user, attempt.answered[0]):
            return _NOT_THEIRS
        if attempt.proved is not None and user.password != attempt.proved:
            return Failed(Reason.BAD_PASSWORD)  # somebody has changed it: perhaps it was stolen
        if heard.is_waived and attempt.mode is Mode.STEP_UP:
            return Failed(Reason.NOTHING_PROVED)
        if self._guard.is_locked(user, kind, attempt.client.name, now):
            return Failed(Reason.LOCKED)  # many at once passed the lock before one was counted
        return None

    def _is_other(self, attempt: Attempt, user: User, upstream: str) -> bool:
        # What an administrator has changed while the phone rang counts.
        factor, entry = attempt.factor, attempt.entry
        if factor is not None:
            has_lost = attempt.plan.factor(user, attempt.offered or b"") != factor
        else:
            talk = None if entry is None else entry.talk
            is_of_talk = talk is not None and talk.upstream == upstream
            has_lost = talk is not None and is_of_talk and not _goes_on(attempt, user, talk)
        return has_lost or user.upstreams.get(upstream, "") != attempt.alias

    def _hear(self, attempt: Attempt, response: Response | Served) -> Heard:
        entry = attempt.entry
        talk = None if entry is None else entry.talk
        name = response.service if isinstance(response, Served) else response.upstream
        is_same = talk is not None and talk.upstream == name
        rounds = talk.rounds if talk is not None and is_same else 0
        line, heard = self._lines.get(name), Heard(_LOST)
        if isinstance(response, Served):
            if isinstance(line, ServiceLine):
                heard = line.heard(response, rounds)
        elif isinstance(line, Line):
            heard = line.heard(response, rounds)
        attempt.heard = heard
        if self._note is not None and heard.event is not None:
            self._note(name, heard.event)
        attempt.answered = name, response.server
        attempt.told = [*(attempt.told or ()), told.of(response, heard)]
        if isinstance(heard.outcome, Passed):
            attempt.kept = _both(attempt.kept, heard.kept)
        return heard

    def _ask(  # noqa: PLR0913 - who is asked about whom, and with what
        self,
        attempt: Attempt,
        user: User,
        upstream: str,
        typed: bytes,
        *,
        talk: Talk | None = None,
        proof: bytes | None = None,
    ) -> Failed | None:
        line = self._lines.get(upstream)
        if line is None:
            return _LOST
        kind, client = _kind(attempt), attempt.client
        if not self._guard.may_ask(user, kind, client.name, self._proof(attempt)):
            return Failed(Reason.LOCKED)
        attempt.alias = user.upstreams.get(upstream, "")
        words = Words(
            packet=attempt.packet,
            client=client.name,
            name=attempt.name,
            alias=attempt.alias,
            typed=typed,
            proof=attempt.proof if proof is None else proof,
            talk=talk,
            deadline=attempt.deadline,
        )
        if isinstance(line, ServiceLine):
            words = self._completed(words, attempt, user)
        asked = line.inquiry(words)
        if isinstance(asked, Reason):
            return Failed(asked)
        attempt.asked = asked
        attempt.under_way = self._guard.sent(user, kind, client.name, self._proof(attempt))
        return None

    def _proof(self, attempt: Attempt) -> bytes:
        if attempt.step is Step.OPEN:
            # The password was right: what is refused is this very push.
            return attempt.packet.authenticator
        offered = attempt.rest if attempt.step is Step.REST else attempt.offered
        proof = attempt.proof or offered or attempt.typed
        entry = attempt.entry
        if entry is None or entry.talk is None:
            return proof
        # What a service has asked before belongs to it: the last answer may be the same in
        # each login of somebody who guesses at the first.
        is_service = isinstance(self._lines.get(entry.talk.upstream), ServiceLine)
        return entry.state + proof if is_service else proof

    def _completed(self, words: Words, attempt: Attempt, user: User) -> Words:
        client, packet = attempt.client, attempt.packet
        address: Address | None = None
        if client.trust_address:  # anybody else's word about where somebody is counts for nothing
            reader = self._readers.setdefault(client.address, Reader(client.address))
            address = reader.read(packet)
        return words._replace(
            user=user,
            person=attempt.person,
            place=tuple(packet.value(kind) or b"" for kind in _PLACE),
            address="" if address is None else str(address),
            can_show=client.shows_challenges,
            has_password=attempt.has_password,
        )


def _kind(attempt: Attempt) -> Kind:
    return Kind.PASSWORD if attempt.step in _OF_PASSWORD else Kind.UPSTREAM


def _goes_on(attempt: Attempt, user: User, talk: Talk) -> bool:
    # Whether what another round began is asked for now, and of this person.
    if attempt.step in _OF_PRIMARY:
        return talk.upstream == attempt.plan.primary
    return attempt.plan.goes_on(user, talk.factor, talk.upstream)


def _both(first: Kept, then: Kept) -> Kept:
    if first == EMPTY:
        return then
    # Who checked the password knows the person; what the token server says besides is added.
    rest = attributes.replace(then, first.plain)
    held = {(one.vendor, one.kind) for one in first.hidden}
    hidden = tuple(one for one in rest.hidden if (one.vendor, one.kind) not in held)
    return Kept(first.plain + rest.plain, first.hidden + hidden)
