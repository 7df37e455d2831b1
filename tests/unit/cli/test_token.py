"""Tests of `radiusmfa.cli.token`."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.unit.stores.stock import SEED, code

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

HOTP = ("--kind", "hotp", "--seed-file")


@pytest.fixture
def tokens(office: Office) -> Office:
    """A desk with alice, her active token T1 and her pending fob H1 of the RFC's seed."""
    office.done("user", "add", "alice", "--no-password")
    office.done("user", "add", "bob", "--no-password")
    office.done("token", "enroll", "alice", "--no-confirm", "--serial", "T1", "--label", "phone")
    seed = office.file("seed", SEED.hex())
    office.done("token", "enroll", "alice", "--pending", "--serial", "H1", *HOTP, seed)
    return office


def _codes(office: Office, *counters: int) -> str:
    return office.file("codes", b"\n".join(code(counter).reveal() for counter in counters))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["show"], "Missing argument 'SERIAL'"),
        (["assign", "T1"], "Name a user, or say --nobody."),
        (["assign", "T1", "bob", "--nobody"], "Name a user, or say --nobody."),
        (["revoke", "T1"], "Revoke T1 for good? Nobody can answer here: say --yes."),
        (["confirm", "H1"], "there is no terminal to ask at"),
        (["resync", "H1"], "there is no terminal to ask at"),
        (["confirm", "H1", "123456"], "unexpected extra argument"),
    ],
    ids=lambda words: "-".join(words) if isinstance(words, list) else "",
)
def test_wrong_usage_is_refused(words: list[str], why: str, tokens: Office) -> None:
    """Exit code 2, one line, and nothing is changed; a passcode in argv is no way."""
    assert why in tokens.refused(2, "token", *words)


@pytest.mark.parametrize(
    "verb", ["show", "disable", "enable", "revoke", "confirm", "resync", "assign"]
)
def test_unknown_token_is_refused(verb: str, tokens: Office) -> None:
    """Exit code 1, before anybody is asked for a passcode or for consent."""
    words = ["T9", "bob"] if verb == "assign" else ["T9"]
    assert "there is no token 'T9'" in tokens.refused(1, "token", verb, *words)


def test_unknown_user_is_refused(tokens: Office) -> None:
    """A token cannot be given to nobody by a typing error."""
    assert "no user 'eve'" in tokens.refused(1, "token", "assign", "T1", "eve")
    assert "no user 'eve'" in tokens.refused(1, "token", "list", "--user", "eve")


def test_token_is_given_to_somebody_whom_only_a_directory_knows(tokens: Office) -> None:
    """The user is made along with it; nobody's token is nobody new's."""
    assert tokens.done("token", "assign", "T1", "eve", "--new-user", "--json").json["user"] == "eve"
    assert tokens.done("user", "show", "eve", "--json").json["password"] is None
    assert "do not go together" in tokens.refused(
        2, "token", "assign", "T1", "--nobody", "--new-user"
    )


@pytest.mark.parametrize(
    ("verb", "counters", "why"),
    [
        ("confirm", [500], "not a passcode of token 'H1' now"),
        ("resync", [3, 5], "not two new passcodes"),
        ("resync", [3, 3], "not two new passcodes"),
    ],
)
def test_wrong_passcode_is_refused(
    verb: str, counters: list[int], why: str, tokens: Office
) -> None:
    """What does not prove the token changes nothing, and is not shown."""
    line = tokens.refused(1, "token", verb, "H1", "--code-file", _codes(tokens, *counters))
    assert why in line
    assert code(counters[0]).reveal().decode() not in line


@pytest.mark.parametrize("counters", [[], [3]])
def test_resync_needs_two_passcodes(counters: list[int], tokens: Office) -> None:
    """A file with less than two passcodes is wrong usage."""
    line = tokens.refused(2, "token", "resync", "H1", "--code-file", _codes(tokens, *counters))
    assert "must hold two passcodes, each on its line" in line


def test_revoked_token_stays_revoked(tokens: Office) -> None:
    """No command brings a revoked token back."""
    assert tokens.done("token", "revoke", "T1", "--yes").out == "T1 is revoked.\n"
    for words in (
        ["enable", "T1"],
        ["disable", "T1"],
        ["assign", "T1", "bob"],
        ["revoke", "T1", "--yes"],
    ):
        assert "is revoked, which is for good" in tokens.refused(1, "token", *words)


