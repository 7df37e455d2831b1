"""Challenges: whose State is good, for whom, how often and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Lockout, Mode
from radiusmfa.primary import hashing
from radiusmfa.stores import people
from tests.flows.world import (
    ACCEPT,
    ASKING,
    AUTO,
    CHALLENGE,
    LIGHT,
    PROMPT,
    REJECT,
    REPLY_MESSAGE,
    STATE,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from pathlib import Path

OTHER = "192.0.2.9"


def with_attempts(world: World, attempts: int) -> None:
    """Let clients in `challenge` try so many passcodes."""
    world.lockout = Lockout(threshold=100)
    world.clients = (
        client(ASKING, Mode.CHALLENGE, attempts=attempts),
        client(OTHER, Mode.CHALLENGE, name="other"),
    )
    world.reload()


def test_challenge_holds_one_state_one_message_and_no_echo(world: World) -> None:
    """A challenge tells the client what to show, and not to show what is typed."""
    alice = world.person()

    reply = world.nas(ASKING).ask("alice", alice.password)

    assert reply is not None
    assert reply.code == CHALLENGE
    assert reply.values(REPLY_MESSAGE) == [b"Passcode: "]
    assert reply.values(PROMPT) == [bytes(4)]
    assert len(reply.values(STATE)) == 1
    assert 1 <= len(reply.state) <= 64
    assert reply.state.decode("ascii").isprintable()


def test_state_used_twice_is_rejected(world: World) -> None:
    """A challenge takes one answer; the next with its State is refused, right or wrong."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    assert nas.decide("alice", alice.wrong(world.now), state) == REJECT

    code = nas.decide("alice", alice.code(world.now), state)

    assert code == REJECT
    assert world.reasons[-1] == ("reject", "unknown-state")


def test_state_of_an_accepted_login_is_rejected(world: World) -> None:
    """A State that let somebody in lets nobody in again."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT
    world.clock.advance(30)

    assert nas.decide("alice", alice.code(world.now), state) == REJECT


def test_state_of_another_user_is_rejected(world: World) -> None:
    """A challenge answered under another name is refused, with that user's own passcode too."""
    alice, bob = world.person("alice"), world.person("bob")
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    code = nas.decide("bob", bob.code(world.now), state)

    assert code == REJECT
    assert world.reasons[-1] == ("reject", "unknown-state")


def test_state_of_an_unknown_user_is_rejected(world: World) -> None:
    """A challenge answered under a name that nobody has is refused."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    assert nas.decide("mallory", alice.code(world.now), state) == REJECT


@pytest.mark.parametrize("address", [OTHER, STEP_UP, AUTO])
def test_state_of_another_client_is_rejected_and_stays_open(world: World, address: str) -> None:
    """A State shown by another client is refused there, and still good where it belongs."""
    world.clients = (*world.clients, client(OTHER, Mode.CHALLENGE, name="other"))
    world.reload()
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    assert world.nas(address).decide("alice", alice.code(world.now), state) == REJECT
    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT


def test_state_of_another_address_of_one_entry_is_rejected(world: World) -> None:
    """Two devices of one client entry are two clients: a State does not travel between them."""
    world.clients = (client("192.0.2.0/24", Mode.CHALLENGE),)
    world.reload()
    alice = world.person()
    state = world.nas("192.0.2.10").challenged("alice", alice.password)

    assert world.nas("192.0.2.11").decide("alice", alice.code(world.now), state) == REJECT


def test_state_is_good_from_another_port_of_its_client(world: World) -> None:
    """A client may answer from another port than it asked from."""
    alice = world.person()
    state = world.nas(ASKING, 40000).challenged("alice", alice.password)

    assert world.nas(ASKING, 50000).decide("alice", alice.code(world.now), state) == ACCEPT


@pytest.mark.parametrize(
    "state",
    [b"", b"\0", b"x", b"0" * 33, b"\xff" * 64, b"y" * 253],
    ids=["empty", "nul", "short", "as-long-as-ours", "not-ascii", "longest"],
)
def test_invented_state_is_rejected(world: World, state: bytes) -> None:
    """A State that we never issued is refused, with the right passcode too."""
    alice = world.person()

    assert world.nas(ASKING).decide("alice", alice.code(world.now), state) == REJECT
    assert world.reasons == [("reject", "unknown-state")]


def test_two_states_are_rejected(world: World) -> None:
    """A request with two States is refused; the open challenge is not used up by it."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    assert nas.decide("alice", alice.code(world.now), state, (STATE, state)) == REJECT
    assert world.reasons[-1] == ("reject", "duplicate-attribute")
    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT


