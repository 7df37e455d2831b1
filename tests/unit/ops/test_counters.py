"""Tests of `radiusmfa.ops.counters`."""

from __future__ import annotations

import pytest

from radiusmfa.ops.counters import Counters
from radiusmfa.outcome import Reason
from radiusmfa.wire.codec import Fault

KINDS = {
    "total_invalid_requests": {Fault.UNKNOWN_CLIENT},
    "total_unknown_types": {Fault.UNKNOWN_CODE, Fault.UNEXPECTED_CODE, Fault.WRONG_PORT},
    "total_bad_authenticators": {
        Fault.BAD_MESSAGE_AUTHENTICATOR,
        Fault.MISSING_MESSAGE_AUTHENTICATOR,
        Fault.PROXY_STATE_WITHOUT_MESSAGE_AUTHENTICATOR,
        Fault.BAD_REQUEST_AUTHENTICATOR,
        Fault.BAD_RESPONSE_AUTHENTICATOR,
    },
}


def test_counters_start_at_zero() -> None:
    """A server that has seen nothing has counted nothing."""
    counted = Counters().read()
    assert len(counted) == 13
    assert set(counted.values()) == {0}


@pytest.mark.parametrize("fault", list(Fault))
def test_discarded_packet_counts_once(fault: Fault) -> None:
    """Each reason to discard belongs to one counter of RFC 4669."""
    counters = Counters()
    counters.discarded(fault)
    counted = {name for name, number in counters.read().items() if number}
    known = {name for name, faults in KINDS.items() if fault in faults}
    assert counted == (known or {"total_malformed_requests"})
    assert sum(counters.read().values()) == 1


def test_decisions_are_counted_by_reason() -> None:
    """Each reason that decided is told with its number, in the order of the list."""
    counters = Counters()
    assert counters.read_reasons() == {}
    for reason in (Reason.BROKEN, Reason.BAD_PASSCODE, Reason.PASSED, Reason.PASSED):
        counters.reasons[reason] += 1
    counters.reasons["passed"] += 1
    told = counters.read_reasons()
    assert list(told.items()) == [("passed", 3), ("bad-passcode", 1), ("broken", 1)]
    assert all(type(name) is str for name in told)
    assert "reasons" not in counters.read()
    assert Counters().read_reasons() == {}


def test_reading_is_a_copy() -> None:
    """What was read does not change with what comes."""
    counters = Counters()
    read = counters.read()
    counters.total_access_requests += 1
    assert read["total_access_requests"] == 0
    assert counters.read()["total_access_requests"] == 1


def test_unknown_counter_is_refused() -> None:
    """A counter of a wrong name cannot come to be by a slip."""
    with pytest.raises(AttributeError):
        Counters().total_acces_requests = 1  # type: ignore[attr-defined]
