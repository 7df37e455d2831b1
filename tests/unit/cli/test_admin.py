"""Tests of `radiusmfa.cli.admin`, and of what all of the administrator's commands refuse alike."""

from __future__ import annotations

import os
import pwd
import time
from typing import TYPE_CHECKING, Final

import click
import pytest

from radiusmfa.cli import admin
from radiusmfa.secret import Secret
from radiusmfa.stores import remembered
from radiusmfa.stores.remembered import Parts
from radiusmfa.stores.vault import Vault
from tests.unit.cli.office import Office
from tests.unit.stores.stock import NOBODY, full_disk, in_child, open_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_APPROVALS: Final = "approvals: {aws-root: {}, vault: {persons: 2}}\n"
_WAITING: Final = """
    INSERT INTO approvals (approval, user, why, granted_by, created, until)
    VALUES ('vault', 'alice', 'why', 'bob', 0, ?)
"""
COMMANDS: Final = {
    "user-add": ("user", "add", "bob", "--no-password"),
    "user-list": ("user", "list"),
    "user-show": ("user", "show", "alice"),
    "user-password": ("user", "password", "alice", "--no-password"),
    "user-disable": ("user", "disable", "alice"),
    "user-enable": ("user", "enable", "alice"),
    "user-exempt": ("user", "exempt", "alice", "--yes"),
    "user-unlock": ("user", "unlock", "alice"),
    "user-delete": ("user", "delete", "alice", "--yes"),
    "user-import": ("user", "import", "FOLDER/users.csv"),
    "user-alias": ("user", "alias", "alice", "asmith"),
    "user-group": ("user", "group", "alice", "Admins"),
    "token-enroll": ("token", "enroll", "alice", "--no-confirm"),
    "token-list": ("token", "list"),
    "token-show": ("token", "show", "T1"),
    "token-assign": ("token", "assign", "T1", "--nobody"),
    "token-confirm": ("token", "confirm", "T1", "--code-file", "FOLDER/code"),
    "token-resync": ("token", "resync", "T1", "--code-file", "FOLDER/code"),
    "token-disable": ("token", "disable", "T1"),
    "token-enable": ("token", "enable", "T1"),
    "token-revoke": ("token", "revoke", "T1", "--yes"),
    "token-import": ("token", "import", "FOLDER/tokens.csv"),
    "token-export": ("token", "export", "FOLDER/out", "--yes"),
    "recovery-issue": ("recovery", "issue", "alice"),
    "approval-grant": (
        "approval", "grant", "aws-root", "alice", "--why", "x", "--for", "8h",
    ),
    "approval-confirm": ("approval", "confirm", "1"),
    "approval-list": ("approval", "list"),
    "approval-revoke": ("approval", "revoke", "1", "--yes"),
    "remembered-list": ("remembered", "list"),
    "remembered-revoke": ("remembered", "revoke", "alice"),
    "audit-tail": ("audit", "tail"),
    "audit-search": ("audit", "search"),
    "audit-verify": ("audit", "verify"),
    "audit-export": ("audit", "export"),
    "keys-rotate": ("keys", "rotate", "--yes"),
    "backup": ("backup", "FOLDER/backup"),
}  # fmt: skip


def _no_configuration(office: Office) -> None:
    office.config.unlink()


def _bad_configuration(office: Office) -> None:
    office.config.write_text("listen: no\n")


def _no_keys(office: Office) -> None:
    office.stock.keys.unlink()


def _open_keys(office: Office) -> None:
    office.stock.keys.chmod(0o644)


def _other_keys(office: Office) -> None:
    office.stock.keys.unlink()
    Vault.create(office.stock.keys)


def _no_store(office: Office) -> None:
    office.stock.path.unlink()


def _newer_store(office: Office) -> None:
    with office.stock.raw() as connection:
        connection.execute("UPDATE meta SET value = 99 WHERE name = 'schema_version'")


def _damaged_store(office: Office) -> None:
    with office.stock.path.open("r+b") as file:
        file.seek(16)
        file.write(b"\xff" * 2000)


def _text_for_store(office: Office) -> None:
    office.stock.path.write_text("not a store")


BREAKS: Final[dict[str, tuple[Callable[[Office], None], int, str]]] = {
    "no-configuration": (_no_configuration, 3, "radiusmfa.yaml"),
    "no-keys": (_no_keys, 4, "there is no keys file"),
    "open-keys": (_open_keys, 4, "chmod 600"),
    "other-keys": (_other_keys, 4, "belongs to another store"),
    "no-store": (_no_store, 4, "there is no store at"),
    "newer-store": (_newer_store, 4, "newer radiusmfa"),
    "damaged-store": (_damaged_store, 4, "is damaged"),
    "text-for-store": (_text_for_store, 4, "is damaged or not a store"),
}


