"""Password checks: what they cost, what they renew, and what happens when they cannot be done."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from radiusmfa.primary import hashing
from radiusmfa.stores import people
from tests.flows.world import ACCEPT, APPEND, ASKING, AUTO, CHALLENGE, LIGHT, REJECT

if TYPE_CHECKING:
    from tests.flows.world import World


def cost(stored: str) -> str:
    """Return the part of an Argon2 string that says what it costs."""
    return stored.rpartition("$")[0].rpartition("$")[0]


def test_unknown_user_costs_the_same_hash(world: World) -> None:
    """A name that is not there is hashed with the same parameters as one that is."""
    world.person()
    nas = world.nas(ASKING)

    assert nas.decide("alice", b"wrong") == REJECT
    assert nas.decide("mallory", b"wrong") == REJECT

    known, unknown = world.threads.asked
    assert unknown.is_decoy
    assert cost(unknown.stored) == cost(known.stored)


@pytest.mark.parametrize("state", ["disabled", "without a password", "locked"])
def test_user_who_cannot_log_in_costs_the_same_hash(world: World, state: str) -> None:
    """Who is disabled, has no password or is locked cannot be told from anybody by time."""
    alice = world.person(password=None) if state == "without a password" else world.person()
    if state == "disabled":
        people.set_disabled(world.admin, world.actor, "alice", disabled=True)
    if state == "locked":
        for number in range(3):
            world.nas(ASKING).decide("alice", b"wrong %d" % number)

    assert world.nas(ASKING).decide("alice", alice.password) == REJECT
    assert world.threads.asked[-1].is_decoy
    assert hashing.needs_rehash(world.threads.asked[-1].stored, LIGHT) is False


def test_decoy_is_nobodys_password(world: World) -> None:
    """Who guesses the decoy's own password is rejected all the same."""
    assert world.nas(ASKING).decide("mallory", b"decoy") == REJECT


@pytest.mark.parametrize("address", [APPEND, AUTO, ASKING])
def test_unknown_user_gets_the_same_reply(world: World, address: str) -> None:
    """The replies for a wrong password and for an unknown name differ in nothing."""
    alice = world.person()
    nas = world.nas(address)
    typed = b"wrong" + (b"" if address == ASKING else alice.code(world.now))

    replies = [nas.ask(name, typed) for name in ("alice", "mallory")]

    known, unknown = [reply for reply in replies if reply is not None]
    assert known.code == unknown.code == REJECT
    assert [kind for kind, _ in known.attributes] == [kind for kind, _ in unknown.attributes]
    assert len(known.octets) == len(unknown.octets)


def test_hash_is_renewed_when_parameters_change(world: World) -> None:
    """After a right password an old hash is replaced by one with today's parameters."""
    alice = world.person()
    before = people.person(world.admin, "alice").password
    world.parameters = replace(LIGHT, memory_kib=16)
    world.restart()
    nas = world.nas(ASKING)

    assert nas.decide("alice", b"wrong") == REJECT
    assert people.person(world.admin, "alice").password == before
    assert nas.decide("alice", alice.password) == CHALLENGE

    after = people.person(world.admin, "alice").password
    assert after is not None
    assert not hashing.needs_rehash(after, world.parameters)
    assert nas.decide("alice", alice.password) == CHALLENGE
    assert nas.decide("alice", b"wrong") == REJECT


def test_mass_imported_hash_is_renewed(world: World) -> None:
    """A fast hash of an import lets its user in once and is an Argon2 hash from then on."""
    alice = world.person(password=None)
    stored = hashing.keyed(alice.password, world.store.pepper)
    people.set_password(world.admin, world.actor, "alice", stored)

    assert world.nas(ASKING).decide("alice", alice.password) == CHALLENGE

    after = people.person(world.admin, "alice").password
    assert after is not None
    assert after.startswith("$argon2id$")


def test_two_logins_while_the_hash_is_renewed_are_both_right(world: World) -> None:
    """A right password is right also when another login renews its hash meanwhile."""
    alice = world.person()
    world.parameters = replace(LIGHT, memory_kib=16)
    world.restart()
    nas = world.nas(ASKING)
    requests = [nas.request("alice", alice.password) for _ in range(3)]
    nas.put(*requests)

    world.work()

    assert [octets[0] for octets, _ in world.port.sent] == [CHALLENGE] * 3
    assert people.failures(world.admin, "alice") == []


def test_promise_2_password_changed_during_the_check_is_checked_again(world: World) -> None:
    """An old password that was right when it was asked lets nobody in after the change."""
    alice = world.person()
    nas = world.nas(APPEND)
    request = nas.request("alice", alice.password + alice.code(world.now))
    nas.put(request)
    new = hashing.hash_password(b"a new password", LIGHT)
    people.set_password(world.admin, world.actor, "alice", new)

    world.work()

    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons == [("reject", "bad-password")]


def test_promise_3_full_queue_is_silence(world: World) -> None:
    """Too many checks at once: no answer, no Accept; the retransmission is decided as new."""
    alice = world.person()
    nas = world.nas(APPEND)
    request = nas.request("alice", alice.password + alice.code(world.now))
    world.threads.is_full = True
    assert nas.send(request) is None
    assert world.lines() == []
    assert [reason for reason, _ in world.discards] == ["too many logins wait"]

    world.threads.is_full = False
    reply = nas.send(request)

    assert reply is not None
    assert reply.code == ACCEPT


def test_promise_3_broken_check_is_a_reject(world: World) -> None:
    """A check that ends without an answer rejects, and the passcode stays unused."""
    alice = world.person()
    nas = world.nas(APPEND)
    typed = alice.password + alice.code(world.now)
    world.threads.is_broken = True
    assert nas.decide("alice", typed) == REJECT
    assert world.reasons == [("reject", "broken")]

    world.threads.is_broken = False
    assert nas.decide("alice", typed) == ACCEPT


@pytest.mark.parametrize(
    "password",
    [b"x", "p\u00e4ssw\u00f6rd".encode(), b"\xff\xfe\x80", b"y" * 122, b" with blanks ", b"123456"],
    ids=["short", "unicode", "not-utf-8", "longest", "blanks", "digits"],
)
@pytest.mark.parametrize("address", [APPEND, AUTO])
def test_password_of_any_octets_is_right(world: World, password: bytes, address: str) -> None:
    """Passwords are octets: whatever was set is right in front of the passcode."""
    stored = hashing.hash_password(password, LIGHT)
    alice = world.person(password=stored)

    typed = password + alice.code(world.now)

    assert world.nas(address).decide("alice", typed[:-7] + b"?" + typed[-6:]) == REJECT
    assert world.nas(address).decide("alice", typed) == ACCEPT


def test_waiting_for_the_password_is_in_the_audit(world: World) -> None:
    """The audit says how long the password took, so that a slow login can be explained."""
    alice = world.person()
    world.nas(ASKING).ask("alice", alice.password)

    assert world.lines()[0]["us"]["password"] == 1000
