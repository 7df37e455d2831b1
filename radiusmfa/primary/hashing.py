"""
Password hashes: one that we make (Argon2id), and those that imports bring.

`verify` answers yes or no to any stored string and any octets, and never raises:
what is unknown, damaged or asks for more work than a login may cost is a no. It
blocks, so it runs in a thread. A false yes lets somebody in with a wrong password.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import importlib.util
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, TypeAlias

import argon2

from radiusmfa.interfaces import RadiusmfaError
from radiusmfa.primary import shacrypt

if TYPE_CHECKING:
    from collections.abc import Callable

    from radiusmfa.config.model import Passwords

    Entropy: TypeAlias = Callable[[int], bytes]

LARGEST_PASSWORD: Final = 128  # octets in a User-Password, RFC 2865 section 5.2
SALT_OCTETS: Final = 16
TAG_OCTETS: Final = 32

# Upper bounds on what a stored string may ask of us: one record from a careless or
# hostile import must not take the server's memory or hold a thread for minutes.
MOST_MEMORY_KIB: Final = 1024 * 1024  # 1 GiB
MOST_MEMORY_PASSES: Final = 4 * 1024 * 1024  # KiB times passes, about two seconds
MOST_LANES: Final = 64
LEAST_BCRYPT_COST: Final = 4  # bcrypt's own
MOST_BCRYPT_COST: Final = 15  # about two seconds
LARGEST_BCRYPT_PASSWORD: Final = 72  # what follows would not count
MOST_PBKDF2_ITERATIONS: Final = 5_000_000
_LARGEST_STORED: Final = 512  # characters


QUICK_FORMS: Final = ("{", "$keyed$")
"""How the hashes begin that cost less to check than to hand to a thread."""


class PasswordRefusedError(RadiusmfaError):
    """A password that nobody could log in with: empty, or over 128 octets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """
    What a new Argon2id hash costs.

    Attributes:
        memory_kib: Memory in KiB; 19 MiB with two passes is OWASP's minimum.
        passes: Iterations over the memory.
        lanes: Threads that one computation may use.
        upgrade: Whether other hashes are replaced at their owner's next login.
    """

    memory_kib: int = 19456
    passes: int = 2
    lanes: int = 1
    upgrade: bool = True

    @classmethod
    def of(cls, settings: Passwords) -> Self:
        """Return what the configuration says."""
        return cls(
            memory_kib=settings.memory_kib,
            passes=settings.passes,
            lanes=settings.lanes,
            upgrade=settings.upgrade,
        )

    @property
    def prefix(self) -> str:
        """Return how every hash with these parameters begins."""
        return f"$argon2id$v=19$m={self.memory_kib},t={self.passes},p={self.lanes}$"


def hash_password(
    password: bytes, parameters: Parameters, entropy: Entropy = secrets.token_bytes
) -> str:
    """
    Return an Argon2id string (PHC form) for *password*.

    Raises:
        PasswordRefusedError: Empty, or more than 128 octets.
    """
    _check_size(password)
    return argon2.low_level.hash_secret(
        password,
        entropy(SALT_OCTETS),
        time_cost=parameters.passes,
        memory_cost=parameters.memory_kib,
        parallelism=parameters.lanes,
        hash_len=TAG_OCTETS,
        type=argon2.Type.ID,
    ).decode("ascii")


def keyed(password: bytes, pepper: bytes, entropy: Entropy = secrets.token_bytes) -> str:
    """
    Return a `$keyed$1$` string: fast to make, worthless to whoever lacks *pepper*.

    For the mass import of plain passwords; each is hashed anew at its next login.

    Raises:
        PasswordRefusedError: Empty, or more than 128 octets.
    """
    _check_size(password)
    salt = entropy(SALT_OCTETS)
    fields = (salt, _keyed_digest(password, salt, pepper))
    return "$keyed$1$" + "$".join(base64.b64encode(field).decode("ascii") for field in fields)


def verify(stored: str, password: bytes, pepper: bytes) -> bool:
    """
    Say whether *password* belongs to *stored*; never raises.

    Args:
        stored: A string in any form that `known` names.
        password: Octets as they arrived; an empty or over-long one is never right.
        pepper: Key of the `$keyed$1$` form; not used by the others.
    """
    found = _find(stored)
    if found is None or not 0 < len(password) <= LARGEST_PASSWORD:
        return False
    form, fields = found
    return form.is_affordable(fields) and form.agrees(fields, password, pepper)


def known(stored: str) -> str | None:
    """Return the name of the form of *stored*, or None if `verify` can only say no."""
    found = _find(stored)
    if found is None or fault_in(stored) is not None:
        return None
    name = found[0].name
    return f"argon2{found[1]['variant']}" if name == "argon2" else name


