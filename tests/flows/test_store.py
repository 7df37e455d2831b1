"""When the store fails: silence, nobody in, and nothing half done."""

from __future__ import annotations

import hashlib
import sqlite3

import pytest

from radiusmfa.stores import trail
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    CHALLENGE,
    REJECT,
    STEP_UP,
    Person,
    World,
    raising,
)


@pytest.fixture
def full(world: World) -> World:
    """A world with alice, whose store has no room for another page, until `empty` is called."""
    world.person()
    assert world.nas(STEP_UP).decide("alice", b"0") == REJECT  # the server has looked at her
    (pages,) = world.store.connection.execute("PRAGMA page_count").fetchone()
    world.store.connection.execute(f"PRAGMA max_page_count = {pages}")
    filling = "INSERT INTO client_state VALUES (?, 'x', 'yes', 'yes', 0, 0, 0, 0)"
    rows = ((f"{number}{'x' * 3000}",) for number in range(10_000))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        world.store.connection.executemany(filling, rows)
    world.store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return world


def empty(world: World) -> None:
    """Make room again."""
    world.store.connection.execute("PRAGMA max_page_count = 1000000")


def test_promise_3_full_disk_is_silence(full: World) -> None:
    """Where the used step cannot be written nobody gets in; with room again the same login does."""
    alice = Person("alice", b"", hashlib.sha1(b"alice").digest(), "")  # noqa: S324
    nas = full.nas(STEP_UP)
    codes = []
    request = b""
    for _ in range(2000):
        full.clock.advance(30)
        request = nas.request("alice", alice.code(full.now))
        reply = nas.send(request)
        codes.append(0 if reply is None else reply.code)
        if reply is None:
            break
    assert codes[-1] == 0
    before = full.reasons.count(("accept", "passed"))
    assert nas.send(request) is None

    empty(full)
    reply = nas.send(request)

    assert reply is not None
    assert reply.code == ACCEPT
    assert full.reasons.count(("accept", "passed")) == before + 1
    assert codes.count(ACCEPT) == before
    assert trail.verify(full.admin).fault is None


@pytest.mark.parametrize("address", [STEP_UP, APPEND, ASKING])
def test_promise_3_store_that_is_gone_is_silence(world: World, address: str) -> None:
    """With the store closed under the server, nobody is accepted, challenged or rejected."""
    alice = world.person()
    nas = world.nas(address)
    world.store.close()

    for typed in (alice.code(world.now), alice.password + alice.code(world.now), alice.password):
        assert nas.ask("alice", typed) is None
    assert world.port.sent == []


def test_promise_3_store_that_goes_during_the_password_check_is_silence(world: World) -> None:
    """A right password whose login can no longer be recorded lets nobody in."""
    alice = world.person()
    nas = world.nas(APPEND)
    nas.put(nas.request("alice", alice.password + alice.code(world.now)))
    world.store.close()

    world.work()

    assert world.port.sent == []


def break_table(world: World, table: str, event: str) -> None:
    """Let every change of a table fail, as a damaged page does."""
    world.admin.connection.execute(
        f"CREATE TRIGGER broken BEFORE {event} ON {table}"
        " BEGIN SELECT RAISE(ABORT, 'a damaged page'); END"
    )


def mend(world: World) -> None:
    """End that."""
    world.admin.connection.execute("DROP TRIGGER broken")


@pytest.mark.parametrize(
    ("table", "event"),
    [("used", "INSERT"), ("audit", "INSERT"), ("meta", "UPDATE")],
)
def test_promise_3_login_that_cannot_be_recorded_is_silence(
    world: World, table: str, event: str
) -> None:
    """No used step, or no audit line, no Accept; when it can be written, the same code gets in."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))
    break_table(world, table, event)
    assert nas.send(request) is None
    assert world.lines() == []

    mend(world)
    reply = nas.send(request)

    assert reply is not None
    assert reply.code == ACCEPT
    assert world.reasons == [("accept", "passed")]
    assert trail.verify(world.admin).fault is None


def test_promise_3_failed_commit_takes_back_every_login_of_the_burst(world: World) -> None:
    """One transaction holds a whole burst: if it fails, none of its logins is answered."""
    everybody = [world.person(name) for name in ("alice", "bob", "carol")]
    nas = world.nas(STEP_UP)
    requests = [nas.request(one.name, one.code(world.now)) for one in everybody]
    break_table(world, "audit", "INSERT")
    nas.put(*requests)
    assert world.port.sent == []
    mend(world)

    nas.put(*requests)

    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT] * 3


def test_challenge_whose_answer_failed_to_commit_is_still_open(world: World) -> None:
    """An answer lost with the store may be sent again: its State is not used up."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    request = nas.request("alice", alice.code(world.now), state)
    break_table(world, "audit", "INSERT")
    assert nas.send(request) is None
    mend(world)

    reply = nas.send(request)

    assert reply is not None
    assert reply.code == ACCEPT


