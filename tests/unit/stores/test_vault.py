"""Tests of `radiusmfa.stores.vault`."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.interfaces import KeysError
from radiusmfa.secret import Secret
from radiusmfa.stores import vault
from radiusmfa.stores.vault import Vault, VaultError
from tests.unit.stores.stock import NOBODY, full_disk, in_child, open_folder

if TYPE_CHECKING:
    from collections.abc import Callable

STORE = "store 0123456789abcdef"
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(32)).decode()


def _file(folder: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / "keys"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def _refusal(path: Path) -> str:
    with pytest.raises(KeysError) as raised:
        Vault.read(path)
    text = str(raised.value)
    assert "\n" not in text
    assert KEY not in text
    return text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "it does not say which store", id="empty"),
        pytest.param(f"key 1 {KEY} active\n", "it does not say which store", id="no-store"),
        pytest.param(f"{STORE}\n", "no key is active", id="no-key"),
        pytest.param(f"{STORE}\nkey 1 {KEY}\n", "no key is active", id="none-active"),
        pytest.param(
            f"{STORE}\nkey 1 {KEY} active\nkey 2 {OTHER} active\n",
            "keys:3: a second key is active",
            id="two-active",
        ),
        pytest.param(
            f"{STORE}\nkey 1 {KEY}\nkey 1 {OTHER} active\n",
            "keys:3: this number was given to another key",
            id="number-twice",
        ),
        pytest.param(f"{STORE}\n{STORE}\n", "keys:2: the store is named twice", id="two-stores"),
        pytest.param(f"{STORE}\nkey 0 {KEY} active", "keys:2: not a line", id="number-0"),
        pytest.param(f"{STORE}\nkey 2147483648 {KEY}", "keys:2: not a line", id="number-too-large"),
        pytest.param(f"{STORE}\nkey 1 {KEY[:-4]} active", "keys:2: not a line", id="short-key"),
        pytest.param(f"{STORE}\nkey 1 {KEY} actives", "keys:2: not a line", id="odd-word"),
        pytest.param(f"{STORE}\nkey 1 {KEY} active \n", "keys:2: not a line", id="blank-at-end"),
        pytest.param(f"{STORE.upper()}\n", "keys:1: not a line", id="upper-case"),
        pytest.param(f"{STORE}\n\0", "keys:2: not a line", id="nul"),
        pytest.param(b"store \xff", "not a keys file", id="not-ascii"),
        pytest.param(b"#" * 70_000, "not a keys file", id="too-large"),
    ],
)
def test_file_that_is_no_keys_file_is_refused(text: str | bytes, why: str, tmp_path: Path) -> None:
    """A keys file is read exactly or not at all; the refusal says where, and shows no key."""
    assert why in _refusal(_file(tmp_path, text))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o610, 0o601])
def test_keys_that_others_can_reach_are_refused(mode: int, tmp_path: Path) -> None:
    """Keys with any right for group or others are refused, with the command that mends it."""
    path = _file(tmp_path, f"{STORE}\nkey 1 {KEY} active\n", mode)
    refusal = _refusal(path)
    assert f"mode {mode:04o}" in refusal
    assert f"chmod 600 {path}" in refusal


def test_missing_keys_are_refused(tmp_path: Path) -> None:
    """Without its file there is a line that says so."""
    assert "there is no keys file" in _refusal(tmp_path / "keys")


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_keys_must_be_a_file(make: Callable[[Path], None], tmp_path: Path) -> None:
    """A folder or a pipe holds no keys, and nothing waits for one."""
    make(tmp_path / "keys")
    writer = None if (tmp_path / "keys").is_dir() else os.open(tmp_path / "keys", os.O_RDWR)
    assert str(tmp_path / "keys") in _refusal(tmp_path / "keys")
    if writer is not None:
        os.close(writer)


def test_keys_of_somebody_else_are_refused() -> None:
    """Whoever may not read the keys is told so."""
    with open_folder() as folder:
        Vault.create(folder / "keys")
        (folder / "keys").chmod(0o200 if os.geteuid() else 0o600)
        with pytest.raises(KeysError, match="cannot be read: Permission denied"):
            in_child(lambda: Vault.read(folder / "keys"), user=NOBODY)


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    """New keys are not made where some are: the old ones may be the only ones."""
    path = _file(tmp_path, "mine")
    with pytest.raises(KeysError, match="is there already; nothing was changed"):
        Vault.create(path)
    assert path.read_text() == "mine"


def test_keys_need_their_folder(tmp_path: Path) -> None:
    """Where no file can be made there is one line, and nothing is left."""
    with pytest.raises(KeysError, match="cannot be made: No such file"):
        Vault.create(tmp_path / "no" / "keys")


def test_full_disk_leaves_no_keys(tmp_path: Path) -> None:
    """Half a keys file is worse than none."""
    with full_disk(40), pytest.raises(KeysError, match="cannot be written"):
        Vault.create(tmp_path / "keys")
    assert not list(tmp_path.iterdir())


def test_keys_are_read_as_they_were_made(tmp_path: Path) -> None:
    """What was sealed before a restart opens after it; the file is its owner's alone."""
    before = os.umask(0)
    try:
        made = Vault.create(tmp_path / "keys")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o600
    read = Vault.read(tmp_path / "keys")
    assert (read.store_id, read.active, read.numbers) == (made.store_id, 1, (1,))
    assert read.open(made.seal(b"seed", "here"), "here") == b"seed"


def test_two_stores_have_different_keys(tmp_path: Path) -> None:
    """Nothing of one store opens with the keys of another."""
    one, other = Vault.create(tmp_path / "1"), Vault.create(tmp_path / "2")
    assert one.store_id != other.store_id
    with pytest.raises(VaultError, match="does not open a value"):
        other.open(one.seal(b"seed", "here"), "here")


