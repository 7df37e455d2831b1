"""
One login, decided by the live code on a copy of the store in memory.

What it uses up, counts and writes goes away with the copy: nothing is touched.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.duplicates import Duplicates
from radiusmfa.interfaces import StoreError
from radiusmfa.login.challenges import Challenges
from radiusmfa.login.errands import AskService, LookUp
from radiusmfa.ops.audit import Lines
from radiusmfa.ops.counters import Counters
from radiusmfa.ops.logs import Discards
from radiusmfa.outcome import Reason
from radiusmfa.primary import local
from radiusmfa.primary.hashing import Parameters
from radiusmfa.request import Credentials
from radiusmfa.server import identity
from radiusmfa.server.attempt import Attempt
from radiusmfa.server.clock import SystemClock
from radiusmfa.server.parts import assemble
from radiusmfa.server.pipeline import Pipeline
from radiusmfa.stores.logins import Logins
from radiusmfa.upstream.inquiry import Inquiry
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Configuration
    from radiusmfa.login.account import User
    from radiusmfa.login.errands import Answer, Errand
    from radiusmfa.login.person import Person
    from radiusmfa.primary.local import Question
    from radiusmfa.server.outside import Asked, Heard
    from radiusmfa.server.parts import Site
    from radiusmfa.server.received import Address, Received
    from radiusmfa.server.rules import Rule
    from radiusmfa.server.run import Watch
    from radiusmfa.stores.database import Database
    from radiusmfa.upstream.inquiry import Response
    from radiusmfa.wire.codec import Packet

_clock: Final = SystemClock()
_LAST_LINE: Final = "SELECT line FROM audit ORDER BY seq DESC LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """
    What decides a login before anything is proved.

    Attributes:
        rule: The policy, or the client's own settings.
        reason: Why it is refused whatever is typed; None: it is not.
        user: Whose login it is, None: the store knows nobody.
        person: What the directory says of them.
        searched: The directory that was asked and knows nobody of that name, or empty.
    """

    rule: Rule
    reason: Reason | None
    user: User | None
    person: Person | None
    searched: str = ""


@final
class Trial:
    """
    A server of one login at a time, without sockets.

    Attributes:
        served: As a port has.
        duplicates: As a port has.
        discarded: Why the last request got no answer, empty if it got one.
        unasked: What would have been asked of somebody outside, None: nothing.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: Database,
        watch: Watch,
        exchange: Callable[[Inquiry], Response] | None = None,
        errands: Callable[[Errand], Answer | None] | None = None,
    ) -> None:
        """
        Copy *store* into memory.

        Args:
            configuration: Checked.
            store: Read once.
            watch: Told of every step.
            exchange: Asks an upstream and waits; None: no upstream is asked, and the login
                ends where one would be.
            errands: Asks a directory or a service and waits, or does not (None).

        Raises:
            StoreError: The store cannot be copied.
        """
        self.served = codec.AUTHENTICATION_PORT
        self.duplicates = Duplicates(30, 100)
        self.discarded = ""
        self.unasked: Asked | None = None
        self._reply = b""
        self._exchange = exchange
        self._errands = errands
        self._inquiries: list[tuple[Received, Asked]] = []
        self._checks: list[tuple[Received, Question]] = []
        self._parameters = Parameters.of(configuration.passwords)
        self._copy = store.in_memory()
        self._logins = Logins(self._copy)
        decoy = local.decoy(self._parameters)
        self._pipeline = Pipeline(
            parts=assemble(
                configuration,
                self._logins,
                pepper=store.pepper,
                decoy=decoy,
                is_dead=_is_never_dead,
                entropy=_chance,
                watch=watch,
            ),
            logins=self._logins,
            challenges=Challenges("try-", configuration.challenges.lifetime, 100, _chance),
            lines=Lines(),
            counters=Counters(),
            discards=Discards(self._note),
            clock=_clock,
            name_login=lambda: "try",
            passwords=self._ask,
            ask=self._ask_outside,
            marker=_chance(8),
            entropy=_chance,
            call_later=_never,
        )

    def ask(self, request: bytes, address: str) -> bytes:
        """Return the reply to *request* from *address*; empty if it would get none."""
        self._reply, self.discarded, self.unasked = b"", "", None
        self._pipeline.receive(self, [(request, (address, 0), address)])
        while self._checks or self._inquiries:
            if self._checks:
                received, question = self._checks.pop()
                answer = local.check(question, self._copy.pepper, self._parameters)
                self._pipeline.checked(received, answer, 0.0)
                continue
            received, asked = self._inquiries.pop()
            heard = self._heard(asked)
            if heard is None:
                self.unasked = asked
                break
            self._pipeline.answered([(received, heard)])
        return self._reply

    def ruled(self, request: bytes, address: str) -> Ruled | Errand:
        """
        Return what decides *request* from *address* before anything is proved.

        Or what would have to be asked before that can be said.

        Raises:
            UserNameError: Nobody can have that name.
        """
        parts = self._pipeline.parts
        peer = parts.clients.find(address)
        assert peer is not None  # noqa: S101 - the caller has looked
        site, packet = parts.sites[peer.client.name], codec.decode(request)
        typed, deadline = _nothing_typed(packet), _clock.monotonic() + site.budget
        attempt = Attempt(site.client, site.plan, site.client.mode, packet, typed, None, deadline)
        self._logins.begin()
        try:
            return self._settled(attempt, site)
        finally:
            self._logins.commit()

    def _settled(self, attempt: Attempt, site: Site) -> Ruled | Errand:
        judge = self._pipeline.parts.judge
        reject, searched = None, ""
        while site.is_ruled and reject is None:
            now, monotonic = _clock.wall(), _clock.monotonic()
            reject = judge.settle(attempt, site, now, monotonic)
            asked = attempt.asked_errand
            if reject is not None or asked is None:
                break
            heard = None if self._errands is None else self._errands(asked)
            if heard is None:
                return asked
            if isinstance(asked, LookUp) and heard.reason is Reason.UNKNOWN_USER:
                searched = asked.directory
            reject = judge.told(attempt, heard, now, monotonic)
        found = identity.find(self._logins, attempt)
        return Ruled(
            rule=attempt.rule or site.own,
            reason=None if reject is None else reject.reason,
            user=None if isinstance(found, Reason) else found,
            person=attempt.person,
            searched=searched,
        )

    def _heard(self, asked: Asked) -> Heard | None:
        if isinstance(asked, Inquiry):
            return None if self._exchange is None else self._exchange(asked)
        if isinstance(asked, AskService):
            return None  # nobody's phone rings for a trial
        return None if self._errands is None else self._errands(asked)

    def audited(self) -> dict[str, Any]:
        """Return the audit line that the last decision would have written."""
        (line,) = self._copy.connection.execute(_LAST_LINE).fetchone() or ("{}",)
        told: dict[str, Any] = json.loads(line)
        return told

    def send(self, octets: bytes, address: Address) -> None:  # noqa: ARG002 - as a port has it
        """Keep what would be sent."""
        self._reply = octets

    def close(self) -> None:
        """Throw the copy away."""
        self._copy.close()

    def _ask(self, received: Received, question: Question) -> bool:
        self._checks.append((received, question))
        return True

    def _ask_outside(self, batch: list[tuple[Received, Asked]]) -> None:
        self._inquiries += batch

    def _note(self, reason: str, source: str, more: int) -> None:  # noqa: ARG002 - as the log has it
        self.discarded = reason


def _nothing_typed(packet: Packet) -> Credentials:
    return Credentials(packet.value(numbers.USER_NAME) or b"", b"", None)


def _is_never_dead(upstream: str) -> bool:  # noqa: ARG001 - as the relays have it
    return False


def _chance(octets: int) -> bytes:
    return secrets.token_bytes(octets)


def _never(seconds: float, call: Callable[[], None]) -> None:  # noqa: ARG001 - as the reactor has it
    # The pipeline waits only for others that write, and nobody else has this copy.
    raise StoreError("the copy of the store cannot be written")
