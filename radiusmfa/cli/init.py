"""`radiusmfa init`: a configuration, keys and an empty store, all of it or nothing."""

from __future__ import annotations

import json
import re
import secrets
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from radiusmfa import shipped
from radiusmfa.cli import demo as demonstration
from radiusmfa.config import read
from radiusmfa.interfaces import ConfigError, RadiusmfaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.stores.database import Database

CONFIGURATION: Final = "radiusmfa.yaml"
KEYS: Final = "keys"
STORE: Final = "radiusmfa.db"
# 24 characters of base 64: 144 bits, more than any dictionary holds, and short enough to type.
_SECRET_OCTETS: Final = 18
_CLIENT: Final = ("vpn", "192.0.2.10/32")
_ELSEWHERE: Final = """
# Directories (primaries:), other RADIUS servers that are asked (upstreams:), second factors
# (factors:), and who may in (approvals:, networks:, schedules:, policies:): every setting with its
# default stands in {place}
"""


class InitError(RadiusmfaError):
    """Nothing was made; the text says why."""


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
        _make(directory, made.configuration, demonstration.CLIENT, store=None, fill=made.fill)
        made.show(directory)
    else:
        name, network = client or _CLIENT
        text = _configuration(name, network, store.absolute() if store else Path(STORE))
        _make(directory, text, name, store=store, fill=_leave_empty)
        _show(directory, name, store)


def _leave_empty(database: Database) -> None:
    """Put nothing into the new store."""
    del database


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


def _make(
    directory: Path,
    text: str,
    client: str,
    *,
    store: Path | None,
    fill: Callable[[Database], None],
) -> None:
    """Make everything next to its place, then move it there in one step."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InitError(f"{directory} is there already and not empty; nothing was changed")
    if store and store.exists():
        raise InitError(f"{store} is there already; nothing was changed")
    target = directory.absolute()
    with _naming(target), ExitStack() as undo:
        work = _beside(target)
        undo.callback(shutil.rmtree, work, ignore_errors=True)
        _write(work, text, client)
        place = store.absolute() if store else work / STORE
        if not place.parent.exists():
            place.parent.mkdir(mode=0o700)
            undo.callback(place.parent.rmdir)
        _make_store(work / KEYS, place, fill, undo)
        _prove(work / CONFIGURATION)
        work.chmod(0o755)
        work.rename(target)
        undo.pop_all()


@contextmanager
def _naming(target: Path) -> Iterator[None]:
    # A full disk says no name by itself.
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(target)
        raise


def _prove(path: Path) -> None:
    # What we wrote must be what `run` can read.
    try:
        read.load(path)
    except ConfigError as error:
        faults = (fault.removeprefix(f"{path}:") for fault in error.faults)
        raise InitError(f"nothing was made: {'; '.join(faults)}") from None


def _beside(target: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise InitError(f"{target} cannot be made: {error.strerror}") from None


def _write(work: Path, text: str, client: str) -> None:
    (work / CONFIGURATION).write_text(text, encoding="utf-8")
    (work / CONFIGURATION).chmod(0o644)
    folder = work / "secrets"
    folder.mkdir(mode=0o700)
    secret = folder / client
    secret.touch(mode=0o600)
    secret.write_text(f"{secrets.token_urlsafe(_SECRET_OCTETS)}\n", encoding="ascii")


def _make_store(keys: Path, store: Path, fill: Callable[[Database], None], undo: ExitStack) -> None:
    # Here, so that `radiusmfa init --help` does not wait for the cryptography library.
    from radiusmfa.stores import database  # noqa: PLC0415
    from radiusmfa.stores.vault import Vault  # noqa: PLC0415

    vault = Vault.create(keys)
    database.create(store, vault)
    undo.callback(database.remove, store)  # not before: a store that was there is not ours
    made = database.connect(store, vault)
    try:
        fill(made)
    finally:
        made.close()


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
