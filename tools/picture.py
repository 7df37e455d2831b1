"""Draw what a terminal shows as an SVG: `script -qc COMMAND /dev/null | tools/picture.py TITLE`."""

from __future__ import annotations

import re
import sys
from html import escape
from typing import Final

WIDTH: Final = 8  # pixels of a character
HEIGHT: Final = 16
ESCAPE: Final = re.compile("\x1b\\[[0-9;]*m")  # black on white, for QR codes; or no color
MARGIN: Final = 16
HEAD: Final = 36
# Upper and lower half of a cell: QR codes are drawn with these, and text would leave gaps.
BLOCKS: Final = {"█": (0, 1), "▀": (0, 0.5), "▄": (0.5, 0.5)}


def picture(title: str, lines: list[str]) -> str:
    """Return the SVG of a terminal that shows *lines*."""
    width = 2 * MARGIN + WIDTH * max(
        len(ESCAPE.sub("", line)) for line in (*lines, title + " " * 12)
    )
    height = HEAD + MARGIN + HEIGHT * len(lines)
    drawn = "".join(_line(line, HEAD + HEIGHT * at) for at, line in enumerate(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{width}" height="{height}" rx="8" fill="#14181d"/>'
        f'<g fill="#5c6773"><circle cx="20" cy="16" r="5"/><circle cx="38" cy="16" r="5"/>'
        f'<circle cx="56" cy="16" r="5"/></g>'
        f'<g font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"'
        f' font-size="13" fill="#d7dde4" xml:space="preserve">'
        f'<text x="80" y="20" fill="#8fa1b3">{escape(title)}</text>{drawn}</g></svg>\n'
    )


def _line(line: str, top: int) -> str:
    is_black_on_white = ESCAPE.search(line) is not None
    line = ESCAPE.sub("", line)
    ground = f'<rect x="{MARGIN}" y="{top}" width="{WIDTH * len(line)}" height="{HEIGHT}"/>'
    blocks = f'<g fill="#fff">{ground}</g><g fill="#000">' if is_black_on_white else "<g>"
    blocks += "".join(
        f'<rect x="{MARGIN + WIDTH * at}" y="{top + HEIGHT * BLOCKS[sign][0]:g}"'
        f' width="{WIDTH}" height="{HEIGHT * BLOCKS[sign][1]:g}"/>'
        for at, sign in enumerate(line)
        if sign in BLOCKS
    )
    blocks += "</g>"
    runs = re.finditer(r"[^█▀▄ ]+(?: [^█▀▄ ]+)*", line)
    return blocks + "".join(
        f'<text x="{MARGIN + WIDTH * run.start()}" y="{top + 12}"'
        f' textLength="{WIDTH * len(run[0])}" lengthAdjust="spacingAndGlyphs">'
        f"{escape(run[0])}</text>"
        for run in runs
    )


if __name__ == "__main__":
    shown = sys.stdin.read().expandtabs().rstrip("\n").split("\n")
    sys.stdout.write(picture(sys.argv[1], shown))
