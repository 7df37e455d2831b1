"""Upstreams that misbehave: each one has its reason, its line in the audit, and its counter."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, final

import pytest

from radiusmfa.wire import codec, numbers
from tests.live import hostile_upstream as habits
from tests.live import upstreams
from tests.live.clients import need
from tests.live.hostile_upstream import HostileUpstream
from tests.live.upstreams import counters, ends, entry, told
from tests.live.world import World, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.live.hostile_upstream import Habit

_BUDGET: Final = 1
# The answer leaves a tenth of a second before; this machine may be busy.
_IN_TIME: Final = _BUDGET + 0.5
_ROUNDS: Final = 3
# Looks at a server go on when the login has ended.
_UNSTEADY: Final = frozenset({"probes", "pending_requests"})


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """
    An upstream, and what must become of a login that it is asked about.

    Attributes:
        name: Of the upstream, and of its user.
        habit: What it does; None: nothing listens there.
        reason: Of the decision.
        counted: Counters that are not 0, but for access_requests.
        ignored: What the audit says of replies that were none.
        decision: What the client gets.
        is_mute: Status-Server gets no answer either.
        more: Settings of the server.
        take: Attributes of its Accept that the client gets.
    """

    name: str
    habit: Habit | None
    reason: str
    counted: dict[str, int]
    ignored: dict[str, int] = field(default_factory=dict)
    decision: str = "reject"
    is_mute: bool = False
    more: dict[str, object] = field(default_factory=dict)
    take: str = "all"


_NO_REPLY: Final = {"timeouts": 1}
_WAIVED: Final[dict[str, object]] = {"require_message_authenticator": False}

CASES: Final = (
    Case(name="mute", habit=habits.say_nothing, is_mute=True,
         reason="upstream-silent", counted=_NO_REPLY),
    Case(name="silent", habit=habits.say_nothing, reason="unanswered", counted=_NO_REPLY),
    Case(name="another-request", habit=habits.answer_another,
         reason="unanswered", counted=_NO_REPLY | {"packets_dropped": 1}),
    Case(name="old-request", habit=habits.answer_an_old_request,
         reason="unanswered", counted=_NO_REPLY | {"bad_authenticators": 1},
         ignored={"bad-response-authenticator": 1}),
    Case(name="wrong-secret", habit=habits.answer_with_a_wrong_secret,
         reason="unanswered", counted=_NO_REPLY | {"bad_authenticators": 1},
         ignored={"bad-response-authenticator": 1}),
    Case(name="unsigned", habit=habits.answer_unsigned,
         reason="unanswered", counted=_NO_REPLY | {"bad_authenticators": 1},
         ignored={"missing-message-authenticator": 1}),
    Case(name="badly-signed", habit=habits.spoil_the_signature, more=_WAIVED,
         reason="unanswered", counted=_NO_REPLY | {"bad_authenticators": 1},
         ignored={"bad-message-authenticator": 1}),
    Case(name="too-large", habit=habits.answer_with_too_large_a_packet,
         reason="unanswered", counted=_NO_REPLY | {"malformed_access_responses": 1}),
    Case(name="noise", habit=habits.answer_with_noise,
         reason="unanswered", counted=_NO_REPLY | {"malformed_access_responses": 1}),
    Case(name="accounting", habit=habits.answer_as_an_accounting_server,
         reason="unanswered", counted=_NO_REPLY | {"unknown_types": 1},
         ignored={"unexpected-code": 1}),
    Case(name="elsewhere", habit=habits.answer_from_elsewhere,
         reason="unanswered", counted=_NO_REPLY | {"packets_dropped": 1}),
    Case(name="proxy-state", habit=habits.answer_with_another_proxy_state,
         reason="unanswered", counted=_NO_REPLY | {"packets_dropped": 1},
         ignored={"bad-proxy-state": 1}),
    Case(name="closed", habit=None, reason="upstream-unreachable", counted={}),
    Case(name="closing", habit=habits.close_the_port, reason="upstream-unreachable", counted={}),
    Case(name="largest-accept", habit=habits.answer_with_the_largest_packet,
         reason="passed", decision="accept", counted={"access_accepts": 1}),
    Case(name="broken-keys", habit=habits.accept_with_broken_keys,
         reason="bad-upstream-reply", counted={"access_accepts": 1}),
    Case(name="stateless", habit=habits.challenge_without_state,
         reason="bad-challenge", counted={"access_challenges": 1}),
    Case(name="two-states", habit=habits.challenge_with_two_states,
         reason="bad-challenge", counted={"access_challenges": 1}),
    Case(name="largest-challenge", habit=habits.challenge_with_the_largest_packet,
         reason="upstream-asks", decision="challenge", counted={"access_challenges": 1}),
    Case(name="unasked-accept", habit=habits.challenge_and_accept,
         reason="upstream-asks", decision="challenge",
         counted={"access_challenges": 1, "packets_dropped": 1}),
    Case(name="largest-untaken", habit=habits.answer_with_the_largest_packet, take="none",
         reason="passed", decision="accept", counted={"access_accepts": 1}),
    Case(name="unsigned-waived", habit=habits.answer_unsigned, more=_WAIVED,
         reason="passed", decision="accept", counted={"access_accepts": 1}),
    Case(name="twice", habit=habits.answer_twice,
         reason="passed", decision="accept", counted={"access_accepts": 1, "packets_dropped": 1}),
)  # fmt: skip
_SLOW: Final = "slow"
_LOOP: Final = "loop"
_CODES: Final = {
    "accept": numbers.ACCESS_ACCEPT,
    "challenge": numbers.ACCESS_CHALLENGE,
    "reject": numbers.ACCESS_REJECT,
}
_HABITS: Final = {case.name: (case.habit, case.is_mute) for case in CASES} | {
    _SLOW: (habits.answer_late, False),
    _LOOP: (habits.challenge_for_ever, False),
}


def _source(name: str) -> str:
    return f"127.0.4.{1 + list(_HABITS).index(name)}"


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, HostileUpstream | None]]:
    """Return every hostile upstream, running; None where there is nobody."""
    with ExitStack() as stack:
        yield {
            name: habit and stack.enter_context(HostileUpstream(habit, is_mute=is_mute))
            for name, (habit, is_mute) in _HABITS.items()
        }


@pytest.fixture(scope="module")
def world(
    servers: dict[str, HostileUpstream | None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Return our server before all of them, each as the primary of a client of its own."""
    need("oathtool")
    world = World(tmp_path_factory.mktemp("world"))
    settings = {case.name: case for case in CASES}
    clients = []
    configured: dict[str, dict[str, object]] = {}
    for name, server in servers.items():
        case = settings.get(name)
        port = free_ports(1)[0] if server is None else server.port
        place = entry(port, "127.0.0.1", **(case.more if case else {}))
        configured[name] = {"servers": [place], "retransmit": 1, "rounds": _ROUNDS}
        configured[name]["take"] = case.take if case else "all"
        client = {"name": name, "networks": [_source(name)], "mode": "proxy", "primary": name}
        clients.append({**client, "time_budget": _BUDGET})
    upstreams.configure(world, clients, configured)
    world.start(source=_source(_LOOP))
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_upstream_misbehaves(world: World, case: Case) -> None:
    """Whatever an upstream sends, the client has its answer in time, and the audit says why."""
    started = time.monotonic()
    with world.nas(_source(case.name)) as nas:
        reply = nas.ask(nas.request(case.name, "proof"))

        assert time.monotonic() - started < _IN_TIME
        assert reply.code == _CODES[case.decision]
        assert nas.waiting() == []
    assert ends(world, case.name) == [(case.decision, case.reason)]
    (asked,) = told(world, case.name)[0]["upstreams"]
    assert asked["name"] == case.name
    assert asked.get("ignored", {}) == case.ignored
    assert _counted(world, case.name) == {"access_requests": 1} | case.counted


