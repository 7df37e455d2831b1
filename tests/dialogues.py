"""A dialogue with a service, played by hand: a test is the shell, and says what comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, final

from radiusmfa.login.errands import AskService, Served
from radiusmfa.service.dialogue import Done, Lost, Memory, Reply, Rung, Tools
from tests.fakes import START

if TYPE_CHECKING:
    from radiusmfa.outcome import Reason
    from radiusmfa.service.dialogue import Dialogue, Request


def asked(**others: Any) -> AskService:  # noqa: ANN401 - of any type
    """Return what alice's login asks at the beginning; *others* are different."""
    usual: dict[str, Any] = {
        "service": "it", "user": "alice", "number": 7, "client": "vpn", "place": b"here",
        "can_show": True, "has_password": True,
    }  # fmt: skip
    return AskService(**(usual | others))


def tools(**others: Any) -> Tools:  # noqa: ANN401 - of any type
    """Return what a dialogue needs: a clock that stands still, and chance that is none."""
    usual: dict[str, Any] = {
        "now": START, "seconds": 30.0, "entropy": bytes, "pepper": b"pepper", "memory": Memory(),
    }  # fmt: skip
    return Tools(**(usual | others))


@final
class Played:
    """
    A dialogue, one step after the other.

    Attributes:
        requests: What it has asked for, the oldest first.
        now: Seconds since 1970, told with every answer.
        served: What it has ended in; None: it goes on.
    """

    def __init__(self, dialogue: Dialogue, now: float = START) -> None:
        """Begin *dialogue*."""
        self.requests: list[Request] = []
        self.now = now
        self.served: Served | None = None
        self._dialogue = dialogue
        self.send(None)

    @property
    def request(self) -> Request:
        """What it waits for."""
        assert self.served is None, self.served
        return self.requests[-1]

    @property
    def end(self) -> Served:
        """What it has ended in."""
        assert self.served is not None, self.requests[-1]
        return self.served

    def send(self, answer: object) -> Self:
        """Tell it *answer*, whatever that is."""
        assert self.served is None, self.served
        try:
            self.requests.append(self._dialogue.send(answer))
        except StopIteration as ended:
            self.served = ended.value
        return self

    def reply(self, status: int = 200, octets: bytes = b"", **others: Any) -> Self:  # noqa: ANN401
        """Let a server answer."""
        return self.send(Reply(status=status, octets=octets, now=self.now, **others))

    def lost(self, why: str = "breaks off", **others: Any) -> Self:  # noqa: ANN401 - as `Lost` has
        """Let nobody answer."""
        return self.send(Lost(why=why, now=self.now, **others))

    def rung(self, refused: Reason | None = None, state: bytes = b"") -> Self:
        """Let the person be called, or not."""
        return self.send(Rung(refused=refused, state=state))

    def done(self, *, is_right: bool = False) -> Self:
        """Let it be done."""
        return self.send(Done(is_right=is_right, now=self.now))
