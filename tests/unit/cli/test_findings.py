"""Tests of `radiusmfa.cli.findings`."""

from __future__ import annotations

from radiusmfa.cli import findings
from radiusmfa.cli.findings import Cause


def test_fault_has_what_to_do_in_json() -> None:
    """A fault is told with its cause, by a name that stays, and with the advice."""
    assert findings.fault("x", Cause.SILENT, "silent", "look").as_json() == {
        "level": "fault",
        "cause": "silent",
        "subject": "x",
        "text": "silent",
        "advice": "look",
    }


def test_what_is_empty_is_left_out_of_json() -> None:
    """Nothing to do is no advice, nothing to wait for no time; a time is in milliseconds."""
    assert findings.note("x", Cause.WARNING, "loud").as_json() == {
        "level": "note",
        "cause": "warning",
        "subject": "x",
        "text": "loud",
    }
    assert findings.ok("x", "fine", 0.00123).as_json()["milliseconds"] == 1.2
    assert findings.ok("x", "fine").as_json()["cause"] == "well"
