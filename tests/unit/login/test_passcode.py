"""Passcodes as people type them: which token and step, and where the password ends."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from radiusmfa.config.model import Factors, Hotp, Totp
from radiusmfa.factors import recovery
from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.factors.yubikey import OtpKey
from radiusmfa.login.account import Kind, Token, User, Yubikey
from radiusmfa.login.passcode import (
    AWAITED_LIFETIME,
    Awaited,
    Desk,
    Found,
    FoundRecovery,
    find,
    find_tail,
    is_enrolled,
    kind_of,
    splits,
)
from radiusmfa.outcome import Reason
from tests.yubico import Key

NOW = 1_800_000_000.0
STEP = 60_000_000
PEPPER = b"the store's own secret"
CODE = b"abcde-fghjk"


def key(digits: int = 6) -> PasscodeKey:
    """Return the key of every token here with that many digits."""
    return PasscodeKey(b"a seed of 20 octets." + bytes([digits]), "sha1", digits)


def totp(**settings: int) -> Token:
    """Return a time-based token."""
    digits = settings.pop("digits", 6)
    usual: dict[str, Any] = {"id": 1, "period": 30, "drift": 0, "last": -1}
    return Token(serial="T", key=key(digits), **(usual | settings))


def hotp(last: int = -1) -> Token:
    """Return a counter-based token."""
    return Token(id=2, serial="H", key=key(), period=0, drift=0, last=last)


def user(*tokens: Token, codes: tuple[bytes, ...] = ()) -> User:
    """Return somebody with *tokens* and recovery *codes*."""
    found = User(7, "alice", None, is_exempt=False, is_disabled=False, tokens=tokens)
    for code in codes:
        found.recovery.add(recovery.digest(PEPPER, 7, code.replace(b"-", b"")))
    return found


def desk(factors: Factors | None = None) -> Desk:
    """Return the settings."""
    return Desk(factors=factors or Factors(), pepper=PEPPER)


def typed(*steps: int, digits: int = 6) -> bytes:
    """Return the passcodes of *steps* in a row."""
    return b"".join(f"{key(digits).number(step):0{digits}d}".encode() for step in steps)


def found(person: User, octets: bytes, *, factors: Factors | None = None) -> object:
    """Return what *octets* are for *person* now."""
    return find(desk(factors), person, octets, NOW, 0)


@pytest.mark.parametrize(("step", "drift"), [(-1, -1), (0, 0), (1, 1)])
def test_totp_in_the_window_is_found(step: int, drift: int) -> None:
    """A passcode of a step near our time is found, with the drift to remember."""
    token = totp()

    assert found(user(token), typed(STEP + step)) == Found(token, STEP + step, drift, Reason.PASSED)


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_promise_1_totp_up_to_the_last_used_is_replayed(step: int) -> None:
    """A passcode of the step used last, or before it, is none."""
    token = totp(last=STEP + 1)

    assert found(user(token), typed(STEP + step)) is Reason.REPLAYED_PASSCODE


def test_promise_1_replayed_code_out_of_the_window_is_replayed() -> None:
    """A used step further away resynchronizes nothing."""
    token = totp(last=STEP + 1)

    assert found(user(token), typed(STEP - 10)) is Reason.REPLAYED_PASSCODE
    assert token.awaited is None


def test_totp_far_away_waits_for_the_next() -> None:
    """A passcode of a step far off is no proof, but the next one would be."""
    token = totp()

    assert found(user(token), typed(STEP + 10)) == Awaited(token, STEP + 11)
    assert found(user(token), typed(STEP + 21)) is Reason.BAD_PASSCODE


@pytest.mark.parametrize(
    ("awaited", "monotonic", "is_found"),
    [
        pytest.param((STEP + 11, 300.0), 299.9, True, id="in-time"),
        pytest.param((STEP + 11, 300.0), 300.0, False, id="too-late"),
        pytest.param((STEP + 12, 300.0), 0.0, False, id="another"),
        pytest.param(None, 0.0, False, id="none"),
    ],
)
def test_awaited_passcode_resynchronizes(
    awaited: tuple[int, float] | None, monotonic: float, *, is_found: bool
) -> None:
    """The very next passcode after one far off counts, within some minutes."""
    token = replace(totp(), awaited=awaited)

    result = find(desk(), user(token), typed(STEP + 11), NOW, monotonic)

    expected = Found(token, STEP + 11, 11, Reason.RESYNCHRONIZED)
    assert result == (expected if is_found else Awaited(token, STEP + 12))


def test_promise_1_awaited_passcode_that_was_used_meanwhile_is_replayed() -> None:
    """What was used between the two codes is not opened by them."""
    token = replace(totp(last=STEP + 11), awaited=(STEP + 11, 300.0))

    assert found(user(token), typed(STEP + 11)) is Reason.REPLAYED_PASSCODE


def test_resynchronized_drift_stays_within_its_limit() -> None:
    """However far off the pair was, no more drift is remembered than allowed."""
    limited = Factors(totp=Totp(drift_limit=3))
    none = Factors(totp=Totp(drift_limit=0))
    token = totp()
    pair = typed(STEP - 10, STEP - 9)

    first = found(user(token), pair, factors=limited)
    second = found(user(token), pair, factors=none)

    assert first == Found(token, STEP - 9, -3, Reason.RESYNCHRONIZED)
    assert second == Found(token, STEP - 9, 0, Reason.RESYNCHRONIZED)


@pytest.mark.parametrize("steps", [(0, 2), (1, 0), (0, 0), (21, 22), (-22, -21)])
def test_two_codes_that_are_no_pair_are_nothing(steps: tuple[int, int]) -> None:
    """Two passcodes that do not follow each other, or are too far off, are wrong."""
    first, second = steps

    assert found(user(totp()), typed(STEP + first, STEP + second)) is Reason.BAD_PASSCODE


def test_promise_1_used_pair_is_replayed() -> None:
    """A pair up to the step used last is none."""
    token = totp(last=STEP + 5)

    assert found(user(token), typed(STEP + 4, STEP + 5)) is Reason.REPLAYED_PASSCODE


@pytest.mark.parametrize("counter", [5, 10, 15])
def test_hotp_in_the_look_ahead_is_found(counter: int) -> None:
    """A counter after the last, within the look-ahead, is found."""
    token = hotp(last=4)

    assert found(user(token), typed(counter)) == Found(token, counter, 0, Reason.PASSED)


def test_promise_1_hotp_used_last_is_replayed() -> None:
    """The passcode of the counter used last is named so, an earlier one is wrong."""
    token = hotp(last=4)

    assert found(user(token), typed(4)) is Reason.REPLAYED_PASSCODE
    assert found(user(token), typed(3)) is Reason.BAD_PASSCODE


def test_hotp_far_ahead_waits_for_the_next() -> None:
    """A counter far ahead is no proof; its successor is."""
    token = hotp()

    assert found(user(token), typed(150)) == Awaited(token, 151)
    token.awaited = (501, AWAITED_LIFETIME)
    assert found(user(token), typed(501)) == Found(token, 501, 0, Reason.RESYNCHRONIZED)


def test_hotp_pair_is_found() -> None:
    """Two consecutive counters far ahead resynchronize at once."""
    token = hotp()

    assert found(user(token), typed(150, 151)) == Found(token, 151, 0, Reason.RESYNCHRONIZED)
    assert found(user(token), typed(150, 152)) is Reason.BAD_PASSCODE


@pytest.mark.parametrize("octets", [typed(STEP), typed(STEP, STEP + 1)], ids=["one", "two"])
def test_promise_2_totp_switched_off_is_nothing(octets: bytes) -> None:
    """Time-based passcodes prove nothing where they are off."""
    factors = Factors(totp=None)

    assert found(user(totp()), octets, factors=factors) is Reason.NOT_ENROLLED
    assert found(user(totp(), hotp(7)), octets, factors=factors) is Reason.BAD_PASSCODE


@pytest.mark.parametrize("octets", [typed(0), typed(0, 1)], ids=["one", "two"])
def test_promise_2_hotp_switched_off_is_nothing(octets: bytes) -> None:
    """Counter-based passcodes prove nothing where they are off."""
    factors = Factors(hotp=None)

    assert found(user(hotp()), octets, factors=factors) is Reason.NOT_ENROLLED
    assert found(user(hotp(), totp()), octets, factors=factors) is Reason.BAD_PASSCODE


def test_hotp_window_of_nothing_takes_the_next_only() -> None:
    """Without look-ahead only the next counter counts."""
    narrow = Factors(hotp=Hotp(look_ahead=0, resync_window=0))
    token = hotp()

    assert found(user(token), typed(0), factors=narrow) == Found(token, 0, 0, Reason.PASSED)
    assert found(user(token), typed(1), factors=narrow) is Reason.BAD_PASSCODE


@pytest.mark.parametrize(
    "octets", [CODE, CODE.upper(), CODE.replace(b"-", b""), CODE.replace(b"-", b" ")]
)
def test_recovery_code_is_found(octets: bytes) -> None:
    """A recovery code is known however it is typed."""
    digest = recovery.digest(PEPPER, 7, b"abcdefghjk")

    assert found(user(codes=(CODE,)), octets) == FoundRecovery(digest)


@pytest.mark.parametrize("octets", [b"abcde-fghjm", b"abcde", b"", b"abcde_fghjk", b"\xff" * 10])
def test_other_text_is_no_recovery_code(octets: bytes) -> None:
    """What is no recovery code of this person is wrong."""
    assert found(user(codes=(CODE,)), octets) is Reason.BAD_PASSCODE


def test_recovery_switched_off_is_nothing() -> None:
    """Recovery codes prove nothing where they are off."""
    factors = Factors(recovery=None)

    assert found(user(codes=(CODE,)), CODE, factors=factors) is Reason.NOT_ENROLLED
    assert found(user(totp(), codes=(CODE,)), CODE, factors=factors) is Reason.BAD_PASSCODE


@pytest.mark.parametrize(
    ("person", "factors", "enrolled"),
    [
        pytest.param(user(), Factors(), False, id="nothing"),
        pytest.param(user(totp()), Factors(), True, id="totp"),
        pytest.param(user(totp()), Factors(totp=None), False, id="totp off"),
        pytest.param(user(hotp()), Factors(), True, id="hotp"),
        pytest.param(user(hotp()), Factors(hotp=None), False, id="hotp off"),
        pytest.param(user(hotp(), totp()), Factors(hotp=None), True, id="the other is on"),
        pytest.param(user(codes=(CODE,)), Factors(), True, id="recovery"),
        pytest.param(user(codes=(CODE,)), Factors(recovery=None), False, id="recovery off"),
        pytest.param(
            user(totp(), codes=(CODE,)), Factors(totp=None), True, id="a recovery code is left"
        ),
    ],
)
def test_enrolled_is_who_has_something_that_counts(
    person: User, factors: Factors, *, enrolled: bool
) -> None:
    """Whoever has anything to answer a challenge with is enrolled, and nobody else."""
    assert is_enrolled(factors, person) is enrolled


@pytest.mark.parametrize("octets", [b"", b"123456", b"abcde-fghjk"])
def test_whoever_has_nothing_is_not_enrolled(octets: bytes) -> None:
    """Without token and recovery codes nothing is right, and the reason says why."""
    assert found(user(), octets) is Reason.NOT_ENROLLED


@pytest.mark.parametrize("octets", [typed(STEP)[:5], typed(STEP) + b"0", b"1" * 128])
def test_other_lengths_are_wrong(octets: bytes) -> None:
    """Digits of another length than a token's are no passcode."""
    assert found(user(totp()), octets) is Reason.BAD_PASSCODE


