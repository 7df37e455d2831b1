"""Tests of `radiusmfa.config.policy_model`."""

from __future__ import annotations

from radiusmfa.config.policy_model import By, Conditions, Order, Policy, Remember, Span


def test_a_policy_with_a_name_alone_decides_nothing_of_its_own() -> None:
    """Whatever is not said is the client's: above all no factor is skipped in silence."""
    plain = Policy(name="it")
    assert plain.when == Conditions()
    assert (plain.deny, plain.skips_factor, plain.directory) == (False, False, "")
    assert {
        plain.primary,
        plain.factors,
        plain.when_unavailable,
        plain.not_enrolled_until,
        plain.order,
        plain.remember,
        plain.reply,
    } == {None}


def test_a_factor_is_remembered_for_one_person_one_client_one_device() -> None:
    """Without a word the narrowest memory counts."""
    assert Remember(seconds=60).by == tuple(By) == (By.USER, By.CLIENT, By.STATION)


def test_a_span_without_hours_is_a_whole_day() -> None:
    """From midnight to midnight."""
    span = Span(days=frozenset({0}))
    assert (span.start, span.end) == (0, 24 * 60)


def test_orders_are_written_as_people_write_them() -> None:
    """The words of the file."""
    assert [str(order) for order in Order] == ["password-first", "factor-first"]
