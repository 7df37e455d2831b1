"""Everybody outside whom a login may have asked: token servers, directories, services."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, final

from radiusmfa.login.errands import AskApproval, AskService
from radiusmfa.upstream.inquiry import Inquiry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from radiusmfa.config.model import Configuration
    from radiusmfa.config.upstream_model import Event
    from radiusmfa.login.errands import Answer, Bind, Errand, LookUp, Served
    from radiusmfa.server.approvals import Approvals
    from radiusmfa.server.directories import Directories
    from radiusmfa.server.received import Received
    from radiusmfa.server.relays import Relays
    from radiusmfa.server.services import Services
    from radiusmfa.upstream.inquiry import Response

    Asked: TypeAlias = Inquiry | Errand | AskService
    Heard: TypeAlias = Response | Answer | Served


@final
class Outside:
    """
    Sorts what is to be asked by who can answer.

    Attributes:
        answered: Gets what came of it, on the reactor's thread.
    """

    answered: Callable[[Sequence[tuple[Received, Heard]]], None]

    def __init__(
        self, relays: Relays, directories: Directories, approvals: Approvals, services: Services
    ) -> None:
        """Keep who can be asked."""
        self._relays = relays
        self._directories = directories
        self._approvals = approvals
        self._services = services
        directories.answered = self._answered
        services.answered = self._answered
        approvals.answered = self._answered

    def configure(self, configuration: Configuration) -> None:
        """
        Ask those of *configuration* from now on.

        Raises:
            RadiusmfaError: A directory or a service cannot be asked; nothing has changed.
        """
        approvals = self._approvals.prepared(configuration.approvals)
        services = self._services.prepared(configuration.services)
        self._directories.configure(configuration.directories)
        # From here on nothing can fail.
        self._approvals.swap(approvals)
        self._services.swap(services)
        self._relays.configure(configuration.upstreams)

    def tidy(self) -> None:
        """Do what needs no login: now and then."""
        self._relays.tidy()
        self._directories.tidy()
        self._services.tidy()

    def ask(self, batch: Sequence[tuple[Received, Asked]]) -> None:
        """Have everything of *batch* asked; each is answered exactly once."""
        inquiries: list[tuple[Received, Inquiry]] = []
        of_people: list[tuple[Received, LookUp | Bind]] = []
        of_approvals: list[tuple[Received, AskApproval]] = []
        of_factors: list[tuple[Received, AskService]] = []
        for received, asked in batch:
            if isinstance(asked, Inquiry):
                inquiries.append((received, asked))
            elif isinstance(asked, AskApproval):
                of_approvals.append((received, asked))
            elif isinstance(asked, AskService):
                of_factors.append((received, asked))
            else:
                of_people.append((received, asked))
        if inquiries:
            self._relays.ask(inquiries)
        if of_people:
            self._directories.ask(of_people)
        if of_approvals:
            self._approvals.ask(of_approvals)
        if of_factors:
            self._services.ask(of_factors)

    def is_dead(self, name: str) -> bool:
        """Say whether nobody of an upstream, or of a service, can be asked now."""
        services = self._services
        return services.is_dead(name) if services.has(name) else self._relays.is_dead(name)

    def heard(self, name: str, event: Event) -> None:
        """Count what an answer of an upstream, or of a service, meant."""
        if self._services.has(name):
            self._services.heard(name, event)
        else:
            self._relays.heard(name, event)

    def read(self) -> dict[str, dict[str, int]]:
        """Return the counters of each upstream and service."""
        return self._relays.read() | self._services.read()

    def close(self) -> None:
        """Ask nobody any more."""
        self._services.close()
        self._approvals.close()
        self._directories.close()
        self._relays.close()

    def _answered(self, batch: Sequence[tuple[Received, Heard]]) -> None:
        self.answered(batch)
