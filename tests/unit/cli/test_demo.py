"""Tests of `radiusmfa.cli.demo`."""

from __future__ import annotations

import os
import pty
import re
import socket
import subprocess
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from radiusmfa.cli import demo, exits
from radiusmfa.cli.main import main
from radiusmfa.config import read
from radiusmfa.enrol import otpauth, qr
from radiusmfa.primary import hashing
from radiusmfa.stores import database, people, tokens
from radiusmfa.stores.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = re.compile(r"the password ([a-z2-9]{5}(?:-[a-z2-9]{5}){2});")


def _pair() -> int:
    """Return a port that is free now, with its next one."""
    while True:
        with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as one:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            with (
                suppress(OSError, OverflowError),
                closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as two,
            ):
                two.bind(("127.0.0.1", port + 1))
                return port


def _demo(folder: Path, *words: object) -> int:
    return main(["init", "--demo", *map(str, words), str(folder)])


@pytest.fixture
def fixture_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, str]:
    """Return the folder of a new demo, and what was printed."""
    assert _demo(tmp_path / "run", "--port", _pair()) == exits.DONE
    return tmp_path / "run", capsys.readouterr().out


@pytest.fixture
def fixture_taken() -> Iterator[int]:
    """Return a port that somebody else has."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def _open(folder: Path) -> database.Database:
    return database.connect(folder / "radiusmfa.db", Vault.read(folder / "keys"))


def test_what_is_printed_is_what_is_stored(fixture_made: tuple[Path, str]) -> None:
    """The password that is shown is the user's, the seed in the QR code is the token's."""
    folder, out = fixture_made
    uri = next(word for word in out.split() if word.startswith("otpauth://"))
    password = PASSWORD.search(out)
    assert password
    with closing(_open(folder)) as store:
        (person,) = people.everybody(store)
        (token,) = tokens.listing(store, user="demo")
        with store.reading() as connection:
            seed = tokens.open_seed(store, tokens.find(connection, token.serial))
            stored = connection.execute("SELECT password FROM users").fetchone()[0]
    assert person.name == "demo"
    assert (token.kind, token.status) == ("totp", "active")
    assert otpauth.read_uri(uri).seed == seed
    assert hashing.verify(stored, password[1].encode(), pepper=b"")
    assert qr.plain(uri).rstrip() in out


def test_lines_to_try_are_complete(fixture_made: tuple[Path, str]) -> None:
    """The lines name the password, the real port, and a file that holds the secret."""
    folder, out = fixture_made
    password = PASSWORD.search(out)
    config = read.load(folder / "radiusmfa.yaml")
    assert password
    address = f"127.0.0.1:{config.listen[0].port}"
    configuration = f"-c {folder}/radiusmfa.yaml"
    assert f'  radtest demo {password[1]}123456 {address} 0 "$(cat {folder}/secrets/demo)"\n' in out
    assert f"radiusmfa {configuration} probe demo --client demo --server {address}\n" in out
    assert f"radiusmfa {configuration} audit tail\n" in out
    assert (folder / "secrets/demo").read_text(encoding="ascii").strip()


def test_demo_serves_this_machine_alone(fixture_made: tuple[Path, str]) -> None:
    """The demo listens on loopback and answers loopback, on the port and the next one."""
    config = read.load(fixture_made[0] / "radiusmfa.yaml")
    (listen,), (accounting,) = config.listen, config.accounting
    assert (listen.host, accounting.host) == ("127.0.0.1", "127.0.0.1")
    assert accounting.port == listen.port + 1
    assert [str(found) for found in config.clients[0].networks] == ["127.0.0.1/32", "::1/128"]
    assert not config.warnings


def test_password_and_seed_are_new_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No two demos share a password or a token."""
    found = set()
    for name in ("a", "b"):
        assert _demo(tmp_path / name, "--port", _pair()) == exits.DONE
        out = capsys.readouterr().out
        found |= {word for word in out.split() if word.startswith("otpauth://")}
        password = PASSWORD.search(out)
        assert password
        found.add(password[1])
    assert len(found) == 4