def test_each_token_is_tried() -> None:
    """The passcode of any token counts, and tells whose it was."""
    first, second = totp(), totp(id=3, digits=8)
    person = user(first, second)

    assert found(person, typed(STEP)) == Found(first, STEP, 0, Reason.PASSED)
    assert found(person, typed(STEP, digits=8)) == Found(second, STEP, 0, Reason.PASSED)


def test_replay_at_one_token_does_not_hide_the_other() -> None:
    """A passcode used at one token may be the right one of another."""
    used, other = totp(last=STEP), totp(id=3)

    assert found(user(used, other), typed(STEP)) == Found(other, STEP, 0, Reason.PASSED)


# -- password and passcode in one --


def test_tail_has_the_length_of_a_token() -> None:
    """The passcode is the tail that is as long as one of the tokens' codes, or two of them."""
    person = user(totp(), totp(id=3, digits=8), codes=(CODE,))

    found_splits = list(splits(person, b"x" * 20, b""))

    assert [len(tail) for _, tail in found_splits] == [6, 8, 12, 16, 11, 10]
    assert all(before + tail == b"x" * 20 for before, tail in found_splits)


def test_short_text_is_not_split() -> None:
    """What is shorter than a passcode has no tail."""
    assert list(splits(user(totp()), b"12345", b"")) == []
    assert list(splits(user(totp()), b"123456", b"")) == [(b"", b"123456")]


