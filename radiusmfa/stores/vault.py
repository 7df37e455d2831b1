"""
Seal and open what must not lie in the store in clear: seeds, and the store's own keys.

AES-256-GCM. A sealed value is bound to the place it belongs to: copied to another
row, it does not open. The keys lie in a file of their own, apart from the store.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from radiusmfa.interfaces import KeysError
from radiusmfa.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_OCTETS: Final = 32
_FORMAT: Final = b"\x01"
_NUMBER_OCTETS: Final = 4
_NONCE_OCTETS: Final = 12
_TAG_OCTETS: Final = 16
_HEAD_OCTETS: Final = 1 + _NUMBER_OCTETS + _NONCE_OCTETS
_LARGEST_NUMBER: Final = 2**31 - 1
_LARGEST_FILE: Final = 64 * 1024
_STORE_ID_OCTETS: Final = 8
_COMMENT: Final = (
    "# radiusmfa keys. Whoever has this file and the store can compute every passcode."
    " Keep a copy away from the store's backups.\n"
)
_STORE: Final = re.compile(r"store ([0-9a-f]{16})")
_KEY: Final = re.compile(r"key ([1-9][0-9]{0,9}) ([A-Za-z0-9+/]{43}=)( active)?")


class VaultError(KeysError):
    """A sealed value does not open: another key, another place, or damage."""


@final
class Vault:
    """
    The keys of one store.

    Attributes:
        path: The file they were read from; errors name it.
        store_id: Which store they belong to, 16 hexadecimal digits.
        active: Number of the key that seals.
    """

    __slots__ = ("_ciphers", "_keys", "active", "path", "store_id")

    def __init__(
        self, path: Path, store_id: str, keys: Mapping[int, Secret], *, active: int
    ) -> None:
        """Take *keys* by number, each of 32 octets."""
        self.path = path
        self.store_id = store_id
        self.active = active
        self._keys = dict(keys)
        self._ciphers = {number: AESGCM(key.reveal()) for number, key in keys.items()}

    @classmethod
    def create(cls, path: Path) -> Self:
        """
        Make the keys of a new store and write them to *path*, which must not exist.

        Raises:
            KeysError: The file cannot be written, or is there already.
        """
        store_id = secrets.token_hex(_STORE_ID_OCTETS)
        vault = cls(path, store_id, {1: _new_key()}, active=1)
        _write(path, vault.text())
        return vault

    @classmethod
    def read(cls, path: Path) -> Self:
        """
        Read the keys file at *path*.

        Raises:
            KeysError: Missing, readable by others, or not a keys file.
        """
        store_id = ""
        active = 0
        keys: dict[int, Secret] = {}
        for at, line in enumerate(_read(path).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if store := _STORE.fullmatch(line):
                _refuse_if(bool(store_id), path, at, "the store is named twice")
                store_id = store[1]
                continue
            number, key, is_active = _key(line, path, at)
            _refuse_if(number in keys, path, at, "this number was given to another key")
            _refuse_if(is_active and bool(active), path, at, "a second key is active")
            keys[number] = key
            active = number if is_active else active
        _refuse_if(not store_id, path, 0, "it does not say which store it belongs to")
        _refuse_if(not active, path, 0, "no key is active")
        return cls(path, store_id, keys, active=active)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all keys."""
        return tuple(self._keys)

    def seal(self, plain: bytes, bound_to: str) -> bytes:
        """Return *plain* sealed with the active key, to be opened only for *bound_to*."""
        nonce = secrets.token_bytes(_NONCE_OCTETS)
        sealed = self._ciphers[self.active].encrypt(nonce, plain, _bound(self.active, bound_to))
        return _FORMAT + self.active.to_bytes(_NUMBER_OCTETS, "big") + nonce + sealed

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """
        Return what was sealed for *bound_to*.

        Raises:
            VaultError: It was not, or not with a key of this file, or it was changed.
        """
        if len(sealed) < _HEAD_OCTETS + _TAG_OCTETS or sealed[:1] != _FORMAT:
            raise VaultError(f"{self.path}: a value in the store is not sealed as it should be")
        number = int.from_bytes(sealed[1 : 1 + _NUMBER_OCTETS], "big")
        cipher = self._ciphers.get(number)
        if cipher is None:
            raise VaultError(
                f"{self.path}: key {number} is missing;"
                " bring back the keys file that belongs to this store"
            )
        nonce = sealed[1 + _NUMBER_OCTETS : _HEAD_OCTETS]
        try:
            return cipher.decrypt(nonce, sealed[_HEAD_OCTETS:], _bound(number, bound_to))
        except InvalidTag:
            raise VaultError(
                f"{self.path}: key {number} does not open a value in the store;"
                " the keys are of another store, or the value was changed"
            ) from None

    def has_key_of(self, sealed: bytes) -> bool:
        """Say whether *sealed* was sealed with one of these keys, by its number."""
        number = int.from_bytes(sealed[1 : 1 + _NUMBER_OCTETS], "big")
        return sealed[:1] == _FORMAT and number in self._keys

    @staticmethod
    def is_empty(sealed: bytes) -> bool:
        """Say whether nothing was sealed, which its length shows."""
        return len(sealed) == _HEAD_OCTETS + _TAG_OCTETS

    def with_new_key(self) -> Vault:
        """Return these keys and a new one that seals from now on; nothing is written."""
        number = max(self._keys) + 1
        if number > _LARGEST_NUMBER:
            raise KeysError(f"{self.path}: no number is left for a new key")
        keys = self._keys | {number: _new_key()}
        return Vault(self.path, self.store_id, keys, active=number)

    def only_active(self) -> Vault:
        """Return the active key alone; nothing is written."""
        keys = {self.active: self._keys[self.active]}
        return Vault(self.path, self.store_id, keys, active=self.active)

    def replace(self) -> None:
        """
        Write these keys in the place of the file they were read from, in one step.

        Raises:
            KeysError: They cannot be written; the file is as it was.
        """
        beside = self.path.with_name(f".{self.path.name}.new")
        try:
            before = self.path.stat()
            beside.unlink(missing_ok=True)  # left by a run that was killed
            _write(beside, self.text())
            if os.geteuid() == 0:
                os.chown(beside, before.st_uid, before.st_gid)
            beside.replace(self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise KeysError(f"{self.path} cannot be replaced: {error.strerror}") from None

    def text(self) -> str:
        """Return the keys file: the one place where keys stand in clear."""
        lines = [f"store {self.store_id}"]
        for number, key in self._keys.items():
            mark = " active" if number == self.active else ""
            lines.append(f"key {number} {base64.b64encode(key.reveal()).decode('ascii')}{mark}")
        return _COMMENT + "\n".join(lines) + "\n"

    def __repr__(self) -> str:
        """Return which keys these are, without them."""
        return f"Vault({str(self.path)!r}, store {self.store_id}, key {self.active})"


def is_credential(path: Path) -> bool:
    """Say whether systemd has handed this file to us: then it is not ours to change."""
    directory = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(directory) and path.resolve().is_relative_to(Path(str(directory)).resolve())


def sync_directory(path: Path) -> None:
    """Put the names in a directory on disk: a new or renamed file survives a power loss."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _new_key() -> Secret:
    return Secret(secrets.token_bytes(KEY_OCTETS))


def _bound(number: int, bound_to: str) -> bytes:
    return f"radiusmfa|1|{number}|{bound_to}".encode()


def _key(line: str, path: Path, at: int) -> tuple[int, Secret, bool]:
    found = _KEY.fullmatch(line)
    if found is None or int(found[1]) > _LARGEST_NUMBER:
        raise KeysError(f"{path}:{at}: not a line of a keys file; bring back your copy of it")
    try:
        octets = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        octets = b""
    _refuse_if(len(octets) != KEY_OCTETS, path, at, f"a key has {KEY_OCTETS} octets")
    return int(found[1]), Secret(octets), bool(found[3])


def _refuse_if(refused: bool, path: Path, at: int, why: str) -> None:  # noqa: FBT001 - reads as one sentence
    if refused:
        raise KeysError(f"{path}:{at}: {why}" if at else f"{path}: {why}")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            _refuse_unsafe(path, os.fstat(file.fileno()))
            octets = file.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise KeysError(
            f"there is no keys file {path}; bring back your copy, or make a new store"
            " with `radiusmfa init`"
        ) from None
    except OSError as error:
        raise KeysError(f"{path} cannot be read: {error.strerror}") from None
    _refuse_if(len(octets) > _LARGEST_FILE or not octets.isascii(), path, 0, "not a keys file")
    return octets.decode("ascii")


def _refuse_unsafe(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise KeysError(f"{path} is not a file")
    if found.st_mode & 0o077 and not is_credential(path):
        mode = stat.S_IMODE(found.st_mode)
        raise KeysError(f"{path} has mode {mode:04o}, so others can read it: chmod 600 {path}")


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeysError(f"{path} is there already; nothing was changed") from None
    except OSError as error:
        raise KeysError(f"{path} cannot be made: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(path.parent)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeysError(f"{path} cannot be written: {error.strerror}") from None
