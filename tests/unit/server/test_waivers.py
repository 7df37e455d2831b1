"""Tests of `radiusmfa.server.waivers`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.policy_model import By, Policy, Remember
from radiusmfa.outcome import PASSED, Reason
from radiusmfa.request import Credentials
from radiusmfa.server.attempt import Attempt
from radiusmfa.server.waivers import Waivers
from radiusmfa.upstream.line import Heard
from radiusmfa.wire import codec
from tests.flows.world import ASKING, World, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STATION = 31


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store with alice, who has a token, bob, who has none, and exempt zoe."""
    with World(tmp_path) as made:
        made.person()
        made.person("bob", has_token=False)
        made.person("zoe", password_only=True)
        made.clients = (client(ASKING, Mode.CHALLENGE),)
        yield made


def begun(world: World, name: str = "alice", station: bytes = b"home", **results: Any) -> Attempt:  # noqa: ANN401
    """Return a login of *name* that one policy with these results decides."""
    world.policies = (Policy(name="p", **results),)
    world.reload()
    site = world.pipeline.parts.sites["challenge"]
    body = codec.attribute(STATION, station) if station else b""
    octets = codec.request(1, 0, bytes(16), body, codec.SigningKey(site.client.secret))
    asked = Credentials(name.encode(), b"", None)
    made = Attempt(site.client, site.plan, site.client.mode, codec.decode(octets), asked, None, 9.0)
    assert site.rules is not None
    made.follow(site.rules[0])
    world.logins.begin()
    made.user = world.logins.user(name.encode())
    return made


def found(world: World, made: Attempt, later: float = 0.0) -> Reason | None:
    """Return why nothing more has to be proved; ends the turn."""
    assert made.user is not None
    reason = Waivers(world.logins).find(made, made.user, world.now + later)
    world.logins.commit()
    return reason


def remember(world: World, made: Attempt, reason: Reason = Reason.PASSED) -> None:
    """Accept *made* for *reason*."""
    Waivers(world.logins).remember(made, reason, world.now)


def test_promise_2_nothing_is_waived_that_nobody_said(world: World) -> None:
    """A policy without waivers asks everybody for a factor but who is exempt."""
    assert found(world, begun(world)) is None
    assert found(world, begun(world, "bob")) is None
    assert found(world, begun(world, "zoe")) is Reason.PASSWORD_ONLY


def test_skip_is_for_everybody(world: World) -> None:
    """The policy's conditions say who that is."""
    assert found(world, begun(world, skips_factor=True)) is Reason.FACTOR_SKIPPED


def test_remembered_is_who_proved_it_a_while_ago(world: World) -> None:
    """For its time, and no longer."""
    settings: dict[str, Any] = {"remember": Remember(seconds=100)}
    made = begun(world, **settings)
    remember(world, made)
    assert found(world, made, 99) is Reason.REMEMBERED
    assert found(world, begun(world, **settings), 100) is None


def test_promise_2_bypass_of_a_service_is_no_proof(world: World) -> None:
    """Whom a service lets pass unasked is asked again as soon as it wants to."""
    settings: dict[str, Any] = {"remember": Remember(seconds=100)}
    made = begun(world, **settings)
    made.heard = Heard(PASSED, is_waived=True)
    remember(world, made)
    assert found(world, made) is None


@pytest.mark.parametrize(
    "reason",
    [Reason.PASSWORD_ONLY, Reason.FACTOR_SKIPPED, Reason.REMEMBERED, Reason.NOT_ENROLLED_YET],
)
def test_promise_2_waiver_is_no_proof(world: World, reason: Reason) -> None:
    """What was waived is not remembered as if it had been proved."""
    made = begun(world, remember=Remember(seconds=100))
    remember(world, made, reason)
    assert found(world, made) is None


@pytest.mark.parametrize("station", [b"elsewhere", b""])
def test_remembered_factor_stays_in_its_place(world: World, station: bytes) -> None:
    """From another place, or from nobody knows where, it is asked for."""
    settings: dict[str, Any] = {"remember": Remember(seconds=100)}
    made = begun(world, **settings)
    remember(world, made)
    world.logins.commit()
    assert found(world, begun(world, station=station, **settings)) is None


def test_login_from_nowhere_is_not_remembered(world: World) -> None:
    """Without Calling-Station-Id there is no place to remember."""
    made = begun(world, station=b"", remember=Remember(seconds=100))
    remember(world, made)
    assert found(world, made) is None


def test_place_is_not_looked_at_where_it_need_not_be_the_same(world: World) -> None:
    """`by: [user]` remembers the person everywhere."""
    settings: dict[str, Any] = {"remember": Remember(seconds=100, by=(By.USER,))}
    made = begun(world, **settings)
    remember(world, made)
    world.logins.commit()
    assert found(world, begun(world, station=b"", **settings)) is Reason.REMEMBERED
    assert found(world, begun(world, "bob", **settings)) is None


def test_nothing_is_remembered_that_no_policy_wants(world: World) -> None:
    """Without `remember` nothing is written."""
    made = begun(world)
    remember(world, made)
    world.logins.commit()
    rows = world.admin.connection.execute("SELECT count(*) FROM remembered").fetchone()
    assert rows == (0,)
