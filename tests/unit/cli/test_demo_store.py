"""Tests of `radiusmfa.cli.demo_store`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.cli import demo_store
from radiusmfa.login.username import UserNameError
from radiusmfa.primary import hashing
from radiusmfa.primary.hashing import PasswordRefusedError
from radiusmfa.secret import Secret
from radiusmfa.stores import people, tokens, trail
from tests.unit.stores.stock import SEED

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

PASSWORD = Secret(b"demo password")


def test_demo_is_an_ordinary_user_with_an_ordinary_token(office: Office) -> None:
    """The password opens, the token is active and of the seed, and the audit tells of both."""
    with office.open() as store:
        demo_store.fill(store, "Demo", PASSWORD, Secret(SEED))
        demo = people.person(store, "demo")
        assert not demo.password_only
        assert demo.password is not None
        assert hashing.verify(demo.password, PASSWORD.reveal(), store.pepper)
        ((token, seed),) = tokens.export(store, people_actor(), user="demo", serials=frozenset())
        assert (token.status, token.kind, seed.reveal()) == ("active", "totp", SEED)
        assert trail.verify(store).fault is None
    assert [line["action"] for line in office.lines()][:2] == ["user.add", "token.enroll"]


def people_actor() -> trail.Actor:
    """Return who looks."""
    return trail.Actor("tester", 0.0)


def test_impossible_demo_is_refused(office: Office) -> None:
    """A name or a password that nobody could log in with stores nothing."""
    with office.open() as store:
        with pytest.raises(UserNameError):
            demo_store.fill(store, "a\0", PASSWORD, Secret(SEED))
        with pytest.raises(PasswordRefusedError):
            demo_store.fill(store, "demo", Secret(b""), Secret(SEED))
        assert people.everybody(store) == []


def test_demo_is_stored_once(office: Office) -> None:
    """A second demo in one store is refused."""
    with office.open() as store:
        demo_store.fill(store, "demo", PASSWORD, Secret(SEED))
        with pytest.raises(people.RefusedError, match="already"):
            demo_store.fill(store, "demo", PASSWORD, Secret(SEED))
