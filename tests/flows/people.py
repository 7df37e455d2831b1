"""A directory that a test plays: it is asked as the server asks, and remembers every bind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.config.directory_model import Directory, DirectoryServer, Tls
from radiusmfa.login.errands import Approval, AskApproval, Bind, LookUp, Told
from radiusmfa.login.person import Person
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from radiusmfa.login.errands import Answer, Errand
    from tests.flows.world import Nas, Reply, World

BASE: Final = "DC=example,DC=com"


def directory(name: str = "corp", **settings: Any) -> Directory:  # noqa: ANN401 - settings of any type
    """Return a directory of one server that can be searched."""
    server = DirectoryServer(host="dc1.example.com", port=636, tls=Tls.LDAPS)
    usual: dict[str, Any] = {
        "name": name,
        "servers": (server,),
        "base": BASE,
        "bind_dn": "CN=search",
        "lockout": 2,
    }
    return Directory(**(usual | settings))


@dataclass(slots=True)
class Entry:
    """Somebody in the directory."""

    person: Person
    names: frozenset[str]
    password: bytes
    reason: Reason | None = None


@final
@dataclass(slots=True)
class People:
    """
    Does errands of a world, the oldest first.

    Attributes:
        world: Whose.
        entries: Who is there.
        binds: Name and password of each bind of a person.
        decoys: How many binds of nobody there were.
        look_ups: Every name that was looked up.
        gone: Why it cannot be asked; None: it can.
        approvals: What the service says, by approval and person.
    """

    world: World
    entries: list[Entry] = field(default_factory=list)
    binds: list[tuple[str, bytes]] = field(default_factory=list)
    decoys: int = 0
    look_ups: list[str] = field(default_factory=list)
    gone: Reason | None = None
    approvals: dict[tuple[str, str], Approval] = field(default_factory=dict)
    asked_approvals: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        *groups: str,
        names: tuple[str, ...] = (),
        directory: str = "corp",
        reason: Reason | None = None,
        **attributes: tuple[str, ...],
    ) -> bytes:
        """Add somebody; return the password."""
        person = Person(
            directory=directory,
            name=name,
            dn=f"CN={name},{BASE}",
            groups=tuple(sorted(groups)),
            attributes=tuple(sorted(attributes.items())),
        )
        password = f"the directory's secret of {name}".encode()
        self.entries.append(Entry(person, frozenset({name, *names}), password, reason))
        return password

    def work(self) -> None:
        """Do everything that is asked, and what is asked because of it."""
        while self.world.relays.errands:
            received, errand = self.world.relays.errands.pop(0)
            self.world.pipeline.answered([(received, self.answer(errand))])
            self.world.work()

    def ask(self, nas: Nas, *request: Any) -> Reply | None:  # noqa: ANN401 - as `Nas.ask` takes
        """Return the answer to a request once everybody has been asked."""
        octets = nas.request(*request)
        reply = nas.send(octets)
        if reply is not None:
            return reply
        self.work()
        return nas.take(octets)

    def decide(self, nas: Nas, *request: Any) -> int:  # noqa: ANN401 - as `Nas.ask` takes
        """Return the code of the answer, 0 for silence."""
        reply = self.ask(nas, *request)
        return 0 if reply is None else reply.code

    def answer(self, errand: Errand) -> Answer:
        """Return what the directory, or the service, says."""
        if isinstance(errand, AskApproval):
            self.asked_approvals.append(errand.user)
            known = self.approvals.get((errand.approval, errand.user))
            return known or Approval(approval=errand.approval, reason=Reason.NOT_APPROVED)
        if self.gone is not None:
            return Told(directory=errand.directory, reason=self.gone, seconds=0.25)
        if isinstance(errand, LookUp):
            self.look_ups.append(errand.name)
            return self._found(errand.directory, errand.name)
        return self._bound(errand)

    def _found(self, directory: str, name: str) -> Told:
        here = [one for one in self.entries if one.person.directory == directory]
        found = [one for one in here if name in one.names]
        if not found:
            return Told(directory=directory, reason=Reason.UNKNOWN_USER, seconds=0.25)
        if len(found) > 1:
            return Told(directory=directory, reason=Reason.AMBIGUOUS_USER, seconds=0.25)
        return Told(directory=directory, person=found[0].person, seconds=0.25)

    def _bound(self, errand: Bind) -> Told:
        here = [one for one in self.entries if one.person.directory == errand.directory]
        by_name = [
            one for one in here
            if (errand.person is None and errand.name in one.names) or one.person == errand.person
        ]  # fmt: skip
        settings = next(one for one in self.world.directories if one.name == errand.directory)
        if not by_name or (errand.person is None and settings.can_search):
            self.decoys += 1
            return Told(directory=errand.directory, reason=Reason.UNKNOWN_USER)
        (entry,) = by_name
        self.binds.append((entry.person.name, errand.password))
        reason = entry.reason if errand.password == entry.password else Reason.BAD_PASSWORD
        person = entry.person if reason is None else None
        return Told(directory=errand.directory, reason=reason, person=person, seconds=0.5)
