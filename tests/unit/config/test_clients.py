"""Tests of `radiusmfa.config.clients`."""

from __future__ import annotations

from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.directory_model import Directory
from radiusmfa.config.model import LOCAL, NONE, Client, Explain, Mode, Protocol, Tri
from radiusmfa.config.policy_model import Order
from radiusmfa.config.upstream_model import Prompts
from radiusmfa.secret import Secret
from tests.unit.config.client_entries import (
    GOOD,
    VPN,
    entry,
    faults,
    one,
    read,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_smallest_client_takes_every_default() -> None:
    """Name, networks and secret are enough; the defaults are safe."""
    found, warnings, faulty = read(f"clients: [{{{VPN}}}]")
    network = ip_network("192.0.2.1/32")
    assert found == (Client(name="vpn", networks=(network,), secret=Secret(GOOD.encode())),)
    assert not warnings
    assert not faulty
    assert found[0].require_message_authenticator is Tri.YES
    assert found[0].sign_replies


@pytest.mark.parametrize(
    ("setting", "field", "value"),
    [
        ("mode: append", "mode", Mode.APPEND),
        ("mode: auto", "mode", Mode.AUTO),
        ("mode: challenge", "mode", Mode.CHALLENGE),
        ("mode: step-up", "primary", NONE),
        ("mode: step-up, primary: none", "mode", Mode.STEP_UP),
        ("primary: local", "primary", LOCAL),
        ("primary: nps", "primary", "nps"),
        ("mode: proxy, primary: rsa", "mode", Mode.PROXY),
        ("mode: append, primary: rsa", "primary", "rsa"),
        ("factors: [securid, totp]", "factors", ("securid", "totp")),
        ("when_unavailable: []", "when_unavailable", ()),
        ("when_unavailable: [refuse]", "when_unavailable", ()),
        ("when_unavailable: [recovery]", "when_unavailable", ("recovery",)),
        ("when_unavailable: [totp, recovery, refuse]", "when_unavailable", ("totp", "recovery")),
        ("time_budget: 1", "time_budget", 1),
        ("time_budget: 300", "time_budget", 300),
        ("shows_challenges: no", "shows_challenges", False),
        ("mode: step-up, without_password: yes", "without_password", True),
        ("prompts: relay", "prompts", Prompts.RELAY),
        ("prompts: plain", "prompts", Prompts.PLAIN),
        ("prompts: asa-sdi", "prompts", Prompts.ASA_SDI),
        ("prompts: citrix-wi", "prompts", Prompts.CITRIX_WI),
        ("mode: append, delimiter: ','", "delimiter", ","),
        ("require_message_authenticator: no", "require_message_authenticator", Tri.NO),
        ("require_message_authenticator: auto", "require_message_authenticator", Tri.AUTO),
        ("limit_proxy_state: yes", "limit_proxy_state", Tri.YES),
        ("sign_replies: no", "sign_replies", False),
        ("prompt: 'Code?'", "prompt", "Code?"),
        ("prompt_limit: 16", "prompt_limit", 16),
        ("reject_message: 'No.'", "reject_message", "No."),
        (
            "reply: {Class: [a, b], Filter-Id: c}",
            "reply",
            (("Class", "a"), ("Class", "b"), ("Filter-Id", "c")),
        ),
        ("attempts: 10", "attempts", 10),
        ("retry_window: 0", "retry_window", 0),
        ("profile: ''", "profile", ""),
        ("profile: cisco-asa", "profile", "cisco-asa"),
        ("mode: proxy, primary: rsa, protocol: mschapv2", "protocol", Protocol.MSCHAPV2),
        ("mode: step-up, protocol: chap", "protocol", Protocol.CHAP),
        ("address: []", "address", ()),
        (
            "address: ['Cisco-AVPair:ip:source-ip=', Calling-Station-Id]",
            "address",
            ("Cisco-AVPair:ip:source-ip=", "Calling-Station-Id"),
        ),
        ("trust_address: yes", "trust_address", True),
        ("explain: id", "explain", Explain.ID),
        ("explain: reason", "explain", Explain.REASON),
        ("directory: corp", "directory", "corp"),
        ("directory: ''", "directory", ""),
        ("primary: corp", "primary", "corp"),
        ("order: factor-first", "order", Order.FACTOR_FIRST),
    ],
)
def test_settings_are_read(setting: str, field: str, value: object) -> None:
    """Each setting of a client is taken, from the client or from the defaults."""
    assert getattr(one(setting), field) == value
    if "delimiter" not in setting:
        assert getattr(one("", f"defaults: {{{setting}}}"), field) == value


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("mode: appand", "clients[0].mode: must be step-up, append, challenge, auto or proxy"),
        ("primary: ldap", "clients[0].primary: must be local, none, rsa, nps or corp"),
        ("primary: RSA", "clients[0].primary: must be local, none, rsa, nps or corp"),
        ("primary: [rsa]", "clients[0].primary: must be one value"),
        ("primary: securid", "clients[0].primary: must be local, none, rsa, nps or corp"),
        ("mode: proxy, primary: rsb", "clients[0].primary: must be local, none, rsa, nps or corp"),
        ("factors: []", "clients[0].factors: must name at least one factor"),
        ("factors: totp", "clients[0].factors: must be a list, as [one, two]"),
        (
            "factors: [totp, hotp]",
            "clients[0].factors[1]: must be one of totp, securid, push, recovery",
        ),
        ("factors: [rsa]", "clients[0].factors[0]: must be one of totp, securid, push, recovery"),
        ("factors: [topt]", "totp, securid, push, recovery; did you mean totp?"),
        ("factors: [totp, totp]", "clients[0].factors[1]: totp stands here twice"),
        ("factors: [[totp]]", "clients[0].factors[0]: must be one value"),
        (
            "when_unavailable: [securid]",
            "clients[0].when_unavailable[0]: must be one of totp, recovery, refuse",
        ),
        (
            "when_unavailable: [hotp]",
            "clients[0].when_unavailable[0]: must be one of totp, recovery, refuse",
        ),
        ("when_unavailable: [totp, totp]", "clients[0].when_unavailable[1]: totp stands here"),
        (
            "when_unavailable: [refuse, totp]",
            "clients[0].when_unavailable: refuse ends the list: nothing comes after it",
        ),
        ("when_unavailable: skip", "clients[0].when_unavailable: must be a list"),
        (
            "when_unavailable: [skip]",
            "clients[0].when_unavailable[0]: must be one of totp, recovery, refuse",
        ),
        ("time_budget: 0", "clients[0].time_budget: must be a whole number from 1 to 300"),
        ("time_budget: 301", "clients[0].time_budget: must be a whole number from 1 to 300"),
        ("shows_challenges: auto", "clients[0].shows_challenges: must be yes or no"),
        ("without_password: push", "clients[0].without_password: must be yes or no"),
        ("prompts: cisco", "clients[0].prompts: must be relay, plain, asa-sdi or citrix-wi"),
        ("mode: append, delimiter: '%s'" % (9 * ","), "clients[0].delimiter: must have 0 to 8"),
        ("prompt: ''", "clients[0].prompt: must have 1 to 253 octets"),
        ("prompt_limit: 15", "clients[0].prompt_limit: must be a whole number from 16 to 253"),
        ("prompt_limit: 254", "clients[0].prompt_limit: must be a whole number from 16 to 253"),
        ("attempts: 0", "clients[0].attempts: must be a whole number from 1 to 10"),
        ("attempts: 11", "clients[0].attempts: must be a whole number from 1 to 10"),
        ("retry_window: 31", "clients[0].retry_window: must be a whole number from 0 to 30"),
        ("sign_replies: maybe", "clients[0].sign_replies: must be yes or no"),
        ("reply: [x]", "clients[0].reply: must name attributes"),
        ("reply: {Clas: x}", "clients[0].reply.Clas: no dictionary has this attribute"),
        ("reply: {Class: {}}", "clients[0].reply.Class: must be one value"),
        ("protocol: eap", "clients[0].protocol: must be pap, chap or mschapv2"),
        ("trust_address: 1", "clients[0].trust_address: must be yes or no"),
        ("explain: all", "clients[0].explain: must be nothing, id or reason"),
        ("order: token-first", "clients[0].order: must be password-first or factor-first"),
        ("directory: rsa", "clients[0].directory: must be corp"),
        ("directory: [corp]", "clients[0].directory: must be one value"),
        ("address: Class", "clients[0].address: must be a list"),
        ("address: [[Class]]", "clients[0].address[0]: must be one value"),
        ("address: [Clas]", "clients[0].address[0]: no dictionary has this attribute; did you"),
        ("address: [NAS-Port]", "clients[0].address[0]: NAS-Port cannot hold an address"),
        ("address: [User-Password]", "clients[0].address[0]: User-Password cannot hold an add"),
        ("address: [Class, Class]", "clients[0].address[1]: Class stands here twice"),
        ("group_reply: x", "clients[0].group_reply: is no setting"),
        ("remember: x", "clients[0].remember: is no setting"),
        ("skips_factor: yes", "clients[0].skips_factor: is no setting"),
        ("not_enrolled_until: x", "clients[0].not_enrolled_until: is no setting"),
    ],
)
def test_unfit_setting_is_refused(setting: str, fault: str) -> None:
    """A setting out of its limits, or against another one, is named."""
    (line,) = faults(setting)
    assert fault in line


