"""Tests of `radiusmfa.cli.new_folder`; those of `init` and `import-authproxy` try it, too."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.cli import new_folder
from radiusmfa.cli.new_folder import Contents, FolderError
from radiusmfa.config import read
from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.stores.database import Database

_CONFIGURATION: Final = """\
listen: [{udp: "127.0.0.1:0"}]
store: {sqlite: radiusmfa.db}
keys: {file: keys}
clients: [{name: vpn, networks: [192.0.2.1], secret: {file: secrets/vpn}}]
"""
_CONTENTS: Final = Contents(
    configuration=_CONFIGURATION,
    secrets={"vpn": b"a secret that is long"},
    others={"certificates/ca.pem": b"PEM"},
)


@pytest.fixture(autouse=True)
def fixture_umask() -> Iterator[None]:
    """Let everybody read and write new files: what is secret must not depend on the umask."""
    before = os.umask(0)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_everything_is_made_with_its_rights(tmp_path: Path) -> None:
    """Secrets, keys and store are for their owner alone, the rest is for everybody to read."""
    folder = tmp_path / "etc"
    new_folder.make(folder, _CONTENTS, store=None)
    assert _tree(tmp_path) == {
        "etc", "etc/radiusmfa.yaml", "etc/keys", "etc/radiusmfa.db", "etc/secrets",
        "etc/secrets/vpn", "etc/certificates", "etc/certificates/ca.pem",
    }  # fmt: skip
    modes = {name: _mode(folder / name) for name in _tree(folder)}
    assert modes == {
        "radiusmfa.yaml": 0o644, "keys": 0o600, "radiusmfa.db": 0o600, "secrets": 0o700,
        "secrets/vpn": 0o600, "certificates": 0o755, "certificates/ca.pem": 0o644,
    }  # fmt: skip
    assert (folder / "secrets/vpn").read_bytes() == b"a secret that is long\n"
    config = read.load(folder / "radiusmfa.yaml")
    database.connect(config.store_path, Vault.read(config.keys_path)).close()


def test_configuration_that_cannot_be_used_leaves_nothing(tmp_path: Path) -> None:
    """What the server could not read is not made, not even a store elsewhere."""
    faulty = Contents(configuration=f"{_CONFIGURATION}typo: 1\n", secrets=_CONTENTS.secrets)
    with pytest.raises(FolderError, match="nothing was made: 5:1: typo"):
        new_folder.make(tmp_path / "etc", faulty, store=tmp_path / "var" / "it.db")
    assert not _tree(tmp_path)


def test_whatever_fails_leaves_nothing(tmp_path: Path) -> None:
    """An error while the store is filled ends it all."""

    def refuse(store: Database) -> None:
        del store
        raise FolderError("enough")

    with pytest.raises(FolderError, match="enough"):
        new_folder.make(tmp_path / "etc", _CONTENTS, store=None, fill=refuse)
    assert not _tree(tmp_path)


def test_error_without_a_name_gets_that_of_the_folder(tmp_path: Path) -> None:
    """A full disk does not say which file it was."""

    def fill(store: Database) -> None:
        del store
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as failed:
        new_folder.make(tmp_path / "etc", _CONTENTS, store=None, fill=fill)
    assert failed.value.filename == str(tmp_path / "etc")
    assert not _tree(tmp_path)


def test_folder_must_be_new_or_empty(tmp_path: Path) -> None:
    """Nothing is overwritten, whether it is a file or a folder with anything in it."""
    (tmp_path / "etc").mkdir()
    new_folder.make(tmp_path / "etc", _CONTENTS, store=None)
    (tmp_path / "file").write_text("precious", encoding="utf-8")
    before = _tree(tmp_path)
    for name in ("etc", "file"):
        with pytest.raises(FolderError, match="is there already and not empty"):
            new_folder.make(tmp_path / name, _CONTENTS, store=None)
    with pytest.raises(FolderError, match="is there already; nothing was changed"):
        new_folder.make(tmp_path / "new", _CONTENTS, store=tmp_path / "file")
    with pytest.raises(FolderError, match="cannot be made: Not a directory"):
        new_folder.make(tmp_path / "file" / "new", _CONTENTS, store=None)
    assert _tree(tmp_path) == before


def test_secrets_do_not_show_themselves() -> None:
    """A traceback with the contents in it shows no secret."""
    assert "a secret" not in repr(_CONTENTS)


@pytest.mark.parametrize("name", ["radiusmfa.db", "data/it.db"])
def test_store_may_be_named_within_the_folder(name: str, tmp_path: Path) -> None:
    """Who writes out where the store lies anyway gets it there, and a folder that is whole."""
    folder = tmp_path / "etc"
    new_folder.make(folder, _CONTENTS, store=folder / name)
    assert {name, "radiusmfa.yaml", "keys"} <= _tree(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["etc"]
