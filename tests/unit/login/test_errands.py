"""Tests of `radiusmfa.login.errands`."""

from __future__ import annotations

from radiusmfa.login.errands import Bind


def test_promise_7_bind_shows_no_password() -> None:
    """Whoever logs an errand does not log the password."""
    errand = Bind(directory="corp", name="alice", person=None, password=b"hunter2", deadline=10.0)
    assert "hunter2" not in repr(errand)
