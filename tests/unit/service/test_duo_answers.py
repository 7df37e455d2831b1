"""Tests of `radiusmfa.service.duo_answers`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from radiusmfa.service import duo_answers
from radiusmfa.service.dialogue import Reply
from radiusmfa.service.duo_answers import MalformedError, Refusal, State

PHONE = {
    "device": "DPFZRS9FB0D46QFTM891",
    "type": "phone",
    "name": "work",
    "display_name": "Android (XXX-XXX-0100)",
    "number": "XXX-XXX-0100",
    "capabilities": ["auto", "push", "sms", "phone", "mobile_otp"],
}


def _reply(whole: object, status: int = 200) -> Reply:
    octets = whole if isinstance(whole, bytes) else json.dumps(whole).encode()
    return Reply(status=status, octets=octets)


@pytest.mark.parametrize(
    "octets",
    [b"", b"{", b"[]", b"null", b'"x"', b"{}", b'{"stat":"OK"}', b'{"response":{}}',
     b'{"stat":"FAIL","response":{}}', b"\xff\xfe", b"<html>", 70_000 * b"["],
)  # fmt: skip
def test_what_is_no_envelope_is_malformed(octets: bytes) -> None:
    """Status 200 alone says nothing."""
    with pytest.raises(MalformedError):
        duo_answers.response(_reply(octets))


@pytest.mark.parametrize("status", [100, 204, 301, 302, 399, 600])
def test_other_status_is_malformed(status: int) -> None:
    """A redirection is nobody's yes."""
    with pytest.raises(MalformedError):
        duo_answers.response(_reply({"stat": "OK", "response": {"result": "allow"}}, status))


@pytest.mark.parametrize(
    ("whole", "status", "code"),
    [
        ({"stat": "FAIL", "code": 40002, "message_detail": "device"}, 400, 40002),
        ({"stat": "FAIL", "code": "40103"}, 401, 40103),
        ({"stat": "FAIL"}, 401, 40100),
        ({"stat": "FAIL", "code": 4000}, 400, 40000),
        ({"stat": "FAIL", "code": 40002}, 500, 50000),
        ({"stat": "FAIL", "code": True}, 403, 40300),
        ({"stat": "FAIL", "code": 10**400}, 403, 40300),
        ({"stat": "FAIL", "code": -40002}, 400, 40000),
        ({"stat": "FAIL", "code": [40002]}, 400, 40000),
        ({"stat": "OK", "response": {"result": "allow"}}, 403, 40300),
        (b"<html>", 502, 50200),
        (b"", 429, 42900),
    ],
)
def test_error_is_read_with_care(whole: object, status: int, code: int) -> None:
    """The status counts; a code counts if it goes with it, whatever its type."""
    found = duo_answers.response(_reply(whole, status))
    assert isinstance(found, Refusal)
    assert (found.code, found.status) == (code, status)


def test_detail_of_an_error_is_printable_and_short() -> None:
    """It goes into a log."""
    whole = {"code": 40002, "message_detail": "de\x1b[31mvice\n" + 500 * "x"}
    found = duo_answers.response(_reply(whole, 400))
    assert isinstance(found, Refusal)
    assert found.detail.startswith("device xxx")
    assert len(found.detail) == 80


@pytest.mark.parametrize(
    "found", [None, {}, {"time": "1"}, {"time": True}, {"time": 1.5}, {"time": 0}, {"time": 2**60}]
)
def test_time_that_is_none_is_malformed(found: object) -> None:
    """Whole seconds."""
    with pytest.raises(MalformedError):
        duo_answers.time(found)


@pytest.mark.parametrize(
    "found", [None, "allow", [], {}, {"result": "ALLOW"}, {"result": True}, {"result": "waiting"}]
)
def test_preauth_without_a_result_is_malformed(found: object) -> None:
    """Only the four words of Duo mean something."""
    with pytest.raises(MalformedError):
        duo_answers.preauth(found)


@pytest.mark.parametrize("found", [None, "allow", {}, {"result": "auth"}, {"result": ["allow"]}])
def test_state_without_a_result_is_malformed(found: object) -> None:
    """`allow`, `deny`, `waiting`; what `status` says decides nothing."""
    with pytest.raises(MalformedError):
        duo_answers.state(found)


