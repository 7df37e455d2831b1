"""`radiusmfa try`: what it shows, what it answers with, what it leaves alone."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any, Final

import pyotp
import pytest

from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from radiusmfa.primary import hashing
from radiusmfa.secret import Secret
from radiusmfa.stores import database, people, tokens
from radiusmfa.stores.trail import Actor
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

SEED: Final = b"twenty octets of seed"
PASSWORD: Final = "correct horse"
LIGHT: Final = hashing.Parameters(memory_kib=512, passes=1, lanes=1)
CONFIGURATION: Final = """
listen: [{udp: "127.0.0.1:1812"}]
store: {sqlite: radiusmfa.db}
keys: {file: keys}
passwords: {memory_kib: 512, passes: 1}
lockout: {threshold: 1}
clients:
  - {name: nas, networks: [192.0.2.0/24], secret: {file: secret}, mode: auto}
  - {name: one, networks: [192.0.2.7], secret: {file: secret}, mode: challenge}
"""


class Desk:
    """An administrator at a terminal without a keyboard."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Make a store with Alice, and Bob who is disabled."""
        self.folder = folder
        self._capsys = capsys
        (folder / "secret").write_text("a shared secret of 30 octets..")
        (folder / "secret").chmod(0o600)
        (folder / "radiusmfa.yaml").write_text(CONFIGURATION)
        vault = Vault.create(folder / "keys")
        database.create(folder / "radiusmfa.db", vault)
        self.actor = Actor("root", time.time())
        with self.store() as store:
            stored = hashing.hash_password(PASSWORD.encode(), LIGHT)
            for name in ("alice", "bob"):
                people.add(store, self.actor, name, password=stored)
            people.set_disabled(store, self.actor, "bob", disabled=True)
            new = tokens.NewToken(serial="T-1", kind="totp", seed=Secret(SEED), user="alice")
            tokens.enroll(store, self.actor, new, status="active")

    def store(self) -> database.Database:
        """Open the store."""
        return database.connect(self.folder / "radiusmfa.db", Vault.read(self.folder / "keys"))

    def attempt(self, *words: str, typed: str = "", answers: str = "") -> tuple[int, str, str]:
        """Return exit code, output and errors of `try`."""
        more: list[str] = []
        for option, text in (("--password-file", typed), ("--code-file", answers)):
            if text:
                (self.folder / option).write_text(text)
                more += [option, str(self.folder / option)]
        code = main(["-c", str(self.folder / "radiusmfa.yaml"), "try", *words, *more])
        return code, *self._capsys.readouterr()


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A store and somebody to ask."""
    return Desk(tmp_path, capsys)


def code() -> str:
    """Return a passcode that is valid now."""
    return pyotp.TOTP(base64.b32encode(SEED).decode()).now()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param(("alice",), "--client", id="no client"),
        pytest.param(("alice", "--client", "vpn"), "has no client 'vpn'", id="unknown client"),
        pytest.param(
            ("alice", "--client", "nas", "--from", "192.0.2.7"),
            "belongs to client 'one'",
            id="another client's address",
        ),
        pytest.param(
            ("alice", "--client", "nas", "--from", "10.0.0.1"),
            "belongs to no client",
            id="stranger",
        ),
        pytest.param(
            ("alice", "--client", "nas", "--from", "here"), "not an IPv4", id="no address"
        ),
        pytest.param(
            ("alice", "--client", "nas", "--password-prompt"), "no terminal", id="nobody to ask"
        ),
    ],
)
def test_wrong_usage_is_explained(desk: Desk, words: tuple[str, ...], why: str) -> None:
    """A wrong option is one line that says what is wrong, and nothing is decided."""
    done, out, err = desk.attempt(*words)
    assert done == exits.USAGE
    assert out == ""
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "typed", "reason", "hint"),
    [
        pytest.param("alice", "wrong", "bad-password", None, id="wrong password"),
        pytest.param("carol", PASSWORD, "unknown-user", "radiusmfa user add", id="unknown user"),
        pytest.param("bob", PASSWORD, "user-disabled", "radiusmfa user enable", id="disabled"),
        pytest.param("\x7f", PASSWORD, "bad-user-name", None, id="no name"),
    ],
)
def test_refused_login_says_why(
    desk: Desk, name: str, typed: str, reason: str, hint: str | None
) -> None:
    """Each refusal shows its reason, what to do about it, and the reply."""
    done, out, _ = desk.attempt(name, "--client", "nas", typed=typed)
    assert done == exits.NO
    assert f"decision  reject: {reason}" in out
    assert "Access-Reject" in out
    assert ("hint" in out) is (hint is not None)
    assert (hint or "") in out


def test_locked_user_is_told(desk: Desk) -> None:
    """A lock shows up before anything is typed."""
    now = int(time.time())
    with desk.store() as store, store.transaction() as sql:
        sql.execute(
            "INSERT INTO failures VALUES (1, 'password', 'nas', 10, ?, ?, x'00')", (now, now + 600)
        )
    done, out, _ = desk.attempt("alice", "--client", "nas")
    assert done == exits.DONE
    assert "locked    password at nas until" in out


def test_right_login_shows_each_step_and_is_repeatable(desk: Desk) -> None:
    """A right login is shown as accepted every time, since no try uses up the code."""
    typed, out = PASSWORD + code(), ""
    for _ in range(2):
        done, out, _ = desk.attempt("alice", "--client", "nas", typed=typed)
        assert done == exits.DONE
        assert "Does it end in a valid code? passed" in out
        assert "Is what stands before the code the password? passed" in out
        assert "decision  accept: passed (totp T-1)" in out
    assert typed not in out


def test_challenge_is_answered_and_json_has_every_round(desk: Desk) -> None:
    """Both rounds of a challenge are in one JSON object, with steps and attributes."""
    done, out, _ = desk.attempt(
        "alice", "--client", "one", "--json", typed=PASSWORD, answers=f"{code()}\n"
    )
    told: dict[str, Any] = json.loads(out)
    assert done == exits.DONE
    assert [one["decision"] for one in told["rounds"]] == ["challenge", "accept"]
    assert told["rounds"][0]["steps"] == [
        {"step": "password", "outcome": "passed"},
        {"step": "factor", "outcome": "asks: passcode-wanted"},
    ]
    names = [attribute["name"] for attribute in told["rounds"][0]["attributes"]]
    assert names == ["Message-Authenticator", "State", "Reply-Message", "Prompt"]
    assert told["known"]["tokens"] == ["T-1 (totp)"]


def test_without_password_only_facts_are_shown(desk: Desk) -> None:
    """Without a password nothing is decided: client, user and tokens are shown."""
    done, out, _ = desk.attempt("alice", "--client", "nas")
    assert done == exits.DONE
    assert "mode auto" in out
    assert "T-1 (totp)" in out
    assert "decision" not in out


def test_too_long_name_and_password_are_refused(desk: Desk) -> None:
    """What no client could send is refused before anything is decided."""
    assert desk.attempt("a" * 254, "--client", "nas", typed=PASSWORD)[0] == exits.USAGE
    assert desk.attempt("alice", "--client", "nas", typed="x" * 129)[0] == exits.USAGE
