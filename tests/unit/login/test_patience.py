"""How long a client waits is learned from its tries, for the login after, and never too long."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest

from radiusmfa.login import patience as module
from radiusmfa.login.patience import Addresses, Patience, budget
from radiusmfa.login.tries import Known


@dataclass
class Client:
    """
    A client that is played: when it asks again, and when it gives up.

    Attributes:
        pauses: Between its tries; the last one is how long it waits after the last.
        resends: Whether it sends the same octets again.
        lost: Which of its tries do not arrive; 0 is the first.
    """

    pauses: tuple[float, ...]
    resends: bool = True
    lost: frozenset[int] = frozenset()

    @property
    def gives_up(self) -> float:
        """How old a login becomes at most."""
        return sum(self.pauses)

    def arrivals(self) -> list[tuple[float, int]]:
        """Return when its tries arrive, and which they are."""
        times = (0.0, *itertools.accumulate(self.pauses[:-1]))
        return [(at, number) for number, at in enumerate(times) if number not in self.lost]


@dataclass
class Desk:
    """
    Logins that nobody answers before they must be answered.

    Attributes:
        patience: What is learned by them.
        now: Monotonic time.
    """

    patience: Patience
    now: float = 1000.0

    def login(
        self, client: Client, *, until: float = float("inf"), is_fixed: bool = False
    ) -> float:
        """
        Let a login of *client* wait; return how old it was when it was answered.

        Args:
            client: Who asks.
            until: When somebody answers, seconds from the first try.
            is_fixed: It is answered when it had to be as it began, as an upstream's are.
        """
        (first, number), *others = client.arrivals()
        began = self.now + first
        wait = self.patience.begin(began, ("it", number))
        fixed = ends = self.patience.deadline(began)
        for at, number in [*others, (float("inf"), -1)]:
            ends = min(fixed if is_fixed else self.deadline(began), self.now + until)
            if self.now + at >= ends:
                break
            self.again(self.now + at, number, is_resent=client.resends)
        self.patience.end(wait, ends)
        self.now += 1000
        return ends - self.now + 1000

    def deadline(self, began: float) -> float:
        """Return when the login that waits has to be answered."""
        return self.patience.deadline(began, next(iter(self.patience._waits.values())))

    def again(self, now: float, number: int, *, is_resent: bool) -> None:
        """Let the login that waits be asked for again."""
        name = next(iter(self.patience._waits))
        self.patience.again(name, now, None if is_resent else ("it", number))

    @property
    def known(self) -> float | None:
        """Seconds that were learned."""
        return None if self.patience.known is None else self.patience.known.seconds


def alike(pause: float, tries: int, **more: object) -> Client:
    """Return a client whose pauses are the same."""
    return Client((pause,) * tries, **more)  # type: ignore[arg-type]


RADCLIENT = alike(1.0, 8)
CISCO = alike(5.0, 3)
PATIENT = alike(5.0, 12)
CLIENTS = [
    pytest.param(RADCLIENT, id="radclient -t 1 -r 8"),
    pytest.param(CISCO, id="Cisco, 5 s, 3 tries"),
    pytest.param(alike(10.0, 2), id="10 s, twice"),
    pytest.param(alike(3.0, 5), id="VMware Horizon"),
    pytest.param(alike(5.0, 3, resends=False), id="a new request each time"),
    pytest.param(Client((2.0, 4.0, 8.0, 16.0)), id="RFC 5080, 30 s"),
    pytest.param(Client((2.1, 4.0, 8.3, 15.9)), id="RFC 5080, shifted"),
    pytest.param(Client((2.0, 2.8, 3.92, 5.49)), id="strongSwan"),
    pytest.param(Client((4.8, 5.2, 5.1)), id="shifted"),
    pytest.param(Client((5.0, 5.003, 4.996)), id="milliseconds"),
]


# -- what is not learned --


def test_nothing_is_known_at_first() -> None:
    """Until a client has taught anything, what is configured counts, as for all others."""
    patience = Patience(20.0)

    assert patience.deadline(7.0) == 7.0 + budget(20.0) == 26.0
    assert (patience.known, patience.is_changed) == (None, False)


def test_client_that_does_not_ask_again_teaches_nothing() -> None:
    """Where there are no tries, nobody can tell when it gave up."""
    desk = Desk(Patience(20.0))

    assert [desk.login(Client((15.0,))) for _ in range(3)] == [19.0] * 3
    assert desk.known is None


@pytest.mark.parametrize("until", [3.0, 9.0, 14.0])
def test_login_that_was_answered_in_time_teaches_nothing(until: float) -> None:
    """Whoever got an answer has not given up."""
    desk = Desk(Patience(20.0))

    assert desk.login(CISCO, until=until) == until
    assert desk.known is None


def test_login_that_was_not_decided_teaches_nothing() -> None:
    """What the store has lost is forgotten, and its name is free."""
    patience = Patience(20.0)
    wait = patience.begin(0.0, "one", "other")
    for at in (5.0, 10.0):
        patience.again("one", at)

    patience.forget(wait)
    patience.again("one", 15.0)

    assert (patience._waits, wait.tries, patience.known) == ({}, 3, None)


def test_somebody_who_tries_again_by_hand_is_not_a_client() -> None:
    """One more request at no time in particular says nothing of when a client gives up."""
    patience = Patience(30.0)
    wait = patience.begin(0.0, "one")
    patience.again("one", 12.0, "another")

    patience.end(wait, budget(30.0))

    assert patience.known is None


# -- what is learned --


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("is_fixed", [False, True], ids=["moving", "fixed"])
@pytest.mark.parametrize("start", [5, 20, 60])
def test_second_login_is_answered_before_the_client_gives_up(
    client: Client,
    is_fixed: bool,  # noqa: FBT001
    start: int,
) -> None:
    """One unanswered login teaches how old the next may become: shorter, but not by much."""
    desk = Desk(Patience(float(start)))
    first = desk.login(client, is_fixed=is_fixed)
    if desk.known is None:  # the first one was answered in time, or there were no tries yet
        assert first < client.gives_up + 20
        assert is_fixed or client.pauses[0] > start * 0.9
        return

    assert desk.patience.is_changed
    for _ in range(3):
        age = desk.login(client, is_fixed=is_fixed)
        assert 0.7 * client.gives_up < age < client.gives_up
    assert desk.known <= client.gives_up * 1.001


def test_patient_client_is_waited_for_while_it_asks() -> None:
    """Whoever asks again is there: a login goes on beyond what is configured, once too long."""
    desk = Desk(Patience(20.0))

    ages = [desk.login(PATIENT) for _ in range(3)]

    assert desk.known == 60.0
    assert ages[0] == pytest.approx(66.85)
    assert ages[1] == ages[2] == pytest.approx(57.0)


def test_person_who_takes_long_gets_in_meanwhile() -> None:
    """An answer that comes while the client still asks is in time."""
    desk = Desk(Patience(20.0))

    assert desk.login(PATIENT, until=43.0) == 43.0
    assert desk.known is None


def test_deadline_moves_with_each_try() -> None:
    """With what is known, a try that is one more moves the end to just before the next."""
    patience = Patience(20.0, Known(15.0, 5.0, 3))
    wait = patience.begin(0.0, "it")
    ends = [patience.deadline(0.0, wait)]
    for at in (5.0, 10.0, 15.0, 20.0):
        patience.again("it", at)
        ends.append(patience.deadline(0.0, wait))

    assert ends == pytest.approx([14.25, 14.25, 14.25, 19.5, 24.5])


def test_nobody_is_believed_to_wait_for_ever() -> None:
    """Whoever asks again and again gets an answer before 300 seconds are over."""
    desk = Desk(Patience(20.0))

    assert desk.login(alike(5.0, 200)) == 285.0
    assert desk.known is None


@pytest.mark.parametrize(("seconds", "age"), [(0.9, 1.9), (301.0, 285.0)])
def test_what_was_learned_is_believed_within_limits(seconds: float, age: float) -> None:
    """Never below 2 seconds, and never above 300."""
    assert Patience(20.0, Known(seconds, 0.3, 3)).deadline(0.0) == pytest.approx(age)


def test_request_that_comes_after_the_client_was_gone_is_a_new_one() -> None:
    """Who tries again by hand joins the login; what had been seen before is learned."""
    patience = Patience(60.0)
    wait = patience.begin(0.0, "one")
    for at in (5.0, 10.0):
        patience.again("one", at)

    patience.again("one", 23.0, "another")

    assert patience.known == (15.0, 5.0, 3)
    assert patience.deadline(0.0, wait) == pytest.approx(23.0 + 14.25)
    patience.again("another", 28.0)
    assert wait.tries == 2


def test_same_octets_after_a_long_time_are_the_same_client() -> None:
    """Two tries that were lost do not make another client of it."""
    patience = Patience(60.0)
    wait = patience.begin(0.0, "one")
    for at in (5.0, 10.0, 25.0):
        patience.again("one", at)

    assert (patience.known, wait.first, wait.tries) == (None, 0.0, 4)


# -- what changes it --


def learned(client: Client = CISCO, start: float = 20.0) -> Desk:
    """Return a desk that knows *client*."""
    desk = Desk(Patience(start))
    desk.login(client)
    assert desk.known is not None
    desk.patience.is_changed = False
    return desk


def test_one_lost_try_changes_nothing() -> None:
    """A login that seems to be given up sooner is not believed alone."""
    desk = learned()

    desk.login(alike(5.0, 3, lost=frozenset({2})))
    desk.login(CISCO)
    desk.login(alike(5.0, 3, lost=frozenset({2})))

    assert desk.known == 15.0
    assert not desk.patience.is_changed


@pytest.mark.parametrize("lost", [{0}, {1}, {2}, {1, 2}, {5}, {11}])
def test_lost_tries_of_the_first_login_make_nothing_longer(lost: set[int]) -> None:
    """Whatever is lost, what is learned is never more than the client waits."""
    desk = Desk(Patience(60.0))
    desk.login(alike(5.0, 12, lost=frozenset(lost)))

    assert desk.known is not None
    assert 50.0 <= desk.known <= 60.0


def test_two_logins_shorten_it() -> None:
    """A client that was given less time: the second login that outlives it is believed."""
    desk = learned(PATIENT)
    desk.login(CISCO)
    assert desk.known == 60.0

    desk.login(CISCO)

    assert desk.known == 15.0
    assert desk.patience.is_changed
    assert desk.login(CISCO) == pytest.approx(14.25)


def test_two_that_do_not_agree_change_nothing() -> None:
    """Of two different ages neither is believed before it is seen again."""
    desk = learned(PATIENT)

    desk.login(CISCO)
    desk.login(alike(5.0, 5))

    assert desk.known == 60.0
    desk.login(alike(5.0, 5))
    assert desk.known == 25.0


def test_what_refutes_a_doubt_ends_it() -> None:
    """A login that lives longer shows that tries had been lost before."""
    desk = learned(PATIENT)
    desk.login(CISCO)

    desk.login(PATIENT, until=31.0)
    desk.login(CISCO)

    assert desk.known == 60.0


def test_two_at_the_same_time_are_one() -> None:
    """A network that fails for a minute makes many logins look alike."""
    desk = learned(PATIENT)
    patience, now = desk.patience, desk.now
    waits = [patience.begin(now + number, number) for number in range(5)]
    for number in range(5):
        patience.again(number, now + number + 5)
        patience.again(number, now + number + 10)

    for wait in waits:
        patience.end(wait, now + 57)

    assert desk.known == 60.0


@pytest.mark.parametrize(
    "client", [Client((60.0,)), alike(20.0, 3)], ids=["not-at-all", "less-often"]
)
def test_client_that_asks_in_another_way_is_learned_anew(client: Client) -> None:
    """Where two logins show none of the tries that there should be, all is forgotten."""
    desk = learned()
    ages = [desk.login(client)]
    before = desk.known
    ages.append(desk.login(client))

    assert before == 15.0
    assert max(ages) < client.gives_up
    assert desk.known is None
    assert desk.patience.is_changed
    assert desk.patience.deadline(0.0) == 19.0


def test_tries_as_before_end_that_doubt() -> None:
    """One login without tries is forgotten as soon as the client asks as ever."""
    desk = learned()

    for _ in range(3):
        desk.login(Client((60.0,)))
        desk.login(CISCO, until=7.0)

    assert desk.known == 15.0


def test_short_login_says_nothing() -> None:
    """Who is answered before the first try neither doubts nor refutes."""
    desk = learned()
    desk.login(Client((60.0,)))

    desk.login(CISCO, until=2.0)
    assert desk.known == 15.0

    desk.login(Client((60.0,)))
    assert desk.known is None


def test_more_time_is_not_seen_by_itself() -> None:
    """Answered in time each time, a client shows nobody that it would wait longer by now."""
    desk = learned()

    ages = {desk.login(PATIENT) for _ in range(5)}

    assert ages == {14.25}
    assert desk.known == 15.0


def test_after_a_reload_more_time_is_seen() -> None:
    """Then logins wait as long as somebody asks; two that agree make it longer."""
    desk = learned()
    desk.patience.look_again(20.0)

    assert desk.login(PATIENT) > 60
    assert desk.known == 15.0
    assert desk.login(PATIENT) > 60

    assert desk.known == 60.0
    assert desk.login(PATIENT) == pytest.approx(57.0)


def test_after_a_reload_one_login_is_enough_where_nothing_has_changed() -> None:
    """One login is answered too late; then all is as before."""
    desk = learned()
    desk.patience.look_again(20.0)

    assert desk.login(CISCO) > 15.0
    assert [desk.login(CISCO) for _ in range(3)] == [14.25] * 3
    assert not desk.patience.is_changed


# -- addresses --


def test_each_address_is_known_by_itself() -> None:
    """Two devices of one client entry may wait differently long."""
    addresses = Addresses(20.0)
    addresses.restore("192.0.2.1", Known(15.0, 5.0, 3))

    one, other = addresses.of("192.0.2.1"), addresses.of("192.0.2.2")

    assert (one.deadline(0.0), other.deadline(0.0)) == (14.25, 19.0)
    assert addresses.of("192.0.2.2") is other


def test_reload_reaches_every_address() -> None:
    """What is configured counts for all of whom nothing is known, and each may show more."""
    addresses = Addresses(20.0)
    known = addresses.of("192.0.2.1")

    addresses.look_again(60.0)

    assert known.deadline(0.0) == addresses.of("192.0.2.2").deadline(0.0) == 57.0


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for three addresses."""
    monkeypatch.setattr(module, "MOST", 3)


@pytest.mark.usefixtures("few")
def test_addresses_without_knowledge_make_room() -> None:
    """Invented addresses do not fill the memory, and take nothing away that was learned."""
    addresses = Addresses(20.0)
    addresses.restore("192.0.2.1", Known(15.0, 5.0, 3))
    for number in range(100):
        addresses.of(f"198.51.100.{number}")

    assert len(addresses._by_address) <= 3
    assert addresses.of("192.0.2.1").known is not None


@pytest.mark.usefixtures("few")
def test_memory_is_bounded_whatever_was_learned() -> None:
    """Where everything is known there is still no more than room for it."""
    addresses = Addresses(20.0)
    for number in range(3):
        addresses.restore(f"192.0.2.{number}", Known(15.0, 5.0, 3))

    addresses.of("198.51.100.1")

    assert len(addresses._by_address) == 1
