"""`radiusmfa check`: read the configuration with the code of `run`, and show every error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from radiusmfa.cli import against, common, exits, policies, upstreams
from radiusmfa.config import proofs
from radiusmfa.config.model import Mode, Tri
from radiusmfa.interfaces import ConfigError
from radiusmfa.service import kinds

if TYPE_CHECKING:
    from collections.abc import Collection

    from radiusmfa.config.model import Client, Configuration
    from radiusmfa.config.policy_model import Policy
    from radiusmfa.config.service_model import Service
    from radiusmfa.config.upstream_model import Upstream


@click.command(name="check")
@click.option(
    "--against",
    "cases",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Run the site's own tests of its policies.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(ctx: click.Context, cases: Path | None, *, as_json: bool) -> int:
    """
    Check the configuration file and show every error.

    Prints the warnings that `run` would log, what can be proved to be a mistake, and a
    summary of clients, policies, upstreams and services. With --against it decides the logins of
    FILE as the server would, and says which of them end otherwise than expected.

    Exit code 0: the file can be used, and each case ends as expected; 1: some case does
    not; 3: a file cannot be used.
    """
    try:
        config = common.load_config(ctx)
        if cases is not None:
            return against.run(config, cases, as_json=as_json)
    except ConfigError as error:
        if not as_json:
            raise
        common.emit_json({"usable": False, "faults": list(error.faults)})
        return exits.CONFIGURATION
    proved = proofs.of(config, _holders(config))
    if as_json:
        common.emit_json(_as_json(config, proved))
    else:
        _show(config, proved)
    return exits.DONE


def _holders(config: Configuration) -> proofs.Holders | None:
    # Here: it brings the cryptography library, and an error of the file need not wait for that.
    from radiusmfa.stores import holders  # noqa: PLC0415

    found = holders.read(config.store_path)
    return None if found is None else proofs.Holders(*found)


def _show(config: Configuration, proved: list[str]) -> None:
    for warning in (*config.warnings, *proved):
        click.echo(f"warning: {warning}", err=True)
    rows = [
        [
            client.name,
            str(client.mode),
            client.primary,
            _factors(client, config.factors.weak),
            ", ".join(str(network) for network in client.networks),
            _policy(client),
        ]
        for client in config.clients
    ]
    headers = ["CLIENT", "MODE", "PRIMARY", "FACTORS", "NETWORKS", "MESSAGE-AUTHENTICATOR"]
    common.table(headers, rows)
    if config.policies is not None:
        click.echo()
        _show_policies(config.policies)
    if config.upstreams:
        click.echo()
        _show_upstreams(config)
    if config.services:
        click.echo()
        _show_services(config)
    counts = [common.count(rows, "client")]
    if config.policies is not None:
        counts.append(_count(config.policies))
    if config.upstreams:
        counts.append(common.count(config.upstreams, "upstream"))
    if config.services:
        counts.append(common.count(config.services, "service"))
    counts.append(common.count((*config.warnings, *proved), "warning"))
    click.echo(f"{config.path}: can be used; {', '.join(counts)}")


def _show_policies(found: tuple[Policy, ...]) -> None:
    rows = [
        [
            str(at),
            policy.name,
            policies.said(policies.conditions(policy)) or "always",
            policies.said(policies.results(policy)) or "as the client says",
        ]
        for at, policy in enumerate(found, 1)
    ]
    common.table(["", "POLICY", "WHEN", "THEN"], rows)


def _count(found: tuple[Policy, ...]) -> str:
    return f"{len(found)} {'policy' if len(found) == 1 else 'policies'}"


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


def _show_services(config: Configuration) -> None:
    rows = [
        [
            service.name,
            service.settings.word,
            ", ".join(kinds.places(service.settings)) or "-",
            _while_gone(service),
            ", ".join(_asked_by(config, service.name)) or "NOBODY",
        ]
        for service in config.services
    ]
    common.table(["SERVICE", "KIND", "SERVERS", "WHILE IT IS GONE", "ASKED BY"], rows)


def _while_gone(service: Service) -> str:
    return f"OPEN until {service.open_until}" if service.open_until else "closed"


def _asked_by(config: Configuration, name: str) -> list[str]:
    clients, factors = upstreams.askers(config, name)
    return [
        *(f"client {client}" for client in clients),
        *(f"factor {factor}" for factor in factors),
    ]


def _factors(client: Client, weak: Collection[str]) -> str:
    if client.mode is Mode.PROXY:
        return "-"
    named = ", ".join(f"{name} (WEAK)" if name in weak else name for name in client.factors)
    instead = ", ".join(client.when_unavailable)
    return f"{named}; instead: {instead}" if instead else named


def _policy(client: Client) -> str:
    words = {Tri.YES: "required", Tri.NO: "NOT required", Tri.AUTO: "required once seen"}
    policy = words[client.require_message_authenticator]
    if client.require_message_authenticator is not Tri.YES:
        policy += f", limit_proxy_state {client.limit_proxy_state}"
    return policy if client.sign_replies else f"{policy}, replies UNSIGNED"


def _as_json(config: Configuration, proved: list[str]) -> dict[str, object]:
    return {
        "usable": True,
        "file": str(config.path),
        "listen": [f"{at.host} {at.port}" for at in config.listen],
        "accounting": [f"{at.host} {at.port}" for at in config.accounting],
        "metrics": [f"{at.host} {at.port}" for at in config.metrics],
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
        "policies": None
        if config.policies is None
        else [
            {
                "name": policy.name,
                "when": policies.conditions(policy),
                "then": policies.results(policy),
            }
            for policy in config.policies
        ],
        "upstreams": [_upstream_as_json(config, upstream) for upstream in config.upstreams],
        "services": [
            {
                "name": service.name,
                "kind": service.settings.word,
                "servers": list(kinds.places(service.settings)),
                "open_until": service.open_until and service.open_until.isoformat(),
                "asked_by": _asked_by(config, service.name),
            }
            for service in config.services
        ],
        "warnings": list(config.warnings),
        "proved": proved,
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
