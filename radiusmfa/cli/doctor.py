"""`radiusmfa doctor`: whether everything that a login needs is there, and what to do if not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, TypeVar

import click

from radiusmfa.cli import (
    admin,
    common,
    examine_approvals,
    examine_directory,
    examine_self,
    examine_services,
    examine_upstream,
    exits,
    upstreams,
)
from radiusmfa.cli.findings import Level
from radiusmfa.cli.progress import Progress
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.config.directory_model import Directory
    from radiusmfa.config.model import Configuration
    from radiusmfa.config.service_model import Service

_Named = TypeVar("_Named", "Directory", "ApprovalSource", "Service")

_MOST_THREADS: Final = 64
_WIDTH: Final = max(len(level.value) for level in Level)


@click.command(name="doctor")
@click.option("--upstream", metavar="NAME", help="Test the servers of this one only.")
@click.option("--directory", metavar="NAME", help="Test the servers of this one only.")
@click.option("--approval", metavar="NAME", help="Test the service of this one only.")
@click.option("--service", metavar="NAME", help="Test this service of factors only.")
@click.option(
    "--timeout",
    type=click.FloatRange(0.2, 60),
    default=5.0,
    show_default=True,
    help="Seconds until a server counts as silent.",
)
@admin.json_option
@click.pass_context
def command(ctx: click.Context, /, *, timeout: float, as_json: bool, **names: str | None) -> int:
    """
    Test everything that a login needs: configuration, keys, store, and whoever is asked.

    Each server of each upstream is asked with a Status-Server and with a login of a
    user that does not exist. Each server of each directory: its certificate, the
    account that searches, a search, and when it locks accounts. Each service that
    knows approvals: whether its tables can be read. Each service that checks a factor:
    its certificate, whether it takes us, its clock. What is wrong is named, with what
    to do about it. Nothing is changed, and nobody is called. Exit code 0: all is well,
    1: something is wrong, 3: the configuration cannot be used.
    """
    try:
        config = common.load_config(ctx)
    except ConfigError as error:
        if not as_json:
            raise
        common.emit_json({"well": False, "faults": list(error.faults)})
        return exits.CONFIGURATION
    looks = _looks(config, _Wish(**names), timeout)
    found: list[Finding] = []
    with Progress(as_json=as_json) as progress:
        for findings in _together(looks, progress):
            found += findings
    faults = sum(finding.level is Level.FAULT for finding in found)
    if as_json:
        common.emit_json({"well": not faults, "findings": [one.as_json() for one in found]})
    else:
        _show(found, faults)
    return exits.NO if faults else exits.DONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What alone is to be tested; nothing: everything."""

    upstream: str | None
    directory: str | None
    approval: str | None
    service: str | None

    @property
    def is_everything(self) -> bool:
        named = (self.upstream, self.directory, self.approval, self.service)
        return all(name is None for name in named)


def _looks(config: Configuration, wish: _Wish, timeout: float) -> list[Callable[[], list[Finding]]]:
    looks: list[Callable[[], list[Finding]]] = []
    if wish.is_everything:
        looks += partial(examine_self.configuration, config), partial(examine_self.store, config)
        looks += [
            partial(examine_self.listener, config, at, timeout)
            for at in (*config.listen, *config.accounting)
            if at.port
        ]
    if wish.is_everything or wish.upstream is not None:
        name = wish.upstream
        looks += [
            partial(examine_upstream.examine, upstream, server, timeout)
            for upstream in (config.upstreams if name is None else (upstreams.find(config, name),))
            for server in upstream.servers
        ]
    if wish.is_everything or wish.directory is not None:
        looks += [
            partial(examine_directory.examine, directory, server, timeout)
            for directory in _chosen(config, "directory", config.directories, wish.directory)
            for server in directory.servers
        ]
    if wish.is_everything or wish.approval is not None:
        # What the store itself knows is asked of nobody.
        services = tuple(one for one in config.approvals if one.servicenow is not None)
        looks += [
            partial(examine_approvals.examine, one.name, one.servicenow, timeout)
            for one in _chosen(config, "approval of a service", services, wish.approval)
            if one.servicenow is not None
        ]
    if wish.is_everything or wish.service is not None:
        chosen = _chosen(config, "service", config.services, wish.service)
        if chosen:
            looks.append(partial(examine_services.examine, chosen, timeout))
    return looks


def _chosen(
    config: Configuration, kind: str, known: tuple[_Named, ...], name: str | None
) -> tuple[_Named, ...]:
    if name is None:
        return known
    found = tuple(one for one in known if one.name == name)
    if not found:
        said = f"{config.path} has no {kind} {name!r}"
        raise click.UsageError(said + common.suggestion(name, [one.name for one in known]))
    return found


def _together(looks: list[Callable[[], list[Finding]]], progress: Progress) -> list[list[Finding]]:
    # All at once: ten dead servers take as long as one.
    with ThreadPoolExecutor(min(_MOST_THREADS, len(looks))) as threads:
        futures = [threads.submit(look) for look in looks]
        progress.say("tested", 0, len(looks))
        for done, _ in enumerate(as_completed(futures), 1):
            progress.say("tested", done, len(looks))
        return [future.result() for future in futures]


def _show(found: list[Finding], faults: int) -> None:
    for one in found:
        took = "" if one.seconds is None else f" ({one.seconds * 1000:.1f} ms)"
        click.echo(f"{one.level.value:{_WIDTH}}  {one.subject}: {one.text}{took}")
        if one.advice:
            click.echo(f"{'':{_WIDTH}}  -> {one.advice}")
    click.echo("All is well." if not faults else f"{faults} fault{'s' * (faults > 1)}.")
