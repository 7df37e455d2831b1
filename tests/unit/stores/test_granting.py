"""Tests of `radiusmfa.stores.granting`: who may grant what to whom, refusals first."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.stores import approvals, granting, names, trail
from radiusmfa.stores.approvals import State
from radiusmfa.stores.people import RefusedError
from radiusmfa.stores.trail import Actor
from tests.unit.stores.stock import ACTOR, NOW, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.approvals import Grant
    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock

ONE: Final = ApprovalSource(name="aws-root", persons=1, longest=86400)
TWO: Final = ApprovalSource(name="vault", persons=2, longest=86400)
BOB: Final = Actor("root (sudo by bob)", NOW, "bob")
EVE: Final = Actor("root (sudo by eve)", NOW, "eve")
ROOT: Final = Actor("root", NOW)


def _lines(store: Database) -> list[dict[str, Any]]:
    return [json.loads(line) for _, line in trail.read(store)]


def _grant(
    store: Database,
    actor: Actor = BOB,
    source: ApprovalSource = ONE,
    user: str = "alice",
    *,
    why: str = "CHG0030001",
    until: float = NOW + 3600,
) -> Grant:
    return granting.grant(store, actor, source, user, why=why, until=until)


def _later(actor: Actor, seconds: float) -> Actor:
    return Actor(actor.name, actor.now + seconds, actor.behind)


def _refused(stock: Stock, change: Callable[[], object], why: str) -> None:
    before = stock.dump()
    with pytest.raises(RefusedError, match=why):
        change()
    assert stock.dump() == before


@pytest.mark.parametrize(
    ("why", "words"),
    [
        pytest.param("", "say why", id="empty"),
        pytest.param(" \t", "say why", id="blank"),
        pytest.param("x" * 201, "at most 200 characters", id="long"),
        pytest.param("one\ntwo", "on one line", id="line"),
        pytest.param("a\x1b[2Jb", "on one line", id="escape"),
        pytest.param("a\u202eb", "on one line", id="turns-the-direction"),
        pytest.param("a\udcff", "on one line", id="not-utf-8"),
    ],
)
def test_bad_reason_is_refused(why: str, words: str, store: Database, stock: Stock) -> None:
    """Whoever reads the audit learns why, in one line that can be read."""
    _refused(stock, lambda: _grant(store, why=why), words)


@pytest.mark.parametrize(
    ("until", "words"),
    [
        pytest.param(NOW, "is over already", id="now"),
        pytest.param(NOW + 0.9, "is over already", id="this-second"),
        pytest.param(NOW - 1, "is over already", id="past"),
        pytest.param(-6e10, "is over already", id="year-69"),
        pytest.param(
            NOW + 86401, "may end at 2027-01-16T08:00:00.000Z at the latest", id="too-long"
        ),
        pytest.param(2e11, "may end at", id="year-8307"),
    ],
)
def test_bad_end_is_refused(until: float, words: str, store: Database, stock: Stock) -> None:
    """An approval ends in the future, and no later than the configuration allows."""
    _refused(stock, lambda: _grant(store, until=until), words)


def test_longest_is_allowed(store: Database) -> None:
    """The end that the refusal names is taken."""
    assert _grant(store, until=NOW + 86400).until == NOW + 86400


@pytest.mark.parametrize(
    ("person", "user"),
    [
        ("bob", "bob"),
        ("Bob", "bob"),
        ("bob", "corp\\bob"),
        ("bob", "bob@example.com"),
        ("bob@example.com", "bob"),
        ("bob", "robert"),
        ("robert", "bob"),
        ("uid 7", "uid 7"),
        ("@bob", "@bob"),
    ],
)
def test_nobody_grants_for_themselves(
    person: str, user: str, store: Database, stock: Stock
) -> None:
    """However they are written: in doubt two names are one human, and so are aliases."""
    settle(store, "bob")
    names.add_aliases(store, ACTOR, "bob", ["robert"])
    actor = Actor(f"root (sudo by {person})", NOW, person)
    _refused(stock, lambda: _grant(store, actor, user=user), "for themselves")


def test_nobody_confirms_for_themselves(store: Database, stock: Stock) -> None:
    """The second person is not the one whom it is for."""
    number = _grant(store, BOB, TWO).id
    alice = Actor("root (sudo by alice)", NOW, "alice")
    _refused(stock, lambda: granting.confirm(store, alice, TWO, number), "for themselves")


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(Actor("root (sudo by bob)", NOW + 60, "bob"), id="another-session"),
        pytest.param(Actor("radiusmfa (sudo by bob)", NOW, "bob"), id="another-account"),
        pytest.param(Actor("root (sudo by BOB)", NOW, "BOB"), id="case"),
        pytest.param(Actor("root (sudo by corp\\bob)", NOW, "corp\\bob"), id="domain"),
        pytest.param(Actor("root (sudo by adm)", NOW, "adm"), id="alias"),
    ],
)
def test_one_person_is_not_two(second: Actor, store: Database, stock: Stock) -> None:
    """Who has granted cannot confirm, by whichever account and in whichever session."""
    settle(store, "bob")
    names.add_aliases(store, ACTOR, "bob", ["adm"])
    number = _grant(store, BOB, TWO).id
    _refused(stock, lambda: granting.confirm(store, second, TWO, number), "two different persons")


@pytest.mark.parametrize(
    "actor",
    [
        pytest.param(ROOT, id="root"),
        pytest.param(Actor("root (sudo by root)", NOW, "root"), id="root-by-sudo"),
        pytest.param(Actor("radiusmfa", NOW), id="account-of-the-server"),
        pytest.param(Actor("eve", NOW), id="owner"),
    ],
)
def test_shared_account_is_nobody_in_particular(
    actor: Actor, store: Database, stock: Stock
) -> None:
    """Where two persons are asked for, only sudo tells them apart: others may be the first."""
    _refused(stock, lambda: _grant(store, actor, TWO), "may be anybody: log in as yourself")
    number = _grant(store, BOB, TWO).id
    _refused(stock, lambda: granting.confirm(store, actor, TWO, number), "may be anybody")
    assert _grant(store, actor, ONE).granted_by == actor.person


def test_grant_of_root_is_not_confirmed(store: Database, stock: Stock) -> None:
    """Granted when one person was enough, it does not become two persons' afterwards."""
    number = _grant(store, ROOT, ONE).id
    stricter = ApprovalSource(name="aws-root", persons=2)
    why = "was granted by root: two different persons"
    _refused(stock, lambda: granting.confirm(store, BOB, stricter, number), why)


