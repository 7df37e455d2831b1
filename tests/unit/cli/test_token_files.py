"""Tests of `radiusmfa.cli.token_files`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.unit.stores.stock import SEED, full_disk

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

PSKC: Final = Path(__file__).parents[2] / "vectors" / "pskc"
KEY: Final = "33161435bc4bb4cba5b79e5a384f5b53973c7fcf0fc729d771b3ceae31fc17f3"
BASE32: Final = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
URIS: Final = (
    f"otpauth://totp/Example:alice?secret={BASE32}&issuer=Example&serial=T1\n"
    f"otpauth://hotp/bob?secret={BASE32}&counter=7&serial=H1\n"
)
CSV: Final = f"serial,seed\nC1,{SEED.hex()}\n"


@pytest.fixture
def peopled(office: Office) -> Office:
    """A desk with alice and bob."""
    for name in ("alice", "bob"):
        office.done("user", "add", name, "--no-password")
    return office


def _refused(office: Office, code: int, *words: str) -> list[str]:
    before = office.stock.dump()
    ran = office.run("token", *words)
    assert (ran.code, ran.out) == (code, ""), ran
    assert office.stock.dump() == before
    lines = ran.err.splitlines()
    assert all(line.startswith("radiusmfa: ") for line in lines)
    assert BASE32 not in ran.err
    assert SEED.hex() not in ran.err
    return [line.removeprefix("radiusmfa: ") for line in lines]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="empty"),
        pytest.param("hello", id="words"),
        pytest.param(b"\xff\xfe\x00", id="octets"),
        pytest.param("otpauth://totp/alice", id="no-secret"),
        pytest.param("otpauth-migration://offline?data=AAAA", id="empty-migration"),
        pytest.param("<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", id="hostile-xml"),
        pytest.param("serial,seed\nC1,zz\n", id="bad-seed"),
        pytest.param("\n" * 10, id="blank-lines"),
    ],
)
def test_file_that_holds_no_tokens_is_refused(content: str | bytes, peopled: Office) -> None:
    """Exit code 6, a line per fault with its place, and nothing is imported."""
    lines = _refused(peopled, 6, "import", peopled.file("in", content))
    assert lines


@pytest.mark.parametrize(
    "name",
    ["own-bad-mac.xml", "own-doctype-entity.xml", "own-not-xml.xml", "own-two-keys-one-bad.xml",
     "own-unknown-algorithm.xml", "own-wrong-namespace.xml"],
)  # fmt: skip
def test_bad_pskc_is_refused(name: str, peopled: Office) -> None:
    """A hostile, damaged or forged PSKC file gives no token."""
    _refused(peopled, 6, "import", str(PSKC / name), "--key-file", peopled.file("key", KEY[:32]))


def test_every_fault_is_told(peopled: Office) -> None:
    """Each bad line is named at once, and the good ones are not imported either."""
    path = peopled.file("in", URIS + "otpauth://totp/x\n" + f"otpauth://totp/y?secret={BASE32[:9]}")
    lines = _refused(peopled, 6, "import", path)
    assert [line.split(":")[0] for line in lines] == ["line 3", "line 4"]


def test_faults_of_file_and_store_are_told_together(peopled: Office) -> None:
    """What is wrong in the file and what the store has already come in one report."""
    peopled.done("token", "import", peopled.file("first", URIS))
    path = peopled.file("in", URIS + "otpauth://totp/x\n")
    assert _refused(peopled, 6, "import", path) == [
        "line 3: not an otpauth:// URI with a label and a secret",
        "line 1: there is a token 'T1' already",
        "line 2: there is a token 'H1' already",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (URIS.replace("alice", "eve"), "line 1: there is no user 'eve'"),
        (CSV, "line 2: the file names no user to assign it to"),
        (URIS.replace("alice", "a%00b"), "line 1: "),
    ],
    ids=["unknown", "none", "nul"],
)
def test_assigning_to_nobody_is_refused(content: str, why: str, peopled: Office) -> None:
    """With --assign each token must have a user who is there."""
    (line,) = _refused(peopled, 6, "import", "--assign", peopled.file("in", content))
    assert line.startswith(why)


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["import"], 2, "Missing argument 'FILE'"),
        (["import", "/no/file"], 74, "/no/file: No such file or directory"),
        (["import", "/"], 74, "Is a directory"),
        (["import", "IN", "--format", "odd"], 2, "is not one of"),
        (["import", "IN", "--key-file", "IN"], 2, "must hold a key of 16, 24 or 32 octets"),
        (["import", "IN", "--key-file", "IN", "--password-file", "IN"], 2, "exclude each other"),
        (["export"], 2, "Missing argument 'FILE'"),
        (["export", "NEW"], 2, "Write seeds in clear to"),
        (["export", "IN", "--yes"], 2, "is there already; nothing was changed"),
        (["export", "NEW", "--yes", "T9"], 1, "there is no token 'T9' to export"),
        (["export", "NEW", "--yes", "--user", "eve"], 1, "there is no user 'eve'"),
        (["export", "NEW", "--yes", "a b"], 2, "a serial number"),
    ],
    ids=lambda words: "-".join(words) if isinstance(words, list) else "",
)
def test_wrong_usage_is_refused(words: list[str], code: int, why: str, peopled: Office) -> None:
    """One line, and no file is left."""
    new = peopled.folder / "new"
    files = {"IN": peopled.file("in", "something"), "NEW": str(new)}
    (line,) = _refused(peopled, code, *(files.get(word, word) for word in words))
    assert why in line
    assert not new.exists()


def test_dry_run_changes_nothing(peopled: Office) -> None:
    """Everything is checked and told as if, and the store is as before."""
    before = peopled.stock.dump()
    ran = peopled.done("token", "import", "--dry-run", peopled.file("in", URIS))
    assert ran.out.splitlines() == [
        "line 1: T1, totp sha1 6 digits 30 s",
        "line 2: H1, hotp sha1 6 digits",
        "2 tokens can be imported.",
    ]
    assert peopled.done("token", "import", "--dry-run", "--json", "-", typed=URIS).json == {
        "imported": False,
        "tokens": [
            {"where": "line 1", "serial": "T1", "user": None, "kind": "totp", "warnings": []},
            {"where": "line 2", "serial": "H1", "user": None, "kind": "hotp", "warnings": []},
        ],
        "left_out": [],
    }
    assert peopled.stock.dump() == before


def test_tokens_are_imported(peopled: Office) -> None:
    """The tokens are nobody's, or with --assign their users'; counters go on where they were."""
    ran = peopled.done("token", "import", "--assign", peopled.file("in", URIS))
    assert "line 1: T1 of alice, totp sha1 6 digits 30 s\n" in ran.out
    assert ran.out.endswith("2 tokens imported.\n")
    fob, phone = peopled.done("token", "list", "--json").json
    assert (fob["user"], fob["last"], fob["status"]) == ("bob", 6, "active")
    assert (phone["user"], phone["last"], phone["status"]) == ("alice", None, "active")
    peopled.done("token", "import", peopled.file("more", CSV))
    assert peopled.done("token", "show", "C1", "--json").json["user"] is None


def test_import_is_one_audit_line(peopled: Office) -> None:
    """The audit has the file's number of tokens and its digest, and no seed."""
    peopled.done("token", "import", peopled.file("in", URIS))
    line = peopled.lines()[-1]
    assert line["action"] == "token.import"
    assert line["detail"].startswith("2 tokens, SHA-256 ")


