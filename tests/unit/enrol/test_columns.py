"""Tests of `radiusmfa.enrol.columns`."""

from __future__ import annotations

import pytest

from radiusmfa.enrol import columns
from radiusmfa.enrol.columns import Encoding
from radiusmfa.enrol.records import FieldError

NAMES = {"serial": "serial", "serial number": "serial", "seed": "seed", "time step": "period"}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("a,b\n", [(1, ["a", "b"])], id="commas"),
        pytest.param("a;b,c;d\r\n", [(1, ["a", "b,c", "d"])], id="semicolons, as Excel has it"),
        pytest.param("a\nb,c", [(1, ["a"]), (2, ["b", "c"])], id="one column has commas"),
        pytest.param("a\tb", [(1, ["a", "b"])], id="tabs"),
        pytest.param("# x;y;z\na,b", [(2, ["a", "b"])], id="a comment does not decide"),
        pytest.param('# "\na,b', [(2, ["a", "b"])], id="a quote in a comment"),
        pytest.param("\n\na,b\n , \n\nc,d", [(3, ["a", "b"]), (6, ["c", "d"])], id="blank rows"),
        pytest.param('"a,b",c', [(1, ["a,b", "c"])], id="a quoted cell"),
        pytest.param('"a ""b""",c', [(1, ['a "b"', "c"])], id="quotes inside"),
    ],
)
def test_rows_come_with_their_lines(text: str, rows: list[tuple[int, list[str]]]) -> None:
    """Each row comes with the line on which it stands in the file."""
    assert list(columns.rows(text)) == rows


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param('a,b\n"c,d\ne,f\n', 2, id="a quote that is not closed"),
        pytest.param('a,b\n"c\nd",e\nf,g', 2, id="a quote closed on another line"),
        pytest.param('a,b\n"c"d,e\n', 2, id="text after a quote"),
        pytest.param("a,b\nc\rd,e\n", 2, id="half a line end"),
        pytest.param("a,b\n" + "c" * 200_000, 2, id="an endless cell"),
    ],
)
def test_rows_end_where_nothing_can_be_trusted(text: str, line: int) -> None:
    """After a damaged quote no later row is read as if nothing had happened."""
    rows = columns.rows(text)
    assert next(rows) == (1, ["a", "b"])
    with pytest.raises(FieldError, match=f"^line {line}: a quoted cell"):
        list(rows)


def test_header_finds_columns_by_any_of_their_names() -> None:
    """Case, underscores and hyphens do not matter, and a delimiter at the end is no column."""
    cells = ["Serial_Number", " TIME-STEP ", "seed", ""]
    assert columns.header(cells, NAMES) == {"serial": 0, "period": 1, "seed": 2}


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        pytest.param(["serial", "3132333435"], "column 2 of the header", id="unknown"),
        pytest.param(["", "seed"], "column 1 of the header", id="empty"),
        pytest.param(["serial", "seed", "serial number"], "columns 1 and 3", id="twice"),
    ],
)
def test_doubtful_header_is_refused_without_repeating_it(cells: list[str], message: str) -> None:
    """A row of seeds may stand where the header should: its cells are not printed."""
    with pytest.raises(FieldError, match=message) as caught:
        columns.header(cells, NAMES)
    assert "3132333435" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "encoding", "octets"),
    [
        pytest.param("31 32-33", Encoding.HEX, b"123", id="hex in groups"),
        pytest.param("aBcD09", Encoding.HEX, b"\xab\xcd\x09", id="hex of any case"),
        pytest.param("GEZA", Encoding.BASE32, b"12", id="base32"),
        pytest.param("3132", Encoding.HEX, b"12", id="hex that says so"),
        pytest.param("22222222", Encoding.BASE32, b"\xd6\xb5\xad\x6b\x5a", id="base32 of digits"),
        pytest.param("3139", None, b"19", id="can only be hex"),
        pytest.param("GEZA", None, b"12", id="can only be base32"),
    ],
)
def test_seed_is_read_as_it_is_written(text: str, encoding: Encoding | None, octets: bytes) -> None:
    """Hexadecimal and base32 are told apart by what is declared, or if there is no doubt."""
    assert columns.seed_octets(text, encoding) == octets


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param("", None, id="nothing"),
        pytest.param("", Encoding.HEX, id="no hex"),
        pytest.param("313", Encoding.HEX, id="half an octet"),
        pytest.param("GEZA", Encoding.HEX, id="base32 called hex"),
        pytest.param("3139", Encoding.BASE32, id="hex called base32"),
        pytest.param("22222222", None, id="either"),
        pytest.param("\uff11\uff12", None, id="full-width digits"),
        pytest.param("0x31", None, id="a prefix"),
    ],
)
def test_doubtful_seed_is_refused_without_repeating_it(
    text: str, encoding: Encoding | None
) -> None:
    """A seed that could be read in two ways, or in none, is refused."""
    with pytest.raises(FieldError) as caught:
        columns.seed_octets(text, encoding)
    assert not text or text not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), ("yes", True), ("TRUE", True), ("1", True), (" no ", False), ("0", False)],
)
def test_flag_is_yes_or_no(text: str, *, expected: bool) -> None:
    """The usual words of spreadsheets are understood; nothing means no."""
    assert columns.flag(text, "disabled") is expected


@pytest.mark.parametrize("text", ["on", "y", "-", "2"])
def test_other_flags_are_refused(text: str) -> None:
    """What is neither yes nor no is not taken for either."""
    with pytest.raises(FieldError, match="disabled must be yes or no"):
        columns.flag(text, "disabled")
