"""Tests of `radiusmfa.config.site_file`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config import nodes, site_file
from radiusmfa.config.fields import Found
from radiusmfa.config.secrets import Sources
from radiusmfa.interfaces import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def _named(text: str, folder: Path) -> tuple[Path | None, list[str]]:
    report = nodes.Report()
    found = Found(nodes.parse(f"x: {text}".encode(), report).entries["x"][1], "x")
    path = site_file.named(found, report, Sources(folder, {}))
    return path, report.lines("f")


def test_path_starts_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    """A file is named from the configuration's folder, or from the root."""
    (tmp_path / "it.yaml").touch()
    assert _named("{file: it.yaml}", tmp_path) == (tmp_path / "it.yaml", [])
    assert _named(f"{{file: {tmp_path}/it.yaml}}", tmp_path / "other")[0] == tmp_path / "it.yaml"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{}", "x.file: is missing"),
        ("{path: it}", "x.path: is no setting (known: file)"),
        ("{file: [it]}", "x.file: must be one value"),
        ("{file: }", "x.file: has no value"),
        ("{file: ''}", "x.file: must be the path of a file"),
        ('{file: "a\\0"}', "x.file: must be the path of a file"),
        ("{file: no.yaml}", "no.yaml: there is no such file"),
        ("{file: .}", "there is no such file"),
        (f"{{file: {5000 * 'a'}}}", "File name too long"),
    ],
)
def test_what_names_no_file_is_a_fault(text: str, fault: str, tmp_path: Path) -> None:
    """What is no path, or leads nowhere, is shown where it stands."""
    path, faults = _named(text, tmp_path)
    assert path is None
    assert any(fault in line for line in faults)


def test_octets_are_what_is_in_the_file(tmp_path: Path) -> None:
    """A file is read as it is."""
    path = tmp_path / "it.yaml"
    path.write_bytes(b"\xff\n")
    assert site_file.octets(path) == b"\xff\n"


def test_file_that_cannot_be_read_is_a_fault(tmp_path: Path) -> None:
    """A missing file, a folder and a disk image are faults with their name."""
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (1024 * 1024 + 1))
    for path, what in (
        (tmp_path / "no.yaml", "No such file"),
        (tmp_path, "Is a directory"),
        (large, "larger than 1048576 octets"),
    ):
        with pytest.raises(ConfigError, match=f"^{re.escape(str(path))}: {what}"):
            site_file.octets(path)


def test_version_changes_with_the_file(tmp_path: Path) -> None:
    """Another text in it is another version, also of the same length; no file has none."""
    path = tmp_path / "it.pem"
    assert site_file.version(None) == site_file.version(path) == ()
    path.write_bytes(b"one")
    first = site_file.version(path)
    assert site_file.version(path) == first
    other = tmp_path / "new"
    other.write_bytes(b"two")
    other.replace(path)
    assert site_file.version(path) != first
