"""Tests of `service.destinations`: nobody is sent anything who was not meant."""

from __future__ import annotations

import pytest

from radiusmfa.service import destinations
from tests.unit.service.player import asked, phone

MOBILE = (("Mobile", ("+49 151 22222222", "no number", "+49 (0)151 3333-3333")),)


def _find(**settings: object) -> list[str]:
    found = destinations.find(asked(**settings), "sms", attribute="mobile", prefixes=("+49",))
    return [one.to for one in found]


@pytest.mark.parametrize(
    "text",
    ["", "0151 12345678", "0049151123456", "+0151123456", "+49", "+49x151123456", "+1" * 9,
     "tel:+4915112345678", "+49151123456;78", "+49\u0661\u0662\u0663456789", "(0)+", "\xff"],
)  # fmt: skip
def test_what_is_no_number_of_a_country_is_left_out(text: str) -> None:
    """A number without its country might be anybody's, elsewhere."""
    assert _find(devices=(phone(text),)) == []


@pytest.mark.parametrize(
    "text", ["+49 151 12345678", "+49 (0)151 / 1234-5678", " +49.151.12345678"]
)
def test_numbers_as_people_write_them_are_read(text: str) -> None:
    """Blanks, dashes, and the zero in parentheses are left out."""
    assert _find(devices=(phone(text),)) == ["+4915112345678"]


@pytest.mark.parametrize(
    "text",
    ["", "alice", "a@b@c.org", "alice@example.com\r\nBcc: eve@example.org", "<alice@example.com>",
     "alice@example.com,eve@example.org", "al\u00ecce@example.com", "+4915112345678"],
)  # fmt: skip
def test_what_is_no_address_is_left_out(text: str) -> None:
    """Nothing that would be two addresses, another header, or a guess."""
    assert destinations.find(asked(devices=(phone(text, "email"),)), "email") == ()


def test_what_is_shown_is_masked() -> None:
    """Four digits of a number, one letter of an address."""
    (found,) = destinations.find(asked(), "sms")
    assert found.masked == "***5678"
    assert "4915" not in repr(found)
    (found,) = destinations.find(asked(devices=(phone("alice@example.org", "email"),)), "email")
    assert found.masked == "a***@example.org"


def test_devices_go_before_the_directory() -> None:
    """Whoever has a device is sent nothing elsewhere."""
    assert _find(attributes=MOBILE) == ["+4915112345678"]
    assert _find(attributes=MOBILE, devices=()) == ["+4915122222222", "+4915133333333"]


def test_another_attribute_is_not_read() -> None:
    """Only the one that the configuration names."""
    assert _find(attributes=(("homePhone", ("+4915122222222",)),), devices=()) == []
    unnamed = (("", ("+4915122222222",)),)
    assert destinations.find(asked(devices=(), attributes=unnamed), "sms") == ()


def test_other_countries_are_left_out() -> None:
    """A number that begins with no allowed prefix is sent nothing."""
    devices = (phone("+882991234567"), phone("+49 151 1234 5678"), phone("+4915112345678"))
    assert _find(devices=devices) == ["+4915112345678"]


@pytest.mark.parametrize(
    ("typed", "number"),
    [(b"sms", 1), (b"SMS", 1), (b" sms2 ", 2), (b"sms9", 9), (b"sms0", 0), (b"sms22", 0),
     (b"push", 0), (b"123456", 0), (b"", 0), (b"\xff", 0), (b"sms 2", 0), (b"voice", 0)],
)  # fmt: skip
def test_words_choose(typed: bytes, number: int) -> None:
    """A word, and a digit for another destination than the first."""
    assert destinations.chosen(typed, ("sms",)) == number
