"""Tests of `radiusmfa.enrol.base32`."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.enrol import base32
from radiusmfa.enrol.base32 import Base32Error
from tests.families import family


@pytest.mark.parametrize(("inputs", "expected"), family("base32"))
def test_vectors(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """Text that stands for octets gives them; any other is refused."""
    if expected["valid"]:
        assert base32.decode(inputs["text"], strict=inputs["strict"]).hex() == expected["hex"]
        return
    with pytest.raises(Base32Error):
        base32.decode(inputs["text"], strict=inputs["strict"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("MZ", id="bits left over"),
        pytest.param("MZXW7", id="bits left over after more"),
        pytest.param("M", id="one character"),
        pytest.param("MZXW6YT", id="bits left over after a long one"),
        pytest.param("MZXW6YTB=======", id="seven signs of padding"),
        pytest.param("=", id="padding alone"),
        pytest.param("MZXW6YTB!", id="another sign"),
        pytest.param("MZXW6YT\u0131", id="a letter that upper case would make an I"),
        pytest.param("\u017f" * 8, id="letters that upper case would make S"),
        pytest.param("MZXW6YTB\0", id="NUL"),
        pytest.param("MZXW6YTB\x0b", id="another blank"),
        pytest.param("\ud800", id="a lone surrogate"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_doubtful_text_is_refused_without_repeating_it(text: str, *, strict: bool) -> None:
    """Nothing is guessed, and the error says nothing of the seed."""
    with pytest.raises(Base32Error) as caught:
        base32.decode(text, strict=strict)
    assert text not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "strict"),
    [("mzxw6ytb", True), ("MZXW6YTB ", True), ("MY=====", True), ("MY=======", True)],
)
def test_strict_is_the_letter_of_the_rfc(text: str, *, strict: bool) -> None:
    """Lower case, blanks and padding of another length are refused where RFC 4648 is asked for."""
    with pytest.raises(Base32Error):
        base32.decode(text, strict=strict)


@given(st.binary(max_size=64))
def test_octets_come_back(octets: bytes) -> None:
    """What is written comes back, typed in any of the ways that people type it."""
    text = base32.encode(octets)
    assert "=" not in text
    assert base32.decode(text) == octets
    assert base32.decode(" ".join(text.lower())) == octets
    assert base32.decode(base64.b32encode(octets).decode(), strict=True) == octets


@given(st.text(max_size=40), st.booleans())
def test_any_text_is_octets_or_an_error(text: str, strict: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever is typed: octets that encode to the same letters, or the documented error."""
    try:
        octets = base32.decode(text, strict=strict)
    except Base32Error:
        return
    letters = "".join(text.split()).replace("-", "").upper().rstrip("=")
    assert base32.encode(octets) == letters
