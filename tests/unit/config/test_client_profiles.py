"""Tests of `radiusmfa.config.client_profiles`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config import client_profiles, nodes, profiles
from radiusmfa.config.fields import Fields
from radiusmfa.config.model import Mode
from radiusmfa.config.secrets import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.config.profile_model import Profile

KNOWN = ("profile", "mode", "time_budget", "attempts")


def _fields(text: str) -> Fields:
    report = nodes.Report()
    return Fields(nodes.parse(text.encode(), report), "", report, known=KNOWN)


def _named(text: str, folder: Path) -> tuple[Profile | None, list[str]]:
    fields = _fields(text)
    return client_profiles.named(fields, Sources(folder, {})), fields.report.lines("f")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("profile: cisco", "f:1:10: profile: must be aws-directory-service, aws-workspaces, "),
        ("profile: fortigat", "did you mean fortigate?"),
        ("profile: [pam]", "f:1:10: profile: must be one value"),
        ("profile: {path: x}", "profile.file: is missing"),
        ("profile: {file: no.yaml}", "no.yaml: there is no such file"),
    ],
)
def test_unknown_profile_is_a_fault(text: str, fault: str, tmp_path: Path) -> None:
    """A profile that there is not is named, and a near one is suggested."""
    profile, faults = _named(text, tmp_path)
    assert profile is None
    assert any(fault in line for line in faults)


def test_faults_of_a_file_are_shown_where_it_is_named(tmp_path: Path) -> None:
    """Each fault of a site's profile stands with both places: its own, and that of the client."""
    path = tmp_path / "my.yaml"
    path.write_text("title: My\nmodes: [apend]\nchallenge: no\n", encoding="utf-8")
    profile, faults = _named("profile: {file: my.yaml}", tmp_path)
    assert profile is None
    assert all(line.startswith(f"f:1:10: profile: {path}:2:") for line in faults)
    assert any("modes[0]: must be one of" in line for line in faults)


def test_no_profile_is_none(tmp_path: Path) -> None:
    """Who names none, or the empty text, has none."""
    assert _named("mode: append", tmp_path) == (None, [])
    assert _named("profile: ''", tmp_path) == (None, [])


def test_profile_of_the_fallback_is_not_ones_own(tmp_path: Path) -> None:
    """What the defaults name, a client does not name itself."""
    usual = _fields("profile: pam")
    fields = Fields(nodes.Mapping({}, usual.place), "", usual.report, known=KNOWN, fallback=usual)
    assert client_profiles.named(fields, Sources(tmp_path, {})) is None


def test_profile_is_read(tmp_path: Path) -> None:
    """A profile that comes with radiusmfa, or one of the site's."""
    assert _named("profile: pam", tmp_path) == (profiles.shipped("pam"), [])
    text = "title: My\nmodes: [append]\nchallenge: no\n"
    (tmp_path / "my.yaml").write_text(text, encoding="utf-8")
    profile, faults = _named("profile: {file: my.yaml}", tmp_path)
    assert profile is not None
    assert (profile.name, profile.modes, faults) == ("my", (Mode.APPEND,), [])


def test_layer_is_looked_into_before_the_usual() -> None:
    """The profile answers for what it knows, the usual settings for the rest."""
    usual = _fields("mode: auto\nattempts: 3")
    layer = client_profiles.below(_fields("profile: okta"), profiles.shipped("okta"), usual)
    assert layer is not None
    assert layer.choice("mode", Mode.CHALLENGE) is Mode.STEP_UP
    assert layer.integer("time_budget", 20, low=1, high=300) == 60
    assert layer.integer("attempts", 1, low=1, high=10) == 3


def test_layer_of_no_profile_is_the_usual() -> None:
    """Without a profile nothing lies between."""
    usual = _fields("mode: auto")
    assert client_profiles.below(_fields("mode: append"), None, usual) is usual
    assert client_profiles.below(_fields("mode: append"), None) is None
