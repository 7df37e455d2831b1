"""Tests of `radiusmfa.config.cases`."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest

from radiusmfa.config import cases, conditions
from radiusmfa.config.cases import Case, Expected
from radiusmfa.interfaces import ConfigError
from radiusmfa.outcome import Reason

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST = "user: Alice, client: vpn, expect: {policy: vpn}"


def _load(text: str, folder: Path) -> tuple[Case, ...]:
    path = folder / "cases.yaml"
    path.write_text(text, encoding="utf-8")
    return cases.load(path)


def _one(settings: str, folder: Path) -> Case:
    (found,) = _load(f"cases: [{{{settings}}}]", folder)
    return found


def test_a_case_says_who_and_what_is_expected(tmp_path: Path) -> None:
    """Everything else has a default: now, from nowhere, without groups."""
    assert _one(SMALLEST, tmp_path) == Case(
        name="alice at vpn",
        where=f"{tmp_path / 'cases.yaml'}:1",
        user="alice",
        client="vpn",
        at=None,
        address=None,
        groups=(),
        approvals=(),
        attributes=(),
        token=None,
        expected=Expected(policy="vpn"),
    )


def test_every_setting_is_read(tmp_path: Path) -> None:
    """A case may say everything that a policy may ask."""
    text = """
cases:
  - name: the owner, at work
    user: CORP\\Bob
    client: broker
    at: 2026-11-26T17:59:00+01:00
    address: 10.1.2.3
    groups: [aws-root-owners, staff]
    approvals: aws-root
    attributes: {nas-port-type: Virtual, Class: [a, b]}
    token: [totp]
    expect: {policy: aws-root, primary: none, factors: [securid, totp],
             reply: {Class: [x, '{group}']}}
"""
    (case,) = _load(text, tmp_path)
    assert case == Case(
        name="the owner, at work",
        where=f"{tmp_path / 'cases.yaml'}:3",
        user="corp\\bob",
        client="broker",
        at=datetime(2026, 11, 26, 16, 59, tzinfo=UTC).timestamp(),
        address=ip_address("10.1.2.3"),
        groups=("aws-root-owners", "staff"),
        approvals=("aws-root",),
        attributes=(
            ("NAS-Port-Type", (conditions.value("NAS-Port-Type", "Virtual"),)),
            ("Class", ("a", "b")),
        ),
        token=("totp",),
        expected=Expected(
            policy="aws-root",
            primary="none",
            factors=("securid", "totp"),
            reply=(("Class", "x"), ("Class", "{group}")),
        ),
    )


def test_no_token_is_not_the_same_as_not_said(tmp_path: Path) -> None:
    """An empty list says that the person has none."""
    assert _one(f"{SMALLEST}, token: []", tmp_path).token == ()


def test_a_refusal_names_its_reason(tmp_path: Path) -> None:
    """Any reason of the audit, alone or with the policy that came nearest."""
    found = _one("user: a, client: b, expect: {refused: outside-hours, policy: p}", tmp_path)
    assert found.expected == Expected(refused=Reason.OUTSIDE_HOURS, policy="p")


@pytest.mark.parametrize(
    "text", ["2026-11-26T16:59:00Z", "2026-11-26 17:59+01:00", "2026-11-26T16:59:00.000Z"]
)
def test_times_have_a_zone(text: str, tmp_path: Path) -> None:
    """UTC or an offset, seconds or not."""
    expected = datetime(2026, 11, 26, 16, 59, tzinfo=UTC).timestamp()
    assert _one(f"{SMALLEST}, at: {text}", tmp_path).at == expected


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ("client: vpn, expect: {policy: vpn}", "cases[0].user: is missing"),
        ("user: a, expect: {policy: vpn}", "cases[0].client: is missing"),
        ("user: a, client: vpn", "cases[0].expect: is missing"),
        ("user: '', client: vpn, expect: {policy: p}", "cases[0].user: a user name must not be e"),
        ("user: [], client: vpn, expect: {policy: p}", "cases[0].user: must be one value"),
        (f"{SMALLEST}, tokn: []", "cases[0].tokn: is no setting; did you mean token?"),
        (f"{SMALLEST}, at: 2026-11-26T16:59:00", "cases[0].at: must be a time with its zone, as"),
        (f"{SMALLEST}, at: 2026-02-30T16:59:00Z", "cases[0].at: must be a time with its zone, as"),
        (f"{SMALLEST}, at: noon", "cases[0].at: must be a time with its zone, as"),
        (f"{SMALLEST}, at: []", "cases[0].at: must be one value"),
        (f"{SMALLEST}, address: 10.0.0.0/8", "cases[0].address: must be an address, as 192.0"),
        (f"{SMALLEST}, address: []", "cases[0].address: must be one value"),
        (f"{SMALLEST}, groups: [[]]", "cases[0].groups[0]: must be one value"),
        (f"{SMALLEST}, attributes: {{Clas: a}}", "cases[0].attributes.Clas: no dictionary has"),
        ("user: a, client: b, expect: {}", "cases[0].expect: must name the policy that decides"),
        ("user: a, client: b, expect: {refused: late}", "cases[0].expect.refused: late is no reas"),
        (
            "user: a, client: b, expect: {refused: outside-hour}",
            "did you mean outside-hours?",
        ),
        (
            "user: a, client: b, expect: {refused: locked, factors: [totp]}",
            "cases[0].expect.factors: has no meaning with refused",
        ),
        (
            "user: a, client: b, expect: {policy: p, reply: Class}",
            "cases[0].expect.reply: must hold settings",
        ),
    ],
)
def test_what_is_no_case_is_refused(settings: str, what: str, tmp_path: Path) -> None:
    """A case that says less than it seems to would pass by mistake."""
    with pytest.raises(ConfigError) as caught:
        _one(settings, tmp_path)
    assert any(what in fault for fault in caught.value.faults), caught.value.faults


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("cases: []\n", "cases.yaml:1:8: cases: must name at least one case"),
        ("case: []\n", "cases.yaml:1:1: cases: is missing"),
        ("- {user: a}\n", "cases.yaml:1:1: the file must hold settings"),
        ("cases: [\n", "cases.yaml:2:1: not YAML"),
        (f"# {16 * 1024 * 1024 * 'x'}\n", "cases.yaml: larger than 16777216 octets"),
    ],
)
def test_files_that_are_none_are_refused(text: str, what: str, tmp_path: Path) -> None:
    """A file without cases tests nothing."""
    with pytest.raises(ConfigError) as caught:
        _load(text, tmp_path)
    assert any(what in fault for fault in caught.value.faults), caught.value.faults


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The system's words say why."""
    with pytest.raises(ConfigError, match=r"cases\.yaml: No such file or directory"):
        cases.load(tmp_path / "cases.yaml")
