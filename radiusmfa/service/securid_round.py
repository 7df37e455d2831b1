"""One round of a login at RSA: what is known in it, how it asks, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

from radiusmfa.config.upstream_model import Event
from radiusmfa.login.errands import Served
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason
from radiusmfa.service import securid_attempt as attempts
from radiusmfa.service import securid_message as rsa
from radiusmfa.service import securid_texts as texts
from radiusmfa.service.securid_calls import Calls

if TYPE_CHECKING:
    from collections.abc import Generator

    from radiusmfa.config.service_model import SecurId
    from radiusmfa.login.errands import AskService
    from radiusmfa.outcome import Outcome
    from radiusmfa.service.dialogue import Request, Tools
    from radiusmfa.service.securid_attempt import Attempt
    from radiusmfa.service.securid_message import Answer, Method

MOST_STEPS: Final = 8
"""Questions to the person in one login."""
LOST: Final = Failed(Reason.DIALOGUE_LOST)


@dataclass(frozen=True, slots=True)
class Begin:
    """Open an attempt for what was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """
    Try a value.

    Attributes:
        method: As it was offered.
        value: What was typed.
    """

    method: Method
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choose:
    """
    Go on with the method that fits best.

    Attributes:
        word: What was typed to choose one.
        passcode: What was typed otherwise.
        after: Id of the method that was proved just now.
    """

    word: str = ""
    passcode: str = field(default="", repr=False)
    after: str = ""


Step: TypeAlias = Served | Begin | Try | Choose
"""What comes next; a Served is the end of the round."""
Steps: TypeAlias = "Generator[Request, Any, Step]"
"""Asks the shell for what it takes, and ends in what comes next."""


@final
class Round:
    """
    What is known in one round.

    Attributes:
        settings: From the configuration.
        asked: About whom, and what was typed.
        tools: Of the shell.
        calls: Requests to RSA.
        attempt: The one that is open; None: there is none.
        steps: Questions to the person so far.
        person: Seconds that the person took; None: nobody was waited for.
        way: How; empty: nothing was tried.
        device: Which device, masked.
    """

    __slots__ = (
        "asked", "attempt", "calls", "device", "person", "settings", "steps", "tools", "way",
    )  # fmt: skip

    def __init__(
        self, settings: SecurId, asked: AskService, tools: Tools, attempt: Attempt | None = None
    ) -> None:
        """Begin with *attempt*, if one is open."""
        self.settings = settings
        self.asked = asked
        self.tools = tools
        self.calls = Calls(settings, tools)
        self.attempt = attempt
        self.steps = 0 if attempt is None else attempt.steps
        self.person: float | None = None
        self.way = self.device = ""
        if attempt is not None and attempt.chosen is not None:
            self.note(attempt.chosen)

    @property
    def open(self) -> Attempt:
        """Return the attempt that is open."""
        assert self.attempt is not None, "there is no attempt"  # noqa: S101 - a step of our own
        return self.attempt

    @property
    def subject(self) -> str:
        """Return whom RSA is asked about."""
        return self.asked.alias or self.asked.user

    def note(self, method: Method) -> None:
        """Note for the audit that *method* is tried."""
        self.way = texts.WAYS.get(method.id, texts.PASSCODE)
        self.device = method.device

    def take(self, answer: Answer) -> None:
        """Note that *answer* is the server's latest."""
        offers = answer.offers or self.open.offers
        self.attempt = replace(self.open, message=answer.message, offers=offers)

    def question(
        self, attempt: Attempt, method: Method, event: Event, text: str, *, echo: bool = False
    ) -> Steps:
        """
        End the round with a question, or say why it cannot be asked.

        Args:
            attempt: As it is to be remembered.
            method: What the answer is for.
            event: What is asked.
            text: How.
            echo: The answer may be seen while it is typed.
        """
        if not self.asked.can_show:
            return (yield from self.give_up(Reason.CHALLENGE_NOT_SHOWN, event))
        if self.steps >= MOST_STEPS:
            return (yield from self.give_up(Reason.TOO_MANY_ROUNDS, event))
        asked = replace(attempt, chosen=method, steps=self.steps + 1)
        return replace(
            self.served(UPSTREAM_ASKS, event),
            text=text,
            echo=echo,
            state=attempts.dump(asked),
            limit=max(1, int(attempt.ends - self.calls.now)),
        )

    def passed(self) -> Served:
        """Return the end of a login that RSA has called a success."""
        return self.served(PASSED)

    def refused(self, answer: Answer, method: Method | None = None) -> Served:
        """
        Return the end that RSA has put to an attempt.

        Args:
            answer: What it said; anything but FAIL is out of place.
            method: Whose value it has looked at; None: nobody's.
        """
        if answer.code != rsa.FAIL:
            trouble = f"says {answer.code} where that has no meaning"
            return self.served(Failed(Reason.BAD_UPSTREAM_REPLY), trouble=trouble)
        event = Event.LOCKED if "LOCK" in answer.reasons() else Event.DENIED
        is_wrong = method is not None and method.id not in texts.PINS and event is Event.DENIED
        reason = Reason.BAD_PASSCODE if is_wrong else Reason.UPSTREAM_REFUSED
        return self.served(Failed(reason), event)

    def give_up(self, reason: Reason, event: Event | None = None, trouble: str = "") -> Steps:
        """End the login, and an attempt that is open."""
        if self.attempt is not None:
            yield from self.calls.cancel(self.attempt)
        return self.served(Failed(reason), event, trouble)

    def completed(self, served: Served) -> Served:
        """Return *served* with what is known of how it came about."""
        server = self._server() or served.server
        return replace(served, way=self.way, device=self.device, person=self.person, server=server)

    def served(self, outcome: Outcome, event: Event | None = None, trouble: str = "") -> Served:
        """Return the end of the round."""
        return self.completed(Served(outcome=outcome, event=event, trouble=trouble))

    def _server(self) -> str:
        return "" if self.attempt is None else self.attempt.url.partition("://")[2]
