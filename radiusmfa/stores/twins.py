"""Two tokens of one seed, or one number twice, at one person: found, and refused."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from radiusmfa.interfaces import KeysError
from radiusmfa.login import devices
from radiusmfa.secret import Secret
from radiusmfa.stores.people import RefusedError, seed_place

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database

_SEEDS: Final = """
    SELECT t.serial, t.user, t.seed FROM tokens t JOIN users u ON u.id = t.user
    WHERE u.name = ? AND t.kind = ? AND t.status != 'revoked'
"""


def find(database: Database, user: str, kind: str, seed: Secret) -> str | None:
    """
    Return the serial of a token of *user*, of that kind and seed, within a transaction.

    With two such tokens a passcode that was used with one would be good with the other.
    Nothing is the twin of what has no seed here.
    """
    if not len(seed):
        return None
    rows = database.connection.execute(_SEEDS, (user, kind))
    for serial, owner, sealed in rows.fetchall():
        with suppress(KeysError):  # one that does not open counts nowhere
            opened = Secret(database.vault.open(sealed, seed_place(serial, owner)))
            if are_same(kind, opened, seed):
                return str(serial)
    return None


def are_same(kind: str, one: Secret, other: Secret) -> bool:
    """Say whether two seeds make the same passcodes, or two numbers reach the same person."""
    first, second = (devices.same(kind, secret.reveal()) for secret in (one, other))
    return Secret(first) == Secret(second)


def refuse(database: Database, user: str | None, kind: str, seed: Secret) -> None:
    """
    Look whether *user* has such a token, within a transaction.

    Raises:
        RefusedError: There is one.
    """
    serial = None if user is None else find(database, user, kind, seed)
    if serial is not None:
        is_token = kind not in devices.PERSONAL
        what = "a token of this seed" if is_token else f"this {devices.thing(kind)}"
        raise RefusedError(f"{user} has {what} already, {serial}; nothing was changed")
