"""Lock-out: who is slowed down, where, for how long, and who is not."""

from __future__ import annotations

import pytest

from radiusmfa.config.model import Lockout, Mode
from radiusmfa.stores import people
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    REJECT,
    STEP_UP,
    Nas,
    Person,
    World,
    client,
)


def fail(nas: Nas, name: str, number: int, before: bytes = b"") -> None:
    """Give so many different wrong passcodes."""
    for wrong in range(number):
        assert nas.decide(name, before + b"%06d" % wrong) == REJECT


def test_locked_user_is_rejected_with_the_right_code(world: World) -> None:
    """After too many wrong passcodes the right one is refused, and not used up."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    fail(nas, "alice", 3)
    right = alice.code(world.now)

    assert nas.decide("alice", right) == REJECT
    assert world.reasons[-1] == ("reject", "locked")
    people.unlock(world.admin, world.actor, "alice")
    assert nas.decide("alice", right) == ACCEPT


def test_lock_ends_after_its_delay_and_the_next_is_longer(world: World) -> None:
    """A lock ends by itself; one more wrong passcode doubles it."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    fail(nas, "alice", 3)
    world.clock.advance(29)
    assert nas.decide("alice", alice.code(world.now)) == REJECT
    world.clock.advance(1)
    assert nas.decide("alice", b"000777") == REJECT
    assert world.reasons[-1] == ("reject", "bad-passcode")

    world.clock.advance(59)
    assert nas.decide("alice", alice.code(world.now)) == REJECT
    world.clock.advance(1)
    assert nas.decide("alice", alice.code(world.now)) == ACCEPT


def test_lock_outlives_a_restart(world: World) -> None:
    """Whoever was locked out before a restart is locked out after it."""
    alice = world.person()
    fail(world.nas(STEP_UP), "alice", 3)
    world.restart()

    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == REJECT
    assert world.reasons[-1] == ("reject", "locked")


def test_clock_set_back_locks_nobody_for_longer(world: World) -> None:
    """A lock from a time that never was ends at once rather than in a year."""
    alice = world.person()
    world.clock.advance(365 * 86400)
    fail(world.nas(STEP_UP), "alice", 3)
    world.clock.set_back(365 * 86400)

    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT


def test_same_wrong_passcode_of_a_retrying_client_counts_once(world: World) -> None:
    """A client that repeats a wrong passcode by itself does not lock its user out."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    for _ in range(20):
        world.clock.advance(5)
        assert nas.decide("alice", b"000000") == REJECT

    assert people.failures(world.admin, "alice")[0].count == 1
    assert nas.decide("alice", alice.code(world.now)) == ACCEPT


def test_same_guess_for_an_hour_is_no_retry(world: World) -> None:
    """Whoever tries one and the same passcode until it comes true is locked out."""
    world.person()
    nas = world.nas(STEP_UP)
    for _ in range(60):
        world.clock.advance(60)
        nas.decide("alice", b"000000")

    assert ("reject", "locked") in world.reasons


def test_same_wrong_password_of_a_forgotten_telephone_counts_once(world: World) -> None:
    """A device that repeats an old password all day does not lock its user out."""
    alice = world.person()
    nas = world.nas(ASKING)
    for _ in range(100):
        world.clock.advance(600)
        assert nas.decide("alice", b"last year's password") == REJECT

    assert nas.decide("alice", alice.password) == CHALLENGE


def test_reused_code_does_not_count(world: World) -> None:
    """A code that was right once is no guess, however often it comes again."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    used = alice.code(world.now)
    assert nas.decide("alice", used) == ACCEPT
    fail(nas, "alice", 2)

    for _ in range(10):
        assert nas.decide("alice", used) == REJECT

    assert nas.decide("alice", alice.code(world.now, 1)) == ACCEPT


