"""What a login in dialogue with an upstream has to remember between two of its rounds."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

# Made once: `json.dumps` with separators makes one for every text.
_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """
    What stands behind our own State.

    The store keeps it sealed: the upstream's State is worth as much as a passcode, and
    what is kept may hold keys.

    Attributes:
        upstream: Who asked; empty: nobody, the challenge is our own.
        factor: The factor that it checks; empty: the password, or everything.
        server: Which of its servers: a dialogue stays where it began.
        state: That server's State, 1 to 253 octets.
        rounds: Challenges of that upstream so far.
        kept: What the Accept of the upstream that checked the password gives the client
            at the end (`upstream.attributes`); empty: nothing.
        missing: The factor whose servers are gone, where another one stands in for it.
    """

    upstream: str = ""
    factor: str = ""
    server: str = ""
    state: bytes = b""
    rounds: int = 0
    kept: bytes = b""
    missing: str = ""

    def __repr__(self) -> str:
        """Show nothing of State and keys."""
        return f"Talk({self.upstream!r}, {self.server!r}, ...)"


class TalkError(ValueError):
    """Octets that no `dump` has made."""


def dump(talk: Talk) -> bytes:
    """Return *talk* as octets, to be sealed."""
    texts = [base64.b64encode(octets).decode() for octets in (talk.state, talk.kept)]
    row = [talk.upstream, talk.factor, talk.server, talk.rounds, talk.missing, *texts]
    return _encoded(row).encode()


def load(octets: bytes) -> Talk:
    """Return what `dump` made *octets* of; raise TalkError for any others."""
    try:
        upstream, factor, server, rounds, missing, *texts = json.loads(octets)
        state, kept = (base64.b64decode(text, validate=True) for text in texts)
        return Talk(
            upstream=str(upstream),
            factor=str(factor),
            server=str(server),
            state=state,
            rounds=int(rounds),
            kept=kept,
            missing=str(missing),
        )
    except (binascii.Error, ArithmeticError, RecursionError, TypeError, ValueError):
        msg = "a dialogue in the store is damaged"
        raise TalkError(msg) from None