@pytest.mark.parametrize("behind", ["a\nb", "\udcff", " "])
def test_actor_without_a_usable_name_is_refused(behind: str, store: Database, stock: Stock) -> None:
    """Somebody whom no line could name grants nothing."""
    actor = Actor(f"root (sudo by {behind})", NOW, behind)
    _refused(stock, lambda: _grant(store, actor), "no name that can be noted")


def test_confirming_what_is_not_pending_is_refused(store: Database, stock: Stock) -> None:
    """What is in force, over or not there is not confirmed; the text says which."""
    plain, pending = _grant(store).id, _grant(store, BOB, TWO).id
    over = _grant(store, BOB, TWO, until=NOW + 10).id
    revoked = _grant(store, BOB, TWO).id
    granting.revoke(store, EVE, revoked)
    granting.confirm(store, EVE, TWO, pending)
    dan = Actor("root (sudo by dan)", NOW + 20, "dan")
    for number, source, why in (
        (99, TWO, "there is no approval #99"),
        (plain, ONE, "#1 aws-root is in force: there is nothing to confirm"),
        (pending, TWO, "#2 vault is in force: there is nothing to confirm"),
        (over, TWO, "#3 vault has ended already: 2027-01-15T08:00:10.000Z"),
        (revoked, TWO, "#4 vault was revoked by eve already"),
    ):
        _refused(stock, partial(granting.confirm, store, dan, source, number), why)


def test_revoking_what_is_over_is_refused(store: Database, stock: Stock) -> None:
    """Whoever revokes learns that there was nothing in force."""
    number = _grant(store, until=NOW + 10).id
    late = _later(EVE, 10)
    _refused(stock, lambda: granting.revoke(store, late, number), "has ended already")
    _refused(stock, lambda: granting.revoke(store, EVE, 9), "there is no approval #9")
    _refused(stock, lambda: granting.revoke_of(store, late, "alice"), "nothing is granted to")
    granting.revoke(store, EVE, number)
    _refused(stock, lambda: granting.revoke(store, EVE, number), "revoked by eve already")
    _refused(stock, lambda: granting.revoke_of(store, EVE, "alice"), "nothing is granted to")


