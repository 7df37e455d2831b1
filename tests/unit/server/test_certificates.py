"""Tests of `radiusmfa.server.certificates`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme
from twisted.internet.ssl import optionsForClientTLS

from radiusmfa.interfaces import ConfigError
from radiusmfa.server.certificates import trust

if TYPE_CHECKING:
    from pathlib import Path


def test_file_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    """The text names the file, and why."""
    with pytest.raises(ConfigError, match=r"/none: No such file"):
        trust(tmp_path / "none")


def test_file_of_something_else_is_a_fault(tmp_path: Path) -> None:
    """A block that is no certificate is refused with its file, not skipped."""
    (tmp_path / "it.pem").write_bytes(
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    with pytest.raises(ConfigError, match="holds something that is no certificate"):
        trust(tmp_path / "it.pem")


def test_every_certificate_of_the_file_is_trusted(tmp_path: Path) -> None:
    """Two authorities in one file: both count, and both can be used for a connection."""
    authorities = [trustme.CA(), trustme.CA()]
    octets = b"".join(one.cert_pem.bytes() for one in authorities)
    (tmp_path / "both.pem").write_bytes(octets)
    assert optionsForClientTLS("example.com", trustRoot=trust(tmp_path / "both.pem")) is not None


def test_system_is_trusted_without_a_file() -> None:
    """None: the authorities of the system."""
    assert optionsForClientTLS("example.com", trustRoot=trust(None)) is not None