@pytest.mark.parametrize(
    ("octets", "parts"),
    [
        (b"pass,123456", [(b"pass", b"123456")]),
        (b"pa,ss,123456", [(b"pa,ss", b"123456")]),
        (b"pass123456", []),
        (b",", [(b"", b"")]),
    ],
)
def test_delimiter_parts_at_its_last_place(octets: bytes, parts: list[tuple[bytes, bytes]]) -> None:
    """With a delimiter there is one way to read it, or none."""
    assert list(splits(user(totp()), octets, b",")) == parts


def tail_of(person: User, octets: bytes, delimiter: bytes = b"") -> object:
    """Return what the tail of *octets* is."""
    return find_tail(desk(), person, octets, delimiter, NOW, 0)


def test_right_tail_is_found_with_its_password() -> None:
    """The password is what stands before the passcode, to the octet."""
    token = totp()
    expected = Found(token, STEP, 0, Reason.PASSED)

    assert tail_of(user(token), b"\xff12" + typed(STEP)) == (expected, b"\xff12", typed(STEP))


def test_recovery_tail_is_found() -> None:
    """A recovery code may stand behind the password, with or without its dash."""
    digest = recovery.digest(PEPPER, 7, b"abcdefghjk")
    person = user(totp(), codes=(CODE,))

    for code in (CODE, b"abcdefghjk"):
        assert tail_of(person, b"secret" + code) == (FoundRecovery(digest), b"secret", code)