def test_right_passcode_forgets_the_wrong_ones(world: World) -> None:
    """After a right passcode counting begins anew."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    for step in range(4):
        fail(nas, "alice", 2)
        world.clock.advance(30 + step)
        assert nas.decide("alice", alice.code(world.now)) == ACCEPT


@pytest.mark.parametrize(("forgotten", "code"), [(86_399, REJECT), (86_402, ACCEPT)])
def test_wrong_passcodes_are_forgotten_in_time(world: World, forgotten: int, code: int) -> None:
    """A wrong passcode of long ago counts no more."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    fail(nas, "alice", 2)
    world.clock.advance(forgotten)

    assert nas.decide("alice", b"000777") == REJECT
    assert nas.decide("alice", alice.code(world.now)) == code


def test_lock_at_one_client_is_none_at_another(world: World) -> None:
    """Nobody behind one client can lock a person out at another client."""
    world.clients = (*world.clients, client("192.0.2.50", Mode.STEP_UP, name="other"))
    world.reload()
    alice = world.person()
    fail(world.nas("192.0.2.50"), "alice", 3)
    assert world.nas("192.0.2.50").decide("alice", alice.code(world.now)) == REJECT

    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT
    assert world.nas("192.0.2.50").decide("alice", alice.code(world.now, 1)) == REJECT


def test_lock_of_one_user_is_none_of_another(world: World) -> None:
    """Locks are a person's own."""
    world.person("alice")
    bob = world.person("bob")
    fail(world.nas(STEP_UP), "alice", 3)

    assert world.nas(STEP_UP).decide("bob", bob.code(world.now)) == ACCEPT


def test_unknown_user_is_never_counted(world: World) -> None:
    """Guesses at names that are not there fill no table."""
    for number in range(10):
        world.nas(STEP_UP).decide(f"nobody-{number}", b"000000")

    assert world.admin.connection.execute("SELECT count(*) FROM failures").fetchone() == (0,)


def test_password_locked_is_locked_for_the_right_password(world: World) -> None:
    """After too many wrong passwords the right one earns no challenge, and costs as long."""
    alice = world.person()
    nas = world.nas(ASKING)
    for number in range(3):
        assert nas.decide("alice", b"wrong %d" % number) == REJECT

    assert nas.decide("alice", alice.password) == REJECT
    assert world.reasons[-1] == ("reject", "locked")
    assert world.threads.asked[-1].is_decoy


def test_promise_2_many_passwords_at_once_do_not_slip_past_the_lock(world: World) -> None:
    """Guesses that wait for their check together are locked out as if one by one."""
    alice = world.person()
    nas = world.nas(ASKING)
    for number in range(5):
        nas.put(nas.request("alice", b"wrong %d" % number))
    request = nas.request("alice", alice.password)
    nas.put(request)

    world.work()

    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons.count(("reject", "bad-password")) == 3
    assert world.reasons.count(("reject", "locked")) == 3


def test_password_lock_leaves_a_step_up_client_alone(world: World) -> None:
    """Passwords and passcodes are counted apart."""
    world.clients = (client("192.0.2.0/28", Mode.AUTO),)
    world.reload()
    alice = world.person()
    nas = world.nas("192.0.2.5")
    state = nas.challenged("alice", alice.password)
    for number in range(3):
        assert nas.decide("alice", b"wrong-%d-" % number) == REJECT

    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT


@pytest.mark.parametrize("address", [APPEND, AUTO])
def test_guessing_codes_behind_the_right_password_is_locked(world: World, address: str) -> None:
    """Knowing the password does not allow more guesses at the passcode."""
    alice = world.person()
    nas = world.nas(address)
    for number in range(3):
        assert nas.decide("alice", alice.password + b"%06d" % number) == REJECT
        if address == AUTO:
            nas.decide("alice", alice.password)  # resets the count of wrong passwords

    assert nas.decide("alice", alice.password + alice.code(world.now)) == REJECT


