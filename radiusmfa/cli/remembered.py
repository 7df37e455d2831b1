"""`radiusmfa remembered`: second factors that were passed, and are not asked for again yet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from radiusmfa.cli import admin, common
from radiusmfa.stores import remembered
from radiusmfa.stores.people import RefusedError

if TYPE_CHECKING:
    from radiusmfa.stores.remembered import Remembered


@click.group(name="remembered", no_args_is_help=False)
def command() -> None:
    """
    List and revoke factors that are remembered.

    A policy that says `remember` does not ask again for a while. Disabling a user, a
    token or an assignment, and a new password or new recovery codes, end that by themselves.
    """


@command.command(name="list")
@click.argument("user", type=admin.USER, required=False)
@admin.json_option
@click.pass_context
def list_(ctx: click.Context, user: str | None, *, as_json: bool) -> None:
    """List what is remembered, of everybody or of USER."""
    with common.open_store(ctx) as store:
        found = remembered.listing(store, time.time(), name=user)
    if as_json:
        common.emit_json([_as_json(one) for one in found])
        return
    rows = [
        [
            str(one.id),
            one.name,
            one.parts.policy,
            one.parts.client or "any",
            one.parts.station or "any",
            admin.moment(one.created),
            admin.moment(one.expires),
        ]
        for one in found
    ]
    common.table(["ID", "USER", "POLICY", "CLIENT", "STATION", "SINCE", "UNTIL"], rows)


@command.command()
@click.argument("user", type=admin.USER, required=False)
@click.option("--id", "number", type=admin.NUMBER, help="One, as `list` shows it.")
@click.option("--all", "everybody", is_flag=True, help="Everybody's; asks first.")
@admin.json_option
@admin.yes_option
@click.pass_context
def revoke(  # noqa: PLR0913 - click's options
    ctx: click.Context,
    user: str | None,
    number: int | None,
    *,
    everybody: bool,
    as_json: bool,
    yes: bool,
) -> None:
    """Ask USER for the second factor again at the next login."""
    if (user is not None) + (number is not None) + everybody != 1:
        raise click.UsageError("Name a USER, or say --id or --all.")
    with common.open_store(ctx) as store:
        if everybody:
            common.confirm("Ask everybody for the second factor again?", yes=yes)
            count = remembered.revoke_all(store, admin.actor())
        elif number is not None:
            count = int(remembered.revoke_one(store, admin.actor(), number))
        else:
            count = remembered.revoke(store, admin.actor(), str(user))
    if not count and not everybody:
        what = f"#{number}" if number is not None else f"of {user!r}"
        raise RefusedError(f"nothing is remembered {what}; `radiusmfa remembered list` shows all")
    if as_json:
        common.emit_json({"revoked": count})
    else:
        click.echo(f"{count} revoked.")


def _as_json(one: Remembered) -> dict[str, Any]:
    return {
        "id": one.id,
        "user": one.name,
        "policy": one.parts.policy,
        "client": one.parts.client or None,
        "station": one.parts.station or None,
        "created": one.created,
        "expires": one.expires,
    }
