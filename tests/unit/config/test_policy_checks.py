"""Tests of `radiusmfa.config.policy_checks`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Final

import pytest

from radiusmfa.config import nodes, policies, policy_checks
from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import NONE, Client, Factors, Mode, Protocol
from radiusmfa.config.policy_model import Order, Policy
from radiusmfa.config.secrets import Sources
from radiusmfa.config.upstream_model import Upstream, UpstreamFactor
from radiusmfa.secret import Secret

UPSTREAMS: Final = (Upstream(name="rsa", servers=()),)
FACTORS: Final = Factors(
    upstream=(UpstreamFactor(name="securid", upstream="rsa"),),
    names=("totp", "hotp", "recovery", "securid"),
)
CORP: Final = Directory(name="corp", servers=(), base="x", bind_dn="y")
BLIND: Final = Directory(name="blind", servers=(), base="x", bind_as="{user}")


def _client(name: str, mode: Mode = Mode.CHALLENGE, **settings: object) -> Client:
    primary = {Mode.STEP_UP: NONE, Mode.PROXY: "rsa"}.get(mode, "local")
    plain = Client(name=name, networks=(), secret=Secret(b""), mode=mode, primary=primary)
    return dataclasses.replace(plain, **settings)  # type: ignore[arg-type]


VPN: Final = _client("vpn")
BROKER: Final = _client("broker", Mode.STEP_UP)


def _read(
    text: str,
    clients: tuple[Client, ...] = (VPN,),
    directories: tuple[Directory, ...] = (),
    factors: Factors = FACTORS,
) -> tuple[list[str], list[str]]:
    """Return the faults and the warnings of policies."""
    report = nodes.Report()
    top = Fields(nodes.parse(f"policies: {text}".encode(), report), "", report, known=("policies",))
    known = policies.Known(
        clients=clients,
        upstreams=UPSTREAMS,
        factors=factors,
        directories=directories,
        approvals=(ApprovalSource(name="root"),),
    )
    _, warnings = policies.read(top, Sources(Path("/nowhere"), {}), known)
    return report.lines("f"), warnings


def _faults(settings: str, *clients: Client, directories: tuple[Directory, ...] = ()) -> list[str]:
    return _read(f"[{{name: it, {settings}}}]", clients, directories)[0]


def test_settings_are_those_of_the_model() -> None:
    """Every part of a policy can be written, by one name."""
    renamed = {"not_enrolled_until": "not_enrolled", "skips_factor": "factors"}
    names = [renamed.get(field.name, field.name) for field in dataclasses.fields(Policy)]
    assert list(policy_checks.SETTINGS) == list(dict.fromkeys(names))


DENIED: Final = {
    "primary": "local",
    "directory": "corp",
    "factors": "[totp]",
    "weak": "yes",
    "when_unavailable": "[totp]",
    "not_enrolled": "refuse",
    "order": "factor-first",
    "remember": "{for: 8h}",
    "reply": "{Class: x}",
}


@pytest.mark.parametrize("name", policy_checks.RESULTS)
def test_a_denial_decides_nothing_else(name: str) -> None:
    """Beside `deny: yes` no result may stand: somebody would think that it counts."""
    (fault,) = _faults(f"deny: yes, {name}: {DENIED[name]}", VPN, directories=(CORP,))
    assert f"policies[0].{name}: has no meaning with deny: yes: nobody gets in" in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weak", "yes"),
        ("when_unavailable", "[refuse]"),
        ("not_enrolled", "refuse"),
        ("order", "factor-first"),
        ("remember", "{for: 8h}"),
    ],
)
def test_without_a_factor_nothing_is_said_of_it(name: str, value: str) -> None:
    """Beside `factors: skip` nothing about a factor may stand."""
    (fault,) = _faults(f"factors: skip, {name}: {value}", VPN)
    assert f"policies[0].{name}: has no meaning with factors: skip" in fault


@pytest.mark.parametrize(
    ("settings", "client", "what"),
    [
        ("primary: none", VPN, "primary: none (no password is checked) goes with mode: step-up"),
        ("primary: local", BROKER, "primary: mode: step-up brings no password that local could"),
        ("primary: local", _client("x", Mode.PROXY), "primary: mode: proxy leaves everything"),
        ("factors: [totp]", _client("x", Mode.PROXY), "factors: have no meaning with mode: proxy"),
        ("factors: skip", _client("x", Mode.PROXY), "factors: have no meaning with mode: proxy"),
        (
            "remember: {for: 8h}",
            _client("x", Mode.PROXY),
            "remember: has no meaning with mode: proxy",
        ),
        (
            "order: factor-first",
            _client("x", Mode.PROXY),
            "order: factor-first has a meaning with mode: challenge only",
        ),
        ("not_enrolled: refuse", _client("x", Mode.PROXY), "not_enrolled: has no meaning with"),
        ("order: factor-first", _client("x", Mode.APPEND), "order: factor-first has a meaning"),
        ("order: factor-first", BROKER, "order: factor-first has a meaning with mode: challenge"),
        ("factors: [totp], when_unavailable: [hotp]", VPN, "no factor here is an upstream's"),
        ("factors: skip", BROKER, "factors: with primary: none nothing at all would be proved"),
        ("remember: {for: 8h}", BROKER, "remember: with primary: none nothing at all would be"),
        (
            "not_enrolled: {password_only_until: 2999-01-01}",
            BROKER,
            "not_enrolled: with primary: none nothing at all would be proved",
        ),
    ],
)
def test_contradictions_with_a_client_are_refused(settings: str, client: Client, what: str) -> None:
    """What a policy makes of each client that it can fit has to be possible there."""
    (fault,) = _faults(settings, client)
    assert what in fault
    assert fault.endswith(f"(client {client.name})")


def test_clients_that_it_does_not_fit_do_not_matter() -> None:
    """A policy that names its clients contradicts no other one."""
    assert not _faults("primary: local, when: {client: vpn}", VPN, BROKER)
    (fault,) = _faults("primary: local", VPN, BROKER)
    assert fault.endswith("(client broker)")


def test_each_client_is_told() -> None:
    """Every client that it contradicts is named, not the first alone."""
    faults = _faults("primary: local", BROKER, _client("other", Mode.STEP_UP))
    assert [fault.rpartition("(")[2] for fault in faults] == ["client broker)", "client other)"]


def test_what_is_wrong_with_the_client_is_not_told_again() -> None:
    """A fault of a client's own settings is said where they stand."""
    wrong = _client("x", Mode.APPEND, delimiter="1")
    assert not _faults("factors: [totp]", wrong)


