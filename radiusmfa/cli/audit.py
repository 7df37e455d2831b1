"""`radiusmfa audit`: who got in, who did not, and who changed what."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from radiusmfa.cli import admin, common, exits, times
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.stores import trail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_SECOND: Final = 1_000_000  # microseconds
_POLL: Final = 0.5  # seconds between two looks for new lines
_UNSHOWN: Final = frozenset(("time", "kind", "us"))
_OF_INQUIRY: Final = ("name", "server", "event", "answer", "way", "device")


class BrokenError(RadiusmfaError):
    """The audit does not verify; the text says which line shows it."""


class Moment(click.ParamType[str]):
    """A point in time: `2026-11-24`, `2026-11-24T14:00:00Z`, or `90m` ago."""

    name = "time"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the point in time as audit lines have it: such texts sort by time."""
        text = str(value)
        ago = times.duration(text)
        found = times.moment(text) if ago is None else time.time() - ago
        if found is None:
            self.fail("a time is written 2026-11-24, 2026-11-24T14:00:00Z, or 90m.", param, ctx)
        return trail.timestamp(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """
    Which lines are searched for.

    Attributes:
        user: Normal form, None for any.
        fields: Others that must be equal.
        since: Earliest time, as lines have it.
        until: Latest time.
        upstream: Name of an upstream that was asked, None for any or none.
    """

    user: str | None
    fields: dict[str, str]
    since: str | None
    until: str | None
    upstream: str | None = None

    def fits(self, line: dict[str, Any]) -> bool:
        """Say whether a parsed line is wanted."""
        at = line.get("time", "")
        return (
            all(line.get(name) == value for name, value in self.fields.items())
            and (self.since is None or at >= self.since)
            and (self.until is None or at <= self.until)
            and (self.user is None or _is_user(line, self.user))
            and (self.upstream is None or self.upstream in _asked(line))
        )


@click.group(name="audit", no_args_is_help=False)
def command() -> None:
    """Read, search, verify and export the audit; all times are UTC."""


@command.command()
@click.option("-n", "count", type=click.IntRange(0), default=20, show_default=True)
@click.option("-f", "--follow", is_flag=True, help="Wait for more, until Ctrl-C.")
@admin.json_option
@click.pass_context
def tail(ctx: click.Context, count: int, *, follow: bool, as_json: bool) -> None:
    """Show the latest lines."""
    with common.open_store(ctx) as store:
        after = trail.head(store.connection)[0] - count
        while True:
            for seq, line in trail.read(store, max(after, 0)):
                click.echo(line if as_json else _shown(line))
                after = seq
            if not follow:
                return
            sys.stdout.flush()
            time.sleep(_POLL)


@command.command()
@click.option("--user", type=admin.USER)
@click.option("--client")
@click.option("--decision", type=click.Choice(["accept", "challenge", "reject", "silence"]))
@click.option("--reason", help="`radiusmfa why REASON` explains it.")
@click.option("--policy", help="The one that decided, by its name.")
@click.option("--kind", type=click.Choice(["login", "accounting", "admin", "alarm"]))
@click.option("--upstream", help="One that was asked, by its name.")
@click.option("--id", help="Of a login: all its rounds have the same.")
@click.option("--since", type=Moment(), help="2026-11-24, 2026-11-24T14:00:00Z, or 90m (ago).")
@click.option("--until", type=Moment())
@admin.json_option
@click.pass_context
def search(  # noqa: PLR0913 - click's options
    ctx: click.Context,
    /,
    *,
    user: str | None,
    since: str | None,
    until: str | None,
    upstream: str | None,
    as_json: bool,
    **fields: str | None,
) -> None:
    """Show the lines that fit everything named, oldest first."""
    given = {name: value for name, value in fields.items() if value is not None}
    wanted = Wanted(user=user, fields=given, since=since, until=until, upstream=upstream)
    with common.open_store(ctx) as store:
        for _, line in trail.read(store):
            if wanted.fits(parsed(line)):
                click.echo(line if as_json else _shown(line))


@command.command()
@admin.json_option
@click.pass_context
def verify(ctx: click.Context, *, as_json: bool) -> None:
    """
    Check that no line was changed, removed, moved, or cut off at the end.

    Exit code 1 and the first wrong line if so. Whoever has the keys file and the
    store can forge both: `audit export` now and then to another machine.
    """
    with common.open_store(ctx) as store:
        verdict = trail.verify(store)
    if as_json:
        common.emit_json(
            {
                "verified": verdict.fault is None,
                "lines": verdict.lines,
                "fault": verdict.fault,
                "line": verdict.at_seq or None,
            }
        )
    elif verdict.fault is None:
        click.echo(f"{verdict.lines} lines, unbroken.")
    else:
        raise BrokenError(f"line {verdict.at_seq}: {verdict.fault}")
    if verdict.fault is not None:
        ctx.exit(exits.NO)


@command.command()
@click.argument("file", type=admin.FILE, default="-")
@click.option("--chain", is_flag=True, help="With number and mac: {seq, mac, line}.")
@click.option("--json", "as_json", is_flag=True, help="Say in JSON what was written to FILE.")
@click.pass_context
def export(ctx: click.Context, file: Path, *, chain: bool, as_json: bool) -> None:
    """Write every line, one JSON object each, to a new FILE or standard output."""
    with common.open_store(ctx) as store:
        lines = _chained(trail.read_chain(store)) if chain else trail.read(store)
        if str(file) == "-":
            for _, line in lines:
                click.echo(line)
            return
        count = 0
        with admin.new_file(file) as stream:
            for _, line in lines:
                stream.write(f"{line}\n".encode())
                count += 1
    if as_json:
        common.emit_json({"file": admin.shown(file), "lines": count})
    else:
        click.echo(f"{admin.shown(file)}: {count} lines.")


def parsed(line: str) -> dict[str, Any]:
    """Return what a *line* says; empty for one that somebody damaged."""
    try:
        found = json.loads(line)
    except ValueError:  # `verify` says so
        return {}
    return found if isinstance(found, dict) else {}


def inquiries(found: object) -> list[dict[str, Any]]:
    """Return what `upstreams` of a line holds: one object for each that was asked."""
    # What somebody damaged is no inquiry; `verify` says so.
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def word(value: object) -> str:
    """Return a field's value as one word; in quotes what a terminal would act on, and blanks."""
    asked = [_inquiry(one) for one in inquiries(value)]
    text = ",".join(asked) if asked else str(value)
    readable = text.isprintable()  # no control character, none that turns the direction
    plain = readable and " " not in text and '"' not in text
    return text if plain and text else json.dumps(text, ensure_ascii=not readable)


def _chained(rows: Iterable[tuple[int, str, bytes]]) -> Iterator[tuple[int, str]]:
    for seq, line, mac in rows:
        yield seq, json.dumps({"seq": seq, "mac": mac.hex(), "line": line})


def _is_user(line: dict[str, Any], wanted: str) -> bool:
    if line.get("person") == wanted:
        return True
    # Login lines have the name as it came.
    try:
        return user_name(str(line.get("user"))) == wanted
    except UserNameError:
        return False


def _asked(line: dict[str, Any]) -> list[object]:
    return [one.get("name") for one in inquiries(line.get("upstreams"))]


def _shown(line: str) -> str:
    found = parsed(line)
    if not found:
        return json.dumps(line)
    rest = [f"{name}={word(value)}" for name, value in found.items() if name not in _UNSHOWN]
    return " ".join([str(found.get("time")), str(found.get("kind")), *rest])


def _inquiry(one: dict[str, Any]) -> str:
    # Who was asked: name, server, event, answer, and of a person the way, the device and the time.
    parts = [str(one[name]) for name in _OF_INQUIRY if name in one]
    taken = one.get("person_us")
    if isinstance(taken, int) and taken > 0:
        parts.append(f"person:{taken / _SECOND:.1f}s")
    ignored = one.get("ignored")
    if isinstance(ignored, dict):
        parts += [f"ignored:{fault}" for fault in ignored]
    return "/".join(parts)
