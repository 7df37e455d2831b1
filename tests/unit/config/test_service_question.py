"""Tests of `radiusmfa.config.service_question`."""

from __future__ import annotations

from pathlib import Path

import pytest

from radiusmfa.config import nodes, services
from radiusmfa.config.fields import Fields
from radiusmfa.config.secrets import Sources
from radiusmfa.config.service_model import Questions, Service


def _read(settings: str) -> tuple[tuple[Service, ...], list[str], list[str]]:
    """Return the services, warnings and faults of the one service `q` with *settings*."""
    report = nodes.Report()
    root = nodes.parse(f"services: {{q: {{{settings}}}}}".encode(), report)
    top = Fields(root, "", report, known=("services",))
    found, warnings = services.read(top, Sources(Path("/nowhere"), {}), ())
    return found, warnings, report.lines("f")


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            "question: {ask: 0}",
            "f:1:32: services.q.question.ask: must be a whole number from 1 to 5",
        ),
        ("question: {ask: 6}", "services.q.question.ask: must be a whole number from 1 to 5"),
        ("question: {ask: all}", "services.q.question.ask: must be a whole number from 1 to 5"),
        ("question: {asks: 2}", "services.q.question.asks: is no setting; did you mean ask?"),
        ("question: 2", "services.q.question: must hold settings"),
        ("question: {}, timeout: 5", "services.q.timeout: has no meaning: nobody outside is asked"),
        ("question: {}, proxy: {host: x}", "services.q.proxy: has no meaning"),
        ("question: {}, limits: {per_hour: 5}", "services.q.limits: has no meaning"),
        ("question: {}, open_until: 2027-01-31", "services.q.open_until: has no meaning"),
    ],
)
def test_fault_is_named_with_its_place(settings: str, fault: str) -> None:
    """Each fault is one line."""
    (line,) = _read(settings)[2]
    assert fault in line


@pytest.mark.parametrize(
    ("settings", "ask"), [("question: {}", 2), ("question: ", 2), ("question: {ask: 5}", 5)]
)
def test_questions_are_read(settings: str, ask: int) -> None:
    """Nothing has to be said; how loud they are is the business of whoever names the factor."""
    found, warnings, faulty = _read(settings)
    assert found == (Service(name="q", settings=Questions(ask=ask)),)
    assert (warnings, faulty) == ([], [])
