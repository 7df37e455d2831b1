"""Tests of `radiusmfa.config.directory_model`."""

from __future__ import annotations

import pytest

from radiusmfa.config.directory_model import ANONYMOUS, Directory, Groups, Kind, Tls
from radiusmfa.secret import Secret


@pytest.mark.parametrize(
    ("bind_dn", "can_search"), [("", False), ("cn=radiusmfa,dc=x", True), (ANONYMOUS, True)]
)
def test_somebody_searches_or_nobody(bind_dn: str, *, can_search: bool) -> None:
    """People are looked up before their password is known only if somebody may search."""
    assert Directory(name="x", servers=(), base="", bind_dn=bind_dn).can_search is can_search


@pytest.mark.parametrize(
    ("bind_as", "by_dn"),
    [("uid={user},dc=x", True), ("{user}@corp.example", False), ("CORP\\{user}", False)],
)
def test_forms_of_a_bind(bind_as: str, *, by_dn: bool) -> None:
    """A distinguished name is told from Active Directory's own names."""
    assert Directory(name="x", servers=(), base="", bind_as=bind_as).binds_by_dn is by_dn


def test_safe_by_default() -> None:
    """TLS is begun and checked unless the file says otherwise, and no password shows."""
    usual = Directory(name="x", servers=(), base="", bind_password=Secret(b"hunter2"))
    assert (usual.starttls, usual.verify) == (True, True)
    assert "hunter2" not in repr(usual)


def test_words_are_those_of_the_file() -> None:
    """The file's words are stable."""
    assert [*map(str, Tls)] == ["ldaps", "starttls", "none"]
    assert [*map(str, Kind)] == ["ldap", "active-directory"]
    assert [*map(str, Groups)] == ["member-of", "nested", "search", "none"]
