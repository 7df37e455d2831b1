"""What `radiusmfa init --demo` adds: one user, one token, and the lines to try them."""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from radiusmfa.config import read
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from radiusmfa.config.model import Configuration, Listen
    from radiusmfa.stores.database import Database

PORT: Final = 1812
CLIENT: Final = "demo"
USER: Final = "demo"
# Without characters that a shell or a tired eye takes for others.
_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_LISTEN: Final = re.compile(r'^(listen|accounting): \[\{udp: "127\.0\.0\.1:\d+"\}\]$', re.MULTILINE)
_CONFIGURATION: Final = """\
# The demo: a server for this machine alone. conf/radiusmfa.yaml explains every setting.
listen: [{udp: "127.0.0.1:1812"}]
accounting: [{udp: "127.0.0.1:1813"}]
store: {sqlite: radiusmfa.db}
keys: {file: keys}
clients:
  - name: demo
    networks: [127.0.0.1/32, "::1/128"]
    secret: {file: secrets/demo}
    # Password and code in one field, or the password first and the code when it is asked for.
    mode: auto
"""


class DemoError(RadiusmfaError):
    """The demo cannot be made or shown; the text says why."""


@dataclass(frozen=True, slots=True)
class Demo:
    """
    A demo that is being made.

    Attributes:
        configuration: The text of its file.
        password: The user's password.
        seed: The token's seed.
        port: Where the server will listen.
    """

    configuration: str
    password: Secret
    seed: Secret
    port: int

    def fill(self, database: Database) -> None:
        """Put the user and the token into the new store."""
        from radiusmfa.cli.demo_store import fill  # noqa: PLC0415

        fill(database, USER, self.password, self.seed)

    def show(self, directory: Path) -> None:
        """Print the password and the QR code, this once, and the lines to try."""
        from radiusmfa.enrol import base32, otpauth, qr, records  # noqa: PLC0415

        record = records.SeedRecord(
            kind=records.Kind.TOTP, seed=self.seed, user=USER, issuer="radiusmfa demo"
        )
        uri = otpauth.write_uri(record)
        if sys.stdout.isatty():
            click.echo(qr.terminal(uri))
        else:
            click.echo(qr.plain(uri))
        password = self.password.reveal().decode()
        key = base32.encode(self.seed.reveal())
        click.echo(f"Scan it with the authenticator on your phone, or type the key: {key}\n{uri}\n")
        click.echo(f"The user is {USER}, the password {password}; it is shown only now.")
        _show_lines(directory, f"127.0.0.1:{self.port}", password)


def prepare(port: int) -> Demo:
    """
    Return a new demo for *port*.

    Raises:
        DemoError: The port is taken.
    """
    from radiusmfa.enrol import otpauth  # noqa: PLC0415

    text = _with_port(_CONFIGURATION, port)
    for at in (port, port + 1):
        _refuse_taken("127.0.0.1", at)
    password = "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3))
    return Demo(text, Secret(password.encode()), otpauth.new_seed(), port)


def show_again(directory: Path, port: int | None) -> None:
    """
    Show how to try the demo that lies in *directory*, on another *port* if one is given.

    Raises:
        DemoError: No demo lies there, or the port is taken.
    """
    path = directory / "radiusmfa.yaml"
    if port:
        _change_port(path, port)
    config = read.load(path)
    if not any(client.name == CLIENT for client in config.clients):
        raise DemoError(f"{directory} holds something else than the demo: name another folder")
    for listen in (*config.listen, *config.accounting):
        _refuse_taken(listen.host, listen.port)
    call = f"{program()} -c {path}"
    click.echo(
        f"The demo in {directory} is as you left it. A new password, a new token:\n\n"
        f"  {call} user password {USER}\n"
        f"  {call} token enroll {USER}"
    )
    _show_lines(directory, _address(config), "PASSWORD")


def program() -> str:
    """Return how radiusmfa was called, to be typed again."""
    called = sys.argv[0] if sys.argv else ""
    return called if Path(called).name == "radiusmfa" and os.sep in called else "radiusmfa"


def _show_lines(directory: Path, address: str, password: str) -> None:
    secret = directory / "secrets" / CLIENT
    call = f"{program()} -c {directory / 'radiusmfa.yaml'}"
    click.echo(
        "\nTry it in another terminal, with the code on your phone in the place of 123456"
        " (each code works once):\n\n"
        f'  radtest {USER} {password}123456 {address} 0 "$(cat {secret})"\n'
        f"  {call} probe {USER} --client {CLIENT} --server {address}\n"
        f"  {call} audit tail\n"
    )


def _address(config: Configuration) -> str:
    first: Listen = config.listen[0]
    return f"[{first.host}]:{first.port}" if ":" in first.host else f"{first.host}:{first.port}"


def _with_port(text: str, port: int) -> str:
    ports = {"listen": port, "accounting": port + 1}
    return _LISTEN.sub(lambda found: f'{found[1]}: [{{udp: "127.0.0.1:{ports[found[1]]}"}}]', text)


def _change_port(path: Path, port: int) -> None:
    text = path.read_text(encoding="utf-8")
    if not _LISTEN.search(text):
        raise DemoError(f"{path}: its listen line was changed by hand: set the port there")
    changed = _with_port(text, port)
    if changed != text:
        beside = path.with_name(f".{path.name}.new")
        beside.write_text(changed, encoding="utf-8")
        beside.replace(path)


def _refuse_taken(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, port))
        except OSError as error:
            raise DemoError(
                f"UDP port {port} of {host} cannot be used ({error.strerror});"
                " name another one: make run PORT=11812"
            ) from None
