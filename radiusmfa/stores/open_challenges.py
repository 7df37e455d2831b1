"""Open challenges as rows: what the store keeps of them, and how it keeps an upstream's secrets."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Final

from radiusmfa.interfaces import KeysError
from radiusmfa.login import talk
from radiusmfa.login.challenges import Entry

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from radiusmfa.stores.vault import Vault

PUT: Final = (
    "INSERT INTO challenges (state, client, user, body, created, expires) VALUES (?, ?, ?, ?, ?, ?)"
)
DROP: Final = "DELETE FROM challenges WHERE state = ?"
_ALL: Final = "SELECT state, client, user, body, created, expires FROM challenges ORDER BY created"
_LOGIN: Final = re.compile("[A-Za-z0-9_-]{1,64}")
_USUAL: Final = ["PASSCODE", "", ""]
_WITH_DIALOGUE: Final = 2  # what the second version kept besides, where there was one
_STEP: Final = re.compile("PASSWORD|PASSCODE|BOTH|INSTEAD|LAST")


def row(entry: Entry, vault: Vault) -> tuple[object, ...]:
    """Return the values of `PUT`; what only we may read is sealed for it."""
    sealed = ""
    if entry.talk is not None:
        place = _place(entry.state.decode(), entry.source, entry.user, entry.policy)
        sealed = base64.b64encode(vault.seal(talk.dump(entry.talk), place)).decode()
    body = [entry.login, entry.mode, entry.wrong, entry.step, sealed, entry.policy]
    state = entry.state.decode()
    return state, entry.source, entry.user, json.dumps(body), entry.created, entry.expires


def read(connection: sqlite3.Connection, vault: Vault) -> list[Entry]:
    """Return what is open, oldest first; what is damaged nobody can answer."""
    rows: Iterable[tuple[str, str, int, str, float, float]] = connection.execute(_ALL)
    entries = (_entry(*one, vault=vault) for one in rows)
    return [entry for entry in entries if entry is not None]


def _entry(  # noqa: PLR0913 - the columns of a row
    state: str,
    source: str,
    user: int,
    body: str,
    created: float,
    expires: float,
    *,
    vault: Vault,
) -> Entry | None:
    try:
        login, mode, wrong, *more = json.loads(body)
        # Older versions kept three (they knew one step only), four or five.
        step, sealed, policy = list(more) + _USUAL[len(more) :]
        if _LOGIN.fullmatch(login) is None or _STEP.fullmatch(step) is None:
            return None  # they go into audit lines as they are
        if not isinstance(sealed, str) or (len(more) == _WITH_DIALOGUE and not sealed):
            return None
        kept = None
        if sealed:
            octets = base64.b64decode(sealed, validate=True)
            kept = talk.load(vault.open(octets, _place(state, source, user, str(policy))))
        return Entry(
            state.encode(), str(source), user, login, str(mode), int(wrong), float(created),
            float(expires), step, kept, str(policy),
        )  # fmt: skip
    except (
        ArithmeticError, AttributeError, KeysError, RecursionError, TypeError, ValueError,
        binascii.Error,
    ):  # fmt: skip
        return None


def _place(state: str, source: str, user: int, policy: str) -> str:
    # Whoever writes the store cannot make another person's, or client's, dialogue of it.
    place = f"challenge|{state}|{source}|{user}"
    return f"{place}|{policy}" if policy else place
