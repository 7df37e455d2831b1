"""Tests of `radiusmfa.stores.imports`: all or nothing, whatever happens."""

from __future__ import annotations

import json
import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from radiusmfa.interfaces import ImportRefusedError, StoreBusyError, StoreError
from radiusmfa.secret import Secret
from radiusmfa.stores import imports, people, tokens, trail
from radiusmfa.stores.devices import NewDevice
from radiusmfa.stores.imports import NewUser
from tests.unit.stores.stock import (
    ACTOR,
    NOW,
    SEED,
    device,
    enroll,
    full_disk,
    hotp,
    in_child,
    settle,
    totp,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.tokens import NewToken
    from tests.unit.stores.stock import Stock


def _user(name: str, token: NewToken | None = None, *, line: int = 1) -> NewUser:
    return NewUser(name=name, password=f"$hash of {name}", token=token, where=f"line {line}")


def _crowd(count: int, prefix: str = "user") -> list[NewUser]:
    return [
        _user(f"{prefix}{at}", totp(f"{prefix.upper()}-{at}"), line=at + 2) for at in range(count)
    ]


def _names(store: Database) -> list[str]:
    return [person.name for person in people.everybody(store)]


class _Meanwhile(list[NewUser]):
    """Users; when they are looked at first, something else happens."""

    def __init__(self, users: list[NewUser], happens: Callable[[], None]) -> None:
        super().__init__(users)
        self._happens: Callable[[], None] | None = happens

    def __iter__(self) -> Iterator[NewUser]:
        happens, self._happens = self._happens, None
        if happens is not None:
            happens()
        return super().__iter__()


def test_users_that_are_there_already_refuse_the_file(store: Database, stock: Stock) -> None:
    """Each name and serial that is taken is a line with its place, and nobody is added."""
    settle(store, "bob")
    enroll(store, totp("T1"))
    users = [
        _user("alice", totp("T2"), line=2),
        _user("bob", line=3),
        _user("carl", totp("T1"), line=4),
    ]
    before = stock.dump()
    with pytest.raises(ImportRefusedError) as raised:
        imports.add_users(store, ACTOR, users, "3 users")
    assert raised.value.faults == (
        "line 3: there is a user 'bob' already",
        "line 4: there is a token 'T1' already",
    )
    assert stock.dump() == before


def test_tokens_that_do_not_fit_refuse_the_file(store: Database, stock: Stock) -> None:
    """Each taken serial and each unknown user is a line, and no token is added."""
    enroll(store, totp("T1"))
    found = [("line 1", totp("T2")), ("line 2", totp("T1")), ("line 3", totp("T3", "eve"))]
    before = stock.dump()
    with pytest.raises(ImportRefusedError) as raised:
        imports.add_tokens(store, ACTOR, found, "3 tokens")
    assert raised.value.faults == (
        "line 2: there is a token 'T1' already",
        "line 3: there is no user 'eve'",
    )
    assert stock.dump() == before


def test_seeds_that_a_person_has_already_refuse_the_file(store: Database, stock: Stock) -> None:
    """One file imported twice, or one seed twice in a file, would make passcodes good twice."""
    settle(store, "alice", "bob")
    enroll(store, totp("T1", "alice"))
    found = [
        ("line 1", totp("T2", "alice", seed=SEED)),
        ("line 2", totp("T3", "bob", seed=SEED)),
        ("line 3", totp("T4", "bob", seed=SEED)),
        ("line 4", hotp("H1", "alice")),
        ("line 5", totp("T5")),
        ("line 6", totp("T6", "bob", seed=SEED + bytes(12))),
    ]
    before = stock.dump()
    with pytest.raises(ImportRefusedError) as raised:
        imports.add_tokens(store, ACTOR, found, "6 tokens")
    assert raised.value.faults == (
        "line 1: alice has a token of this seed already, T1",
        "line 3: the seed of line 2 again, for the same user",
        "line 6: the seed of line 2 again, for the same user",
    )
    assert stock.dump() == before


def test_users_are_stored_with_their_tokens(store: Database) -> None:
    """Everything of a row is stored; the tokens open and are active; the file is one audit line."""
    settle(store, "first")
    users = [
        NewUser(name="alice", password="$a", disabled=True, token=hotp("H1", last=6)),
        NewUser(name="bob", password_only=True),
        NewUser(name="carl", token=totp("T1", "somebody else")),
    ]
    imports.add_users(store, ACTOR, users, "3 users, 2 tokens")
    _, alice, bob, carl = sorted(people.everybody(store), key=lambda person: person.id)
    assert (alice.name, alice.password, alice.disabled, alice.tokens) == ("alice", "$a", True, 1)
    assert (bob.name, bob.password, bob.password_only, bob.tokens) == ("bob", None, True, 0)
    assert (carl.name, carl.disabled, carl.created) == ("carl", False, int(NOW))
    found = tokens.export(store, ACTOR, user=None, serials=frozenset())
    assert {(one.serial, one.user, one.status, one.last) for one, _ in found} == {
        ("H1", "alice", "active", 6),
        ("T1", "carl", "active", -1),
    }
    assert {seed.reveal() for _, seed in found} == {SEED}
    lines = [json.loads(line) for _, line in trail.read(store)]
    assert [line["detail"] for line in lines if line["action"] == "user.import"] == [
        "3 users, 2 tokens"
    ]
    assert trail.verify(store).fault is None


def test_tokens_are_stored_for_their_users(store: Database) -> None:
    """Tokens of a file become their users' or nobody's, active, with their seeds."""
    settle(store, "alice")
    found = [("line 1", totp("T1", "alice")), ("line 2", hotp("H1", last=3))]
    imports.add_tokens(store, ACTOR, found, "2 tokens")
    stored = tokens.export(store, ACTOR, user=None, serials=frozenset())
    assert [(one.serial, one.user, one.last, seed.reveal()) for one, seed in stored] == [
        ("H1", None, 3, SEED),
        ("T1", "alice", -1, SEED),
    ]


def test_hash_does_not_show_itself() -> None:
    """What a traceback would print of a user has no hash in it."""
    assert "$hash" not in repr(_user("alice"))


def test_user_added_meanwhile_moves_the_numbers(stock: Stock) -> None:
    """Seeds are bound to numbers: if one was given away meanwhile, they are sealed anew."""

    def add_another() -> None:
        with stock.open() as other:
            settle(other, "zoe")

    with stock.open() as store:
        imports.add_users(store, ACTOR, _Meanwhile(_crowd(3), add_another), "")
        assert _names(store) == ["user0", "user1", "user2", "zoe"]
        found = tokens.export(store, ACTOR, user="user2", serials=frozenset())
        assert [seed.reveal() for _, seed in found] == [SEED]


def test_same_user_added_meanwhile_refuses_the_file(stock: Stock) -> None:
    """Of two imports at once that hold the same name one is refused as a whole."""

    def import_others() -> None:
        with stock.open() as other:
            imports.add_users(other, ACTOR, [*_crowd(2, "other"), _user("user1")], "")

    with stock.open() as store:
        users = _Meanwhile(_crowd(3), import_others)
        with pytest.raises(ImportRefusedError, match="line 3: there is a user 'user1' already"):
            imports.add_users(store, ACTOR, users, "")
        assert _names(store) == ["other0", "other1", "user1"]


def test_two_imports_at_once(stock: Stock) -> None:
    """Two files with different users are both stored, one after the other."""

    def import_(prefix: str) -> None:
        with stock.open(busy_timeout=30) as opened:
            imports.add_users(opened, ACTOR, _crowd(500, prefix), prefix)

    threads = [threading.Thread(target=import_, args=(prefix,)) for prefix in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stock.open() as store:
        assert len(_names(store)) == 1000
        assert len(tokens.export(store, ACTOR, user=None, serials=frozenset())) == 1000
        assert trail.verify(store).fault is None


def test_import_is_refused_while_another_writes(stock: Stock) -> None:
    """Whoever holds the write lock for too long makes an import fail as a whole."""
    with stock.open() as holder, stock.open() as store:
        with holder.transaction(), pytest.raises(StoreBusyError, match="try again in a moment"):
            imports.add_users(store, ACTOR, _crowd(3), "")
        assert _names(store) == []
        imports.add_users(store, ACTOR, _crowd(3), "")
        assert len(_names(store)) == 3


def test_import_waits_for_another_writer(stock: Stock) -> None:
    """Whoever holds the write lock for a moment only makes an import wait."""
    begun = threading.Event()

    def import_() -> None:
        with stock.open(busy_timeout=30) as opened:
            imports.add_users(opened, ACTOR, _Meanwhile(_crowd(3), begun.set), "")

    with stock.open() as holder:
        thread = threading.Thread(target=import_)
        with holder.transaction():
            thread.start()
            assert begun.wait(30)
        thread.join()
        assert len(_names(holder)) == 3


@pytest.mark.parametrize("word", ["INSERT INTO users", "INSERT INTO tokens", "INSERT INTO audit"])
def test_kill_in_the_middle_stores_nothing(word: str, stock: Stock) -> None:
    """After kill -9 at any place of an import nobody was added, and it can be run again."""
    before = stock.dump()

    def work() -> None:
        def watch(statement: str) -> None:
            # The last of its kind: most is written by then.
            if word in statement and ("499" in statement or "audit" in statement):
                os.kill(os.getpid(), signal.SIGKILL)

        with stock.open() as store:
            store.connection.set_trace_callback(watch)
            imports.add_users(store, ACTOR, _crowd(500), "")

    assert in_child(work) == (None, signal.SIGKILL)
    assert stock.dump() == before
    with stock.open() as store:
        imports.add_users(store, ACTOR, _crowd(500), "")
        assert len(_names(store)) == 500
        assert trail.verify(store).fault is None


def test_full_disk_stores_nothing(stock: Stock) -> None:
    """When the disk is full half way, nobody was added."""
    before = stock.dump()
    with stock.open() as store:
        with full_disk(200_000), pytest.raises(StoreError, match="the disk of"):
            imports.add_users(store, ACTOR, _crowd(5000), "")
        assert _names(store) == []
    assert stock.dump() == before


def test_damaged_store_is_explained(store: Database, stock: Stock) -> None:
    """Damage is one line also where an import looks first."""
    with stock.raw() as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET rootpage = 9999 WHERE name = 'sqlite_sequence'"
        )
        connection.execute("PRAGMA writable_schema = OFF")
        connection.execute("CREATE TABLE so_that_the_schema_is_read_again (x)")
    with pytest.raises(StoreError):
        imports.add_users(store, ACTOR, _crowd(1), "")


def test_what_takes_long_is_done_before_the_lock(store: Database) -> None:
    """Seeds are sealed before the write lock is taken: a running server does not wait for that."""
    locked = []
    statements: list[str] = []
    store.connection.set_trace_callback(statements.append)

    class Watched(list[NewUser]):
        def __iter__(self) -> Iterator[NewUser]:
            locked.append(any("BEGIN IMMEDIATE" in one for one in statements))
            return super().__iter__()

    imports.add_users(store, ACTOR, Watched(_crowd(3)), "")
    assert locked == [False, True, True]


def _device(user: str, secret: str, serial: str = "") -> NewToken:
    return NewDevice(kind="sms", secret=Secret(secret.encode()), serial=serial, user=user).token()


def test_devices_that_cannot_be_stored_refuse_the_file(store: Database, stock: Stock) -> None:
    """Each is named with its place; nothing of a number is."""
    settle(store, "alice")
    device(store, "alice", "sms", "+491701234567", serial="S1")
    with store.transaction() as connection:
        connection.execute("INSERT INTO aliases VALUES ('asmith', 1)")
    found = [
        ("line 2", _device("alice", "+491701234567")),
        ("line 3", _device("alice", "+491701234568", "S1")),
        ("line 4", _device("alice", "+491701234568")),
        ("line 5", _device("asmith", "+491701234567")),
        ("line 6", _device("eve", "+491701234567")),
    ]
    before = stock.dump()
    wrong = [
        "line 2: alice has this number already, S1",
        "line 3: there is a token 'S1' already",
        "line 4: the number of line 3 again, for the same user",
        "line 5: 'asmith' is an alias of another user",
        "line 6: there is no user 'eve'",
    ]
    for new_users in (False, True):
        with pytest.raises(ImportRefusedError) as raised:
            imports.add_tokens(store, ACTOR, found, "5 sms", new_users=new_users)
        assert raised.value.faults == tuple(wrong[: -1 if new_users else None])
        assert stock.dump() == before


def test_users_whom_only_a_directory_knows_are_made(store: Database) -> None:
    """One row a person, however many devices; each has an audit line."""
    settle(store, "alice")
    found = [
        ("line 2", _device("alice", "+491701234567")),
        ("line 3", _device("eve", "+491701234568")),
        ("line 4", _device("eve", "+491701234569")),
    ]
    imports.add_tokens(store, ACTOR, found, "3 sms", new_users=True)
    assert _names(store) == ["alice", "eve"]
    assert [one.to for one in tokens.listing(store, user="eve")] != ["", ""]
    lines = [json.loads(line) for _, line in trail.read(store)]
    assert [(one["action"], one.get("detail")) for one in lines[-2:]] == [
        ("user.add", "without a password"),
        ("token.import", "3 sms"),
    ]
