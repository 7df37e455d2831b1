"""The tries of one login: what their pauses say of when the client gives up."""

from __future__ import annotations

import pytest

from radiusmfa.login.tries import Known, Wait


def waited(*at: float, is_resent: bool = True) -> Wait:
    """Return a login whose client asked at 0 and again at those seconds."""
    wait = Wait(0.0)
    for now in at:
        wait.again(now, is_resent=is_resent)
    return wait


# -- what nobody learns from --


@pytest.mark.parametrize(
    ("at", "is_resent"),
    [
        pytest.param((), True, id="once"),
        pytest.param((7.0,), False, id="another-request"),
        pytest.param((5.0, 18.0), True, id="uneven"),
        pytest.param((5.0, 10.0, 13.0), True, id="shorter"),
        pytest.param((2.0, 14.0, 30.0), True, id="grown-with-a-gap"),
        pytest.param((1.0, 12.0), True, id="many-lost"),
    ],
)
def test_tries_of_nobody_in_particular_teach_nothing(
    at: tuple[float, ...], *, is_resent: bool
) -> None:
    """A single other request may be a person, and tries in no order several clients."""
    assert not waited(*at, is_resent=is_resent).can_teach


def test_copy_of_the_network_is_no_try() -> None:
    """The same packet twice within milliseconds is no pause, and delays nothing."""
    wait = waited(0.001, 5.0, 5.01, 10.0)

    assert (wait.tries, wait.pause, wait.last) == (3, 5.0, 10.0)


# -- how long it waits at least --


@pytest.mark.parametrize(
    ("at", "seconds"),
    [
        pytest.param((10.0,), 10.0, id="one-pause"),
        pytest.param((5.0, 10.0), 5.0, id="alike"),
        pytest.param((5.4, 10.0, 15.5), 4.6, id="uneven-by-a-tenth"),
        pytest.param((5.0, 15.0), 5.0, id="doubled-or-lost"),
        pytest.param((5.0, 15.0, 20.0), 5.0, id="one-lost"),
        pytest.param((10.0, 15.0, 20.0), 5.0, id="second-lost"),
        pytest.param((2.0, 6.0, 14.0), 14.4, id="doubled-and-16-at-most"),
        pytest.param((1.0, 3.0, 7.0), 7.6, id="doubled"),
        pytest.param((2.0, 6.0, 14.0, 30.0), 14.4, id="doubled-to-the-limit"),
        pytest.param((2.0, 6.0, 14.0, 30.0, 46.0), 14.4, id="level"),
        pytest.param((4.0, 12.0, 28.0, 44.0), 14.4, id="level-sooner"),
        pytest.param((2.0, 4.8, 8.72), 0.9 * 3.92, id="strongswan"),
        pytest.param((2.0, 4.8), 0.9 * 2.8, id="strongswan-begins"),
        pytest.param((20.0, 60.0, 140.0), 36.0, id="longer-than-anybody"),
    ],
)
def test_client_waits_one_more_pause(at: tuple[float, ...], seconds: float) -> None:
    """After its last try it waits as long as before, or longer where its pauses grow."""
    assert waited(*at).next == pytest.approx(seconds)


# -- when it is gone --


@pytest.mark.parametrize(
    ("at", "gone", "long_gone"),
    [
        pytest.param((5.0,), 16.5, 16.6, id="one-pause"),
        pytest.param((5.0, 10.0), 16.75, 21.85, id="alike"),
        pytest.param((5.0, 15.0), 37.5, 37.6, id="doubled-or-lost"),
        pytest.param((5.0, 15.0, 20.0), 26.75, 31.85, id="one-lost"),
        pytest.param((2.0, 6.0, 14.0), 32.1, 32.2, id="doubled"),
        pytest.param((4.0, 12.0, 28.0, 44.0), 79.7, 79.8, id="level"),
    ],
)
def test_client_is_gone_when_its_next_try_is_late(
    at: tuple[float, ...], gone: float, long_gone: float
) -> None:
    """Pauses may double and shift a little; with one more pause a try may have been lost."""
    wait = waited(*at)

    assert (wait.gone, wait.long_gone) == pytest.approx((gone, long_gone))


# -- what is known then --


@pytest.mark.parametrize(
    ("at", "known", "text"),
    [
        pytest.param((5.0, 10.0), (15.0, 5.0, 3), "15 s (5 s apart, 3 tries)", id="cisco"),
        pytest.param((10.0,), (20.0, 10.0, 2), "20 s (10 s apart, 2 tries)", id="twice"),
        pytest.param(
            (1.002, 2.003, 3.003), (4.003, 1.0, 4), "4 s (1 s apart, 4 tries)", id="late-by-little"
        ),
        pytest.param(
            (4.997, 9.993), (14.989, 4.996, 3), "15 s (5 s apart, 3 tries)", id="early-by-little"
        ),
        pytest.param((5.0, 15.0, 20.0), (25.0, 5.0, 5), "25 s (5 s apart, 5 tries)", id="lost"),
        pytest.param((0.3, 0.6), (0.9, 0.3, 3), "0.9 s (0.3 s apart, 3 tries)", id="mikrotik"),
        pytest.param(
            (2.0, 6.0, 14.0),
            (28.4, 2.0, 4),
            "28 s (2 s apart at first, then longer, 4 tries)",
            id="doubled",
        ),
    ],
)
def test_what_is_known_is_told(
    at: tuple[float, ...], known: tuple[float, float, int], text: str
) -> None:
    """How old a login becomes until its client gives up, and how that is made up."""
    found = waited(*at).known()

    assert tuple(found) == pytest.approx(known)
    assert str(found) == f"gives up after {text}"


def test_tries_of_other_requests_teach_if_they_are_regular() -> None:
    """A client that makes a new request for each try is one, too."""
    wait = waited(5.0, 10.0, is_resent=False)

    assert wait.can_teach
    assert wait.known() == (15.0, 5.0, 3)


def test_whoever_begins_anew_has_not_asked_before() -> None:
    """What is counted from is the first try of whoever waits now."""
    wait = waited(5.0, 10.0)

    wait.start(22.0)

    assert (wait.began, wait.first, wait.last, wait.tries) == (0.0, 22.0, 22.0, 1)
    wait.again(25.0, is_resent=True)
    assert wait.known() == (6.0, 3.0, 2)


@pytest.mark.parametrize(
    ("seconds", "limit", "advice"),
    [
        (0.9, 2.0, "in that time nobody can be asked: let it wait longer"),
        (2.0, 2.0, "set time_budget: 2"),
        (14.95, 14.95, "set time_budget: 15"),
        (14.8, 14.8, "set time_budget: 14"),
        (301.0, 300.0, "set time_budget: 300"),
    ],
)
def test_what_is_believed_has_limits(seconds: float, limit: float, advice: str) -> None:
    """Never below 2 and never above 300 seconds, whatever somebody sends."""
    known = Known(seconds, 1.0, 2)

    assert (known.limit, known.advice) == (limit, advice)
