"""`radiusmfa token enroll`: a new token, its QR code, and its first passcode."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from radiusmfa.cli import admin, common, enroll_device, enroll_yubikey
from radiusmfa.enrol import base32, columns, otpauth, qr, records
from radiusmfa.enrol.records import Algorithm, FieldError, Kind, SeedRecord
from radiusmfa.secret import Secret
from radiusmfa.stores import proving, tokens
from radiusmfa.stores.people import RefusedError
from radiusmfa.stores.tokens import NewToken

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.config.model import Factors
    from radiusmfa.stores.database import Database

# 160 bits, RFC 4226 section 4, R6; 32 characters of base32, which every application takes.
_ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What was asked for.

    Attributes:
        record: The token.
        pictures: Files for the QR code, each with its octets.
        is_given: The seed came from a file: the device has it already.
        first_code: What is done about the first passcode.
        new_user: Make the user if there is none.
    """

    record: SeedRecord
    pictures: tuple[tuple[Path, bytes], ...]
    is_given: bool
    first_code: str
    new_user: bool


@click.command(name="enroll")
@click.argument("user", type=admin.USER)
@click.option(
    "--type",
    "--kind",
    "kind",
    type=click.Choice(["totp", "hotp", enroll_yubikey.KIND, *enroll_device.KINDS]),
    default="totp",
    show_default=True,
)
@enroll_device.options
@click.option(
    "--algorithm",
    type=click.Choice(["sha1", "sha256", "sha512"]),
    default="sha1",
    show_default=True,
    help="Many applications know sha1 only.",
)
@click.option("--digits", type=click.IntRange(6, 8), default=6, show_default=True)
@click.option(
    "--period",
    type=click.IntRange(records.LEAST_PERIOD, records.MOST_PERIOD),
    default=30,
    show_default=True,
    help="Seconds of a TOTP time step.",
)
@click.option("--label", default="", help="Free text, for listings.")
@click.option("--serial", help="What the token is called.  [default: a new name]")
@click.option("--issuer", default="radiusmfa", show_default=True, help="What the phone shows.")
@click.option("--svg", type=admin.NAMED_FILE, help="Write the QR code to this new file too.")
@click.option("--png", type=admin.NAMED_FILE, help="Write the QR code to this new file too.")
@click.option("--seed-file", type=admin.FILE, help="The seed of a device, in hex or base32.")
@click.option("--code-file", type=admin.FILE, help="The first passcode; - is standard input.")
@click.option(
    "--confirm/--no-confirm",
    " /--yes",
    "ask",
    default=True,
    help="Ask for the first passcode, or let the token count at once.",
)
@enroll_yubikey.options
@admin.new_user_option
@click.option("--pending", is_flag=True, help="Leave it pending; `token confirm` later.")
@admin.json_option
@click.pass_context
def command(ctx: click.Context, /, user: str, **options: Any) -> None:  # noqa: ANN401 - click's values
    """
    Enroll a token for USER, and show its QR code.

    With --type yubikey it is a key whose secrets are asked for, read from --key-file or made by
    --generate; with --remote a service knows them, and touching the key says which it is.

    The token counts when its first passcode was right: that shows that the phone
    took the algorithm, the digits and the period, and that its clock is right.

    With --type sms, voice or email it is --to a number or an address that a code is sent
    to; with --type question a security question, whose answer is asked for twice.
    These count at once.
    """
    enroll_device.refuse_foreign(ctx, options["kind"])
    enroll_yubikey.refuse(ctx, options["kind"])
    if options["kind"] in enroll_device.KINDS:
        enroll_device.perform(ctx, user, options)
        return
    if options["kind"] == enroll_yubikey.KIND:
        enroll_yubikey.run(ctx, user, options)
        return
    wish, as_json = _wish(user, options), options["as_json"]
    factors = common.load_config(ctx).factors
    with common.open_store(ctx) as store:
        status = "active" if wish.first_code == "not wanted" else "pending"
        _store(store, wish, status)
        if not as_json:
            _show(wish)
        if wish.first_code == "ask":
            status = _ask(store, wish, factors)
        elif wish.first_code == "file":
            _confirm_from(options["code_file"], store, wish, factors)
            status = "active"
    if as_json:
        common.emit_json(_as_json(wish, status))
        return
    serial = wish.record.serial
    later = "" if status == "active" else f"; later: radiusmfa token confirm {serial}"
    click.echo(f"Token {serial} of {user} is {status}{later}.")


