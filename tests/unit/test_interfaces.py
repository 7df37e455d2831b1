"""Tests of `radiusmfa.interfaces`."""

from __future__ import annotations

import pytest

from radiusmfa import interfaces
from radiusmfa.interfaces import ConfigError, ImportRefusedError, RadiusmfaError


@pytest.mark.parametrize("kind", [ConfigError, ImportRefusedError])
def test_every_fault_is_told(kind: type[ConfigError | ImportRefusedError]) -> None:
    """A refused file says all that is wrong with it, one line a fault, in order."""
    error = kind("line 1: a", "line 2: b")
    assert error.faults == ("line 1: a", "line 2: b")
    assert str(error) == "line 1: a\nline 2: b"


@pytest.mark.parametrize(
    "kind",
    [
        ConfigError,
        ImportRefusedError,
        interfaces.KeysError,
        interfaces.StoreBusyError,
        interfaces.StoreError,
    ],
)
def test_errors_for_a_person_are_of_one_family(kind: type[Exception]) -> None:
    """Whatever a person has to mend is caught as one class, and is no other kind of error."""
    assert issubclass(kind, RadiusmfaError)
    assert not issubclass(RadiusmfaError, OSError | ValueError)


def test_busy_store_is_a_store_error_that_may_pass() -> None:
    """A busy store is told apart from a broken one, which must not be tried again."""
    assert issubclass(interfaces.StoreBusyError, interfaces.StoreError)
    assert not issubclass(interfaces.KeysError, interfaces.StoreError)


def test_clock_is_what_has_both_times() -> None:
    """The clock is a seam: anything with both times will do, and neither is derived."""
    names = {name for name in vars(interfaces.Clock) if not name.startswith("_")}
    assert names == {"wall", "monotonic"}
    assert interfaces.Clock.wall.__doc__
    assert interfaces.Clock.monotonic.__doc__
