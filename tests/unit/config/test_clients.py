"""Tests of `radiusmfa.config.clients`."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from radiusmfa.config import clients, dialogues, nodes
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import LOCAL, NONE, Client, Factors, Mode, Tri
from radiusmfa.config.secrets import Sources
from radiusmfa.config.upstream_model import Prompts, Upstream, UpstreamFactor
from radiusmfa.secret import Secret

GOOD = "0123456789abcdef"
UPSTREAMS = (
    Upstream(name="rsa", servers=(), dialogue=dialogues.shipped("securid")),
    Upstream(name="nps", servers=(), dialogue=dialogues.shipped("nps")),
)
# `hotp` is off, as where a file names the others.
FACTORS = Factors(
    hotp=None,
    upstream=(
        UpstreamFactor(name="securid", upstream="rsa"),
        UpstreamFactor(name="push", upstream="nps", tail=6),
    ),
    names=("totp", "securid", "push", "recovery"),
)
LOCALS = Factors()
VPN = "name: vpn, networks: [192.0.2.1/32], secret: {env: IT}"


def _read(
    text: str, upstreams: tuple[Upstream, ...] = (), factors: Factors = LOCALS
) -> tuple[tuple[Client, ...], list[str], list[str]]:
    report = nodes.Report()
    top = Fields(nodes.parse(text.encode(), report), "", report, known=("clients", "defaults"))
    sources = Sources(Path("/"), {"IT": GOOD, "WEAK": "weak"})
    found, warnings = clients.read(top, sources, upstreams, factors)
    return found, warnings, report.lines("f")


def _one(settings: str, defaults: str = "") -> Client:
    found, _, faults = _read(f"clients: [{{{VPN}, {settings}}}]\n{defaults}", UPSTREAMS, FACTORS)
    assert not faults
    return found[0]


def _faults(settings: str, defaults: str = "") -> list[str]:
    return _read(f"clients: [{{{VPN}, {settings}}}]\n{defaults}", UPSTREAMS, FACTORS)[2]


def _warnings(settings: str, defaults: str = "") -> list[str]:
    found = _read(f"clients: [{{{VPN}, {settings}}}]\n{defaults}", UPSTREAMS, FACTORS)
    assert not found[2]
    return found[1]


def test_smallest_client_takes_every_default() -> None:
    """Name, networks and secret are enough; the defaults are safe."""
    found, warnings, faults = _read(f"clients: [{{{VPN}}}]")
    network = ip_network("192.0.2.1/32")
    assert found == (Client(name="vpn", networks=(network,), secret=Secret(GOOD.encode())),)
    assert not warnings
    assert not faults
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
    ],
)
def test_settings_are_read(setting: str, field: str, value: object) -> None:
    """Each setting of a client is taken, from the client or from the defaults."""
    assert getattr(_one(setting), field) == value
    if "delimiter" not in setting:
        assert getattr(_one("", f"defaults: {{{setting}}}"), field) == value


@pytest.mark.parametrize(
    ("setting", "fault"),
    [
        ("mode: appand", "clients[0].mode: must be step-up, append, challenge, auto or proxy"),
        ("primary: ldap", "clients[0].primary: must be local, none, rsa or nps"),
        ("primary: RSA", "clients[0].primary: must be local, none, rsa or nps"),
        ("primary: [rsa]", "clients[0].primary: must be one value"),
        ("primary: securid", "clients[0].primary: must be local, none, rsa or nps"),
        ("mode: proxy, primary: rsb", "clients[0].primary: must be local, none, rsa or nps"),
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
        ("factors: []", "clients[0].factors: must name at least one factor"),
        ("factors: totp", "clients[0].factors: must be a list, as [one, two]"),
        (
            "factors: [totp, hotp]",
            "clients[0].factors[1]: must be one of totp, securid, push, recovery",
        ),
        ("factors: [rsa]", "clients[0].factors[0]: must be one of totp, securid, push, recovery"),
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
        (
            "factors: [totp], when_unavailable: [recovery]",
            "clients[0].when_unavailable: has no meaning: no factor here is an upstream's",
        ),
        ("time_budget: 0", "clients[0].time_budget: must be a whole number from 1 to 300"),
        ("time_budget: 301", "clients[0].time_budget: must be a whole number from 1 to 300"),
        ("shows_challenges: auto", "clients[0].shows_challenges: must be yes or no"),
        ("prompts: cisco", "clients[0].prompts: must be relay, plain, asa-sdi or citrix-wi"),
        ("delimiter: ','", "clients[0].delimiter: has a meaning in mode: append and auto only"),
        ("mode: append, delimiter: '1'", "clients[0].delimiter: must not hold a digit"),
        ("mode: append, delimiter: '%s'" % (9 * ","), "clients[0].delimiter: must have 0 to 8"),
        ("prompt: ''", "clients[0].prompt: must have 1 to 253 octets"),
        ("prompt: seventeen octets!, prompt_limit: 16", "clients[0].prompt: is longer than"),
        (
            "reject_message: seventeen octets!, prompt_limit: 16",
            "clients[0].reject_message: is long",
        ),
        ("prompt_limit: 15", "clients[0].prompt_limit: must be a whole number from 16 to 253"),
        ("prompt_limit: 254", "clients[0].prompt_limit: must be a whole number from 16 to 253"),
        ("attempts: 0", "clients[0].attempts: must be a whole number from 1 to 10"),
        ("attempts: 11", "clients[0].attempts: must be a whole number from 1 to 10"),
        ("retry_window: 31", "clients[0].retry_window: must be a whole number from 0 to 30"),
        ("sign_replies: maybe", "clients[0].sign_replies: must be yes or no"),
        ("reply: [x]", "clients[0].reply: must name attributes"),
        ("reply: {Clas: x}", "clients[0].reply.Clas: no dictionary has this attribute"),
        ("reply: {Class: {}}", "clients[0].reply.Class: must be one value"),
        ("profile: fortigate", "clients[0].profile: is no setting"),
    ],
)
def test_unfit_setting_is_refused(setting: str, fault: str) -> None:
    """A setting out of its limits, or against another one, is named."""
    (line,) = _faults(setting)
    assert fault in line


def test_factors_are_all_there_are_unless_they_are_named() -> None:
    """The order of the file's factors is that of preference."""
    assert _one("mode: auto").factors == ("totp", "securid", "push", "recovery")
    assert _one("mode: auto", "defaults: {factors: [push]}").factors == ("push",)
    assert _one("mode: proxy, primary: rsa", "defaults: {factors: [push]}").mode is Mode.PROXY


