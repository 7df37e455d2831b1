"""Calls in the store: no restart forgets one, nobody reads them, none is lost or written twice."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.interfaces import StoreError
from radiusmfa.login.calls import DAY, Call, Result, to_go_on
from radiusmfa.stores import calls as module
from radiusmfa.stores import people, rotation, trail
from radiusmfa.stores.logins import Logins
from tests.unit.stores.stock import ACTOR, NOW, settle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock

SECRET: Final = b"a transaction of the service's"
_NUMBERS: Final = count(1)


def call(**others: Any) -> Call:  # noqa: ANN401 - of any type
    """Return an open call to somebody."""
    usual: dict[str, Any] = {
        "id": next(_NUMBERS), "service": "it", "user": 1, "way": "push", "target": b"target",
        "place": b"place", "state": SECRET, "created": NOW, "expires": NOW + 60,
    }  # fmt: skip
    return Call(**(usual | others))


def facts(logins: Logins, service: str = "it") -> list[tuple[object, ...]]:
    """Return what is known of the calls of *service*."""
    return [
        (one.id, one.service, one.user, one.way, one.target, one.place, one.state, one.created,
         one.expires, one.result)
        for one in logins.calls.of(service)
    ]  # fmt: skip


def test_call_is_found_as_it_is_known_by_now(logins: Logins) -> None:
    """Whoever holds one from before a reading looks at what became of it since."""
    before = call()
    assert logins.calls.find(before) is before
    logins.calls.put(since := call(id=before.id, result=Result.PASSED))
    assert logins.calls.find(before) is since


def turn(logins: Logins, now: float = NOW) -> None:
    """Take a turn in which nothing but this happens."""
    logins.begin()
    logins.tidy(now)
    logins.commit()


@pytest.fixture
def logins(store: Database) -> Iterator[Logins]:
    """The server's side, with two people."""
    settle(store, "alice", "bob")
    made = Logins(store)
    yield made
    made.roll_back()


def again(stock: Stock) -> Logins:
    """Return the server's side after a restart; its first turn has read the store."""
    made = Logins(stock.open())
    turn(made)
    return made


def test_promise_5_another_node_on_the_store_finds_the_open_call(
    stock: Stock, logins: Logins
) -> None:
    """Two servers' sides at once: what one has open, the other goes on with, and sees it end."""
    other = again(stock)
    logins.calls.put(opened := call())
    turn(logins)
    turn(other)
    found = to_go_on(other.calls.of("it"), 1, b"place", NOW)
    assert found is not None
    assert (found.id, found.state) == (opened.id, SECRET)
    opened.result, opened.state = Result.PASSED, b"taken"
    logins.calls.put(opened)
    turn(logins)
    turn(other)
    assert to_go_on(other.calls.of("it"), 1, b"place", NOW) is None


def test_restart_forgets_no_call(stock: Stock, logins: Logins) -> None:
    """Each is as it was, whatever it came to; what it takes to go on, too."""
    for result in Result:
        logins.calls.put(call(result=result, state=SECRET if result is Result.OPEN else b""))
    logins.calls.put(call(service="other", user=-77, target=b"", place=b""))
    turn(logins)

    after = again(stock)

    for service in ("it", "other"):
        assert facts(after, service) == facts(logins, service)
    assert len(facts(after)) == len(Result)
    assert facts(after, "nobody") == []


def test_last_state_counts(stock: Stock, logins: Logins) -> None:
    """A call that was answered is not open again after a restart."""
    known = call()
    logins.calls.put(known)
    turn(logins)
    known.result, known.state, known.expires = Result.FRAUD, b"", NOW + 5
    logins.calls.put(known)
    turn(logins)

    ((*_, state, _, expires, result),) = facts(again(stock))

    assert (state, expires, result) == (b"", NOW + 5, Result.FRAUD)


def test_nobody_reads_what_it_takes_to_go_on(stock: Stock, logins: Logins) -> None:
    """The state is sealed in the store."""
    logins.calls.put(call())
    turn(logins)
    (sealed,) = logins._sql.execute("SELECT state FROM calls").fetchone()

    assert SECRET not in sealed
    for file in stock.path.parent.iterdir():
        assert SECRET not in file.read_bytes()
    assert SECRET.decode() not in repr(call())


@pytest.mark.parametrize("damage", ["swap", "cut"])
def test_state_that_does_not_open_is_none(stock: Stock, logins: Logins, damage: str) -> None:
    """What was damaged, or belongs to another call, is not gone on with; the call still counts."""
    one, two = call(), call()
    logins.calls.put(one)
    logins.calls.put(two)
    turn(logins)
    text = "UPDATE calls SET state = (SELECT state FROM calls WHERE id = ?) WHERE id = ?"
    if damage == "cut":
        text = "UPDATE calls SET state = substr(state, ?) WHERE id = ?"
    with stock.open() as database:
        database.connection.execute(text, (2 if damage == "cut" else one.id, two.id))

    assert [row[6] for row in facts(again(stock))] == [SECRET, b""]


