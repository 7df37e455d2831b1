"""Tests of `radiusmfa.cli.progress`."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from typing import final

from radiusmfa.cli.progress import Progress


@final
class _Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self) -> bool:
        """Say that it is one."""
        return True


def _written(stream: io.StringIO, *, as_json: bool = False) -> str:
    with redirect_stderr(stream), Progress(as_json=as_json) as progress:
        progress.say("reading", 3, 2)
        progress.say("storing")
    return stream.getvalue()


def test_nothing_is_shown_without_a_terminal() -> None:
    """A log file gets no line that overwrites itself."""
    assert _written(io.StringIO()) == ""


def test_nothing_is_shown_with_json() -> None:
    """Whoever wants JSON gets nothing else."""
    assert _written(_Terminal(), as_json=True) == ""


def test_line_is_overwritten_and_gone_at_the_end() -> None:
    """On a terminal one line says how far it is, never more than all, and goes away."""
    parts = _written(_Terminal()).split("\r\x1b[K")
    assert parts == ["", "reading 2 of 2", "storing", ""]
