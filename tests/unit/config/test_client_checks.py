"""Tests of `radiusmfa.config.client_checks`."""

from __future__ import annotations

from typing import Any

import pytest

from radiusmfa.config import client_checks
from radiusmfa.config.model import Client, Factors, Mode
from radiusmfa.config.upstream_model import UpstreamFactor
from radiusmfa.secret import Secret
from tests.unit.config.client_entries import (
    DIRECTORIES,
    UPSTREAMS,
    VPN,
    entry,
    faults,
    one,
    read,
    warnings,
)

PROXY = "mode: proxy, primary: rsa"
PUSH = UpstreamFactor(name="push", upstream="duo", is_service=True, words=("push", "phone"))
CODE = UpstreamFactor(name="code", upstream="keys", is_service=True)


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("primary: none", "clients[0].primary: none (no password is checked) goes with"),
        (
            "mode: proxy, primary: none",
            "clients[0].primary: none (no password is checked) goes with mode: step-up only",
        ),
        ("mode: step-up, primary: local", "clients[0].primary: mode: step-up brings no password"),
        (
            "mode: step-up, primary: rsa",
            "clients[0].primary: mode: step-up brings no password that rsa could check",
        ),
        ("mode: proxy", "clients[0].primary: mode: proxy leaves everything to an upstream: name"),
        ("mode: proxy, primary: local", "clients[0].primary: mode: proxy leaves everything to an"),
        ("mode: proxy, primary: corp", "clients[0].primary: mode: proxy leaves everything to an"),
        ("mode: proxy, primary: rsa, factors: [totp]", "clients[0].factors: have no meaning with"),
        (
            "mode: proxy, primary: rsa, when_unavailable: [totp]",
            "clients[0].when_unavailable: has no meaning with mode: proxy",
        ),
        (
            "mode: proxy, primary: rsa, delimiter: ','",
            "clients[0].delimiter: has a meaning in mode: append and auto only",
        ),
        ("mode: step-up, delimiter: ','", "clients[0].delimiter: has a meaning in mode: append"),
        (
            "factors: [totp], when_unavailable: [recovery]",
            "clients[0].when_unavailable: has no meaning: no factor here is an upstream's",
        ),
        ("delimiter: ','", "clients[0].delimiter: has a meaning in mode: append and auto only"),
        ("mode: append, delimiter: '1'", "clients[0].delimiter: must not hold a digit"),
        ("prompt: seventeen octets!, prompt_limit: 16", "clients[0].prompt: is longer than"),
        (
            "reject_message: seventeen octets!, prompt_limit: 16",
            "clients[0].reject_message: is long",
        ),
        ("protocol: chap", "protocol: chap is the hash of what was typed: with mode: challenge"),
        ("mode: append, protocol: mschapv2", "mschapv2 is the hash of what was typed: with mode:"),
        ("mode: auto, protocol: chap", "chap is the hash of what was typed: with mode: auto"),
        (
            "primary: rsa, protocol: chap",
            "chap is the hash of what was typed: with mode: challenge we have to read it",
        ),
        (
            "mode: step-up, protocol: chap, factors: [totp]",
            "protocol: chap is the hash of what was typed, which no factor here can check; one of",
        ),
        ("mode: append, order: factor-first", "order: factor-first has a meaning with mode: chal"),
        (f"{PROXY}, order: factor-first", "order: factor-first has a meaning with mode: chal"),
        ("trust_address: yes, address: []", "trust_address: has no meaning: `address` names no"),
        ("profile: okta, trust_address: yes", "trust_address: has no meaning: `address` names no"),
    ],
)
def test_contradiction_is_refused(setting: str, fault: str) -> None:
    """Settings that do not go together are named."""
    (line,) = faults(setting)
    assert fault in line


