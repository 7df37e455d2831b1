"""Tests of `radiusmfa.cli.user`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from radiusmfa.primary import hashing
from radiusmfa.stores import assignments, people, strangers
from radiusmfa.stores.assignments import Assignment
from tests.unit.cli.office import PASSWORD
from tests.unit.stores.stock import ACTOR

if TYPE_CHECKING:
    from tests.unit.cli.office import Office


@pytest.fixture
def peopled(office: Office) -> Office:
    """A desk with alice, who has a password and a token."""
    office.done("user", "add", "alice", "--password-file", office.file("pw", PASSWORD))
    office.done("token", "enroll", "alice", "--no-confirm", "--serial", "T1")
    return office


def _opens(office: Office, name: str, password: str) -> bool:
    with office.open() as store:
        stored = people.person(store, name).password
        return stored is not None and hashing.verify(stored, password.encode(), store.pepper)


def _fail(office: Office, until: int) -> None:
    with office.stock.raw() as connection:
        connection.execute(
            "INSERT INTO failures VALUES (1, 'oath', 'vpn', 11, 0, ?, x'00')", (until,)
        )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(["add"], "Missing argument 'NAME'", id="no-name"),
        pytest.param(
            ["add", "bob", "--no-password", "--password-only"], "nothing to prove", id="no-proof"
        ),
        pytest.param(
            ["add", "bob", "--no-password", "--password-file", "-"], "exclude", id="add-both"
        ),
        pytest.param(
            ["password", "alice", "--no-password", "--password-file", "-"], "exclude", id="both"
        ),
        pytest.param(["add", "bob"], "there is no terminal to ask at", id="add-nobody-to-ask"),
        pytest.param(["password", "alice"], "there is no terminal", id="nobody-to-ask"),
        pytest.param(["add", "bob", "--password-file", "-"], "standard input is empty", id="empty"),
        pytest.param(["add", "bob", "--password", "x"], "No such option", id="password-in-argv"),
        pytest.param(["delete", "alice"], "Delete alice? Nobody can answer", id="delete"),
        pytest.param(["exempt", "alice"], "Nobody can answer here: say --yes", id="exempt"),
        pytest.param(["frob"], "No such command", id="no-command"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, peopled: Office) -> None:
    """Exit code 2, one line, and nothing is changed."""
    assert why in peopled.refused(2, "user", *words)


@pytest.mark.parametrize(
    "words",
    [
        ["show", "eve"],
        ["password", "eve", "--no-password"],
        ["password", "eve"],
        ["disable", "eve"],
        ["enable", "eve"],
        ["unlock", "eve"],
        ["exempt", "eve"],
        ["delete", "eve"],
    ],
    ids=" ".join,
)
def test_unknown_user_is_refused(words: list[str], peopled: Office) -> None:
    """Exit code 1, before anybody is asked for a password or for consent."""
    assert "there is no user 'eve'" in peopled.refused(1, "user", *words)


def test_second_user_of_a_name_is_refused_before_a_password_is_asked_for(peopled: Office) -> None:
    """Nobody types a password for nothing."""
    assert "there is a user 'alice' already" in peopled.refused(1, "user", "add", "ALICE")
    assert _opens(peopled, "alice", PASSWORD)


@pytest.mark.parametrize("octets", [129, 100_000])
def test_password_too_long_is_refused(octets: int, peopled: Office) -> None:
    """A password that no packet can carry is refused, and not shown."""
    line = peopled.refused(
        1, "user", "password", "alice", "--password-file", "-", typed="x" * octets
    )
    assert "1 to 128 octets" in line
    assert "xx" not in line


def test_missing_password_file_is_refused(peopled: Office) -> None:
    """A file that is not there is one line with its name."""
    line = peopled.refused(74, "user", "add", "bob", "--password-file", "/no/file")
    assert line == "/no/file: No such file or directory"


@pytest.mark.parametrize("way", ["file", "input"])
def test_password_from_a_file_opens(way: str, office: Office) -> None:
    """The first line of a file or of standard input is the password, as Argon2id."""
    path = office.file("pw", "pässword \nmore\n") if way == "file" else "-"
    ran = office.done("user", "add", "alice", "--password-file", path, typed="pässword \nmore\n")
    assert ran.out == "Added alice.\n"
    assert _opens(office, "alice", "pässword ")
    assert not _opens(office, "alice", "pässword")
    assert office.done("user", "show", "alice", "--json").json["password"] == "argon2id"


def test_password_is_asked_for_twice(office: Office) -> None:
    """On a terminal the password is asked for twice, and shown nowhere."""
    ran = office.run("user", "add", "alice", typed="one\nother\nsecret1\nsecret1\n", terminal=True)
    assert ran.code == 0
    assert "secret1" not in ran.out + ran.err
    assert _opens(office, "alice", "secret1")


def test_no_password_is_in_the_audit(peopled: Office) -> None:
    """Neither a password nor its hash is in any audit line."""
    text = peopled.done("audit", "export").out
    assert PASSWORD not in text
    assert "$argon2" not in text


def test_password_can_be_changed_and_taken_away(peopled: Office) -> None:
    """The new password opens and the old one does not; without one nothing opens."""
    ran = peopled.done("user", "password", "alice", "--password-file", "-", typed="new one")
    assert ran.out == "alice has a new password.\n"
    assert _opens(peopled, "alice", "new one")
    assert not _opens(peopled, "alice", PASSWORD)
    ran = peopled.done("user", "password", "alice", "--no-password")
    assert ran.out == "alice has no password.\n"
    assert not _opens(peopled, "alice", "new one")


def test_password_only_is_loud(office: Office) -> None:
    """A person without a second factor is named loudly, when added and in every listing."""
    ran = office.done("user", "add", "bob", "--password-only", "--password-file", "-", typed="x")
    assert ran.err == "warning: bob needs NO second factor: whoever knows the password is in\n"
    assert "NO SECOND FACTOR" in office.done("user", "list").out
    assert "NO SECOND FACTOR" in office.done("user", "show", "bob").out
    ran = office.done("user", "exempt", "bob", "--end")
    assert ran.out == "bob needs a second factor again.\n"
    assert "NO SECOND FACTOR" not in office.done("user", "list").out
    ran = office.done("user", "exempt", "bob", "--yes")
    assert ran.out == "bob needs NO second factor: whoever knows the password is in.\n"


@pytest.mark.parametrize("command", ["exempt", "delete"])
def test_destructive_command_asks(command: str, peopled: Office) -> None:
    """On a terminal the answer decides; no is exit code 1 and changes nothing."""
    before = peopled.stock.dump()
    ran = peopled.run("user", command, "alice", typed="n\n", terminal=True)
    assert (ran.code, ran.out) == (1, "")
    assert peopled.stock.dump() == before
    assert peopled.run("user", command, "alice", typed="y\n", terminal=True).code == 0
    assert peopled.stock.dump() != before


def test_list_shows_everybody(peopled: Office) -> None:
    """A table with what each has, and what is odd about them."""
    peopled.done("user", "add", "bob", "--no-password")
    peopled.done("user", "disable", "bob")
    peopled.done("recovery", "issue", "alice", "--count", "3")
    lines = peopled.done("user", "list").out.splitlines()
    assert lines == [
        "NAME   PASSWORD  TOKENS  RECOVERY  UPSTREAMS  GROUPS  ALIASES  REMARKS",
        "alice  argon2id  1       3         -          -       -",
        "bob    -         0       0         -          -       -        no token here, disabled",
    ]


def test_empty_list_is_a_list(office: Office) -> None:
    """Nobody is a table without rows, and an empty list."""
    assert office.done("user", "list").out.splitlines() == [
        "NAME  PASSWORD  TOKENS  RECOVERY  UPSTREAMS  GROUPS  ALIASES  REMARKS"
    ]
    assert office.done("user", "list", "--json").json == []


def test_upstreams_are_shown(peopled: Office) -> None:
    """Whoever is assigned to an upstream is enrolled; `show` has the name there, too."""
    peopled.done("user", "add", "bob", "--no-password")
    with peopled.open() as store:
        for upstream, name in (("rsa", "ASmith"), ("vip", "")):
            one = Assignment(user="bob", upstream=upstream, name=name)
            assignments.assign(store, ACTOR, one)
    assert peopled.done("user", "list").out.splitlines()[2] == (
        "bob    -         0       0         rsa, vip   -       -"
    )
    text = peopled.done("user", "show", "bob").out
    assert "upstream        rsa, as ASmith\nupstream        vip\n" in text
    found = peopled.done("user", "show", "bob", "--json").json
    assert found["upstreams"] == {"rsa": "ASmith", "vip": ""}


def test_unknown_hash_is_unusable(peopled: Office) -> None:
    """A stored hash that no login could check is named."""
    with peopled.stock.raw() as connection:
        connection.execute("UPDATE users SET password = 'plain?'")
    assert "unusable" in peopled.done("user", "list").out


def test_show_tells_everything(peopled: Office) -> None:
    """One page answers: enrolled? locked? since when?"""
    later = int(time.time()) + 1000
    _fail(peopled, later)
    text = peopled.done("user", "show", "alice").out
    assert "password        argon2id\n" in text
    assert "token           T1  totp, active\n" in text
    assert "wrong proofs    11 x oath at vpn, locked until " in text
    assert "recovery codes  0 unused\n" in text
    assert "remarks         locked until " in text
    found = peopled.done("user", "show", "alice", "--json").json
    assert found["failures"] == [
        {"factor": "oath", "client": "vpn", "count": 11, "locked_until": later}
    ]
    assert [one["serial"] for one in found["tokens"]] == ["T1"]
    assert found["locked_until"] == later


def test_past_lock_is_no_lock(peopled: Office) -> None:
    """A lock that has ended is not shown as one."""
    _fail(peopled, 1)
    text = peopled.done("user", "show", "alice").out
    assert "wrong proofs    11 x oath at vpn\n" in text
    assert "locked" not in text


def test_unlocking(peopled: Office) -> None:
    """After `unlock` there is no wrong proof."""
    _fail(peopled, int(time.time()) + 1000)
    assert peopled.done("user", "unlock", "alice").out == "alice is not locked any more.\n"
    assert peopled.done("user", "show", "alice", "--json").json["failures"] == []


def test_person_of_a_directory_is_shown_and_unlocked(office: Office) -> None:
    """Whoever has no account here can be locked, too: it is seen, and ended."""
    later = int(time.time()) + 1000
    with office.open() as store, store.transaction() as connection:
        connection.execute(
            "INSERT INTO failures VALUES (?, 'password', '@corp', 4, 0, ?, x'00')",
            (strangers.number(store.pepper, "zoe"), later),
        )
    assert "there is no user 'yves'" in office.refused(1, "user", "show", "yves")
    text = office.done("user", "show", "Zoe").out
    assert "remarks         not in the store: a directory knows this name, locked until" in text
    assert "wrong proofs    4 x password at @corp, locked until " in text
    assert "created" not in text
    found = office.done("user", "show", "zoe", "--json").json
    assert (found["locked_until"], found["created"], found["tokens"]) == (later, None, [])

    found = office.done("user", "unlock", "zoe", "--json").json
    assert (found["name"], found["locked_until"]) == ("zoe", None)
    assert "there is no user 'zoe'" in office.refused(1, "user", "unlock", "zoe")


def test_disabling_and_enabling(peopled: Office) -> None:
    """A disabled user is shown so until enabled."""
    assert peopled.done("user", "disable", "alice").out == "alice is disabled.\n"
    assert peopled.done("user", "show", "alice", "--json").json["disabled"] is True
    assert peopled.done("user", "enable", "alice").out == "alice is enabled.\n"
    assert peopled.done("user", "show", "alice", "--json").json["disabled"] is False


def test_deleting_tells_what_becomes_of_tokens(peopled: Office) -> None:
    """Whoever deletes a user learns which tokens are nobody's now."""
    ran = peopled.done("user", "delete", "alice", "--yes")
    assert ran.out == "Deleted alice.\nTokens that are nobody's now, and do not count: T1\n"
    peopled.done("user", "add", "bob", "--no-password")
    assert peopled.done("user", "delete", "bob", "--yes").out == "Deleted bob.\n"
    peopled.done("user", "add", "carl", "--no-password")
    ran = peopled.done("user", "delete", "carl", "--yes", "--json")
    assert ran.json == {"deleted": "carl", "tokens": []}


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (["add", "bob", "--no-password"], {"name": "bob", "password": None}),
        (["password", "alice", "--no-password"], {"password": None}),
        (["disable", "alice"], {"disabled": True}),
        (["enable", "alice"], {"disabled": False}),
        (["exempt", "alice", "--yes"], {"password_only": True}),
        (["unlock", "alice"], {"locked_until": None}),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_change_answers_in_json(
    words: list[str], change: dict[str, object], peopled: Office
) -> None:
    """With --json a change prints the user as listings show them."""
    found = peopled.done("user", *words, "--json").json
    assert change.items() <= found.items()
    assert found in peopled.done("user", "list", "--json").json
