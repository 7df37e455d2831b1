"""What is sent, and why: Accept, Challenge, Reject, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from radiusmfa.outcome import Reason


@dataclass(frozen=True, slots=True)
class Accept:
    """The person may in."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Challenge:
    """The person is asked for more."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Reject:
    """The person may not in."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing was decided: the client asks again, or another server."""

    reason: Reason


Decision: TypeAlias = Accept | Challenge | Reject | Silence

BROKEN: Final = Reject(Reason.BROKEN)
"""Of a login that raised: never an Accept."""
