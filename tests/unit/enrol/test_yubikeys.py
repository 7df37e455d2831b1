"""Tests of `radiusmfa.enrol.yubikeys`."""

from __future__ import annotations

from typing import Final

import pytest

from radiusmfa.enrol import yubikeys
from radiusmfa.enrol.records import FieldError
from radiusmfa.secret import Secret

PUBLIC_ID: Final = "vvccccbcgujh"
PRIVATE_ID: Final = "0123456789ab"
KEY: Final = "000102030405060708090A0B0C0D0E0F"
SEED: Final = Secret(bytes.fromhex(PRIVATE_ID + KEY))
LOG: Final = f"Yubico OTP,x,1,{PUBLIC_ID},{PRIVATE_ID},{KEY},,,0,0,0,0,0,0,0,0,0,0".split(",")
FORM: Final = f"1234567,{PUBLIC_ID},{PRIVATE_ID},{KEY},000000000000,2026-11-21T10:00:00,".split(",")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (("", PRIVATE_ID, KEY), "public id"),
        (("vvv", PRIVATE_ID, KEY), "public id"),
        (("aaaa", PRIVATE_ID, KEY), "public id"),
        (("vv" * 9, PRIVATE_ID, KEY), "public id"),
        ((PUBLIC_ID, "0123456789a", KEY), "private id"),
        ((PUBLIC_ID, "0123456789ag", KEY), "private id"),
        ((PUBLIC_ID, "", KEY), "private id"),
        ((PUBLIC_ID, PRIVATE_ID, KEY[1:]), "AES key"),
        ((PUBLIC_ID, PRIVATE_ID, KEY + "00"), "AES key"),
        ((PUBLIC_ID, PRIVATE_ID, "\u0660" * 32), "AES key"),
    ],
)
def test_values_that_no_key_has_are_refused(values: tuple[str, str, str], why: str) -> None:
    """Each has its form; the error says which, and repeats none of them."""
    with pytest.raises(FieldError, match=why) as caught:
        yubikeys.record(*values)
    assert not any(value and value in str(caught.value) for value in values[1:])


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_file_of_another_form_is_refused(count: int) -> None:
    """Three lines: public id, private id and AES key."""
    with pytest.raises(FieldError, match="expected public id, private id and AES key"):
        yubikeys.of_lines([PUBLIC_ID, PRIVATE_ID, KEY, KEY][:count])


def test_rows_and_lines_say_the_same() -> None:
    """The log, Yubico's own form, and a file of one key."""
    found = (
        yubikeys.of_log(LOG, "line 1"),
        yubikeys.of_form(FORM, "line 1"),
        yubikeys.of_lines([PUBLIC_ID.upper(), f" {PRIVATE_ID}", KEY]),
    )
    assert {one.public_id for one in found} == {PUBLIC_ID}
    assert all(one.seed == SEED for one in found)
    assert [one.where for one in found] == ["line 1", "line 1", "the file"]