def test_pending_token_is_confirmed_alone(tokens: Office) -> None:
    """Neither `enable` nor `disable` is a way round the first passcode."""
    for verb in ("enable", "disable"):
        assert "is pending and does not count" in tokens.refused(1, "token", verb, "H1")


def test_confirming_makes_a_token_count(tokens: Office) -> None:
    """The first passcode makes it active and is used up."""
    path = _codes(tokens, 2)
    assert tokens.done("token", "confirm", "H1", "--code-file", path).out == "H1 is active.\n"
    found = tokens.done("token", "show", "H1", "--json").json
    assert (found["status"], found["last"]) == ("active", 2)
    line = tokens.refused(1, "token", "confirm", "H1", "--code-file", path)
    assert "there is nothing to confirm" in line


def test_passcode_is_asked_for(tokens: Office) -> None:
    """On a terminal the passcode is asked for, without echo."""
    passcode = code(1).reveal().decode()
    ran = tokens.run("token", "confirm", "H1", typed=f"{passcode}\n", terminal=True)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "H1 is active.")
    assert passcode not in ran.out + ran.err


def test_two_passcodes_are_asked_for(tokens: Office) -> None:
    """On a terminal `resync` asks for one passcode and for the one after it."""
    typed = "".join(f"{code(at).reveal().decode()}\n" for at in (40, 41))
    ran = tokens.run("token", "resync", "H1", typed=typed, terminal=True)
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "H1 is synchronized: counter 42.")


def test_clock_is_set_right(office: Office) -> None:
    """Two passcodes of a clock that is ahead give its drift."""
    office.done("user", "add", "alice", "--no-password")
    seed = office.file("seed", SEED.hex())
    office.done("token", "enroll", "alice", "--pending", "--serial", "T1", "--seed-file", seed)
    at = int(time.time()) // 30
    typed = b"\n".join(code(at + ahead).reveal() for ahead in (3, 4))
    ran = office.done("token", "resync", "T1", "--code-file", "-", typed=typed)
    # The step may change while the command runs.
    assert ran.out in {f"T1 is synchronized: drift {drift} steps.\n" for drift in (3, 4)}
    found = office.done("token", "show", "T1", "--json").json
    assert (found["status"], found["last"]) == ("active", at + 4)


def test_list_shows_all_tokens(tokens: Office) -> None:
    """A table of all tokens, or of one person's; never a seed."""
    tokens.done("token", "assign", "H1", "--nobody")
    header, fob, phone = tokens.done("token", "list").out.splitlines()
    assert header.split() == ["SERIAL", "USER", "KIND", "STATUS", "CREATED", "LABEL"]
    assert fob.startswith("H1      -      hotp sha1, 6 digits        pending  20")
    assert phone.startswith("T1      alice  totp sha1, 6 digits, 30 s  active   20")
    assert phone.endswith("Z  phone")
    assert [one["serial"] for one in tokens.done("token", "list", "--json").json] == ["H1", "T1"]
    found = tokens.done("token", "list", "--user", "ALICE", "--json").json
    assert [one["serial"] for one in found] == ["T1"]


def test_show_tells_everything_but_the_seed(tokens: Office) -> None:
    """One token with all that is known, without its seed."""
    ran = tokens.done("token", "show", "H1")
    assert "kind       hotp\n" in ran.out
    assert "period     -\n" in ran.out
    assert "last       -\n" in ran.out
    found = tokens.done("token", "show", "H1", "--json").json
    assert list(found) == [
        "serial", "user", "kind", "algorithm", "digits", "period", "status", "drift", "last",
        "label", "created", "to",
    ]  # fmt: skip
    assert SEED.hex() not in ran.out


def test_assigning(tokens: Office) -> None:
    """A token changes hands, or is nobody's."""
    assert tokens.done("token", "assign", "T1", "Bob").out == "T1 is bob's.\n"
    assert tokens.done("token", "show", "T1", "--json").json["user"] == "bob"
    assert tokens.done("token", "assign", "T1", "--nobody").out == "T1 is nobody's.\n"
    assert tokens.done("token", "show", "T1", "--json").json["user"] is None


def test_disabling_and_enabling(tokens: Office) -> None:
    """A disabled token is shown so until enabled."""
    assert tokens.done("token", "disable", "T1").out == "T1 is disabled.\n"
    assert tokens.done("token", "show", "T1", "--json").json["status"] == "disabled"
    assert tokens.done("token", "enable", "T1").out == "T1 is active.\n"
    assert tokens.done("token", "show", "T1", "--json").json["status"] == "active"


