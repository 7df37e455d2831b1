"""What somebody may try where an upstream counts, rings or knows people by other names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import StartWith, UserName, Users
from radiusmfa.outcome import Reason
from radiusmfa.primary import hashing
from radiusmfa.stores import assignments, people
from tests.flows.upstreams import PROXY, assign, factor, proxied, serve, tell, told, upstream
from tests.flows.world import ASKING, AUTO, CHALLENGE, LIGHT, REJECT, STEP_UP, client

if TYPE_CHECKING:
    from tests.flows.world import World

STRIPS = upstream(user_name=UserName(strip=("realm",)))
PUSH = factor(start_with=StartWith.WORD, word="push")


def test_disabled_person_is_refused_under_every_realm(world: World) -> None:
    """Whom the upstream takes for alice is alice here, too."""
    world.person("alice", has_token=False)
    people.set_disabled(world.admin, world.actor, "alice", disabled=True)
    server = serve(world, proxied(), upstreams=(STRIPS,))

    assert world.nas(PROXY).decide("alice@x", b"right") == REJECT

    assert world.reasons == [("reject", "user-disabled")]
    assert server.asked == []


def test_another_realm_brings_no_new_guesses(world: World) -> None:
    """Wrong proofs count for the person, however the name is written before it is stripped."""
    server = serve(world, proxied(), upstreams=(STRIPS,))
    nas = world.nas(PROXY)

    for at in range(10):
        nas.put(nas.request(f"alice@{at}", b"guess %d" % at))
        if world.relays.waiting:
            server.reject()

    assert len(server.asked) == 3
    assert world.reasons[-1] == ("reject", "locked")


def test_another_realm_does_not_change_the_factor(world: World) -> None:
    """Who has a token here is not asked for another server's by writing a realm."""
    alice = world.person("alice")
    server = serve(world, client(STEP_UP, Mode.STEP_UP), upstreams=(STRIPS,))

    assert world.nas(STEP_UP).decide("alice@x", alice.wrong(world.now)) == REJECT

    assert server.asked == []


def test_name_that_folds_to_another_is_not_sent(world: World) -> None:
    """`strasse` has proved the password; that server may know another one as `stra\u00dfe`."""
    world.person("strasse", has_token=False)
    server = serve(world, client(ASKING, Mode.CHALLENGE, factors=("securid",)))
    nas = world.nas(ASKING)
    state = nas.challenged("strasse", b"the secret of strasse")

    assert nas.decide("stra\u00dfe", b"123456", state) == REJECT

    assert world.reasons[-1] == ("reject", "text-not-writable")
    assert server.asked == []


@pytest.mark.parametrize("how", ["denied", "unanswered"])
def test_phone_does_not_ring_without_end(world: World, how: str) -> None:
    """Whoever has the password cannot tire a person out: each push in vain counts."""
    world.person("alice", has_token=False)
    server = serve(world, client(ASKING, Mode.CHALLENGE, factors=("securid",)), factors=(PUSH,))
    nas = world.nas(ASKING)

    for _ in range(30):
        nas.put(nas.request("alice", b"the secret of alice"))
        world.work()
        if world.relays.waiting:
            server.reject(b"no") if how == "denied" else server.fail(Reason.UNANSWERED)
        world.clock.advance(10)

    assert len(server.asked) < 8  # three, and one after each of the growing delays
    assert ("reject", "locked") in world.reasons


def test_invented_names_leave_room_for_others(world: World) -> None:
    """Where an upstream asks everybody, strangers get half of the open challenges."""
    world.store.close()
    world.most_challenges = 100
    world.start()
    alice = world.person("alice")
    server = serve(world, proxied(), client(ASKING, Mode.CHALLENGE, factors=("totp",)))
    nas = world.nas(PROXY)

    for at in range(60):
        nas.put(nas.request(f"nobody{at}", b""))
        server.challenge(b"s", b"Password? ")
    reply = world.nas(ASKING).ask("alice", alice.password)

    assert len(world.challenges) == 51
    assert reply is not None
    assert reply.code == CHALLENGE


def test_two_devices_behind_a_proxy_are_two_logins(world: World) -> None:
    """Who types a passcode at another device than its owner does not join the owner's login."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)

    tell(nas, "alice", b"123456", None, (32, b"vpn-a"))
    tell(nas, "alice", b"123456", None, (32, b"vpn-b"))

    assert len(server.asked) == 2


def test_answer_to_one_server_is_no_password_for_another(world: World) -> None:
    """A code that the primary asked for is not sent elsewhere as the password."""
    server = serve(
        world,
        client(ASKING, Mode.CHALLENGE, primary="corp", factors=("securid",)),
        upstreams=(upstream("corp"), upstream()),
        factors=(factor(start_with=StartWith.PASSWORD),),
    )
    nas = world.nas(ASKING)
    first = tell(nas, "alice", b"the password")
    server.challenge(b"s", b"Code of corp? ")
    answer = nas.request("alice", b"987654", told(nas, first).state)
    nas.put(answer)

    server.accept()

    assert told(nas, answer).code == REJECT
    assert [one.upstream for one in server.asked] == ["corp", "corp"]


def test_right_password_that_ends_in_digits_is_no_guess(world: World) -> None:
    """In `auto` its tail was no passcode; that counts against nobody."""
    world.person("alice", password=hashing.hash_password(b"hunter123456", LIGHT))
    server = serve(world, client(AUTO, Mode.AUTO, factors=("securid", "totp")), factors=(PUSH,))
    assign(world, "alice")
    nas = world.nas(AUTO)
    request = tell(nas, "alice", b"hunter123456")

    server.challenge(b"s", b"Choose: ")

    assert told(nas, request).code == CHALLENGE
    assert people.failures(world.admin, "alice") == []


@pytest.mark.parametrize("change", ["removed", "renamed"])
def test_assignment_that_changes_while_the_phone_rings_counts(world: World, change: str) -> None:
    """The Accept was for whom the person is no longer there."""
    world.person("alice", has_token=False)
    server = serve(
        world,
        client(STEP_UP, Mode.STEP_UP, factors=("securid",)),
        factors=(factor(users=Users.ASSIGNED),),
    )
    assign(world, "alice", alias="a.smith")
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"push")
    if change == "removed":
        assignments.remove(world.admin, world.actor, "alice", "rsa")
    else:
        renamed = assignments.Assignment(user="alice", upstream="rsa", name="b.smith")
        assignments.assign(world.admin, world.actor, renamed)

    server.accept()

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "not-enrolled")]


def test_wrong_codes_that_are_asked_for_again_count_in_the_end(world: World) -> None:
    """A server that answers wrong codes by challenges is no way around the lock."""
    server = serve(world, proxied(), upstreams=(upstream(rounds=1),))
    nas = world.nas(PROXY)

    for at in range(6):
        first = nas.request("alice", b"%06d" % at)
        nas.put(first)
        if not world.relays.waiting:
            break
        server.challenge(b"s", b"Wrong, again: ")
        nas.put(nas.request("alice", b"9%05d" % at, told(nas, first).state))
        server.challenge(b"s", b"Wrong, again: ")

    assert [reason for _, reason in world.reasons].count("too-many-rounds") == 3
    assert len(server.asked) == 6
