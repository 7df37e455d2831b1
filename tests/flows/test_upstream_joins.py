"""One login, one dialogue: whoever repeats a login that waits for an upstream gets its answer."""

from __future__ import annotations

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.outcome import Reason
from radiusmfa.wire import salt, vendor
from tests.flows.upstreams import (
    PROXY,
    UPSTREAM_SECRET,
    TokenServer,
    factor,
    proxied,
    serve,
    tell,
    told,
)
from tests.flows.world import (
    ACCEPT,
    ASKING,
    CHALLENGE,
    CLASS,
    PROXY_STATE,
    REJECT,
    SECRET,
    World,
    client,
)

STATION = (31, b"198.51.100.7")
MICROSOFT, SEND_KEY = 311, 16
KEY = bytes(range(32))
WINDOWS = pytest.mark.parametrize("window", [0, 5], ids=["no-retries", "retries"])


def with_proxy(world: World, window: int = 5) -> TokenServer:
    """Serve a client whose upstream checks everything."""
    return serve(world, proxied(retry_window=window))


# -- what is another login --


@pytest.mark.parametrize(
    ("name", "typed", "extra", "address"),
    [
        pytest.param("alice", b"another", [STATION], PROXY, id="password"),
        pytest.param("bob", b"right", [STATION], PROXY, id="user"),
        pytest.param("alice", b"right", [(31, b"203.0.113.9")], PROXY, id="station"),
        pytest.param("alice", b"right", [], PROXY, id="no-station"),
        pytest.param("alice", b"right", [STATION, (24, b"state")], PROXY, id="state"),
        pytest.param("alice", b"right", [STATION], "192.0.2.55", id="address"),
    ],
)
def test_another_login_is_asked_about_for_itself(
    world: World, name: str, typed: bytes, extra: list[tuple[int, bytes]], address: str
) -> None:
    """Another person, proof, place or client never gets the answer of a login under way."""
    entry = proxied(networks=(*client("192.0.2.0/24", Mode.PROXY).networks,))
    server = serve(world, entry)
    nas, other = world.nas(PROXY), world.nas(address, 40001)
    first = tell(nas, "alice", b"right", None, STATION)

    second = other.request(name, typed, None, *extra)
    other.put(second)
    server.accept()

    assert told(nas, first).code == ACCEPT
    reply = other.take(second)
    if any(kind == 24 for kind, _ in extra):
        assert reply is not None
        assert reply.code == REJECT  # a State of nobody
        return
    assert reply is None
    assert len(server.asked) == 2
    server.reject()
    assert told(other, second).code == REJECT


# -- what is the same --


@WINDOWS
@pytest.mark.parametrize("port", [40000, 40001], ids=["same-port", "another-port"])
def test_new_identifier_while_it_waits_joins(world: World, window: int, port: int) -> None:
    """A client that asks anew while the upstream thinks gets the answer to its first request."""
    server = with_proxy(world, window)
    nas, again = world.nas(PROXY), world.nas(PROXY, port)
    again.identifier = 99
    first = tell(nas, "alice", b"right", None, STATION)
    second = tell(again, "alice", b"right", None, STATION)
    assert len(server.asked) == 1

    server.accept((11, b"staff"))

    of = {request[1]: request for request in (first, second)}
    replies = [nas.checked(octets, of[octets[1]]) for octets, _ in world.port.sent]
    assert [one.code for one in replies] == [ACCEPT] * 2
    assert [one.values(11) for one in replies] == [[b"staff"]] * 2
    assert len({one.values(CLASS)[0] for one in replies}) == 1
    assert len(world.lines()) == 1
    assert world.counters.total_dup_requests == 1
    assert world.pipeline.pending == 0


@pytest.mark.parametrize("code", [REJECT, CHALLENGE])
def test_everybody_who_joined_gets_the_same(world: World, code: int) -> None:
    """A Reject, or a Challenge with one State, goes to all of them, signed for each."""
    server = with_proxy(world)
    ports = [world.nas(PROXY, 40000 + number) for number in range(4)]
    requests = [tell(nas, "alice", b"right") for nas in ports]

    if code == REJECT:
        server.reject(b"No.")
    else:
        server.challenge(b"theirs", b"Code? ")

    replies = [told(nas, request) for nas, request in zip(ports, requests, strict=True)]
    assert {reply.code for reply in replies} == {code}
    assert len({reply.attributes[1:] for reply in replies}) == 1
    assert len({reply.octets for reply in replies}) == 4
    assert len(world.challenges) == (code == CHALLENGE)


def test_keys_are_hidden_for_each(world: World) -> None:
    """Whoever joined gets the keys hidden for its own request, and its own Proxy-State."""
    server = with_proxy(world)
    ports = [world.nas(PROXY, 40000 + number) for number in range(2)]
    requests = [
        tell(nas, "alice", b"right", None, (PROXY_STATE, b"way %d" % number))
        for number, nas in enumerate(ports)
    ]
    asked = server.heard()
    hidden = salt.seal(KEY, UPSTREAM_SECRET, asked.packet.authenticator, b"\x80\x01")

    server.answer_with(asked, ACCEPT, vendor.encode(MICROSOFT, SEND_KEY, hidden))

    for number, (nas, request) in enumerate(zip(ports, requests, strict=True)):
        reply = told(nas, request)
        parts = vendor.sub_attributes(reply.values(26)[0])
        assert parts is not None
        ((_, _, value),) = parts
        assert salt.unseal(value, SECRET, request[4:20]) == KEY
        assert reply.values(PROXY_STATE) == [b"way %d" % number]


