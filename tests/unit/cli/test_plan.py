"""Tests of `radiusmfa.cli.plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.cli import exits

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

POLICIES = """
policies:
  - {name: staff, when: {client: vpn, group: staff}, factors: [totp]}
"""
CASES = """
cases:
  - {name: staff, user: alice, client: vpn, groups: staff, expect: {policy: staff}}
  - {name: guest, user: bob, client: vpn, expect: {refused: not-in-group}}
"""


@pytest.fixture
def site(office: Office) -> Office:
    """A desk with policies, cases, and a new file that is the same."""
    text = office.config.read_text("utf-8") + POLICIES
    office.config.write_text(text, encoding="utf-8")
    office.file("new.yaml", text)
    office.file("cases.yaml", CASES)
    return office


def _change(site: Office, old: str, new: str) -> None:
    text = site.config.read_text("utf-8")
    assert old in text
    site.file("new.yaml", text.replace(old, new))


def test_the_same_file_changes_nothing(site: Office) -> None:
    """Code 0, and one line that says so."""
    new = str(site.folder / "new.yaml")
    for words in ([], ["--against", str(site.folder / "cases.yaml")]):
        assert site.done("plan", new, *words).out == f"{new}: would change nothing\n"


def test_changes_are_told_in_words(site: Office) -> None:
    """Code 1 and a line for each change."""
    _change(site, "factors: [totp]", "factors: [hotp]")
    ran = site.run("plan", str(site.folder / "new.yaml"))
    assert (ran.code, ran.out) == (exits.NO, "policy staff: factors totp -> hotp\n")


def test_changed_decisions_are_told_case_by_case(site: Office) -> None:
    """Code 1 and a line for each case that would be decided otherwise: now, and then."""
    _change(site, "group: staff}", "group: [staff, guest], user: b*}")
    path = str(site.folder / "cases.yaml")
    ran = site.run("plan", str(site.folder / "new.yaml"), "--against", path)
    assert ran.code == exits.NO
    lines = ran.out.splitlines()
    assert lines[0].split() == ["CASE", "NOW", "THEN"]
    assert lines[1].split(maxsplit=1) == [
        "staff",
        "policy staff, primary local, factors totp  refused, no-policy",
    ]
    assert lines[2:] == ["2 cases, 1 would change"]


def test_changes_as_json(site: Office) -> None:
    """`--json` has the same, and the same code."""
    _change(site, "factors: [totp]", "deny: yes")
    new, path = str(site.folder / "new.yaml"), str(site.folder / "cases.yaml")
    ran = site.run("plan", new, "--json")
    assert ran.code == exits.NO
    assert ran.json == {
        "changes": ["policy staff: factors totp -> not said", "policy staff: deny not said -> yes"]
    }
    ran = site.run("plan", new, "--against", path, "--json")
    assert ran.code == exits.NO
    assert ran.json == {
        "cases": 2,
        "changes": [
            {
                "name": "staff",
                "where": f"{path}:3",
                "now": {"policy": "staff", "primary": "local", "factors": ["totp"], "reply": []},
                "then": {"policy": "staff", "refused": "policy-denies"},
            }
        ],
    }
    site.file("new.yaml", site.config.read_bytes())
    assert site.done("plan", new, "--json").json == {"changes": []}
    assert site.done("plan", new, "--against", path, "--json").json == {"cases": 2, "changes": []}


def test_a_new_file_with_faults_is_refused(site: Office) -> None:
    """Code 3: what cannot be read changes nothing."""
    new = site.file("new.yaml", "x: 1")
    ran = site.run("plan", new)
    assert ran.code == exits.CONFIGURATION
    assert ran.err.startswith(f"radiusmfa: {new}:1:1: ")


def test_weak_factor_is_a_change_that_is_told(site: Office) -> None:
    """Whoever reads the plan sees that less will be proved."""
    services = (
        "services: {q: {question: {}}}\nfactors: {totp: {}, hotp: {}, secret: {service: q}}\n"
    )
    site.config.write_text(site.config.read_text("utf-8") + services, encoding="utf-8")
    _change(site, "factors: [totp]}", "factors: [totp, secret], weak: yes}")
    ran = site.run("plan", str(site.folder / "new.yaml"))
    assert ran.out.splitlines() == [
        "policy staff: factors totp -> totp, secret",
        "policy staff: weak not said -> yes",
    ]
