"""An administrator's desk: a folder with configuration, keys and store, and the command line."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, final

from click.testing import CliRunner

from radiusmfa.cli import main
from tests.unit.stores.stock import Stock

if TYPE_CHECKING:
    from pathlib import Path

    from radiusmfa.stores.database import Database

PASSWORD: Final = "correct horse"
_CONFIGURATION: Final = """\
listen: [{udp: "127.0.0.1:0"}]
store: {sqlite: it.db}
keys: {file: keys}
clients:
  - {name: vpn, networks: [127.0.0.1/32], secret: {file: secret}}
# As cheap as it may be: these tests hash many passwords.
passwords: {memory_kib: 1024, passes: 1}
"""


@final
@dataclass(frozen=True, slots=True)
class Ran:
    """
    What a command did.

    Attributes:
        code: Exit code.
        out: Standard output.
        err: Standard error.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command prints
        """Standard output as JSON."""
        return json.loads(self.out)


@final
class Office:
    """
    The desk.

    Attributes:
        folder: Where everything lies.
        stock: Store and keys.
        config: The configuration file.
    """

    def __init__(self, folder: Path) -> None:
        """Write everything."""
        self.folder = folder
        self.stock = Stock(folder)
        self.config = folder / "radiusmfa.yaml"
        self.config.write_text(_CONFIGURATION, encoding="utf-8")
        self.file("secret", "0123456789abcdef")

    def file(self, name: str, content: str | bytes) -> str:
        """Write a file that only its owner can read; return its path for a command line."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)

    def run(self, *words: str, typed: str | bytes = "", terminal: bool = False) -> Ran:
        """
        Run a command.

        Args:
            words: What follows `radiusmfa -c FILE`.
            typed: Standard input.
            terminal: A person sits there.
        """
        with CliRunner().isolation(input=typed) as (out, err, _):
            if terminal:
                for stream in (sys.stdin, sys.stderr):
                    stream.isatty = lambda: True  # type: ignore[method-assign]
            code = main.main(["-c", str(self.config), *words])
            sys.stdout.flush()
            sys.stderr.flush()
            return Ran(code, out.getvalue().decode(), err.getvalue().decode())

    def done(self, *words: str, typed: str | bytes = "") -> Ran:
        """Run a command that must succeed."""
        ran = self.run(*words, typed=typed)
        assert ran.code == 0, ran
        return ran

    def refused(self, code: int, *words: str, typed: str | bytes = "") -> str:
        """Run a command that must be refused with one line and no output; return the line."""
        before = self.stock.dump()
        ran = self.run(*words, typed=typed)
        assert ran.code == code, ran
        assert not ran.out, ran
        line, rest = ran.err.split("\n", 1)
        assert line.startswith("radiusmfa: "), ran
        assert not rest, ran
        assert self.stock.dump() == before
        return line.removeprefix("radiusmfa: ")

    def open(self) -> Database:
        """Open the store."""
        return self.stock.open()

    def lines(self) -> list[dict[str, Any]]:
        """Return the audit."""
        return [json.loads(line) for line in self.done("audit", "export").out.splitlines()]
