"""Tests of `radiusmfa.config.ldap_forms`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.core.exceptions import LDAPInvalidFilterError
from ldap3.operation.search import parse_filter

from radiusmfa.config import ldap_forms

GOOD_FILTERS = [
    "(uid=alice)",
    "(objectClass=*)",
    "(cn=a*b*)",
    "(cn=)",
    "(uidNumber>=1000)",
    "(uidNumber<=1000)",
    "(cn~=alice)",
    "(cn=a\\2a\\28)",
    "(&(objectClass=person)(!(description=x)))",
    "(|(a=b)(c=d)(e=f))",
    "(!(a=b))",
    "(member:1.2.840.113556.1.4.1941:={dn})",
    "(ou:dn:=people)",
    "(ou:dn:caseIgnoreMatch:=people)",
    "(2.5.4.3=x)",
    "(cn=Jörg)",
]
BAD_FILTERS = [
    "",
    "uid=alice",
    "(uid=alice",
    "(uid=alice))",
    "(uid=alice)(uid=bob)",
    "(uid)",
    "(=alice)",
    "(&)",
    "(!)",
    "(!(a=b)(c=d))",
    "(& (a=b))",
    "(&(a=b)",
    "(cn=a\\zz)",
    "(cn=a(b)",
    "(cn=\0)",
    "(u id=x)",
    "()",
    "(cn=x\\)",
    21 * "(!" + "(a=b)" + 21 * ")",
]


@pytest.mark.parametrize("text", BAD_FILTERS)
def test_what_is_no_filter_is_refused(text: str) -> None:
    """A slip in a filter is found before anybody logs in."""
    assert not ldap_forms.is_filter(text)


@pytest.mark.parametrize("text", GOOD_FILTERS)
def test_filters_are_known(text: str) -> None:
    """Every form of RFC 4515 is a filter, for ldap3 too."""
    assert ldap_forms.is_filter(text)
    assert parse_filter(
        text, None, auto_escape=False, auto_encode=True, validator=None, check_names=False
    )


@given(st.text("()&|!=*\\a2{}", max_size=30))
def test_whatever_passes_can_be_sent(text: str) -> None:
    """What is a filter here is never one that ldap3 refuses."""
    if ldap_forms.is_filter(text):
        try:
            parse_filter(
                text, None, auto_escape=False, auto_encode=True, validator=None, check_names=False
            )
        except LDAPInvalidFilterError as error:
            pytest.fail(f"{text}: {error}")


@pytest.mark.parametrize(
    "text",
    [
        "dc=x",
        "dc=example,dc=com",
        "DC=example, DC=com",
        "cn=Doe\\, Jane,dc=x",
        "cn=a\\2cb,dc=x",
        "cn=a+uid=b,dc=x",
        "2.5.4.3=x",
        "ou=Vertrieb & Service,dc=x",
        "cn=a\\,",
    ],
)
def test_distinguished_names_are_known(text: str) -> None:
    """RFC 4514, and the blanks behind commas that many write."""
    assert ldap_forms.is_dn(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "dc",
        "dc=",
        "dc=x,",
        ",dc=x",
        "dc=x,,dc=y",
        "d c=x",
        "cn=a\\",
        "dc=x;dc=y",
        'cn="a"',
    ],
)
def test_what_is_no_distinguished_name_is_refused(text: str) -> None:
    """The empty name, which would mean every entry there is, is none either."""
    assert not ldap_forms.is_dn(text)


@pytest.mark.parametrize(
    ("dn", "base", "expected"),
    [
        ("uid=x,ou=people,dc=a,dc=b", "dc=a,dc=b", True),
        ("uid=x,DC=A, DC = B", "dc=a,dc=b", True),
        ("dc=a,dc=b", "dc=a,dc=b", False),
        ("dc=b", "dc=a,dc=b", False),
        ("uid=x,dc=c,dc=b", "dc=a,dc=b", False),
        ("uid=x\\,dc=a,dc=b", "dc=a,dc=b", False),
    ],
)
def test_what_stands_below(dn: str, base: str, *, expected: bool) -> None:
    """A name stands below another one if it ends in all of its parts."""
    assert ldap_forms.is_below(dn, base) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("uid", True),
        ("sAMAccountName", True),
        ("x-y2", True),
        ("2.5.4.3", True),
        ("", False),
        ("2uid", False),
        ("u id", False),
        ("uid=", False),
        ("cn;lang-de", False),
        ("2.", False),
        ("*", False),
        ("+", False),
    ],
)
def test_names_of_attributes(text: str, *, expected: bool) -> None:
    """A word or an object identifier; `*` would read everything."""
    assert ldap_forms.is_attribute(text) is expected


def test_words_in_braces() -> None:
    """What is to be filled in is found wherever it stands."""
    assert ldap_forms.placeholders("(|(a={dn})(b={user})(c={}))") == ["dn", "user", ""]
