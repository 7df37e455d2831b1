"""Tests of `radiusmfa.cli.init`."""

from __future__ import annotations

import os
import re
import resource
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from radiusmfa.cli.new_folder import CONFIGURATION, KEYS, STORE
from radiusmfa.config import read
from radiusmfa.interfaces import KeysError
from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MADE = {CONFIGURATION, KEYS, STORE, "secrets", "secrets/vpn"}


def _init(*words: object) -> int:
    return main(["init", *map(str, words)])


def _tree(folder: Path) -> dict[str, bytes | None]:
    """Return every file below *folder* with what is in it; folders have None."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def fixture_folder(tmp_path: Path) -> Path:
    """Return a folder that does not exist yet, the only thing in its parent."""
    (tmp_path / "parent").mkdir()
    return tmp_path / "parent" / "etc"


@pytest.fixture(autouse=True)
def fixture_umask() -> Iterator[None]:
    """Let everybody read new files: what is secret must not depend on the umask."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_all_of_it_is_made_and_can_be_used(fixture_folder: Path) -> None:
    """Configuration, keys, secret and store are there, fit each other, and nothing else is."""
    assert _init(fixture_folder) == exits.DONE
    assert set(_tree(fixture_folder)) == MADE
    assert set(_tree(fixture_folder.parent)) == {"etc", *(f"etc/{name}" for name in MADE)}
    config = read.load(fixture_folder / CONFIGURATION)
    assert [client.name for client in config.clients] == ["vpn"]
    assert config.store_path == fixture_folder / STORE
    assert not config.warnings
    database.connect(config.store_path, Vault.read(config.keys_path)).close()


def test_what_is_secret_is_for_its_owner_alone(fixture_folder: Path) -> None:
    """Keys, secrets and the store cannot be read by others, whatever the umask is."""
    assert _init(fixture_folder) == exits.DONE
    assert _mode(fixture_folder) == 0o755
    assert _mode(fixture_folder / CONFIGURATION) == 0o644
    assert _mode(fixture_folder / "secrets") == 0o700
    for name in (KEYS, STORE, "secrets/vpn"):
        assert _mode(fixture_folder / name) == 0o600


