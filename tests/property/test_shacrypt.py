"""`primary.shacrypt` beside the C library's own `crypt`."""

from __future__ import annotations

import ctypes
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radiusmfa.primary import hashing, shacrypt

pytestmark = pytest.mark.property

_LIBRARY: Final = ctypes.CDLL("libcrypt.so.1")
_LIBRARY.crypt.restype = ctypes.c_char_p
_LIBRARY.crypt.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
_NUMBERS: Final = {"sha256": "5", "sha512": "6"}


@settings(max_examples=60)
@given(
    st.sampled_from(["sha256", "sha512"]),
    st.binary(max_size=128).map(lambda octets: octets.replace(b"\0", b"0")),
    st.text("./0123456789ABCXYZabcxyz", max_size=16),
    st.integers(1000, 1100),
)
def test_checksum_is_that_of_the_system(name: str, password: bytes, salt: str, rounds: int) -> None:
    """Any password and salt give what /etc/shadow would hold, and it is verified as such."""
    setting = f"${_NUMBERS[name]}$rounds={rounds}${salt}$"
    theirs = _LIBRARY.crypt(password, setting.encode("ascii")).decode("ascii")
    assert theirs == setting + shacrypt.checksum(name, password, salt.encode("ascii"), rounds)
    assert hashing.verify(theirs, password, b"") is bool(password)