def test_when_unavailable_of_the_defaults_harms_nobody() -> None:
    """What the defaults say for most clients is no fault of one that cannot use it."""
    defaults = "defaults: {when_unavailable: [recovery]}"
    assert not _faults("mode: proxy, primary: rsa", defaults)
    assert not _faults("factors: [totp]", defaults)


@pytest.mark.parametrize("mode", list(Mode))
def test_challenges_are_shown_by_all_but_append(mode: Mode) -> None:
    """A client that gets everything in one field shows no challenge, unless it says so."""
    primary = ", primary: rsa" if mode is Mode.PROXY else ""
    assert _one(f"mode: {mode}{primary}").shows_challenges is (mode is not Mode.APPEND)
    assert _one(f"mode: {mode}{primary}, shows_challenges: yes").shows_challenges


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
    assert _warnings(settings) == [
        f"client vpn: time_budget is 20: upstream {name} may wait 60 s for a person"
    ]
    assert _warnings(f"{settings}, time_budget: 59")
    assert not _warnings(f"{settings}, time_budget: 60")


def test_server_that_answers_at_once_needs_no_warning() -> None:
    """A token server that waits for nobody fits into any time; a factor of nobody waits not."""
    assert not _warnings("primary: rsa, factors: [securid, totp]")
    assert not _warnings("factors: [totp]")
    assert not _warnings("mode: proxy, primary: rsa")


def test_tail_without_a_length_is_a_warning() -> None:
    """Where nothing parts password and passcode, one of them has to have a length."""
    assert _warnings("mode: append, factors: [securid, totp]") == [
        (
            "client vpn: mode: append cannot tell a password from a passcode of securid: say a"
            " delimiter here, or factors.securid.tail"
        )
    ]
    assert not _warnings("mode: append, factors: [securid, totp], delimiter: ','")
    assert not _warnings("mode: append, factors: [push], time_budget: 60")
    assert not _warnings("mode: auto, factors: [securid]")


def test_primary_without_upstreams_is_local_or_none() -> None:
    """Where there are no upstreams, the fault names the two words there are."""
    (fault,) = _read(f"clients: [{{{VPN}, primary: rsa}}]")[2]
    assert fault.endswith("clients[0].primary: must be local or none; there is no upstream to name")


def test_fault_of_the_defaults_is_reported_once() -> None:
    """A fault in the defaults stands there once, however many clients take it."""
    found = _read(
        f"defaults: {{attempts: 0}}\nclients: [{{{VPN}}}, {{{VPN.replace('vpn', 'b')}}}]".replace(
            "192.0.2.1/32], secret: {env: IT}}]", "192.0.2.2], secret: {env: IT}}]"
        )
    )
    assert found[2] == ["f:1:22: defaults.attempts: must be a whole number from 1 to 10"]


