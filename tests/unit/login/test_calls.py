"""Who may be called: every rule, its edges, and that a clock set back opens nothing."""

from __future__ import annotations

from itertools import count
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as some

from radiusmfa.config.service_model import Limits
from radiusmfa.login.calls import DAY, HOUR, Book, Call, Result, is_still_open, refusal, to_go_on
from radiusmfa.outcome import Reason

NOW: Final = 1_800_000_000.0
ALICE: Final = 7
BOB: Final = 8
PHONE: Final = b"digest of a number"
OTHER: Final = b"digest of another"
LIMITS: Final = Limits(per_hour=3, per_day=5, site_per_hour=6, cool_down=60)
_NUMBERS: Final = count(1)


def call(ago: float = 0.0, result: Result = Result.SENT, **others: Any) -> Call:  # noqa: ANN401
    """Return a call to alice that was made *ago* seconds, and could be open for a minute."""
    usual: dict[str, Any] = {
        "id": next(_NUMBERS), "service": "it", "user": ALICE, "way": "push", "target": PHONE,
        "place": b"here", "state": b"tx", "created": NOW - ago, "expires": NOW - ago + 60,
        "result": result,
    }  # fmt: skip
    return Call(**(usual | others))


def book(*calls: Call) -> Book:
    """Return a book of *calls*."""
    made = Book()
    for one in calls:
        made.put(one)
    return made


def refused(*calls: Call, now: float = NOW, **others: Any) -> Reason | None:  # noqa: ANN401
    """Return why alice must not be called."""
    usual: dict[str, Any] = {"user": ALICE, "target": PHONE, "now": now, "is_open": True}
    return refusal(book(*calls), LIMITS, **(usual | others))


# -- one at a time --


@pytest.mark.parametrize("ago", [0.0, 59.9, -1.0])
def test_second_call_is_refused_while_one_is_open(ago: float) -> None:
    """Whatever login it is for, and wherever it goes: one phone rings at a time."""
    assert refused(call(ago, Result.OPEN)) is Reason.CALL_OPEN
    assert refused(call(ago, Result.OPEN), target=OTHER) is Reason.CALL_OPEN


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(call(60.0, Result.OPEN), id="its time is over"),
        pytest.param(call(1.0, Result.PASSED), id="it was answered"),
        pytest.param(call(1.0, Result.ENDED), id="it has ended"),
        pytest.param(call(1.0, Result.SENT), id="nobody answers it"),
        pytest.param(call(1.0, Result.OPEN, user=BOB, target=OTHER), id="another's"),
    ],
)
def test_call_that_is_not_open_hinders_none(known: Call) -> None:
    """Only an open one of the same person, or to the same telephone, counts."""
    assert refused(known) is None


def test_message_may_be_sent_while_a_call_is_open() -> None:
    """What stays not open, as a message, hinders and is hindered by nothing."""
    assert refused(call(1.0, Result.OPEN), is_open=False) is None


# -- silence after a no --


@pytest.mark.parametrize(
    ("result", "silence"), [(Result.REFUSED, 60), (Result.FRAUD, 120)], ids=str
)
def test_person_is_left_alone_after_a_no(result: Result, silence: int) -> None:
    """From their answer on, twice as long after a report; for messages, too."""
    said = call(500.0, result, expires=NOW)
    for later in (0.0, silence - 0.1):
        assert refused(said, now=NOW + later) is Reason.COOLING_DOWN
        assert refused(said, now=NOW + later, is_open=False) is Reason.COOLING_DOWN
        assert refused(said, now=NOW + later, target=OTHER) is Reason.COOLING_DOWN
    assert refused(said, now=NOW + silence) is None


def test_silence_is_the_persons_own() -> None:
    """Somebody else's no says nothing of this person."""
    assert refused(call(1.0, Result.FRAUD, user=BOB, expires=NOW), target=OTHER) is None


def test_telephone_of_two_accounts_rings_for_one_of_them() -> None:
    """Two accounts, or two names of one: whoever holds it is not asked twice, nor after a no."""
    assert refused(call(1.0, Result.OPEN, user=BOB)) is Reason.CALL_OPEN
    assert refused(call(1.0, Result.REFUSED, user=BOB, expires=NOW)) is Reason.COOLING_DOWN


def test_call_that_the_store_knows_without_its_fraction_is_the_same() -> None:
    """Whoever holds it from before a reading changes it, and it is forgotten whole."""
    before, read = call(id=1, created=NOW + 0.7), call(id=1, created=NOW)
    made = book(read, call(id=2, created=NOW + 0.5))
    made.put(before)
    assert made.get(1) is before
    assert made.get(3) is None
    made.remove(before)
    assert (len(made), made.since(NOW)) == (1, 1)


def test_silence_may_be_switched_off() -> None:
    """With `cool_down: 0` a no ends the call, and no more."""
    known = book(call(1.0, Result.FRAUD, expires=NOW))
    limits = Limits(cool_down=0)
    assert refusal(known, limits, ALICE, PHONE, NOW, is_open=True) is None


# -- so many --


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("result", [Result.SENT, Result.PASSED, Result.ENDED])
def test_person_is_called_so_often_an_hour(result: Result, *, is_open: bool) -> None:
    """Every call counts, also one that was answered with yes; after an hour it does not."""
    calls = [call(HOUR - 1, result), call(100.0, result), call(99.0, result)]
    assert refused(*calls[:2], is_open=is_open) is None
    assert refused(*calls, is_open=is_open) is Reason.CALL_LIMIT
    assert refused(*calls, is_open=is_open, now=NOW + 1) is None


