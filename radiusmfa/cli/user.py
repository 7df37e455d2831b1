"""`radiusmfa user`: add, list, change and remove users."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import click

from radiusmfa.cli import admin, common, token_told, user_import, user_names, user_upstream
from radiusmfa.primary import hashing
from radiusmfa.stores import counted, people, tokens

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.people import Person

_PASSWORD_ONLY = "needs NO second factor: whoever knows the password is in"  # noqa: S105 - a warning

_COLUMNS: Final = (
    "NAME", "PASSWORD", "TOKENS", "RECOVERY", "UPSTREAMS", "GROUPS", "ALIASES", "REMARKS",
)  # fmt: skip


@click.group(
    name="user",
    no_args_is_help=False,
    commands=[user_import.command, user_upstream.command, user_names.alias, user_names.group],
)
def command() -> None:
    """
    Add, list, change and remove users.

    A change is in force for the next login, also while the server runs.
    """


@command.command()
@click.argument("name", type=admin.USER)
@click.option("--password-file", type=admin.FILE, help="First line of a file; - is standard input.")
@click.option(
    "--no-password", is_flag=True, help="None here: a directory, an upstream or nobody checks it."
)
@click.option("--password-only", is_flag=True, help="Exempt this person from the second factor.")
@admin.json_option
@click.pass_context
def add(  # noqa: PLR0913 - click's options
    ctx: click.Context,
    name: str,
    *,
    password_file: Path | None,
    no_password: bool,
    password_only: bool,
    as_json: bool,
) -> None:
    """
    Add a user; asks for the password.

    Without a token or recovery codes nobody gets in who needs a second factor:
    `radiusmfa token enroll NAME` comes next.
    """
    if no_password and password_only:
        raise click.UsageError("--no-password and --password-only leave nothing to prove.")
    if no_password and password_file is not None:
        raise click.UsageError("--no-password and --password-file exclude each other.")
    with common.open_store(ctx) as store:
        people.refuse_taken(store, name)  # before anybody types a password for nothing
        stored = None if no_password else _new_hash(ctx, password_file)
        people.add(store, admin.actor(), name, password=stored, password_only=password_only)
        _tell(store, name, f"Added {name}.", as_json=as_json)
    if password_only:
        click.echo(f"warning: {name} {_PASSWORD_ONLY}", err=True)


@command.command(name="list")
@admin.json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List all users."""
    with common.open_store(ctx) as store:
        everybody = people.everybody(store)
    if as_json:
        common.emit_json([_as_json(person) for person in everybody])
        return
    now = time.time()
    rows = [
        [
            person.name,
            _form(person) or "-",
            str(person.tokens),
            str(person.recovery_codes),
            ", ".join(person.upstreams) or "-",
            ", ".join(person.groups) or "-",
            ", ".join(person.aliases) or "-",
            ", ".join(_remarks(person, now)),
        ]
        for person in everybody
    ]
    common.table(_COLUMNS, rows)


