"""Tests of `radiusmfa.cli.decisions`."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.cli import decisions
from radiusmfa.cli.decisions import Decision
from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.cases import Case, Expected
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.model import NONE, Client, Configuration, Factors, Mode
from radiusmfa.config.policy_model import Conditions, Policy, Schedule, Span
from radiusmfa.config.upstream_model import Upstream, UpstreamFactor, Users
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret

NOON: Final = datetime(2026, 11, 26, 12, tzinfo=UTC).timestamp()  # a Thursday
BUSINESS: Final = Schedule(
    name="business",
    spans=(Span(days=frozenset(range(5)), start=480, end=1080),),
    zone=ZoneInfo("Europe/Berlin"),
)
VPN: Final = Client(name="vpn", networks=(), secret=Secret(b""))
BROKER: Final = dataclasses.replace(
    VPN, name="broker", mode=Mode.STEP_UP, primary=NONE, trust_address=True
)
POLICIES: Final = (
    Policy(name="locked", when=Conditions(users=("eve",)), deny=True),
    Policy(
        name="aws-root",
        when=Conditions(
            clients=("broker",),
            groups=("Owners",),
            networks=(ip_network("10.0.0.0/8"),),
            schedule=BUSINESS,
            attributes=(("Class", ("a",)),),
            approval="aws-root",
        ),
        factors=("securid", "totp"),
        reply=(("Class", "root"),),
    ),
    Policy(name="vpn", when=Conditions(clients=("vpn",)), factors=("totp",)),
)
CONFIG: Final = Configuration(
    path=Path("f"),
    listen=(),
    store_path=Path("f"),
    keys_path=Path("f"),
    clients=(VPN, BROKER),
    upstreams=(Upstream(name="rsa", servers=()),),
    factors=Factors(
        upstream=(UpstreamFactor(name="securid", upstream="rsa", users=Users.ASSIGNED),)
    ),
    directories=(Directory(name="corp", servers=(), base="x", bind_dn="y"),),
    approvals=(ApprovalSource(name="aws-root"),),
    policies=POLICIES,
)
OWNER: Final = Case(
    name="owner",
    where="f:1",
    user="alice",
    client="broker",
    at=NOON,
    address=ip_address("10.1.2.3"),
    groups=("owners",),
    approvals=("aws-root",),
    attributes=(("Class", ("a",)),),
    token=None,
    expected=Expected(),
)
PLAIN: Final = dataclasses.replace(OWNER, client="vpn", address=None, groups=(), approvals=())


def _decide(case: Case, config: Configuration = CONFIG) -> Decision:
    return decisions.decide(config, case, NOON)


def test_the_story_of_the_design_is_decided() -> None:
    """Group, network, hours, request and approval together let the owner in."""
    assert _decide(OWNER) == Decision(
        policy="aws-root",
        primary=NONE,
        factors=("securid", "totp"),
        reply=(("Class", "root"),),
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"groups": ("staff",)}, Reason.NOT_IN_GROUP),
        ({"approvals": ()}, Reason.NOT_APPROVED),
        ({"address": ip_address("192.0.2.1")}, Reason.OUTSIDE_NETWORK),
        ({"address": None}, Reason.OUTSIDE_NETWORK),
        ({"at": NOON + 6 * 3600}, Reason.OUTSIDE_HOURS),
        ({"at": NOON + 2 * 86400}, Reason.OUTSIDE_HOURS),
        ({"attributes": ()}, Reason.OTHER_ATTRIBUTES),
    ],
)
def test_what_is_missing_is_the_reason(change: dict[str, object], reason: Reason) -> None:
    """Each condition that does not hold refuses, with the policy that came nearest."""
    found = _decide(dataclasses.replace(OWNER, **change))  # type: ignore[arg-type]
    assert found == Decision(policy="aws-root", refused=reason)


def test_a_denial_refuses() -> None:
    """Whom a denial fits does not get in, whatever comes after it."""
    found = _decide(dataclasses.replace(PLAIN, user="eve"))
    assert found == Decision(policy="locked", refused=Reason.POLICY_DENIES)


def test_without_a_policy_nobody_gets_in() -> None:
    """Where nothing fits, no policy came near."""
    config = dataclasses.replace(CONFIG, policies=POLICIES[:1])
    assert _decide(PLAIN, config) == Decision(refused=Reason.NO_POLICY)


def test_a_client_that_is_not_there_is_told() -> None:
    """A case of a client that was taken away does not pass by mistake."""
    found = _decide(dataclasses.replace(OWNER, client="gone"))
    assert found == Decision(refused="unknown-client")


def test_without_policies_the_client_decides() -> None:
    """The client's own settings are the decision."""
    config = dataclasses.replace(CONFIG, policies=None)
    assert _decide(PLAIN, config) == Decision(
        primary="local", factors=("totp", "hotp", "yubikey", "recovery")
    )


