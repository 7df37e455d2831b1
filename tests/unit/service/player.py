"""Plays the shell of a dialogue: what it asks for is kept, what it is told comes from a test."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, final

from radiusmfa.login.account import Device
from radiusmfa.login.errands import AskService, Served
from radiusmfa.service.dialogue import Memory, Query, Ring, Rung, Tools

if TYPE_CHECKING:
    from radiusmfa.service.dialogue import Dialogue, Request

NOW: Final = 1_780_000_000.0
PEPPER: Final = bytes(range(32))
NUMBER: Final = "+4915112345678"


@final
@dataclass(kw_only=True)
class Player:
    """
    A shell.

    Attributes:
        now: The time of day.
        rung: What it says of calls.
        memory: Of the service.
        requests: What the last dialogue asked for, calls left aside.
        rings: Every call that was asked for.
    """

    now: float = NOW
    rung: Rung = field(default_factory=Rung)
    memory: Memory = field(default_factory=Memory)
    requests: list[Any] = field(default_factory=list)
    rings: list[Ring] = field(default_factory=list)
    drawn: int = 0

    @property
    def tools(self) -> Tools:
        """What a dialogue gets."""
        return Tools(
            now=self.now, seconds=20.0, entropy=self.entropy, pepper=PEPPER, memory=self.memory
        )

    @property
    def query(self) -> Query:
        """The only query of the last dialogue."""
        (query,) = self.requests
        assert isinstance(query, Query)
        return query

    def entropy(self, count: int) -> bytes:
        """Return octets that are never the same, and the same in every run."""
        self.drawn += 1
        return hashlib.sha256(b"%d" % self.drawn).digest()[:count]

    def play(self, dialogue: Dialogue, *answers: object) -> Served:
        """Return what *dialogue* ends in when it is told *answers*; all of them are wanted."""
        told, self.requests = list(answers), []
        answer: object = None
        while True:
            try:
                request: Request = dialogue.send(answer)
            except StopIteration as ended:
                return self._ended(ended.value, told)
            if isinstance(request, Ring):
                self.rings.append(request)
                answer = self.rung
            else:
                self.requests.append(request)
                answer = told.pop(0)

    @staticmethod
    def _ended(served: Served, told: list[object]) -> Served:
        assert not told, "it did not ask for all that it would have been told"
        return served


def asked(**settings: Any) -> AskService:  # noqa: ANN401 - of AskService
    """Return what a login asks: Alice has a telephone, and the client shows what is asked."""
    usual: dict[str, Any] = {
        "service": "texts",
        "user": "alice",
        "number": 7,
        "devices": (phone(),),
        "client": "vpn",
        "address": "198.51.100.7",
        "place": bytes(16),
        "can_show": True,
        "has_password": True,
    }
    return AskService(**(usual | settings))


def phone(to: str = NUMBER, kind: str = "sms", serial: str = "SMS-1") -> Device:
    """Return a device of somebody's."""
    return Device(1, serial, kind, to.encode())
