"""Tests of `radiusmfa.cli.common`."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from radiusmfa.cli import common
from radiusmfa.interfaces import ConfigError, KeysError
from radiusmfa.secret import Secret


class _Input(io.TextIOWrapper):
    """Standard input of our choice."""

    def __init__(self, octets: bytes, *, terminal: bool = False) -> None:
        super().__init__(io.BytesIO(octets))
        self.terminal = terminal

    def isatty(self) -> bool:
        """Say whether somebody sits there."""
        return self.terminal


def _sit(monkeypatch: pytest.MonkeyPatch, octets: bytes = b"", *, terminal: bool = False) -> None:
    monkeypatch.setattr("sys.stdin", _Input(octets, terminal=terminal))


def test_table_is_in_columns(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are as wide as their widest cell, also of wide scripts; no blanks at line ends."""
    common.table(["A", "BB"], [["x", ""], ["日本", "y"], ["e\u0301a", "z"]])
    assert capsys.readouterr().out.splitlines() == ["A     BB", "x", "日本  y", "e\u0301a    z"]


def test_table_shows_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    """What a terminal would act on is shown, not sent."""
    common.table(["A"], [["\x1b[31m\n\u202e"]])
    assert capsys.readouterr().out == "A\n\\x1b[31m\\n\\u202e\n"


def test_table_without_rows_is_its_headers(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty listing still says what it would list."""
    common.table(["A", "B"], [])
    assert capsys.readouterr().out == "A  B\n"


def test_json_keeps_other_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON is indented, and names stay readable."""
    common.emit_json({"name": "Jörg"})
    assert capsys.readouterr().out == '{\n  "name": "Jörg"\n}\n'


def test_confirm_takes_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--yes` answers in advance; without it and without a terminal nothing is destroyed."""
    _sit(monkeypatch)
    common.confirm("Delete?", yes=True)
    with pytest.raises(click.UsageError, match=r"Delete\? Nobody can answer here: say --yes\."):
        common.confirm("Delete?", yes=False)


@pytest.mark.parametrize(("answer", "goes_on"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_confirm_asks_on_a_terminal(
    answer: str, *, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal only a yes goes on."""
    monkeypatch.setattr(common, "is_terminal", lambda: True)

    @click.command
    def command() -> None:
        common.confirm("Delete?", yes=False)
        click.echo("gone")

    result = CliRunner().invoke(command, input=answer)
    assert ("gone" in result.output) is goes_on
    assert goes_on or str(result.exception) == "nothing was changed"


def test_is_terminal_looks_at_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is no terminal."""
    _sit(monkeypatch, terminal=True)
    assert common.is_terminal()
    _sit(monkeypatch)
    assert not common.is_terminal()


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"\nmore\n"])
def test_secret_is_the_first_line(
    ending: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret is the first line of its file, or of standard input, octet by octet."""
    octets = b" p\xff\xc3\xa4ss "
    (tmp_path / "it").write_bytes(octets + ending)
    assert common.secret_input("Password", tmp_path / "it") == Secret(octets)
    _sit(monkeypatch, octets + ending)
    assert common.secret_input("Password", Path("-")) == Secret(octets)


def test_empty_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty first line is no secret."""
    (tmp_path / "it").write_bytes(b"\nx")
    with pytest.raises(click.UsageError, match="is empty"):
        common.secret_input("Password", tmp_path / "it")
    _sit(monkeypatch)
    with pytest.raises(click.UsageError, match="standard input is empty"):
        common.secret_input("Password", Path("-"))


def test_secret_needs_a_file_or_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without both there is nobody to ask."""
    _sit(monkeypatch)
    with pytest.raises(click.UsageError, match="Password: there is no terminal"):
        common.secret_input("Password", None)


@pytest.mark.parametrize("twice", [True, False])
def test_secret_is_asked_for_without_echo(*, twice: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the secret is asked for, twice if wanted, and not shown."""
    monkeypatch.setattr(common, "is_terminal", lambda: True)
    got: list[Secret] = []

    @click.command
    def command() -> None:
        got.append(common.secret_input("Password", None, twice=twice))

    ran = CliRunner().invoke(command, input="hünter2\nhünter2\n"[: None if twice else 8])
    assert got == [Secret("hünter2".encode())]
    assert "hünter2" not in ran.output
    assert ran.output.count("Password") == 1


def _context(path: Path | None) -> click.Context:
    return click.Context(click.Command("x"), obj=path)


def test_store_needs_a_configuration(tmp_path: Path) -> None:
    """A command without a usable configuration does not look for a store."""
    with pytest.raises(ConfigError):
        common.open_store(_context(tmp_path / "none.yaml"))
    with pytest.raises(click.UsageError, match="No configuration file"):
        common.load_config(_context(None))


def test_store_needs_its_keys(tmp_path: Path) -> None:
    """A configuration whose keys are missing opens no store."""
    (tmp_path / "it.yaml").write_text(
        "{listen: [{udp: '127.0.0.1:0'}], store: {sqlite: it.db}, keys: {file: keys},"
        " clients: [{name: a, networks: [127.0.0.1], secret: {file: it}}]}",
        encoding="utf-8",
    )
    (tmp_path / "it").write_text("0123456789abcdef", encoding="utf-8")
    with pytest.raises(KeysError):
        common.open_store(_context(tmp_path / "it.yaml"))


@pytest.mark.parametrize(
    ("things", "text"), [("", "no clients"), ("a", "1 client"), ("ab", "2 clients")]
)
def test_things_are_counted_in_words(things: str, text: str) -> None:
    """One thing is not several."""
    assert common.count(things, "client") == text


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ([], ", nor any other."),
        (["vault", "root"], "; it has: vault, root."),
        (["vault", "aws-root"], "; did you mean aws-root?"),
    ],
)
def test_slip_is_answered_with_what_there_is(known: list[str], text: str) -> None:
    """Whoever mistypes a name learns which one may be meant, or all of them."""
    assert common.suggestion("aws-rot", known) == text