def test_factors_are_all_there_are_unless_they_are_named() -> None:
    """The order of the file's factors is that of preference."""
    assert one("mode: auto").factors == ("totp", "securid", "push", "recovery")
    assert one("mode: auto", "defaults: {factors: [push]}").factors == ("push",)
    assert one("mode: proxy, primary: rsa", "defaults: {factors: [push]}").mode is Mode.PROXY


@pytest.mark.parametrize("mode", list(Mode))
def test_challenges_are_shown_by_all_but_append(mode: Mode) -> None:
    """A client that gets everything in one field shows no challenge, unless it says so."""
    primary = ", primary: rsa" if mode is Mode.PROXY else ""
    assert one(f"mode: {mode}{primary}").shows_challenges is (mode is not Mode.APPEND)
    assert one(f"mode: {mode}{primary}, shows_challenges: yes").shows_challenges


def test_directory_where_there_is_none_is_refused() -> None:
    """Where there are no directories, the fault says so."""
    (fault,) = read(f"clients: [{{{VPN}, directory: corp}}]")[2]
    assert fault.endswith("clients[0].directory: there is no directory to name")


def test_profile_is_a_layer_between_client_and_defaults() -> None:
    """What a client says counts before its profile, and its profile before the defaults."""
    defaults = "defaults: {mode: append, time_budget: 100, attempts: 3, address: [Class]}"
    client = one("profile: fortigate, time_budget: 60", defaults)
    assert (client.mode, client.time_budget, client.attempts) == (Mode.CHALLENGE, 60, 3)
    assert client.address[0] == "Calling-Station-Id"
    assert client.profile == "fortigate"
    assert client.group_reply == ("Fortinet-Group-Name", "{group}")


