"""`radiusmfa token`: enroll, list, change and revoke tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from radiusmfa.cli import admin, common, token_enroll, token_files
from radiusmfa.cli.token_told import describe, shape
from radiusmfa.stores import devices, proving, tokens, yubikeys

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.secret import Secret
    from radiusmfa.stores.database import Database


@click.group(
    name="token",
    no_args_is_help=False,
    commands=[token_enroll.command, token_files.import_, token_files.export],
)
def command() -> None:
    """
    Enroll, list, change and revoke tokens.

    A change is in force for the next login, also while the server runs.
    """


@command.command(name="list")
@click.option("--user", type=admin.USER, help="Only this user's.")
@admin.json_option
@click.pass_context
def list_(ctx: click.Context, user: str | None, *, as_json: bool) -> None:
    """List tokens."""
    with common.open_store(ctx) as store:
        found = tokens.listing(store, user=user)
    if as_json:
        common.emit_json([describe(token) for token in found])
        return
    rows = [
        [one.serial, one.user or "-", shape(one), one.status, admin.moment(one.created), one.label]
        for one in found
    ]
    common.table(["SERIAL", "USER", "KIND", "STATUS", "CREATED", "LABEL"], rows)


@command.command()
@click.argument("serial", type=admin.SERIAL)
@click.option("--reveal", is_flag=True, help="Show the whole number, address or question; audited.")
@admin.json_option
@click.pass_context
def show(ctx: click.Context, serial: str, *, reveal: bool, as_json: bool) -> None:
    """
    Show one token; never its seed, nor the answer to a question.

    Of a number four digits are shown, of an address its first letter and its domain;
    --reveal shows all, and leaves an audit line that says who looked.
    """
    with common.open_store(ctx) as store:
        found = tokens.show(store, serial)
        told = describe(found)
        if reveal:
            told["to"] = devices.read(store, admin.actor(), serial)
    if as_json:
        common.emit_json(told)
        return
    shown = told | {"created": admin.moment(found.created)}
    for name, value in shown.items():
        click.echo(f"{name:<10} {'-' if value is None else value}")


@command.command()
@click.argument("serial", type=admin.SERIAL)
@click.argument("user", type=admin.USER, required=False)
@click.option("--nobody", is_flag=True, help="Take it from its user.")
@admin.new_user_option
@admin.json_option
@click.pass_context
def assign(  # noqa: PLR0913 - one argument an option
    ctx: click.Context,
    serial: str,
    user: str | None,
    *,
    nobody: bool,
    new_user: bool,
    as_json: bool,
) -> None:
    """Give a token to USER, or take it from everybody."""
    if nobody is (user is not None):
        raise click.UsageError("Name a user, or say --nobody.")
    if nobody and new_user:
        raise click.UsageError("--nobody and --new-user do not go together.")
    with common.open_store(ctx) as store:
        tokens.assign(store, admin.actor(), serial, user, new_user=new_user)
        done = f"{serial} is {user}'s." if user else f"{serial} is nobody's."
        _tell(store, serial, done, as_json=as_json)


@command.command()
@click.argument("serial", type=admin.SERIAL)
@click.option("--code-file", type=admin.FILE, help="First line of a file; - is standard input.")
@admin.json_option
@click.pass_context
def confirm(ctx: click.Context, serial: str, code_file: Path | None, *, as_json: bool) -> None:
    """Let a pending token count; asks for its passcode of now, or its YubiKey's next password."""
    factors = common.load_config(ctx).factors
    with common.open_store(ctx) as store:
        # Before anybody types a passcode for nothing.
        found = tokens.show(store, serial)
        proving.refuse_other(found)
        passcode = common.secret_input("Passcode", code_file)
        if found.kind == yubikeys.KIND:
            yubikeys.confirm(store, admin.actor(), serial, passcode)
        else:
            proving.confirm(store, admin.actor(), serial, passcode, factors=factors)
        _tell(store, serial, f"{serial} is active.", as_json=as_json)


@command.command()
@click.argument("serial", type=admin.SERIAL)
@click.option("--code-file", type=admin.FILE, help="A file of two lines; - is standard input.")
@admin.json_option
@click.pass_context
def resync(ctx: click.Context, serial: str, code_file: Path | None, *, as_json: bool) -> None:
    """
    Set a token's clock or counter right; asks for two consecutive passcodes.

    Both are used up. A pending token is active afterwards.
    """
    factors = common.load_config(ctx).factors
    with common.open_store(ctx) as store:
        found = tokens.show(store, serial)
        proving.refuse_other(found)
        yubikeys.refuse(found)
        passcodes = _two_passcodes(code_file)
        found = proving.resynchronize(store, admin.actor(), serial, passcodes, factors=factors)
    if as_json:
        common.emit_json(describe(found))
        return
    now = f"drift {found.drift} steps" if found.kind == "totp" else f"counter {found.last + 1}"
    click.echo(f"{serial} is synchronized: {now}.")


@command.command()
@click.argument("serial", type=admin.SERIAL)
@admin.json_option
@click.pass_context
def disable(ctx: click.Context, serial: str, *, as_json: bool) -> None:
    """Let a token not count until it is enabled again."""
    with common.open_store(ctx) as store:
        tokens.set_disabled(store, admin.actor(), serial, disabled=True)
        _tell(store, serial, f"{serial} is disabled.", as_json=as_json)


@command.command()
@click.argument("serial", type=admin.SERIAL)
@admin.json_option
@click.pass_context
def enable(ctx: click.Context, serial: str, *, as_json: bool) -> None:
    """Let a disabled token count again."""
    with common.open_store(ctx) as store:
        tokens.set_disabled(store, admin.actor(), serial, disabled=False)
        _tell(store, serial, f"{serial} is active.", as_json=as_json)


@command.command()
@click.argument("serial", type=admin.SERIAL)
@admin.json_option
@admin.yes_option
@click.pass_context
def revoke(ctx: click.Context, serial: str, *, as_json: bool, yes: bool) -> None:
    """End a token for good and destroy its seed."""
    with common.open_store(ctx) as store:
        tokens.show(store, serial)
        common.confirm(f"Revoke {serial} for good?", yes=yes)
        tokens.revoke(store, admin.actor(), serial)
        _tell(store, serial, f"{serial} is revoked.", as_json=as_json)


def _tell(store: Database, serial: str, done: str, *, as_json: bool) -> None:
    if as_json:
        common.emit_json(describe(tokens.show(store, serial)))
    else:
        click.echo(done)


def _two_passcodes(file: Path | None) -> tuple[Secret, Secret]:
    if file is None:
        first = common.secret_input("Passcode", None)
        return first, common.secret_input("The passcode after it", None)
    lines = admin.read_lines(file)
    if len(lines) != 2:  # noqa: PLR2004 - two consecutive passcodes
        raise click.UsageError(f"{file} must hold two passcodes, each on its line.")
    return lines[0], lines[1]
