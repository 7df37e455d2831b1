"""Tests of `radiusmfa.clients`."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

import pytest

from radiusmfa.clients import _MOST_REMEMBERED, Clients, Peer
from radiusmfa.config.model import Client, Tri
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from radiusmfa.wire.codec import Fault, Packet, SigningKey, UnverifiedPacketError

SECRET: Final = Secret(b"sixteen octets!!")
KEY: Final = SigningKey(SECRET)
FORGER: Final = SigningKey(Secret(b"another sixteen!"))
NAME: Final = codec.attribute(numbers.USER_NAME, b"alice")
STATE: Final = codec.attribute(numbers.PROXY_STATE, b"x")
EAP: Final = codec.attribute(numbers.EAP_MESSAGE, b"\2\1\0\4")


def _client(name: str, *networks: str, **settings: Tri) -> Client:
    secret = Secret(f"the secret of {name}".encode())
    return Client(
        name=name,
        networks=tuple(ip_network(network) for network in networks),
        secret=secret,
        require_message_authenticator=settings.get("require", Tri.YES),
        limit_proxy_state=settings.get("limit", Tri.AUTO),
    )


def _peer(require: Tri = Tri.YES, limit: Tri = Tri.AUTO) -> Peer:
    client = _client("vpn", "192.0.2.1/32", require=require, limit=limit)
    return Peer("192.0.2.1", client, KEY)


def _packet(
    attributes: bytes = NAME,
    *,
    signed: bool = True,
    code: int = numbers.ACCESS_REQUEST,
    key: SigningKey = KEY,
) -> Packet:
    return codec.decode(codec.request(code, 1, bytes(16), attributes, key, signed=signed))


def _refused(peer: Peer, packet: Packet) -> Fault:
    with pytest.raises(UnverifiedPacketError) as caught:
        peer.verify(packet)
    return caught.value.fault


# Who is it?

OVERLAPPING: Final = Clients([
    _client("all", "0.0.0.0/0"),
    _client("wide", "192.0.2.0/24", "2001:db8::/32"),
    _client("one", "192.0.2.7/32"),
    _client("half", "192.0.2.0/25"),
    _client("narrow", "2001:db8:1::/48", "2001:db8:1::7/128"),
])  # fmt: skip


@pytest.mark.parametrize(
    ("address", "name"),
    [
        pytest.param("192.0.2.7", "one", id="an address before its networks"),
        pytest.param("192.0.2.8", "half", id="the longer of two networks"),
        pytest.param("192.0.2.128", "wide", id="outside the longer"),
        pytest.param("198.51.100.1", "all", id="the whole of IPv4"),
        pytest.param("2001:db8:2::1", "wide", id="IPv6"),
        pytest.param("2001:db8:1::1", "narrow", id="a longer network of IPv6"),
        pytest.param("2001:db8:1::7", "narrow", id="one address of IPv6"),
        pytest.param("2001:db8:1::1%eth0", "narrow", id="with a zone"),
        pytest.param("::ffff:192.0.2.7", "one", id="IPv4 on an IPv6 socket"),
        pytest.param("2001:db9::1", None, id="a stranger"),
        pytest.param("::1", None, id="the whole of IPv4 is not the whole of IPv6"),
        pytest.param("::c000:207", None, id="an IPv6 address with the number of an IPv4 one"),
    ],
)
def test_longest_prefix_wins(address: str, name: str | None) -> None:
    """The entry with the longest prefix around the source address is the client."""
    for _ in range(2):
        peer = OVERLAPPING.find(address)
        assert (peer.client.name if peer else None) == name
        assert peer is None or peer.address == address


def test_secret_is_that_of_the_address() -> None:
    """The shared secret is chosen by the source address and by nothing else."""
    one, half = OVERLAPPING.find("192.0.2.7"), OVERLAPPING.find("192.0.2.8")
    assert one is not None
    assert half is not None
    octets = codec.request(1, 1, bytes(16), NAME, one.key)
    one.verify(codec.decode(octets))
    assert _refused(half, codec.decode(octets)) is Fault.BAD_MESSAGE_AUTHENTICATOR


def test_first_of_two_equal_networks_is_taken() -> None:
    """The configuration refuses such entries; should one come, the first in the file stays."""
    clients = Clients([_client("first", "192.0.2.0/24"), _client("second", "192.0.2.0/24")])
    peer = clients.find("192.0.2.1")
    assert peer is not None
    assert peer.client.name == "first"


def test_addresses_of_one_entry_learn_apart() -> None:
    """One entry may be a network of devices: what one of them teaches says nothing of another."""
    clients = Clients([_client("lan", "192.0.2.0/24", require=Tri.AUTO)])
    first, second = clients.find("192.0.2.1"), clients.find("192.0.2.2")
    assert first is not None
    assert second is not None
    first.verify(_packet(signed=False))
    assert first.message_authenticator is Tri.NO
    assert second.message_authenticator is Tri.AUTO
    assert clients.find("192.0.2.1") is first


def test_invented_addresses_do_not_push_out_clients() -> None:
    """Strangers are forgotten when there are too many; a client and what it taught are not."""
    clients = Clients([_client("vpn", "192.0.2.1/32", require=Tri.AUTO)])
    peer = clients.find("192.0.2.1")
    for number in range(_MOST_REMEMBERED + 2):
        assert clients.find(f"2001:db8::{number >> 16:x}:{number & 0xFFFF:x}") is None
    assert clients.find("192.0.2.1") is peer
    assert len(clients._strangers) <= _MOST_REMEMBERED


def test_addresses_within_a_large_network_do_not_grow_without_bound() -> None:
    """A client network of more addresses than memory should hold is still answered."""
    clients = Clients([_client("site", "2001:db8::/64")])
    for number in range(1, _MOST_REMEMBERED + 3):
        assert clients.find(f"2001:db8::{number >> 16:x}:{number & 0xFFFF:x}") is not None
        assert len(clients._peers) <= _MOST_REMEMBERED
    assert clients.find("2001:db8::1") is clients.find("2001:db8::1")


@pytest.mark.parametrize("device", ["2001:db8::1", "2001:db8::ffff:ffff"], ids=["early", "late"])
def test_invented_addresses_of_a_client_network_take_away_nothing_learned(device: str) -> None:
    """Whoever invents addresses cannot make the server take unsigned packets of a device again."""
    secret = SigningKey(Secret(b"the secret of site"))
    clients = Clients([_client("site", "2001:db8::/64", require=Tri.AUTO)])

    def invent() -> None:
        for number in range(2, _MOST_REMEMBERED + 2):
            assert clients.find(f"2001:db8::{number >> 16:x}:{number & 0xFFFF:x}") is not None

    if device != "2001:db8::1":
        invent()
    peer = clients.find(device)
    assert peer is not None
    peer.verify(_packet(key=secret))
    if device == "2001:db8::1":
        invent()
    again = clients.find(device)
    assert again is not None
    assert _refused(again, _packet(signed=False)) is Fault.MISSING_MESSAGE_AUTHENTICATOR


# What must it bring?


def test_required_signature_missing_is_refused() -> None:
    """With `yes` an Access-Request without Message-Authenticator is discarded, always."""
    peer = _peer(Tri.YES, Tri.NO)
    assert _refused(peer, _packet(signed=False)) is Fault.MISSING_MESSAGE_AUTHENTICATOR
    peer.verify(_packet())
    assert _refused(peer, _packet(signed=False)) is Fault.MISSING_MESSAGE_AUTHENTICATOR
    assert not peer.is_changed


@pytest.mark.parametrize("require", Tri)
def test_wrong_signature_is_refused_and_teaches_nothing(require: Tri) -> None:
    """A Message-Authenticator that is there must be right, whatever is required."""
    peer = _peer(require)
    assert _refused(peer, _packet(key=FORGER)) is Fault.BAD_MESSAGE_AUTHENTICATOR
    assert (peer.message_authenticator, peer.proxy_state) == (require, Tri.AUTO)
    assert not peer.is_changed


@pytest.mark.parametrize("limit", Tri)
def test_waived_signature_lets_a_plain_request_pass(limit: Tri) -> None:
    """With `no` a request without Message-Authenticator and Proxy-State is decided."""
    peer = _peer(Tri.NO, limit)
    peer.verify(_packet(signed=False))
    peer.verify(_packet())
    assert peer.message_authenticator is Tri.NO


def test_proxy_state_without_signature_is_limited() -> None:
    """With `limit_proxy_state: yes` the shape of the attack is discarded, a signed one is not."""
    peer = _peer(Tri.NO, Tri.YES)
    fault = _refused(peer, _packet(NAME + STATE, signed=False))
    assert fault is Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR
    peer.verify(_packet(NAME + STATE))
    peer.verify(_packet(signed=False))


def test_proxy_state_is_not_limited_where_that_is_waived() -> None:
    """With both settings `no` an unsigned request with Proxy-State is decided."""
    peer = _peer(Tri.NO, Tri.NO)
    peer.verify(_packet(NAME + STATE, signed=False))
    assert not peer.is_changed


@pytest.mark.parametrize(
    ("attributes", "learned"),
    [
        pytest.param(NAME, Tri.YES, id="no Proxy-State: a NAS"),
        pytest.param(NAME + STATE, Tri.NO, id="Proxy-State: a proxy that never signed"),
    ],
)
def test_first_unsigned_request_decides_about_proxy_state(attributes: bytes, learned: Tri) -> None:
    """With `limit_proxy_state: auto` the first unsigned request shows whether it is a proxy."""
    peer = _peer(Tri.NO)
    peer.verify(_packet(attributes, signed=False))
    assert (peer.proxy_state, peer.is_changed) == (learned, True)
    if learned is Tri.YES:
        fault = _refused(peer, _packet(NAME + STATE, signed=False))
        assert fault is Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR
    else:
        peer.verify(_packet(NAME, signed=False))
        peer.verify(_packet(NAME + STATE, signed=False))
        assert peer.proxy_state is Tri.NO


def test_signed_request_shows_that_proxy_state_needs_a_signature() -> None:
    """Who can sign need not send Proxy-State without a signature."""
    peer = _peer(Tri.NO)
    peer.verify(_packet(NAME + STATE))
    assert (peer.proxy_state, peer.is_changed) == (Tri.YES, True)
    fault = _refused(peer, _packet(NAME + STATE, signed=False))
    assert fault is Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR


def test_auto_requires_what_was_seen_once() -> None:
    """With `auto` one genuine signature makes it required for good: nobody can strip it later."""
    peer = _peer(Tri.AUTO)
    peer.verify(_packet())
    assert (peer.message_authenticator, peer.is_changed) == (Tri.YES, True)
    assert _refused(peer, _packet(signed=False)) is Fault.MISSING_MESSAGE_AUTHENTICATOR
    assert peer.message_authenticator is Tri.YES


def test_auto_stays_open_for_a_client_that_cannot_sign() -> None:
    """With `auto` an old client goes on working, until it signs for the first time."""
    peer = _peer(Tri.AUTO)
    peer.verify(_packet(signed=False))
    assert (peer.message_authenticator, peer.is_changed) == (Tri.NO, True)
    peer.is_changed = False
    peer.verify(_packet(signed=False))
    assert not peer.is_changed
    peer.verify(_packet())
    assert (peer.message_authenticator, peer.is_changed) == (Tri.YES, True)
    assert _refused(peer, _packet(signed=False)) is Fault.MISSING_MESSAGE_AUTHENTICATOR


def test_auto_learns_nothing_about_signatures_from_eap() -> None:
    """EAP is always signed, also by clients that do not sign anything else."""
    peer = _peer(Tri.AUTO)
    peer.verify(_packet(NAME + EAP))
    assert peer.message_authenticator is Tri.AUTO
    assert _refused(peer, _packet(EAP, signed=False)) is Fault.MISSING_MESSAGE_AUTHENTICATOR
    assert peer.message_authenticator is Tri.AUTO


def test_limited_request_does_not_lower_what_is_required() -> None:
    """A request that is discarded for its Proxy-State teaches nothing."""
    peer = _peer(Tri.AUTO, Tri.YES)
    fault = _refused(peer, _packet(NAME + STATE, signed=False))
    assert fault is Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR
    assert (peer.message_authenticator, peer.is_changed) == (Tri.AUTO, False)


@pytest.mark.parametrize("code", [numbers.STATUS_SERVER, numbers.ACCOUNTING_REQUEST])
def test_other_requests_teach_nothing(code: int) -> None:
    """Status-Server is always signed and accounting has its own hash: neither says anything."""
    peer = _peer(Tri.AUTO)
    peer.verify(_packet(NAME + STATE, code=code))
    assert (peer.message_authenticator, peer.proxy_state) == (Tri.AUTO, Tri.AUTO)
    assert not peer.is_changed


def test_accounting_needs_no_message_authenticator() -> None:
    """What is required of Access-Requests is not required of accounting, which has its own hash."""
    peer = _peer(Tri.YES)
    peer.verify(_packet(signed=False, code=numbers.ACCOUNTING_REQUEST))
    forged = _packet(signed=False, code=numbers.ACCOUNTING_REQUEST, key=FORGER)
    assert _refused(peer, forged) is Fault.BAD_REQUEST_AUTHENTICATOR


# A restart


@pytest.mark.parametrize(
    ("require", "limit", "expected"),
    [
        pytest.param(Tri.AUTO, Tri.AUTO, (Tri.YES, Tri.NO), id="both were learned"),
        pytest.param(Tri.NO, Tri.AUTO, (Tri.NO, Tri.NO), id="one is configured"),
        pytest.param(Tri.AUTO, Tri.YES, (Tri.YES, Tri.YES), id="the other is configured"),
        pytest.param(Tri.NO, Tri.YES, (Tri.NO, Tri.YES), id="both are configured"),
    ],
)
def test_what_was_learned_outlives_a_restart(
    require: Tri, limit: Tri, expected: tuple[Tri, Tri]
) -> None:
    """A restart opens no gap, and a setting that the file names counts more than the past."""
    clients = Clients([_client("vpn", "192.0.2.0/24", require=require, limit=limit)])
    assert clients.find("192.0.2.1") is not None
    clients.learned([("vpn", "192.0.2.1", "yes", "no"), ("old", "192.0.2.2", "yes", "yes")])
    peer = clients.find("192.0.2.1")
    assert peer is not None
    assert (peer.message_authenticator, peer.proxy_state) == expected
    assert not peer.is_changed
    other = clients.find("192.0.2.2")
    assert other is not None
    assert (other.message_authenticator, other.proxy_state) == (require, limit)
