"""Which approvals are looked up elsewhere, and what a reload changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import trustme

from radiusmfa.config.approval_model import ApprovalSource
from radiusmfa.interfaces import ConfigError
from radiusmfa.outcome import Reason
from tests.fakes import START
from tests.servicenow import HOUR, Mood, Running
from tests.unit.server.approval_office import ApprovalOffice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.loop import Loop

UNAVAILABLE = Reason.APPROVAL_UNAVAILABLE


@pytest.fixture
def office(loop: Loop) -> Iterator[ApprovalOffice]:
    """Return a simulator with Alice, and who asks it."""
    with Running(None) as running:
        made = ApprovalOffice(loop, running)
        yield made
        made.approvals.close()


def test_approval_that_nobody_knows_is_unavailable(office: ApprovalOffice) -> None:
    """What a reload has taken away lets nobody in."""
    assert office.answer(approval="gone").reason is UNAVAILABLE
    assert office.simulator.asked == []


def test_approval_of_the_store_is_not_asked_here(office: ApprovalOffice) -> None:
    """An approval without a service is the store's."""
    office.approvals.configure([ApprovalSource(name="aws-root")])

    assert office.answer(approval="aws-root").reason is UNAVAILABLE


def test_answers_that_are_known_come_in_one_turn(office: ApprovalOffice) -> None:
    """Whoever can be told at once is told together."""
    office.answer()
    office.ask("alice", "alice", "alice")

    assert office.batches == [1, 3]


def test_nothing_to_tell_is_not_told(office: ApprovalOffice) -> None:
    """An empty batch, or one that waits, calls nobody."""
    office.approvals.ask([])
    office.simulator.mood = Mood.SILENT
    office.ask("alice")

    assert office.batches == []


def test_reload_keeps_what_has_not_changed(office: ApprovalOffice) -> None:
    """An approval whose settings are the same keeps its answers."""
    office.answer()
    asked = len(office.simulator.asked)

    office.approvals.configure([office.source(), office.source("other")])

    assert office.answer().until == START + HOUR
    assert len(office.simulator.asked) == asked


def test_reload_forgets_what_has_changed(office: ApprovalOffice) -> None:
    """Other settings are in force at once: no kept answer survives them."""
    office.answer()

    office.approvals.configure([office.source(states=("-2",))])

    assert office.answer().reason is Reason.NOT_APPROVED


def test_reload_answers_who_waits(office: ApprovalOffice) -> None:
    """A question under way is answered though its approval has gone."""
    (one,) = office.ask("alice")
    office.approvals.configure([])
    office.wait(one)

    assert [found.reason for _, found in office.told] == [None]
    assert office.answer().reason is UNAVAILABLE


def test_closing_tells_who_waits_for_what_has_gone(office: ApprovalOffice) -> None:
    """At the end nobody is forgotten."""
    office.simulator.mood = Mood.SILENT
    (one,) = office.ask("alice")
    office.approvals.configure([])

    office.approvals.close()

    assert [of for of, _ in office.told] == [one]


def test_reload_that_fails_changes_nothing(office: ApprovalOffice, tmp_path: Path) -> None:
    """A file of certificates that has gone is an error; the old settings stay in force."""
    url = "https://127.0.0.1:1"
    with pytest.raises(ConfigError, match="No such file"):
        office.approvals.configure([office.source(url=url, ca_file=tmp_path / "gone.pem")])

    assert office.answer().reason is None


def test_reload_takes_other_certificates(office: ApprovalOffice, tmp_path: Path) -> None:
    """The file is called the same; answers of whom nobody trusts any more are not kept."""
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    office.approvals.configure([office.source(ca_file=path)])
    office.answer()
    asked = len(office.simulator.asked)
    office.approvals.configure([office.source(ca_file=path)])
    office.answer()
    assert len(office.simulator.asked) == asked

    trustme.CA().cert_pem.write_to_path(str(path))
    office.approvals.configure([office.source(ca_file=path)])
    office.answer()

    assert len(office.simulator.asked) > asked
