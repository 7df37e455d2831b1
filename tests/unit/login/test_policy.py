"""Tests of `radiusmfa.login.policy`: refusals first."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config.policy_model import Conditions, Policy, Schedule, Span
from radiusmfa.login.errands import Approval
from radiusmfa.login.policy import (
    Choice,
    Chosen,
    Facts,
    NeedsApproval,
    NeedsPerson,
    Refused,
    Test,
    choose,
    realm,
)
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

NOON = 1_795_694_400.0  # 2026-11-26, a Thursday, 12:00 UTC
UTC = ZoneInfo("UTC")
ALWAYS = Schedule(name="always", spans=(Span(days=frozenset(range(7))),), zone=UTC)
NEVER = Schedule(name="never", spans=(Span(days=frozenset({5})),), zone=UTC)
OFFICE = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))


def facts(
    typed: str = "alice",
    address: str | None = None,
    people: Mapping[str, Any] | None = None,
    approvals: tuple[Approval, ...] = (),
    **attributes: str,
) -> Facts:
    """Return what is known of a login at noon."""
    made = Facts(
        typed=typed,
        now=NOON,
        address=None if address is None else ip_address(address),
        attribute=lambda name: [attributes[name]] if name in attributes else [],
    )
    made.people.update(people or {})
    made.approvals.update({NeedsApproval(one.approval, ""): one for one in approvals})
    return made


def policy(name: str = "p", directory: str = "", *, deny: bool = False, **when: Any) -> Test:  # noqa: ANN401
    """Return a policy with these conditions."""
    return Test(Policy(name=name, when=Conditions(**when), deny=deny), directory)


def person(name: str, *groups: str) -> tuple[str, dict[str, str]]:
    """Return what a directory says of somebody."""
    return name, {group.casefold(): group for group in groups}


def one(test: Test, known: Facts) -> Choice:
    """Return what becomes of a login with one policy."""
    return choose([test], known)


def test_promise_3_no_policy_is_a_refusal() -> None:
    """Where no policy fits nobody gets in."""
    assert choose([], facts()) == Refused(Reason.NO_POLICY, -1)


@pytest.mark.parametrize(
    ("when", "known", "reason"),
    [
        pytest.param({"users": ("bob",)}, facts(), Reason.NO_POLICY, id="another user"),
        pytest.param({"users": ("a?",)}, facts(), Reason.NO_POLICY, id="a pattern too short"),
        pytest.param({"realms": ("corp",)}, facts(), Reason.NO_POLICY, id="no realm"),
        pytest.param(
            {"realms": ("corp",)}, facts("alice@corp.evil"), Reason.NO_POLICY, id="longer realm"
        ),
        pytest.param({"networks": OFFICE}, facts(), Reason.OUTSIDE_NETWORK, id="not known where"),
        pytest.param(
            {"networks": OFFICE}, facts(address="192.0.2.1"), Reason.OUTSIDE_NETWORK, id="outside"
        ),
        pytest.param({"schedule": NEVER}, facts(), Reason.OUTSIDE_HOURS, id="at another hour"),
        pytest.param(
            {"attributes": (("NAS-Port-Type", ("Virtual",)),)},
            facts(),
            Reason.OTHER_ATTRIBUTES,
            id="no attribute",
        ),
        pytest.param(
            {"attributes": (("A", ("x",)), ("B", ("y",)))},
            facts(A="x", B="z"),
            Reason.OTHER_ATTRIBUTES,
            id="one of two attributes",
        ),
        pytest.param({"groups": ("staff",)}, facts(), Reason.NOT_IN_GROUP, id="no group"),
    ],
)
def test_condition_that_does_not_hold_refuses(
    when: dict[str, Any], known: Facts, reason: Reason
) -> None:
    """Each condition by itself keeps out whom it does not fit, and says why."""
    assert one(policy(**when), known).reason is reason  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("when", "known"),
    [
        pytest.param({}, facts(), id="no condition"),
        pytest.param({"users": ("bob", "al*")}, facts(), id="a pattern"),
        pytest.param({"realms": ("corp",)}, facts("alice@corp"), id="realm behind"),
        pytest.param({"realms": ("corp",)}, facts("corp\\alice"), id="realm before"),
        pytest.param({"networks": OFFICE}, facts(address="10.1.2.3"), id="inside"),
        pytest.param({"networks": OFFICE}, facts(address="2001:db8::1"), id="inside, IPv6"),
        pytest.param({"schedule": ALWAYS}, facts(), id="at this hour"),
        pytest.param({"attributes": (("A", ("w", "x")),)}, facts(A="x"), id="any of two values"),
    ],
)
def test_conditions_that_hold_choose(when: dict[str, Any], known: Facts) -> None:
    """A policy whose every condition holds decides."""
    assert one(policy(**when), known) == Chosen(0)


def test_first_that_fits_decides() -> None:
    """The order of the file is the order of preference."""
    tests = [policy(users=("bob",)), policy(users=("a*",)), policy()]
    assert choose(tests, facts()) == Chosen(1)


def test_refusal_is_that_of_the_nearest_policy() -> None:
    """A helpdesk hears what was missing where most conditions held, the first of equals."""
    tests = [
        policy(networks=OFFICE),
        policy(schedule=NEVER),
        policy(schedule=NEVER),
        policy(users=("bob",)),
    ]
    assert choose(tests, facts()) == Refused(Reason.OUTSIDE_HOURS, 1)


def test_directory_is_asked_only_where_it_could_matter() -> None:
    """Whom another condition keeps out costs no search."""
    test = policy(directory="corp", groups=("staff",), networks=OFFICE)
    assert one(test, facts()) == Refused(Reason.OUTSIDE_NETWORK, 0)
    assert one(test, facts(address="10.0.0.1")) == NeedsPerson("corp")


def test_group_of_the_directory_counts_as_it_is_written_there() -> None:
    """Groups are compared without case; replies show the directory's own spelling."""
    test = policy(directory="corp", groups=("admins", "STAFF"))
    known = facts(people={"corp": person("alice", "Staff", "VPN")})
    assert one(test, known) == Chosen(0, "Staff")


