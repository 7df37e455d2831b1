"""One login, one dialogue: retries while a push waits, States that wander, a server that dies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import codec, numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.token_server import TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE, PASSWORD
from tests.live.upstreams import answer, ends, entry, told, unique
from tests.live.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

_PUSH: Final = "127.0.7.1"
_PUSH_TOO: Final = "127.0.7.2"
_CODE: Final = "127.0.7.3"
_OTHER: Final = "127.0.7.4"
_BRIEF: Final = "127.0.7.5"
_PLAYED: Final = ("securid", "nps", "generic")
_ACCEPT: Final = numbers.ACCESS_ACCEPT
_CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_REJECT: Final = numbers.ACCESS_REJECT


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TokenServer]]:
    """Return a SecurID server, an NPS and a generic one."""
    need("freeradius")
    folder = tmp_path_factory.mktemp("servers")
    made = {plays: TokenServer(folder / plays, plays) for plays in _PLAYED}
    for server in made.values():
        server.start()
    yield made
    for server in made.values():
        server.stop()


@pytest.fixture(scope="module")
def world(
    servers: dict[str, TokenServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return our server as a proxy in front of them."""
    world = World(tmp_path_factory.mktemp("world"))
    clients = [
        _client("push", [_PUSH, _PUSH_TOO], "nps") | {"retry_window": 5},
        _client("code", [_CODE], "securid"),
        _client("other", [_OTHER], "securid"),
        _client("brief", [_BRIEF], "nps") | {"time_budget": 1},
        _client("generic", ["127.0.7.6"], "generic"),
    ]
    upstreams.configure(
        world,
        clients,
        {
            plays: {"servers": [entry(server.port)], "dialogue": plays, "retransmit": 1}
            for plays, server in servers.items()
        },
    )
    world.start(source=_PUSH)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


def _client(name: str, networks: list[str], primary: str) -> dict[str, object]:
    return {"name": name, "networks": networks, "mode": "proxy", "primary": primary}


# -- refusals --


def test_unanswered_push_is_refused_in_time(world: World) -> None:
    """A client with a second to wait gets a Reject before it gives up, not a late Accept."""
    user = unique("push-3")
    started = time.monotonic()
    with world.nas(_BRIEF) as nas:
        assert nas.login(user, PASSWORD) == _REJECT
        assert time.monotonic() - started < 1.5

    assert ends(world, user) == [("reject", "unanswered")]


def test_state_of_another_client_is_refused_and_stays_open(world: World) -> None:
    """Whoever has stolen a State cannot use it; whom it belongs to still can."""
    user = unique("next")
    with world.nas(_CODE) as nas, world.nas(_OTHER) as thief:
        first = nas.ask(nas.request(user, PASSCODE))
        assert thief.ask(answer(thief, user, NEXT_CODE, first.state)).code == _REJECT
        assert nas.ask(answer(nas, user, NEXT_CODE, first.state)).code == _ACCEPT

    reasons = [reason for _, reason in ends(world, user)]
    assert reasons == ["upstream-asks", "unknown-state", "passed"]


def test_state_of_another_user_is_refused(world: World) -> None:
    """A State belongs to the name that it was given for."""
    user, thief = unique("next"), unique("next")
    with world.nas(_CODE) as nas:
        first = nas.ask(nas.request(user, PASSCODE))
        assert nas.ask(answer(nas, thief, NEXT_CODE, first.state)).code == _REJECT

    assert ends(world, thief) == [("reject", "unknown-state")]


def test_state_opens_once(world: World, servers: dict[str, TokenServer]) -> None:
    """The same answer in a new request is nothing that the token server hears of."""
    user = unique("next")
    with world.nas(_CODE) as nas:
        first = nas.ask(nas.request(user, PASSCODE))
        assert nas.ask(answer(nas, user, NEXT_CODE, first.state)).code == _ACCEPT
        assert nas.ask(answer(nas, user, NEXT_CODE, first.state)).code == _REJECT

    assert ends(world, user)[-1] == ("reject", "unknown-state")
    assert servers["securid"].passwords(user) == [PASSCODE, NEXT_CODE]


