"""
One login, decided by the live code on a copy of the store in memory.

What it uses up, counts and writes goes away with the copy: nothing is touched.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.duplicates import Duplicates
from radiusmfa.interfaces import StoreError
from radiusmfa.login.challenges import Challenges
from radiusmfa.ops.audit import Lines
from radiusmfa.ops.counters import Counters
from radiusmfa.ops.logs import Discards
from radiusmfa.primary import local
from radiusmfa.primary.hashing import Parameters
from radiusmfa.server.parts import assemble
from radiusmfa.server.pipeline import Pipeline, SystemClock
from radiusmfa.stores.logins import Logins
from radiusmfa.wire import codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Configuration
    from radiusmfa.login.account import User
    from radiusmfa.primary.local import Question
    from radiusmfa.server.received import Address, Received
    from radiusmfa.server.run import Watch
    from radiusmfa.stores.database import Database
    from radiusmfa.upstream.inquiry import Inquiry, Response

_LAST_LINE: Final = "SELECT line FROM audit ORDER BY seq DESC LIMIT 1"


@final
class Trial:
    """
    A server of one login at a time, without sockets.

    Attributes:
        served: As a port has.
        duplicates: As a port has.
        discarded: Why the last request got no answer, empty if it got one.
        unasked: The upstream that would have been asked, empty: none.
    """

    def __init__(
        self,
        configuration: Configuration,
        store: Database,
        watch: Watch,
        exchange: Callable[[Inquiry], Response] | None = None,
    ) -> None:
        """
        Copy *store* into memory.

        Args:
            configuration: Checked.
            store: Read once.
            watch: Told of every step.
            exchange: Asks an upstream and waits; None: no upstream is asked, and the login
                ends where one would be.

        Raises:
            StoreError: The store cannot be copied.
        """
        self.served = codec.AUTHENTICATION_PORT
        self.duplicates = Duplicates(30, 100)
        self.discarded = ""
        self.unasked = ""
        self._reply = b""
        self._exchange = exchange
        self._inquiries: list[tuple[Received, Inquiry]] = []
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
            clock=SystemClock(),
            name_login=lambda: "try",
            passwords=self._ask,
            ask=self._ask_upstreams,
            marker=_chance(8),
            entropy=_chance,
            call_later=_never,
        )

    def user(self, name: bytes) -> User | None:
        """
        Return who *name* means.

        Raises:
            UserNameError: Nobody can have that name.
        """
        self._logins.begin()
        try:
            return self._logins.user(name)
        finally:
            self._logins.commit()

    def ask(self, request: bytes, address: str) -> bytes:
        """Return the reply to *request* from *address*; empty if it would get none."""
        self._reply, self.discarded, self.unasked = b"", "", ""
        self._pipeline.receive(self, [(request, (address, 0), address)])
        while self._checks or self._inquiries:
            if self._checks:
                received, question = self._checks.pop()
                answer = local.check(question, self._copy.pepper, self._parameters)
                self._pipeline.checked(received, answer, 0.0)
                continue
            received, inquiry = self._inquiries.pop()
            if self._exchange is None:
                self.unasked = inquiry.upstream
                break
            self._pipeline.answered([(received, self._exchange(inquiry))])
        return self._reply

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

    def _ask_upstreams(self, batch: list[tuple[Received, Inquiry]]) -> None:
        self._inquiries += batch

    def _note(self, reason: str, source: str, more: int) -> None:  # noqa: ARG002 - as the log has it
        self.discarded = reason


def _is_never_dead(upstream: str) -> bool:  # noqa: ARG001 - as the relays have it
    return False


def _chance(octets: int) -> bytes:
    return secrets.token_bytes(octets)


def _never(seconds: float, call: Callable[[], None]) -> None:  # noqa: ARG001 - as the reactor has it
    # The pipeline waits only for others that write, and nobody else has this copy.
    raise StoreError("the copy of the store cannot be written")