def test_the_network_of_a_client_without_trust_never_holds() -> None:
    """Where the client's word does not count, `from` lets nobody in, or keeps everybody out."""
    trusted = _client("good", trust_address=True)
    when = "when: {client: [good, vpn], from: 10.0.0.0/8}"
    (fault,) = _faults(when, VPN, trusted)
    assert fault == (
        "f:1:57: policies[0].when.from: can never hold at client vpn, which does not say"
        " trust_address: yes"
    )
    (fault,) = _faults(f"deny: yes, {when}", VPN, trusted)
    assert "would keep out everybody at client vpn" in fault
    assert not _faults("when: {client: good, from: 10.0.0.0/8}", VPN, trusted)
    # Whoever names no client means those where it can hold; there has to be one.
    assert not _faults("when: {from: 10.0.0.0/8}", VPN, trusted)
    (fault,) = _faults("when: {from: 10.0.0.0/8}", VPN)
    assert "can never hold at client vpn" in fault


def test_a_denial_at_clients_without_trust_is_loud() -> None:
    """A denial by network that names no client keeps out everybody where it cannot be told."""
    text = "[{name: it, deny: yes, when: {from: 10.0.0.0/8}}]"
    faults, warnings = _read(text, (VPN, _client("good", trust_address=True)))
    assert not faults
    (warning,) = warnings
    assert warning.startswith("policy it: when.from keeps out everybody of client vpn, ")


def test_a_group_needs_something_that_carries_it() -> None:
    """A reply with `Group` is for clients whose profile says what carries a group."""
    carrying = _client("x", group_reply=("Filter-Id", "{group}"))
    assert not _faults("reply: {Group: staff}", carrying)
    (fault,) = _faults("reply: {Group: staff}", carrying, VPN)
    assert "policies[0].reply: client vpn: no profile says which attribute carries" in fault


