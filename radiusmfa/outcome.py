"""What a check says of a proof, and why: five outcomes, never a bool."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, TypeAlias


@unique
class Reason(StrEnum):
    """
    Why a login was decided as it was.

    The values are stable: they stand in audit lines, in counters and in what
    `try` prints. They never reach the client.
    """

    # Accept
    PASSED = "passed"
    PASSWORD_ONLY = "password-only"  # noqa: S105 - a reason, not a password
    RESYNCHRONIZED = "resynchronized"
    PASSED_INSTEAD = "passed-instead"
    REMEMBERED = "remembered"
    FACTOR_SKIPPED = "factor-skipped"
    NOT_ENROLLED_YET = "not-enrolled-yet"
    FAILED_OPEN = "failed-open"
    # Challenge
    PASSCODE_WANTED = "passcode-wanted"
    NEXT_PASSCODE_WANTED = "next-passcode-wanted"
    OTHER_PASSCODE_WANTED = "other-passcode-wanted"
    UPSTREAM_ASKS = "upstream-asks"
    PASSWORD_WANTED = "password-wanted"  # noqa: S105
    # Reject: the request itself
    NO_USER_NAME = "no-user-name"
    BAD_USER_NAME = "bad-user-name"
    NO_CREDENTIALS = "no-credentials"
    TWO_CREDENTIALS = "two-credentials"
    DUPLICATE_ATTRIBUTE = "duplicate-attribute"
    BAD_USER_PASSWORD = "bad-user-password"  # noqa: S105
    UNSUPPORTED_METHOD = "unsupported-method"
    UNKNOWN_STATE = "unknown-state"
    # Reject: the user
    UNKNOWN_USER = "unknown-user"
    USER_DISABLED = "user-disabled"
    LOCKED = "locked"
    NO_PASSWORD = "no-password"  # noqa: S105
    BAD_PASSWORD = "bad-password"  # noqa: S105
    NOT_ENROLLED = "not-enrolled"
    BAD_PASSCODE = "bad-passcode"
    REPLAYED_PASSCODE = "replayed-passcode"
    UPSTREAM_REFUSED = "upstream-refused"
    UNANSWERED = "unanswered"
    PERSON_REFUSED = "person-refused"
    FRAUD_REPORTED = "fraud-reported"
    CODE_EXPIRED = "code-expired"
    NO_USABLE_DEVICE = "no-usable-device"
    NOTHING_PROVED = "nothing-proved"
    TOO_LITTLE_TIME = "too-little-time"
    CALL_OPEN = "call-open"
    CALL_LIMIT = "call-limit"
    COOLING_DOWN = "cooling-down"
    CHALLENGE_NOT_SHOWN = "challenge-not-shown"
    TEXT_NOT_WRITABLE = "text-not-writable"
    AMBIGUOUS_USER = "ambiguous-user"
    KNOWN_WRONG_PASSWORD = "known-wrong-password"  # noqa: S105
    ACCOUNT_LOCKED = "account-locked"
    ACCOUNT_DISABLED = "account-disabled"
    ACCOUNT_EXPIRED = "account-expired"
    PASSWORD_EXPIRED = "password-expired"  # noqa: S105
    PASSWORD_MUST_CHANGE = "password-must-change"  # noqa: S105
    LOGON_NOT_ALLOWED = "logon-not-allowed"
    # Reject: the policies
    NO_POLICY = "no-policy"
    POLICY_DENIES = "policy-denies"
    OTHER_ATTRIBUTES = "other-attributes"
    OUTSIDE_NETWORK = "outside-network"
    OUTSIDE_HOURS = "outside-hours"
    NOT_IN_GROUP = "not-in-group"
    NOT_APPROVED = "not-approved"
    APPROVAL_PENDING = "approval-pending"
    APPROVAL_REJECTED = "approval-rejected"
    APPROVAL_EXPIRED = "approval-expired"
    # Reject: what a policy needs to know cannot be asked
    APPROVAL_UNAVAILABLE = "approval-unavailable"
    DIRECTORY_UNREACHABLE = "directory-unreachable"
    DIRECTORY_SILENT = "directory-silent"
    DIRECTORY_BUSY = "directory-busy"
    DIRECTORY_REFUSED = "directory-refused"
    # Reject: an upstream that cannot be asked
    UPSTREAM_SILENT = "upstream-silent"
    UPSTREAM_UNREACHABLE = "upstream-unreachable"
    UPSTREAM_BUSY = "upstream-busy"
    UPSTREAM_MISCONFIGURED = "upstream-misconfigured"
    # Reject: an upstream that does not do as it should
    DIALOGUE_LOST = "dialogue-lost"
    BAD_CHALLENGE = "bad-challenge"
    BAD_UPSTREAM_REPLY = "bad-upstream-reply"
    TOO_MANY_ROUNDS = "too-many-rounds"
    PROXY_LOOP = "proxy-loop"
    # A Reject that is our own fault
    ATTRIBUTE_FAILED = "attribute-failed"
    UNAVAILABLE = "unavailable"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Passed:
    """The user proved it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """
    The user did not prove it: wrong, replayed, not enrolled, locked.

    Attributes:
        reason: Why, for the audit; the client never learns it.
    """

    reason: Reason


@dataclass(frozen=True, slots=True)
class Asks:
    """
    Another round trip is needed (RFC 2865 section 4.4).

    Attributes:
        reason: What is wanted: a passcode, the one after the last, that of another
            token, or whatever an upstream asks for.
    """

    reason: Reason


@dataclass(frozen=True, slots=True)
class Unavailable:
    """
    The back end could not be *asked*: overload, a full queue, a dead server.

    A wrong, missing or unanswered proof is never this.

    Attributes:
        reason: UNAVAILABLE: we ourselves have no room, and say nothing; else which way
            an upstream could not be asked.
    """

    reason: Reason = Reason.UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Broken:
    """The check raised or overran. Only the shell makes it; it never leads to Accept."""


Outcome: TypeAlias = Passed | Failed | Asks | Unavailable | Broken

PASSED: Final = Passed()
ASKS_PASSCODE: Final = Asks(Reason.PASSCODE_WANTED)
ASKS_NEXT_PASSCODE: Final = Asks(Reason.NEXT_PASSCODE_WANTED)
ASKS_OTHER_PASSCODE: Final = Asks(Reason.OTHER_PASSCODE_WANTED)
UPSTREAM_ASKS: Final = Asks(Reason.UPSTREAM_ASKS)
UNAVAILABLE: Final = Unavailable()
BROKEN: Final = Broken()
