"""User names: what is one person, what is refused, and that nothing is repaired."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.login.username import (
    LARGEST_NAME_OCTETS,
    UserNameError,
    is_plain,
    normal_name,
    stripped,
    user_name,
)

COMPOSED, DECOMPOSED = "jos\u00e9", "jose\u0301"


@pytest.mark.parametrize(
    ("octets", "name"),
    [
        pytest.param(b"alice", "alice", id="plain"),
        pytest.param(b"ALICE", "alice", id="upper"),
        pytest.param(b"EXAMPLE\\Alice", "example\\alice", id="domain"),
        pytest.param(b"Alice@Example.com", "alice@example.com", id="realm"),
        pytest.param(b"al ice", "al ice", id="blank-inside"),
        pytest.param(COMPOSED.encode(), COMPOSED, id="composed"),
        pytest.param(DECOMPOSED.encode(), COMPOSED, id="decomposed"),
        pytest.param("J\u00d6RG M\u00dcLLER".encode(), "j\u00f6rg m\u00fcller", id="umlauts"),
        pytest.param("stra\u00dfe".encode(), "strasse", id="sharp-s"),
        pytest.param("\u0391\u03a3".encode(), "\u03b1\u03c3", id="final-sigma"),
        pytest.param("\u5c71\u7530".encode(), "\u5c71\u7530", id="kanji"),
        pytest.param(b"x" * 253, "x" * 253, id="longest"),
        pytest.param(b"'; DROP TABLE users; --", "'; drop table users; --", id="sql"),
    ],
)
def test_name_has_one_normal_form(octets: bytes, name: str) -> None:
    """Case and composition do not matter; domain and realm stay."""
    assert normal_name(octets) == name


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0", id="nul"),
        pytest.param(b"alice\0", id="nul-behind"),
        pytest.param(b"al\0ice", id="nul-inside"),
        pytest.param(b"\0" * 253, id="nuls"),
        pytest.param(b"alice\n", id="line-feed"),
        pytest.param(b"\x7falice", id="delete"),
        pytest.param(b"\x1b[2J", id="escape"),
        pytest.param(b" alice", id="blank-before"),
        pytest.param(b"alice ", id="blank-behind"),
        pytest.param(b"alice\t", id="tab-behind"),
        pytest.param(b" ", id="blank"),
        pytest.param(b"\xff", id="not-utf-8"),
        pytest.param(b"\xc0\x80", id="overlong-nul"),
        pytest.param(b"\xed\xa0\x80", id="surrogate"),
        pytest.param("jos\u00e9\0".encode(), id="nul-behind-unicode"),
        pytest.param("\u00a0alice".encode(), id="no-break-space"),
        pytest.param("ali\u200bce".encode(), id="zero-width-space"),
        pytest.param("ali\u202ece".encode(), id="right-to-left-override"),
        pytest.param("ali\u2028ce".encode(), id="line-separator"),
        pytest.param("\u00e9\u2003x".encode(), id="em-space-inside"),
        pytest.param(b"x" * 254, id="too-long"),
        pytest.param("\u00e9".encode() * 127, id="too-long-unicode"),
        pytest.param("\u0149".encode() * 126, id="too-long-when-folded"),
    ],
)
def test_unusable_name_is_refused_without_showing_it(octets: bytes) -> None:
    """What nobody can be called is refused, not repaired, and not printed."""
    with pytest.raises(UserNameError) as caught:
        normal_name(octets)

    assert "alice" not in str(caught.value)


def test_lone_surrogate_from_the_command_line_is_refused() -> None:
    """An argument that was not UTF-8 is refused in words."""
    with pytest.raises(UserNameError, match="must not hold"):
        user_name("\udcff\u00e9")


def test_emoji_and_blank_inside_are_usable() -> None:
    """Letters and signs of every script may be in a name, with blanks between them."""
    assert user_name("M\u00fcller \u2713") == "m\u00fcller \u2713"


@given(st.binary(max_size=260))
def test_any_octets_are_a_name_or_refused(octets: bytes) -> None:
    """Whatever a client sends is one name, stable and printable, or refused."""
    try:
        name = normal_name(octets)
    except UserNameError:
        return
    assert normal_name(name.encode()) == name
    assert len(name.encode()) <= LARGEST_NAME_OCTETS
    assert "\0" not in name


@given(st.text(max_size=60))
def test_any_text_is_the_name_of_one_person(text: str) -> None:
    """However its case is changed, a usable name is the same person on wire and command line."""
    try:
        name = user_name(text)
    except UserNameError:
        return
    assert normal_name(text.encode()) == name
    assert user_name(name) == name


@pytest.mark.parametrize(
    ("name", "rules", "left"),
    [
        (b"CORP\\alice@x", ("domain", "realm"), b"alice"),
        (b"CORP\\alice@x", ("domain",), b"alice@x"),
        (b"CORP\\alice@x", (), b"CORP\\alice@x"),
        (b"a@b@c", ("realm",), b"a@b"),
        (b"@x", ("realm",), b""),
        (b"alice", ("domain", "realm"), b"alice"),
    ],
)
def test_realm_and_domain_are_taken_off(name: bytes, rules: tuple[str, ...], left: bytes) -> None:
    """Only what the rules name, and only at its end of the name."""
    assert stripped(name, rules) == left


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("alice", True),
        ("J\u00d6RG", True),
        ("stra\u00dfe", False),
        ("\ufb01n", False),
        ("\u017fam", False),
        ("o\u0308", True),
    ],
)
def test_name_is_plain_if_only_case_tells_it_from_another(name: str, *, plain: bool) -> None:
    """Sharp s, ligatures and long s fold to other letters: another server may not fold them."""
    assert is_plain(name.encode()) is plain
