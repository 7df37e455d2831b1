"""Tests of `radiusmfa.cli.enroll_device`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.login.devices import Question
from radiusmfa.primary import hashing
from radiusmfa.stores import tokens

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

NUMBER = "+491701234567"
ASKED = ("--type", "question", "--question", "Which city?")
SERVICE = "services: {q: {question: {ask: 2}}}\nfactors: {totp: {}, secret: {service: q}}\n"

GATEWAY = """\
services:
  texts:
    sms: {url: "https://sms.example/send", prefixes: ["+49", "+41"]}
factors: {totp: {}, text: {service: texts}}
"""


@pytest.fixture
def alice(office: Office) -> Office:
    """A desk with alice, who has nothing."""
    office.done("user", "add", "alice", "--no-password")
    return office


def _enroll(office: Office, *words: str) -> Any:  # noqa: ANN401 - JSON
    return office.done("token", "enroll", "alice", *words, "--json").json


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--type", "sms"], "--type sms needs a destination: --to +491701234567."),
        (["--type", "email"], "--type email needs a destination: --to alice@example.org."),
        (["--type", "sms", "--to", "0170 1234567"], "must begin with + and the country code"),
        (["--type", "voice", "--to", "a@example.org"], "must begin with + and the country code"),
        (["--type", "email", "--to", NUMBER], "must be one plain address"),
        (["--type", "email", "--to", "a@example.org,b@example.org"], "must be one plain address"),
        (["--type", "email", "--to", "a@example.org\nBcc: b@example.org"], "one plain address"),
        (["--type", "sms", "--to", NUMBER, "--label", "a\nb"], "the label holds control"),
        (["--type", "sms", "--to", NUMBER, "--serial", "a b"], "a serial number holds no blanks"),
        (["--type", "fax", "--to", NUMBER], "is not one of 'totp', 'hotp', 'yubikey', 'sms'"),
        (["--type", "question"], "--type question needs --question TEXT."),
        ([*ASKED], "Answer: there is no terminal to ask at"),
        (["--type", "question", "--question", " "], "the question must be a printable text"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, alice: Office) -> None:
    """Exit code 2, one line, nothing is stored, and the line repeats no destination."""
    line = alice.refused(2, "token", "enroll", "alice", *words)
    assert why in line
    assert "1234567" not in line.replace("as +491701234567", "").replace("--to +491701234567", "")
    assert "Bcc" not in line


@pytest.mark.parametrize(
    ("kind", "option", "name"),
    [
        ("sms", ["--to", NUMBER, "--digits", "6"], "digits"),
        ("sms", ["--to", NUMBER, "--algorithm", "sha1"], "algorithm"),
        ("voice", ["--to", NUMBER, "--pending"], "pending"),
        ("email", ["--to", "a@example.org", "--svg", "x.svg"], "svg"),
        ("sms", ["--to", NUMBER, "--question", "Which?"], "question"),
        ("email", ["--to", "a@example.org", "--answer-file", "-"], "answer-file"),
        ("question", ["--question", "Which?", "--to", NUMBER], "to"),
        ("question", ["--question", "Which?", "--seed-file", "-"], "seed-file"),
        ("question", ["--question", "Which?", "--code-file", "-"], "code-file"),
        ("totp", ["--to", NUMBER, "--pending"], "to"),
        ("hotp", ["--answer-file", "-", "--pending"], "answer-file"),
        ("totp", ["--question", "Which?", "--pending"], "question"),
    ],
)
def test_option_of_another_type_is_refused(
    kind: str, option: list[str], name: str, alice: Office
) -> None:
    """Whoever gives it means something else than what would be stored."""
    line = alice.refused(2, "token", "enroll", "alice", "--type", kind, *option)
    assert line.startswith(f"--{name} has no meaning with --type {kind}.")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"ab\n", "at least 3 characters"),
        (b"\n", "The first line of"),
        (b"\xff\xfe\xfd\n", "the answer is not UTF-8"),
        (129 * b"a", "the answer has more than 128 octets"),
    ],
)
def test_answer_that_cannot_be_used_is_refused(answer: bytes, why: str, alice: Office) -> None:
    """Too short, empty, no text, too long for a request; the answer is not repeated."""
    path = alice.file("answer", answer)
    line = alice.refused(2, "token", "enroll", "alice", *ASKED, "--answer-file", path)
    assert why in line
    assert "aaa" not in line


def test_unknown_user_is_refused_before_anybody_types(office: Office) -> None:
    """The answer is not even asked for."""
    assert "there is no user 'eve'" in office.refused(1, "token", "enroll", "eve", *ASKED)


def test_the_same_number_again_is_refused(alice: Office) -> None:
    """With the serial of the first one."""
    _enroll(alice, "--type", "sms", "--to", NUMBER, "--serial", "S1")
    line = alice.refused(1, "token", "enroll", "alice", "--type", "sms", "--to", "+49 170 1234567")
    assert line == "alice has this number already, S1; nothing was changed"


@pytest.mark.parametrize(
    ("kind", "to", "mask"),
    [
        ("sms", "+49 (170) 123-4567", "***4567"),
        ("voice", NUMBER, "***4567"),
        ("email", "alice@EXAMPLE.org", "a***@example.org"),
    ],
)
def test_destination_is_enrolled(kind: str, to: str, mask: str, alice: Office) -> None:
    """It counts at once; what is printed, listed and audited has it masked."""
    words = ("--type", kind, "--to", to, "--label", "work", "--serial", "D1")
    ran = alice.done("token", "enroll", "alice", *words)
    assert ran.out == f"Token D1 of alice is active: {kind} {mask}.\n"
    assert f"uses {kind}: nobody is asked for it yet" in ran.err
    listed = alice.done("token", "list")
    assert f"{kind} {mask}" in listed.out
    *_, line = alice.lines()
    assert (line["action"], line["detail"]) == ("token.enroll", f"{kind} {mask}, active")
    for text in (ran.out, ran.err, listed.out, str(alice.lines())):
        assert "0123" not in text
        assert "alice@" not in text


def test_json_tells_it_as_token_show_does(alice: Office) -> None:
    """Masked, with the warnings."""
    found = _enroll(alice, "--type", "sms", "--to", NUMBER)
    assert found["serial"].startswith("SMS-")
    assert (found["kind"], found["to"], found["status"]) == ("sms", "***4567", "active")
    assert len(found.pop("warnings")) == 1
    assert found == alice.done("token", "show", found["serial"], "--json").json


def test_new_user_is_made_along_with_it(office: Office) -> None:
    """Somebody whom only a directory knows."""
    words = ("--type", "email", "--to", "eve@example.org", "--new-user", "--json")
    assert office.done("token", "enroll", "eve", *words).json["user"] == "eve"
    assert office.done("user", "show", "eve", "--json").json["active_tokens"] == 1


def test_question_is_enrolled_from_a_file(alice: Office) -> None:
    """The answer is normalized and hashed with a salt; nothing of it is printed or stored."""
    path = alice.file("answer", " Gro\u00dfe  STRASSE \n")
    ran = alice.done("token", "enroll", "alice", *ASKED, "--serial", "Q1", "--answer-file", path)
    assert ran.out == "Token Q1 of alice is active: question.\n"
    with alice.open() as store:
        stored = tokens.find(store.connection, "Q1")
        found = Question.load(tokens.open_seed(store, stored).reveal())
    assert found is not None
    assert found.text == "Which city?"
    assert found.hashed.startswith("$argon2id$v=19$m=1024,t=1,p=1$")
    assert hashing.verify(found.hashed, b"grosse strasse", b"")
    assert not hashing.verify(found.hashed, b"grosse", b"")
    for text in (ran.out, ran.err, str(alice.lines()), "\n".join(alice.stock.dump())):
        assert "strasse" not in text.lower()
        assert "Which city" not in text


def test_each_answer_has_a_salt_of_its_own(alice: Office) -> None:
    """Nobody sees in the store that two answers are the same."""
    path = alice.file("answer", "paris\n")
    hashes = set()
    for serial in ("Q1", "Q2"):
        words = ("--type", "question", "--question", f"{serial}?", "--answer-file", path)
        _enroll(alice, *words, "--serial", serial)
        with alice.open() as store:
            octets = tokens.open_seed(store, tokens.find(store.connection, serial)).reveal()
            found = Question.load(octets)
        assert found is not None
        hashes.add(found.hashed)
    assert len(hashes) == 2


def test_question_and_answer_are_prompted(alice: Office) -> None:
    """At a terminal the answer is typed twice, and not shown."""
    words = ("token", "enroll", "alice", "--type", "question", "--serial", "Q1")
    ran = alice.run(*words, typed="Which city?\nParis\nParis\n", terminal=True)
    assert ran.code == 0, ran
    assert "Question" in ran.err
    assert "paris" not in (ran.out + ran.err).lower()
    assert alice.done("token", "show", "Q1", "--reveal", "--json").json["to"] == "Which city?"


def test_two_answers_that_differ_are_asked_for_again(alice: Office) -> None:
    """A slip of the finger would lock somebody out."""
    ran = alice.run("token", "enroll", "alice", *ASKED, typed="Paris\nPairs\n", terminal=True)
    assert ran.code != 0
    assert alice.done("token", "list", "--json").json == []


def test_what_is_missing_yet_is_said(alice: Office) -> None:
    """A service that asks more questions than somebody has refuses them: that is said at once."""
    alice.config.write_text(alice.config.read_text() + SERVICE)
    path = alice.file("answer", "Paris\n")
    first = _enroll(alice, *ASKED, "--answer-file", path)["warnings"]
    assert first == ["alice has 1 of the 2 questions that service q asks: it refuses who has fewer"]
    more = ("--type", "question", "--question", "Which school?", "--answer-file", path)
    assert _enroll(alice, *more)["warnings"] == []


def test_number_that_no_service_calls_is_said(alice: Office) -> None:
    """Whose number has none of the prefixes gets no code: better said now than at the login."""
    alice.config.write_text(alice.config.read_text() + GATEWAY)
    (said,) = _enroll(alice, "--type", "sms", "--to", "+43170123456")["warnings"]
    assert said == "service texts sends nothing there: its prefixes are +49, +41"
    assert _enroll(alice, "--type", "sms", "--to", NUMBER)["warnings"] == []
