"""Why a directory refuses a bind: result codes, Active Directory's numbers, password policies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from radiusmfa.config.directory_model import Kind
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from radiusmfa.primary.ldap import Answer

SUCCESS: Final = 0
BUSY: Final = frozenset({51, 52})
"""busy, unavailable: the bind was not tried, and another server may do it."""
_INVALID_CREDENTIALS: Final = 49
# RFC 4511 appendix A.1, for a person's own bind.
_OF_CODE: Final = {
    19: Reason.ACCOUNT_LOCKED,  # constraintViolation: 389 Directory Server, after too many tries
    32: Reason.UNKNOWN_USER,  # noSuchObject
    34: Reason.UNKNOWN_USER,  # invalidDNSyntax: nobody can have such a name
    48: Reason.BAD_PASSWORD,  # inappropriateAuthentication: the entry has no password
    _INVALID_CREDENTIALS: Reason.BAD_PASSWORD,
}
# "data 52e" in the message: Windows' error numbers, in hexadecimal.
_DATA: Final = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")
_OF_DATA: Final = {
    0x525: Reason.UNKNOWN_USER,
    0x52E: Reason.BAD_PASSWORD,
    0x530: Reason.LOGON_NOT_ALLOWED,  # not at this time
    0x531: Reason.LOGON_NOT_ALLOWED,  # not from this computer
    0x532: Reason.PASSWORD_EXPIRED,
    0x533: Reason.ACCOUNT_DISABLED,
    0x701: Reason.ACCOUNT_EXPIRED,
    0x773: Reason.PASSWORD_MUST_CHANGE,
    0x775: Reason.ACCOUNT_LOCKED,
}
# draft-behera-ldap-password-policy-10 section 6.2; the others concern changes of passwords.
_POLICY: Final = "1.3.6.1.4.1.42.2.27.8.5.1"
_OF_POLICY: Final = {
    0: Reason.PASSWORD_EXPIRED,
    1: Reason.ACCOUNT_LOCKED,
    2: Reason.PASSWORD_MUST_CHANGE,
}
_ERROR: Final = 0x81  # context tag 1
# Netscape's, still said by 389 Directory Server and others: only a change of password is allowed.
_EXPIRED: Final = "2.16.840.1.113730.3.4.4"


def reason(kind: Kind, answer: Answer) -> Reason | None:
    """
    Return why a person's bind was refused; None: it was not, and the password is right.

    Args:
        kind: Of server.
        answer: To the bind.
    """
    told = _policy(answer)
    if answer.code == SUCCESS:
        # The password is right, but good for nothing but to be changed.
        return told
    if answer.code != _INVALID_CREDENTIALS:
        return _OF_CODE.get(answer.code, Reason.DIRECTORY_REFUSED)
    if told is not None:
        return told
    found = _DATA.search(answer.message) if kind is Kind.ACTIVE_DIRECTORY else None
    number = int(found[1], 16) if found else 0
    return _OF_DATA.get(number, Reason.BAD_PASSWORD)


def _policy(answer: Answer) -> Reason | None:
    for name, value in answer.controls:
        if name == _EXPIRED:
            return Reason.PASSWORD_EXPIRED
        if name == _POLICY:
            return _OF_POLICY.get(_error(value))
    return None


def _error(value: bytes) -> int:
    """Return the error of a password policy's response; -1: there is none."""
    # SEQUENCE { warning [0] CHOICE ... OPTIONAL, error [1] ENUMERATED OPTIONAL }, each short.
    at = 2
    while at + 2 < len(value):
        tag, size = value[at], value[at + 1]
        if tag == _ERROR:
            return value[at + 2]
        at += 2 + size
    return -1
