"""A new folder with a configuration, keys, secrets and an empty store: all of it or nothing."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiusmfa.config import read
from radiusmfa.interfaces import ConfigError, RadiusmfaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.stores.database import Database

CONFIGURATION: Final = "radiusmfa.yaml"
KEYS: Final = "keys"
STORE: Final = "radiusmfa.db"
SECRETS: Final = "secrets"


class FolderError(RadiusmfaError):
    """Nothing was made; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """
    What is to lie in the folder, besides keys and store.

    Attributes:
        configuration: The text of the configuration.
        secrets: Files for their owner alone, by name below `secrets`.
        others: Files for everybody, by path.
    """

    configuration: str
    secrets: dict[str, bytes] = field(repr=False)
    others: dict[str, bytes] = field(default_factory=dict)


def leave_empty(database: Database) -> None:
    """Put nothing into the new store."""
    del database


def make(
    directory: Path,
    contents: Contents,
    *,
    store: Path | None,
    fill: Callable[[Database], None] = leave_empty,
) -> None:
    """
    Make everything next to its place, then move it there in one step.

    Args:
        directory: Must not exist yet, or be empty.
        contents: What is to lie in it.
        store: Where the store goes; None: into the folder.
        fill: Puts something into the new store.

    Raises:
        FolderError: Nothing was made.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise FolderError(f"{directory} is there already and not empty; nothing was changed")
    if store and store.exists():
        raise FolderError(f"{store} is there already; nothing was changed")
    target = directory.absolute()
    with _naming(target), ExitStack() as undo:
        work = _beside(target)
        undo.callback(shutil.rmtree, work, ignore_errors=True)
        _write(work, contents)
        place = store.absolute() if store else target / STORE
        if place.is_relative_to(target):
            place = work / place.relative_to(target)
        if not place.parent.exists():
            place.parent.mkdir(mode=0o700)
            undo.callback(place.parent.rmdir)
        _make_store(work / KEYS, place, fill, undo)
        _prove(work / CONFIGURATION)
        work.chmod(0o755)
        work.rename(target)
        undo.pop_all()


@contextmanager
def _naming(target: Path) -> Iterator[None]:
    # A full disk says no name by itself.
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(target)
        raise


def _prove(path: Path) -> None:
    # What we wrote must be what `run` can read.
    try:
        read.load(path)
    except ConfigError as error:
        faults = (fault.removeprefix(f"{path}:") for fault in error.faults)
        raise FolderError(f"nothing was made: {'; '.join(faults)}") from None


def _beside(target: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise FolderError(f"{target} cannot be made: {error.strerror}") from None


def _write(work: Path, contents: Contents) -> None:
    (work / CONFIGURATION).write_text(contents.configuration, encoding="utf-8")
    (work / CONFIGURATION).chmod(0o644)
    for name, octets in contents.others.items():
        path = work / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.parent.chmod(0o755)
        path.write_bytes(octets)
        path.chmod(0o644)
    folder = work / SECRETS
    folder.mkdir(mode=0o700)
    for name, octets in contents.secrets.items():
        secret = folder / name
        secret.touch(mode=0o600)
        secret.write_bytes(octets + b"\n")


def _make_store(keys: Path, store: Path, fill: Callable[[Database], None], undo: ExitStack) -> None:
    # Here, so that a command's --help does not wait for the cryptography library.
    from radiusmfa.stores import database  # noqa: PLC0415
    from radiusmfa.stores.vault import Vault  # noqa: PLC0415

    vault = Vault.create(keys)
    database.create(store, vault)
    undo.callback(database.remove, store)  # not before: a store that was there is not ours
    made = database.connect(store, vault)
    try:
        fill(made)
    finally:
        made.close()