@pytest.mark.parametrize("primary", ["local", "corp"])
@pytest.mark.parametrize("protocol", ["chap", "mschapv2"])
def test_hash_is_not_checked_by_a_hash(primary: str, protocol: str) -> None:
    """Nobody who has a hash of the password can check CHAP or MS-CHAPv2; an upstream can."""
    found = faults(f"mode: proxy, primary: {primary}, protocol: {protocol}")
    said = f"protocol: {protocol} is the hash of what was typed, which {primary} cannot check; an"
    assert any(said in line for line in found)
    assert one(f"{PROXY}, protocol: {protocol}").primary == "rsa"


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        (
            "profile: openvpn, mode: challenge",
            "mode: profile openvpn cannot show a challenge: mode append or step-up",
        ),
        (
            "profile: pfsense, mode: auto",
            "mode: profile pfsense cannot show a challenge: mode append or step-up",
        ),
        (
            "profile: aws-workspaces, mode: challenge",
            "mode: profile aws-workspaces cannot show a challenge: mode step-up",
        ),
        ("profile: okta, mode: append", "mode: profile okta cannot do it: mode step-up"),
        (
            "profile: mikrotik, shows_challenges: yes",
            "shows_challenges: profile mikrotik cannot show a challenge: say no",
        ),
        (
            "profile: okta, protocol: chap",
            "protocol: profile okta does not speak it: say pap",
        ),
        (
            f"profile: f5-apm, protocol: chap, {PROXY}",
            "protocol: profile f5-apm does not speak it: say pap or mschapv2",
        ),
        (
            "profile: fortigate, sign_replies: no",
            "sign_replies: profile fortigate drops replies that are not signed: say yes",
        ),
    ],
)
def test_what_the_device_cannot_do_is_refused(setting: str, fault: str) -> None:
    """A mode, a challenge, a protocol that the device does not know is no way to log in."""
    (line,) = faults(setting)
    assert fault in line


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("without_password: yes", "without_password: yes has a meaning with mode: step-up only"),
        (
            "mode: step-up, without_password: yes, require_message_authenticator: auto",
            "without_password: yes needs require_message_authenticator: yes",
        ),
    ],
)
def test_request_without_a_password_has_to_be_signed(setting: str, fault: str) -> None:
    """Nothing else proves that the client has sent it; elsewhere a password is what is asked."""
    (line,) = faults(setting)
    assert fault in line


def test_device_of_the_defaults_is_asked_too() -> None:
    """What the device of the defaults cannot do, no client without one of its own can."""
    (line,) = faults("mode: challenge", "defaults: {profile: pfsense}")
    assert "clients[0].mode: profile pfsense cannot show a challenge" in line
    assert not faults("mode: challenge, profile: generic", "defaults: {profile: pfsense}")


def test_every_device_can_do_proxy() -> None:
    """Whatever an upstream wants, it is asked by any device."""
    assert not faults(f"profile: okta, {PROXY}")
    assert not one(f"profile: pfsense, {PROXY}").shows_challenges


def test_order_of_the_defaults_harms_nobody() -> None:
    """What the defaults say for most clients is no fault of one that cannot use it."""
    assert not faults("mode: append", "defaults: {order: factor-first, trust_address: yes}")
    assert not faults("profile: okta", "defaults: {trust_address: yes}")


def test_device_that_signs_nothing_is_a_warning() -> None:
    """Who demands a signature of a device that makes none is told that nobody gets in."""
    (said,) = warnings("profile: openvpn, factors: [totp]")
    assert said.startswith(
        "client vpn: profile openvpn signs no request: with require_message_auth"
    )
    assert said.endswith(" each is discarded")
    (waived,) = warnings("profile: openvpn, factors: [totp], require_message_authenticator: no")
    assert "CVE-2024-3596" in waived


def test_attribute_of_another_device_is_a_warning() -> None:
    """An attribute that the device is not known to understand is said, each once."""
    reply = "reply: {Class: a, Fortinet-Group-Name: [b, c], Tunnel-Type:1: VLAN}"
    (said,) = warnings(f"profile: cisco-asa, factors: [totp], {reply}")
    assert said.endswith("is not known to understand Fortinet-Group-Name, Tunnel-Type:1")
    assert not warnings(f"profile: generic, factors: [totp], {reply}")
    assert not warnings(f"factors: [totp], {reply}")


