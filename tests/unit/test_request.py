"""Tests of `radiusmfa.request`."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa import request
from radiusmfa.outcome import Reason
from radiusmfa.request import Credentials
from radiusmfa.wire import codec, mschap, numbers, password, vendor
from tests.families import malformed

SECRET: Final = b"sixteen octets!!"
AUTHENTICATOR: Final = bytes(range(16))
NAME: Final = codec.attribute(numbers.USER_NAME, b"alice")
HIDDEN: Final = codec.attribute(
    numbers.USER_PASSWORD, password.hide(b"hunter2", SECRET, AUTHENTICATOR)
)
STATE: Final = codec.attribute(numbers.STATE, b"state")
CHAP: Final = codec.attribute(numbers.CHAP_PASSWORD, bytes(range(17)))
CHAP_CHALLENGE: Final = codec.attribute(numbers.CHAP_CHALLENGE, b"a challenge of 24 octets")
EAP: Final = codec.attribute(numbers.EAP_MESSAGE, b"\2\1\0\4")
ARAP: Final = codec.attribute(70, bytes(16))
_MICROSOFT: Final = mschap.MICROSOFT.to_bytes(4, "big")


def _vendor(*octets: int, vendor: bytes = _MICROSOFT) -> bytes:
    return codec.attribute(numbers.VENDOR_SPECIFIC, vendor + bytes(octets))


MS_CHAP: Final = _vendor(1, 52, *range(50))
MS_CHAP_2: Final = _vendor(25, 52, *range(50, 100))
MS_CHALLENGE: Final = _vendor(11, 18, *range(100, 116))
MS_CHALLENGE_8: Final = _vendor(11, 10, *range(8))
CPW: Final = _vendor(27, 70, *bytes(68))
CISCO: Final = _vendor(1, 5, 97, 61, 98, vendor=b"\0\0\0\x09")


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
        pytest.param(NAME + EAP, Reason.UNSUPPORTED_METHOD, id="EAP"),
        pytest.param(NAME + ARAP, Reason.UNSUPPORTED_METHOD, id="ARAP"),
        pytest.param(NAME + EAP + CHAP, Reason.UNSUPPORTED_METHOD, id="EAP and CHAP"),
        pytest.param(
            NAME + ARAP + MS_CHALLENGE + MS_CHAP_2, Reason.UNSUPPORTED_METHOD, id="ARAP and MS-CHAP"
        ),
        pytest.param(
            NAME + codec.attribute(3, bytes(16)), Reason.BAD_USER_PASSWORD, id="CHAP of 16 octets"
        ),
        pytest.param(
            NAME + codec.attribute(3, bytes(18)), Reason.BAD_USER_PASSWORD, id="CHAP of 18 octets"
        ),
        pytest.param(
            NAME + codec.attribute(3, b""), Reason.BAD_USER_PASSWORD, id="an empty CHAP-Password"
        ),
        pytest.param(
            NAME + CHAP + CHAP_CHALLENGE * 2, Reason.DUPLICATE_ATTRIBUTE, id="two CHAP-Challenges"
        ),
        pytest.param(NAME + CHAP_CHALLENGE, Reason.NO_CREDENTIALS, id="a CHAP-Challenge alone"),
        pytest.param(NAME + MS_CHALLENGE, Reason.NO_CREDENTIALS, id="an MS-CHAP-Challenge alone"),
        pytest.param(
            NAME + MS_CHALLENGE + CPW, Reason.NO_CREDENTIALS, id="a new password, and no proof"
        ),
        pytest.param(NAME + MS_CHAP, Reason.BAD_USER_PASSWORD, id="MS-CHAP without a challenge"),
        pytest.param(
            NAME + MS_CHAP_2 + CHAP_CHALLENGE,
            Reason.BAD_USER_PASSWORD,
            id="MS-CHAP-2 with the challenge of CHAP",
        ),
        pytest.param(
            NAME + MS_CHALLENGE * 2 + MS_CHAP_2,
            Reason.BAD_USER_PASSWORD,
            id="MS-CHAP-2 with two challenges",
        ),
        pytest.param(
            NAME + MS_CHALLENGE + MS_CHAP_2 * 2, Reason.TWO_CREDENTIALS, id="MS-CHAP-2 twice"
        ),
        pytest.param(
            NAME + MS_CHALLENGE + MS_CHAP + MS_CHAP_2, Reason.TWO_CREDENTIALS, id="both MS-CHAPs"
        ),
        pytest.param(
            NAME + CHAP + CHAP_CHALLENGE + MS_CHALLENGE + MS_CHAP,
            Reason.TWO_CREDENTIALS,
            id="CHAP and MS-CHAP",
        ),
        pytest.param(CHAP + CHAP_CHALLENGE, Reason.NO_USER_NAME, id="CHAP of nobody"),
        pytest.param(
            b"\1\2" + MS_CHALLENGE + MS_CHAP_2, Reason.BAD_USER_NAME, id="MS-CHAP-2 of no name"
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


@given(st.binary(max_size=300), st.sampled_from([b"", NAME, NAME + MS_CHALLENGE]))
def test_any_octets_are_credentials_or_a_reason(octets: bytes, before: bytes) -> None:
    """Whatever attributes a client sends: what it proves, or why it is refused."""
    try:
        packet = _packet(before + octets)
    except codec.MalformedPacketError:
        return
    asked = request.read(packet, SECRET)
    assert isinstance(asked, Credentials | Reason)
    if request.has_no_proof(packet):
        assert not isinstance(asked, Credentials)


@given(st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=30)), max_size=6))
def test_any_vendor_attributes_are_credentials_or_a_reason(
    parts: list[tuple[int, bytes]],
) -> None:
    """Whatever a client sends of Microsoft's: one response with one challenge, or a reason."""
    attributes = b"".join(vendor.encode(311, kind, value) for kind, value in parts)
    kinds = [kind for kind, _ in parts]
    is_whole = kinds.count(11) == 1 and kinds.count(1) + kinds.count(25) == 1

    asked = request.read(_packet(NAME + attributes), SECRET)

    assert isinstance(asked, Credentials) is is_whole


