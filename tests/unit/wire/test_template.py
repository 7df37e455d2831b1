"""Tests of `radiusmfa.wire.template`."""

from __future__ import annotations

import pytest

from radiusmfa.wire import template
from radiusmfa.wire.names import AttributeValueError
from radiusmfa.wire.template import Fields, Source, TemplateError

ALICE = Fields(
    user="alice",
    login="L1",
    group="Staff",
    groups=("Admins", "Staff"),
    directory=(("mail", ("a@x", "alice@x")), ("room", ("7",)), ("none", ()), ("blank", ("", "x"))),
)
NOBODY = Fields("", "")


def told(name: str) -> list[str]:
    """Return what an upstream has given."""
    return {"Class": ["gold"], "Filter-Id": ["one", "two"]}.get(name, [])


def filled(text: str, fields: Fields = ALICE) -> list[str]:
    """Return *text* filled in."""
    return template.compiled(text).fill(fields, told)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "a brace stands alone: write {{ or }} for the character"),
        ("}", "a brace stands alone"),
        ("{user", "a brace stands alone"),
        ("{{user}", "a brace stands alone"),
        ("{us{er}", "a brace stands alone"),
        ("{}", "{} is not known: {client}, {directory.NAME}, {group}, {groups}, {login}, "),
        ("{User}", "{User} is not known; did you mean {user}?"),
        ("{ user}", "{ user} is not known; did you mean {user}?"),
        ("{ldap.mail}", "{ldap.mail} is not known: {client}, {directory.NAME}, {group}, "),
        ("{directry.mail|x}", "{directry.mail|x} is not known; did you mean {directory.NAME}?"),
        ("{user!r}", "{user!r} is not known"),
        ("{user.name}", "{user.name} is not known; say {user}"),
        ("{groups.x}", "{groups.x} is not known; say {groups}"),
        ("{directory}", "{directory} is not known; say {directory.NAME}"),
        ("{directory.}", "{directory.} is not known"),
        ("{upstream|x}", "{upstream|x} is not known; say {upstream.NAME}"),
        ("{user:,}", "{user} has one value: there is nothing to join"),
        ("{group:,}", "{group} has one value: there is nothing to join"),
        ("{groups:}", "{groups:}: after the colon stands what joins several values"),
        ("{groups:|none}", "{groups:|none}: after the colon stands"),
        ("{groups} {directory.mail}", "{directory.mail} and {groups} may have several values each"),
        ("{groups|a} {groups|b}", "{groups} and {groups} may have several values each"),
    ],
)
def test_text_that_is_no_template_is_refused(text: str, fault: str) -> None:
    """A lone brace, an unknown placeholder, and two with several values each are faults."""
    with pytest.raises(TemplateError) as caught:
        template.compiled(text)
    assert str(caught.value).startswith(fault)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{client}", "{client} has no value"),
        ("{policy}", "{policy} has no value"),
        ("{directory.phone}", "{directory.phone} has no value"),
        ("{directory.none}", "{directory.none} has no value"),
        ("x{directory.none:,}", "{directory.none} has no value"),
        ("{upstream.State}", "{upstream.State} has no value"),
    ],
)
def test_placeholder_without_a_value_is_an_error(text: str, fault: str) -> None:
    """What has no value, and no default, makes no text."""
    with pytest.raises(AttributeValueError) as caught:
        filled(text)
    assert str(caught.value) == fault


@pytest.mark.parametrize("text", ["{user}", "{login}", "{group}", "{groups}", "{groups:;}"])
def test_nobody_has_no_values(text: str) -> None:
    """A login of which nothing is known makes no text."""
    with pytest.raises(AttributeValueError, match="has no value"):
        filled(text, NOBODY)


@pytest.mark.parametrize(
    "value", ["a\nb", "\0", "a\x1b[2J", "\x7f", "a\x85", "\u2028", "two\u2029"]
)
def test_control_character_is_an_error(value: str) -> None:
    """A value that moves a cursor or ends a line makes no text, and is not shown."""
    for text, fields in (
        ("{group}", Fields("u", "l", group=value)),
        ("{groups:;}", Fields("u", "l", groups=("fine", value))),
    ):
        with pytest.raises(AttributeValueError) as caught:
            filled(text, fields)
        assert str(caught.value).endswith("holds a control character")


def test_more_values_than_a_packet_takes_are_an_error() -> None:
    """Values beyond what others read in one packet make no text."""
    groups = tuple(f"g{number}" for number in range(template.MOST_VALUES + 1))

    assert len(filled("{groups}", Fields("u", "l", groups=groups[1:]))) == template.MOST_VALUES
    with pytest.raises(AttributeValueError, match="has more than 200 values"):
        filled("{groups}", Fields("u", "l", groups=groups))


