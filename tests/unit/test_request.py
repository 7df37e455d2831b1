"""Tests of `radiusmfa.request`."""

from __future__ import annotations

from typing import Any, Final

import pytest

from radiusmfa import request
from radiusmfa.outcome import Reason
from radiusmfa.request import Credentials
from radiusmfa.wire import codec, numbers, password
from tests.families import malformed

SECRET: Final = b"sixteen octets!!"
AUTHENTICATOR: Final = bytes(range(16))
NAME: Final = codec.attribute(numbers.USER_NAME, b"alice")
HIDDEN: Final = codec.attribute(
    numbers.USER_PASSWORD, password.hide(b"hunter2", SECRET, AUTHENTICATOR)
)
STATE: Final = codec.attribute(numbers.STATE, b"state")
CHAP: Final = codec.attribute(numbers.CHAP_PASSWORD, bytes(17))
EAP: Final = codec.attribute(numbers.EAP_MESSAGE, b"\2\1\0\4")
ARAP: Final = codec.attribute(70, bytes(16))
_MICROSOFT: Final = (311).to_bytes(4, "big")


def _vendor(*octets: int, vendor: bytes = _MICROSOFT) -> bytes:
    return codec.attribute(numbers.VENDOR_SPECIFIC, vendor + bytes(octets))


MS_CHAP: Final = _vendor(1, 52, *bytes(50))
MS_CHAP_2: Final = _vendor(25, 52, *bytes(50))


def _packet(attributes: bytes) -> codec.Packet:
    size = 20 + len(attributes)
    return codec.decode(bytes((1, 7, size >> 8, size & 255)) + AUTHENTICATOR + attributes)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        pytest.param(b"", Reason.NO_CREDENTIALS, id="nothing"),
        pytest.param(NAME, Reason.NO_CREDENTIALS, id="a name alone"),
        pytest.param(NAME + STATE, Reason.NO_CREDENTIALS, id="a name and a State"),
        pytest.param(HIDDEN, Reason.NO_USER_NAME, id="no name"),
        pytest.param(HIDDEN + b"\1\2", Reason.BAD_USER_NAME, id="an empty name"),
        pytest.param(NAME + NAME + HIDDEN, Reason.DUPLICATE_ATTRIBUTE, id="two names"),
        pytest.param(NAME + HIDDEN * 2, Reason.DUPLICATE_ATTRIBUTE, id="two passwords"),
        pytest.param(NAME + HIDDEN + STATE * 2, Reason.DUPLICATE_ATTRIBUTE, id="two States"),
        pytest.param(NAME + CHAP * 2, Reason.DUPLICATE_ATTRIBUTE, id="two CHAP-Passwords"),
        pytest.param(NAME + b"\2\2", Reason.BAD_USER_PASSWORD, id="an empty User-Password"),
        pytest.param(
            NAME + codec.attribute(2, bytes(17)), Reason.BAD_USER_PASSWORD, id="17 octets"
        ),
        pytest.param(
            NAME + codec.attribute(2, bytes(144)), Reason.BAD_USER_PASSWORD, id="144 octets"
        ),
        pytest.param(NAME + CHAP, Reason.UNSUPPORTED_METHOD, id="CHAP"),
        pytest.param(NAME + EAP, Reason.UNSUPPORTED_METHOD, id="EAP"),
        pytest.param(NAME + ARAP, Reason.UNSUPPORTED_METHOD, id="ARAP"),
        pytest.param(NAME + MS_CHAP, Reason.UNSUPPORTED_METHOD, id="MS-CHAP"),
        pytest.param(NAME + MS_CHAP_2, Reason.UNSUPPORTED_METHOD, id="MS-CHAP-2"),
        pytest.param(
            NAME + _vendor(1, 2, vendor=b"\0\0\0\x09") + MS_CHAP,
            Reason.UNSUPPORTED_METHOD,
            id="MS-CHAP after another vendor's attribute",
        ),
        pytest.param(NAME + HIDDEN + CHAP, Reason.TWO_CREDENTIALS, id="PAP and CHAP"),
        pytest.param(NAME + HIDDEN + EAP, Reason.TWO_CREDENTIALS, id="PAP and EAP"),
        pytest.param(NAME + HIDDEN + ARAP, Reason.TWO_CREDENTIALS, id="PAP and ARAP"),
        pytest.param(NAME + HIDDEN + MS_CHAP, Reason.TWO_CREDENTIALS, id="PAP and MS-CHAP"),
        pytest.param(
            NAME + HIDDEN + _vendor(11, 6, 1, 2, 3, 4, 25, 52, *bytes(50)),
            Reason.TWO_CREDENTIALS,
            id="MS-CHAP-2 second in one attribute",
        ),
    ],
)
def test_request_that_cannot_be_decided_says_why(attributes: bytes, reason: Reason) -> None:
    """Exactly one name, one proof and at most one State; anything else is refused."""
    assert request.read(_packet(attributes), SECRET) is reason


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        pytest.param(NAME + HIDDEN, None, id="a first request"),
        pytest.param(STATE + HIDDEN + NAME, b"state", id="an answer to a challenge"),
        pytest.param(NAME + HIDDEN + b"\x18\2", b"", id="an empty State is no missing one"),
        pytest.param(NAME + HIDDEN + _vendor(1, 3, 65, vendor=b"\0\0\0\x09"), None, id="vendor"),
        pytest.param(NAME + HIDDEN + _vendor(11, 10, *bytes(8)), None, id="MS-CHAP-Challenge"),
        pytest.param(NAME + HIDDEN + _vendor(), None, id="a vendor's attribute of nothing"),
        pytest.param(NAME + HIDDEN + _vendor(11, 0, 1), None, id="damaged, and no response"),
        pytest.param(NAME + HIDDEN + b"\x1a\2", None, id="an empty vendor attribute"),
    ],
)
def test_pap_is_read(attributes: bytes, state: bytes | None) -> None:
    """A PAP request gives name, password and State as octets, whatever else it holds."""
    asked = request.read(_packet(attributes), SECRET)
    assert asked == Credentials(b"alice", b"hunter2", state)
    assert not request.has_no_proof(_packet(attributes))


