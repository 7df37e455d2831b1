"""For all sequences of challenges and answers: single use, bound, printable, and in time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from radiusmfa.login.challenges import LARGEST_STATE_OCTETS, Challenges, Entry
from radiusmfa.login.talk import Talk

pytestmark = pytest.mark.property

SOURCES = ("192.0.2.1", "192.0.2.2", "2001:db8::1")
LIFETIME = 180.0
MOST = 8


class Dialogues(RuleBasedStateMachine):
    """Challenges under random use, compared with a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        entropy = random.Random(1).randbytes
        self.challenges = Challenges("0", LIFETIME, MOST, entropy)
        self.now = 1_800_000_000.0
        self.open: dict[bytes, Entry] = {}
        self.taken: set[bytes] = set()

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule(
        source=st.sampled_from(SOURCES),
        user=st.integers(-1, 3),
        step=st.sampled_from(["PASSCODE", "PASSWORD", "BOTH", "INSTEAD"]),
        talk=st.sampled_from([None, Talk(upstream="rsa", state=b"theirs")]),
        limit=st.none() | st.integers(1, 2**32 - 1),
    )
    def issue(
        self, source: str, user: int, step: str, talk: Talk | None, limit: int | None
    ) -> None:
        """Open a challenge, if there is room; an upstream may give less time than we do."""
        entry = self.challenges.issue(
            source, user, "login", "challenge", 0, self.now, step=step, talk=talk, limit=limit
        )
        strangers = sum(one.user < 0 for one in self.open.values())
        is_full = len(self.open) >= MOST or (user < 0 and strangers >= MOST // 2)
        assert (entry is None) is is_full
        if entry is not None:
            assert (entry.step, entry.talk) == (step, talk)
            seconds = LIFETIME if limit is None else min(limit, LIFETIME)
            assert entry.expires == self.now + seconds
            assert entry.state not in self.open
            assert entry.state not in self.taken
            assert 1 <= len(entry.state) <= LARGEST_STATE_OCTETS
            assert entry.state.decode("ascii").isprintable()
            self.open[entry.state] = entry

    @precondition(lambda self: self.open)
    @rule(data=st.data(), source=st.sampled_from(SOURCES))
    def answer(self, data: st.DataObject, source: str) -> None:
        """Answer one from any address: it is good only at its own, in time, and then ended."""
        state = data.draw(st.sampled_from(sorted(self.open)))
        entry = self.open[state]
        found = self.challenges.take(state, source, self.now)
        is_good = entry.source == source and self.now < entry.expires
        assert found == (entry if is_good else None)
        if entry.source == source:
            del self.open[state]
            self.taken.add(state)

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), source=st.sampled_from(SOURCES))
    def answer_again(self, data: st.DataObject, source: str) -> None:
        """Answer one that is over: it is never good again."""
        state = data.draw(st.sampled_from(sorted(self.taken)))
        assert self.challenges.take(state, source, self.now) is None

    @rule()
    def tidy(self) -> None:
        """End what is too old, from the oldest on; what was cut short waits for its turn."""
        ended = {entry.state for entry in self.challenges.expired(self.now)}
        over = {s for s, entry in self.open.items() if entry.expires <= self.now}
        assert ended <= over
        assert ended >= {s for s in over if self.open[s].created + LIFETIME <= self.now}
        for state in ended:
            del self.open[state]
        self.taken |= ended

    @rule()
    def restart(self) -> None:
        """Begin anew on what was kept."""
        kept = sorted(self.open.values(), key=lambda entry: entry.created)
        self.challenges.load(kept)

    @invariant()
    def as_many_are_open(self) -> None:
        """Nothing is forgotten and nothing stays."""
        assert len(self.challenges) == len(self.open)


TestDialogues = Dialogues.TestCase


@given(st.binary(max_size=253), st.sampled_from(SOURCES))
def test_invented_state_is_never_good(state: bytes, source: str) -> None:
    """Whatever octets a client sends as State, they name no challenge of ours."""
    challenges = Challenges("0", LIFETIME, MOST, random.Random(2).randbytes)
    issued = {challenges.issue(one, 1, "login", "auto", 0, 0.0) for one in SOURCES}

    assert challenges.take(state, source, 1.0) is None or state in {
        entry.state for entry in issued if entry
    }
