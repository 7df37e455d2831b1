"""Tests of `radiusmfa.stores.rotation`."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING

import pytest

from radiusmfa.interfaces import KeysError, StoreError
from radiusmfa.login.devices import Question
from radiusmfa.stores import copies, database, rotation, tokens, trail
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import (
    ACTOR,
    SEED,
    Stock,
    device,
    enroll,
    full_disk,
    in_child,
    settle,
    totp,
)

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.stores.database import Database


@pytest.fixture
def filled(stock: Stock) -> Stock:
    """A store with a user's token, nobody's, and a revoked one."""
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, totp("T1", "alice"), totp("T2"), totp("T3", "alice"))
        tokens.revoke(store, ACTOR, "T3")
    return stock


def _works(stock: Stock) -> bool:
    with stock.open() as store:
        found = tokens.export(store, ACTOR, user=None, serials=frozenset())
        assert [seed.reveal() for _, seed in found] == [SEED, SEED]
        return trail.verify(store).fault is None


def _rotate(stock: Stock, *, keep: bool = False) -> int:
    with stock.open() as store:
        return rotation.rotate(store, ACTOR, keep=keep)


def test_everything_is_sealed_anew(filled: Stock) -> None:
    """Afterwards the old key is gone from the file and opens nothing."""
    old = Vault.read(filled.keys)
    assert _rotate(filled) == 3
    assert Vault.read(filled.keys).numbers == (2,)
    assert _works(filled)
    filled.keys.write_text(old.text())
    with pytest.raises(KeysError, match="key 2 is missing"):
        filled.open()


def test_nothing_sealed_with_the_old_key_stays(filled: Stock) -> None:
    """Whoever has the old key and the files finds no seed to open, also not in what was freed."""
    with filled.open() as store:
        before = [row for (row,) in store.connection.execute("SELECT seed FROM tokens")]
        before += [
            row
            for (row,) in store.connection.execute("SELECT value FROM meta")
            if isinstance(row, bytes) and len(row) > 60
        ]
        rotation.rotate(store, ACTOR, keep=False)
    octets = b"".join(path.read_bytes() for path in filled.folder.glob("it.db*"))
    assert len(before) == 5
    assert not any(sealed in octets for sealed in before)


def test_rotation_is_audited(filled: Stock) -> None:
    """The audit says which key seals now; the chain goes on."""
    _rotate(filled)
    with filled.open() as store:
        *_, (_, line) = trail.read(store)
        assert json.loads(line)["detail"] == "key 2, 3 seeds"


def test_open_store_works_on(filled: Stock) -> None:
    """The process that rotated goes on with the new key."""
    with filled.open() as store:
        rotation.rotate(store, ACTOR, keep=False)
        assert store.vault.numbers == (2,)
        enroll(store, totp("T9"))
        rotation.rotate(store, ACTOR, keep=False)
        assert store.vault.numbers == (3,)


def test_kept_keys_open_earlier_backups(filled: Stock, tmp_path: Path) -> None:
    """With --keep a backup from before still opens; without, it needs the file of its time."""
    with filled.open() as store:
        copies.take(store, ACTOR, tmp_path / "backup")
    _rotate(filled, keep=True)
    assert Vault.read(filled.keys).numbers == (1, 2)
    database.connect(tmp_path / "backup", Vault.read(filled.keys)).close()
    _rotate(filled)
    with pytest.raises(KeysError, match="key 1 is missing"):
        database.connect(tmp_path / "backup", Vault.read(filled.keys))
    assert _works(filled)


STEPS = ("keys added", "store sealed", "keys removed")


def test_steps_are_told_in_order(filled: Stock) -> None:
    """The order that makes a kill harmless: keys in, store, keys out."""
    told: list[str] = []
    with filled.open() as store:
        rotation.rotate(store, ACTOR, keep=False, reached=told.append)
    assert tuple(told) == STEPS


@pytest.mark.parametrize("step", STEPS)
def test_kill_between_two_steps_is_harmless(step: str, filled: Stock) -> None:
    """After kill -9 at any step the file opens the store, and rotating again ends the work."""

    def die(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def work() -> None:
        with filled.open() as store:
            rotation.rotate(store, ACTOR, keep=False, reached=die)

    assert in_child(work) == (None, signal.SIGKILL)
    assert _works(filled)
    _rotate(filled)
    assert _works(filled)
    assert len(Vault.read(filled.keys).numbers) == 1


@pytest.mark.parametrize("word", ["UPDATE tokens", "UPDATE meta", "INSERT INTO audit", "COMMIT"])
def test_kill_while_sealing_is_harmless(word: str, filled: Stock) -> None:
    """After kill -9 in the middle of the transaction everything is sealed as before."""

    def work() -> None:
        with filled.open() as store:
            store.connection.set_trace_callback(
                lambda one: os.kill(os.getpid(), signal.SIGKILL) if word in one else None
            )
            rotation.rotate(store, ACTOR, keep=False)

    assert in_child(work) == (None, signal.SIGKILL)
    assert Vault.read(filled.keys).numbers == (1, 2)
    assert _works(filled)
    _rotate(filled)
    assert _works(filled)


def test_token_enrolled_between_two_steps_is_not_lost(filled: Stock) -> None:
    """A command that works while keys are rotated either counts, or is refused."""

    def enroll_meanwhile(reached: str) -> None:
        if reached == "keys added":
            with filled.open() as other:
                enroll(other, totp("T8", "alice", seed=b"seed of another fob!"))

    with filled.open() as store:
        assert rotation.rotate(store, ACTOR, keep=False, reached=enroll_meanwhile) == 4
    with filled.open() as store:
        found = tokens.export(store, ACTOR, user=None, serials=frozenset(["T8"]))
        assert [seed.reveal() for _, seed in found] == [b"seed of another fob!"]


def _refused(store: Database) -> None:
    rotation.rotate(store, ACTOR, keep=False)


def test_keys_that_cannot_be_written_change_nothing(filled: Stock) -> None:
    """Without room for the new keys the store is not touched."""
    before = filled.dump()
    keys = filled.keys.read_text()
    refused = pytest.raises(KeysError, match="cannot be written")
    with filled.open() as store, full_disk(100), refused:
        _refused(store)
    assert (filled.dump(), filled.keys.read_text()) == (before, keys)


def test_full_disk_leaves_a_usable_store(filled: Stock) -> None:
    """Without room in the store everything stays sealed as it was, and opens."""
    with filled.open() as store:
        enroll(store, *(totp(f"X{at}") for at in range(300)))
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with full_disk(20_000), pytest.raises(StoreError, match="the disk of"):
            _refused(store)
    with filled.open() as store:
        assert len(tokens.export(store, ACTOR, user=None, serials=frozenset())) == 302
        assert trail.verify(store).fault is None


def test_value_that_does_not_open_stops_the_rotation(filled: Stock) -> None:
    """A damaged seed is not passed over: nothing is changed, and the old keys stay."""
    with filled.raw() as connection:
        connection.execute("UPDATE tokens SET user = NULL WHERE serial = 'T1'")
    before = filled.dump()
    with filled.open() as store, pytest.raises(KeysError, match="does not open"):
        _refused(store)
    assert filled.dump() == before
    assert 1 in Vault.read(filled.keys).numbers


def test_numbers_and_questions_are_sealed_anew(stock: Stock) -> None:
    """Whatever kind a row is of, the new key opens it, and the old one is not needed."""
    question = Question("Which city?", "$hash").dump()
    with stock.open() as store:
        settle(store, "alice")
        device(store, "alice", "sms", "+491701234567", serial="S1")
        device(store, "alice", "question", question, serial="Q1")
        device(store, "alice", "yubikey", b"", serial="ccccccbcgujh")
    assert _rotate(stock) == 3
    with stock.open() as store:
        assert tokens.show(store, "S1").to == "***4567"
        stored = tokens.find(store.connection, "Q1")
        assert tokens.open_seed(store, stored).reveal() == question
        assert trail.verify(store).fault is None
