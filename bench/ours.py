"""Our own server as a child: keys, store and people through the real command line."""

from __future__ import annotations

import base64
import csv
import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from bench import processes
from radiusmfa.primary.hashing import Parameters, hash_password
from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from bench.people import Person

# One client per flow, told apart by the loopback address that the load comes from.
SOURCES: Final = {"step-up": "127.0.0.2", "append": "127.0.0.3", "challenge": "127.0.0.4"}
_SALT_OCTETS: Final = 8

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
_KEPT: Final = "passwords: {upgrade: no}\n"

# Those whose logins are forwarded.
FORWARDING: Final = {"proxy": "127.0.0.5", "proxy-step-up": "127.0.0.6"}
WAITING: Final = tuple(f"127.0.0.{number}" for number in range(8, 12))
_PROXY: Final = """\
listen: [{{udp: "127.0.0.1:{port}"}}]
store: {{sqlite: radiusmfa.db}}
keys: {{file: keys}}
upstreams:
  home: {{servers: [{{host: 127.0.0.1, port: {home}, secret: {{file: home}}}}]}}
factors: {{totp: {{}}, token: {{upstream: home}}}}
clients:
  - {{name: bench, networks: [127.0.0.1/32], secret: {{file: secret}}}}
  - {{name: step-up, networks: [127.0.0.2/32], secret: {{file: secret}}, mode: step-up,
      factors: [totp]}}
  - {{name: proxy, networks: [127.0.0.5/32], secret: {{file: secret}}, mode: proxy, primary: home}}
  - {{name: proxy-step-up, networks: [127.0.0.6/32], secret: {{file: secret}}, mode: step-up,
      factors: [token]}}
  - {{name: waiting, networks: [127.0.0.8/30], secret: {{file: secret}}, mode: proxy,
      primary: home, time_budget: 60}}
log: {{level: warn}}
passwords: {{upgrade: no}}
"""


def prepare(here: Path, people: list[Person], *, secret: str, port: int, fast: bool) -> Path:
    """
    Make configuration, keys, and a store with *people* below *here*.

    Args:
        here: A directory that does not exist.
        people: Everybody who will log in.
        secret: Shared secret of every client.
        port: UDP port on 127.0.0.1.
        fast: Passwords are salted SHA-256, as FreeRADIUS has them; else Argon2id as by
            default.

    Returns:
        The configuration file.
    """
    config = _make(here, secret, _CONFIGURATION.format(port=port) + (_KEPT if fast else ""))
    _import(here, config, people, fast=fast)
    return config


def prepare_proxy(here: Path, home: processes.Server, *, secret: str, port: int) -> Path:
    """
    Make configuration, keys, and a store without anybody below *here*; see `prepare`.

    Who comes from `FORWARDING` or `WAITING` has to be known to *home*, the latter within a
    minute; who comes from `SOURCES["step-up"]` needs a token in the store.
    """
    config = _make(here, secret, _PROXY.format(port=port, home=home.port))
    (here / "home").write_text(home.secret)
    (here / "home").chmod(0o600)
    return config


def prepare_with(here: Path, text: str, *, secret: str) -> Path:
    """Make the configuration *text*, keys, and a store without anybody below *here*."""
    return _make(here, secret, text)


def add(config: Path, people: list[Person], *, has_tokens: bool) -> None:
    """Put *people* into the store of *config*, with fast passwords."""
    _import(config.parent, config, people, fast=True, has_tokens=has_tokens)


def start(config: Path, *, port: int, secret: str) -> processes.Server:
    """Start the server of *config*."""
    arguments = [*_command(config), "run"]
    return processes.start(arguments, port=port, secret=secret, log=config.parent / "output")


def _make(here: Path, secret: str, text: str) -> Path:
    here.mkdir(mode=0o700)
    config = here / "radiusmfa.yaml"
    (here / "secret").write_text(secret)
    (here / "secret").chmod(0o600)
    config.write_text(text)
    Vault.create(here / "keys")
    database.create(here / "radiusmfa.db", Vault.read(here / "keys"))
    return config


def _import(
    here: Path, config: Path, people: list[Person], *, fast: bool, has_tokens: bool = True
) -> None:
    # One password, one salt: hashing 20,000 of them is not what is measured.
    salt = people[0].seed[:_SALT_OCTETS]
    password = people[0].password
    hashed = _salted(password, salt) if fast else hash_password(password, Parameters())
    with (here / "people.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "hash", *(["seed_base32", "serial"] if has_tokens else [])])
        for person in people:
            seed = base64.b32encode(person.seed).decode()
            token = [seed, f"T-{person.name}"] if has_tokens else []
            writer.writerow([person.name, hashed, *token])
    done = _run(config, "user", "import", str(here / "people.csv"))
    if done.returncode:
        message = f"user import failed:\n{done.stderr[-2000:]}"
        raise processes.BenchError(message)


def _salted(password: bytes, salt: bytes) -> str:
    octets = hashlib.sha256(password + salt).digest() + salt
    return "{SSHA256}" + base64.b64encode(octets).decode()


def _run(config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*_command(config), *words], capture_output=True, text=True, check=False)


def _command(config: Path) -> list[str]:
    return [sys.executable, "-m", "radiusmfa", "-c", str(config)]
