"""Tests of `radiusmfa.config.proofs`."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import pytest

from radiusmfa.config import proofs
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.model import NONE, Client, Configuration, Factors, Mode, Protocol
from radiusmfa.config.policy_model import Conditions, Policy
from radiusmfa.config.upstream_model import Upstream, UpstreamFactor, Users
from radiusmfa.secret import Secret

NET: Final = (ip_network("10.0.0.0/8"),)
INSIDE: Final = (ip_network("10.1.0.0/16"),)
DIRECTORIES: Final = tuple(
    Directory(name=name, servers=(), base="x", bind_dn="y") for name in ("corp", "old")
)
FACTORS: Final = Factors(
    upstream=(
        UpstreamFactor(name="securid", upstream="rsa", users=Users.ASSIGNED),
        UpstreamFactor(name="push", upstream="duo"),
    ),
    names=("totp", "hotp", "recovery", "securid", "push"),
)
NOBODY: Final = proofs.Holders(frozenset(), frozenset())


def _client(name: str, **settings: object) -> Client:
    plain = Client(name=name, networks=(), secret=Secret(b""), factors=FACTORS.names)
    return dataclasses.replace(plain, **settings)  # type: ignore[arg-type]


VPN: Final = _client("vpn")
BROKER: Final = _client("broker", mode=Mode.STEP_UP, primary=NONE, trust_address=True)


def _config(*policies: Policy, clients: tuple[Client, ...] = (VPN,)) -> Configuration:
    return Configuration(
        path=Path("f"),
        listen=(),
        store_path=Path("f"),
        keys_path=Path("f"),
        clients=clients,
        upstreams=(Upstream(name="rsa", servers=()), Upstream(name="duo", servers=())),
        directories=DIRECTORIES,
        policies=policies or None,
        factors=FACTORS,
    )


def _policy(name: str, *, deny: bool = False, directory: str = "", **when: object) -> Policy:
    return Policy(
        name=name,
        deny=deny,
        directory=directory,
        when=Conditions(**when),  # type: ignore[arg-type]
    )


def _of(*policies: Policy, clients: tuple[Client, ...] = (VPN,)) -> list[str]:
    return proofs.of(_config(*policies, clients=clients), None)


def test_without_policies_the_clients_decide() -> None:
    """There is nothing to be proved of policies that are not there."""
    assert _of() == []


def test_a_policy_behind_one_that_always_holds_is_never_reached() -> None:
    """The first that fits decides: what comes after everything never does."""
    found = _of(_policy("all"), _policy("few", groups=("a",)))
    assert found == ["policy few is never reached: all decides before it"]
    assert _of(_policy("few", groups=("a",)), _policy("all")) == []


def test_each_client_counts_by_itself() -> None:
    """A policy may be dead at one client and alive at another."""
    clients = VPN, BROKER
    policies = _policy("vpn", clients=("vpn",)), _policy("both", clients=("vpn", "broker"))
    assert _of(*policies, clients=clients) == [
        "policy both is never reached at client vpn: vpn decides before it"
    ]
    # One that names no client is meant for what is left.
    assert _of(policies[0], _policy("rest"), clients=clients) == []
    found = _of(policies[0], _policy("b", clients=("broker",)), _policy("rest"), clients=clients)
    assert found == [
        "policy rest is never reached at client vpn: vpn decides before it",
        "policy rest is never reached at client broker: b decides before it",
    ]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        pytest.param(_policy("a", networks=NET), _policy("b", networks=INSIDE), True, id="network"),
        pytest.param(
            _policy("a", networks=INSIDE), _policy("b", networks=NET), False, id="wider-network"
        ),
        pytest.param(
            _policy("a", networks=NET),
            _policy("b", deny=True, networks=INSIDE),
            False,
            id="denial-of-who-hides",
        ),
        pytest.param(
            _policy("a", deny=True, networks=NET), _policy("b", networks=INSIDE), True, id="denial"
        ),
        pytest.param(
            _policy("a", directory="corp", groups=("x", "Y")),
            _policy("b", directory="corp", groups=("y",)),
            True,
            id="groups",
        ),
        pytest.param(
            _policy("a", directory="corp", groups=("x",)),
            _policy("b", directory="corp"),
            False,
            id="no-group",
        ),
        pytest.param(
            _policy("a", directory="corp", groups=("x",)),
            _policy("b", directory="old", groups=("x",)),
            False,
            id="groups-of-another-directory",
        ),
        pytest.param(
            _policy("a", directory="corp", approval="x"),
            _policy("b", directory="corp", approval="x"),
            True,
            id="approval",
        ),
        pytest.param(
            _policy("a", directory="corp", approval="x"),
            _policy("b", directory="old", approval="x"),
            False,
            id="approval-of-another-name",
        ),
    ],
)
def test_what_is_wider_shadows_what_is_narrower(
    first: Policy, second: Policy, *, expected: bool
) -> None:
    """Wider in every condition; after a wrong yes somebody would take a policy out."""
    config = _config(first, second, clients=(BROKER,))
    found = proofs.decides_before(config, 1, BROKER)
    assert found is (first if expected else None)
    assert proofs.decides_before(config, 0, BROKER) is None


def test_where_no_address_is_trusted_a_denial_by_network_is_total() -> None:
    """Who hides where they are may be there: such a policy holds for everybody."""
    clients = (VPN,)
    found = _of(_policy("no", deny=True, networks=NET), _policy("all"), clients=clients)
    assert found == [
        "policy all is never reached: no decides before it",
        "client vpn: only policies that deny fit it: all logins are refused",
    ]
    # One that lets in never holds there, and shadows nobody.
    assert _of(_policy("in", networks=NET), _policy("all"), clients=clients) == []


def test_a_client_that_no_policy_fits_is_closed() -> None:
    """Without a policy for it every login of a client is refused: nobody keeps such a client."""
    clients = VPN, BROKER
    assert _of(_policy("b", clients=("broker",)), clients=clients) == [
        "client vpn: no policy can fit it: all its logins are refused"
    ]
    assert _of(_policy("in", networks=NET), clients=clients) == [
        "client vpn: no policy can fit it: all its logins are refused"
    ]


@pytest.mark.parametrize("primary", ["local", "corp"])
@pytest.mark.parametrize("protocol", [Protocol.CHAP, Protocol.MSCHAPV2])
def test_chap_needs_what_a_hash_does_not_tell(primary: str, protocol: Protocol) -> None:
    """CHAP is compared with the password itself; a store of hashes has none."""
    client = _client("vpn", protocol=protocol)
    found = _of(Policy(name="p", primary=primary), clients=(client,))
    assert found == [
        (
            f"policy p, client vpn: with protocol: {protocol} nobody gets in: {primary} keeps"
            " hashes of passwords, and needs the password itself; say pap here and at the device"
        )
    ]
    assert _of(Policy(name="p", primary="rsa"), clients=(client,)) == []


def test_chap_hides_a_code_from_us() -> None:
    """In step-up nothing but the code comes: hidden by CHAP, only an upstream could look at it."""
    client = dataclasses.replace(BROKER, protocol=Protocol.CHAP, factors=("totp",))
    assert _of(clients=(client,)) == [
        (
            "client broker: with protocol: chap nobody gets in: a code has to be readable;"
            " say pap here and at the device"
        )
    ]
    assert _of(clients=(dataclasses.replace(client, factors=("totp", "push")),)) == []


def test_a_factor_that_nobody_has_is_told() -> None:
    """A named kind of token that no user has, an upstream that nobody is assigned to."""
    policy = Policy(name="p", factors=("totp", "recovery", "securid", "push"))
    others = proofs.Holders(frozenset({"hotp"}), frozenset())
    assert proofs.of(_config(policy), others) == [
        "policy p, client vpn: nobody has the factor totp: no user has such a token",
        "policy p, client vpn: nobody has the factor securid: nobody is assigned to upstream rsa",
    ]
    everything = proofs.Holders(frozenset({"totp"}), frozenset({"rsa"}))
    assert proofs.of(_config(policy), everything) == []
    assert proofs.of(_config(policy), NOBODY) == []  # a new store, in which nobody has anything
    assert proofs.of(_config(policy), None) == []


def test_a_factor_of_a_service_that_nobody_has_is_told() -> None:
    """A kind of device that no user has, a service that nobody is assigned to."""
    factors = Factors(
        upstream=(
            UpstreamFactor(name="sms", upstream="texts", is_service=True, holds="sms"),
            UpstreamFactor(name="few", upstream="duo", is_service=True, users=Users.ASSIGNED),
            UpstreamFactor(name="push", upstream="duo", is_service=True),
        ),
        names=("totp", "sms", "few", "push"),
    )
    config = dataclasses.replace(
        _config(Policy(name="p", factors=("sms", "few", "push"))), factors=factors
    )
    assert proofs.of(config, proofs.Holders(frozenset({"totp"}), frozenset({"texts"}))) == [
        "policy p, client vpn: nobody has the factor sms: no user has a device of kind sms",
        "policy p, client vpn: nobody has the factor few: nobody is assigned to service duo",
    ]
    everything = proofs.Holders(frozenset({"sms"}), frozenset({"duo"}))
    assert proofs.of(config, everything) == []


@pytest.mark.parametrize(
    ("policy", "client"),
    [
        pytest.param(Policy(name="p"), VPN, id="all-factors"),
        pytest.param(Policy(name="p", skips_factor=True), VPN, id="skip"),
        pytest.param(Policy(name="p", deny=True), VPN, id="deny"),
        pytest.param(
            Policy(name="p"), _client("x", mode=Mode.PROXY, factors=("totp",)), id="proxy"
        ),
    ],
)
def test_factors_that_nobody_has_named_are_not_told(policy: Policy, client: Client) -> None:
    """Where all factors count because nobody said otherwise, or none does, none is missed."""
    others = proofs.Holders(frozenset({"hotp"}), frozenset())
    found = proofs.of(_config(policy, clients=(client,)), others)
    assert not any("nobody has" in line for line in found)


def test_settings_are_those_that_may_count() -> None:
    """Without policies the clients' own; with them what each that lets in makes of its clients."""
    assert [text for text, _ in proofs.settings(_config(clients=(VPN, BROKER)))] == [
        "client vpn",
        "client broker",
    ]
    policies = (
        Policy(name="p", primary="rsa"),
        _policy("no", deny=True),
        _policy("in", networks=NET),
    )
    found = proofs.settings(_config(*policies, clients=(VPN, BROKER)))
    assert [(text, one.primary) for text, one in found] == [
        ("policy p, client vpn", "rsa"),
        ("policy p, client broker", "rsa"),
        ("policy in, client broker", NONE),
    ]


def test_device_that_nobody_has() -> None:
    """A factor for which people need a number, an address or questions, and nobody has one."""
    texts = UpstreamFactor(name="texts", upstream="sms", is_service=True, holds="sms")
    factors = Factors(upstream=(texts,), names=("totp", "texts"))
    config = dataclasses.replace(
        _config(clients=(_client("vpn", factors=("texts",)),)), factors=factors
    )
    found = proofs.of(config, proofs.Holders(frozenset({"totp", "email"}), frozenset()))
    assert found == ["client vpn: nobody has the factor texts: no user has a device of kind sms"]
    assert proofs.of(config, proofs.Holders(frozenset({"sms"}), frozenset())) == []
