"""Tests of `radiusmfa.server.clock`."""

from __future__ import annotations

import time

from radiusmfa.server.clock import SystemClock


def test_clocks_are_the_machines() -> None:
    """One tells the time of day, the other only grows; they are two."""
    clock = SystemClock()
    assert abs(clock.wall() - time.time()) < 60
    before = clock.monotonic()
    assert before <= clock.monotonic() <= time.monotonic()
