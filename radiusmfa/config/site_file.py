"""Files of the site's that the configuration names with `{file: PATH}`, and that hold no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.config.nodes import Report
    from radiusmfa.config.secrets import Sources

_LARGEST_OCTETS: Final = 1024 * 1024


def named(found: Found, report: Report, sources: Sources) -> Path | None:
    """
    Return the file that `{file: PATH}` names; None: a fault was noted.

    Args:
        found: The mapping, and where it stands.
        report: Where faults go.
        sources: The folder that paths start from.
    """
    file = Fields(found.node, found.where, report, known=("file",)).need("file")
    text = scalar_text(file, report) if file else None
    if file is None or text is None:
        return None
    if not text or "\0" in text:
        report.add(file.place, file.where, "must be the path of a file")
        return None
    path = sources.folder / text
    try:
        what = "" if path.is_file() else "there is no such file"
    except OSError as error:
        what = str(error.strerror)
    if what:
        report.add(file.place, file.where, f"{path}: {what}")
        return None
    return path


def octets(path: Path) -> bytes:
    """
    Return what is in the file at *path*.

    Raises:
        ConfigError: It cannot be read, or is larger than 1 MiB.
    """
    try:
        with path.open("rb") as file:
            found = file.read(_LARGEST_OCTETS + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    if len(found) > _LARGEST_OCTETS:
        raise ConfigError(f"{path}: larger than {_LARGEST_OCTETS} octets")
    return found


def version(path: Path | None) -> tuple[int, ...]:
    """Return what changes with what is in the file at *path*; empty: there is no such file."""
    try:
        found = None if path is None else path.stat()
    except OSError:
        return ()
    return () if found is None else (found.st_ino, found.st_size, found.st_mtime_ns)