def test_failed_turn_loses_nothing(stock: Stock, logins: Logins) -> None:
    """What could not be written, lines of the audit included, is written with the next turn."""
    known = call()
    logins.calls.put(known)
    logins.calls.tell('{"kind":"alarm","n":1}')
    logins.begin()
    logins._sql.execute(
        "CREATE TEMP TRIGGER no BEFORE INSERT ON calls BEGIN SELECT RAISE(ABORT,'no'); END"
    )
    with pytest.raises(StoreError):
        logins.commit()
    logins._sql.execute("DROP TRIGGER IF EXISTS no")
    assert list(logins.calls.of("it")) == [known]

    turn(logins)

    assert facts(again(stock)) == facts(logins)
    with stock.open() as database:
        assert [json.loads(line).get("n") for _, line in trail.read(database)][-1:] == [1]
        assert trail.verify(database).fault is None


def test_lines_are_written_once(stock: Stock, logins: Logins) -> None:
    """An alarm is one line, however many turns follow."""
    logins.calls.tell('{"kind":"alarm"}')
    turn(logins)
    logins.calls.put(call())
    turn(logins)

    with stock.open() as database:
        lines = [json.loads(line) for _, line in trail.read(database)]
    assert [line for line in lines if line.get("kind") == "alarm"] == [{"kind": "alarm"}]


def test_turn_writes_what_has_changed_alone(logins: Logins) -> None:
    """What is on disk is not written again."""
    logins.calls.put(call())
    turn(logins)
    before = logins._sql.total_changes
    turn(logins)
    assert logins._sql.total_changes == before


def test_what_others_write_changes_no_call(stock: Stock, logins: Logins) -> None:
    """Memory is read again, and what was not written yet is still there, as it was changed."""
    written, new = call(), call()
    logins.calls.put(written)
    turn(logins)
    written.result = Result.REFUSED
    logins.calls.put(written)
    logins.calls.put(new)
    with stock.open() as database:
        settle(database, "carol")

    turn(logins)

    assert set(map(id, logins.calls.of("it"))) == {id(written), id(new)}
    assert len(logins.calls.of("it").of(1)) == 2


def test_unlock_ends_silence_and_counts(stock: Stock, logins: Logins) -> None:
    """An administrator lets somebody be called again; an open call stays, and others' do."""
    kept = [call(), call(user=2, result=Result.REFUSED)]
    for one in (*kept, call(result=Result.FRAUD), call(result=Result.SENT)):
        logins.calls.put(one)
    turn(logins)
    with stock.open() as database:
        people.unlock(database, ACTOR, "alice")

    turn(logins)

    assert {one.id for one in logins.calls.of("it")} == {one.id for one in kept}


def test_person_who_is_deleted_takes_their_calls_along(stock: Stock, logins: Logins) -> None:
    """Nothing of them is left, and whoever gets their number is not refused for it."""
    logins.calls.put(call())
    logins.calls.put(call(user=2))
    turn(logins)
    with stock.open() as database:
        people.delete(database, ACTOR, "alice")

    turn(logins)

    assert [one.user for one in logins.calls.of("it")] == [2]


def test_new_keys_forget_how_to_go_on_and_no_call(stock: Stock, logins: Logins) -> None:
    """What the old keys have sealed is not gone on with, and is still open to whoever asks."""
    logins.calls.put(call())
    turn(logins)
    logins.roll_back()
    with stock.open() as database:
        rotation.rotate(database, ACTOR, keep=False)

    ((*_, state, _, _, result),) = facts(again(stock))

    assert (state, result) == (b"", Result.OPEN)


@pytest.mark.parametrize(("ago", "is_left"), [(DAY - 1, True), (DAY, False), (DAY + 1, False)])
def test_calls_are_forgotten_after_a_day(
    stock: Stock, logins: Logins, ago: float, *, is_left: bool
) -> None:
    """In memory and in the store alike: what counts for nothing is not kept."""
    logins.calls.put(call(created=NOW - ago))
    turn(logins, NOW - 61)  # it is written, and not tidied yet
    turn(logins)

    assert len(logins.calls.of("it")) == is_left
    (left,) = logins._sql.execute("SELECT count(*) FROM calls").fetchone()
    assert left == is_left
    assert len(facts(again(stock))) == is_left


def test_tidying_costs_little(logins: Logins) -> None:
    """It is done once a minute, also after the clock was set back."""
    logins.calls.put(call(created=NOW - DAY))
    turn(logins)
    logins.calls.put(call(created=NOW - DAY))
    turn(logins, NOW + 59)
    assert len(logins.calls.of("it")) == 1
    turn(logins, NOW + 60)
    assert len(logins.calls.of("it")) == 0
    logins.calls.put(call(created=NOW - 40 * DAY))
    turn(logins, NOW - 30 * DAY)
    assert len(logins.calls.of("it")) == 0


def test_memory_is_limited(logins: Logins, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes a service call without end fills nobody's memory: the oldest goes."""
    monkeypatch.setattr(module, "_MOST_OF_A_SERVICE", 3)
    made = [call() for _ in range(5)]
    for one in (*made, made[-1]):
        logins.calls.put(one)
    assert list(logins.calls.of("it")) == made[2:]
