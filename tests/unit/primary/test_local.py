"""Tests of `radiusmfa.primary.local`."""

from __future__ import annotations

import base64
import hashlib
import sys
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.primary import hashing, local
from radiusmfa.primary.hashing import Parameters
from radiusmfa.primary.local import Answer, Question

if TYPE_CHECKING:
    from types import FrameType

PEPPER: Final = b"a pepper of this store alone...."
FAST: Final = Parameters(memory_kib=8, passes=1, lanes=1)
SLOWER: Final = Parameters(memory_kib=16, passes=2, lanes=1)
STORED: Final = hashing.hash_password(b"hunter2", FAST)
IMPORTED: Final = "{SSHA}" + base64.b64encode(
    hashlib.sha1(b"hunter2salt", usedforsecurity=False).digest() + b"salt"
).decode("ascii")  # fmt: skip


def _check(typed: bytes, stored: str = STORED, parameters: Parameters = FAST) -> Answer:
    return local.check(Question(stored, is_decoy=False, typed=typed), PEPPER, parameters)


@pytest.mark.parametrize("typed", [b"", b"hunter", b"hunter22", b"hunter2\0", b"a" * 129])
@pytest.mark.parametrize("stored", [STORED, IMPORTED, hashing.keyed(b"hunter2", PEPPER), ""])
def test_wrong_password_is_refused_and_renews_nothing(typed: bytes, stored: str) -> None:
    """A wrong password is wrong for every form of hash, and never becomes the new one."""
    assert _check(typed, stored, SLOWER) == Answer(is_right=False, better=None)


@pytest.mark.parametrize("typed", [b"decoy", b"", b"hunter2", b"a"])
def test_decoy_is_never_right(typed: bytes) -> None:
    """Nobody gets in as a user that does not exist, not even with the decoy's own password."""
    question = Question(local.decoy(FAST), is_decoy=True, typed=typed)
    assert local.check(question, PEPPER, FAST) == Answer(is_right=False, better=None)


def test_decoy_is_no_even_if_its_hash_agrees() -> None:
    """The answer for a decoy is no, whatever hash stands in for the user."""
    question = Question(STORED, is_decoy=True, typed=b"hunter2")
    assert local.check(question, PEPPER, SLOWER) == Answer(is_right=False, better=None)


@pytest.mark.parametrize("parameters", [FAST, SLOWER])
def test_decoy_costs_what_a_user_costs(parameters: Parameters) -> None:
    """An unknown user is hashed with the very parameters of a known one, and salted as well."""
    decoy, real = local.decoy(parameters), hashing.hash_password(b"hunter2", parameters)
    assert decoy.split("$")[:4] == real.split("$")[:4]
    assert len(decoy) == len(real)
    assert not hashing.needs_rehash(decoy, parameters)
    assert local.decoy(parameters) != decoy


def test_right_password_is_right() -> None:
    """The right password under the wanted parameters changes nothing."""
    assert _check(b"hunter2") == Answer(is_right=True, better=None)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(STORED, id="Argon2id of another cost"),
        pytest.param(IMPORTED, id="an imported form"),
        pytest.param(hashing.keyed(b"hunter2", PEPPER), id="the interim form of an import"),
    ],
)
def test_right_password_renews_an_old_hash(stored: str) -> None:
    """At the first right login the hash becomes Argon2id with the wanted parameters."""
    is_right, better = _check(b"hunter2", stored, SLOWER)
    assert is_right
    assert better is not None
    assert not hashing.needs_rehash(better, SLOWER)
    assert _check(b"hunter2", better, SLOWER) == Answer(is_right=True, better=None)
    assert not _check(b"hunter3", better, SLOWER).is_right


@pytest.mark.parametrize(
    ("stored", "typed", "hashes"),
    [
        pytest.param(IMPORTED, b"hunter3", [SLOWER], id="imported"),
        pytest.param(IMPORTED.replace("SSHA", "ssha"), b"hunter3", [SLOWER], id="in small letters"),
        pytest.param(hashing.keyed(b"hunter2", PEPPER), b"hunter3", [SLOWER], id="interim form"),
        pytest.param(IMPORTED, b"", [], id="nothing typed"),
        pytest.param(STORED, b"", [], id="nothing typed, and none is made for others either"),
    ],
)
def test_wrong_password_of_a_quick_form_costs_a_hash_all_the_same(
    stored: str, typed: bytes, hashes: list[Parameters]
) -> None:
    """By the time that a wrong password takes nobody learns who was imported and exists."""
    made = []

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is hashing.hash_password.__code__:
            made.append(frame.f_locals["parameters"])

    sys.setprofile(note)
    try:
        _check(typed, stored, SLOWER)
    finally:
        sys.setprofile(None)
    assert made == hashes


def test_question_does_not_show_the_password() -> None:
    """Neither the typed password nor the hash is in what a log would print."""
    shown = repr(Question(STORED, is_decoy=False, typed=b"hunter2"))
    assert shown == "Question(...)"


def test_wrong_password_of_a_quick_hash_costs_what_an_unknown_user_costs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong password for an imported hash takes an Argon2 hash of the wanted parameters too."""
    made: list[Parameters] = []

    def watched(parameters: Parameters) -> str:
        made.append(parameters)
        return STORED

    monkeypatch.setattr(local, "decoy", watched)
    _check(b"wrong", IMPORTED, SLOWER)
    _check(b"wrong", hashing.keyed(b"hunter2", PEPPER), SLOWER)
    _check(b"wrong", STORED, FAST)
    assert made == [SLOWER, SLOWER]


@pytest.mark.parametrize("stored", [STORED, IMPORTED])
def test_hash_stays_where_upgrades_are_off(stored: str) -> None:
    """With `upgrade: no` a right password never changes what is stored."""
    keeping = Parameters(memory_kib=16, passes=2, lanes=1, upgrade=False)
    assert _check(b"hunter2", stored, keeping) == Answer(is_right=True, better=None)
    assert not _check(b"hunter3", stored, keeping).is_right