@pytest.mark.parametrize("settings", ["when: {group: a}", "deny: yes, when: {group: a}"])
def test_groups_need_one_directory(settings: str) -> None:
    """With several directories it has to be said whose groups count."""
    (fault,) = _faults(settings, VPN, directories=(CORP, BLIND))
    assert "when.group: whose groups? Say directory: one of corp, blind (client vpn)" in fault
    assert not _faults(settings, VPN, directories=(CORP,))
    assert not _faults(settings, VPN)


def test_the_primary_or_the_setting_says_whose_groups() -> None:
    """The directory that checks the password, or the one that is named, is the one."""
    for settings in ("primary: corp", "directory: corp"):
        assert not _faults(f"{settings}, when: {{group: a}}", VPN, directories=(CORP, BLIND))
    own = _client("x", directory="corp")
    assert not _faults("when: {group: a}", own, directories=(CORP, BLIND))


@pytest.mark.parametrize("mode", [Mode.STEP_UP, Mode.APPEND, Mode.AUTO, Mode.PROXY])
@pytest.mark.parametrize("condition", ["group", "user"])
def test_a_directory_that_cannot_search_knows_nobody_before(mode: Mode, condition: str) -> None:
    """Groups and other names must be known before the password is: a search has to be allowed."""
    client = _client("x", mode)
    (fault,) = _faults(f"when: {{{condition}: a}}", client, directories=(BLIND,))
    assert f"policies[0].when.{condition}: directory blind cannot search without bind_dn" in fault
    assert fault.endswith(f"with mode: {mode} nobody is known before their password is (client x)")
    assert not _faults(f"when: {{{condition}: a}}", client, directories=(CORP,))
    assert not _faults("when: {realm: a}", client, directories=(BLIND,))


def test_in_a_challenge_the_bind_tells_who_it_is() -> None:
    """Where the password comes first and alone, it opens the directory."""
    blind = _client("x", primary="blind")
    for condition in ("group: a", "user: a", "approval: root"):
        assert not _faults(f"when: {{{condition}}}", blind, directories=(BLIND,))


@pytest.mark.parametrize(
    ("settings", "warning"),
    [
        ("factors: skip", "factors is skip: the password alone lets in"),
        (
            "not_enrolled: {password_only_until: 2999-01-31}",
            "not_enrolled: until 2999-01-31 whoever has no factor gets in with the password alone",
        ),
        (
            "not_enrolled: {password_only_until: 2020-01-31}",
            (
                "not_enrolled: whoever has no factor is refused since 2020-01-31 is over; take the"
                " setting out"
            ),
        ),
        ("remember: {for: 25h}", "remember: for 25 hours the password alone lets in"),
        (
            "remember: {for: 1h, by: client}",
            "remember: by leaves station out: a passed factor counts for any other device",
        ),
    ],
)
def test_what_weakens_is_loud(settings: str, warning: str) -> None:
    """Each setting that weakens is said at every start."""
    assert _read(f"[{{name: it, {settings}}}]") == ([], [f"policy it: {warning}"])


@pytest.mark.parametrize(
    "settings", ["remember: {for: 24h}", "not_enrolled: refuse", "factors: [totp]", "deny: yes"]
)
def test_what_does_not_weaken_is_not_loud(settings: str) -> None:
    """A day of memory and all else is said once, in the file."""
    assert _read(f"[{{name: it, {settings}}}]") == ([], [])


@pytest.mark.parametrize("condition", ["group: a", "user: a"])
def test_a_denial_may_say_whose_people(condition: str) -> None:
    """With several directories it must: nothing else could say whose groups they are."""
    settings = f"deny: yes, directory: corp, when: {{{condition}}}"
    assert not _faults(settings, VPN, directories=(CORP, BLIND))


@pytest.mark.parametrize("condition", ["group", "user", "approval"])
@pytest.mark.parametrize(
    ("settings", "client", "why"),
    [
        ("primary: local", VPN, "primary: local"),
        ("primary: blind, order: factor-first", VPN, "order: factor-first"),
        ("primary: blind", _client("x", Mode.APPEND), "mode: append"),
        ("factors: [totp]", BROKER, "mode: step-up"),
    ],
)
def test_a_directory_that_a_password_opens_needs_it_first(
    settings: str, client: Client, why: str, condition: str
) -> None:
    """Every login would be refused: nothing that is typed first opens the directory."""
    if "blind" not in settings:
        settings += ", directory: blind"
    (fault,) = _faults(f"{settings}, when: {{{condition}: root}}", client, directories=(BLIND,))
    assert f"when.{condition}: directory blind cannot search without bind_dn, and with {why}" in (
        fault
    )


