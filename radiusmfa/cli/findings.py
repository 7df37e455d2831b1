"""What `doctor` finds: how bad, of what, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, unique


@unique
class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; logins work."""
    FAULT = "fault"
    """Some logins fail, or somebody gets in who must not."""


@unique
class Cause(StrEnum):
    """What was found, by names that stay: scripts may rely on them."""

    WELL = "well"
    WARNING = "warning"
    UNUSABLE_STORE = "unusable-store"
    FORGOTTEN_UPSTREAM = "forgotten-upstream"
    UNUSED_DEVICES = "unused-devices"
    GIVES_UP_AFTER = "gives-up-after"
    GIVES_UP_SOONER = "gives-up-sooner"
    NOT_RUNNING = "not-running"
    NOT_ASKED = "not-asked"
    NO_ADDRESS = "no-address"
    SEVERAL_ADDRESSES = "several-addresses"
    UNREACHABLE = "unreachable"
    NOTHING_LISTENS = "nothing-listens"
    SILENT = "silent"
    OTHER_SECRET = "other-secret"  # noqa: S105 - what is wrong, not a secret
    OTHER_ADDRESS = "other-address"
    DROPS_SIGNED = "drops-signed-requests"
    WRONG_SIGNATURE = "wrong-message-authenticator"
    NO_RADIUS = "no-radius"
    UNSIGNED_REPLIES = "unsigned-replies"
    NEEDLESS_WAIVER = "needless-waiver"
    NO_STATUS_SERVER = "no-status-server"
    NO_ANSWER_TO_LOGIN = "no-answer-to-login"
    LETS_ANYBODY_IN = "lets-anybody-in"
    UNPROTECTED = "unprotected"
    NO_TLS = "no-tls"
    NO_LDAP = "no-ldap"
    UNTRUSTED_CERTIFICATE = "untrusted-certificate"
    OTHER_NAME = "other-name"
    EXPIRED_CERTIFICATE = "expired-certificate"
    ENDING_CERTIFICATE = "ending-certificate"
    UNCHECKED_CERTIFICATE = "unchecked-certificate"
    ACCOUNT_REFUSED = "account-refused"
    NO_BASE = "no-base"
    SEARCH_REFUSED = "search-refused"
    FINDS_ANYBODY = "finds-anybody"
    LOCKOUT_TOO_HIGH = "lockout-too-high"
    LOCKOUT_WINDOW_TOO_SHORT = "lockout-window-too-short"
    UNKNOWN_LOCKOUT = "unknown-lockout"
    MISSING_RIGHT = "missing-right"
    NO_TABLE_API = "no-table-api"
    WAITING_WANTED = "waiting-wanted"
    SERVICE_FAULT = "service-fault"
    NOBODY_HAS_IT = "nobody-has-it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """
    One thing that was looked at.

    Attributes:
        level: How bad it is.
        cause: What it is.
        subject: Of what: a file, an address, an upstream or a directory and its server.
        text: What was seen.
        advice: What to do; empty: nothing.
        seconds: How long an answer took; None: there was none to wait for.
    """

    level: Level
    cause: Cause
    subject: str
    text: str
    advice: str = ""
    seconds: float | None = None

    def as_json(self) -> dict[str, object]:
        """Return what `--json` prints of it; what is empty is left out."""
        told: dict[str, object] = {
            "level": self.level.value,
            "cause": self.cause.value,
            "subject": self.subject,
            "text": self.text,
        }
        if self.advice:
            told["advice"] = self.advice
        if self.seconds is not None:
            told["milliseconds"] = round(self.seconds * 1000, 1)
        return told


def ok(subject: str, text: str, seconds: float | None = None) -> Finding:
    """Return that *subject* is as it should be."""
    return Finding(level=Level.OK, cause=Cause.WELL, subject=subject, text=text, seconds=seconds)


def note(subject: str, cause: Cause, text: str, advice: str = "") -> Finding:
    """Return what is worth knowing of *subject*."""
    return Finding(level=Level.NOTE, cause=cause, subject=subject, text=text, advice=advice)


def fault(subject: str, cause: Cause, text: str, advice: str) -> Finding:
    """Return what is wrong with *subject*."""
    return Finding(level=Level.FAULT, cause=cause, subject=subject, text=text, advice=advice)
