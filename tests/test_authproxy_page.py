"""The page about Duo's proxy: its example is carried over as it shows, and can be used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from radiusmfa.carry import authproxy, servers
from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from radiusmfa.config import read

TEXT: Final = (Path(__file__).parents[1] / "docs" / "services" / "from-authproxy.md").read_text(
    encoding="utf-8"
)
_FOLDER: Final = "/etc/radiusmfa"
_DAY: Final = re.compile(r"#open_until: \d{4}-\d{2}-\d{2}")
(_FILE,) = re.findall(r"^```ini\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
(_CONFIGURATION,) = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
(_SHOWN,) = re.findall(
    r"^```\n\$ radiusmfa import-authproxy .*?\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the file of the page, the one that we are in."""
    (tmp_path / "authproxy.cfg").write_text(_FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["radiusmfa"])
    return tmp_path


def test_example_is_carried_over_as_the_page_shows(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list and the file are those of the page, and `check` finds no fault in it."""
    into = site / "etc"
    assert main(["import-authproxy", "authproxy.cfg", "--into", str(into)]) == exits.DONE
    assert capsys.readouterr().out.replace(str(into), _FOLDER) == _SHOWN
    written = (into / "radiusmfa.yaml").read_text(encoding="utf-8")
    assert _DAY.sub("", written) == _DAY.sub("", _CONFIGURATION)
    assert main(["-c", str(into / "radiusmfa.yaml"), "check"]) == exits.DONE
    (exempt, everybody) = read.load(into / "radiusmfa.yaml").policies or ()
    assert (exempt.name, everybody.name) == ("exempt-auto", "everybody")


def test_page_names_every_section_and_mode() -> None:
    """The table says what becomes of each kind of section that there is."""
    table = TEXT.split("## What becomes of each setting")[1]
    for mode in servers.MODES:
        assert f"`[{servers.PREFIX}{mode}]`" in table
    for name in authproxy.SECTIONS:
        assert f"`[{name}]`" in table
