"""Records and tokens out of octets: what is none is an error, and nothing is repaired."""

from __future__ import annotations

import pytest

from radiusmfa.approval import answers
from radiusmfa.approval.answers import MalformedError
from radiusmfa.secret import Secret


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"<html>",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"result": {}}',
        b'{"result": [1]}',
        b'{"result": [{}]',
        b'{"result": [], "error": {}}',
        b"[" * 60_000,
    ],
)
def test_what_is_no_list_of_records_is_refused(octets: bytes) -> None:
    """A page, half of JSON, JSON of another form, an error behind records: no answer."""
    with pytest.raises(MalformedError):
        answers.rows(octets)


def test_records_are_taken() -> None:
    """A list of records, or none."""
    assert answers.rows(b'{"result": []}') == []
    assert answers.rows(b'{"result": [{"number": "1"}]}') == [{"number": "1"}]


@pytest.mark.parametrize("value", [None, True, 1, [], {"link": "x", "value": "y"}])
def test_value_that_is_no_text_is_refused(value: object) -> None:
    """Every value of the Table API is a text."""
    with pytest.raises(MalformedError):
        answers.text({"active": value}, "active")


def test_field_that_is_not_there_is_empty() -> None:
    """What is unknown, or not for our account, says nothing."""
    assert answers.text({}, "active") == ""
    assert answers.time({}, "end_date") is None


@pytest.mark.parametrize("value", ["", "A" * 32, "a" * 31, "a" * 33, "a^b" + 29 * "a"])
def test_key_of_another_form_is_refused(value: str) -> None:
    """A key stands in the next query: 32 digits and letters, and nothing else."""
    with pytest.raises(MalformedError):
        answers.sys_id({"sys_id": value})


def test_time_is_utc() -> None:
    """A time has no zone, and is UTC."""
    assert answers.time({"end_date": "1970-01-02 00:00:01"}, "end_date") == 86_401


@pytest.mark.parametrize(
    "value",
    ["02/01/1970 00:00:01", "1970-01-02", "1970-02-31 00:00:00", "1970-01-02T00:00:01", "soon"],
)
def test_time_of_another_form_is_refused(value: str) -> None:
    """A time as a person's settings show it may mean another moment."""
    with pytest.raises(MalformedError):
        answers.time({"end_date": value}, "end_date")


def test_token_is_taken_and_ends_before_its_time() -> None:
    """A token is used until shortly before its end, a day at most."""
    found = answers.token(b'{"access_token": "abc", "expires_in": 1799}')
    assert found == (Secret(b"abc"), 1769)
    assert answers.token(b'{"access_token": "abc", "expires_in": 8640000}')[1] == 86_370


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"[]",
        b"{}",
        b'{"access_token": "abc"}',
        b'{"access_token": "abc", "expires_in": "soon"}',
        b'{"access_token": "", "expires_in": 1799}',
        b'{"access_token": 5, "expires_in": 1799}',
        b'{"access_token": "a\\r\\nX-Other: b", "expires_in": 1799}',
        b'{"access_token": "\\u00e4", "expires_in": 1799}',
    ],
)
def test_answer_without_a_token_is_refused(octets: bytes) -> None:
    """What is no token never becomes a header."""
    with pytest.raises(MalformedError):
        answers.token(octets)
