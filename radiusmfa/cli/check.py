"""`radiusmfa check`: read the configuration with the code of `run`, and show every error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from radiusmfa.cli import common, exits, upstreams
from radiusmfa.config.model import Mode, Tri
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.config.upstream_model import Upstream


@click.command(name="check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """
    Check the configuration file and show every error.

    Prints the warnings that `run` would log, and a summary of clients and upstreams.
    Exit code 0 if the file can be used, 3 if not.
    """
    try:
        config = common.load_config(ctx)
    except ConfigError as error:
        if not as_json:
            raise
        common.emit_json({"usable": False, "faults": list(error.faults)})
        ctx.exit(exits.CONFIGURATION)
    if as_json:
        common.emit_json(_as_json(config))
    else:
        _show(config)


def _show(config: Configuration) -> None:
    for warning in config.warnings:
        click.echo(f"warning: {warning}", err=True)
    rows = [
        [
            client.name,
            str(client.mode),
            client.primary,
            _factors(client),
            ", ".join(str(network) for network in client.networks),
            _policy(client),
        ]
        for client in config.clients
    ]
    headers = ["CLIENT", "MODE", "PRIMARY", "FACTORS", "NETWORKS", "MESSAGE-AUTHENTICATOR"]
    common.table(headers, rows)
    if config.upstreams:
        click.echo()
        _show_upstreams(config)
    counts = [common.count(rows, "client")]
    if config.upstreams:
        counts.append(common.count(config.upstreams, "upstream"))
    counts.append(common.count(config.warnings, "warning"))
    click.echo(f"{config.path}: can be used; {', '.join(counts)}")


def _show_upstreams(config: Configuration) -> None:
    rows = [
        [
            upstream.name,
            upstream.dialogue.name,
            upstream.use.value if len(upstream.servers) > 1 else "-",
            ", ".join(upstreams.place(server) for server in upstream.servers),
            ", ".join(_asked_by(config, upstream.name)) or "NOBODY",
        ]
        for upstream in config.upstreams
    ]
    common.table(["UPSTREAM", "DIALOGUE", "USE", "SERVERS", "ASKED BY"], rows)


def _asked_by(config: Configuration, name: str) -> list[str]:
    clients, factors = upstreams.askers(config, name)
    return [
        *(f"client {client}" for client in clients),
        *(f"factor {factor}" for factor in factors),
    ]


def _factors(client: Client) -> str:
    if client.mode is Mode.PROXY:
        return "-"
    named = ", ".join(client.factors)
    instead = ", ".join(client.when_unavailable)
    return f"{named}; instead: {instead}" if instead else named


def _policy(client: Client) -> str:
    words = {Tri.YES: "required", Tri.NO: "NOT required", Tri.AUTO: "required once seen"}
    policy = words[client.require_message_authenticator]
    if client.require_message_authenticator is not Tri.YES:
        policy += f", limit_proxy_state {client.limit_proxy_state}"
    return policy if client.sign_replies else f"{policy}, replies UNSIGNED"


def _as_json(config: Configuration) -> dict[str, object]:
    return {
        "usable": True,
        "file": str(config.path),
        "listen": [f"{at.host} {at.port}" for at in config.listen],
        "accounting": [f"{at.host} {at.port}" for at in config.accounting],
        "store": str(config.store_path),
        "keys": str(config.keys_path),
        "clients": [
            {
                "name": client.name,
                "mode": str(client.mode),
                "primary": client.primary,
                "factors": [] if client.mode is Mode.PROXY else list(client.factors),
                "when_unavailable": list(client.when_unavailable),
                "networks": [str(network) for network in client.networks],
                "require_message_authenticator": str(client.require_message_authenticator),
                "limit_proxy_state": str(client.limit_proxy_state),
                "sign_replies": client.sign_replies,
            }
            for client in config.clients
        ],
        "upstreams": [_upstream_as_json(config, upstream) for upstream in config.upstreams],
        "warnings": list(config.warnings),
    }


def _upstream_as_json(config: Configuration, upstream: Upstream) -> dict[str, object]:
    return {
        "name": upstream.name,
        "dialogue": upstream.dialogue.name,
        "use": upstream.use.value,
        "servers": [
            {
                "server": upstreams.place(server),
                "require_message_authenticator": server.require_message_authenticator,
                "alive_check": server.alive_check.value,
            }
            for server in upstream.servers
        ],
        "asked_by": _asked_by(config, upstream.name),
    }