def test_wrong_tail_tells_the_most() -> None:
    """Among several readings, a replayed passcode or one far off tells more than a wrong one."""
    used, far = totp(digits=8, last=STEP), totp(digits=8)
    six = totp(id=3)

    find_used, _, _ = find_tail(desk(), user(six, used), b"x" + typed(STEP, digits=8), b"", NOW, 0)
    find_far, _, tail = find_tail(
        desk(), user(six, far), b"x" + typed(STEP + 9, digits=8), b"", NOW, 0
    )

    assert find_used is Reason.REPLAYED_PASSCODE
    assert find_far == Awaited(far, STEP + 10)
    assert len(tail) == 8


@pytest.mark.parametrize(
    ("person", "octets", "reason"),
    [
        pytest.param(user(totp()), b"12345", Reason.BAD_PASSCODE, id="short"),
        pytest.param(user(totp()), b"secret000000", Reason.BAD_PASSCODE, id="wrong"),
        pytest.param(user(), b"secret000000", Reason.NOT_ENROLLED, id="no-token"),
    ],
)
def test_no_tail_is_no_passcode(person: User, octets: bytes, reason: Reason) -> None:
    """Where nothing is a passcode, the reason says so."""
    result, _, _ = find_tail(desk(), person, octets, b"", NOW, 0)

    assert result is reason


def test_missing_delimiter_is_no_passcode() -> None:
    """Without its delimiter the right password and passcode are nothing."""
    assert tail_of(user(totp()), b"secret" + typed(STEP), b",") == (
        Reason.BAD_PASSCODE,
        b"",
        b"secret" + typed(STEP),
    )


# YubiKeys that are checked here


def keyed(key: Key, *tokens: Token, last: int = -1) -> User:
    """Return somebody with *tokens* and a YubiKey."""
    held = Yubikey(9, key.public_id, OtpKey(key.private_id + key.aes_key), last)
    return replace(user(*tokens), yubikeys=(held,))


