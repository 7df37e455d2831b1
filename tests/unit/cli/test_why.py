"""Tests of `radiusmfa.cli.why`: what is meant by the words, and what is found."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.ops.audit import Lines, Told
from radiusmfa.reasons import EXPLANATIONS
from radiusmfa.secret import Secret
from radiusmfa.stores import trail
from radiusmfa.wire import codec, numbers
from tests.unit.stores.stock import NOW

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

ONE: Final = "Ab3dEf9xKq0_m2Np"
OTHER: Final = "Ab3dZZZZ-------Q"
THIRD: Final = "zzzzzzzz00000000"
KEY: Final = codec.SigningKey(Secret(b"0123456789abcdef"))


def _line(minute: int, user: bytes, told: Told) -> str:
    body = codec.attribute(numbers.USER_NAME, user)
    packet = codec.decode(codec.request(numbers.ACCESS_REQUEST, 7, bytes(16), body, KEY))
    return Lines().login(NOW + 60 * minute, user, "vpn", "192.0.2.1", packet, told)


@pytest.fixture
def desk(office: Office) -> Office:
    """A desk with the audit of three logins, one of two rounds, and what is no login."""
    lines = [
        _line(
            0, b"alice", Told(ONE, "challenge", "passcode-wanted", "auto", "", "", 31_200, 30_100)
        ),
        _line(1, b"bob", Told(OTHER, "accept", "passed", "auto", "totp", "T-2", 100)),
        _line(2, b"alice", Told(ONE, "reject", "bad-passcode", "auto", "", "", 1100)),
        _line(3, b"carol", Told(THIRD, "challenge", "passcode-wanted", "auto", "", "", 9)),
        json.dumps({"kind": "accounting", "id": ONE, "user": "alice"}, separators=(",", ":")),
        json.dumps({"kind": "admin", "user": f'"id":"{ONE}'}, separators=(",", ":")),
    ]
    with office.open() as store, store.transaction():
        trail.append(store, lines)
    return office


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["qqqqqqqq"], "it is no reason, and no login in the audit", id="unknown"),
        pytest.param([ONE[:7] + "?"], "has such an id", id="no-id"),
        pytest.param(["abc"], "has such an id", id="too-short-for-an-id"),
        pytest.param([ONE + "x"], "has such an id", id="too-long-for-an-id"),
        pytest.param([""], "nothing is known of ''", id="nothing"),
        pytest.param(["bad-pascode"], "did you mean bad-passcode?", id="misspelled"),
        pytest.param(["login Ab3d"], "has such an id", id="too-short-in-a-sentence"),
        pytest.param(
            ["--since", "2027-01-16", "qqqqqqqq"],
            "no login since 2027-01-16T00:00:00.000Z in the audit",
            id="since",
        ),
        pytest.param(["%%%%%%%%"], "has such an id", id="signs-of-the-store"),
        pytest.param(["________"], "has such an id", id="any-sign-of-the-store"),
    ],
)
def test_unknown_is_said_with_a_hint(words: list[str], why: str, desk: Office) -> None:
    """What is neither a reason nor a login is one line, exit code 1, and nothing is changed."""
    assert why in desk.refused(1, "why", *words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "Missing argument"),
        (["--bogus", "locked"], "No such option"),
        (["--since", "yesterday", "locked"], "a time is written"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 2 and one line."""
    assert why in desk.refused(2, "why", *words)


@pytest.mark.parametrize("code", EXPLANATIONS)
def test_every_reason_is_explained(code: str, office: Office) -> None:
    """A reason alone, in capitals too, is told in words, without store and configuration."""
    office.config.unlink()
    told = EXPLANATIONS[code]
    out = office.done("why", code.upper()).out
    assert out.startswith(f"reason    {code} ({told.kind.value})\n")
    assert f"means     {told.meaning}\n" in out
    assert office.done("why", "--json", code).json == {
        "reasons": [
            {
                "reason": code,
                "kind": told.kind.value,
                "meaning": told.meaning,
                "told": told.told,
                "advice": told.advice,
            }
        ],
        "logins": [],
    }


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([ONE], id="whole"),
        pytest.param([ONE[:8]], id="short"),
        pytest.param([ONE[:8].upper()], id="as-it-was-heard"),
        pytest.param([ONE[:5]], id="shorter"),
        pytest.param([f" {ONE[:8]}  "], id="with-blanks"),
        pytest.param([f"Login refused: bad-passcode (id {ONE[:8]})."], id="text-of-the-screen"),
        pytest.param(["Access", "denied,", "password", f"[{ONE}]"], id="without-quotes"),
        pytest.param(["locked", ONE[:8]], id="id-before-reason"),
    ],
)
def test_login_is_found_by_its_id(words: list[str], desk: Office) -> None:
    """The id, its beginning, or a text that holds it: all rounds, oldest first, of that login."""
    (login,) = desk.done("why", "--json", *words).json["logins"]
    assert login["id"] == ONE
    assert [one["decision"] for one in login["rounds"]] == ["challenge", "reject"]
    assert [one["reason"] for one in login["rounds"]] == ["passcode-wanted", "bad-passcode"]


