"""Tests of `radiusmfa.cli.check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from radiusmfa.cli import exits
from radiusmfa.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

GOOD = """\
listen: [{udp: "127.0.0.1:1812"}]
accounting: [{udp: "127.0.0.1:1813"}]
store: {sqlite: it.db}
keys: {file: keys}
clients:
  - {name: vpn, networks: [192.0.2.1, 2001:db8::/64], secret: {file: it}}
"""
LOUD = (
    GOOD
    + """\
  - {name: old, networks: [192.0.2.2], secret: {file: it}, require_message_authenticator: no,
     sign_replies: no}
  - {name: new, networks: [192.0.2.3], secret: {file: it}, require_message_authenticator: auto}
"""
)


def _check(text: str, folder: Path, *words: str) -> int:
    (folder / "it").write_text("0123456789abcdef", encoding="utf-8")
    (folder / "it").chmod(0o600)
    (folder / "it.yaml").write_text(text, encoding="utf-8")
    (folder / "it.yaml").chmod(0o600)
    return main(["-c", str(folder / "it.yaml"), "check", *words])


def test_usable_file_is_summed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A usable file is code 0, a line for each client, and no warning."""
    assert _check(GOOD, tmp_path) == exits.DONE
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "CLIENT  MODE       PRIMARY  NETWORKS                     MESSAGE-AUTHENTICATOR",
        "vpn     challenge  local    192.0.2.1/32, 2001:db8::/64  required",
        f"{tmp_path / 'it.yaml'}: can be used; 1 client, no warnings",
    ]
    assert not err


def test_waivers_are_loud(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each waiver is a warning, and stands in the client's line."""
    assert _check(LOUD, tmp_path) == exits.DONE
    out, err = capsys.readouterr()
    assert "NOT required, limit_proxy_state auto, replies UNSIGNED" in out
    assert "required once seen, limit_proxy_state auto" in out
    assert out.endswith("3 clients, 3 warnings\n")
    assert [line.split(":")[:2] for line in err.splitlines()] == [
        ["warning", " client old"],
        ["warning", " client old"],
        ["warning", " client new"],
    ]


def test_every_fault_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A faulty file is code 3 and one line a fault on standard error."""
    assert _check(GOOD + "x: 1\ny: 2\n", tmp_path) == exits.CONFIGURATION
    out, err = capsys.readouterr()
    path = tmp_path / "it.yaml"
    assert err.splitlines() == [
        f"radiusmfa: {path}:7:1: x: is no setting",
        f"radiusmfa: {path}:8:1: y: is no setting",
    ]
    assert not out


def test_json_of_a_usable_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` says what the file sets, without a secret."""
    assert _check(LOUD, tmp_path, "--json") == exits.DONE
    out = capsys.readouterr().out
    found = json.loads(out)
    assert found["usable"] is True
    assert found["listen"] == ["127.0.0.1 1812"]
    assert found["accounting"] == ["127.0.0.1 1813"]
    assert found["clients"][1] == {
        "name": "old",
        "mode": "challenge",
        "primary": "local",
        "networks": ["192.0.2.2/32"],
        "require_message_authenticator": "no",
        "limit_proxy_state": "auto",
        "sign_replies": False,
    }
    assert len(found["warnings"]) == 3
    assert "0123456789abcdef" not in out


def test_json_of_a_faulty_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` lists the faults, and the code is still 3."""
    assert _check(GOOD + "x: 1\n", tmp_path, "--json") == exits.CONFIGURATION
    assert json.loads(capsys.readouterr().out) == {
        "usable": False,
        "faults": [f"{tmp_path / 'it.yaml'}:7:1: x: is no setting"],
    }
