"""Tests of `radiusmfa.stores.trail`: every tampering is found, and stays found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.stores import trail
from radiusmfa.stores.logins import Logins
from radiusmfa.stores.trail import Actor, Verdict
from tests.unit.stores.stock import ACTOR, NOW, settle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock

LINES: Final = 9
_SWAP: Final = (
    "UPDATE audit SET seq = -1 WHERE seq = 4",
    "UPDATE audit SET seq = 4 WHERE seq = 5",
    "UPDATE audit SET seq = 5 WHERE seq = -1",
)
_MAKE_ROOM: Final = (
    "UPDATE audit SET seq = -seq - 1 WHERE seq >= 5",
    "UPDATE audit SET seq = -seq WHERE seq < 0",
)


def _append(store: Database, *lines: str) -> None:
    with store.transaction():
        trail.append(store, lines)


@pytest.fixture
def written(store: Database) -> Database:
    """A store with nine lines."""
    _append(store, *(f'{{"n":{at}}}' for at in range(1, LINES + 1)))
    return store


TAMPERINGS: Final = [
    pytest.param(["UPDATE audit SET line = '{}' WHERE seq = 4"], 4, "it was changed", id="changed"),
    pytest.param(
        ["UPDATE audit SET line = line || ' ' WHERE seq = 9"],
        9,
        "it was changed",
        id="changed-last",
    ),
    pytest.param(
        ["UPDATE audit SET line = '{}' WHERE seq = 1"], 1, "it was changed", id="changed-first"
    ),
    pytest.param(
        ["UPDATE audit SET mac = zeroblob(32) WHERE seq = 4"], 4, "it was changed", id="mac-changed"
    ),
    pytest.param(["UPDATE audit SET mac = 'x' WHERE seq = 4"], 4, "it was changed", id="mac-text"),
    pytest.param(["UPDATE audit SET mac = 7 WHERE seq = 4"], 4, "it was changed", id="mac-number"),
    pytest.param(
        ["UPDATE audit SET line = x'ff00fe' WHERE seq = 4"], 4, "it was changed", id="not-utf-8"
    ),
    pytest.param(["DELETE FROM audit WHERE seq = 1"], 1, "it is missing", id="first-removed"),
    pytest.param(["DELETE FROM audit WHERE seq = 5"], 5, "it is missing", id="middle-removed"),
    pytest.param(
        ["DELETE FROM audit WHERE seq BETWEEN 3 AND 6"],
        3,
        "it is missing, and all up to line 6",
        id="many-removed",
    ),
    pytest.param(
        ["DELETE FROM audit WHERE seq = 5", "UPDATE audit SET seq = seq - 1 WHERE seq > 5"],
        5,
        "lines before it were removed",
        id="removed-and-renumbered",
    ),
    pytest.param(["DELETE FROM audit WHERE seq = 9"], 9, "it is missing", id="last-removed"),
    pytest.param(
        ["DELETE FROM audit WHERE seq > 6"],
        7,
        "it is missing, and all up to line 9",
        id="end-cut-off",
    ),
    pytest.param(["DELETE FROM audit"], 1, "it is missing, and all up to line 9", id="all-removed"),
    pytest.param(
        [*_MAKE_ROOM, "INSERT INTO audit SELECT 5, '{}', mac FROM audit WHERE seq = 4"],
        5,
        "put here",
        id="inserted",
    ),
    pytest.param(
        [*_MAKE_ROOM, "INSERT INTO audit SELECT 5, line, mac FROM audit WHERE seq = 4"],
        5,
        "put here",
        id="line-twice",
    ),
    pytest.param(
        ["INSERT INTO audit SELECT 10, line, mac FROM audit WHERE seq = 9"],
        10,
        "put here",
        id="appended",
    ),
    pytest.param(
        ["INSERT INTO audit SELECT 0, line, mac FROM audit WHERE seq = 1"],
        1,
        "it is missing",
        id="put-before-the-first",
    ),
    pytest.param(_SWAP, 4, "it was changed, or put here", id="swapped"),
    pytest.param(
        ["UPDATE audit SET seq = 12 WHERE seq = 4"], 4, "it is missing", id="moved-to-the-end"
    ),
    pytest.param(
        ["DELETE FROM meta WHERE name = 'audit_head'"],
        9,
        "the record of which line is the last was changed",
        id="head-removed",
    ),
    pytest.param(
        ["UPDATE meta SET value = zeroblob(40) WHERE name = 'audit_head'"],
        9,
        "the record of which line is the last was changed",
        id="head-changed",
    ),
    pytest.param(
        ["UPDATE meta SET value = 'x' WHERE name = 'audit_head'"],
        9,
        "the record of which line is the last was changed",
        id="head-text",
    ),
    pytest.param(
        ["DELETE FROM meta WHERE name = 'audit_head'", "DELETE FROM audit WHERE seq > 6"],
        6,
        "the record of which line is the last was changed",
        id="head-and-end-removed",
    ),
]


def _tamper(stock: Stock, how: Sequence[str]) -> None:
    with stock.raw() as connection:
        for statement in how:
            connection.execute(statement)


@pytest.mark.parametrize(("how", "at_seq", "fault"), TAMPERINGS)
def test_tampering_is_found(
    how: Sequence[str], at_seq: int, fault: str, written: Database, stock: Stock
) -> None:
    """Without the keys nobody can change the audit unseen; the first wrong line is named."""
    assert trail.verify(written) == Verdict(LINES)
    _tamper(stock, how)
    found = trail.verify(written)
    assert found.fault is not None
    assert fault in found.fault
    assert found.at_seq == at_seq


@pytest.mark.parametrize("by_server", [True, False], ids=["server", "command"])
@pytest.mark.parametrize(("how", "at_seq", "fault"), TAMPERINGS)
def test_tampering_does_not_heal(
    how: Sequence[str],
    at_seq: int,
    fault: str,
    written: Database,
    stock: Stock,
    *,
    by_server: bool,
) -> None:
    """Lines written after a tampering, by the server or by a command, do not hide it."""
    _tamper(stock, how)
    if by_server:
        with stock.open() as opened:
            logins = Logins(opened)
            for at in range(2):
                logins.begin()
                logins.audit(f'{{"later":{at}}}')
                logins.commit()
    else:
        _append(written, '{"later":1}', '{"later":2}')
        _append(written, '{"later":3}')
    found = trail.verify(written)
    assert found.fault is not None, (at_seq, fault)
    assert found.lines <= LINES + 1


def test_empty_audit_verifies(store: Database) -> None:
    """A new store has no line, and that is right."""
    assert trail.verify(store) == Verdict(0)
    assert trail.head(store.connection) == (0, trail.NOTHING_BEFORE)


def test_line_of_another_store_is_found(written: Database, stock: Stock) -> None:
    """A line chained with another key is not taken for ours."""
    _, mac = trail.head(written.connection)
    key = bytes(32)
    forged = trail.chain(key, mac, "{}")
    with stock.raw() as connection:
        connection.execute("INSERT INTO audit VALUES (10, '{}', ?)", (forged,))
        connection.execute(
            "UPDATE meta SET value = ? WHERE name = 'audit_head'",
            (trail.head_record(key, 10, forged),),
        )
    assert trail.verify(written).at_seq == 10


def test_undone_change_leaves_no_line(written: Database) -> None:
    """A line stands or falls with the change that it tells of."""

    def change() -> None:
        with written.transaction():
            trail.append(written, ["{}"])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert trail.verify(written) == Verdict(LINES)


@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=8))
def test_any_lines_are_chained(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the lines hold, they come back as they were, and verify."""
    from tests.unit.stores.stock import Stock  # noqa: PLC0415 - a store for each example

    lines = [json.dumps(text) for text in texts]
    with Stock(tmp_path_factory.mktemp("trail")).open() as store:
        for line in lines:
            _append(store, line)
        assert trail.verify(store) == Verdict(len(lines))
        assert list(trail.read(store)) == list(enumerate(lines, 1))


