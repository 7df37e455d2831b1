"""Tests of `radiusmfa.cli.user_import`."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import bcrypt
import pytest

from radiusmfa.cli.user_import import MOST_ARGON2
from radiusmfa.primary import hashing
from radiusmfa.stores import people, tokens, trail
from tests.unit.stores.stock import ACTOR, SEED, full_disk, in_child

if TYPE_CHECKING:
    from types import FrameType

    from tests.unit.cli.office import Office

BASE32: Final = base64.b32encode(SEED).decode()
SALTED: Final = base64.b64encode(hashlib.sha1(b"secret" + b"salt").digest() + b"salt").decode()  # noqa: S324 - SSHA
HASHES: Final = {
    "argon2id": hashing.hash_password(
        b"secret", hashing.Parameters(memory_kib=1024, passes=1, lanes=1)
    ),
    "bcrypt": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode(),
    "sha512-crypt": (
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEd"
        "FCoEOfaS35inz1"
    ),
    "ssha": f"{{SSHA}}{SALTED}",
}
OPENS: Final = dict.fromkeys(HASHES, b"secret") | {"sha512-crypt": b"Hello world!"}


def _refused(office: Office, content: str | bytes, *words: str) -> list[str]:
    before = office.stock.dump()
    ran = office.run("user", "import", office.file("in.csv", content), *words)
    assert (ran.code, ran.out) == (6, ""), ran
    assert office.stock.dump() == before
    lines = ran.err.splitlines()
    assert all(line.startswith("radiusmfa: ") for line in lines)
    assert "hunter2" not in ran.err
    return [line.removeprefix("radiusmfa: ") for line in lines]


def _stored(office: Office, name: str) -> str:
    with office.open() as store:
        return people.person(store, name).password or ""


def _opens(office: Office, name: str, password: bytes) -> bool:
    with office.open() as store:
        return hashing.verify(people.person(store, name).password or "", password, store.pepper)


def _names(office: Office) -> list[str]:
    return [person["name"] for person in office.done("user", "list", "--json").json]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        pytest.param("", ["the file: "], id="empty"),
        pytest.param("name\n", ["the file: no user in it"], id="header-alone"),
        pytest.param("alice,hunter2\n", ["the file: line 1: "], id="no-header"),
        pytest.param("password\nhunter2\n", ["the file: "], id="no-name"),
        pytest.param(b"name\n\xff\xfe\n", ["the file: "], id="not-utf-8"),
        pytest.param("name\nalice\nALICE\n", ["line 3: the user of line 2 again"], id="twice"),
        pytest.param("name\na\0b\n", [""], id="nul"),
        pytest.param('name\n"a\nb"\n', ["the file: line 2: a quoted cell"], id="newline"),
        pytest.param(f"name\n{'a' * 254}\n", ["line 2: a user name has at most"], id="254"),
        pytest.param("name,hash\nalice,hunter2\n", ["line 2: the hash is"], id="odd-hash"),
        pytest.param(
            f"name,password,hash\nalice,hunter2,{HASHES['ssha']}\n", ["line 2: "], id="two-proofs"
        ),
        pytest.param(f"name,password\nalice,{'x' * 129}\n", ["line 2: the password"], id="long"),
        pytest.param("name,seed\nalice,hunter2!\n", ["line 2: "], id="odd-seed"),
        pytest.param(
            f"name,seed,digits\nalice,{BASE32},5\nbob,{BASE32},x\n", ["line 2", "line 3"], id="two"
        ),
        pytest.param(
            f"name,seed,serial\na,{BASE32},S\nb,{BASE32},S\n",
            ["line 3: the serial number of line 2 again"],
            id="serial-twice",
        ),
    ],
)
def test_bad_list_is_refused(content: str | bytes, lines: list[str], office: Office) -> None:
    """Exit code 6, each fault with its line and without its secret, and nobody is added."""
    for words in ([], ["--dry-run"]):
        found = _refused(office, content, *words)
        assert len(found) == len(lines)
        assert all(one.startswith(start) for one, start in zip(found, lines, strict=True))


def test_users_and_serials_that_are_there_refuse_the_list(office: Office) -> None:
    """One name that is taken stops the whole list; a dry run finds it too."""
    office.done("user", "add", "bob", "--no-password")
    office.done("token", "enroll", "bob", "--pending", "--serial", "T1")
    content = f"name,seed,serial\nalice,{BASE32},T9\nBob,,\ncarl,{BASE32},T1\n"
    for words in ([], ["--dry-run"]):
        assert _refused(office, content, *words) == [
            "line 3: there is a user 'bob' already",
            "line 4: there is a token 'T1' already",
        ]


def test_very_bad_list_is_cut_short(office: Office) -> None:
    """A thousand faults are shown, the rest is counted."""
    lines = _refused(office, "name\n" + "a\tb\n" * 1500)
    assert len(lines) == 1001
    assert lines[-1] == "and 500 faults more"


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ([], 2, "Missing argument 'FILE'"),
        (["/no/file"], 74, "/no/file: No such file or directory"),
        (["-", "--hashing", "md5"], 2, "is not one of"),
    ],
    ids=["nothing", "missing", "hashing"],
)
def test_wrong_usage_is_refused(words: list[str], code: int, why: str, office: Office) -> None:
    """One line, and nothing is changed."""
    assert why in office.refused(code, "user", "import", *words)


def test_dry_run_changes_nothing(office: Office) -> None:
    """Everything is checked and told as if, and nothing is hashed or stored."""
    before = office.stock.dump()
    content = f"name,password,seed\nalice,hunter2,{BASE32}\nbob,,\n"
    ran = office.done("user", "import", "-", "--dry-run", typed=content)
    assert ran.out.splitlines() == [
        "2 users and 1 tokens can be imported.",
        "1 plain passwords: argon2 hashes, Argon2id at the next login.",
    ]
    found = office.done("user", "import", "-", "--dry-run", "--json", typed=content).json
    assert (found["imported"], found["users"], found["tokens"]) == (False, 2, 1)
    assert office.stock.dump() == before


@pytest.mark.parametrize("form", HASHES)
def test_hash_is_taken_over(form: str, office: Office) -> None:
    """Whoever had a password before the import logs in with it after."""
    ran = office.done("user", "import", "-", typed=f'name,hash\nalice,"{HASHES[form]}"\n')
    assert "1 hashes taken over, Argon2id at the next login.\n" in ran.out
    assert _stored(office, "alice") == HASHES[form]
    assert _opens(office, "alice", OPENS[form])
    assert not _opens(office, "alice", b"other")


@pytest.mark.parametrize(
    ("hashing_", "start"),
    [("auto", "$argon2id$"), ("argon2", "$argon2id$"), ("keyed", "$keyed$1$")],
)
def test_plain_password_is_hashed(hashing_: str, start: str, office: Office) -> None:
    """A plain password is stored as a hash that the same password opens."""
    content = "name,password\nalice, pässword \n"
    ran = office.done("user", "import", "-", "--hashing", hashing_, typed=content)
    assert "pässword" not in ran.out + "".join(office.stock.dump())
    assert _stored(office, "alice").startswith(start)
    assert _opens(office, "alice", " pässword ".encode())
    assert not _opens(office, "alice", b"other")


def test_many_plain_passwords_are_hashed_fast(office: Office) -> None:
    """Beyond a number that would take minutes the keyed form is taken, and it is said."""
    rows = "".join(f"user{at},secret{at}\n" for at in range(MOST_ARGON2 + 1))
    ran = office.done("user", "import", "-", typed=f"name,password\n{rows}")
    assert f"{MOST_ARGON2 + 1} plain passwords: keyed hashes" in ran.out
    assert _opens(office, "user7", b"secret7")
    assert len(_names(office)) == MOST_ARGON2 + 1


def test_every_column_counts(office: Office) -> None:
    """Flags, tokens, and what they are like."""
    content = (
        "name,disabled,password_only,seed_hex,serial,kind,algorithm,digits,period,counter,label\n"
        f"Alice,yes,,{SEED.hex()},T1,totp,sha256,8,60,,phone\n"
        f"bob,,yes,{SEED.hex()},H1,hotp,,,,7,\n"
        "carl,,,,,,,,,,\n"
    )
    ran = office.done("user", "import", "-", typed=content)
    assert ran.err == "warning: 1 users need NO second factor\n"
    alice, bob, carl = office.done("user", "list", "--json").json
    assert (alice["disabled"], alice["active_tokens"], bob["password_only"]) == (True, 1, True)
    assert (carl["active_tokens"], carl["password"]) == (0, None)
    fob, phone = office.done("token", "list", "--json").json
    assert (fob["user"], fob["last"], fob["period"]) == ("bob", 6, None)
    assert (phone["algorithm"], phone["digits"], phone["period"]) == ("sha256", 8, 60)
    assert phone["label"] == "phone"
    with office.open() as store:
        found = tokens.export(store, ACTOR, user=None, serials=frozenset())
        assert {seed.reveal() for _, seed in found} == {SEED}


def test_names_of_all_scripts_are_imported(office: Office) -> None:
    """Names come in their normal form, each once, the longest included."""
    names = ["Jörg Müller", "דוד", "\u0430lice", "alice", "é" * 126]
    office.done("user", "import", "-", typed="name\n" + "\n".join(names))
    assert sorted(_names(office)) == sorted(name.lower() for name in names)


def test_import_is_one_audit_line(office: Office) -> None:
    """The audit has the numbers and the file's digest, loudly if anybody is exempt."""
    content = f"name,password,password_only,seed\nalice,hunter2,yes,{BASE32}\n"
    office.done("user", "import", "-", typed=content)
    (line,) = office.lines()
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert line["detail"] == f"1 users, 1 tokens, 1 PASSWORD ONLY, SHA-256 {digest}"