def test_secrets_and_keys_are_new_each_time(tmp_path: Path) -> None:
    """No two installations share a secret or a key; the secret is long and can be typed."""
    for name in ("a", "b"):
        assert _init(tmp_path / name) == exits.DONE
    for name in (KEYS, "secrets/vpn"):
        assert (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()
    assert re.fullmatch(r"[A-Za-z0-9_-]{24}\n", (tmp_path / "a/secrets/vpn").read_text())


def test_keys_of_one_installation_do_not_open_the_other(tmp_path: Path) -> None:
    """A store belongs to the keys it was made with."""
    for name in ("a", "b"):
        assert _init(tmp_path / name) == exits.DONE
    with pytest.raises(KeysError):
        database.connect(tmp_path / "a" / STORE, Vault.read(tmp_path / "b" / KEYS))


def test_secret_is_not_printed(fixture_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next steps are printed, the secret's place too, the secret is not."""
    assert _init(fixture_folder) == exits.DONE
    out, err = capsys.readouterr()
    assert not err
    assert (fixture_folder / "secrets/vpn").read_text().strip() not in out
    for step in ("check", "user add NAME", "token enroll NAME", "run"):
        assert f"-c {fixture_folder / CONFIGURATION} {step}\n" in out


def test_client_and_store_are_those_that_were_named(fixture_folder: Path, tmp_path: Path) -> None:
    """The first client has its name, network and secret, and the store lies where it shall."""
    store = tmp_path / "var" / "it.db"
    words = ("--client", "gate-1.example", "2001:db8::/64", "--store", store)
    assert _init(fixture_folder, *words) == exits.DONE
    config = read.load(fixture_folder / CONFIGURATION)
    assert [client.name for client in config.clients] == ["gate-1.example"]
    assert [str(network) for network in config.clients[0].networks] == ["2001:db8::/64"]
    assert config.store_path == store
    assert _mode(store) == 0o600
    assert _mode(store.parent) == 0o700
    assert not (fixture_folder / STORE).exists()


def test_store_of_a_relative_path_is_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A relative path starts where the command was called, not at the configuration."""
    monkeypatch.chdir(tmp_path)
    assert _init("etc", "--store", "it.db") == exits.DONE
    assert read.load(tmp_path / "etc" / CONFIGURATION).store_path == tmp_path / "it.db"
    assert (tmp_path / "it.db").exists()


@pytest.mark.parametrize("name", ["012", "null", "yes", "1e3", "a.b-c_d"])
def test_name_stays_what_it_is(name: str, fixture_folder: Path) -> None:
    """A name that YAML could take for a number or a word stays a name."""
    assert _init(fixture_folder, "--client", name, "192.0.2.1") == exits.DONE
    assert read.load(fixture_folder / CONFIGURATION).clients[0].name == name


def test_empty_folder_is_taken(fixture_folder: Path) -> None:
    """A folder that is there and empty is filled."""
    fixture_folder.mkdir()
    assert _init(fixture_folder) == exits.DONE
    assert set(_tree(fixture_folder)) == MADE


REFUSED = [
    pytest.param(["--client", "a/b", "192.0.2.1"], exits.USAGE, "NAME must be", id="path as name"),
    pytest.param(["--client", "", "192.0.2.1"], exits.USAGE, "NAME must be", id="no name"),
    pytest.param(["--client", 'a"b', "192.0.2.1"], exits.USAGE, "NAME must be", id="quote"),
    pytest.param(
        ["--client", "a", "vpn.example"], exits.USAGE, "is no address or network", id="host name"
    ),
    pytest.param(
        ["--client", "a", "10.0.0.1/8"], exits.USAGE, "is no address or network", id="host bits"
    ),
    pytest.param(
        ["--client", "a", "192.0.2.0/255.255.255.0"],
        exits.NO,
        "nothing was made: 36:16: clients[0].networks[0]: must be",
        id="mask",
    ),
    pytest.param(
        ["--client", "a", "::ffff:192.0.2.1"], exits.NO, "nothing was made: 36:16", id="mapped"
    ),
    pytest.param(["--keep"], exits.USAGE, "go with --demo", id="keep without demo"),
    pytest.param(["--port", "1812"], exits.USAGE, "go with --demo", id="port without demo"),
    pytest.param(["--demo", "--store", "x"], exits.USAGE, "do not go with", id="demo with store"),
    pytest.param(
        ["--demo", "--client", "a", "::1"], exits.USAGE, "do not go with", id="demo with client"
    ),
    pytest.param(["--demo", "--port", "0"], exits.USAGE, "1<=x<=65534", id="port 0"),
    pytest.param(["--demo", "--port", "65535"], exits.USAGE, "1<=x<=65534", id="no next port"),
    pytest.param(
        ["--store", "gone/deep/it.db"], exits.SYSTEM, "No such file or directory", id="no folder"
    ),
]


@pytest.mark.parametrize(("words", "code", "line"), REFUSED)
def test_refused_call_leaves_nothing(
    words: list[str],
    code: int,
    line: str,
    fixture_folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What cannot be made is one line, and nothing is left behind."""
    monkeypatch.chdir(fixture_folder.parent)
    assert _init(fixture_folder, *words) == code
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said
    assert not _tree(fixture_folder.parent)


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_nothing_is_ever_overwritten(
    kind: str, fixture_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is there stays as it is, to the octet."""
    if kind == "file":
        fixture_folder.write_text("precious", encoding="utf-8")
    else:
        assert _init(fixture_folder) == exits.DONE
    before = _tree(fixture_folder.parent)
    capsys.readouterr()
    for words in ([], ["--demo", "--port", "21812"]):
        assert _init(fixture_folder, *words) == exits.NO
        line = f"radiusmfa: {fixture_folder} is there already and not empty; nothing was changed\n"
        assert capsys.readouterr().err == line
    assert _tree(fixture_folder.parent) == before


def test_store_that_is_there_is_kept(
    fixture_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store that exists is never replaced by an empty one."""
    store = tmp_path / "it.db"
    store.write_text("precious", encoding="utf-8")
    assert _init(fixture_folder, "--store", store) == exits.NO
    assert "is there already; nothing was changed" in capsys.readouterr().err
    assert store.read_text(encoding="utf-8") == "precious"
    assert not _tree(fixture_folder.parent)


def test_place_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No way to make the folder: one line with the system's reason."""
    (tmp_path / "file").touch()
    assert _init(tmp_path / "file" / "etc") == exits.NO
    line = f"radiusmfa: {tmp_path / 'file' / 'etc'} cannot be made: Not a directory\n"
    assert capsys.readouterr().err == line


@pytest.mark.parametrize("octets", [0, 100, 5000, 20_000])
def test_full_disk_leaves_nothing(octets: int, fixture_folder: Path) -> None:
    """If the disk is full in the middle, whatever was made before is removed again."""
    ran = subprocess.run(
        [sys.executable, "-m", "radiusmfa", "init", fixture_folder],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets)),
    )
    assert ran.returncode in {exits.NO, exits.STORE, exits.SYSTEM}
    assert len(ran.stderr.splitlines()) == 1
    assert str(fixture_folder.parent) in ran.stderr
    assert not _tree(fixture_folder.parent)


def test_outside_store_is_removed_again_if_the_rest_fails(
    fixture_folder: Path, tmp_path: Path
) -> None:
    """The store that was made elsewhere goes too, and so does the folder made for it."""
    store = tmp_path / "var" / "it.db"
    words = ["--store", str(store), "--client", "a", "::ffff:192.0.2.1"]
    assert _init(fixture_folder, *words) == exits.NO
    assert not store.parent.exists()
    assert not _tree(fixture_folder.parent)
