"""What the administrator's commands share: who acts, names, times, files."""

from __future__ import annotations

import os
import pwd
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from radiusmfa.enrol import records
from radiusmfa.login.username import UserNameError, user_name
from radiusmfa.secret import Secret
from radiusmfa.stores import tokens
from radiusmfa.stores.trail import Actor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

FILE: Final = click.Path(path_type=Path, allow_dash=True)
NAMED_FILE: Final = click.Path(path_type=Path)
_MOST_LINES: Final = 2  # of a file of passcodes
_Answer = TypeVar("_Answer")  # nothing, or an exit code


class UserName(click.ParamType[str]):
    """A user name from argv, in its normal form."""

    name = "user"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the normal form, or fail with what is wrong with the name."""
        try:
            return user_name(str(value))
        except UserNameError as error:
            self.fail(f"{error}.", param, ctx)


class Serial(click.ParamType[str]):
    """The serial number of a token from argv."""

    name = "serial"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the serial number, or fail if no token can have it."""
        try:
            serial = records.serial_of(str(value))
        except records.FieldError as error:
            self.fail(f"{error}.", param, ctx)
        if serial is None:
            self.fail("a serial number must not be empty.", param, ctx)
        return serial


USER: Final = UserName()
SERIAL: Final = Serial()
NUMBER: Final = click.IntRange(1, 2**63 - 1)  # what SQLite can hold


def actor() -> Actor:
    """
    Return who acts: the operating system's user, and who became them by sudo.

    The name is the kernel's word: LOGNAME and USER, which anybody may set, do not count.
    """
    name = _name_of(os.getuid())
    behind = os.environ.get("SUDO_USER", "")
    return Actor(f"{name} (sudo by {behind})" if behind else name, time.time(), behind)


def moment(seconds: float) -> str:
    """Return a point in time for a person: UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def shown(path: Path) -> str:
    """Return a file's name for standard output: what is not UTF-8 is replaced."""
    return click.format_filename(path)


def read_octets(file: Path) -> bytes:
    """Return a whole file; `-` is standard input."""
    return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()


def read_lines(file: Path) -> list[Secret]:
    """Return the first two lines of a file of secrets without the blanks around them."""
    lines = [line.strip() for line in read_octets(file).splitlines()]
    return [Secret(line) for line in lines if line][:_MOST_LINES]


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """
    Give a new file that only its owner can read; after an error it is gone.

    Raises:
        click.UsageError: It is there already.
        OSError: It cannot be written; the error names it.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        msg = f"{path} is there already; nothing was changed."
        raise click.UsageError(msg) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
    except BaseException as error:
        with suppress(OSError):
            path.unlink()
        if isinstance(error, OSError) and error.filename is None:  # a full disk
            error.filename = str(path)
        raise


def new_token(record: records.SeedRecord, user: str | None = None) -> tokens.NewToken:
    """Return what *record* says as a token for the store, for *user* or nobody yet."""
    is_totp = record.kind is records.Kind.TOTP
    return tokens.NewToken(
        serial=record.serial or tokens.new_serial(record.kind),
        kind=record.kind,
        seed=record.seed,
        algorithm=record.algorithm,
        digits=record.digits,
        period=record.period if is_totp else 0,
        last=-1 if is_totp else record.counter - 1,
        drift=record.drift if is_totp else 0,
        label=record.label,
        user=user,
    )


def json_option(function: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def new_user_option(function: Callable[..., _Answer]) -> Callable[..., _Answer]:
    """Add `--new-user`, which comes as `new_user`."""
    return click.option(
        "--new-user",
        is_flag=True,
        help="Make the user first if there is none, without a password: somebody whom only a"
        " directory or an upstream knows.",
    )(function)


def yes_option(function: Callable[..., None]) -> Callable[..., None]:
    """Add `--yes`."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask.")(function)


def _name_of(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
