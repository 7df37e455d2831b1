"""Tests of `radiusmfa.enrol.xmlenc`."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.enrol import xmlenc, xmltree
from radiusmfa.enrol.records import FieldError
from radiusmfa.enrol.xmlenc import Unlocking
from radiusmfa.secret import Secret
from tests.unit.enrol import containers
from tests.unit.enrol.containers import HMAC_SHA1, SEED, XENC, XENC11, Sealed

if TYPE_CHECKING:
    from radiusmfa.enrol.xmltree import Element

USUAL: Final = Sealed()
UNLOCKING: Final = Unlocking(key=Secret(USUAL.key))
LENIENT: Final = Unlocking(key=Secret(USUAL.key), lenient=True)


def _open(*parts: str, unlocking: Unlocking = UNLOCKING) -> bytes:
    """Return the seed of a container with *parts*, the last of which is a Secret."""
    root = xmltree.read(containers.container(*parts).encode())
    secret = _found(root, "Secret")
    opener = xmlenc.opener(root, unlocking)
    return opener.open(_found(secret, "EncryptedValue"), secret.find("ValueMAC"))


def _found(element: Element, name: str) -> Element:
    found = element.find(name)
    assert found is not None
    return found


def _secret(inside: str, mac: bytes | None = None) -> str:
    shown = f"<ValueMAC>{containers.encoded(mac)}</ValueMAC>" if mac else ""
    return f"<Secret><EncryptedValue>{inside}</EncryptedValue>{shown}</Secret>"


def _with_mac(text: str) -> str:
    return USUAL.element("Secret", SEED, b"").replace(
        "</Secret>", f"<ValueMAC>{text}</ValueMAC></Secret>"
    )


@pytest.mark.parametrize("size", [16, 24, 32])
@pytest.mark.parametrize("mac", ["sha1", "sha256", "sha384", "sha512"])
def test_cbc_value_with_its_mac_is_opened(size: int, mac: str) -> None:
    """The three key sizes and the four hashes that files use."""
    sealed = Sealed(key=bytes(range(size)), mac=mac)
    name = f"http://www.w3.org/2001/04/xmldsig-more#hmac-{mac}"
    parts = (sealed.method(algorithm=name), sealed.element("Secret", SEED))
    assert _open(*parts, unlocking=Unlocking(key=Secret(sealed.key))) == SEED


@pytest.mark.parametrize("octets", [b"s" * size for size in (1, 15, 16, 17, 32)])
def test_padding_is_taken_off(octets: bytes) -> None:
    """Only the last octet of the padding counts, as XML encryption says."""
    assert _open(USUAL.method(), USUAL.element("Secret", octets)) == octets
    for filler in (0, 1, 255):
        cipher = containers.encrypted_with_cbc(USUAL.key, octets, filler)
        mac = hmac.digest(USUAL.mac_key, cipher, "sha1")
        assert _open(USUAL.method(), _secret(containers.value(cipher), mac)) == octets


@pytest.mark.parametrize("size", [16, 32])
def test_values_that_find_a_change_themselves_need_no_mac(size: int) -> None:
    """AES key wrap and AES-GCM are opened without a MAC, and only with the right key."""
    key, other = bytes(range(size)), bytes(range(1, size + 1))
    for secret in (containers.wrapped(key, SEED + bytes(4)), containers.with_gcm(key, SEED)):
        assert _open(secret, unlocking=Unlocking(key=Secret(key))).startswith(SEED)
        with pytest.raises(FieldError, match="cannot be decrypted: a wrong password or key"):
            _open(secret, unlocking=Unlocking(key=Secret(other)))


# The MAC


@pytest.mark.parametrize("lenient", [False, True])
def test_every_changed_bit_of_a_value_is_seen(*, lenient: bool) -> None:
    """No bit of an encrypted value can be turned over, not even where laxness is allowed."""
    cipher = containers.encrypted_with_cbc(USUAL.key, SEED)
    mac = hmac.digest(USUAL.mac_key, cipher, "sha1")
    for place in range(0, len(cipher) * 8, 5):
        changed = bytearray(cipher)
        changed[place // 8] ^= 1 << place % 8
        secret = _secret(containers.value(bytes(changed)), mac)
        with pytest.raises(FieldError):
            _open(USUAL.method(), secret, unlocking=LENIENT if lenient else UNLOCKING)


@pytest.mark.parametrize("mac", [b"\0", bytes(20), bytes(19), bytes(21)])
def test_wrong_mac_is_refused_before_anything_is_decrypted(mac: bytes) -> None:
    """A value whose padding is damaged as well is refused for its MAC: no oracle to ask."""
    damaged = containers.value(containers.encrypted_with_cbc(USUAL.key, SEED)[:-16] + bytes(16))
    for secret in (USUAL.element("Secret", SEED, mac), _secret(damaged, mac)):
        with pytest.raises(FieldError, match=r"^the MAC does not match"):
            _open(USUAL.method(), secret)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        pytest.param(
            (USUAL.method(), USUAL.element("Secret", SEED, b"")), "without a MAC", id="no MAC"
        ),
        pytest.param((USUAL.element("Secret", SEED),), "without a MAC", id="no method for it"),
        pytest.param(
            (f'<MACMethod Algorithm="{HMAC_SHA1}"/>', USUAL.element("Secret", SEED)),
            "no key of its own",
            id="no key for it",
        ),
        pytest.param(
            (USUAL.method(algorithm="http://example.com/#crc32"), USUAL.element("Secret", SEED)),
            "a hash that is not known",
            id="another kind of MAC",
        ),
        pytest.param(
            (USUAL.method(algorithm=""), USUAL.element("Secret", SEED)),
            "a hash that is not known",
            id="no name of it",
        ),
        pytest.param(
            (
                USUAL.method(algorithm=HMAC_SHA1.replace("sha1", "md5")),
                USUAL.element("Secret", SEED),
            ),
            "a hash that is not known",
            id="MD5",
        ),
        pytest.param(
            (
                Sealed(mac_key=b"").method(),
                Sealed(mac_key=b"").element("Secret", SEED),
            ),
            "too short",
            id="an empty key for it",
        ),
        pytest.param(
            (Sealed(mac_key=bytes(15)).method(), Sealed(mac_key=bytes(15)).element("Secret", SEED)),
            "too short",
            id="a short key for it",
        ),
        pytest.param(
            (USUAL.method(bytes(17)), USUAL.element("Secret", SEED)),
            "cannot be decrypted",
            id="a damaged key for it",
        ),
        pytest.param(
            (USUAL.method(), _with_mac("!")),
            "the MAC is not base64",
            id="a MAC that is no base64",
        ),
        pytest.param(
            (USUAL.method(), _with_mac(" ")),
            "the MAC is empty",
            id="an empty MAC",
        ),
    ],
)  # fmt: skip
def test_value_that_anybody_could_have_changed_is_refused(
    parts: tuple[str, ...], message: str
) -> None:
    """A CBC value without a MAC that can be checked is refused."""
    with pytest.raises(FieldError, match=message):
        _open(*parts)


def test_lenient_takes_what_some_products_write() -> None:
    """On demand: no MAC, a MAC with the encryption key, or one over the plain octets."""
    assert _open(USUAL.element("Secret", SEED, b""), unlocking=LENIENT) == SEED
    same = Sealed(mac_key=USUAL.key)
    method = f'<MACMethod Algorithm="{HMAC_SHA1}"/>'
    assert _open(method, same.element("Secret", SEED), unlocking=LENIENT) == SEED
    over_plain = hmac.digest(USUAL.mac_key, SEED, "sha1")
    secret = USUAL.element("Secret", SEED, over_plain)
    assert _open(USUAL.method(), secret, unlocking=LENIENT) == SEED
    with pytest.raises(FieldError, match="the MAC does not match"):
        _open(USUAL.method(), secret)
    with pytest.raises(FieldError, match="the MAC does not match"):
        _open(USUAL.method(), USUAL.element("Secret", SEED, bytes(20)), unlocking=LENIENT)


# The value


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        pytest.param("", "without its method", id="nothing"),
        pytest.param(
            "<xenc:CipherData><xenc:CipherValue>AA==</xenc:CipherValue></xenc:CipherData>",
            "without its method",
            id="no method",
        ),
        pytest.param(
            f'<xenc:EncryptionMethod Algorithm="{XENC}aes128-cbc"/>',
            "without its method",
            id="none",
        ),
        pytest.param(
            containers.value(b"", XENC + "kw-aes128"), "an encrypted value is empty", id="empty"
        ),
        pytest.param(
            containers.value(bytes(32), XENC + "tripledes-cbc"), "without a MAC", id="3DES"
        ),
        pytest.param(containers.value(bytes(32), XENC + "aes128"), "not known", id="no mode"),
        pytest.param(
            containers.value(bytes(32), XENC + "kw-aes128-gcm"), "not known", id="two modes"
        ),
        pytest.param(containers.value(bytes(32), XENC + "rsa-1_5"), "not known", id="RSA"),
        pytest.param(containers.value(bytes(32), ""), "not known", id="no algorithm"),
        pytest.param(
            containers.value(bytes(32), XENC + "kw-aes256"),
            "of 256 bits, not of 128",
            id="key size",
        ),
        pytest.param(
            containers.value(bytes(7), XENC + "kw-aes128"), "cannot be decrypted", id="cut wrap"
        ),
        pytest.param(
            containers.value(bytes(3), XENC11 + "aes128-gcm"), "cannot be decrypted", id="cut GCM"
        ),
        pytest.param(
            containers.value(bytes(40), XENC11 + "aes128-gcm"), "cannot be decrypted", id="GCM"
        ),
    ],
)
def test_value_that_cannot_be_read_is_refused(inside: str, message: str) -> None:
    """Unknown, damaged or missing: one clear reason each, without any octet."""
    with pytest.raises(FieldError, match=message):
        _open(_secret(inside))


@pytest.mark.parametrize("octets", [b"", bytes(7), bytes(16), bytes(17), bytes(31)])
def test_damaged_cbc_value_is_refused_where_laxness_is_allowed(octets: bytes) -> None:
    """Without a MAC a value of a wrong length, or with impossible padding, is still refused."""
    with pytest.raises(FieldError, match=r"cannot be decrypted|is empty"):
        _open(_secret(containers.value(octets)), unlocking=LENIENT)


# The key


def test_key_is_derived_from_a_password() -> None:
    """PBKDF2 as files name it, with SHA-1 where they name no other hash."""
    for function, name in (
        ("<PRF/>", "sha1"),
        ("", "sha1"),
        ('<PRF Algorithm="http://example.com/pkcs-5#hmacWithSHA256"/>', "sha256"),
    ):
        key = hashlib.pbkdf2_hmac(name, b"correct horse", b"a salt..", 1000, 16)
        sealed = Sealed(key=key)
        parts = (
            containers.derivation(function=function),
            sealed.method(),
            sealed.element("Secret", SEED),
        )
        unlocking = Unlocking(password=Secret(b"correct horse"))
        assert _open(*parts, unlocking=unlocking) == SEED
        with pytest.raises(FieldError, match="a wrong password or key, or the file was changed"):
            _open(*parts, unlocking=Unlocking(password=Secret(b"correct hors")))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        pytest.param(containers.derivation(iterations="5000001"), "IterationCount", id="too slow"),
        pytest.param(containers.derivation(iterations="0"), "IterationCount", id="no iteration"),
        pytest.param(containers.derivation(iterations="-1"), "IterationCount", id="less than none"),
        pytest.param(containers.derivation(iterations=""), "IterationCount", id="not said"),
        pytest.param(containers.derivation(size="2147483647"), "KeyLength", id="a vast key"),
        pytest.param(containers.derivation(size="8"), "KeyLength", id="a small key"),
        pytest.param(containers.derivation(b""), "no salt", id="no salt"),
        pytest.param(
            containers.derivation(algorithm="http://example.com/#scrypt"), "not known", id="scrypt"
        ),
        pytest.param(
            containers.derivation(function='<PRF Algorithm="a#hmacWithMD5"/>'), "hash", id="MD5"
        ),
        pytest.param(
            containers.derivation().replace("PBKDF2-params", "Params"), "not known", id="no numbers"
        ),
    ],
)
def test_doubtful_key_derivation_is_refused(key: str, message: str) -> None:
    """A file cannot ask for minutes of computing, nor for a key of no use."""
    with pytest.raises(FieldError, match=message):
        _open(key, containers.with_gcm(bytes(16), SEED), unlocking=Unlocking(password=Secret(b"p")))


@pytest.mark.parametrize(
    ("key", "unlocking", "message"),
    [
        pytest.param("", Unlocking(), "a pre-shared key: give it", id="nothing given"),
        pytest.param("", Unlocking(password=Secret(b"p")), "pre-shared key", id="the other thing"),
        pytest.param(
            containers.derivation(), Unlocking(), "a password: give it", id="a password wanted"
        ),
        pytest.param(
            containers.derivation(), UNLOCKING, "a password: give it", id="a password, not a key"
        ),
        pytest.param(
            "<EncryptionKey><ds:X509Data/></EncryptionKey>",
            UNLOCKING,
            "to a certificate",
            id="a certificate",
        ),
    ],
)
def test_missing_key_is_asked_for(key: str, unlocking: Unlocking, message: str) -> None:
    """The error says what is wanted: a password, or a key."""
    with pytest.raises(FieldError, match=message):
        _open(key, USUAL.method(), USUAL.element("Secret", SEED), unlocking=unlocking)


def test_named_key_is_the_pre_shared_one() -> None:
    """A key that the file only names is the one that the administrator gives."""
    name = "<EncryptionKey><ds:KeyName>ours</ds:KeyName></EncryptionKey>"
    assert _open(name, USUAL.method(), USUAL.element("Secret", SEED)) == SEED


def test_keys_do_not_show_themselves() -> None:
    """What opens a file may be printed."""
    root = xmltree.read(
        containers.container(USUAL.method(), USUAL.element("Secret", SEED)).encode()
    )
    shown = repr(xmlenc.opener(root, UNLOCKING)) + repr(UNLOCKING)
    assert repr(USUAL.key)[2:-1] not in shown
    assert "mac_key=" not in shown
