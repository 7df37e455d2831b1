"""
Who sent this? A source address to a client; the longest prefix wins.

The shared secret is chosen by the datagram's source address and by nothing in the
packet (RFC 2865 section 3). What a client's own packets teach (`auto`,
CVE-2024-3596) is remembered per address, because one entry may stand for a
network of different devices.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final, TypeAlias, final

from radiusmfa.config.model import Tri
from radiusmfa.wire import codec, numbers
from radiusmfa.wire.codec import Fault, Packet, SigningKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.config.model import Client

    # The network's part of the address, and whose it is.
    _Table: TypeAlias = dict[int, tuple[Client, SigningKey]]

_MOST_REMEMBERED: Final = 65_536


@final
class Peer:
    """
    One source address and what is known of it.

    Attributes:
        address: As text.
        client: The entry it belongs to.
        key: The shared secret, ready to sign.
        message_authenticator: YES or NO as configured or learned; AUTO: not known yet.
        proxy_state: Whether Proxy-State without Message-Authenticator is refused; likewise.
        is_changed: Something was learned that the store does not know yet.
    """

    __slots__ = ("address", "client", "is_changed", "key", "message_authenticator", "proxy_state")

    def __init__(self, address: str, client: Client, key: SigningKey) -> None:
        """Know nothing but the configuration."""
        self.address = address
        self.client = client
        self.key = key
        self.message_authenticator = client.require_message_authenticator
        self.proxy_state = client.limit_proxy_state
        self.is_changed = False

    def verify(self, packet: Packet) -> None:
        """
        Check what a request must carry from this client, and learn from it.

        Raises:
            UnverifiedPacketError: It is discarded in silence.
        """
        is_signed = codec.verify(packet, self.key)
        if packet.code != numbers.ACCESS_REQUEST:
            return
        if is_signed:
            if self.message_authenticator is Tri.YES:  # nearly all
                return
            self._learn_signed(packet)
            return
        if self.message_authenticator is Tri.YES:
            raise codec.UnverifiedPacketError(Fault.MISSING_MESSAGE_AUTHENTICATOR)
        if self._is_limited(packet):
            raise codec.UnverifiedPacketError(Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR)
        if self.message_authenticator is Tri.AUTO:
            self.message_authenticator = Tri.NO
            self.is_changed = True

    def restore(self, message_authenticator: str, proxy_state: str) -> None:
        """Take over what was learned before a restart, where the configuration says auto."""
        if self.client.require_message_authenticator is Tri.AUTO:
            self.message_authenticator = Tri(message_authenticator)
        if self.client.limit_proxy_state is Tri.AUTO:
            self.proxy_state = Tri(proxy_state)

    def _learn_signed(self, packet: Packet) -> None:
        # EAP always carries one (RFC 3579 section 3.2) and so teaches nothing.
        if self.client.require_message_authenticator is Tri.AUTO and (
            numbers.EAP_MESSAGE not in packet
        ):
            self.message_authenticator = Tri.YES
            self.is_changed = True
        if self.proxy_state is Tri.AUTO:
            self.proxy_state = Tri.YES
            self.is_changed = True

    def _is_limited(self, packet: Packet) -> bool:
        has_proxy_state = numbers.PROXY_STATE in packet
        if self.proxy_state is Tri.AUTO:
            # The first packet decides: a proxy that never signed goes on working.
            self.proxy_state = Tri.NO if has_proxy_state else Tri.YES
            self.is_changed = True
        return has_proxy_state and self.proxy_state is Tri.YES


@final
class Clients:
    """The configured clients."""

    def __init__(self, clients: Iterable[Client]) -> None:
        """Prepare the signing keys, and a table of networks for each length of prefix."""
        tables: dict[tuple[int, int], _Table] = {}
        for client in clients:
            key = SigningKey(client.secret)
            for network in client.networks:
                host_bits = network.max_prefixlen - network.prefixlen
                table = tables.setdefault((network.version, host_bits), {})
                table.setdefault(int(network.network_address) >> host_bits, (client, key))
        self._tables = sorted(tables.items(), key=lambda row: row[0])  # longest prefix first
        self._peers: dict[str, Peer] = {}
        self._strangers: set[str] = set()
        self._learned: dict[tuple[str, str], tuple[str, str]] = {}

    def learned(self, rows: Iterable[tuple[str, str, str, str]]) -> None:
        """Take over (client, address, message_authenticator, proxy_state) from the store."""
        self._learned = {(row[0], row[1]): (row[2], row[3]) for row in rows}
        self._peers.clear()

    def find(self, address: str) -> Peer | None:
        """Return the peer at *address*, or None for a stranger."""
        peer = self._peers.get(address)
        if peer is not None or address in self._strangers:
            return peer
        return self._remember(address)

    def _remember(self, address: str) -> Peer | None:
        peer = self._look_up(address)
        if peer is None:
            if len(self._strangers) >= _MOST_REMEMBERED:  # invented addresses fill it
                self._strangers.clear()
            self._strangers.add(address)
        else:
            if len(self._peers) >= _MOST_REMEMBERED:  # of a large network, perhaps invented too
                self._forget_peers()
            self._peers[address] = peer
        return peer

    def _forget_peers(self) -> None:
        # Only what a signature taught is kept: whoever invents addresses cannot take it away.
        for address, peer in self._peers.items():
            signed = peer.message_authenticator is Tri.YES
            if signed and peer.client.require_message_authenticator is Tri.AUTO:
                learned = peer.message_authenticator.value, peer.proxy_state.value
                self._learned[peer.client.name, address] = learned
        self._peers.clear()

    def _look_up(self, address: str) -> Peer | None:
        number = ipaddress.ip_address(address.partition("%")[0])
        if number.version == 6 and number.ipv4_mapped is not None:  # noqa: PLR2004
            number = number.ipv4_mapped
        whole = int(number)
        for (version, host_bits), table in self._tables:
            found = table.get(whole >> host_bits) if version == number.version else None
            if found is not None:
                peer = Peer(address, *found)
                known = self._learned.get((peer.client.name, address))
                if known is not None:
                    peer.restore(*known)
                return peer
        return None