def test_login_is_told_round_by_round(desk: Office) -> None:
    """Time, user, client, decision, the reason in words, and where the time went."""
    assert desk.done("why", ONE[:8]).out == (
        "login     Ab3dEf9xKq0_m2Np: 2 rounds, reject at the end\n"
        "round 1   2027-01-15T08:00:00.000Z\n"
        "user      alice\n"
        "client    vpn, source 192.0.2.1, mode auto\n"
        "decision  challenge: passcode-wanted\n"
        "means     The user is asked for a code, for the first time or again after a wrong one.\n"
        "tell      Type the code that the token or the phone shows now.\n"
        "time      password              30.1 ms\n"
        "          deciding and store     1.1 ms\n"
        "          total                 31.2 ms\n"
        "round 2   2027-01-15T08:02:00.000Z\n"
        "user      alice\n"
        "client    vpn, source 192.0.2.1, mode auto\n"
        "decision  reject: bad-passcode\n"
        "means     No token of the user shows that code now.\n"
        "tell      Type the code that is shown now, before it changes.\n"
        "do        Is the phone's clock right? Then: `radiusmfa token resync SERIAL`.\n"
        "time      deciding and store     1.1 ms\n"
        "          total                  1.1 ms\n"
    )


def test_several_logins_are_listed(desk: Office) -> None:
    """A beginning that two logins share names both, and is no answer."""
    ran = desk.run("why", ONE[:4])
    assert ran.code == 1
    assert ran.err == "radiusmfa: several logins are meant: name more of the id\n"
    head, first, second = ran.out.splitlines()
    assert head.split() == ["ID", "TIME", "USER", "CLIENT", "DECISION", "REASON"]
    assert first.split() == [
        ONE, "2027-01-15T08:02:00.000Z", "alice", "vpn", "reject", "bad-passcode"
    ]  # fmt: skip
    assert second.split()[0] == OTHER
    ran = desk.run("why", "--json", ONE[:4])
    assert (ran.code, [one["id"] for one in ran.json["logins"]]) == (1, [ONE, OTHER])


def test_reason_is_explained_where_the_login_is_elsewhere(desk: Office) -> None:
    """A text whose id this audit does not have still has its reason; exit code 1 says the rest."""
    ran = desk.run("why", "Refused: not-approved, unanswered, not-approved (id 0000aaaa)")
    assert ran.code == 1
    assert ran.err == "radiusmfa: no login in the audit has an id that stands there\n"
    assert [line for line in ran.out.splitlines() if line.startswith("reason")] == [
        "reason    not-approved (reject)",
        "reason    unanswered (reject)",
    ]


def test_reasons_of_a_text_without_an_id_are_explained(desk: Office) -> None:
    """Short words of a sentence are no ids, so nothing is missing."""
    told = desk.done("why", "--json", "it says locked or broken").json
    assert [one["reason"] for one in told["reasons"]] == ["locked", "broken"]


def test_store_is_needed_for_a_login(office: Office) -> None:
    """Where the store is missing, one line says so; a reason is not sought there."""
    office.stock.path.unlink()
    ran = office.run("why", ONE)
    assert (ran.code, ran.out, ran.err.count("\n")) == (4, "", 1)
    assert office.done("why", "locked").out


def test_minus_in_front_of_an_id_is_possible(desk: Office) -> None:
    """Behind -- an id may begin with what else is an option."""
    with desk.open() as store, store.transaction():
        trail.append(
            store, [_line(9, b"dora", Told("-h_d0000AAAAbbbb", "accept", "passed", "auto"))]
        )
    (login,) = desk.done("why", "--json", "--", "-h_d0000").json["logins"]
    assert login["rounds"][0]["user"] == "dora"


def test_times_are_drawn_on_a_terminal(desk: Office) -> None:
    """Somebody at a terminal sees where the time went; a file has the numbers alone."""
    primary, secondary = pty.openpty()
    command = [sys.executable, "-m", "radiusmfa", "-c", str(desk.config), "why", ONE]
    try:
        with os.fdopen(secondary, "wb") as terminal:
            subprocess.run(command, stdout=terminal, check=True, cwd=Path(__file__).parents[3])
        shown = os.read(primary, 1 << 16).decode()
    finally:
        os.close(primary)
    assert f"password              30.1 ms  {'#' * 39}\r\n" in shown
    assert "#" not in desk.done("why", ONE).out