def test_first_group_of_the_policy_is_the_one_that_counts() -> None:
    """Of several groups that fit, the policy's order decides."""
    test = policy(directory="corp", groups=("admins", "staff"))
    known = facts(people={"corp": person("alice", "Staff", "Admins")})
    assert one(test, known) == Chosen(0, "Admins")


def test_group_of_the_store_needs_no_directory() -> None:
    """Whoever the store puts into the group is in it, without a search."""
    test = policy(directory="corp", groups=("staff",))
    assert one(test, facts(people={"": person("alice", "staff")})) == Chosen(0, "staff")


def test_group_of_another_directory_does_not_count() -> None:
    """Only the policy's directory and the store say who is in a group."""
    test = policy(directory="corp", groups=("staff",))
    known = facts(people={"corp": person("alice"), "guests": person("alice", "staff")})
    assert one(test, known) == Refused(Reason.NOT_IN_GROUP, 0)


@pytest.mark.parametrize(
    "reason",
    [
        Reason.DIRECTORY_UNREACHABLE,
        Reason.DIRECTORY_SILENT,
        Reason.DIRECTORY_BUSY,
        Reason.DIRECTORY_REFUSED,
        Reason.AMBIGUOUS_USER,
    ],
)
@pytest.mark.parametrize("when", [{"groups": ("staff",)}, {"users": ("alice",)}], ids=str)
def test_promise_3_unknown_is_not_another_policy(reason: Reason, when: dict[str, Any]) -> None:
    """A directory that cannot be asked ends the login: the laxer policy below is not reached."""
    tests = [policy(directory="corp", **when), policy()]
    assert choose(tests, facts(people={"corp": reason})) == Refused(reason, 0)


