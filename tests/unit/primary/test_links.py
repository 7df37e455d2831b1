"""Tests of `radiusmfa.primary.links`."""

from __future__ import annotations

import ssl
import threading
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.directory_model import DirectoryServer, Tls
from radiusmfa.primary.ldap import LinkError
from radiusmfa.primary.links import Links
from tests.fakes import FakeClock
from tests.unit.primary.responder import ALICE, PATIENCE, SILENCE, Request, Responder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNTIL = PATIENCE


@pytest.fixture
def clock() -> FakeClock:
    """Time passes when a test says so."""
    return FakeClock()


@pytest.fixture
def responder() -> Iterator[Responder]:
    """A server."""
    with Responder() as made:
        yield made


@pytest.fixture
def links(responder: Responder, clock: FakeClock) -> Iterator[Links]:
    """Connections to it, two of which are kept."""
    server = DirectoryServer(host="127.0.0.1", port=responder.port, tls=Tls.NONE)
    made = Links(server, ssl.create_default_context(), clock.monotonic, 2)
    yield made
    made.close()


def test_one_that_was_kept_is_taken_again(links: Links, responder: Responder) -> None:
    """A search needs no new connection; one connection is never lent twice."""
    first = links.open(UNTIL)
    assert links.take() is None
    links.keep(first)
    assert links.take() is first
    assert links.take() is None
    assert first.who_am_i(UNTIL).code == 0
    links.drop(first)
    assert responder.connections == 1


def test_one_that_was_dropped_never_comes_back(links: Links, responder: Responder) -> None:
    """Who was bound on it is gone with it."""
    links.drop(links.open(UNTIL))
    assert links.take() is None
    responder.await_goodbye()
    assert [one.kind for one in responder.requests] == ["unbindRequest"]


def test_no_more_are_kept_than_said(links: Links) -> None:
    """What a burst has opened does not stay open."""
    opened = [links.open(UNTIL) for _ in range(3)]
    for one in opened:
        links.keep(one)
    taken = [links.take() for _ in range(3)]
    assert taken == [opened[1], opened[0], None]
    for one in opened[:2]:
        links.drop(one)


def test_idle_ones_are_not_trusted(links: Links, clock: FakeClock) -> None:
    """A firewall may have forgotten what nobody used for a minute."""
    links.keep(links.open(UNTIL))
    clock.advance(30)
    younger = links.open(clock.monotonic() + UNTIL)
    links.keep(younger)
    clock.advance(31)
    assert links.take() is younger
    links.drop(younger)
    assert links.take() is None


def test_all_kept_ones_go_together(links: Links) -> None:
    """Where one was found broken the others are too."""
    links.keep(links.open(UNTIL))
    links.drop_kept()
    assert links.take() is None


def test_closing_wakes_who_waits(links: Links, responder: Responder) -> None:
    """Nobody waits for a connection when the server ends, and none is kept any more."""
    begun = threading.Event()

    def be_silent(_: Request) -> Sequence[bytes]:
        begun.set()
        return [SILENCE]

    responder.rules["bindRequest"] = be_silent
    link = links.open(UNTIL)
    errors = []

    def wait() -> None:
        with pytest.raises(LinkError) as caught:
            link.bind(ALICE, b"right", UNTIL)
        errors.append(caught.value)
        links.keep(link)

    thread = threading.Thread(target=wait)
    thread.start()
    assert begun.wait(PATIENCE)
    links.close()
    thread.join(PATIENCE)
    assert len(errors) == 1
    assert links.take() is None


def test_one_that_cannot_be_opened_is_not_lent(links: Links, responder: Responder) -> None:
    """A failure leaves nothing behind that closing would have to end."""
    responder.close()
    with pytest.raises(LinkError):
        links.open(UNTIL)
    assert links.take() is None


@pytest.mark.parametrize(
    ("host", "name"), [("dc1.corp.example", "dc1.corp.example:389"), ("::1", "[::1]:389")]
)
def test_name_is_for_people(host: str, name: str) -> None:
    """The audit names a server as people write it."""
    server = DirectoryServer(host=host, port=389, tls=Tls.STARTTLS)
    assert Links(server, ssl.create_default_context(), FakeClock().monotonic, 1).name == name


def test_nobody_is_connected_to_once_it_is_closed(links: Links, responder: Responder) -> None:
    """A thread that begins at the end holds nobody up."""
    links.close()
    with pytest.raises(LinkError, match="not asked any more"):
        links.open(UNTIL)
    assert responder.connections == 0