@pytest.mark.parametrize(
    ("attributes", "state"),
    [
        pytest.param(NAME + HIDDEN, None, id="a first request"),
        pytest.param(STATE + HIDDEN + NAME, b"state", id="an answer to a challenge"),
        pytest.param(NAME + HIDDEN + b"\x18\2", b"", id="an empty State is no missing one"),
        pytest.param(NAME + HIDDEN + _vendor(1, 3, 65, vendor=b"\0\0\0\x09"), None, id="vendor"),
        pytest.param(NAME + HIDDEN + MS_CHALLENGE_8, None, id="MS-CHAP-Challenge"),
        pytest.param(NAME + HIDDEN + CHAP_CHALLENGE, None, id="CHAP-Challenge"),
        pytest.param(NAME + HIDDEN + CPW, None, id="a new password"),
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


@pytest.mark.parametrize(
    ("attributes", "proof"),
    [
        pytest.param(CHAP + CHAP_CHALLENGE, CHAP + CHAP_CHALLENGE, id="CHAP"),
        pytest.param(
            CHAP_CHALLENGE + CISCO + CHAP, CHAP + CHAP_CHALLENGE, id="CHAP in another order"
        ),
        pytest.param(
            CHAP, CHAP + codec.attribute(60, AUTHENTICATOR), id="CHAP without a CHAP-Challenge"
        ),
        pytest.param(MS_CHALLENGE_8 + MS_CHAP, MS_CHALLENGE_8 + MS_CHAP, id="MS-CHAP"),
        pytest.param(MS_CHALLENGE + MS_CHAP_2, MS_CHALLENGE + MS_CHAP_2, id="MS-CHAP-2"),
        pytest.param(MS_CHAP_2 + MS_CHALLENGE, MS_CHAP_2 + MS_CHALLENGE, id="as they came"),
        pytest.param(
            CISCO + MS_CHALLENGE + _vendor() + MS_CHAP_2 + b"\x1a\2",
            MS_CHALLENGE + MS_CHAP_2,
            id="among attributes of others, and opaque ones",
        ),
        pytest.param(
            _vendor(11, 0, 1) + MS_CHALLENGE + MS_CHAP_2,
            MS_CHALLENGE + MS_CHAP_2,
            id="after one that nobody can look into",
        ),
        pytest.param(
            _vendor(*MS_CHALLENGE[6:], *MS_CHAP_2[6:]),
            MS_CHALLENGE + MS_CHAP_2,
            id="two in one attribute",
        ),
        pytest.param(
            MS_CHALLENGE + CPW + MS_CHAP_2, MS_CHALLENGE + CPW + MS_CHAP_2, id="a new password"
        ),
        pytest.param(
            MS_CHALLENGE + vendor.encode(311, 10, b"\5EXAMPLE") + MS_CHAP_2,
            MS_CHALLENGE + MS_CHAP_2,
            id="not what only an Accept holds",
        ),
        pytest.param(
            MS_CHALLENGE + _vendor(25, 3, 1),
            MS_CHALLENGE + _vendor(25, 3, 1),
            id="a short response is the upstream's to refuse",
        ),
        pytest.param(
            MS_CHALLENGE + vendor.encode(311, 1, bytes(247)),
            MS_CHALLENGE + vendor.encode(311, 1, bytes(247)),
            id="the longest response",
        ),
    ],
)
@pytest.mark.parametrize("state", [None, b"state"], ids=["first", "answer"])
def test_other_proof_is_kept_for_the_upstream(
    attributes: bytes, proof: bytes, state: bytes | None
) -> None:
    """CHAP and MS-CHAP are passed on with their challenge: complete attributes, nothing else."""
    packet = _packet(NAME + attributes + (STATE if state else b""))

    assert request.read(packet, SECRET) == Credentials(b"alice", b"", state, proof)
    assert not request.has_no_proof(packet)


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
        pytest.param(CISCO + MS_CHAP, False, id="MS-CHAP behind another's attribute"),
        pytest.param(NAME + MS_CHALLENGE + CHAP_CHALLENGE, True, id="challenges alone"),
        pytest.param(NAME + _vendor(1, 60, 0), True, id="a response that nobody can look into"),
        pytest.param(NAME + CPW, True, id="a new password alone"),
        pytest.param(NAME + CISCO, True, id="another vendor's attribute of that number"),
    ],
)
def test_request_without_any_proof_is_told_apart(attributes: bytes, *, nothing: bool) -> None:
    """Only a request with no credential of any kind holds no proof."""
    assert request.has_no_proof(_packet(attributes)) is nothing


