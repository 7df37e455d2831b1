"""Tests of `radiusmfa.cli.changes`."""

from __future__ import annotations

import dataclasses
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.cli import changes
from radiusmfa.config.model import Client, Configuration, Lockout, Mode
from radiusmfa.config.policy_model import Conditions, Policy, Schedule, Span
from radiusmfa.config.service_model import Questions, Service
from radiusmfa.secret import Secret

VPN: Final = Client(
    name="vpn", networks=(ip_network("192.0.2.1"),), secret=Secret(b"0123456789abcdef")
)
HOURS: Final = Schedule(name="business", spans=(Span(days=frozenset({0})),), zone=ZoneInfo("UTC"))
STAFF: Final = Policy(name="staff", when=Conditions(groups=("staff",)), factors=("totp",))
REST: Final = Policy(name="rest", deny=True)
CONFIG: Final = Configuration(
    path=Path("old"), listen=(), store_path=Path("f"), keys_path=Path("f"), clients=(VPN,)
)
RULED: Final = dataclasses.replace(CONFIG, policies=(STAFF, REST))


def _words(before: Configuration, **settings: object) -> list[str]:
    after = dataclasses.replace(before, path=Path("new"), **settings)  # type: ignore[arg-type]
    return changes.words(before, after)


def _client(**settings: object) -> dict[str, object]:
    return {"clients": (dataclasses.replace(VPN, **settings),)}  # type: ignore[arg-type]


def _staff(**settings: object) -> dict[str, object]:
    return {"policies": (dataclasses.replace(STAFF, **settings), REST)}  # type: ignore[arg-type]


def test_the_same_has_no_changes() -> None:
    """Where the file lies, and what it warns of, is no change."""
    assert _words(RULED, warnings=("loud",)) == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (_client(mode=Mode.APPEND), "client vpn: mode challenge -> append"),
        (_client(sign_replies=False), "client vpn: sign_replies yes -> no"),
        (_client(delimiter=","), "client vpn: delimiter none -> ,"),
        (_client(factors=("totp",)), "client vpn: factors totp, hotp, yubikey, recovery -> totp"),
        (_client(reply=(("Class", "x"),)), "client vpn: reply none -> Class=x"),
        (
            _client(networks=(ip_network("192.0.2.0/24"),)),
            "client vpn: networks 192.0.2.1/32 -> 192.0.2.0/24",
        ),
        (_client(not_enrolled_until=date(2027, 1, 1)), "not_enrolled_until none -> 2027-01-01"),
        ({"lockout": Lockout(threshold=5)}, "lockout: changed"),
    ],
)
def test_changes_of_settings_are_said(settings: dict[str, object], expected: str) -> None:
    """Each setting of a client, and each section beside clients and policies."""
    (found,) = _words(CONFIG, **settings)
    assert found.endswith(expected)


def test_services_are_said_by_name() -> None:
    """Which service changed; and a day until which the password alone is enough is never missed."""
    old = Service(name="duo", settings=Questions())
    day = dataclasses.replace(old, open_until=date(2027, 1, 31))
    slow = dataclasses.replace(old, timeout=20)
    mail = dataclasses.replace(old, name="mail")
    known = dataclasses.replace(CONFIG, services=(old,))
    assert _words(known, services=(day,)) == ["service duo: open_until none -> 2027-01-31"]
    assert _words(known, services=(slow,)) == ["service duo: changed"]
    assert _words(known, services=(mail,)) == ["service duo: removed", "service mail: added"]


def test_secrets_are_never_said() -> None:
    """That a secret changed is said, and nothing of either."""
    (found,) = _words(CONFIG, **_client(secret=Secret(b"fedcba9876543210")))
    assert found == "client vpn: secret changed"


def test_who_comes_and_goes_is_said() -> None:
    """Clients and policies that are in one of the files alone."""
    other = dataclasses.replace(VPN, name="other")
    assert _words(CONFIG, clients=(other,)) == ["client vpn: removed", "client other: added"]
    new = Policy(name="new")
    assert _words(RULED, policies=(STAFF, new)) == ["policy rest: removed", "policy new: added"]


def test_that_policies_decide_at_all_is_said() -> None:
    """With the first policy nobody gets in whom none fits; without any each client decides."""
    own = "each client's own settings decide"
    some = "policies decide, what fits none is refused"
    assert _words(CONFIG, policies=(STAFF,)) == [f"{own} -> {some}", "policy staff: added"]
    assert _words(RULED, policies=None)[0] == f"{some} -> {own}"


def test_another_order_is_said() -> None:
    """The first that fits decides: the order of those that stay is a change."""
    assert _words(RULED, policies=(REST, STAFF)) == [
        "order of policies: staff, rest -> rest, staff"
    ]
    assert _words(RULED, policies=(REST,)) == ["policy staff: removed"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (_staff(factors=None), "factors totp -> not said"),
        (_staff(when=Conditions()), "when group staff -> not said"),
        (
            _staff(when=Conditions(groups=("staff",), schedule=HOURS)),
            "when during not said -> business",
        ),
    ],
)
def test_changes_of_policies_are_said(settings: dict[str, object], expected: str) -> None:
    """Each condition and each result."""
    assert _words(RULED, **settings) == [f"policy staff: {expected}"]


def test_other_hours_by_the_same_name_are_said() -> None:
    """A schedule that keeps its name and not its hours is a change."""
    before = dataclasses.replace(
        CONFIG, policies=(Policy(name="staff", when=Conditions(schedule=HOURS)),)
    )
    later = dataclasses.replace(HOURS, holidays=frozenset({date(2026, 12, 25)}))
    after = (Policy(name="staff", when=Conditions(schedule=later)),)
    assert _words(before, policies=after) == [
        "policy staff: when during business: its hours changed"
    ]
