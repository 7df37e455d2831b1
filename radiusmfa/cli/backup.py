"""`radiusmfa backup`: a copy of the store while the server runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from radiusmfa.cli import admin, common
from radiusmfa.stores import copies

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="backup")
@click.argument("file", type=admin.NAMED_FILE)
@admin.json_option
@click.pass_context
def command(ctx: click.Context, file: Path, *, as_json: bool) -> None:
    """
    Copy the store to FILE, which must not exist; the server may run.

    The copy is the store at one moment, mode 0600, without the keys. Keep the keys
    file elsewhere: whoever has both can compute every passcode, and without the keys
    the copy is worth nothing.
    """
    with common.open_store(ctx) as store:
        octets = copies.take(store, admin.actor(), file)
    if as_json:
        common.emit_json({"file": admin.shown(file), "octets": octets})
        return
    click.echo(
        f"{admin.shown(file)}: {octets} octets."
        " The keys are not in it: keep a copy of them elsewhere."
    )
