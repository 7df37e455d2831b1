"""What several commands share: the store, tables and JSON, questions, secrets typed in."""

from __future__ import annotations

import difflib
import json
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiusmfa.config import read
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

    from radiusmfa.config.model import Configuration
    from radiusmfa.stores.database import Database


def load_config(ctx: click.Context) -> Configuration:
    """
    Read the configuration that `--config` names.

    Raises:
        ConfigError: With every fault.
    """
    return read.load(_configuration_path(ctx))


def open_store(ctx: click.Context) -> Database:
    """
    Open the store of the configuration with its keys.

    Raises:
        ConfigError: The configuration has faults.
        KeysError: The keys file is missing, unsafe, or of another store.
        StoreError: The store is missing, damaged, or of a newer version.
    """
    # Here, so that commands without a store do not wait for the cryptography library.
    from radiusmfa.stores import database  # noqa: PLC0415
    from radiusmfa.stores.vault import Vault  # noqa: PLC0415

    config = load_config(ctx)
    return database.connect(config.store_path, Vault.read(config.keys_path))


def emit_json(value: object) -> None:
    """Print *value* as indented JSON."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print *rows* in columns under *headers*; control characters are shown, not sent."""
    cells = [[_printable(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(_width(row[at]) for row in cells) for at in range(len(headers))]
    for row in cells:
        padded = [
            cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def is_terminal() -> bool:
    """Return whether a person sits at standard input."""
    return sys.stdin.isatty()


def confirm(question: str, *, yes: bool) -> None:
    """
    Ask before something is destroyed; *yes* answers in advance.

    Raises:
        RadiusmfaError: The answer was no.
        click.UsageError: Nobody can be asked, and `--yes` was not given.
    """
    if yes:
        return
    if not is_terminal():
        msg = f"{question} Nobody can answer here: say --yes."
        raise click.UsageError(msg)
    if not click.confirm(question, err=True):
        raise RadiusmfaError("nothing was changed")


def secret_input(
    prompt: str, file: Path | None, *, twice: bool = False, may_be_empty: bool = False
) -> Secret:
    """
    Read a password or another secret: never from argv.

    Args:
        prompt: What to ask for on a terminal, without colon.
        file: Read the first line of this file; `-` is standard input.
        twice: On a terminal, ask again and compare.
        may_be_empty: On a terminal, the Enter key alone is an answer, too.

    Raises:
        click.UsageError: No file, and no terminal to ask at; or nothing was given.
    """
    if file is not None:
        return _first_line(file)
    if not is_terminal():
        msg = f"{prompt}: there is no terminal to ask at; name a file (- is standard input)."
        raise click.UsageError(msg)
    typed = click.prompt(
        prompt,
        default="" if may_be_empty else None,
        show_default=False,
        hide_input=True,
        confirmation_prompt=twice,
        err=True,
    )
    return Secret(str(typed).encode("utf-8", "surrogateescape"))


def _configuration_path(ctx: click.Context) -> Path:
    path = ctx.find_object(Path)
    if path is None:
        msg = "No configuration file was named."
        raise click.UsageError(msg)
    return path


def _first_line(file: Path) -> Secret:
    if str(file) == "-":
        line = sys.stdin.buffer.readline()
    else:
        with file.open("rb") as stream:
            line = stream.readline()
    octets = line.rstrip(b"\r\n")
    if not octets:
        msg = f"The first line of {'standard input' if str(file) == '-' else file} is empty."
        raise click.UsageError(msg)
    return Secret(octets)


def _printable(text: str) -> str:
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def _width(text: str) -> int:
    # Columns on a terminal: wide scripts take two, combining marks none.
    return sum(
        2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1
        for c in text
    )


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return what to add to "has no NAME": which one may be meant, or all that there are."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; it has: {', '.join(known)}." if known else ", nor any other."


def count(things: Sized, name: str) -> str:
    """Return how many *things* there are in words: `no clients`, `1 client`, `2 clients`."""
    return f"{len(things) or 'no'} {name}{'' if len(things) == 1 else 's'}"
