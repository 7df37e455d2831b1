"""`radiusmfa user import`: many users at once, each with a token if the list has one."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum, unique
from itertools import islice
from typing import TYPE_CHECKING, Final

import click

from radiusmfa.cli import admin, common
from radiusmfa.cli.progress import Progress
from radiusmfa.enrol import userlist
from radiusmfa.enrol.records import Fault
from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.primary import hashing
from radiusmfa.stores import imports
from radiusmfa.stores.imports import NewUser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from radiusmfa.config.model import Passwords
    from radiusmfa.enrol.userlist import UserRow
    from radiusmfa.stores.database import Database

MOST_ARGON2: Final = 2000
"""Plain passwords that `auto` hashes slowly: about half a minute on two cores."""

_MOST_FAULTS: Final = 1000
_STEP: Final = 200  # rows between two looks at the progress bar


@unique
class Hashing(StrEnum):
    """How plain passwords are stored; both become Argon2id at the next login."""

    AUTO = "auto"
    ARGON2 = "argon2"
    KEYED = "keyed"


@click.command(name="import")
@click.argument("file", type=admin.FILE)
@click.option(
    "--hashing",
    "wanted",
    type=click.Choice([one.value for one in Hashing]),
    default="auto",
    show_default=True,
    help=f"argon2 takes a processor 30 ms a password; auto: keyed from {MOST_ARGON2 + 1} on.",
)
@click.option("--dry-run", is_flag=True, help="Check everything, change nothing.")
@admin.json_option
@click.pass_context
def command(ctx: click.Context, file: Path, wanted: str, *, dry_run: bool, as_json: bool) -> None:
    """
    Import users from a CSV file; - is standard input.

    The first row names the columns: name, and any of password or hash, disabled,
    password_only, and for a token seed (or seed_hex, seed_base32), serial, kind,
    algorithm, digits, period, counter, label. Hashes: Argon2 (PHC), bcrypt,
    SHA-512-crypt, SSHA. All users, or none if anything is wrong with one.

    `keyed` hashes are fast to make and worthless without the keys file. Every hash
    becomes Argon2id at its owner's next login.
    """
    octets = admin.read_octets(file)
    with Progress(as_json=as_json) as progress:
        rows = _read(octets, progress)
        plain = sum(row.password is not None for row in rows)
        chosen = _chosen(Hashing(wanted), plain)
        with common.open_store(ctx) as store:
            _refuse_known(store, rows)
            if not dry_run:
                settings = common.load_config(ctx).passwords
                make = _maker(chosen, settings, store.pepper)
                users = list(_hashed(rows, make, progress))
                progress.say("storing")
                imports.add_users(store, admin.actor(), users, _detail(rows, octets))
    _report(rows, plain, chosen, dry_run=dry_run, as_json=as_json)


def _read(octets: bytes, progress: Progress) -> list[UserRow]:
    found = userlist.UserList(octets)
    rows: list[UserRow] = []
    faults = [str(fault) for fault in found.faults]
    for row in found.rows():
        if isinstance(row, Fault):
            faults.append(str(row))
        else:
            rows.append(row)
        if not len(rows) % _STEP:
            progress.say("reading", len(rows), found.total)
    if not rows and not faults:
        faults.append("the file: no user in it")
    _refuse(faults)
    return rows


def _refuse(faults: Sequence[str]) -> None:
    if not faults:
        return
    more = len(faults) - _MOST_FAULTS
    rest = (f"and {more} faults more",) if more > 0 else ()
    raise ImportRefusedError(*faults[:_MOST_FAULTS], *rest)


def _refuse_known(store: Database, rows: Sequence[UserRow]) -> None:
    with store.reading() as connection:
        _refuse(imports.user_faults(connection, (_new_user(row, None) for row in rows)))


def _chosen(wanted: Hashing, plain: int) -> Hashing:
    if wanted is not Hashing.AUTO:
        return wanted
    return Hashing.ARGON2 if plain <= MOST_ARGON2 else Hashing.KEYED


def _maker(chosen: Hashing, settings: Passwords, pepper: bytes) -> Callable[[UserRow], str | None]:
    parameters = hashing.Parameters.of(settings)

    def make(row: UserRow) -> str | None:
        if row.password is None:
            return row.password_hash
        if chosen is Hashing.KEYED:
            return hashing.keyed(row.password.reveal(), pepper)
        return hashing.hash_password(row.password.reveal(), parameters)

    return make


def _hashed(
    rows: Sequence[UserRow], make: Callable[[UserRow], str | None], progress: Progress
) -> Iterator[NewUser]:
    # Argon2 gives up the interpreter's lock while it works.
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        left = iter(rows)
        done = 0
        while batch := list(islice(left, _STEP)):
            stored = threads.map(make, batch)
            yield from (_new_user(row, one) for row, one in zip(batch, stored, strict=True))
            done += len(batch)
            progress.say("hashing", done, len(rows))


def _new_user(row: UserRow, stored: str | None) -> NewUser:
    return NewUser(
        name=row.name,
        password=stored,
        disabled=row.disabled,
        password_only=row.password_only,
        token=None if row.token is None else admin.new_token(row.token),
        where=row.where,
    )


def _detail(rows: Sequence[UserRow], octets: bytes) -> str:
    counts = _counts(rows)
    loud = f", {counts['password_only']} PASSWORD ONLY" if counts["password_only"] else ""
    digest = hashlib.sha256(octets).hexdigest()
    return f"{len(rows)} users, {counts['tokens']} tokens{loud}, SHA-256 {digest}"


def _counts(rows: Sequence[UserRow]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts["tokens"] += row.token is not None
        counts["hashes"] += row.password_hash is not None
        counts["password_only"] += row.password_only
        counts["disabled"] += row.disabled
    return counts


def _report(
    rows: Sequence[UserRow], plain: int, chosen: Hashing, *, dry_run: bool, as_json: bool
) -> None:
    counts = _counts(rows)
    warnings = [
        f"{row.where}: {warning}"
        for row in rows
        if row.token is not None
        for warning in row.token.warnings
    ]
    if as_json:
        common.emit_json(
            {
                "imported": not dry_run,
                "users": len(rows),
                "plain_passwords": plain,
                "hashing": chosen.value,
                **counts,
                "warnings": warnings,
            }
        )
        return
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    verb = "can be imported" if dry_run else "imported"
    click.echo(f"{len(rows)} users and {counts['tokens']} tokens {verb}.")
    if plain:
        click.echo(f"{plain} plain passwords: {chosen.value} hashes, Argon2id at the next login.")
    if counts["hashes"]:
        click.echo(f"{counts['hashes']} hashes taken over, Argon2id at the next login.")
    if counts["password_only"]:
        click.echo(f"warning: {counts['password_only']} users need NO second factor", err=True)
