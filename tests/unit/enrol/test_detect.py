"""Tests of `radiusmfa.enrol.detect`."""

from __future__ import annotations

from typing import Final

import pytest

from radiusmfa.enrol import detect
from radiusmfa.enrol.columns import Encoding
from radiusmfa.enrol.detect import Format
from radiusmfa.enrol.xmlenc import Unlocking
from radiusmfa.secret import Secret
from tests.unit.enrol.containers import SEED, Sealed, container, package, plain
from tests.unit.enrol.test_migration import EXPORT

URI: Final = "otpauth://totp/a?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
ROW: Final = f"T-1,{SEED.hex()},totp"


@pytest.mark.parametrize(
    ("content", "format_"),
    [
        pytest.param(URI, Format.OTPAUTH, id="a URI"),
        pytest.param(f"# mine\n\n  OTPAUTH{URI[7:]}", Format.OTPAUTH, id="after a comment"),
        pytest.param(EXPORT, Format.MIGRATION, id="a QR text"),
        pytest.param(container(package(plain())), Format.PSKC, id="a container"),
        pytest.param(f'\n<?xml version="1.0"?>{container()}', Format.PSKC, id="a declaration"),
        pytest.param(ROW, Format.CSV, id="a table"),
        pytest.param("", Format.CSV, id="nothing"),
        pytest.param("# " + URI, Format.CSV, id="a comment alone"),
    ],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_form_is_found_out(content: str, format_: Format, mark: bytes) -> None:
    """The first line that says something tells what a file is."""
    assert detect.format_of(mark + content.encode()) is format_


def test_utf_16_is_a_container_only_if_it_begins_as_one() -> None:
    """XML may be UTF-16; a table that was saved so is told to be saved otherwise."""
    text = container(package(plain()))
    for encoding in ("utf-16", "utf-16-be"):
        mark = "\ufeff" * (encoding != "utf-16")
        content = (mark + text).encode(encoding)
        assert detect.format_of(content) is Format.PSKC
        assert len(detect.read_any(content).records) == 1
    (fault,) = detect.read_any(ROW.encode("utf-16")).faults
    assert "save it as UTF-8" in str(fault)


@pytest.mark.parametrize("content", [URI, EXPORT.splitlines()[0], container(package(plain())), ROW])
def test_every_form_is_read(content: str) -> None:
    """Each form is read by its own reader without being named."""
    parsed = detect.read_any(content.encode())
    assert not parsed.faults
    assert parsed.records


@pytest.mark.parametrize("format_", Format)
def test_named_form_is_not_doubted(format_: Format) -> None:
    """A form that is named is read as such: a file of another one is a fault."""
    others = {Format.OTPAUTH: EXPORT, Format.MIGRATION: URI, Format.PSKC: ROW, Format.CSV: URI}
    assert detect.read_any(others[format_].encode(), format_).faults


def test_key_and_encoding_reach_their_readers() -> None:
    """What opens a container, and what says how seeds are written, is passed on."""
    sealed = Sealed()
    content = container(sealed.method(), package(sealed.element("Secret", SEED))).encode()
    assert detect.read_any(content).faults
    unlocking = Unlocking(key=Secret(sealed.key))
    assert detect.read_any(content, unlocking=unlocking).records[0].seed.reveal() == SEED
    doubtful = b"serial,seed\nT-1,2222222222222222222222222222222222222222"
    assert detect.read_any(doubtful).faults
    assert detect.read_any(doubtful, encoding=Encoding.HEX).records[0].seed.reveal() == b'"' * 20
