"""
Encrypted values in PSKC files: key, MAC, plain octets; RFC 6030 section 6.

The MAC is checked before anything is decrypted. A CBC value without one could be
changed by anybody on its way, so it is refused unless the caller is `lenient`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

from radiusmfa.enrol.records import FieldError, whole_number

if TYPE_CHECKING:
    from radiusmfa.enrol.xmltree import Element
    from radiusmfa.secret import Secret

MOST_ITERATIONS: Final = 5_000_000  # about two seconds
_BLOCK_OCTETS: Final = 16
_NONCE_OCTETS: Final = 12
_LEAST_MAC_KEY_OCTETS: Final = 16  # what is cut off could be tried out
_CIPHER: Final = re.compile(
    r"http://www\.w3\.org/(?:2001/04/xmlenc|2009/xmlenc11)#"
    r"(?P<wrapped>kw-)?aes(?P<bits>128|192|256)(?P<mode>-cbc|-gcm)?"
)
_PBKDF2: Final = frozenset(
    (
        "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2",
        "http://www.w3.org/2009/xmlenc11#pbkdf2",
    )
)
# "http://www.w3.org/2000/09/xmldsig#hmac-sha1", "...#hmacWithSHA256" and the like.
_HMAC: Final = re.compile(r"(?i:.*#)?(?i:hmac-?(?:with)?-?(?P<name>sha)-?(?P<bits>1|256|384|512))")
_CHANGED: Final = "a wrong password or key, or the file was changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocking:
    """
    What opens a file.

    Attributes:
        password: For a file whose key is derived from one.
        key: The pre-shared key itself.
        lenient: Take CBC values without a MAC, a MAC made with the encryption key, or
            over the plain octets: some products write such files, and nobody can
            tell whether they were changed.
    """

    password: Secret | None = None
    key: Secret | None = None
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens the values of one container."""

    lenient: bool
    _key: bytes = field(repr=False)
    _mac_name: str | None
    _mac_key: bytes | None = field(repr=False)

    def open(self, encrypted: Element, mac: Element | None) -> bytes:
        """
        Return the plain octets of an EncryptedValue.

        Raises:
            FieldError: It cannot be decrypted, or *mac* does not fit it.
        """
        algorithm, octets = _cipher_value(encrypted)
        if not algorithm.endswith("-cbc"):  # the others find a change by themselves
            return _decrypted(algorithm, self._key, octets)
        if mac is None or self._mac_name is None:
            if self.lenient:
                return _decrypted(algorithm, self._key, octets)
            raise FieldError("encrypted without a MAC, so a change would not be seen")
        return self._checked(algorithm, octets, base64_of(mac, "the MAC"))

    def _checked(self, algorithm: str, octets: bytes, wanted: bytes) -> bytes:
        if self._mac_key is None and not self.lenient:
            raise FieldError("the MAC has no key of its own")
        if hmac.compare_digest(self._mac(octets), wanted):
            return _decrypted(algorithm, self._key, octets)
        if self.lenient:  # older drafts: over the plain octets
            plain = _decrypted(algorithm, self._key, octets)
            if hmac.compare_digest(self._mac(plain), wanted):
                return plain
        msg = f"the MAC does not match: {_CHANGED}"
        raise FieldError(msg)

    def _mac(self, octets: bytes) -> bytes:
        return hmac.digest(self._mac_key or self._key, octets, self._mac_name or "")


def opener(container: Element, unlocking: Unlocking) -> Opener:
    """
    Return what opens the values in *container*.

    Raises:
        FieldError: The password or key is missing or wrong, or the file is encrypted
            in a way that cannot be read here.
    """
    key = _key(container.find("EncryptionKey"), unlocking)
    method = container.find("MACMethod")
    if method is None:
        return Opener(unlocking.lenient, key, None, None)
    name = _hash_name(method.attributes.get("Algorithm", ""), "the MAC")
    sealed = method.find("MACKey")
    if sealed is None:
        return Opener(unlocking.lenient, key, name, None)
    mac_key = _decrypted(*_with_key(sealed, key))
    if len(mac_key) < _LEAST_MAC_KEY_OCTETS:
        msg = f"the key of the MAC is too short: {_CHANGED}"
        raise FieldError(msg)
    return Opener(unlocking.lenient, key, name, mac_key)