def replace_factors(**settings: Any) -> Factors:  # noqa: ANN401 - settings of any type
    """Return the factors with some of them switched off."""
    return replace(Factors(), **settings)


def test_password_of_a_yubikey_is_found() -> None:
    """The counters of the password are its step, whatever keyboard it came through."""
    key = Key()
    alice = keyed(key)
    for typed_so in (str, str.upper, lambda text: f"{text}\r\n"):
        made = key.plugged << 8 | key.made
        expected = Found(alice.yubikeys[0], made, 0, Reason.PASSED)
        assert found(alice, typed_so(key.touch()).encode()) == expected


def test_promise_1_yubikey_up_to_the_last_used_is_replayed() -> None:
    """A password that was used, and every one before it, is none."""
    key = Key()
    passwords = [key.touch().encode() for _ in range(3)]
    alice = keyed(key, last=257)

    assert [found(alice, one) for one in passwords[:2]] == [Reason.REPLAYED_PASSCODE] * 2
    assert isinstance(found(alice, passwords[2]), Found)


def test_password_of_a_strange_yubikey_is_bad() -> None:
    """Neither somebody else's key, nor one that says it is this one."""
    key = Key()

    assert found(keyed(key), Key().touch().encode()) is Reason.BAD_PASSCODE
    forged = Key(public_id=key.public_id).touch().encode()
    assert found(keyed(key), forged) is Reason.BAD_PASSCODE


def test_yubikey_counts_only_where_the_factor_is_on() -> None:
    """Switched off, its password is nothing, and whoever has only that has nothing."""
    key = Key()
    off = replace_factors(yubikey=None)

    assert found(keyed(key), key.touch().encode(), factors=off) is Reason.NOT_ENROLLED
    assert not is_enrolled(off, keyed(key))
    assert is_enrolled(Factors(), keyed(key))


def test_recovery_code_is_good_beside_a_yubikey() -> None:
    """Who has a key and recovery codes may use either."""
    alice = keyed(Key())
    alice.recovery.add(recovery.digest(PEPPER, 7, CODE.replace(b"-", b"")))

    assert isinstance(found(alice, CODE), FoundRecovery)


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_tail_of_a_yubikey_is_told_from_the_password(end: bytes) -> None:
    """Nobody has to say how long it is, even where the password is of the same letters."""
    key = Key()
    alice, otp = keyed(key, totp()), key.touch().encode()

    result, rest, tail = find_tail(desk(), alice, b"cccc" + otp + end, b"", NOW, 0)

    assert isinstance(result, Found)
    assert (rest, tail) == (b"cccc", otp)


def test_tail_of_a_token_is_found_beside_a_yubikey() -> None:
    """Who has a key and a TOTP token types either behind the password."""
    result, rest, _ = find_tail(desk(), keyed(Key(), totp()), b"cccc" + typed(STEP), b"", NOW, 0)

    assert isinstance(result, Found)
    assert rest == b"cccc"


def test_tail_of_a_strange_yubikey_is_that_tail() -> None:
    """What is counted as wrong is the password of the key, not the end of it."""
    strange = Key().touch().encode()

    result = find_tail(desk(), keyed(Key(), totp()), b"secret" + strange, b"", NOW, 0)

    assert result == (Reason.BAD_PASSCODE, b"secret", strange)


def test_delimiter_stands_before_a_yubikey_too() -> None:
    """With a delimiter whatever is behind it is looked at."""
    key = Key()
    otp = key.touch().encode()

    result, rest, tail = find_tail(desk(), keyed(key), b"se,cret," + otp, b",", NOW, 0)

    assert isinstance(result, Found)
    assert (rest, tail) == (b"se,cret", otp)


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        pytest.param(b"123456", Kind.OATH, id="digits"),
        pytest.param(Key().touch().encode(), Kind.OATH, id="yubikey"),
        pytest.param(CODE, Kind.RECOVERY, id="recovery"),
        pytest.param(b"anything", Kind.RECOVERY, id="anything"),
    ],
)
def test_kinds_of_tries(octets: bytes, kind: Kind) -> None:
    """A wrong password of a YubiKey counts where a wrong code does."""
    assert kind_of(octets) is kind
