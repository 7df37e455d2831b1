"""Tests of `radiusmfa.stores.holders`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.stores import assignments, holders, tokens
from radiusmfa.stores.assignments import Assignment
from tests.unit.stores.stock import ACTOR, Stock, device, enroll, hotp, settle, totp

if TYPE_CHECKING:
    from pathlib import Path


def test_nobody_has_anything_at_first(tmp_path: Path) -> None:
    """A new store knows nobody."""
    assert holders.read(Stock(tmp_path).path) == (frozenset(), frozenset())


def test_what_somebody_has_counts(tmp_path: Path) -> None:
    """The kinds of tokens that users have, and the upstreams they are assigned to."""
    stock = Stock(tmp_path)
    with stock.open() as store:
        settle(store, "alice", "bob")
        enroll(store, totp("T1", "alice"), totp("T2", "bob"))
        device(store, "bob", "sms", "+491701234567")
        assignments.assign(store, ACTOR, Assignment(user="bob", upstream="rsa"))
    assert holders.read(stock.path) == (frozenset({"totp", "sms"}), frozenset({"rsa"}))


def test_what_nobody_can_use_does_not_count(tmp_path: Path) -> None:
    """A token in a drawer, one that waits for its first code, and one that is switched off."""
    stock = Stock(tmp_path)
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, totp("T1"))
        enroll(store, hotp("H1", "alice"), status="pending")
        enroll(store, totp("T2", "alice"))
        tokens.set_disabled(store, ACTOR, "T2", disabled=True)
    assert holders.read(stock.path) == (frozenset(), frozenset())


def test_a_store_in_use_is_read_beside_its_user(tmp_path: Path) -> None:
    """The server's latest changes count, and it is not disturbed."""
    stock = Stock(tmp_path)
    with stock.open() as store:
        settle(store, "alice")
        enroll(store, totp("T1", "alice"))
        assert holders.read(stock.path) == (frozenset({"totp"}), frozenset())
        enroll(store, hotp("H1", "alice"))
        assert holders.read(stock.path) == (frozenset({"totp", "hotp"}), frozenset())


def test_what_cannot_be_read_is_nothing_known(tmp_path: Path) -> None:
    """No store, no SQLite file, and a store of another age: nothing can be proved of them."""
    stock = Stock(tmp_path)
    assert holders.read(tmp_path / "no.db") is None
    assert not (tmp_path / "no.db").exists()
    assert holders.read(stock.keys) is None
    with stock.raw() as raw:
        raw.execute("DROP TABLE upstream_users")
    assert holders.read(stock.path) is None


def test_reading_leaves_nothing_behind(tmp_path: Path) -> None:
    """Whoever looks changes no file, and makes none that the server could not open."""
    stock = Stock(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert holders.read(stock.path) is not None
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_people_are_counted_by_what_they_have(tmp_path: Path) -> None:
    """Who has two of a kind is one person; what nobody can use does not count."""
    stock = Stock(tmp_path)
    with stock.open() as store:
        settle(store, "alice", "bob")
        enroll(store, totp("T1", "alice"), totp("T2", "alice"), totp("T3", "bob"), totp("T4"))
        enroll(store, hotp("H1", "bob"), status="pending")
        assert holders.counts(store) == {"totp": 2}
