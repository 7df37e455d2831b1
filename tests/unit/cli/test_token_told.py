"""Tests of `radiusmfa.cli.token_told`."""

from __future__ import annotations

from typing import Any

import pytest

from radiusmfa.cli import token_told
from radiusmfa.stores.tokens import Token


def _token(**changes: Any) -> Token:  # noqa: ANN401 - fields of any type
    usual: dict[str, Any] = {
        "id": 1, "serial": "T1", "user": "alice", "kind": "totp", "algorithm": "sha1",
        "digits": 6, "period": 30, "status": "active", "drift": 0, "last": -1, "label": "",
        "created": 5,
    }  # fmt: skip
    return Token(**(usual | changes))


@pytest.mark.parametrize(
    ("changes", "shape"),
    [
        ({}, "totp sha1, 6 digits, 30 s"),
        ({"kind": "hotp", "period": 0, "digits": 8}, "hotp sha1, 8 digits"),
        (
            {"kind": "sms", "algorithm": "", "digits": 0, "period": 0, "to": "***4567"},
            "sms ***4567",
        ),
        ({"kind": "question", "algorithm": "", "digits": 0, "period": 0}, "question"),
        ({"kind": "yubikey", "algorithm": "", "digits": 0, "period": 0}, "yubikey"),
    ],
)
def test_shape_says_what_it_is(changes: dict[str, Any], shape: str) -> None:
    """What makes passcodes says how; what is reached says where, masked."""
    assert token_told.shape(_token(**changes)) == shape


def test_what_does_not_apply_is_null() -> None:
    """A number has no algorithm, and a token reaches nobody."""
    told = token_told.describe(_token(kind="sms", algorithm="", digits=0, period=0, to="***4567"))
    assert (told["algorithm"], told["digits"], told["period"]) == (None, None, None)
    assert (told["last"], told["to"]) == (None, "***4567")
    plain = token_told.describe(_token(last=7))
    assert (plain["to"], plain["last"], plain["digits"]) == (None, 7, 6)
