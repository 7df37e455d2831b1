"""Secrets by reference: from a file, the environment, or a systemd credential."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from radiusmfa.config.fields import Fields, Found, scalar_text
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from radiusmfa.config.nodes import Report

SHORTEST_SECRET_OCTETS: Final = 16  # RFC 2865 section 3: "at least 16 octets"
_LONGEST_SECRET_OCTETS: Final = 1024
_CREDENTIAL_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Sources:
    """
    Where references lead.

    Attributes:
        folder: What relative paths start from: the configuration file's folder.
        environment: The process's environment.
    """

    folder: Path
    environment: Mapping[str, str]

    def credential(self, name: str) -> Path | None:
        """Return the file of a systemd credential, if systemd passed any to us."""
        folder = self.environment.get("CREDENTIALS_DIRECTORY", "")
        return Path(folder) / name if folder else None


class SecretError(ValueError):
    """A secret that cannot be used; the text says why, without the secret."""


def secret(
    found: Found, report: Report, sources: Sources, *, weak: bool
) -> tuple[Secret, list[str]]:
    """
    Return the secret that *found* refers to, and warnings; faults go to *report*.

    Args:
        found: `{file: path}`, `{env: NAME}` or `{credential: NAME}`; a credential
            may bring a file that is read where systemd passed no credential.
        report: Where faults go.
        sources: Where references lead.
        weak: Whether fewer than 16 octets are allowed.
    """
    fields = Fields(found.node, found.where, report, known=("file", "env", "credential"))
    place = reference(fields, sources, allowed=("file", "env", "credential"))
    if place is None:
        return Secret(b""), []
    try:
        octets, warnings = _read(place, sources)
        _check(octets, weak=weak)
    except SecretError as error:
        report.add(found.place, found.where, str(error))
        return Secret(b""), []
    return Secret(octets), warnings


def reference(fields: Fields, sources: Sources, *, allowed: tuple[str, ...]) -> Path | str | None:
    """
    Return the file, or the name of the variable, that a reference leads to.

    Exactly one of *allowed* must stand there, except that a file may stand
    next to a credential: it is read where systemd passed no credentials, as
    when an administrator calls a command.
    """
    written = {name: _text(fields, name) for name in allowed if fields.has(name)}
    if not written or (len(written) > 1 and set(written) != {"file", "credential"}):
        what = f"must be one of {', '.join(f'{{{name}: ...}}' for name in allowed)}"
        fields.report.add(fields.place, fields.where, what)
        return None
    if None in written.values():
        return None
    if variable := written.get("env"):
        return variable
    if (name := written.get("credential")) and (found := _credential(fields, name, sources)):
        return found
    file = written.get("file")
    return sources.folder / file if file else None


def _text(fields: Fields, name: str) -> str | None:
    found = fields.find(name)
    text = scalar_text(found, fields.report) if found else None
    if text == "" or (text and "\0" in text):
        fields.fault(name, "must not be empty")
        return None
    return text


def _credential(fields: Fields, name: str, sources: Sources) -> Path | None:
    if not _CREDENTIAL_NAME.fullmatch(name):
        fields.fault("credential", "must be a name of letters, digits, dots, dashes")
        return None
    path = sources.credential(name)
    if fields.has("file"):
        return path if path and path.exists() else None
    if path is None:
        what = "CREDENTIALS_DIRECTORY is not set: not started by systemd with LoadCredential="
        fields.fault("credential", what)
    return path


def _read(place: Path | str, sources: Sources) -> tuple[bytes, list[str]]:
    if isinstance(place, str):
        value = sources.environment.get(place)
        if value is None:
            raise SecretError(f"the environment variable {place} is not set")
        return os.fsencode(value), []
    try:
        octets, mode = _read_file(place)
    except OSError as error:
        raise SecretError(f"{place}: {error.strerror}") from None
    open_to = [f"{place} can be read by every user of this machine"] if mode & 0o007 else []
    return octets.removesuffix(b"\n").removesuffix(b"\r"), open_to


def _read_file(path: Path) -> tuple[bytes, int]:
    # O_NONBLOCK: a pipe without a writer must not hang the start.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise SecretError(f"{path} is not a file")
        return file.read(_LONGEST_SECRET_OCTETS + 3), mode


def _check(octets: bytes, *, weak: bool) -> None:
    if not octets:
        raise SecretError("the secret is empty")
    if len(octets) > _LONGEST_SECRET_OCTETS:
        raise SecretError(f"the secret has more than {_LONGEST_SECRET_OCTETS} octets")
    if b"\n" in octets or b"\r" in octets or b"\0" in octets:
        raise SecretError("the secret must be one line of text")
    if octets != octets.strip():
        raise SecretError("the secret begins or ends with a blank")
    if len(octets) < SHORTEST_SECRET_OCTETS and not weak:
        raise SecretError(
            f"the secret must have at least {SHORTEST_SECRET_OCTETS} octets"
            " (weak_secret: yes allows a shorter one)"
        )
