"""Measurements, their medians, and the table."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.load import Run


FREERADIUS: Final = "FreeRADIUS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """
    One run, or the medians of several.

    Attributes:
        cpu_us: Server CPU per login in microseconds, all its threads.
        per_second: Logins a second.
        p50_ms: Median time to a reply in milliseconds.
        p99_ms: What 99 of 100 replies did not exceed.
        resent: Packets that had to be sent again.
        refused: Logins that were refused, though nothing was wrong with them.
        behind_us: What a server spends that was asked, per login in microseconds.
    """

    cpu_us: float
    per_second: float
    p50_ms: float
    p99_ms: float
    resent: float
    refused: float
    behind_us: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """
    One flow.

    Attributes:
        name: What it is.
        ours: Our server.
        theirs: What it is compared with, or None where nothing can do the same.
        ratio: Median of the ratios of runs that followed each other.
        against: What that is.
    """

    name: str
    ours: Measure
    theirs: Measure | None
    ratio: float | None = None
    against: str = FREERADIUS

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


def measure(run: Run, cpu_seconds: float, behind_seconds: float = 0.0) -> Measure:
    """Return what *run* says, given the CPU time that the server, and one behind it, spent."""
    return Measure(
        cpu_us=cpu_seconds / run.logins * 1e6,
        per_second=run.logins / run.seconds,
        p50_ms=run.percentile(0.5) * 1e3,
        p99_ms=run.percentile(0.99) * 1e3,
        resent=run.resent,
        refused=run.refused,
        behind_us=behind_seconds / run.logins * 1e6,
    )


def summary(measures: Sequence[Measure]) -> Measure:
    """Return the median of each figure."""
    return Measure(
        cpu_us=median(one.cpu_us for one in measures),
        per_second=median(one.per_second for one in measures),
        p50_ms=median(one.p50_ms for one in measures),
        p99_ms=median(one.p99_ms for one in measures),
        resent=sum(one.resent for one in measures),
        refused=sum(one.refused for one in measures),
        behind_us=median(one.behind_us for one in measures),
    )


def render(rows: Sequence[Row], against: str, **about: object) -> str:
    """Return the table as text; its right half is *against*."""
    head = ("", "CPU us", "logins/s", "p50 ms", "p99 ms")
    titles = [*head, *head[1:], "CPU ratio"]
    cells = [titles, *(_cells(row) for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(titles))]
    side = sum(widths[1:5]) + 6
    top = " " * widths[0] + "  " + "ours".center(side) + "  " + against.center(side)
    lines = [", ".join(f"{name} {value}" for name, value in about.items()), "", top.rstrip()]
    for line in cells:
        padded = [line[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        lines.append("  ".join(padded).rstrip())
    lines += ["", "CPU: the server's, all threads, per login. Every reply was genuine."]
    lines += [
        f"{against} refused {row.theirs.refused:.0f} right logins of the flow {row.name}."
        for row in rows if row.theirs is not None and row.theirs.refused
    ]  # fmt: skip
    lines += [_behind(row) for row in rows if row.ours.behind_us]
    return "\n".join(lines)


def _behind(row: Row) -> str:
    text = f"{row.name}: slapd spent {row.ours.behind_us:.0f} us on a login of ours"
    return text if row.theirs is None else f"{text}, {row.theirs.behind_us:.0f} on one of theirs"


def _cells(row: Row) -> list[str]:
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return [row.name, *_figures(row.ours), *_figures(row.theirs), ratio]


def _figures(one: Measure | None) -> list[str]:
    if one is None:
        return ["", "", "", ""]
    return [
        f"{one.cpu_us:.1f}",
        f"{one.per_second:.0f}",
        f"{one.p50_ms:.2f}",
        f"{one.p99_ms:.2f}",
    ]
