"""`radiusmfa keys`: new keys for the seeds."""

from __future__ import annotations

import click

from radiusmfa.cli import admin, common
from radiusmfa.interfaces import KeysError
from radiusmfa.stores import database, rotation, vault


@click.group(name="keys", no_args_is_help=False)
def command() -> None:
    """Look after the keys that seal the seeds."""


@command.command()
@click.option("--keep", is_flag=True, help="Leave the old keys in the file, for old backups.")
@admin.json_option
@admin.yes_option
@click.pass_context
def rotate(ctx: click.Context, *, keep: bool, as_json: bool, yes: bool) -> None:
    """
    Seal everything in the store with a new key.

    The server must be stopped meanwhile: it reads the keys when it starts. A kill or
    a power loss at any moment leaves keys and store that belong together; run it
    again then.

    Backups taken before open only with the keys of their time: keep a copy of the
    old keys file as long as you keep them, or say --keep.
    """
    config = common.load_config(ctx)
    if vault.is_credential(config.keys_path):
        raise KeysError(f"{config.keys_path} is systemd's copy: rotate the file that it came from")
    database.refuse_foreign(config.store_path)
    with database.lock_file(config.store_path), common.open_store(ctx) as store:
        common.confirm(f"Replace the keys in {config.keys_path}?", yes=yes)
        count = rotation.rotate(store, admin.actor(), keep=keep)
        active = store.vault.active
    if as_json:
        common.emit_json({"keys": str(config.keys_path), "active": active, "seeds": count})
        return
    click.echo(f"{config.keys_path}: key {active} seals {count} seeds now. Copy the file anew.")
    if not keep:
        click.echo("Earlier backups need the keys file of their time.")
