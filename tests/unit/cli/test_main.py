"""Tests of `radiusmfa.cli.main`."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest

import radiusmfa
from radiusmfa.cli import exits, main
from radiusmfa.interfaces import (
    ConfigError,
    ImportRefusedError,
    KeysError,
    RadiusmfaError,
    StoreBusyError,
    StoreError,
    SystemRefusedError,
)

if TYPE_CHECKING:
    from pathlib import Path


def _run(error: BaseException | int | None, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    @click.command(name="raise")
    def command() -> int | None:
        if isinstance(error, BaseException):
            raise error
        return error

    monkeypatch.setitem(main.command.commands, "raise", command)
    return main.main([*words, "raise"])


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (ConfigError("f:1:1: a", "f:2:1: b"), exits.CONFIGURATION, ["f:1:1: a", "f:2:1: b"]),
        (ImportRefusedError("line 1: a", "line 2: b"), exits.INPUT, ["line 1: a", "line 2: b"]),
        (StoreError("no store"), exits.STORE, ["no store"]),
        (SystemRefusedError("port taken"), exits.SYSTEM, ["port taken"]),
        (StoreBusyError("busy"), exits.STORE, ["busy"]),
        (KeysError("no keys"), exits.STORE, ["no keys"]),
        (RadiusmfaError("no"), exits.NO, ["no"]),
        (click.UsageError("bad word"), exits.USAGE, ["bad word"]),
        (click.ClickException("odd"), 1, ["odd"]),
        (
            OSError(28, "No space left on device", "/x"),
            exits.SYSTEM,
            ["/x: No space left on device"],
        ),
        (
            OSError(28, "No space left on device"),
            exits.SYSTEM,
            ["standard output: No space left on device"],
        ),
        (KeyboardInterrupt(), exits.INTERRUPTED, ["stopped"]),
        (click.Abort(), exits.INTERRUPTED, ["stopped"]),
    ],
)
def test_error_becomes_its_lines_and_code(
    error: BaseException,
    code: int,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each expected error is one line a fault on standard error, and its exit code."""
    assert _run(error, monkeypatch) == code
    out, err = capsys.readouterr()
    assert not out
    assert [line.split(" See '")[0] for line in err.splitlines()] == [
        f"radiusmfa: {line}" for line in lines
    ]


@pytest.mark.parametrize(("answer", "code"), [(None, 0), (0, 0), (1, 1), (5, 5)])
def test_answer_of_a_command_is_its_code(
    answer: int | None, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a command returns is the exit code; nothing is 0."""
    assert _run(answer, monkeypatch) == code


def test_surprise_is_one_line_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault of our own shows kind and place; its text may hold a password and is not shown."""
    assert _run(ValueError("hunter2"), monkeypatch) == exits.INTERNAL
    err = capsys.readouterr().err
    assert err.startswith("radiusmfa: a fault of radiusmfa itself: ValueError at test_main.py:")
    assert "hunter2" not in err
    assert len(err.splitlines()) == 1


def test_debug_shows_the_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `--debug` the whole traceback is there."""
    assert _run(ValueError("odd"), monkeypatch, "--debug") == exits.INTERNAL
    assert "Traceback" in capsys.readouterr().err


def test_help_lists_every_command_without_loading_one() -> None:
    """`--help` names each command with its line and imports none of their modules."""
    code = (
        "import sys; from radiusmfa.cli.main import main; main(['--help']);"
        "print([m for m in sys.modules if m in "
        "('twisted', 'sqlite3', 'cryptography', 'yaml', 'pyrad', 'radiusmfa.cli.run')])"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    for name, (_, summary) in main.COMMANDS.items():
        assert f"  {name} " in ran.stdout
        assert summary in ran.stdout
    assert ran.stdout.endswith("[]\n")


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["-h"]])
def test_information_is_code_zero(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Version and help are answers, not errors."""
    assert main.main(words) == 0
    assert capsys.readouterr().out


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` prints the version of the package."""
    main.main(["--version"])
    assert capsys.readouterr().out == f"radiusmfa {radiusmfa.__version__}\n"


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        (["bogus"], "No such command 'bogus'.", "See 'radiusmfa --help'."),
        (["--bogus"], "No such option", "See 'radiusmfa --help'."),
        (["check", "--bogus"], "No such option", "See 'radiusmfa check --help'."),
    ],
)
def test_wrong_usage_is_one_line(
    words: list[str], start: str, end: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong usage is one line that names the word and says where help is, and code 2."""
    assert main.main(words) == exits.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"radiusmfa: {start}")
    assert line.endswith(end)
    assert "bogus" in line


def test_shell_is_told_what_may_follow() -> None:
    """A shell that completes a line learns the commands."""
    asked = {"_RADIUSMFA_COMPLETE": "bash_complete", "COMP_WORDS": "radiusmfa ", "COMP_CWORD": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "radiusmfa"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert [line.partition(",")[2] for line in ran.stdout.splitlines()] == list(main.COMMANDS)


def test_missing_module_fails_its_command_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command whose library is not installed says so; the others work."""
    monkeypatch.setitem(main.COMMANDS, "lost", ("lost_module", "Is not there."))
    assert main.main(["lost"]) == 1
    err = capsys.readouterr().err
    assert "'lost' cannot run: the Python module radiusmfa.cli.lost_module is not installed" in err
    assert main.main(["check", "--help"]) == 0


@pytest.mark.parametrize("name", sorted(main.COMMANDS))
def test_each_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command of the table can be loaded and explains itself."""
    assert main.main([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: radiusmfa {name} ")


def test_configuration_is_found_by_option_and_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--config` wins over RADIUSMFA_CONFIG."""
    monkeypatch.setenv("RADIUSMFA_CONFIG", str(tmp_path / "environment.yaml"))
    assert main.main(["check"]) == exits.CONFIGURATION
    assert "environment.yaml" in capsys.readouterr().err
    assert main.main(["-c", str(tmp_path / "option.yaml"), "check"]) == exits.CONFIGURATION
    assert "option.yaml" in capsys.readouterr().err


def test_reader_that_went_away_is_silent() -> None:
    """`radiusmfa ... | head -1` ends without a word."""
    with subprocess.Popen(
        [sys.executable, "-m", "radiusmfa", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as ran:
        assert ran.stdout
        assert ran.stderr
        ran.stdout.close()
        assert ran.stderr.read() == b""
        assert ran.wait(60) == exits.BROKEN_PIPE
