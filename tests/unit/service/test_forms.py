"""Tests of `service.forms`: what is written is read as it was meant, whatever it is."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.secret import Secret
from radiusmfa.service import forms

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@given(st.lists(st.tuples(TEXTS, TEXTS)))
def test_any_form_is_read_as_written(pairs: list[tuple[str, str]]) -> None:
    """Python's own reader finds the same names and values."""
    written = forms.form(pairs).decode()
    assert parse_qsl(written, keep_blank_values=True) == (pairs if written else [])


def test_plus_and_blank() -> None:
    """A plus would be read as a blank."""
    assert forms.form([("To", "+49 1")]) == b"To=%2B49%201"


@given(TEXTS)
def test_any_text_stands_in_its_type(text: str) -> None:
    """In JSON, XML and forms a value stays a value; in plain text it is as it is."""
    said = f'{{"a": "{forms.escaped(text, "application/vnd.x+json; charset=utf-8")}"}}'
    assert json.loads(said) == {"a": text}
    assert "&" not in forms.escaped(text, "application/x-www-form-urlencoded")
    assert forms.escaped(text, "text/plain") == text


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc"])))
def test_any_text_stands_in_xml(text: str) -> None:
    """Markup is escaped, in attributes too."""
    safe = forms.escaped(text, "text/xml")
    found = ET.fromstring(f'<a b="{safe}">{safe}</a>')  # noqa: S314 - ours
    assert (found.text or "", found.get("b")) == (text, text)


def test_basic_authentication() -> None:
    """The example of RFC 7617 section 2."""
    assert forms.basic("Aladdin", Secret(b"open sesame")) == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
    assert forms.bearer(Secret(b"x")) == "Bearer x"


@pytest.mark.parametrize("kind", ["", "json", "application/jsonx"])
def test_other_types_are_plain(kind: str) -> None:
    """What we do not know is not escaped."""
    assert forms.escaped('"<', kind) == '"<'
