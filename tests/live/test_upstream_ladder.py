"""Token servers that are gone: who is not slowed, what counts instead, and what never does."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.hostile_upstream import HostileUpstream, say_nothing
from tests.live.token_server import TokenServer
from tests.live.token_users import PASSCODE
from tests.live.upstreams import answer, ends, entry, told
from tests.live.world import PASSWORD, World, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live.world import Person

_LADDER: Final = "127.0.6.1"
_LADDER_STEP_UP: Final = "127.0.6.2"
_NO_LADDER: Final = "127.0.6.3"
_ALIVE: Final = "127.0.6.4"
_SILENT: Final = "127.0.6.5"
_MUTE: Final = "127.0.6.6"
_MIXED: Final = "127.0.6.7"
_REFUSE: Final[dict[str, object]] = {"when_unavailable": ["refuse"]}
_TOTP: Final[dict[str, object]] = {"when_unavailable": ["totp", "recovery", "refuse"]}
_BUDGET: Final = 2
_QUICK: Final = 1.0
_ACCEPT: Final = numbers.ACCESS_ACCEPT
_CHALLENGE: Final = numbers.ACCESS_CHALLENGE
_REJECT: Final = numbers.ACCESS_REJECT


@pytest.fixture(scope="module")
def rsa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TokenServer]:
    """Return a SecurID server that is there."""
    need("freeradius", "oathtool")
    with TokenServer(tmp_path_factory.mktemp("rsa") / "raddb", "securid") as server:
        yield server


@pytest.fixture(scope="module")
def world(rsa: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return our server before one token server that is there and several that are not."""
    world = World(tmp_path_factory.mktemp("world"))
    clients = [
        _client("ladder", _LADDER, "gone", _TOTP),
        _client("ladder-step-up", _LADDER_STEP_UP, "gone", _TOTP | {"mode": "step-up"}),
        _client("no-ladder", _NO_LADDER, "gone", _REFUSE),
        _client("alive", _ALIVE, "rsa", _TOTP),
        _client("silent", _SILENT, "silent", _TOTP | {"time_budget": _BUDGET}),
        _client("mixed", _MIXED, "mute", {"factors": ["totp", "mute"], "time_budget": _BUDGET}),
        _client("mute", _MUTE, "mute", _TOTP | {"mode": "step-up", "time_budget": _BUDGET}),
    ]
    names = ("rsa", "gone", "silent", "mute")
    with HostileUpstream(say_nothing) as silent, HostileUpstream(say_nothing, is_mute=True) as mute:
        ports = (rsa.port, *free_ports(1), silent.port, mute.port)
        settings: dict[str, object] = {
            name: {"servers": [entry(port)], "retransmit": 1, "patience": 1}
            for name, port in zip(names, ports, strict=True)
        }
        factors: dict[str, object] = {name: {"upstream": name} for name in names}
        factors |= {"totp": {}, "recovery": {}}
        upstreams.configure(world, clients, settings, factors)
        world.start(source=_LADDER)
        yield world
        assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


def _client(name: str, source: str, factor: str, more: dict[str, object]) -> dict[str, object]:
    return {"name": name, "networks": [source], "factors": [factor], **more}


def _assigned(world: World, upstream: str) -> Person:
    """Return somebody who has a token of *upstream*, and one of ours for bad days."""
    (person,) = upstreams.people(world, "normal")
    world.run("user", "upstream", person.name, upstream)
    return person


# -- what is no outage --


def test_refused_by_a_live_server_is_never_unavailable(world: World) -> None:
    """The token server has said no: a token of ours does not stand in for it."""
    person = _assigned(world, "rsa")
    with world.nas(_ALIVE) as nas:
        first = nas.ask(nas.request(person.name, PASSWORD))
        assert nas.ask(answer(nas, person.name, "12345", first.state)).code == _REJECT

    (_, end) = told(world, person.name)
    assert (end["decision"], end["reason"]) == ("reject", "upstream-refused")
    assert "instead_of" not in end


def test_unanswered_login_is_never_unavailable(world: World) -> None:
    """A server that lives and says nothing waits for a person: no ladder, whoever waits."""
    person = _assigned(world, "silent")
    with world.nas(_SILENT) as nas:
        first = nas.ask(nas.request(person.name, PASSWORD))
        assert nas.ask(answer(nas, person.name, "12345", first.state)).code == _REJECT

    assert ends(world, person.name)[-1] == ("reject", "unanswered")


def test_not_assigned_is_never_unavailable(world: World) -> None:
    """Who has nothing but a password has no factor, whatever servers are gone."""
    (user,) = (upstreams.unique("nobody"),)
    upstreams.import_users(world, [user], PASSWORD)
    with world.nas(_ALIVE) as nas:
        assert nas.dialogue(user, PASSWORD, "12345") == _REJECT

    assert ends(world, user)[-1] == ("reject", "upstream-refused")


# -- the server is gone --


