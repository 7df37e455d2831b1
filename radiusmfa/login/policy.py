"""
Which policy decides a login: the first whose every condition holds; none is a Reject.

Pure: `choose` walks the policies with what is known and answers with the policy, with what
has to be found out first, or with a refusal. What is not known never counts as "does not
match": whoever could keep a directory from answering would otherwise get the laxer policy
below.
"""

from __future__ import annotations

import unicodedata
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias, final

from radiusmfa.login import schedule
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from ipaddress import IPv4Address, IPv6Address

    from radiusmfa.config.policy_model import Policy
    from radiusmfa.login.errands import Approval

    Address: TypeAlias = IPv4Address | IPv6Address
    Groups: TypeAlias = Mapping[str, str]


@final
class Facts:
    """
    What is known of a login.

    Attributes:
        typed: User-Name in its normal form.
        now: Wall time.
        address: Where the person is; None: not known, or the client's word does not count.
        attribute: Returns the texts that a request's attribute has.
        people: By directory: the person's one name there (empty: nobody of that name) and
            groups, by their case-folded names; or why it cannot be told. "" is the store.
        approvals: What is known of approvals, by what was needed.
    """

    __slots__ = ("address", "approvals", "attribute", "now", "people", "typed")

    def __init__(
        self,
        *,
        typed: str,
        now: float,
        address: Address | None,
        attribute: Callable[[str], Sequence[str]],
    ) -> None:
        """Know what the request itself says."""
        self.typed = typed
        self.now = now
        self.address = address
        self.attribute = attribute
        self.people: dict[str, tuple[str, Groups] | Reason] = {"": ("", {})}
        self.approvals: dict[NeedsApproval, Approval] = {}


class Chosen(NamedTuple):
    """
    A policy whose every condition holds.

    Attributes:
        at: Its number in the order.
        group: The person's group that its condition names, as the directory writes it.
        until: When its approval ends, seconds since 1970; None: none, or not known.
        evidence: Number of the approval's record, empty: none.
    """

    at: int
    group: str = ""
    until: float | None = None
    evidence: str = ""


class NeedsPerson(NamedTuple):
    """Look the person up in *directory* and choose again."""

    directory: str


class NeedsApproval(NamedTuple):
    """Ask for *approval* of the person that *directory* (empty: the store) names; choose again."""

    approval: str
    directory: str


class Refused(NamedTuple):
    """
    Nobody gets in.

    Attributes:
        reason: Of the policy that came nearest to fitting.
        at: The number of that policy, -1: none came near.
    """

    reason: Reason
    at: int = -1


Choice: TypeAlias = Chosen | NeedsPerson | NeedsApproval | Refused

# The further down, the more of a policy's conditions held before.
_DEPTH: Final = {
    Reason.NO_POLICY: 0,
    Reason.OTHER_ATTRIBUTES: 1,
    Reason.OUTSIDE_NETWORK: 2,
    Reason.OUTSIDE_HOURS: 3,
    Reason.NOT_IN_GROUP: 4,
    Reason.NOT_APPROVED: 5,
    Reason.APPROVAL_PENDING: 5,
    Reason.APPROVAL_REJECTED: 5,
    Reason.APPROVAL_EXPIRED: 5,
}
"""Reasons that a condition does not hold; every other one ends the login."""


