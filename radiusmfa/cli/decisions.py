"""What the policies decide of a login that is made up: by the code that decides real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from radiusmfa.config import effective
from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import Users
from radiusmfa.login.errands import Approval
from radiusmfa.login.policy import Chosen, Facts, NeedsApproval, Refused, Test, choose, folded
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.config.cases import Case
    from radiusmfa.config.model import Client, Configuration

SKIP: Final = "skip"
UNKNOWN_CLIENT: Final = "unknown-client"
"""No reason of a login: the case names a client that the configuration has not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """
    What is decided.

    Attributes:
        policy: The one that decides, or came nearest; empty: none.
        refused: Why nobody gets in; empty: whoever proves what is asked does.
        primary: Who checks the password.
        factors: Those that count, in order; `("skip",)`: the password alone lets in.
        reply: Attributes of the Accept, as the configuration writes them.
    """

    policy: str = ""
    refused: str = ""
    primary: str = ""
    factors: tuple[str, ...] = ()
    reply: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return it as one phrase."""
        by = f"policy {self.policy}" if self.policy else "no policy"
        if self.refused:
            return f"refused, {self.refused}, {by}" if self.policy else f"refused, {self.refused}"
        reply = ", ".join(f"{name}={value}" for name, value in self.reply)
        told = f"{by}, primary {self.primary}, factors {', '.join(self.factors) or 'none'}"
        return f"{told}, reply {reply}" if reply else told

    def as_json(self) -> dict[str, object]:
        """Return what `--json` prints of it."""
        if self.refused:
            return {"policy": self.policy, "refused": self.refused}
        return {
            "policy": self.policy,
            "primary": self.primary,
            "factors": list(self.factors),
            "reply": [list(pair) for pair in self.reply],
        }


def decide(config: Configuration, case: Case, now: float) -> Decision:
    """
    Return what *config* decides of *case*.

    Args:
        config: Without a fault.
        case: Whose login, from where, when.
        now: Seconds since 1970, for a case that says no time.
    """
    own = next((one for one in config.clients if one.name == case.client), None)
    if own is None:
        return Decision(refused=UNKNOWN_CLIENT)
    at = now if case.at is None else case.at
    if config.policies is None:
        return _settled(config, case, own, "", at)
    policies = [one for one in config.policies if effective.names(one, own)]
    known = {one.name: one for one in config.directories}
    tests = [Test(policy, effective.directory(own, policy, known)) for policy in policies]
    found = choose(tests, _facts(config, case, own, at))
    if isinstance(found, Chosen):
        policy = policies[found.at]
        if policy.deny:
            return Decision(policy=policy.name, refused=Reason.POLICY_DENIES)
        return _settled(config, case, effective.client(own, policy), policy.name, at)
    assert isinstance(found, Refused)  # noqa: S101 - a case says all there is to be asked
    name = policies[found.at].name if found.at >= 0 else ""
    return Decision(policy=name, refused=found.reason)


def differences(case: Case, found: Decision) -> Iterator[str]:
    """Yield what *found* has otherwise than *case* expects."""
    wanted = case.expected
    refused = None if wanted.refused is None else wanted.refused.value
    if (refused or "") != found.refused:
        yield f"expected {f'refused, {refused}' if refused else 'to get in'}"
    if wanted.policy is not None and wanted.policy != found.policy:
        yield f"expected policy {wanted.policy}"
    if found.refused:
        return
    if wanted.primary is not None and wanted.primary != found.primary:
        yield f"expected primary {wanted.primary}"
    if wanted.factors is not None and wanted.factors != found.factors:
        yield f"expected factors {', '.join(wanted.factors) or 'none'}"
    if wanted.reply is not None and sorted(wanted.reply) != sorted(found.reply):
        told = ", ".join(f"{name}={value}" for name, value in wanted.reply)
        yield f"expected reply {told or 'of nothing'}"


def _facts(config: Configuration, case: Case, own: Client, at: float) -> Facts:
    attributes = dict(case.attributes)
    facts = Facts(
        typed=case.user,
        now=at,
        address=case.address if own.trust_address else None,
        attribute=lambda name: attributes.get(name, ()),
    )
    groups = {folded(group): group for group in case.groups}
    facts.people = {one.name: (case.user, groups) for one in config.directories}
    facts.people[""] = (case.user, groups)
    for source in config.approvals:
        reason = None if source.name in case.approvals else Reason.NOT_APPROVED
        for directory in facts.people:
            needs = NeedsApproval(source.name, directory)
            facts.approvals[needs] = Approval(approval=source.name, reason=reason)
    return facts


def _settled(
    config: Configuration, case: Case, settings: Client, policy: str, at: float
) -> Decision:
    if settings.mode is Mode.PROXY:
        factors: tuple[str, ...] = ()
    elif settings.skips_factor:
        factors = (SKIP,)
    else:
        factors = settings.factors
        if case.token is not None and not _is_enrolled(config, settings, case.token):
            until = settings.not_enrolled_until
            if until is None or datetime.fromtimestamp(at, UTC).date() > until:
                return Decision(policy=policy, refused=Reason.NOT_ENROLLED)
            factors = (SKIP,)
    return Decision(policy=policy, primary=settings.primary, factors=factors, reply=settings.reply)


def _is_enrolled(config: Configuration, settings: Client, token: tuple[str, ...]) -> bool:
    everyone = {
        one.name for one in config.factors.upstream if one.users is Users.EVERYONE and not one.needs
    }
    return any(name in token or name in everyone for name in settings.factors)
