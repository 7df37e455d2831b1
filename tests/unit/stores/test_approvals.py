"""Tests of `radiusmfa.stores.approvals`: what counts, what does not, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.login.errands import Approval
from radiusmfa.outcome import Reason
from radiusmfa.stores import approvals, names
from radiusmfa.stores.approvals import Grant, State
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import ACTOR, NOW, settle

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock

NAME: Final = "aws-root"
_PUT: Final = """
    INSERT INTO approvals
        (approval, user, why, granted_by, created, until, second_by, revoked_by, ended)
    VALUES (:approval, :user, 'why', :granted_by, :created, :until, :second_by, :revoked_by, :ended)
"""


def _put(store: Database, **given: object) -> None:
    row = {
        "approval": NAME, "user": "alice", "granted_by": "bob", "created": NOW - 60,
        "until": NOW + 60, "second_by": "", "revoked_by": "", "ended": 0,
    }  # fmt: skip
    with store.transaction() as connection:
        connection.execute(_PUT, row | given)


def _ask(store: Database, *, persons: int = 1, now: float = NOW, user: str = "alice") -> Approval:
    with store.transaction() as connection:
        return approvals.in_force(connection, NAME, user, persons=persons, now=now)


@pytest.mark.parametrize(
    ("given", "persons", "reason"),
    [
        pytest.param({"user": "bob"}, 1, Reason.NOT_APPROVED, id="another-user"),
        pytest.param({"user": "Alice"}, 1, Reason.NOT_APPROVED, id="another-spelling"),
        pytest.param({"approval": "aws"}, 1, Reason.NOT_APPROVED, id="another-approval"),
        pytest.param({"revoked_by": "eve"}, 1, Reason.NOT_APPROVED, id="revoked"),
        pytest.param(
            {"revoked_by": "eve", "until": NOW - 1}, 1, Reason.NOT_APPROVED, id="revoked-and-over"
        ),
        pytest.param({"created": NOW + 1}, 1, Reason.NOT_APPROVED, id="of-the-future"),
        pytest.param({"until": NOW}, 1, Reason.APPROVAL_EXPIRED, id="ends-now"),
        pytest.param({"until": NOW - 1}, 1, Reason.APPROVAL_EXPIRED, id="over"),
        pytest.param({"ended": 1}, 1, Reason.APPROVAL_EXPIRED, id="was-seen-over"),
        pytest.param({}, 2, Reason.APPROVAL_PENDING, id="one-of-two"),
        pytest.param({"second_by": "bob"}, 2, Reason.APPROVAL_PENDING, id="one-twice"),
        pytest.param(
            {"second_by": "eve", "until": NOW}, 2, Reason.APPROVAL_EXPIRED, id="two-and-over"
        ),
    ],
)
def test_what_does_not_count(
    given: dict[str, object], persons: int, reason: Reason, store: Database
) -> None:
    """Each way of not being in force has its reason, and no end."""
    _put(store, **given)
    found = _ask(store, persons=persons)
    assert (found.reason, found.until) == (reason, None)
    assert found.evidence == ("" if reason is Reason.NOT_APPROVED else "#1")


def test_nothing_is_no_approval(store: Database) -> None:
    """Who was never granted anything is not approved."""
    assert _ask(store) == Approval(approval=NAME, reason=Reason.NOT_APPROVED)


@pytest.mark.parametrize(
    ("given", "persons"),
    [
        pytest.param({}, 1, id="one"),
        pytest.param({"second_by": "eve"}, 2, id="two"),
        pytest.param({"second_by": "eve"}, 1, id="more-than-asked-for"),
        pytest.param({"created": NOW}, 1, id="from-now"),
    ],
)
def test_what_counts(given: dict[str, object], persons: int, store: Database) -> None:
    """In force: no reason, its end, and its number for the audit."""
    _put(store, **given)
    assert _ask(store, persons=persons) == Approval(
        approval=NAME, reason=None, until=NOW + 60, evidence="#1"
    )


@pytest.mark.parametrize(
    ("rows", "evidence", "reason"),
    [
        ([{"until": NOW - 9}, {}, {"until": NOW + 90}, {"until": NOW + 30}], "#3", None),
        ([{"revoked_by": "eve"}, {"until": NOW + 5}], "#2", None),
        ([{"until": NOW - 9}, {"until": NOW - 5}], "#2", Reason.APPROVAL_EXPIRED),
        ([{"until": NOW - 9}, {"revoked_by": "eve"}], "#1", Reason.APPROVAL_EXPIRED),
    ],
    ids=["latest-end", "any", "latest-over", "over-is-nearer-than-revoked"],
)
def test_best_of_several_counts(
    rows: list[dict[str, object]], evidence: str, reason: Reason | None, store: Database
) -> None:
    """Any that is in force is enough, the latest end counts; else the nearest reason."""
    for row in rows:
        _put(store, **row)
    found = _ask(store)
    assert (found.evidence, found.reason) == (evidence, reason)


def test_pending_is_nearer_than_over(store: Database) -> None:
    """Whoever waits for a second person learns that, not that an older one is over."""
    _put(store, until=NOW - 9, second_by="eve")
    _put(store)
    assert _ask(store, persons=2).reason is Reason.APPROVAL_PENDING


def test_clock_set_back_does_not_revive(store: Database) -> None:
    """What was once seen past its end is over, whatever the clock says afterwards."""
    _put(store)
    assert _ask(store).reason is None
    assert _ask(store, now=NOW + 60).reason is Reason.APPROVAL_EXPIRED
    assert _ask(store).reason is Reason.APPROVAL_EXPIRED


def test_sweep_notes_what_nobody_asked_for(store: Database) -> None:
    """What ended while nobody logged in is noted too, once."""
    _put(store)
    _put(store, until=NOW + 61)
    with store.transaction() as connection:
        assert approvals.expire(connection, NOW + 60.5) == 1
        assert approvals.expire(connection, NOW + 60.5) == 0
    assert _ask(store).until == NOW + 61


def test_asking_writes_only_what_is_new(store: Database) -> None:
    """A login that finds nothing new to note writes nothing."""
    _put(store)
    _put(store, ended=1, until=NOW - 5)
    before = store.connection.total_changes
    _ask(store)
    assert store.connection.total_changes == before


def test_listing_is_by_number(store: Database) -> None:
    """All, or those of a person, also by alias, or of an approval."""
    settle(store, "alice")
    names.add_aliases(store, ACTOR, "alice", ["asmith"])
    _put(store)
    _put(store, user="carl")
    _put(store, approval="vault", revoked_by="eve")

    def listed(**given: Any) -> list[int]:  # noqa: ANN401 - filters
        return [one.id for one in approvals.listing(store, **given)]

    assert listed() == [1, 2, 3]
    assert listed(user="alice") == listed(user="asmith") == [1, 3]
    assert listed(user="asmith", approval="vault") == [3]
    assert listed(approval="vault", user="carl") == []
    assert listed(user="nobody") == []


def test_one_is_found_by_number(store: Database, stock: Stock) -> None:
    """By its number with all that it says; another number is refused."""
    _put(store, second_by="eve")
    with stock.open() as other, other.reading() as connection:
        found = approvals.one(connection, 1)
        with pytest.raises(RefusedError, match="there is no approval #2"):
            approvals.one(connection, 2)
    assert found == Grant(
        id=1, approval=NAME, user="alice", why="why", granted_by="bob", created=int(NOW) - 60,
        until=int(NOW) + 60, second_by="eve",
    )  # fmt: skip
    assert str(found) == "#1 aws-root"


def test_standing_is_what_can_be_revoked(store: Database) -> None:
    """Pending or in force, by any of the names; not what is over."""
    for given in ({}, {"revoked_by": "eve"}, {"ended": 1}, {"user": "b"}, {"user": "c"}):
        _put(store, **given)
    with store.reading() as connection:
        assert [one.id for one in approvals.standing(connection, {"alice", "b"})] == [1, 4]


def test_state_of_the_future(store: Database) -> None:
    """A grant whose beginning the clock has not reached is shown as that."""
    _put(store, created=NOW + 1)
    with store.reading() as connection:
        assert approvals.one(connection, 1).state(1, NOW) is State.AHEAD
