"""Tests of `radiusmfa.cli.import_devices`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.login.devices import Question
from radiusmfa.primary import hashing
from radiusmfa.stores import tokens

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

HEADER = "user,type,to,label,question,answer,serial"
NUMBER = "+491701234567"


@pytest.fixture
def people(office: Office) -> Office:
    """A desk with alice and bob, who have nothing."""
    for name in ("alice", "bob"):
        office.done("user", "add", name, "--no-password")
    return office


def _file(office: Office, *lines: str, header: str = HEADER) -> str:
    return office.file("list.csv", "\n".join((header, *lines)) + "\n")


def _faults(office: Office, *words: str, code: int = 6) -> list[str]:
    before = office.stock.dump()
    ran = office.run("token", "import", *words)
    assert ran.code == code, ran
    assert not ran.out
    assert office.stock.dump() == before
    return [line.removeprefix("radiusmfa: ") for line in ran.err.splitlines()]


def test_every_faulty_line_is_named(people: Office) -> None:
    """All that is wrong at once, with its line; nothing is imported, and no number repeated."""
    path = _file(
        people,
        f"alice,sms,{NUMBER}",
        "alice,sms,0170 1234567",
        "bob,fax,+491701234568",
        'bob,email,"bob@example.org,eve@example.org"',
        "bob,question,,,Which city?,NY",
        f"alice,sms,{NUMBER}",
    )
    found = _faults(people, path)
    assert [line.partition(": ")[0] for line in found] == [f"line {at}" for at in (3, 4, 5, 6, 7)]
    assert "the number of line 2 again" in found[-1]
    assert not any("1234567," in line or "eve" in line for line in found)


def test_what_the_store_knows_is_a_fault_too(people: Office) -> None:
    """An unknown user, a serial that is taken, a number that somebody has already."""
    people.done("token", "enroll", "alice", "--type", "sms", "--to", NUMBER, "--serial", "S1")
    path = _file(
        people,
        f"alice,sms,{NUMBER}",
        "eve,sms,+491701234568",
        "bob,sms,+491701234568,,,,S1",
    )
    assert _faults(people, path) == [
        "line 2: alice has this number already, S1",
        "line 3: there is no user 'eve'",
        "line 4: there is a token 'S1' already",
    ]


@pytest.mark.parametrize("lines", [[], ["# nothing"]])
def test_list_of_nothing_is_refused(lines: list[str], people: Office) -> None:
    """A header alone is no list."""
    assert _faults(people, _file(people, *lines)) == ["the file: no device in it"]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--lenient"], "lenient"),
        (["--encoding", "hex"], "encoding"),
        (["--key-file", "x"], "key-file"),
        (["--password-file", "x"], "password-file"),
    ],
)
def test_options_for_seeds_are_refused(words: list[str], name: str, people: Office) -> None:
    """Whoever gives them has another file in mind."""
    line = people.refused(2, "token", "import", _file(people, f"alice,sms,{NUMBER}"), *words)
    assert line.startswith(f"--{name} is for files of seeds: this one holds none.")


def test_seeds_are_no_list_of_devices(people: Office) -> None:
    """`--format devices` says what is in the file, and `--new-user` is for such a list alone."""
    path = people.file(
        "seeds.csv", "serial,seed_hex\nT1,3132333435363738393031323334353637383930\n"
    )
    (fault,) = _faults(people, path, "--format", "devices")
    assert "the first row must name the columns" in fault
    line = people.refused(2, "token", "import", path, "--new-user")
    assert line.startswith("--new-user is for lists of numbers, addresses and questions.")


def test_list_is_imported(people: Office) -> None:
    """Each row is its user's at once; what is printed and audited has it masked."""
    path = _file(
        people,
        f"Alice,sms,{NUMBER},work,,,S1",
        "alice,voice,+49 170 1234567",
        "bob,email,bob@EXAMPLE.org",
        "bob,question,,school,Which school?,  The OTHER one ",
    )
    ran = people.done("token", "import", path)
    first, *_, last = ran.out.splitlines()
    assert (first, last) == ("line 2: S1 of alice, sms ***4567", "4 devices imported.")
    listed = people.done("token", "list", "--json").json
    assert sorted((one["user"], one["kind"], one["to"] or "", one["status"]) for one in listed) == [
        ("alice", "sms", "***4567", "active"),
        ("alice", "voice", "***4567", "active"),
        ("bob", "email", "b***@example.org", "active"),
        ("bob", "question", "", "active"),
    ]
    *_, line = people.lines()
    assert line["action"] == "token.import"
    assert line["detail"].startswith("1 sms, 1 voice, 1 email, 1 question, SHA-256 ")
    for text in (ran.out, ran.err, str(people.lines())):
        assert not any(word in text for word in (NUMBER, "bob@", "school?", "other"))


def test_answers_of_a_list_are_hashed(people: Office) -> None:
    """As those that are typed: normalized, with a salt of their own."""
    people.done("token", "import", _file(people, "bob,question,,,Which?,  The OTHER one ,Q1"))
    with people.open() as store:
        octets = tokens.open_seed(store, tokens.find(store.connection, "Q1")).reveal()
    found = Question.load(octets)
    assert found is not None
    assert found.hashed.startswith("$argon2id$v=19$m=1024,t=1,p=1$")
    assert hashing.verify(found.hashed, b"the other one", b"")


def test_new_users_are_made(people: Office) -> None:
    """People whom only a directory knows, if that is said."""
    path = _file(people, "eve,sms,+491701234568", "eve,email,eve@example.org")
    people.done("token", "import", path, "--new-user")
    found = people.done("user", "show", "eve", "--json").json
    assert (found["password"], found["active_tokens"]) == (None, 2)


def test_dry_run_changes_nothing(people: Office) -> None:
    """All is checked, and told as it would be."""
    path = _file(people, f"alice,sms,{NUMBER},,,,S1", "bob,question,,,Which?,The other one,Q1")
    before = people.stock.dump()
    ran = people.done("token", "import", path, "--dry-run", "--json")
    assert people.stock.dump() == before
    assert ran.json == {
        "imported": False,
        "tokens": [
            {
                "where": "line 2", "serial": "S1", "user": "alice", "kind": "sms",
                "to": "***4567", "warnings": [],
            },
            {
                "where": "line 3", "serial": "Q1", "user": "bob", "kind": "question",
                "to": None, "warnings": [],
            },
        ],
        "left_out": [],
    }  # fmt: skip
    assert "2 devices can be imported." in people.done("token", "import", path, "--dry-run").out


def test_standard_input_is_a_list_too(people: Office) -> None:
    """As for files of seeds."""
    people.done("token", "import", "-", typed=f"user,type,to\nalice,sms,{NUMBER}\n")
    assert people.done("token", "list", "--user", "alice", "--json").json[0]["kind"] == "sms"


def test_many_faults_are_told_up_to_a_number(people: Office) -> None:
    """A file of noise does not fill the terminal."""
    found = _faults(people, _file(people, *(["alice,sms,1"] * 1005)))
    assert (len(found), found[-1]) == (1001, "and 5 faults more")
