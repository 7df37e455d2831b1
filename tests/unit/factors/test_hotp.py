"""Tests of `radiusmfa.factors.hotp`."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.factors import hotp
from radiusmfa.factors.oath import LARGEST_COUNTER, PasscodeKey

KEY: Final = PasscodeKey(b"12345678901234567890", "sha1", 6)
# RFC 4226 appendix D.
CODES: Final = (
    755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489,
    403154, 481090, 868912, 736127, 229903, 436521, 186581, 447589, 903435, 578337,
)  # fmt: skip


@pytest.mark.parametrize("used", range(len(CODES)))
def test_used_counter_is_never_found_again(used: int) -> None:
    """A passcode up to and including the one used last opens nothing, however far we look."""
    for number in CODES[: used + 1]:
        assert hotp.find_counter(KEY, number, used, 18 - used if used < 18 else 0) is None


@pytest.mark.parametrize(
    ("number", "last", "look_ahead", "found"),
    [
        pytest.param(CODES[0], -1, 0, 0, id="the first of a new token"),
        pytest.param(CODES[1], -1, 0, None, id="the second, and no look-ahead"),
        pytest.param(CODES[1], -1, 1, 1, id="the second, looking ahead one"),
        pytest.param(CODES[5], 4, 0, 5, id="the next"),
        pytest.param(CODES[15], 4, 10, 15, id="the last within the window"),
        pytest.param(CODES[16], 4, 10, None, id="one beyond the window"),
        pytest.param(0, -1, 10, None, id="another number"),
    ],
)
def test_counter_is_found_within_the_window(
    number: int, last: int, look_ahead: int, found: int | None
) -> None:
    """A passcode is accepted for the next counter and those that the window adds, no other."""
    assert hotp.find_counter(KEY, number, last, look_ahead) == found


@given(st.integers(0, 10**6 - 1), st.integers(-1, 30), st.integers(0, 20))
def test_found_counter_is_new_and_has_that_passcode(
    number: int, last: int, look_ahead: int
) -> None:
    """Whatever is typed: a counter after the last, within the window, with that passcode."""
    found = hotp.find_counter(KEY, number, last, look_ahead)
    window = range(last + 1, last + 2 + look_ahead)
    matching = [counter for counter in window if KEY.number(counter) == number]
    assert found == (matching[0] if matching else None)


@pytest.mark.parametrize(
    ("first", "second", "last", "window", "found"),
    [
        pytest.param(CODES[7], CODES[8], -1, 10, 8, id="two in a row"),
        pytest.param(CODES[10], CODES[11], -1, 10, 11, id="the last pair of the window"),
        pytest.param(CODES[11], CODES[12], -1, 10, None, id="a pair beyond the window"),
        pytest.param(CODES[7], CODES[9], -1, 10, None, id="one left out"),
        pytest.param(CODES[8], CODES[7], -1, 10, None, id="in the wrong order"),
        pytest.param(CODES[7], CODES[7], -1, 10, None, id="the same twice"),
        pytest.param(CODES[3], CODES[4], 3, 10, None, id="the first one used"),
        pytest.param(CODES[2], CODES[3], 5, 10, None, id="both used"),
    ],
)
def test_only_two_consecutive_passcodes_resynchronize(
    first: int, second: int, last: int, window: int, found: int | None
) -> None:
    """Two passcodes resynchronize a token only if they follow each other and are unused."""
    assert hotp.find_pair(KEY, first, second, last, window) == found


def test_counter_ends_where_the_store_ends() -> None:
    """No counter is found that the store could not hold."""
    end = LARGEST_COUNTER
    assert hotp.find_counter(KEY, KEY.number(end - 1), end - 2, 10) == end - 1
    assert hotp.find_counter(KEY, KEY.number(end), end - 1, 10) is None
    assert hotp.find_counter(KEY, KEY.number(end), end, 10) is None
    assert hotp.find_pair(KEY, KEY.number(end), KEY.number(end + 1), end - 1, 10) is None