@pytest.mark.parametrize("txid", [None, "", "a b", "x" * 65, "../auth", 5, "é"])
def test_transaction_of_another_form_is_malformed(txid: object) -> None:
    """It goes into an address."""
    with pytest.raises(MalformedError):
        duo_answers.transaction({"txid": txid})


def test_what_is_there_is_read() -> None:
    """An envelope, a time, a transaction."""
    found = duo_answers.response(_reply({"stat": "OK", "response": {"time": 1357020061}}))
    assert duo_answers.time(found) == 1357020061
    assert duo_answers.transaction({"txid": "45f7c92b-f45f"}) == "45f7c92b-f45f"


def test_devices_are_read() -> None:
    """A phone with a masked number, a token with a serial."""
    devices = [
        PHONE | {"sms_nextcode": "2"},
        {"device": "DHEKH0JJIYC1LX3AZWO4", "type": "token", "name": "1234567"},
    ]
    found = duo_answers.preauth({"result": "auth", "devices": devices})
    phone, token = found.devices
    assert (phone.label, phone.masked, phone.next_code) == ("XXX-XXX-0100", "XXX-XXX-0100", "2")
    assert phone.can == {"push", "sms", "phone", "mobile_otp"}
    assert (token.is_token, token.can, token.masked) == (True, frozenset(), "XXX4567")
    assert phone.has_codes
    assert token.has_codes


@pytest.mark.parametrize(
    "devices",
    [None, "DP", {}, [None], [{}], [{"device": "../x"}], [{"device": ["DP"]}], [5]],
)
def test_devices_that_are_none_are_left_out(devices: object) -> None:
    """No type is trusted."""
    assert duo_answers.preauth({"result": "auth", "devices": devices}).devices == ()


@pytest.mark.parametrize("capabilities", [None, "push", {"push": 1}, [["push"]], [None, 5]])
def test_capabilities_that_are_none_are_left_out(capabilities: object) -> None:
    """Then it can do nothing."""
    whole: dict[str, Any] = {"result": "auth", "devices": [PHONE | {"capabilities": capabilities}]}
    assert duo_answers.preauth(whole).devices[0].can == frozenset()


def test_whole_number_is_masked_here() -> None:
    """Should Duo ever send one: the audit has four digits at most."""
    whole: dict[str, Any] = {"result": "auth", "devices": [PHONE | {"number": "+49 171 5550100"}]}
    assert duo_answers.preauth(whole).devices[0].masked == "+XX XXX XXX0100"


def test_phone_without_a_number_is_called_by_its_name() -> None:
    """A tablet."""
    whole: dict[str, Any] = {
        "result": "auth",
        "devices": [PHONE | {"number": "", "display_name": ""}, {"device": "DP1", "type": "phone"}],
    }
    first, second = duo_answers.preauth(whole).devices
    assert (first.label, first.masked) == ("work", "work")
    assert (second.label, second.masked) == ("", "DP1")


@pytest.mark.parametrize(
    ("txid", "number", "is_verified"),
    [
        ("a-b", "376", True),
        ("", "376", False),
        ("a-b", "", False),
        ("a b", "1", False),
        ("a", "\x1b[1m", False),
    ],
)
def test_number_and_transaction_go_together(txid: str, number: str, is_verified: bool) -> None:  # noqa: FBT001
    """One without the other is of no use."""
    whole = {"result": "auth", "devices": [], "txid": txid, "verification_code": number}
    found = duo_answers.preauth(whole)
    assert bool(found.txid) == bool(found.number) == is_verified


@pytest.mark.parametrize("portal", ["http://x", "javascript:x", "https://a b", "https://x\n", 5])
def test_portal_of_another_form_is_not_shown(portal: object) -> None:
    """People follow it."""
    assert duo_answers.preauth({"result": "enroll", "enroll_portal_url": portal}).portal == ""


def test_texts_are_plain() -> None:
    """Escape sequences never reach a terminal."""
    found = duo_answers.state(
        {"result": "deny", "status": "deny", "status_msg": "\x1b]0;x\x07No.\r\n\x1b[2JNo!"}
    )
    assert found == State("deny", "deny", "No. No!")
