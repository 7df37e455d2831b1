"""Whatever RSA answers, a Served comes out, and a yes only of an attempt that is a SUCCESS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import Asks, Failed, Passed, Unavailable
from radiusmfa.service import securid
from radiusmfa.service import securid_attempt as attempts
from radiusmfa.service.dialogue import Done, Farewell, Lost, Query, Reply, Ring, Rung, Watch
from radiusmfa.service.securid_attempt import StateError
from tests.unit.service.securid_stage import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from radiusmfa.service.dialogue import Dialogue, Request

pytestmark = pytest.mark.property

WORDS = (
    "SUCCESS", "CHALLENGE", "FAIL", "IN_PROCESS", "ERROR", "SECURID", "SECURID_NEWPIN", "APPROVE",
    "SMS", "TOKEN", "SECURID_SYSTEM_GENERATED_PIN", "METHOD_NOT_APPLICABLE", "1.0.0", "483920", "",
)  # fmt: skip
NAMES = (
    "context", "authnAttemptId", "messageId", "inResponseTo", "attemptResponseCode",
    "attemptReasonCode", "credentialValidationResults", "methodId", "methodResponseCode",
    "challengeMethods", "challenges", "requiredMethods", "versions", "methodAttributes", "prompt",
    "defaultText", "promptArgs", "referenceId", "minLength", "name", "value", "priority",
)  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS)
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner)
)
METHODS = st.sampled_from(WORDS[5:11])
OFFERS = st.lists(st.lists(METHODS, max_size=2), max_size=3)


def _answer(code: str, offers: list[list[str]], results: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "attemptResponseCode": code,
        "credentialValidationResults": [
            {"methodId": name, "methodResponseCode": result} for name, result in results
        ],
        "challengeMethods": {
            "challenges": [
                {"requiredMethods": [{"methodId": name} for name in some]} for some in offers
            ]
        },
    }


# What fits a request in its ids, and is anything otherwise.
FITTING = st.one_of(
    st.builds(
        _answer,
        st.sampled_from(WORDS[:5]),
        OFFERS,
        st.lists(st.tuples(METHODS, st.sampled_from(WORDS[:4])), max_size=2),
    ),
    st.dictionaries(st.sampled_from(NAMES), JSON),
)
REPLIES = st.one_of(
    st.builds(Reply, status=st.integers(100, 599), octets=st.binary()),
    st.builds(Reply, status=st.just(200), octets=JSON.map(lambda one: json.dumps(one).encode())),
    st.builds(Lost, why=st.text(), is_over=st.booleans(), is_unsent=st.booleans()),
    FITTING,
)


def _play(dialogue: Dialogue, replies: Iterator[Any], said: list[str]) -> Served:
    answer: object = None
    while True:
        try:
            request = dialogue.send(answer)
        except StopIteration as ended:
            served: Served = ended.value
            return served
        answer = _do(request, replies, said)


def _do(request: Request, replies: Iterator[Any], said: list[str]) -> object:
    match request:
        case Query():
            reply = next(replies)
            if isinstance(reply, dict):
                sent = json.loads(request.body)["context"]
                attempt = sent.get("authnAttemptId", "a")
                ids = {
                    "authnAttemptId": attempt,
                    "messageId": "m",
                    "inResponseTo": sent["messageId"],
                }
                said.append(str(reply.get("attemptResponseCode")))
                return Reply(status=200, octets=json.dumps(reply | {"context": ids}).encode())
            return reply
        case Ring():
            return Rung()
        case Watch():
            return _play(request.dialogue, replies, said)
        case Farewell():
            return Done(now=0.0)
        case _:
            # Time passes while something is waited for.
            return Done(now=1e12)


def _endless(replies: list[Any]) -> Iterator[Any]:
    yield from replies
    while True:
        yield Lost(why="over", is_over=True)


@given(
    replies=st.lists(REPLIES, max_size=12),
    typed=st.one_of(st.binary(max_size=140), st.sampled_from((b"", b"push", b"sms", b"1234"))),
    can_show=st.booleans(),
    answers=st.lists(st.sampled_from((b"", b"y", b"n", b"1234", b"push")), max_size=4),
)
def test_any_answers_make_a_served(
    replies: list[Any], typed: bytes, answers: list[bytes], *, can_show: bool
) -> None:
    """Nothing that a server answers breaks a login; only a SUCCESS lets anybody in."""
    stage, state, given_replies = Stage(), b"", _endless(replies)
    for word in (typed, *answers):
        said: list[str] = []
        asked = AskService(service="rsa", user="alice", typed=word, state=state, can_show=can_show)
        served = _play(securid.ask(stage.settings, asked, stage.tools(30)), given_replies, said)
        assert isinstance(served, Served)
        assert isinstance(served.outcome, Passed | Failed | Asks | Unavailable)
        if isinstance(served.outcome, Passed):
            assert said[-1] == "SUCCESS"
        if not isinstance(served.outcome, Asks):
            return
        assert can_show
        assert served.text
        state = served.state
        assert attempts.dump(attempts.load(state)) == state


@given(octets=st.one_of(st.binary(), JSON.map(lambda one: json.dumps(one).encode())))
def test_any_state_is_an_attempt_or_an_error(octets: bytes) -> None:
    """What no round has left is a StateError, nothing else."""
    _is_value_or(StateError, lambda: attempts.load(octets))


def _is_value_or(error: type[Exception], make: Callable[[], object]) -> None:
    try:
        make()
    except error:
        return
