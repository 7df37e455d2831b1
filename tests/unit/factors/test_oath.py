"""Tests of `radiusmfa.factors.oath`."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.factors import oath
from radiusmfa.factors.oath import PasscodeKey
from tests.families import family


@pytest.mark.parametrize(
    ("algorithm", "digits"),
    [
        pytest.param("md5", 6, id="MD5"),
        pytest.param("SHA1", 6, id="another case"),
        pytest.param("", 6, id="no algorithm"),
        pytest.param("sha1", 5, id="five digits"),
        pytest.param("sha1", 11, id="eleven digits"),
        pytest.param("sha1", 0, id="no digits"),
    ],
)
def test_unknown_parameters_are_refused(algorithm: str, digits: int) -> None:
    """Only the three hashes and 6 to 10 digits are known; the error holds no seed."""
    with pytest.raises(ValueError, match="unknown algorithm or number of digits") as caught:
        PasscodeKey(b"a secret seed...", algorithm, digits)
    assert "seed" not in str(caught.value)


@pytest.mark.parametrize(("inputs", "expected"), family("hotp"))
def test_hotp_vectors(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each counter gives the passcode that its source prints, leading zeros included."""
    seed, counter = bytes.fromhex(inputs["key_hex"]), int(inputs["counter"])
    found = oath.passcode(seed, counter, inputs["digits"], inputs["algorithm"])
    assert found == expected["code"]
    key = PasscodeKey(seed, inputs["algorithm"], inputs["digits"])
    assert key.number(counter) == expected["truncated_decimal"] % 10 ** inputs["digits"]
    assert key.digits == inputs["digits"]


@pytest.mark.parametrize(("inputs", "expected"), family("totp"))
def test_totp_vectors(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each time step gives the passcode that RFC 6238 prints, for all three hashes."""
    seed, step = bytes.fromhex(inputs["key_hex"]), int(inputs["time"]) // inputs["step"]
    assert step == int(expected["counter"])
    assert oath.passcode(seed, step, inputs["digits"], inputs["algorithm"]) == expected["code"]


@given(
    st.binary(min_size=14, max_size=200),
    st.integers(0, 2**63),
    st.integers(6, 10),
    st.sampled_from(oath.ALGORITHMS),
)
def test_passcodes_are_those_of_pyotp(
    seed: bytes, counter: int, digits: int, algorithm: str
) -> None:
    """For any seed, also one longer than a block, we compute what pyotp computes."""
    secret = base64.b32encode(seed).decode()
    oracle = pyotp.HOTP(secret, digits=digits, digest=getattr(hashlib, algorithm))
    assert oath.passcode(seed, counter, digits, algorithm) == oracle.at(counter)


@given(st.binary(max_size=13), st.integers(0, 2**64 - 1))
def test_short_seeds_still_compute(seed: bytes, counter: int) -> None:
    """Seeds that pyotp refuses, as old applications made them, have passcodes too."""
    code = oath.passcode(seed, counter)
    assert len(code) == 6
    assert code.isdigit()


@pytest.mark.parametrize("counter", [-1, 2**64])
def test_counter_out_of_range_is_no_passcode(counter: int) -> None:
    """A counter has 64 bits: nothing is wrapped around into the passcode of another."""
    with pytest.raises(OverflowError):
        PasscodeKey(b"12345678901234567890", "sha1", 6).number(counter)


def test_key_computes_the_same_again() -> None:
    """The prepared states are copied, so that one passcode does not spoil the next."""
    key = PasscodeKey(b"12345678901234567890", "sha1", 6)
    assert [key.number(counter) for counter in (0, 1, 0)] == [755224, 287082, 755224]
