"""Tests of `radiusmfa.config.nodes`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config import nodes
from radiusmfa.config.nodes import Listing, Mapping, Place, Scalar


def _faults(octets: bytes) -> list[str]:
    report = nodes.Report()
    nodes.parse(octets, report)
    return report.lines("f")


def test_mapping_keeps_texts_and_places() -> None:
    """A value is the text that was written, with the line and column where it stands."""
    report = nodes.Report()
    root = nodes.parse(b"a: 022\nb: [no, 'x']\n", report)
    assert root == Mapping(
        {
            "a": (Place(1, 1), Scalar("022", quoted=False, place=Place(1, 4))),
            "b": (
                Place(2, 1),
                Listing(
                    (
                        Scalar("no", quoted=False, place=Place(2, 5)),
                        Scalar("x", quoted=True, place=Place(2, 9)),
                    ),
                    Place(2, 4),
                ),
            ),
        },
        Place(1, 1),
    )
    assert not report.faults


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        pytest.param(b"", "f:1:1: the file holds no settings", id="empty"),
        pytest.param(b"# only\n", "f:1:1: the file holds no settings", id="comment"),
        pytest.param(b"- a", "f:1:1: the file must hold settings, as `name: value`", id="list"),
        pytest.param(b"a", "f:1:1: the file must hold settings, as `name: value`", id="scalar"),
        pytest.param(b"a: b\na: c", "f:2:1: a: stands here twice, first in line 1", id="twice"),
        pytest.param(
            b"x: {b: 1, b: 2}", "f:1:11: x.b: stands here twice, first in line 1", id="in"
        ),
        pytest.param(b"? [a]\n: b", "f:1:3: a key must be one word", id="key"),
        pytest.param(b"a: \xff", "f:1:4: the file must be UTF-8", id="octets"),
        pytest.param(b"b: c\na: \xed\xa0\x80", "f:2:4: the file must be UTF-8", id="surrogate"),
        pytest.param(
            b"a: b\nc: \x07", "f:2:4: not YAML: a character that is not allowed", id="control"
        ),
        pytest.param(
            b"a: !!int 5", "f:1:4: a: tags are not read: remove 'tag:yaml.org,2002:int'", id="tag"
        ),
        pytest.param(b"a: !x {}", "f:1:4: a: tags are not read: remove '!x'", id="own tag"),
    ],
)
def test_ambiguous_file_is_refused(octets: bytes, fault: str) -> None:
    """Whatever could be read in two ways is a fault with its place."""
    assert fault in _faults(octets)


def test_alias_is_refused() -> None:
    """An alias is a fault, also one that holds itself."""
    assert _faults(b"a: &x 1\nb: *x")[0].startswith("f:2:1: b: aliases")
    assert any("aliases" in fault for fault in _faults(b"a: &x [*x]"))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"a: [", id="open list"),
        pytest.param(b"a: b\n---\nb: c", id="two documents"),
        pytest.param(b"a: 'b", id="open quote"),
        pytest.param(b"[" * 100_000, id="deep flow"),
    ],
)
def test_broken_syntax_is_one_fault(octets: bytes) -> None:
    """A file that is not YAML gives one line with its place."""
    (fault,) = _faults(octets)
    assert fault.startswith("f:")
    assert "not YAML: " in fault


def test_deep_nesting_is_refused() -> None:
    """Nesting deeper than any setting is a fault, not a recursion."""
    assert any("nested too deeply" in fault for fault in _faults(b"a: " + b"[" * 40 + b"]" * 40))


def test_report_orders_and_keeps_once() -> None:
    """Faults come in the order of the file, each once."""
    report = nodes.Report()
    for place in (Place(10, 1), Place(9, 2), Place(10, 1)):
        report.add(place, "here", "is wrong")
    assert report.lines("f") == ["f:9:2: here: is wrong", "f:10:1: here: is wrong"]


def test_nothing_is_told_from_empty_text() -> None:
    """A missing value and null are nothing; an empty text in quotes is a text."""
    report = nodes.Report()
    root = nodes.parse(b"a:\nb: null\nc: ''\nd: 'null'", report)
    found = [node.is_nothing for _, node in root.entries.values() if isinstance(node, Scalar)]
    assert found == [True, True, False, False]


@given(st.one_of(st.binary(), st.text("{}[]:,-#&*!|>'\"%@` \n\tab0").map(str.encode)))
def test_any_octets_give_settings_or_faults(octets: bytes) -> None:
    """Any octets: a mapping or faults, nothing else."""
    report = nodes.Report()
    root = nodes.parse(octets, report)
    lines = octets.count(b"\n") + octets.count(b"\r") + 3 * octets.count(b"\xc2\x85") + 2
    assert all(1 <= place.line <= lines and place.column >= 1 for place, _ in report.faults)
    assert root.entries or report.faults or b"{" in octets  # only {} holds nothing by right