@pytest.mark.parametrize("form", ["hex", "raw"])
def test_encrypted_pskc_is_imported(form: str, peopled: Office) -> None:
    """A key from a file, in hex or as octets, opens the manufacturer's file."""
    key = peopled.file("key", f"{KEY}\n" if form == "hex" else bytes.fromhex(KEY))
    path = str(PSKC / "own-aes256-sha256.xml")
    peopled.done("token", "import", path, "--key-file", key)
    assert peopled.done("token", "show", "T-0001", "--json").json["kind"] == "totp"


def test_wrong_password_of_a_pskc_file_is_refused(peopled: Office) -> None:
    """A password where a key is needed opens nothing."""
    path = str(PSKC / "own-aes256-sha256.xml")
    _refused(peopled, 6, "import", path, "--password-file", peopled.file("pw", "secret"))
    _refused(peopled, 6, "import", path)


def test_warnings_are_told(peopled: Office) -> None:
    """A short seed is imported loudly."""
    ran = peopled.done("token", "import", "-", typed="serial,seed\nC1,00112233445566778899\n")
    assert ran.err.startswith("warning: line 2: ")


def test_encoding_can_be_said(peopled: Office) -> None:
    """A seed that could be hex or base32 is read as said."""
    ambiguous = "serial,seed\nC1,22334455667722334455667722334455\n"
    path = peopled.file("in", ambiguous)
    peopled.done("token", "import", path, "--format", "csv", "--encoding", "base32", "--dry-run")
    peopled.done("token", "import", path, "--format", "csv", "--encoding", "hex")
    ran = peopled.done("token", "export", "-", "--yes", "--json")
    assert "secret=EIZUIVLGO4RDGRCVMZ3SEM2EKU" in ran.json[0]["uri"]