def test_warnings_are_told(office: Office) -> None:
    """A short seed is imported loudly, with its line."""
    content = "name,seed_hex\nalice,00112233445566778899\n"
    ran = office.done("user", "import", "-", "--dry-run", typed=content)
    assert ran.err.startswith("warning: line 2: ")
    assert office.done("user", "import", "-", "--json", typed=content).json["warnings"]


def test_progress_is_for_terminals(office: Office) -> None:
    """A person at a terminal sees how far it is; a file or a program does not."""
    content = "name,password\n" + "".join(f"user{at},x\n" for at in range(450))
    path = office.file("in.csv", content)
    assert not office.done("user", "import", path, "--dry-run").err
    ran = office.run("user", "import", path, terminal=True)
    assert ran.code == 0
    shown = ran.err.split("\r")
    assert "reading 200 of 450" in shown
    assert "hashing 450 of 450" in shown
    assert "storing" in shown
    assert shown[-1] == ""
    ran = office.run("user", "import", path, "--dry-run", "--json", terminal=True)
    assert "\r" not in ran.err


def test_progress_is_wiped_before_a_refusal(office: Office) -> None:
    """The line that says what is wrong stands alone."""
    ran = office.run("user", "import", "-", typed="name\na\tb\n", terminal=True)
    assert ran.code == 6
    assert ran.err.rsplit("\r", 1)[1].startswith("radiusmfa: line 2: ")


