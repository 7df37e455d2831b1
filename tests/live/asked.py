"""Our directory, as the live tests ask the domain controller through it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.config.directory_model import Directory as Settings
from radiusmfa.config.directory_model import DirectoryServer, Kind, Tls
from radiusmfa.login.errands import Bind, LookUp
from radiusmfa.outcome import Reason
from radiusmfa.primary.directory import Directory
from radiusmfa.secret import Secret
from tests.live.samba import BASE, LDAP_PORT, LDAPS_PORT, PASSWORD

if TYPE_CHECKING:
    from radiusmfa.login.errands import Told
    from radiusmfa.login.person import Person
    from tests.live.samba import DomainController

NAME: Final = "corp"
_BUDGET: Final = 10.0


@final
class Asked:
    """A directory, and a clock that may skip what nobody wants to wait for."""

    def __init__(self, settings: Settings) -> None:
        """Connect to nobody yet."""
        self.settings = settings
        self._skipped = 0.0
        self._directory = Directory(settings, self._now)

    def find(self, name: str, budget: float = _BUDGET) -> Told:
        """Look *name* up."""
        deadline = self._now() + budget
        return self._directory.find(LookUp(directory=NAME, name=name, deadline=deadline))

    def person(self, name: str) -> Person:
        """Return who is called *name*: somebody must be."""
        told = self.find(name)
        assert told.reason is None
        assert told.person is not None
        return told.person

    def bind(self, name: str, password: str, budget: float = _BUDGET) -> Told:
        """Check a password as a login does: look *name* up, if that can be, then bind."""
        person = None
        if self.settings.can_search:
            told = self.find(name, budget)
            if told.reason not in {None, Reason.UNKNOWN_USER}:
                return told
            person = told.person
        return self._bind(name, person, password, budget)

    def bind_person(self, person: Person, password: str = PASSWORD) -> Told:
        """Check the password of somebody who was looked up before."""
        return self._bind(person.name, person, password, _BUDGET)

    def remarks(self) -> list[str]:
        """Return what there is for the log."""
        return self._directory.remarks()

    def skip(self, seconds: float) -> None:
        """Let that much time pass."""
        self._skipped += seconds

    def close(self) -> None:
        """Close every connection."""
        self._directory.close()

    def _bind(self, name: str, person: Person | None, password: str, budget: float) -> Told:
        return self._directory.bind(
            Bind(
                directory=NAME,
                name=name,
                person=person,
                password=password.encode(),
                deadline=self._now() + budget,
            )
        )

    def _now(self) -> float:
        return time.monotonic() + self._skipped


def server(host: str, tls: Tls = Tls.LDAPS) -> DirectoryServer:
    """Return how *host* is asked, on the port that is usual for *tls*."""
    port = LDAPS_PORT if tls is Tls.LDAPS else LDAP_PORT
    return DirectoryServer(host=host, port=port, tls=tls)


def settings(domain: DomainController, **other: Any) -> Settings:  # noqa: ANN401 - any setting
    """Return how *domain* is asked: over LDAPS, with an account that searches, but for *other*."""
    usual = Settings(
        name=NAME,
        servers=(server(domain.address),),
        base=BASE,
        kind=Kind.ACTIVE_DIRECTORY,
        ca_file=domain.ca_file,
        bind_dn=domain.searcher.dn,
        bind_password=Secret(PASSWORD.encode()),
        user_filter="(&(objectCategory=person)(objectClass=user))",
        user_attributes=("userPrincipalName", "sAMAccountName", "mail"),
        name_attribute="sAMAccountName",
    )
    return replace(usual, **other)
