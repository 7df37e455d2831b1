"""Tests of `radiusmfa.config.approval_model`."""

from __future__ import annotations

from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
from radiusmfa.secret import Secret


def test_defaults_are_careful() -> None:
    """Without a word more an approval is one of the store, and changes count in their window."""
    source = ApprovalSource(name="aws-root")
    settings = ServiceNow(url="https://example.service-now.com", password=Secret(b"x"))

    assert (source.persons, source.longest, source.servicenow) == (1, 30 * 86_400, None)
    assert (settings.table, settings.grace) == ("change_request", 0)
    assert settings.ca_file is None


def test_password_does_not_show() -> None:
    """What prints the settings does not print the password."""
    settings = ServiceNow(url="https://example.service-now.com", password=Secret(b"hunter2"))

    assert "hunter2" not in repr(settings)
