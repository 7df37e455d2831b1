"""Tests of `radiusmfa.carry.ini`."""

from __future__ import annotations

import pytest

from radiusmfa.carry import ini
from radiusmfa.carry.ini import Setting
from radiusmfa.interfaces import ImportRefusedError

REFUSED = [
    pytest.param(b"a=b\n", "line 1: a stands before the first section", id="no section"),
    pytest.param(b"[x]\nabc\n", "line 2: neither a [section], nor a setting", id="no setting"),
    pytest.param(b"[x]\nse cret=1\n", "line 2: neither a [section]", id="blank in a name"),
    pytest.param(b"[x\n", "line 1: must be a section", id="open bracket"),
    pytest.param(b"[]\n", "line 1: must be a section", id="no name"),
    pytest.param(b"[x] y\n", "line 1: must be a section", id="more after it"),
    pytest.param(b"[x]\na=1\n[X]\n", "line 3: [x] stands here again, first in line 1", id="twice"),
    pytest.param(b"[x]\na=1\nA=2\n", "line 3: a stands here again, first in line 2", id="again"),
    pytest.param(b"[x]\na=1\0\n", "line 2: a control character", id="NUL"),
    pytest.param(b"[x]\na=1\t# one\n", "line 2: a has a tab in it", id="tab"),
    pytest.param(b"[x]\na=1\x1b[2J\n", "line 2: a control character", id="escape"),
    pytest.param(b"[x]\r\na=1\r\na=\xff\r\n", "line 3: the file must be UTF-8", id="no UTF-8"),
    pytest.param("[x]\na=1\n".encode("utf-16"), "the file is UTF-16", id="UTF-16"),
    pytest.param(b"\xfe\xff\0[\0x\0]", "the file is UTF-16", id="the other UTF-16"),
    pytest.param(b";" * (ini.LARGEST_FILE + 1), "the file has more than", id="large"),
]


@pytest.mark.parametrize(("octets", "line"), REFUSED)
def test_unreadable_file_is_refused(octets: bytes, line: str) -> None:
    """What cannot be read is told with its line."""
    with pytest.raises(ImportRefusedError) as refused:
        ini.parse(octets)
    assert refused.value.faults[0].startswith(line)


def test_every_fault_is_told() -> None:
    """All faults are shown at once, up to what a person can mend."""
    with pytest.raises(ImportRefusedError) as refused:
        ini.parse(b"[x]\n" + b"?\n" * 3 + b"[x]\n")
    assert len(refused.value.faults) == 4
    with pytest.raises(ImportRefusedError) as refused:
        ini.parse(b"?\n" * 1000)
    assert len(refused.value.faults) == 50


def test_values_are_in_no_fault_and_in_no_representation() -> None:
    """A secret in the file shows in no error and no repr."""
    with pytest.raises(ImportRefusedError) as refused:
        ini.parse(b"[x]\nskey=hunter2\nskey=hunter2\nhunter2 alone\nhunter2=\0\n")
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in repr(ini.parse(b"[x]\nskey=hunter2\n"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_file_of_any_system_is_read(end: str, mark: str) -> None:
    """Windows' line ends and byte order mark are none of the file's words."""
    lines = ["; a comment", "# another", "", "[Ad_Client2] ; of the lab", "Host = dc1", "b:2=3"]
    document = ini.parse((mark + end.join(lines)).encode())
    (section,) = document.sections
    assert (section.name, section.kind, section.number) == ("ad_client2", "ad_client", "2")
    assert section.line == 4
    assert section.settings == {"host": Setting("dc1", 5), "b": Setting("2=3", 6)}
    assert document.doubts == ()


def test_sections_are_told_apart_by_their_digits() -> None:
    """Several sections of one kind each keep their settings; an empty one is a section."""
    text = b"[radius_server_auto]\nport=1\n[radius_server_auto2]\nport=2\n[duo_only_client]\n"
    first, second, third = ini.parse(text).sections
    assert [one.kind for one in (first, second)] == ["radius_server_auto"] * 2
    assert [one.number for one in (first, second, third)] == ["", "2", ""]
    assert second.settings["port"].value == "2"
    assert third.settings == {}


DOUBTS = [
    pytest.param("  a=1", "begins with a blank", id="indented"),
    pytest.param("a=1 ; one", "not as a comment", id="semicolon"),
    pytest.param("a=1 # one", "not as a comment", id="hash"),
    pytest.param('a="1"', "the quotes", id="quotes"),
    pytest.param("a='1'", "the quotes", id="single quotes"),
]


@pytest.mark.parametrize(("line", "text"), DOUBTS)
def test_what_could_be_meant_otherwise_is_told(line: str, text: str) -> None:
    """A line that other programs may read otherwise is read, and told."""
    document = ini.parse(f"[x]\n{line}\n".encode())
    (doubt,) = document.doubts
    assert text in doubt.text
    assert (doubt.section, doubt.setting, doubt.line) == ("x", "a", 2)
    assert document.sections[0].settings["a"].value == line.strip().removeprefix("a=")


@pytest.mark.parametrize("value", ["a;b", "a#b", "#", '"', "50% off", "%(home)s", "${x}", "=", ""])
def test_value_is_taken_as_it_stands(value: str) -> None:
    """Nothing is filled in, and a sign that stands in a word is a part of it."""
    document = ini.parse(f"[x]\na={value}\n".encode())
    assert document.sections[0].settings["a"].value == value
    assert document.doubts == ()