@pytest.mark.parametrize(("seconds", "code"), [(179, ACCEPT), (180, REJECT), (3600, REJECT)])
def test_challenge_ends_after_its_lifetime(world: World, seconds: int, code: int) -> None:
    """An answer that comes too late is refused."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    world.clock.advance(seconds)

    assert nas.decide("alice", alice.code(world.now), state) == code


def test_clock_set_back_ends_an_open_challenge(world: World) -> None:
    """A clock set back an hour does not make a challenge live an hour longer."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    world.clock.set_back(3600)

    assert nas.decide("alice", alice.code(world.now), state) == REJECT


def test_tidying_ends_old_challenges_on_disk(world: World) -> None:
    """An unanswered challenge does not stay in the store for ever."""
    alice = world.person()
    state = world.nas(ASKING).challenged("alice", alice.password)
    assert world.admin.connection.execute("SELECT count(*) FROM challenges").fetchone() == (1,)
    world.clock.advance(181)

    world.pipeline.tidy()

    assert world.admin.connection.execute("SELECT count(*) FROM challenges").fetchone() == (0,)
    assert world.nas(ASKING).decide("alice", alice.code(world.now), state) == REJECT


def test_open_challenge_survives_a_restart_once(world: World) -> None:
    """A challenge from before a restart is answered after it, and only once."""
    alice = world.person()
    state = world.nas(ASKING).challenged("alice", alice.password)

    world.restart()

    assert world.nas(ASKING).decide("alice", alice.code(world.now), state) == ACCEPT
    world.clock.advance(30)
    assert world.nas(ASKING).decide("alice", alice.code(world.now), state) == REJECT


def test_answered_challenge_is_answered_after_a_restart_too(world: World) -> None:
    """A State that was used is used after a restart."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    assert nas.decide("alice", alice.wrong(world.now), state) == REJECT

    world.restart()

    assert world.nas(ASKING).decide("alice", alice.code(world.now), state) == REJECT


@pytest.mark.parametrize("attempts", [1, 3])
def test_wrong_passcodes_are_asked_again_as_often_as_configured(
    world: World, attempts: int
) -> None:
    """A wrong passcode earns another challenge until the client's attempts are used up."""
    with_attempts(world, attempts)
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    codes = []
    for number in range(attempts):
        reply = nas.ask("alice", b"%d" % (900 + number), state)
        assert reply is not None
        codes.append(reply.code)
        if reply.code == CHALLENGE:
            assert reply.state != state
            state = reply.state

    assert codes == [CHALLENGE] * (attempts - 1) + [REJECT]


def test_last_of_three_attempts_is_accepted(world: World) -> None:
    """Whoever is right the third time gets in, and all rounds are one login in the audit."""
    with_attempts(world, 3)
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    for typed in (b"900", b"901"):
        reply = nas.ask("alice", typed, state)
        assert reply is not None
        state = reply.state

    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT
    assert len({line["id"] for line in world.lines()}) == 1
    assert [line["decision"] for line in world.lines()] == [*["challenge"] * 3, "accept"]


def test_earlier_state_of_several_rounds_is_rejected(world: World) -> None:
    """Each round has a State of its own; that of the round before is void."""
    with_attempts(world, 3)
    alice = world.person()
    nas = world.nas(ASKING)
    first = nas.challenged("alice", alice.password)
    assert nas.decide("alice", b"900", first) == CHALLENGE

    assert nas.decide("alice", alice.code(world.now), first) == REJECT


def test_mode_changed_between_the_rounds_leaves_the_dialogue_alone(world: World) -> None:
    """An open dialogue goes on as it began when the client's mode is changed meanwhile."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    world.clients = (client(ASKING, Mode.STEP_UP),)
    world.reload()

    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT
    assert [line["mode"] for line in world.lines()] == ["challenge", "challenge"]


def test_password_changed_between_the_rounds_ends_the_dialogue(world: World) -> None:
    """Who began with a password that is taken away meanwhile has to begin anew."""
    alice, bob = world.person("alice"), world.person("bob")
    nas = world.nas(ASKING)
    state, other = nas.challenged("alice", alice.password), nas.challenged("bob", bob.password)

    changed = hashing.hash_password(b"another", LIGHT)
    people.set_password(world.admin, world.actor, "alice", changed)

    assert nas.decide("alice", alice.code(world.now), state) == REJECT
    assert world.reasons[-1] == ("reject", "unknown-state")
    assert nas.decide("bob", bob.code(world.now), other) == ACCEPT


def test_no_more_challenges_than_configured_are_open(tmp_path: Path) -> None:
    """Beyond the limit a new challenge is not issued and the client gets silence, not an Accept."""
    with World(tmp_path) as world:
        world.most_challenges = 1
        world.restart()
        alice, bob = world.person("alice"), world.person("bob")
        nas = world.nas(ASKING)
        state = nas.challenged("alice", alice.password)

        assert nas.ask("bob", bob.password) is None
        assert nas.decide("alice", alice.code(world.now), state) == ACCEPT
        assert nas.decide("bob", bob.password) == CHALLENGE
