"""What `why` says: a reason in words, a login round by round, the time that each stage took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, final

import click

from radiusmfa.cli import audit, common
from radiusmfa.reasons import EXPLANATIONS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from radiusmfa.reasons import Explanation

Line: TypeAlias = "dict[str, Any]"

_BAR: Final = 40  # signs that stand for the time of a whole round
_SECOND: Final = 1_000_000  # microseconds
_STAGES: Final = ("password", "directory", "approval")
_REST: Final = "deciding and store"
# One row each; what follows the first field is named.
_FACTS: Final = {
    "user": ("user", "person"),
    "client": ("client", "source", "nas", "station", "mode"),
    "policy": ("policy", "group", "address", "approval"),
    "factor": ("factor", "token", "instead_of"),
    "upstream": ("upstreams",),
    "detail": ("detail",),
}
_TOLD: Final = ("time", *(field for fields in _FACTS.values() for field in fields), "decision")
_COLUMNS: Final = ("id", "time", "user", "client", "decision", "reason")


@final
class Teller:
    """Says it as text, or collects it for one JSON object."""

    def __init__(self, *, as_json: bool, bars: bool = False) -> None:
        """Say nothing yet; with *bars* times are drawn, too."""
        self._as_json = as_json
        self._bars = bars
        self._reasons: list[dict[str, str]] = []
        self._logins: list[dict[str, Any]] = []

    def reason(self, code: str) -> None:
        """Explain a reason that there is."""
        told = EXPLANATIONS[code]
        self._reasons.append({"reason": code, "kind": told.kind.value} | _words(told))
        self._say("reason", f"{code} ({told.kind.value})")
        self._explain(told)

    def login(self, lines: Sequence[Line]) -> None:
        """Tell one login: *lines* are its rounds, oldest first."""
        last = lines[-1]
        self._logins.append(_as_json(lines))
        rounds = common.count(lines, "round")
        self._say("login", f"{_field(last, 'id')}: {rounds}, {_field(last, 'decision')} at the end")
        for number, line in enumerate(lines, 1):
            self._round(number, line)
        if last.get("decision") == Kind.CHALLENGE:
            self._say("open", "nobody has answered that challenge, or not yet")

    def several(self, logins: Mapping[str, Sequence[Line]]) -> None:
        """List logins that may be meant, each by its last round."""
        self._logins += [_as_json(lines) for lines in logins.values()]
        if not self._as_json:
            last = [lines[-1] for lines in logins.values()]
            rows = [[_field(line, name) for name in _COLUMNS] for line in last]
            common.table([name.upper() for name in _COLUMNS], rows)

    def end(self, code: int) -> int:
        """Print the JSON object, if that is wanted, and return *code*."""
        if self._as_json:
            common.emit_json({"reasons": self._reasons, "logins": self._logins})
        return code

    def _round(self, number: int, line: Line) -> None:
        self._say(f"round {number}", _field(line, "time"))
        for title, fields in _FACTS.items():
            row = ", ".join(_facts(line, fields))
            if row:
                self._say(title, row)
        self._say("decision", f"{_field(line, 'decision')}: {_field(line, 'reason')}")
        explanation = EXPLANATIONS.get(str(line.get("reason")))
        if explanation is None:
            self._say("means", "this version has no words for that reason")
        else:
            self._explain(explanation)
        self._times(stages(line))

    def _explain(self, told: Explanation) -> None:
        for title, text in (("means", told.meaning), ("tell", told.told), ("do", told.advice)):
            if text:
                self._say(title, text)

    def _times(self, spent: list[tuple[str, int]]) -> None:
        total = sum(us for _, us in spent)
        width = max(len(name) for name, _ in spent)
        title = "time"
        for name, us in (*spent, ("total", total)):
            bar = "#" * max(round(_BAR * us / total), 1) if self._bars and us else ""
            self._say(title, f"{name:{width}}  {_duration(us):>9}  {bar}".rstrip())
            title = ""

    def _say(self, title: str, text: str) -> None:
        if not self._as_json:
            click.echo(f"{title:9} {text}")


def stages(line: Line) -> list[tuple[str, int]]:
    """
    Return what a round spent its time with, in microseconds; together that is all of it.

    Deciding comes last, with the store and whatever else was waited for.
    """
    found = line.get("us")
    us = found if isinstance(found, dict) else {}
    spent = [(name, _microseconds(us.get(name))) for name in _STAGES if name in us]
    for one in audit.inquiries(line.get("upstreams")):
        name, waited = audit.word(one.get("name")), _microseconds(one.get("us"))
        # Somebody may have begun to think in an earlier round.
        person = min(_microseconds(one.get("person_us")), waited)
        spent.append((f"upstream {name}", waited - person))
        if person:
            spent.append((f"person, at {name}", person))
    rest = _microseconds(us.get("total")) - sum(us for _, us in spent)
    return [*spent, (_REST, max(rest, 0))]


def _microseconds(found: object) -> int:
    # What somebody damaged is no time; `audit verify` says so.
    return found if isinstance(found, int) and found > 0 else 0


def _duration(us: int) -> str:
    return f"{us / _SECOND:.2f} s" if us >= _SECOND else f"{us / 1000:.1f} ms"


def _field(line: Line, name: str) -> str:
    return audit.word(line[name]) if name in line else "unknown"


def _facts(line: Line, fields: Sequence[str]) -> Iterator[str]:
    for name in fields:
        if name in line:
            word = audit.word(line[name])
            yield word if name == fields[0] else f"{name.replace('_', ' ')} {word}"


def _words(told: Explanation) -> dict[str, str]:
    return {"meaning": told.meaning, "told": told.told, "advice": told.advice}


def _as_json(lines: Sequence[Line]) -> dict[str, Any]:
    return {"id": lines[-1].get("id"), "rounds": [_round_as_json(line) for line in lines]}


def _round_as_json(line: Line) -> dict[str, Any]:
    reason = str(line.get("reason"))
    kept = {name: line[name] for name in _TOLD if name in line} | {"reason": reason}
    explanation = EXPLANATIONS.get(reason)
    words = {} if explanation is None else _words(explanation)
    return {**kept, **words, "stages": [{"name": name, "us": us} for name, us in stages(line)]}
