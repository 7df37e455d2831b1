"""Open challenges: single use, for one address, in time, and no more than there is room for."""

from __future__ import annotations

import itertools
import os

import pytest

from radiusmfa.login.challenges import LARGEST_STATE_OCTETS, MOST_OF_ONE, Challenges, Entry
from radiusmfa.login.talk import Talk

NOW = 1_800_000_000.0


def make(most: int = 10, lifetime: float = 180) -> Challenges:
    """Return challenges without any open."""
    return Challenges("0", lifetime, most, os.urandom)


def issue(
    challenges: Challenges,
    source: str = "192.0.2.1",
    now: float = NOW,
    limit: float | None = None,
) -> Entry:
    """Open one."""
    entry = challenges.issue(source, 7, "login", "challenge", 0, now, limit=limit)
    assert entry is not None
    return entry


NUMBERS = itertools.cycle(range(256))


def test_state_is_taken_once() -> None:
    """A State is good for one answer."""
    challenges = make()
    entry = issue(challenges)

    assert challenges.take(entry.state, "192.0.2.1", NOW) == entry
    assert challenges.take(entry.state, "192.0.2.1", NOW) is None
    assert len(challenges) == 0


def test_state_of_another_address_stays_open() -> None:
    """Shown from elsewhere a State is nothing, and cannot be ended from there."""
    challenges = make()
    entry = issue(challenges)

    assert challenges.take(entry.state, "192.0.2.2", NOW) is None
    assert challenges.take(entry.state, "192.0.2.1", NOW) == entry


@pytest.mark.parametrize("state", [b"", b"0", b"\0" * 33, b"x" * 253])
def test_unknown_state_is_nothing(state: bytes) -> None:
    """An invented State names no challenge."""
    challenges = make()
    issue(challenges)

    assert challenges.take(state, "192.0.2.1", NOW) is None


@pytest.mark.parametrize(
    ("seconds", "is_good"), [(0, True), (179.9, True), (180, False), (9999, False), (-1, False)]
)
def test_state_ends_in_time_and_with_a_clock_set_back(seconds: float, *, is_good: bool) -> None:
    """An answer counts within the lifetime only; a clock set back prolongs nothing."""
    challenges = make()
    entry = issue(challenges)

    assert (challenges.take(entry.state, "192.0.2.1", NOW + seconds) == entry) is is_good
    assert len(challenges) == 0


def test_state_is_printable_and_short() -> None:
    """A State survives clients that copy it with string functions, and fits 64 octets."""
    entry = issue(Challenges("node-7/worker-12", 180, 10, lambda octets: b"\0" * octets))

    assert entry.state.isascii()
    assert entry.state.decode().isprintable()
    assert len(entry.state) <= LARGEST_STATE_OCTETS
    assert entry.state.startswith(b"node-7/worker-12")


def test_state_holds_192_random_bits() -> None:
    """A State cannot be guessed."""
    asked: list[int] = []

    def entropy(octets: int) -> bytes:
        asked.append(octets)
        return os.urandom(octets)

    issue(Challenges("0", 180, 10, entropy))

    assert asked == [24]


def test_no_more_than_the_limit_are_open() -> None:
    """Where too many are open no more are issued; an answered one makes room."""
    challenges = make(most=2)
    first = issue(challenges)
    issue(challenges)

    assert challenges.issue("192.0.2.1", 7, "login", "auto", 0, NOW) is None
    challenges.take(first.state, "192.0.2.1", NOW)
    assert challenges.issue("192.0.2.1", 7, "login", "auto", 0, NOW) is not None


def test_one_person_does_not_take_the_room_of_all() -> None:
    """Who asks again and again meets a limit of their own; each way to end one makes room."""
    challenges = make(most=MOST_OF_ONE + 2)
    mine = [issue(challenges, now=NOW + at) for at in range(MOST_OF_ONE)]

    def is_open(user: int) -> bool:
        return challenges.issue("192.0.2.1", user, "login", "auto", 0, NOW + 200) is not None

    assert not is_open(7)
    assert is_open(8)
    challenges.load([*mine[1:], *mine[:1]])
    assert not is_open(7)
    challenges.take(mine[-1].state, "192.0.2.1", NOW + 200)
    assert is_open(7)
    assert not is_open(7)
    challenges.load(mine)
    assert len(challenges.expired(NOW + 180)) == 1
    assert is_open(7)
    assert not is_open(7)
    challenges.load([])
    assert is_open(7)


