"""For all policies and logins: what is said to be never reached is never what decides."""

from __future__ import annotations

import itertools
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config import containment, effective, proofs
from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.model import Client, Configuration
from radiusmfa.config.policy_model import Conditions, Policy, Schedule, Span
from radiusmfa.login.errands import Approval
from radiusmfa.login.policy import Chosen, Facts, NeedsApproval, NeedsPerson, Test, choose
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret

pytestmark = pytest.mark.property

PATTERNS = st.text("ab*?", min_size=1, max_size=3)
WORDS = ["".join(word) for size in range(1, 7) for word in itertools.product("abz", repeat=size)]


@given(st.lists(PATTERNS, min_size=1, max_size=3), st.lists(PATTERNS, min_size=1, max_size=3))
def test_patterns_are_contained_just_where_no_name_speaks_against_it(
    outer: list[str], inner: list[str]
) -> None:
    """Both ways: a yes has no name against it, and a no has a short one."""

    def fits(word: str, patterns: list[str]) -> bool:
        return any(fnmatchcase(word, pattern) for pattern in patterns)

    against = [word for word in WORDS if fits(word, inner) and not fits(word, outer)]
    assert containment.patterns(outer, inner) is (not against)


CLIENTS = tuple(
    Client(name=name, networks=(), secret=Secret(b""), trust_address=trusts)
    for name, trusts in (("vpn", False), ("broker", True))
)
APPROVALS = (ApprovalSource(name="a"), ApprovalSource(name="b"))
DIRECTORIES = tuple(
    Directory(name=name, servers=(), base="x", bind_dn="y") for name in ("corp", "old")
)
HOURS = tuple(
    Schedule(
        name=f"{start}",
        spans=(Span(days=frozenset(days), start=start, end=end),),
        zone=ZoneInfo(zone),
    )
    for days, start, end, zone in (
        (range(7), 0, 1440, "UTC"),
        (range(5), 480, 1080, "UTC"),
        (range(5), 600, 660, "UTC"),
        (range(5), 480, 1080, "Europe/Berlin"),
    )
)
NETS = tuple(map(ip_network, ("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "0.0.0.0/0", "::/0")))


def _some(*values: object) -> st.SearchStrategy[tuple[object, ...]]:
    chosen = [(), (), *((one,) for one in values), *itertools.permutations(values, 2)]
    return st.sampled_from(chosen)


CONDITIONS = st.builds(
    Conditions,
    clients=_some("vpn", "broker"),
    users=_some("*", "a*", "ab", "*b", "?"),
    realms=_some("", "x"),
    groups=_some("g", "G", "h"),
    networks=_some(*NETS),
    schedule=st.none() | st.sampled_from(HOURS),
    attributes=st.sampled_from(
        [(), (("Class", ("1",)),), (("Class", ("2", "1")),), (("Class", ("3",)),)]
    ),
    approval=st.sampled_from(["", "", "a", "b"]),
)
POLICIES = st.lists(
    st.builds(
        Policy,
        name=st.just("it"),
        when=CONDITIONS,
        deny=st.booleans(),
        directory=st.sampled_from(["", "corp", "old"]),
    ),
    min_size=2,
    max_size=5,
)
PEOPLE = st.tuples(
    st.sampled_from(["", "a", "ab", "b"]),
    st.sampled_from([{}, {"g": "G"}, {"h": "h"}, {"g": "g", "h": "h"}]),
)
FACTS = st.fixed_dictionaries(
    {
        "typed": st.sampled_from(["a", "ab", "b", "x\\ab", "z@x"]),
        "now": st.sampled_from([1_780_300_800.0 + 3600 * at for at in range(0, 168, 5)]),
        "address": st.sampled_from(
            [None, *map(ip_address, ("10.1.1.1", "10.200.1.1", "192.0.2.1", "::1"))]
        ),
        "class": st.sampled_from([[], ["1"], ["2"], ["1", "3"]]),
        "people": st.fixed_dictionaries(
            {
                "": PEOPLE,
                "corp": PEOPLE | st.just(Reason.DIRECTORY_SILENT),
                "old": PEOPLE | st.just(Reason.DIRECTORY_SILENT),
            }
        ),
        "approvals": st.fixed_dictionaries(
            {
                name: st.sampled_from([None, Reason.NOT_APPROVED, Reason.APPROVAL_UNAVAILABLE])
                for name in ("a", "b")
            }
        ),
    }
)


def _configuration(policies: list[Policy]) -> Configuration:
    return Configuration(
        path=Path("f"),
        listen=(),
        store_path=Path("f"),
        keys_path=Path("f"),
        clients=CLIENTS,
        directories=DIRECTORIES,
        approvals=APPROVALS,
        policies=tuple(policies),
    )


def _decides(tests: list[Test], known: dict[str, object], client: Client) -> int:
    """Return the number of the policy that decides as live: asked again with all it needs."""
    people, approvals, texts = known["people"], known["approvals"], known["class"]
    assert isinstance(people, dict)
    assert isinstance(approvals, dict)
    assert isinstance(texts, list)
    facts = Facts(
        typed=str(known["typed"]),
        now=known["now"],  # type: ignore[arg-type]  # drawn
        address=known["address"] if client.trust_address else None,  # type: ignore[arg-type]
        attribute=lambda name: texts if name == "Class" else [],
    )
    facts.people[""] = people[""]
    while True:
        match choose(tests, facts):
            case Chosen(at):
                return at
            case NeedsPerson(directory):
                facts.people[directory] = people[directory]
            case NeedsApproval(approval) as needs:
                facts.approvals[needs] = Approval(approval=approval, reason=approvals[approval])
            case _:
                return -1


@given(POLICIES, st.lists(FACTS, min_size=1, max_size=10))
def test_what_is_never_reached_never_decides(
    policies: list[Policy], logins: list[dict[str, object]]
) -> None:
    """Whatever is known of a login: an earlier policy decides it, or nobody gets in."""
    config = _configuration(policies)
    known = {one.name: one for one in DIRECTORIES}
    for client in CLIENTS:
        own = [at for at, policy in enumerate(policies) if effective.names(policy, client)]
        dead = {at for at in own if proofs.decides_before(config, at, client) is not None}
        tests = [Test(policies[at], effective.directory(client, policies[at], known)) for at in own]
        for login in logins:
            number = _decides(tests, login, client)
            assert number < 0 or own[number] not in dead


@given(CONDITIONS, st.booleans())
def test_a_policy_always_shadows_itself(conditions: Conditions, deny: bool) -> None:  # noqa: FBT001 - drawn
    """The same policy twice: the second one is never reached, wherever the first can hold."""
    config = _configuration(2 * [Policy(name="it", when=conditions, deny=deny)])
    for client in CLIENTS:
        if effective.names(config.policies[1], client):  # type: ignore[index]
            can_hold = deny or client.trust_address or not conditions.networks
            found = proofs.decides_before(config, 1, client)
            assert (found is not None) is can_hold
