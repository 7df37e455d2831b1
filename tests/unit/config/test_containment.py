"""Tests of `radiusmfa.config.containment`."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_network
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config import containment
from radiusmfa.config.policy_model import Conditions, Schedule, Span

UTC = ZoneInfo("UTC")
BERLIN = ZoneInfo("Europe/Berlin")
WEEK = frozenset(range(5))
ALL = frozenset(range(7))
CHRISTMAS = date(2026, 12, 25)  # a Friday


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("", "", True),
        ("", "alice", True),
        ("alice", "", False),
        ("alice", "alice", True),
        ("alice", "bob", False),
        ("alice bob", "bob", True),
        ("bob", "alice bob", False),
        ("*", "", True),
        ("?*", "", True),  # a name is never empty
        ("?*", "*", True),
        ("??*", "*", False),
        ("a*", "alice", True),
        ("a*", "a*e", True),
        ("a*e", "a*", False),
        ("*@example.com", "*@example.com", True),
        ("*@example.com", "adm-*@example.com", True),
        ("adm-*@example.com", "*@example.com", False),
        ("*@*", "*@example.com", True),
        ("?", "a", True),
        ("a", "?", False),
        ("?*", "*?", True),
        ("*?*?*", "??*", True),
        ("*a*b*", "*ab*", True),
        ("*ab*", "*a*b*", False),
        ("a* b*", "a* b*", True),
        ("a* *b", "a*b", True),
        ("? ??*", "*", True),  # together they are every name
        ("? ???*", "*", False),
    ],
)
def test_patterns_are_compared_exactly(outer: str, inner: str, *, expected: bool) -> None:
    """Every name that fits the one fits the other, also where only several patterns do it."""
    assert containment.patterns(outer.split(), inner.split()) is expected


def test_patterns_that_would_take_for_ever_prove_nothing() -> None:
    """What nobody writes is given up on, soon: the answer is the safe one."""
    few, many = 3 * "?", 40 * "?"
    assert containment.patterns([f"*a{few}"], [f"?*a{few}"])
    assert not containment.patterns([f"*a{many}"], [f"?*a{many}"])


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        ("", "", True),
        ("", "10.0.0.0/8", True),
        ("10.0.0.0/8", "", False),
        ("0.0.0.0/0 ::/0", "", False),  # where nobody knows the address it does not hold
        ("10.0.0.0/8", "10.1.0.0/16", True),
        ("10.1.0.0/16", "10.0.0.0/8", False),
        ("10.0.0.0/9 10.128.0.0/9", "10.0.0.0/8", True),
        ("10.0.0.0/9", "10.0.0.0/8", False),
        ("10.0.0.0/8", "10.0.0.1 ::1", False),
        ("10.0.0.0/8 ::/0", "10.0.0.1 ::1", True),
        ("::/0", "10.0.0.1", False),
        ("0.0.0.0/0", "::1", False),
    ],
)
def test_networks_are_compared_exactly(outer: str, inner: str, *, expected: bool) -> None:
    """Also where several smaller networks make up a larger one."""
    nets = [[ip_network(text) for text in texts.split()] for texts in (outer, inner)]
    assert containment.networks(*nets) is expected


def _hours(
    days: frozenset[int] = WEEK,
    start: int = 8,
    end: int = 18,
    *holidays: date,
    zone: ZoneInfo = BERLIN,
    also: tuple[Schedule, ...] = (),
) -> Schedule:
    span = Span(days=days, start=60 * start, end=60 * end)
    return Schedule(name="", spans=(span,), zone=zone, holidays=frozenset(holidays), also=also)


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        pytest.param(None, None, True, id="always"),
        pytest.param(None, _hours(), True, id="always-and-hours"),
        pytest.param(_hours(), None, False, id="hours-and-always"),
        pytest.param(_hours(ALL, 0, 24), None, True, id="all-hours-are-always"),
        pytest.param(_hours(ALL, 12, 12), None, True, id="whole-days-from-noon"),
        pytest.param(_hours(ALL, 0, 24, CHRISTMAS), None, False, id="all-but-a-holiday"),
        pytest.param(_hours(), _hours(), True, id="same"),
        pytest.param(_hours(), _hours(WEEK, 9, 17), True, id="shorter"),
        pytest.param(_hours(), _hours(WEEK, 9, 19), False, id="longer"),
        pytest.param(_hours(), _hours(ALL, 9, 17), False, id="more-days"),
        pytest.param(_hours(ALL), _hours(), True, id="fewer-days"),
        pytest.param(_hours(), _hours(WEEK, 8, 18, CHRISTMAS), True, id="inner-holiday"),
        pytest.param(_hours(WEEK, 8, 18, CHRISTMAS), _hours(), False, id="outer-holiday"),
        pytest.param(
            _hours(WEEK, 8, 18, CHRISTMAS),
            _hours(WEEK, 8, 18, CHRISTMAS),
            True,
            id="both-have-it",
        ),
        pytest.param(
            _hours(WEEK, 8, 18, date(2026, 12, 26)), _hours(), True, id="holiday-on-a-saturday"
        ),
        pytest.param(_hours(WEEK, 22, 6), _hours(WEEK, 23, 24), True, id="night-has-evening"),
        pytest.param(
            _hours(WEEK, 22, 6), _hours(frozenset({5}), 0, 6), True, id="friday-night-has-morning"
        ),
        pytest.param(
            _hours(WEEK, 22, 6), _hours(frozenset({0}), 0, 6), False, id="no-night-before-monday"
        ),
        pytest.param(
            _hours(WEEK, 22, 6, CHRISTMAS),
            _hours(frozenset({5}), 0, 6),
            False,
            id="no-night-after-a-holiday",
        ),
        pytest.param(_hours(), _hours(zone=UTC), False, id="another-clock"),
        pytest.param(_hours(ALL, 0, 24), _hours(zone=UTC), True, id="all-hours-of-any-clock"),
        pytest.param(
            _hours(WEEK, 8, 12, also=(_hours(WEEK, 12, 18),)), _hours(), True, id="two-halves"
        ),
        pytest.param(
            _hours(), _hours(WEEK, 8, 12, also=(_hours(WEEK, 12, 19),)), False, id="one-too-long"
        ),
        pytest.param(
            _hours(WEEK, 8, 18, also=(_hours(zone=UTC),)), _hours(zone=UTC), True, id="second-clock"
        ),
    ],
)
def test_schedules_are_compared_by_the_minute(
    outer: Schedule | None, inner: Schedule | None, *, expected: bool
) -> None:
    """Minutes of a week, nights that reach into the next day, and holidays."""
    assert containment.schedules(outer, inner) is expected


@pytest.mark.parametrize(
    ("outer", "inner", "expected"),
    [
        pytest.param(Conditions(), Conditions(), True, id="nothing"),
        pytest.param(Conditions(realms=("a",)), Conditions(), False, id="realm"),
        pytest.param(
            Conditions(realms=("a", "b")), Conditions(realms=("b",)), True, id="one-of-realms"
        ),
        pytest.param(Conditions(users=("a",)), Conditions(), False, id="user"),
        pytest.param(Conditions(users=("a*",)), Conditions(users=("ab",)), True, id="users"),
        pytest.param(
            Conditions(networks=(ip_network("10.0.0.0/8"),)), Conditions(), False, id="network"
        ),
        pytest.param(Conditions(schedule=_hours()), Conditions(), False, id="hours"),
        pytest.param(Conditions(approval="a"), Conditions(), False, id="approval"),
        pytest.param(Conditions(), Conditions(approval="a"), True, id="no-approval"),
        pytest.param(Conditions(approval="a"), Conditions(approval="a"), True, id="same-approval"),
        pytest.param(
            Conditions(approval="a"), Conditions(approval="b"), False, id="other-approval"
        ),
        pytest.param(
            Conditions(attributes=(("Class", ("a", "b")),)),
            Conditions(attributes=(("Class", ("b",)), ("State", ("c",)))),
            True,
            id="attributes",
        ),
        pytest.param(
            Conditions(attributes=(("Class", ("a",)),)),
            Conditions(attributes=(("Class", ("a", "b")),)),
            False,
            id="more-values",
        ),
        pytest.param(
            Conditions(attributes=(("Class", ("a",)),)), Conditions(), False, id="no-attribute"
        ),
    ],
)
def test_conditions_are_compared_one_by_one(
    outer: Conditions, inner: Conditions, *, expected: bool
) -> None:
    """Every condition of the one has to hold wherever the other does."""
    assert containment.conditions(outer, inner) is expected
