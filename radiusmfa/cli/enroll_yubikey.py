"""`radiusmfa token enroll USER --type yubikey`: a key whose secrets are ours, or a service's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click
from click.core import ParameterSource

from radiusmfa.cli import admin, common
from radiusmfa.enrol import records, yubikeys
from radiusmfa.enrol.records import FieldError
from radiusmfa.factors import yubikey
from radiusmfa.secret import Secret
from radiusmfa.stores import tokens
from radiusmfa.stores import yubikeys as store_of_keys
from radiusmfa.stores.people import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from radiusmfa.enrol.yubikeys import YubikeyRecord
    from radiusmfa.stores.database import Database

KIND: Final = store_of_keys.KIND
_OWN: Final = ("remote", "key_file", "generate")
"""Options that have a meaning for YubiKeys only."""
_OTHERS: Final = (
    "algorithm", "digits", "period", "issuer", "svg", "png", "seed_file",
)  # fmt: skip
_PREFIX: Final = "vv"  # of keys that somebody else than Yubico has programmed
_RANDOM_OCTETS: Final = 5  # of a new public id: with the prefix 12 signs, as usual
_ATTEMPTS: Final = 3
_MOST_LINES: Final = 4  # one too many
_TOUCH: Final = "Touch the YubiKey"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What was asked for.

    Attributes:
        public_id: Of the key.
        seed: Its secrets; None: a service checks it.
        made: The secrets that were made here, to program the key with; empty: none were.
        first: A password that proves that the secrets are right; None: it comes later, or not
            at all.
        is_asked: The person who sits here is asked for it.
        status: What the key is until then.
    """

    public_id: str
    seed: Secret | None
    made: dict[str, str] = field(repr=False)
    first: Secret | None
    is_asked: bool
    status: str


