"""Tests of `radiusmfa.cli.audit`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.cli.audit import Moment
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import Failed, Reason
from radiusmfa.server import told
from radiusmfa.stores import trail
from tests.fakes import FakeClock
from tests.unit.stores.stock import NOW, full_disk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.office import Office


def _login(at: int, **fields: str) -> str:
    line = {"time": trail.timestamp(NOW + 60 * at), "kind": "login", "us": "7"} | fields
    return json.dumps(line)


@pytest.fixture
def written(office: Office) -> Office:
    """A desk with an audit of six lines."""
    lines = [
        _login(0, user="alice", client="vpn", decision="challenge", reason="", id="a1"),
        _login(1, user="Alice", client="vpn", decision="accept", reason="ok", id="a1"),
        _login(2, user="bob", client="vpn", decision="reject", reason="wrong password", id="b1"),
        _login(3, user="\x1b[2J\x00", client="wifi", decision="reject", reason="no user", id="c1"),
        json.dumps({"time": trail.timestamp(NOW + 240), "kind": "accounting", "client": "vpn"}),
        json.dumps({"time": trail.timestamp(NOW + 300), "kind": "admin", "user": "jörg müller"}),
    ]
    with office.open() as store, store.transaction():
        trail.append(store, lines)
    return office


def _ids(office: Office, *words: str) -> list[str]:
    found: list[dict[str, Any]] = [
        json.loads(line)
        for line in office.done("audit", "search", "--json", *words).out.splitlines()
    ]
    return [one.get("id", one["kind"]) for one in found]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["tail", "-n", "-1"], "x>=0"),
        (["tail", "-n", "x"], "not a valid integer"),
        (["search", "--since", "yesterday"], "a time is written 2026-11-24"),
        (["search", "--until", "90y"], "a time is written"),
        (["search", "--since", "9999999s"], "a time is written"),
        (["search", "--decision", "maybe"], "is not one of"),
        (["search", "--kind", "maybe"], "is not one of"),
        (["search", "--user", ""], "a user name must not be empty"),
    ],
    ids=lambda words: "-".join(words) if isinstance(words, list) else "",
)
def test_wrong_usage_is_refused(words: list[str], why: str, written: Office) -> None:
    """Exit code 2 and one line."""
    assert why in written.refused(2, "audit", *words)


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        pytest.param([], ["a1", "a1", "b1", "c1", "accounting", "admin"], id="all"),
        pytest.param(["--user", "ALICE"], ["a1", "a1"], id="user-in-any-spelling"),
        pytest.param(["--user", "Jo\u0308rg Müller"], ["admin"], id="user-of-unicode"),
        pytest.param(["--client", "wifi"], ["c1"], id="client"),
        pytest.param(["--decision", "reject"], ["b1", "c1"], id="decision"),
        pytest.param(["--reason", "ok"], ["a1"], id="reason"),
        pytest.param(["--kind", "accounting"], ["accounting"], id="kind"),
        pytest.param(["--id", "a1"], ["a1", "a1"], id="rounds-of-a-login"),
        pytest.param(["--user", "bob", "--client", "vpn"], ["b1"], id="both"),
        pytest.param(["--user", "bob", "--client", "wifi"], [], id="none"),
        pytest.param(["--since", "2027-01-15T08:04:00Z"], ["accounting", "admin"], id="since"),
        pytest.param(["--until", "2027-01-15T09:01:00+01:00"], ["a1", "a1"], id="until"),
        pytest.param(["--since", "2027-01-16"], [], id="too-late"),
        pytest.param(["--until", "1d"], [], id="before-yesterday"),
    ],
)
def test_search_finds_what_fits(words: list[str], ids: list[str], written: Office) -> None:
    """Everything that is named must fit; oldest first."""
    assert _ids(written, *words) == ids


def test_search_finds_a_person_by_any_of_their_names(written: Office) -> None:
    """A login under an alias is found by that and by the one name, and by nobody else's."""
    with written.open() as store, store.transaction():
        trail.append(store, ['{"kind":"login","id":"d1","user":"J@x.example","person":"jane"}'])
    assert _ids(written, "--user", "jane") == ["d1"]
    assert _ids(written, "--user", "j@X.example") == ["d1"]
    assert "d1" not in _ids(written, "--user", "alice")


