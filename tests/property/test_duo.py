"""Whatever Duo answers, a Served comes out, and a Passed only of what says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.config.service_model import DuoFactor, DuoPrompt
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import PASSED, Asks, Failed, Reason
from radiusmfa.service import duo
from radiusmfa.service.dialogue import (
    Done,
    Lost,
    Memory,
    Opened,
    Pause,
    Query,
    Reply,
    Ring,
    Rung,
    Tools,
    Watch,
)
from radiusmfa.service.duo_memory import At, Kept
from tests.duo_login import settings

if TYPE_CHECKING:
    from collections.abc import Generator

pytestmark = pytest.mark.property

NOW: Final = 1_800_000_000.0
MOST: Final = 500
"""Requests in one round; more would be a storm."""
TXID: Final = "45f7c92b-f45f-4862-8545-e0f58e78075a"
WORDS: Final = (
    "", "allow", "deny", "auth", "enroll", "waiting", "pushed", "fraud", "timeout", "sent",
    "locked_out", "calling", "push", "phone", "sms", "mobile_otp", "token", "OK", "FAIL", TXID,
    "DP1", "376", "XXX-XXX-0100", "https://x/y", "Please enter verification code 376", "40105",
    "\ud800", "\x1b[31m",
)  # fmt: skip
NAMES: Final = (
    "stat", "response", "code", "message_detail", "result", "status", "status_msg", "devices",
    "device", "type", "name", "number", "capabilities", "sms_nextcode", "txid", "time",
    "verification_code", "enroll_portal_url", "display_name",
)  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner)
)
DEVICES = st.lists(
    st.fixed_dictionaries(
        {
            "device": st.sampled_from(("DP1", "DP2")),
            "type": st.sampled_from(("phone", "token")),
            "capabilities": st.lists(st.sampled_from(("push", "phone", "sms", "mobile_otp"))),
        }
    )
)
RESPONSES = st.one_of(
    JSON,
    st.fixed_dictionaries({"result": st.sampled_from(WORDS), "devices": DEVICES}),
    st.fixed_dictionaries({"result": st.sampled_from(WORDS), "status": st.sampled_from(WORDS)}),
    st.just({"txid": TXID}),
)
OCTETS = st.one_of(
    st.binary(max_size=40),
    JSON.map(lambda whole: json.dumps(whole).encode()),
    RESPONSES.map(lambda found: json.dumps({"stat": "OK", "response": found}).encode()),
)
REPLIES = st.builds(
    Reply,
    status=st.one_of(st.just(200), st.sampled_from((200, 302, 400, 401, 429, 503)), st.integers()),
    octets=OCTETS,
    retry_after=st.sampled_from(("", "1", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "999999")),
    now=st.sampled_from((0.0, NOW, NOW + 5, NOW + 100)),
)
LOST = st.builds(Lost, why=st.just("x"), is_over=st.booleans(), is_unsent=st.booleans())
ANSWERS = st.lists(REPLIES | LOST, max_size=12)
STATES = st.one_of(
    st.just(b""),
    st.binary(max_size=20),
    st.builds(
        Kept,
        at=st.sampled_from(At),
        txid=st.just(TXID),
        options=st.lists(st.tuples(st.sampled_from(("push", "sms")), st.just("DP1"))).map(tuple),
    ).map(Kept.dump),
)
TYPED = st.one_of(
    st.binary(max_size=10),
    st.sampled_from((b"", b"push", b"push2", b"sms", b"phone", b"auto", b"1", b"123456")),
)
RUNGS = st.one_of(
    st.just(Rung()),
    st.just(Rung(refused=Reason.CALL_LIMIT)),
    STATES.map(lambda state: Rung(state=state)),
)


class _Shell:
    """Answers whatever a dialogue asks for, with what there is; then with silence."""

    def __init__(self, answers: list[Reply | Lost], rung: Rung) -> None:
        self.left = list(answers)
        self.rung = rung
        self.count = 0
        self.given: list[bytes] = []

    def perform(self, dialogue: Generator[Any, Any, Served]) -> Served:
        """Return what *dialogue* ends in."""
        answer: object = None
        while True:
            self.count += 1
            assert self.count < MOST
            try:
                request = dialogue.send(answer)
            except StopIteration as ended:
                found: Served = ended.value
                return found
            answer = self._answer(request)

    def _answer(self, request: object) -> object:
        match request:
            case Query():
                if not self.left:
                    return Lost(why="over", is_over=True)
                found = self.left.pop(0)
                if isinstance(found, Reply):
                    self.given.append(found.octets)
                return found
            case Pause(seconds):
                assert seconds >= 0.5
                return Done(now=NOW)
            case Ring():
                return self.rung
            case Opened():
                return Done()
            case Watch():
                return self.perform(request.dialogue)
            case _:
                raise AssertionError(request)


def _ask(
    answers: list[Reply | Lost],
    typed: bytes,
    state: bytes,
    rung: Rung,
    prompt: DuoPrompt,
    *,
    can_show: bool,
) -> tuple[Served, _Shell]:
    shell = _Shell(answers, rung)
    asked = AskService(service="duo", user="alice", typed=typed, state=state, can_show=can_show)
    tools = Tools(now=NOW, seconds=70.0, entropy=bytes, pepper=b"", memory=Memory(offset=0.0))
    made = settings(factors=tuple(DuoFactor), prompt=prompt)
    return shell.perform(duo.ask(made, asked, tools)), shell


@given(ANSWERS, TYPED, STATES, RUNGS, st.sampled_from(DuoPrompt), st.booleans())
def test_any_answers_end_in_a_served(
    answers: list[Reply | Lost],
    typed: bytes,
    state: bytes,
    rung: Rung,
    prompt: DuoPrompt,
    can_show: bool,  # noqa: FBT001 - hypothesis passes it so
) -> None:
    """Any octets, any JSON, any state: no exception, no storm, and no yes without an "allow"."""
    served, shell = _ask(answers, typed, state, rung, prompt, can_show=can_show)

    assert isinstance(served, Served)
    assert len(served.text.encode()) <= 253
    assert all(letter.isprintable() or letter == "\n" for letter in served.text)
    if served.outcome == PASSED:
        assert any(b'"allow"' in octets for octets in shell.given)
    if isinstance(served.outcome, Asks):
        assert can_show
        assert served.text
        assert served.state


@given(st.lists(LOST, max_size=12), TYPED, STATES, RUNGS)
def test_silence_never_lets_in(
    answers: list[Reply | Lost], typed: bytes, state: bytes, rung: Rung
) -> None:
    """Whoever cannot be asked says neither yes nor what to type."""
    served, _ = _ask(answers, typed, state, rung, DuoPrompt.AUTO, can_show=False)
    assert served.outcome != PASSED
    if state:
        assert isinstance(served.outcome, Failed)
