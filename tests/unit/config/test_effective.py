"""Tests of `radiusmfa.config.effective`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from ipaddress import ip_network
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config import effective
from radiusmfa.config.model import Client
from radiusmfa.config.policy_model import Conditions, Order, Policy, Remember, Schedule, Span
from radiusmfa.secret import Secret

OWN = Client(
    name="vpn",
    networks=(),
    secret=Secret(b"a shared secret of 30 octets.."),
    primary="local",
    factors=("totp", "hotp"),
    when_unavailable=("recovery",),
    reply=(("Class", "own"),),
)
ONE, TWO = ("corp",), ("corp", "guests")


def policy(groups: tuple[str, ...] = (), users: tuple[str, ...] = (), **results: Any) -> Policy:  # noqa: ANN401
    """Return a policy of these results."""
    return Policy(name="p", when=Conditions(groups=groups, users=users), **results)


def test_what_a_policy_does_not_say_is_the_clients() -> None:
    """A policy of conditions alone changes no setting."""
    assert effective.client(OWN, policy()) == OWN


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("primary", "corp"),
        ("factors", ("hotp",)),
        ("when_unavailable", ()),
        ("order", Order.FACTOR_FIRST),
        ("reply", ()),
        ("skips_factor", True),
        ("not_enrolled_until", date(2027, 1, 31)),
        ("remember", Remember(seconds=60)),
    ],
)
def test_what_a_policy_says_goes_before(name: str, value: object) -> None:
    """Each result stands in the place of the client's setting, an empty one, too."""
    said: dict[str, Any] = {name: value}
    made = effective.client(OWN, policy(**said))
    assert getattr(made, name) == value
    assert made.name == OWN.name


def test_policy_without_clients_is_everybodys() -> None:
    """`client` in `when` names whom a policy is for; without it all."""
    assert effective.names(policy(), OWN)
    assert effective.names(Policy(name="p", when=Conditions(clients=("a", "vpn"))), OWN)
    assert not effective.names(Policy(name="p", when=Conditions(clients=("vp",))), OWN)


@pytest.mark.parametrize(
    ("made", "own", "known", "expected"),
    [
        pytest.param(None, {}, ONE, "", id="no policies, local users"),
        pytest.param(None, {"primary": "corp"}, TWO, "corp", id="no policies, a primary"),
        pytest.param(None, {"directory": "guests"}, TWO, "guests", id="no policies, said"),
        pytest.param(policy(), {}, ONE, "", id="nothing needed"),
        pytest.param(policy(groups=("g",)), {}, ONE, "corp", id="a group, the only directory"),
        pytest.param(policy(groups=("g",)), {}, TWO, "", id="a group, not said whose"),
        pytest.param(policy(groups=("g",)), {}, (), "", id="a group of the store"),
        pytest.param(policy(users=("u",)), {}, ONE, "corp", id="a user, under every name"),
        pytest.param(policy(primary="guests"), {}, TWO, "guests", id="a primary"),
        pytest.param(
            policy(primary="guests", directory="corp"), {}, TWO, "corp", id="said by the policy"
        ),
        pytest.param(policy(groups=("g",)), {"directory": "guests"}, TWO, "guests", id="client's"),
        pytest.param(
            policy(reply=(("Class", "{directory.department}"),)), {}, ONE, "corp", id="a template"
        ),
    ],
)
def test_directory_is_the_one_that_is_said_or_needed(
    made: Policy | None, own: dict[str, Any], known: tuple[str, ...], expected: str
) -> None:
    """The policy's word, its primary, the client's word, or the only one there is."""
    fields: dict[str, Any] = {"name": "vpn", "networks": (), "secret": OWN.secret} | own
    assert effective.directory(Client(**fields), made, known) == expected


HOURS = Schedule(
    name="h",
    spans=(Span(days=frozenset({0, 1, 2, 3, 4}), start=480, end=1080),),
    zone=ZoneInfo("Europe/Berlin"),
    holidays=frozenset({date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)}),
)
WHOLE = Policy(
    name="p",
    when=Conditions(clients=("vpn",), networks=(ip_network("10.0.0.0/8"),), schedule=HOURS),
    factors=("totp",),
    remember=Remember(seconds=60),
)


def test_mark_is_the_same_in_every_process() -> None:
    """A challenge outlives a restart, in which sets have another order."""
    assert effective.mark(WHOLE) == "324498df"


@pytest.mark.parametrize(
    "other",
    [
        replace(WHOLE, deny=True),
        replace(WHOLE, factors=None),
        replace(WHOLE, factors=()),
        replace(WHOLE, factors=("totp", "hotp")),
        replace(WHOLE, remember=Remember(seconds=61)),
        replace(WHOLE, order=Order.PASSWORD_FIRST),
        replace(WHOLE, not_enrolled_until=date(2027, 1, 31)),
        replace(WHOLE, when=replace(WHOLE.when, clients=())),
        replace(WHOLE, when=replace(WHOLE.when, networks=(ip_network("10.0.0.0/9"),))),
    ],
)
def test_mark_changes_with_whatever_a_policy_says(other: Policy) -> None:
    """No challenge of one is answered under another."""
    assert effective.mark(other) != effective.mark(WHOLE)


@pytest.mark.parametrize("when", [{"schedule": None}, {"approval": "root"}], ids=str)
def test_what_is_looked_at_in_each_round_is_not_in_the_mark(when: dict[str, Any]) -> None:
    """Other hours end no dialogue by themselves: whether they hold is asked anew."""
    other = replace(WHOLE, when=replace(WHOLE.when, **when))
    assert effective.mark(other) == effective.mark(WHOLE)


def test_mark_is_another_one_as_soon_as_the_policy_says_anything_else() -> None:
    """What is not said differs from every name, nothing from an empty list."""
    made = [
        policy(),
        policy(primary="None"),
        policy(primary="local"),
        policy(factors=()),
        policy(factors=("totp",)),
        policy(reply=()),
        policy(order=Order.PASSWORD_FIRST),
        policy(not_enrolled_until=date(2027, 1, 31)),
        policy(remember=Remember(seconds=60)),
        policy(groups=("a", "b")),
        policy(groups=("a, b",)),
        policy(users=("a", "b")),
    ]
    assert len({effective.mark(one) for one in made}) == len(made)
    assert effective.mark(policy(groups=("a",))) == effective.mark(policy(groups=("a",)))


def test_what_a_client_says_of_weak_factors_counts_for_no_policy() -> None:
    """A policy says it itself, or it does not hold."""
    for own in (False, True):
        for said in (False, True):
            client = Client(name="vpn", networks=(), secret=Secret(b""), weak=own)
            policy = Policy(name="it", weak=said)
            assert effective.client(client, policy).weak is said
