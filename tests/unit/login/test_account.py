"""What is known of a person while the server runs."""

from __future__ import annotations

import pytest

from radiusmfa.factors.oath import PasscodeKey
from radiusmfa.login.account import Kind, Token, User

TOKEN = Token(id=1, serial="T", key=PasscodeKey(b"x" * 20, "sha1", 6), period=30, drift=0, last=-1)


@pytest.mark.parametrize(
    ("tokens", "recovery", "is_enrolled"),
    [((), set[bytes](), False), ((TOKEN,), set[bytes](), True), ((), {b"digest"}, True)],
    ids=["nothing", "token", "recovery-code"],
)
def test_user_is_enrolled_by_a_token_or_a_recovery_code(
    tokens: tuple[Token, ...], recovery: set[bytes], *, is_enrolled: bool
) -> None:
    """Whoever has anything to answer a challenge with is enrolled, and nobody else."""
    user = User(1, "alice", None, is_exempt=False, is_disabled=False, tokens=tokens)
    user.recovery |= recovery

    assert user.is_enrolled is is_enrolled


def test_users_share_no_failures() -> None:
    """Each person's wrong proofs and recovery codes are their own."""
    one, two = (
        User(number, "x", None, is_exempt=False, is_disabled=False, tokens=()) for number in (1, 2)
    )

    one.recovery.add(b"digest")

    assert two.recovery == set()
    assert one.failures is not two.failures


def test_kinds_are_those_of_the_store() -> None:
    """The names of the kinds are what the store's table of failures takes."""
    assert {kind.value for kind in Kind} == {"password", "oath", "recovery"}
