"""What is known of a person while the server runs."""

from __future__ import annotations

import pytest

from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.factors.yubikey import OtpKey
from radiusmfa.login.account import Device, Kind, Token, User, Yubikey


def token(digits: int) -> Token:
    """Return a token whose passcodes have that many digits."""
    key = PasscodeKey(b"x" * 20, "sha1", digits)
    return Token(id=1, serial="T", key=key, period=30, drift=0, last=-1)


@pytest.mark.parametrize(
    ("digits", "tails"),
    [((), ()), ((6,), (6, 12)), ((8, 6), (6, 8, 12, 16)), ((6, 6), (6, 12))],
    ids=["nothing", "one", "two", "alike"],
)
def test_tails_are_those_of_the_tokens(digits: tuple[int, ...], tails: tuple[int, ...]) -> None:
    """Behind a password stands one passcode of a token, or two in a row; each length once."""
    user = User(
        1, "alice", None, is_exempt=False, is_disabled=False, tokens=tuple(map(token, digits))
    )

    assert user.tails == tails


def test_users_share_nothing() -> None:
    """Each person's wrong proofs, recovery codes and assignments are their own."""
    one, two = (
        User(number, "x", None, is_exempt=False, is_disabled=False, tokens=()) for number in (1, 2)
    )

    one.recovery.add(b"digest")
    one.upstreams["rsa"] = "alice"

    assert (two.recovery, two.upstreams) == (set(), {})
    assert one.failures is not two.failures


def test_kinds_are_those_of_the_store() -> None:
    """The names of the kinds are what the store's table of failures takes."""
    assert {kind.value for kind in Kind} == {"password", "oath", "recovery", "upstream"}


def test_held_things_are_found_by_number() -> None:
    """Tokens and YubiKeys have one row of numbers; what is gone is not found."""
    key = Yubikey(2, "cccccccccccb", OtpKey(bytes(22)), -1)
    one = token(6)
    user = User(
        1, "alice", None, is_exempt=False, is_disabled=False, tokens=(one,), yubikeys=(key,)
    )

    assert (user.held(1), user.held(2), user.held(3)) == (one, key, None)


def test_device_shows_neither_number_nor_key() -> None:
    """What is logged or raised by mistake names a device, and does not tell where it is."""
    device = Device(1, "SMS-1", "sms", b"+15005550006", "the grey one")

    assert "5550006" not in repr(device)
    assert "SMS-1" in repr(device)
    assert device == Device(1, "SMS-1", "sms", b"+15005550006", "the grey one")


def test_device_is_no_token() -> None:
    """Whoever has a telephone only has no passcode of ours to be looked for behind a password."""
    phone = Device(1, "SMS-1", "sms", b"+15005550006")
    user = User(
        1, "alice", None, is_exempt=False, is_disabled=False, tokens=(), devices=(phone,)
    )  # fmt: skip

    assert (user.tails, user.tokens, user.devices) == ((), (), (phone,))
