"""`time_budget: learn` with clients that ask again and give up, and a token server that waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.nas import PATIENCE
from tests.live.token_clients import ACCEPT, REJECT, Radclient
from tests.live.token_server import TokenServer
from tests.live.token_users import PASSWORD
from tests.live.upstreams import Place, ends, entry, unique
from tests.live.world import SECRET, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.nas import Nas
    from tests.live.token_clients import Said

_RESENDING: Final = "127.0.8.1"
_ASKING_ANEW: Final = "127.0.8.2"
_SILENT: Final = "127.0.8.3"
_CONFIGURED: Final = "127.0.8.4"
_PAUSE: Final = 1  # radclient counts in whole seconds
_TRIES: Final = 4
"""A device that waits 5 s three times, in small."""
_START: Final = 7
_LEARNED: Final = r"gives up after 4 s \(1 s apart, 4 tries\); set time_budget: 4"


@pytest.fixture(scope="module")
def nps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Return a server that calls people's phones."""
    need("freeradius", "radclient")
    with TokenServer(tmp_path_factory.mktemp("nps") / "raddb", "nps") as server:
        yield server


@pytest.fixture(scope="module")
def world(nps: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return our server before it, with clients of whom nobody knows how long they wait."""
    world = World(tmp_path_factory.mktemp("world"))
    learning = {"resending": _RESENDING, "asking-anew": _ASKING_ANEW, "silent": _SILENT}
    clients = [_client(name, at, {"learn": _START}) for name, at in learning.items()]
    upstreams.configure(
        world,
        [*clients, _client("configured", _CONFIGURED, _START)],
        {"nps": {"servers": [entry(nps.port)], "dialogue": "nps", "retransmit": 1}},
    )
    world.start(source=_RESENDING)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


def _client(name: str, address: str, time_budget: object) -> dict[str, object]:
    return {
        "name": name, "networks": [address], "mode": "proxy", "primary": "nps",
        "time_budget": time_budget,
    }  # fmt: skip


def _radclient(world: World, source: str, user: str) -> Said | None:
    """Let radclient ask and ask again; return what it got, None: it has given up."""
    place = Place(host="127.0.0.1", port=world.port, secret=SECRET)
    client = Radclient(place, tries=_TRIES, patience=_PAUSE)
    return client.send(
        f'User-Name = "{user}"',
        f'User-Password = "{PASSWORD}"',
        f"Packet-Src-IP-Address = {source}",
    )


def _ask_anew(nas: Nas, user: str) -> int | None:
    """Ask with a new request each time; return the code of the first answer."""
    sent = {}
    for _ in range(_TRIES):
        request = nas.request(user, PASSWORD)
        sent[request[1]] = request
        nas.send(request)
        octets = nas.receive(_PAUSE)
        if octets is not None:
            return nas.check(sent[octets[1]], octets).code
    return None


def test_configured_time_is_not_corrected(world: World) -> None:
    """Where a number is said it counts, though its client has given up before, and does again."""
    for user in (unique("push-30"), unique("push-30")):
        seen = len(world.log())
        assert _radclient(world, _CONFIGURED, user) is None

        until = time.monotonic() + PATIENCE
        while not ends(world, user):
            assert time.monotonic() < until
            time.sleep(0.05)
        assert "gives up after" not in world.log()[seen:]


def test_client_that_gave_up_once_is_answered_in_time(world: World, nps: TokenServer) -> None:
    """The first login that nobody answers is lost; every other one ends before its client does."""
    user, again, quick = unique("push-30"), unique("push-30"), unique("push-1")
    seen = len(world.log())
    assert _radclient(world, _RESENDING, user) is None
    world.until_logged(rf"client resending \({_RESENDING}\): {_LEARNED}", seen)

    second = _radclient(world, _RESENDING, again)

    assert second is not None
    assert second.code == REJECT
    assert ends(world, again) == [("reject", "unanswered")]
    accepted = _radclient(world, _RESENDING, quick)
    assert accepted is not None
    assert accepted.code == ACCEPT
    assert [nps.counts()[one] for one in (user, again, quick)] == [1, 1, 1]


def test_client_that_asks_anew_is_answered_in_time(world: World, nps: TokenServer) -> None:
    """New requests for the same login are tries as well: one push, and an answer in time."""
    user, again = unique("push-30"), unique("push-30")
    seen = len(world.log())
    with world.nas(_ASKING_ANEW) as nas:
        assert _ask_anew(nas, user) is None
        world.until_logged(rf"client asking-anew \({_ASKING_ANEW}\): {_LEARNED}", seen)
        assert len(nas.waiting()) == _TRIES  # too late

        assert _ask_anew(nas, again) == numbers.ACCESS_REJECT

    assert ends(world, again) == [("reject", "unanswered")]
    assert [nps.counts()[one] for one in (user, again)] == [1, 1]


def test_client_that_asks_once_has_what_is_said(world: World) -> None:
    """Of a client that never asks again nothing is learned: the answer comes as was configured."""
    seen = len(world.log())
    with world.nas(_SILENT) as nas:
        for _ in range(2):
            assert nas.login(unique("push-30"), PASSWORD) == numbers.ACCESS_REJECT

    assert "client silent" not in world.log()[seen:]


def test_what_was_learned_survives(world: World) -> None:
    """After `kill -9` it is known as before, and `doctor` says what to configure."""
    user = unique("push-30")
    found = world.run("doctor", "--timeout", "1", "--json", expect=None).stdout
    assert f"client resending ({_RESENDING})" in found
    assert "set time_budget: 4" in found
    world.kill()
    world.start(source=_RESENDING)

    said = _radclient(world, _RESENDING, user)

    assert said is not None
    assert said.code == REJECT
    assert ends(world, user) == [("reject", "unanswered")]
