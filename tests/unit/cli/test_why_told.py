"""Tests of `radiusmfa.cli.why_told`: what is said of a line, whatever stands in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.cli.why_told import Teller, stages
from radiusmfa.outcome import Reason
from radiusmfa.reasons import EXPLANATIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

RULED: Final[dict[str, Any]] = {
    "time": "2026-11-24T08:15:02.120Z",
    "kind": "login",
    "id": "Ab3dEf9xKq0Lm2Np",
    "decision": "reject",
    "reason": "upstream-refused",
    "user": "alice",
    "client": "broker",
    "source": "192.0.2.10",
    "nas": "gate",
    "station": "198.51.100.7",
    "mode": "step-up",
    "factor": "securid",
    "token": "T-1",
    "instead_of": "vip",
    "policy": "aws-root",
    "group": "AWS owners",
    "address": "10.1.2.3",
    "approval": "CHG0030001",
    "upstreams": [
        {"name": "rsa", "server": "192.0.2.1:1812", "answer": "reject", "sent": 1, "us": 20_000},
        {"name": "nps", "answer": "upstream-silent", "sent": 3, "us": 3_000_000},
    ],
    "us": {"total": 4_000_000, "password": 30_000, "directory": 50_000, "approval": 400_000},
}


def _said(
    capsys: pytest.CaptureFixture[str], *lines: dict[str, Any], bars: bool = False
) -> list[str]:
    Teller(as_json=False, bars=bars).login(lines)
    return capsys.readouterr().out.splitlines()


def _json(capsys: pytest.CaptureFixture[str], lines: Sequence[dict[str, Any]]) -> Any:  # noqa: ANN401 - JSON
    teller = Teller(as_json=True)
    teller.login(lines)
    assert teller.end(3) == 3
    return json.loads(capsys.readouterr().out)


def test_everything_that_a_line_holds_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Who, from where, by which policy and approval, with what, whom it asked, and why."""
    told = EXPLANATIONS[Reason.UPSTREAM_REFUSED]
    assert _said(capsys, RULED)[:10] == [
        "login     Ab3dEf9xKq0Lm2Np: 1 round, reject at the end",
        "round 1   2026-11-24T08:15:02.120Z",
        "user      alice",
        "client    broker, source 192.0.2.10, nas gate, station 198.51.100.7, mode step-up",
        'policy    aws-root, group "AWS owners", address 10.1.2.3, approval CHG0030001',
        "factor    securid, token T-1, instead of vip",
        "upstream  rsa/192.0.2.1:1812/reject,nps/upstream-silent",
        "decision  reject: upstream-refused",
        f"means     {told.meaning}",
        f"tell      {told.told}",
    ]


def test_person_and_detail_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Whose name it is that was typed, and which attribute could not be made."""
    more = {"person": "asmith", "detail": "Class: {groups} has no value"}
    lines = _said(capsys, {**RULED, **more})
    assert "user      alice, person asmith" in lines
    assert 'detail    "Class: {groups} has no value"' in lines


def test_each_stage_has_its_time_and_its_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """What was waited for stands in its row; what is left is our own; a bar shows the share."""
    assert _said(capsys, RULED, bars=True)[11:] == [
        "time      password              30.0 ms  #",
        "          directory             50.0 ms  #",
        "          approval             400.0 ms  ####",
        "          upstream rsa          20.0 ms  #",
        "          upstream nps           3.00 s  ##############################",
        "          deciding and store   500.0 ms  #####",
        "          total                  4.00 s  ########################################",
    ]


def test_stages_are_all_of_the_time() -> None:
    """Nothing of a round's time is lost, and nothing is counted twice."""
    spent = stages(RULED)
    assert sum(us for _, us in spent) == 4_000_000
    assert spent[-1] == ("deciding and store", 500_000)


@pytest.mark.parametrize(("thought", "person"), [(3_000_000, 3_000_000), (9_000_000, 3_500_000)])
def test_time_of_a_person_is_told_apart(thought: int, person: int) -> None:
    """Whether a service was slow or somebody looked for the phone; never more than the round."""
    asked = {"name": "duo", "us": 3_500_000, "person_us": thought}
    assert stages({"us": {"total": 4_000_000}, "upstreams": [asked]}) == [
        ("upstream duo", 3_500_000 - person),
        ("person, at duo", person),
        ("deciding and store", 500_000),
    ]


@pytest.mark.parametrize(
    ("line", "spent"),
    [
        pytest.param({}, [("deciding and store", 0)], id="empty"),
        pytest.param({"us": 7}, [("deciding and store", 0)], id="no-times"),
        pytest.param(
            {"us": {"total": "x", "password": None, "directory": -5}},
            [("password", 0), ("directory", 0), ("deciding and store", 0)],
            id="no-numbers",
        ),
        pytest.param(
            {"us": {"total": 5, "password": 9}},
            [("password", 9), ("deciding and store", 0)],
            id="more-than-all",
        ),
        pytest.param(
            {"us": {"total": 5}, "upstreams": [7, {}, {"name": "\x1b", "us": 2}]},
            [("upstream None", 0), ('upstream "\\u001b"', 2), ("deciding and store", 3)],
            id="odd-upstreams",
        ),
        pytest.param(
            {"us": {"total": 5}, "upstreams": "x"}, [("deciding and store", 5)], id="text"
        ),
        pytest.param(
            {"us": {"total": 5}, "upstreams": [{"name": "duo", "us": 4, "person_us": "x"}]},
            [("upstream duo", 4), ("deciding and store", 1)],
            id="no-person",
        ),
    ],
)
def test_damaged_times_are_no_obstacle(
    line: dict[str, Any], spent: list[tuple[str, int]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever somebody wrote into a line, it is told as well as it can be."""
    assert stages(line) == spent
    assert _said(capsys, line, bars=True)[-1].startswith("          total")


def test_hostile_texts_reach_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """What a client sent as a name is shown, not acted on."""
    hostile = {name: "\x1b[2J\u202e\n" for name in RULED if name not in {"us", "upstreams"}}
    lines = _said(capsys, hostile)
    Teller(as_json=False).several({"x": [hostile]})
    lines += capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in lines)
    assert "decision  " + '"\\u001b[2J\\u202e\\n": "\\u001b[2J\\u202e\\n"' in lines


def test_reason_of_another_version_is_told_without_words(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An old store may hold a reason that is no more; the login is told nevertheless."""
    line = RULED | {"reason": "eaten-by-a-dog"}
    lines = _said(capsys, line)
    assert "decision  reject: eaten-by-a-dog" in lines
    assert "means     this version has no words for that reason" in lines
    assert "meaning" not in _json(capsys, [line])["logins"][0]["rounds"][0]


def test_open_challenge_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A login that ends in a question has not ended."""
    line = RULED | {"decision": "challenge", "reason": "passcode-wanted"}
    assert _said(capsys, line)[-1] == "open      nobody has answered that challenge, or not yet"
    assert "open      " not in "".join(_said(capsys, line, RULED))


def test_json_has_what_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A program gets every fact, the words and the stages of each round."""
    told = EXPLANATIONS[Reason.UPSTREAM_REFUSED]
    kept = {name: value for name, value in RULED.items() if name not in {"kind", "id", "us"}}
    words = {"meaning": told.meaning, "told": told.told, "advice": told.advice}
    spent = [{"name": name, "us": us} for name, us in stages(RULED)]
    expected = {"id": RULED["id"], "rounds": [{**kept, **words, "stages": spent}]}
    assert _json(capsys, [RULED]) == {"reasons": [], "logins": [expected]}
