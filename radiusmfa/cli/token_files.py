"""`radiusmfa token import` and `export`: files of seeds in, URIs out."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, Final

import click

from radiusmfa.cli import admin, common, import_devices
from radiusmfa.enrol import detect, otpauth
from radiusmfa.enrol.columns import Encoding
from radiusmfa.enrol.records import Algorithm, Kind, SeedRecord
from radiusmfa.enrol.xmlenc import Unlocking
from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.secret import Secret
from radiusmfa.stores import imports, tokens, yubikeys

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.enrol.records import Parsed
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.tokens import NewToken, Token

_FORMATS: Final = {
    "auto": None,
    "uri": detect.Format.OTPAUTH,
    "migration": detect.Format.MIGRATION,
    "pskc": detect.Format.PSKC,
    "csv": detect.Format.CSV,
    import_devices.FORMAT: None,
}
_KEY_SIZES: Final = (16, 24, 32)


@click.command(name="import")
@click.argument("file", type=admin.FILE)
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="auto")
@click.option("--password-file", type=admin.FILE, help="Of an encrypted PSKC file.")
@click.option("--key-file", type=admin.FILE, help="Of an encrypted PSKC file: hex, or raw octets.")
@click.option("--lenient", is_flag=True, help="Take encrypted values that nothing authenticates.")
@click.option(
    "--encoding",
    type=click.Choice([encoding.value for encoding in Encoding]),
    help="How seeds are written in a table that does not say.",
)
@click.option("--assign", is_flag=True, help="Give each token to the user that the file names.")
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@admin.new_user_option
@admin.json_option
@click.pass_context
def import_(ctx: click.Context, /, file: Path, *, assign: bool, **options: Any) -> None:  # noqa: ANN401 - click's values
    """
    Import tokens: otpauth URIs, PSKC, CSV, Yubico's log, or Google Authenticator's export.

    All of them, or none if anything is wrong with one. They are nobody's until
    `token assign`, or with --assign the users' that the file names. Tokens without a
    serial get one.

    Numbers, addresses and security questions come as CSV, too (--format devices). Its
    first row names the columns: user and type (sms, voice, email, question), and any of
    to, question, answer, serial, label. They are the users' at once.
    """
    octets = admin.read_octets(file)
    if import_devices.is_meant(octets, options["form"]):
        import_devices.perform(ctx, octets, options)
        return
    if options["new_user"]:
        raise click.UsageError("--new-user is for lists of numbers, addresses and questions.")
    encoding = options["encoding"]
    parsed = detect.read_any(
        octets,
        _FORMATS[options["form"]],
        unlocking=_unlocking(options),
        encoding=None if encoding is None else Encoding(encoding),
    )
    found, faults = _new_tokens(parsed, assign=assign)
    detail = f"{len(found)} tokens, SHA-256 {hashlib.sha256(octets).hexdigest()}"
    with common.open_store(ctx) as store:
        with store.reading():
            faults += imports.token_faults(store, found)
        if faults:
            raise ImportRefusedError(*faults)
        if not options["dry_run"]:
            imports.add_tokens(store, admin.actor(), found, detail)
    _report(parsed, found, dry_run=options["dry_run"], as_json=options["as_json"])


@click.command()
@click.argument("file", type=admin.FILE)
@click.argument("serials", type=admin.SERIAL, nargs=-1, metavar="[SERIAL]...")
@click.option("--user", type=admin.USER, help="Only this user's.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON: serial, user and URI of each.")
@admin.yes_option
@click.pass_context
def export(  # noqa: PLR0913 - click's options
    ctx: click.Context,
    file: Path,
    serials: tuple[str, ...],
    user: str | None,
    *,
    as_json: bool,
    yes: bool,
) -> None:
    """
    Write OATH tokens to the new FILE as otpauth URIs, with their seeds in clear.

    The file has mode 0600; - is standard output. Revoked tokens have no seed. What
    URIs cannot say is left out: status, drift, used passcodes; numbers, addresses,
    questions, YubiKeys.
    """
    with common.open_store(ctx) as store:
        common.confirm(f"Write seeds in clear to {file}?", yes=yes)
        if str(file) == "-":
            click.echo(_text(store, user, serials, as_json=as_json), nl=False)
            return
        with admin.new_file(file) as stream:
            stream.write(_text(store, user, serials, as_json=as_json).encode())
    click.echo(f"{file} holds seeds in clear: delete it after use.", err=True)


def _text(store: Database, user: str | None, serials: tuple[str, ...], *, as_json: bool) -> str:
    opened = tokens.export(store, admin.actor(), user=user, serials=frozenset(serials))
    uris = [(token, _uri(token, seed)) for token, seed in opened]
    if not as_json:
        return "".join(f"{uri}\n" for _, uri in uris)
    found = [{"serial": token.serial, "user": token.user, "uri": uri} for token, uri in uris]
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def _uri(token: Token, seed: Secret) -> str:
    record = SeedRecord(
        kind=Kind(token.kind),
        seed=seed,
        serial=token.serial,
        algorithm=Algorithm(token.algorithm),
        digits=token.digits,
        period=token.period or 30,
        counter=token.last + 1,
        user=token.user,
        label=token.label,
    )
    return otpauth.write_uri(record, with_serial=True)


def _unlocking(options: dict[str, Any]) -> Unlocking:
    password, key = options["password_file"], options["key_file"]
    if password is not None and key is not None:
        raise click.UsageError("--password-file and --key-file exclude each other.")
    return Unlocking(
        password=None if password is None else common.secret_input("Password", password),
        key=None if key is None else _key(key),
        lenient=options["lenient"],
    )


def _key(file: Path) -> Secret:
    octets = admin.read_octets(file)
    text = octets.strip()
    if re.fullmatch(rb"(?:[0-9A-Fa-f]{2})+", text) and len(text) // 2 in _KEY_SIZES:
        return Secret(bytes.fromhex(text.decode("ascii")))
    if len(octets) in _KEY_SIZES:
        return Secret(octets)
    raise click.UsageError(f"{file} must hold a key of 16, 24 or 32 octets, raw or in hex.")


def _new_tokens(parsed: Parsed, *, assign: bool) -> tuple[list[tuple[str, NewToken]], list[str]]:
    found, faults = [], [str(fault) for fault in parsed.faults]
    for record in parsed.records:
        try:
            found.append((record.where, _new_token(record, assign=assign)))
        except UserNameError as error:
            faults.append(f"{record.where}: {error}")
    for one in parsed.yubikeys:
        if assign:
            faults.append(f"{one.where}: the file names no user to assign it to")
        found.append((one.where, yubikeys.new(one.public_id, one.seed, user=None)))
    return found, faults


def _new_token(record: SeedRecord, *, assign: bool) -> NewToken:
    if not assign:
        return admin.new_token(record)
    if record.user is None:
        raise UserNameError("the file names no user to assign it to")
    return admin.new_token(record, user_name(record.user))


def _report(
    parsed: Parsed, found: list[tuple[str, NewToken]], *, dry_run: bool, as_json: bool
) -> None:
    warnings = dict.fromkeys((where for where, _ in found), tuple[str, ...]())
    warnings |= {record.where: record.warnings for record in parsed.records}
    if as_json:
        common.emit_json(
            {
                "imported": not dry_run,
                "tokens": [
                    {
                        "where": where,
                        "serial": token.serial,
                        "user": token.user,
                        "kind": token.kind,
                        "warnings": list(warnings[where]),
                    }
                    for where, token in found
                ],
                "left_out": [str(note) for note in parsed.notes],
            }
        )
        return
    for where, token in found:
        owner = f" of {token.user}" if token.user else ""
        click.echo(f"{where}: {token.serial}{owner}, {token.shape}")
        for warning in warnings[where]:
            click.echo(f"warning: {where}: {warning}", err=True)
    for note in parsed.notes:
        click.echo(f"{note}", err=True)
    click.echo(f"{len(found)} tokens {'can be imported' if dry_run else 'imported'}.")
