"""Tests of `radiusmfa.config.passing`."""

from __future__ import annotations

from typing import Final

import pytest

from radiusmfa import shipped
from radiusmfa.config import nodes, passing
from radiusmfa.config.fields import Fields
from radiusmfa.config.upstream_model import Passing
from radiusmfa.upstream import attributes
from radiusmfa.wire import codec, names, vendor

ALL: Final = Passing()
NONE: Final = Passing(everything=False)
EVERY: Final = names.read({
    file.name: file.read_text(encoding="utf-8")
    for file in shipped.folder("dictionaries").iterdir()
    if file.name.startswith("dictionary.")
})  # fmt: skip
PROOFS: Final = (
    "User-Password", "CHAP-Password", "CHAP-Challenge", "MS-CHAP-Response", "MS-CHAP2-Response",
    "MS-CHAP-Challenge", "MS-CHAP2-CPW", "EAP-Message",
)  # fmt: skip
SALTED: Final = ("Tunnel-Password", "MS-MPPE-Send-Key", "MS-MPPE-Recv-Key", "MS-CHAP-MPPE-Keys")


def _read(text: str, setting: str = "send") -> tuple[Passing, list[str]]:
    report = nodes.Report()
    root = nodes.parse(f"{setting}: {text}".encode(), report)
    found = passing.read(Fields(root, "up", report, known=("send", "take")), setting)
    return found, report.lines("f")


def _octets(name: str) -> bytes:
    one = EVERY[name.lower()]
    if one.vendor:
        return vendor.encode(one.vendor, one.code, bytes(16))
    return codec.attribute(one.code, bytes(16))


def _arrives(name: str, other: str, setting: str) -> bool:
    """Ask the code that passes attributes on whether *name* would arrive as *other*."""
    octets = _octets(name)
    code = 1 if setting == "send" else 2
    packet = codec.decode(bytes((code, 7, 0, 20 + len(octets))) + bytes(16) + octets)
    listed = Passing(everything=False, names=((name, other),))
    if setting == "send":
        return attributes.Sent(listed).send(packet) == _octets(other)
    try:
        return attributes.Taken(listed).take(packet, b"secret", bytes(16)).plain == _octets(other)
    except attributes.UnusableReplyError:
        return name == other  # it would be opened, which 16 zeros cannot be


@pytest.mark.parametrize("setting", ["send", "take"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("all", ALL),
        ("none", NONE),
        ("'none'", NONE),
        ("[Class]", Passing(everything=False, names=(("Class", "Class"),))),
        (
            "[Class, Cisco-AVPair]",
            Passing(
                everything=False,
                names=(("Class", "Class"), ("Cisco-AVPair", "Cisco-AVPair")),
            ),
        ),
        (
            "[Filter-Id, {Class: Reply-Message}]",
            Passing(
                everything=False,
                names=(("Filter-Id", "Filter-Id"), ("Class", "Reply-Message")),
            ),
        ),
        ("{Class: Filter-Id}", Passing(names=(("Class", "Filter-Id"),))),
        ("{Class: Class}", Passing(names=(("Class", "Class"),))),
        ("{class: filter-id}", Passing(names=(("class", "filter-id"),))),
        ("{Session-Timeout: Class}", Passing(names=(("Session-Timeout", "Class"),))),
        ("{Session-Timeout: Idle-Timeout}", Passing(names=(("Session-Timeout", "Idle-Timeout"),))),
    ],
)
def test_forms_are_read(setting: str, text: str, expected: Passing) -> None:
    """All, none, a list, all with some renamed, or a list with some renamed."""
    assert _read(text, setting) == (expected, [])


def test_without_the_setting_everything_is_passed() -> None:
    """What is not named is not restricted."""
    report = nodes.Report()
    fields = Fields(nodes.parse(b"{}", report), "up", report, known=())
    assert passing.read(fields, "send") == ALL
    assert passing.read(fields, "take") == ALL


