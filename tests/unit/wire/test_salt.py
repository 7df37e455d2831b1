"""Tests of `radiusmfa.wire.salt`."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyrad import packet as pyrad

from radiusmfa.wire import salt
from radiusmfa.wire.salt import SaltError
from tests.families import family

SECRET: Final = b"sixteen octets!!"
AUTHENTICATOR: Final = bytes(range(16))
SALT: Final = b"\x80\x01"
secrets = st.binary(min_size=1, max_size=64)
authenticators = st.binary(min_size=16, max_size=16)
salts = st.integers(0x8000, 0xFFFF).map(lambda number: number.to_bytes(2, "big"))


def _is_salted(vector: dict[str, Any]) -> bool:
    return bool(vector["op"] == "salt_encrypt")


def _pyrad(secret: bytes, authenticator: bytes) -> pyrad.Packet:
    return pyrad.AuthPacket(id=1, secret=secret, authenticator=authenticator)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 16, 17, 19, 32, 33, 35, 241, 243, 258])
def test_hidden_value_of_another_size_is_refused(size: int) -> None:
    """A hidden value is a salt and 1 to 15 whole blocks; nothing is padded or cut for anyone."""
    with pytest.raises(SaltError):
        salt.unseal(b"\x80" * size, SECRET, AUTHENTICATOR)


@pytest.mark.parametrize(("claimed", "opens"), [(15, True), (16, False), (255, False)])
def test_length_octet_past_the_end_is_refused(claimed: int, *, opens: bool) -> None:
    """A length octet that says more than there is makes the value unusable."""
    hidden = bytearray(salt.seal(b"a" * 15, SECRET, AUTHENTICATOR, SALT))
    hidden[2] ^= 15 ^ claimed
    if opens:
        assert salt.unseal(bytes(hidden), SECRET, AUTHENTICATOR) == b"a" * 15
        return
    with pytest.raises(SaltError):
        salt.unseal(bytes(hidden), SECRET, AUTHENTICATOR)


def test_value_too_long_to_hide_is_refused() -> None:
    """A value that would not fit one attribute is refused, not cut, and not shown."""
    assert len(salt.seal(b"a" * 239, SECRET, AUTHENTICATOR, SALT)) == 242
    with pytest.raises(SaltError) as caught:
        salt.seal(b"hunter2" * 40, SECRET, AUTHENTICATOR, SALT)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("wrong", [b"", b"\x80", b"\x80\1\1", b"\x7f\xff"])
def test_salt_of_another_form_is_refused(wrong: bytes) -> None:
    """A salt has two octets with the top bit set, as RFC 2868 demands."""
    with pytest.raises(SaltError):
        salt.seal(b"key", SECRET, AUTHENTICATOR, wrong)


@pytest.mark.parametrize(("inputs", "expected"), family("salt_encryption", _is_salted))
def test_vectors_are_hidden_and_opened(inputs: dict[str, str], expected: dict[str, str]) -> None:
    """Each value is hidden as its source says, and comes back octet for octet."""
    plain, secret, authenticator, chosen = (
        bytes.fromhex(inputs[name])
        for name in ("plain_hex", "secret_hex", "request_authenticator_hex", "salt_hex")
    )
    hidden = bytes.fromhex(expected["salted_hex"])
    assert salt.seal(plain, secret, authenticator, chosen) == hidden
    assert salt.unseal(hidden, secret, authenticator) == plain


@given(st.binary(max_size=239), secrets, authenticators, salts)
def test_what_we_hide_pyrad_opens(
    plain: bytes, secret: bytes, authenticator: bytes, chosen: bytes
) -> None:
    """Pyrad, an implementation that is not ours, finds the value in what we hide."""
    hidden = salt.seal(plain, secret, authenticator, chosen)
    assert _pyrad(secret, authenticator).SaltDecrypt(hidden) == plain


@given(st.binary(max_size=239), secrets, authenticators)
def test_what_pyrad_hides_we_open(plain: bytes, secret: bytes, authenticator: bytes) -> None:
    """We find the value in what pyrad hides, and hide it alike under the same salt."""
    hidden = _pyrad(secret, authenticator).SaltCrypt(plain)
    assert salt.unseal(hidden, secret, authenticator) == plain
    assert salt.seal(plain, secret, authenticator, hidden[:2]) == hidden


@given(st.binary(max_size=300), secrets, authenticators)
def test_any_octets_are_a_value_or_an_error(
    hidden: bytes, secret: bytes, authenticator: bytes
) -> None:
    """Whatever stands in the attribute: a value that was in it, or the one documented error."""
    try:
        plain = salt.unseal(hidden, secret, authenticator)
    except SaltError:
        return
    assert len(plain) < len(hidden) - 2
    assert (len(hidden) - 2) % 16 == 0
