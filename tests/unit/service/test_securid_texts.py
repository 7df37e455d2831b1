"""What people are asked: RSA's words where there are some, and the rules of a PIN."""

from __future__ import annotations

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.service import securid_texts as texts
from radiusmfa.service.securid_message import Method


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (Method(id="SECURID"), "Enter passcode: "),
        (Method(id="SECURID", text="PASSCODE?"), "PASSCODE? "),
        (Method(id="SMS"), "Enter the tokencode that was sent to you: "),
        (Method(id="UNKNOWN"), "Enter passcode: "),
        (Method(id="SECURID_NEWPIN"), "Enter a new PIN: "),
        (Method(id="SECURID_NEWPIN", least=4), "Enter a new PIN (at least 4 characters): "),
        (
            Method(id="SECURID_NEWPIN", most=8, digits=True),
            "Enter a new PIN (at most 8 digits): ",
        ),
        (
            Method(id="SECURID_NEWPIN", least=4, most=8, text="New PIN, 4 to 8 letters:"),
            "New PIN, 4 to 8 letters: ",
        ),
        (Method(id="SECURID", least=4, most=8), "Enter passcode: "),
    ],
)
def test_question_is_what_the_person_has_to_type(method: Method, text: str) -> None:
    """It ends as a question does, so that the end of a long one is what a client shows."""
    assert texts.question(method) == text


def test_question_names_what_else_can_be_typed() -> None:
    """The words that choose another way."""
    found = texts.question(Method(id="SECURID"), ("push", "sms"))
    assert found == "Enter passcode, or type push or sms: "


@pytest.mark.parametrize(
    ("method", "text"),
    [
        (Method(id="APPROVE"), "Approve the request on your phone, then press Enter: "),
        (Method(id="APPROVE", device="X"), "Approve the request on X, then press Enter: "),
        (Method(id="APPROVE", number="42"), "Choose 42 on your phone, then press Enter: "),
    ],
)
def test_push_says_what_to_do(method: Method, text: str) -> None:
    """Where, and what."""
    assert texts.push_sent(method) == text


@pytest.mark.parametrize(
    ("method", "event"),
    [
        ("SECURID", Event.CODE_WANTED),
        ("TOKEN", Event.CODE_WANTED),
        ("SECURID_NEXT_TOKENCODE", Event.NEXT_CODE_WANTED),
        ("SECURID_NEWPIN", Event.NEW_PIN_WANTED),
        ("SECURID_NEWPIN_CONFIRM", Event.PIN_CONFIRM_WANTED),
        ("SMS", Event.CODE_SENT),
    ],
)
def test_event_is_that_of_radius(method: str, event: Event) -> None:
    """A client's prompt style reads both alike."""
    assert texts.event(Method(id=method)) is event
