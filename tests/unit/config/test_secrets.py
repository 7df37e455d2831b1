"""Tests of `radiusmfa.config.secrets`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from radiusmfa.config import nodes, secrets
from radiusmfa.config.fields import Fields, Found
from radiusmfa.config.secrets import Sources
from radiusmfa.secret import Secret

GOOD = b"0123456789abcdef"


def _read(
    text: str, folder: Path, *, weak: bool = False, **environment: str
) -> tuple[Secret, list[str], list[str]]:
    report = nodes.Report()
    root = nodes.parse(text.encode(), report)
    found = Found(root.entries["secret"][1], "secret")
    value, warnings = secrets.secret(found, report, Sources(folder, environment), weak=weak)
    return value, warnings, report.lines("f")


def _file(folder: Path, octets: bytes, mode: int = 0o600) -> None:
    (folder / "it").write_bytes(octets)
    (folder / "it").chmod(mode)


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"], ids=["none", "unix", "windows"])
def test_file_is_read_without_its_line_end(tmp_path: Path, ending: bytes) -> None:
    """The secret is the one line of the file, whatever ends it."""
    _file(tmp_path, GOOD + ending)
    assert _read("secret: {file: it}", tmp_path) == (Secret(GOOD), [], [])


def test_environment_is_read(tmp_path: Path) -> None:
    """A secret may stand in an environment variable."""
    assert _read("secret: {env: IT}", tmp_path, IT=GOOD.decode()) == (Secret(GOOD), [], [])


def test_credential_is_read(tmp_path: Path) -> None:
    """A secret may be a systemd credential."""
    _file(tmp_path, GOOD)
    found = _read("secret: {credential: it}", Path("/"), CREDENTIALS_DIRECTORY=str(tmp_path))
    assert found == (Secret(GOOD), [], [])


def test_credential_comes_before_its_file(tmp_path: Path) -> None:
    """With both, the credential is read where systemd passed it, the file elsewhere."""
    _file(tmp_path, GOOD)
    passed = tmp_path / "passed"
    passed.mkdir()
    text = "secret: {credential: it, file: it}"
    assert _read(text, tmp_path)[0] == Secret(GOOD)
    assert _read(text, tmp_path, CREDENTIALS_DIRECTORY=str(passed))[0] == Secret(GOOD)
    _file(passed, GOOD[::-1])
    assert _read(text, tmp_path, CREDENTIALS_DIRECTORY=str(passed))[0] == Secret(GOOD[::-1])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "secret: {credential: it}",
            "secret.credential: CREDENTIALS_DIRECTORY is not set:"
            " not started by systemd with LoadCredential=",
            id="no credentials",
        ),
        pytest.param(
            "secret: {credential: ../it}",
            "must be a name of letters, digits, dots, dashes",
            id="credential with a path",
        ),
        pytest.param("secret: {env: IT}", "the environment variable IT is not set", id="unset"),
        pytest.param("secret: {file: none}", "/none: No such file or directory", id="missing"),
        pytest.param("secret: {file: folder}", "folder: Is a directory", id="folder"),
        pytest.param("secret: {file: pipe}", "pipe is not a file", id="pipe"),
        pytest.param("secret: {}", "must be one of {file: ...}, {env: ...}", id="none"),
        pytest.param("secret: {file: it, env: IT}", "must be one of {file: ...}", id="two"),
        pytest.param("secret: {fiel: it}", "is no setting; did you mean file?", id="unknown"),
        pytest.param("secret: {file: }", "has no value", id="nothing"),
        pytest.param("secret: {file: ''}", "must not be empty", id="empty"),
        pytest.param("secret: 0123456789abcdefgh", "must hold settings", id="in the open"),
    ],
)
def test_reference_that_leads_nowhere_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    """A reference must lead to exactly one secret."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    value, _, faults = _read(text, tmp_path)
    assert value == Secret(b"")
    assert any(fault in line for line in faults)


@pytest.mark.parametrize(
    ("octets", "fault"),
    [
        pytest.param(b"", "the secret is empty", id="empty"),
        pytest.param(b"\n", "the secret is empty", id="only a line end"),
        pytest.param(GOOD[:15], "at least 16 octets", id="15 octets"),
        pytest.param(GOOD + b"\n\n", "one line", id="two line ends"),
        pytest.param(GOOD + b"\nmore", "one line", id="two lines"),
        pytest.param(GOOD + b"\0", "one line", id="NUL"),
        pytest.param(b" " + GOOD, "begins or ends with a blank", id="blank in front"),
        pytest.param(GOOD + b"\t", "begins or ends with a blank", id="tab at the end"),
        pytest.param(b"x" * 1025, "more than 1024 octets", id="too long"),
        pytest.param(b"x" * 100_000, "more than 1024 octets", id="far too long"),
    ],
)
def test_unfit_secret_is_refused(tmp_path: Path, octets: bytes, fault: str) -> None:
    """A secret is one line of 16 octets or more, and is never repaired."""
    _file(tmp_path, octets)
    value, _, faults = _read("secret: {file: it}", tmp_path)
    assert value == Secret(b"")
    assert len(faults) == 1
    assert fault in faults[0]


def test_short_secret_passes_if_it_is_allowed(tmp_path: Path) -> None:
    """`weak_secret` lets a short secret pass, but no empty one."""
    _file(tmp_path, b"short")
    assert _read("secret: {file: it}", tmp_path, weak=True) == (Secret(b"short"), [], [])
    _file(tmp_path, b"")
    assert _read("secret: {file: it}", tmp_path, weak=True)[2]


def test_refused_secret_is_never_shown(tmp_path: Path) -> None:
    """A fault never shows the secret."""
    _file(tmp_path, b"hunter2")
    assert "hunter2" not in str(_read("secret: {file: it}", tmp_path))


def test_file_open_to_others_is_a_warning(tmp_path: Path) -> None:
    """A secret that every user of the machine can read is said so."""
    _file(tmp_path, GOOD, 0o604)
    assert _read("secret: {file: it}", tmp_path)[1] == [
        f"{tmp_path / 'it'} can be read by every user of this machine"
    ]
    _file(tmp_path, GOOD, 0o640)
    assert not _read("secret: {file: it}", tmp_path)[1]


def test_keys_take_file_or_credential_only(tmp_path: Path) -> None:
    """A reference takes only the sources that its setting allows."""
    report = nodes.Report()
    fields = Fields(nodes.parse(b"env: IT", report), "keys", report, known=("file", "credential"))
    found = secrets.reference(fields, Sources(tmp_path, {}), allowed=("file", "credential"))
    assert found is None
    assert "f:1:1: keys: must be one of {file: ...}, {credential: ...}" in report.lines("f")
