"""Tests of `radiusmfa.enrol.qr`."""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

import pytest

from radiusmfa.enrol import qr
from radiusmfa.enrol.qr import TooLongForQrError

if TYPE_CHECKING:
    from pathlib import Path

URI: Final = (
    "otpauth://totp/Example%20Corp:j%C3%BCrgen@example.com"
    "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Example%20Corp&digits=8&period=60"
)
_HALVES: Final = {" ": (0, 0), "\u2580": (1, 0), "\u2584": (0, 1), "\u2588": (1, 1)}


def _modules(drawing: str) -> list[list[int]]:
    """Return the dark modules of a drawing in half blocks."""
    rows: list[list[int]] = []
    for line in drawing.splitlines():
        rows += [[_HALVES[sign][half] for sign in line] for half in (0, 1)]
    return rows


def _png(modules: list[list[int]], scale: int = 6) -> bytes:
    """Return a gray picture of *modules*, written here so that no QR library is asked."""
    rows = b"".join(
        (b"\0" + b"".join(bytes(((1 - module) * 255,)) * scale for module in row)) * scale
        for row in modules
    )
    wide, high = len(modules[0]) * scale, len(modules) * scale
    head = wide.to_bytes(4, "big") + high.to_bytes(4, "big") + b"\x08\0\0\0\0"
    chunks = (b"IHDR" + head, b"IDAT" + zlib.compress(rows), b"IEND")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        for chunk in chunks
    )


def _scanned(picture: bytes, folder: Path) -> str:
    """Return what an independent reader finds in a picture."""
    if shutil.which("zbarimg") is None:
        pytest.skip("zbarimg is missing: install zbar-tools")
    file = folder / "code.png"
    file.write_bytes(picture)
    command = ["zbarimg", "--quiet", "--raw", "--nodbus", str(file)]
    found = subprocess.run(command, capture_output=True, check=True)
    return found.stdout.decode("utf-8").removesuffix("\n")


def test_text_that_does_not_fit_is_refused() -> None:
    """A text longer than any QR code is one clear line, which does not repeat it."""
    for draw in (qr.terminal, qr.plain, qr.svg, qr.png):
        with pytest.raises(TooLongForQrError, match="too long for a QR code") as caught:
            draw("a secret " * 400)
        assert "a secret" not in str(caught.value)


def test_picture_is_what_another_reader_sees(tmp_path: Path) -> None:
    """A scanner finds the URI in the PNG file, letter for letter."""
    picture = qr.png(URI)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert _scanned(picture, tmp_path) == URI


@pytest.mark.parametrize("text", [URI, "a", URI + "x" * 300])
def test_drawing_is_what_another_reader_sees(text: str, tmp_path: Path) -> None:
    """A scanner finds the same in the drawing of characters, whatever its size."""
    assert _scanned(_png(_modules(qr.plain(text))), tmp_path) == text


def test_drawing_for_a_terminal_brings_its_own_colors(tmp_path: Path) -> None:
    """Each line sets black on white and gives the terminal its own colors back."""
    lines = qr.terminal(URI).splitlines()
    inside = []
    for line in lines:
        found = re.fullmatch(r"\x1b\[38;5;16;48;5;231m(.*)\x1b\[0m", line)
        assert found is not None
        inside.append(found[1])
    assert "".join(f"{line}\n" for line in inside) == qr.plain(URI)
    assert _scanned(_png(_modules("\n".join(inside))), tmp_path) == URI


def test_dark_background_is_the_same_code_the_other_way_round() -> None:
    """Light characters on dark: every module is turned over, no one is lost."""
    light, dark = _modules(qr.plain(URI)), _modules(qr.plain(URI, dark_background=True))
    assert [[1 - module for module in row] for row in dark] == light


def test_quiet_zone_is_four_modules_all_round() -> None:
    """A scanner needs four white modules around the code (ISO 18004)."""
    modules = _modules(qr.plain(URI))
    high = len(modules[0])  # the drawing may have half a line more below
    rows = [*modules[:4], *modules[high - 4 :]]
    assert not any(any(row) for row in rows)
    assert not any(any(row[:4]) or any(row[-4:]) for row in modules)
    assert any(modules[4])


def test_svg_is_a_picture_and_nothing_else(tmp_path: Path) -> None:
    """The SVG file draws the same modules in black on white, and holds no text or script."""
    content = qr.svg(URI)
    root = ET.fromstring(content)  # noqa: S314 - our own file
    kinds = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert kinds <= {"svg", "g", "path"}
    assert b"GEZDGNBV" not in content
    drawn = _drawn(content.decode("utf-8"), len(_modules(qr.plain(URI))[0]))
    assert _scanned(_png(drawn), tmp_path) == URI


def _drawn(content: str, size: int) -> list[list[int]]:
    """Return the dark modules of segno's path: strokes of one module, moved relatively."""
    path = next(data for data in re.findall(r'd="([^"]+)"', content) if "m" in data)
    modules = [[0] * size for _ in range(size)]
    x, y = 0.0, 0.0
    for kind, numbers in re.findall(r"([Mmh])([-0-9. ]+)", path):
        values = [float(number) for number in re.findall(r"-?[0-9]*\.?[0-9]+", numbers)]
        if kind == "h":
            for at in range(int(x), int(x + values[0])):
                modules[int(y)][at] = 1
            x += values[0]
        elif kind == "M":
            x, y = values
        else:
            x, y = x + values[0], y + values[1]
    return modules
