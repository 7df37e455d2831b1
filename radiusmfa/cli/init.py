"""`radiusmfa init`: a configuration, keys and an empty store, all of it or nothing."""

from __future__ import annotations

import json
import re
import secrets
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import click

from radiusmfa import shipped
from radiusmfa.cli import demo as demonstration
from radiusmfa.cli import new_folder
from radiusmfa.cli.new_folder import CONFIGURATION, KEYS, STORE, Contents

# 24 characters of base 64: 144 bits, more than any dictionary holds, and short enough to type.
_SECRET_OCTETS: Final = 18
_CLIENT: Final = ("vpn", "192.0.2.10/32")
_ELSEWHERE: Final = """
# Directories (primaries:), other RADIUS servers that are asked (upstreams:), second factors
# (factors:), and who may in (approvals:, networks:, schedules:, policies:): every setting with its
# default stands in {place}
"""


@click.command(name="init")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option(
    "--client",
    nargs=2,
    metavar="NAME NETWORK",
    help=f"The first client: the gateway that will ask.  [default: {' '.join(_CLIENT)}]",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help=f"Where the store goes.  [default: {STORE} in DIRECTORY]",
)
@click.option("--demo", is_flag=True, help="With a user, a token, and a server on 127.0.0.1.")
@click.option("--keep", is_flag=True, help="With --demo: if it is there, show again how to try it.")
@click.option(
    "--port",
    type=click.IntRange(1, 65534),
    help="With --demo: the port, and the next for accounting.",
)
def command(  # noqa: PLR0913 - one an option
    directory: Path,
    client: tuple[str, str] | None,
    store: Path | None,
    port: int | None,
    *,
    demo: bool,
    keep: bool,
) -> None:
    """
    Make a configuration, keys and an empty store in DIRECTORY.

    DIRECTORY must not exist yet, or be empty; nothing is ever overwritten. If
    anything fails, nothing is left behind.
    """
    if not demo and (keep or port):
        raise click.UsageError("--keep and --port go with --demo.")
    if demo and (client or store):
        raise click.UsageError("--client and --store do not go with --demo.")
    if demo and keep and (directory / CONFIGURATION).exists():
        demonstration.show_again(directory, port)
    elif demo:
        made = demonstration.prepare(port or demonstration.PORT)
        contents = _contents(made.configuration, demonstration.CLIENT)
        new_folder.make(directory, contents, store=None, fill=made.fill)
        made.show(directory)
    else:
        name, network = client or _CLIENT
        text = _configuration(name, network, store.absolute() if store else Path(STORE))
        new_folder.make(directory, _contents(text, name), store=store)
        _show(directory, name, store)


def _configuration(name: str, network: str, store: Path) -> str:
    """Return the example with one client."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise click.BadParameter("NAME must be letters, digits, dots, dashes, underscores.")
    try:
        ip_network(network)
    except ValueError:
        raise click.BadParameter(f"{network!r} is no address or network.") from None
    text = shipped.text("conf", CONFIGURATION)
    second = text.index("\n  # A broker that has checked")
    rest = text[text.index("\n# How local passwords are hashed") :]
    text = text[:second] + _ELSEWHERE.format(place=shipped.folder("conf") / CONFIGURATION) + rest
    text = text.replace(", recovery, securid]", ", recovery]")  # this file has no such factor
    text = text.replace('name: vpn\n    networks: [192.0.2.10/32, "2001:db8:0:1::/64"]', "@@")
    text = text.replace("@@", f'name: "{name}"\n    networks: ["{network}"]')
    text = text.replace("{credential: secrets_vpn, file: secrets/vpn}", _secret_of(name))
    return text.replace(
        "sqlite: /var/lib/radiusmfa/radiusmfa.db", f"sqlite: {json.dumps(str(store))}"
    )


def _secret_of(name: str) -> str:
    return f'{{credential: "secrets_{name}", file: "secrets/{name}"}}'


def _contents(text: str, client: str) -> Contents:
    secret = secrets.token_urlsafe(_SECRET_OCTETS).encode()
    return Contents(configuration=text, secrets={client: secret})


def _show(directory: Path, client: str, store: Path | None) -> None:
    path = directory / CONFIGURATION
    call = f"{demonstration.program()} -c {path}"
    click.echo(
        f"Made {directory} with {CONFIGURATION}, {KEYS} and secrets/{client};"
        f" the store is {store or directory / STORE}.\n\n"
        f"1. Look through {path}. The secret for {client} is in {directory}/secrets/{client}.\n"
        f"2. {call} check\n"
        f"3. {call} user add NAME\n"
        f"   {call} token enroll NAME\n"
        f"4. {call} run\n\n"
        f"Keep a copy of {directory / KEYS} apart from the store's backups: without it no token"
        " works any more."
    )
