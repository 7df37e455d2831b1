"""One round of one login, while it is decided: what is known so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.config.model import Mode
from radiusmfa.login.errands import AskApproval, Bind, LookUp
from radiusmfa.login.flow import Step
from radiusmfa.upstream import kept as carried

if TYPE_CHECKING:
    from radiusmfa.config.model import Client
    from radiusmfa.config.upstream_model import UpstreamFactor
    from radiusmfa.login.account import User
    from radiusmfa.login.challenges import Entry
    from radiusmfa.login.errands import AskService, Errand
    from radiusmfa.login.passcode import Found, FoundRecovery
    from radiusmfa.login.person import Person
    from radiusmfa.login.plan import Plan
    from radiusmfa.outcome import Failed, Reason
    from radiusmfa.primary.local import Question
    from radiusmfa.request import Credentials
    from radiusmfa.server.guard import UnderWay
    from radiusmfa.server.rules import Rule
    from radiusmfa.server.ruling import Ruling
    from radiusmfa.upstream.inquiry import Inquiry
    from radiusmfa.upstream.kept import Kept
    from radiusmfa.upstream.line import Heard
    from radiusmfa.wire.codec import Packet

    Asked: TypeAlias = Question | Inquiry | Errand | AskService

_FIRST: Final = Step.PASSCODE
_NOBODY: Final = ("", "")
_WITHOUT_PASSWORD: Final = frozenset({Mode.STEP_UP, Mode.PROXY})


@final
class Attempt:
    """
    One round of one login.

    Attributes:
        client: Whose request it is.
        plan: What that client asks of its users.
        rule: The policy that was chosen, None: not yet, or there are none.
        ruling: What it took to choose it, None: nothing had to be chosen.
        person: What the policy's directory says of whose login it is.
        looked_up: The name that the directory was asked for.
        mode: The client's, or that of the round before.
        packet: The request.
        name: User-Name as it came.
        typed: User-Password in clear.
        proof: CHAP or MS-CHAP attributes instead, or empty.
        entry: The challenge it answers, or None.
        deadline: Until when an upstream may be waited for, monotonic.
        user: Who it is; looked up anew after every wait.
        step: What is being found out.
        found: The passcode that TAIL found.
        rest: The password before it.
        factor: The upstream factor that is to check `offered`.
        offered: What may be a passcode of an upstream factor, None: nothing was typed as one.
        guess: Digits that were no passcode of ours: a wrong one, if nothing else is made of
            them.
        asked: The check under way, or None.
        alias: The name that an upstream was asked about, if it is not the one that was typed.
        under_way: The proof that an upstream is being asked about, or None.
        heard: What the upstream asked last has said.
        answered: Which upstream that was, and which of its servers.
        kept: What the Accept will give the client besides what the configuration names.
        missing: Name of the factor whose servers are gone.
        gone: Why they could not be asked.
        told: What the audit says of each upstream that was asked.
        barred: Why nobody is really asked about the password, though a directory is.
        waived: Why no second factor is asked for, if none is.
        proved: The stored hash of the password that was typed in this round, once it was right.
        kind: What counted: the second factor for the audit.
        serial: The token that counted.
        detail: Which attribute of the reply could not be made.
    """

    __slots__ = (
        "alias", "answered", "asked", "barred", "client", "deadline", "detail", "entry", "factor",
        "found", "gone", "guess", "heard", "kept", "kind", "looked_up", "missing", "mode", "name",
        "offered", "packet", "person", "plan", "proof", "proved", "rest", "rule", "ruling",
        "serial", "step", "told", "typed", "under_way", "user", "waived",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - what a request brings, and whose it is
        self,
        client: Client,
        plan: Plan,
        mode: Mode,
        packet: Packet,
        credentials: Credentials,
        entry: Entry | None,
        deadline: float,
    ) -> None:
        """Begin a round."""
        self.client = client
        self.plan = plan
        self.mode = mode
        self.packet = packet
        self.name, self.typed, _, self.proof = credentials
        self.entry = entry
        self.deadline = deadline
        self.rule: Rule | None = None
        self.ruling: Ruling | None = None
        self.person: Person | None = None
        self.looked_up = ""
        self.barred: Failed | None = None
        self.waived: Reason | None = None
        self.proved: str | None = None
        self.user: User | None = None
        self.step = _FIRST
        self.found: Found | FoundRecovery | None = None
        self.rest = b""
        self.factor: UpstreamFactor | None = None
        self.offered: bytes | None = None
        self.guess = b""
        self.asked: Asked | None = None
        self.alias = ""
        self.under_way: UnderWay | None = None
        self.heard: Heard | None = None
        self.answered = _NOBODY
        self.kept: Kept = carried.EMPTY
        self.missing = ""
        self.gone: Reason | None = None
        self.told: list[str] | None = None
        self.kind = self.serial = self.detail = ""
        if entry is not None and entry.talk is not None:
            self.missing = entry.talk.missing
            self.kind, self.serial = entry.talk.proved
            if entry.talk.kept:
                self.kept = carried.load(entry.talk.kept)

    def follow(self, rule: Rule) -> None:
        """Let *rule* decide from now on."""
        self.rule = rule
        self.client = rule.client
        self.plan = rule.plan

    @property
    def owner(self) -> str:
        """The one name of whose login it is, or empty: neither directory nor store knows them."""
        if self.person is not None:
            return self.person.name
        # A number below 0: only a name that somebody has typed.
        return self.user.name if self.user is not None and self.user.id > 0 else ""

    @property
    def asked_errand(self) -> Errand | None:
        """The errand that is to be done, or None."""
        return self.asked if isinstance(self.asked, LookUp | Bind | AskApproval) else None

    @property
    def factor_name(self) -> str:
        """The upstream factor that is checked, in this round or the one before; or empty."""
        if self.factor is not None:
            return self.factor.name
        talk = None if self.entry is None else self.entry.talk
        return "" if talk is None else talk.factor

    @property
    def is_own_question(self) -> bool:
        """Whether what was typed answers a passcode prompt of ours."""
        return self.entry is not None and self.step is Step.PASSCODE and not self.is_talking

    @property
    def has_password(self) -> bool:
        """Whether the password was right before the second factor is looked at."""
        if self.mode in _WITHOUT_PASSWORD or self.plan.factor_first:
            return False
        return self.entry is not None or self.step is not _FIRST

    @property
    def has_tries(self) -> bool:
        """Whether a wrong answer is asked for again."""
        return self.entry is not None and self.entry.wrong + 1 < self.client.attempts

    @property
    def is_talking(self) -> bool:
        """Whether what was typed answers an upstream, and is nothing but that."""
        entry = self.entry
        return entry is not None and entry.talk is not None and bool(entry.talk.upstream)
