"""Tests of `radiusmfa.cli.against`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.cli import exits

if TYPE_CHECKING:
    from tests.unit.cli.office import Office

POLICIES = """
policies:
  - {name: staff, when: {client: vpn, group: staff}, factors: [totp]}
  - {name: rest, when: {client: vpn, user: "*@example.com"}, deny: yes}
"""
CASES = """
cases:
  - {name: staff by day, user: alice, client: vpn, groups: staff, expect: {policy: staff}}
  - {user: bob@example.com, client: vpn, expect: {refused: policy-denies}}
"""
WRONG = """
  - {name: staff twice, user: alice, client: vpn, groups: staff,
     expect: {policy: rest, factors: []}}
"""


@pytest.fixture
def site(office: Office) -> Office:
    """A desk with policies and cases."""
    with office.config.open("a", encoding="utf-8") as file:
        file.write(POLICIES)
    office.file("cases.yaml", CASES)
    return office


def test_cases_that_end_as_expected_pass(site: Office) -> None:
    """Code 0, one line a case with what was decided, and how many there were."""
    ran = site.done("check", "--against", str(site.folder / "cases.yaml"))
    assert ran.out.splitlines() == [
        "pass  staff by day: policy staff, primary local, factors totp",
        "pass  bob@example.com at vpn: refused, policy-denies, policy rest",
        "2 cases, none failed",
    ]
    assert not ran.err


def test_cases_that_do_not_fail(site: Office) -> None:
    """Code 1, and what was expected at which line of the file."""
    path = site.file("cases.yaml", CASES + WRONG)
    ran = site.run("check", "--against", path)
    assert ran.code == exits.NO
    assert ran.out.splitlines()[2:] == [
        "FAIL  staff twice: policy staff, primary local, factors totp",
        f"      {path}:6: expected policy rest, expected factors none",
        "3 cases, 1 failed",
    ]


def test_cases_as_json(site: Office) -> None:
    """`--json` has the same, and the same code."""
    path = site.file("cases.yaml", CASES + WRONG)
    ran = site.run("check", "--against", path, "--json")
    assert ran.code == exits.NO
    assert ran.json["usable"] is True
    assert [case["passed"] for case in ran.json["cases"]] == [True, True, False]
    assert ran.json["cases"][2] == {
        "name": "staff twice",
        "where": f"{path}:6",
        "passed": False,
        "found": {"policy": "staff", "primary": "local", "factors": ["totp"], "reply": []},
        "wrong": ["expected policy rest", "expected factors none"],
    }


def test_a_faulty_file_of_cases_is_refused(site: Office) -> None:
    """Code 3 and each fault with its place; with `--json`, too."""
    path = site.file("cases.yaml", "cases: [{user: a}]")
    line = site.run("check", "--against", path).err.splitlines()[0]
    assert line == f"radiusmfa: {path}:1:9: cases[0].client: is missing"
    ran = site.run("check", "--against", path, "--json")
    assert (ran.code, ran.json["usable"]) == (exits.CONFIGURATION, False)
    assert ran.json["faults"][0] == f"{path}:1:9: cases[0].client: is missing"
