"""What listings and the audit say of a number or address: its kind, and little else of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.interfaces import KeysError
from radiusmfa.login import devices
from radiusmfa.stores.people import seed_place

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.tokens import Stored

UNREADABLE: Final = "?"
"""Of a destination whose seal does not open: the person cannot be reached there."""


def of(database: Database, stored: Stored) -> str:
    """Return where a device reaches its person, masked; empty: it is none that reaches anybody."""
    token = stored.token
    if token.kind not in devices.DESTINATIONS or token.status == "revoked":
        return ""
    try:
        secret = database.vault.open(stored.sealed, seed_place(token.serial, stored.owner))
    except KeysError:
        return UNREADABLE
    return devices.masked(token.kind, secret)


def said(database: Database, stored: Stored) -> str:
    """Return what the audit says of a device, as `sms ***4567`; empty: it is an OATH token."""
    if stored.token.kind not in devices.PERSONAL:
        return ""
    return f"{stored.token.kind} {of(database, stored)}".rstrip()
