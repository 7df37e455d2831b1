"""Tests of `radiusmfa.stores.loading`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.login.account import Kind
from radiusmfa.stores import loading, names, tokens
from tests.unit.stores.stock import ACTOR, Stock, enroll, hotp, keyed, settle, totp
from tests.yubico import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.login.account import User
    from radiusmfa.stores.database import Database


@pytest.fixture
def store(stock: Stock) -> Iterator[Database]:
    """A store with alice, who has two tokens, an alias and a group, and bob."""
    with stock.open() as opened:
        settle(opened, "alice", "bob")
        enroll(opened, totp("T1", "alice"), hotp("H1", "alice", last=4))
        names.add_aliases(opened, ACTOR, "alice", ["asmith"])
        names.add_groups(opened, ACTOR, "alice", ["Staff"])
        yield opened


def load(store: Database, name: str, used: dict[int, int] | None = None) -> User:
    """Return the user that *name* means."""
    found = loading.row(store.connection, name)
    assert found is not None
    return loading.user(store.connection, store.vault, found, used or {}, set())


@pytest.mark.parametrize("name", ["alice", "asmith"])
def test_name_and_alias_lead_to_one_row(store: Database, name: str) -> None:
    """Whoever is found by an alias has their own name."""
    user = load(store, name)
    assert (user.name, user.groups) == ("alice", ("Staff",))
    assert [token.serial for token in user.tokens] == ["T1", "H1"]


def test_nobody_has_no_row(store: Database) -> None:
    """A name that is neither a user's nor an alias is nobody's."""
    assert loading.row(store.connection, "zoe") is None


def test_later_of_two_used_steps_counts(store: Database) -> None:
    """A step that is used, but not yet in the token's row, is used."""
    tokens = load(store, "alice").tokens
    assert [token.last for token in tokens] == [-1, 4]
    ahead = load(store, "alice", {tokens[0].id: 9, tokens[1].id: 2}).tokens
    assert [token.last for token in ahead] == [9, 4]


def test_token_that_does_not_open_is_none(store: Database) -> None:
    """A seed that was moved to another person counts for nobody, and is said."""
    with store.transaction() as connection:
        connection.execute(
            "UPDATE tokens SET user = (SELECT id FROM users WHERE name = 'bob') WHERE serial = 'T1'"
        )
    damaged: set[str] = set()
    found = loading.row(store.connection, "bob")
    assert found is not None
    assert loading.user(store.connection, store.vault, found, {}, damaged).tokens == ()
    assert damaged == {"T1"}


def test_failures_are_those_of_the_person(store: Database) -> None:
    """What was wrong before is known again, by kind and place."""
    number = load(store, "bob").id
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO failures VALUES (?, 'password', '@corp', 3, 5, 7, x'00')", (number,)
        )
    assert load(store, "bob").failures[Kind.PASSWORD, "@corp"].wrong == 3
    assert load(store, "alice").failures == {}


def test_yubikey_with_a_seed_is_checked_here(store: Database) -> None:
    """Private id and AES key make it one of ours; without them it is a device of a service's."""
    key = Key()
    enroll(store, keyed(key.public_id, "bob", key.private_id + key.aes_key), keyed("vvcc", "bob"))
    number = tokens.show(store, key.public_id).id

    bob = load(store, "bob", {number: 300})

    ((own,), (elsewhere,)) = bob.yubikeys, bob.devices
    assert (own.serial, own.last, bob.tokens) == (key.public_id, 300, ())
    assert own.key.step(key.touch()[-32:].encode()) == 256
    assert (elsewhere.serial, elsewhere.kind, elsewhere.secret) == ("vvcc", "yubikey", b"")


def test_yubikey_of_another_length_is_none(store: Database) -> None:
    """A seed that no key can have counts for nothing, and is said."""
    enroll(store, keyed("cccccccccccb", "bob", b"short"))
    damaged: set[str] = set()
    found = loading.row(store.connection, "bob")
    assert found is not None
    bob = loading.user(store.connection, store.vault, found, {}, damaged)
    assert (bob.yubikeys, bob.devices, bob.is_damaged) == ((), (), True)
    assert damaged == {"cccccccccccb"}
