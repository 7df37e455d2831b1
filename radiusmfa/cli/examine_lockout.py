"""
Whether a directory locks people out whom somebody guesses at through us.

Our own `lockout` has to stop the guesses before the directory counts enough of them, and
has to remember them as long as the directory does.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from radiusmfa.cli import findings
from radiusmfa.cli.findings import Cause
from radiusmfa.config import ldap_forms
from radiusmfa.config.directory_model import Kind
from radiusmfa.primary.ldap import SUCCESS, Search

if TYPE_CHECKING:
    from collections.abc import Iterable

    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.directory_model import Directory
    from radiusmfa.primary.ldap import Entry, Link

ROOT: Final = Search(
    base="", filter="(objectClass=*)", attributes=("namingContexts",), is_entry=True
)
"""What a server says of itself (RFC 4512 section 5.1)."""
_NUMBER: Final = re.compile(rb"-?[0-9]{1,19}")
_TICKS: Final = 10_000_000  # a second, as Active Directory counts, and backwards
_FOREVER: Final = -(2**63)
# draft-behera-ldap-password-policy-10 section 5.2
_POLICIES: Final = ("pwdMaxFailure", "pwdLockout", "pwdFailureCountInterval")
# MS-ADA1 sections 2.360 and 2.361
_DOMAIN: Final = ("lockoutThreshold", "lockOutObservationWindow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """
    When a directory locks somebody's account.

    Attributes:
        threshold: After so many wrong passwords; 0: never.
        window: Seconds that it counts a wrong one; 0: until a right one comes.
    """

    threshold: int
    window: int


def examine(directory: Directory, link: Link, subject: str, timeout: float) -> list[Finding]:
    """
    Read when accounts are locked, and compare it with our own lock-out.

    Args:
        directory: Whose.
        link: On which the account is bound that searches.
        subject: What the findings are about.
        timeout: Seconds for each answer.

    Raises:
        LinkError: The server does not answer.
    """
    answer = link.search(ROOT, time.monotonic() + timeout)
    base = _root(directory.base, answer.entries)
    if directory.kind is Kind.ACTIVE_DIRECTORY:
        search = Search(base=base, filter="(objectClass=*)", attributes=_DOMAIN, is_entry=True)
    else:
        search = Search(base=base, filter="(objectClass=pwdPolicy)", attributes=_POLICIES)
    answer = link.search(search, time.monotonic() + timeout)
    read = _of_domain if directory.kind is Kind.ACTIVE_DIRECTORY else _of_policy
    rules = [rule for one in answer.entries if (rule := read(one)) is not None]
    if answer.code != SUCCESS or not rules:
        return [_of_nothing(directory, subject)]
    return judge(directory, _strictest(rules), subject)


def judge(directory: Directory, rule: Rule, subject: str) -> list[Finding]:
    """Return what *rule* means for the people of *directory*."""
    if not rule.threshold:
        return [findings.ok(subject, "locks nobody for wrong passwords")]
    found = []
    within = f" within {rule.window} s" if rule.window else ""
    text = f"locks an account after {rule.threshold} wrong passwords{within}"
    if directory.lockout >= rule.threshold:
        found.append(
            findings.fault(
                subject,
                Cause.LOCKOUT_TOO_HIGH,
                f"{text}, and we stop after {directory.lockout}: whoever guesses here locks"
                " people out everywhere",
                f"lockout: {rule.threshold - 1} at most"
                if rule.threshold > 1
                else "let the directory take more than one wrong password",
            )
        )
    if rule.window > directory.lockout_window:
        found.append(
            findings.fault(
                subject,
                Cause.LOCKOUT_WINDOW_TOO_SHORT,
                f"{text}, and we forget them after {directory.lockout_window} s: slow guesses"
                " lock people out all the same",
                f"lockout_window: {rule.window} at least",
            )
        )
    if not rule.window:
        found.append(
            findings.note(
                subject,
                Cause.LOCKOUT_WINDOW_TOO_SHORT,
                f"{text}, and never forgets them until a right one comes: slow guesses lock"
                " people out whatever lockout_window is",
                "let the directory forget them after some time (pwdFailureCountInterval)",
            )
        )
    ours = f"we stop after {directory.lockout} within {directory.lockout_window} s"
    return found or [findings.ok(subject, f"{text}; {ours}")]


def _root(base: str, told: Iterable[Entry]) -> str:
    """Return the naming context that *base* lies in, or *base*, where the server does not say."""
    contexts = [
        value.decode("utf-8", "replace")
        for entry in told
        for value in entry.attributes.get("namingcontexts", ())
    ]
    above = [one for one in contexts if ldap_forms.is_below(f"cn=x,{base}", one)]
    return max(above, key=len, default=base)


def _of_domain(entry: Entry) -> Rule | None:
    threshold, window = (_number(entry, name) for name in _DOMAIN)
    if threshold is None or window is None:
        return None
    return Rule(threshold=threshold, window=0 if window == _FOREVER else -window // _TICKS)


def _of_policy(entry: Entry) -> Rule | None:
    locks = entry.attributes.get("pwdlockout", ()) == (b"TRUE",)
    most = _number(entry, "pwdMaxFailure") or 0
    return Rule(
        threshold=most if locks else 0, window=_number(entry, "pwdFailureCountInterval") or 0
    )


def _strictest(rules: list[Rule]) -> Rule:
    # Whom each is for is not looked at: the first to lock somebody is the one to stay below.
    locking = [rule for rule in rules if rule.threshold]
    windows = [rule.window for rule in locking]
    return Rule(
        threshold=min((rule.threshold for rule in locking), default=0),
        window=max(windows, default=0) if all(windows) else 0,
    )


def _number(entry: Entry, name: str) -> int | None:
    values = entry.attributes.get(name.lower(), ())
    return int(values[0]) if len(values) == 1 and _NUMBER.fullmatch(values[0]) else None


def _of_nothing(directory: Directory, subject: str) -> Finding:
    return findings.note(
        subject,
        Cause.UNKNOWN_LOCKOUT,
        "after how many wrong passwords it locks accounts cannot be read; we stop after"
        f" {directory.lockout} within {directory.lockout_window} s",
        "ask who runs it: lockout must be below that number, lockout_window not shorter; or let"
        " the account that searches read its password policy",
    )
