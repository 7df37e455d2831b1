"""A NAS, somebody else's proxy, us, and a token server behind: the whole chain at once."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import codec, numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.freeradius import Proxy
from tests.live.radsecproxy import RadsecProxy
from tests.live.token_server import TokenServer
from tests.live.token_users import CODE, NEXT_CODE, PASSCODE, PASSWORD
from tests.live.upstreams import answer, ends, entry, told, unique
from tests.live.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.nas import Nas

_LOOP: Final = "127.0.9.1"
_SOURCES: Final = {
    ("freeradius", "securid"): "127.0.9.2",
    ("freeradius", "generic"): "127.0.9.3",
    ("radsecproxy", "securid"): "127.0.9.4",
    ("radsecproxy", "generic"): "127.0.9.5",
}
_ACCEPT: Final = numbers.ACCESS_ACCEPT
_CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_REJECT: Final = numbers.ACCESS_REJECT
_FILTER_ID: Final = 11


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, TokenServer]]:
    """Return a SecurID server and one of no product."""
    need("freeradius")
    folder = tmp_path_factory.mktemp("servers")
    with ExitStack() as stack:
        yield {
            plays: stack.enter_context(TokenServer(folder / plays, plays))
            for plays in ("securid", "generic")
        }


@pytest.fixture(scope="module")
def world(
    servers: dict[str, TokenServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return our server between the proxies and them; one upstream is our server itself."""
    world = World(tmp_path_factory.mktemp("world"))
    clients: list[dict[str, object]] = [
        {"name": f"{proxy}-{plays}", "networks": [source], "mode": "proxy", "primary": plays}
        for (proxy, plays), source in _SOURCES.items()
    ]
    clients += [
        {"name": "loop", "networks": [_LOOP, "127.0.0.1"], "mode": "proxy", "primary": "self"}
    ]
    ourselves = {"host": "127.0.0.1", "port": world.port, "secret": {"file": "secret"}}
    settings: dict[str, object] = {
        plays: {"servers": [entry(server.port)], "dialogue": plays}
        for plays, server in servers.items()
    }
    upstreams.configure(world, clients, settings | {"self": {"servers": [ourselves]}})
    world.start(source=_LOOP)
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


@pytest.fixture(scope="module")
def proxy(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], Proxy | RadsecProxy]]:
    """Return what gives the proxy of a kind that stands before a token server's client entry."""
    running: dict[tuple[str, str], Proxy | RadsecProxy] = {}
    with ExitStack() as stack:

        def started(kind: str, plays: str) -> Proxy | RadsecProxy:
            key = (kind, plays)
            if key not in running:
                need(kind)
                folder = tmp_path_factory.mktemp(kind) / plays
                source = _SOURCES[key]
                running[key] = (
                    Proxy(folder, world, source, signs=True)
                    if kind == "freeradius"
                    else RadsecProxy(folder, world, source)
                )
                stack.callback(running[key].stop)
            return running[key]

        yield started


@pytest.fixture(params=["freeradius", "radsecproxy"])
def nas(
    request: pytest.FixtureRequest, proxy: Callable[[str, str], Proxy | RadsecProxy]
) -> Iterator[Callable[[str], Nas]]:
    """Return what gives a NAS that knows only the proxy before a token server's client entry."""
    with ExitStack() as stack:
        yield lambda plays: stack.enter_context(proxy(request.param, plays).nas())


def test_circle_of_proxies_is_refused(world: World) -> None:
    """A request that comes back to us ends at once, wherever it has been."""
    user = unique("plain")
    with world.nas(_LOOP) as nas:
        assert nas.login(user, PASSWORD) == _REJECT

    assert sorted(ends(world, user)) == [("reject", "proxy-loop"), ("reject", "upstream-refused")]


def test_chain_refuses_a_wrong_code(world: World, nas: Callable[[str], Nas]) -> None:
    """The Reject of the token server comes back through everybody."""
    user, client = unique("next"), nas("securid")
    first = client.insist(client.request(user, PASSCODE))
    assert first.code == _CHALLENGE
    last = client.insist(answer(client, user, CODE, first.state))

    assert last.code == _REJECT
    assert ends(world, user) == [("challenge", "upstream-asks"), ("reject", "upstream-refused")]


def test_chain_carries_a_new_pin_dialogue(world: World, nas: Callable[[str], Nas]) -> None:
    """Four rounds with four States, each through a proxy, us, and back."""
    user, client = unique("newpin"), nas("securid")
    reply = client.insist(client.request(user, CODE))
    for typed in ("abc123", "abc123", "abc123" + NEXT_CODE):
        assert reply.code == _CHALLENGE
        reply = client.insist(answer(client, user, typed, reply.state))

    assert reply.code == _ACCEPT
    assert ends(world, user)[-1] == ("accept", "passed")
    assert len({line["id"] for line in told(world, user)}) == 1


def test_chain_waits_for_a_push_and_asks_once(
    world: World, servers: dict[str, TokenServer], nas: Callable[[str], Nas]
) -> None:
    """Three seconds for a person, while the NAS retransmits: one push, one Accept."""
    user, client = unique("push-3"), nas("generic")

    assert client.insist(client.request(user, PASSWORD)).code == _ACCEPT

    assert len(servers["generic"].requests(user)) == 1
    assert ends(world, user) == [("accept", "passed")]


def test_chain_gives_each_hop_its_own_proxy_state(
    servers: dict[str, TokenServer], nas: Callable[[str], Nas]
) -> None:
    """The NAS gets back its own Proxy-States; the token server sees one, which is ours."""
    user, client = unique("rich"), nas("generic")
    more = codec.attribute(numbers.PROXY_STATE, b"of the NAS")
    reply = client.insist(client.request(user, PASSWORD, more))

    assert reply.code == _ACCEPT
    assert reply.packet.values(numbers.PROXY_STATE) == [b"of the NAS"]
    assert reply.packet.values(_FILTER_ID) == [b"staff.in"]
    (seen,) = servers["generic"].requests(user)
    assert len(seen["Proxy-State"]) == 1
    assert next(iter(seen)) == "Message-Authenticator"
