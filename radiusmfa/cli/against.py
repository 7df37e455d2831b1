"""`radiusmfa check --against`: a site's own tests of its policies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from radiusmfa.cli import common, decisions, exits
from radiusmfa.config import cases

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.cli.decisions import Decision
    from radiusmfa.config.cases import Case
    from radiusmfa.config.model import Configuration


def run(config: Configuration, path: Path, *, as_json: bool) -> int:
    """
    Decide the cases in the file at *path* and print each; return the exit code.

    Raises:
        ConfigError: The file has faults.
    """
    now = time.time()
    found = [(case, decisions.decide(config, case, now)) for case in cases.load(path)]
    told = [(case, decision, [*decisions.differences(case, decision)]) for case, decision in found]
    failed = sum(bool(wrong) for _, _, wrong in told)
    if as_json:
        common.emit_json({"usable": True, "cases": [_as_json(*one) for one in told]})
    else:
        for case, decision, wrong in told:
            click.echo(f"{'FAIL' if wrong else 'pass'}  {case.name}: {decision}")
            if wrong:
                click.echo(f"      {case.where}: {', '.join(wrong)}")
        click.echo(f"{common.count(told, 'case')}, {failed or 'none'} failed")
    return exits.NO if failed else exits.DONE


def _as_json(case: Case, decision: Decision, wrong: list[str]) -> dict[str, object]:
    return {
        "name": case.name,
        "where": case.where,
        "passed": not wrong,
        "found": decision.as_json(),
        "wrong": wrong,
    }
