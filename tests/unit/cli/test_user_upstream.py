"""Tests of `radiusmfa.cli.user_upstream`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

_UPSTREAMS = """
upstreams:
  rsa: {servers: [{host: 127.0.0.1, secret: {file: secret}}], dialogue: securid}
  nps: {servers: [{host: 127.0.0.1, port: 1645, secret: {file: secret}}], dialogue: nps}
factors: {totp: {}, securid: {upstream: rsa}}
"""


@pytest.fixture
def desk(office: Office) -> Office:
    """A desk with alice and bob, and two upstreams, one of which nobody asks."""
    office.config.write_text(office.config.read_text() + _UPSTREAMS)
    for name in ("alice", "bob"):
        office.done("user", "add", name, "--no-password")
    return office


def _of(desk: Office, name: str) -> dict[str, str]:
    found: dict[str, str] = desk.done("user", "show", name, "--json").json["upstreams"]
    return found


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param([], "Name a USER and an UPSTREAM", id="nothing"),
        pytest.param(["alice"], "Name a USER and an UPSTREAM", id="no-upstream"),
        pytest.param(["alice", "rsa", "--dry-run"], "or a file with --import", id="dry-run"),
        pytest.param(["alice", "rsb"], "did you mean rsa?", id="unknown-upstream"),
        pytest.param(["alice", "securid"], "that is a factor; its upstream is rsa", id="factor"),
        pytest.param(["alice", "rsa", "--as", ""], "--as: a name must not be empty", id="no-name"),
        pytest.param(["alice", "rsa", "--as", "a\x1b"], "control characters", id="control"),
        pytest.param(["alice", "rsa", "--remove", "--as", "b"], "exclude", id="remove-as"),
        pytest.param(["a\x00b", "rsa"], "control characters", id="bad-user"),
        pytest.param(["alice", "--import", "-"], "takes users", id="user-and-file"),
        pytest.param(["--import", "-", "--remove"], "takes users", id="remove-file"),
        pytest.param(["--import", "-", "--as", "b"], "takes users", id="as-and-file"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 2, one line, and nothing is changed."""
    assert why in desk.refused(2, "user", "upstream", *words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["eve", "rsa"], "there is no user 'eve'", id="assign"),
        pytest.param(["eve", "rsa", "--remove"], "there is no user 'eve'", id="remove"),
        pytest.param(["alice", "rsa", "--remove"], "alice is not assigned to 'rsa'", id="absent"),
    ],
)
def test_what_cannot_be_done_is_refused(words: list[str], why: str, desk: Office) -> None:
    """Exit code 1, one line, and nothing is changed."""
    assert why in desk.refused(1, "user", "upstream", *words)


def test_every_fault_of_a_file_is_told_and_nothing_taken(desk: Office) -> None:
    """Exit code 6 and a line for each fault, those of the rows before those of the store."""
    before = desk.stock.dump()
    ran = desk.run(
        "user", "upstream", "--import", "-", typed="user,upstream\nalice,rsb\nbob,rsa\nbob,rsa\n"
    )
    assert (ran.code, ran.out) == (6, "")
    assert ran.err.splitlines() == [
        f"radiusmfa: line 2: {desk.config} has no upstream 'rsb'; did you mean rsa?",
        "radiusmfa: line 4: the user and upstream of line 3 again",
    ]
    assert desk.stock.dump() == before
    typed = "user,upstream\nalice,rsa\neve,rsa\n"
    for more in ([], ["--dry-run"]):
        line = desk.refused(6, "user", "upstream", "--import", "-", *more, typed=typed)
        assert line == "line 3: there is no user 'eve'"


def test_file_of_noise_is_told_to_an_end(desk: Office) -> None:
    """A thousand faults are told, and how many more there are."""
    typed = "user,upstream\n" + "\n".join(f"eve{at},rsa" for at in range(1003))
    ran = desk.run("user", "upstream", "--import", "-", typed=typed)
    assert ran.code == 6
    lines = ran.err.splitlines()
    assert len(lines) == 1001
    assert lines[-1] == "radiusmfa: and 3 faults more"


def test_missing_file_is_refused(desk: Office) -> None:
    """A file that is not there is one line with its name."""
    line = desk.refused(74, "user", "upstream", "--import", "/no/file")
    assert line == "/no/file: No such file or directory"