def test_value_that_holds_what_joins_is_an_error() -> None:
    """Where a value could pass for two, no text is made: a name is no way to another group."""
    fields = Fields("u", "l", groups=("a;Admins",))

    assert filled("{groups:,}", fields) == ["a;Admins"]
    with pytest.raises(AttributeValueError, match="what is to stand between its values"):
        filled("{groups:;}", fields)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("plain", ["plain"]),
        ("{{{user}}} }}{{", ["{alice} }{"]),
        ("{user}-{login}-{group}", ["alice-L1-Staff"]),
        ("g={groups};", ["g=Admins;", "g=Staff;"]),
        ("{groups} {groups} {user}", ["Admins Admins alice", "Staff Staff alice"]),
        ("{groups:; }", ["Admins; Staff"]),
        ("{groups::}", ["Admins:Staff"]),
        ("{groups} {directory.mail:,}", ["Admins a@x,alice@x", "Staff a@x,alice@x"]),
        ("{directory.mail}", ["a@x", "alice@x"]),
        ("{directory.room}", ["7"]),
        ("{directory.blank}", ["x"]),
        ("{upstream.Filter-Id}", ["one", "two"]),
        ("{upstream.Class|none}", ["gold"]),
        ("{directory.phone|none}", ["none"]),
        ("{directory.phone|a|b:c}", ["a|b:c"]),
        ("x{directory.none:;|}", ["x"]),
        ("{policy|none}", ["none"]),
    ],
)
def test_placeholders_are_filled_in(text: str, expected: list[str]) -> None:
    """Each placeholder gets its values: one text, or one for each of several."""
    assert filled(text) == expected


@pytest.mark.parametrize("value", ["{user}", "{{", "}", "{groups:;}", "0x41", "%s", "a|b"])
def test_value_is_never_read_again(value: str) -> None:
    """A value that looks like a placeholder is what it is."""
    assert filled("{group}", Fields("u", "l", group=value)) == [value]


def test_known_parts_replace_placeholders() -> None:
    """What is known beforehand is filled in once; the rest stays."""
    made = template.compiled("{client}/{user}").replaced({Source.CLIENT: ("{vpn}",)})

    assert [str(one) for one in made.placeholders] == ["{user}"]
    assert made.fill(ALICE, told) == ["{vpn}/alice"]


def test_placeholders_are_told_once() -> None:
    """Each placeholder is named once, as messages name it."""
    made = template.compiled("{user} {directory.mail:,} {user}")

    assert [str(one) for one in made.placeholders] == ["{user}", "{directory.mail}"]


@pytest.mark.parametrize(("text", "expected"), [("0x41", True), ("{user}", False), ("0X", False)])
def test_only_a_person_writes_octets(text: str, expected: bool) -> None:  # noqa: FBT001 - a table
    """Text that begins with 0x as it stands in the file is octets."""
    assert template.compiled(text).is_written is expected


def test_name_of_a_client_is_not_octets() -> None:
    """A client that is called 0x41 does not become the octet A."""
    made = template.compiled("{client}").replaced({Source.CLIENT: ("0x41",)})

    assert (made.parts, made.is_written) == (("0x41",), False)


@pytest.mark.parametrize(
    ("name", "text", "group_reply", "attribute", "texts"),
    [
        ("Class", "{group}", ("Filter-Id", "ou={group}"), "Class", ["Staff"]),
        ("Group", "{group}", ("Filter-Id", "ou={group}"), "Filter-Id", ["ou=Staff"]),
        ("group", "{groups}", ("Filter-Id", ""), "Filter-Id", ["Admins", "Staff"]),
        ("GROUP", "x", ("Filter-Id", "{group}+{group}"), "Filter-Id", ["x+x"]),
        ("Group", "{groups}", ("Class", "{group}={group}"), "Class", ["Admins=Admins",
                                                                      "Staff=Staff"]),
        ("Group", "{group}", ("", ""), "", ["Staff"]),
    ],
)  # fmt: skip
def test_group_is_carried_by_another_attribute(
    name: str, text: str, group_reply: tuple[str, str], attribute: str, texts: list[str]
) -> None:
    """`Group`, in any case, is the attribute and the form that carry a group to the client."""
    found, made = template.carried(name, text, group_reply)

    assert (found, made.fill(ALICE, told)) == (attribute, texts)


def test_group_form_with_values_of_its_own_is_refused() -> None:
    """Two placeholders with several values are a fault also where one is in the other."""
    with pytest.raises(TemplateError):
        template.carried("Group", "{groups}", ("Class", "{group} {upstream.Class}"))
