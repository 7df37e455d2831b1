"""Tests of `radiusmfa.service.duo_examining`."""

from __future__ import annotations

import pytest

from radiusmfa.service import duo_examining
from tests.duo import Fault, Kind
from tests.duo_login import Shell


def _examine(shell: Shell) -> tuple[str, ...]:
    found: tuple[str, ...] = shell.perform(
        duo_examining.examine(shell.settings, shell.tools()), shell.now + 20.0
    )
    return found


def test_duo_that_is_gone_is_told() -> None:
    """Nothing else can be found out."""
    shell = Shell()
    shell.is_down = True
    assert _examine(shell) == ("cannot be reached",)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (40101, "no credentials"),
        (40102, "copy integration_key and host again"),
        (40103, "copy secret_key again"),
        (40104, "takes the header Date away"),
        (40105, "set this machine's clock"),
        (40106, "does not take JSON"),
        (40301, "protect one of the type Auth API"),
        (40401, "is host really Duo's?"),
        (50000, "has a fault"),
    ],
)
def test_what_duo_does_not_like_is_told_with_what_to_do(code: int, what: str) -> None:
    """Each code means something to somebody."""
    shell = Shell()
    fault = Fault(kind=Kind.STATUS, path="check", status=code // 100, code=code, times=9)
    shell.duo.faults.append(fault)
    (line,) = _examine(shell)
    assert what in line
    assert f"({code})" in line


@pytest.mark.parametrize("kind", [Kind.PAGE, Kind.EMPTY, Kind.NO_RESPONSE])
def test_somebody_else_is_told(kind: Kind) -> None:
    """A portal, a proxy, another host."""
    shell = Shell()
    shell.duo.faults.append(Fault(kind=kind, path="ping"))
    assert _examine(shell) == ("ping: what came is no answer of Duo",)


def test_clock_is_told() -> None:
    """It is corrected for Duo, and for nothing else."""
    shell = Shell()
    shell.duo.skew = -83.0
    (line,) = _examine(shell)
    assert line.startswith("this machine's clock is 83 s ahead of Duo's: ")


def test_nothing_wrong_is_nothing() -> None:
    """Ping, and check."""
    shell = Shell()
    assert _examine(shell) == ()
    assert shell.duo.paths() == ["ping", "check"]
