"""Tests of `radiusmfa.config.reply`."""

from __future__ import annotations

import pytest

from radiusmfa.config import reply


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Class", "staff"),
        ("Class", "{user}@{client}"),
        ("Filter-Id", "a{{b}}"),
        ("Session-Timeout", "28800"),
        ("Tunnel-Type:1", "VLAN"),
        ("Cisco-AVPair", "shell:priv-lvl=15"),
        ("Framed-IP-Address", "192.0.2.7"),
    ],
)
def test_usable_attribute_has_no_fault(name: str, value: str) -> None:
    """An attribute that can be made is accepted."""
    assert reply.fault(name, value) is None


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("Clas", "x", "no dictionary has this attribute; did you mean Class?"),
        ("Session-Timeout", "soon", "must be a number or one of its names"),
        ("Session-Timeout", "{user}", "a placeholder cannot make a value of type integer"),
        ("Class", "{group}", "{group} is not known here: {client}, {user}"),
        ("Class", "{", "a brace stands alone: write {{ or }} for the character"),
        ("Class", "a}", "a brace stands alone: write {{ or }} for the character"),
        ("Class", "", "must not be empty"),
        ("State", "x", "is decided by the server"),
        ("message-authenticator", "x", "is decided by the server"),
        ("Tunnel-Password", "x", "is hidden with the request's authenticator"),
        ("Tunnel-Type:99", "VLAN", "a tag is a number from 1 to 31"),
    ],
)
def test_unusable_attribute_has_a_fault(name: str, value: str, fault: str) -> None:
    """An attribute that cannot be made is found when the file is read."""
    assert (reply.fault(name, value) or "").startswith(fault)


def test_placeholders_are_filled_in() -> None:
    """Each placeholder is replaced once; double braces are braces."""
    values = {"user": "{client}", "client": "vpn"}
    assert reply.fill("{{{user}}} {client}", values) == "{{client}} vpn"
    assert reply.fill("plain", values) == "plain"
