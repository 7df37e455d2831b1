"""Tests of `radiusmfa.cli.approval`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.stores import approvals

if TYPE_CHECKING:
    from tests.unit.cli.office import Office, Ran

_APPROVALS: Final = """
approvals:
  aws-root: {}
  vault: {persons: 2}
  aws-change: {servicenow: {url: "https://it.example.com", user: reader, password: {file: secret}}}
"""


@pytest.fixture
def desk(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    """A desk with alice and three approvals; bob has logged in and uses sudo."""
    office.config.write_text(office.config.read_text() + _APPROVALS)
    office.done("user", "add", "alice", "--no-password")
    monkeypatch.setenv("SUDO_USER", "bob")
    return office


def _grant(desk: Office, approval: str = "aws-root", *more: str) -> Ran:
    return desk.done("approval", "grant", approval, "alice", "--why", "CHG1", "--for", "8h", *more)


def _states(desk: Office, *words: str) -> dict[int, str]:
    found = desk.done("approval", "list", *words, "--json").json
    return {one["id"]: one["state"] for one in found}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param([], "Missing argument 'APPROVAL'", id="nothing"),
        pytest.param(["aws-root"], "Missing argument 'USER'", id="no-user"),
        pytest.param(["aws-root", "alice", "--for", "8h"], "Missing option '--why'", id="no-why"),
        pytest.param(["aws-root", "alice", "--why", "x"], "--for or --until", id="no-end"),
        pytest.param(
            ["aws-root", "alice", "--why", "x", "--for", "8h", "--until", "2099-01-01"],
            "--for or --until, one of them",
            id="two-ends",
        ),
        pytest.param(
            ["aws-root", "alice", "--why", "x", "--for", "8"], "a duration is written", id="for"
        ),
        pytest.param(
            ["aws-root", "alice", "--why", "x", "--until", "18:00"], "a time is written", id="until"
        ),
        pytest.param(
            ["aws-rot", "alice", "--why", "x", "--for", "8h"], "did you mean aws-root?", id="typo"
        ),
        pytest.param(
            ["xyz", "alice", "--why", "x", "--for", "8h"],
            "has no approval 'xyz'; it has: aws-root, vault.",
            id="unknown",
        ),
        pytest.param(
            ["aws-change", "alice", "--why", "x", "--for", "8h"],
            "aws-change is looked up in ServiceNow, and cannot be granted here",
            id="servicenow",
        ),
        pytest.param(
            ["aws-root", "a\0", "--why", "x", "--for", "8h"], "a user name must", id="bad-user"
        ),
    ],
)
def test_wrong_usage_of_grant_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 2, one line, and nothing is changed."""
    assert why in desk.refused(2, "approval", "grant", *words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["confirm"], "Missing argument 'ID'", id="confirm-nothing"),
        pytest.param(["confirm", "#1"], "is not a valid integer", id="confirm-hash"),
        pytest.param(["confirm", str(2**63)], "is not in the range", id="beyond-the-store"),
        pytest.param(["revoke"], "Name the ID of an approval, or say --user", id="revoke-nothing"),
        pytest.param(["revoke", "1", "--user", "alice"], "Name the ID", id="revoke-both"),
        pytest.param(["revoke", "1"], "Revoke #1 aws-root of alice? Nobody can answer", id="ask"),
        pytest.param(["revoke", "--user", "alice"], "Nobody can answer here", id="ask-all"),
        pytest.param(["list", "--approval", "aws-rot"], "did you mean aws-root?", id="list-typo"),
        pytest.param(["list", "--approval", "aws-change"], "ServiceNow", id="list-servicenow"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 2, one line, and nothing is changed."""
    _grant(desk)
    assert why in desk.refused(2, "approval", *words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(
            ["grant", "aws-root", "bob", "--why", "x", "--for", "8h"], "for themselves", id="self"
        ),
        pytest.param(
            ["grant", "aws-root", "alice", "--why", " ", "--for", "8h"], "say why", id="no-why"
        ),
        pytest.param(
            ["grant", "aws-root", "alice", "--why", "x", "--for", "31d"], "at the latest", id="long"
        ),
        pytest.param(
            ["grant", "aws-root", "alice", "--why", "x", "--until", "2020-01-01"],
            "2020-01-01T00:00:00.000Z is over already",
            id="past",
        ),
        pytest.param(["confirm", "9"], "there is no approval #9", id="confirm-unknown"),
        pytest.param(["confirm", "1"], "is in force: there is nothing", id="confirm-in-force"),
        pytest.param(["confirm", "2"], "granted by bob: two different persons", id="confirm-own"),
        pytest.param(["revoke", "9", "--yes"], "there is no approval #9", id="revoke-unknown"),
        pytest.param(["revoke", "--user", "eve", "-y"], "nothing is granted to 'eve'", id="nobody"),
    ],
)
def test_what_cannot_be_done_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 1, one line, and nothing is changed."""
    _grant(desk)
    _grant(desk, "vault")
    assert why in desk.refused(1, "approval", *words)


def test_root_without_sudo_is_not_one_of_two(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two persons are asked for, whoever is root must say who they were before."""
    monkeypatch.setenv("SUDO_USER", "root")
    words = ("vault", "alice", "--why", "x", "--for", "8h")
    assert "root may be anybody" in desk.refused(1, "approval", "grant", *words)


def test_grant_is_in_force(desk: Office) -> None:
    """It says until when, and the listing has who and why."""
    before = time.time()
    ran = _grant(desk)
    assert ran.out.startswith("#1 aws-root of alice is in force until 20")
    assert ran.err == ""
    (found,) = desk.done("approval", "list", "--json").json
    assert before + 28799 <= found["until"] <= time.time() + 28800
    del found["until"], found["created"]
    assert found == {
        "id": 1, "approval": "aws-root", "user": "alice", "state": "in force", "why": "CHG1",
        "granted_by": "bob", "second_by": None, "revoked_by": None, "revoked": None,
    }  # fmt: skip


def test_end_can_be_named(desk: Office) -> None:
    """A point in time instead of how long; UTC unless it says another zone."""
    at = time.gmtime(time.time() + 86400)
    text = time.strftime("%Y-%m-%dT%H:%M", at)
    ran = desk.done("approval", "grant", "aws-root", "alice", "--why", "x", "--until", text)
    assert ran.out == f"#1 aws-root of alice is in force until {text.replace('T', ' ')}:00Z.\n"
    west = desk.done(
        "approval", "grant", "aws-root", "alice", "--why", "x", "--until", f"{text}-05:00", "--json"
    ).json
    (first, second) = desk.done("approval", "list", "--json").json
    assert second["until"] - first["until"] == 5 * 3600
    assert west == second


def test_unknown_user_is_warned_of(desk: Office) -> None:
    """Somebody whom only a directory knows can have an approval; a slip is noticed."""
    ran = desk.done("approval", "grant", "aws-root", "carol", "--why", "x", "--for", "1h")
    assert ran.err == (
        "warning: the store knows no 'carol': it counts for whomever a directory calls so\n"
    )


def test_two_persons(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """One grants, another one confirms; then it counts."""
    ran = _grant(desk, "vault")
    first, second = ran.out.splitlines()
    assert first.startswith("#1 vault of alice is pending until 20")
    assert second == "It counts when another person has said: radiusmfa approval confirm 1"
    assert _states(desk) == {1: "pending"}
    monkeypatch.setenv("SUDO_USER", "eve")
    ran = desk.done("approval", "confirm", "1")
    assert ran.out.startswith("#1 vault of alice is in force until 20")
    assert _states(desk) == {1: "in force"}
    assert "bob, eve" in desk.done("approval", "list").out
    behind = [line["by"].partition(" ")[2] for line in desk.lines()[-2:]]
    assert behind == ["(sudo by bob)", "(sudo by eve)"]


def test_approval_that_is_configured_no_more(desk: Office) -> None:
    """It can be revoked and is listed, but not confirmed."""
    _grant(desk)
    desk.config.write_text(desk.config.read_text().replace("aws-root: {}", "aws: {}"))
    (line,) = desk.done("approval", "list", "--approval", "aws-root").out.splitlines()[1:]
    assert "not configured" in line
    assert "has no approval 'aws-root'" in desk.refused(2, "approval", "confirm", "1")
    assert desk.done("approval", "revoke", "1", "--yes").code == 0


def test_revoking(desk: Office) -> None:
    """One, or all of one person; it asks first."""
    for approval in ("aws-root", "vault", "aws-root"):
        _grant(desk, approval)
    assert desk.run("approval", "revoke", "1", typed="n\n", terminal=True).code == 1
    assert desk.run("approval", "revoke", "1", typed="y\n", terminal=True).code == 0
    assert _states(desk) == {2: "pending", 3: "in force"}
    found = desk.done("approval", "revoke", "--user", "alice", "--yes", "--json").json
    assert [(one["id"], one["state"], one["revoked_by"]) for one in found] == [
        (2, "revoked", "bob"),
        (3, "revoked", "bob"),
    ]
    assert _states(desk) == {}
    _grant(desk)
    ran = desk.done("approval", "revoke", "4", "--yes")
    assert ran.out == "#4 aws-root of alice is revoked.\n"


def test_list_leaves_out_what_is_over(desk: Office) -> None:
    """What has ended or was revoked is shown with --all."""
    _grant(desk)
    _grant(desk)
    _grant(desk, "vault")
    desk.done("approval", "revoke", "1", "--yes")
    with desk.open() as store, store.transaction() as connection:
        connection.execute("UPDATE approvals SET until = 5 WHERE id = 2")
        assert approvals.expire(connection, 5) == 1
    assert _states(desk) == {3: "pending"}
    assert _states(desk, "--all") == {1: "revoked", 2: "ended", 3: "pending"}
    assert _states(desk, "--all", "--approval", "aws-root") == {1: "revoked", 2: "ended"}
    assert _states(desk, "--all", "--user", "bob") == {}
    lines = desk.done("approval", "list").out.splitlines()
    assert lines[0].split() == ["ID", "APPROVAL", "USER", "STATE", "UNTIL", "GRANTED", "BY", "WHY"]
    assert lines[1].split()[:4] == ["3", "vault", "alice", "pending"]
    assert len(lines) == 2
