"""PSKC files for tests, written piece by piece, so that each piece can be wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import aes_key_wrap

SEED: Final = b"12345678901234567890"
XENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XENC11: Final = "http://www.w3.org/2009/xmlenc11#"
CBC_128: Final = XENC + "aes128-cbc"
HMAC_SHA1: Final = "http://www.w3.org/2000/09/xmldsig#hmac-sha1"
PBKDF2: Final = "http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#pbkdf2"
TOTP: Final = "urn:ietf:params:xml:ns:keyprov:pskc:totp"
HOTP: Final = "urn:ietf:params:xml:ns:keyprov:pskc:hotp"
FORMAT: Final = '<ResponseFormat Length="6" Encoding="DECIMAL"/>'
_HEAD: Final = (
    '<KeyContainer Version="1.0" xmlns="urn:ietf:params:xml:ns:keyprov:pskc"'
    f' xmlns:xenc="{XENC}" xmlns:xenc11="{XENC11}"'
    ' xmlns:pkcs5="http://www.rsasecurity.com/rsalabs/pkcs/schemas/pkcs-5v2-0#"'
    ' xmlns:ds="http://www.w3.org/2000/09/xmldsig#">'
)


def container(*parts: str) -> str:
    """Return a container of *parts*, each on a line of its own."""
    return "\n".join((_HEAD, *parts, "</KeyContainer>"))


def package(
    data: str,
    *,
    algorithm: str = TOTP,
    serial: str = "T-1",
    parameters: str = FORMAT,
    more: str = "",
) -> str:
    """Return a package of one key, in one line."""
    device = f"<DeviceInfo><SerialNo>{serial}</SerialNo></DeviceInfo>" if serial else ""
    inside = f"<AlgorithmParameters>{parameters}</AlgorithmParameters>" if parameters else ""
    key = f'<Key Id="k" Algorithm="{algorithm}">{inside}<Data>{data}</Data>{more}</Key>'
    return f"<KeyPackage>{device}{key}</KeyPackage>"


def plain(octets: bytes = SEED) -> str:
    """Return a seed in clear."""
    return f"<Secret><PlainValue>{encoded(octets)}</PlainValue></Secret>"


def encoded(octets: bytes) -> str:
    """Return base64."""
    return base64.b64encode(octets).decode("ascii")


def value(octets: bytes, algorithm: str = CBC_128) -> str:
    """Return the method and the octets of something encrypted."""
    return (
        f'<xenc:EncryptionMethod Algorithm="{algorithm}"/><xenc:CipherData>'
        f"<xenc:CipherValue>{encoded(octets)}</xenc:CipherValue></xenc:CipherData>"
    )


def encrypted_with_cbc(key: bytes, octets: bytes, filler: int | None = None) -> bytes:
    """Return octets encrypted as CBC modes do; padded as PKCS #7 says, or with *filler*."""
    size = 16 - len(octets) % 16
    padded = octets + bytes((size if filler is None else filler,)) * (size - 1) + bytes((size,))
    vector = hashlib.sha256(octets).digest()[:16]
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return vector + encryptor.update(padded) + encryptor.finalize()


@dataclass(frozen=True, slots=True)
class Sealed:
    """
    A way to encrypt.

    Attributes:
        key: The encryption key.
        mac_key: The key of the MAC.
        mac: Name of the MAC's hash.
    """

    key: bytes = bytes(range(16))
    mac_key: bytes = bytes(range(20, 40))
    mac: str = "sha1"

    def method(self, sealed: bytes | None = None, algorithm: str = HMAC_SHA1) -> str:
        """Return the MACMethod, with the MAC's key encrypted, or *sealed* in its place."""
        octets = encrypted_with_cbc(self.key, self.mac_key) if sealed is None else sealed
        bits = len(self.key) * 8
        inside = value(octets, f"{XENC}aes{bits}-cbc")
        return f'<MACMethod Algorithm="{algorithm}"><MACKey>{inside}</MACKey></MACMethod>'

    def element(self, name: str, octets: bytes, mac: bytes | None = None) -> str:
        """Return an encrypted element; *mac* replaces the right MAC, b"" leaves it out."""
        cipher = encrypted_with_cbc(self.key, octets)
        right = hmac.digest(self.mac_key, cipher, self.mac) if mac is None else mac
        bits = len(self.key) * 8
        inside = f"<EncryptedValue>{value(cipher, f'{XENC}aes{bits}-cbc')}</EncryptedValue>"
        shown = f"<ValueMAC>{encoded(right)}</ValueMAC>" if right else ""
        return f"<{name}>{inside}{shown}</{name}>"


def wrapped(key: bytes, octets: bytes) -> str:
    """Return a seed under AES key wrap, which finds a change by itself."""
    inside = value(aes_key_wrap(key, octets), f"{XENC}kw-aes{len(key) * 8}")
    return f"<Secret><EncryptedValue>{inside}</EncryptedValue></Secret>"


def with_gcm(key: bytes, octets: bytes) -> str:
    """Return a seed under AES-GCM, which finds a change by itself."""
    nonce = bytes(range(12))
    cipher = nonce + AESGCM(key).encrypt(nonce, octets, None)
    inside = value(cipher, f"{XENC11}aes{len(key) * 8}-gcm")
    return f"<Secret><EncryptedValue>{inside}</EncryptedValue></Secret>"


def derivation(
    salt: bytes = b"a salt..",
    *,
    iterations: str = "1000",
    size: str = "16",
    function: str = "<PRF/>",
    algorithm: str = PBKDF2,
) -> str:
    """Return an EncryptionKey that is derived from a password."""
    inside = f"<Salt><Specified>{encoded(salt)}</Specified></Salt>" if salt else ""
    return (
        f'<EncryptionKey><xenc11:DerivedKey><xenc11:KeyDerivationMethod Algorithm="{algorithm}">'
        f"<pkcs5:PBKDF2-params>{inside}<IterationCount>{iterations}</IterationCount>"
        f"<KeyLength>{size}</KeyLength>{function}</pkcs5:PBKDF2-params>"
        "</xenc11:KeyDerivationMethod></xenc11:DerivedKey></EncryptionKey>"
    )
