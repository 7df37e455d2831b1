"""Tests of `radiusmfa.stores.logins`."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from radiusmfa.factors import recovery
from radiusmfa.interfaces import StoreBusyError, StoreError
from radiusmfa.login.account import Kind, Token, User
from radiusmfa.login.challenges import Entry
from radiusmfa.login.talk import Talk
from radiusmfa.login.throttle import Failures
from radiusmfa.login.username import UserNameError
from radiusmfa.stores import logins as module
from radiusmfa.stores import people, tokens, trail
from radiusmfa.stores.logins import Logins
from tests.unit.stores.stock import ACTOR, Stock, enroll, full_disk, hotp, in_child, settle, totp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from radiusmfa.stores.database import Database

FAILED = Failures(3, 1_800_000_000, 1_800_000_060, b"digest")


@pytest.fixture
def admin(stock: Stock) -> Iterator[Database]:
    """The store as a command has it, with alice and her tokens."""
    with stock.open() as opened:
        settle(opened, "alice", "bob")
        enroll(opened, totp("T1", "alice"), hotp("H1", "alice", last=4))
        yield opened


@pytest.fixture
def logins(admin: Database, stock: Stock) -> Iterator[Logins]:
    """The store as the server has it."""
    del admin  # it has put people there
    with stock.open() as opened:
        yield Logins(opened)


def _user(logins: Logins, name: bytes = b"alice") -> User:
    user = logins.user(name)
    assert user is not None
    return user


def _token(logins: Logins, serial: str = "T1") -> Token:
    (token,) = [one for one in _user(logins).tokens if one.serial == serial]
    return token


def _restarted(stock: Stock) -> Logins:
    logins = Logins(stock.open())
    assert logins.begin()
    return logins


# -- promise 1: a passcode opens one door once --


@pytest.mark.parametrize("again", [10, 9, 0, -1])
def test_used_step_is_refused(again: int, logins: Logins) -> None:
    """A passcode, and every earlier one, is refused in the same turn and in later ones."""
    logins.begin()
    assert logins.claim(_token(logins), 10, 0)
    assert not logins.claim(_token(logins), again, 0)
    logins.commit()
    logins.begin()
    assert not logins.claim(_token(logins), again, 0)
    assert logins.claim(_token(logins), 11, 0)


def test_used_step_is_refused_after_a_restart(logins: Logins, stock: Stock) -> None:
    """What was committed is used for every later server."""
    logins.begin()
    logins.claim(_token(logins), 10, 0)
    logins.commit()
    later = _restarted(stock)
    assert not later.claim(_token(later), 10, 0)
    assert later.claim(_token(later), 11, 0)


@pytest.mark.usefixtures("admin")
def test_used_step_is_refused_after_kill(stock: Stock) -> None:
    """After kill -9 the passcode of a committed turn is used; of another nobody got an answer."""

    def work() -> None:
        logins = Logins(stock.open())
        logins.begin()
        logins.claim(_token(logins), 10, 0)
        logins.commit()
        logins.begin()
        logins.claim(_token(logins, "H1"), 20, 0)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work) == (None, signal.SIGKILL)
    later = _restarted(stock)
    assert not later.claim(_token(later), 10, 0)
    assert later.claim(_token(later, "H1"), 20, 0)


def test_spellings_of_a_name_share_what_is_used(logins: Logins) -> None:
    """`Alice` cannot use once more what `alice` used."""
    logins.begin()
    assert _user(logins, b"ALICE") is _user(logins, b"alice")
    logins.claim(_token(logins), 10, 0)
    assert not logins.claim(_user(logins, b"aLiCe").tokens[0], 10, 0)


def test_last_of_an_imported_counter_counts(logins: Logins) -> None:
    """A token that comes with a used counter begins after it."""
    logins.begin()
    assert not logins.claim(_token(logins, "H1"), 4, 0)
    assert logins.claim(_token(logins, "H1"), 5, 0)


def test_claim_ends_a_resynchronization(logins: Logins) -> None:
    """Once a passcode was right, the one that was awaited is not awaited any more."""
    logins.begin()
    token = _token(logins)
    token.awaited = (12, 50.0)
    logins.claim(token, 10, 0)
    assert token.awaited is None


def test_learned_drift_is_kept(logins: Logins, stock: Stock) -> None:
    """A drift that was learned is known after a restart."""
    logins.begin()
    logins.claim(_token(logins), 10, 2)
    logins.commit()
    assert _token(_restarted(stock)).drift == 2


def test_recovery_code_opens_once(admin: Database, logins: Logins, stock: Stock) -> None:
    """A recovery code is used up at once and for ever."""
    people.issue_recovery(admin, ACTOR, "alice", ["abcde-fghjk"])
    logins.begin()
    (digest,) = _user(logins).recovery
    assert digest == recovery.digest(admin.pepper, _user(logins).id, b"abcdefghjk")
    assert not logins.claim_recovery(_user(logins), b"another")
    assert logins.claim_recovery(_user(logins), digest)
    assert not logins.claim_recovery(_user(logins), digest)
    logins.commit()
    assert _user(_restarted(stock)).recovery == set()


# -- a turn that fails --


def test_failed_commit_keeps_nothing(logins: Logins, stock: Stock) -> None:
    """If the disk is full no answer may leave, and nothing of the turn counts, nor its lines."""
    before = stock.dump()
    logins.begin()
    assert logins.claim(_token(logins), 10, 0)
    logins.put_failures(_user(logins), Kind.OATH, "vpn", FAILED)
    logins.audit("x" * 300_000)
    with full_disk(100_000), pytest.raises(StoreError):
        logins.commit()
    assert logins.is_stale
    assert stock.dump() == before
    assert logins.begin()
    assert logins.claim(_token(logins), 10, 0)
    assert _user(logins).failures == {}
    logins.audit("{}")
    logins.commit()
    with stock.open() as store:
        assert trail.verify(store).fault is None


def test_rolled_back_turn_keeps_nothing(logins: Logins) -> None:
    """A turn that met a surprise leaves no trace, in memory or on disk."""
    logins.begin()
    logins.claim(_token(logins), 10, 0)
    logins.audit("{}")
    logins.roll_back()
    logins.roll_back()
    assert logins.begin()
    assert logins.claim(_token(logins), 10, 0)


def test_busy_store_is_not_waited_for(admin: Database, logins: Logins) -> None:
    """While a command writes the server is told at once, and can try again."""
    with admin.transaction(), pytest.raises(StoreBusyError, match="another process writes"):
        logins.begin()
    assert logins.begin()
    logins.commit()


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda logins: logins.begin(), id="begin"),
        pytest.param(lambda logins: logins.commit(), id="commit"),
        pytest.param(lambda logins: logins.user(b"alice"), id="user"),
        pytest.param(lambda logins: logins.challenges(), id="challenges"),
    ],
)
def test_store_that_fails_is_one_kind_of_error(
    act: Callable[[Logins], object], stock: Stock
) -> None:
    """Whatever SQLite raises, the server sees `StoreError` and forgets what it knew."""
    store = stock.open()
    logins = Logins(store)
    logins.begin()
    store.close()
    with pytest.raises(StoreError):
        act(logins)
    assert logins.is_stale


def test_folding_that_fails_ends_the_turn(admin: Database, logins: Logins) -> None:
    """Used steps that cannot be moved stay where they are, and the turn is over."""
    with admin.transaction() as connection:
        connection.execute("INSERT INTO used VALUES (1, 1)")
    logins.begin()
    logins._sql.execute("DROP TABLE tokens")
    with pytest.raises(StoreError, match="no such table"):
        logins.fold(everything=True)
    assert logins.is_stale
    assert logins.begin()
    assert not logins.claim(_token(logins), 1, 0)


def test_room_is_tried_and_nothing_stays(logins: Logins, stock: Stock) -> None:
    """Whether the disk has room is found out by writing something that is gone again."""
    before = stock.dump()
    logins.begin()
    logins.touch()
    with full_disk(100), pytest.raises(StoreError):
        logins.commit()
    logins.begin()
    logins.touch()
    logins.commit()
    assert stock.dump() == before


def test_broken_table_fails_the_turn(admin: Database, logins: Logins) -> None:
    """A store whose used steps cannot be read lets nobody in."""
    with admin.transaction() as connection:
        connection.execute("ALTER TABLE used RENAME TO gone")
    with pytest.raises(StoreError, match="no such table"):
        logins.begin()
    with pytest.raises(StoreError):
        logins.begin()


# -- changes by commands while the server runs --


CHANGES = [
    pytest.param(
        lambda store: people.set_disabled(store, ACTOR, "alice", disabled=True),
        lambda user: user.is_disabled,
        id="disabled",
    ),
    pytest.param(
        lambda store: people.set_password(store, ACTOR, "alice", "$new"),
        lambda user: user.password == "$new",
        id="password",
    ),
    pytest.param(
        lambda store: people.set_password_only(store, ACTOR, "alice", password_only=True),
        lambda user: user.is_exempt,
        id="exempt",
    ),
    pytest.param(
        lambda store: tokens.revoke(store, ACTOR, "T1"),
        lambda user: [one.serial for one in user.tokens] == ["H1"],
        id="token-revoked",
    ),
    pytest.param(
        lambda store: tokens.set_disabled(store, ACTOR, "T1", disabled=True),
        lambda user: [one.serial for one in user.tokens] == ["H1"],
        id="token-disabled",
    ),
    pytest.param(
        lambda store: tokens.assign(store, ACTOR, "T1", "bob"),
        lambda user: [one.serial for one in user.tokens] == ["H1"],
        id="token-given-away",
    ),
    pytest.param(
        lambda store: enroll(store, totp("T2", "alice")),
        lambda user: [one.serial for one in user.tokens] == ["T1", "H1", "T2"],
        id="token-enrolled",
    ),
    pytest.param(
        lambda store: enroll(store, totp("T2", "alice"), status="pending"),
        lambda user: [one.serial for one in user.tokens] == ["T1", "H1"],
        id="pending-token",
    ),
    pytest.param(
        lambda store: people.issue_recovery(store, ACTOR, "alice", ["abcde-fghjk"]),
        lambda user: len(user.recovery) == 1,
        id="recovery-codes",
    ),
]


@pytest.mark.parametrize(("change", "is_seen"), CHANGES)
def test_change_counts_at_the_next_login(
    change: Callable[[Database], object],
    is_seen: Callable[[User], bool],
    admin: Database,
    logins: Logins,
) -> None:
    """What a command changed is in force for the next login; nobody restarts the server."""
    logins.begin()
    before = _user(logins)
    logins.commit()
    assert not logins.begin()
    logins.commit()
    change(admin)
    assert logins.begin()
    assert is_seen(_user(logins))
    assert _user(logins) is not before


def test_user_comes_and_goes(admin: Database, logins: Logins) -> None:
    """Who was unknown a moment ago is known after `user add`, and unknown after `delete`."""
    logins.begin()
    assert logins.user(b"carl") is None
    logins.commit()
    settle(admin, "carl")
    logins.begin()
    assert _user(logins, b"CARL").name == "carl"
    logins.commit()
    people.delete(admin, ACTOR, "carl")
    logins.begin()
    assert logins.user(b"carl") is None


def test_used_step_survives_a_change(admin: Database, logins: Logins) -> None:
    """Reading anew after somebody's change does not forget what was used."""
    logins.begin()
    logins.claim(_token(logins), 10, 0)
    logins.commit()
    tokens.assign(admin, ACTOR, "T1", "bob")
    logins.begin()
    (token,) = _user(logins, b"bob").tokens
    assert not logins.claim(token, 10, 0)


