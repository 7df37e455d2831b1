"""Who a User-Name means: the store's names and aliases, and what a directory says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.login.username import UserNameError, stripped
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from radiusmfa.login.account import User
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.stores.logins import Logins


def learn(logins: Logins, attempt: Attempt) -> Reason | None:
    """
    Learn whose login *attempt* is, or return why nobody can be told.

    Anew after every wait: what was changed meanwhile counts.
    """
    try:
        user = logins.user(attempt.name)
        if user is None or attempt.person is not None:
            found = _other(logins, attempt, user)
            if isinstance(found, Reason):
                attempt.user = None
                return found
            user = found
    except UserNameError:
        return Reason.BAD_USER_NAME
    attempt.user = user
    return None


def find(logins: Logins, attempt: Attempt) -> User | Reason | None:
    """
    Return the user whose login *attempt* is, None: nobody, or why that cannot be told.

    Whom a directory knows has one name, the directory's own: tokens and lock-outs belong to
    it, whatever was typed. A name that is another person's in the store is nobody's.

    Raises:
        UserNameError: Nobody can have that name.
    """
    return _other(logins, attempt, logins.user(attempt.name))


def _other(logins: Logins, attempt: Attempt, user: User | None) -> User | Reason | None:
    # *user* is whom the store alone knows by the name that was typed.
    name, plan, person = attempt.name, attempt.plan, attempt.person
    if user is None and plan.strip:
        # Another spelling of the same person, for the upstream: not another person here.
        name = stripped(name, plan.strip)
        user = logins.user(name)
    if person is not None:
        name = person.name.encode()
        user = user or logins.user(name)
        if user is not None and user.name != person.name:
            return Reason.AMBIGUOUS_USER
        return user or logins.outsider(name)
    if user is None and plan.takes_strangers:
        if attempt.looked_up:
            # A directory's person is counted as one, however the name was written.
            name = attempt.looked_up.encode()
            user = logins.user(name)
        return user or logins.stranger(name)
    return user
