"""`radiusmfa restore`: a backup in the place of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from radiusmfa.cli import admin, common
from radiusmfa.interfaces import KeysError, StoreError
from radiusmfa.stores import copies, database, restoring
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.config.model import Configuration
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.restoring import Report


@click.command(name="restore")
@click.argument("file", type=admin.NAMED_FILE)
@admin.json_option
@admin.yes_option
@click.pass_context
def restore(ctx: click.Context, file: Path, *, as_json: bool, yes: bool) -> None:
    """
    Put the backup FILE in the place of the store; the server must be stopped.

    FILE is checked first: that it is whole, of a schema known here, of the same store
    as the keys, that every seed opens, and that its audit verifies. The store of now
    is kept next to the new one.

    Users, tokens and their status are as they were when the backup was taken: what
    was disabled or revoked since is active again. Look through them.

    No passcode that was used is good again. TOTP passcodes are refused until the
    clock has passed every passcode that may have been used, a minute or two; open
    challenges end. If the store of now cannot be read, nobody knows what was used
    since the backup. Then TOTP waits longer (the drift that is allowed), recovery
    codes are void (issue new ones), HOTP tokens are pending until `radiusmfa token
    resync` with two consecutive passcodes, and YubiKeys whose AES key is in the store
    until `radiusmfa token confirm` with a new password.

    Approvals that were revoked since stay revoked; if the store of now cannot be read,
    all are. No factor is remembered any more.
    """
    config = common.load_config(ctx)
    with database.lock_file(config.store_path):
        vault = Vault.read(config.keys_path)
        copy = copies.checked(file, config.store_path, vault)
        try:
            common.confirm(f"Replace {config.store_path} by {file}?", yes=yes)
            report, aside = _replace(copy, config, file, vault)
        except BaseException:
            copies.discard(copy)
            raise
    if as_json:
        common.emit_json(_as_json(report, aside))
    else:
        _tell(report, config, file, aside)


def _replace(
    copy: Database, config: Configuration, file: Path, vault: Vault
) -> tuple[Report, Path | None]:
    actor = admin.actor()
    old = _old(config.store_path, vault)
    try:
        report = restoring.use_up(copy, old, actor, factors=config.factors, source=file.name)
    finally:
        if old is not None:
            old.close()
    return report, copies.put_in_place(copy, config.store_path, actor.now)


def _old(path: Path, vault: Vault) -> Database | None:
    try:
        return database.connect(path, vault)
    except (StoreError, KeysError):  # missing or damaged; that may be why there is a restore
        return None


def _tell(report: Report, config: Configuration, file: Path, aside: Path | None) -> None:
    click.echo(
        f"{config.store_path} is {admin.shown(file)} now:"
        f" {report.users} users, {report.tokens} tokens."
    )
    if aside is not None:
        click.echo(f"The store before is {aside}.")
    if not report.is_complete:
        click.echo("What was used since the backup is not known, so it counts as used.")
    click.echo(f"TOTP passcodes are good again from {admin.moment(report.totp_from)}.")
    if report.void_codes:
        click.echo(f"{report.void_codes} recovery codes are void: issue new ones.")
    if report.void_approvals:
        numbers = ", ".join(f"#{number}" for number in report.void_approvals)
        click.echo(f"Approvals that are revoked, because others may have revoked them: {numbers}")
    if report.waiting:
        serials = ", ".join(report.waiting)
        click.echo(f"Need `radiusmfa token resync` (HOTP) or `token confirm` (YubiKeys): {serials}")


def _as_json(report: Report, aside: Path | None) -> dict[str, Any]:
    return {
        "users": report.users,
        "tokens": report.tokens,
        "audit_lines": report.lines,
        "complete": report.is_complete,
        "totp_from": report.totp_from,
        "void_recovery_codes": report.void_codes,
        "revoked_approvals": list(report.void_approvals),
        "waiting_tokens": list(report.waiting),
        "store_before": None if aside is None else str(aside),
    }