def test_lines_of_server_and_commands_are_one_chain(admin: Database, logins: Logins) -> None:
    """The audit verifies whoever wrote which line."""
    for at in range(3):
        logins.begin()
        logins.audit(f'{{"turn":{at}}}')
        logins.audit("{}")
        logins.commit()
        people.unlock(admin, ACTOR, "alice")
    verdict = trail.verify(admin)
    assert verdict.fault is None
    lines = [line for _, line in trail.read(admin)]
    assert lines[-3:-1] == ['{"turn":2}', "{}"]


# -- who it is --


@pytest.mark.parametrize("name", [b"", b"\xff", b"a\0", b"a\nb", b" alice", b"a" * 254])
def test_impossible_name_is_refused(name: bytes, logins: Logins) -> None:
    """A name that nobody can have is not looked up."""
    logins.begin()
    with pytest.raises(UserNameError):
        logins.user(name)


def test_longest_name_is_found(admin: Database, logins: Logins) -> None:
    """A name of 253 octets is a name."""
    name = "é" * 126 + "a"
    settle(admin, name)
    logins.begin()
    assert _user(logins, name.encode()).name == name


def test_look_alikes_are_others(logins: Logins) -> None:
    """A Cyrillic letter does not log in as alice."""
    logins.begin()
    assert logins.user("\u0430lice".encode()) is None


