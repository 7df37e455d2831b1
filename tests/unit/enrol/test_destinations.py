"""Tests of `radiusmfa.enrol.destinations`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol import destinations
from radiusmfa.enrol.destinations import DeviceList, DeviceRow
from radiusmfa.enrol.records import Fault
from radiusmfa.secret import Secret

HEADER = "user,type,to,label,question,answer,serial"


def _read(*lines: str, header: str = HEADER) -> list[DeviceRow | Fault]:
    found = DeviceList("\n".join((header, *lines)) + "\n")
    return [*found.faults, *found.rows()]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (",sms,+491701234567", "empty"),
        ("alice,,+491701234567", "the type must be sms, voice, email or question"),
        ("alice,totp,+491701234567", "the type must be sms, voice, email or question"),
        ("alice,sms,", "must begin with +"),
        ("alice,sms,0170 1234567", "must begin with +"),
        ("alice,email,+491701234567", "must be one plain address"),
        ('alice,email,"alice@example.org, bob@example.org"', "must be one plain address"),
        ("alice,sms,+491701234567,,Which city?", "sms has no use for the column question"),
        ("alice,sms,+491701234567,,,Paris", "sms has no use for the column answer"),
        ("alice,question,+491701234567,,Which city?,Paris", "no use for the column to"),
        ("alice,question,,,Which city?,", "at least 3 characters"),
        ("alice,question,,,,Paris", "the question must be"),
        ("alice,question,,,Which city?,NY", "at least 3 characters"),
        ("alice,sms,+491701234567,,,,a b", "a serial number holds no blanks"),
        ("alice,sms,+491701234567,a\x07b", "the label holds control characters"),
        ("alice,sms,+491701234567,,,,,x", "more cells than the header names"),
    ],
)
def test_faulty_line_is_named(line: str, why: str) -> None:
    """Each fault says its line and what is wrong, and repeats nothing of a number or answer."""
    (found,) = _read(line)
    assert isinstance(found, Fault)
    assert found.where == "line 2"
    assert why in found.message
    for word in ("1234567,", "0170", "bob@", "Paris", "Which"):
        assert word not in found.message


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("type,to", "must name a column user"),
        ("user,to", "must name a column type"),
        ("user,type,to,colour", "column 4 of the header has a name that is not known"),
        ("user,type,to,phone", "columns 3 and 4 mean the same"),
    ],
)
def test_header_that_leaves_something_out_is_refused(header: str, why: str) -> None:
    """Without its columns no row means anything."""
    (found,) = _read("alice,sms,+491701234567", header=header)
    assert isinstance(found, Fault)
    assert (found.where, why in found.message) == ("the file", True)


def test_file_without_a_row_is_empty() -> None:
    """Nothing at all has not even a header."""
    assert "empty; the first row must name the columns" in str(DeviceList("").faults[0])
    assert list(DeviceList(HEADER).rows()) == []


def test_file_that_is_no_text_is_refused() -> None:
    """Not UTF-8, and a quote that is never closed."""
    (fault,) = DeviceList(b"\xff\xfe\xfd").faults
    assert "not UTF-8" in fault.message
    found = _read('alice,sms,"+491701234567', "bob,sms,+491701234568")
    assert [one.where for one in found if isinstance(one, Fault)] == ["the file"]
    assert len(found) == 1


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["a,sms,+491701234567", "a,sms,+49 170 1234567"], "the number of line 2 again"),
        (["a,email,a@example.org", "A,email,a@EXAMPLE.org"], "the address of line 2 again"),
        (
            ["a,question,,,Which city?,Paris", "a,question,,,which  CITY?,London"],
            "the question of line 2 again",
        ),
        (
            ["a,sms,+491701234567,,,,S1", "b,sms,+491701234568,,,,S1"],
            "the serial number of line 2 again",
        ),
    ],
)
def test_same_thing_twice_is_a_fault_of_the_later_line(lines: list[str], why: str) -> None:
    """One person has a number once, and a serial number is given once."""
    first, second = _read(*lines)
    assert isinstance(first, DeviceRow)
    assert str(second) == f"line 3: {why}"


def test_rows_are_read() -> None:
    """In one form each; secrets do not show themselves."""
    found = _read(
        "Alice,SMS,+49 170 1234567,work,,,S1",
        "# a comment",
        "bob,voice,+491701234567",
        '"bob",email,Bob@EXAMPLE.org,"home, or not"',
        "bob,question,,,  Which city? ,PARIS",
    )
    assert found == [
        DeviceRow(
            where="line 2", user="alice", kind="sms", to="+491701234567", serial="S1", label="work"
        ),
        DeviceRow(where="line 4", user="bob", kind="voice", to="+491701234567"),
        DeviceRow(
            where="line 5", user="bob", kind="email", to="Bob@example.org", label="home, or not"
        ),
        DeviceRow(
            where="line 6",
            user="bob",
            kind="question",
            question="Which city?",
            answer=Secret(b"paris"),
        ),
    ]
    for word in ("1234567", "Bob@", "Which", "paris"):
        assert word not in repr(found)


def test_columns_have_other_names_too() -> None:
    """What an address book exports need not be renamed."""
    (found,) = _read("alice;sms;+491701234567", header="User Name;Channel;Mobile")
    assert isinstance(found, DeviceRow)
    assert (found.user, found.to) == ("alice", "+491701234567")
    assert DeviceList("user,type,to\na,sms,x\nb,sms,y\n").total == 2


@pytest.mark.parametrize(
    ("octets", "is_one"),
    [
        (b"user,type,to\nalice,sms,+491701234567\n", True),
        (b"\xef\xbb\xbf# of the office\n\nUSER;TYPE;Question;Answer\n", True),
        (b"name\ttype\temail\n", True),
        (b"serial,seed,user\nT1,3132333435363738393031323334353637383930,alice\n", False),
        (b"T1,3132333435363738393031323334353637383930\n", False),
        (b"to,type\n", False),
        (b"otpauth://totp/alice?secret=GEZDGNBVGY3TQOJQ\n", False),
        (b"<?xml version='1.0'?>", False),
        (b'"user,type,to\n', False),
        (b"\x00\xff\xfe", False),
        (b"", False),
    ],
)
def test_list_is_told_from_files_of_seeds(octets: bytes, is_one: bool) -> None:  # noqa: FBT001 - a table
    """The first row says it: who, and where."""
    assert destinations.is_one(octets) is is_one


@given(st.binary(max_size=300))
def test_any_octets_are_rows_or_faults(octets: bytes) -> None:
    """Whatever a file holds: rows or faults, never an exception."""
    destinations.is_one(octets)
    for content in (octets, b"user,type,to,question,answer\n" + octets):
        found = DeviceList(content)
        assert all(isinstance(one, DeviceRow | Fault) for one in found.rows())
