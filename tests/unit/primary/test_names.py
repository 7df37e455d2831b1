"""Tests of `radiusmfa.primary.names`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.dn import parse_dn

from radiusmfa.primary import names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("alice", "alice"),
        ("a.b-c_d@corp.example", "a.b-c_d@corp.example"),
        ("*)(uid=*", "\\2a\\29\\28uid\\3d\\2a"),
        ("a\\b", "a\\5cb"),
        (" x ", "\\20x\\20"),
        ("\0", "\\00"),
        ("Jörg", "J\\c3\\b6rg"),
        ("a,dc=x", "a\\2cdc\\3dx"),
    ],
)
def test_what_is_typed_means_nothing_but_itself(text: str, expected: str) -> None:
    """Nothing that a person types is syntax in a filter or a distinguished name."""
    assert names.escaped(text) == expected


def test_template_is_filled_once() -> None:
    """What is filled in is escaped, and is no template itself."""
    filled = names.filled("(|(member={dn})(memberUid={user}))", dn="cn={user}", user="a*")
    assert filled == "(|(member=cn\\3d\\7buser\\7d)(memberUid=a\\2a))"


@pytest.mark.parametrize(
    ("dn", "expected"),
    [
        ("cn=staff,ou=groups,dc=x", "staff"),
        ("CN=Domain Admins,CN=Users,DC=x", "Domain Admins"),
        ("cn=Doe\\, Jane,dc=x", "Doe, Jane"),
        ("cn=Doe\\2c Jane+uid=jane,dc=x", "Doe, Jane"),
        ("cn=J\\c3\\b6rg,dc=x", "Jörg"),
        ("cn=a\\+b\\\\,dc=x", "a+b\\"),
        ("cn= staff ,dc=x", "staff"),
        ("cn=,dc=x", "cn=,dc=x"),
        ("staff", "staff"),
        ("", ""),
    ],
)
def test_first_value_of_a_name(dn: str, expected: str) -> None:
    """A group goes by what its distinguished name begins with."""
    assert names.first_value(dn) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_stays_one_value(text: str) -> None:
    """Whatever is typed stays the value of one attribute, as ldap3 reads names."""
    dn = f"uid={names.escaped(text)},dc=corp"
    assert [name for name, _, _ in parse_dn(dn)] == ["uid", "dc"]
    assert names.first_value(dn) == text.strip() or text != text.strip() or not text.strip()
