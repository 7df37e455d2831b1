"""For all clients, losses and delays: nobody is believed to wait longer than they do."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.login.patience import Patience
from radiusmfa.login.tries import LATE

pytestmark = pytest.mark.property

_SHIFT = st.floats(-0.1, 0.1)


@st.composite
def clients(draw: st.DrawFn) -> list[float]:
    """Return the pauses of a client; the last one is how long it waits after its last try."""
    pause = draw(st.floats(1.0, 20.0))
    growth = draw(st.sampled_from([1.0, 1.0, 1.4, 2.0]))
    tries = draw(st.integers(2, 12 if growth == 1.0 else 5))
    return [
        min(pause * growth**number, max(16.0, pause)) * (1 + draw(_SHIFT))
        for number in range(tries)
    ]


def login(
    patience: Patience, pauses: list[float], began: float, lost: int = -1, *, is_fixed: bool
) -> float:
    """Let a login wait that nobody answers; return how old it was in the end."""
    *times, _ = itertools.accumulate((began, *pauses))
    first, *others = (at for number, at in enumerate(times) if number != lost)
    wait = patience.begin(first, "it")
    ends = fixed = patience.deadline(first)
    for at in [*others, float("inf")]:
        ends = fixed if is_fixed else patience.deadline(first, wait)
        if at >= ends:
            break
        patience.again("it", at)
    patience.end(wait, ends)
    return ends - began


@given(clients(), st.floats(5.0, 300.0), st.booleans())
def test_next_login_is_answered_in_time(
    pauses: list[float],
    start: float,
    is_fixed: bool,  # noqa: FBT001
) -> None:
    """With each try a tenth early or late, what was learned is no more than true."""
    patience = Patience(start)
    login(patience, pauses, 0.0, is_fixed=is_fixed)

    if patience.known is not None:
        assert patience.known.seconds <= sum(pauses) * 1.11


@given(clients(), st.integers(0, 11), st.floats(5.0, 300.0), st.booleans())
def test_lost_try_is_made_up_for(
    pauses: list[float],
    lost: int,
    start: float,
    is_fixed: bool,  # noqa: FBT001
) -> None:
    """Where a lost try made a pause look longer than it is, two more logins put that right."""
    patience = Patience(start)
    login(patience, pauses, 0.0, min(lost, len(pauses) - 1), is_fixed=is_fixed)
    if patience.known is None:
        return
    for began in (1000.0, 2000.0):
        login(patience, pauses, began, is_fixed=is_fixed)

    if patience.known is not None:
        assert login(patience, pauses, 3000.0, is_fixed=is_fixed) <= sum(pauses) * 1.11 + LATE


@given(
    st.floats(2.0, 300.0),
    st.lists(st.tuples(st.floats(0.0, 200.0), st.booleans()), max_size=40),
    st.floats(0.0, 400.0),
)
def test_any_tries_leave_a_deadline_within_the_limits(
    start: float, tries: list[tuple[float, bool]], ends: float
) -> None:
    """Whatever comes when, a login ends, not before it began, and nothing breaks."""
    patience = Patience(start)
    wait = patience.begin(1000.0, 0)
    now = 1000.0
    for number, (pause, is_resent) in enumerate(tries, 1):
        now += pause
        patience.again(0, now, None if is_resent else number)
        assert 1000.0 < patience.deadline(1000.0, wait) <= 1285.0

    patience.end(wait, now + ends)

    assert not patience._waits
    assert 1001.8 < patience.deadline(1000.0) <= 1285.0
    assert "gives up after" in str(patience.known) or patience.known is None