def test_tokens_without_a_serial_get_one(peopled: Office) -> None:
    """What the file does not name is named."""
    peopled.done("token", "import", "-", typed=f"otpauth://totp/alice?secret={BASE32}\n")
    (token,) = peopled.done("token", "list", "--json").json
    assert token["serial"].startswith("TOTP-")


def test_export_writes_what_import_reads(peopled: Office, tmp_path: Path) -> None:
    """What is exported can be imported elsewhere, counter and all."""
    peopled.done("token", "import", "--assign", peopled.file("in", URIS))
    out = tmp_path / "out"
    ran = peopled.done("token", "export", str(out), "--yes")
    assert ran.err == f"{out} holds seeds in clear: delete it after use.\n"
    assert out.stat().st_mode & 0o777 == 0o600
    with peopled.stock.raw() as connection:
        connection.execute("DELETE FROM tokens")
    peopled.done("token", "import", "--assign", str(out))
    fob, phone = peopled.done("token", "list", "--json").json
    assert (fob["serial"], fob["user"], fob["last"]) == ("H1", "bob", 6)
    assert (phone["serial"], phone["user"]) == ("T1", "alice")
    assert peopled.done("token", "export", "-", "--yes").out == out.read_text()


def test_export_of_some(peopled: Office) -> None:
    """Only what was named, or one person's; the audit says so before anything is shown."""
    peopled.done("token", "import", "--assign", peopled.file("in", URIS))
    ran = peopled.done("token", "export", "-", "T1", "--yes")
    assert ran.out == f"otpauth://totp/alice?secret={BASE32}&serial=T1\n"
    found = peopled.done("token", "export", "-", "--user", "bob", "--yes", "--json").json
    assert [(one["serial"], one["user"]) for one in found] == [("H1", "bob")]
    assert peopled.lines()[-1]["detail"] == "1 seeds in clear"


def test_export_asks(peopled: Office) -> None:
    """Seeds in clear are written only after a yes."""
    new = peopled.folder / "new"
    ran = peopled.run("token", "export", str(new), typed="n\n", terminal=True)
    assert ran.code == 1
    assert not new.exists()
    assert peopled.run("token", "export", str(new), typed="y\n", terminal=True).code == 0
    assert new.exists()


def test_full_disk_leaves_no_seeds(peopled: Office, tmp_path: Path) -> None:
    """Half a file of seeds does not stay."""
    rows = "".join(f"C{at},{SEED.hex()}\n" for at in range(3000))
    peopled.done("token", "import", "-", typed=f"serial,seed\n{rows}")
    out = tmp_path / "out"
    with full_disk(100_000):
        ran = peopled.run("token", "export", str(out), "--yes")
    assert ran.code == 74
    assert ran.err == f"radiusmfa: {out}: File too large\n"
    assert not out.exists()


def test_export_leaves_out_what_no_uri_can_say(peopled: Office) -> None:
    """Tokens alone; a number that is named is refused."""
    peopled.done("token", "enroll", "alice", "--no-confirm", "--serial", "T1")
    words = ("--type", "sms", "--to", "+491701234567", "--serial", "S1")
    peopled.done("token", "enroll", "alice", *words)
    ran = peopled.done("token", "export", "-", "--yes")
    assert len(ran.out.splitlines()) == 1
    assert "1234567" not in ran.out
    line = peopled.refused(1, "token", "export", "-", "--yes", "S1")
    assert line == "token 'S1' is no OATH token: no URI can say it"


def test_yubico_log_is_imported(peopled: Office) -> None:
    """YubiKeys are nobody's until they are assigned; one that is there already is refused."""
    log = f"Yubico OTP,x,1,vvccccbcgujh,0123456789ab,{KEY[:32]},,,0,0,0,0,0\n"
    path = peopled.file("in", log)
    ran = peopled.done("token", "import", path)
    assert ran.out.splitlines()[0] == "line 1: vvccccbcgujh, yubikey"
    peopled.done("token", "assign", "vvccccbcgujh", "alice")
    found = peopled.done("token", "show", "vvccccbcgujh", "--json").json
    assert (found["user"], found["kind"], found["status"]) == ("alice", "yubikey", "active")
    assert _refused(peopled, 6, "import", path) == [
        "line 1: there is a token 'vvccccbcgujh' already"
    ]
    assert _refused(peopled, 6, "import", "--assign", peopled.file("in", log.replace("cc", "cb")))
