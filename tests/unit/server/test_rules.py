"""Tests of `radiusmfa.server.rules`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radiusmfa.config.model import Configuration, Mode
from radiusmfa.config.policy_model import Conditions, Policy
from radiusmfa.server.rules import Compiler
from tests.flows.people import directory
from tests.flows.world import ASKING, STEP_UP, client

VPN = client(ASKING, Mode.CHALLENGE, name="vpn")
BROKER = client(STEP_UP, Mode.STEP_UP, name="broker")
FOR_VPN = Policy(name="v", when=Conditions(clients=("vpn",)), primary="corp", factors=("hotp",))
FOR_ALL = Policy(name="all", when=Conditions(groups=("staff",)))


def compiler(**settings: Any) -> Compiler:  # noqa: ANN401 - settings of any type
    """Return the compiler of a configuration."""
    fields = {"clients": (VPN, BROKER), "directories": (directory(),)} | settings
    made = Configuration(
        path=Path("f"), listen=(), store_path=Path("s"), keys_path=Path("k"), **fields
    )
    return Compiler(made, b"pepper", bytes)


def test_without_policies_a_client_decides_for_itself() -> None:
    """None is not the empty list: that lets nobody in."""
    assert compiler().rules(VPN) is None
    assert compiler(policies=()).rules(VPN) == ()


def test_client_has_its_policies_in_order() -> None:
    """A policy that names other clients is none of this one's."""
    made = compiler(policies=(FOR_VPN, FOR_ALL))
    of_vpn, of_broker = made.rules(VPN), made.rules(BROKER)
    assert of_vpn is not None
    assert of_broker is not None
    assert [rule.name for rule in of_vpn] == ["v", "all"]
    assert [rule.name for rule in of_broker] == ["all"]


def test_rule_has_the_settings_of_its_policy() -> None:
    """Plan, directory and conditions are those of the policy for that client."""
    rules = compiler(policies=(FOR_VPN, FOR_ALL)).rules(VPN)
    assert rules is not None
    first, second = rules
    assert (first.client.primary, first.directory) == ("corp", "corp")
    assert first.plan.directory == directory()
    assert first.plan.primary == ""
    assert first.plan.desk.factors.totp is None
    assert first.test is not None
    assert first.test.policy is FOR_VPN
    assert (second.client.primary, second.directory, second.plan.directory) == (
        "local", "corp", None,
    )  # fmt: skip


def test_own_rule_has_no_name_and_no_conditions() -> None:
    """The client's own settings are a rule as any other."""
    own = compiler().own(VPN)
    assert (own.name, own.test, own.directory, own.client) == ("", None, "", VPN)
