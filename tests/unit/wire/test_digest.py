"""Tests of `radiusmfa.wire.digest`."""

from __future__ import annotations

import pytest

from radiusmfa.wire import digest


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"", "d41d8cd98f00b204e9800998ecf8427e", id="nothing"),
        pytest.param(b"abc", "900150983cd24fb0d6963f7d28e17f72", id="abc"),
        pytest.param(b"1234567890" * 8, "57edf4a22be3c955ac49da2e2107b67a", id="80 digits"),
    ],
)
def test_digest_is_that_of_the_rfc(octets: bytes, expected: str) -> None:
    """The test suite of RFC 1321 section A.5."""
    assert digest.md5(octets).hexdigest() == expected


def test_state_is_copied() -> None:
    """A prepared state is copied and goes on from there; the original stays as it was."""
    state = digest.md5(b"a")
    copy = state.copy()
    copy.update(b"bc")
    assert copy.digest() == digest.md5(b"abc").digest()
    assert state.digest() == digest.md5(b"a").digest()