@pytest.fixture(scope="module")
def vault_(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    """Keys."""
    return Vault.create(tmp_path_factory.mktemp("vault") / "keys")


@given(plain=st.binary(max_size=200), place=st.text(max_size=40), other=st.text(max_size=40))
def test_sealed_value_opens_in_its_place_alone(
    plain: bytes, place: str, other: str, vault_: Vault
) -> None:
    """A sealed value copied to another row does not open there."""
    try:
        place.encode()
        other.encode()
    except UnicodeEncodeError:
        return
    sealed = vault_.seal(plain, place)
    assert vault_.open(sealed, place) == plain
    if other != place:
        with pytest.raises(VaultError):
            vault_.open(sealed, other)


@given(octets=st.binary(max_size=80))
def test_any_octets_are_refused(octets: bytes, vault_: Vault) -> None:
    """Octets that nobody sealed are a value that does not open, never a surprise."""
    with pytest.raises(VaultError):
        vault_.open(octets, "here")
    with pytest.raises(VaultError):
        vault_.open(b"\x01\0\0\0\x01" + octets, "here")


def test_each_changed_octet_is_found(vault_: Vault) -> None:
    """One changed bit anywhere, or a cut, and nothing opens."""
    sealed = vault_.seal(b"the seed", "here")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(VaultError):
            vault_.open(bytes(changed), "here")
        with pytest.raises(VaultError):
            vault_.open(sealed[:at], "here")


def test_same_value_is_never_sealed_alike(vault_: Vault) -> None:
    """Equal seeds cannot be told from their sealed form, which does not show them."""
    assert len({vault_.seal(b"the seed", "here") for _ in range(50)}) == 50
    assert b"the seed" not in vault_.seal(b"the seed", "here")


def test_missing_key_is_named(vault_: Vault) -> None:
    """If a key is gone, the refusal says which."""
    newer = vault_.with_new_key()
    with pytest.raises(VaultError, match="key 2 is missing"):
        vault_.open(newer.seal(b"seed", "here"), "here")


def test_new_key_seals_and_old_ones_open(vault_: Vault) -> None:
    """A new key stands beside the old ones until they are taken out."""
    newer = vault_.with_new_key()
    assert (newer.active, newer.numbers) == (2, (1, 2))
    assert newer.open(vault_.seal(b"old", "here"), "here") == b"old"
    alone = newer.only_active()
    assert alone.numbers == (2,)
    assert alone.open(newer.seal(b"new", "here"), "here") == b"new"
    with pytest.raises(VaultError, match="key 1 is missing"):
        alone.open(vault_.seal(b"old", "here"), "here")


def test_key_of_a_value_is_known_by_its_number(vault_: Vault) -> None:
    """Which key is needed can be told without opening."""
    newer = vault_.with_new_key()
    assert newer.has_key_of(vault_.seal(b"", "here"))
    assert not vault_.has_key_of(newer.seal(b"", "here"))
    assert not vault_.has_key_of(b"")
    assert not vault_.has_key_of(b"\x02\0\0\0\x01")


def test_numbers_of_keys_end(tmp_path: Path) -> None:
    """After the last number there is a line, not a number that is used twice."""
    last = Vault(tmp_path, "0" * 16, {2**31 - 1: Secret(bytes(32))}, active=2**31 - 1)
    with pytest.raises(KeysError, match="no number is left"):
        last.with_new_key()


def test_replacing_is_one_step(tmp_path: Path) -> None:
    """The new file has the place, the owner and the mode of the old one; nothing lies beside it."""
    path = tmp_path / "keys"
    newer = Vault.create(path).with_new_key()
    (tmp_path / ".keys.new").write_text("left by a run that was killed")
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    owner = path.stat().st_uid
    newer.replace()
    found = path.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (owner, 0o600)
    assert path.read_text() == newer.text()
    assert list(tmp_path.iterdir()) == [path]
    assert Vault.read(path).numbers == (1, 2)


def test_failed_replacing_changes_nothing(tmp_path: Path) -> None:
    """If the new keys cannot be written, the old ones stay."""
    path = tmp_path / "keys"
    newer = Vault.create(path).with_new_key()
    before = path.read_text()
    with full_disk(40), pytest.raises(KeysError, match="cannot be written"):
        newer.replace()
    assert path.read_text() == before
    assert list(tmp_path.iterdir()) == [path]
    path.unlink()
    with pytest.raises(KeysError, match="cannot be replaced: No such file"):
        newer.replace()


def test_credential_may_be_readable_by_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What systemd hands over has systemd's mode; elsewhere the same mode is refused."""
    path = _file(tmp_path, f"{STORE}\nkey 7 {KEY} active\n", 0o440)
    assert not vault.is_credential(path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert vault.is_credential(path)
    assert Vault.read(path).active == 7
    assert not vault.is_credential(tmp_path / ".." / "keys")


def test_keys_do_not_show_themselves(tmp_path: Path) -> None:
    """What a log or a traceback would print of the keys has no key in it."""
    made = Vault.create(tmp_path / "keys")
    key = made.text().split()[-2]
    assert key not in repr(made)
    assert made.store_id in repr(made)


def test_length_says_whether_nothing_was_sealed(tmp_path: Path) -> None:
    """Who has no seed here is told from who has, without the key."""
    vault = Vault.create(tmp_path / "keys")
    assert Vault.is_empty(vault.seal(b"", "a place"))
    assert not Vault.is_empty(vault.seal(b"x", "a place"))
