"""Tests of `radiusmfa.config.fields`."""

from __future__ import annotations

import pytest

from radiusmfa.config import nodes
from radiusmfa.config.fields import Fields, Found, duration_text, scalar_text
from radiusmfa.config.model import Mode, Tri


def _fields(text: str, *known: str, fallback: Fields | None = None) -> tuple[Fields, nodes.Report]:
    report = fallback.report if fallback else nodes.Report()
    root = nodes.parse(text.encode(), report)
    where = "here" if fallback is None else "there"
    return Fields(root, where, report, known=known or ("a",), fallback=fallback), report


@pytest.mark.parametrize("text", ["1", "5", "10"])
def test_integer_in_range_is_taken(text: str) -> None:
    """A whole number within its limits is taken."""
    fields, report = _fields(f"a: {text}")
    assert fields.integer("a", 7, low=1, high=10) == int(text)
    assert not report.faults


@pytest.mark.parametrize(
    "text", ["0", "11", "-1", "0x5", "05", "5.0", "1e1", "five", "'5'", "[5]", "", "1_0", "\u0665"]
)
def test_integer_of_another_form_is_refused(text: str) -> None:
    """Only a plain decimal number within its limits is a number."""
    fields, report = _fields(f"a: {text}")
    assert fields.integer("a", 7, low=1, high=10) == 7
    assert report.lines("f") == [
        f"f:1:{3 if not text else 4}: here.a: must be a whole number from 1 to 10"
    ]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("45s", 45),
        ("30m", 1800),
        ("8h", 28_800),
        ("7d", 604_800),
        ("'8h'", 28_800),
    ],
)
def test_duration_is_taken(text: str, seconds: int) -> None:
    """Seconds, minutes, hours, days; without a unit it is seconds."""
    fields, report = _fields(f"a: {text}")
    assert fields.duration("a", 7, low=0, high=604_800) == seconds
    assert not report.faults


@pytest.mark.parametrize(
    "text",
    ["", "59", "25h", "-1m", "1.5h", "8 h", "8H", "1h30m", "h", "08h", "1w", "[8h]", "\u0668h"],
)
def test_duration_of_another_form_is_refused(text: str) -> None:
    """One number and one unit, within the limits."""
    fields, report = _fields(f"a: {text}")
    assert fields.duration("a", 7, low=60, high=86_400) == 7
    (line,) = report.lines("f")
    assert line.endswith("here.a: must be from 1m to 1d, as 45s, 30m, 8h or 7d")


def test_duration_that_is_not_there_is_the_default() -> None:
    """Nothing written is no fault."""
    fields, report = _fields("b: 1", "a", "b")
    assert fields.duration("a", 7, low=1, high=10) == 7
    assert not report.faults


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (1, "1s"),
        (60, "1m"),
        (90, "90s"),
        (5400, "90m"),
        (86_400, "1d"),
        (129_600, "36h"),
    ],
)
def test_duration_is_written_in_the_largest_unit(seconds: int, text: str) -> None:
    """What is written is read back the same."""
    assert duration_text(seconds) == text
    assert _fields(f"a: {text}")[0].duration("a", 7, low=0, high=999_999) == seconds


@pytest.mark.parametrize(
    ("text", "expected"), [("yes", True), ("true", True), ("no", False), ("false", False)]
)
def test_boolean_words_are_taken(text: str, *, expected: bool) -> None:
    """Yes and true, no and false."""
    fields, report = _fields(f"a: {text}")
    assert fields.boolean("a", default=not expected) is expected
    assert not report.faults


@pytest.mark.parametrize("text", ["on", "Yes", "1", "'yes'", "y", "[yes]", "null"])
def test_boolean_of_another_form_is_refused(text: str) -> None:
    """Nothing else is a yes or a no."""
    fields, report = _fields(f"a: {text}")
    assert fields.boolean("a", default=True) is True
    assert report.lines("f") == ["f:1:4: here.a: must be yes or no"]


def test_choice_is_taken() -> None:
    """A choice is one of its words, quoted or not; true means yes where yes is one."""
    assert _fields("a: append")[0].choice("a", Mode.AUTO) is Mode.APPEND
    assert _fields("a: 'append'")[0].choice("a", Mode.AUTO) is Mode.APPEND
    assert _fields("a: true")[0].choice("a", Tri.AUTO) is Tri.YES
    assert _fields("a: false")[0].choice("a", Tri.AUTO) is Tri.NO
    assert _fields("{}")[0].choice("a", Tri.AUTO) is Tri.AUTO


def test_choice_suggests_a_close_word() -> None:
    """A word that is no choice is refused, with the close one."""
    fields, report = _fields("a: chalenge")
    assert fields.choice("a", Mode.AUTO) is Mode.AUTO
    assert report.lines("f") == [
        (
            "f:1:4: here.a: must be step-up, append, challenge, auto or proxy; did you mean"
            " challenge?"
        )
    ]


def test_text_is_measured_in_octets() -> None:
    """A text has limits in octets, not in characters."""
    assert _fields("a: ää")[0].text("a", "-", low=1, high=4) == "ää"
    fields, report = _fields("a: äää")
    assert fields.text("a", "-", low=1, high=4) == "-"
    assert report.lines("f") == ["f:1:4: here.a: must have 1 to 4 octets"]


def test_text_with_control_characters_is_refused() -> None:
    """A text that a terminal would act on is refused."""
    fields, report = _fields('a: "x\\e[31m"')
    assert fields.text("a", "-", low=0, high=9) == "-"
    assert report.lines("f") == ["f:1:4: here.a: must not hold control characters"]


