"""`radiusmfa plan`: what another configuration file would change, before it is in force."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiusmfa.cli import changes, common, decisions, exits
from radiusmfa.cli.admin import json_option
from radiusmfa.config import cases as site
from radiusmfa.config import read

if TYPE_CHECKING:
    from radiusmfa.config.model import Configuration

_FILE = click.Path(path_type=Path)


@click.command(name="plan")
@click.argument("new", type=_FILE, metavar="NEW")
@click.option(
    "--against",
    "cases",
    type=_FILE,
    metavar="FILE",
    help="Compare the decisions of these cases instead of the settings.",
)
@json_option
@click.pass_context
def command(ctx: click.Context, new: Path, cases: Path | None, *, as_json: bool) -> int:
    """
    Show what the configuration file NEW would change.

    Compared are the clients and policies of both files, or, with --against, what each of
    them decides of the logins of FILE (see `check --against`). Nothing is put in force.

    Exit code 0: nothing would change; 1: something would; 3: a file cannot be used.
    """
    before, after = common.load_config(ctx), read.load(new)
    if cases is None:
        told = changes.words(before, after)
        if as_json:
            common.emit_json({"changes": told})
        for line in told if not as_json else ():
            click.echo(line)
        changed = bool(told)
    else:
        changed = _show_decisions(before, after, cases, as_json=as_json)
    if not changed and not as_json:
        click.echo(f"{new}: would change nothing")
    return exits.NO if changed else exits.DONE


def _show_decisions(
    before: Configuration, after: Configuration, path: Path, *, as_json: bool
) -> bool:
    now = time.time()
    found = [
        (case, decisions.decide(before, case, now), decisions.decide(after, case, now))
        for case in site.load(path)
    ]
    changed = [(case, old, new) for case, old, new in found if old != new]
    if as_json:
        told = [
            {"name": case.name, "where": case.where, "now": old.as_json(), "then": new.as_json()}
            for case, old, new in changed
        ]
        common.emit_json({"cases": len(found), "changes": told})
    elif changed:
        rows = [[case.name, str(old), str(new)] for case, old, new in changed]
        common.table(["CASE", "NOW", "THEN"], rows)
        click.echo(f"{common.count(found, 'case')}, {len(changed)} would change")
    return bool(changed)
