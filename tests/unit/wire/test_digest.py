"""MD5, whichever implementation is the fastest here."""

from __future__ import annotations

import pytest

from radiusmfa.wire import digest


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"", "d41d8cd98f00b204e9800998ecf8427e", id="nothing"),
        pytest.param(b"abc", "900150983cd24fb0d6963f7d28e17f72", id="abc"),
        pytest.param(b"1234567890" * 8, "57edf4a22be3c955ac49da2e2107b67a", id="more than a block"),
    ],
)
def test_md5_is_that_of_the_rfc(octets: bytes, expected: str) -> None:
    """The examples of RFC 1321 appendix A.5 hold."""
    assert digest.md5(octets).hexdigest() == expected


def test_state_is_copied() -> None:
    """A copied state goes on by itself: what the prepared keys rest on."""
    first = digest.md5(b"ab")
    second = first.copy()
    first.update(b"c")
    assert first.digest() == digest.md5(b"abc").digest()
    assert second.digest() == digest.md5(b"ab").digest()