def test_person_is_called_so_often_a_day() -> None:
    """Never too often in an hour, and still too often."""
    calls = [call(HOUR * hours) for hours in (23.9, 20, 15, 10, 5)]
    assert refused(*calls[:4]) is None
    assert refused(*calls) is Reason.CALL_LIMIT
    assert refused(*calls, now=NOW + HOUR) is None


def test_destination_is_called_so_often_an_hour_whoever_it_belongs_to() -> None:
    """One telephone of several accounts, all of an attacker, rings no more often for that."""
    calls = [call(100.0, user=user) for user in (11, 12, 13)]
    assert refused(*calls[:2]) is None
    assert refused(*calls) is Reason.CALL_LIMIT
    assert refused(*calls, target=OTHER) is None
    assert refused(*calls, now=NOW + HOUR) is None


def test_everybody_together_is_called_so_often_an_hour() -> None:
    """Whoever sends messages to the whole site spends its money."""
    calls = [call(100.0, user=user, target=b"%d" % user) for user in range(20, 26)]
    assert refused(*calls[:5]) is None
    assert refused(*calls) is Reason.CALL_LIMIT
    assert refused(*calls, now=NOW + HOUR) is None


# -- the clock --


@pytest.mark.parametrize("back", [2.0, HOUR, DAY, 100 * DAY])
def test_clock_set_back_forgives_nothing(back: float) -> None:
    """What was counted counts on, and a no is still a no."""
    then = NOW - back
    assert refused(*[call(user=20) for _ in range(3)], now=then) is Reason.CALL_LIMIT
    assert refused(*[call(), call(), call()], now=then) is Reason.CALL_LIMIT
    assert refused(call(1.0, Result.REFUSED, expires=NOW), now=then) is Reason.COOLING_DOWN
    site = [call(user=user, target=b"%d" % user) for user in range(20, 26)]
    assert refused(*site, now=then) is Reason.CALL_LIMIT


@pytest.mark.parametrize("back", [1.1, HOUR])
def test_clock_set_back_opens_no_call_again(back: float) -> None:
    """A call of the future is nobody's to go on with; a second's fraction is no future."""
    known = call(0.0, Result.OPEN)
    assert not is_still_open(known, NOW - back)
    assert to_go_on(book(known), ALICE, b"here", NOW - back) is None
    assert is_still_open(known, NOW - 0.9)


# -- whose call a login goes on with --


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(call(1.0, Result.OPEN, user=BOB), id="another's"),
        pytest.param(call(1.0, Result.OPEN, place=b"there"), id="of another login"),
        pytest.param(call(1.0, Result.OPEN, state=b""), id="nothing to go on with"),
        pytest.param(call(60.0, Result.OPEN), id="its time is over"),
        *[pytest.param(call(1.0, one), id=one) for one in Result if one is not Result.OPEN],
    ],
)
def test_nobody_goes_on_with_a_call_that_is_not_theirs(known: Call) -> None:
    """Another person, another login, or an end: a new call has to be allowed."""
    assert to_go_on(book(known), ALICE, b"here", NOW) is None


def test_login_goes_on_with_its_open_call() -> None:
    """The same person at the same place, whatever else there is."""
    own = call(1.0, Result.OPEN)
    others = [call(1.0, Result.OPEN, user=BOB), call(2.0, Result.PASSED)]
    assert to_go_on(book(*others, own), ALICE, b"here", NOW) is own


# -- the book --


def test_book_knows_each_call_once() -> None:
    """A call that has changed is the same one, by person, destination and time."""
    known, made = call(5.0, Result.OPEN), Book()
    made.put(known)
    changed = call(5.0, Result.PASSED, id=known.id)
    made.put(changed)
    assert list(made) == made.of(ALICE) == made.to(PHONE) == [changed]
    assert (len(made), made.since(NOW - 6), made.since(NOW - 5)) == (1, 1, 0)


def test_book_forgets() -> None:
    """What is removed is found nowhere, and takes no room."""
    made = book(*(known := [call(3.0), call(3.0, user=BOB), call(1.0, target=OTHER)]))
    for one in known:
        made.remove(one)
    assert (list(made), len(made), made.since(0)) == ([], 0, 0)
    assert (made.of(ALICE), made.to(PHONE), made._of, made._to) == ([], [], {}, {})


@given(
    some.lists(some.tuples(some.integers(0, 3), some.integers(0, 3), some.integers(0, 9))),
    some.sets(some.integers(0, 20)),
    some.integers(-1, 10),
)
def test_book_finds_what_a_search_would(
    rows: list[tuple[int, int, int]], gone: set[int], moment: int
) -> None:
    """By person, destination and time it says what looking at each call would."""
    calls = [
        call(user=user, target=b"%d" % target, created=created, id=number)
        for number, (user, target, created) in enumerate(rows)
    ]
    made = book(*calls)
    for one in calls:
        if one.id in gone:
            made.remove(one)
    left = [one for one in calls if one.id not in gone]
    assert list(made) == left
    assert made.since(moment) == sum(one.created > moment for one in left)
    for number in range(4):
        assert made.of(number) == [one for one in left if one.user == number]
        assert made.to(b"%d" % number) == [one for one in left if one.target == b"%d" % number]
