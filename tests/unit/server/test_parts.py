"""What is made from the configuration is what the configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Mode, Tri
from radiusmfa.decision import Accept
from radiusmfa.login.tries import Known
from radiusmfa.request import Credentials
from radiusmfa.server.attempt import Attempt
from radiusmfa.wire import codec
from tests.flows.upstreams import upstream
from tests.flows.world import APPEND, ASKING, STEP_UP, World, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.login.flow import Step
    from radiusmfa.outcome import Outcome
    from radiusmfa.server.parts import Site


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server with a client of each mode."""
    with World(tmp_path) as made:
        yield made


def begun(site: Site, name: bytes, typed: bytes) -> Attempt:
    """Return a login at *site* that nothing is known of yet."""
    octets = codec.request(1, 0, bytes(16), b"", codec.SigningKey(site.client.secret))
    asked = Credentials(name, typed, None)
    return Attempt(site.client, site.plan, Mode.STEP_UP, codec.decode(octets), asked, None, 20.0)


def test_each_client_has_its_site(world: World) -> None:
    """Every configured client is found by its address and has its own replies and retries."""
    world.clients = (
        client(STEP_UP, Mode.STEP_UP, retry_window=0),
        client("2001:db8::1", Mode.CHALLENGE),
    )

    parts = world.parts()

    assert set(parts.sites) == {"step-up", "challenge"}
    assert parts.sites["step-up"].retries is None
    assert parts.sites["challenge"].retries is not None
    peer = parts.clients.find("2001:db8::1")
    assert peer is not None
    assert peer.client is parts.sites["challenge"].client
    assert parts.clients.find("203.0.113.9") is None


def test_what_was_learned_is_taken_over(world: World) -> None:
    """What a client's packets taught before is known to the new parts."""
    world.clients = (client(STEP_UP, Mode.STEP_UP, require_message_authenticator=Tri.AUTO),)
    world.logins.begin()
    world.logins.clients.put_peer(("step-up", STEP_UP, "yes", "yes"), world.now)
    world.logins.commit()

    peer = world.parts().clients.find(STEP_UP)

    assert peer is not None
    assert peer.message_authenticator is Tri.YES


def test_patience_is_taken_over(world: World) -> None:
    """What was learned counts for the clients that learn, and for nobody else."""
    learns = {"primary": "rsa", "learns_patience": True}
    world.clients = (
        client(STEP_UP, Mode.PROXY, name="vpn", **learns),
        client(APPEND, Mode.PROXY, name="plain", primary="rsa"),
        client(ASKING, Mode.CHALLENGE, name="local", learns_patience=True),
    )
    world.upstreams = (upstream(),)
    world.logins.begin()
    for name in ("vpn", "plain", "local", "gone"):
        world.logins.clients.put_patience(name, STEP_UP, Known(15.0, 5.0, 3), world.now)
    world.logins.commit()

    sites = world.parts().sites

    patience = sites["vpn"].patience
    assert patience is not None
    assert patience.of(STEP_UP).deadline(0.0) == 14.25
    assert patience.of(APPEND).deadline(0.0) == 19.0
    assert sites["plain"].patience is sites["local"].patience is None


def test_reload_takes_the_logins_that_wait_along(world: World) -> None:
    """Who waits goes on; each address is looked at again; a number that is configured counts."""
    learns = {"primary": "rsa", "learns_patience": True}
    world.upstreams = (upstream(),)
    world.clients = (client(STEP_UP, Mode.PROXY, **learns),)
    before = world.parts().sites["proxy"]
    assert before.patience is not None
    wait = before.patience.of(STEP_UP).begin(0.0, "it")
    world.clients = (client(STEP_UP, Mode.PROXY, time_budget=60, **learns),)
    after = world.parts().sites["proxy"]

    after.inherit(before)

    assert after.patience is before.patience
    assert after.patience.of(STEP_UP).deadline(0.0, wait) == 57.0
    world.clients = (client(STEP_UP, Mode.PROXY, primary="rsa"),)
    last = world.parts().sites["proxy"]
    last.inherit(after)
    assert last.patience is None


def test_steps_know_the_store(world: World) -> None:
    """The steps decide with the store they were given."""
    alice = world.person()
    parts = world.parts()
    site = parts.sites["step-up"]
    attempt = begun(site, b"alice", alice.code(world.now))
    world.logins.begin()
    attempt.user = world.logins.user(b"alice")

    decision = parts.steps.start(attempt, world.now, 0)

    world.logins.commit()
    assert isinstance(decision, Accept)


def test_watch_is_passed_on(world: World) -> None:
    """Who asked to be told of steps is told."""
    seen: list[tuple[Step, Outcome]] = []
    parts = world.parts(lambda step, outcome: seen.append((step, outcome)))
    attempt = begun(parts.sites["step-up"], b"nobody", b"")

    parts.steps.start(attempt, world.now, 0)

    assert len(seen) == 1
