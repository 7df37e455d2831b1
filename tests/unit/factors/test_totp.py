"""Tests of `radiusmfa.factors.totp`."""

from __future__ import annotations

import base64
from typing import Final

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.model import Totp
from radiusmfa.factors import totp
from radiusmfa.factors.oath import PasscodeKey

SEED: Final = b"12345678901234567890"
KEY: Final = PasscodeKey(SEED, "sha1", 6)
STEP: Final = 56666666  # 1700000000 seconds
# Steps away, and the passcode of that step.
NEAR: Final = {-3: 254961, -2: 713364, -1: 276857, 0: 921300, 1: 732303, 2: 136087, 3: 253938}


@pytest.mark.parametrize(
    ("now", "period", "step"),
    [
        pytest.param(1111111109.0, 30, 37037036, id="RFC 6238"),
        pytest.param(1767323069.999, 30, 58910768, id="just before a step"),
        pytest.param(1767323070.0, 30, 58910769, id="at a step"),
        pytest.param(1234567890.5, 60, 20576131, id="a minute"),
        pytest.param(20000000000.0, 30, 666666666, id="the year 2603"),
    ],
)
def test_step_is_the_number_of_periods_since_1970(now: float, period: int, step: int) -> None:
    """A step begins exactly at a multiple of the period."""
    assert totp.current_step(now, period) == step


@pytest.mark.parametrize("now", [-1e9, 0.0, 59.0, 86400.0])
def test_clock_in_1970_raises_nothing(now: float) -> None:
    """A machine that starts without a clock refuses passcodes; no window reaches below zero."""
    step = totp.current_step(now, 300)
    assert totp.find_step(KEY, -1, step, -1000, 10) is None
    assert totp.find_far(KEY, -1, step, Totp(resync_window=100)) is None


@pytest.mark.parametrize("away", NEAR)
@pytest.mark.parametrize("window", [0, 1, 2])
def test_only_steps_within_the_window_are_found(away: int, window: int) -> None:
    """A passcode counts for as many steps each way as the window says, and not one more."""
    found = totp.find_step(KEY, NEAR[away], STEP, 0, window)
    assert found == (STEP + away if abs(away) <= window else None)


@pytest.mark.parametrize(
    ("away", "drift", "found"),
    [
        pytest.param(2, 2, True, id="where the token is known to be"),
        pytest.param(3, 2, True, id="one step further"),
        pytest.param(0, 2, True, id="our own time, if the drift was learned wrongly"),
        pytest.param(-1, 2, True, id="a step before our own time"),
        pytest.param(-2, 2, False, id="beyond both"),
        pytest.param(-3, -2, True, id="a token that is slow"),
        pytest.param(2, -2, False, id="beyond both, the other way"),
    ],
)
def test_drift_moves_the_window(away: int, drift: int, *, found: bool) -> None:
    """A token's own time is looked at as well as ours, and nothing else."""
    expected = STEP + away if found else None
    assert totp.find_step(KEY, NEAR[away], STEP, drift, 1) == expected


@given(st.integers(0, 10**6 - 1), st.integers(-20, 20), st.integers(0, 10))
def test_found_step_is_near_and_has_that_passcode(number: int, drift: int, window: int) -> None:
    """Whatever is typed: a step near the token's time or ours, with just that passcode."""
    found = totp.find_step(KEY, number, STEP, drift, window)
    near = [
        step
        for step in range(STEP - 40, STEP + 41)
        if min(abs(step - STEP - drift), abs(step - STEP)) <= window and KEY.number(step) == number
    ]
    assert (found in near) if near else (found is None)


@given(st.binary(min_size=14, max_size=64), st.integers(10**6, 10**11), st.integers(-1, 1))
def test_passcode_of_pyotp_is_found(seed: bytes, now: int, away: int) -> None:
    """An application that shows what pyotp computes gets in, one step early or late as well."""
    oracle = pyotp.TOTP(base64.b32encode(seed).decode())
    number = int(oracle.at(now, counter_offset=away))
    key = PasscodeKey(seed, "sha1", 6)
    found = totp.find_step(key, number, totp.current_step(now, 30), 0, 1)
    assert found is not None
    assert key.number(found) == number
    assert abs(found - now // 30) <= 1


@pytest.mark.parametrize(
    ("drift", "found", "learned"),
    [
        pytest.param(0, 0, 0, id="on time"),
        pytest.param(0, 1, 1, id="a step ahead"),
        pytest.param(0, -1, -1, id="a step behind"),
        pytest.param(0, 5, 1, id="far ahead moves one step only"),
        pytest.param(3, 0, 2, id="back at our time"),
        pytest.param(-3, -3, -3, id="as it was"),
        pytest.param(5, 6, 5, id="not beyond the limit"),
        pytest.param(-5, -6, -5, id="not beyond the limit the other way"),
        pytest.param(9, 9, 5, id="a limit that was lowered"),
    ],
)
def test_drift_is_learned_a_step_at_a_time(drift: int, found: int, learned: int) -> None:
    """One login moves the drift by one step at most, and never past the limit."""
    assert totp.learned_drift(drift, STEP, STEP + found, 5) == learned


@given(st.integers(-100, 100), st.integers(-(10**6), 10**6), st.integers(0, 100))
def test_learned_drift_is_bounded(drift: int, away: int, limit: int) -> None:
    """No passcode moves a token's window beyond the limit."""
    assert abs(totp.learned_drift(drift, STEP, STEP + away, limit)) <= limit


@pytest.mark.parametrize(
    ("first", "second", "window", "found"),
    [
        pytest.param(NEAR[2], NEAR[3], 2, 3, id="two in a row, ahead"),
        pytest.param(NEAR[-3], NEAR[-2], 3, -2, id="two in a row, behind"),
        pytest.param(NEAR[2], NEAR[3], 1, None, id="beyond the window"),
        pytest.param(NEAR[1], NEAR[3], 5, None, id="one left out"),
        pytest.param(NEAR[2], NEAR[1], 5, None, id="in the wrong order"),
        pytest.param(NEAR[1], NEAR[1], 5, None, id="the same twice"),
        pytest.param(0, NEAR[1], 5, None, id="the first is wrong"),
    ],
)
def test_only_two_consecutive_passcodes_resynchronize(
    first: int, second: int, window: int, found: int | None
) -> None:
    """Two passcodes resynchronize a token only if they follow each other, within the window."""
    step = totp.find_pair(KEY, first, second, STEP, Totp(resync_window=window))
    assert step == (None if found is None else STEP + found)


def test_far_step_nearest_to_ours_is_taken() -> None:
    """The search begins at our own time and goes outward both ways."""
    settings = Totp(resync_window=3)
    for away, number in NEAR.items():
        assert totp.find_far(KEY, number, STEP, settings) == STEP + away
    assert totp.find_far(KEY, NEAR[3], STEP, Totp(resync_window=2)) is None
