"""Tests of `radiusmfa.cli.attempt_told`."""

from __future__ import annotations

import json
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.cli.attempt_told import Teller
from radiusmfa.config.model import Client, Factors, Mode
from radiusmfa.config.upstream_model import UpstreamFactor
from radiusmfa.login.account import Device, Kind, User
from radiusmfa.login.flow import Step
from radiusmfa.login.throttle import Failures
from radiusmfa.outcome import (
    BROKEN,
    PASSED,
    UNAVAILABLE,
    UPSTREAM_ASKS,
    Failed,
    Outcome,
    Reason,
    Unavailable,
)
from radiusmfa.reasons import EXPLANATIONS
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED: Final = Secret(b"a shared secret of 30 octets..")
KEY: Final = codec.SigningKey(SHARED)
REQUEST: Final = codec.decode(codec.request(numbers.ACCESS_REQUEST, 1, bytes(16), b"", KEY))
TOLD: Final[dict[str, Any]] = {"decision": "reject", "reason": "upstream-refused"}


def _reply(code: int = numbers.ACCESS_REJECT) -> codec.Packet:
    octets = codec.reply(code, REQUEST, KEY)
    assert octets is not None
    return codec.decode(octets)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[Callable[[Teller], object]], str]:
    """Return what lets a teller say something and returns that."""

    def say(act: Callable[[Teller], object]) -> str:
        act(Teller(as_json=False))
        return capsys.readouterr().out

    return say


@pytest.mark.parametrize(
    ("outcome", "word"),
    [
        pytest.param(PASSED, "passed", id="passed"),
        pytest.param(Failed(Reason.BAD_PASSCODE), "failed: bad-passcode", id="failed"),
        pytest.param(UPSTREAM_ASKS, "asks: upstream-asks", id="asks"),
        pytest.param(UNAVAILABLE, "unavailable", id="unavailable"),
        pytest.param(
            Unavailable(Reason.UPSTREAM_SILENT), "unavailable: upstream-silent", id="silent"
        ),
        pytest.param(BROKEN, "broken", id="broken"),
    ],
)
@pytest.mark.parametrize("step", Step)
def test_every_step_and_outcome_has_words(
    step: Step, outcome: Outcome, word: str, said: Callable[[Callable[[Teller], object]], str]
) -> None:
    """Each step is a question, each outcome its answer."""
    line = said(lambda teller: teller.step(step, outcome))
    assert line.startswith("step      ")
    assert line.endswith(f"? {word}\n")


@pytest.mark.parametrize("reason", [one for one in Reason if one.value.startswith("upstream-")])
def test_every_failure_of_an_upstream_has_a_hint(
    reason: Reason, said: Callable[[Callable[[Teller], object]], str]
) -> None:
    """Whoever sees an upstream fail learns what to do about it; that it asks needs nothing."""
    out = said(lambda teller: teller.decided({**TOLD, "reason": reason.value}, _reply()))
    assert ("hint      " in out) is (reason is not Reason.UPSTREAM_ASKS)


def test_what_an_upstream_did_is_told(said: Callable[[Callable[[Teller], object]], str]) -> None:
    """Who was asked, what it said and how long it took, what was ignored, for whom it stands in."""
    asked = {
        "name": "rsa",
        "server": "192.0.2.1:1812",
        "event": "locked",
        "answer": "reject",
        "sent": 2,
        "us": 1234,
        "ignored": {"bad-response-authenticator": 3},
    }
    gone = {"name": "vip", "answer": "upstream-silent", "sent": 1, "us": 0}
    told = {**TOLD, "factor": "totp", "instead_of": "securid", "upstreams": [asked, gone]}
    lines = said(lambda teller: teller.decided(told, _reply())).splitlines()
    line = "upstream  rsa 192.0.2.1:1812: reject, locked (2 packets, 1.2 ms)"
    assert lines[:3] == [
        f"{line}, ignored 3 x bad-response-authenticator",
        "upstream  vip: upstream-silent (1 packet, 0.0 ms)",
        "decision  reject: upstream-refused (totp instead of securid)",
    ]
    explained = EXPLANATIONS[Reason.UPSTREAM_REFUSED]
    assert lines[3:5] == [f"means     {explained.meaning}", f"hint      {explained.advice}"]
    told = {**TOLD, "instead_of": "securid"}
    assert "(instead of securid)" in said(lambda teller: teller.decided(told, _reply()))


def test_attribute_that_could_not_be_made_is_told(
    said: Callable[[Callable[[Teller], object]], str],
) -> None:
    """Whoever sees `attribute-failed` learns which attribute that was."""
    told = {**TOLD, "reason": "attribute-failed", "detail": "Class: {groups} has no value"}
    lines = said(lambda teller: teller.decided(told, _reply())).splitlines()
    assert lines[:2] == [
        "decision  reject: attribute-failed",
        "detail    Class: {groups} has no value",
    ]


