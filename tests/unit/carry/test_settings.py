"""Tests of `radiusmfa.carry.settings`."""

from __future__ import annotations

import re

import pytest

from radiusmfa.carry.settings import Notes
from radiusmfa.carry.site import Kind
from radiusmfa.secret import Secret
from tests.unit.carry.desk import context, taker


def _faults(notes: Notes) -> list[str]:
    return [text for _, text in notes.faults]


def test_missing_setting_is_a_fault_of_its_section() -> None:
    """What must be there is told with the line of its section."""
    notes = Notes()
    assert taker("\n[x]\na=\n", notes).need("a") == ""
    assert _faults(notes) == ["line 3: [x]: a is missing"]
    assert taker("[x]\na=1\n").need("a") == "1"


@pytest.mark.parametrize("value", ["one", "-1", "1.5", "0x10", "１", "1" * 10])  # noqa: RUF001 - other digits
def test_number_is_written_in_digits(value: str) -> None:
    """Anything but digits is a fault."""
    notes = Notes()
    assert taker(f"[x]\na={value}\n", notes).number("a", 7, low=1, high=60) == 7
    assert _faults(notes) == ["line 2: [x]: a must be a whole number"]


@pytest.mark.parametrize(("value", "taken"), [("0", 1), ("5", 5), ("60", 60), ("90", 60)])
def test_number_out_of_our_range_is_moved_and_told(value: str, taken: int) -> None:
    """A number that is too small or too large here becomes the nearest one."""
    notes = Notes()
    assert taker(f"[x]\na={value}\n", notes).number("a", None, low=1, high=60) == taken
    told = [remark.text for remark in notes.remarks]
    assert told == (
        [] if int(value) == taken else [f"it must be from 1 to 60 here: {taken} was taken"]
    )
    assert taker("[x]\n").number("a", None, low=1, high=60) is None


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1"])
def test_port_is_one_that_there_is(value: str) -> None:
    """A port is 1 to 65535."""
    notes = Notes()
    assert taker(f"[x]\nport={value}\n", notes).port("port", 1812) == 1812
    assert _faults(notes) == ["line 2: [x]: port must be a port, 1 to 65535"]
    assert taker("[x]\nport=1645\n").port("port", 1812) == 1645
    assert taker("[x]\n").port("port", 1812) == 1812


def test_flag_and_choice_know_their_words() -> None:
    """Words in any case; any other one is a fault, and the default counts."""
    one = taker("[x]\na=TRUE\nb=off\nc=LDAPS\n")
    assert one.flag("a", default=False) is True
    assert one.flag("b", default=True) is False
    assert one.flag("d", default=True) is True
    assert one.choice("c", "clear", ("clear", "ldaps")) == "ldaps"
    assert one.choice("d", "clear", ("clear", "ldaps")) == "clear"
    notes = Notes()
    other = taker("[x]\na=perhaps\nc=dove\n", notes)
    other.flag("a", default=True)
    assert other.choice("c", "clear", ("clear", "ldaps")) == "clear"
    assert _faults(notes) == [
        "line 2: [x]: a must be true or false",
        "line 3: [x]: c must be clear or ldaps",
    ]


def test_value_must_match_its_form() -> None:
    """A value of another form is a fault; one that may be left out is none."""
    form, notes = re.compile("[a-z]+"), Notes()
    one = taker("[x]\na=1\n", notes)
    assert one.matching("a", form, "letters", is_needed=False) == ""
    assert one.matching("b", form, "letters", is_needed=False) == ""
    assert _faults(notes) == ["line 2: [x]: a must be letters"]


def test_lists_and_numbered_settings_are_in_order() -> None:
    """A list has no word twice; numbers count, not how they are spelled."""
    one = taker("[x]\na=push, ,phone,push\nip_10=c\nip_2=b\nip_1=a\nip_x=d\nip_=e\n")
    assert one.words("a") == ("push", "phone")
    assert one.numbered("ip_") == ["ip_1", "ip_2", "ip_10"]


def test_secret_is_taken_as_it_stands() -> None:
    """A secret goes into a file of its own, as octets."""
    notes = Notes()
    found = taker("[x]\nskey=grün\n", notes).secret("skey", "skey_protected", "duo", context())
    assert found is not None
    assert (found.name, found.octets, found.is_made_up) == ("duo", Secret("grün".encode()), False)
    assert not notes.remarks


def test_protected_secret_is_made_up_and_told() -> None:
    """What only one machine can open is replaced by chance, and is the first thing to be done."""
    notes = Notes()
    one = taker("[x]\nskey_protected=AQAA\n", notes)
    found = one.secret("skey", "skey_protected", "duo", context(), then="; then rest")
    assert found is not None
    assert (found.octets, found.is_made_up) == (Secret(b"x" * 40), True)
    (remark,) = notes.remarks
    assert remark.kind is Kind.TO_DO
    assert remark.setting == "skey_protected"
    assert remark.instead.startswith("write it into secrets/duo,")
    assert remark.instead.endswith("; then rest")


@pytest.mark.parametrize(
    ("text", "what"), [("", "skey is missing"), (f"skey={'x' * 1025}", "more than 1024 octets")]
)
def test_secret_that_cannot_be_used_is_a_fault(text: str, what: str) -> None:
    """No secret, or one that no file of ours may hold."""
    notes = Notes()
    assert taker(f"[x]\n{text}\n", notes).secret("skey", "p", "duo", context()) is None
    (fault,) = _faults(notes)
    assert what in fault


def test_everything_that_was_not_taken_is_told() -> None:
    """No setting disappears; one without a value says nothing."""
    notes = Notes()
    one = taker("[x]\na=1\nb=2\nc=3\nd=\n", notes)
    one.text("a")
    one.end({"b": ("why", "what instead")})
    assert [(said.setting, said.text, said.instead) for said in notes.remarks] == [
        ("b", "why", "what instead"),
        (
            "c",
            "radiusmfa does not know this setting: nothing was made of it",
            "see what it is for; docs/configuration.md has every setting here",
        ),
    ]
    assert all(said.kind is Kind.MISSING for said in notes.remarks)


def test_remark_stands_where_the_setting_does() -> None:
    """A remark has the line of the setting, or of the section where it is not there."""
    notes = Notes()
    one = taker("\n[x]\na=1\n", notes)
    one.missing("a", "no")
    one.missing("b", "not there: nothing to say")
    one.missing("", "the whole")
    one.different("b", "the default")
    assert [(said.line, said.setting) for said in notes.remarks] == [(3, "a"), (2, ""), (2, "b")]
    assert one.has("a")
    assert not one.has("b")