def test_expired_ones_end_oldest_first() -> None:
    """What is too old is ended and named, the rest stays."""
    challenges = make()
    entries = [issue(challenges, now=NOW + second) for second in (0, 10, 20)]

    assert challenges.expired(NOW + 179) == []
    assert challenges.expired(NOW + 190) == entries[:2]
    assert len(challenges) == 1
    assert challenges.take(entries[2].state, "192.0.2.1", NOW + 190) == entries[2]


def test_those_from_the_future_end_too() -> None:
    """After the clock was set back, challenges from before are ended."""
    challenges = make()
    entry = issue(challenges)

    assert challenges.expired(NOW - 3600) == [entry]


def test_loaded_ones_take_the_place_of_all() -> None:
    """What the store kept is what is open."""
    challenges = make()
    gone, kept = issue(challenges), issue(challenges)

    challenges.load([kept])

    assert challenges.take(gone.state, "192.0.2.1", NOW) is None
    assert challenges.take(kept.state, "192.0.2.1", NOW) == kept


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [
        pytest.param(None, 180, id="none"),
        pytest.param(30, 30, id="shorter"),
        pytest.param(1, 1, id="a second"),
        pytest.param(180, 180, id="the same"),
        pytest.param(2**32 - 1, 180, id="longer"),
    ],
)
def test_upstream_gives_less_time_and_never_more(limit: float | None, seconds: int) -> None:
    """A person gets what the token server gives, and at most what we keep a challenge for."""
    challenges = make()
    first, second = (issue(challenges, limit=limit) for _ in range(2))

    assert challenges.take(first.state, "192.0.2.1", NOW + seconds - 0.1) == first
    assert challenges.take(second.state, "192.0.2.1", NOW + seconds) is None


def test_challenge_that_was_cut_short_is_ended_in_its_turn() -> None:
    """One that an older one stands before is over in time, and goes when that one goes."""
    challenges = make()
    older = issue(challenges)
    short = issue(challenges, now=NOW + 1, limit=10)

    assert challenges.expired(NOW + 100) == []
    assert challenges.expired(NOW + 180) == [older, short]
    assert len(challenges) == 0


def test_challenge_remembers_what_it_goes_on_with() -> None:
    """Step and dialogue come back with the answer; without them it is a passcode of ours."""
    challenges = make()
    talk = Talk(upstream="rsa", server="192.0.2.9", state=b"theirs", rounds=2)

    asked = challenges.issue(
        "192.0.2.1", 7, "login", "proxy", 1, NOW, step="BOTH", talk=talk, limit=60, policy="vpn"
    )
    plain = issue(challenges)

    assert asked is not None
    assert asked[1:] == (
        "192.0.2.1", 7, "login", "proxy", 1, NOW, NOW + 60, "BOTH", talk, "vpn",
    )  # fmt: skip
    assert challenges.take(asked.state, "192.0.2.1", NOW) == asked
    assert (plain.step, plain.talk, plain.policy) == ("PASSCODE", None, "")


def test_challenge_shows_nothing_of_its_dialogue() -> None:
    """Whoever logs a challenge with a dialogue behind it shows neither their State nor keys."""
    challenges = make()
    talk = Talk(upstream="rsa", state=b"their State", kept=b"their keys")

    entry = challenges.issue("192.0.2.1", 7, "login", "auto", 0, NOW, talk=talk)

    assert "their" not in repr(entry)


def test_new_settings_count_for_new_challenges() -> None:
    """After a reload new challenges live as long as it says; open ones keep their time."""
    challenges = make()
    before = issue(challenges)
    challenges.configure(60, 2)
    after = issue(challenges)

    assert (before.expires, after.expires) == (NOW + 180, NOW + 60)
    assert challenges.issue("192.0.2.1", 7, "login", "auto", 0, NOW) is None


def test_strangers_get_half_of_the_room() -> None:
    """Names that the store does not know cost nothing: they do not take the room of all."""
    challenges = Challenges("0", 60, 4, lambda size: bytes(next(NUMBERS) for _ in range(size)))
    issued = [challenges.issue("192.0.2.1", -at, "L", "proxy", 0, 100) for at in (1, 2, 3)]
    assert [entry is None for entry in issued] == [False, False, True]
    assert challenges.issue("192.0.2.1", 7, "L", "proxy", 0, 100) is not None
    assert issued[0] is not None
    challenges.take(issued[0].state, "192.0.2.1", 101)
    assert challenges.issue("192.0.2.1", -3, "L", "proxy", 0, 101) is not None
    challenges.load([entry for entry in issued[:2] if entry is not None])
    assert challenges.issue("192.0.2.1", -9, "L", "proxy", 0, 101) is None
