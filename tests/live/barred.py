"""Accounts that the domain bars, and what we call the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.outcome import Reason
from tests.live import samba

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.live.samba import Account, DomainController


def _with(attributes: Mapping[str, str | bytes]) -> Callable[[DomainController], Account]:
    return lambda domain: domain.add(attributes)


def _locked(domain: DomainController) -> Account:
    account = domain.add()
    domain.lock(account)
    return account


def _old_password(domain: DomainController) -> Account:
    account = domain.add()
    domain.let_password_expire(account)
    return account


# Each makes an account that the domain bars. A locked one is told so with a wrong password too.
UNLOCKED: Final = [
    pytest.param(_with(samba.DISABLED), Reason.ACCOUNT_DISABLED, id="disabled"),
    pytest.param(_with(samba.EXPIRED), Reason.ACCOUNT_EXPIRED, id="expired"),
    pytest.param(_with(samba.MUST_CHANGE), Reason.PASSWORD_MUST_CHANGE, id="must-change"),
    pytest.param(_old_password, Reason.PASSWORD_EXPIRED, id="old-password"),
    pytest.param(_with(samba.NO_HOURS), Reason.LOGON_NOT_ALLOWED, id="hours"),
    pytest.param(_with(samba.ELSEWHERE), Reason.LOGON_NOT_ALLOWED, id="workstation"),
]
BARRED: Final = [pytest.param(_locked, Reason.ACCOUNT_LOCKED, id="locked"), *UNLOCKED]