@pytest.mark.parametrize(
    ("directory", "line"), [("corp", "directory corp: nobody has that name\n"), ("", "")]
)
def test_search_in_vain_is_told(
    directory: str, line: str, said: Callable[[Callable[[Teller], object]], str]
) -> None:
    """A directory that was asked, and knows nobody, is named."""
    assert said(lambda teller: teller.searched(directory)) == line


def test_unwritable_name_is_told(said: Callable[[Callable[[Teller], object]], str]) -> None:
    """A name that the upstream cannot be given is not shown as if it could."""
    out = said(lambda teller: teller.unasked("nps", None, ["192.0.2.1:1812"]))
    assert "would be asked about a name that cannot be written there: 192.0.2.1:1812" in out


@pytest.mark.parametrize("reason", ["unknown-client", ""])
def test_silence_is_told(reason: str, said: Callable[[Callable[[Teller], object]], str]) -> None:
    """No reply has its reason, or the store is to blame."""
    out = said(lambda teller: teller.silence(reason))
    assert out == f"decision  silence: {reason or 'the store cannot be written'}\n"


def _client(**settings: Any) -> Client:  # noqa: ANN401 - any setting
    return Client(name="vpn", networks=(ip_network("192.0.2.1"),), secret=SHARED, **settings)


def test_client_of_a_proxy_has_no_factors_of_ours(
    said: Callable[[Callable[[Teller], object]], str],
) -> None:
    """With mode: proxy the upstream asks for every proof."""
    client = _client(mode=Mode.PROXY, primary="nps")
    out = said(lambda teller: teller.client(client, "192.0.2.1", Factors()))
    assert "factors   those that the upstream asks for\n" in out
    assert "instead" not in out


@pytest.mark.parametrize(
    ("user", "stranger_to", "line"),
    [
        pytest.param(None, "", "user      unknown", id="unknown"),
        pytest.param(
            None, "upstream rsa", "user      unknown here, may be known to upstream rsa", id="there"
        ),
        pytest.param("no", "", "user      nobody can have this name: no", id="no-name"),
        pytest.param(
            User(1, "alice", None, is_exempt=True, is_disabled=True, tokens=()),
            "",
            "user      alice: disabled, needs no second factor after the password",
            id="exempt",
        ),
    ],
)
def test_user_is_told(
    user: User | str | None,
    stranger_to: str,
    line: str,
    said: Callable[[Callable[[Teller], object]], str],
) -> None:
    """Who it is, or why nobody."""
    out = said(lambda teller: teller.user("alice", user, None, stranger_to))
    assert out.splitlines()[0] == line


def test_what_a_user_has_is_told(said: Callable[[Callable[[Teller], object]], str]) -> None:
    """Assignments, locks of now, and the factor that an upstream checks."""
    user = User(1, "alice", "$", is_exempt=False, is_disabled=False, tokens=())
    user.upstreams |= {"vip": "", "rsa": "ASmith"}
    user.failures[Kind.UPSTREAM, "vpn"] = Failures(3, 0, 2**31, b"")
    user.failures[Kind.OATH, "vpn"] = Failures(3, 0, 1, b"")
    factor = UpstreamFactor(name="securid", upstream="rsa")
    lines = said(lambda teller: teller.user("alice", user, factor, "")).splitlines()
    assert "password  stored" in lines
    assert "tokens    none" in lines
    assert "upstreams rsa as ASmith, vip" in lines
    assert "factor    securid, which upstream rsa checks" in lines
    assert [line for line in lines if "locked" in line] == [
        "locked    upstream at vpn until 2038-01-19 03:14:08Z"
    ]


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    """With JSON nothing is said on the way, and everything at the end."""
    teller = Teller(as_json=True)
    teller.client(_client(when_unavailable=("totp",)), "192.0.2.1", Factors())
    teller.user("alice", None, None, "")
    teller.step(Step.PASSWORD, PASSED)
    teller.decided({"decision": "accept", "reason": "passed"}, _reply(numbers.ACCESS_ACCEPT))
    teller.silence("unknown-client")
    assert capsys.readouterr().out == ""
    assert teller.end(1) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["factors"] == ["totp", "hotp", "yubikey", "recovery"]
    assert told["when_unavailable"] == ["totp"]
    assert [one["decision"] for one in told["rounds"]] == ["accept", "silence"]
    assert told["rounds"][0]["steps"] == [{"step": "password", "outcome": "passed"}]


def test_devices_are_told_masked(said: Callable[[Callable[[Teller], object]], str]) -> None:
    """Where somebody can be reached, beside the tokens; nothing where there is nothing."""
    devices = (
        Device(1, "S1", "sms", b"+491701234567"),
        Device(2, "Q1", "question", b"[]"),
    )
    alice = User(1, "alice", None, is_exempt=False, is_disabled=False, tokens=(), devices=devices)
    told = said(lambda teller: teller.user("alice", alice, None, ""))
    assert "devices   S1 (sms ***4567), Q1 (question)\n" in told
    bare = User(1, "alice", None, is_exempt=False, is_disabled=False, tokens=())
    assert "devices" not in said(lambda teller: teller.user("alice", bare, None, ""))
