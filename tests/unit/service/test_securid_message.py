"""What RSA is told and what its answers mean: malformed ones first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from radiusmfa.config.service_model import SecurId
from radiusmfa.secret import Secret
from radiusmfa.service import securid_message as rsa
from radiusmfa.service.securid_message import MalformedError, Method
from tests.families import family
from tests.securid import Asked, Mode, Simulator

MESSAGE = "9d5c2a9e-0f4e-4c0b-8f2e-0c6e1f2b9a10"
SETTINGS = SecurId(urls=(), access_key=Secret(b"k"))
CONTEXT = {"authnAttemptId": "a", "messageId": "m", "inResponseTo": MESSAGE}
GOOD: dict[str, Any] = {"context": CONTEXT, "attemptResponseCode": "CHALLENGE"}


def _offer(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    version = values.pop("version", {})
    method = {"methodId": "SECURID", "versions": [version]} | values
    return GOOD | {"challengeMethods": {"challenges": [{"requiredMethods": [method]}]}}


def _read(whole: object, attempt: str = "") -> rsa.Answer:
    return rsa.read(json.dumps(whole).encode(), MESSAGE, attempt)


def _method(**values: Any) -> Method:  # noqa: ANN401 - JSON
    ((method,),) = _read(_offer(**values)).offers
    return method


@pytest.mark.parametrize(
    "octets",
    [b"", b"<html>", b"null", b"[]", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000, b"1e999999"],
)
def test_what_is_no_answer_is_malformed(octets: bytes) -> None:
    """Whatever else a server sends."""
    with pytest.raises(MalformedError):
        rsa.read(octets, MESSAGE)


@pytest.mark.parametrize(
    "whole",
    [
        {},
        GOOD | {"context": None},
        GOOD | {"context": CONTEXT | {"inResponseTo": "other"}},
        GOOD | {"context": CONTEXT | {"inResponseTo": None}},
        GOOD | {"context": CONTEXT | {"messageId": ""}},
        GOOD | {"context": CONTEXT | {"messageId": "x" * 256}},
        GOOD | {"context": CONTEXT | {"messageId": "x\n"}},
        GOOD | {"context": CONTEXT | {"authnAttemptId": 5}},
        GOOD | {"attemptResponseCode": None},
        GOOD | {"attemptResponseCode": ["SUCCESS"]},
        GOOD | {"attemptResponseCode": "success"},
        GOOD | {"credentialValidationResults": {}},
        GOOD | {"credentialValidationResults": [None]},
        GOOD | {"credentialValidationResults": [{"methodId": "SECURID"}]},
        GOOD | {"challengeMethods": []},
        GOOD | {"challengeMethods": {"challenges": {}}},
        GOOD | {"challengeMethods": {"challenges": [[]]}},
        GOOD | {"challengeMethods": {"challenges": [{"requiredMethods": [{}]}]}},
        GOOD | {"challengeMethods": {"challenges": [{"requiredMethods": []}] * 33}},
        _offer(methodId="a b"),
        _offer(versions="1.0.0"),
        _offer(versions=[None]),
        _offer(version={"referenceId": 7}),
        _offer(version={"referenceId": "a b"}),
    ],
)
def test_answer_of_another_form_is_malformed(whole: object) -> None:
    """What decides must be there, and of its type; an answer must be one to our request."""
    with pytest.raises(MalformedError):
        _read(whole)


def test_answer_of_another_attempt_is_malformed() -> None:
    """Whoever answers, answers about this attempt."""
    assert _read(GOOD, "a").attempt == "a"
    with pytest.raises(MalformedError):
        _read(GOOD, "b")


@pytest.mark.parametrize(
    "version",
    [
        {},
        {"prompt": None, "methodAttributes": None},
        {"prompt": [], "methodAttributes": [None, {"name": 1, "value": 2}]},
        {"prompt": {"defaultText": 5, "minLength": "4", "maxLength": True, "promptArgs": [None]}},
        {"prompt": {"minLength": -1, "maxLength": 1000, "formatRegex": 5, "defaultValue": 5}},
    ],
)
def test_what_is_only_shown_may_be_missing(version: dict[str, Any]) -> None:
    """Odd texts and sizes are left out; the method is what it is."""
    found = _method(version=version)
    assert (found.id, found.text, found.least, found.most) == ("SECURID", "", 0, 0)


def test_alternative_that_needs_nothing_is_none() -> None:
    """It would let anybody in."""
    assert _read(GOOD | {"challengeMethods": {"challenges": [{}]}}).offers == ()


def test_text_is_one_printable_line() -> None:
    """Whatever RSA's administrator has written."""
    prompt = {"defaultText": "Enter\r\n {0}\x07 of {1}{2}:", "promptArgs": ["the\tcode", "alice"]}
    assert _method(version={"prompt": prompt}).text == "Enter the code of alice:"
    long = {"defaultText": "x" * 1000, "promptArgs": ["y"]}
    assert len(_method(version={"prompt": long}).text) == 200


@pytest.mark.parametrize(
    ("regex", "is_digits"),
    [("[0-9]+", True), (r"^\d{4,8}$", True), ("[0-9a-z]+", False), (None, False)],
)
def test_rules_of_a_pin_are_read(regex: str | None, is_digits: bool) -> None:  # noqa: FBT001 - a table
    """How long, and of what."""
    prompt = {"minLength": 4, "maxLength": 8, "formatRegex": regex}
    found = _method(version={"prompt": prompt})
    assert (found.least, found.most, found.digits) == (4, 8, is_digits)


