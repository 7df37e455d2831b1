"""Tests of `radiusmfa.primary.shacrypt`."""

from __future__ import annotations

import pytest

from radiusmfa.primary import shacrypt

# From the specification of SHA-crypt, where the passwords are these.
LONG = b"a very much longer text to encrypt.  This one even stretches over morethan one line."


@pytest.mark.parametrize(
    ("name", "password", "salt", "rounds", "checksum"),
    [
        pytest.param(
            "sha256", b"Hello world!", b"saltstring", 5000,
            "5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
            id="SHA-256",
        ),
        pytest.param(
            "sha256", b"Hello world!", b"saltstringsaltst", 10000,
            "3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA",
            id="SHA-256, 10000 rounds",
        ),
        pytest.param(
            "sha512", b"Hello world!", b"saltstring", 5000,
            "svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLi"
            "BFdcbYEdFCoEOfaS35inz1",
            id="SHA-512",
        ),
        pytest.param(
            "sha512", b"Hello world!", b"saltstringsaltst", 10000,
            "OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/"
            "YTBmSK6H9qs/y3RnOaw5v.",
            id="SHA-512, 10000 rounds",
        ),
    ],
)  # fmt: skip
def test_published_checksums(
    name: str, password: bytes, salt: bytes, rounds: int, checksum: str
) -> None:
    """The examples of the specification give what it prints."""
    assert shacrypt.checksum(name, password, salt, rounds) == checksum


@pytest.mark.parametrize("name", ["sha256", "sha512"])
def test_every_input_counts(name: str) -> None:
    """Another password, salt or number of rounds gives another checksum."""
    sums = {
        shacrypt.checksum(name, password, salt, rounds)
        for password in (b"", b"a", b"b", LONG)
        for salt in (b"", b"salt")
        for rounds in (1000, 1001, 1041, 1042)
    }
    assert len(sums) == 32
    assert {len(one) for one in sums} == {43 if name == "sha256" else 86}
