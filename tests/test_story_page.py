"""The page about a shared account: what it shows is a configuration, and its commands do it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Final

import pytest
import trustme

from radiusmfa.cli import exits
from radiusmfa.cli.main import main
from radiusmfa.outcome import Reason

TEXT: Final = (Path(__file__).parents[1] / "docs" / "story.md").read_text(encoding="utf-8")
(_CONFIGURATION,) = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
_COMMAND: Final = re.compile(
    r"^(sudo )?radiusmfa ((?:user|token|approval) .*?)(?: {2,}#.*)?$", re.MULTILINE
)
_ADMINISTRATORS: Final = ("alice", "bob")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the page's configuration, made as the page says; its folder is the one we are in."""
    folder = tmp_path / "site"
    broker = ("--client", "broker", "198.51.100.7")
    assert main(["init", *broker, str(folder)]) == exits.DONE
    assert (folder / "secrets" / "broker").exists()
    for name in set(re.findall(r"secrets/([a-z]+)", _CONFIGURATION)) - {"broker"}:
        (folder / "secrets" / name).write_text("0123456789abcdef", encoding="utf-8")
        (folder / "secrets" / name).chmod(0o600)
    trustme.CA().cert_pem.write_to_path(str(folder / "ca.pem"))
    (folder / "hugo.seed").write_text("3132333435363738393031323334353637383930", encoding="utf-8")
    file = folder / "radiusmfa.yaml"
    text = _CONFIGURATION.replace("/var/lib/radiusmfa/radiusmfa.db", "radiusmfa.db")
    file.write_text(text, encoding="utf-8")
    monkeypatch.chdir(folder)
    return file


@pytest.fixture
def people(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run every command of the page that changes something, in order; return the file."""
    administrators = iter(_ADMINISTRATORS)
    found = _COMMAND.findall(TEXT)
    assert len(found) > len(_ADMINISTRATORS)
    for sudo, command in found:
        if sudo:
            monkeypatch.setenv("SUDO_USER", next(administrators))
        # Nobody is here to scan the code and type the first passcode.
        more = ["--no-confirm"] if command == "token enroll tina --new-user" else []
        assert main(["-c", str(site), *shlex.split(command), *more]) == exits.DONE, command
    return site


def test_story_page_configuration_is_without_a_warning(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`radiusmfa check` finds nothing to complain about, also in what people have."""
    capsys.readouterr()

    assert main(["-c", str(people), "check"]) == exits.DONE
    out, err = capsys.readouterr()
    assert out.endswith("1 client, 1 policy, 3 upstreams, no warnings\n")
    assert not err


def test_story_page_commands_do_what_it_says(
    people: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Five people have five kinds of token, and one of them an approval of two persons."""
    capsys.readouterr()
    assert main(["-c", str(people), "approval", "list", "--json"]) == exits.DONE
    (granted,) = json.loads(capsys.readouterr().out)
    assert (granted["approval"], granted["user"], granted["state"]) == (
        "aws-root", "rosa", "in force",
    )  # fmt: skip
    assert (granted["granted_by"], granted["second_by"]) == _ADMINISTRATORS

    assert main(["-c", str(people), "user", "list", "--json"]) == exits.DONE
    names = {one["name"] for one in json.loads(capsys.readouterr().out)}
    assert names == {"rosa", "otto", "vera", "tina", "hugo"}


def test_story_page_reasons_exist() -> None:
    """Each reason that the page names is one, and none of them lets anybody in."""
    named = re.findall(r"^\| [^|`]* \| (.*) \|$", TEXT, re.MULTILINE)
    reasons = [Reason(word) for cell in named for word in re.findall(r"`([a-z-]+)`", cell)]
    assert len(reasons) > len(named)
    assert Reason.PASSED not in reasons
