"""
New keys for the store: every sealed value is sealed anew.

The order makes a kill at any moment harmless. First the file gets the new key beside
the old ones, then one transaction seals everything with it, then the old keys leave
the file. Between any two steps the file opens the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.stores import trail
from radiusmfa.stores.people import seed_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor
    from radiusmfa.stores.vault import Vault

SEALED_FACTS: Final = ("audit_key", "pepper")


def rotate(
    database: Database,
    actor: Actor,
    *,
    keep: bool,
    reached: Callable[[str], None] = lambda _: None,
) -> int:
    """
    Seal everything with a new key; the caller holds the store's lock.

    Args:
        database: The store.
        actor: Who does it.
        keep: Leave the old keys in the file, so that earlier backups still open.
        reached: Told the name of each step that is done.

    Returns:
        How many seeds were sealed anew.

    Raises:
        KeysError: The keys file cannot be written, or a value does not open.
        StoreError: The store cannot be written.
    """
    both = database.vault.with_new_key()
    both.replace()
    reached("keys added")
    count = _seal_all(database, actor, both)
    reached("store sealed")
    final = both if keep else both.only_active()
    if not keep:
        final.replace()
    database.vault = final
    reached("keys removed")
    # What was sealed with the old key must not stay behind in the log of changes.
    database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return count


def _seal_all(database: Database, actor: Actor, vault: Vault) -> int:
    with database.transaction() as connection:
        connection.execute("PRAGMA secure_delete = ON")
        rows = connection.execute("SELECT id, serial, user, seed FROM tokens").fetchall()
        sealed = []
        for number, serial, user, seed in rows:
            place = seed_place(serial, user)
            sealed.append((vault.seal(vault.open(seed, place), place), number))
        connection.executemany("UPDATE tokens SET seed = ? WHERE id = ?", sealed)
        for name in SEALED_FACTS:
            (value,) = connection.execute(
                "SELECT value FROM meta WHERE name = ?", (name,)
            ).fetchone()
            place = f"meta|{name}"
            connection.execute(
                "UPDATE meta SET value = ? WHERE name = ?",
                (vault.seal(vault.open(value, place), place), name),
            )
        detail = f"key {vault.active}, {len(rows)} seeds"
        trail.append(database, [actor.line("keys.rotate", detail=detail)])
    return len(rows)