def test_without_a_ladder_the_dead_server_is_a_refusal(world: World) -> None:
    """`when_unavailable: refuse`: a right code of ours lets nobody in; the answer is quick."""
    person = _assigned(world, "gone")
    code = person.code()
    started = time.monotonic()
    with world.nas(_NO_LADDER) as nas:
        assert nas.dialogue(person.name, PASSWORD, code) == _REJECT

    assert time.monotonic() - started < _QUICK
    assert ends(world, person.name)[-1] == ("reject", "upstream-unreachable")


def test_ladder_refuses_a_wrong_password(world: World) -> None:
    """Dead token servers make no password right."""
    person = _assigned(world, "gone")
    with world.nas(_LADDER) as nas:
        assert nas.login(person.name, "correct mule") == _REJECT

    assert ends(world, person.name) == [("reject", "bad-password")]


def test_ladder_refuses_a_wrong_code(world: World) -> None:
    """What stands in for the token server is a factor as any other."""
    person = _assigned(world, "gone")
    with world.nas(_LADDER_STEP_UP) as nas:
        reply = nas.ask(nas.request(person.name, person.wrong_code()))
        assert reply.code == _CHALLENGE
        assert b"another token" in reply.packet.values(numbers.REPLY_MESSAGE)[0]
        last = nas.ask(answer(nas, person.name, person.wrong_code(), reply.state))

    assert last.code == _REJECT
    assert ends(world, person.name) == [
        ("challenge", "other-passcode-wanted"),
        ("reject", "bad-passcode"),
    ]


def test_ladder_takes_the_next_factor_and_says_so(world: World) -> None:
    """The server of the token is gone: our code counts, and the audit names what is missing."""
    person = _assigned(world, "gone")
    code = person.code()
    with world.nas(_LADDER_STEP_UP) as nas:
        assert nas.login(person.name, code) == _ACCEPT
        assert nas.ask(nas.request(person.name, code)).code != _ACCEPT

    first = told(world, person.name)[0]
    assert (first["decision"], first["reason"]) == ("accept", "passed-instead")
    assert (first["factor"], first["instead_of"]) == ("totp", "gone")


def test_ladder_asks_at_once_for_the_other_token(world: World) -> None:
    """Once the servers are known to be gone nobody types a code in vain."""
    first, second = (_assigned(world, "gone") for _ in range(2))
    with world.nas(_LADDER) as nas:
        nas.dialogue(first.name, PASSWORD, first.code())
        reply = nas.ask(nas.request(second.name, PASSWORD))
        assert b"another token" in reply.packet.values(numbers.REPLY_MESSAGE)[0]
        last = nas.ask(answer(nas, second.name, second.code(), reply.state))

    assert last.code == _ACCEPT
    assert ends(world, second.name) == [
        ("challenge", "other-passcode-wanted"),
        ("accept", "passed-instead"),
    ]
    assert told(world, second.name)[-1]["instead_of"] == "gone"


def test_ladder_goes_down_to_recovery_codes(world: World) -> None:
    """A recovery code counts where the ladder names it, once."""
    person = _assigned(world, "gone")
    made = world.run("recovery", "issue", person.name, "--json").stdout
    code = json.loads(made)["codes"][0]
    with world.nas(_LADDER_STEP_UP) as nas:
        assert nas.login(person.name, code) == _ACCEPT
        assert nas.ask(nas.request(person.name, code)).code == _CHALLENGE

    first = told(world, person.name)[0]
    assert (first["reason"], first["factor"]) == ("passed-instead", "recovery")


def test_ladder_after_silence_is_taken_in_time(world: World) -> None:
    """A server that says nothing at all: the ladder begins when its patience ends."""
    person = _assigned(world, "mute")
    code = person.code(1)
    started = time.monotonic()
    with world.nas(_MUTE) as nas:
        assert nas.login(person.name, code) == _ACCEPT

    assert time.monotonic() - started < _BUDGET + 0.5
    (line,) = told(world, person.name)
    assert (line["reason"], line["instead_of"]) == ("passed-instead", "mute")
    assert line["upstreams"][0]["answer"] == "upstream-silent"


# -- who is not concerned --


def test_dead_server_does_not_slow_users_of_local_tokens(world: World) -> None:
    """While forty logins wait for a server that is silent, a local token takes no time."""
    people = upstreams.people(world, *["normal"] * 5)
    codes = [person.code(1) for person in people]
    strangers = [upstreams.unique("normal") for _ in range(40)]
    upstreams.import_users(world, strangers, PASSWORD)
    with ExitStack() as stack, world.nas(_MIXED) as nas:
        for user in strangers:
            waiting = stack.enter_context(world.nas(_MIXED))
            first = waiting.ask(waiting.request(user, PASSWORD))
            waiting.send(answer(waiting, user, PASSCODE, first.state))
        for person, code in zip(people, codes, strict=True):
            started = time.monotonic()
            assert nas.dialogue(person.name, PASSWORD, code) == _ACCEPT
            assert time.monotonic() - started < _QUICK

    for person in people:
        assert all("upstreams" not in line for line in told(world, person.name))