@pytest.mark.parametrize("name", ["name", "networks", "secret", "weak_secret"])
def test_defaults_hold_no_identity(name: str) -> None:
    """Who a client is stands in its own entry."""
    assert f"f:2:12: defaults.{name}: is no setting" in _faults("", f"defaults: {{{name}: x}}")[0]


@pytest.mark.parametrize(
    "network", ["192.0.2.1", "192.0.2.0/24", "0.0.0.0/1", "2001:db8::/64", "'::1'", "fe80::1"]
)
def test_networks_are_read(network: str) -> None:
    """Addresses and networks of both families are read."""
    found, _, faults = _read(f"clients: [{{{VPN.replace('192.0.2.1/32', network)}}}]")
    assert not faults
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
    (line,) = _read(f"clients: [{{{VPN.replace('192.0.2.1/32', network)}}}]")[2]
    assert "clients[0].networks" in line
    assert fault in line


def test_overlap_of_equal_length_names_both() -> None:
    """One network belongs to one client; the fault names both."""
    other = VPN.replace("vpn", "broker")
    faults = _read(f"clients: [{{{VPN}}}, {{{other}}}]")[2]
    assert len(faults) == 1
    assert "clients[1].networks: 192.0.2.1/32 belongs to vpn and to broker" in faults[0]


def test_longer_prefix_inside_a_shorter_is_fine() -> None:
    """A network inside another one is no fault: the longest prefix wins."""
    other = VPN.replace("vpn", "broker").replace("192.0.2.1/32", "192.0.2.0/24")
    assert not _read(f"clients: [{{{VPN}}}, {{{other}}}]")[2]


def test_names_are_unique_in_any_case() -> None:
    """Two clients cannot share a name."""
    other = VPN.replace("vpn", "VPN").replace("192.0.2.1/32", "192.0.2.2")
    (fault,) = _read(f"clients: [{{{VPN}}}, {{{other}}}]")[2]
    assert "clients[1].name: stands here twice, first at clients[0]" in fault


@pytest.mark.parametrize("name", ["''", "a b", "-a", "é", "x" * 65, "a/b", "[x]", "null"])
def test_unfit_name_is_refused(name: str) -> None:
    """A client's name is a short word that fits a log line."""
    (fault,) = _read(f"clients: [{{{VPN.replace('name: vpn', f'name: {name}')}}}]")[2]
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
    assert _read(f"clients: [{{{', '.join(parts.values())}}}]")[2] == [
        f"f:1:11: clients[0].{name}: is missing"
    ]


@pytest.mark.parametrize("text", ["clients: []", "clients: {}", "clients: [x]", "defaults: {}"])
def test_nobody_is_no_configuration(text: str) -> None:
    """A server without clients would be silent to everybody."""
    assert any("clients" in fault for fault in _read(text)[2])


@pytest.mark.parametrize(
    ("setting", "warning"),
    [
        ("require_message_authenticator: no", "can forge replies to this client (CVE-2024-3596)"),
        (
            "require_message_authenticator: auto",
            "until the client has sent a Message-Authenticator",
        ),
        ("sign_replies: no", "sign_replies is no"),
        ("networks: [0.0.0.0/0]", "0.0.0.0/0 is every address there is"),
        ("weak_secret: yes, secret: {env: WEAK}", "weak_secret is yes"),
    ],
)
def test_waiver_is_a_warning(setting: str, warning: str) -> None:
    """Each setting that weakens is a warning that names the client."""
    entry = ", ".join(part for part in VPN.split(", ") if part.partition(":")[0] not in setting)
    _, warnings, faults = _read(f"clients: [{{{entry}, {setting}}}]")
    assert not faults
    assert len(warnings) == 1
    assert warnings[0].startswith("client vpn: ")
    assert warning in warnings[0]


def test_no_protection_at_all_is_said() -> None:
    """Where neither requirement is left, a second warning says so."""
    settings = "require_message_authenticator: no, limit_proxy_state: no"
    _, warnings, _ = _read(f"clients: [{{{VPN}, {settings}}}]")
    assert any("nothing is left against CVE-2024-3596" in warning for warning in warnings)


def test_strong_secret_needs_no_warning() -> None:
    """`weak_secret` on a strong secret weakens nothing."""
    assert not _read(f"clients: [{{{VPN}, weak_secret: yes}}]")[1]