def test_upstream_that_is_too_late_lets_nobody_in(world: World) -> None:
    """An Accept after the end of a login is dropped, and is no answer to the next one."""
    with world.nas(_source(_SLOW)) as nas:
        assert nas.login(_SLOW, "proof") == numbers.ACCESS_REJECT
        _until(lambda: _counted(world, _SLOW).get("packets_dropped") == 1)
        assert nas.waiting() == []

        assert nas.login(_SLOW, "other proof") == numbers.ACCESS_REJECT

    assert ends(world, _SLOW) == [("reject", "unanswered")] * 2
    assert _counted(world, _SLOW)["timeouts"] == 2


def test_upstream_that_asks_for_ever_is_stopped(world: World) -> None:
    """After `rounds` challenges the login is refused, whatever was typed."""
    with world.nas(_source(_LOOP)) as nas:
        reply = nas.ask(nas.request(_LOOP, "proof"))
        for _ in range(_ROUNDS - 1):
            assert reply.code == numbers.ACCESS_CHALLENGE
            reply = nas.ask(upstreams.answer(nas, _LOOP, "code", reply.state))
        assert reply.code == numbers.ACCESS_CHALLENGE

        last = nas.ask(upstreams.answer(nas, _LOOP, "code", reply.state))

    assert last.code == numbers.ACCESS_REJECT
    expected = [("challenge", "upstream-asks")] * _ROUNDS + [("reject", "too-many-rounds")]
    assert ends(world, _LOOP) == expected
    assert len({line["id"] for line in told(world, _LOOP)}) == 1
    assert _counted(world, _LOOP) == {"access_requests": 4, "access_challenges": 4}


def test_upstream_accept_without_room_for_it_is_refused(world: World) -> None:
    """An Accept of 4096 octets and a Proxy-State: what was promised cannot be left out."""
    name = "largest-accept"
    with world.nas(_source(name)) as nas:
        more = codec.attribute(numbers.PROXY_STATE, b"of another proxy")
        assert nas.login(f"{name}-2", "proof", more) == numbers.ACCESS_REJECT

    assert ends(world, f"{name}-2") == [("reject", "attribute-failed")]


def test_upstream_accept_that_nobody_waits_for_is_no_answer(
    world: World, servers: dict[str, HostileUpstream | None]
) -> None:
    """After a challenge only the answer to it counts: a new Access-Request with the State."""
    name = "unasked-accept"
    with world.nas(_source(name)) as nas:
        reply = nas.ask(nas.request(f"{name}-2", "proof"))
        assert reply.code == numbers.ACCESS_CHALLENGE

        again = nas.ask(upstreams.answer(nas, f"{name}-2", "code", reply.state))

    assert again.code == numbers.ACCESS_CHALLENGE
    server = servers[name]
    assert server is not None
    assert [packet.value(numbers.STATE) for packet in server.seen[-2:]] == [None, b"upstream-state"]


def _counted(world: World, name: str) -> dict[str, int]:
    counted = counters(world, name)
    return {
        title: count
        for title, count in counted.items()
        if count and title not in _UNSTEADY and not title.startswith("event:")
    }


def _until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)