@pytest.fixture
def furnished(office: Office) -> Office:
    """A desk with alice, her token, an approval that waits, and files to import."""
    office.config.write_text(office.config.read_text() + _APPROVALS)
    office.done("user", "add", "alice", "--no-password")
    with office.open() as store, store.transaction() as connection:
        until = time.time() + 3600
        connection.execute(_WAITING, (until,))
        remembered.put(
            connection,
            store.pepper,
            Parts(user=1, policy="vpn"),
            name="alice",
            now=0,
            expires=until,
        )
    office.done("token", "enroll", "alice", "--no-confirm", "--serial", "T1")
    office.file("users.csv", "name\ncarl\n")
    office.file("tokens.csv", "serial,seed\nT7,3132333435363738393031323334353637383930\n")
    office.file("code", "123456\n654321\n")
    return office


def _words(office: Office, command: str) -> list[str]:
    return [word.replace("FOLDER", str(office.folder)) for word in COMMANDS[command]]


@pytest.mark.parametrize("what", BREAKS)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_refuses_what_is_broken(command: str, what: str, furnished: Office) -> None:
    """Whatever is wrong with configuration, keys or store: one line, its exit code, no trace."""
    how, code, words = BREAKS[what]
    how(furnished)
    before = {path: path.read_bytes() for path in furnished.folder.iterdir()}
    ran = furnished.run(*_words(furnished, command))
    assert (ran.code, ran.out) == (code, "")
    (line,) = ran.err.splitlines()
    assert line.startswith("radiusmfa: ")
    assert words in line
    assert "Traceback" not in line
    # SQLite may leave empty files next to a store that it looked at.
    after = {path: path.read_bytes() for path in furnished.folder.iterdir()}
    beside = {f"it.db{suffix}" for suffix in ("-wal", "-shm", ".lock")}
    assert {path: octets for path, octets in after.items() if path.name not in beside} == before


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_names_the_fault_of_a_configuration(command: str, furnished: Office) -> None:
    """A configuration with faults stops every command; each fault is a line with its place."""
    _bad_configuration(furnished)
    ran = furnished.run(*_words(furnished, command))
    assert ran.code == 3
    assert all(
        line.startswith("radiusmfa: ") and "radiusmfa.yaml:" in line
        for line in ran.err.splitlines()
    )


READING: Final = (
    "user-list", "user-show", "approval-list", "remembered-list", "token-list", "token-show",
    "token-confirm", "token-resync",
    "audit-tail", "audit-search", "audit-verify", "audit-export",
)  # fmt: skip


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in READING])
def test_full_disk_changes_nothing(command: str, furnished: Office) -> None:
    """When the disk is full a command that changes something says so and changes nothing."""
    before = furnished.stock.dump()
    with full_disk(16):
        ran = furnished.run(*_words(furnished, command))
    assert ran.code in {4, 74}, ran
    (line,) = ran.err.splitlines()
    assert line.startswith("radiusmfa: ")
    assert furnished.stock.dump() == before
    furnished.done("audit", "verify")


@pytest.mark.parametrize("command", COMMANDS)
def test_folder_that_cannot_be_written_is_one_line(command: str) -> None:
    """In a folder that is not theirs a person gets one line from every command."""
    with open_folder() as folder:
        office = Office(folder)
        office.config.write_text(office.config.read_text() + _APPROVALS)
        office.file("users.csv", "name\ncarl\n")
        office.file("tokens.csv", "serial,seed\nT7,3132333435363738393031323334353637383930\n")
        office.file("code", "123456\n654321\n")
        for path in folder.iterdir():
            os.chown(path, NOBODY if os.geteuid() == 0 else -1, -1)
        folder.chmod(0o555)
        try:
            ran, _ = in_child(lambda: office.run(*_words(office, command)), user=NOBODY)
        finally:
            folder.chmod(0o755)
    assert ran is not None
    assert ran.code == 4, ran
    (line,) = ran.err.splitlines()
    assert "cannot be" in line


@pytest.mark.parametrize(
    "name",
    [
        "", " alice", "alice ", "a\nb", "a\0b", "a\x1b[2Jb", "a\u202eb", "a\u200bb", "\udcff",
        "a" * 254,
    ],
    ids=[
        "empty", "blank-before", "blank-after", "newline", "nul", "escape", "right-to-left-mark",
        "zero-width", "not-utf-8", "254-octets",
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", "NAME", "--no-password"),
        ("user", "show", "NAME"),
        ("token", "enroll", "NAME", "--no-confirm"),
        ("token", "list", "--user", "NAME"),
        ("recovery", "issue", "NAME"),
        ("audit", "search", "--user", "NAME"),
    ],
    ids=" ".join,
)
def test_impossible_name_is_refused(words: tuple[str, ...], name: str, office: Office) -> None:
    """A name that no user can have is wrong usage, and is not printed as it is."""
    line = office.refused(2, *(name if word == "NAME" else word for word in words))
    assert "a user name" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Alice", "alice"),
        ("Jörg Müller", "jörg müller"),
        ("Jo\u0308rg", "jörg"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("\u0430lice", "\u0430lice"),
        ("דוד", "דוד"),
        ("CORP\\Bob", "corp\\bob"),
        ("bob@Example.COM", "bob@example.com"),
        ("-bob", "-bob"),
        ("a" * 253, "a" * 253),
        ("é" * 126, "é" * 126),
    ],
    ids=lambda text: text[:20].encode("unicode_escape").decode(),
)
def test_possible_name_is_taken_in_its_normal_form(typed: str, name: str, office: Office) -> None:
    """One person has one name, however it is typed; what looks alike stays apart."""
    office.done("user", "add", "--no-password", "--", typed)
    assert [person["name"] for person in office.done("user", "list", "--json").json] == [name]
    assert office.done("user", "show", "--json", "--", typed).json["name"] == name
    assert "already" in office.refused(1, "user", "add", "--no-password", "--", typed)


