"""What clients have taught outlives the server, each thing beside the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.interfaces import StoreError
from radiusmfa.login.tries import Known
from radiusmfa.stores.client_state import ClientState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock

VPN = ("vpn", "192.0.2.1")
KNOWN = Known(15.01, 5.0, 3)


@pytest.fixture
def store(stock: Stock) -> Iterator[Database]:
    """An open store."""
    with stock.open() as opened:
        yield opened


@pytest.fixture
def clients(store: Database) -> ClientState:
    """The rows of a store; what is put is written at once."""

    def write(row: tuple[str, tuple[object, ...]]) -> None:
        store.connection.execute(*row)

    return ClientState(store, write)


def test_store_that_cannot_be_read_is_said_so(clients: ClientState, store: Database) -> None:
    """Not half of it, and no error of the database's own."""
    store.connection.execute("DROP TABLE client_state")

    with pytest.raises(StoreError):
        clients.peers()
    with pytest.raises(StoreError):
        clients.patience()


def test_new_store_knows_nobody(clients: ClientState) -> None:
    """Nothing is known of clients that were never heard."""
    assert (clients.peers(), clients.patience()) == ([], [])


def test_the_latest_counts(clients: ClientState) -> None:
    """What is learned anew takes the place of what was known."""
    clients.put_peer((*VPN, "auto", "no"), 5.0)
    clients.put_peer((*VPN, "yes", "no"), 6.0)
    clients.put_patience(*VPN, KNOWN, 7.0)
    clients.put_patience(*VPN, Known(60.0, 5.0, 12), 8.0)

    assert clients.peers() == [(*VPN, "yes", "no")]
    assert clients.patience() == [(*VPN, Known(60.0, 5.0, 12))]


@pytest.mark.parametrize("is_first", [True, False])
def test_one_lesson_leaves_the_other(clients: ClientState, *, is_first: bool) -> None:
    """How a client signs and how long it waits are learned apart, in either order."""
    if is_first:
        clients.put_patience(*VPN, KNOWN, 5.0)
    clients.put_peer((*VPN, "yes", "no"), 6.0)
    if not is_first:
        clients.put_patience(*VPN, KNOWN, 7.0)

    assert clients.peers() == [(*VPN, "yes", "no")]
    assert clients.patience() == [(*VPN, KNOWN)]


def test_client_that_only_waits_has_taught_nothing_of_signatures(clients: ClientState) -> None:
    """It stays `auto`."""
    clients.put_patience(*VPN, KNOWN, 5.0)

    assert clients.peers() == [(*VPN, "auto", "auto")]


def test_what_is_not_known_any_more_is_gone(clients: ClientState) -> None:
    """And what was learned of signatures stays."""
    clients.put_peer((*VPN, "yes", "no"), 6.0)
    clients.put_patience(*VPN, KNOWN, 5.0)

    clients.put_patience(*VPN, None, 6.0)

    assert clients.patience() == []
    assert clients.peers() == [(*VPN, "yes", "no")]


@pytest.mark.parametrize(
    "change",
    ["waits = 'long'", "waits = -1", "waits = 9e999", "pause = 0", "pause = x'00'", "tries = 'x'"],
)
def test_row_that_somebody_wrote_without_us_is_none(
    clients: ClientState, store: Database, change: str
) -> None:
    """Whatever is put into the table stops no start."""
    clients.put_patience(*VPN, KNOWN, 5.0)

    store.connection.execute(f"UPDATE client_state SET {change}")  # noqa: S608

    assert clients.patience() == []
