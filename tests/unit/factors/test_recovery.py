"""Tests of `radiusmfa.factors.recovery`."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.factors import recovery


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"abcde-fghj", id="a sign missing"),
        pytest.param(b"abcde-fghjkm", id="a sign too many"),
        pytest.param(b"abcd-efghjk", id="the dash elsewhere"),
        pytest.param(b"abcdefghjk-", id="the dash at the end"),
        pytest.param(b"abcde_fghjk", id="another sign for the dash"),
        pytest.param(b"abcde--ghjk", id="two dashes"),
        pytest.param(b"abcde-fgh1k", id="a one"),
        pytest.param(b"abcde-fgh0k", id="a zero"),
        pytest.param(b"abcde-fghik", id="an i"),
        pytest.param(b"abcde-fghlk", id="an l"),
        pytest.param(b"abcde-fghok", id="an o"),
        pytest.param(b"abcde-fgh\0k", id="NUL"),
        pytest.param("abcde-fghé".encode(), id="no ASCII"),
        pytest.param(b"\xef\xbd\x81bcdefgh", id="a full-width letter"),
        pytest.param(b"abcdefghj\n", id="a newline"),
    ],
)
def test_what_is_no_recovery_code_is_refused(typed: bytes) -> None:
    """Only ten of the thirty-one signs, with or without the dash, are a recovery code."""
    assert recovery.canonical(typed) is None


@pytest.mark.parametrize("typed", [b"abcde-fgh23", b"ABCDE-FGH23", b"abcdefgh23", b"AbCdE fGh23"])
def test_code_is_read_as_people_type_it(typed: bytes) -> None:
    """Case, the dash and a blank in its place do not matter."""
    assert recovery.canonical(typed) == b"abcdefgh23"
    assert len(typed) in recovery.TYPED_OCTETS


@given(st.binary(max_size=14))
def test_any_octets_are_a_code_or_none(typed: bytes) -> None:
    """Whatever is typed: ten signs of the alphabet, or no recovery code."""
    code = recovery.canonical(typed)
    assert code is None or (len(code) == 10 and recovery.canonical(code) == code)


def test_new_codes_are_shown_in_two_halves_and_differ() -> None:
    """Each new code reads `xxxxx-xxxxx`, is accepted as typed, and no two are alike."""
    codes = recovery.generate(200)
    assert len(set(codes)) == 200
    for code in codes:
        assert re.fullmatch(r"[a-hjkmnp-z2-9]{5}-[a-hjkmnp-z2-9]{5}", code)
        assert recovery.canonical(code.encode()) == code.replace("-", "").encode()
    assert {sign for code in codes for sign in code} == set("abcdefghjkmnpqrstuvwxyz23456789-")
    assert recovery.generate(0) == []


def test_digest_differs_by_pepper_user_and_code() -> None:
    """What is stored of a code is worthless for another user, another store, another code."""
    digests = {
        recovery.digest(pepper, user, code)
        for pepper in (b"pepper one", b"pepper two")
        for user in (1, 11, 2)
        for code in (b"abcdefghjk", b"abcdefghjm")
    }
    assert len(digests) == 12
    assert {len(digest) for digest in digests} == {32}
    assert recovery.digest(b"p", 1, b"abcdefghjk") == recovery.digest(b"p", 1, b"abcdefghjk")