@pytest.mark.parametrize(
    "serial", ["", " ", "a b", "a\nb", "\udcff", "é", "x" * 65, "a\0"], ids=ascii
)
@pytest.mark.parametrize("verb", ["show", "revoke", "enable", "disable", "confirm", "resync"])
def test_impossible_serial_is_refused(verb: str, serial: str, office: Office) -> None:
    """A serial number that no token can have is wrong usage."""
    assert "a serial number" in office.refused(2, "token", verb, "--", serial)


@pytest.mark.parametrize(
    "group", ["user", "token", "recovery", "approval", "remembered", "audit", "keys"]
)
def test_group_alone_is_one_line(group: str, office: Office) -> None:
    """A group without its command says what is missing, and where help is."""
    assert office.refused(2, group) == f"Missing command. See 'radiusmfa {group} --help'."


@pytest.mark.parametrize("command", [*COMMANDS, "restore"])
def test_every_command_has_help(command: str, office: Office) -> None:
    """`--help` explains every command and every option, without a configuration."""
    office.config.unlink()
    words = COMMANDS.get(command, ("restore",))
    ran = office.done(*[word for word in words[:2] if word.isalpha()], "--help")
    assert "Usage: radiusmfa" in ran.out
    assert "--json" in ran.out


def test_actor_is_the_kernels_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who acts is who the process belongs to; variables that anybody may set do not change it."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    monkeypatch.delenv("SUDO_USER", raising=False)
    name = pwd.getpwuid(os.getuid()).pw_name
    assert (admin.actor().name, admin.actor().person) == (name, name)
    monkeypatch.setenv("SUDO_USER", "eve")
    assert (admin.actor().name, admin.actor().person) == (f"{name} (sudo by eve)", "eve")


def test_actor_without_a_name_is_a_number() -> None:
    """A user that the machine has no name for is still told apart."""
    assert admin._name_of(2**31 - 7) == "uid 2147483641"


def test_moment_is_utc() -> None:
    """Times are shown in UTC, to the second."""
    assert admin.moment(1_800_000_000.9) == "2027-01-15 08:00:00Z"


def test_lines_of_a_file_are_secrets(tmp_path: Path) -> None:
    """The first two lines that are not empty are taken, without blanks around them."""
    (tmp_path / "it").write_bytes(b"\n  123456 \r\n\n654321\n777777\n")
    assert admin.read_lines(tmp_path / "it") == [Secret(b"123456"), Secret(b"654321")]
    (tmp_path / "it").write_bytes(b"")
    assert admin.read_lines(tmp_path / "it") == []


def test_new_file_overwrites_nothing(tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "it").write_text("mine")
    with pytest.raises(click.UsageError, match="is there already; nothing was changed"):
        admin.new_file(tmp_path / "it").__enter__()
    assert (tmp_path / "it").read_text() == "mine"


def test_new_file_is_gone_after_an_error(tmp_path: Path) -> None:
    """Half a file does not stay."""

    def write() -> None:
        with admin.new_file(tmp_path / "it") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()
    assert not (tmp_path / "it").exists()


def test_new_file_is_named_when_the_disk_is_full(tmp_path: Path) -> None:
    """An error of the file says which file it was."""

    def write() -> None:
        with admin.new_file(tmp_path / "it"):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        write()
    assert caught.value.filename == str(tmp_path / "it")


def test_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Seeds and audits are not for others' eyes."""
    with admin.new_file(tmp_path / "it") as file:
        file.write(b"x")
    assert (tmp_path / "it").stat().st_mode & 0o777 == 0o600


def test_serials_and_names_are_click_types() -> None:
    """In help texts they show what is wanted."""
    assert (admin.USER.name, admin.SERIAL.name) == ("user", "serial")
    assert admin.SERIAL.convert(" T1 ", None, None) == "T1"


def test_audit_names_who_acts(office: Office) -> None:
    """Each change has the name of who made it."""
    office.done("user", "add", "alice", "--no-password")
    (line,) = office.lines()
    assert line["by"] == admin.actor().name
