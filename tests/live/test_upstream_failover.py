"""Two token servers: one dies in the middle of a load, and comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.load import Load
from tests.live.token_server import TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE
from tests.live.upstreams import answer, counters, ends, entry, told, unique
from tests.live.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SOURCE: Final = "127.0.0.1"
_BUDGET: Final = 10
_LOGINS: Final = 360
_PACE: Final = 60.0
_PATIENCE: Final = 10.0


@pytest.fixture
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[TokenServer]]:
    """Return two running servers of the same product, VIP unless a test says otherwise."""
    need("freeradius")
    plays = getattr(request, "param", "vip")
    pair = [TokenServer(tmp_path / name, plays) for name in ("one", "two")]
    for server in pair:
        server.start()
    yield pair
    for server in pair:
        server.stop()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Return a world that does not run yet."""
    world = World(tmp_path)
    yield world
    if world.is_running():
        assert world.stop() == 0
    assert world.faults() == []


def _serve(world: World, servers: list[TokenServer], **more: object) -> None:
    """Start our server before the two."""
    client = {"name": "vpn", "networks": [_SOURCE], "mode": "proxy", "primary": "token"}
    checks = ("status-server", "access-request")
    pair = [
        entry(one.port, "127.0.0.1", alive_check=check)
        for one, check in zip(servers, checks, strict=True)
    ]
    token = {"servers": pair, "retransmit": 1, "probe_interval": 1, **more}
    upstreams.configure(
        world, [client | {"time_budget": _BUDGET, "retry_window": 5}], {"token": token}
    )
    world.start()


def _load(world: World) -> Load:
    name = unique("uo")
    users = [f"{name}.{at}" for at in range(_LOGINS)]
    return Load(world, _SOURCE, users, CODE, pace=_PACE, budget=_BUDGET)


def _logins(server: TokenServer) -> int:
    # A look at a server that knows no Status-Server is a login of nobody.
    counts = server.counts()
    return sum(count for user, count in counts.items() if user.startswith("uo."))


def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("victim", [0, 1])
def test_killed_server_loses_no_login(
    world: World, servers: list[TokenServer], victim: int
) -> None:
    """SIGKILL and a new start under load: every login is accepted, and the server is used again."""
    _serve(world, servers, use="spread")
    dying = servers[victim]
    with _load(world) as load:
        load.until(_LOGINS // 4)
        dying.kill()
        world.until_logged(r"is gone: nothing listens there")
        load.until(_LOGINS // 2)
        before = _logins(dying)
        dying.start()
        codes = load.codes()

    assert codes == {numbers.ACCESS_ACCEPT: _LOGINS}
    world.until_logged("is alive again")
    with world.nas() as nas:
        _until(
            lambda: (
                nas.login(unique("uo"), CODE) == numbers.ACCESS_ACCEPT and _logins(dying) > before
            )
        )


def test_frozen_server_loses_no_login(world: World, servers: list[TokenServer]) -> None:
    """A server that is there and says nothing is given up, and used again when it goes on."""
    _serve(world, servers)
    frozen, other = servers
    with _load(world) as load:
        load.until(_LOGINS // 6)
        assert other.requests() == []
        frozen.freeze()
        world.until_logged(r"is gone: no sign of life")
        frozen.thaw()
        codes = load.codes()

    assert codes == {numbers.ACCESS_ACCEPT: _LOGINS}
    assert other.requests()
    world.until_logged("is alive again")
    counted = counters(world, "token")
    assert counted["fail_overs"] > 0
    assert counted["probes"] > 0
    with world.nas() as nas:
        user = unique("uo")
        _until(
            lambda: (
                nas.login(user, CODE) == numbers.ACCESS_ACCEPT and len(frozen.requests(user)) > 0
            )
        )


def test_dead_server_is_not_the_first_to_be_asked(world: World, servers: list[TokenServer]) -> None:
    """What is known to be dead is not tried by each login again."""
    servers[0].kill()
    _serve(world, servers)
    with world.nas() as nas:
        first, second = unique("uo"), unique("uo")
        assert nas.login(first, CODE) == numbers.ACCESS_ACCEPT
        assert nas.login(second, CODE) == numbers.ACCESS_ACCEPT

    tried = [told(world, user)[0]["upstreams"][0] for user in (first, second)]
    assert tried[0]["servers"] == 2
    assert "servers" not in tried[1]
    assert {one["server"] for one in tried} == {f"127.0.0.1:{servers[1].port}"}


@pytest.mark.parametrize("servers", ["securid"], indirect=True)
def test_dialogue_is_lost_with_its_server_and_begins_anew(
    world: World, servers: list[TokenServer]
) -> None:
    """The State of one server is never sent to another: the login ends, the next one works."""
    _serve(world, servers)
    user = unique("next")
    with world.nas() as nas:
        first = nas.ask(nas.request(user, PASSCODE))
        assert first.code == numbers.ACCESS_CHALLENGE
        servers[0].kill()
        assert nas.ask(answer(nas, user, NEXT_CODE, first.state)).code == numbers.ACCESS_REJECT
        assert servers[1].requests(user) == []

        again = nas.ask(nas.request(user, PASSCODE))
        servers[0].start()
        world.until_logged("is alive again")
        assert nas.ask(answer(nas, user, NEXT_CODE, again.state)).code == numbers.ACCESS_ACCEPT

    assert ends(world, user) == [
        ("challenge", "upstream-asks"),
        ("reject", "dialogue-lost"),
        ("challenge", "upstream-asks"),
        ("accept", "passed"),
    ]
    assert servers[1].passwords(user) == [PASSCODE, NEXT_CODE]
