"""Tests of `radiusmfa.cli.exits`."""

from __future__ import annotations

from radiusmfa.cli import exits


def test_codes_are_those_that_scripts_know() -> None:
    """Exit codes never change: scripts rely on them."""
    codes = {name: value for name, value in vars(exits).items() if name.isupper()}
    assert codes == {
        "DONE": 0,
        "NO": 1,
        "USAGE": 2,
        "CONFIGURATION": 3,
        "STORE": 4,
        "SILENCE": 5,
        "INPUT": 6,
        "INTERNAL": 70,
        "SYSTEM": 74,
        "INTERRUPTED": 130,
        "BROKEN_PIPE": 141,
    }
