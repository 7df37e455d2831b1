"""Tests of `radiusmfa.cli.assignment_list`."""

from __future__ import annotations

import pytest

from radiusmfa.cli import assignment_list
from radiusmfa.stores.assignments import Assignment


def _why_unknown(name: str) -> str | None:
    return None if name in {"rsa", "vip"} else f"there is no upstream {name!r}"


def _read(text: str | bytes) -> tuple[list[Assignment], list[str]]:
    octets = text if isinstance(text, bytes) else text.encode()
    return assignment_list.read(octets, _why_unknown)


_NAMES_ALL = "the first row must name the columns: user,upstream,name"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", f"empty; {_NAMES_ALL}", id="empty"),
        pytest.param(
            "alice,rsa\n",
            f"line 1: column 1 of the header has a name that is not known here; {_NAMES_ALL}",
            id="no-header",
        ),
        pytest.param(
            "user,as,name,upstream\n",
            f"line 1: columns 2 and 3 mean the same; {_NAMES_ALL}",
            id="one-column-twice",
        ),
        pytest.param("user,name\n", "the header must name a column upstream", id="no-upstream"),
        pytest.param(
            "name\n", "the header must name a column user and a column upstream", id="one"
        ),
        pytest.param("user,upstream\n", "no assignment in it", id="header-alone"),
        pytest.param(
            b"user,upstream\nj\xf6rg,rsa\n", "not UTF-8 text; save it as UTF-8", id="latin"
        ),
        pytest.param("user\0", "not a text file: it holds NUL", id="nul"),
        pytest.param(
            'user,upstream\n"alice,rsa\n',
            "line 2: a quoted cell is not closed on its line, or a cell is too long",
            id="open-quote",
        ),
    ],
)
def test_unusable_file_is_one_fault(text: str | bytes, fault: str) -> None:
    """A file that is no such list is said to be none, and why."""
    assert _read(text) == ([], [f"the file: {fault}"])


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        pytest.param(",rsa,", "a user name must not be empty", id="no-user"),
        pytest.param("alice,,", "no upstream is named", id="no-upstream"),
        pytest.param("alice", "no upstream is named", id="short-row"),
        pytest.param("alice,rsb,", "there is no upstream 'rsb'", id="unknown-upstream"),
        pytest.param(
            "alice,rsa,a\x07b",
            "a name must not hold control characters, or blanks at an end",
            id="control",
        ),
        pytest.param(
            "alice,rsa,a,b",
            "more cells than the header names; one that holds a comma needs quotes",
            id="too-many-cells",
        ),
        pytest.param(f"alice,rsa,{'a' * 254}", "a name has at most 253 octets", id="long-name"),
        pytest.param("BOB,rsa,", "the user and upstream of line 2 again", id="twice"),
    ],
)
def test_every_faulty_row_is_named(row: str, fault: str) -> None:
    """What is wrong with a row is told with its line, and the rows after it are read."""
    found, faults = _read(f"user,upstream,name\nbob,rsa,\n{row}\n;;,\n")
    assert faults[0] == f"line 3: {fault}"
    assert [one.user for one in found] == ["bob"]
    assert [fault.split(":")[0] for fault in faults] == ["line 3", "line 4"]


def test_rows_are_read() -> None:
    """Users in their normal form, names there as they stand; an empty one means none."""
    found, faults = _read(
        "# who has what\nUpstream;User Name;As\nrsa;Alice;ASmith\nvip;alice;\nrsa;bob; CORP\\Bob \n"
    )
    assert not faults
    assert found == [
        Assignment(user="alice", upstream="rsa", name="ASmith", where="line 3"),
        Assignment(user="alice", upstream="vip", name="", where="line 4"),
        Assignment(user="bob", upstream="rsa", name="CORP\\Bob", where="line 5"),
    ]


def test_name_may_have_no_column() -> None:
    """Where everybody has the same name there, two columns will do; a comma may end the line."""
    found, faults = _read("user,upstream,\nalice,rsa,\n")
    assert (found, faults) == ([Assignment(user="alice", upstream="rsa", where="line 2")], [])
