"""`radiusmfa check`: read the configuration with the code of `run`, and show every error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from radiusmfa.cli import common, exits
from radiusmfa.config.model import Tri
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sized

    from radiusmfa.config.model import Client, Configuration


@click.command(name="check")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """
    Check the configuration file and show every error.

    Prints the warnings that `run` would log, and a summary of the clients.
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
            str(client.primary),
            ", ".join(str(network) for network in client.networks),
            _policy(client),
        ]
        for client in config.clients
    ]
    common.table(["CLIENT", "MODE", "PRIMARY", "NETWORKS", "MESSAGE-AUTHENTICATOR"], rows)
    clients, warnings = _count(rows, "client"), _count(config.warnings, "warning")
    click.echo(f"{config.path}: can be used; {clients}, {warnings}")


def _count(things: Sized, name: str) -> str:
    return f"{len(things) or 'no'} {name}{'' if len(things) == 1 else 's'}"


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
                "primary": str(client.primary),
                "networks": [str(network) for network in client.networks],
                "require_message_authenticator": str(client.require_message_authenticator),
                "limit_proxy_state": str(client.limit_proxy_state),
                "sign_replies": client.sign_replies,
            }
            for client in config.clients
        ],
        "warnings": list(config.warnings),
    }
