"""Tests of `radiusmfa.config.conditions`."""

from __future__ import annotations

from ipaddress import ip_network
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config import conditions, nodes
from radiusmfa.config.fields import Fields
from radiusmfa.config.policy_model import Conditions, Schedule, Span
from radiusmfa.wire import names

DAYS = (Span(days=frozenset({0})),)
KNOWN = conditions.Names(
    clients=("vpn", "broker"),
    approvals=("aws-root",),
    networks={"corporate": (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))},
    schedules={
        name: Schedule(name=name, spans=DAYS, zone=ZoneInfo(zone))
        for name, zone in (("business", "Europe/Berlin"), ("weekend", "UTC"))
    },
)


def _read(when: str) -> tuple[Conditions, list[str]]:
    report = nodes.Report()
    node = nodes.parse(f"when: {when}\n".encode(), report)
    found = conditions.read(Fields(node, "policies[0]", report, known=("when",)), KNOWN)
    return found, report.lines("f")


def _one(when: str) -> Conditions:
    found, faults = _read(when)
    assert not faults
    return found


@pytest.mark.parametrize("when", ["{}", "", "{approval: ''}"])
def test_without_conditions_everything_fits(when: str) -> None:
    """An empty `when` is no condition at all."""
    assert _one(when) == Conditions()


def test_conditions_of_the_design_are_read() -> None:
    """One value of each kind."""
    found = _one(
        "{client: broker, group: Aws-Root-Owners, from: corporate, during: business,"
        " approval: aws-root}"
    )
    assert found == Conditions(
        clients=("broker",),
        groups=("Aws-Root-Owners",),
        networks=KNOWN.networks["corporate"],
        schedule=KNOWN.schedules["business"],
        approval="aws-root",
    )


def test_each_value_may_be_a_list() -> None:
    """Of several values any may hold; names are in their normal forms."""
    found = _one(
        r"{client: [vpn, broker], user: ['*@Example.com', 'CORP\Bob', al?ce],"
        r" realm: [Example.COM, CORP], group: [a, b], from: [corporate, 192.0.2.1]}"
    )
    assert found.clients == ("vpn", "broker")
    assert found.users == ("*@example.com", "corp\\bob", "al?ce")
    assert found.realms == ("example.com", "corp")
    assert found.groups == ("a", "b")
    assert found.networks == (*KNOWN.networks["corporate"], ip_network("192.0.2.1"))


def test_the_same_network_counts_once() -> None:
    """A network that is named twice, once by its name, is one."""
    found = _one("{from: [10.0.0.0/8, corporate]}")
    assert found.networks == KNOWN.networks["corporate"]


def test_several_schedules_are_one() -> None:
    """Two schedules become one that holds when either does."""
    schedule = _one("{during: [business, weekend]}").schedule
    assert schedule is not None
    assert [part.zone.key for part in (schedule, *schedule.also)] == ["Europe/Berlin", "UTC"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("nas-port-type: Virtual", ("NAS-Port-Type", "5")),
        ("NAS-Port-Type: 5", ("NAS-Port-Type", "5")),
        ("NAS-IP-Address: 192.0.2.1", ("NAS-IP-Address", "192.0.2.1")),
        ("Class: staff", ("Class", "staff")),
        ("Class: 0x0001", ("Class", "0x0001")),
        ("Class: 0x6162", ("Class", "ab")),
        ("Called-Station-Id: '00-11:Guest'", ("Called-Station-Id", "00-11:Guest")),
        ("Cisco-AVPair: a=b", ("Cisco-AVPair", "a=b")),
        ("Tunnel-Type: VLAN", ("Tunnel-Type", "13")),
    ],
)
def test_values_of_attributes_have_one_form(written: str, expected: tuple[str, str]) -> None:
    """A name and its number are one value; the dictionary's spelling counts."""
    name, text = expected
    if name in {"NAS-Port-Type", "Tunnel-Type"}:
        text = next(
            word for word, number in names.attribute(name).values.items() if number == int(text)
        )
    assert _one(f"{{attributes: {{{written}}}}}").attributes == ((name, (text,)),)


def test_attributes_may_have_several_values() -> None:
    """Every name has to be there, with any of its values."""
    found = _one("{attributes: {Class: [a, b], Connect-Info: x}}")
    assert found.attributes == (("Class", ("a", "b")), ("Connect-Info", ("x",)))


@pytest.mark.parametrize(
    ("when", "what"),
    [
        ("[client]", "policies[0].when: must hold settings"),
        ("{clent: vpn}", "policies[0].when.clent: is no setting; did you mean client?"),
        ("{client: vnp}", "policies[0].when.client: there is no client vnp; did you mean vpn?"),
        ("{client: [vpn, x]}", "policies[0].when.client[1]: there is no client x"),
        ("{client: []}", "policies[0].when.client: must name at least one"),
        ("{client: [vpn, vpn]}", "policies[0].when.client[1]: vpn stands here twice"),
        ("{client: }", "policies[0].when.client: has no value"),
        ("{client: {}}", "policies[0].when.client: must be one value"),
        ("{user: 'a[bc]'}", "policies[0].when.user: must not hold [: only *"),
        ("{user: ' a'}", "policies[0].when.user: a user name must not hold control"),
        ("{user: [Bob, bob]}", "policies[0].when.user[1]: bob stands here twice"),
        ("{realm: '@example.com'}", "policies[0].when.realm: is what follows the @"),
        ("{realm: 'corp\\'}", "policies[0].when.realm: is what follows the @"),
        ("{realm: '*.com'}", "policies[0].when.realm: must be a whole name"),
        ("{group: ''}", "policies[0].when.group: must be the name of a group"),
        ("{group: 'vpn-*'}", "policies[0].when.group: must be a whole name: only user takes"),
        (f"{{group: {1025 * 'x'}}}", "policies[0].when.group: must be the name of a group"),
        ("{from: []}", "policies[0].when.from: must name at least one"),
        ("{from: corporat}", "did you mean corporate?"),
        ("{during: busines}", "there is no schedule busines; did you mean business?"),
        ("{during: []}", "policies[0].when.during: must name at least one"),
        ("{approval: aws-rot}", "there is no approval aws-rot; did you mean aws-root?"),
        ("{approval: [aws-root]}", "policies[0].when.approval: must be one approval"),
        ("{attributes: [Class]}", "policies[0].when.attributes: must name attributes, as {"),
        ("{attributes: {}}", "policies[0].when.attributes: must name attributes, as {"),
        ("{attributes: {Clas: a}}", "when.attributes.Clas: no dictionary has this attribute; did"),
        ("{attributes: {Class: []}}", "when.attributes.Class: must name at least one"),
        ("{attributes: {Class: a, class: b}}", "attributes.class: stands here twice, as Class"),
        ("{attributes: {NAS-Port-Type: Virtul}}", "did you mean virtual?"),
        ("{attributes: {User-Password: a}}", "attributes.User-Password: proves something, or"),
        ("{attributes: {State: a}}", "attributes.State: proves something, or belongs to one hop"),
        ("{attributes: {Tunnel-Password: a}}", "Tunnel-Password: is hidden"),
    ],
)
def test_what_cannot_hold_is_refused(when: str, what: str) -> None:
    """Each mistake is a fault with its place: no condition is left out in silence."""
    _, faults = _read(when)
    assert len(faults) == 1
    assert what in faults[0]