def test_promise_3_service_that_cannot_be_asked_ends_the_login() -> None:
    """An approval that nobody can tell is none, and no reason to look further."""
    gone = Approval(approval="root", reason=Reason.APPROVAL_UNAVAILABLE)
    tests = [policy(approval="root"), policy()]
    assert choose(tests, facts(approvals=(gone,))) == Refused(Reason.APPROVAL_UNAVAILABLE, 0)


@pytest.mark.parametrize(
    "reason",
    [
        Reason.NOT_APPROVED,
        Reason.APPROVAL_PENDING,
        Reason.APPROVAL_REJECTED,
        Reason.APPROVAL_EXPIRED,
    ],
)
def test_approval_not_in_force_does_not_fit(reason: Reason) -> None:
    """Who is not approved is not let in by this policy; the next one is looked at."""
    known = facts(approvals=(Approval(approval="root", reason=reason),))
    assert one(policy(approval="root"), known) == Refused(reason, 0)
    assert choose([policy(approval="root"), policy()], known) == Chosen(1)


def test_approval_is_asked_for_last() -> None:
    """Whom anything else keeps out costs no question."""
    assert one(policy(approval="root", schedule=NEVER), facts()) == Refused(Reason.OUTSIDE_HOURS, 0)
    assert one(policy(approval="root"), facts()) == NeedsApproval("root", "")
    assert one(policy(directory="corp", approval="root"), facts()) == NeedsApproval("root", "corp")


def test_approval_in_force_says_until_when() -> None:
    """Its end limits the session, its number stands in the audit."""
    approval = Approval(approval="root", until=NOON + 60, evidence="#7")
    found = one(policy(approval="root"), facts(approvals=(approval,)))
    assert found == Chosen(0, "", NOON + 60, "#7")


def test_approval_that_ended_meanwhile_has_expired() -> None:
    """What was in force when it was asked for may be over now."""
    approval = Approval(approval="root", until=NOON)
    found = one(policy(approval="root"), facts(approvals=(approval,)))
    assert found == Refused(Reason.APPROVAL_EXPIRED, 0)


def test_nobody_slips_past_by_another_name() -> None:
    """A policy about a person fits all of their names: typed, the store's, the directory's."""
    denied = policy(directory="corp", users=("mallory",), deny=True)
    assert one(denied, facts("m@corp")) == NeedsPerson("corp")
    assert one(denied, facts("m@corp", people={"corp": person("mallory")})) == Chosen(0)
    assert one(policy(users=("mallory",)), facts("m", people={"": person("mallory")})) == Chosen(0)


def test_who_hides_where_they_are_is_kept_out_by_a_denial() -> None:
    """A policy that denies a network fits an address that is not known."""
    assert one(policy(networks=OFFICE, deny=True), facts()) == Chosen(0)
    assert one(policy(networks=OFFICE, deny=True), facts(address="192.0.2.1")) == Refused(
        Reason.OUTSIDE_NETWORK, 0
    )


def test_later_round_needs_what_changes_with_time() -> None:
    """Hours and approval must still hold; what only the first request told is not asked again."""
    test = policy(users=("bob",), networks=OFFICE, schedule=ALWAYS, approval="root")
    approval = Approval(approval="root", until=NOON + 1)
    over = Approval(approval="root", reason=Reason.APPROVAL_EXPIRED)

    assert test.still_holds(facts(), 0) == NeedsApproval("root", "")
    assert test.still_holds(facts(approvals=(approval,)), 0) == Chosen(0, "", NOON + 1)
    assert test.still_holds(facts(approvals=(over,)), 0) == Refused(Reason.APPROVAL_EXPIRED, 0)
    assert policy(schedule=NEVER).still_holds(facts(), 3) == Refused(Reason.OUTSIDE_HOURS, 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("alice", ""),
        ("alice@corp.example", "corp.example"),
        ("a@b@corp", "corp"),
        ("corp\\alice", "corp"),
        ("corp\\alice@example", "corp"),
        ("alice@", ""),
    ],
)
def test_realm_is_what_stands_before_or_behind(name: str, expected: str) -> None:
    """RFC 7542 section 2.2: the realm follows the last `@`; a Windows domain stands before."""
    assert realm(name) == expected
