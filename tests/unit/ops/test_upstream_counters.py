"""Tests of `radiusmfa.ops.upstream_counters`."""

from __future__ import annotations

import pytest

from radiusmfa.config.upstream_model import Event
from radiusmfa.ops.upstream_counters import UpstreamCounters
from radiusmfa.wire.codec import Fault

KINDS = {
    "bad_authenticators": {
        Fault.BAD_MESSAGE_AUTHENTICATOR,
        Fault.BAD_RESPONSE_AUTHENTICATOR,
        Fault.MISSING_MESSAGE_AUTHENTICATOR,
        Fault.DUPLICATE_MESSAGE_AUTHENTICATOR,
    },
    "packets_dropped": {Fault.UNEXPECTED_REPLY, Fault.WRONG_SOURCE, Fault.BAD_PROXY_STATE},
    "unknown_types": {Fault.UNKNOWN_CODE, Fault.UNEXPECTED_CODE, Fault.WRONG_PORT},
}


def test_counters_start_at_zero() -> None:
    """An upstream that was asked nothing has nothing counted, and no event."""
    counted = UpstreamCounters().read()
    assert len(counted) == 13
    assert set(counted.values()) == {0}


@pytest.mark.parametrize("fault", list(Fault))
def test_dropped_packet_counts_once(fault: Fault) -> None:
    """Each reason to drop a reply belongs to one counter of RFC 4668."""
    counters = UpstreamCounters()
    counters.dropped(fault)
    counted = {name for name, number in counters.read().items() if number}
    known = {name for name, faults in KINDS.items() if fault in faults}
    assert counted == (known or {"malformed_access_responses"})
    assert sum(counters.read().values()) == 1


def test_events_are_counted_by_name() -> None:
    """What a token server said most is seen at a glance; what it never said is not there."""
    counters = UpstreamCounters()
    for event in (Event.NEW_PIN_WANTED, Event.CODE_WANTED, Event.NEW_PIN_WANTED):
        counters.heard(event)
    counted = {name: number for name, number in counters.read().items() if number}
    assert list(counted.items()) == [("event:code-wanted", 1), ("event:new-pin-wanted", 2)]


def test_upstreams_are_counted_apart() -> None:
    """What one upstream said is not counted for another."""
    one, other = UpstreamCounters(), UpstreamCounters()
    one.heard(Event.LOCKED)
    one.access_requests += 1
    assert set(other.read().values()) == {0}
    assert not other.events


def test_reading_is_a_copy() -> None:
    """What was read does not change with what comes."""
    counters = UpstreamCounters()
    counters.heard(Event.LOCKED)
    read = counters.read()
    counters.heard(Event.LOCKED)
    counters.timeouts += 1
    assert (read["event:locked"], read["timeouts"]) == (1, 0)
    assert counters.read()["event:locked"] == 2


def test_unknown_counter_is_refused() -> None:
    """A counter of a wrong name cannot come to be by a slip."""
    with pytest.raises(AttributeError):
        UpstreamCounters().acces_requests = 1  # type: ignore[attr-defined]
