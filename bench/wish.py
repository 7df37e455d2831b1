"""What the command line asks for."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

from bench import freeradius

if TYPE_CHECKING:
    from collections.abc import Sequence

FORWARDING: Final = ("proxy", "proxy-challenge", "proxy-step-up")
WAITING: Final = "waiting"
PUSH: Final = "push"
POLICIES: Final = ("policies", "approval", "remembered")
DIRECTORY: Final = ("ldap-groups", "ldap-append", "ldap-challenge")
SILENT: Final = "silent-directory"
_MODES: Final = (*freeradius.MODES, *FORWARDING, *POLICIES, *DIRECTORY, WAITING, PUSH, SILENT)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """
    What the command line asks for.

    Attributes:
        users: How many people the store holds.
        logins: Logins of one run.
        rounds: Runs of each server, alternating.
        outstanding: Packets on their way at any time.
        threads: FreeRADIUS's worker threads; 0 decides in the receiving thread.
        spin: The client never sleeps.
        json: Print JSON instead of a table.
        modes: Which flows.
        waiting: How many logins wait at once for a token server.
        pushes: How many wait at once for a person.
        directory: Where the servers' files go.
    """

    users: int
    logins: int
    rounds: int
    outstanding: int
    threads: int
    spin: bool
    json: bool
    modes: tuple[str, ...]
    waiting: int
    pushes: int
    directory: Path | None


def read(words: Sequence[str] | None, about: str | None) -> Wish:
    """Read *words*, or the command line; *about* stands on top of its help."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=about)
    parser.add_argument("--users", type=int, default=20_000, help="people in the store")
    parser.add_argument("--logins", type=int, default=5_000, help="logins of one run")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each server, alternating")
    parser.add_argument("--outstanding", type=int, default=32, help="packets on their way")
    parser.add_argument(
        "--threads", type=int, default=5, help="FreeRADIUS's workers (Debian: 5); 0: none"
    )
    parser.add_argument("--spin", action="store_true", help="a client that never sleeps")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--mode", action="append", choices=_MODES, help="a flow (default: all)")
    parser.add_argument(
        "--waiting", type=int, default=10_000, help="logins that wait for an upstream at once"
    )
    parser.add_argument(
        "--pushes", type=int, default=10_000, help="logins that wait for a push at once"
    )
    parser.add_argument("--directory", type=Path, help="for the servers' files: a real disk")
    given = parser.parse_args(words)
    if not 0 < given.logins <= given.users:
        parser.error("--logins must be at most --users: everybody logs in once a time step")
    if not 0 < max(given.waiting, given.pushes) <= 16_384:
        parser.error("--waiting, --pushes: at most 16384, 64 source ports with 256 requests each")
    return Wish(
        users=given.users,
        logins=given.logins,
        rounds=max(1, given.rounds),
        outstanding=max(1, given.outstanding),
        threads=max(0, given.threads),
        spin=given.spin,
        json=given.json,
        modes=tuple(given.mode or _MODES),
        waiting=given.waiting,
        pushes=given.pushes,
        directory=given.directory,
    )
