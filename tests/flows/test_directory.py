"""Logins whose password a directory checks: refusals first, one bind each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.policy_model import Order
from radiusmfa.outcome import Reason
from tests.flows.people import People, directory
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    CLASS,
    REJECT,
    REPLY_MESSAGE,
    STATE,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.flows.world import Nas, Person

MODES = {ASKING: Mode.CHALLENGE, APPEND: Mode.APPEND, AUTO: Mode.AUTO}
GONE = [
    Reason.DIRECTORY_UNREACHABLE,
    Reason.DIRECTORY_SILENT,
    Reason.DIRECTORY_BUSY,
    Reason.DIRECTORY_REFUSED,
]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server whose clients all have `corp` as primary."""
    with World(tmp_path) as made:
        made.directories = (directory(),)
        made.clients = tuple(client(at, mode, primary="corp") for at, mode in MODES.items())
        made.reload()
        yield made


@pytest.fixture
def corp(world: World) -> People:
    """Who plays the directory: alice has another name there, too."""
    made = People(world)
    made.add("alice", "Staff", names=("alice@example.com", "a.smith@mail.example"))
    return made


def holder(world: World, name: str = "alice") -> Person:
    """Return somebody with a token here and a password there."""
    return world.person(name, password=None)


def right(corp: People) -> bytes:
    """Return alice's password in the directory."""
    return corp.entries[0].password


