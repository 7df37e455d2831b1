"""Tests of `radiusmfa.carry.site`."""

from __future__ import annotations

from radiusmfa.carry.site import Kind, Origin
from tests.unit.carry.desk import AD, AUTO, context, read


def test_origin_is_a_comment() -> None:
    """A person finds the section and the line."""
    assert str(Origin(section="ad_client", line=3)) == "[ad_client], line 3"


def test_site_knows_its_files_and_names() -> None:
    """Each secret has one file, and who checks passwords one name."""
    site = read(f"{AD}{AUTO}")
    names = [one.name for one in site.secrets]
    assert sorted(names) == ["ad", "auto-1", "duo"]
    assert site.primaries == ("ad",)
    assert site.certificates == ()
    site = read(f"[main]\nhttp_ca_certs_file=a\n{AD}ssl_ca_certs_file=b\n{AUTO}")
    assert [one.name for one in site.certificates] == ["duo.pem", "ad.pem"]


def test_kinds_are_words_that_stay() -> None:
    """Scripts may rely on them."""
    assert [kind.value for kind in Kind] == ["to-do", "missing", "different"]
    assert context().chance(3) == "xxx"
