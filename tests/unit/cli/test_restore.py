"""Tests of `radiusmfa.cli.restore`."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import SEED, full_disk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.office import Office


@pytest.fixture
def backup(office: Office) -> str:
    """A backup of alice with a TOTP token, a fob and codes; bob came after it."""
    office.done("user", "add", "alice", "--no-password")
    office.done("token", "enroll", "alice", "--no-confirm", "--serial", "T1")
    seed = office.file("seed", SEED.hex())
    words = ("--kind", "hotp", "--seed-file", seed, "--no-confirm", "--serial", "H1")
    office.done("token", "enroll", "alice", *words)
    office.done("recovery", "issue", "alice", "--count", "2")
    path = str(office.folder / "backup")
    office.done("backup", path)
    office.done("user", "add", "bob", "--no-password")
    return path


def _names(office: Office) -> list[str]:
    assert office.done("audit", "verify").out
    return [person["name"] for person in office.done("user", "list", "--json").json]


def _spoil(path: str, how: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(how)
    connection.close()


def test_restore_asks(backup: str, office: Office) -> None:
    """Without a yes the store stays, and nothing lies beside it."""
    assert f"by {backup}? Nobody can answer here: say --yes." in office.refused(
        2, "restore", backup
    )
    assert office.run("restore", backup, typed="n\n", terminal=True).code == 1
    assert _names(office) == ["alice", "bob"]
    assert not list(office.folder.glob(".*"))
    assert office.run("restore", backup, typed="y\n", terminal=True).code == 0
    assert _names(office) == ["alice"]


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("UPDATE meta SET value = 9 WHERE name = 'schema_version'", "newer radiusmfa"),
        ("UPDATE audit SET line = '{}' WHERE seq = 2", "its audit does not verify, line 2"),
        ("UPDATE tokens SET seed = zeroblob(60)", "not sealed as it should be"),
        ("DROP TABLE meta", "but not a store of radiusmfa"),
    ],
    ids=["newer", "audit", "seed", "foreign"],
)
def test_bad_backup_is_refused(how: str, why: str, backup: str, office: Office) -> None:
    """Exit code 4, before anybody is asked, and the store stays."""
    _spoil(backup, how)
    assert why in office.refused(4, "restore", backup)
    assert _names(office) == ["alice", "bob"]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ([], 2, "Missing argument 'FILE'"),
        (["no"], 4, "there is no backup no"),
        (["/"], 4, "cannot be read: Is a directory"),
    ],
    ids=["nothing", "missing", "folder"],
)
def test_wrong_usage_is_refused(words: list[str], code: int, why: str, office: Office) -> None:
    """One line, and nothing is changed."""
    assert why in office.refused(code, "restore", *words, "--yes")


def test_running_server_keeps_its_store(backup: str, office: Office) -> None:
    """While a server has the store nothing takes its place."""
    with database.lock_file(office.stock.path):
        assert "stop it first" in office.refused(4, "restore", backup, "--yes")


def test_keys_must_fit(backup: str, office: Office) -> None:
    """A backup does not come back under other keys."""
    office.stock.keys.unlink()
    Vault.create(office.stock.keys)
    assert "belongs to another store" in office.refused(4, "restore", backup, "--yes")


def test_full_disk_keeps_the_store(backup: str, office: Office) -> None:
    """Without room for the copy the store stays."""
    with full_disk(20_000):
        assert office.run("restore", backup, "--yes").code == 4
    assert _names(office) == ["alice", "bob"]


def test_restore_tells_what_it_did(backup: str, office: Office) -> None:
    """Whoever restores learns what is there now, where the old store is, and when TOTP works."""
    ran = office.done("restore", backup, "--yes")
    lines = ran.out.splitlines()
    assert lines[0] == f"{office.stock.path} is {backup} now: 1 users, 2 tokens."
    assert lines[1].startswith(f"The store before is {office.stock.path}.before-20")
    assert lines[2].startswith("TOTP passcodes are good again from 20")
    assert len(lines) == 3


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "damaged"])
def test_restore_without_the_old_store_counts_everything_as_used(
    backup: str, office: Office, *, is_gone: bool
) -> None:
    """If nobody knows what was used since, all of it is, and the person learns what to do."""
    database.remove(office.stock.path)
    if not is_gone:
        office.stock.path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    ran = office.done("restore", backup, "--yes")
    assert ("The store before is" in ran.out) is not is_gone
    assert "What was used since the backup is not known, so it counts as used.\n" in ran.out
    assert "2 recovery codes are void: issue new ones.\n" in ran.out
    assert ran.out.endswith(
        "Need `radiusmfa token resync` (HOTP) or `token confirm` (YubiKeys): H1\n"
    )
    assert office.done("token", "show", "H1", "--json").json["status"] == "pending"


def test_restore_tells_in_json(backup: str, office: Office, tmp_path: Path) -> None:
    """A program learns the same."""
    found = office.done("restore", backup, "--yes", "--json").json
    assert (found["users"], found["tokens"], found["complete"]) == (1, 2, True)
    assert (found["void_recovery_codes"], found["waiting_tokens"]) == (0, [])
    assert found["store_before"].startswith(str(tmp_path / "it.db.before-"))
    assert found["audit_lines"] == len(office.lines()) - 1
    database.remove(office.stock.path)
    found = office.done("restore", backup, "--yes", "--json").json
    assert (found["complete"], found["store_before"]) == (False, None)
    assert found["waiting_tokens"] == ["H1"]


def test_restore_is_audited(backup: str, office: Office) -> None:
    """The audit goes on in the restored store, with who restored it from what."""
    office.done("restore", backup, "--yes")
    line = office.lines()[-1]
    assert line["action"] == "restore"
    assert line["detail"].startswith("backup, after line ")


@pytest.mark.parametrize("is_gone", [True, False], ids=["gone", "there"])
def test_approvals_nobody_knows_of_are_revoked(office: Office, *, is_gone: bool) -> None:
    """If the store of now cannot say which were revoked since, all are, and they are named."""
    with office.stock.raw() as connection:
        connection.executemany(
            "INSERT INTO approvals (approval, user, why, granted_by, created, until)"
            " VALUES ('a', 'alice', 'why', 'bob', 5, 9e9)",
            [(), ()],
        )
    path = str(office.folder / "backup")
    office.done("backup", path)
    if is_gone:
        database.remove(office.stock.path)
    ran = office.done("restore", path, "--yes", "--json")
    assert ran.json["revoked_approvals"] == ([1, 2] if is_gone else [])
    database.remove(office.stock.path)
    told = "Approvals that are revoked, because others may have revoked them: #1, #2\n"
    assert told in office.done("restore", path, "--yes").out