@pytest.mark.parametrize("setting", ["send", "take"])
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("some", "7: up.{}: must be all, none, a list of names, or {{Name: Other-Name}}"),
        ("Class", "7: up.{}: must be all, none, a list of names, or {{Name: Other-Name}}"),
        ("yes", "7: up.{}: must be all, none, a list of names, or {{Name: Other-Name}}"),
        ("[]", "7: up.{}: names nothing: say all or none"),
        ("{}", "7: up.{}: names nothing: say all or none"),
        ("[Clas]", "8: up.{}[0]: no dictionary has this attribute; did you mean Class?"),
        ("[Class, Tunnel-Type:1]", "15: up.{}[1]: no dictionary has this attribute; did you mean"),
        ("{Clas: Class}", "8: up.{}.Clas: no dictionary has this attribute; did you mean Class?"),
        ("{Class: Filter}", "15: up.{}.Class: no dictionary has this attribute"),
        ("[{Clas: Class}]", "9: up.{}[0].Clas: no dictionary has this attribute; did you mean"),
        ("[[Class]]", "8: up.{}[0]: must be one value"),
        ("[~]", '8: up.{}[0]: has no value; an empty text is written ""'),
        ("{Class: [Filter-Id]}", "15: up.{}.Class: must be one value"),
        ("{Class: }", '15: up.{}.Class: has no value; an empty text is written ""'),
        ("[Class, class]", "15: up.{}[1]: class is named twice"),
        ("[{Class: Filter-Id}, CLASS]", "28: up.{}[1]: CLASS is named twice"),
        ("{Class: Filter-Id, class: Class}", "26: up.{}.class: class is named twice"),
        ("[State]", "8: up.{}[0]: State is never passed on: each side has its own"),
        ("{Class: state}", "15: up.{}.Class: State is never passed on: each side has its own"),
        ("{Proxy-State: Class}", "8: up.{}.Proxy-State: Proxy-State is never passed on"),
        ("[Vendor-Specific]", "8: up.{}[0]: Vendor-Specific is many attributes: name those that"),
        ("{Class: Vendor-Specific}", "15: up.{}.Class: Vendor-Specific is many attributes"),
        (
            "{Class: Session-Timeout}",
            "15: up.{}.Class: Session-Timeout is of another type: integer, not octets",
        ),
        (
            "{NAS-IP-Address: Session-Timeout}",
            "24: up.{}.NAS-IP-Address: Session-Timeout is of another type: integer, not ipaddr",
        ),
    ],
)
def test_unfit_list_is_refused(setting: str, text: str, fault: str) -> None:
    """What is unknown, meaningless or without effect is one fault, with its place."""
    (line,) = _read(text, setting)[1]
    assert line.startswith(f"f:1:{fault.format(setting)}")


@pytest.mark.parametrize("text", ["", "~"])
def test_nothing_is_a_fault(text: str) -> None:
    """A setting without a value is a fault."""
    (line,) = _read(text)[1]
    assert 'up.send: has no value; an empty text is written ""' in line


@pytest.mark.parametrize("setting", ["send", "take"])
@pytest.mark.parametrize("name", PROOFS)
def test_proof_is_never_passed_by_name(setting: str, name: str) -> None:
    """No list passes a proof on, in either direction and under any name."""
    for text in (f"[{name}]", f"{{{name}: Class}}", f"{{Class: {name}}}"):
        (line,) = _read(text, setting)[1]
        assert f"{name} is never passed on: each side has its own" in line


@pytest.mark.parametrize("name", SALTED)
def test_key_of_an_accept_may_be_named_but_not_renamed(name: str) -> None:
    """What is hidden anew can be taken; under another name it would leave in clear."""
    expected = Passing(everything=False, names=((name, name),))
    assert _read(f"[{name}]", "take") == (expected, [])
    assert _read(f"{{{name}: {name}}}", "take") == (Passing(names=((name, name),)), [])
    for text in (f"{{{name}: Class}}", f"{{Class: {name}}}"):
        (line,) = _read(text, "take")[1]
        assert f"{name} keeps its name" in line
    (line,) = _read(f"[{name}]", "send")[1]
    assert line == f"f:1:8: up.send[0]: {name} is never sent"


@pytest.mark.parametrize(
    ("setting", "name", "fault"),
    [
        ("send", "User-Name", "User-Name is always sent: user_name says how it is written"),
        ("send", "MS-CHAP2-Success", "MS-CHAP2-Success is never sent"),
        ("send", "ARAP-Password", "ARAP-Password is never sent"),
        ("take", "Prompt", "Prompt is never taken"),
        ("take", "Error-Cause", "Error-Cause is never taken"),
    ],
)
def test_what_goes_one_way_is_not_named_for_the_other(setting: str, name: str, fault: str) -> None:
    """An attribute that only the other direction knows is refused."""
    assert _read(f"[{name}]", setting)[1] == [f"f:1:8: up.{setting}[0]: {fault}"]
    other = "take" if setting == "send" else "send"
    assert _read(f"[{name}]", other)[1] == []


def test_name_of_the_user_may_be_taken() -> None:
    """The User-Name of an Accept passes only where it is named."""
    assert _read("[User-Name]", "take")[1] == []
    assert _read("{User-Name: User-Name}", "take")[1] == []


@pytest.mark.parametrize("setting", ["send", "take"])
def test_lists_agree_with_what_is_passed(setting: str) -> None:
    """Of every attribute there is: a list may name it just if it then arrives."""
    for one in EVERY.values():
        (_, faults) = _read(f'["{one.name}"]', setting)
        assert _arrives(one.name, one.name, setting) is not bool(faults), one.name


@pytest.mark.parametrize("setting", ["send", "take"])
def test_new_names_agree_with_what_is_passed(setting: str) -> None:
    """Of every attribute there is: no other name may be given to it, or from it, in vain."""
    for one in EVERY.values():
        if one.name == "Class":
            continue
        for name, other in ((one.name, "Class"), ("Class", one.name)):
            (_, faults) = _read(f'{{"{name}": "{other}"}}', setting)
            arrives = _arrives(name, other, setting)
            if not any("another type" in fault for fault in faults):
                assert arrives is not bool(faults), (name, other)
