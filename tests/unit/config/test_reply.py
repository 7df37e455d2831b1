"""Tests of `radiusmfa.config.reply`."""

from __future__ import annotations

import dataclasses
import ipaddress
from typing import Any

import pytest

from radiusmfa.config import nodes, reply
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import Client
from radiusmfa.config.reply import Context
from radiusmfa.secret import Secret

POLICY = Context(is_policy=True, has_groups=True, attributes=("mail", "vlan"), group_reply=None)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("Clas", "x", "no dictionary has this attribute; did you mean Class?"),
        ("", "x", "no dictionary has this attribute"),
        ("Session-Timeout", "soon", "must be a number or one of its names"),
        ("Session-Timeout", "{user}", "{user} cannot make a value of type integer"),
        ("Session-Timeout", "1{client}", "{client} cannot make a value of type integer"),
        ("Framed-IP-Address", "{login}", "{login} cannot make a value of type ipaddr"),
        ("Session-Timeout", "{groups|soon}", "without a value: must be a number"),
        ("Filter-Id", "{groups|}", "without a value: must not be empty"),
        ("Filter-Id", "{groups|" + "x" * 254 + "}", "without a value: has more than 253 octets"),
        ("Filter-Id", "{user}" + "x" * 253, "has more than 253 octets"),
        ("Class", "{grup}", "{grup} is not known; did you mean {group}?"),
        ("Class", "{group}", "{group} is the group that `when` has named, and none is named here"),
        ("Class", "{policy}", "{policy} has a meaning in a policy only"),
        ("Class", "{directory.mail}", "{directory.mail}: no directory is asked here"),
        ("Class", "{upstream.Clas}", "{upstream.Clas}: no dictionary has this attribute; did you"),
        ("Class", "{upstream.Tunnel-Password}", "{upstream.Tunnel-Password}: no upstream gives"),
        ("Class", "{upstream.vendor-specific}", "{upstream.vendor-specific}: no upstream gives"),
        ("Class", "{groups} {upstream.Class}", "{groups} and {upstream.Class} may have several"),
        ("Class", "{", "a brace stands alone: write {{ or }} for the character"),
        ("Class", "a}", "a brace stands alone: write {{ or }} for the character"),
        ("Class", "", "must not be empty"),
        ("State", "x", "is decided by the server"),
        ("message-authenticator", "x", "is decided by the server"),
        ("Tunnel-Password", "x", "is hidden with the request's authenticator"),
        ("Tunnel-Password", "{groups}", "is hidden with the request's authenticator"),
        ("Tunnel-Type:99", "VLAN", "a tag is a number from 1 to 31"),
        ("Tunnel-Type:99", "{groups}", "a tag is a number from 1 to 31"),
        ("Class:1", "{user}", "has no tag"),
        ("Group", "staff", "no profile says which attribute carries a group"),
        ("group", "{groups}", "no profile says which attribute carries a group"),
    ],
)
def test_unusable_attribute_has_a_fault(name: str, value: str, fault: str) -> None:
    """An attribute that cannot be made is found when the file is read."""
    assert (reply.fault(name, value) or "").startswith(fault)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Class", "staff"),
        ("Class", "{user}@{client}"),
        ("Class", "0x{groups}"),
        ("Filter-Id", "a{{b}}"),
        ("Filter-Id", "{login} {groups:;|none}"),
        ("Session-Timeout", "28800"),
        ("Session-Timeout", "{upstream.Session-Timeout|600}"),
        ("Framed-IP-Address", "{upstream.Framed-IP-Address}"),
        ("Tunnel-Type:1", "VLAN"),
        ("Tunnel-Private-Group-Id:1", "{groups}"),
        ("Cisco-AVPair", "shell:priv-lvl=15"),
        ("Framed-IP-Address", "192.0.2.7"),
    ],
)
def test_usable_attribute_has_no_fault(name: str, value: str) -> None:
    """An attribute that can be made is accepted."""
    assert reply.fault(name, value) is None


