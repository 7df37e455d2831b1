"""Tests of `config.messages`: what is sent fits, and is sent where the file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config import messages, nodes
from radiusmfa.config.directory_model import Directory
from radiusmfa.config.fields import Fields
from radiusmfa.config.message_model import Channel, Codes, Gateway, Smtp
from radiusmfa.config.service_model import Questions, Service

if TYPE_CHECKING:
    from radiusmfa.config.service_model import Settings


def _fields(text: str) -> Fields:
    report = nodes.Report()
    root = nodes.parse(text.encode(), report)
    return Fields(root, "", report, known=("codes", "prefixes", "attribute", "services"))


def _codes(text: str, channel: Channel = Channel.SMS) -> tuple[Codes, list[str]]:
    fields = _fields(f"codes: {{{text}}}")
    return messages.codes(fields, channel), fields.report.lines("f")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("digits: 5", "from 6 to 10"),
        ("digits: 11", "from 6 to 10"),
        ("lifetime: 29", "from 30s to 10m"),
        ("lifetime: 601", "from 30s to 10m"),
        ("tries: 0", "from 1 to 10"),
        ("tries: 11", "from 1 to 10"),
        ("text: hello", "must have {code} in it"),
        ("text: '{code} {name}'", "must not have {name} in it (known: {code}, {minutes}"),
        ("text: '{code} \u4e2d'", "letters that every telephone shows"),
        (f"text: '{151 * 'x'}{{code}}'", "160 characters"),
        (f"text: '{76 * '['}{{code}}'", "160 characters"),
        (f"text: '{494 * 'x'}{{code}}x'", "1 to 500 octets"),
        ("size: 6", "is no setting"),
    ],
)
def test_codes_that_cannot_be_are_faults(text: str, what: str) -> None:
    """Too short, too long, or with words that nobody knows."""
    found = _codes(text)[1]
    assert any(what in line for line in found)


@pytest.mark.parametrize("channel", [Channel.VOICE, Channel.EMAIL])
def test_calls_and_mails_may_say_more(channel: Channel) -> None:
    """In any letters."""
    assert _codes(f"text: '\u4e2d {300 * 'x'} {{code}}'", channel)[1] == []


def test_codes_are_read() -> None:
    """With units."""
    codes, faults = _codes("digits: 8, lifetime: 5m, tries: 5, text: '{code} {user}'")
    assert not faults
    assert codes == Codes(digits=8, lifetime=300, tries=5, text="{code} {user}")
    assert _codes("")[0] == Codes()


@pytest.mark.parametrize("text", ["[49]", "['+']", "['+0']", "[]", "['+49 1']", "'+49'"])
def test_prefixes_that_are_none_are_faults(text: str) -> None:
    """A country begins with a plus."""
    fields = _fields(f"prefixes: {text}")
    messages.prefixes(fields)
    assert fields.report.faults


def test_prefixes_are_read() -> None:
    """In order."""
    assert messages.prefixes(_fields("prefixes: ['+49', '+43664']")) == ("+49", "+43664")
    assert messages.prefixes(_fields("{}")) == ()


def test_attributes_are_names() -> None:
    """Of LDAP."""
    assert messages.attribute(_fields("attribute: mobile")) == "mobile"
    for text in ("'a b'", "1x", "'(x=*)'"):
        fields = _fields(f"attribute: {text}")
        messages.attribute(fields)
        assert fields.report.faults


def _unread(settings: Settings, *attributes: str) -> list[str]:
    fields = _fields("services: {}")
    directory = Directory(name="corp", servers=(), base="", attributes=attributes)
    messages.refuse_unread(fields, [Service(name="it", settings=settings)], [directory])
    return fields.report.lines("f")


def test_an_attribute_that_nobody_reads_is_a_fault() -> None:
    """Else nobody would ever be sent anything."""
    settings: list[Any] = [
        Gateway(url="", attribute="mobile"), Smtp(host="", sender="", attribute="mobile"),
    ]  # fmt: skip
    for one in settings:
        (line,) = _unread(one, "mobil")
        assert "no directory reads mobile" in line
        assert "did you mean mobil?" in line
        assert _unread(one, "Mobile") == []
    assert _unread(Gateway(url="")) == []
    assert _unread(Questions()) == []