def test_recovery_code_of_a_login_that_failed_to_commit_is_unused(world: World) -> None:
    """A recovery code is used up by an answered login only."""
    alice = world.person()
    code, _ = world.recovery(alice)
    nas = world.nas(STEP_UP)
    break_table(world, "audit", "INSERT")
    assert nas.ask("alice", code) is None
    mend(world)

    assert nas.decide("alice", code) == ACCEPT
    assert nas.decide("alice", code) == REJECT


def test_retry_of_a_login_that_failed_to_commit_is_decided_anew(world: World) -> None:
    """A retry from another port does not get the answer that was never written."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    typed = alice.code(world.now)
    break_table(world, "audit", "INSERT")
    assert nas.ask("alice", typed) is None
    mend(world)
    other = world.nas(STEP_UP, 41000)
    other.identifier = nas.identifier - 1

    assert other.decide("alice", typed) == ACCEPT
    assert len(world.lines()) == 1


def test_login_waits_while_somebody_else_writes(world: World) -> None:
    """A long write by an administrator delays logins; afterwards each is answered once."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))
    world.admin.connection.execute("BEGIN IMMEDIATE")
    nas.put(request)
    nas.put(request)
    for _ in range(20):
        world.clock.advance(0.01)
    assert world.port.sent == []
    assert not world.pipeline.is_idle

    world.admin.connection.execute("ROLLBACK")
    world.clock.advance(0.01)

    reply = nas.take(request)
    assert reply is not None
    assert reply.code == ACCEPT
    assert len(world.lines()) == 1
    assert world.pipeline.is_idle


def test_change_made_while_logins_waited_counts(world: World) -> None:
    """Whoever is disabled by the write that logins wait for does not get in."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    assert nas.decide("alice", alice.code(world.now)) == ACCEPT
    world.clock.advance(30)
    request = nas.request("alice", alice.code(world.now))
    connection = world.admin.connection
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE users SET disabled = 1")
    nas.put(request)

    connection.execute("COMMIT")
    world.clock.advance(0.01)

    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT


def test_promise_3_exception_in_a_step_is_a_reject(world: World) -> None:
    """Whatever breaks while a login is decided, the person is rejected."""
    alice = world.person()
    world.pipeline.parts = world.pipeline.parts._replace(steps=raising("broke"))
    nas = world.nas(STEP_UP)

    assert nas.decide("alice", alice.code(world.now)) == REJECT
    assert world.reasons == [("reject", "broken")]


def test_promise_3_exception_after_the_password_check_is_a_reject(world: World) -> None:
    """What breaks after a right password is a Reject too."""
    alice = world.person()
    nas = world.nas(ASKING)
    request = nas.request("alice", alice.password)
    nas.put(request)
    world.pipeline.parts = world.pipeline.parts._replace(steps=raising("broke"))

    world.work()

    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT


def test_promise_3_broken_login_does_not_spoil_its_neighbors(world: World) -> None:
    """One login that breaks is rejected, the others of its burst are decided as ever."""
    alice, bob = world.person("alice"), world.person("bob")
    world.admin.connection.execute(
        "INSERT INTO failures VALUES (1, 'oath', 'step-up', 9, 'x', 'x', x'00')"
    )
    nas = world.nas(STEP_UP)
    requests = [nas.request(one.name, one.code(world.now)) for one in (alice, bob)]

    nas.put(*requests)

    assert sorted(octets[0] for octets, _ in world.port.sent) == [ACCEPT, REJECT]
    assert sorted(world.reasons) == [("accept", "passed"), ("reject", "broken")]


def test_promise_3_exception_while_answering_sends_nothing_ever(world: World) -> None:
    """If making the answers breaks, none of that burst leaves, then or with the next burst."""
    alice, bob = world.person("alice"), world.person("bob")
    nas = world.nas(STEP_UP)
    requests = [nas.request(one.name, one.code(world.now)) for one in (alice, bob)]
    names = iter(["login-a"])
    world.pipeline._name_login = lambda: next(names)
    with pytest.raises(StopIteration):
        nas.put(*requests)
    assert world.port.sent == []
    assert world.lines() == []
    world.pipeline._name_login = lambda: "login-z"
    carol = world.person("carol")

    nas.put(nas.request("carol", carol.code(world.now)))

    assert len(world.port.sent) == 1
    assert [line["user"] for line in world.lines()] == ["carol"]
    nas.put(*requests)
    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT] * 3


def test_tidying_sees_what_others_wrote(world: World) -> None:
    """Tidying up between two logins does not hide an administrator's change from the second."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    world.admin.connection.execute("DELETE FROM challenges")

    world.pipeline.tidy()

    assert nas.decide("alice", alice.code(world.now), state) == REJECT