def base64_of(element: Element, name: str) -> bytes:
    """Return the octets that an element's base64 stands for, or raise FieldError."""
    try:
        octets = base64.b64decode("".join(element.text.split()), validate=True)
    except ValueError:
        msg = f"{name} is not base64"
        raise FieldError(msg) from None
    if not octets:
        msg = f"{name} is empty"
        raise FieldError(msg)
    return octets


def _key(wanted: Element | None, unlocking: Unlocking) -> bytes:
    derived = None if wanted is None else wanted.find("DerivedKey/KeyDerivationMethod")
    if derived is not None:
        if unlocking.password is None:
            raise FieldError("encrypted with a password: give it with --password-file")
        return _derived(derived, unlocking.password.reveal())
    if wanted is not None and wanted.find("X509Data") is not None:
        raise FieldError("encrypted to a certificate, which cannot be read here")
    if unlocking.key is None:
        raise FieldError("encrypted with a pre-shared key: give it with --key-file")
    return unlocking.key.reveal()


def _derived(method: Element, password: bytes) -> bytes:
    parameters = method.find("PBKDF2-params")
    if method.attributes.get("Algorithm") not in _PBKDF2 or parameters is None:
        raise FieldError("the key is derived in a way that is not known here")
    salt = parameters.find("Salt/Specified")
    if salt is None:
        raise FieldError("the key derivation has no salt")
    iterations = whole_number(
        parameters.text_at("IterationCount"), 1, MOST_ITERATIONS, "IterationCount"
    )
    size = whole_number(parameters.text_at("KeyLength"), 16, 32, "KeyLength")
    function = parameters.find("PRF")
    named = "" if function is None else function.attributes.get("Algorithm", "")
    name = _hash_name(named, "the key derivation") if named else "sha1"
    return hashlib.pbkdf2_hmac(name, password, base64_of(salt, "the salt"), iterations, size)


def _hash_name(algorithm: str, name: str) -> str:
    found = _HMAC.fullmatch(algorithm)
    if found is None:
        msg = f"{name} uses a hash that is not known here"
        raise FieldError(msg)
    return f"sha{found['bits']}"


def _with_key(encrypted: Element, key: bytes) -> tuple[str, bytes, bytes]:
    algorithm, octets = _cipher_value(encrypted)
    return algorithm, key, octets


def _cipher_value(encrypted: Element) -> tuple[str, bytes]:
    method, value = encrypted.find("EncryptionMethod"), encrypted.find("CipherData/CipherValue")
    if method is None or value is None:
        raise FieldError("an encrypted value without its method or its octets")
    return method.attributes.get("Algorithm", ""), base64_of(value, "an encrypted value")


def _decrypted(algorithm: str, key: bytes, octets: bytes) -> bytes:
    cipher = _CIPHER.fullmatch(algorithm)
    if cipher is None or bool(cipher["wrapped"]) is bool(cipher["mode"]):
        raise FieldError("encrypted with an algorithm that is not known here")
    if len(key) * 8 != int(cipher["bits"]):
        msg = f"encrypted with a key of {cipher['bits']} bits, not of {len(key) * 8}"
        raise FieldError(msg)
    try:
        if cipher["wrapped"]:
            return aes_key_unwrap(key, octets)
        if cipher["mode"] == "-gcm":
            return AESGCM(key).decrypt(octets[:_NONCE_OCTETS], octets[_NONCE_OCTETS:], None)
        return _from_cbc(key, octets)
    except (InvalidTag, InvalidUnwrap, ValueError):
        msg = f"cannot be decrypted: {_CHANGED}"
        raise FieldError(msg) from None


def _from_cbc(key: bytes, octets: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(octets[:_BLOCK_OCTETS])).decryptor()
    padded = decryptor.update(octets[_BLOCK_OCTETS:]) + decryptor.finalize()
    # XML encryption looks at the last octet only; the others of the padding are free.
    if not padded or not 1 <= padded[-1] <= _BLOCK_OCTETS:
        raise ValueError
    return padded[: -padded[-1]]