def test_lines_are_shown_for_people(written: Office) -> None:
    """Time, kind, and each field; what a terminal would act on is shown, not sent."""
    lines = written.done("audit", "search").out.splitlines()
    assert lines[1] == (
        "2027-01-15T08:01:00.000Z login user=Alice client=vpn decision=accept reason=ok id=a1"
    )
    assert 'reason="wrong password"' in lines[2]
    assert 'user="\\u001b[2J\\u0000"' in lines[3]
    assert lines[5].endswith('user="jörg müller"')
    assert all(line.isprintable() for line in lines)


def test_upstreams_of_a_login_are_found_and_shown(written: Office) -> None:
    """Who was asked, by which server, what it meant and said; a search finds it by name."""
    asked = [
        {"name": "rsa", "server": "192.0.2.1:1812", "event": "locked", "answer": "reject", "us": 7},
        {"name": "nps", "answer": "upstream-silent", "sent": 3},
    ]
    line = {"kind": "login", "id": "u1", "factor": "totp", "instead_of": "securid"}
    lines = [
        json.dumps(line | {"upstreams": asked}),
        json.dumps(line | {"id": "u2", "upstreams": "rsa"}),
        json.dumps(line | {"id": "u3", "upstreams": ["rsa", 7]}),
    ]
    with written.open() as store, store.transaction():
        trail.append(store, lines)
    assert _ids(written, "--upstream", "rsa") == ["u1"]
    assert _ids(written, "--upstream", "nps", "--kind", "login") == ["u1"]
    assert _ids(written, "--upstream", "vip") == []
    (shown,) = written.done("audit", "search", "--id", "u1").out.splitlines()
    assert shown.endswith(
        "factor=totp instead_of=securid"
        " upstreams=rsa/192.0.2.1:1812/locked/reject,nps/upstream-silent"
    )


@pytest.mark.parametrize(
    ("taken", "shown"),
    [
        (6_210_000, "/push/iOS:***0100/person:6.2s"),
        (0, "/push/iOS:***0100"),
        ("x", "/push/iOS:***0100"),
    ],
)
def test_way_device_and_time_of_a_person_are_shown(
    taken: object, shown: str, written: Office
) -> None:
    """Who reads the audit without JSON sees how somebody was asked, where, and how long it took."""
    asked = {"name": "duo", "answer": "accept", "way": "push", "device": "iOS:***0100"}
    line = {"kind": "login", "id": "p1", "upstreams": [asked | {"person_us": taken}]}
    with written.open() as store, store.transaction():
        trail.append(store, [json.dumps(line)])
    (found,) = written.done("audit", "search", "--id", "p1").out.splitlines()
    assert found.endswith(f" upstreams=duo/accept{shown}")


def test_alarms_are_found_by_their_kind(written: Office) -> None:
    """What must not be overlooked can be asked for, and says whose phone, at which client."""
    clock = FakeClock()
    asked = AskService(service="push", user="alice", client="vpn")
    served = Served(outcome=Failed(Reason.FRAUD_REPORTED), way="push", device="iOS (***0100)")
    with written.open() as store, store.transaction():
        trail.append(store, [told.alarm(clock, asked, served)])
    (shown,) = written.done("audit", "search", "--kind", "alarm").out.splitlines()
    assert shown == (
        "2027-01-15T08:00:00.000Z alarm reason=fraud-reported user=alice client=vpn service=push"
        ' way=push device="iOS (***0100)"'
    )


def test_lines_of_a_policy_are_found(written: Office) -> None:
    """What a policy decided, and by which reason, is found by its name, and shown."""
    lines = [
        _login(9, id="p1", reason="not-approved", policy="aws-root", group="AWS owners"),
        _login(10, id="p2", reason="passed", policy="aws-root", approval="CHG0030001"),
        _login(11, id="p3", reason="passed", policy="vpn"),
    ]
    with written.open() as store, store.transaction():
        trail.append(store, lines)
    assert _ids(written, "--policy", "aws-root") == ["p1", "p2"]
    assert _ids(written, "--policy", "aws-root", "--reason", "passed") == ["p2"]
    (shown,) = written.done("audit", "search", "--id", "p1").out.splitlines()
    assert shown.endswith('policy=aws-root group="AWS owners"')


def test_tail_shows_the_latest(written: Office) -> None:
    """The last lines, or all if there are fewer, or none."""
    assert len(written.done("audit", "tail").out.splitlines()) == 6
    (line,) = written.done("audit", "tail", "-n", "1", "--json").out.splitlines()
    assert json.loads(line)["kind"] == "admin"
    assert not written.done("audit", "tail", "-n", "0").out