def test_taken_port_is_one_line_and_leaves_nothing(
    tmp_path: Path, fixture_taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that somebody else has is one line that says how to name another one."""
    for port in (fixture_taken, fixture_taken - 1):
        assert _demo(tmp_path / "run", "--port", port) == exits.NO
        out, err = capsys.readouterr()
        assert err == (
            f"radiusmfa: UDP port {fixture_taken} of 127.0.0.1 cannot be used (Address already in"
            " use); name another one: make run PORT=11812\n"
        )
        assert not out
        assert not list(tmp_path.iterdir())


def _octets(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_second_run_keeps_everything(
    fixture_made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The data is as it was left; the password is not shown again, but how to set a new one."""
    folder, out = fixture_made
    before = _octets(folder)
    password = PASSWORD.search(out)
    assert password
    assert _demo(folder, "--keep") == exits.DONE
    again = capsys.readouterr().out
    assert _octets(folder) == before
    assert password[1] not in again
    assert "otpauth://" not in again
    assert f"-c {folder}/radiusmfa.yaml user password demo\n" in again
    assert f"-c {folder}/radiusmfa.yaml token enroll demo\n" in again
    assert "radtest demo PASSWORD123456 127.0.0.1:" in again


def test_second_run_may_have_another_port(
    fixture_made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A port that is named moves the demo there, and nothing else changes."""
    folder, _ = fixture_made
    before = _octets(folder)
    port = _pair()
    assert _demo(folder, "--keep", "--port", port) == exits.DONE
    config = read.load(folder / "radiusmfa.yaml")
    assert (config.listen[0].port, config.accounting[0].port) == (port, port + 1)
    after = _octets(folder)
    del before["radiusmfa.yaml"], after["radiusmfa.yaml"]
    assert after == before
    assert f"127.0.0.1:{port}" in capsys.readouterr().out


def test_second_run_on_a_taken_port_is_one_line(
    fixture_made: tuple[Path, str], fixture_taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """If the port is taken meanwhile, or the server runs already, one line says so."""
    assert _demo(fixture_made[0], "--keep", "--port", fixture_taken) == exits.NO
    out, err = capsys.readouterr()
    assert err.startswith(f"radiusmfa: UDP port {fixture_taken} of 127.0.0.1 cannot be used")
    assert len(err.splitlines()) == 1
    assert not out


def test_folder_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real installation is not taken for the demo."""
    assert main(["init", str(tmp_path / "etc")]) == exits.DONE
    capsys.readouterr()
    assert _demo(tmp_path / "etc", "--keep") == exits.NO
    assert "holds something else than the demo" in capsys.readouterr().err


def test_listen_line_changed_by_hand_is_left_alone(
    fixture_made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever changed the addresses by hand also changes the port by hand."""
    path = fixture_made[0] / "radiusmfa.yaml"
    text = re.sub(r'"127.0.0.1:(\d+)"', r'"[::1]:\1"', path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    assert _demo(fixture_made[0], "--keep", "--port", _pair()) == exits.NO
    assert "changed by hand: set the port there" in capsys.readouterr().err
    assert path.read_text(encoding="utf-8") == text
    assert _demo(fixture_made[0], "--keep") == exits.DONE
    assert " [::1]:" in capsys.readouterr().out


def test_broken_configuration_is_shown_with_its_place(
    fixture_made: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A demo whose file was broken says where, and starts nothing."""
    path = fixture_made[0] / "radiusmfa.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "x: 1\n", encoding="utf-8")
    assert _demo(fixture_made[0], "--keep") == exits.CONFIGURATION
    assert re.search(r"radiusmfa\.yaml:\d+:1: x: is no setting", capsys.readouterr().err)


def test_without_keep_a_second_demo_is_refused(fixture_made: tuple[Path, str]) -> None:
    """Only `--keep` goes on with what is there."""
    assert _demo(fixture_made[0], "--port", _pair()) == exits.NO


def test_terminal_gets_a_code_that_a_camera_reads(tmp_path: Path) -> None:
    """On a terminal the QR code brings its own colors: dark on light, whatever the theme is."""
    ours, theirs = pty.openpty()
    words = ["init", "--demo", "--port", str(_pair()), str(tmp_path / "run")]
    subprocess.run(
        [sys.executable, "-m", "radiusmfa", *words], stdout=theirs, check=True, timeout=60
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):  # the end of a terminal is an error on Linux
        while octets := os.read(ours, 65536):
            shown += octets
    os.close(ours)
    uri = next(word for word in shown.decode().split() if word.startswith("otpauth://"))
    assert qr.terminal(uri).replace("\n", "\r\n") in shown.decode()
    assert qr.terminal(uri) != qr.plain(uri)


@pytest.mark.parametrize(
    ("called", "typed"),
    [
        pytest.param(".venv/bin/radiusmfa", ".venv/bin/radiusmfa", id="path"),
        pytest.param("radiusmfa", "radiusmfa", id="on PATH"),
        pytest.param("/x/radiusmfa/__main__.py", "radiusmfa", id="python -m"),
    ],
)
def test_lines_call_the_program_as_it_was_called(
    called: str, typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lines to be typed again name the program that was typed."""
    monkeypatch.setattr(sys, "argv", [called])
    assert demo.program() == typed
