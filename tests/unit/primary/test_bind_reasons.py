"""Tests of `radiusmfa.primary.bind_reasons`."""

from __future__ import annotations

import pytest

from radiusmfa.config.directory_model import Kind
from radiusmfa.outcome import Reason
from radiusmfa.primary import bind_reasons
from radiusmfa.primary.ldap import Answer

POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"
EXPIRED = "2.16.840.1.113730.3.4.4"
MESSAGE = "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data {}, v3839"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("525", Reason.UNKNOWN_USER),
        ("52e", Reason.BAD_PASSWORD),
        ("52E", Reason.BAD_PASSWORD),
        ("530", Reason.LOGON_NOT_ALLOWED),
        ("531", Reason.LOGON_NOT_ALLOWED),
        ("532", Reason.PASSWORD_EXPIRED),
        ("533", Reason.ACCOUNT_DISABLED),
        ("701", Reason.ACCOUNT_EXPIRED),
        ("773", Reason.PASSWORD_MUST_CHANGE),
        ("775", Reason.ACCOUNT_LOCKED),
        ("0", Reason.BAD_PASSWORD),
        ("57", Reason.BAD_PASSWORD),
        ("zzz", Reason.BAD_PASSWORD),
    ],
)
def test_numbers_of_active_directory_are_told_apart(data: str, expected: Reason) -> None:
    """What Windows says in its message is the reason; an unknown number is a wrong password."""
    answer = Answer(code=49, message=MESSAGE.format(data))
    assert bind_reasons.reason(Kind.ACTIVE_DIRECTORY, answer) is expected


def test_numbers_mean_nothing_elsewhere() -> None:
    """Another server's message is only text."""
    answer = Answer(code=49, message=MESSAGE.format("775"))
    assert bind_reasons.reason(Kind.LDAP, answer) is Reason.BAD_PASSWORD


def test_numbers_mean_nothing_with_another_result() -> None:
    """A message never turns a success into a refusal, nor a fault into a wrong password."""
    message = MESSAGE.format("775")
    assert bind_reasons.reason(Kind.ACTIVE_DIRECTORY, Answer(code=0, message=message)) is None
    refused = bind_reasons.reason(Kind.ACTIVE_DIRECTORY, Answer(code=1, message=message))
    assert refused is Reason.DIRECTORY_REFUSED


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, None),
        (19, Reason.ACCOUNT_LOCKED),
        (32, Reason.UNKNOWN_USER),
        (34, Reason.UNKNOWN_USER),
        (48, Reason.BAD_PASSWORD),
        (49, Reason.BAD_PASSWORD),
        *((code, Reason.DIRECTORY_REFUSED) for code in (1, 2, 7, 8, 10, 13, 14, 50, 53, 80, 118)),
    ],
)
def test_only_success_is_a_right_password(code: int, expected: Reason | None) -> None:
    """Result code 0 lets in; a fault of the directory is never the person's."""
    assert bind_reasons.reason(Kind.LDAP, Answer(code=code)) is expected


@pytest.mark.parametrize("code", [0, 49])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x30\x03\x81\x01\x00", Reason.PASSWORD_EXPIRED),
        (b"\x30\x03\x81\x01\x01", Reason.ACCOUNT_LOCKED),
        (b"\x30\x03\x81\x01\x02", Reason.PASSWORD_MUST_CHANGE),
        (b"\x30\x08\xa0\x03\x81\x01\x05\x81\x01\x02", Reason.PASSWORD_MUST_CHANGE),
    ],
)
def test_policy_says_why(code: int, value: bytes, expected: Reason) -> None:
    """A password that is only good to be changed is none, though the server says success."""
    answer = Answer(code=code, controls=(("1.2.3", b""), (POLICY, value)))
    assert bind_reasons.reason(Kind.LDAP, answer) is expected


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x30\x00",
        b"\x30\x05\xa0\x03\x80\x01\x05",
        b"\x30\x03\x81\x01\x07",
        b"\x30\x03\x81\x01",
    ],
)
def test_policy_that_names_no_error_changes_nothing(value: bytes) -> None:
    """A warning lets in, and does not excuse a wrong password."""
    controls = ((POLICY, value),)
    assert bind_reasons.reason(Kind.LDAP, Answer(code=0, controls=controls)) is None
    wrong = bind_reasons.reason(Kind.LDAP, Answer(code=49, controls=controls))
    assert wrong is Reason.BAD_PASSWORD


def test_netscapes_word_for_expired_is_known() -> None:
    """389 Directory Server lets an expired password bind, for nothing but its change."""
    answer = Answer(code=0, controls=((EXPIRED, b"0"),))
    assert bind_reasons.reason(Kind.LDAP, answer) is Reason.PASSWORD_EXPIRED