def test_credentials_do_not_show_themselves() -> None:
    """Neither name, password, State nor proof is in what a log would print."""
    assert repr(Credentials(b"alice", b"hunter2", b"state")) == "Credentials(...)"
    assert f"{Credentials(b'alice', b'', None, CHAP)}" == "Credentials(...)"


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
    assert asked.value == case["expect"]["reason"]


def test_request_without_a_password_begins_by_itself_where_that_is_said() -> None:
    """Signed, with a name and nothing typed: the device has checked the password."""
    signed = _packet(NAME + bytes((numbers.MESSAGE_AUTHENTICATOR, 18)) + bytes(16))
    assert request.read(signed, SECRET) is Reason.NO_CREDENTIALS
    asked = request.read(signed, SECRET, without_password=True)
    assert asked == Credentials(b"alice", b"", None)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        pytest.param(NAME, Reason.NO_CREDENTIALS, id="not signed"),
        pytest.param(b"", Reason.NO_CREDENTIALS, id="nothing"),
        pytest.param(
            bytes((numbers.MESSAGE_AUTHENTICATOR, 18)) + bytes(16),
            Reason.NO_USER_NAME,
            id="nobody's name",
        ),
    ],
)
def test_request_that_proves_nothing_begins_nothing(attributes: bytes, reason: Reason) -> None:
    """Without a signature anybody could make a phone ring."""
    assert request.read(_packet(attributes), SECRET, without_password=True) is reason


def test_answer_without_a_password_is_an_empty_one() -> None:
    """Somebody has approved a push and pressed Enter: State, and no User-Password, but signed."""
    signed = _packet(NAME + STATE + bytes((numbers.MESSAGE_AUTHENTICATOR, 18)) + bytes(16))
    asked = request.read(signed, SECRET)
    assert isinstance(asked, Credentials)
    assert (asked.name, asked.typed, asked.proof) == (b"alice", b"", b"")
    assert asked.state is not None
