"""What a client's own packets teach: whether it signs, and how long it waits for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from collections.abc import Hashable

    from radiusmfa.clients import Peer
    from radiusmfa.duplicates import Answer
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.patience import Patience
    from radiusmfa.server.parts import Site
    from radiusmfa.server.received import Address, Port, Received
    from radiusmfa.stores.client_state import ClientState

log = Logger()


def signs(peer: Peer, clients: ClientState, now: float) -> None:
    """Keep and say what *peer* has taught of its signatures."""
    peer.is_changed = False
    row = peer.client.name, peer.address, peer.message_authenticator, peer.proxy_state
    clients.put_peer((row[0], row[1], row[2].value, row[3].value), now)
    log.warn(
        "client {client} ({address}): require_message_authenticator is now {required!r},"
        " limit_proxy_state {limited!r}; set them in the configuration",
        client=row[0], address=row[1], required=row[2].value, limited=row[3].value,
    )  # fmt: skip


def waits(received: Received) -> None:
    """Learn that a login waits for somebody outside, and its client for us."""
    if received.wait is None and received.answer is not None:
        patience = _patience(received)
        if patience is not None:
            received.wait = patience.begin(received.arrived, _name(received), received.answer)


def resent(site: Site, peer: Peer, name: tuple[Port, Address, int], now: float) -> None:
    """
    Learn that a request, which is being decided, came again.

    Args:
        site: Whose.
        peer: From whom.
        name: Where it came to and from, and its identifier.
        now: Monotonic time.
    """
    if site.patience is not None:
        site.patience.of(peer.address).again(name, now)


def joined(received: Received, known: Answer) -> None:
    """Learn that another request is for the same login as *known*."""
    patience = _patience(received)
    if patience is not None:
        patience.again(known, received.arrived, _name(received))


def ended(received: Received, clients: ClientState, clock: Clock) -> None:
    """Learn that a login that waited has its answer; keep and say what it has taught."""
    patience, wait = _patience(received), received.wait
    if patience is None or wait is None:
        return
    before = patience.known
    patience.end(wait, clock.monotonic())
    if not patience.is_changed:
        return
    patience.is_changed = False
    client, address = received.site.client.name, received.peer.address
    clients.put_patience(client, address, patience.known, clock.wall())
    if patience.known is None:
        log.info(
            "client {client} ({address}): asks again in another way than one that {before};"
            " how long it waits is learned anew",
            client=client, address=address, before=before,
        )  # fmt: skip
        return
    log.info(
        "client {client} ({address}): {known}; {advice}",
        client=client, address=address, known=patience.known, advice=patience.known.advice,
    )  # fmt: skip


def forgotten(received: Received) -> None:
    """Learn nothing of a login: it was not decided, and what it has taught was not written."""
    patience = _patience(received)
    if patience is not None and received.wait is not None:
        patience.forget(received.wait)
        patience.is_changed = patience.known is not None


def _patience(received: Received) -> Patience | None:
    known = received.site.patience
    return None if known is None else known.of(received.peer.address)


def _name(received: Received) -> Hashable:
    # As the duplicates know it, which each port has of its own.
    return received.port, *received.key
