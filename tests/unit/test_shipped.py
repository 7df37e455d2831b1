"""Tests of `radiusmfa.shipped`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa import shipped

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("dictionaries", "dictionary.rfc2865"),
        ("conf", "radiusmfa.yaml"),
        ("systemd", "radiusmfa.service"),
    ],
)
def test_files_that_come_with_radiusmfa_are_found(name: str, file: str) -> None:
    """In a checkout the folders lie next to the package; for a wheel see tests/test_wheel.py."""
    assert shipped.text(name, file) == (shipped.folder(name) / file).read_text(encoding="utf-8")
    assert shipped.text(name, file)


def test_folder_inside_the_package_comes_first(tmp_path: Path) -> None:
    """An installed wheel takes its own files, whatever else lies next to it."""
    package = tmp_path / "radiusmfa"
    (tmp_path / "conf").mkdir()
    package.mkdir()
    assert shipped.folder("conf", package) == tmp_path / "conf"
    (package / "conf").mkdir()
    assert shipped.folder("conf", package) == package / "conf"


def test_file_that_was_not_shipped_is_an_error() -> None:
    """A wheel that lacks a file fails where it is read, not later."""
    with pytest.raises(FileNotFoundError):
        shipped.text("conf", "nothing.yaml")