def test_guessing_codes_in_dialogues_is_locked(world: World) -> None:
    """Each new challenge does not bring new guesses."""
    alice = world.person()
    nas = world.nas(ASKING)
    for number in range(3):
        state = nas.challenged("alice", alice.password)
        assert nas.decide("alice", b"%06d" % number, state) == REJECT
    state = nas.challenged("alice", alice.password)

    assert nas.decide("alice", alice.code(world.now), state) == REJECT
    assert world.reasons[-1] == ("reject", "locked")


def test_auto_tells_no_locked_guesser_that_the_code_was_right(world: World) -> None:
    """In `auto`, right and wrong codes of a locked person get the same answer at the same cost."""
    alice = world.person()
    nas = world.nas(AUTO)
    fail(nas, "alice", 3, before=b"x")
    asked = len(world.threads.asked)

    replies = [nas.ask("alice", b"x" + typed) for typed in (alice.code(world.now), b"000009")]

    assert [reply.code for reply in replies if reply] == [REJECT, REJECT]
    assert [reply.attributes[1:] for reply in replies if reply] == [(), ()]
    assert len(world.threads.asked) == asked


def test_recovery_codes_are_counted_apart(world: World) -> None:
    """Guesses at recovery codes do not lock the token, nor the other way round."""
    alice = world.person()
    code, _ = world.recovery(alice)
    nas = world.nas(STEP_UP)
    for sign in "abc":
        assert nas.decide("alice", f"{sign * 5}-{sign * 5}".encode()) == REJECT
    assert nas.decide("alice", code) == REJECT
    assert world.reasons[-1] == ("reject", "locked")

    assert nas.decide("alice", alice.code(world.now)) == ACCEPT


def lock_here(world: World) -> tuple[Person, Nas]:
    """Return somebody locked out, and the client where."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    fail(nas, "alice", 3)
    return alice, nas


def test_shorter_lock_in_the_configuration_is_in_force_at_once(world: World) -> None:
    """After `lockout.longest` was lowered nobody waits longer than it says."""
    alice, nas = lock_here(world)
    world.lockout = Lockout(threshold=3, delay=1, longest=1)
    world.reload()

    assert nas.decide("alice", alice.code(world.now)) == ACCEPT


def test_attempts_while_locked_do_not_prolong_the_lock(world: World) -> None:
    """A client that goes on trying while its user is locked does not lengthen the lock."""
    alice, nas = lock_here(world)
    for number in range(20):
        world.clock.advance(1)
        assert nas.decide("alice", b"%06d" % (500 + number)) == REJECT
    world.clock.advance(10)

    assert nas.decide("alice", alice.code(world.now)) == ACCEPT


def test_right_password_forgets_the_wrong_ones(world: World) -> None:
    """After a right password counting begins anew."""
    alice = world.person()
    nas = world.nas(ASKING)
    for number in range(4):
        for other in range(2):
            assert nas.decide("alice", b"wrong %d %d" % (number, other)) == REJECT
        assert nas.decide("alice", alice.password) == CHALLENGE


def test_right_password_forgets_no_wrong_passcodes(world: World) -> None:
    """Whoever knows the password cannot reset the count of wrong passcodes with it."""
    alice = world.person()
    nas = world.nas(ASKING)
    for number in range(3):
        assert nas.decide("alice", b"%06d" % number, nas.challenged("alice", alice.password)) == (
            REJECT
        )

    assert [one.factor for one in people.failures(world.admin, "alice")] == ["oath"]
    assert people.failures(world.admin, "alice")[0].count == 3


def test_guesses_in_one_burst_are_no_more_than_one_after_another(world: World) -> None:
    """Who knows a password cannot guess passcodes faster by sending many before one is counted."""
    alice = world.person()
    nas = world.nas(AUTO)
    guesses = [nas.request("alice", alice.password + b"%06d" % wrong) for wrong in range(3)]
    reset = nas.request("alice", alice.password)
    right = nas.request("alice", alice.password + alice.code(world.now))
    reply = nas.send(*guesses[:2], reset, guesses[2], right)

    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons[-1] == ("reject", "locked")