def last(world: World) -> dict[str, Any]:
    """Return the last audit line."""
    (line,) = world.admin.connection.execute(
        "SELECT line FROM audit ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    found: dict[str, Any] = json.loads(line)
    return found


def whole(nas: Nas, corp: People, name: str, code: bytes) -> int:
    """Log in with password and passcode at a client that asks; return the last code."""
    reply = corp.ask(nas, name, right(corp))
    assert reply is not None
    assert reply.code == CHALLENGE
    return corp.decide(nas, name, code, reply.state)


@pytest.mark.parametrize("host", MODES, ids=lambda host: MODES[host].value)
def test_wrong_password_is_refused(world: World, corp: People, host: str) -> None:
    """The directory's no is ours; it is asked once."""
    alice = holder(world)
    typed = b"wrong" if host == ASKING else b"wrong" + alice.code(world.now)
    assert corp.decide(world.nas(host), "alice", typed) == REJECT
    assert last(world)["reason"] == "bad-password"
    assert len(corp.binds) == 1


@pytest.mark.parametrize(
    "reason",
    [
        Reason.ACCOUNT_LOCKED,
        Reason.ACCOUNT_DISABLED,
        Reason.ACCOUNT_EXPIRED,
        Reason.PASSWORD_EXPIRED,
        Reason.PASSWORD_MUST_CHANGE,
        Reason.LOGON_NOT_ALLOWED,
    ],
)
def test_what_the_directory_says_of_an_account_is_told_apart(
    world: World, corp: People, reason: Reason
) -> None:
    """Whatever keeps somebody out there keeps them out here, and stands in the audit."""
    holder(world)
    corp.entries[0].reason = reason
    assert corp.decide(world.nas(ASKING), "alice", right(corp)) == REJECT
    assert last(world)["reason"] == reason.value


@pytest.mark.parametrize("reason", GONE, ids=lambda one: one.value)
@pytest.mark.parametrize("host", MODES, ids=lambda host: MODES[host].value)
def test_promise_3_directory_that_cannot_be_asked_lets_nobody_in(
    world: World, corp: People, host: str, reason: Reason
) -> None:
    """A directory that is gone is a Reject, whatever was typed."""
    alice = holder(world)
    corp.gone = reason
    typed = right(corp) + (b"" if host == ASKING else alice.code(world.now))
    assert corp.decide(world.nas(host), "alice", typed) == REJECT
    assert last(world)["reason"] == reason.value


def test_promise_3_directory_that_goes_before_the_bind_lets_nobody_in(
    world: World, corp: People
) -> None:
    """It may be gone between the search and the bind."""
    holder(world)
    nas = world.nas(ASKING)
    request = nas.request("alice", right(corp))
    nas.put(request)
    received, errand = world.relays.errands.pop()
    found = corp.answer(errand)
    corp.gone = Reason.DIRECTORY_SILENT
    world.pipeline.answered([(received, found)])
    corp.work()
    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT


def test_empty_password_reaches_no_directory(world: World, corp: People) -> None:
    """RFC 4513 section 5.1.2: a bind with an empty password would prove nothing."""
    holder(world)
    assert corp.decide(world.nas(ASKING), "alice", b"") == REJECT
    assert last(world)["reason"] == "bad-password"
    assert (corp.binds, corp.decoys) == ([], 0)


def test_unknown_user_costs_a_bind_too(world: World, corp: People) -> None:
    """Nobody learns from the time it takes who exists."""
    assert corp.decide(world.nas(ASKING), "nobody", b"guess") == REJECT
    assert last(world)["reason"] == "unknown-user"
    assert (corp.binds, corp.decoys) == ([], 1)


def test_disabled_user_costs_a_bind_of_nobody(world: World, corp: People) -> None:
    """Whom an administrator here has disabled does not get in with the right password there."""
    holder(world)
    world.admin.connection.execute("UPDATE users SET disabled = 1")
    assert corp.decide(world.nas(ASKING), "alice", right(corp)) == REJECT
    assert last(world)["reason"] == "user-disabled"
    assert (corp.binds, corp.decoys) == ([], 1)


def test_ambiguous_name_is_nobodys(world: World, corp: People) -> None:
    """Two people of one name: neither of them gets in by it."""
    corp.add("bob", names=("alice",))
    assert corp.decide(world.nas(ASKING), "alice", right(corp)) == REJECT
    assert last(world)["reason"] == "ambiguous-user"
    assert corp.binds == []


def test_promise_2_name_of_another_in_the_store_is_nobodys(world: World, corp: People) -> None:
    """Whoever the directory calls otherwise than the store does not use the store's tokens."""
    holder(world, "a.smith@mail.example")
    nas = world.nas(ASKING)
    assert corp.decide(nas, "a.smith@mail.example", right(corp)) == REJECT
    assert last(world)["reason"] == "ambiguous-user"


def test_known_wrong_password_is_not_sent_again(world: World, corp: People) -> None:
    """A client that retries with the same wrong password costs the account nothing."""
    holder(world)
    nas = world.nas(ASKING)
    assert corp.decide(nas, "alice", b"wrong") == REJECT
    world.clock.advance(60)
    assert corp.decide(nas, "alice", b"wrong") == REJECT
    assert last(world)["reason"] == "known-wrong-password"
    assert len(corp.binds) == 1

    world.clock.advance(300)  # by then somebody may have changed it to that
    assert corp.decide(nas, "alice", b"wrong") == REJECT
    assert len(corp.binds) == 2


def test_wrong_password_is_known_under_every_name(world: World, corp: People) -> None:
    """What is remembered belongs to the person, and to no other one."""
    corp.add("bob")
    nas = world.nas(ASKING)
    assert corp.decide(nas, "alice", b"wrong") == REJECT
    assert corp.decide(nas, "alice@example.com", b"wrong") == REJECT
    assert len(corp.binds) == 1
    assert corp.decide(nas, "bob", b"wrong") == REJECT
    assert len(corp.binds) == 2


def test_our_lock_comes_before_the_directorys(world: World, corp: People) -> None:
    """After `lockout` wrong ones at any client nothing is sent until the window is over."""
    alice = holder(world)
    assert corp.decide(world.nas(ASKING), "alice", b"one") == REJECT
    assert corp.decide(world.nas(AUTO), "alice@example.com", b"two") == REJECT
    assert corp.decide(world.nas(ASKING), "alice", right(corp)) == REJECT
    assert last(world)["reason"] == "locked"
    assert len(corp.binds) == 2
    assert corp.decoys == 1  # nobody learns that from the time it takes

    world.clock.advance(1801)
    assert whole(world.nas(ASKING), corp, "alice", alice.code(world.now)) == ACCEPT


def test_lock_outlives_a_restart(world: World, corp: People) -> None:
    """The store remembers how often it was wrong."""
    holder(world)
    for typed in (b"one", b"two"):
        assert corp.decide(world.nas(ASKING), "alice", typed) == REJECT
    world.restart()
    corp.binds.clear()
    assert corp.decide(world.nas(ASKING), "alice", right(corp)) == REJECT
    assert corp.binds == []


def test_different_guesses_at_once_are_no_more_than_in_a_row(world: World, corp: People) -> None:
    """As many may be under way as would be left before the lock."""
    holder(world)
    nas = [world.nas(ASKING, port) for port in (40000, 40001, 40002)]
    requests = [one.request("alice", b"guess %d" % at) for at, one in enumerate(nas)]
    for one, request in zip(nas, requests, strict=True):
        one.put(request)
    corp.work()
    assert len(corp.binds) == 2


@pytest.mark.parametrize("name", ["alice", "ALICE", "alice@example.com", "a.smith@mail.example"])
def test_token_belongs_to_the_person_whatever_is_typed(
    world: World, corp: People, name: str
) -> None:
    """Any of the directory's names leads to the token; the Accept says whose it is."""
    alice = holder(world)
    assert whole(world.nas(ASKING), corp, name, alice.code(world.now)) == ACCEPT
    assert len(corp.binds) == 1
    assert last(world)["token"] == alice.serial


def test_answer_looks_nobody_up_again(world: World, corp: People) -> None:
    """What the directory said is kept with the challenge, also over a restart."""
    alice = holder(world)
    nas = world.nas(ASKING)
    reply = corp.ask(nas, "alice@example.com", right(corp))
    assert reply is not None
    world.restart()
    assert corp.decide(nas, "alice@example.com", alice.code(world.now), reply.state) == ACCEPT
    assert corp.look_ups == ["alice@example.com"]
    assert len(corp.binds) == 1


def test_promise_2_challenge_is_answered_by_its_own_person(world: World, corp: People) -> None:
    """Another one's State is worth nothing, though both are in the directory."""
    corp.add("bob")
    alice, bob = holder(world), holder(world, "bob")
    nas = world.nas(ASKING)
    reply = corp.ask(nas, "alice", right(corp))
    assert reply is not None
    assert alice.serial != bob.serial
    assert corp.decide(nas, "bob", bob.code(world.now), reply.state) == REJECT


@pytest.mark.parametrize("host", [APPEND, AUTO], ids=["append", "auto"])
def test_passcode_is_looked_at_before_the_directory_is_asked(
    world: World, corp: People, host: str
) -> None:
    """A wrong passcode costs no bind in `append`; a right one and the password let in."""
    alice = holder(world)
    if host == APPEND:
        typed = right(corp) + alice.wrong(world.now)
        assert corp.decide(world.nas(host), "alice", typed) == REJECT
        assert corp.binds == []
    assert corp.decide(world.nas(host), "alice", right(corp) + alice.code(world.now)) == ACCEPT
    assert len(corp.binds) == 1


def test_retransmission_and_retry_join_the_bind(world: World, corp: People) -> None:
    """Promise 5: one bind, whatever the client sends again meanwhile."""
    holder(world)
    nas = world.nas(ASKING)
    first = nas.request("alice", right(corp))
    nas.put(first)
    nas.put(first)
    again = nas.request("alice", right(corp))
    nas.put(again)
    assert len(world.relays.errands) == 1
    corp.work()
    assert len(corp.binds) == 1
    reply = nas.take(again)
    assert reply is not None
    assert reply.code == CHALLENGE


def test_audit_says_how_long_the_directory_took(world: World, corp: People) -> None:
    """Search and bind together stand in the line of the login."""
    holder(world)
    corp.ask(world.nas(ASKING), "alice", right(corp))
    assert last(world)["us"]["directory"] == 750_000


def test_person_of_the_directory_alone_is_not_enrolled(world: World, corp: People) -> None:
    """Without a token here the right password is not enough."""
    assert corp.decide(world.nas(ASKING), "alice", right(corp)) == REJECT
    assert last(world)["reason"] == "not-enrolled"


def test_directory_bound_by_name_is_asked_once(world: World, corp: People) -> None:
    """Without somebody who may search, the bind itself tells who it is."""
    alice = holder(world)
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    world.reload()
    nas = world.nas(ASKING)
    assert corp.decide(nas, "alice@example.com", b"wrong") == REJECT
    assert last(world)["reason"] == "bad-password"
    assert whole(nas, corp, "alice@example.com", alice.code(world.now)) == ACCEPT
    assert corp.look_ups == []
    assert len(corp.binds) == 2


def test_passcode_first_then_the_password(world: World, corp: People) -> None:
    """With `factor-first` whoever has no passcode never reaches the directory."""
    alice = holder(world)
    world.clients = (client(ASKING, Mode.CHALLENGE, primary="corp", order=Order.FACTOR_FIRST),)
    world.reload()
    nas = world.nas(ASKING)
    assert corp.decide(nas, "alice", right(corp)) == REJECT
    assert corp.decide(nas, "alice", alice.wrong(world.now)) == REJECT
    assert corp.binds == []

    reply = corp.ask(nas, "alice", alice.code(world.now))
    assert reply is not None
    assert reply.code == CHALLENGE
    assert len(reply.values(REPLY_MESSAGE)) == 1
    assert corp.decide(nas, "alice", b"wrong", reply.state) == REJECT
    assert last(world)["reason"] == "bad-password"

    world.clock.advance(30)
    reply = corp.ask(nas, "alice", alice.code(world.now))
    assert reply is not None
    assert corp.decide(nas, "alice", right(corp), reply.values(STATE)[0]) == ACCEPT


def test_step_up_finds_the_token_by_the_brokers_name(world: World, corp: People) -> None:
    """A broker's name and the token's name need not be equal."""
    alice = holder(world)
    world.clients = (client(STEP_UP, Mode.STEP_UP, directory="corp"),)
    world.reload()
    reply = corp.ask(world.nas(STEP_UP), "alice@example.com", alice.code(world.now))
    assert reply is not None
    assert reply.code == ACCEPT
    assert len(reply.values(CLASS)) == 1
    assert (corp.binds, corp.decoys) == ([], 0)


def test_name_that_nobody_can_have_is_refused(world: World, corp: People) -> None:
    """Control characters reach no directory."""
    assert corp.decide(world.nas(ASKING), b"ali\x00ce", b"guess") == REJECT
    assert last(world)["reason"] == "bad-user-name"
    assert corp.look_ups == []


def test_known_wrong_password_is_known_after_a_reload(world: World, corp: People) -> None:
    """Another configuration is no reason to try again what was wrong."""
    holder(world)
    nas = world.nas(ASKING)
    assert corp.decide(nas, "alice", b"wrong") == REJECT
    world.reload()
    assert corp.decide(nas, "alice", b"wrong") == REJECT
    assert len(corp.binds) == 1


def test_promise_2_order_that_a_reload_changes_ends_the_login(world: World, corp: People) -> None:
    """A passcode that was asked about first is not all that has to be proved."""
    alice = holder(world)
    world.directories = ()
    first = client(ASKING, Mode.CHALLENGE, order=Order.FACTOR_FIRST)
    world.clients = (first,)
    world.reload()
    nas = world.nas(ASKING)
    reply = nas.ask("alice", alice.code(world.now))
    assert reply is not None
    assert reply.code == CHALLENGE
    world.clients = (client(ASKING, Mode.CHALLENGE),)
    world.reload()
    assert nas.decide("alice", right(corp), reply.state) == REJECT
    assert last(world)["reason"] == "unknown-state"
