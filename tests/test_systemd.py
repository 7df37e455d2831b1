"""The systemd unit: what it says, what systemd thinks of it, and what the docs say of that."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "systemd" / "radiusmfa.service"
DOCS = (ROOT / "docs" / "operations-systemd.md").read_text(encoding="utf-8")
# The version whose judgement stands in the docs; others weigh differently.
DOCUMENTED = "252"


def _settings() -> list[tuple[str, str]]:
    """Return every setting of the section Service."""
    section = UNIT.read_text(encoding="utf-8").split("[Service]")[1].split("\n[")[0]
    return [
        (name, value)
        for name, equals, value in (line.partition("=") for line in section.splitlines())
        if equals and not name.startswith("#")
    ]


def _analyze(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed (Debian: systemd)")
    return subprocess.run(
        [program, *words], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Type", "notify"),
        ("NotifyAccess", "main"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("ProtectSystem", "strict"),
        ("UMask", "0077"),
        ("LimitCORE", "0"),
        ("StateDirectory", "radiusmfa"),
        ("StateDirectoryMode", "0700"),
        ("LoadCredential", "keys:/etc/radiusmfa/keys"),
        ("LoadCredential", "secrets:/etc/radiusmfa/secrets"),
        ("Restart", "on-failure"),
    ],
)
def test_unit_promises(name: str, value: str) -> None:
    """What the docs promise stands in the unit."""
    assert (name, value) in _settings()


def test_unit_watches_the_server() -> None:
    """A server that hangs is noticed within a minute."""
    (seconds,) = [value for name, value in _settings() if name == "WatchdogSec"]
    assert 0 < int(seconds) <= 60


def test_unit_runs_as_nobody_in_particular() -> None:
    """Neither the user nor the group is root."""
    for name in ("User", "Group"):
        assert (name, "radiusmfa") in _settings()


def test_unit_holds_no_secret() -> None:
    """Secrets reach the server as credentials, not in the unit, which everybody can read."""
    assert not {"Environment", "EnvironmentFile", "SetCredential"} & {n for n, _ in _settings()}


def test_credentials_are_those_of_the_example() -> None:
    """The example's references are the names that the unit passes."""
    text = (ROOT / "conf" / "radiusmfa.yaml").read_text(encoding="utf-8")
    passed = {value.partition(":")[0] for name, value in _settings() if name == "LoadCredential"}
    used = set(re.findall(r"credential: ([a-z_]+)", text))
    assert used
    for name in used:
        # A folder that is passed becomes one credential a file: secrets_NAME.
        assert name in passed or name.partition("_")[0] in passed, name


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say."""
    unit = tmp_path / "radiusmfa.service"
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/radiusmfa/bin/radiusmfa", sys.executable), encoding="utf-8")
    ran = _analyze("verify", "--man=no", str(unit))
    about_us = [line for line in ran.stderr.splitlines() if "radiusmfa" in line]
    assert (ran.returncode, about_us) == (0, [])


def test_score_is_the_documented_one() -> None:
    """The docs tell the exposure that systemd finds, and everything that is left of it."""
    ran = _analyze("security", "--offline=true", "--no-pager", str(UNIT))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+) (\w+)", ran.stdout)
    documented = re.search(r"says \*\*([0-9.]+)\*\*", DOCS)
    assert found
    assert documented
    assert found[2] == "OK"
    version = re.search(r"systemd (\d+)", _analyze("--version").stdout)
    assert version
    if version[1] == DOCUMENTED:
        assert found[1] == documented[1]
        left = re.findall(r"^✗ .* ([0-9.]+)\s*$", ran.stdout, re.MULTILINE)
        rows = re.findall(r"^\| `.* \| ([0-9.]+) \|", DOCS, re.MULTILINE)
        assert sorted(rows) == sorted(left)


def test_systemd_refuses_a_worse_unit(tmp_path: Path) -> None:
    """The measure measures: without its walls the unit is called exposed."""
    unit = tmp_path / "radiusmfa.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n", encoding="utf-8")
    ran = _analyze("security", "--offline=true", "--no-pager", "--threshold=20", str(unit))
    assert ran.returncode
    assert (
        _analyze("security", "--offline=true", "--no-pager", "--threshold=20", str(UNIT)).returncode
        == 0
    )
