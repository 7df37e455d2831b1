"""Tests of `radiusmfa.stores.yubikeys`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.secret import Secret
from radiusmfa.stores import tokens, yubikeys
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import ACTOR, SEED, Stock, enroll, keyed, settle, totp
from tests.yubico import Key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.stores.database import Database


@pytest.fixture
def key() -> Key:
    """A key."""
    return Key()


@pytest.fixture
def store(stock: Stock, key: Key) -> Iterator[Database]:
    """A store with alice, whose key is pending."""
    with stock.open() as opened:
        settle(opened, "alice")
        enroll(opened, _own(key), status="pending")
        yield opened


def _own(key: Key) -> tokens.NewToken:
    return keyed(key.public_id, "alice", key.private_id + key.aes_key)


def _confirm(store: Database, serial: str, otp: str) -> None:
    yubikeys.confirm(store, ACTOR, serial, Secret(otp.encode()))


def _state(store: Database, key: Key) -> tuple[str, int]:
    found = tokens.show(store, key.public_id)
    return found.status, found.last


def test_password_of_another_key_confirms_nothing(store: Database, key: Key) -> None:
    """Neither a key of another name, nor one of that name with another secret."""
    for other in (Key(), Key(public_id=key.public_id)):
        with pytest.raises(RefusedError, match=r"no password of the key|not made with this AES"):
            _confirm(store, key.public_id, other.touch())
    with pytest.raises(RefusedError, match="no password of the key"):
        _confirm(store, key.public_id, "123456")
    assert _state(store, key) == ("pending", -1)


def test_password_of_the_key_confirms_it_and_is_used_up(store: Database, key: Key) -> None:
    """Afterwards it counts, and no login takes that password."""
    _confirm(store, key.public_id, f"{key.touch().upper()}\n")
    assert _state(store, key) == ("active", 256)


def test_used_password_confirms_nothing(store: Database, key: Key) -> None:
    """After a restore a key waits for a new password: one that somebody has seen is none."""
    old, new = key.touch(), key.touch()
    with store.transaction() as connection:
        connection.execute("UPDATE tokens SET last = 256")
    with pytest.raises(RefusedError, match="was used already"):
        _confirm(store, key.public_id, old)
    _confirm(store, key.public_id, new)
    assert _state(store, key) == ("active", 257)


def test_key_of_a_service_is_confirmed_by_its_name(store: Database) -> None:
    """It is the right one that was touched; that its password is good the service says later."""
    other = Key()
    enroll(store, keyed(other.public_id, "alice"), status="pending")
    with pytest.raises(RefusedError, match="no password of the key"):
        _confirm(store, other.public_id, Key().touch())
    _confirm(store, other.public_id, other.touch())
    assert _state(store, other) == ("active", -1)


def test_only_a_pending_yubikey_is_confirmed(store: Database, key: Key) -> None:
    """One that counts already, or a token of another kind, is refused."""
    enroll(store, totp("T1", "alice", seed=SEED), status="pending")
    with pytest.raises(RefusedError, match="is no YubiKey"):
        _confirm(store, "T1", key.touch())
    _confirm(store, key.public_id, key.touch())
    with pytest.raises(RefusedError, match="nothing to confirm"):
        _confirm(store, key.public_id, key.touch())


def test_one_secret_under_two_names_is_refused(store: Database, key: Key) -> None:
    """A password that was used with one would be good with the other."""
    twin = Key(public_id="vvcc", private_id=key.private_id, aes_key=key.aes_key)
    with pytest.raises(RefusedError, match="has a token of this seed already"):
        enroll(store, _own(twin))


def test_one_person_may_have_several_keys_of_a_service(store: Database) -> None:
    """They have no secret here that could be the same; they are given away as any token."""
    settle(store, "bob")
    enroll(store, keyed("vvcc", "alice"), keyed("vvcb", "alice"), keyed("vvcd", "bob"))
    tokens.assign(store, ACTOR, "vvcd", "alice")
    assert {one.user for one in tokens.listing(store) if one.kind == "yubikey"} == {"alice"}


def test_key_is_told_by_its_kind(key: Key) -> None:
    """It has no digits that anybody could read."""
    assert _own(key).shape == "yubikey"


def test_only_a_yubikey_has_no_clock_to_set(store: Database, key: Key) -> None:
    """A token of another kind has one."""
    enroll(store, totp("T1", "alice"))
    yubikeys.refuse(tokens.show(store, "T1"))
    with pytest.raises(RefusedError, match="is a YubiKey: it has no clock to set right"):
        yubikeys.refuse(tokens.show(store, key.public_id))
