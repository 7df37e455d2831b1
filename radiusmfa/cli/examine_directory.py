"""One server of a directory, asked all that `doctor` wants to know; nobody's password is sent."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, final

from radiusmfa.cli import examine_lockout, findings, reach, upstreams
from radiusmfa.cli.findings import Cause, Level
from radiusmfa.config.directory_model import Tls
from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.outcome import Reason
from radiusmfa.primary import bind_reasons, entries, ldap
from radiusmfa.primary.ldap import Entry, Link, LinkError
from radiusmfa.reasons import EXPLANATIONS

if TYPE_CHECKING:
    import socket

    from radiusmfa.cli.findings import Finding
    from radiusmfa.config.directory_model import Directory, DirectoryServer
    from radiusmfa.primary.ldap import Answer, Search

_NO_SUCH_OBJECT: Final = 32  # RFC 4511 appendix A.1
# An ExtendedRequest of message 1, and the result code of what answers it, whose lengths may be
# written in several ways (RFC 4511 sections 4.12, 4.14 and 5.1).
_START_TLS: Final = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037"
_LENGTH: Final = rb"(?:[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)"
_STARTED: Final = re.compile(rb"\x30%b\x02%b\x00*\x01\x78%b\x0a%b(.)" % ((_LENGTH,) * 4), re.DOTALL)
_LONGEST_HEAD: Final = 64


def examine(directory: Directory, server: DirectoryServer, timeout: float) -> list[Finding]:
    """
    Ask *server* and return what is found, at least one finding.

    Args:
        directory: Whose server it is.
        server: From the configuration.
        timeout: Seconds for each answer; after the first that does not come nothing is asked.
    """
    subject = f"directory {directory.name} {upstreams.place(server)}"
    try:
        ldap.library()
        # The certificate is looked at, too, where logins do not.
        strict, usual = ldap.context(replace(directory, verify=True)), ldap.context(directory)
    except RadiusmfaError as error:
        return [findings.fault(subject, Cause.NOT_ASKED, f"{error}", "nobody is asked until then")]
    door = reach.Door(
        host=server.host,
        port=server.port,
        timeout=timeout,
        tls=None if server.tls is Tls.NONE else strict,
        is_checked=directory.verify,
        greet=_starts_tls if server.tls is Tls.STARTTLS else None,
    )
    found = reach.examine(door, subject)
    if server.tls is Tls.NONE:
        found.append(_of_no_protection(subject))
    if any(one.level is Level.FAULT for one in found):
        return found
    link = Link(server, usual, time.monotonic)
    visit = _Visit(directory, link, subject, timeout)
    try:
        link.open(time.monotonic() + timeout)
        visit.ask(found)
    except LinkError as error:
        found.append(_of_link(error, subject))
    finally:
        link.close()
    return found


@final
@dataclass(frozen=True, slots=True)
class _Visit:
    """A connection to a server, and what is asked on it."""

    directory: Directory
    link: Link
    subject: str
    timeout: float

    def ask(self, found: list[Finding]) -> None:
        """Add to *found* what is found; raise LinkError where an answer does not come."""
        if not self.directory.can_search:
            found += self._of_nobody()
            return
        if self.directory.bind_password is not None:
            account = self._of_account(self.directory.bind_password.reveal())
            found.append(account)
            if account.level is Level.FAULT:
                return
        nobody = f"radiusmfa-{secrets.token_hex(8)}"
        found.append(self._of_people(nobody))
        if groups := self._of_groups(nobody):
            found.append(groups)
        found += examine_lockout.examine(self.directory, self.link, self.subject, self.timeout)

    def _of_nobody(self) -> list[Finding]:
        _, seconds = self._searched(examine_lockout.ROOT)
        return [
            findings.ok(self.subject, "answers", seconds),
            findings.note(
                self.subject,
                Cause.NOT_ASKED,
                "nobody searches (bind_as): base, filters and its lock-out cannot be tested"
                " without somebody's password",
                "with it: radiusmfa try NAME --client CLIENT --password-prompt --ask-upstreams",
            ),
        ]

    def _of_account(self, password: bytes) -> Finding:
        started = time.monotonic()
        answer = self.link.bind(self.directory.bind_dn, password, started + self.timeout)
        reason = bind_reasons.reason(self.directory.kind, answer)
        if reason is None:
            seconds = time.monotonic() - started
            return findings.ok(self.subject, "takes the account that searches", seconds)
        return findings.fault(
            self.subject,
            Cause.ACCOUNT_REFUSED,
            "does not take the account that searches: result code"
            f" {answer.code}. {EXPLANATIONS[reason].meaning}",
            "correct bind_dn and bind_password, or what the directory says of that account",
        )

    def _of_people(self, nobody: str) -> Finding:
        answer, seconds = self._searched(entries.by_name(self.directory, nobody))
        if fault := self._of_refusal(answer, "base", self.directory.base):
            return fault
        if answer.entries or answer.code == ldap.SIZE_LIMIT_EXCEEDED:
            return findings.fault(
                self.subject,
                Cause.FINDS_ANYBODY,
                "finds somebody for a name that nobody has: a login may mean somebody else",
                "correct user_filter and user_attributes, or what the directory makes of them",
            )
        text = "base is there, and nobody is found for a name that nobody has"
        return findings.ok(self.subject, text, seconds)

    def _of_groups(self, nobody: str) -> Finding | None:
        name = self.directory.name_attribute.lower()
        entry = Entry(f"cn={nobody},{self.directory.base}", {name: (nobody.encode(),)})
        search = entries.of_groups(self.directory, entry)
        if search is None:
            return None
        answer, seconds = self._searched(search)
        where = "group_base" if self.directory.group_base else "base"
        fault = self._of_refusal(answer, where, search.base)
        return fault or findings.ok(self.subject, "searches groups", seconds)

    def _of_refusal(self, answer: Answer, setting: str, base: str) -> Finding | None:
        if answer.code == _NO_SUCH_OBJECT:
            return findings.fault(
                self.subject,
                Cause.NO_BASE,
                f"has no {base}, or hides it from the account that searches",
                f"correct {setting}, or let that account search there",
            )
        if answer.code in {ldap.SUCCESS, ldap.SIZE_LIMIT_EXCEEDED}:
            return None
        return findings.fault(
            self.subject,
            Cause.SEARCH_REFUSED,
            f"refuses to search below {base}: result code {answer.code}"
            f"{' (another server has it)' if answer.code == ldap.REFERRAL else ''}",
            f"correct {setting} and the filters, or give the account that searches the right",
        )

    def _searched(self, search: Search) -> tuple[Answer, float]:
        started = time.monotonic()
        answer = self.link.search(search, started + self.timeout)
        return answer, time.monotonic() - started


def _starts_tls(channel: socket.socket) -> bool:
    channel.sendall(_START_TLS)
    head = b""
    while (found := _STARTED.match(head)) is None and len(head) < _LONGEST_HEAD:
        part = channel.recv(_LONGEST_HEAD)
        if not part:
            return False
        head += part
    return found is not None and found[1] == b"\x00"


def _of_no_protection(subject: str) -> Finding:
    return findings.note(
        subject,
        Cause.UNPROTECTED,
        "is asked WITHOUT TLS: whoever listens on the path reads every password",
        "take out starttls: no, or write ldaps://",
    )


def _of_link(error: LinkError, subject: str) -> Finding:
    if error.reason is Reason.DIRECTORY_SILENT:
        return findings.fault(
            subject,
            Cause.SILENT,
            "takes the connection, and then does not answer in time",
            "is it overloaded, or is another program at that port? Look at its log",
        )
    return findings.fault(
        subject,
        Cause.NO_LDAP,
        f"what it says is no LDAP, or it hangs up: {error.what}",
        "is that the port of an LDAP server, with TLS as it is written here? Look at its log",
    )
