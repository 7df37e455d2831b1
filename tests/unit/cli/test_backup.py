"""Tests of `radiusmfa.cli.backup`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.stores.stock import full_disk

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.cli.office import Office


@pytest.mark.parametrize(
    ("name", "code", "why"),
    [
        ("mine", 4, "is there already; nothing was changed"),
        ("", 4, "is there already"),
        ("no/backup", 4, "cannot be made: No such file or directory"),
        ("mine/backup", 4, "cannot be made: Not a directory"),
    ],
    ids=["file", "folder", "no-folder", "file-as-folder"],
)
def test_impossible_backup_is_refused(name: str, code: int, why: str, office: Office) -> None:
    """One line, nothing is overwritten, and the audit tells of no backup."""
    office.file("mine", "mine")
    assert why in office.refused(code, "backup", str(office.folder / name))
    assert (office.folder / "mine").read_text() == "mine"


def test_backup_needs_a_file(office: Office) -> None:
    """Without a name it is wrong usage."""
    assert "Missing argument 'FILE'" in office.refused(2, "backup")


def test_full_disk_leaves_no_backup(office: Office, tmp_path: Path) -> None:
    """Half a backup does not appear."""
    office.done("user", "add", "alice", "--no-password")
    with full_disk(50_000):
        ran = office.run("backup", str(tmp_path / "backup"))
    assert ran.code == 4
    assert not (tmp_path / "backup").exists()
    assert not list(tmp_path.glob(".backup*"))


def test_backup_is_taken(office: Office, tmp_path: Path) -> None:
    """It says what it made, and that the keys are not in it."""
    path = tmp_path / "backup"
    ran = office.done("backup", str(path))
    octets = path.stat().st_size
    assert ran.out == (
        f"{path}: {octets} octets. The keys are not in it: keep a copy of them elsewhere.\n"
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert office.lines()[-1]["action"] == "backup"


def test_backup_tells_in_json(office: Office, tmp_path: Path) -> None:
    """A program learns the file and its size."""
    path = tmp_path / "backup"
    found = office.done("backup", str(path), "--json").json
    assert found == {"file": str(path), "octets": path.stat().st_size}


def test_name_that_is_not_utf_8(office: Office, tmp_path: Path) -> None:
    """A file may be called as the system allows; the line is printed all the same."""
    path = tmp_path / "b\udcff"
    assert office.done("backup", str(path)).out
    assert path.exists()
    assert office.done("audit", "verify").out
