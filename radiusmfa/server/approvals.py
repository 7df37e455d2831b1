"""Approvals that services outside know: which there are, and who asks whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from radiusmfa.login.errands import Approval
from radiusmfa.outcome import Reason
from radiusmfa.server.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted.internet.interfaces import IReactorTime

    from radiusmfa.config.approval_model import ApprovalSource
    from radiusmfa.interfaces import Clock
    from radiusmfa.login.errands import AskApproval
    from radiusmfa.server.received import Received


@final
class Approvals:
    """
    Every approval that is looked up elsewhere, by name.

    Attributes:
        answered: Gets what came of questions, on the reactor's thread.
    """

    answered: Callable[[list[tuple[Received, Approval]]], None]

    def __init__(self, reactor: IReactorTime, clock: Clock) -> None:
        """
        Know none yet.

        Args:
            reactor: Twisted's.
            clock: Both clocks.
        """
        self._reactor = reactor
        self._clock = clock
        self._desks: dict[str, Desk] = {}
        self._leaving: list[Desk] = []

    def configure(self, sources: Iterable[ApprovalSource]) -> None:
        """
        Ask *sources* from now on; what has not changed goes on as it is.

        Raises:
            ConfigError: One cannot be used; nothing has changed.
        """
        self.swap(self.prepared(sources))

    def prepared(self, sources: Iterable[ApprovalSource]) -> dict[str, Desk]:
        """
        Return what `swap` takes; nothing has changed yet.

        Raises:
            ConfigError: One cannot be used.
        """
        desks = dict[str, Desk]()
        for source in sources:
            if source.servicenow is None:
                continue  # the store knows
            desk = self._desks.get(source.name)
            if desk is None or not desk.serves(source):
                desk = Desk(self._reactor, self._clock, source, source.servicenow, self._tell)
            desks[source.name] = desk
        return desks

    def swap(self, desks: dict[str, Desk]) -> None:
        """Ask *desks*, as they were prepared, from now on."""
        gone = [desk for name, desk in self._desks.items() if desks.get(name) is not desk]
        self._desks = desks
        # Whoever waits for those that are gone is still answered.
        self._leaving = [desk for desk in (*self._leaving, *gone) if desk.leave()]

    def ask(self, batch: list[tuple[Received, AskApproval]]) -> None:
        """Ask whatever *batch* wants to know; what came of it is told later, or at once."""
        at_once = [
            (received, answer)
            for received, asked in batch
            if (answer := self._ask(received, asked)) is not None
        ]
        if at_once:
            self.answered(at_once)

    def close(self) -> None:
        """Tell everybody who waits that nobody can be asked, and close every connection."""
        for desk in (*self._desks.values(), *self._leaving):
            desk.close()

    def _ask(self, received: Received, asked: AskApproval) -> Approval | None:
        desk = self._desks.get(asked.approval)
        if desk is None:  # a reload has taken it away since
            return Approval(approval=asked.approval, reason=Reason.APPROVAL_UNAVAILABLE)
        return desk.ask(received, asked)

    def _tell(self, batch: list[tuple[Received, Approval]]) -> None:
        self.answered(batch)