def test_tidying_survives_a_store_that_is_busy_or_gone(world: World) -> None:
    """Tidying up is put off while others write, and gives up in peace when the store is gone."""
    world.admin.connection.execute("BEGIN IMMEDIATE")
    world.pipeline.tidy()
    world.admin.connection.execute("ROLLBACK")
    world.store.close()
    world.pipeline.tidy()

    assert world.port.sent == []


def test_promise_8_every_decision_has_its_line(world: World) -> None:
    """Each Accept, Challenge and Reject is one line of an unbroken chain."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    nas.decide("alice", alice.code(world.now), state)
    nas.decide("alice", b"wrong")
    nas.decide("mallory", b"wrong")
    nas.decide(b"\xff", b"wrong")

    assert world.reasons == [
        ("challenge", "passcode-wanted"),
        ("accept", "passed"),
        ("reject", "bad-password"),
        ("reject", "unknown-user"),
        ("reject", "bad-user-name"),
    ]
    assert trail.verify(world.admin).fault is None


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit WHERE seq = (SELECT max(seq) - 1 FROM audit)",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET line = replace(line, 'reject', 'accept')",
        "UPDATE audit SET line = replace(line, 'alice', 'bob')",
    ],
    ids=["middle-removed", "last-removed", "decision-changed", "user-changed"],
)
def test_promise_8_changed_audit_is_found_though_the_server_goes_on(
    world: World, change: str
) -> None:
    """A line that somebody changes or removes is missed, also after the server wrote more."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    for typed in (b"1", b"2", alice.code(world.now)):
        nas.ask("alice", typed)
    world.admin.connection.execute(change)

    nas.ask("alice", b"3")

    assert trail.verify(world.admin).fault is not None


def test_promise_1_used_step_is_on_disk_before_the_accept_leaves(world: World) -> None:
    """At the moment the Accept is sent, another process reads the step as used."""
    alice = world.person()
    seen: list[tuple[int, int, int]] = []
    nas = world.nas(STEP_UP)
    send = world.port.send

    def watching(octets: bytes, address: object) -> None:
        (used,) = world.admin.connection.execute("SELECT count(*) FROM used").fetchone()
        seen.append((octets[0], used, len(world.lines())))
        send(octets, address)

    world.port.send = watching  # type: ignore[method-assign]

    nas.ask("alice", alice.code(world.now))

    assert seen == [(ACCEPT, 1, 1)]


def test_promise_1_synchronous_is_full(world: World) -> None:
    """A commit is on disk when it returns."""
    assert world.store.connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_promise_1_used_code_is_used_after_a_restart(world: World) -> None:
    """A server that starts on the store knows every used step."""
    alice = world.person()
    typed = alice.code(world.now)
    assert world.nas(STEP_UP).decide("alice", typed) == ACCEPT
    world.restart()

    assert world.nas(STEP_UP, 40001).decide("alice", typed) == REJECT


