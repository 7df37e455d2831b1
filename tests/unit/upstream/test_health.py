"""Tests of `radiusmfa.upstream.health`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radiusmfa.upstream.health import Health


def _dead(now: float = 100.0, shortest: float = 1.0, longest: float = 10.0) -> Health:
    health = Health(shortest, longest)
    assert health.lose(now)
    return health


def test_server_is_believed_alive_at_first() -> None:
    """Nobody has heard of a new server, and logins go there all the same."""
    health = Health(1, 10)
    assert health.is_alive
    assert health.heard == float("-inf")
    assert not health.is_due(1e9)


def test_one_look_without_an_answer_is_no_death() -> None:
    """A single packet may be lost; the second look in a row without an answer counts."""
    health = Health(1, 10)
    assert not health.probe_failed(100)
    assert health.is_alive
    assert health.probe_failed(101)
    assert not health.is_alive


def test_logins_without_an_answer_make_a_death_only_in_a_row() -> None:
    """Where nobody can look, the third login in a row without an answer counts."""
    health = Health(1, 10)
    assert [health.miss(100 + at) for at in range(2)] == [False, False]
    health.hear(102)
    assert [health.miss(103 + at) for at in range(3)] == [False, False, True]
    assert not health.is_alive


def test_genuine_reply_forgives_a_look() -> None:
    """Looks count in a row only: between two of them a reply is life."""
    health = Health(1, 10)
    health.probe_failed(100)
    health.hear(101)
    assert not health.probe_failed(102)
    assert health.is_alive


def test_one_genuine_reply_revives() -> None:
    """A dead server that answers once is asked again at once; that is news only once."""
    health = _dead()
    assert health.hear(105)
    assert health.is_alive
    assert health.heard == 105
    assert not health.hear(106)
    assert health.heard == 106
    assert not health.is_due(1e9)


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(lambda health: health.lose(101), id="gone"),
        pytest.param(lambda health: [health.miss(101) for _ in range(5)][-1], id="missed"),
        pytest.param(lambda health: [health.probe_failed(101) for _ in range(5)][-1], id="looks"),
    ],
)
def test_death_is_news_once(again: object) -> None:
    """Whatever else is found out about a dead server puts nothing off and is told to nobody."""
    assert callable(again)
    health = _dead()
    assert not again(health)
    assert health.next_try == 101.0


def test_what_counted_before_a_death_is_forgotten_after_it() -> None:
    """A server that came back has as much credit as a new one."""
    health = Health(1, 10)
    health.miss(100)
    health.miss(100)
    health.probe_failed(100)
    health.lose(100)
    health.hear(101)
    assert not health.probe_failed(102)
    assert not health.miss(102)
    assert not health.miss(102)
    assert health.is_alive


def test_dead_server_is_looked_at_with_growing_pauses() -> None:
    """After 1, 2, 4, 8 seconds, then every ten; a reply begins anew with the shortest."""
    health = _dead(now=100.0)
    tried = [tenth / 10 for tenth in range(1000, 1450) if health.is_due(tenth / 10)]
    assert tried == [101.0, 103.0, 107.0, 115.0, 125.0, 135.0]
    health.hear(150)
    health.lose(200)
    assert health.next_try == 201.0


def test_only_one_asks_a_dead_server_at_a_time() -> None:
    """Whoever is told to try does so; everybody after it waits for the next turn."""
    health = _dead(now=100.0)
    assert not health.is_due(100.9)
    assert health.is_due(101.0)
    assert not health.is_due(101.0)
    assert health.next_try == 103.0


def test_shortest_pause_that_is_the_longest_stays() -> None:
    """Where both are the same, every pause has that many seconds."""
    health = _dead(now=0.0, shortest=5.0, longest=5.0)
    assert [at for at in range(20) if health.is_due(at)] == [5, 10, 15]


def test_login_may_try_a_dead_server_once_in_the_longest_pause() -> None:
    """Looks may be wrong: whatever they find, one login in a while tries; nobody else does."""
    health = _dead(now=100.0)
    assert [at for at in range(100, 131) if health.may_try(at)] == [110, 120, 130]
    assert health.next_try == 101.0
    health.hear(140)
    assert not health.may_try(1e9)


@given(
    st.lists(
        st.sampled_from(["hear", "lose", "miss", "probe_failed", "is_due", "may_try"]), max_size=60
    )
)
def test_whatever_happens_a_reply_is_life_and_news_is_told_once(said: list[str]) -> None:
    """After a genuine reply it is alive; each change is told once; it is due when dead only."""
    health = Health(1, 10)
    for now, what in enumerate(said):
        before = health.is_alive
        told = getattr(health, what)(float(now))
        if what in {"is_due", "may_try"}:
            assert not (told and before)
            assert health.is_alive is before
        else:
            assert told is (before is not health.is_alive)
        if what == "hear":
            assert health.is_alive
        elif what == "lose":
            assert not health.is_alive
        if not health.is_alive:
            assert health.next_try <= now + 10