@pytest.mark.parametrize(
    ("settings", "own"),
    [
        ("primary: corp, directory: blind", "local"),
        ("directory: blind", "corp"),
        ("primary: blind, directory: corp", "local"),
    ],
)
def test_the_primary_knows_its_own_people_only(settings: str, own: str) -> None:
    """Another directory's person is never let in by it: nobody ever would be."""
    (fault,) = _faults(settings, _client("x", primary=own), directories=(CORP, BLIND))
    assert "checks passwords of its own people only: leave directory out (client x)" in fault
    assert not _faults("primary: corp, directory: corp", VPN, directories=(CORP, BLIND))


def test_a_directory_is_no_primary_of_a_proxy() -> None:
    """What is left to somebody else is left to an upstream."""
    (fault,) = _faults("primary: corp", _client("x", Mode.PROXY), directories=(CORP,))
    assert "policies[0].primary: mode: proxy leaves everything to an upstream" in fault


def test_what_the_policy_brings_about_is_told_though_the_client_said_it() -> None:
    """CHAP of a client whose factor can check it, and a policy whose factor cannot."""
    broker = _client("x", Mode.STEP_UP, protocol=Protocol.CHAP, factors=("securid",))
    assert not _faults("factors: [securid]", broker)
    (fault,) = _faults("factors: [totp]", broker)
    assert "protocol: chap is the hash of what was typed, which no factor here" in fault
    assert fault.endswith("(client x)")


@pytest.mark.parametrize(
    ("settings", "client"),
    [
        ("order: factor-first, remember: {for: 8h}", VPN),
        ("remember: {for: 8h}", _client("x", order=Order.FACTOR_FIRST)),
    ],
)
def test_nothing_is_remembered_where_the_passcode_comes_first(
    settings: str, client: Client
) -> None:
    """It would be asked for all the same."""
    (fault,) = _faults(settings, client)
    assert "remember: has no effect with order: factor-first" in fault


WEAK: Final = UpstreamFactor(
    name="secret", upstream="q", is_service=True, holds="question", is_weak=True
)
WITH_WEAK: Final = Factors(upstream=(WEAK,), names=("totp", "secret"))


def _weak(settings: str, *clients: Client) -> tuple[list[str], list[str]]:
    return _read(f"[{{name: it, {settings}}}]", clients or (VPN,), factors=WITH_WEAK)


@pytest.mark.parametrize(
    ("settings", "client"),
    [
        ("factors: [secret]", VPN),
        ("factors: [totp, secret], weak: no", VPN),
        # What the client says of it is about logins without policies.
        ("factors: [totp, secret]", _client("vpn", weak=True, factors=("secret",))),
        ("primary: local", _client("vpn", weak=True, factors=("totp", "secret"))),
    ],
)
def test_no_policy_counts_a_weak_factor_unless_it_says_so(settings: str, client: Client) -> None:
    """Each policy has to say it itself, also where the client names the factor."""
    faulty, _ = _weak(settings, client)
    assert len(faulty) == 1
    assert (
        "policies[0].factors: secret is a weak factor: it counts only where weak: yes" in faulty[0]
    )
    assert "(client vpn)" in faulty[0]


@pytest.mark.parametrize("settings", ["weak: yes", "factors: [totp], weak: yes"])
def test_weak_policy_without_a_weak_factor_means_nothing(settings: str) -> None:
    """Somebody believed to have allowed something."""
    (fault,), _ = _weak(settings)
    assert "policies[0].weak: has no meaning: no factor here is a weak one (client vpn)" in fault


def test_weak_policy_is_loud() -> None:
    """Once, however many clients it is for; without such a factor nothing has to be said."""
    clients = (_client("vpn"), _client("wifi"))
    faulty, said = _weak("factors: [totp, secret], weak: yes", *clients)
    assert faulty == []
    (line,) = said
    assert line == (
        "policy it: weak is yes: the factor secret counts as a second factor, and whoever"
        " knows a person well gets past it"
    )
    own = _client("vpn", weak=True, factors=("totp", "secret"))
    assert _weak("weak: yes", own)[0] == []
    for settings in ("factors: skip", "deny: yes", "factors: [totp]"):
        assert _weak(settings, own)[0] == []