def test_missing_value_is_no_text() -> None:
    """A key without a value is a fault that says how to write an empty text."""
    fields, report = _fields("a:")
    assert fields.text("a", "-", low=0, high=9) == "-"
    assert report.lines("f") == ['f:1:3: here.a: has no value; an empty text is written ""']


def test_unknown_setting_suggests_a_close_one() -> None:
    """A setting that does not exist is refused, with the close one."""
    _, report = _fields("prmpt: x", "prompt", *(f"other{at}" for at in range(9)))
    assert report.lines("f") == ["f:1:1: here.prmpt: is no setting; did you mean prompt?"]


def test_unknown_setting_lists_a_few() -> None:
    """Where nothing is close and little is known, all of it is named."""
    _, report = _fields("zzz: x", "udp")
    assert report.lines("f") == ["f:1:1: here.zzz: is no setting (known: udp)"]


def test_missing_setting_is_reported_at_its_section() -> None:
    """A setting that must be there is missed at the section that lacks it."""
    fields, report = _fields("{}")
    assert fields.need("a") is None
    assert report.lines("f") == ["f:1:1: here.a: is missing"]


def test_only_settings_can_lack_one() -> None:
    """What holds no settings at all is one fault, not one for each that it lacks."""
    report = nodes.Report()
    fields = Fields(nodes.Scalar("x", quoted=False, place=nodes.Place(1, 1)), "a", report, known=())
    assert fields.need("b") is None
    assert report.lines("f") == ["f:1:1: a: must hold settings, as {name: value}"]


def test_fault_stands_at_the_value_or_at_its_section() -> None:
    """A fault of a setting that is not there is shown where it could stand."""
    fields, report = _fields("{a: 1}", "a", "b")
    fields.fault("a", "is wrong")
    fields.fault("b", "is wrong")
    assert report.lines("f") == ["f:1:1: here.b: is wrong", "f:1:5: here.a: is wrong"]


def test_defaults_count_where_nothing_is_said() -> None:
    """A setting that is not there has its default, of whatever kind."""
    fields, report = _fields("{}")
    assert fields.boolean("a", default=True)
    assert not fields.boolean("a", default=False)
    assert fields.text("a", "-", low=1, high=9) == "-"
    assert fields.choice("a", Mode.AUTO) is Mode.AUTO
    assert not report.faults


def test_fallback_answers_and_keeps_its_place() -> None:
    """A setting that only the fallback has is taken from there, and faulted there."""
    below, report = _fields("a: 99")
    fields, _ = _fields("{}", fallback=below)
    assert fields.integer("a", 7, low=1, high=10) == 7
    assert not fields.has("a")
    assert report.lines("f") == ["f:1:4: here.a: must be a whole number from 1 to 10"]


def test_own_setting_hides_the_fallback() -> None:
    """A setting that stands in both is taken from the nearer one."""
    below, _ = _fields("a: 1")
    fields, report = _fields("a: 2", fallback=below)
    assert fields.integer("a", 7, low=1, high=10) == 2
    assert not report.faults


def test_every_layer_says_what_it_says() -> None:
    """What was written for a setting can be read layer by layer, with its place in each."""
    lowest, _ = _fields("a: 3")
    middle, _ = _fields("{}", fallback=lowest)
    fields, _ = _fields("a: 2", fallback=middle)
    found = [(one.where, one.node) for one in fields.every("a")]
    assert [where for where, _ in found] == ["there.a", "here.a"]
    assert [node.text for _, node in found if isinstance(node, nodes.Scalar)] == ["2", "3"]
    assert list(fields.every("b")) == []


def test_items_are_entries_of_a_list() -> None:
    """A list gives its entries with their paths; anything else is a fault."""
    fields, _ = _fields("a: [x, y]")
    assert [item.where for item in fields.items("a")] == ["here.a[0]", "here.a[1]"]
    assert _fields("{}")[0].items("a") == []
    fields, report = _fields("a: x")
    assert fields.items("a") == []
    assert report.lines("f") == ["f:1:4: here.a: must be a list, as [one, two]"]


def test_one_value_may_stand_for_a_list() -> None:
    """One value is a list of one; an empty list, which would say nothing, is a fault."""
    fields, report = _fields("{a: x, b: [y, z], c: []}", "a", "b", "c", "d")
    assert [item.where for item in fields.some("a")] == ["here.a"]
    assert [item.where for item in fields.some("b")] == ["here.b[0]", "here.b[1]"]
    assert fields.some("d") == []
    assert not report.faults
    assert fields.some("c") == []
    assert report.lines("f") == ["f:1:22: here.c: must name at least one"]


def test_section_may_be_empty_but_not_a_value() -> None:
    """A section without settings takes the defaults; a single value is no section."""
    for text in ("{}", "a:", "a: {}"):
        fields, report = _fields(text)
        assert fields.section("a", ("b",)).integer("b", 3, low=0, high=9) == 3
        assert not report.faults
    fields, report = _fields("a: x")
    fields.section("a", ("b",))
    assert report.lines("f") == ["f:1:4: here.a: must hold settings, as {name: value}"]


def test_list_is_no_single_value() -> None:
    """Where one value is wanted, a list is a fault."""
    report = nodes.Report()
    root = nodes.parse(b"a: [x]", report)
    assert scalar_text(Found(root.entries["a"][1], "a"), report) is None
    assert report.lines("f") == ["f:1:4: a: must be one value"]
