"""Tests of `service.answers`."""

from __future__ import annotations

import json

import pytest

from radiusmfa.outcome import Failed, Reason
from radiusmfa.service import answers
from radiusmfa.service.dialogue import Reply


@pytest.mark.parametrize(
    "octets", [b"", b"[]", b"1", b"null", b"{", b"<html>", b"\xff", b"[" * 9999]
)
def test_what_is_no_object_is_none(octets: bytes) -> None:
    """Whatever comes, it is an object or nothing."""
    assert answers.read(octets) is None


@pytest.mark.parametrize("code", [None, "21211", True, 1.0, -1, 0, 10**9, [1]])
def test_what_is_no_number_of_an_error_is_none(code: object) -> None:
    """Types in JSON are not trusted."""
    assert answers.code({"code": code}) == 0
    assert answers.code(None) == 0


def test_errors_are_told_without_their_text() -> None:
    """Twilio's own text may quote the number."""
    found = {"code": 21211, "message": "'+4915112345678' is not valid"}
    assert answers.told(400, found) == "does not know the number (21211)"
    assert answers.told(400, {"code": 99999}) == "does not do it (99999)"
    assert answers.told(418, None) == "answers 418 without saying why"


def test_errors_mean_what_the_table_says() -> None:
    """And what it does not name means nothing here."""
    meanings = {21211: Failed(Reason.NO_USABLE_DEVICE)}
    reply = Reply(status=400, octets=json.dumps({"code": 21211}).encode())
    sent = answers.failure(reply, meanings)
    assert sent is not None
    assert sent.problem == Failed(Reason.NO_USABLE_DEVICE)
    assert answers.failure(reply, {}) is None