def test_profile_of_the_defaults_comes_last() -> None:
    """A profile in the defaults counts where neither client, its profile nor defaults speak."""
    defaults = "defaults: {profile: pfsense, time_budget: 30}"
    client = one("attempts: 2", defaults)
    assert (client.mode, client.time_budget, client.profile) == (Mode.APPEND, 30, "pfsense")
    assert not client.shows_challenges
    assert client.group_reply == ("Class", "{group}")

    other = one("profile: okta", defaults)
    assert (other.mode, other.time_budget, other.profile) == (Mode.STEP_UP, 60, "okta")
    assert other.shows_challenges
    assert other.group_reply == ("", "")


def test_profile_whose_device_checks_the_password_asks_nobody_for_it() -> None:
    """A primary of the defaults is not for a device that brings the passcode alone."""
    assert one("profile: okta", "defaults: {primary: corp}").primary == NONE
    assert one("profile: cisco-asa", "defaults: {primary: corp}").primary == "corp"
    for settings in ("profile: okta, primary: corp", "profile: cisco-asa, mode: step-up"):
        (fault,) = faults(settings, "defaults: {primary: corp}")
        assert "primary: mode: step-up brings no password that corp could check" in fault


def test_profile_of_the_site_is_read(tmp_path: Path) -> None:
    """A device of the site's own is a file beside the configuration."""
    text = "title: Ours\nmodes: [append]\nchallenge: no\nprompt_limit: 60\n"
    (tmp_path / "ours.yaml").write_text(text, encoding="utf-8")
    client = one("profile: {file: ours.yaml}, prompt: '?'", folder=tmp_path)
    assert (client.profile, client.mode, client.prompt_limit) == ("ours", Mode.APPEND, 60)


def test_primary_without_upstreams_is_local_or_none() -> None:
    """Where there are no upstreams, the fault names the two words there are."""
    (fault,) = read(f"clients: [{{{VPN}, primary: rsa}}]")[2]
    assert fault.endswith("clients[0].primary: must be local or none; there is no upstream to name")


def test_fault_of_the_defaults_is_reported_once() -> None:
    """A fault in the defaults stands there once, however many clients take it."""
    found = read(
        f"defaults: {{attempts: 0}}\nclients: [{{{VPN}}}, {{{VPN.replace('vpn', 'b')}}}]".replace(
            "192.0.2.1/32], secret: {env: IT}}]", "192.0.2.2], secret: {env: IT}}]"
        )
    )
    assert found[2] == ["f:1:22: defaults.attempts: must be a whole number from 1 to 10"]