def test_retransmission_of_a_joined_request_is_answered_alike(world: World) -> None:
    """The same octets again, before or after: silence while it waits, then the same reply."""
    server = with_proxy(world)
    nas, again = world.nas(PROXY), world.nas(PROXY, 40001)
    tell(nas, "alice", b"right")
    second = tell(again, "alice", b"right")
    assert again.send(second) is None
    server.accept()
    reply = told(again, second)

    assert again.send(second) == reply
    assert len(server.asked) == 1


def test_two_in_one_burst_are_one(world: World) -> None:
    """Two requests of one login that arrive together are asked about once."""
    server = with_proxy(world)
    nas = world.nas(PROXY)
    first, second = nas.request("alice", b"right"), nas.request("alice", b"right")

    nas.put(first, second)
    server.accept()

    assert len(server.asked) == 1
    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT, ACCEPT]


@WINDOWS
def test_login_after_the_answer_is_new(world: World, window: int) -> None:
    """Once it is answered, a new request of a client that keeps its port is another login."""
    server = with_proxy(world, window)
    nas = world.nas(PROXY)
    tell(nas, "alice", b"right")
    server.accept()
    world.clock.advance(1)

    tell(nas, "alice", b"right")

    assert len(server.asked) == 2


def test_rounds_of_one_dialogue_join_too(world: World) -> None:
    """An answer to a challenge that is sent again while the upstream thinks is one answer."""
    server = with_proxy(world)
    nas, again = world.nas(PROXY), world.nas(PROXY, 40001)
    first = tell(nas, "alice", b"right")
    server.challenge(b"theirs", b"Code? ")
    state = told(nas, first).state
    second, third = tell(nas, "alice", b"1", state), tell(again, "alice", b"1", state)

    server.accept()

    assert [told(nas, second).code, told(again, third).code] == [ACCEPT, ACCEPT]
    assert len(server.asked) == 2


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_SILENT, Reason.UNANSWERED])
def test_nobody_who_joined_is_left_alone(world: World, reason: Reason) -> None:
    """Where nothing comes of it, everybody is told."""
    server = with_proxy(world)
    nas, again = world.nas(PROXY), world.nas(PROXY, 40001)
    first, second = tell(nas, "alice", b"right"), tell(again, "alice", b"right")

    server.fail(reason)

    assert [told(nas, first).code, told(again, second).code] == [REJECT, REJECT]


def pushed(world: World) -> TokenServer:
    """Serve a client whose users get a push after the local password."""
    world.person(has_token=False)
    return serve(
        world,
        client(ASKING, Mode.CHALLENGE, factors=("securid",)),
        factors=(factor(start_with=StartWith.WORD, word="push"),),
    )


def test_requests_meet_at_the_upstream(world: World) -> None:
    """Two whose passwords were checked at the same time ring the phone once."""
    server = pushed(world)
    typed = b"the secret of alice"
    nas, again = world.nas(ASKING), world.nas(ASKING, 40001)
    first, second = nas.request("alice", typed), again.request("alice", typed)
    nas.put(first)
    again.put(second)

    world.work()
    server.accept()

    assert len(server.asked) == 1
    assert [told(nas, first).code, told(again, second).code] == [ACCEPT, ACCEPT]
    assert world.pipeline.pending == 0


def test_who_joined_one_that_joins_gets_the_answer(world: World) -> None:
    """A third request that waits for the second is answered when the second joins the first."""
    server = pushed(world)
    typed = b"the secret of alice"
    ports = [world.nas(ASKING, 40000 + number) for number in range(3)]
    ports[2].identifier = ports[1].identifier
    requests = [nas.request("alice", typed) for nas in ports]
    for nas, request in zip(ports, requests, strict=True):
        nas.put(request)

    world.work()
    server.accept()

    assert len(server.asked) == 1
    replies = [told(nas, request) for nas, request in zip(ports, requests, strict=True)]
    assert [reply.code for reply in replies] == [ACCEPT] * 3


def test_who_repeats_one_that_joined_gets_the_answer(world: World) -> None:
    """A late retry of a request that had joined another gets what both got."""
    server = pushed(world)
    typed = b"the secret of alice"
    ports = [world.nas(ASKING, 40000 + number) for number in range(3)]
    ports[2].identifier = ports[1].identifier
    requests = [nas.request("alice", typed) for nas in ports]
    ports[0].put(requests[0])
    ports[1].put(requests[1])
    world.work()
    server.accept()
    world.clock.advance(1)

    ports[2].put(requests[2])

    assert told(ports[2], requests[2]).code == ACCEPT
    assert len(server.asked) == 1


def test_promise_3_lost_turn_forgets_who_joined(world: World) -> None:
    """If the answer did not reach the disk nobody hears of it, and everybody may ask again."""
    server = with_proxy(world)
    nas, again = world.nas(PROXY), world.nas(PROXY, 40001)
    first, second = tell(nas, "alice", b"right"), tell(again, "alice", b"right")
    world.admin.connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
    )

    server.accept()

    assert world.port.sent == []
    world.admin.connection.execute("DROP TRIGGER broken")
    again.put(second)
    nas.put(first)
    assert len(server.asked) == 2
    server.accept()
    assert [told(nas, first).code, told(again, second).code] == [ACCEPT, ACCEPT]
