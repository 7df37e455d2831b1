"""Tests of `config.service_twilio`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.message_model import Channel, Codes, Twilio
from radiusmfa.secret import Secret
from tests.unit.config.service_entries import SECRET, faults, read

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT = f"AC{'0a' * 16}"
KEY = f"SK{'1b' * 16}"
USUAL = f"account: {ACCOUNT}, password: {SECRET}"
NUMBER = "sender: '+15005550006'"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("twilio: {}", "twilio.account: is missing"),
        ("twilio: {}", "twilio.password: is missing"),
        ("twilio: {}", "twilio.sender: is missing"),
        (f"twilio: {{account: AC1, password: {SECRET}, {NUMBER}}}", "twilio.account: must be an"),
        (f"twilio: {{{USUAL}, {NUMBER}, user: me}}", "twilio.user: must be the SID"),
        (f"twilio: {{{USUAL}, sender: 'a name too long'}}", "twilio.sender: must be a number"),
        (f"twilio: {{{USUAL}, sender: '0049151'}}", "twilio.sender: must be a number"),
        (f"twilio: {{{USUAL}, sender: us, channel: voice}}", "twilio.sender: must be a number, as"),
        (f"twilio: {{{USUAL}, {NUMBER}, channel: email}}", "twilio.channel: must be sms or voice"),
        (f"twilio: {{{USUAL}, {NUMBER}, channel: fax}}", "twilio.channel: must be sms, voice or"),
        (f"twilio: {{{USUAL}, {NUMBER}, url: 'http://x'}}", "twilio.url: must begin with https"),
        (f"twilio: {{{USUAL}, {NUMBER}, prefixes: [x]}}", "twilio.prefixes[0]: must be as +49"),
        (f"twilio: {{{USUAL}, {NUMBER}, token: x}}", "twilio.token: is no setting"),
    ],
)
def test_what_cannot_be_is_a_fault(text: str, what: str, tmp_path: Path) -> None:
    """With its place."""
    assert any(line.startswith(what) for line in faults(text, tmp_path)), faults(text, tmp_path)


def test_the_least_that_is_needed(tmp_path: Path) -> None:
    """The account logs in itself."""
    settings, warnings, found = read(f"twilio: {{{USUAL}, {NUMBER}}}", tmp_path)
    assert (warnings, found) == ([], [])
    assert settings == Twilio(
        account=ACCOUNT, user=ACCOUNT, password=Secret(b"what they know"), sender="+15005550006"
    )


@pytest.mark.parametrize("sender", ["RadiusMFA", "12345", f"MG{'0' * 32}", "'My Company'"])
def test_messages_come_from_many(sender: str, tmp_path: Path) -> None:
    """A name, a short code, a messaging service."""
    assert faults(f"twilio: {{{USUAL}, sender: {sender}}}", tmp_path) == []


def test_everything_can_be_said(tmp_path: Path) -> None:
    """And is what counts."""
    text = (
        f"twilio: {{{USUAL}, {NUMBER}, user: {KEY}, channel: voice, url: 'https://api.example.com',"
        " attribute: mobile, prefixes: ['+49'], codes: {tries: 5, text: '\u4e2d {code}'}}"
    )
    settings, _, found = read(text, tmp_path)
    assert not found
    assert settings == Twilio(
        account=ACCOUNT,
        user=KEY,
        password=Secret(b"what they know"),
        sender="+15005550006",
        channel=Channel.VOICE,
        url="https://api.example.com",
        attribute="mobile",
        prefixes=("+49",),
        codes=Codes(tries=5, text="\u4e2d {code}"),
    )