def test_password_under_another_secret_is_another_password() -> None:
    """With the wrong secret there is still a password, a wrong one: no error shows which."""
    asked = request.read(_packet(NAME + HIDDEN), b"another secret..")
    assert isinstance(asked, Credentials)
    assert asked.typed != b"hunter2"


@pytest.mark.parametrize(
    ("attributes", "nothing"),
    [
        pytest.param(NAME + STATE, True, id="a name and a State"),
        pytest.param(HIDDEN, False, id="PAP"),
        pytest.param(CHAP, False, id="CHAP"),
        pytest.param(EAP, False, id="EAP"),
        pytest.param(ARAP, False, id="ARAP"),
        pytest.param(MS_CHAP_2, False, id="MS-CHAP-2"),
    ],
)
def test_request_without_any_proof_is_told_apart(attributes: bytes, *, nothing: bool) -> None:
    """Only a request with no credential of any kind holds no proof."""
    assert request.has_no_proof(_packet(attributes)) is nothing


def test_credentials_do_not_show_themselves() -> None:
    """Neither name, password nor State is in what a log would print."""
    assert repr(Credentials(b"alice", b"hunter2", b"state")) == "Credentials(...)"


_OURS: Final = {
    "no-user-name", "no-credentials", "two-credentials", "duplicate-attribute",
    "bad-user-password",
}  # fmt: skip


@pytest.mark.parametrize(
    ("datagram", "case"),
    [row for row in malformed("auth") if row.values[1]["expect"]["reason"] in _OURS],
)
def test_malformed_cases_are_refused(datagram: bytes, case: dict[str, Any]) -> None:
    """Each case with credentials that cannot be decided is refused for the reason it names."""
    asked = request.read(codec.decode(datagram), b"testing123")
    assert isinstance(asked, Reason)
    wanted = {case["expect"]["reason"]}
    if case["id"] == "mschap-both":  # two proofs, neither of which this release knows
        wanted = {Reason.UNSUPPORTED_METHOD}
    assert asked in wanted