def test_the_address_of_a_client_without_trust_does_not_count() -> None:
    """As live: what it says of where people are is not looked at."""
    doubted = dataclasses.replace(BROKER, trust_address=False)
    config = dataclasses.replace(CONFIG, clients=(doubted,))
    assert _decide(OWNER, config).refused == Reason.OUTSIDE_NETWORK


def test_a_case_without_a_time_is_now() -> None:
    """The time of the run counts where a case says none."""
    case = dataclasses.replace(OWNER, at=None)
    assert decisions.decide(CONFIG, case, NOON).policy == "aws-root"
    assert decisions.decide(CONFIG, case, NOON + 6 * 3600).refused == Reason.OUTSIDE_HOURS


@pytest.mark.parametrize(
    ("token", "refused"),
    [(("totp",), ""), (("securid",), ""), (("hotp",), "not-enrolled"), ((), "not-enrolled")],
)
def test_a_person_without_a_factor_is_refused(token: tuple[str, ...], refused: str) -> None:
    """Where a case says what the person has, it has to be a factor of the policy."""
    assert _decide(dataclasses.replace(OWNER, token=token)).refused == refused


def test_a_factor_of_everyone_is_had_by_everyone() -> None:
    """An upstream that knows everybody needs no assignment."""
    factor = UpstreamFactor(name="securid", upstream="rsa")
    config = dataclasses.replace(CONFIG, factors=Factors(upstream=(factor,)))
    assert not _decide(dataclasses.replace(OWNER, token=()), config).refused


def test_until_then_the_password_is_enough() -> None:
    """Whoever has no factor gets in until the end of the day that the policy names."""
    for until, expected in ((date(2026, 11, 26), ""), (date(2026, 11, 25), "not-enrolled")):
        policy = dataclasses.replace(POLICIES[2], not_enrolled_until=until)
        config = dataclasses.replace(CONFIG, policies=(policy,))
        found = _decide(dataclasses.replace(PLAIN, token=()), config)
        assert found.refused == expected
        assert found.factors == (() if expected else ("skip",))
        assert _decide(dataclasses.replace(PLAIN, token=("totp",)), config).factors == ("totp",)


def test_skip_and_proxy_have_no_factor_of_ours() -> None:
    """The password alone is said to be; with `proxy` the upstream asks for everything."""
    policy = dataclasses.replace(POLICIES[2], factors=None, skips_factor=True)
    config = dataclasses.replace(CONFIG, policies=(policy,))
    assert _decide(dataclasses.replace(PLAIN, token=()), config).factors == ("skip",)
    proxy = dataclasses.replace(VPN, mode=Mode.PROXY, primary="rsa")
    config = dataclasses.replace(CONFIG, policies=None, clients=(proxy,))
    assert _decide(PLAIN, config) == Decision(primary="rsa")


ACCEPT: Final = Decision(
    policy="vpn", primary="corp", factors=("totp", "hotp"), reply=(("Class", "x"),)
)
REFUSED: Final = Decision(policy="vpn", refused="outside-hours")


