"""What is kept of an attempt: it comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import json

import pytest

from radiusmfa.service import securid_attempt as attempts
from radiusmfa.service.securid_attempt import Attempt, Awaits, StateError
from radiusmfa.service.securid_message import Method

METHOD = Method(id="SMS", reference="r", text="Code:", device="***6789", pin="4711", number="42")
ATTEMPT = Attempt(
    url="https://am1.example.com:5555",
    id="attempt",
    message="message",
    ends=180.5,
    awaits=Awaits.AGAIN,
    chosen=METHOD,
    offers=((METHOD,), (METHOD, Method(id="SECURID"))),
    done=("SECURID",),
    steps=3,
    wrong=1,
    pin=b"\0\xff",
    rang=7.0,
)


def _changed(at: int, value: object) -> bytes:
    row = json.loads(attempts.dump(ATTEMPT))
    row[at] = value
    return json.dumps(row).encode()


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps([1] * 12).encode(),
        *(_changed(at, None) for at in range(12) if at != 6),
        _changed(0, 2),
        _changed(4, float("nan")),
        _changed(4, value=True),
        _changed(5, "other"),
        _changed(6, [[]]),
        _changed(6, [["SMS", 1]]),
        _changed(7, [[["SMS"]]]),
        _changed(8, [1]),
        _changed(9, [1]),
        _changed(10, "?"),
        _changed(11, "7"),
    ],
)
def test_damaged_state_is_refused(octets: bytes) -> None:
    """One error, whatever is wrong."""
    with pytest.raises(StateError):
        attempts.load(octets)


def test_attempt_comes_back() -> None:
    """With everything that the next round needs."""
    assert attempts.load(attempts.dump(ATTEMPT)) == ATTEMPT
    small = Attempt(url="u", id="i", message="m", ends=0)
    assert attempts.load(attempts.dump(small)) == small


def test_attempt_does_not_show_itself() -> None:
    """Neither its ids nor a PIN stand in what a log could print."""
    assert "attempt" not in repr(ATTEMPT).replace("Attempt(", "")
    assert "4711" not in repr(ATTEMPT)
