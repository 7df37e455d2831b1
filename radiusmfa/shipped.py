"""The files that come with radiusmfa: dictionaries, the example configuration, the unit."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def folder(name: str, package: Traversable | None = None) -> Traversable:
    """
    Return the folder *name*: `dictionaries`, `conf` or `systemd`.

    In a wheel it lies inside the package, in a checkout next to it.

    Args:
        name: Of the folder.
        package: Where the package lies, in tests.
    """
    package = package or resources.files("radiusmfa")
    inside = package / name
    if inside.is_dir():
        return inside
    return Path(str(package)).parent / name


def text(name: str, file: str) -> str:
    """Return the text of one shipped file."""
    return (folder(name) / file).read_text(encoding="utf-8")
