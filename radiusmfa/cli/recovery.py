"""`radiusmfa recovery`: codes for the day the phone is lost."""

from __future__ import annotations

import click

from radiusmfa.cli import admin, common
from radiusmfa.factors import recovery
from radiusmfa.stores import people


@click.group(name="recovery", no_args_is_help=False)
def command() -> None:
    """Issue recovery codes: each opens one door once, in the place of a passcode."""


@command.command()
@click.argument("name", type=admin.USER, metavar="USER")
@click.option("--count", type=click.IntRange(0, 100), default=10, show_default=True)
@admin.json_option
@admin.yes_option
@click.pass_context
def issue(ctx: click.Context, name: str, count: int, *, as_json: bool, yes: bool) -> None:
    """
    Issue new recovery codes; those before are void.

    They are shown now and never again: the store keeps only keyed hashes.
    """
    with common.open_store(ctx) as store:
        unused = people.person(store, name).recovery_codes
        if unused:
            common.confirm(f"{name} has {unused} unused codes. Make them void?", yes=yes)
        codes = recovery.generate(count)
        people.issue_recovery(store, admin.actor(), name, codes)
    if as_json:
        common.emit_json({"user": name, "codes": codes})
        return
    for code in codes:
        click.echo(code)
    click.echo(f"{count} codes for {name}; they are not shown again.", err=True)
