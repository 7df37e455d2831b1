"""For all that people type: only the newest code lets in, in time, once, with few tries."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from radiusmfa.config.message_model import Gateway
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Passed
from radiusmfa.service import gateway
from radiusmfa.service.dialogue import Reply
from tests.unit.service.player import Player, asked

pytestmark = pytest.mark.property

SETTINGS = Gateway(url="https://sms.example.net/send")
LIFETIME, TRIES = SETTINGS.codes.lifetime, SETTINGS.codes.tries
SENT = Reply(status=200)


class Login(RuleBasedStateMachine):
    """One person at one place, by a client that asks and by one that cannot."""

    def __init__(self) -> None:
        """Have been sent nothing."""
        super().__init__()
        self.player = Player()
        self.codes: list[bytes] = []
        self.state = b""
        self.is_kept = False
        self.tries = 0
        self.expires = 0.0

    def _send(self, typed: bytes, state: bytes, *, can_show: bool) -> None:
        question = asked(typed=typed, state=state, can_show=can_show)
        dialogue = gateway.ask(SETTINGS, question, self.player.tools)
        served = self.player.play(dialogue, SENT)
        assert not isinstance(served.outcome, Passed)
        self.codes.append(self.player.query.body.partition(b"is%20")[2][:6])
        self.state, self.is_kept = served.state, not can_show
        self.tries, self.expires = TRIES, self.player.now + LIFETIME

    def _type(self, typed: bytes) -> None:
        can_show = not self.is_kept
        question = asked(typed=typed, state=self.state, can_show=can_show)
        served = self.player.play(gateway.ask(SETTINGS, question, self.player.tools))
        is_open = self.tries > 0 and self.player.now < self.expires
        is_right = is_open and typed == self.codes[-1]
        assert (served.outcome == PASSED) is is_right
        self.tries = 0 if is_right else self.tries - 1
        if can_show:
            self.state = served.state
        if served.outcome != UPSTREAM_ASKS and can_show:
            self.tries = 0

    @rule(can_show=st.booleans())
    def send(self, *, can_show: bool) -> None:
        """Begin."""
        self._send(b"sms", b"", can_show=can_show)

    @rule()
    @precondition(lambda self: bool(self.state))
    def again(self) -> None:
        """Want another code."""
        self._send(b"new", self.state, can_show=True)

    @rule(seconds=st.integers(0, LIFETIME))
    def wait(self, seconds: int) -> None:
        """Let time go by."""
        self.player.now += seconds

    @rule()
    @precondition(lambda self: self.state or self.is_kept)
    def right(self) -> None:
        """Type the newest code."""
        self._type(self.codes[-1])

    @rule(at=st.integers(0, 5))
    @precondition(lambda self: (self.state or self.is_kept) and len(self.codes) > 1)
    def old(self, at: int) -> None:
        """Type one of those before."""
        typed = self.codes[at % (len(self.codes) - 1)]
        if typed != self.codes[-1]:
            self._type(typed)

    @rule(typed=st.binary(min_size=1, max_size=12).filter(lambda one: one.strip() != b""))
    @precondition(lambda self: self.state or self.is_kept)
    def wrong(self, typed: bytes) -> None:
        """Type anything."""
        if not typed.strip().lower().startswith((b"sms", b"new")):
            self._type(typed)


TestLogin = Login.TestCase
