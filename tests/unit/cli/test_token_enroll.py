"""Tests of `radiusmfa.cli.token_enroll`."""

from __future__ import annotations

import base64
import re
import time
from io import BufferedWriter
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from radiusmfa.cli import admin
from tests.unit.stores.stock import SEED, code

if TYPE_CHECKING:
    from tests.unit.cli.office import Office, Ran


@pytest.fixture
def alice(office: Office) -> Office:
    """A desk with alice."""
    office.done("user", "add", "alice", "--no-password")
    return office


def _secret(text: str) -> bytes:
    (uri,) = re.findall(r"otpauth://\S+", text)
    (secret,) = parse_qs(urlsplit(uri).query)["secret"]
    return base64.b32decode(secret)


def _status(office: Office, serial: str) -> tuple[str, int | None]:
    found = office.done("token", "show", serial, "--json").json
    return found["status"], found["last"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        pytest.param([], "Nobody can be asked for the first passcode here", id="nobody-to-ask"),
        pytest.param(["--digits", "5", "--pending"], "6<=x<=8", id="digits"),
        pytest.param(["--period", "5", "--pending"], "15<=x<=300", id="period"),
        pytest.param(["--kind", "fax", "--pending"], "is not one of 'totp', 'hotp'", id="kind"),
        pytest.param(["--algorithm", "md5", "--pending"], "is not one of", id="algorithm"),
        pytest.param(["--serial", "a b", "--pending"], "a serial number holds no", id="serial"),
        pytest.param(["--label", "a\nb", "--pending"], "control characters", id="label"),
        pytest.param(["--issuer", "\x1b[2J", "--pending"], "control characters", id="issuer"),
        pytest.param(["--seed", "ABCD", "--pending"], "No such option", id="seed-in-argv"),
        pytest.param(["--seed-file", "EMPTY", "--pending"], "must have one line", id="no-seed"),
        pytest.param(["--seed-file", "TWO", "--pending"], "must have one line", id="two-seeds"),
        pytest.param(["--seed-file", "ODD", "--pending"], "the seed", id="odd-seed"),
        pytest.param(["--seed-file", "LATIN", "--pending"], "not hex or base32", id="latin-seed"),
        pytest.param(["--seed-file", "SHORT", "--pending"], "seed", id="short-seed"),
        pytest.param(["--svg", "ODD", "--pending"], "is there already", id="svg"),
    ],
)
def test_wrong_usage_is_refused(words: list[str], why: str, alice: Office) -> None:
    """Exit code 2, one line, nothing is stored, and no seed is shown."""
    files = {
        "EMPTY": alice.file("empty", ""),
        "TWO": alice.file("two", f"{SEED.hex()}\n{SEED.hex()}\n"),
        "ODD": alice.file("odd", "!?"),
        "LATIN": alice.file("latin", b"\xff\xfe"),
        "SHORT": alice.file("short", "aabb"),
    }
    line = alice.refused(2, "token", "enroll", "alice", *(files.get(word, word) for word in words))
    assert why in line
    assert "aabb" not in line


def test_unknown_user_is_refused(alice: Office) -> None:
    """Exit code 1, and no file of a seed is left."""
    path = alice.folder / "it.svg"
    line = alice.refused(1, "token", "enroll", "eve", "--no-confirm", "--svg", str(path))
    assert "there is no user 'eve'" in line
    assert "somebody whom only a directory or an upstream knows, say --new-user" in line
    assert not path.exists()


def test_somebody_whom_only_a_directory_knows_gets_a_token(office: Office) -> None:
    """One command makes the user, without a password, and the token; or neither."""
    office.done("token", "enroll", "eve", "--new-user", "--no-confirm", "--serial", "E1")
    shown = office.done("user", "show", "eve", "--json").json
    assert (shown["password"], shown["active_tokens"]) == (None, 1)
    taken = ("token", "enroll", "ann", "--new-user", "--no-confirm", "--serial", "E1")
    assert "there is a token 'E1' already" in office.refused(1, *taken)
    assert "no user 'ann'" in office.refused(1, "user", "show", "ann")
    office.done("token", "enroll", "eve", "--new-user", "--no-confirm")
    assert office.done("user", "show", "eve", "--json").json["active_tokens"] == 2


