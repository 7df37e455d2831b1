"""Tests of `radiusmfa.cli.keys`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.stores import database
from radiusmfa.stores.vault import Vault
from tests.unit.stores.stock import SEED, full_disk

if TYPE_CHECKING:
    from tests.unit.cli.office import Office


@pytest.fixture
def tokens(office: Office) -> Office:
    """A desk with a token."""
    office.done("token", "import", "-", typed=f"serial,seed\nT1,{SEED.hex()}\n")
    return office


def _refused(office: Office, code: int, *words: str) -> str:
    before = office.stock.keys.read_text()
    line = office.refused(code, "keys", "rotate", *words)
    assert office.stock.keys.read_text() == before
    return line


def test_rotation_asks(tokens: Office) -> None:
    """Without a yes the keys stay."""
    assert "Nobody can answer here: say --yes." in _refused(tokens, 2)
    assert tokens.run("keys", "rotate", typed="n\n", terminal=True).code == 1
    assert Vault.read(tokens.stock.keys).active == 1
    assert tokens.run("keys", "rotate", typed="y\n", terminal=True).code == 0
    assert Vault.read(tokens.stock.keys).active == 2


def test_running_server_is_not_cut_off(tokens: Office) -> None:
    """While a server has the store its keys stay."""
    with database.lock_file(tokens.stock.path):
        assert "the server is running on this store; stop it first" in _refused(tokens, 4, "--yes")
    tokens.done("keys", "rotate", "--yes")


def test_credential_is_not_changed(tokens: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """What systemd handed over is a copy: the file that it came from must be rotated."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tokens.folder))
    assert "is systemd's copy" in _refused(tokens, 4, "--yes")


def test_full_disk_leaves_the_keys(tokens: Office) -> None:
    """Without room for new keys the old ones stay, and open the store."""
    with full_disk(100):
        assert tokens.run("keys", "rotate", "--yes").code == 4
    assert Vault.read(tokens.stock.keys).numbers == (1,)
    assert SEED.hex() not in tokens.done("token", "list").out


def test_rotation_tells_what_it_did(tokens: Office) -> None:
    """Which key seals how many seeds, and what that means for backups."""
    ran = tokens.done("keys", "rotate", "--yes")
    assert ran.out == (
        f"{tokens.stock.keys}: key 2 seals 1 seeds now. Copy the file anew.\n"
        "Earlier backups need the keys file of their time.\n"
    )
    assert Vault.read(tokens.stock.keys).numbers == (2,)
    ran = tokens.done("keys", "rotate", "--yes", "--keep")
    assert "Earlier backups" not in ran.out
    assert Vault.read(tokens.stock.keys).numbers == (2, 3)
    assert tokens.done("token", "export", "-", "--yes").out.count("otpauth://") == 1


def test_rotation_tells_in_json(tokens: Office) -> None:
    """A program learns the number of the key and of the seeds."""
    found = tokens.done("keys", "rotate", "--yes", "--json").json
    assert found == {"keys": str(tokens.stock.keys), "active": 2, "seeds": 1}


def test_no_key_is_shown(tokens: Office) -> None:
    """Neither output nor audit has a key."""
    ran = tokens.done("keys", "rotate", "--yes")
    key = tokens.stock.keys.read_text().split()[-2]
    assert key not in ran.out
    assert key not in tokens.done("audit", "export").out