def options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options of YubiKeys."""
    for add in (
        click.option("--remote", is_flag=True, help="YubiKey: a validation service checks it."),
        click.option(
            "--key-file",
            type=admin.FILE,
            help="YubiKey: public id, private id and AES key, each on its line.",
        ),
        click.option(
            "--generate", is_flag=True, help="YubiKey: make new secrets to program it with."
        ),
    ):
        function = add(function)
    return function


def refuse(ctx: click.Context, kind: str) -> None:
    """
    Look whether options were given that have no meaning for *kind*.

    Raises:
        click.UsageError: They were.
    """
    for name in _OTHERS if kind == KIND else _OWN:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            msg = f"--{name.replace('_', '-')} has no meaning with --type {kind}."
            raise click.UsageError(msg)


def run(ctx: click.Context, user: str, given: dict[str, Any]) -> None:
    """Enroll a YubiKey for *user* as the options say."""
    as_json = given["as_json"]
    try:
        wish = _wish(given)
        label = records.words(given["label"], "the label")
    except FieldError as error:
        msg = f"{error}."
        raise click.UsageError(msg) from None
    new = store_of_keys.new(wish.public_id, wish.seed, user=user, label=label)
    with common.open_store(ctx) as store:
        tokens.enroll(store, admin.actor(), new, status=wish.status, new_user=given["new_user"])
        if wish.made and not as_json:
            _show(wish)
        status = _proved(store, wish)
    if as_json:
        common.emit_json(_as_json(wish, user, status))
        return
    later = "" if status == "active" else f"; later: radiusmfa token confirm {wish.public_id}"
    click.echo(f"YubiKey {wish.public_id} of {user} is {status}{later}.")


def _wish(given: dict[str, Any]) -> Wish:
    if given["remote"]:
        return _remote(given)
    if given["generate"] and given["key_file"] is not None:
        raise click.UsageError("--generate and --key-file exclude each other.")
    has_code, may_ask = given["code_file"] is not None, _may_ask(given)
    is_later = given["pending"] or not given["ask"]
    if not (has_code or may_ask or is_later):
        raise click.UsageError(
            "Nobody can be asked for the first password here, or with --json:"
            " say --code-file FILE, --pending or --no-confirm."
        )
    found = _record(given)
    return Wish(
        public_id=found.public_id,
        seed=found.seed,
        made=_secrets(found) if given["generate"] else {},
        first=common.secret_input(_TOUCH, given["code_file"]) if has_code else None,
        is_asked=may_ask and not (has_code or is_later),
        status="active" if not (given["ask"] or given["pending"] or has_code) else "pending",
    )


def _remote(given: dict[str, Any]) -> Wish:
    if given["generate"] or given["key_file"] is not None:
        raise click.UsageError("--remote has no secrets here: not with --generate or --key-file.")
    if given["serial"]:
        public_id = yubikeys.public_id_of(given["serial"])
    else:
        typed = common.secret_input(_TOUCH, given["code_file"])
        read = yubikey.readings(typed.reveal())
        if not read:
            raise FieldError("this is no password of a YubiKey")
        public_id = read[0].public_id
    status = "pending" if given["pending"] else "active"
    return Wish(public_id=public_id, seed=None, made={}, first=None, is_asked=False, status=status)


def _record(given: dict[str, Any]) -> YubikeyRecord:
    if given["key_file"] is not None:
        found = _from_file(given["key_file"])
    elif given["generate"]:
        made = _PREFIX + yubikey.modhex(secrets.token_bytes(_RANDOM_OCTETS))
        return yubikeys.record(
            given["serial"] or made,
            secrets.token_hex(yubikey.PRIVATE_ID_OCTETS),
            secrets.token_hex(yubikey.KEY_OCTETS),
        )
    else:
        found = _typed(given["serial"])
    if given["serial"] and yubikeys.public_id_of(given["serial"]) != found.public_id:
        raise FieldError("--serial is another public id than the file's")
    return found


def _from_file(file: Path) -> YubikeyRecord:
    lines = [line.strip() for line in admin.read_octets(file).splitlines()]
    try:
        texts = [line.decode("ascii") for line in lines if line]
    except UnicodeDecodeError:
        raise FieldError("the file of the key must be text") from None
    return yubikeys.of_lines(texts[:_MOST_LINES])


def _typed(serial: str | None) -> YubikeyRecord:
    if not common.is_terminal():
        raise click.UsageError(
            "There is no terminal to ask for the key's secrets at: say --key-file FILE (- is"
            " standard input), --generate or --remote."
        )
    public_id = serial or click.prompt("Public id (ModHex)", err=True)
    texts = [
        common.secret_input(what, None).reveal().decode("ascii", "replace")
        for what in ("Private id (12 hex digits)", "AES key (32 hex digits)")
    ]
    return yubikeys.record(public_id, *texts)


def _may_ask(given: dict[str, Any]) -> bool:
    return bool(given["ask"]) and common.is_terminal() and not given["as_json"]


def _proved(store: Database, wish: Wish) -> str:
    """Let the key count if it is proved that its secrets are right; return its status."""
    if wish.first is not None:
        try:
            store_of_keys.confirm(store, admin.actor(), wish.public_id, wish.first)
        except RefusedError as error:
            msg = f"YubiKey {wish.public_id} is stored, but pending: {error}"
            raise RefusedError(msg) from None
        return "active"
    for _ in range(_ATTEMPTS if wish.is_asked else 0):
        typed = click.prompt(f"{_TOUCH} (Enter: later)", default="", show_default=False, err=True)
        if not typed:
            break
        try:
            otp = Secret(typed.strip().encode("utf-8", "replace"))
            store_of_keys.confirm(store, admin.actor(), wish.public_id, otp)
        except RefusedError as error:
            click.echo(f"{error}.", err=True)
        else:
            return "active"
    return wish.status


def _show(wish: Wish) -> None:
    click.echo(
        "Program the key with these, as `ykman otp yubiotp 1` asks for them; they are shown once:"
    )
    for name, text in wish.made.items():
        click.echo(f"  {name.replace('_', ' '):<11} {text}")


def _secrets(found: YubikeyRecord) -> dict[str, str]:
    seed, ends = found.seed.reveal(), yubikey.PRIVATE_ID_OCTETS
    return {
        "public_id": found.public_id,
        "private_id": seed[:ends].hex(),
        "aes_key": seed[ends:].hex(),
    }


def _as_json(wish: Wish, user: str, status: str) -> dict[str, Any]:
    return {
        "serial": wish.public_id,
        "user": user,
        "status": status,
        "kind": KIND,
        "remote": wish.seed is None,
        **wish.made,
    }
