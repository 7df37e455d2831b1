"""Tests of `radiusmfa.stores.assignments`."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.stores import assignments, people, trail
from radiusmfa.stores.assignments import Assignment, NameThereError
from radiusmfa.stores.people import RefusedError
from tests.unit.stores.stock import ACTOR, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database
    from tests.unit.stores.stock import Stock


def _last_line(store: Database) -> dict[str, Any]:
    *_, (_, line) = trail.read(store)
    found: dict[str, Any] = json.loads(line)
    return found


def _of(store: Database, name: str = "alice") -> dict[str, str]:
    return people.person(store, name).upstreams


def _rsa(user: str = "alice", name: str = "", where: str = "") -> Assignment:
    return Assignment(user=user, upstream="rsa", name=name, where=where)


def _challenge(store: Database, *numbers: int) -> None:
    with store.transaction() as connection:
        connection.executemany(
            "INSERT INTO challenges VALUES (?, 'vpn', ?, '[]', 0, 0)",
            [(f"state-{number}", number) for number in numbers],
        )


def _challenged(stock: Stock) -> list[int]:
    with stock.raw() as connection:
        return [user for (user,) in connection.execute("SELECT user FROM challenges ORDER BY user")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("a\x00b", "control characters", id="nul"),
        pytest.param("a\nb", "control characters", id="line"),
        pytest.param("a\x7f", "control characters", id="delete"),
        pytest.param("a\u202eb", "control characters", id="turns-the-direction"),
        pytest.param("a\udc80", "control characters", id="not-utf-8"),
        pytest.param(" alice", "blanks at an end", id="blank-first"),
        pytest.param("alice\u00a0", "control characters, or blanks", id="blank-last"),
        pytest.param("a" * 254, "at most 253 octets", id="254-octets"),
        pytest.param("ä" * 127, "at most 253 octets", id="254-octets-of-utf-8"),
    ],
)
def test_unfit_name_is_refused(text: str, why: str) -> None:
    """What no User-Name can be, or would show as another one, is refused and not repeated."""
    with pytest.raises(NameThereError, match=why) as caught:
        assignments.name_there(text)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["Alice", "CORP\\Jörg Müller", "דוד@example.com", "a" * 253, "a b"]
)
def test_name_keeps_its_case(text: str) -> None:
    """Another server may tell `Alice` from `alice`: the name is kept as it is written."""
    assert assignments.name_there(text) == text


def test_name_is_composed() -> None:
    """A letter and its accent, however typed, are one name (Unicode NFC)."""
    assert assignments.name_there(unicodedata.normalize("NFD", "Jörg")) == "Jörg"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda store: assignments.assign(store, ACTOR, _rsa("bob")), id="assign"),
        pytest.param(lambda store: assignments.remove(store, ACTOR, "bob", "rsa"), id="remove"),
    ],
)
def test_unknown_user_is_refused(
    change: Callable[[Database], None], store: Database, stock: Stock
) -> None:
    """Nobody is assigned who is not there; nothing changes."""
    settle(store, "alice")
    before = stock.dump()
    with pytest.raises(RefusedError, match="there is no user 'bob'"):
        change(store)
    assert stock.dump() == before


def test_removing_what_is_not_there_is_refused(store: Database, stock: Stock) -> None:
    """A wrong name of an upstream is said, and another assignment stays."""
    settle(store, "alice")
    assignments.assign(store, ACTOR, _rsa())
    before = stock.dump()
    with pytest.raises(RefusedError, match="alice is not assigned to 'rsb'; nothing was changed"):
        assignments.remove(store, ACTOR, "alice", "rsb")
    assert stock.dump() == before


def test_file_with_an_unknown_user_assigns_nobody(store: Database, stock: Stock) -> None:
    """Every unknown user is named with the line; the known ones are not assigned either."""
    settle(store, "alice")
    before = stock.dump()
    found = [_rsa(where="line 2"), _rsa("bob", where="line 3"), _rsa("eve", where="line 4")]
    with pytest.raises(ImportRefusedError) as caught:
        assignments.assign_many(store, ACTOR, found, "a file")
    assert caught.value.faults == (
        "line 3: there is no user 'bob'",
        "line 4: there is no user 'eve'",
    )
    assert stock.dump() == before


def test_assigning_is_audited(store: Database) -> None:
    """The audit says who was assigned to what, and as whom."""
    settle(store, "alice")
    assignments.assign(store, ACTOR, _rsa())
    line = _last_line(store)
    assert (line["action"], line["by"], line["user"]) == ("user.upstream", "tester", "alice")
    assert line["detail"] == "rsa"
    assignments.assign(store, ACTOR, _rsa(name="ASmith"))
    assert _last_line(store)["detail"] == "rsa as ASmith"
    assignments.remove(store, ACTOR, "alice", "rsa")
    assert _last_line(store)["detail"] == "rsa removed"


def test_assignment_is_replaced_and_removed(store: Database) -> None:
    """There is one assignment to an upstream; those to others, and other people's, stay."""
    settle(store, "alice", "bob")
    for one in (_rsa(), _rsa("bob"), Assignment(user="alice", upstream="nps", name="a@b")):
        assignments.assign(store, ACTOR, one)
    assert _of(store) == {"nps": "a@b", "rsa": ""}
    assignments.assign(store, ACTOR, _rsa(name="ASmith"))
    assert _of(store) == {"nps": "a@b", "rsa": "ASmith"}
    assignments.remove(store, ACTOR, "alice", "rsa")
    assert _of(store) == {"nps": "a@b"}
    assert _of(store, "bob") == {"rsa": ""}


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda store: assignments.assign(store, ACTOR, _rsa(name="b")), id="assign"),
        pytest.param(lambda store: assignments.remove(store, ACTOR, "alice", "rsa"), id="remove"),
        pytest.param(
            lambda store: assignments.assign_many(store, ACTOR, [_rsa()], "a file"), id="file"
        ),
    ],
)
def test_change_ends_open_challenges(
    change: Callable[[Database], None], store: Database, stock: Stock
) -> None:
    """A dialogue that began as somebody else there does not go on; other people's do."""
    settle(store, "alice", "bob")
    assignments.assign(store, ACTOR, _rsa())
    _challenge(store, 1, 2)
    change(store)
    assert _challenged(stock) == [2]


def test_file_assigns_everybody(store: Database) -> None:
    """All of a file is one line of the audit."""
    settle(store, "alice", "bob")
    assignments.assign_many(store, ACTOR, [_rsa(name="A"), _rsa("bob")], "2 of a file")
    assert (_of(store), _of(store, "bob")) == ({"rsa": "A"}, {"rsa": ""})
    line = _last_line(store)
    assert (line["action"], line["detail"]) == ("user.upstream-import", "2 of a file")


def test_assignments_are_counted(store: Database) -> None:
    """How many are assigned is known of every upstream that somebody is assigned to."""
    assert assignments.counts(store) == {}
    settle(store, "alice", "bob")
    assignments.assign_many(store, ACTOR, [_rsa(), _rsa("bob")], "")
    assignments.assign(store, ACTOR, Assignment(user="bob", upstream="old"))
    assert assignments.counts(store) == {"rsa": 2, "old": 1}
