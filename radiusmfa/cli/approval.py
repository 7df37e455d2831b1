"""`radiusmfa approval`: who may what until when, and who said so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from radiusmfa.cli import admin, common, times
from radiusmfa.stores import approvals, granting, people
from radiusmfa.stores.approvals import State

if TYPE_CHECKING:
    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.config.model import Configuration
    from radiusmfa.stores.approvals import Grant

_OVER = frozenset((State.ENDED, State.REVOKED))


@click.group(name="approval", no_args_is_help=False)
def command() -> None:
    """
    Grant, confirm, list and revoke approvals that policies ask for.

    Who acts is who logged in: behind sudo, the user who called it. Nobody grants or
    confirms for themselves.
    """


@command.command()
@click.argument("approval")
@click.argument("user", type=admin.USER)
@click.option("--why", required=True, help="For those who read the audit: at most 200 characters.")
@click.option("--for", "lasting", type=times.Duration(), help="90m, 8h or 30d, from now.")
@click.option("--until", type=times.Moment(), help="2026-12-01T18:00, UTC, or with +01:00.")
@admin.json_option
@click.pass_context
def grant(  # noqa: PLR0913 - click's options
    ctx: click.Context,
    approval: str,
    user: str,
    *,
    why: str,
    lasting: int | None,
    until: float | None,
    as_json: bool,
) -> None:
    """
    Grant APPROVAL to USER, for a while.

    USER may be somebody whom only a directory knows: as the directory calls them. Where
    the configuration asks for two persons, it counts when another one has confirmed it.
    """
    if (lasting is None) is (until is None):
        raise click.UsageError("Say how long: --for or --until, one of them.")
    source = _source(common.load_config(ctx), approval)
    actor = admin.actor()
    end = actor.now + lasting if lasting is not None else until
    assert end is not None  # noqa: S101 - for the type: one of the two was given
    with common.open_store(ctx) as store:
        granted = granting.grant(store, actor, source, user, why=why, until=end)
        with store.reading() as connection:
            is_known = people.own_name(connection, granted.user) is not None
    _tell(granted, source, as_json=as_json)
    if not is_known:
        click.echo(
            f"warning: the store knows no {granted.user!r}: it counts for whomever a directory"
            " calls so",
            err=True,
        )


@command.command()
@click.argument("number", metavar="ID", type=admin.NUMBER)
@admin.json_option
@click.pass_context
def confirm(ctx: click.Context, number: int, *, as_json: bool) -> None:
    """Confirm, as the second person, what another one has granted."""
    config = common.load_config(ctx)
    with common.open_store(ctx) as store:
        with store.reading() as connection:
            name = approvals.one(connection, number).approval
        source = _source(config, name)
        granted = granting.confirm(store, admin.actor(), source, number)
    _tell(granted, source, as_json=as_json)


@command.command()
@click.argument("number", metavar="ID", type=admin.NUMBER, required=False)
@click.option("--user", type=admin.USER, help="All that was granted to this user.")
@admin.json_option
@admin.yes_option
@click.pass_context
def revoke(
    ctx: click.Context, number: int | None, *, user: str | None, as_json: bool, yes: bool
) -> None:
    """End an approval now; the next login counts."""
    if (number is None) is (user is None):
        raise click.UsageError("Name the ID of an approval, or say --user.")
    with common.open_store(ctx) as store:
        if number is not None:
            with store.reading() as connection:
                found = approvals.one(connection, number)
            common.confirm(f"Revoke {found} of {found.user}?", yes=yes)
            revoked = [granting.revoke(store, admin.actor(), number)]
        else:
            common.confirm(f"Revoke every approval of {user}?", yes=yes)
            revoked = granting.revoke_of(store, admin.actor(), str(user))
    if as_json:
        common.emit_json([_as_json(one, State.REVOKED) for one in revoked])
        return
    for one in revoked:
        click.echo(f"{one} of {one.user} is revoked.")


@command.command(name="list")
@click.option("--user", type=admin.USER, help="Only this user's.")
@click.option("--approval", help="Only this one.")
@click.option("--all", "everything", is_flag=True, help="Also what has ended or was revoked.")
@admin.json_option
@click.pass_context
def list_(
    ctx: click.Context, *, user: str | None, approval: str | None, everything: bool, as_json: bool
) -> None:
    """List approvals that are in force, or wait for their second person."""
    config = common.load_config(ctx)
    with common.open_store(ctx) as store:
        grants = approvals.listing(store, user=user, approval=approval)
    if approval is not None and not grants:
        _source(config, approval)
    # What the configuration has lost counts nowhere; it is shown by the stricter rule.
    persons = {one.name: one.persons for one in config.approvals if one.servicenow is None}
    now = time.time()
    states = [(one, one.state(persons.get(one.approval, 2), now)) for one in grants]
    found = [(one, state) for one, state in states if everything or state not in _OVER]
    if as_json:
        common.emit_json([_as_json(one, state) for one, state in found])
        return
    rows = [
        [
            str(one.id),
            one.approval,
            one.user,
            state if one.approval in persons else "not configured",
            admin.moment(one.until),
            ", ".join(name for name in (one.granted_by, one.second_by) if name),
            one.why,
        ]
        for one, state in found
    ]
    common.table(["ID", "APPROVAL", "USER", "STATE", "UNTIL", "GRANTED BY", "WHY"], rows)


def _source(config: Configuration, name: str) -> ApprovalSource:
    for source in config.approvals:
        if source.name != name:
            continue
        if source.servicenow is not None:
            raise click.UsageError(
                f"{name} is looked up in ServiceNow, and cannot be granted here: have the change"
                " or request approved there."
            )
        return source
    known = [source.name for source in config.approvals if source.servicenow is None]
    raise click.UsageError(
        f"{config.path} has no approval {name!r}{common.suggestion(name, known)}"
    )


def _tell(granted: Grant, source: ApprovalSource, *, as_json: bool) -> None:
    state = granted.state(source.persons, time.time())
    if as_json:
        common.emit_json(_as_json(granted, state))
        return
    click.echo(f"{granted} of {granted.user} is {state} until {admin.moment(granted.until)}.")
    if state is State.PENDING:
        click.echo(
            f"It counts when another person has said: radiusmfa approval confirm {granted.id}"
        )


def _as_json(one: Grant, state: State) -> dict[str, Any]:
    return {
        "id": one.id,
        "approval": one.approval,
        "user": one.user,
        "state": state,
        "why": one.why,
        "granted_by": one.granted_by,
        "second_by": one.second_by or None,
        "created": one.created,
        "until": one.until,
        "revoked_by": one.revoked_by or None,
        "revoked": one.revoked or None,
    }
