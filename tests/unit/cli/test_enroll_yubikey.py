"""Tests of `radiusmfa.cli.enroll_yubikey`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.yubico import Key

if TYPE_CHECKING:
    from tests.unit.cli.office import Office, Ran

ENROLL = ("token", "enroll", "alice", "--type", "yubikey")


@pytest.fixture
def alice(office: Office) -> Office:
    """A desk with alice."""
    office.done("user", "add", "alice", "--no-password")
    return office


@pytest.fixture
def key() -> Key:
    """Her key."""
    return Key()


def _file(office: Office, key: Key) -> str:
    lines = (key.public_id, key.private_id.hex(), key.aes_key.hex())
    return office.file("key", "\n".join(lines) + "\n")


def _shown(office: Office, serial: str) -> tuple[str, str, int | None]:
    found = office.done("token", "show", serial, "--json").json
    return found["kind"], found["status"], found["last"]


def _says_no_secret(ran: Ran | str, key: Key) -> None:
    text = ran if isinstance(ran, str) else ran.out + ran.err
    assert key.aes_key.hex() not in text
    assert key.private_id.hex() not in text


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param([], "Nobody can be asked for the first password here", id="nobody"),
        pytest.param(["--pending"], "There is no terminal to ask for the key's", id="no-terminal"),
        pytest.param(["--json", "--generate"], "Nobody can be asked", id="json"),
        pytest.param(["--digits", "6", "--generate"], "--digits has no meaning", id="digits"),
        pytest.param(["--seed-file", "KEY"], "--seed-file has no meaning", id="seed-file"),
        pytest.param(["--algorithm", "sha1"], "--algorithm has no meaning", id="algorithm"),
        pytest.param(["--generate", "--key-file", "KEY", "--pending"], "exclude", id="both"),
        pytest.param(["--remote", "--generate"], "--remote has no secrets here", id="remote"),
        pytest.param(["--remote", "--key-file", "KEY"], "--remote has no secrets", id="remote-key"),
        pytest.param(["--remote"], "there is no terminal to ask at", id="remote-nobody"),
        pytest.param(["--remote", "--code-file", "WORDS"], "no password of a YubiKey", id="words"),
        pytest.param(["--remote", "--serial", "abc"], "the public id must have", id="public-id"),
        pytest.param(["--generate", "--pending", "--serial", "T1"], "the public id", id="serial"),
        pytest.param(["--key-file", "WORDS", "--pending"], "expected public id", id="one-line"),
        pytest.param(["--key-file", "LATIN", "--pending"], "must be text", id="latin"),
        pytest.param(["--key-file", "LONG", "--pending"], "the AES key must have 32", id="long"),
        pytest.param(["--key-file", "FOUR", "--pending"], "expected public id", id="four-lines"),
        pytest.param(
            ["--key-file", "KEY", "--pending", "--serial", "vvcc"], "another public", id="other"
        ),
        pytest.param(["--generate", "--pending", "--label", "a\nb"], "control", id="label"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, alice: Office, key: Key) -> None:
    """Exit code 2, one line, nothing is stored, and no secret is shown."""
    files = {
        "KEY": _file(alice, key),
        "WORDS": alice.file("words", "no password\n"),
        "LATIN": alice.file("latin", b"\xff\xfe\n"),
        "LONG": alice.file("long", f"vvcc\n0123456789ab\n{key.aes_key.hex()}00\n"),
        "FOUR": alice.file("four", f"vvcc\n0123456789ab\n{key.aes_key.hex()}\nmore\n"),
    }
    line = alice.refused(2, *ENROLL, *(files.get(word, word) for word in words))
    assert why in line
    _says_no_secret(line, key)


@pytest.mark.parametrize("option", ["--remote", "--generate"])
def test_options_of_yubikeys_are_theirs(option: str, alice: Office) -> None:
    """A TOTP token has none of them."""
    line = alice.refused(2, "token", "enroll", "alice", "--pending", option)
    assert f"{option} has no meaning with --type totp." in line


def test_unknown_user_is_refused(alice: Office) -> None:
    """And no secret was shown for nothing."""
    line = alice.refused(
        1, "token", "enroll", "eve", "--type", "yubikey", "--generate", "--pending"
    )
    assert "there is no user 'eve'" in line


def test_wrong_first_password_leaves_it_pending(alice: Office, key: Key) -> None:
    """A key that was programmed otherwise does not count."""
    other = alice.file("otp", Key(public_id=key.public_id).touch())
    ran = alice.run(*ENROLL, "--key-file", _file(alice, key), "--code-file", other)
    assert ran.code == 1
    assert "is stored, but pending: this password of" in ran.err
    assert _shown(alice, key.public_id) == ("yubikey", "pending", None)


def test_key_of_a_file_counts_after_its_first_password(alice: Office, key: Key) -> None:
    """The password proves it, and is used up."""
    otp = alice.file("otp", key.touch())
    ran = alice.done(*ENROLL, "--key-file", _file(alice, key), "--code-file", otp)
    assert ran.out == f"YubiKey {key.public_id} of alice is active.\n"
    assert _shown(alice, key.public_id) == ("yubikey", "active", 256)
    _says_no_secret(ran, key)
    assert alice.lines()[-1]["token"] == key.public_id


def test_key_of_a_file_may_count_at_once(alice: Office, key: Key) -> None:
    """Where somebody says so."""
    ran = alice.done(*ENROLL, "--key-file", _file(alice, key), "--no-confirm", "--json")
    assert ran.json == {
        "serial": key.public_id,
        "user": "alice",
        "status": "active",
        "kind": "yubikey",
        "remote": False,
    }


def test_secrets_are_typed_at_a_terminal(alice: Office, key: Key) -> None:
    """They are asked for one by one, and the first passwords until one is right."""
    wrong = Key(public_id=key.public_id).touch()
    typed = (key.public_id, key.private_id.hex(), key.aes_key.hex(), wrong, key.touch())
    ran = alice.run(*ENROLL, typed="\n".join(typed) + "\n", terminal=True)
    assert ran.code == 0, ran
    assert "was not made with this AES key" in ran.err
    assert _shown(alice, key.public_id) == ("yubikey", "active", 256)


def test_first_password_may_come_later(alice: Office, key: Key) -> None:
    """Enter alone leaves it pending; `token confirm` lets it count."""
    ran = alice.run(*ENROLL, "--key-file", _file(alice, key), typed="\n", terminal=True)
    assert f"is pending; later: radiusmfa token confirm {key.public_id}" in ran.out
    otp = alice.file("otp", key.touch())
    alice.done("token", "confirm", key.public_id, "--code-file", otp)
    assert _shown(alice, key.public_id) == ("yubikey", "active", 256)


def test_new_secrets_are_shown_once(alice: Office) -> None:
    """As the tool that programs the key asks for them; the store shows them never again."""
    ran = alice.done(*ENROLL, "--generate", "--pending", "--label", "blue")
    (public_id,) = re.findall(r"public id +(vv[cbdefghijklnrtuv]{10})\n", ran.out)
    (private_id,) = re.findall(r"private id +([0-9a-f]{12})\n", ran.out)
    (aes_key,) = re.findall(r"aes key +([0-9a-f]{32})\n", ran.out)
    programmed = Key(
        public_id=public_id, private_id=bytes.fromhex(private_id), aes_key=bytes.fromhex(aes_key)
    )
    alice.done("token", "confirm", public_id, "--code-file", alice.file("otp", programmed.touch()))
    listed = alice.done("token", "list").out + alice.done("token", "show", public_id).out
    _says_no_secret(listed, programmed)
    assert "yubikey  active" in listed


def test_new_secrets_are_in_the_json(alice: Office) -> None:
    """For whoever programs many."""
    found = alice.done(*ENROLL, "--generate", "--no-confirm", "--json", "--serial", "vvcc").json
    assert (found["serial"], found["public_id"]) == ("vvcc", "vvcc")
    assert (len(found["private_id"]), len(found["aes_key"])) == (12, 32)


def test_touching_a_key_says_which_it_is(alice: Office, key: Key) -> None:
    """A key that a service checks has no secret here."""
    otp = alice.file("otp", f"{key.touch().upper()}\n")
    ran = alice.done(*ENROLL, "--remote", "--code-file", otp)
    assert ran.out == f"YubiKey {key.public_id} of alice is active.\n"
    second = alice.done(*ENROLL, "--remote", "--serial", "vvcc", "--pending", "--json").json
    assert (second["remote"], second["status"]) == (True, "pending")
    alice.done("token", "confirm", "vvcc", "--code-file", alice.file("otp", f"vvcc{32 * 'c'}"))
    assert _shown(alice, "vvcc") == ("yubikey", "active", None)


def test_key_lives_as_any_token(alice: Office, key: Key) -> None:
    """Disabled, enabled, given away, revoked; its clock cannot be set."""
    alice.done("user", "add", "bob", "--no-password")
    alice.done(*ENROLL, "--key-file", _file(alice, key), "--no-confirm")
    line = alice.refused(1, "token", "resync", key.public_id)
    assert "is a YubiKey: it has no clock to set right" in line
    for verb, status in (("disable", "disabled"), ("enable", "active")):
        alice.done("token", verb, key.public_id)
        assert _shown(alice, key.public_id) == ("yubikey", status, None)
    alice.done("token", "assign", key.public_id, "bob")
    assert alice.done("token", "export", "-", "--yes").out == ""
    line = alice.refused(1, "token", "export", "-", "--yes", key.public_id)
    assert "is no OATH token: no URI can say it" in line
    alice.done("token", "revoke", key.public_id, "--yes")
    assert _shown(alice, key.public_id)[1] == "revoked"
