"""`radiusmfa import-authproxy`: what is configured for Duo's Authentication Proxy, carried over."""

from __future__ import annotations

import re
import secrets
import ssl
import string
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from radiusmfa.carry import authproxy, ini, writer
from radiusmfa.carry.settings import Context
from radiusmfa.carry.site import Kind
from radiusmfa.cli import admin, common, new_folder
from radiusmfa.cli import demo as demonstration
from radiusmfa.interfaces import ImportRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.carry.site import Remark, Site

_TITLES: Final = {
    Kind.TO_DO: "Before anybody gets in",
    Kind.MISSING: "Without a counterpart",
    Kind.DIFFERENT: "Not quite the same",
}
_CHARACTERS: Final = string.ascii_letters + string.digits
_LARGEST_CERTIFICATES: Final = 1024 * 1024
_CERTIFICATE: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----\s[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----"
)
_EXAMPLE_DAYS: Final = 30


@click.command(name="import-authproxy")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="DIRECTORY",
    help="Where everything goes.  [default: the folder of the configuration]",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help=f"Where the store goes.  [default: {new_folder.STORE} in DIRECTORY]",
)
@admin.json_option
@click.pass_context
def command(
    ctx: click.Context, file: Path, into: Path | None, store: Path | None, *, as_json: bool
) -> None:
    """
    Carry over FILE, the authproxy.cfg of a Duo Authentication Proxy.

    Makes a configuration, a file for each secret, keys and an empty store in
    DIRECTORY, which must not exist yet, or be empty; nothing is ever overwritten. If
    anything fails, nothing is left behind. What has no counterpart is listed, each
    with its section and line and what to do instead. FILE is only read.
    """
    directory = into if into is not None else _usual(ctx)
    site = _read(file)
    day = (datetime.now(UTC) + timedelta(days=_EXAMPLE_DAYS)).date()
    place = store.absolute() if store else Path(new_folder.STORE)
    contents = new_folder.Contents(
        configuration=writer.text(site, file.name, place, day),
        secrets={one.name: one.octets.reveal() for one in site.secrets},
        others={
            f"{writer.CERTIFICATES}/{one.name}": one.octets
            for one in site.certificates
            if one.octets is not None
        },
    )
    new_folder.make(directory, contents, store=store)
    if as_json:
        common.emit_json(_as_json(site, contents, directory))
    else:
        _show(site, file, directory)


def _usual(ctx: click.Context) -> Path:
    found = ctx.find_object(Path)
    return found.parent if found is not None else Path()


def _read(file: Path) -> Site:
    with file.open("rb") as stream:
        octets = stream.read(ini.LARGEST_FILE + 1)
    context = Context(
        certificates=_certificates(file.absolute().parent),
        chance=lambda size: "".join(secrets.choice(_CHARACTERS) for _ in range(size)),
    )
    try:
        return authproxy.read(octets, context)
    except ImportRefusedError as error:
        raise ImportRefusedError(*(f"{file}: {fault}" for fault in error.faults)) from None


def _certificates(folder: Path) -> Callable[[str], bytes | None]:
    def read(name: str) -> bytes | None:
        # As the proxy has it: from its own folders, perhaps written as Windows does.
        path = Path(name.replace("\\", "/"))
        for place in (folder / path, folder.parent / path, folder / path.name):
            if place.is_file() and place.stat().st_size <= _LARGEST_CERTIFICATES:
                return _only_certificates(place.read_text(encoding="ascii", errors="replace"))
        return None

    return read


def _only_certificates(text: str) -> bytes | None:
    # A key that may lie in the same file is nobody's business here.
    found = "\n".join(_CERTIFICATE.findall(text))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=found)
    except (ssl.SSLError, ValueError):
        return None
    return f"{found}\n".encode()


def _of_kind(site: Site, kind: Kind) -> list[Remark]:
    return [remark for remark in site.remarks if remark.kind is kind]


def _show(site: Site, file: Path, directory: Path) -> None:
    counts = [
        common.count(site.clients, "client"),
        common.count(site.services, "Duo service"),
        common.count(site.directories, "directory").replace("ys", "ies"),
        common.count(site.upstreams, "upstream"),
        common.count(site.secrets, "secret"),
    ]
    click.echo(f"Made {directory} out of {file}: {', '.join(counts)}.")
    for kind, title in _TITLES.items():
        remarks = _of_kind(site, kind)
        if not remarks:
            continue
        click.echo(f"\n{title}:")
        for one in remarks:
            setting = f" {one.setting}" if one.setting else ""
            click.echo(f"  line {one.line} [{one.section}]{setting}: {one.text}")
            if one.instead:
                click.echo(f"    -> {one.instead}")
    call = f"{demonstration.program()} -c {directory / new_folder.CONFIGURATION}"
    click.echo(
        f"\n1. {call} check\n"
        f"2. {call} doctor\n"
        f"3. {call} try NAME --client {site.clients[0].name} --password-prompt\n"
        f"4. {call} run\n\n"
        f"Keep a copy of {directory / new_folder.KEYS} apart from the store's backups."
    )


def _as_json(site: Site, contents: new_folder.Contents, directory: Path) -> dict[str, object]:
    return {
        "directory": str(directory),
        "configuration": str(directory / new_folder.CONFIGURATION),
        "secrets": [
            {"file": str(directory / new_folder.SECRETS / one.name), "made_up": one.is_made_up}
            for one in site.secrets
        ],
        "others": [str(directory / name) for name in contents.others],
        "clients": [one.name for one in site.clients],
        "services": [one.name for one in site.services],
        "primaries": list(site.primaries),
        "policies": [one.name for one in site.exemptions],
        "remarks": [asdict(one) for one in site.remarks],
    }