def test_damaged_seed_does_not_count(logins: Logins, stock: Stock) -> None:
    """A token whose seed does not open opens nothing, is named, and spoils no other."""
    with stock.raw() as connection:
        connection.execute("UPDATE tokens SET seed = zeroblob(60) WHERE serial = 'T1'")
    logins.begin()
    assert [one.serial for one in _user(logins).tokens] == ["H1"]
    assert logins.damaged == {"T1"}


def test_seed_of_another_user_does_not_count(logins: Logins, stock: Stock) -> None:
    """Whoever writes another user's number into a token's row gets no token."""
    with stock.raw() as connection:
        connection.execute("UPDATE tokens SET user = 2 WHERE serial = 'T1'")
    logins.begin()
    assert _user(logins, b"bob").tokens == ()


def test_everything_of_a_user_is_read(admin: Database, logins: Logins) -> None:
    """Memory holds what the store does."""
    people.set_password(admin, ACTOR, "bob", "$hash")
    people.set_password_only(admin, ACTOR, "bob", password_only=True)
    logins.begin()
    bob = _user(logins, b"bob")
    assert (bob.name, bob.password, bob.is_exempt, bob.is_disabled) == ("bob", "$hash", True, False)
    assert (bob.tokens, bob.recovery, bob.failures) == ((), set(), {})


