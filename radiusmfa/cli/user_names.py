"""`radiusmfa user alias` and `user group`: what else people are called, and their groups here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from radiusmfa.cli import admin, common
from radiusmfa.stores import names, people
from radiusmfa.stores.names import GroupNameError

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database


class GroupName(click.ParamType[str]):
    """The name of a group from argv."""

    name = "group"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the name in Unicode's form NFC, or fail with what is wrong with it."""
        try:
            return names.group_name(str(value))
        except GroupNameError as error:
            self.fail(f"{error}.", param, ctx)


@click.command()
@click.argument("user", type=admin.USER)
@click.argument("aliases", metavar="ALIAS...", type=admin.USER, nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take the aliases away.")
@admin.json_option
@click.pass_context
def alias(
    ctx: click.Context, user: str, aliases: tuple[str, ...], *, remove: bool, as_json: bool
) -> None:
    """
    Let USER log in by other names, too, or no more.

    Whatever name is typed: tokens, lock-outs, groups and approvals are those of USER.
    """
    with common.open_store(ctx) as store:
        if remove:
            names.remove_aliases(store, admin.actor(), user, aliases)
            done = f"{user} is not called {_listed(aliases)} any more."
        else:
            names.add_aliases(store, admin.actor(), user, aliases)
            done = f"{user} is also called {_listed(aliases)}."
        _tell(store, user, done, as_json=as_json)


@click.command()
@click.argument("user", type=admin.USER)
@click.argument("groups", metavar="GROUP...", type=GroupName(), nargs=-1, required=True)
@click.option("--remove", is_flag=True, help="Take USER out of the groups.")
@admin.json_option
@click.pass_context
def group(
    ctx: click.Context, user: str, groups: tuple[str, ...], *, remove: bool, as_json: bool
) -> None:
    """
    Put USER into groups that policies ask for, or take them out.

    These are groups of the store, besides those of a directory; compared without case.
    """
    with common.open_store(ctx) as store:
        if remove:
            names.remove_groups(store, admin.actor(), user, groups)
            done = f"{user} is not in {_listed(groups)} any more."
        else:
            names.add_groups(store, admin.actor(), user, groups)
            done = f"{user} is in {_listed(groups)}."
        _tell(store, user, done, as_json=as_json)


def _listed(found: tuple[str, ...]) -> str:
    return ", ".join(dict.fromkeys(found))


def _tell(store: Database, user: str, done: str, *, as_json: bool) -> None:
    if not as_json:
        click.echo(done)
        return
    known = people.person(store, user)
    common.emit_json({"name": user, "groups": list(known.groups), "aliases": list(known.aliases)})
