"""`radiusmfa why`: what a reason means, or what became of one login, in words for a helpdesk."""

from __future__ import annotations

import difflib
import re
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from radiusmfa.cli import audit, common, exits
from radiusmfa.cli.admin import json_option
from radiusmfa.cli.why_told import Teller
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.reasons import EXPLANATIONS
from radiusmfa.stores import trail

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORD: Final = re.compile("[A-Za-z0-9_-]+")
_SHORT: Final = 8  # characters of an id that a Reply-Message holds
_WHOLE: Final = 16
_FEWEST: Final = 4  # of an id that stands alone; in a sentence such words are too many
_SEVERAL: Final = "several logins are meant: name more of the id"
_NO_LOGIN: Final = "no login in the audit has an id that stands there"


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="CODE-or-ID...")
@click.option("--since", type=audit.Moment(), help="Look at later lines only: 2026-11-24, or 90m.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, /, *, words: tuple[str, ...], since: str | None, as_json: bool
) -> int:
    """
    Explain a reason code, or what became of one login.

    A login is found by its id, by how that begins, or by the whole text that the
    user's screen showed, if the id is in it; small or capital letters do not matter.
    Each round of the login is shown, with its reason and the time each stage took.
    Put -- before an id that begins with a minus.

    Exit code 0: it is explained; 1: nothing is known of it, or several logins are meant.
    """
    text = " ".join(words).strip()
    codes = _codes(text)
    teller = Teller(as_json=as_json, bars=sys.stdout.isatty())
    if codes == [text.lower()]:
        teller.reason(codes[0])
        return teller.end(exits.DONE)
    starts = _starts(text, codes)
    logins = _logins(ctx, starts, since or "") if starts else {}
    if not logins and not codes:
        raise RadiusmfaError(_why_unknown(text, since or ""))
    if len(logins) == 1:
        (lines,) = logins.values()
        teller.login(lines)
        return teller.end(exits.DONE)
    if logins:
        teller.several(logins)
    else:
        for code in codes:
            teller.reason(code)
    if not starts:
        return teller.end(exits.DONE)
    click.echo(f"radiusmfa: {_SEVERAL if logins else _NO_LOGIN}", err=True)
    return teller.end(exits.NO)


def _codes(text: str) -> list[str]:
    """Return the reasons that *text* names, each once, in order."""
    return list(dict.fromkeys(word for word in _WORD.findall(text.lower()) if word in EXPLANATIONS))


def _starts(text: str, codes: list[str]) -> list[str]:
    """Return what may be the beginning of a login's id: only the audit tells which one is."""
    fewest = _FEWEST if _WORD.fullmatch(text) else _SHORT
    found = {word.lower() for word in _WORD.findall(text) if fewest <= len(word) <= _WHOLE}
    return sorted(found - set(codes))


def _logins(
    ctx: click.Context, starts: Iterable[str], since: str
) -> dict[str, list[dict[str, Any]]]:
    """Return the audit lines of each login whose id begins so, oldest first."""
    beginnings = tuple(starts)
    logins: dict[str, list[dict[str, Any]]] = {}
    with common.open_store(ctx) as store:
        found = list(trail.find(store, [f'"id":"{one}' for one in beginnings], since))
    for _, text in reversed(found):
        line = audit.parsed(text)
        login = str(line.get("id"))
        if line.get("kind") == "login" and login.lower().startswith(beginnings):
            logins.setdefault(login, []).append(line)
    return logins


def _why_unknown(text: str, since: str) -> str:
    close = difflib.get_close_matches(text.lower(), EXPLANATIONS, n=1)
    if close:
        return f"nothing is known of {text!r}; did you mean {close[0]}?"
    where = f"since {since} " if since else ""
    return (
        f"nothing is known of {text!r}: it is no reason, and no login {where}in the audit has"
        " such an id; another server may have decided it"
    )