@command.command()
@click.argument("name", type=admin.USER)
@admin.json_option
@click.pass_context
def show(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Show one user: tokens, recovery codes, upstreams, groups, aliases, wrong proofs, locks."""
    with common.open_store(ctx) as store:
        person = counted.person(store, name)
        owned = tokens.listing(store, user=name) if person.id > 0 else []
        failures = people.failures(store, name)
    if as_json:
        more = {
            "tokens": [token_told.describe(one) for one in owned],
            "failures": [
                {
                    "factor": one.factor,
                    "client": one.client,
                    "count": one.count,
                    "locked_until": one.until or None,
                }
                for one in failures
            ],
        }
        common.emit_json(_as_json(person) | more)
        return
    now = time.time()
    click.echo(f"name            {person.name}")
    click.echo(f"password        {_form(person) or 'none'}")
    click.echo(f"remarks         {', '.join(_remarks(person, now)) or '-'}")
    if person.id > 0:
        click.echo(f"created         {admin.moment(person.created)}")
    click.echo(f"recovery codes  {person.recovery_codes} unused")
    for one in owned:
        what = f"{one.kind} {one.to}".rstrip()
        click.echo(f"token           {one.serial}  {what}, {one.status}  {one.label}".rstrip())
    for group in person.groups:
        click.echo(f"group           {group}")
    for alias in person.aliases:
        click.echo(f"alias           {alias}")
    for upstream, there in person.upstreams.items():
        click.echo(f"upstream        {upstream}{f', as {there}' if there else ''}")
    for failure in failures:
        locked = f", locked until {admin.moment(failure.until)}" if failure.until > now else ""
        place = f"{failure.factor} at {failure.client}"
        click.echo(f"wrong proofs    {failure.count} x {place}{locked}")


@command.command()
@click.argument("name", type=admin.USER)
@click.option("--password-file", type=admin.FILE, help="First line of a file; - is standard input.")
@click.option("--no-password", is_flag=True, help="Take the password away.")
@admin.json_option
@click.pass_context
def password(
    ctx: click.Context, name: str, *, password_file: Path | None, no_password: bool, as_json: bool
) -> None:
    """Set a user's password; asks for it."""
    if no_password and password_file is not None:
        raise click.UsageError("--no-password and --password-file exclude each other.")
    with common.open_store(ctx) as store:
        people.person(store, name)  # before anybody types a password for nothing
        stored = None if no_password else _new_hash(ctx, password_file)
        people.set_password(store, admin.actor(), name, stored)
        done = f"{name} has {'no password' if no_password else 'a new password'}."
        _tell(store, name, done, as_json=as_json)


@command.command()
@click.argument("name", type=admin.USER)
@admin.json_option
@click.pass_context
def disable(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Refuse every login of a user from now on; nothing is deleted."""
    with common.open_store(ctx) as store:
        people.set_disabled(store, admin.actor(), name, disabled=True)
        _tell(store, name, f"{name} is disabled.", as_json=as_json)


@command.command()
@click.argument("name", type=admin.USER)
@admin.json_option
@click.pass_context
def enable(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Allow a disabled user to log in again."""
    with common.open_store(ctx) as store:
        people.set_disabled(store, admin.actor(), name, disabled=False)
        _tell(store, name, f"{name} is enabled.", as_json=as_json)


@command.command()
@click.argument("name", type=admin.USER)
@click.option("--end", is_flag=True, help="Demand a second factor again.")
@admin.json_option
@admin.yes_option
@click.pass_context
def exempt(ctx: click.Context, name: str, *, end: bool, as_json: bool, yes: bool) -> None:
    """Exempt a user from the second factor (asks first), or end that."""
    with common.open_store(ctx) as store:
        people.person(store, name)
        if not end:
            common.confirm(f"{name} {_PASSWORD_ONLY}. Exempt {name}?", yes=yes)
        people.set_password_only(store, admin.actor(), name, password_only=not end)
        done = f"{name} needs a second factor again." if end else f"{name} {_PASSWORD_ONLY}."
        _tell(store, name, done, as_json=as_json)


@command.command()
@click.argument("name", type=admin.USER)
@admin.json_option
@click.pass_context
def unlock(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """
    Forget a user's wrong passwords and passcodes, and every lock.

    Silence after a no ends, too, and pushes, calls and messages are counted anew.

    NAME may be somebody whom only a directory knows: as the directory calls them.
    """
    with common.open_store(ctx) as store:
        person = counted.person(store, name)
        people.unlock(store, admin.actor(), name)
    if as_json:
        common.emit_json(_as_json(replace(person, locked_until=0)))
    else:
        click.echo(f"{name} is not locked any more.")


@command.command()
@click.argument("name", type=admin.USER)
@admin.json_option
@admin.yes_option
@click.pass_context
def delete(ctx: click.Context, name: str, *, as_json: bool, yes: bool) -> None:
    """
    Delete a user; tokens stay, nobody's, and do not count.

    Numbers, addresses and questions are destroyed: they are nobody else's.
    """
    with common.open_store(ctx) as store:
        people.person(store, name)
        common.confirm(f"Delete {name}?", yes=yes)
        serials = people.delete(store, admin.actor(), name)
    if as_json:
        common.emit_json({"deleted": name, "tokens": list(serials)})
        return
    click.echo(f"Deleted {name}.")
    if serials:
        click.echo(f"Tokens that are nobody's now, and do not count: {', '.join(serials)}")


def _tell(store: Database, name: str, done: str, *, as_json: bool) -> None:
    if as_json:
        common.emit_json(_as_json(people.person(store, name)))
    else:
        click.echo(done)


def _new_hash(ctx: click.Context, file: Path | None) -> str:
    typed = common.secret_input("Password", file, twice=True)
    parameters = hashing.Parameters.of(common.load_config(ctx).passwords)
    return hashing.hash_password(typed.reveal(), parameters)


def _form(person: Person) -> str | None:
    if person.password is None:
        return None
    return hashing.known(person.password) or "unusable"


def _remarks(person: Person, now: float) -> list[str]:
    remarks = []
    if person.id < 0:
        remarks.append("not in the store: a directory knows this name")
    elif person.password_only:
        remarks.append("NO SECOND FACTOR")
    elif not person.tokens and not person.recovery_codes and not person.upstreams:
        remarks.append("no token here")
    if person.disabled:
        remarks.append("disabled")
    if person.locked_until > now:
        remarks.append(f"locked until {admin.moment(person.locked_until)}")
    return remarks


def _as_json(person: Person) -> dict[str, Any]:
    return {
        "name": person.name,
        "password": _form(person),
        "password_only": person.password_only,
        "disabled": person.disabled,
        "created": person.created or None,
        "active_tokens": person.tokens,
        "recovery_codes": person.recovery_codes,
        "upstreams": person.upstreams,
        "groups": list(person.groups),
        "aliases": list(person.aliases),
        "locked_until": person.locked_until or None,
    }