def test_when_unavailable_of_the_defaults_harms_nobody() -> None:
    """What the defaults say for most clients is no fault of one that cannot use it."""
    defaults = "defaults: {when_unavailable: [recovery]}"
    assert not faults("mode: proxy, primary: rsa", defaults)
    assert not faults("factors: [totp]", defaults)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ("primary: nps, factors: [totp]", "nps"),
        ("factors: [push]", "nps"),
        ("mode: proxy, primary: nps", "nps"),
    ],
)
def test_short_time_for_a_person_is_a_warning(settings: str, name: str) -> None:
    """Who has to look at a phone needs more time than a client gives by default."""
    assert warnings(settings) == [
        f"client vpn: time_budget is 20: upstream {name} may wait 60 s for a person"
    ]
    assert warnings(f"{settings}, time_budget: 59")
    assert not warnings(f"{settings}, time_budget: 60")
    assert warnings(f"{settings}, time_budget: learn") == [
        (
            f"client vpn: time_budget is 20 until more is learned: upstream {name} may wait 60 s"
            " for a person"
        )
    ]
    assert not warnings(f"{settings}, time_budget: {{learn: 60}}")


@pytest.mark.parametrize(
    ("settings", "factor", "hints"),
    [
        ({"shows_challenges": False}, PUSH, ["time_budget is 20: push may wait 60 s for a person"]),
        ({"shows_challenges": False, "time_budget": 60}, PUSH, []),
        ({"shows_challenges": False}, CODE, []),
        ({}, PUSH, []),
        ({"shows_challenges": False, "mode": Mode.PROXY}, PUSH, []),
        (
            {"mode": Mode.APPEND, "time_budget": 60},
            PUSH,
            ["mode: append cannot tell a password from a passcode of push: say a delimiter here"],
        ),
        ({"mode": Mode.APPEND, "time_budget": 60, "delimiter": ","}, PUSH, []),
    ],
)
def test_push_that_cannot_be_waited_for_is_a_warning(
    settings: dict[str, Any], factor: UpstreamFactor, hints: list[str]
) -> None:
    """A client that gives up early, and can show nothing meanwhile, is no place for a push."""
    client = Client(name="vpn", networks=(), secret=Secret(b""), factors=(factor.name,), **settings)
    factors = Factors(upstream=(factor,), names=(factor.name,))
    said = client_checks.hints(client, None, factors, {})
    assert [text.split(", and this")[0] for text in said] == hints


def test_server_that_answers_at_once_needs_no_warning() -> None:
    """A token server that waits for nobody fits into any time; a factor of nobody waits not."""
    assert not warnings("primary: rsa, factors: [securid, totp]")
    assert not warnings("factors: [totp]")
    assert not warnings("mode: proxy, primary: rsa")


def test_tail_without_a_length_is_a_warning() -> None:
    """Where nothing parts password and passcode, one of them has to have a length."""
    assert warnings("mode: append, factors: [securid, totp]") == [
        (
            "client vpn: mode: append cannot tell a password from a passcode of securid: say a"
            " delimiter here, or factors.securid.tail"
        )
    ]
    assert not warnings("mode: append, factors: [securid, totp], delimiter: ','")
    assert not warnings("mode: append, factors: [push], time_budget: 60")
    assert not warnings("mode: auto, factors: [securid]")


@pytest.mark.parametrize(
    ("setting", "warning"),
    [
        ("require_message_authenticator: no", "can forge replies to this client (CVE-2024-3596)"),
        (
            "require_message_authenticator: auto",
            "until the client has sent a Message-Authenticator",
        ),
        ("sign_replies: no", "sign_replies is no"),
        ("explain: reason", "explain is reason: whoever guesses at user names"),
        ("networks: [0.0.0.0/0]", "0.0.0.0/0 is every address there is"),
        ("weak_secret: yes, secret: {env: WEAK}", "weak_secret is yes"),
    ],
)
def test_waiver_is_a_warning(setting: str, warning: str) -> None:
    """Each setting that weakens is a warning that names the client."""
    entry = ", ".join(part for part in VPN.split(", ") if part.partition(":")[0] not in setting)
    _, said, faulty = read(f"clients: [{{{entry}, {setting}}}]")
    assert not faulty
    (line,) = said
    assert line.startswith("client vpn: ")
    assert warning in line


def test_no_protection_at_all_is_said() -> None:
    """Where neither requirement is left, a second warning says so."""
    settings = "require_message_authenticator: no, limit_proxy_state: no"
    said = warnings(settings)
    assert any("nothing is left against CVE-2024-3596" in warning for warning in said)


