"""`radiusmfa token import` of a list of numbers, addresses and questions."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

from radiusmfa.cli import admin, common, enroll_device
from radiusmfa.cli.progress import Progress
from radiusmfa.enrol import destinations
from radiusmfa.enrol.records import MOST_FAULTS, Fault
from radiusmfa.interfaces import ImportRefusedError
from radiusmfa.login import devices
from radiusmfa.login.devices import Question
from radiusmfa.secret import Secret
from radiusmfa.stores import imports
from radiusmfa.stores.devices import NewDevice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from radiusmfa.config.model import Configuration
    from radiusmfa.enrol.destinations import DeviceRow
    from radiusmfa.stores.tokens import NewToken

FORMAT: Final = "devices"
"""What `--format` calls such a list."""
_OF_SEEDS: Final = ("password_file", "key_file", "encoding", "lenient")
_STEP: Final = 200  # rows between two looks at the progress line


def is_meant(octets: bytes, form: str) -> bool:
    """Say whether a file is such a list: `--format` says so, or its first row does."""
    return form == FORMAT or (form == "auto" and destinations.is_one(octets))


def perform(ctx: click.Context, octets: bytes, given: dict[str, Any]) -> None:
    """
    Import *octets*: all rows, or none if anything is wrong with one.

    Raises:
        click.UsageError: An option was given that is for files of seeds.
        ImportRefusedError: With every faulty row.
    """
    for name in _OF_SEEDS:
        if given[name]:
            msg = f"--{name.replace('_', '-')} is for files of seeds: this one holds none."
            raise click.UsageError(msg)
    config, actor = common.load_config(ctx), admin.actor()
    new_users, is_dry = given["new_user"], given["dry_run"]
    with Progress(as_json=given["as_json"]) as progress, common.open_store(ctx) as store:
        rows = _read(octets, progress)
        # Without hashes: whatever is wrong has to be said before they are made.
        found = [(row.where, _token(row, "")) for row in rows]
        with store.reading():
            _refuse(imports.token_faults(store, found, new_users=new_users))
        if not is_dry:
            found = list(_hashed(rows, config, progress))
            progress.say("storing")
            detail = f"{_counted(rows)}, SHA-256 {hashlib.sha256(octets).hexdigest()}"
            imports.add_tokens(store, actor, found, detail, new_users=new_users)
    _report(found, is_dry=is_dry, as_json=given["as_json"])


def _read(octets: bytes, progress: Progress) -> list[DeviceRow]:
    found = destinations.DeviceList(octets)
    rows: list[DeviceRow] = []
    faults = [str(fault) for fault in found.faults]
    for row in found.rows():
        if isinstance(row, Fault):
            faults.append(str(row))
        else:
            rows.append(row)
        if not len(rows) % _STEP:
            progress.say("reading", len(rows), found.total)
    if not rows and not faults:
        faults.append("the file: no device in it")
    _refuse(faults)
    return rows


def _refuse(faults: Sequence[str]) -> None:
    if not faults:
        return
    more = len(faults) - MOST_FAULTS
    rest = (f"and {more} faults more",) if more > 0 else ()
    raise ImportRefusedError(*faults[:MOST_FAULTS], *rest)


def _hashed(
    rows: Sequence[DeviceRow], config: Configuration, progress: Progress
) -> Iterator[tuple[str, NewToken]]:
    def make(row: DeviceRow) -> NewToken:
        answer = row.answer
        return _token(row, "" if answer is None else enroll_device.hashed(answer, config))

    # Argon2 gives up the interpreter's lock while it works.
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        left, done = iter(rows), 0
        while batch := list(islice(left, _STEP)):
            made = threads.map(make, batch)
            yield from ((row.where, token) for row, token in zip(batch, made, strict=True))
            done += len(batch)
            progress.say("hashing", done, len(rows))


def _token(row: DeviceRow, hashed: str) -> NewToken:
    is_question = row.kind == "question"
    secret = Question(row.question, hashed).dump() if is_question else row.to.encode()
    return NewDevice(
        kind=row.kind,
        secret=Secret(secret),
        serial=row.serial or "",
        label=row.label,
        user=row.user,
    ).token()


def _counted(rows: Sequence[DeviceRow]) -> str:
    counts = Counter(row.kind for row in rows)
    return ", ".join(f"{counts[kind]} {kind}" for kind in devices.PERSONAL if counts[kind])


def _report(found: Sequence[tuple[str, NewToken]], *, is_dry: bool, as_json: bool) -> None:
    if as_json:
        told: list[dict[str, object]] = [
            {
                "where": where,
                "serial": token.serial,
                "user": token.user,
                "kind": token.kind,
                "to": token.shape.partition(" ")[2] or None,
                "warnings": [],
            }
            for where, token in found
        ]
        common.emit_json({"imported": not is_dry, "tokens": told, "left_out": []})
        return
    for where, token in found:
        click.echo(f"{where}: {token.serial} of {token.user}, {token.shape}")
    click.echo(f"{len(found)} devices {'can be imported' if is_dry else 'imported'}.")
