"""Tests of `config.service_smtp`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.message_model import Codes, MailTls, Smtp
from radiusmfa.secret import Secret
from tests.unit.config.service_entries import SECRET, faults, read

if TYPE_CHECKING:
    from pathlib import Path

USUAL = "host: mail.example.com, sender: login@example.com"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("smtp: {}", "smtp.host: is missing"),
        ("smtp: {}", "smtp.sender: is missing"),
        ("smtp: {host: 'a b', sender: a@example.com}", "smtp.host: must be a name or an address"),
        ("smtp: {host: mail, sender: alice}", "smtp.sender: must be an address"),
        ("smtp: {host: mail, sender: 'Us <a@example.com>'}", "smtp.sender: must be an address"),
        (f"smtp: {{{USUAL}, port: 0}}", "smtp.port: must be a whole number from 1 to 65535"),
        (f"smtp: {{{USUAL}, tls: opportunistic}}", "smtp.tls: must be starttls, implicit or none"),
        (f"smtp: {{{USUAL}, tls: none}}", "smtp.tls: must not be none"),
        ("smtp: {host: localhost, sender: a@b, tls: none}", "smtp.tls: must not be none"),
        (f"smtp: {{{USUAL}, user: me}}", "smtp.password: is missing"),
        (f"smtp: {{{USUAL}, password: {SECRET}}}", "smtp.password: has a meaning with user only"),
        (f"smtp: {{{USUAL}, subject: ''}}", "smtp.subject: must have 1 to 100 octets"),
        (f'smtp: {{{USUAL}, subject: "a\\nb"}}', "smtp.subject: must not hold control characters"),
        (f"smtp: {{{USUAL}, codes: {{text: x}}}}", "smtp.codes.text: must have {code}"),
        (f"smtp: {{{USUAL}, prefixes: ['+1']}}", "smtp.prefixes: is no setting"),
    ],
)
def test_what_cannot_be_is_a_fault(text: str, what: str, tmp_path: Path) -> None:
    """With its place; nothing is sent unprotected to another machine."""
    assert any(line.startswith(what) for line in faults(text, tmp_path)), faults(text, tmp_path)


def test_this_machine_may_be_told_in_the_clear(tmp_path: Path) -> None:
    """By its address: a name may lead anywhere."""
    text = "smtp: {host: 127.0.0.1, port: 25, tls: none, sender: login@example.com}"
    settings, _, found = read(text, tmp_path)
    assert not found
    assert settings.tls is MailTls.NONE


def test_everything_can_be_said(tmp_path: Path) -> None:
    """And is what counts."""
    settings, warnings, found = read(f"smtp: {{{USUAL}}}", tmp_path)
    assert (warnings, found) == ([], [])
    assert settings == Smtp(host="mail.example.com", sender="login@example.com")
    text = (
        f"smtp: {{{USUAL}, port: 465, tls: implicit, user: me, password: {SECRET}, subject: Code,"
        " attribute: mail, codes: {lifetime: 10m}}"
    )
    settings, _, found = read(text, tmp_path)
    assert not found
    assert settings == Smtp(
        host="mail.example.com",
        port=465,
        tls=MailTls.IMPLICIT,
        user="me",
        password=Secret(b"what they know"),
        sender="login@example.com",
        subject="Code",
        attribute="mail",
        codes=Codes(lifetime=600),
    )
