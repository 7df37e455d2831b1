"""Seconds, or `learn`, with the seconds that count until then."""

from __future__ import annotations

import pytest

from tests.unit.config.client_entries import faults, one

LEARNS = "time_budget: learn"


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("0", "clients[0].time_budget: must be a whole number from 1 to 300, learn, or {learn"),
        ("301", "clients[0].time_budget: must be a whole number from 1 to 300, learn"),
        ("learned", "clients[0].time_budget: must be a whole number from 1 to 300, learn"),
        ("'learn'", "clients[0].time_budget: must be a whole number from 1 to 300, learn"),
        ("[20]", "clients[0].time_budget: must be a whole number from 1 to 300, learn"),
        ("{learn: 1}", "clients[0].time_budget.learn: must be a whole number from 2 to 300"),
        ("{learn: 301}", "clients[0].time_budget.learn: must be a whole number from 2 to 300"),
        ("{learn: yes}", "clients[0].time_budget.learn: must be a whole number from 2 to 300"),
        ("{}", "clients[0].time_budget.learn: is missing"),
        ("{start: 20, learn: 20}", "clients[0].time_budget.start: is no setting"),
    ],
)
def test_anything_else_is_refused(written: str, fault: str) -> None:
    """What is neither seconds nor that word is a fault with its place."""
    (line,) = faults(f"time_budget: {written}")
    assert fault in line


def test_fault_of_the_defaults_stands_there() -> None:
    """A client that only says `learn` is not blamed for what another layer says."""
    found = faults(LEARNS, "defaults: {time_budget: 0}")
    assert {" ".join(line.split()[1:3]) for line in found} == {"defaults.time_budget: must"}


@pytest.mark.parametrize(
    ("written", "defaults", "seconds", "learns"),
    [
        pytest.param("attempts: 1", "", 20, False, id="nothing"),
        pytest.param("time_budget: 45", "", 45, False, id="seconds"),
        pytest.param(LEARNS, "", 20, True, id="learn"),
        pytest.param("time_budget: {learn: 60}", "", 60, True, id="from"),
        pytest.param(f"profile: fortigate, {LEARNS}", "", 5, True, id="profile"),
        pytest.param(LEARNS, "defaults: {time_budget: 33}", 33, True, id="defaults"),
        pytest.param(
            f"profile: fortigate, {LEARNS}", "defaults: {time_budget: 33}", 5, True, id="in-order"
        ),
        pytest.param(LEARNS, f"defaults: {{{LEARNS}}}", 20, True, id="both"),
        pytest.param(LEARNS, "defaults: {time_budget: {learn: 33}}", 33, True, id="from-below"),
        pytest.param("attempts: 1", f"defaults: {{{LEARNS}}}", 20, True, id="defaults-learn"),
        pytest.param(
            "profile: fortigate", f"defaults: {{{LEARNS}}}", 5, False, id="profile-before-defaults"
        ),
        pytest.param("time_budget: 9", f"defaults: {{{LEARNS}}}", 9, False, id="own"),
    ],
)
def test_seconds_until_something_is_learned_are_those_of_the_next_layer(
    written: str,
    defaults: str,
    seconds: int,
    learns: bool,  # noqa: FBT001
) -> None:
    """What would count without the word counts until the client has taught another."""
    client = one(written, defaults)
    assert (client.time_budget, client.learns_patience) == (seconds, learns)
