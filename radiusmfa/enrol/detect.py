"""Any file of seeds: find out what it is, and read it with the right reader."""

from __future__ import annotations

from enum import StrEnum, unique
from typing import TYPE_CHECKING

from radiusmfa.enrol import migration, otpauth, pskc, seeds

if TYPE_CHECKING:
    from radiusmfa.enrol.columns import Encoding
    from radiusmfa.enrol.records import Parsed
    from radiusmfa.enrol.xmlenc import Unlocking


@unique
class Format(StrEnum):
    """A form of seed files; the values are what a person types."""

    OTPAUTH = "otpauth"
    MIGRATION = "migration"
    PSKC = "pskc"
    CSV = "csv"


def format_of(octets: bytes) -> Format:
    """Return what *octets* look like; a table where nothing speaks for another form."""
    start = octets.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith((b"<", b"\xff\xfe<", b"\xfe\xff\0<")):  # UTF-8, or UTF-16 either way
        return Format.PSKC
    lines = (line.strip().lower() for line in start.split(b"\n", 1000))
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    if first.startswith(b"otpauth-migration:"):
        return Format.MIGRATION
    return Format.OTPAUTH if first.startswith(b"otpauth:") else Format.CSV


def read_any(
    octets: bytes,
    format: Format | None = None,  # noqa: A002 - the word of the command line
    *,
    unlocking: Unlocking | None = None,
    encoding: Encoding | None = None,
) -> Parsed:
    """
    Read a file of seeds.

    Args:
        octets: The file.
        format: Its form; None finds out.
        unlocking: Password or key of an encrypted PSKC file.
        encoding: How seeds are written in a table that does not say.

    Returns:
        Records, faults and notes; it never raises.
    """
    match format or format_of(octets):
        case Format.OTPAUTH:
            return otpauth.read(octets)
        case Format.MIGRATION:
            return migration.read(octets)
        case Format.PSKC:
            return pskc.read(octets, unlocking)
        case Format.CSV:
            return seeds.read(octets, encoding=encoding)
