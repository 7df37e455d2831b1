"""A line on a terminal that says how far a command is; nothing elsewhere."""

from __future__ import annotations

import sys
from typing import Self, final

import click


@final
class Progress:
    """The line; used as a context it is gone at the end."""

    def __init__(self, *, as_json: bool) -> None:
        """Show it if standard error is a terminal, and nobody wants JSON."""
        self._shown = sys.stderr.isatty() and not as_json

    def __enter__(self) -> Self:
        """Return this line, to be wiped out at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wipe it out."""
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

    def say(self, what: str, done: int = 0, total: int = 0) -> None:
        """Show *what*, and how much of it is done."""
        if self._shown:
            share = f" {min(done, total)} of {total}" if total else ""
            click.echo(f"\r\x1b[K{what}{share}", err=True, nl=False)
