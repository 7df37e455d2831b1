"""Retransmissions and retries: decided once, answered alike, and nothing else is taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Mode
from tests.fakes import FakePort
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    CHALLENGE,
    CLASS,
    PROXY_STATE,
    REJECT,
    STEP_UP,
    Nas,
    World,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("seconds", [0, 1, 10, 29])
def test_duplicate_is_answered_with_the_same_octets(world: World, seconds: int) -> None:
    """A retransmitted login gets the octets that it got before, also late, and is decided once."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))
    first = nas.send(request)
    world.clock.advance(seconds)

    second = nas.send(request)

    assert first is not None
    assert first.code == ACCEPT
    assert second == first
    assert len(world.lines()) == 1
    assert world.counters.total_dup_requests == 1


@pytest.mark.parametrize("code", [ACCEPT, CHALLENGE, REJECT])
def test_duplicate_of_every_kind_of_reply_is_the_same(world: World, code: int) -> None:
    """An Accept, a Challenge and a Reject are each repeated to the octet."""
    alice = world.person()
    nas = world.nas(APPEND if code == ACCEPT else ASKING)
    typed = {
        ACCEPT: alice.password + alice.code(world.now),
        CHALLENGE: alice.password,
        REJECT: b"wrong",
    }
    request = nas.request("alice", typed[code])

    replies = [nas.send(request) for _ in range(3)]

    assert replies[0] is not None
    assert replies[0].code == code
    assert replies == [replies[0]] * 3
    assert len(world.lines()) == 1


def test_duplicate_of_a_login_being_decided_is_silent(world: World) -> None:
    """While a password is checked, retransmissions wait in silence and cost no second check."""
    alice = world.person()
    nas = world.nas(APPEND)
    request = nas.request("alice", alice.password + alice.code(world.now))
    nas.put(request)

    nas.put(request)
    nas.put(request, request)

    assert world.port.sent == []
    world.work()
    assert len(world.port.sent) == 1
    reply = nas.take(request)
    assert reply is not None
    assert reply.code == ACCEPT
    assert len(world.threads.asked) == 1


def test_duplicate_within_one_burst_is_answered_once(world: World) -> None:
    """A request that arrives three times at once is one login and one answer."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))

    nas.put(request, request, request)

    assert len(world.port.sent) == 1
    assert len(world.lines()) == 1


def test_promise_1_duplicate_after_the_cache_forgot_is_rejected(world: World) -> None:
    """When the reply is no longer kept, a retransmitted login is a used passcode."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now, 1))
    assert nas.send(request) is not None
    world.clock.advance(31)
    nas.send(nas.request("alice", b"0"))
    world.clock.advance(31)

    reply = nas.send(request)

    assert reply is not None
    assert reply.code == REJECT


def test_new_request_on_the_same_port_and_identifier_is_new(world: World) -> None:
    """An identifier that comes round again with another authenticator is another login."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    nas.identifier = 7
    assert nas.decide("alice", alice.code(world.now)) == ACCEPT
    nas.identifier = 7

    code = nas.decide("alice", alice.code(world.now))

    assert code == REJECT
    assert world.reasons == [("accept", "passed"), ("reject", "replayed-passcode")]


def test_late_answer_to_an_abandoned_request_is_not_sent(world: World) -> None:
    """A client that uses the identifier anew does not get the answer to its older request."""
    alice = world.person()
    nas = world.nas(APPEND)
    nas.identifier = 7
    old = nas.request("alice", alice.password + alice.code(world.now))
    nas.identifier = 7
    new = nas.request("alice", b"a wrong password" + alice.code(world.now, 1))
    nas.put(old)
    nas.put(new)

    world.work()

    assert len(world.port.sent) == 1
    reply = nas.take(new)
    assert reply is not None
    assert reply.code == REJECT


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda world: world.nas(STEP_UP, 40001), id="another-port"),
        pytest.param(lambda world: world.nas("192.0.2.77"), id="another-address"),
    ],
)
def test_same_octets_from_elsewhere_are_no_duplicate(
    world: World, other: Callable[[World], Nas]
) -> None:
    """A copied request sent from elsewhere does not get the reply from the cache."""
    world.clients = (*world.clients, client("192.0.2.77", Mode.STEP_UP, name="other"))
    world.clients = tuple(
        client(str(one.networks[0]), one.mode, name=one.name, retry_window=0)
        for one in world.clients
    )
    world.reload()
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))
    assert nas.send(request) is not None

    reply = other(world).send(request)

    assert reply is not None
    assert reply.code == REJECT


def test_same_octets_on_another_listener_are_no_duplicate(world: World) -> None:
    """Each port has its own memory; a used passcode is used at all of them."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))
    assert nas.send(request) is not None

    reply = nas.send(request, port=FakePort())

    assert reply is not None
    assert reply.code == REJECT


# -- retries from another port: promise 5 --


def retry(nas: Nas, port: int = 41000) -> Nas:
    """Return the same client on another port, tired of waiting, about to repeat itself."""
    nas.world.clock.advance(1)
    other = nas.world.nas(nas.host, port)
    other.identifier = (nas.identifier - 1) % 256
    return other