@pytest.mark.parametrize(
    ("expected", "found", "wrong"),
    [
        (Expected(policy="vpn"), ACCEPT, []),
        (
            Expected(
                policy="vpn", primary="corp", factors=("totp", "hotp"), reply=(("Class", "x"),)
            ),
            ACCEPT,
            [],
        ),
        (Expected(refused=Reason.OUTSIDE_HOURS), REFUSED, []),
        (Expected(refused=Reason.OUTSIDE_HOURS, policy="vpn"), REFUSED, []),
        (Expected(policy="other"), ACCEPT, ["expected policy other"]),
        (Expected(policy="vpn", primary="local"), ACCEPT, ["expected primary local"]),
        (
            Expected(policy="vpn", factors=("hotp", "totp")),
            ACCEPT,
            ["expected factors hotp, totp"],
        ),
        (
            Expected(policy="vpn", reply=(("Class", "y"),)),
            ACCEPT,
            ["expected reply Class=y"],
        ),
        (Expected(policy="vpn", reply=()), ACCEPT, ["expected reply of nothing"]),
        (Expected(policy="vpn"), REFUSED, ["expected to get in"]),
        (
            Expected(policy="x", primary="local"),
            REFUSED,
            ["expected to get in", "expected policy x"],
        ),
        (
            Expected(refused=Reason.NOT_IN_GROUP),
            REFUSED,
            ["expected refused, not-in-group"],
        ),
        (Expected(refused=Reason.LOCKED), ACCEPT, ["expected refused, locked"]),
    ],
)
def test_differences_are_named(expected: Expected, found: Decision, wrong: list[str]) -> None:
    """All that is expected and is not found, one by one."""
    case = dataclasses.replace(OWNER, expected=expected)
    assert list(decisions.differences(case, found)) == wrong


@pytest.mark.parametrize(
    ("decision", "text", "told"),
    [
        (
            ACCEPT,
            "policy vpn, primary corp, factors totp, hotp, reply Class=x",
            {
                "policy": "vpn",
                "primary": "corp",
                "factors": ["totp", "hotp"],
                "reply": [["Class", "x"]],
            },
        ),
        (
            Decision(primary="local", factors=("skip",)),
            "no policy, primary local, factors skip",
            {"policy": "", "primary": "local", "factors": ["skip"], "reply": []},
        ),
        (
            REFUSED,
            "refused, outside-hours, policy vpn",
            {"policy": "vpn", "refused": "outside-hours"},
        ),
        (
            Decision(refused="no-policy"),
            "refused, no-policy",
            {"policy": "", "refused": "no-policy"},
        ),
    ],
)
def test_decisions_are_written(decision: Decision, text: str, told: dict[str, object]) -> None:
    """As one phrase, and as JSON."""
    assert str(decision) == text
    assert decision.as_json() == told


def test_nobody_has_by_default_what_needs_a_device() -> None:
    """`users: everyone` says nothing of a factor for which people need a number or questions."""
    texts = UpstreamFactor(name="texts", upstream="sms", is_service=True, holds="sms")
    duo = UpstreamFactor(name="duo", upstream="cloud", is_service=True)
    for factor, is_refused in ((texts, True), (duo, False)):
        own = dataclasses.replace(VPN, factors=(factor.name,))
        config = Configuration(
            path=Path("f"), listen=(), store_path=Path("f"), keys_path=Path("f"), clients=(own,),
            factors=Factors(upstream=(factor,), names=(factor.name,)),
        )  # fmt: skip
        case = Case(
            name="it", where="f:1", user="bob", client="vpn", at=NOON, address=None, groups=(),
            approvals=(), attributes=(), token=(), expected=Expected(),
        )  # fmt: skip
        found = decisions.decide(config, case, NOON)
        assert (found.refused == Reason.NOT_ENROLLED) is is_refused
