"""Tests of `radiusmfa.service.duo_signing`, by the vectors of `tests/vectors/duo.json`."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Final

import pytest

from radiusmfa.config.service_model import Duo
from radiusmfa.secret import Secret
from radiusmfa.service import duo_signing

_FILE: Final = Path(__file__).parents[2] / "vectors" / "duo.json"
VECTORS: Final = json.loads(_FILE.read_text(encoding="utf-8"))["vectors"]
IKEY: Final = "DIXXXXXXXXXXXXXXXXXX"
DATE: Final = "Tue, 17 Nov 2020 14:12:00 -0000"
MOMENT: Final = 1605622320.0
DUO: Final = Duo(
    host="api-XXXXXXXX.duosecurity.com:8443",
    integration_key=IKEY,
    secret_key=Secret(b"deadbeef" * 5),
)
OF_OURS: Final = [
    pytest.param(one["inputs"], one["expected"], id=one["id"])
    for one in VECTORS
    if one["inputs"].get("version") == 5
]
FORMS: Final = [
    pytest.param(one["inputs"], one["expected"]["canonical_text"], id=one["id"])
    for one in VECTORS
    if "canonical_text" in one["expected"]
]


@pytest.mark.parametrize(("inputs", "expected"), OF_OURS)
def test_signature_is_that_of_the_vectors(inputs: dict[str, Any], expected: dict[str, str]) -> None:
    """Version 5, as the vendor's own client makes it."""
    pairs = [(name, value) for name, value in inputs["parameters"]]
    text = duo_signing.canonical(
        DATE, inputs["method"], DUO.host, inputs["path"], pairs, inputs["body_text"].encode()
    )
    signature = duo_signing.signature(DUO.secret_key, text)
    assert signature == expected["signature_hex"]


@pytest.mark.parametrize(("inputs", "text"), FORMS)
def test_parameters_are_written_as_in_the_vectors(inputs: dict[str, Any], text: str) -> None:
    """Sorted, percent-encoded, upper case, nothing but letters, digits and four marks as it is."""
    pairs = [(name, value) for name, value in inputs["parameters"]]
    assert duo_signing.encoded(pairs) == text.split("\n")[4]


def test_equal_names_are_sorted_by_value() -> None:
    """The text that is signed has one form only."""
    assert duo_signing.encoded([("b", "2"), ("b", "1"), ("a", "+ /")]) == "a=%2B%20%2F&b=1&b=2"


def test_headers_are_those_that_duo_wants() -> None:
    """Date, Authorization, and of what body there is."""
    found = duo_signing.headers(DUO, "POST", "/auth/v2/auth", (), b"{}", MOMENT)
    assert [name for name, _ in found] == ["Date", "Authorization", "Content-Type"]
    assert found[0][1] == "Tue, 17 Nov 2020 14:12:00 GMT"
    assert found[2][1] == "application/json"
    kind, _, told = found[1][1].partition(" ")
    ikey, _, signature = base64.b64decode(told).decode().partition(":")
    assert (kind, ikey, len(signature)) == ("Basic", IKEY, 128)
    assert [name for name, _ in duo_signing.headers(DUO, "GET", "/x", (), b"", MOMENT)] == [
        "Date",
        "Authorization",
    ]


def test_what_is_no_text_is_signed_all_the_same() -> None:
    """A name that cannot be written as UTF-8 raises nothing."""
    assert duo_signing.encoded([("a", "\udc80")]) == "a=%3F"