def test_strong_secret_needs_no_warning() -> None:
    """`weak_secret` on a strong secret weakens nothing."""
    assert not read(f"clients: [{{{VPN}, weak_secret: yes}}]")[1]


WEAK = Factors(
    upstream=(
        UpstreamFactor(
            name="secret", upstream="q", is_service=True, holds="question", is_weak=True
        ),
    ),
    names=("totp", "secret"),
)


def _weak(settings: str, defaults: str = "") -> tuple[tuple[Client, ...], list[str], list[str]]:
    return read(entry(settings, defaults), UPSTREAMS, WEAK, DIRECTORIES)


@pytest.mark.parametrize(
    ("settings", "defaults", "where"),
    [
        ("factors: [secret]", "", "clients[0].factors"),
        ("factors: [totp, secret]", "", "clients[0].factors"),
        (
            "factors: [totp, secret], weak: no",
            "defaults: {weak: yes, factors: [secret]}",
            "clients",
        ),
        ("mode: challenge", "defaults: {factors: [totp, secret]}", "defaults.factors"),
    ],
)
def test_weak_factor_is_no_second_factor(settings: str, defaults: str, where: str) -> None:
    """Whoever names one has to say that it is weak; the fault says where."""
    faulty = _weak(settings, defaults)[2]
    assert len(faulty) == 1
    assert where in faulty[0]
    assert "secret is a weak factor: it counts only where weak: yes stands beside it" in faulty[0]


@pytest.mark.parametrize("settings", ["factors: [totp], weak: yes", "weak: yes"])
def test_weak_without_a_weak_factor_means_nothing(settings: str) -> None:
    """Without such a name the word would be lost on whoever reads it."""
    (line,) = _weak(settings)[2]
    assert "clients[0].weak: has no meaning: no factor here is a weak one" in line


@pytest.mark.parametrize("settings", ["mode: challenge", "factors: [totp]", "weak: no"])
def test_weak_factor_is_not_among_all(settings: str) -> None:
    """A client that names no factors does not get the weak one with all others."""
    (client,), said, faulty = _weak(settings)
    assert (client.factors, client.weak, said, faulty) == (("totp",), False, [], [])


def test_weak_factor_that_counts_is_loud() -> None:
    """At every start; the default for all clients binds those that name one."""
    for settings, defaults in (
        ("factors: [totp, secret], weak: yes", ""),
        ("factors: [totp, secret]", "defaults: {weak: yes}"),
    ):
        (client,), said, faulty = _weak(settings, defaults)
        assert (client.factors, client.weak, faulty) == (("totp", "secret"), True, [])
        (line,) = said
        assert line == (
            "client vpn: weak is yes: the factor secret counts as a second factor, and whoever"
            " knows a person well gets past it"
        )


@pytest.mark.parametrize("settings", ["mode: append", "mode: append, delimiter: ','"])
def test_questions_need_a_client_that_shows_them(settings: str) -> None:
    """Nobody can answer what is not shown."""
    _, said, faulty = _weak(f"{settings}, factors: [secret], weak: yes")
    assert not faulty
    assert said[1:] == [
        "client vpn: the factor secret asks questions, and this client shows none: it is of no use"
    ]


def test_service_is_no_upstream_that_waits() -> None:
    """What a service takes for a push is not a RADIUS server's to say."""
    factors = Factors(
        upstream=(UpstreamFactor(name="duo", upstream="cloud", is_service=True),), names=("duo",)
    )
    _, said, faulty = read(entry("factors: [duo]"), UPSTREAMS, factors, DIRECTORIES)
    assert (said, faulty) == ([], [])


def test_tail_of_a_service_is_parted_by_a_delimiter() -> None:
    """Only a YubiKey's letters show by themselves where they begin."""
    texts = UpstreamFactor(name="texts", upstream="sms", is_service=True)
    keys = UpstreamFactor(name="keys", upstream="yubico", is_service=True, holds="yubikey")
    vpn = Client(
        name="vpn", networks=(), secret=Secret(b""), mode=Mode.APPEND, factors=("texts", "keys")
    )
    assert client_checks.hints(vpn, None, Factors(upstream=(texts, keys)), {}) == [
        "mode: append cannot tell a password from a passcode of texts: say a delimiter here"
    ]