def test_lines_are_read_from_a_place_on(written: Database) -> None:
    """Reading begins after any line; numbers, texts and macs come together."""
    assert list(trail.read(written, 7)) == [(8, '{"n":8}'), (9, '{"n":9}')]
    assert list(trail.read(written, 9)) == []
    ((seq, line, mac),) = trail.read_chain(written, 8)
    assert (seq, line, mac) == (9, '{"n":9}', trail.head(written.connection)[1])


def test_many_lines_are_read_in_parts(store: Database) -> None:
    """A long audit is read without holding all of it, or a transaction while waiting."""
    _append(store, *(str(at) for at in range(2500)))
    lines = trail.read(store)
    assert next(lines) == (1, "0")
    assert not store.connection.in_transaction
    assert [seq for seq, _ in lines] == list(range(2, 2501))


def test_damaged_line_is_shown(written: Database, stock: Stock) -> None:
    """A line that is no text is shown as well as it can be; `verify` tells what it is."""
    _tamper(stock, ["UPDATE audit SET line = x'61ff62' WHERE seq = 9"])
    assert list(trail.read(written, 8)) == [(9, "a\\xffb")]


def test_who_did_what_is_one_line() -> None:
    """Names and details with newlines, quotes or control characters stay within their line."""
    line = Actor("eve\n{", NOW).line("user.add", user='a"\x1b[2J', detail="\u202e\n")
    assert line.isprintable()
    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.000Z",
        "kind": "admin",
        "action": "user.add",
        "by": "eve\n{",
        "user": 'a"\x1b[2J',
        "detail": "\u202e\n",
    }