def test_kill_half_way_adds_nobody(office: Office) -> None:
    """After kill -9 in the middle nobody was added, and the import can be run again."""
    content = "name,password\n" + "".join(f"user{at},secret\n" for at in range(300))
    path = office.file("in.csv", content)

    def work() -> None:
        def watch(frame: FrameType, event: str, _: object) -> None:
            # All users and no audit line are written then, and nothing is committed.
            if event == "call" and frame.f_code is trail.append.__code__:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(watch)
        office.run("user", "import", path)

    assert in_child(work) == (None, signal.SIGKILL)
    assert _names(office) == []
    assert office.done("audit", "verify").out == "0 lines, unbroken.\n"
    office.done("user", "import", path)
    assert len(_names(office)) == 300


def test_two_imports_at_once(office: Office) -> None:
    """Of two imports of one list one is stored and one refused as a whole."""
    content = "name,password\n" + "".join(f"user{at},secret\n" for at in range(400))
    command = [sys.executable, "-m", "radiusmfa", "-c", str(office.config), "user", "import"]
    path = office.file("in.csv", content)
    started = [
        subprocess.Popen([*command, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    ends = [(process.communicate(), process.returncode) for process in started]
    assert sorted(code for _, code in ends) == [0, 6]
    assert len(_names(office)) == 400
    assert len(office.lines()) == 1


def test_import_waits_for_another_writer(office: Office) -> None:
    """An import begun while somebody else writes ends when they do."""
    command = [sys.executable, "-m", "radiusmfa", "-c", str(office.config), "user", "import"]
    with office.open() as holder:
        with holder.transaction():
            process = subprocess.Popen(
                [*command, office.file("in.csv", "name\nalice\n")],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
        out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out == b"1 users and 0 tokens imported.\n"


def test_full_disk_adds_nobody(office: Office) -> None:
    """When the disk is full nobody was added."""
    content = "name,hash\n" + "".join(f"user{at},{HASHES['ssha']}\n" for at in range(5000))
    path = office.file("in.csv", content)
    with full_disk(200_000):
        ran = office.run("user", "import", path)
    assert (ran.code, len(ran.err.splitlines())) == (4, 1)
    assert _names(office) == []
