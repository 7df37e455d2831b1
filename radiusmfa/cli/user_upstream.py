"""`radiusmfa user upstream`: who is assigned to which token server or service, also from a list."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from radiusmfa.cli import admin, assignment_list, common, upstreams
from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.stores import assignments, people
from radiusmfa.stores.assignments import Assignment, NameThereError

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.config.model import Configuration

_MOST_FAULTS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options, as click read them."""

    user: str | None
    upstream: str | None
    name: str | None
    remove: bool
    file: Path | None
    dry_run: bool
    as_json: bool


@click.command(name="upstream")
@click.argument("user", type=admin.USER, required=False)
@click.argument("upstream", required=False)
@click.option("--as", "name", metavar="NAME", help="What USER is called there, sent as it is.")
@click.option("--remove", is_flag=True, help="End the assignment.")
@click.option("--import", "file", type=admin.FILE, help="A CSV file with a row for each; - too.")
@click.option("--dry-run", is_flag=True, help="With --import: check everything, change nothing.")
@admin.json_option
@click.pass_context
def command(ctx: click.Context, /, **given: object) -> None:
    """
    Assign USER to UPSTREAM, which may be a service, or end that.

    Whoever is assigned to the upstream of a factor has that factor. Without --as,
    the upstream gets the name that was typed, rewritten as its user_name says.

    --import reads a CSV file whose first row names the columns: user, upstream, and
    name (what the user is called there; may be empty). All of it, or nothing if
    anything is wrong with one row. It ends no assignment that it does not name.
    """
    wish = Wish(**given)  # type: ignore[arg-type]  # click has checked them
    if wish.file is not None:
        _import(ctx, wish, wish.file)
        return
    if wish.user is None or wish.upstream is None or wish.dry_run:
        msg = "Name a USER and an UPSTREAM, or a file with --import."
        raise click.UsageError(msg)
    if wish.remove:
        _remove(ctx, wish.user, wish.upstream, wish)
    else:
        _assign(ctx, wish.user, wish.upstream, wish)


def _assign(ctx: click.Context, user: str, upstream: str, wish: Wish) -> None:
    name = _name_there(wish.name)
    config = common.load_config(ctx)
    if upstream not in upstreams.assignable(config):
        raise click.UsageError(upstreams.why_unknown(config, upstream))
    with common.open_store(ctx) as store:
        one = Assignment(user=user, upstream=upstream, name=name)
        assignments.assign(store, admin.actor(), one)
        known = people.person(store, user)
    if wish.as_json:
        common.emit_json({"name": user, "upstreams": known.upstreams})
    else:
        click.echo(f"{user} is assigned to {upstream}{f' as {name}' if name else ''}.")
    _warn_unused(config, {upstream})


def _remove(ctx: click.Context, user: str, upstream: str, wish: Wish) -> None:
    if wish.name is not None:
        raise click.UsageError("--remove and --as exclude each other.")
    # The configuration may know it no more: what is left of it can be tidied up.
    with common.open_store(ctx) as store:
        assignments.remove(store, admin.actor(), user, upstream)
        known = people.person(store, user)
    if wish.as_json:
        common.emit_json({"name": user, "upstreams": known.upstreams})
    else:
        click.echo(f"{user} is not assigned to {upstream} any more.")


def _import(ctx: click.Context, wish: Wish, file: Path) -> None:
    if wish.user is not None or wish.name is not None or wish.remove:
        msg = "--import takes users, upstreams and names from the file."
        raise click.UsageError(msg)
    octets = admin.read_octets(file)
    config = common.load_config(ctx)
    known = upstreams.assignable(config)
    found, faults = assignment_list.read(
        octets,
        lambda name: None if name in known else upstreams.why_unknown(config, name),
    )
    _refuse(faults)
    with common.open_store(ctx) as store:
        with store.reading() as connection:
            _refuse(assignments.faults(connection, found))
        if not wish.dry_run:
            digest = hashlib.sha256(octets).hexdigest()
            detail = f"{len(found)} assignments, SHA-256 {digest}"
            assignments.assign_many(store, admin.actor(), found, detail)
    if wish.as_json:
        common.emit_json({"imported": not wish.dry_run, "assignments": len(found)})
    else:
        verb = "can be imported" if wish.dry_run else "imported"
        click.echo(f"{len(found)} assignments {verb}.")
    _warn_unused(config, {one.upstream for one in found})


def _name_there(text: str | None) -> str:
    if text is None:
        return ""
    try:
        return assignments.name_there(text)
    except NameThereError as error:
        msg = f"--as: {error}."
        raise click.UsageError(msg) from None


def _refuse(faults: list[str]) -> None:
    if not faults:
        return
    more = len(faults) - _MOST_FAULTS
    rest = (f"and {more} faults more",) if more > 0 else ()
    raise ImportRefusedError(*faults[:_MOST_FAULTS], *rest)


def _warn_unused(config: Configuration, named: set[str]) -> None:
    for name in sorted(named):
        clients, factors = upstreams.askers(config, name)
        if not clients and not factors:
            msg = f"warning: no factor and no client of {config.path} asks {name}: it has no effect"
            click.echo(msg, err=True)
