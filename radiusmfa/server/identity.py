"""Who a User-Name means: the store's names and aliases, and what a directory says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from radiusmfa.login.username import stripped
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from radiusmfa.login.account import User
    from radiusmfa.server.attempt import Attempt
    from radiusmfa.stores.logins import Logins


def find(logins: Logins, attempt: Attempt) -> User | Reason | None:
    """
    Return the user whose login *attempt* is, None: nobody, or why that cannot be told.

    Whom a directory knows has one name, the directory's own: tokens and lock-outs belong to
    it, whatever was typed. A name that is another person's in the store is nobody's.

    Raises:
        UserNameError: Nobody can have that name.
    """
    name, plan, person = attempt.name, attempt.plan, attempt.person
    user = logins.user(name)
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
        # A directory's person is counted as one, however the name was written.
        name = attempt.looked_up.encode() or name
        return logins.user(name) or logins.stranger(name)
    return user
