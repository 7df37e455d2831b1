"""Tests of `radiusmfa.factors.yubikey`."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.factors import yubikey
from radiusmfa.factors.yubikey import OtpKey, Tail, readings
from tests.families import family
from tests.yubico import DVORAK, MODHEX, Key

PUBLIC_ID: Final = "cccccccccccb"
KEY: Final = Key(public_id=PUBLIC_ID, private_id=bytes(range(1, 7)), aes_key=bytes(range(16)))
OTP: Final = "cccccccccccblchgikndtbvillercrvctcnteviinhfh"
"""The first of the vectors' sequence."""


def own() -> OtpKey:
    """Return the key as the server knows it."""
    return OtpKey(KEY.private_id + KEY.aes_key)


def block(plain: bytes, key: Key = KEY) -> bytes:
    """Return octets as *key* encrypts them, in ModHex."""
    return yubikey.modhex(key.encrypted(plain)).encode()


def in_dvorak(text: str) -> str:
    """Return what those keys write on a Dvorak keyboard."""
    return text.translate(str.maketrans(MODHEX, DVORAK))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(Key(public_id=PUBLIC_ID, private_id=KEY.private_id), id="key"),
        pytest.param(Key(public_id=PUBLIC_ID, aes_key=KEY.aes_key), id="private-id"),
    ],
)
def test_password_of_another_key_is_none(other: Key) -> None:
    """Neither another AES key nor another private id makes a password of this one."""
    (otp,) = readings(other.touch().encode())
    assert own().step(otp.block) is None


@pytest.mark.parametrize("at", range(32))
def test_changed_password_is_none(at: int) -> None:
    """A sign more or less somewhere is another password, and none."""
    signs = OTP[12:]
    other = MODHEX[(MODHEX.index(signs[at]) + 1) % 16]
    assert own().step(f"{signs[:at]}{other}{signs[at + 1 :]}".encode()) is None


def test_block_without_its_checksum_is_none() -> None:
    """The right private id alone proves nothing: what an old key leaks could be made use of."""
    assert own().step(block(KEY.private_id + bytes(10))) is None


@pytest.mark.parametrize(
    ("inputs", "expected"), family("yubico", lambda row: row["op"] in ("otp", "sequence"))
)
def test_yubico_vectors(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """What Yubico's own tests and ours say stands in a password."""
    (otp,) = readings(inputs["otp_text"].encode())
    key = OtpKey(bytes.fromhex(inputs["private_id_hex"] + inputs["key_hex"]))
    assert key.step(otp.block) == expected["plugged"] << 8 | expected["made"]
    assert otp.public_id == expected.get("public_id_text", PUBLIC_ID)
    assert otp.text == inputs["otp_text"]


def test_later_password_has_the_larger_step() -> None:
    """Plugged in again, a key counts on, though its other counter begins anew."""
    key, steps = Key(), []
    for _ in range(3):
        steps += [
            OtpKey(key.private_id + key.aes_key).step(readings(key.touch().encode())[0].block)
        ]
        key.made = 255
        steps += [
            OtpKey(key.private_id + key.aes_key).step(readings(key.touch().encode())[0].block)
        ]
        key.plug()
    assert steps == [256, 511, 512, 767, 768, 1023]


def test_caps_lock_bit_counts_nothing() -> None:
    """Old keys say in the counter's highest bit that caps lock is on: it is no step."""
    key = Key(public_id=PUBLIC_ID, private_id=KEY.private_id, aes_key=KEY.aes_key, plugged=0x8005)
    assert own().step(readings(key.touch().encode())[0].block) == 5 << 8


@pytest.mark.parametrize("size", [0, 16, 21, 23])
def test_seed_of_another_length_is_refused(size: int) -> None:
    """A seed is 6 octets of private id and 16 of AES key."""
    with pytest.raises(ValueError, match="6 octets of private id"):
        OtpKey(bytes(size))


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param(OTP, id="as-it-is"),
        pytest.param(f"{OTP}\n", id="enter"),
        pytest.param(f"{OTP}\r\n", id="return"),
        pytest.param(OTP.upper(), id="caps-lock"),
        pytest.param(in_dvorak(OTP), id="dvorak"),
        pytest.param(in_dvorak(OTP).upper(), id="dvorak-with-caps-lock"),
    ],
)
def test_keyboards_are_seen_through(typed: str) -> None:
    """Caps lock, a Dvorak keyboard and the key's own Enter change nothing."""
    assert [otp.text for otp in readings(typed.encode())] == [OTP]


def test_letters_of_both_keyboards_are_read_both_ways() -> None:
    """What could be either is ModHex first."""
    typed = "cbdcghijkntu" + 32 * "c"
    assert [otp.text for otp in readings(typed.encode())] == [
        typed,
        typed.translate(str.maketrans(DVORAK, MODHEX)),
    ]