def fault_in(stored: str) -> str | None:
    """Return why *stored* cannot be used, in words for an import report; None if it can."""
    found = _find(stored)
    if found is None or not found[0].is_sound(found[1]):
        return "not a password hash that radiusmfa knows, or a damaged one"
    if not found[0].is_affordable(found[1]):
        return f"a hash of form {found[0].name} whose cost is outside what radiusmfa allows"
    if found[0].name == "bcrypt" and importlib.util.find_spec("bcrypt") is None:
        return "a bcrypt hash, and the package bcrypt is missing: install radiusmfa[bcrypt]"
    return None


def needs_rehash(stored: str, parameters: Parameters) -> bool:
    """Say whether *stored*, which a password agreed with, shall become another hash."""
    return parameters.upgrade and not stored.startswith(parameters.prefix)


_Fields: TypeAlias = "re.Match[str]"


@dataclass(frozen=True, slots=True)
class _Form:
    name: str
    pattern: re.Pattern[str]
    is_affordable: Callable[[_Fields], bool]
    agrees: Callable[[_Fields, bytes, bytes], bool]
    is_whole: Callable[[_Fields], bool] = lambda _fields: True
    # Looked at where a hash comes in; at a login the form's own reader refuses it.
    is_sound: Callable[[_Fields], bool] = lambda _fields: True


def _find(stored: str) -> tuple[_Form, _Fields] | None:
    if len(stored) > _LARGEST_STORED:
        return None
    for form in _FORMS:
        fields = form.pattern.fullmatch(stored)
        if fields is not None:
            return (form, fields) if form.is_whole(fields) else None
    return None


def _check_size(password: bytes) -> None:
    if not 0 < len(password) <= LARGEST_PASSWORD:
        msg = f"a password has 1 to {LARGEST_PASSWORD} octets"
        raise PasswordRefusedError(msg)


def _always(_fields: _Fields) -> bool:
    return True


def _argon2_is_affordable(fields: _Fields) -> bool:
    memory, passes, lanes = int(fields["memory"]), int(fields["passes"]), int(fields["lanes"])
    return (
        0 < lanes <= MOST_LANES
        and 8 * lanes <= memory <= MOST_MEMORY_KIB
        and passes > 0
        and memory * passes <= MOST_MEMORY_PASSES
    )


def _argon2_is_sound(fields: _Fields) -> bool:
    return all(_unpadded(fields[name]) is not None for name in ("salt", "tag"))


def _argon2_agrees(fields: _Fields, password: bytes, _pepper: bytes) -> bool:
    kind = {"id": argon2.Type.ID, "i": argon2.Type.I, "d": argon2.Type.D}[fields["variant"]]
    try:
        return argon2.low_level.verify_secret(fields[0].encode("ascii"), password, kind)
    except (argon2.exceptions.Argon2Error, ValueError, MemoryError):
        return False


def _bcrypt_is_affordable(fields: _Fields) -> bool:
    return LEAST_BCRYPT_COST <= int(fields["cost"]) <= MOST_BCRYPT_COST


def _bcrypt_agrees(fields: _Fields, password: bytes, _pepper: bytes) -> bool:
    # Octets past the 72nd, and in old versions past a NUL, would not be looked at.
    if len(password) > LARGEST_BCRYPT_PASSWORD or b"\0" in password:
        return False
    try:
        bcrypt = importlib.import_module("bcrypt")
        return bool(bcrypt.checkpw(password, fields[0].encode("ascii")))
    except (ImportError, ValueError):
        return False


def _sha_crypt_is_affordable(fields: _Fields) -> bool:
    return shacrypt.FEWEST_ROUNDS <= _rounds(fields) <= shacrypt.MOST_ROUNDS


def _sha_crypt_agrees(fields: _Fields, password: bytes, _pepper: bytes) -> bool:
    name = "sha256" if fields[0].startswith("$5$") else "sha512"
    wanted = shacrypt.checksum(name, password, fields["salt"].encode("ascii"), _rounds(fields))
    return hmac.compare_digest(wanted, fields["sum"])


def _rounds(fields: _Fields) -> int:
    return int(fields["rounds"] or shacrypt.DEFAULT_ROUNDS)


def _salted_parts(fields: _Fields) -> tuple[str, bytes, bytes]:
    # SHA-1 is what the stored string says.
    name = {"": "sha1", "256": "sha256", "512": "sha512"}[fields["size"]]
    octets = _base64(fields["octets"]) or b""
    size = hashlib.new(name).digest_size
    return name, octets[:size], octets[size:]


def _salted_is_whole(fields: _Fields) -> bool:
    _, _, salt = _salted_parts(fields)
    return bool(salt)  # and so the digest before it