def test_wrong_password_during_a_push_is_another_login(
    world: World, servers: dict[str, TokenServer]
) -> None:
    """Only the same proof joins a login that waits."""
    user = unique("push-1")
    with world.nas(_PUSH) as nas, world.nas(_PUSH) as guesser:
        waiting = nas.request(user, PASSWORD)
        nas.send(waiting)
        assert guesser.login(user, "correct mule") == _REJECT
        octets = nas.receive()

    assert octets is not None
    assert nas.check(waiting, octets).code == _ACCEPT
    assert sorted(servers["nps"].passwords(user)) == sorted([PASSWORD, "correct mule"])


# -- one push --


def test_retries_during_a_push_join_it(world: World, servers: dict[str, TokenServer]) -> None:
    """Retransmitted, with new identifiers, from another port: one push, and all are answered."""
    user = unique("push-3")
    with world.nas(_PUSH) as nas, world.nas(_PUSH) as other_port:
        first, second = nas.request(user, PASSWORD), nas.request(user, PASSWORD)
        third = other_port.request(user, PASSWORD)
        for octets in (first, first, second, second):
            nas.send(octets)
            time.sleep(0.2)
        other_port.send(third)

        replies = {octets[1]: octets for octets in (nas.receive(), nas.receive()) if octets}
        assert nas.check(first, replies[first[1]]).code == _ACCEPT
        assert nas.check(second, replies[second[1]]).code == _ACCEPT
        last = other_port.receive()
        assert last is not None
        assert other_port.check(third, last).code == _ACCEPT

    assert len(servers["nps"].requests(user)) == 1
    assert ends(world, user) == [("accept", "passed")]


def test_the_same_login_of_two_devices_is_two(
    world: World, servers: dict[str, TokenServer]
) -> None:
    """Two devices of one client entry do not answer for each other, nor do two places."""
    user = unique("push-1")
    here = codec.attribute(numbers.CALLING_STATION_ID, b"192.0.2.1")
    there = codec.attribute(numbers.CALLING_STATION_ID, b"192.0.2.2")
    with world.nas(_PUSH) as nas, world.nas(_PUSH_TOO) as too:
        sent = [
            (nas, nas.request(user, PASSWORD, here)),
            (nas, nas.request(user, PASSWORD, there)),
            (too, too.request(user, PASSWORD, here)),
        ]
        for device, request in sent:
            device.send(request)
        replies = [nas.receive(), nas.receive(), too.receive()]

    assert all(replies)
    assert len(servers["nps"].requests(user)) == 3


# -- a dialogue outlives us, but not its server --


def test_dialogue_goes_on_after_kill_9(world: World) -> None:
    """Killed between two rounds: the person answers the server that came back."""
    user = unique("newpin")
    with world.nas(_CODE) as nas:
        first = nas.ask(nas.request(user, CODE))
        world.kill()
        world.start(source=_CODE)
        second = nas.ask(answer(nas, user, "abc123", first.state))
        assert second.code == _CHALLENGE
        world.kill()
        world.start(source=_CODE)
        third = nas.ask(answer(nas, user, "abc123", second.state))
        last = nas.ask(answer(nas, user, "abc123" + NEXT_CODE, third.state))

    assert last.code == _ACCEPT
    assert ends(world, user) == [("challenge", "upstream-asks")] * 3 + [("accept", "passed")]
    assert len({line["id"] for line in told(world, user)}) == 1


def test_dialogue_answered_from_another_port_goes_on(world: World) -> None:
    """A client may answer from a new socket."""
    user = unique("next")
    with world.nas(_CODE) as nas:
        first = nas.ask(nas.request(user, PASSCODE))
    with world.nas(_CODE) as nas:
        assert nas.ask(answer(nas, user, NEXT_CODE, first.state)).code == _ACCEPT


def test_session_timeout_and_prompt_of_a_challenge_are_kept(world: World) -> None:
    """The server gives thirty seconds and lets the typed characters be seen: so do we."""
    user = unique("timed")
    with world.nas("127.0.7.6") as nas:
        first = nas.ask(nas.request(user, PASSWORD))

    assert first.code == _CHALLENGE
    assert first.packet.value(numbers.PROMPT) == (1).to_bytes(4)
    timeout = first.packet.value(numbers.SESSION_TIMEOUT)
    assert timeout == (30).to_bytes(4)