@pytest.mark.parametrize(
    "version",
    [
        {"prompt": {"defaultValue": "483920"}},
        {"prompt": {"promptArgs": ["483920"], "defaultText": "Your PIN is {0}"}},
        {"methodAttributes": [{"name": "PIN", "value": "483920"}]},
    ],
)
def test_pin_of_rsa_is_found_and_not_shown(version: dict[str, Any]) -> None:
    """Wherever it stands; in a text that a log could print it does not."""
    found = _method(methodId="SECURID_SYSTEM_GENERATED_PIN", version=version)
    assert found.pin == "483920"
    assert "483920" not in repr(found)
    assert _method(version=version).pin == ""


def test_attributes_say_what_the_person_has() -> None:
    """Not applicable, which device, which number."""
    names = [
        {"name": "phone_number", "value": "+49 151 23456789"},
        {"name": "SELECTION_CODE", "value": "42"},
    ]
    found = _method(version={"methodAttributes": names})
    assert (found.device, found.number, found.is_there) == ("***6789", "42", True)
    absent = [{"name": "METHOD_NOT_APPLICABLE", "value": ""}]
    assert not _method(version={"methodAttributes": absent}).is_there


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+49 151 23456789", "***6789"),
        ("XXXXXX6789", "***6789"),
        ("alice@example.org", "a***@example.org"),
        ("Alice's iPhone 12", "Alice's iPhone 12"),
        ("Phone of 0151 23456789", "***6789"),
        ("12", "***12"),
        ("--", ""),
        ("x" * 60 + "y", "x" * 40),
    ],
)
def test_device_is_masked(text: str, masked: str) -> None:
    """At most four digits of a number, one letter of an address."""
    assert rsa.masked(text) == masked


def test_result_is_that_of_the_one_method_tried() -> None:
    """RSA may call it otherwise; of several only the one meant counts."""
    one = {"methodId": "SECURID", "methodResponseCode": "FAIL"}
    other = {"methodId": "SMS", "methodResponseCode": "SUCCESS", "methodReasonCode": "X Y"}
    assert _read(GOOD | {"credentialValidationResults": [one]}).result("OTHER") == "FAIL"
    both = _read(GOOD | {"credentialValidationResults": [one, other]})
    assert (both.result("SMS"), both.result("OTHER")) == ("SUCCESS", "")
    assert _read(GOOD).result("SMS") == ""


def test_what_is_told_does_not_show_itself() -> None:
    """Ids of an attempt are worth as much as a State."""
    printed = repr(_read(GOOD | {"context": CONTEXT | {"authnAttemptId": "theattempt"}}))
    assert "theattempt" not in printed


@pytest.mark.parametrize(("inputs", "expected"), family("securid", lambda row: row["op"] == "read"))
def test_answers_of_the_vectors_are_read(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """RSA's documented answers mean what its documents say."""
    whole = inputs["answer"]
    found = _read(whole | {"context": whole["context"] | {"inResponseTo": MESSAGE}})
    assert found.code == expected["code"]
    assert found.reason == expected["reason"]
    assert [[one.method, one.code] for one in found.results] == expected["results"]
    assert [[one.id for one in some] for some in found.offers] == expected["offers"]
    texts = [one.text for some in found.offers for one in some]
    assert texts == expected["texts"]


@pytest.mark.parametrize(
    ("inputs", "expected"), family("securid", lambda row: row["op"] == "initialize")
)
def test_initialize_is_that_of_the_vectors(
    inputs: dict[str, Any], expected: dict[str, Any]
) -> None:
    """Every field that RSA documents, less those that we leave at their default."""
    settings = SecurId(
        urls=(), access_key=Secret(b"k"), agent=inputs["agent_text"], policy=inputs["policy_text"]
    )
    body = rsa.initialize(settings, inputs["subject_text"], inputs["message_text"])
    made = json.loads(body)
    assert made.pop("context") == {"messageId": expected["body"]["context"]["messageId"]}
    wanted = {name: value for name, value in expected["body"].items() if name != "context"}
    assert made == wanted


@pytest.mark.parametrize(
    ("inputs", "expected"), family("securid", lambda row: row["op"] == "verify")
)
def test_verify_is_that_of_the_vectors(inputs: dict[str, Any], expected: dict[str, Any]) -> None:
    """To the letter."""
    method = Method(id=inputs["method_text"], reference=inputs["reference_text"])
    body = rsa.verify(
        inputs["attempt_text"],
        inputs["message_text"],
        inputs["reply_to_text"],
        method,
        inputs["value_text"],
    )
    assert json.loads(body) == expected["body"]


@pytest.mark.parametrize(
    ("inputs", "expected"), family("securid", lambda row: row["op"] == "exchange")
)
def test_simulator_plays_the_exchange_of_the_vectors(
    inputs: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    """What RSA's documents show sent is taken, and is answered as they show."""
    simulator = Simulator()
    simulator.person("alice", **_person(inputs["person"]))
    attempt = last = ""
    for sent, wanted in zip(inputs["requests"], expected, strict=True):
        body = dict(sent["body"])
        body["context"] = body["context"] | (
            {"authnAttemptId": attempt, "inResponseTo": last} if attempt else {}
        )
        headers = {"client-key": "k" * 64, "content-type": "application/json"}
        asked = Asked(f"{rsa.FOLDER}/{sent['call']}", headers, json.dumps(body).encode())
        status, octets = simulator.answer(asked)
        assert status == 200
        found = rsa.read(octets, body["context"]["messageId"], attempt)
        attempt, last = found.attempt, found.message
        assert found.code == wanted["code"]
        assert found.reason == wanted["reason"]
        assert [[one.method, one.code] for one in found.results] == wanted["results"]
        assert [[one.id for one in some] for some in found.offers] == wanted["offers"]


def _person(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"mode": Mode[values["mode"]]}