def _salted_agrees(fields: _Fields, password: bytes, _pepper: bytes) -> bool:
    name, digest, salt = _salted_parts(fields)
    return hmac.compare_digest(hashlib.new(name, password + salt).digest(), digest)


def _pbkdf2_is_affordable(fields: _Fields) -> bool:
    return 0 < int(fields["iterations"]) <= MOST_PBKDF2_ITERATIONS


def _pbkdf2_parts(fields: _Fields) -> tuple[bytes | None, bytes | None]:
    # passlib's alphabet has "." where base64 has "+", and no padding.
    return _unpadded(fields["salt"].replace(".", "+")), _unpadded(fields["sum"].replace(".", "+"))


def _pbkdf2_is_whole(fields: _Fields) -> bool:
    return None not in _pbkdf2_parts(fields)


def _pbkdf2_agrees(fields: _Fields, password: bytes, _pepper: bytes) -> bool:
    salt, digest = _pbkdf2_parts(fields)
    if salt is None or digest is None:
        return False
    key = hashlib.pbkdf2_hmac("sha256", password, salt, int(fields["iterations"]))
    return hmac.compare_digest(key, digest)


def _keyed_agrees(fields: _Fields, password: bytes, pepper: bytes) -> bool:
    salt, digest = _base64(fields["salt"]), _base64(fields["sum"])
    if salt is None or digest is None or not pepper:
        return False
    return hmac.compare_digest(_keyed_digest(password, salt, pepper), digest)


def _keyed_digest(password: bytes, salt: bytes, pepper: bytes) -> bytes:
    return hmac.digest(pepper, b"password|" + salt + b"|" + password, "sha256")


def _base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _unpadded(text: str) -> bytes | None:
    octets = _base64(text + "=" * (-len(text) % 4))
    # Bits left over at the end that are not zero: damaged, and Argon2's own reader says so too.
    if octets is None or base64.b64encode(octets).decode("ascii").rstrip("=") != text:
        return None
    return octets


_FORMS: Final = (
    _Form(
        "argon2",
        re.compile(
            r"\$argon2(?P<variant>id|i|d)\$v=(?:16|19)"
            r"\$m=(?P<memory>[1-9][0-9]{0,9}),t=(?P<passes>[1-9][0-9]{0,9})"
            r",p=(?P<lanes>[1-9][0-9]{0,7})\$(?P<salt>[A-Za-z0-9+/]{11,86})"
            r"\$(?P<tag>[A-Za-z0-9+/]{16,86})"
        ),
        _argon2_is_affordable,
        _argon2_agrees,
        is_sound=_argon2_is_sound,
    ),
    _Form(
        "bcrypt",
        # The salt's 22nd character holds two bits: any other is refused by bcrypt itself.
        re.compile(r"\$2[aby]\$(?P<cost>[0-9]{2})\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{31}"),
        _bcrypt_is_affordable,
        _bcrypt_agrees,
    ),
    _Form(
        "sha512-crypt",
        re.compile(
            r"\$6\$(?:rounds=(?P<rounds>[1-9][0-9]{0,8})\$)?(?P<salt>[!-#%-9;-~]{0,16})"
            r"\$(?P<sum>[./0-9A-Za-z]{86})"
        ),
        _sha_crypt_is_affordable,
        _sha_crypt_agrees,
    ),
    _Form(
        "sha256-crypt",
        re.compile(
            r"\$5\$(?:rounds=(?P<rounds>[1-9][0-9]{0,8})\$)?(?P<salt>[!-#%-9;-~]{0,16})"
            r"\$(?P<sum>[./0-9A-Za-z]{43})"
        ),
        _sha_crypt_is_affordable,
        _sha_crypt_agrees,
    ),
    _Form(
        "ssha",
        re.compile(r"\{(?i:ssha)(?P<size>|256|512)\}(?P<octets>[A-Za-z0-9+/]{28,200}={0,2})"),
        _always,
        _salted_agrees,
        _salted_is_whole,
    ),
    _Form(
        "pbkdf2-sha256",
        re.compile(
            r"\$pbkdf2-sha256\$(?P<iterations>[1-9][0-9]{0,8})"
            r"\$(?P<salt>[A-Za-z0-9./]{2,128})\$(?P<sum>[A-Za-z0-9./]{43})"
        ),
        _pbkdf2_is_affordable,
        _pbkdf2_agrees,
        _pbkdf2_is_whole,
    ),
    _Form(
        "keyed",
        re.compile(r"\$keyed\$1\$(?P<salt>[A-Za-z0-9+/]{22}==)\$(?P<sum>[A-Za-z0-9+/]{43}=)"),
        _always,
        _keyed_agrees,
    ),
)