def test_person_is_who_logged_in() -> None:
    """Behind sudo acts another human than the one whose rights are used."""
    assert Actor("bob", NOW).person == "bob"
    assert Actor("root (sudo by bob)", NOW, "bob").person == "bob"


def test_empty_fields_are_left_out() -> None:
    """A line says only what there is to say."""
    assert set(json.loads(ACTOR.line("backup"))) == {"time", "kind", "action", "by"}


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1.9996, "1970-01-01T00:00:01.999Z"),
        (NOW + 0.0625, "2027-01-15T08:00:00.062Z"),
    ],
)
def test_time_is_in_milliseconds(now: float, text: str) -> None:
    """Times are UTC and never rounded into the future."""
    assert trail.timestamp(now) == text


def test_clock_that_is_set_back_is_no_tampering(store: Database) -> None:
    """Order is the chain's business, not the clock's."""
    settle(store, "alice")
    earlier = Actor("tester", NOW - 3600)
    _append(store, earlier.line("backup"))
    assert trail.verify(store) == Verdict(2)


@pytest.mark.parametrize("line", ["", "{}", "ä" * 100, "x" * 5000])
def test_prepared_chain_is_the_chain(line: str) -> None:
    """The mac by prepared states is the one that `verify` expects."""
    key, before = bytes(range(32)), bytes(range(100, 132))
    prepared = trail.Chain(key)
    assert prepared.mac(before, line) == trail.chain(key, before, line)
    assert prepared.mac(before, line) == trail.chain(key, before, line)


def _found(store: Database, *texts: str, since: str = "") -> list[int]:
    return [seq for seq, _ in trail.find(store, texts, since)]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        pytest.param(['"id":"Ab_d'], [1], id="beginning"),
        pytest.param(['"id":"aB_D'], [1], id="either-case"),
        pytest.param(['"id":"Ab_d', '"id":"zz'], [5, 1], id="several-newest-first"),
        pytest.param(['"id":"zz', '"user":"x'], [5], id="each-line-once"),
        pytest.param(['"id":"A%'], [3], id="percent-is-a-percent"),
        pytest.param(['"id":"A~'], [4], id="tilde-is-a-tilde"),
        pytest.param(['"id":"no'], [], id="nothing"),
        pytest.param([], [], id="no-text"),
    ],
)
def test_lines_are_found_by_what_they_hold(
    texts: list[str], found: list[int], store: Database
) -> None:
    """A text means itself, whatever signs are in it, in either case; newest first."""
    ids = "Ab_d", "Abcd", "A%cd", "A~cd"
    _append(store, *(f'{{"id":"{one}"}}' for one in ids), '{"id":"zz","user":"x"}')
    assert _found(store, *texts) == found


def test_found_line_comes_whole_or_as_well_as_it_can_be(store: Database) -> None:
    """The text of a line is given as it stands; one that somebody damaged is no obstacle."""
    _append(store, '{"id":"a","user":"J\\u00f6rg"}', '{"id":"b"}', '{"id":"a"}')
    store.connection.execute("UPDATE audit SET line = CAST(x'22696422ff' AS TEXT) WHERE seq = 2")
    assert list(trail.find(store, ['"id'])) == [
        (3, '{"id":"a"}'),
        (2, '"id"\\xff'),
        (1, '{"id":"a","user":"J\\u00f6rg"}'),
    ]


def test_nothing_is_found_in_an_empty_audit(store: Database) -> None:
    """Without lines there is nothing to look at."""
    assert _found(store, "x", since=trail.timestamp(NOW)) == []


@pytest.mark.parametrize(
    ("minute", "found"),
    [
        pytest.param(None, [3, 2, 1], id="all"),
        pytest.param(120_000, [3, 2], id="the-old-half-is-not-looked-at"),
        pytest.param(1_000_000, [3], id="what-was-looked-at-is-told"),
    ],
)
def test_old_lines_are_not_looked_at(minute: int | None, found: list[int], store: Database) -> None:
    """With an earliest time the search ends where lines are older, though not at the very line."""
    rows = [(1, 0), (60_000, 60_000), (150_000, 150_000)]
    for number, (seq, at) in enumerate(rows, 1):
        line = f'{{"time":"{trail.timestamp(NOW + 60 * at)}","n":{number},"id":"a"}}'
        store.connection.execute("INSERT INTO audit VALUES (?, ?, x'00')", (seq, line))
    since = "" if minute is None else trail.timestamp(NOW + 60 * minute)
    lines = [json.loads(line)["n"] for _, line in trail.find(store, ['"id":"a'], since)]
    assert lines == found
