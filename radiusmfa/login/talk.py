"""What a login has to remember between two of its rounds, and nobody else may read."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Final

# Made once: `json.dumps` with separators makes one for every text.
_OLDER: Final = 7  # values of a version that knew neither people nor proofs
_encoded: Final = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """
    What stands behind our own State.

    The store keeps it sealed: the upstream's State is worth as much as a passcode, what is
    kept may hold keys, and a directory's word decides.

    Attributes:
        upstream: Who asked; empty: nobody, the challenge is our own.
        factor: The factor that it checks; empty: the password, or everything.
        server: Which of its servers: a dialogue stays where it began.
        state: That server's State, 1 to 253 octets.
        rounds: Challenges of that upstream so far.
        kept: What the Accept of the upstream that checked the password gives the client
            at the end (`upstream.attributes`); empty: nothing.
        person: What a directory says of whose login it is (`login.person`); empty: nothing.
        proved: Kind of the second factor that was proved before, and serial of its token;
            empty: none was.
        missing: The factor whose servers are gone, where another one stands in for it.
    """

    upstream: str = ""
    factor: str = ""
    server: str = ""
    state: bytes = b""
    rounds: int = 0
    kept: bytes = b""
    missing: str = ""
    person: bytes = b""
    proved: tuple[str, str] = ("", "")

    def __repr__(self) -> str:
        """Show nothing of State and keys."""
        return f"Talk({self.upstream!r}, {self.server!r}, ...)"


class TalkError(ValueError):
    """Octets that no `dump` has made."""


def dump(talk: Talk) -> bytes:
    """Return *talk* as octets, to be sealed."""
    texts = [base64.b64encode(octets).decode() for octets in (talk.state, talk.kept, talk.person)]
    row = [talk.upstream, talk.factor, talk.server, talk.rounds, talk.missing, *texts, *talk.proved]
    return _encoded(row).encode()


def load(octets: bytes) -> Talk:
    """Return what `dump` made *octets* of; raise TalkError for any others."""
    try:
        row = json.loads(octets)
        if len(row) == _OLDER:
            row += ["", "", ""]
        upstream, factor, server, rounds, missing, *texts, kind, serial = row
        state, kept, person = (base64.b64decode(text, validate=True) for text in texts)
        return Talk(
            upstream=str(upstream),
            factor=str(factor),
            server=str(server),
            state=state,
            rounds=int(rounds),
            kept=kept,
            missing=str(missing),
            person=person,
            proved=(str(kind), str(serial)),
        )
    except (binascii.Error, ArithmeticError, RecursionError, TypeError, ValueError):
        msg = "a dialogue in the store is damaged"
        raise TalkError(msg) from None
