"""Tests of `config.service_verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.message_model import Channel, Verify
from radiusmfa.secret import Secret
from tests.unit.config.service_entries import SECRET, faults, read

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = f"VA{'2c' * 16}"
KEY = f"SK{'1b' * 16}"
USUAL = f"service: {SERVICE}, user: {KEY}, password: {SECRET}"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("verify: {}", "verify.service: is missing"),
        ("verify: {}", "verify.user: is missing"),
        ("verify: {}", "verify.password: is missing"),
        (f"verify: {{service: VA1, user: {KEY}, password: {SECRET}}}", "verify.service: must be a"),
        (f"verify: {{service: {SERVICE}, user: x, password: {SECRET}}}", "verify.user: must be"),
        (f"verify: {{{USUAL}, channel: whatsapp}}", "verify.channel: must be sms, voice or email"),
        (
            f"verify: {{{USUAL}, channel: email, prefixes: ['+1']}}",
            "verify.prefixes: has no meaning",
        ),
        (f"verify: {{{USUAL}, url: 'http://x'}}", "verify.url: must begin with https"),
        (f"verify: {{{USUAL}, codes: {{}}}}", "verify.codes: is no setting"),
    ],
)
def test_what_cannot_be_is_a_fault(text: str, what: str, tmp_path: Path) -> None:
    """With its place; the codes are Twilio's."""
    assert any(line.startswith(what) for line in faults(text, tmp_path)), faults(text, tmp_path)


def test_everything_can_be_said(tmp_path: Path) -> None:
    """And is what counts."""
    settings, _, found = read(f"verify: {{{USUAL}}}", tmp_path)
    assert not found
    assert settings == Verify(service=SERVICE, user=KEY, password=Secret(b"what they know"))
    text = f"verify: {{{USUAL}, channel: voice, url: 'https://v.example.com', attribute: mobile}}"
    settings, _, found = read(text, tmp_path)
    assert not found
    assert (settings.channel, settings.url) == (Channel.VOICE, "https://v.example.com")
    assert settings.attribute == "mobile"
