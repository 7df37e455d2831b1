"""The users of a run: names, passwords and seeds that never served anyone else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import final

from radiusmfa.factors.oath import PasscodeKey

_PERIOD = 30


@final
@dataclass(slots=True, kw_only=True)
class Person:
    """
    One user with one TOTP token (SHA-1, six digits, 30 seconds).

    Attributes:
        name: User-Name.
        password: What the primary checks.
        seed: 20 random octets.
        used: The last time step used against our server.
    """

    name: str
    password: bytes
    seed: bytes
    used: int = -1
    key: PasscodeKey = field(init=False)

    def __post_init__(self) -> None:
        """Prepare the seed."""
        self.key = PasscodeKey(self.seed, "sha1", 6)

    def passcode(self, step: int) -> bytes:
        """Return the code of a time step, six octets."""
        return b"%06d" % self.key.number(step)


def make(count: int, password: bytes) -> list[Person]:
    """Return *count* people; all have the same password, so one hash serves all."""
    return [
        Person(name=f"bench{number:06d}", password=password, seed=secrets.token_bytes(20))
        for number in range(count)
    ]


def step(now: float) -> int:
    """Return the TOTP time step at *now* (RFC 6238 section 4.2)."""
    return int(now // _PERIOD)


def left(now: float) -> float:
    """Return the seconds until the next time step."""
    return _PERIOD - now % _PERIOD
