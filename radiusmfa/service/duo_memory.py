"""What a dialogue with Duo remembers from one round to the next; sealed in between."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum, unique
from math import isfinite
from typing import Final

_VERSION: Final = 1


@unique
class At(StrEnum):
    """Where a dialogue stands."""

    ASK = "ask"
    """A passcode, a word, or a line of the menu was asked for."""
    WATCH = "watch"
    """The person is asked on their phone."""
    ENROL = "enrol"
    """The person was told where to enrol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """
    What is remembered.

    Attributes:
        at: Where it stands.
        options: Lines of the menu: way, and number of the device.
        txid: Of what is watched.
        way: How the person is asked.
        device: Which device, masked.
        began: When, seconds since 1970; 0: nobody is asked on a phone, and nothing was sent.
        number: What the person was told to type into the phone; empty: nothing.
    """

    at: At
    options: tuple[tuple[str, str], ...] = ()
    txid: str = ""
    way: str = ""
    device: str = ""
    began: float = 0.0
    number: str = ""

    def dump(self) -> bytes:
        """Return it as octets."""
        return json.dumps({"v": _VERSION, **asdict(self)}, separators=(",", ":")).encode()


def load(octets: bytes) -> Kept | None:
    """Return what `dump` wrote, or None: this is something else."""
    try:
        whole = json.loads(octets)
        if whole.pop("v") != _VERSION:
            return None
        options = tuple((str(way), str(device)) for way, device in whole.pop("options"))
        kept = Kept(
            at=At(whole.pop("at")),
            options=options,
            began=float(whole.pop("began")),
            **whole,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None
    texts = (kept.txid, kept.way, kept.device, kept.number)
    if not all(isinstance(text, str) for text in texts) or not isfinite(kept.began):
        return None
    return None if kept.at is At.WATCH and not kept.txid else kept