@pytest.mark.parametrize(("answer", "code_"), [("n", 1), ("", 1), ("y", 0)])
def test_revoking_asks(answer: str, code_: int, tokens: Office) -> None:
    """Only a yes destroys a seed."""
    ran = tokens.run("token", "revoke", "T1", typed=f"{answer}\n", terminal=True)
    assert ran.code == code_
    status = tokens.done("token", "show", "T1", "--json").json["status"]
    assert status == ("active" if code_ else "revoked")


@pytest.mark.parametrize(
    ("words", "change"),
    [
        (["assign", "T1", "bob"], {"user": "bob"}),
        (["disable", "T1"], {"status": "disabled"}),
        (["enable", "T1"], {"status": "active"}),
        (["revoke", "T1", "--yes"], {"status": "revoked"}),
        (["confirm", "H1", "--code-file", "CODES"], {"status": "active", "last": 3}),
        (["resync", "H1", "--code-file", "CODES"], {"status": "active", "last": 4}),
    ],
    ids=lambda words: words[0] if isinstance(words, list) else "",
)
def test_change_answers_in_json(
    words: list[str], change: dict[str, object], tokens: Office
) -> None:
    """With --json a change prints the token as listings show it."""
    path = _codes(tokens, 3, 4)
    told = [path if word == "CODES" else word for word in words]
    found = tokens.done("token", *told, "--json").json
    assert change.items() <= found.items()
    assert found in tokens.done("token", "list", "--json").json


NUMBER = "+491701234567"


@pytest.fixture
def reached(tokens: Office) -> Office:
    """Alice can be sent messages, too."""
    words = ("--type", "sms", "--to", NUMBER, "--serial", "S1")
    tokens.done("token", "enroll", "alice", *words)
    return tokens


@pytest.mark.parametrize("verb", ["confirm", "resync"])
def test_number_makes_no_passcodes(verb: str, reached: Office) -> None:
    """The refusal comes before anybody is asked for a passcode."""
    line = reached.refused(1, "token", verb, "S1")
    assert line == (
        "token 'S1' makes no passcodes, it is of kind sms: it counts from its enrolment on"
    )


def test_whole_number_is_shown_to_whoever_says_so(reached: Office) -> None:
    """Masked without --reveal, whole with it; who looked is in the audit, what was seen is not."""
    assert "to         ***4567\n" in reached.done("token", "show", "S1").out
    count = len(reached.lines())
    assert f"to         {NUMBER}\n" in reached.done("token", "show", "S1", "--reveal").out
    assert reached.done("token", "show", "S1", "--reveal", "--json").json["to"] == NUMBER
    lines = reached.lines()
    assert [line["action"] for line in lines[count:]] == ["token.reveal"] * 2
    assert NUMBER not in str(lines)


def test_no_seed_is_revealed(tokens: Office) -> None:
    """That is what `export` is for, which asks first."""
    line = tokens.refused(1, "token", "show", "T1", "--reveal")
    assert line.startswith("token 'T1' is totp: a seed is not shown; `radiusmfa token export`")


def test_number_is_disabled_given_on_and_revoked(reached: Office) -> None:
    """By the commands that tokens have; each line of the audit says which number, masked."""
    for words in (
        ["disable", "S1"],
        ["enable", "S1"],
        ["assign", "S1", "bob"],
        ["revoke", "S1", "--yes"],
    ):
        reached.done("token", *words)
    assert [line.get("detail") for line in reached.lines()[-4:]] == [
        "sms ***4567",
        "sms ***4567",
        "sms ***4567, before: alice",
        "sms ***4567",
    ]
    assert "revoked" in reached.done("token", "list").out
    assert NUMBER not in "\n".join(reached.stock.dump())


def test_user_show_has_it_masked(reached: Office) -> None:
    """Beside the tokens."""
    ran = reached.done("user", "show", "alice")
    assert "token           S1  sms ***4567, active\n" in ran.out
    (found,) = [
        one
        for one in reached.done("user", "show", "alice", "--json").json["tokens"]
        if one["serial"] == "S1"
    ]
    assert found["to"] == "***4567"


def test_user_delete_destroys_it(reached: Office) -> None:
    """Only what somebody else can be given is said to be nobody's now."""
    ran = reached.done("user", "delete", "alice", "--yes")
    assert sorted(ran.out.split("do not count: ")[1].split()) == ["H1", "T1,"]
    assert reached.done("token", "show", "S1", "--json").json["status"] == "revoked"
