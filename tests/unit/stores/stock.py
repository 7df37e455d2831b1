"""A store as a test needs it: in a folder of its own, with its keys; and the ways to break one."""

from __future__ import annotations

import hashlib
import os
import pickle
import resource
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar, final

from radiusmfa.factors.oath import passcode
from radiusmfa.secret import Secret
from radiusmfa.stores import database, devices, people, tokens, yubikeys
from radiusmfa.stores.devices import NewDevice
from radiusmfa.stores.tokens import NewToken
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.stores.database import Database

    Returned = TypeVar("Returned")

NOW: Final = 1_800_000_000.0
"""When everything in these tests happens; a multiple of 30 and of 60."""
ACTOR: Final = Actor("tester", NOW)
SEED: Final = b"12345678901234567890"
"""The seed of RFC 4226, appendix D."""
NOBODY: Final = 65534


@final
class Stock:
    """
    A folder with a store and its keys.

    Attributes:
        folder: Where they lie.
        path: The store.
        keys: The keys file.
    """

    def __init__(self, folder: Path) -> None:
        """Make both."""
        self.folder = folder
        self.path = folder / "it.db"
        self.keys = folder / "keys"
        database.create(self.path, Vault.create(self.keys))

    def open(self, *, busy_timeout: float = 0.0) -> Database:
        """Open the store as a new process would."""
        return database.connect(self.path, Vault.read(self.keys), busy_timeout=busy_timeout)

    @contextmanager
    def raw(self) -> Iterator[sqlite3.Connection]:
        """Give the file to somebody who has no keys."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            yield connection

    def dump(self) -> list[str]:
        """Return all that the store holds."""
        with self.raw() as connection:
            return list(connection.iterdump())


def code(counter: int, *, seed: bytes = SEED, digits: int = 6) -> Secret:
    """Return the passcode of a counter or time step."""
    return Secret(passcode(seed, counter, digits).encode())


def step(*, now: float = NOW, period: int = 30) -> int:
    """Return the time step of *now*."""
    return int(now) // period


def totp(serial: str = "T1", user: str | None = None, *, seed: bytes | None = None) -> NewToken:
    """Return a new TOTP token; T1 and tokens that are nobody's have the seed of the RFC."""
    if seed is None:
        is_plain = user is None or serial == "T1"
        seed = SEED if is_plain else hashlib.sha1(serial.encode()).digest()  # noqa: S324 - 20 octets
    return NewToken(serial=serial, kind="totp", seed=Secret(seed), user=user)


def hotp(serial: str = "H1", user: str | None = None, *, last: int = -1) -> NewToken:
    """Return a new HOTP token."""
    return NewToken(
        serial=serial, kind="hotp", period=0, seed=Secret(SEED), user=user, last=last, label="fob"
    )


def keyed(public_id: str = "cccccccccccb", user: str | None = None, seed: bytes = b"") -> NewToken:
    """Return a new YubiKey; without a *seed* a service checks it."""
    return yubikeys.new(public_id, Secret(seed) if seed else None, user=user)


def settle(store: Database, *names: str) -> None:
    """Add people without passwords."""
    for name in names:
        people.add(store, ACTOR, name, password=None)


def enroll(store: Database, *new: NewToken, status: str = "active") -> None:
    """Store tokens."""
    for one in new:
        tokens.enroll(store, ACTOR, one, status=status)


def device(
    store: Database, user: str, kind: str, secret: str | bytes, *, serial: str = "", label: str = ""
) -> str:
    """Give somebody a number, an address, a question or a key; return its serial."""
    octets = secret.encode() if isinstance(secret, str) else secret
    new = NewDevice(kind=kind, secret=Secret(octets), serial=serial, label=label, user=user)
    return devices.enroll(store, ACTOR, new)


@contextmanager
def full_disk(octets: int) -> Iterator[None]:
    """Let no file grow beyond *octets*, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def in_child(
    work: Callable[[], Returned], *, user: int | None = None
) -> tuple[Returned | None, int]:
    """
    Run *work* in a process of its own.

    Args:
        work: What it returns, or the error that it raises, must be picklable.
        user: Whom the process becomes first, if it may.

    Returns:
        What it returned, None if it was killed; and the signal that killed it, or 0.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _end(work, writing, user)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        octets = stream.read()
    signal = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    returned = pickle.loads(octets) if octets else None  # noqa: S301 - our own child's
    if isinstance(returned, BaseException):
        raise returned
    return returned, -min(signal, 0)


def _end(work: Callable[[], Returned], writing: int, user: int | None) -> None:
    try:
        if user is not None and os.geteuid() == 0:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
        returned: object = work()
    except BaseException as error:  # noqa: BLE001 - the parent raises it
        returned = error
    with os.fdopen(writing, "wb") as stream:
        pickle.dump(returned, stream)
    os._exit(0)


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that every user of the machine can reach."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)
