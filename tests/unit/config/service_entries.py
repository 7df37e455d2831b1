"""Reads one service out of a few words, as the file would have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from radiusmfa.config import nodes, services
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "{env: SECRET}"


def read(text: str, folder: Path) -> tuple[Any, list[str], list[str]]:
    """Return the settings that *text* stands for, the warnings, and the faults."""
    report = nodes.Report()
    root = nodes.parse(f"services: {{it: {{{text}}}}}\n".encode(), report)
    top = Fields(root, "", report, known=("services",))
    sources = Sources(folder, {"SECRET": "what they know", "EMPTY": ""})
    found, warnings = services.read(top, sources, ())
    settings = found[0].settings if found else None
    return settings, warnings, report.lines("f")


def faults(text: str, folder: Path) -> list[str]:
    """Return what is wrong with *text*, without where it stands in the file."""
    return [line.split(": ", 1)[1].removeprefix("services.it.") for line in read(text, folder)[2]]