@pytest.mark.parametrize(
    ("value", "changed", "fault"),
    [
        ("{directory.mial}", {}, "{directory.mial}: is not among the `attributes` of the"),
        ("{directory.mial}", {}, "the directory; did you mean mail?"),
        ("{directory.zzzzzz}", {}, "of the directory: name it there"),
        ("{directory.Mail}", {}, "did you mean mail?"),
        ("{group}", {"has_groups": False}, "none is named here"),
        ("{directory.mail}", {"attributes": None}, "no directory is asked here"),
    ],
)
def test_policy_knows_only_what_it_asks_for(
    value: str, changed: dict[str, Any], fault: str
) -> None:
    """In a policy a placeholder without its source is found when the file is read."""
    usual = Context(is_policy=True, has_groups=True, attributes=("mail",))
    context = dataclasses.replace(usual, **changed)

    for name in ("Filter-Id", "Group"):
        assert fault in (reply.fault(name, value, context=context) or "")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Class", "{policy} {group}"),
        ("Session-Timeout", "{directory.vlan}"),
        ("Filter-Id", "{directory.mail:, |none}"),
        ("Group", "{group}"),
        ("Group", "{groups}"),
        ("group", "staff"),
    ],
)
def test_policy_knows_what_it_asks_for(name: str, value: str) -> None:
    """In a policy groups and attributes of the directory are known, and so is `Group`."""
    assert reply.fault(name, value, context=POLICY) is None


@pytest.mark.parametrize(
    ("group_reply", "fault"),
    [
        (("", ""), "client vpn: no profile says which attribute carries a group"),
        (("Clas", "{group}"), "client vpn: Clas: no dictionary has this attribute; did you mean"),
        (("Session-Timeout", "x{group}"), None),  # who knows what the groups are called
        (("Filter-Id", "{group}" + "x" * 253), "client vpn: Filter-Id: has more than 253 octets"),
        (("Filter-Id", "{grp}"), "client vpn: Filter-Id: {grp} is not known"),
        (("Class", "OU={group};"), None),
        (("Fortinet-Group-Name", ""), None),
    ],
)
def test_client_that_gets_no_group_has_a_fault(
    group_reply: tuple[str, str], fault: str | None
) -> None:
    """A policy with `Group` fits clients whose profile names an attribute for it."""
    networks = (ipaddress.ip_network("192.0.2.1"),)
    client = Client(name="vpn", networks=networks, secret=Secret(b"x"), group_reply=group_reply)

    said = reply.group_fault(client)

    assert said is None if fault is None else (said or "").startswith(fault)
    assert reply.group_fault(client, (("Class", "staff"),)) is None


def test_group_of_a_client_is_checked_as_its_attribute() -> None:
    """Where the profile names an attribute, `Group` has the faults of that one."""
    context = Context(group_reply=("Filter-Id", "ou={group}"))

    assert reply.fault("Group", "{groups}", context=context) is None
    assert reply.fault("Group", "x" * 251, context=context) == "has more than 253 octets"


def _read(text: str, context: Context = reply.OF_A_CLIENT) -> tuple[object, list[str]]:
    report = nodes.Report()
    fields = Fields(nodes.parse(text.encode(), report), "", report, known=("reply", "name"))
    return reply.read(fields, context), report.lines("f")


def test_setting_is_read_in_order_with_every_fault() -> None:
    """One value or several of each name; faults name the place of the value."""
    pairs, faults = _read(
        "reply:\n  Class: ['a', '{policy}', {}]\n  Group: '{group}'\n  Filter-Id: no\n"
    )

    assert pairs == (
        ("Class", "a"), ("Class", "{policy}"), ("Group", "{group}"), ("Filter-Id", "no"),
    )  # fmt: skip
    assert faults == [
        "f:2:16: reply.Class: {policy} has a meaning in a policy only",
        "f:2:28: reply.Class: must be one value",
        "f:3:10: reply.Group: {group} is the group that `when` has named, and none is named here",
    ]


def test_setting_of_a_policy_is_read_in_its_context() -> None:
    """The same setting in a policy may name more."""
    pairs, faults = _read("reply: {Class: '{policy}', Group: '{group}'}", POLICY)

    assert (pairs, faults) == ((("Class", "{policy}"), ("Group", "{group}")), [])


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("name: x", []),
        ("reply: {}", []),
        ("reply: [Class]", ["f:1:8: reply: must name attributes, as {Class: staff}"]),
    ],
)
def test_setting_without_attributes_is_empty(text: str, faults: list[str]) -> None:
    """Nothing, or what names no attributes, gives none."""
    assert _read(text) == ((), faults)