@pytest.mark.parametrize("name", ["name", "networks", "secret", "weak_secret"])
def test_defaults_hold_no_identity(name: str) -> None:
    """Who a client is stands in its own entry."""
    assert f"f:2:12: defaults.{name}: is no setting" in faults("", f"defaults: {{{name}: x}}")[0]


@pytest.mark.parametrize(
    "network", ["192.0.2.1", "192.0.2.0/24", "0.0.0.0/1", "2001:db8::/64", "'::1'", "fe80::1"]
)
def test_networks_are_read(network: str) -> None:
    """Addresses and networks of both families are read."""
    found, _, faulty = read(f"clients: [{{{VPN.replace('192.0.2.1/32', network)}}}]")
    assert not faulty
    assert found[0].networks == (ip_network(network.strip("'")),)


@pytest.mark.parametrize(
    ("network", "fault"),
    [
        ("192.0.2.1/24", "has bits beyond its prefix: say 192.0.2.0/24, or the address alone"),
        ("2001:db8::1/64", "has bits beyond its prefix: say 2001:db8::/64"),
        ("vpn.example.com", "must be an address or a network"),
        ("192.0.2.0/33", "must be an address or a network"),
        ("192.0.2.0/255.255.255.0", "without zone or mapping"),
        ("192.0.2.0/0.0.0.255", "without zone or mapping"),
        ("'::ffff:192.0.2.1'", "without zone or mapping"),
        ("fe80::1%eth0", "without zone or mapping"),
        ("[]", "must be one value"),
        ("", "must name at least one network"),
    ],
)
def test_unfit_network_is_refused(network: str, fault: str) -> None:
    """A network is written in one way only."""
    (line,) = read(f"clients: [{{{VPN.replace('192.0.2.1/32', network)}}}]")[2]
    assert "clients[0].networks" in line
    assert fault in line


def test_overlap_of_equal_length_names_both() -> None:
    """One network belongs to one client; the fault names both."""
    other = VPN.replace("vpn", "broker")
    (fault,) = read(f"clients: [{{{VPN}}}, {{{other}}}]")[2]
    assert "clients[1].networks: 192.0.2.1/32 belongs to vpn and to broker" in fault


def test_longer_prefix_inside_a_shorter_is_fine() -> None:
    """A network inside another one is no fault: the longest prefix wins."""
    other = VPN.replace("vpn", "broker").replace("192.0.2.1/32", "192.0.2.0/24")
    assert not read(f"clients: [{{{VPN}}}, {{{other}}}]")[2]


def test_names_are_unique_in_any_case() -> None:
    """Two clients cannot share a name."""
    other = VPN.replace("vpn", "VPN").replace("192.0.2.1/32", "192.0.2.2")
    (fault,) = read(f"clients: [{{{VPN}}}, {{{other}}}]")[2]
    assert "clients[1].name: stands here twice, first at clients[0]" in fault


@pytest.mark.parametrize("name", ["''", "a b", "-a", "é", "x" * 65, "a/b", "[x]", "null"])
def test_unfit_name_is_refused(name: str) -> None:
    """A client's name is a short word that fits a log line."""
    (fault,) = read(f"clients: [{{{VPN.replace('name: vpn', f'name: {name}')}}}]")[2]
    assert "clients[0].name: " in fault


@pytest.mark.parametrize("name", ["name", "networks", "secret"])
def test_identity_must_be_complete(name: str) -> None:
    """A client without name, networks or secret is refused."""
    parts = {
        "name": "name: vpn",
        "networks": "networks: [192.0.2.1]",
        "secret": "secret: {env: IT}",
    }
    del parts[name]
    assert read(f"clients: [{{{', '.join(parts.values())}}}]")[2] == [
        f"f:1:11: clients[0].{name}: is missing"
    ]


@pytest.mark.parametrize("text", ["clients: []", "clients: {}", "clients: [x]", "defaults: {}"])
def test_nobody_is_no_configuration(text: str) -> None:
    """A server without clients would be silent to everybody."""
    assert any("clients" in fault for fault in read(text)[2])


def test_reply_holds_what_the_primary_tells() -> None:
    """Where a directory checks the password, its person counts: not another directory's."""
    directories = (
        Directory(name="corp", servers=(), base="x", attributes=("mail",)),
        Directory(name="guests", servers=(), base="x"),
    )
    settings = "directory: corp, reply: {Class: '{directory.mail}'}"
    assert not read(entry(f"primary: local, {settings}"), directories=directories)[2]
    (fault,) = read(entry(f"primary: guests, {settings}"), directories=directories)[2]
    assert "clients[0].reply.Class: {directory.mail}: is not among the `attributes`" in fault
