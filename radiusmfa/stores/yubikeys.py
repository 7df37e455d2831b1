"""
YubiKeys as an administrator stores them: checked here, by their AES key, or by a service.

A key is called by its public id, which begins each of its passwords. What is checked here has
its private id and AES key as its seed; what a service checks has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from radiusmfa.factors import yubikey
from radiusmfa.factors.yubikey import OtpKey
from radiusmfa.secret import Secret
from radiusmfa.stores import tokens
from radiusmfa.stores.people import RefusedError
from radiusmfa.stores.tokens import NewToken

if TYPE_CHECKING:
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.tokens import Stored, Token
    from radiusmfa.stores.trail import Actor

KIND: Final = "yubikey"


def new(public_id: str, seed: Secret | None, *, user: str | None, label: str = "") -> NewToken:
    """
    Return a YubiKey for `tokens.enroll`.

    Args:
        public_id: In ModHex, lower case.
        seed: Private id and AES key; None: a service checks it.
        user: Normal form of its user's name; None: nobody's yet.
        label: For people.
    """
    return NewToken(
        serial=public_id,
        kind=KIND,
        seed=Secret(b"") if seed is None else seed,
        algorithm="",
        digits=0,
        period=0,
        label=label,
        user=user,
    )


def refuse(token: Token) -> None:
    """
    Look whether *token* has a clock or a counter that could be set right.

    Raises:
        RefusedError: It is a YubiKey.
    """
    if token.kind == KIND:
        raise RefusedError(f"token {token.serial!r} is a YubiKey: it has no clock to set right")


def confirm(database: Database, actor: Actor, serial: str, otp: Secret) -> None:
    """
    Let a pending key count, given a password of it that is new; it is used up.

    Of a key that a service checks it is the right one that was touched: whether its password is
    good that service says at each login.

    Args:
        database: The store.
        actor: Who does it.
        serial: Public id.
        otp: As typed.

    Raises:
        RefusedError: Not a YubiKey, not pending, or not a new password of this key.
    """
    with database.transaction() as connection:
        stored = tokens.find_usable(connection, serial)
        token = stored.token
        if token.kind != KIND:
            raise RefusedError(f"token {serial!r} is no YubiKey")
        if token.status != "pending":
            raise RefusedError(f"token {serial!r} is {token.status}: there is nothing to confirm")
        step = _step(database, stored, otp)
        connection.execute(
            "UPDATE tokens SET status = 'active', last = max(last, ?) WHERE id = ?",
            (step, token.id),
        )
        tokens.note(database, actor, "token.confirm", token)


def _step(database: Database, stored: Stored, otp: Secret) -> int:
    token, seed = stored.token, tokens.open_seed(database, stored)
    for read in yubikey.readings(otp.reveal()):
        if read.public_id != token.serial:
            continue
        if not len(seed):
            return token.last
        step = OtpKey(seed.reveal()).step(read.block)
        if step is not None and step > token.last:
            return step
        why = "was used already" if step is not None else "was not made with this AES key"
        raise RefusedError(f"this password of {token.serial} {why}; nothing was changed")
    raise RefusedError(f"this is no password of the key {token.serial}; nothing was changed")