@pytest.mark.parametrize(
    "typed",
    [
        pytest.param("", id="nothing"),
        pytest.param("123456", id="digits"),
        pytest.param(OTP[12:], id="no-public-id"),
        pytest.param(OTP[1:], id="half-an-octet"),
        pytest.param(f"cccccc{OTP}", id="too-long"),
        pytest.param(f" {OTP[1:]}", id="blank"),
        pytest.param(f"a{OTP[1:]}", id="no-modhex"),
        pytest.param(f"{OTP[:20]}\n{OTP[21:]}", id="enter-within"),
        pytest.param("\u0441" + OTP[2:], id="a-letter-that-looks-alike"),
        pytest.param("é" * 22, id="not-ascii"),
    ],
)
def test_anything_else_is_no_password(typed: str) -> None:
    """Only 34 to 48 letters of one of the alphabets are one."""
    assert readings(typed.encode()) == ()


@pytest.mark.parametrize(
    ("typed", "ids", "found"),
    [
        pytest.param(f"secret{OTP}", [PUBLIC_ID], ("secret", OTP, True), id="behind-a-password"),
        pytest.param(OTP, [PUBLIC_ID], ("", OTP, True), id="alone"),
        pytest.param(f"secret{OTP}\r\n", [PUBLIC_ID], ("secret", OTP, True), id="with-enter"),
        pytest.param(f"cccc{OTP}", [PUBLIC_ID], ("cccc", OTP, True), id="password-of-its-letters"),
        pytest.param(f"x{OTP}", ["vvvvvvvvvvvv"], ("x", OTP, False), id="of-another-key"),
        pytest.param(f"cccc{OTP}", ["vvcccccccccccccc", PUBLIC_ID], ("cccc", OTP, True), id="two"),
        pytest.param(f"secret{OTP}", ["vv"], ("secretcccccccccc", OTP[10:], False), id="shorter"),
        pytest.param(OTP, ["vv", "vvvv"], ("c" * 10, OTP[10:], False), id="two-others"),
        pytest.param(OTP, ["vvcccccccccccccc"], None, id="longer"),
        pytest.param("secret123456", [PUBLIC_ID], None, id="digits"),
        pytest.param(f"secret{OTP}", [], None, id="no-key"),
    ],
)
def test_password_is_found_at_the_end(
    typed: str, ids: list[str], found: tuple[str, str, bool] | None
) -> None:
    """Of somebody's own keys first; else of one whose public id is as long as theirs."""
    expected = None if found is None else Tail(found[0].encode(), found[1].encode(), found[2])
    assert yubikey.tail(typed.encode(), ids) == expected


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("cc", True), (PUBLIC_ID, True), ("c" * 16, True), ("", False), ("ccc", False),
     ("c" * 18, False), ("CCCC", False), ("aaaa", False), ("\u0441c", False), ("cc\n\n", False)],
)  # fmt: skip
def test_public_ids_are_told(text: str, *, is_one: bool) -> None:
    """A public id has 1 to 8 octets, in lower-case ModHex."""
    assert yubikey.is_public_id(text) is is_one


@given(st.binary(max_size=20))
def test_modhex_has_two_letters_an_octet(plain: bytes) -> None:
    """Each half of an octet is one of sixteen letters."""
    assert yubikey.modhex(plain) == "".join(
        MODHEX[octet >> 4] + MODHEX[octet & 15] for octet in plain
    )


@given(st.one_of(st.binary(max_size=60), st.text(MODHEX, max_size=60).map(str.encode)))
def test_anything_typed_is_read_or_not(typed: bytes) -> None:
    """Whatever somebody types: passwords of the right form, or none; nothing is raised."""
    for otp in readings(typed):
        assert yubikey.is_public_id(otp.public_id)
        assert len(otp.block) == yubikey.BLOCK_SIGNS
        assert own().step(otp.block) is None or otp.text == OTP


@given(
    st.integers(0, 0x7FFF), st.integers(0, 255), st.integers(0, 2**24 - 1), st.integers(0, 65535)
)
def test_every_counter_of_a_key_is_its_step(
    plugged: int, made: int, ticks: int, number: int
) -> None:
    """Neither its clock nor chance changes a password's place."""
    key = Key(
        public_id=PUBLIC_ID, private_id=KEY.private_id, aes_key=KEY.aes_key,
        plugged=plugged, made=made, ticks=ticks,
    )  # fmt: skip
    step = own().step(readings(key.touch(number=number).encode())[0].block)
    assert step == plugged << 8 | made


def test_key_does_not_show_itself() -> None:
    """Nothing of the secrets is in what a log would write."""
    shown = repr(own())
    assert KEY.aes_key.hex() not in shown
    assert "010203040506" not in shown
