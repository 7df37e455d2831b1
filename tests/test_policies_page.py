"""The documents about policies: what they show is a configuration, and decides as they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from radiusmfa.config import conditions, policy_checks, read, schedules
from radiusmfa.outcome import Reason

TEXT: Final = (Path(__file__).parents[1] / "docs" / "policies.md").read_text(encoding="utf-8")
REFERENCE: Final = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text("utf-8")
TABLES: Final = {
    "schedules": schedules.SETTINGS,
    "policies": policy_checks.SETTINGS,
    "policies.when": conditions.SETTINGS,
    "policies.remember": ("for", "by"),
}
_CLIENT: Final = """\
listen: [{udp: "127.0.0.1:0"}]
store: {sqlite: it.db}
keys: {file: keys}
clients: [{name: office, networks: [192.0.2.1], secret: {file: secrets/vpn}}]
"""
_BLOCKS: Final = [block.split("```")[0] for block in TEXT.split("```yaml\n")[1:]]
_SHOWN: Final = dict(re.findall(r"```\n\$ radiusmfa (\S+) .*\n((?:.+\n)+)```", TEXT))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with the page's configuration and its cases."""
    (tmp_path / "secrets").mkdir()
    for name in re.findall(r"secrets/([a-z]+)", _BLOCKS[0]):
        (tmp_path / "secrets" / name).write_text("0123456789abcdef", encoding="utf-8")
        (tmp_path / "secrets" / name).chmod(0o600)
    (tmp_path / "radiusmfa.yaml").write_text(_BLOCKS[0], encoding="utf-8")
    (tmp_path / "cases.yaml").write_text(_BLOCKS[1], encoding="utf-8")
    return tmp_path


def _run(site: Path, *words: str) -> int:
    return main(["-c", str(site / "radiusmfa.yaml"), *words])


def test_the_example_can_be_used(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The story of the page is a configuration without a warning, and nothing in it is dead."""
    assert _run(site, "check") == exits.DONE
    out, err = capsys.readouterr()
    assert not err
    assert "1  aws-root" in out
    assert out.endswith("2 policies, 1 upstream, no warnings\n")


def test_the_cases_end_as_the_page_shows(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `check --against` prints is what the page shows."""
    assert _run(site, "check", "--against", str(site / "cases.yaml")) == exits.DONE
    assert capsys.readouterr().out == _SHOWN["check"]


def test_a_new_file_changes_what_the_page_shows(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `plan --against` prints of a longer day is what the page shows."""
    new = site / "new.yaml"
    new.write_text(_BLOCKS[0].replace('to: "18:00"', 'to: "20:00"'), encoding="utf-8")
    assert _run(site, "plan", str(new), "--against", str(site / "cases.yaml")) == exits.NO
    assert capsys.readouterr().out == _SHOWN["plan"]


def test_reasons_of_the_page_are_those_of_policies() -> None:
    """Each reason of the audit that comes of a policy is explained, and no other."""
    table = TEXT.split("| reason | means |")[1].split("\n\n")[0]
    shown = [
        Reason(word)
        for cell in re.findall(r"^\| (`[^|]*) \|", table, re.MULTILINE)
        for word in re.findall(r"`([a-z-]+)`", cell)
    ]
    reasons = list(Reason)
    first, last = reasons.index(Reason.NO_POLICY), reasons.index(Reason.DIRECTORY_REFUSED)
    assert sorted(shown) == sorted(reasons[first : last + 1])


@pytest.mark.parametrize("section", TABLES)
def test_every_setting_of_policies_is_explained(section: str) -> None:
    """Each setting of policies and what they name stands in the reference, in its order."""
    inside = re.split(r"^#+ ", REFERENCE.split(f"# `{section}`\n")[1], flags=re.MULTILINE)[0]
    table = inside.split("| setting |")[1].split("\n\n")[0]
    assert tuple(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)) == TABLES[section]


def test_the_examples_of_the_reference_can_be_used(site: Path) -> None:
    """Networks, schedules and policies of the reference are ones, and none of them is loud."""
    blocks = [block.split("```")[0] for block in REFERENCE.split("```yaml\n")[1:]]
    (hours,) = [block for block in blocks if block.startswith("schedules:\n")]
    (rules,) = [block for block in blocks if block.startswith("policies:\n")]
    (line,) = re.findall(r"`(networks: \{.*\})`", REFERENCE)
    (site / "holidays.txt").write_text("2026-12-25  # Christmas\n", encoding="utf-8")
    file = site / "it.yaml"
    file.write_text(f"{_CLIENT}{line}\n{hours}{rules}", encoding="utf-8")
    config = read.load(file)
    assert config.policies is not None
    assert [policy.name for policy in config.policies] == ["leavers", "office"]
    assert not config.warnings
