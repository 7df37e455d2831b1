"""
Passcodes as people type them: which token, which step, and where the password ends.

Pure: nothing is claimed here. What is found is used up by `stores.logins` in one
step that nobody can come between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from radiusmfa.factors import hotp, recovery, totp, yubikey
from radiusmfa.login.account import Kind
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from radiusmfa.config.model import Factors, Hotp, Totp
    from radiusmfa.login.account import Token, User, Yubikey

AWAITED_LIFETIME: Final = 300.0  # seconds to type the next passcode for resynchronization


class Found(NamedTuple):
    """
    An unused passcode.

    Attributes:
        token: Whose.
        step: Its time step or counter, larger than `token.last`.
        drift: What to remember as the token's drift.
        reason: PASSED, or RESYNCHRONIZED if it took two passcodes.
    """

    token: Token | Yubikey
    step: int
    drift: int
    reason: Reason


class FoundRecovery(NamedTuple):
    """
    An unused recovery code.

    Attributes:
        digest: What the store knows it by.
    """

    digest: bytes


class Awaited(NamedTuple):
    """
    A passcode out of its window: the next one right after it would resynchronize.

    Attributes:
        token: Whose.
        step: The step or counter that has to come next.
    """

    token: Token
    step: int


Find: TypeAlias = Found | FoundRecovery | Awaited | Reason
FOUND: Final = (Found, FoundRecovery)
"""What is a passcode. For `isinstance`: a union would be made anew at each look."""
_BAD_PASSCODE: Final = Reason.BAD_PASSCODE


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """
    Everything that does not change from passcode to passcode.

    Attributes:
        factors: Which kinds count, and their windows.
        pepper: The store's, for recovery codes.
    """

    factors: Factors
    pepper: bytes


def find(desk: Desk, user: User, typed: bytes, now: float, monotonic: float) -> Find:
    """
    Return what *typed* is for *user*, or the reason why it is nothing.

    REPLAYED_PASSCODE says that it was right once. Awaited is no proof of anything.

    Args:
        desk: Settings.
        user: Enrolled or not.
        typed: Octets, any.
        now: Wall time.
        monotonic: For the memory of a first passcode.
    """
    if typed.isdigit():
        return _find_passcode(desk.factors, user, typed, now, monotonic)
    if user.yubikeys and desk.factors.yubikey is not None and (otps := yubikey.readings(typed)):
        return _find_otp(user, otps)
    if desk.factors.recovery is not None and user.recovery:
        code = recovery.canonical(typed)
        if code is not None:
            digest = recovery.digest(desk.pepper, user.id, code)
            if digest in user.recovery:
                return FoundRecovery(digest)
    return _nothing(desk.factors, user)


def is_enrolled(factors: Factors, user: User) -> bool:
    """Say whether *user* has anything of *factors* to answer a challenge with."""
    for token in user.tokens:
        if (factors.totp if token.period else factors.hotp) is not None:
            return True
    if user.yubikeys and factors.yubikey is not None:
        return True
    return factors.recovery is not None and bool(user.recovery)


def kind_of(typed: bytes) -> Kind:
    """Return what *typed* is a try of, right or wrong: where it counts towards a lock-out."""
    is_oath = typed.isdigit() or yubikey.readings(typed)
    return Kind.OATH if is_oath else Kind.RECOVERY


def splits(user: User, typed: bytes, delimiter: bytes) -> Iterator[tuple[bytes, bytes]]:
    """
    Yield the ways to read *typed* as password and passcode, likeliest first.

    Args:
        user: Whose tokens say how long a passcode is.
        typed: Password and passcode in one.
        delimiter: What stands between them; empty: nothing.
    """
    if delimiter:
        password, found, passcode = typed.rpartition(delimiter)
        if found:
            yield password, passcode
        return
    if user.yubikeys:
        # Nobody has a password that ends in so many of these letters.
        tail = yubikey.tail(typed, [one.serial for one in user.yubikeys])
        if tail is not None:
            yield tail.before, tail.typed
            return
    for size in (*user.tails, *recovery.TYPED_OCTETS) if user.recovery else user.tails:
        if len(typed) >= size:
            yield typed[:-size], typed[-size:]


def find_tail(  # noqa: PLR0913 - what `find` takes, and the delimiter
    desk: Desk, user: User, typed: bytes, delimiter: bytes, now: float, monotonic: float
) -> tuple[Find, bytes, bytes]:
    """
    Return what the tail of *typed* is, the password before it, and the tail.

    Where no tail is an unused passcode, the most telling reason is returned, and
    nothing may be made of the password.
    """
    worst: tuple[Find, bytes, bytes] | None = None
    for password, tail in splits(user, typed, delimiter):
        found = find(desk, user, tail, now, monotonic)
        if isinstance(found, FOUND):
            return found, password, tail
        if worst is None or found is Reason.REPLAYED_PASSCODE or isinstance(found, Awaited):
            worst = found, password, tail
    if worst is not None:
        return worst
    return _nothing(desk.factors, user), b"", typed


def _nothing(factors: Factors, user: User) -> Reason:
    return Reason.BAD_PASSCODE if is_enrolled(factors, user) else Reason.NOT_ENROLLED


def _find_otp(user: User, otps: tuple[yubikey.Otp, ...]) -> Find:
    for otp in otps:
        for one in user.yubikeys:
            if one.serial != otp.public_id:
                continue
            step = one.key.step(otp.block)
            if step is not None:
                is_new = step > one.last
                return Found(one, step, 0, Reason.PASSED) if is_new else Reason.REPLAYED_PASSCODE
    return _BAD_PASSCODE


def _find_passcode(
    factors: Factors, user: User, typed: bytes, now: float, monotonic: float
) -> Find:
    size = len(typed)
    find: Find | None = None
    for token in user.tokens:
        digits = token.key.digits
        one: Find = _BAD_PASSCODE
        if size == digits:
            one = _find_one(factors, token, int(typed), now, monotonic)
        elif size == 2 * digits:
            one = _find_two(factors, token, int(typed[:digits]), int(typed[digits:]), now)
        if isinstance(one, Found):
            return one
        if one is not _BAD_PASSCODE:
            find = one
    # Asked last: nearly everybody has typed a right passcode.
    return _nothing(factors, user) if find is None else find


def _find_one(factors: Factors, token: Token, number: int, now: float, monotonic: float) -> Find:
    if token.period:
        settings = factors.totp
        return (
            Reason.BAD_PASSCODE
            if settings is None
            else _find_totp(settings, token, number, now, monotonic)
        )
    if factors.hotp is None:
        return Reason.BAD_PASSCODE
    return _find_hotp(factors.hotp, token, number, monotonic)


def _find_totp(settings: Totp, token: Token, number: int, now: float, monotonic: float) -> Find:
    step = totp.current_step(now, token.period)
    found = totp.find_step(token.key, number, step, token.drift, settings.window)
    if found is not None:
        if found <= token.last:
            return Reason.REPLAYED_PASSCODE
        drift = totp.learned_drift(token.drift, step, found, settings.drift_limit)
        return Found(token, found, drift, Reason.PASSED)
    if _is_awaited(token, number, monotonic):
        return _resynchronized(settings, token, token.awaited, step)
    far = totp.find_far(token.key, number, step, settings)
    return Reason.BAD_PASSCODE if far is None else _announce(token, far)


def _find_hotp(settings: Hotp, token: Token, number: int, monotonic: float) -> Find:
    counter = hotp.find_counter(token.key, number, token.last, settings.look_ahead)
    if counter is not None:
        return Found(token, counter, 0, Reason.PASSED)
    if _is_awaited(token, number, monotonic):
        return _resynchronized(None, token, token.awaited, 0)
    if token.last >= 0 and token.key.number(token.last) == number:
        return Reason.REPLAYED_PASSCODE
    far = hotp.find_counter(token.key, number, token.last, settings.resync_window)
    return Reason.BAD_PASSCODE if far is None else _announce(token, far)


def _announce(token: Token, far: int) -> Find:
    if far <= token.last:
        return Reason.REPLAYED_PASSCODE
    return Awaited(token, far + 1)


def _is_awaited(token: Token, number: int, monotonic: float) -> bool:
    if token.awaited is None:
        return False
    step, until = token.awaited
    return monotonic < until and step > token.last and token.key.number(step) == number


def _resynchronized(
    settings: Totp | None, token: Token, awaited: tuple[int, float] | None, step: int
) -> Find:
    if awaited is None:
        return Reason.BAD_PASSCODE
    found = awaited[0]
    limit = 0 if settings is None else settings.drift_limit
    drift = max(-limit, min(limit, found - step)) if limit else 0
    return Found(token, found, drift, Reason.RESYNCHRONIZED)


def _find_two(factors: Factors, token: Token, first: int, second: int, now: float) -> Find:
    if not token.period:
        return _find_two_counters(factors.hotp, token, first, second)
    if factors.totp is None:
        return Reason.BAD_PASSCODE
    step = totp.current_step(now, token.period)
    found = totp.find_pair(token.key, first, second, step, factors.totp)
    if found is None:
        return Reason.BAD_PASSCODE
    if found <= token.last:
        return Reason.REPLAYED_PASSCODE
    return _resynchronized(factors.totp, token, (found, 0.0), step)


def _find_two_counters(settings: Hotp | None, token: Token, first: int, second: int) -> Find:
    if settings is None:
        return Reason.BAD_PASSCODE
    window = settings.resync_window
    counter = hotp.find_pair(token.key, first, second, token.last, window)
    if counter is None:
        return Reason.BAD_PASSCODE
    return Found(token, counter, 0, Reason.RESYNCHRONIZED)
