"""
Which policy decides a login, and what has to be asked before that can be said.

A login that waits for a directory, or for a service that knows approvals, is compared with
the policies again when the answer is there. Without policies, and without a directory,
nothing of this happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.config.model import Mode
from radiusmfa.config.policy_model import Order
from radiusmfa.decision import Reject
from radiusmfa.login import person as people
from radiusmfa.login.errands import Approval, AskApproval, Bind, LookUp, Told
from radiusmfa.login.person import PersonError
from radiusmfa.login.policy import (
    Chosen,
    Facts,
    NeedsApproval,
    NeedsPerson,
    Refused,
    choose,
    folded,
)
from radiusmfa.login.username import UserNameError, normal_name, stripped
from radiusmfa.ops.audit import Ruled
from radiusmfa.outcome import Failed, Reason, Unavailable
from radiusmfa.wire import names, numbers, texts, vendor
from radiusmfa.wire.template import Fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.config.directory_model import Directory
    from radiusmfa.login.account import User
    from radiusmfa.login.errands import Answer, Errand
    from radiusmfa.login.policy import Groups
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.server.binding import Binding
    from radiusmfa.server.parts import Site
    from radiusmfa.server.rules import Rule
    from radiusmfa.server.run import Checked
    from radiusmfa.stores.logins import Logins
    from radiusmfa.wire.codec import Packet

_NOBODY: Final[tuple[str, Groups]] = ("", {})
_MICROSECONDS: Final = 1_000_000


@final
class Ruling:
    """
    What is known of one round of a login until its policy is chosen, and what was asked for it.

    Attributes:
        judge: Whose directories and approvals they are.
        facts: For the policies.
        told: What directories said, by their names.
        choice: The policy that was chosen; None: not yet, or there are none.
        is_settled: Nothing more has to be asked before the first step.
        directory: Microseconds that directories took, binds included.
        approval: Microseconds that services took.
        needs: The approval that a service is asked for.
        bound: Directories that have found the password right before a policy was chosen.
    """

    __slots__ = (
        "approval", "bound", "choice", "directory", "facts", "is_settled", "judge", "needs",
        "told",
    )  # fmt: skip

    def __init__(self, judge: Judge, facts: Facts) -> None:
        """Know what the request itself says, and who judges it: also after a reload."""
        self.judge = judge
        self.facts = facts
        self.told: dict[str, Told] = {}
        self.choice: Chosen | None = None
        self.is_settled = False
        self.directory = 0
        self.approval = 0
        self.bound: set[str] = set()
        self.needs = NeedsApproval("", "")

    def ruled(self, attempt: Attempt) -> Ruled:
        """Return what the audit says of it."""
        choice, address = self.choice, self.facts.address
        return Ruled(
            policy="" if attempt.rule is None else attempt.rule.name,
            group="" if choice is None else choice.group,
            address="" if address is None else str(address),
            evidence="" if choice is None else choice.evidence,
            directory=self.directory,
            approval=self.approval,
        )

    def took(self, answer: Answer) -> None:
        """Add up how long *answer* took."""
        microseconds = int(answer.seconds * _MICROSECONDS)
        if isinstance(answer, Told):
            self.directory += microseconds
        else:
            self.approval += microseconds


_Next: TypeAlias = "Reject | Errand | None"


@final
class Judge:
    """Knows the store, the directories and the approvals."""

    def __init__(
        self,
        logins: Logins,
        binding: Binding,
        directories: Iterable[Directory],
        approvals: Iterable[ApprovalSource],
    ) -> None:
        """Keep the parts."""
        self._logins = logins
        self._binding = binding
        self._directories = {one.name: one for one in directories}
        self._approvals = {one.name: one for one in approvals}

    def settle(self, attempt: Attempt, site: Site, now: float, monotonic: float) -> Reject | None:
        """
        Choose the policy of *attempt*, or have asked what is missing.

        Returns:
            A Reject, or None: `attempt.asked` is to be asked, or `attempt.ruling` is settled.
        """
        ruling = attempt.ruling
        if ruling is None:
            ruling = attempt.ruling = Ruling(self, _facts(attempt, site, now))
            if attempt.entry is not None and not self._recall(attempt, site, ruling):
                return Reject(Reason.UNKNOWN_STATE)
        ruling.facts.now = now
        if attempt.entry is None and site.rules is not None:
            following = self._choose(attempt, site, site.rules, monotonic)
        else:
            following = self._follow(attempt, site, attempt.rule or site.own, monotonic)
        if isinstance(following, Reject):
            return following
        attempt.asked = following
        ruling.is_settled = following is None
        return None

    def told(
        self, attempt: Attempt, answer: Checked | None, now: float, monotonic: float
    ) -> Reject | None:
        """Take what was asked for `settle`; a Reject: nothing else matters any more."""
        ruling, question = attempt.ruling, attempt.asked
        if ruling is None or not isinstance(answer, Told | Approval):
            return Reject(Reason.BROKEN)
        ruling.took(answer)
        if isinstance(answer, Approval):
            ruling.facts.approvals[ruling.needs] = answer
        elif isinstance(question, Bind):
            settings = self._directories[answer.directory]
            attempt.user = self._caller(attempt)
            outcome = self._binding.outcome(attempt, settings, answer, now, monotonic)
            if isinstance(outcome, Failed | Unavailable):
                return Reject(outcome.reason)
            ruling.told[answer.directory] = answer
            ruling.bound.add(answer.directory)
        else:
            ruling.told[answer.directory] = answer
        attempt.asked = None
        return None

    def _recall(self, attempt: Attempt, site: Site, ruling: Ruling) -> bool:
        # A later round: the policy of the first one stays, and who it was.
        entry = attempt.entry
        rule = None if entry is None else site.find(entry.policy)
        if entry is None or rule is None:
            return False  # a reload has taken the policy away
        attempt.follow(rule)
        if not rule.directory:
            return True
        kept = b"" if entry.talk is None else entry.talk.person
        person = None
        if kept:
            try:
                person, looked_up = people.load(kept)
            except PersonError:
                return False
            asked = self._searched(attempt, self._directories[rule.directory])
            if (person.directory, looked_up) != (rule.directory, asked):
                return False  # another one's name: a challenge is one person's
        # Whom the directory did not know then is not asked for again.
        reason = Reason.UNKNOWN_USER if person is None else None
        ruling.told[rule.directory] = Told(directory=rule.directory, reason=reason, person=person)
        return True

    def _choose(
        self, attempt: Attempt, site: Site, rules: tuple[Rule, ...], monotonic: float
    ) -> _Next:
        ruling = _needed(attempt)
        while True:
            self._learn(attempt, ruling, site.strip)
            found = choose(site.tests, ruling.facts)
            match found:
                case Refused(reason, at):
                    if at >= 0:
                        attempt.follow(rules[at])
                    return Reject(reason)
                case Chosen(at):
                    attempt.follow(rules[at])
                    ruling.choice = found
                    if site.tests[at].policy.deny:
                        return Reject(Reason.POLICY_DENIES)
                    return self._identify(attempt, ruling, rules[at].directory)
                case NeedsPerson(directory):
                    asked = self._person(attempt, site, directory, monotonic)
                case _:
                    asked = self._approval(attempt, site, found, monotonic)
            if asked is not None:
                return asked

    def _follow(self, attempt: Attempt, site: Site, rule: Rule, monotonic: float) -> _Next:
        # The client's own settings; or a later round, where what changes with time must hold.
        ruling = _needed(attempt)
        attempt.follow(rule)
        asked = self._identify(attempt, ruling, rule.directory)
        if asked is not None or rule.test is None:
            return asked
        while True:
            self._learn(attempt, ruling)
            found = rule.test.still_holds(ruling.facts, 0)
            if isinstance(found, NeedsApproval):
                asked = self._approval(attempt, site, found, monotonic)
                if asked is not None:
                    return asked
            elif isinstance(found, Chosen):
                ruling.choice = found
                return None
            else:
                return Reject(found.reason if isinstance(found, Refused) else Reason.BROKEN)

    def _identify(self, attempt: Attempt, ruling: Ruling, directory: str) -> _Next:
        # Only the directory of the policy that was chosen says who it is.
        attempt.person = None
        if not directory:
            return None
        settings = self._directories[directory]
        attempt.looked_up = self._searched(attempt, settings)
        told = ruling.told.get(directory)
        if told is None:
            # Where it cannot be searched, who it is shows with the bind.
            return self._look_up(attempt, settings) if settings.can_search else None
        if told.reason not in (None, Reason.UNKNOWN_USER):
            return Reject(told.reason)
        attempt.person = told.person
        return None

    def _person(self, attempt: Attempt, site: Site, directory: str, monotonic: float) -> _Next:
        settings, ruling = self._directories[directory], _needed(attempt)
        attempt.looked_up = self._searched(attempt, settings)
        if settings.can_search:
            return self._look_up(attempt, settings)
        if attempt.mode is not Mode.CHALLENGE or not _is_its_password(site, directory):
            return Reject(Reason.DIRECTORY_REFUSED)  # there is no password to read groups with
        attempt.user, attempt.person = self._caller(attempt), None
        failed = self._binding.ask(attempt, settings, attempt.typed, ruling.facts.now, monotonic)
        return attempt.asked_errand if failed is None else Reject(failed.reason)

    def _caller(self, attempt: Attempt) -> User:
        # Whose failures count, before the directory has said who that is.
        user = self._logins.user(attempt.name)
        name = attempt.looked_up.encode()
        return user or self._logins.user(name) or self._logins.stranger(name)

    def _look_up(self, attempt: Attempt, settings: Directory) -> LookUp:
        return LookUp(directory=settings.name, name=attempt.looked_up, deadline=attempt.deadline)

    def _approval(
        self, attempt: Attempt, site: Site, needs: NeedsApproval, monotonic: float
    ) -> _Next:
        ruling = _needed(attempt)
        if needs.directory and needs.directory not in ruling.told:
            # It belongs to the person, whatever they are called here.
            return self._person(attempt, site, needs.directory, monotonic)
        source = self._approvals[needs.approval]
        name = _name(ruling, needs.directory)
        if source.servicenow is not None:
            ruling.needs = needs
            return AskApproval(approval=source.name, user=name, deadline=attempt.deadline)
        ruling.facts.approvals[needs] = self._logins.approval(source, name, ruling.facts.now)
        return None

    def _searched(self, attempt: Attempt, settings: Directory) -> str:
        user = self._logins.user(attempt.name)
        if user is not None:
            return user.name  # an alias, perhaps
        try:
            return normal_name(stripped(attempt.name, settings.strip))
        except UserNameError:
            return normal_name(attempt.name)  # nothing is left of it

    def _learn(self, attempt: Attempt, ruling: Ruling, strip: Collection[str] = ()) -> None:
        facts = ruling.facts
        user = self._logins.user(attempt.name)
        if user is None and strip:
            user = self._logins.user(stripped(attempt.name, strip))
        for directory, told in ruling.told.items():
            person = told.person
            if told.reason not in (None, Reason.UNKNOWN_USER):
                facts.people[directory] = told.reason
            elif person is None:
                facts.people[directory] = _NOBODY
            else:
                facts.people[directory] = person.name, _folded(person.groups)
                # The store may know more of whom the directory has named.
                user = user or self._logins.user(person.name.encode())
        facts.people[""] = _NOBODY if user is None else (user.name, _folded(user.groups))


def fields(attempt: Attempt, user: User, login: str, now: float) -> tuple[Fields, float | None]:
    """Return what is known for the reply, and after how many seconds its approval ends."""
    ruling = attempt.ruling
    if ruling is None:
        return Fields(user.name, login), None
    person, choice = attempt.person, ruling.choice
    groups = user.groups if person is None else (*person.groups, *user.groups)
    until = None if choice is None else choice.until
    known = Fields(
        user=user.name,
        login=login,
        group="" if choice is None else choice.group,
        groups=tuple(_folded(groups).values()),
        directory=() if person is None else person.attributes,
    )
    return known, None if until is None else until - now


def _is_its_password(site: Site, directory: str) -> bool:
    # What is typed first is a password of that directory, and of nobody else.
    return all(
        rule.client.primary == directory and rule.client.order is Order.PASSWORD_FIRST
        for rule in site.rules or (site.own,)
        if rule.directory == directory
    )


def _facts(attempt: Attempt, site: Site, now: float) -> Facts:
    packet = attempt.packet
    return Facts(
        typed=normal_name(attempt.name),
        now=now,
        address=site.address(packet),
        attribute=lambda name: texts_of(packet, name),
    )


def texts_of(packet: Packet, name: str) -> list[str]:
    """Return the texts that attribute *name* of *packet* has."""
    found = names.attribute(name)
    if found.vendor:
        key = found.vendor, found.code
        values = [
            value
            for whole in packet.values(numbers.VENDOR_SPECIFIC)
            for maker, code, value in vendor.sub_attributes(whole) or ()
            if (maker, code) == key
        ]
    else:
        values = packet.values(found.code)
    written = (_written(found, value) for value in values)
    return [text for text in written if text is not None]


def _written(found: names.Attribute, value: bytes) -> str | None:
    try:
        return texts.written(found, value)
    except names.AttributeValueError:
        return None  # it is no value that a policy could name


def _needed(attempt: Attempt) -> Ruling:
    assert attempt.ruling is not None  # noqa: S101 - `settle` has made it
    return attempt.ruling


def _name(ruling: Ruling, directory: str) -> str:
    for place in (directory, ""):
        known = ruling.facts.people.get(place)
        if isinstance(known, tuple) and known[0]:
            return known[0]
    return ruling.facts.typed


def _folded(groups: Iterable[str]) -> Groups:
    found: dict[str, str] = {}
    for group in groups:
        found.setdefault(folded(group), group)
    return found