def test_grant_is_stored_and_audited(store: Database) -> None:
    """The audit says who granted what to whom until when, and why."""
    granted = _grant(store, why="CHG0030001: “root” für alle")
    assert (granted.id, granted.approval, granted.user) == (1, "aws-root", "alice")
    assert (granted.granted_by, granted.created, granted.until) == ("bob", NOW, NOW + 3600)
    assert granted.state(1, NOW) is State.IN_FORCE
    (line,) = _lines(store)
    assert (line["action"], line["by"], line["user"]) == (
        "approval.grant",
        "root (sudo by bob)",
        "alice",
    )
    assert line["detail"] == (
        "#1 aws-root until 2027-01-15T09:00:00.000Z: CHG0030001: “root” für alle"
    )


def test_two_persons_grant(store: Database) -> None:
    """It waits for the second, who is another one; both are in the audit."""
    granted = _grant(store, BOB, TWO)
    assert granted.state(2, NOW) is State.PENDING
    confirmed = granting.confirm(store, EVE, TWO, granted.id)
    assert confirmed.state(2, NOW) is State.IN_FORCE
    assert (confirmed.granted_by, confirmed.second_by) == ("bob", "eve")
    first, second = _lines(store)
    assert first["detail"] == (
        "#1 vault until 2027-01-15T09:00:00.000Z, waits for a second person: CHG0030001"
    )
    assert (second["action"], second["by"], second["user"], second["detail"]) == (
        "approval.confirm",
        "root (sudo by eve)",
        "alice",
        "#1 vault, granted by bob",
    )


def test_alias_stands_for_its_user(store: Database) -> None:
    """A grant to an alias is the user's, and both names find it."""
    settle(store, "alice")
    names.add_aliases(store, ACTOR, "alice", ["asmith"])
    assert _grant(store, user="asmith").user == "alice"
    assert [one.id for one in granting.revoke_of(store, EVE, "asmith")] == [1]


def test_whoever_is_not_in_the_store_can_be_granted(store: Database) -> None:
    """People of a directory have no row, and no other row is made for them."""
    assert _grant(store, user="carol@example.com").user == "carol@example.com"


def test_revoking_ends_one(store: Database) -> None:
    """One is over, others are not; anybody may revoke, the person themselves too."""
    first, second = _grant(store), _grant(store)
    alice = Actor("root (sudo by alice)", NOW + 5, "alice")
    revoked = granting.revoke(store, alice, first.id)
    assert (revoked.revoked_by, revoked.revoked) == ("alice", NOW + 5)
    assert revoked.state(1, NOW) is State.REVOKED
    with store.reading() as connection:
        assert approvals.one(connection, second.id).state(1, NOW) is State.IN_FORCE
    line = _lines(store)[-1]
    assert (line["action"], line["user"], line["detail"]) == (
        "approval.revoke",
        "alice",
        "#1 aws-root",
    )


def test_revoking_of_a_user_ends_all_of_theirs(store: Database) -> None:
    """Every approval of one person is over, with a line each; others' are not."""
    _grant(store, BOB, TWO)
    _grant(store)
    _grant(store, until=NOW + 5)
    other = _grant(store, user="carl")
    done = granting.revoke_of(store, _later(EVE, 5), "alice")
    assert [(one.id, one.revoked_by) for one in done] == [(1, "eve"), (2, "eve")]
    assert [line["detail"] for line in _lines(store)[-2:]] == ["#1 vault", "#2 aws-root"]
    with store.reading() as connection:
        assert approvals.one(connection, other.id).revoked_by == ""


def test_number_is_not_given_again(store: Database) -> None:
    """An audit line that names a number means one grant for ever."""
    _grant(store)
    with store.transaction() as connection:
        connection.execute("DELETE FROM approvals")
    assert _grant(store).id == 2


def test_granting_notes_what_has_ended(store: Database) -> None:
    """Each grant notes what is over, so that a clock that is set back revives nothing."""
    old = _grant(store, until=NOW + 10)
    _grant(store, _later(EVE, 10), user="carl")
    with store.reading() as connection:
        assert approvals.one(connection, old.id).state(1, NOW) is State.ENDED