def test_promise_5_retry_from_another_port_is_the_same_login(world: World) -> None:
    """A client that retries from another port with another authenticator is let in once."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    first = nas.ask("alice", typed)
    other = retry(nas)

    second = other.ask("alice", typed)

    assert first is not None
    assert second is not None
    assert (first.code, second.code) == (ACCEPT, ACCEPT)
    assert first.values(CLASS) == second.values(CLASS)
    assert len(world.lines()) == 1


@pytest.mark.parametrize(
    "stations",
    [
        pytest.param(((31, b"198.51.100.7"), (31, b"198.51.100.8")), id="another station"),
        pytest.param(((31, b"198.51.100.7"),), id="a station that is not named again"),
    ],
)
def test_promise_1_same_passcode_from_another_station_is_no_retry(
    world: World, stations: tuple[tuple[int, bytes], ...]
) -> None:
    """Who types a passcode after somebody else, elsewhere, is not let in as a retry by chance."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    assert nas.decide("alice", typed, None, stations[0]) == ACCEPT

    assert retry(nas).decide("alice", typed, None, *stations[1:]) == REJECT
    assert world.reasons[-1] == ("reject", "replayed-passcode")


def test_promise_1_same_passcode_at_once_from_another_port_is_rejected(world: World) -> None:
    """Nobody retries before having waited: the same code in the next moment was used already."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    assert nas.decide("alice", typed) == ACCEPT
    other = world.nas(STEP_UP, 41000)
    other.identifier = (nas.identifier - 1) % 256

    assert other.decide("alice", typed) == REJECT
    assert world.reasons[-1] == ("reject", "replayed-passcode")


def test_promise_5_retry_of_a_pending_login_costs_one_check(world: World) -> None:
    """A retry that comes while the password is checked gets the same answer, and no check."""
    alice = world.person()
    nas = world.nas(APPEND)
    typed = alice.password + alice.code(world.now)
    request = nas.request("alice", typed)
    nas.put(request)
    other = retry(nas)
    second = other.request("alice", typed)
    other.put(second)

    world.work()

    replies = [nas.take(request), other.take(second)]
    assert [reply.code for reply in replies if reply] == [ACCEPT, ACCEPT]
    assert len(world.threads.asked) == 1
    assert len(world.lines()) == 1


def test_promise_5_retry_of_a_challenge_gets_the_same_state(world: World) -> None:
    """A retried password earns the challenge that is open already, not a second one."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    other = retry(nas)

    assert other.challenged("alice", alice.password) == state
    assert len(world.challenges) == 1


def test_promise_1_retry_after_the_window_is_rejected(world: World) -> None:
    """After some seconds the same passcode from another port is a used one."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now, 1)
    assert nas.decide("alice", typed) == ACCEPT
    world.clock.advance(6)

    assert retry(nas).decide("alice", typed) == REJECT


def test_promise_1_retry_with_another_identifier_is_rejected(world: World) -> None:
    """The same passcode under another identifier is another login."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    assert nas.decide("alice", typed) == ACCEPT
    other = world.nas(STEP_UP, 41000)
    other.identifier = nas.identifier

    assert other.decide("alice", typed) == REJECT


def test_promise_1_retry_from_the_same_port_is_rejected(world: World) -> None:
    """From the same port a new authenticator is a new login."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    assert nas.decide("alice", typed) == ACCEPT
    nas.identifier -= 1

    assert nas.decide("alice", typed) == REJECT


def test_promise_1_retry_from_another_address_of_the_entry_is_rejected(world: World) -> None:
    """Another device of the same network does not get in by a passcode used at the first."""
    world.clients = (client("192.0.2.0/24", Mode.STEP_UP),)
    world.reload()
    alice = world.person()
    nas = world.nas("192.0.2.10")
    typed = alice.code(world.now)
    assert nas.decide("alice", typed) == ACCEPT
    other = world.nas("192.0.2.11")
    other.identifier = nas.identifier - 1

    assert other.decide("alice", typed) == REJECT


@pytest.mark.parametrize("name", ["bob", "ALICE"])
def test_retry_under_another_name_is_another_login(world: World, name: str) -> None:
    """The same passcode under another name, or spelling, is no retry."""
    alice = world.person("alice")
    world.person("bob")
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    assert nas.decide("alice", typed) == ACCEPT

    assert retry(nas).decide(name, typed) == REJECT


def test_client_that_wants_no_retries_has_none(world: World) -> None:
    """With `retry_window: 0` a retry from another port is another login."""
    world.clients = (client(STEP_UP, Mode.STEP_UP, retry_window=0),)
    world.reload()
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    assert nas.decide("alice", typed) == ACCEPT

    assert retry(nas).decide("alice", typed) == REJECT


def test_retry_brings_its_own_proxy_state(world: World) -> None:
    """A retry's answer holds the retry's Proxy-State, not that of the first request."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    assert nas.decide("alice", typed, None, (PROXY_STATE, b"one")) == ACCEPT

    reply = retry(nas).ask("alice", typed, None, (PROXY_STATE, b"two"))

    assert reply is not None
    assert reply.values(PROXY_STATE) == [b"two"]


def test_retry_that_waited_for_a_silent_end_is_decided_anew(world: World) -> None:
    """When the login that a retry waits for ends in silence, the retry may come again."""
    world.most_challenges = 1
    world.restart()
    alice, bob = world.person("alice"), world.person("bob")
    state = world.nas(ASKING).challenged("bob", bob.password)
    nas = world.nas(ASKING, 40001)
    first = nas.request("alice", alice.password)
    other = retry(nas)
    second = other.request("alice", alice.password)
    nas.put(first)
    other.put(second)
    world.work()
    assert world.port.sent == []
    assert world.nas(ASKING).decide("bob", bob.code(world.now), state) == ACCEPT

    reply = other.send(second)

    assert reply is not None
    assert reply.code == CHALLENGE
