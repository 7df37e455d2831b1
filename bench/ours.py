"""Our own server as a child: keys, store and people through the real command line."""

from __future__ import annotations

import base64
import csv
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from argon2.low_level import Type, hash_secret, verify_secret

from bench import processes
from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from bench.people import Person

# One client per flow, told apart by the loopback address that the load comes from.
SOURCES: Final = {"step-up": "127.0.0.2", "append": "127.0.0.3", "challenge": "127.0.0.4"}
_FAST_MEMORY_KIB: Final = (8, 1024)  # the least that a configuration may ask for
_SALT_OCTETS: Final = 16
_HASHES: Final = 500

_CONFIGURATION: Final = """\
listen: [{{udp: "127.0.0.1:{port}"}}]
store: {{sqlite: radiusmfa.db}}
keys: {{file: keys}}
clients:
  - {{name: bench, networks: [127.0.0.1/32], secret: {{file: secret}}}}
  - {{name: step-up, networks: [127.0.0.2/32], secret: {{file: secret}}, mode: step-up}}
  - {{name: append, networks: [127.0.0.3/32], secret: {{file: secret}}, mode: append}}
  - {{name: challenge, networks: [127.0.0.4/32], secret: {{file: secret}}, mode: challenge}}
log: {{level: warn}}
"""
_PASSWORDS: Final = "passwords: {{memory_kib: {memory_kib}, passes: {passes}, lanes: 1}}\n"


def prepare(
    here: Path, people: list[Person], *, secret: str, port: int, fast: bool
) -> tuple[Path, int]:
    """
    Make configuration, keys, and a store with *people* below *here*.

    Args:
        here: A directory that does not exist.
        people: Everybody who will log in.
        secret: Shared secret of every client.
        port: UDP port on 127.0.0.1.
        fast: Hash passwords as cheaply as the configuration allows; else as it does
            by default.

    Returns:
        The configuration file, and the memory of one hash in KiB.
    """
    here.mkdir(mode=0o700)
    config = here / "radiusmfa.yaml"
    (here / "secret").write_text(secret)
    (here / "secret").chmod(0o600)
    memory_kib, passes = _settle(config, port) if fast else (19456, 2)
    if not fast:
        config.write_text(_CONFIGURATION.format(port=port))
    Vault.create(here / "keys")
    database.create(here / "radiusmfa.db", Vault.read(here / "keys"))
    _import(here, config, people, memory_kib=memory_kib, passes=passes)
    return config, memory_kib


def start(config: Path, *, port: int, secret: str) -> processes.Server:
    """Start the server of *config*."""
    arguments = [*_command(config), "run"]
    return processes.start(arguments, port=port, secret=secret, log=config.parent / "output")


def hash_us(memory_kib: int, passes: int = 1) -> float:
    """Return the microseconds of CPU that one password check costs, whoever asks for it."""
    stored = _hashed(b"correct horse battery", bytes(_SALT_OCTETS), memory_kib, passes)
    before = time.process_time()
    for _ in range(_HASHES):
        verify_secret(stored, b"correct horse battery", Type.ID)
    return (time.process_time() - before) / _HASHES * 1e6


def _settle(config: Path, port: int) -> tuple[int, int]:
    for memory_kib in _FAST_MEMORY_KIB:
        text = _CONFIGURATION + _PASSWORDS
        config.write_text(text.format(port=port, memory_kib=memory_kib, passes=1))
        if _run(config, "check").returncode != 3:
            return memory_kib, 1
    message = f"the configuration is refused:\n{_run(config, 'check').stderr}"
    raise processes.BenchError(message)


def _import(
    here: Path, config: Path, people: list[Person], *, memory_kib: int, passes: int
) -> None:
    # One password, one salt: hashing 20,000 of them is not what is measured.
    salt = people[0].seed[:_SALT_OCTETS]
    hashed = _hashed(people[0].password, salt, memory_kib, passes).decode()
    with (here / "people.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "hash", "seed_base32", "serial"])
        for person in people:
            seed = base64.b32encode(person.seed).decode()
            writer.writerow([person.name, hashed, seed, f"T-{person.name}"])
    done = _run(config, "user", "import", str(here / "people.csv"))
    if done.returncode:
        message = f"user import failed:\n{done.stderr[-2000:]}"
        raise processes.BenchError(message)


def _hashed(password: bytes, salt: bytes, memory_kib: int, passes: int) -> bytes:
    return hash_secret(
        password,
        salt,
        time_cost=passes,
        memory_cost=memory_kib,
        parallelism=1,
        hash_len=32,
        type=Type.ID,
    )


def _run(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_command(config), *words], capture_output=True, text=True, check=False)


def _command(config: Path) -> list[str]:
    return [sys.executable, "-m", "radiusmfa", "-c", str(config)]