def test_registered_are_those_of_the_store(logins: Logins) -> None:
    """How many users there are does not depend on who has logged in."""
    logins.begin()
    logins.stranger(b"zoe")
    assert logins.user(b"nobody") is None
    assert logins.registered() == 2


def test_preloading_reads_everybody(logins: Logins) -> None:
    """After the start the first login of a person is as fast as the next."""
    logins.begin()
    assert logins.people == 0
    logins.preload()
    assert logins.people == 2
    logins.commit()


def test_memory_is_bounded(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names that strangers make up do not fill the memory for ever."""
    monkeypatch.setattr(module, "_MOST_REMEMBERED", 10)
    logins.begin()
    for at in range(11):
        logins.user(b"stranger%d" % at)
    assert logins.people == 11
    logins.commit()
    logins.begin()
    assert logins.people == 0


# -- whom only an upstream knows --


def test_stranger_is_nobody_of_the_store(logins: Logins) -> None:
    """Whom only an upstream knows has a number below zero, and proves nothing by themselves."""
    logins.begin()
    assert logins.user(b"Zoe") is None
    zoe = logins.stranger(b"Zoe")
    assert zoe.id < 0
    assert (zoe.name, zoe.password, zoe.is_exempt, zoe.is_disabled) == ("zoe", None, False, False)
    assert (zoe.tokens, zoe.recovery, zoe.failures, zoe.upstreams) == ((), set(), {}, {})


def test_stranger_is_one_person_in_every_spelling(logins: Logins) -> None:
    """`ZOE` is `zoe`, now and in later turns: what was wrong counts for both."""
    logins.begin()
    zoe = logins.stranger(b"zoe")
    assert logins.stranger(b"ZOE").id == zoe.id
    logins.put_failures(zoe, Kind.UPSTREAM, "vpn", Failures(1, 5, 0, b"r"))
    logins.commit()
    logins.begin()
    assert logins.stranger(b"Zoe") is zoe
    assert logins.stranger(b"zoe2").id != zoe.id


def test_number_of_a_stranger_is_stable(logins: Logins, stock: Stock) -> None:
    """An open challenge is bound to the number: after a restart it is still the same person's."""
    logins.begin()
    numbers = [logins.stranger(name).id for name in (b"zoe", b"yan")]
    logins.commit()
    later = _restarted(stock)
    assert [later.stranger(name).id for name in (b"zoe", b"yan")] == numbers


def test_number_of_a_stranger_tells_nobody_who_it_is(logins: Logins, tmp_path: Path) -> None:
    """Another store numbers the same name otherwise: nobody computes it without the keys."""
    (tmp_path / "other").mkdir()
    other = _restarted(Stock(tmp_path / "other"))
    assert other.stranger(b"zoe").id != logins.stranger(b"zoe").id


@pytest.mark.parametrize("name", [b"", b"\xff", b"a\0", b" alice", b"a" * 254])
def test_impossible_name_is_no_stranger(name: bytes, logins: Logins) -> None:
    """A name that nobody can have is nobody's at an upstream either."""
    with pytest.raises(UserNameError):
        logins.stranger(name)


def test_stranger_who_was_added_is_a_user(admin: Database, logins: Logins) -> None:
    """Once somebody is in the store, what the store says counts."""
    logins.begin()
    before = logins.stranger(b"zoe")
    logins.commit()
    settle(admin, "zoe")
    logins.begin()
    assert _user(logins, b"zoe").id > 0
    assert _user(logins, b"zoe") is not before


def test_failures_of_a_stranger_are_in_memory_only(logins: Logins, stock: Stock) -> None:
    """What strangers get wrong locks them, and fills no store."""
    before = stock.dump()
    logins.begin()
    zoe = logins.stranger(b"zoe")
    logins.put_failures(zoe, Kind.UPSTREAM, "vpn", FAILED)
    logins.commit()
    assert stock.dump() == before
    logins.begin()
    assert logins.stranger(b"ZOE").failures == {(Kind.UPSTREAM, "vpn"): FAILED}
    logins.clear_failures(zoe, Kind.UPSTREAM, "wifi")
    logins.clear_failures(zoe, Kind.UPSTREAM, "vpn")
    assert logins.stranger(b"zoe").failures == {}
    logins.commit()
    assert stock.dump() == before


def test_failures_of_a_stranger_outlive_a_change_of_the_store(
    admin: Database, logins: Logins
) -> None:
    """Nobody gets new guesses because an administrator adds somebody else meanwhile."""
    logins.begin()
    logins.put_failures(logins.stranger(b"zoe"), Kind.UPSTREAM, "vpn", FAILED)
    logins.commit()
    settle(admin, "carl")
    assert logins.begin()
    assert logins.stranger(b"zoe").failures == {(Kind.UPSTREAM, "vpn"): FAILED}


def test_challenge_of_a_stranger_survives_a_restart(logins: Logins, stock: Stock) -> None:
    """A person whom only an upstream knows can go on in a dialogue while the server restarts."""
    talk = Talk(upstream="rsa", server="192.0.2.9:1812", state=b"theirs", rounds=1)
    logins.begin()
    zoe = logins.stranger(b"zoe")
    entry = Entry(b"0z", "192.0.2.1", zoe.id, "id1", "proxy", 0, 10.0, 70.0, "BOTH", talk)
    logins.put_challenge(entry)
    logins.commit()
    later = _restarted(stock)
    assert later.challenges() == [entry]
    assert later.stranger(b"zoe").id == entry.user


# -- what else is kept --


def test_assignments_are_read(admin: Database, logins: Logins) -> None:
    """Who is assigned to an upstream is known with the next login, and the name there."""
    logins.begin()
    assert _user(logins).upstreams == {}
    logins.commit()
    with admin.transaction() as connection:
        connection.executemany(
            "INSERT INTO upstream_users VALUES (?, ?, ?)",
            [(1, "rsa", ""), (1, "vip", "Alice@example.com"), (2, "rsa", "bob2")],
        )
    assert logins.begin()
    assert _user(logins).upstreams == {"rsa": "", "vip": "Alice@example.com"}
    assert _user(logins, b"bob").upstreams == {"rsa": "bob2"}


def test_refusals_of_an_upstream_survive_a_restart(logins: Logins, stock: Stock) -> None:
    """What an upstream refused is counted like every other wrong proof, beside it."""
    logins.begin()
    logins.put_failures(_user(logins), Kind.UPSTREAM, "vpn", FAILED)
    logins.put_failures(_user(logins), Kind.OATH, "vpn", FAILED)
    logins.commit()
    later = _restarted(stock)
    assert _user(later).failures == {(Kind.UPSTREAM, "vpn"): FAILED, (Kind.OATH, "vpn"): FAILED}
    later.clear_failures(_user(later), Kind.UPSTREAM, "vpn")
    later.commit()
    assert _user(_restarted(stock)).failures == {(Kind.OATH, "vpn"): FAILED}


def test_failures_survive_a_restart(logins: Logins, stock: Stock) -> None:
    """Nobody gets new guesses by making the server restart."""
    logins.begin()
    logins.put_failures(_user(logins), Kind.OATH, "vpn", FAILED)
    logins.commit()
    later = _restarted(stock)
    user = _user(later)
    assert user.failures == {(Kind.OATH, "vpn"): FAILED}
    later.clear_failures(user, Kind.OATH, "wifi")
    later.clear_failures(user, Kind.OATH, "vpn")
    assert user.failures == {}
    later.commit()
    assert _user(_restarted(stock)).failures == {}


def test_unlocking_counts_at_the_next_login(admin: Database, logins: Logins) -> None:
    """After `user unlock` the server knows of no failure."""
    logins.begin()
    logins.put_failures(_user(logins), Kind.OATH, "vpn", FAILED)
    logins.commit()
    assert people.unlock(admin, ACTOR, "alice") == 1
    logins.begin()
    assert _user(logins).failures == {}


def test_better_hash_replaces_the_old_one(admin: Database, logins: Logins) -> None:
    """After a login with an old hash the new one is stored."""
    people.set_password(admin, ACTOR, "alice", "$old")
    logins.begin()
    logins.put_password(_user(logins), "$better")
    assert _user(logins).password == "$better"
    logins.commit()
    assert people.person(admin, "alice").password == "$better"


def test_hash_of_an_old_password_does_not_come_back(admin: Database, logins: Logins) -> None:
    """A password that was changed while its predecessor was being hashed stays changed."""
    people.set_password(admin, ACTOR, "alice", "$old")
    logins.begin()
    user = _user(logins)
    logins.commit()
    people.set_password(admin, ACTOR, "alice", "$new")
    logins.begin()
    logins.put_password(user, "$better form of the old one")
    logins.commit()
    assert people.person(admin, "alice").password == "$new"


def test_open_challenges_survive_a_restart(logins: Logins, stock: Stock) -> None:
    """A person who is typing while the server restarts can go on; oldest first."""
    entries = [
        Entry(b"late", "192.0.2.1", 1, "id2", "auto", 1, 20.5, 80.5),
        Entry(b"early", "2001:db8::1", 1, "id1", "challenge", 0, 10.0, 70.0),
        Entry(b"gone", "192.0.2.1", 2, "id3", "append", 0, 5.0, 65.0),
    ]
    logins.begin()
    for entry in entries:
        logins.put_challenge(entry)
    logins.drop_challenge(b"gone")
    logins.drop_challenge(b"\xff")
    logins.commit()
    later = _restarted(stock)
    assert later.challenges() == [entries[1], entries[0]]
    later.drop_challenge(b"late")
    later.commit()
    assert _restarted(stock).challenges() == [entries[1]]


@pytest.mark.parametrize("body", ["", "no JSON", "[]", '["id", "auto", "many"]', "null"])
def test_damaged_challenge_is_none(logins: Logins, stock: Stock, body: str) -> None:
    """A challenge that cannot be read is nobody's, and stops neither start nor logins."""
    logins.begin()
    logins.put_challenge(Entry(b"whole", "192.0.2.1", 1, "id1", "auto", 0, 10.0, 70.0))
    logins.put_challenge(Entry(b"broken", "192.0.2.1", 1, "id2", "auto", 0, 11.0, 71.0))
    logins.commit()
    with stock.raw() as sql:
        sql.execute("UPDATE challenges SET body = ? WHERE state = 'broken'", (body,))
    assert [entry.state for entry in _restarted(stock).challenges()] == [b"whole"]


def test_store_that_cannot_tell_what_was_learned_is_said_so(logins: Logins, stock: Stock) -> None:
    """A reload with a store that cannot be read ends in one line, not half done."""
    with stock.raw() as sql:
        sql.execute("DROP TABLE client_state")
    with pytest.raises(StoreError):
        logins.clients.peers()


@pytest.mark.parametrize(
    "change",
    [
        "state = x'ff'",
        "body = x'ff'",
        "created = 'long ago'",
        "expires = x'00'",
        """body = '["x\\",\\"user\\":\\"bob", "auto", 0]'""",
        """body = '[7, "auto", 0]'""",
        """body = '["", "auto", 0]'""",
        """body = '["id2", "auto", Infinity]'""",
        "body = replace(hex(zeroblob(9999)), '00', '[')",
    ],
    ids=["state", "body", "created", "expires", "audit", "number", "no id", "endless", "deep"],
)
def test_challenge_that_somebody_wrote_without_us_is_none(
    logins: Logins, stock: Stock, change: str
) -> None:
    """Whatever is put into the table of challenges stops no login and forges no audit line."""
    logins.begin()
    logins.put_challenge(Entry(b"whole", "192.0.2.1", 1, "id1", "auto", 0, 10.0, 70.0))
    logins.put_challenge(Entry(b"broken", "192.0.2.1", 1, "id2", "auto", 0, 11.0, 71.0))
    logins.commit()
    with stock.raw() as sql:
        sql.execute(f"UPDATE challenges SET {change} WHERE state = 'broken'")  # noqa: S608
    assert [entry.state for entry in _restarted(stock).challenges()] == [b"whole"]


def test_what_clients_taught_survives_a_restart(logins: Logins, stock: Stock) -> None:
    """What the packets of a client taught is known to the next server; the latest counts."""
    logins.begin()
    logins.clients.put_peer(("vpn", "192.0.2.1", "yes", "no"), 6.0)
    logins.commit()
    assert _restarted(stock).clients.peers() == [("vpn", "192.0.2.1", "yes", "no")]


# -- folding --


def _steps(stock: Stock) -> int:
    with stock.raw() as connection:
        (count,) = connection.execute("SELECT count(*) FROM used").fetchone()
    return int(count)


def test_folding_keeps_what_is_used(logins: Logins, stock: Stock) -> None:
    """Used steps move into their tokens' rows, the highest wins, and nothing is good again."""
    for at in (10, 11, 300):
        logins.begin()
        logins.claim(_token(logins), at, 0)
        logins.commit()
    assert _steps(stock) == 3
    logins.begin()
    logins.tidy(0)
    assert _steps(stock) == 3
    logins.fold(everything=True)
    logins.commit()
    assert _steps(stock) == 0
    later = _restarted(stock)
    assert not later.claim(_token(later), 300, 0)
    assert later.claim(_token(later), 301, 0)


def test_folding_never_lowers_what_is_used(admin: Database, logins: Logins) -> None:
    """A step below what the token's row says changes nothing."""
    with admin.transaction() as connection:
        connection.execute("UPDATE tokens SET last = 500 WHERE serial = 'T1'")
        connection.execute("INSERT INTO used VALUES (20, 1)")
    logins.begin()
    logins.fold(everything=True)
    logins.commit()
    assert tokens.show(admin, "T1").last == 500


def test_folding_is_a_little_at_a_time(
    admin: Database, logins: Logins, stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn folds no more than it can afford, and leaves the newest steps alone."""
    monkeypatch.setattr(module, "_FOLDED", 4)
    monkeypatch.setattr(module, "_FOLD_FROM", 3)
    with admin.transaction() as connection:
        connection.executemany("INSERT INTO used VALUES (?, 1)", [(at,) for at in range(10)])
    for left in (6, 2, 2):
        logins.begin()
        logins.tidy(0)
        logins.commit()
        assert _steps(stock) == left
    logins.begin()
    assert not logins.claim(_token(logins), 9, 0)


def test_folding_ends_when_nothing_is_left(admin: Database, logins: Logins, stock: Stock) -> None:
    """Steps that are gone from the table are not looked for for ever."""
    with admin.transaction() as connection:
        connection.execute("INSERT INTO used VALUES (1, 1)")
    logins.begin()
    logins._sql.execute("DELETE FROM used")
    logins.fold(everything=True)
    logins.commit()
    assert _steps(stock) == 0


def test_failures_of_an_outsider_outlive_a_restart(logins: Logins, stock: Stock) -> None:
    """Whom a directory knows gets no new tries from a restart; a right proof forgives them."""
    logins.begin()
    logins.put_failures(logins.outsider(b"Carol"), Kind.PASSWORD, "@corp", FAILED)
    logins.commit()

    later = _restarted(stock)
    carol = later.outsider(b"carol")
    assert carol.failures == {(Kind.PASSWORD, "@corp"): FAILED}
    later.clear_failures(carol, Kind.PASSWORD, "@corp")
    later.commit()
    assert _restarted(stock).outsider(b"carol").failures == {}


def test_failures_that_cannot_be_read_are_read_the_next_time(
    admin: Database, logins: Logins, stock: Stock
) -> None:
    """A store that cannot be read for a moment ends the turn, and forgets nobody's lock."""
    logins.begin()
    logins.put_failures(logins.outsider(b"carol"), Kind.PASSWORD, "@corp", FAILED)
    logins.commit()
    admin.connection.execute("ALTER TABLE failures RENAME TO gone")
    later = _restarted(stock)
    with pytest.raises(StoreError):
        later.outsider(b"carol")
    admin.connection.execute("ALTER TABLE gone RENAME TO failures")
    later.begin()
    assert later.outsider(b"carol").failures == {(Kind.PASSWORD, "@corp"): FAILED}
    later.roll_back()


def test_outsider_is_unlocked_by_a_command(logins: Logins, admin: Database) -> None:
    """What an administrator ends counts for the next login of a running server."""
    logins.begin()
    zoe = logins.outsider(b"Zoe")
    logins.put_failures(zoe, Kind.PASSWORD, "@corp", FAILED)
    logins.commit()
    people.unlock(admin, ACTOR, "zoe")
    logins.begin()
    assert logins.outsider(b"zoe").failures == {}
    logins.commit()


def test_name_that_nobody_knows_fills_no_table(logins: Logins, admin: Database) -> None:
    """Whoever invents names leaves nothing in the store."""
    logins.begin()
    logins.put_failures(logins.stranger(b"invented"), Kind.UPSTREAM, "vpn", FAILED)
    logins.commit()
    assert admin.connection.execute("SELECT count(*) FROM failures").fetchone() == (0,)
