"""For all sequences of right and wrong proofs: who waits, how long, and who never does."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from radiusmfa.config.model import Lockout
from radiusmfa.login.throttle import Failures, after_failure, is_locked

pytestmark = pytest.mark.property

SETTINGS = st.builds(
    Lockout,
    threshold=st.integers(1, 100),
    delay=st.integers(1, 86400),
    longest=st.integers(1, 604_800),
    forget=st.integers(60, 31_536_000),
)
NOWS = st.floats(0, 4e9)
MEMORIES = st.floats(0, 1e9) | st.just(math.inf)


@given(SETTINGS, NOWS, st.integers(1, 200))
def test_delay_never_shrinks(settings: Lockout, now: float, number: int) -> None:
    """Each further wrong proof means at least as long a wait, and never beyond the longest."""
    failures: Failures | None = None
    waits = []
    for wrong in range(number):
        failures = after_failure(failures, now, b"%d" % wrong, settings, memory=math.inf)
        waits.append(max(0.0, failures.until - now))

    assert waits == sorted(waits)
    assert waits[-1] <= settings.longest
    assert all(wait == 0 for wait in waits[: settings.threshold - 1])
    is_at_threshold = number >= settings.threshold
    assert failures is not None
    assert (failures.until > 0) is is_at_threshold


@given(SETTINGS, NOWS, st.lists(st.floats(0, 100), max_size=50), MEMORIES)
def test_repetition_within_the_memory_counts_once(
    settings: Lockout, now: float, pauses: list[float], memory: float
) -> None:
    """However often the same wrong proof comes while it is remembered, it is one."""
    first = failures = after_failure(None, now, b"same", settings, memory=memory)
    later = now
    for pause in pauses:
        later += pause
        failures = after_failure(failures, later, b"same", settings, memory=memory)
        if later - first.last <= min(memory, settings.forget):
            assert failures == first


@given(SETTINGS, st.lists(st.tuples(NOWS, st.binary(max_size=1)), min_size=1, max_size=50), NOWS)
def test_nobody_waits_longer_than_the_longest_delay(
    settings: Lockout, wrong: list[tuple[float, bytes]], now: float
) -> None:
    """Though the clock jumps anywhere between wrong proofs, a lock ends after the longest delay."""
    failures: Failures | None = None
    for at, proof in wrong:
        failures = after_failure(failures, at, proof, settings, memory=120)

    assert not is_locked(failures, now, settings) or not is_locked(
        failures, now + settings.longest, settings
    )


class Site(RuleBasedStateMachine):
    """Three clients and two users under random use; each pair counted against a plain model."""

    settings_ = Lockout(threshold=3, delay=10, longest=100, forget=1000)
    clients = ("vpn", "switch", "broker")
    users = (1, 2)

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_800_000_000.0
        self.known: dict[tuple[int, str], Failures] = {}
        self.touched: set[tuple[int, str]] = set()
        self.guesses = 0

    @rule(seconds=st.floats(0, 200))
    def time_passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(user=st.sampled_from(users), client=st.sampled_from(clients), number=st.integers(1, 5))
    def guess(self, user: int, client: str, number: int) -> None:
        """Guess at one client, only as often as one may."""
        for _ in range(number):
            before = self.known.get((user, client))
            if is_locked(before, self.now, self.settings_):
                continue
            self.guesses += 1
            after = after_failure(
                before, self.now, b"%d" % self.guesses, self.settings_, memory=120
            )
            assert after.wrong == 1 or (before is not None and after.wrong == before.wrong + 1)
            self.known[user, client] = after
            self.touched.add((user, client))

    @rule(user=st.sampled_from(users), client=st.sampled_from(clients))
    def succeed(self, user: int, client: str) -> None:
        """Give a right proof where one is looked at."""
        if not is_locked(self.known.get((user, client)), self.now, self.settings_):
            self.known.pop((user, client), None)
            self.touched.discard((user, client))

    @invariant()
    def nobody_else_is_locked(self) -> None:
        """Only who guessed wrong at a client since the last success can be locked, and there."""
        for user in self.users:
            for client in self.clients:
                locked = is_locked(self.known.get((user, client)), self.now, self.settings_)
                assert not locked or (user, client) in self.touched


TestSite = Site.TestCase