def _wish(user: str, options: dict[str, Any]) -> Wish:
    kind = Kind(options["kind"])
    try:
        seed, warnings = _seed(options["seed_file"])
        record = SeedRecord(
            kind=kind,
            seed=seed,
            serial=records.serial_of(options["serial"] or "") or tokens.new_serial(kind),
            algorithm=Algorithm(options["algorithm"]),
            digits=options["digits"],
            period=options["period"] if kind is Kind.TOTP else records.DEFAULT_PERIOD,
            user=user,
            issuer=records.words(options["issuer"], "the issuer"),
            label=records.words(options["label"], "the label"),
            warnings=warnings,
        )
    except FieldError as error:
        msg = f"{error}."
        raise click.UsageError(msg) from None
    wanted = ((options["svg"], qr.svg), (options["png"], qr.png))
    uri = otpauth.write_uri(record)
    return Wish(
        record=record,
        pictures=tuple((path, draw(uri)) for path, draw in wanted if path is not None),
        is_given=options["seed_file"] is not None,
        first_code=_first_code(options),
        new_user=options["new_user"],
    )


def _first_code(options: dict[str, Any]) -> str:
    if options["pending"]:
        return "later"
    if options["code_file"] is not None:
        return "file"
    if not options["ask"]:
        return "not wanted"
    if common.is_terminal() and not options["as_json"]:
        return "ask"
    raise click.UsageError(
        "Nobody can be asked for the first passcode here, or with --json:"
        " say --code-file FILE, --pending or --no-confirm."
    )


def _seed(file: Path | None) -> tuple[Secret, tuple[str, ...]]:
    if file is None:
        return otpauth.new_seed(), ()
    lines = admin.read_lines(file)
    if len(lines) != 1:
        raise FieldError("the file of the seed must have one line")
    try:
        text = lines[0].reveal().decode("ascii")
    except UnicodeDecodeError:
        raise FieldError("the seed is not hex or base32") from None
    return records.seed_of(columns.seed_octets(text, None))


def _store(store: Database, wish: Wish, status: str) -> None:
    record = wish.record
    new = NewToken(
        serial=str(record.serial),
        kind=record.kind,
        seed=record.seed,
        algorithm=record.algorithm,
        digits=record.digits,
        period=record.period if record.kind is Kind.TOTP else 0,
        label=record.label,
        user=record.user,
    )
    with ExitStack() as files:
        for path, octets in wish.pictures:
            picture = files.enter_context(admin.new_file(path))
            picture.write(octets)
            picture.flush()  # a full disk must say so before the token is stored
        tokens.enroll(store, admin.actor(), new, status=status, new_user=wish.new_user)


def _show(wish: Wish) -> None:
    for warning in wish.record.warnings:
        click.echo(f"warning: {warning}", err=True)
    for path, _ in wish.pictures:
        click.echo(
            f"The QR code is in {admin.shown(path)}: it holds the seed, delete it after use."
        )
    if wish.is_given:
        return
    uri = otpauth.write_uri(wish.record)
    click.echo(qr.terminal(uri) if sys.stdout.isatty() else qr.plain(uri))
    key = base32.encode(wish.record.seed.reveal())
    click.echo(f"Scan it with an authenticator, or type the key: {key}\n{uri}")


def _ask(store: Database, wish: Wish, factors: Factors) -> str:
    for _ in range(_ATTEMPTS):
        typed = click.prompt(
            "The passcode it shows now (empty: later)", default="", show_default=False, err=True
        )
        if not typed:
            break
        try:
            _confirm(store, wish, Secret(typed.strip().encode("utf-8", "replace")), factors)
        except RefusedError as error:
            click.echo(f"{error}.", err=True)
        else:
            return "active"
    return "pending"


def _confirm_from(file: Path, store: Database, wish: Wish, factors: Factors) -> None:
    try:
        _confirm(store, wish, common.secret_input("Passcode", file), factors)
    except (RefusedError, click.UsageError, OSError) as error:
        why = error.message if isinstance(error, click.UsageError) else str(error)
        raise RefusedError(
            f"token {wish.record.serial} is stored, but pending: {why.rstrip('.')}"
        ) from None


def _confirm(store: Database, wish: Wish, passcode: Secret, factors: Factors) -> None:
    serial = str(wish.record.serial)
    proving.confirm(store, admin.actor(), serial, passcode, factors=factors)


def _as_json(wish: Wish, status: str) -> dict[str, Any]:
    record = wish.record
    return {
        "serial": record.serial,
        "user": record.user,
        "status": status,
        "kind": record.kind,
        "algorithm": record.algorithm,
        "digits": record.digits,
        "period": record.period if record.kind is Kind.TOTP else None,
        "uri": otpauth.write_uri(record),
        "warnings": list(record.warnings),
    }
