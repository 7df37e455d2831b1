"""QR codes of enrolment URIs, for a terminal or a file; error level M."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

import segno

from radiusmfa.interfaces import RadiusmfaError

if TYPE_CHECKING:
    from collections.abc import Sequence

_QUIET: Final = 4  # modules around the code, ISO 18004
_SCALE: Final = 8  # pixels a module
# True black on true white, whatever colors the terminal has given the first sixteen.
_COLORS: Final = "\x1b[38;5;16;48;5;231m"
_NO_COLORS: Final = "\x1b[0m"
_HALVES: Final = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}


class TooLongForQrError(RadiusmfaError):
    """The text does not fit a QR code."""


def terminal(text: str) -> str:
    """
    Return a QR code for a terminal that knows colors, dark or light.

    Two modules a character; only for a terminal: elsewhere use `plain`.
    """
    rows = _half_rows(_modules(text))
    return "".join(f"{_COLORS}{row}{_NO_COLORS}\n" for row in rows)


def plain(text: str, *, dark_background: bool = False) -> str:
    """
    Return a QR code in characters alone, for files and simple terminals.

    Args:
        text: What to encode.
        dark_background: The reader sees light characters on dark.
    """
    modules = _modules(text)
    if dark_background:
        modules = [[1 - module for module in row] for row in modules]
    return "".join(f"{row}\n" for row in _half_rows(modules))


def svg(text: str) -> bytes:
    """Return a QR code as an SVG file with a white ground."""
    return _file(text, "svg")


def png(text: str) -> bytes:
    """Return a QR code as a PNG file."""
    return _file(text, "png")


def _file(text: str, kind: str) -> bytes:
    file = io.BytesIO()
    _code(text).save(file, kind=kind, scale=_SCALE, border=_QUIET, dark="black", light="white")
    return file.getvalue()


def _modules(text: str) -> list[list[int]]:
    return [[int(module) for module in row] for row in _code(text).matrix_iter(border=_QUIET)]


def _half_rows(modules: Sequence[Sequence[int]]) -> list[str]:
    lower = [*modules[1::2]]
    if len(lower) < len(modules[::2]):  # an odd number of rows: the last has no lower half
        lower.append([modules[0][0]] * len(modules[0]))
    return [
        "".join(_HALVES[pair] for pair in zip(above, below, strict=True))
        for above, below in zip(modules[::2], lower, strict=True)
    ]


def _code(text: str) -> segno.QRCode:
    try:
        return segno.make_qr(text, error="m")
    except segno.DataOverflowError:
        raise TooLongForQrError("this is too long for a QR code: shorten the names") from None