@pytest.mark.parametrize("is_restarted", [False, True], ids=["running", "restarted"])
@pytest.mark.parametrize("seconds", [30, 3600, 86_400])
def test_promise_1_clock_set_back_reopens_no_used_step(
    world: World, seconds: int, *, is_restarted: bool
) -> None:
    """With the clock set back, no code of a time that was used is accepted again."""
    alice = world.person()
    for _ in range(10):
        world.clock.advance(30)
        assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT
    used = [alice.code(world.now, -steps) for steps in range(10)]
    world.clock.set_back(seconds)
    if is_restarted:
        world.restart()

    codes = {world.nas(STEP_UP).decide("alice", typed) for typed in used}
    codes |= {
        world.nas(STEP_UP).decide("alice", alice.code(world.now, steps)) for steps in (-1, 0, 1)
    }

    assert codes == {REJECT}


def test_promise_1_folded_steps_stay_used(world: World) -> None:
    """Steps that were moved into their tokens' rows are as used as before."""
    alice = world.person()
    typed = alice.code(world.now)
    assert world.nas(STEP_UP).decide("alice", typed) == ACCEPT
    world.logins.begin()
    world.logins.fold(everything=True)
    world.logins.commit()
    assert world.admin.connection.execute("SELECT count(*) FROM used").fetchone() == (0,)

    assert world.nas(STEP_UP).decide("alice", typed) == REJECT
    world.restart()
    assert world.nas(STEP_UP).decide("alice", typed) == REJECT


def test_promise_1_one_code_in_one_burst_opens_once(world: World) -> None:
    """Ten logins with one code in one burst, from ten ports: one gets in."""
    alice = world.person()
    typed = alice.code(world.now)
    burst = []
    for port in range(10):
        nas = world.nas(STEP_UP, 40000 + port)
        burst.append((nas.request("alice", typed), (STEP_UP, 40000 + port), STEP_UP))

    world.pipeline.receive(world.port, burst)  # type: ignore[arg-type]

    codes = [octets[0] for octets, _ in world.port.sent]
    assert sorted(codes) == [ACCEPT] + [REJECT] * 9


def test_promise_1_one_code_behind_ten_password_checks_opens_once(world: World) -> None:
    """Ten logins with one code that wait for their password check together: one gets in."""
    alice = world.person()
    typed = alice.password + alice.code(world.now)
    for port in range(10):
        nas = world.nas(APPEND, 40000 + port)
        nas.put(nas.request("alice", typed))

    world.work()

    codes = [octets[0] for octets, _ in world.port.sent]
    assert sorted(codes) == [ACCEPT] + [REJECT] * 9


def test_challenge_is_on_disk_before_it_leaves(world: World) -> None:
    """A challenge that could not be kept is not sent."""
    alice = world.person()
    nas = world.nas(ASKING)
    request = nas.request("alice", alice.password)
    break_table(world, "challenges", "INSERT")
    assert nas.send(request) is None
    assert world.threads.asked
    mend(world)

    reply = nas.send(request)

    assert reply is not None
    assert reply.code == CHALLENGE


def test_status_server_is_silent_while_nothing_can_be_written(full: World) -> None:
    """A server that can let nobody in does not call itself alive, until it can again."""
    alice = Person("alice", b"", hashlib.sha1(b"alice").digest(), "")  # noqa: S324
    nas = full.nas(STEP_UP)
    assert nas.send(nas.status()) is not None
    for _ in range(2000):
        full.clock.advance(30)
        if nas.ask("alice", alice.code(full.now)) is None:
            break
    assert nas.send(nas.status()) is None
    full.pipeline.tidy()
    assert nas.send(nas.status()) is None

    empty(full)
    full.pipeline.tidy()

    assert nas.send(nas.status()) is not None


def test_status_server_is_silent_when_others_write_for_too_long(world: World) -> None:
    """A write that lasts for seconds is a fault that the client may know of; it passes."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    world.admin.connection.execute("BEGIN IMMEDIATE")
    nas.put(nas.request("alice", alice.code(world.now)))
    assert nas.send(nas.status()) is not None
    for _ in range(300):
        world.clock.advance(0.01)
    assert nas.send(nas.status()) is None

    world.admin.connection.execute("ROLLBACK")
    world.clock.advance(0.01)

    assert nas.send(nas.status()) is not None
