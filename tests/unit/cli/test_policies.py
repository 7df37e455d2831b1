"""Tests of `radiusmfa.cli.policies`."""

from __future__ import annotations

import dataclasses
from datetime import date
from ipaddress import ip_network
from typing import Final
from zoneinfo import ZoneInfo

from radiusmfa.cli import policies
from radiusmfa.config import conditions, policy_checks, schedules
from radiusmfa.config.policy_model import (
    By,
    Conditions,
    Order,
    Policy,
    Remember,
    Schedule,
    Span,
)

HOURS: Final = [
    Schedule(name=name, spans=(Span(days=frozenset({0})),), zone=ZoneInfo("UTC"))
    for name in ("business", "nights")
]
EVERYTHING: Final = Policy(
    name="it",
    when=Conditions(
        clients=("vpn", "broker"),
        users=("a*",),
        realms=("x",),
        groups=("g", "h"),
        networks=(ip_network("10.0.0.0/8"),),
        schedule=schedules.joined(HOURS, "business, nights"),
        attributes=(("Class", ("a", "b")),),
        approval="root",
    ),
    primary="local",
    directory="corp",
    factors=("totp", "hotp"),
    weak=True,
    when_unavailable=(),
    not_enrolled_until=date(2027, 1, 31),
    order=Order.FACTOR_FIRST,
    remember=Remember(seconds=28800, by=(By.USER, By.STATION)),
    reply=(("Class", "x"), ("Filter-Id", "y")),
)


def test_every_condition_is_said() -> None:
    """Each condition by the name of its setting."""
    found = policies.conditions(EVERYTHING)
    assert tuple(found) == conditions.SETTINGS
    assert policies.said(found) == (
        "client vpn, broker; user a*; realm x; group g, h; from 10.0.0.0/8;"
        " during business, nights; attributes Class a or b; approval root"
    )


def test_every_result_is_said() -> None:
    """Each result by the name of its setting."""
    found = policies.results(EVERYTHING)
    assert tuple(found) == policy_checks.RESULTS
    assert policies.said(found) == (
        "primary local; directory corp; factors totp, hotp; weak yes; when_unavailable none;"
        " not_enrolled password only until 2027-01-31; order factor-first;"
        " remember 8h by user, station; reply Class=x, Filter-Id=y"
    )


def test_what_is_not_set_is_not_said() -> None:
    """A policy with a name alone has nothing to say."""
    plain = Policy(name="it")
    assert (policies.conditions(plain), policies.results(plain)) == ({}, {})
    assert policies.results(dataclasses.replace(plain, reply=())) == {"reply": "nothing"}
    assert policies.results(dataclasses.replace(plain, skips_factor=True)) == {"factors": "skip"}
    assert policies.results(dataclasses.replace(plain, deny=True)) == {"deny": "yes"}
    whose = dataclasses.replace(plain, deny=True, directory="corp")
    assert policies.results(whose) == {"deny": "yes", "directory": "corp"}