@final
class Test:
    """
    A policy, ready to be compared with a login of one client.

    Attributes:
        policy: Whose conditions.
        directory: Whose names and groups count; empty: the store's alone.
    """

    __slots__ = ("_groups", "directory", "policy")
    __test__ = False  # pytest: no test class

    def __init__(self, policy: Policy, directory: str) -> None:
        """Prepare the comparison."""
        self.policy = policy
        self.directory = directory
        self._groups = tuple(folded(group) for group in policy.when.groups)

    def compare(self, facts: Facts, at: int) -> Choice:
        """Return `Chosen` if every condition holds; the cheap ones are looked at first."""
        if not self._is_realm(facts):
            return Refused(Reason.NO_POLICY, at)
        if self.policy.when.users:
            unknown = self._unknown(facts, at)
            if unknown is not None:
                return unknown
            if not self._is_user(facts):
                return Refused(Reason.NO_POLICY, at)
        elsewhere = self._elsewhere(facts)
        if elsewhere is not None:
            return Refused(elsewhere, at)
        group = self.group(facts)
        if self._groups and not group:
            return self._unknown(facts, at) or Refused(Reason.NOT_IN_GROUP, at)
        return self._approved(facts, at, group)

    def still_holds(self, facts: Facts, at: int) -> Choice:
        """
        Return `Chosen` if what changes with time holds: the hours, the approval.

        For the later rounds of a login, whose requests may lack what the first one had.
        """
        when = self.policy.when
        if when.schedule is not None and not schedule.holds(when.schedule, facts.now):
            return Refused(Reason.OUTSIDE_HOURS, at)
        return self._approved(facts, at, self.group(facts))

    def group(self, facts: Facts) -> str:
        """Return the first of the policy's groups that the person has, as it is written there."""
        for place in dict.fromkeys((self.directory, "")):
            known = facts.people.get(place)
            if isinstance(known, tuple):
                for group in self._groups:
                    if group in known[1]:
                        return known[1][group]
        return ""

    def _approved(self, facts: Facts, at: int, group: str) -> Choice:
        wanted = self.policy.when.approval
        if not wanted:
            return Chosen(at, group)
        needs = NeedsApproval(wanted, self.directory)
        approval = facts.approvals.get(needs)
        if approval is None:
            return needs
        if approval.reason is not None:
            return Refused(approval.reason, at)
        if approval.until is not None and approval.until <= facts.now:
            return Refused(Reason.APPROVAL_EXPIRED, at)  # while somebody typed
        return Chosen(at, group, approval.until, approval.evidence)

    def _unknown(self, facts: Facts, at: int) -> NeedsPerson | Refused | None:
        # A directory's other names are the person, too: nobody slips past by one of them.
        known = facts.people.get(self.directory)
        if known is None:
            return NeedsPerson(self.directory)
        return Refused(known, at) if isinstance(known, Reason) else None

    def _elsewhere(self, facts: Facts) -> Reason | None:
        when = self.policy.when
        for name, texts in when.attributes:
            if not any(text in texts for text in facts.attribute(name)):
                return Reason.OTHER_ATTRIBUTES
        if when.networks and not self._is_inside(facts.address):
            return Reason.OUTSIDE_NETWORK
        if when.schedule is not None and not schedule.holds(when.schedule, facts.now):
            return Reason.OUTSIDE_HOURS
        return None

    def _is_realm(self, facts: Facts) -> bool:
        realms = self.policy.when.realms
        return not realms or realm(facts.typed) in realms

    def _is_user(self, facts: Facts) -> bool:
        names = {facts.typed}
        # Whom another directory knows by that name is kept out by it, and let in by nothing.
        places = facts.people if self.policy.deny else (self.directory, "")
        known = (facts.people.get(place) for place in places)
        names.update(one[0] for one in known if isinstance(one, tuple))
        names.discard("")
        return any(
            fnmatchcase(name, pattern) for name in names for pattern in self.policy.when.users
        )

    def _is_inside(self, address: Address | None) -> bool:
        if address is None:
            return self.policy.deny  # who hides where they are may be there
        return any(
            address.version == network.version and address in network
            for network in self.policy.when.networks
        )


def choose(tests: Sequence[Test], facts: Facts) -> Choice:
    """
    Return what decides a login.

    Args:
        tests: The policies that name its client, in order.
        facts: What is known; asked again when there is more.
    """
    nearest = Refused(Reason.NO_POLICY)
    for at, test in enumerate(tests):
        found = test.compare(facts, at)
        if not isinstance(found, Refused) or found.reason not in _DEPTH:
            return found
        if _DEPTH[found.reason] > _DEPTH[nearest.reason]:
            nearest = found
    return nearest


@lru_cache(maxsize=4096)
def folded(group: str) -> str:
    """Return the name of a group as it is compared."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", group).casefold())


def realm(name: str) -> str:
    r"""Return the realm of a name in normal form: `user@realm`, `realm\user`; empty: none."""
    before, backslash, _ = name.partition("\\")
    if backslash:
        return before
    _, at, after = name.rpartition("@")
    return after if at else ""
