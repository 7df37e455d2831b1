"""Tests of `config.service_sms`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.message_model import Codes, Content, Gateway, Method
from radiusmfa.secret import Secret
from tests.unit.config.service_entries import SECRET, faults, read

if TYPE_CHECKING:
    from pathlib import Path

URL = "url: 'https://sms.example.net/send'"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("sms: {}", "sms.url: is missing"),
        ("sms: {url: 'http://sms.example.net/send'}", "sms.url: must begin with https"),
        ("sms: {url: 'https://sms.example.net/send?key=1'}", "sms.url: must be https://HOST"),
        (f"sms: {{{URL}, method: PUT}}", "sms.method: must be POST or GET"),
        (f"sms: {{{URL}, content: xml}}", "sms.content: must be form, json, query or raw"),
        (f"sms: {{{URL}, method: GET}}", "sms.content: must be query with method: GET"),
        (f"sms: {{{URL}, fields: x}}", "sms.fields: must name what is sent"),
        (f"sms: {{{URL}, fields: {{}}}}", "sms.fields: must have {to} and {text}"),
        (f"sms: {{{URL}, fields: {{to: '{{to}}'}}}}", "sms.fields: must have {to} and {text}"),
        (f"sms: {{{URL}, fields: {{'a b': '{{to}}{{text}}'}}}}", "sms.fields: must have names"),
        (
            f"sms: {{{URL}, fields: {{to: ['{{to}}'], text: '{{text}}'}}}}",
            "sms.fields.to: must be one",
        ),
        (f"sms: {{{URL}, content: raw}}", "sms.fields: is missing"),
        (
            f"sms: {{{URL}, content: raw, fields: {{to: '{{to}}', text: '{{text}}'}}}}",
            "sms.fields: must be one, with content: raw",
        ),
        (
            f"sms: {{{URL}, content: raw, fields: {{body: '{{to}}{{text}}'}}}}",
            "sms.fields: must be one, with content: raw",
        ),
        (f"sms: {{{URL}, user: me}}", "sms.password: is missing"),
        (f"sms: {{{URL}, user: 'a:b', password: {SECRET}}}", "sms.user: must not hold a colon"),
        (f"sms: {{{URL}, password: {SECRET}}}", "sms.password: has a meaning with user or header"),
        (f"sms: {{{URL}, header: X-Key}}", "sms.password: is missing"),
        (f"sms: {{{URL}, header: 'a b', password: {SECRET}}}", "sms.header: must be the name"),
        (f"sms: {{{URL}, header: Host, password: {SECRET}}}", "sms.header: is a header that we"),
        (f"sms: {{{URL}, user: a, header: X, password: {SECRET}}}", "sms.header: or user must be"),
        (f"sms: {{{URL}, number_format: national}}", "sms.number_format: must be e164"),
        (f"sms: {{{URL}, number_format: 'national:49'}}", "sms.number_format: must be e164"),
        (f"sms: {{{URL}, statuses: [404]}}", "sms.statuses[0]: must be a status from 200 to 299"),
        (f"sms: {{{URL}, statuses: []}}", "sms.statuses: must name at least one"),
        (f"sms: {{{URL}, statuses: 200}}", "sms.statuses: must be a list"),
        (f"sms: {{{URL}, success: '('}}", "sms.success: must be a regular expression"),
        (f"sms: {{{URL}, failure: '(a+)+$'}}", "sms.failure: must not repeat a group"),
        (f"sms: {{{URL}, prefixes: ['49']}}", "sms.prefixes[0]: must be as +49"),
        (f"sms: {{{URL}, attribute: 'a b'}}", "sms.attribute: must be the name of an attribute"),
        (f"sms: {{{URL}, codes: {{text: x}}}}", "sms.codes.text: must have {code}"),
        (f"sms: {{{URL}, sender: x}}", "sms.sender: is no setting"),
    ],
)
def test_what_cannot_be_is_a_fault(text: str, what: str, tmp_path: Path) -> None:
    """With its place."""
    assert any(line.startswith(what) for line in faults(text, tmp_path)), faults(text, tmp_path)


def test_more_fields_than_anybody_needs_are_a_fault(tmp_path: Path) -> None:
    """Thirty are enough."""
    many = ", ".join(f"f{at}: '{{to}}{{text}}'" for at in range(31))
    assert faults(f"sms: {{{URL}, fields: {{{many}}}}}", tmp_path) == [
        "sms.fields: must be 30 at most"
    ]


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    """An address; all else has its default."""
    settings, warnings, found = read(f"sms: {{{URL}}}", tmp_path)
    assert (settings, warnings, found) == (Gateway(url="https://sms.example.net/send"), [], [])


def test_everything_can_be_said(tmp_path: Path) -> None:
    """And is what counts."""
    text = (
        f"sms: {{{URL}, method: POST, content: json,"
        " fields: {nr: '{to}', x: '{text}', s: us},"
        f" header: X-Api-Key, password: {SECRET}, number_format: 'national:0049',"
        " statuses: [200, 204, 200], success: '\"ok\": *true', failure: ERR, attribute: mobile,"
        " prefixes: ['+49'], codes: {digits: 8}}"
    )
    settings, warnings, found = read(text, tmp_path)
    assert not found
    assert not warnings
    assert settings == Gateway(
        url="https://sms.example.net/send",
        method=Method.POST,
        content=Content.JSON,
        fields=(("nr", "{to}"), ("x", "{text}"), ("s", "us")),
        header="X-Api-Key",
        password=Secret(b"what they know"),
        number_format="national:0049",
        statuses=(200, 204),
        success='"ok": {0,100}true',
        failure="ERR",
        attribute="mobile",
        prefixes=("+49",),
        codes=Codes(digits=8),
    )


def test_raw_is_one_text_of_a_type(tmp_path: Path) -> None:
    """Its braces stay."""
    raw = "fields: {'application/json': '{\"m\":\"{to}{text}\"}'}"
    text = f"sms: {{{URL}, content: raw, {raw}}}"
    settings, _, found = read(text, tmp_path)
    assert not found
    assert settings.fields == (("application/json", '{"m":"{to}{text}"}'),)


def test_codes_in_addresses_are_loud(tmp_path: Path) -> None:
    """They are written into logs on the way."""
    _, warnings, found = read(f"sms: {{{URL}, method: GET, content: query}}", tmp_path)
    assert not found
    (warning,) = warnings
    assert "services.it.sms: content: query puts codes and numbers into addresses" in warning
