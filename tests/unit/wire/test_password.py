"""Tests of `radiusmfa.wire.password`."""

from __future__ import annotations

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.wire import password
from radiusmfa.wire.password import PasswordError
from tests.families import family, malformed

AUTHENTICATOR = bytes(range(16))
SECRET = b"sixteen octets!!"
secrets = st.binary(min_size=1, max_size=64)
authenticators = st.binary(min_size=16, max_size=16)


def _hidden_as_written(plain: bytes, secret: bytes, authenticator: bytes) -> bytes:
    # RFC 2865 section 5.2, word for word: p1, b1, c(1) and so on.
    padded = plain + bytes(-len(plain) % 16 or (0 if plain else 16))
    hidden, last = b"", authenticator
    for at in range(0, len(padded), 16):
        mask = md5(secret + last, usedforsecurity=False).digest()
        last = bytes(p ^ b for p, b in zip(padded[at : at + 16], mask, strict=True))
        hidden += last
    return hidden


@pytest.mark.parametrize("size", [0, 1, 15, 17, 31, 127, 129, 144, 253])
def test_hidden_password_of_another_length_is_refused(size: int) -> None:
    """A User-Password has 16 to 128 octets in steps of 16; nothing is padded or cut for anyone."""
    with pytest.raises(PasswordError):
        password.recover(bytes(size), SECRET, AUTHENTICATOR)


@pytest.mark.parametrize(
    ("datagram", "case"),
    [row for row in malformed("auth") if row.values[1]["expect"]["reason"] == "bad-user-password"],
)
def test_malformed_cases_are_refused(datagram: bytes, case: dict[str, object]) -> None:
    """Each case with a User-Password of a wrong length is refused here."""
    assert case["id"]
    at = 20
    while datagram[at] != 2:
        at += datagram[at + 1]
    with pytest.raises(PasswordError):
        password.recover(datagram[at + 2 : at + datagram[at + 1]], b"testing123", datagram[4:20])


def test_password_too_long_to_hide_is_refused() -> None:
    """A password of more than 128 octets is refused, not cut."""
    assert len(password.hide(bytes(b"a" * 128), SECRET, AUTHENTICATOR)) == 128
    with pytest.raises(PasswordError) as caught:
        password.hide(b"hunter2" * 20, SECRET, AUTHENTICATOR)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("inputs", "expected"), family("user_password"))
def test_vectors_are_hidden_and_recovered(inputs: dict[str, str], expected: dict[str, str]) -> None:
    """Each password is hidden as its source says, and comes back octet for octet."""
    plain, hidden = bytes.fromhex(inputs["password_hex"]), bytes.fromhex(expected["hidden_hex"])
    secret, authenticator = (
        bytes.fromhex(inputs[name]) for name in ("secret_hex", "authenticator_hex")
    )
    assert password.hide(plain, secret, authenticator) == hidden
    assert password.recover(hidden, secret, authenticator) == plain


@given(st.binary(max_size=128), secrets, authenticators)
def test_hiding_is_what_the_rfc_writes(plain: bytes, secret: bytes, authenticator: bytes) -> None:
    """Any octets are hidden as RFC 2865 writes it, and come back less their trailing NULs."""
    hidden = password.hide(plain, secret, authenticator)
    assert hidden == _hidden_as_written(plain, secret, authenticator)
    assert password.recover(hidden, secret, authenticator) == plain.rstrip(b"\0")


@pytest.mark.parametrize(
    "plain",
    [
        pytest.param(b"hun\xffter2", id="no UTF-8"),
        pytest.param(b" hunter2 ", id="blanks"),
        pytest.param(b"hunter2\n", id="newline"),
        pytest.param(b"\0hunter2", id="a NUL in front"),
        pytest.param(b"hun\0ter2", id="a NUL inside"),
    ],
)
def test_no_octet_is_lost(plain: bytes) -> None:
    """Octets that are no text stay in the password, so that it is not taken for another."""
    hidden = password.hide(plain, SECRET, AUTHENTICATOR)
    assert password.recover(hidden, SECRET, AUTHENTICATOR) == plain


@given(st.binary(max_size=300), st.binary(max_size=64), authenticators)
def test_any_octets_are_a_password_or_an_error(
    hidden: bytes, secret: bytes, authenticator: bytes
) -> None:
    """Whatever stands in the attribute: octets of at most 128, or the one documented error."""
    try:
        recovered = password.recover(hidden, secret, authenticator)
    except PasswordError:
        assert len(hidden) % 16 or not 16 <= len(hidden) <= 128
    else:
        assert len(recovered) <= 128
        assert not recovered.endswith(b"\0")
