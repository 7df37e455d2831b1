"""
Numbers, addresses and questions of people: rows of the same table as tokens.

What is one's own is sealed as a seed is, counts at once, and is listed masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from radiusmfa.login import devices
from radiusmfa.stores import tokens
from radiusmfa.stores.people import RefusedError
from radiusmfa.stores.tokens import NewToken

if TYPE_CHECKING:
    from radiusmfa.secret import Secret
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.trail import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDevice:
    """
    A device that is to be stored.

    Attributes:
        kind: `sms`, `voice`, `email` or `question`.
        secret: Number or address in its one form; or the dump of a `login.devices.Question`.
        serial: Unique; empty: a new one.
        label: For people.
        user: Normal form of the name of whose it is.
    """

    kind: str
    secret: Secret
    serial: str = ""
    label: str = ""
    user: str

    def token(self) -> NewToken:
        """Return it as a row of the store."""
        return NewToken(
            serial=self.serial or tokens.new_serial(self.kind),
            kind=self.kind,
            seed=self.secret,
            algorithm="",
            digits=0,
            period=0,
            label=self.label,
            user=self.user,
        )


def enroll(database: Database, actor: Actor, new: NewDevice, *, new_user: bool = False) -> str:
    """
    Store a device, active, and return its serial.

    With *new_user* its user is made, without a password, if there is none.

    Raises:
        RefusedError: No such user, the serial is taken, or the user has it already.
    """
    row = new.token()
    tokens.enroll(database, actor, row, status="active", new_user=new_user)
    return row.serial


def read(database: Database, actor: Actor, serial: str) -> str:
    """
    Return a whole number, address or question; the audit says that somebody saw it.

    Raises:
        RefusedError: No such token, it is revoked, or it is none that may be read.
    """
    with database.transaction() as connection:
        stored = tokens.find_usable(connection, serial)
        kind = stored.token.kind
        if kind not in devices.PERSONAL:
            raise RefusedError(
                f"token {serial!r} is {kind}: a seed is not shown; `radiusmfa token export` writes"
                " those of OATH tokens"
            )
        found = devices.whole(kind, tokens.open_seed(database, stored).reveal())
        tokens.note(database, actor, "token.reveal", stored.token, detail=kind)
    return found