def test_user_is_assigned_and_removed(desk: Office) -> None:
    """With or without a name there, replaced, and ended."""
    ran = desk.done("user", "upstream", "Alice", "rsa")
    assert ran.out == "alice is assigned to rsa.\n"
    assert ran.err == ""
    ran = desk.done("user", "upstream", "alice", "rsa", "--as", "ASmith")
    assert ran.out == "alice is assigned to rsa as ASmith.\n"
    assert _of(desk, "alice") == {"rsa": "ASmith"}
    ran = desk.done("user", "upstream", "alice", "rsa", "--remove")
    assert ran.out == "alice is not assigned to rsa any more.\n"
    assert _of(desk, "alice") == {}


def test_user_is_assigned_to_a_service(desk: Office) -> None:
    """Whatever knows people by a name of its own; from a list, too."""
    (desk.config.parent / "duo").write_text(40 * "d")
    (desk.config.parent / "duo").chmod(0o600)
    keys = "integration_key: DIXXXXXXXXXXXXXXXXXX, secret_key: {file: duo}"
    service = f"services: {{push: {{duo: {{host: api-1.example.com, {keys}}}}}}}\n"
    factors = "factors: {totp: {}, push: {service: push}, securid: {upstream: rsa}}"
    text = desk.config.read_text().replace("factors: {totp: {}, securid: {upstream: rsa}}", factors)
    desk.config.write_text(text + service)

    said = desk.done("user", "upstream", "alice", "push", "--as", "asmith")
    assert said.out == "alice is assigned to push as asmith.\n"
    assert said.err == ""
    assert _of(desk, "alice") == {"push": "asmith"}
    assert "did you mean push?" in desk.refused(2, "user", "upstream", "alice", "pusk")


def test_what_is_left_of_an_upstream_can_be_removed(desk: Office) -> None:
    """An assignment to an upstream that the configuration has lost can be ended."""
    desk.done("user", "upstream", "alice", "rsa")
    desk.config.write_text(desk.config.read_text().replace(_UPSTREAMS, ""))
    desk.done("user", "upstream", "alice", "rsa", "--remove")
    assert _of(desk, "alice") == {}


def test_upstream_that_nobody_asks_is_warned_of(desk: Office) -> None:
    """An assignment that changes no login is made, and said to have no effect."""
    ran = desk.done("user", "upstream", "alice", "nps")
    assert (
        ran.err == f"warning: no factor and no client of {desk.config} asks nps: it has no effect\n"
    )
    desk.config.write_text(
        desk.config.read_text().replace("{name: vpn,", "{name: vpn, primary: nps,")
    )
    assert desk.done("user", "upstream", "bob", "nps").err == ""


def test_json_has_all_assignments(desk: Office) -> None:
    """With --json a change prints what the user is assigned to now."""
    desk.done("user", "upstream", "alice", "rsa", "--as", "ASmith")
    found = desk.done("user", "upstream", "alice", "nps", "--json").json
    assert found == {"name": "alice", "upstreams": {"nps": "", "rsa": "ASmith"}}
    found = desk.done("user", "upstream", "alice", "rsa", "--remove", "--json").json
    assert found == {"name": "alice", "upstreams": {"nps": ""}}


def test_file_is_imported_whole(desk: Office) -> None:
    """A dry run changes nothing; then all are assigned, with one line in the audit."""
    path = desk.file("list.csv", "user,upstream,name\nalice,rsa,ASmith\nbob,rsa,\nbob,nps,bob@x\n")
    before = desk.stock.dump()
    ran = desk.done("user", "upstream", "--import", path, "--dry-run")
    assert ran.out == "3 assignments can be imported.\n"
    assert desk.stock.dump() == before
    ran = desk.done("user", "upstream", "--import", path)
    assert ran.out == "3 assignments imported.\n"
    assert "asks nps: it has no effect" in ran.err
    assert _of(desk, "alice") == {"rsa": "ASmith"}
    assert _of(desk, "bob") == {"nps": "bob@x", "rsa": ""}
    line = desk.lines()[-1]
    assert line["action"] == "user.upstream-import"
    assert line["detail"].startswith("3 assignments, SHA-256 ")
    found = desk.done("user", "upstream", "--import", path, "--json", "--dry-run").json
    assert found == {"imported": False, "assignments": 3}