def test_an_alias_is_no_new_user(alice: Office) -> None:
    """The token would be another's than the one who logs in by that name."""
    alice.done("user", "alias", "alice", "smith")
    line = alice.refused(1, "token", "enroll", "smith", "--new-user", "--no-confirm")
    assert "that is an alias of 'alice'" in line


def test_taken_serial_is_refused(alice: Office) -> None:
    """A serial is given once."""
    alice.done("token", "enroll", "alice", "--pending", "--serial", "T1")
    line = alice.refused(1, "token", "enroll", "alice", "--pending", "--serial", "T1")
    assert "there is a token 'T1' already" in line


def test_picture_that_cannot_be_written_enrolls_nothing(alice: Office) -> None:
    """If one of two files cannot be made, the other is gone and no token is stored."""
    png = alice.folder / "it.png"
    words = ("--svg", str(alice.folder / "no" / "it.svg"), "--png", str(png))
    assert "No such file" in alice.refused(74, "token", "enroll", "alice", "--no-confirm", *words)
    assert not png.exists()


def test_full_disk_enrolls_nothing(alice: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that finds no room is told before the token is stored."""
    with Path("/dev/full").open("wb", buffering=0) as disk:
        monkeypatch.setattr(admin, "new_file", lambda _: BufferedWriter(disk))
        words = ("--no-confirm", "--png", str(alice.folder / "it.png"))
        line = alice.refused(74, "token", "enroll", "alice", *words)
    assert "No space left on device" in line


def test_qr_code_is_drawn_and_written(alice: Office) -> None:
    """The code is on the terminal, and in files that only their owner can read."""
    svg, png = alice.folder / "it.svg", alice.folder / "it.png"
    ran = alice.done(
        "token", "enroll", "alice", "--no-confirm", "--svg", str(svg), "--png", str(png),
        "--issuer", "Example Corp", "--serial", "T1",
    )  # fmt: skip
    assert "█" in ran.out
    assert f"The QR code is in {svg}: it holds the seed, delete it after use." in ran.out
    assert "otpauth://totp/Example%20Corp:alice?secret=" in ran.out
    assert f"type the key: {base64.b32encode(_secret(ran.out)).decode()}" in ran.out
    assert ran.out.endswith("Token T1 of alice is active.\n")
    assert svg.read_bytes().startswith(b"<?xml")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert {path.stat().st_mode & 0o777 for path in (svg, png)} == {0o600}
    assert len(_secret(ran.out)) == 20


def test_seeds_are_never_the_same(alice: Office) -> None:
    """Each token has a seed and a serial of its own."""
    ran = [alice.done("token", "enroll", "alice", "--pending", "--json").json for _ in range(3)]
    assert len({_secret(one["uri"]) for one in ran}) == 3
    assert len({one["serial"] for one in ran}) == 3


def test_json_has_what_a_program_needs(alice: Office) -> None:
    """Everything that was enrolled, once, with the URI, and no drawing."""
    found = alice.done(
        "token", "enroll", "alice", "--no-confirm", "--json", "--algorithm", "sha256",
        "--digits", "8", "--period", "60", "--label", "phone",
    ).json  # fmt: skip
    assert (found["user"], found["status"], found["kind"]) == ("alice", "active", "totp")
    assert (found["algorithm"], found["digits"], found["period"]) == ("sha256", 8, 60)
    assert "algorithm=SHA256" in found["uri"]
    stored = alice.done("token", "show", found["serial"], "--json").json
    assert (stored["algorithm"], stored["digits"], stored["period"]) == ("sha256", 8, 60)
    assert stored["label"] == "phone"


def test_json_is_for_programs(alice: Office) -> None:
    """With --json nobody is asked: the URI to scan would come too late."""
    ran = alice.run("token", "enroll", "alice", "--json", typed="123456\n", terminal=True)
    assert ran.code == 2
    assert "or with --json: say --code-file FILE, --pending or --no-confirm" in ran.err


def _ask(office: Office, *typed: str) -> Ran:
    seed = office.file("seed", SEED.hex())
    return office.run(
        "token", "enroll", "alice", "--kind", "hotp", "--serial", "H1", "--seed-file", seed,
        typed="".join(f"{one}\n" for one in typed), terminal=True,
    )  # fmt: skip


def test_first_passcode_is_asked_for(alice: Office) -> None:
    """The right passcode makes the token count; a wrong one may be corrected."""
    ran = _ask(alice, "000000", "12345", f" {code(0).reveal().decode()} ")
    assert ran.code == 0
    assert "not a passcode of token 'H1' now" in ran.err
    assert "has 6 digits" in ran.err
    assert ran.out.endswith("Token H1 of alice is active.\n")
    assert _status(alice, "H1") == ("active", 0)


@pytest.mark.parametrize("typed", [[""], ["000000"] * 3], ids=["later", "three-wrong"])
def test_unproved_token_stays_pending(typed: list[str], alice: Office) -> None:
    """Without its first passcode the token does not count; the way to go on is shown."""
    ran = _ask(alice, *typed)
    assert ran.code == 0
    assert ran.out.endswith("Token H1 of alice is pending; later: radiusmfa token confirm H1.\n")
    assert _status(alice, "H1") == ("pending", None)


def test_interrupted_question_leaves_a_pending_token(alice: Office) -> None:
    """Ctrl-D at the question stops; the token does not count."""
    assert _ask(alice).code == 130
    assert _status(alice, "H1") == ("pending", None)


def test_qr_code_of_a_device_is_not_drawn(alice: Office) -> None:
    """A seed that came from a device is not shown again."""
    ran = _ask(alice, "")
    assert "otpauth" not in ran.out
    assert SEED.hex() not in ran.out + ran.err


def _from_file(office: Office, passcode: str | bytes, *more: str) -> Ran:
    return office.run(
        "token", "enroll", "alice", "--kind", "hotp", "--serial", "H1",
        "--seed-file", office.file("seed", base64.b32encode(SEED)),
        "--code-file", office.file("code", passcode), *more,
    )  # fmt: skip


def test_first_passcode_from_a_file(alice: Office) -> None:
    """A program can confirm what a device shows."""
    ran = _from_file(alice, code(3).reveal(), "--json")
    assert (ran.code, ran.json["status"]) == (0, "active")
    assert _status(alice, "H1") == ("active", 3)


@pytest.mark.parametrize(
    ("passcode", "why"),
    [("000000", "not a passcode of"), ("12345", "has 6 digits"), ("", "is empty")],
)
def test_wrong_passcode_from_a_file(passcode: str, why: str, alice: Office) -> None:
    """The refusal says that the token is stored and does not count."""
    ran = _from_file(alice, passcode)
    assert ran.code == 1
    (line,) = ran.err.splitlines()
    assert line.startswith("radiusmfa: token H1 is stored, but pending: ")
    assert why in line
    assert _status(alice, "H1") == ("pending", None)


def test_old_short_seed_is_taken_with_a_warning(alice: Office) -> None:
    """A seed of 80 bits, as older phones have, is accepted loudly."""
    seed = alice.file("seed", "00112233445566778899")
    ran = alice.done("token", "enroll", "alice", "--pending", "--seed-file", seed)
    assert ran.err.startswith("warning: ")
    seed = alice.file("seed", "99887766554433221100")
    found = alice.done("token", "enroll", "alice", "--pending", "--seed-file", seed, "--json").json
    assert found["warnings"]


def test_period_of_a_counter_token_is_none(alice: Office) -> None:
    """A HOTP token has no period, whatever was said."""
    found = alice.done(
        "token", "enroll", "alice", "--kind", "hotp", "--period", "60", "--pending", "--json"
    ).json
    assert found["period"] is None
    assert "counter=0" in found["uri"]


def test_totp_passcode_from_standard_input(alice: Office) -> None:
    """A TOTP token is confirmed by the passcode of now."""
    seed = alice.file("seed", SEED.hex())
    now = code(int(time.time()) // 30).reveal()
    ran = alice.done("token", "enroll", "alice", "--seed-file", seed, "--code-file", "-", typed=now)
    assert ran.out.endswith(" of alice is active.\n")


def test_enrolment_is_audited_without_the_seed(alice: Office) -> None:
    """The audit has the token, its kind and status; neither seed nor URI."""
    ran = alice.done("token", "enroll", "alice", "--no-confirm", "--serial", "T1")
    line = alice.lines()[-1]
    assert (line["action"], line["token"]) == ("token.enroll", "T1")
    assert base64.b32encode(_secret(ran.out)).decode() not in str(line)