def test_damaged_line_is_shown(written: Office) -> None:
    """A line that is no JSON, or no object, is shown as it is and found by no search."""
    with written.stock.raw() as connection:
        connection.execute("UPDATE audit SET line = 'odd\x1b' WHERE seq = 5")
        connection.execute("UPDATE audit SET line = '[1]' WHERE seq = 6")
    lines = written.done("audit", "tail", "-n", "2").out.splitlines()
    assert lines == ['"odd\\u001b"', '"[1]"']
    assert _ids(written, "--kind", "admin") == []


def test_follow_shows_what_comes(written: Office) -> None:
    """`tail -f` shows new lines as they are written, until Ctrl-C."""
    command = [sys.executable, "-m", "radiusmfa", "-c", str(written.config), "audit", "tail"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "-n", "1", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b"kind=" not in process.stdout.readline()
        written.done("user", "add", "later", "--no-password")
        assert b"action=user.add" in process.stdout.readline()
        process.send_signal(2)
        assert process.stderr.read() == b"radiusmfa: stopped\n"
        assert process.wait() == 130


def test_unbroken_audit_verifies(written: Office) -> None:
    """Exit code 0 and how many lines there are."""
    assert written.done("audit", "verify").out == "6 lines, unbroken.\n"
    assert written.done("audit", "verify", "--json").json == {
        "verified": True,
        "lines": 6,
        "fault": None,
        "line": None,
    }


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("UPDATE audit SET line = '{}' WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 6", 6),
        ("DELETE FROM meta WHERE name = 'audit_head'", 6),
    ],
    ids=["changed", "removed", "cut-off", "no-head"],
)
def test_broken_audit_is_found(how: str, line: int, written: Office) -> None:
    """Exit code 1 and the first wrong line, also as JSON."""
    with written.stock.raw() as connection:
        connection.execute(how)
    ran = written.run("audit", "verify")
    assert (ran.code, ran.out) == (1, "")
    assert re.match(rf"radiusmfa: line {line}: .+\n\Z", ran.err)
    ran = written.run("audit", "verify", "--json")
    assert (ran.code, ran.json["verified"], ran.json["line"]) == (1, False, line)


def test_export_writes_every_line(written: Office, tmp_path: Path) -> None:
    """One JSON object a line, to standard output or a new file; with --chain what proves them."""
    out = written.done("audit", "export").out
    assert len(out.splitlines()) == 6
    path = tmp_path / "out"
    assert written.done("audit", "export", str(path)).out == f"{path}: 6 lines.\n"
    assert path.read_text() == out
    assert path.stat().st_mode & 0o777 == 0o600
    chained = [
        json.loads(line) for line in written.done("audit", "export", "--chain").out.splitlines()
    ]
    assert [one["line"] for one in chained] == out.splitlines()
    assert [one["seq"] for one in chained] == [1, 2, 3, 4, 5, 6]
    with written.open() as store:
        assert chained[-1]["mac"] == trail.head(store.connection)[1].hex()


def test_export_tells_in_json(written: Office, tmp_path: Path) -> None:
    """A program learns how many lines were written."""
    path = str(tmp_path / "out")
    assert written.done("audit", "export", path, "--json").json == {"file": path, "lines": 6}


def test_export_overwrites_nothing(written: Office) -> None:
    """A file that is there stays."""
    path = written.file("out", "mine")
    assert "is there already" in written.refused(2, "audit", "export", path)


def test_full_disk_leaves_no_export(written: Office, tmp_path: Path) -> None:
    """Half an export does not stay."""
    with written.open() as store, store.transaction():
        trail.append(store, [_login(at) for at in range(5000)])
    with full_disk(300_000):
        ran = written.run("audit", "export", str(tmp_path / "out"))
    assert ran.code == 74
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24", "2026-11-24T00:00:00.000Z"),
        ("2026-11-24T14:00:00Z", "2026-11-24T14:00:00.000Z"),
        ("2026-11-24T14:00:00-02:30", "2026-11-24T16:30:00.000Z"),
        ("2026-11-24 14:00", "2026-11-24T14:00:00.000Z"),
    ],
)
def test_times_are_utc_unless_said(text: str, moment: str) -> None:
    """A time without a zone is UTC, as all times in the audit are."""
    assert Moment().convert(text, None, None) == moment


def test_ages_are_counted_from_now() -> None:
    """`90m` is an hour and a half ago, and later than two hours ago."""
    two_hours, ninety, hour = (
        Moment().convert(text, None, None) for text in ("2h", "90m", "3600s")
    )
    assert two_hours < ninety < hour
