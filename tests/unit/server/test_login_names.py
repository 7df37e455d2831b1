"""Tests of `radiusmfa.server.login_names`."""

from __future__ import annotations

import re

from radiusmfa.server.login_names import LoginNames


def test_login_ids_are_never_the_same() -> None:
    """Every login gets an id of 96 random bits, fit for a Class and for an audit line."""
    names = LoginNames()
    drawn = {names.draw() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(re.fullmatch("[A-Za-z0-9_-]{16}", name) for name in drawn)
    assert not any(name.startswith("-") for name in drawn), "would be an option of `why`"
