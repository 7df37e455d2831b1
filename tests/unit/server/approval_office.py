"""Logins that ask for an approval, a simulator that answers, a clock that tests turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
from radiusmfa.login.errands import Approval, AskApproval
from radiusmfa.secret import Secret
from radiusmfa.server.approvals import Approvals
from tests.fakes import START, FakeClock, waiting
from tests.servicenow import ACCOUNT, PASSWORD

if TYPE_CHECKING:
    from radiusmfa.outcome import Reason
    from radiusmfa.server.received import Received
    from tests.loop import Loop
    from tests.servicenow import Row, Running


@final
class ApprovalOffice:
    """
    A simulator with Alice and her approved change, and `Approvals` that asks it.

    Attributes:
        loop: Runs while something is waited for.
        clock: Turned by tests; timers run in real time.
        simulator: What is asked.
        approvals: Under test.
        told: What came of questions, oldest first.
    """

    def __init__(self, loop: Loop, running: Running, **settings: Any) -> None:  # noqa: ANN401 - as the model has them
        """Employ Alice and Bob; give Alice a change."""
        self.loop = loop
        self.clock = FakeClock()
        self.simulator = running.simulator
        self.alice = self.simulator.person("alice")
        self.bob = self.simulator.person("bob")
        self.record: Row = self.simulator.change(self.alice, START)
        self._url = running.url
        self.approvals = Approvals(loop.reactor, self.clock)
        self.told: list[tuple[Received, Approval]] = []
        self.batches: list[int] = []
        self.approvals.answered = self._take
        self.approvals.configure([self.source(**settings)])

    def source(self, name: str = "change", **settings: Any) -> ApprovalSource:  # noqa: ANN401 - as the model has them
        """Return an approval that the simulator knows."""
        usual: dict[str, Any] = {
            "url": self._url,
            "user": ACCOUNT,
            "password": Secret(PASSWORD.encode()),
        }
        return ApprovalSource(name=name, servicenow=ServiceNow(**(usual | settings)))

    def ask(
        self, *users: str, approval: str = "change", patience: float = 20, client: str = "vpn"
    ) -> list[Received]:
        """Ask about each of *users* at once, all at *client*; return who asks."""
        deadline = self.clock.monotonic() + patience
        asking = [waiting(client) for _ in users]
        self.approvals.ask(
            [
                (received, AskApproval(approval=approval, user=user, deadline=deadline))
                for received, user in zip(asking, users, strict=True)
            ]
        )
        return asking

    def answer(self, user: str = "alice", approval: str = "change") -> Approval:
        """Return what comes of one question."""
        (received,) = self.ask(user, approval=approval)
        self.wait(received)
        return next(found for of, found in reversed(self.told) if of is received)

    def reason(self, user: str = "alice") -> Reason | None:
        """Return the reason in the answer to one question."""
        return self.answer(user).reason

    def wait(self, *asking: Received) -> None:
        """Run until everybody in *asking* was told."""
        self.loop.until(lambda: {id(one) for one in asking} <= {id(of) for of, _ in self.told})

    def _take(self, batch: list[tuple[Received, Approval]]) -> None:
        self.batches.append(len(batch))
        self.told += batch
