"""Tests of `radiusmfa.primary.breaker`."""

from __future__ import annotations

from radiusmfa.primary.breaker import Breaker


def test_all_are_asked_in_order() -> None:
    """Without a failure the order of the file counts."""
    assert Breaker(3).choose(0) == [0, 1, 2]


def test_one_that_failed_is_left_out_for_a_while() -> None:
    """Nobody waits for a server that was just found dead."""
    breaker = Breaker(2)
    assert breaker.failed(0, 100)
    assert breaker.choose(101.9) == [1]
    assert not breaker.is_dead(101.9)


def test_one_login_tries_it_again() -> None:
    """After the pause one login tries it, and the others still do not."""
    breaker = Breaker(2)
    breaker.failed(0, 100)
    assert breaker.choose(102) == [0, 1]
    assert breaker.choose(102) == [1]


def test_pauses_grow_up_to_a_limit() -> None:
    """A server that stays dead is tried less and less, but at least every ten seconds."""
    breaker = Breaker(1)
    pauses = []
    now = 100.0
    for _ in range(5):
        breaker.failed(0, now)
        pause = next(at for at in range(100) if not breaker.is_dead(now + at))
        pauses.append(pause)
        now += pause
        assert breaker.choose(now) == [0]
    assert pauses == [2, 4, 8, 10, 10]


def test_many_failures_at_once_are_one() -> None:
    """Twenty logins that a dying server leaves without an answer do not make the pause longer."""
    breaker = Breaker(1)
    for _ in range(20):
        breaker.failed(0, 100)
    assert breaker.is_dead(101.9)
    assert not breaker.is_dead(102)


def test_answer_revives_it() -> None:
    """One answer is enough, and is news; the next failure begins with a short pause."""
    breaker = Breaker(1)
    breaker.failed(0, 100)
    assert not breaker.failed(0, 102)
    assert breaker.well(0)
    assert not breaker.well(0)
    assert breaker.choose(102) == [0]
    breaker.failed(0, 103)
    assert not breaker.is_dead(105)


def test_where_all_are_dead_nobody_is_asked() -> None:
    """A login that cannot be helped is answered at once."""
    breaker = Breaker(2)
    breaker.failed(0, 100)
    breaker.failed(1, 100)
    assert breaker.choose(101) == []
    assert breaker.is_dead(101)
