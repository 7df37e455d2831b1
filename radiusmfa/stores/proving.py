"""
Proving that a token works: its first passcode, or two consecutive ones.

Both use the passcodes up, and take into account what logins used before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.config.model import Factors, Hotp, Totp
from radiusmfa.factors import hotp, totp
from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.login import devices
from radiusmfa.stores import tokens, yubikeys
from radiusmfa.stores.people import RefusedError

if TYPE_CHECKING:
    from radiusmfa.secret import Secret
    from radiusmfa.stores.database import Database
    from radiusmfa.stores.tokens import Stored, Token
    from radiusmfa.stores.trail import Actor


def confirm(
    database: Database, actor: Actor, serial: str, passcode: Secret, *, factors: Factors
) -> None:
    """
    Let a pending token count, given its first passcode.

    Args:
        database: The store.
        actor: Who does it.
        serial: Which token.
        passcode: As typed.
        factors: How far from now to search.

    Raises:
        RefusedError: Not pending, or not a passcode of this token now.
    """
    with database.transaction() as connection:
        stored = tokens.find_usable(connection, serial)
        token = stored.token
        refuse_other(token)
        if token.status != "pending":
            raise RefusedError(f"token {serial!r} is {token.status}: there is nothing to confirm")
        found = _find(_key(database, stored), token, passcode, actor.now, factors=factors)
        if found is None or found <= token.last:
            raise RefusedError(
                f"this is not a passcode of token {serial!r} now: look at the device's clock and"
                " at the number of digits"
            )
        connection.execute(
            "UPDATE tokens SET status = 'active', last = ? WHERE id = ?", (found, token.id)
        )
        tokens.note(database, actor, "token.confirm", token)


def resynchronize(
    database: Database,
    actor: Actor,
    serial: str,
    passcodes: tuple[Secret, Secret],
    *,
    factors: Factors,
) -> Token:
    """
    Set a token's drift or counter from two consecutive passcodes.

    A pending token is active afterwards: two passcodes prove more than one.

    Args:
        database: The store.
        actor: Who does it.
        serial: Which token.
        passcodes: The earlier and the later one.
        factors: How far to search.

    Raises:
        RefusedError: Revoked, or these are not two new consecutive passcodes.
    """
    with database.transaction() as connection:
        stored = tokens.find_usable(connection, serial)
        token = stored.token
        refuse_other(token)
        found, drift = _pair(_key(database, stored), token, passcodes, actor.now, factors=factors)
        connection.execute(
            "UPDATE tokens SET drift = ?, last = ?,"
            " status = CASE status WHEN 'pending' THEN 'active' ELSE status END WHERE id = ?",
            (drift, found, token.id),
        )
        detail = f"drift {drift} steps" if token.kind == "totp" else f"next counter {found + 1}"
        tokens.note(database, actor, "token.resync", token, detail=detail)
        return tokens.find(connection, serial).token


def refuse_other(token: Token) -> None:
    """
    Look whether *token* makes passcodes at all.

    Raises:
        RefusedError: It is somebody's number, address or question.
    """
    if token.kind in devices.PERSONAL:
        raise RefusedError(
            f"token {token.serial!r} makes no passcodes, it is of kind {token.kind}: it counts"
            " from its enrolment on"
        )


def _find(
    key: PasscodeKey, token: Token, passcode: Secret, now: float, *, factors: Factors
) -> int | None:
    number = _number(passcode, key.digits)
    if token.kind == "hotp":
        return hotp.find_counter(key, number, token.last, (factors.hotp or Hotp()).look_ahead)
    step = totp.current_step(now, token.period)
    return totp.find_step(key, number, step, token.drift, (factors.totp or Totp()).window)


def _pair(
    key: PasscodeKey,
    token: Token,
    passcodes: tuple[Secret, Secret],
    now: float,
    *,
    factors: Factors,
) -> tuple[int, int]:
    first, second = (_number(passcode, key.digits) for passcode in passcodes)
    drift = 0
    if token.kind == "hotp":
        window = (factors.hotp or Hotp()).resync_window
        found = hotp.find_pair(key, first, second, token.last, window)
    else:
        settings = factors.totp or Totp()
        step = totp.current_step(now, token.period)
        found = totp.find_pair(key, first, second, step, settings)
        drift = 0 if found is None else found - step
        if abs(drift) > settings.drift_limit:
            raise RefusedError(
                f"the clock of token {token.serial!r} is {drift} steps off, and"
                f" factors.totp.drift_limit allows {settings.drift_limit}: replace the token"
            )
    if found is None or found - 1 <= token.last:
        raise RefusedError(
            f"these are not two new passcodes of token {token.serial!r}, one right after the"
            " other: wait for the next one, then give both, the earlier first"
        )
    return found, drift


def _number(passcode: Secret, digits: int) -> int:
    octets = passcode.reveal()
    if len(octets) != digits or not octets.isdigit():
        raise RefusedError(f"a passcode of this token has {digits} digits")
    return int(octets)


def _key(database: Database, stored: Stored) -> PasscodeKey:
    yubikeys.refuse(stored.token)
    seed = tokens.open_seed(database, stored).reveal()
    return PasscodeKey(seed, stored.token.algorithm, stored.token.digits)
