"""The import table of ARCHITECTURE.md, read with `ast`: arrows point down, pure code is pure."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "radiusmfa"

# Frozen values and names of numbers; with `wire.numbers` and `config.model` they are what all share.
VALUES = {"outcome", "decision", "request", "secret", "wire.numbers", "config.model"}
# What each package may import of ours. A new package needs a line here and in ARCHITECTURE.md.
OURS = {
    "outcome": set[str](),
    "decision": VALUES,
    "request": VALUES,
    "secret": set[str](),
    "shipped": set[str](),
    "interfaces": VALUES,
    "clients": VALUES,
    "duplicates": VALUES,
    "wire": {*VALUES, "shipped"},
    "login": {*VALUES, "factors"},
    "primary": {*VALUES, "interfaces"},
    "factors": {*VALUES, "interfaces"},
    "stores": {*VALUES, "interfaces", "login", "factors"},
    "enrol": {*VALUES, "interfaces", "login", "primary"},
    "config": {*VALUES, "interfaces", "wire"},
    "ops": {*VALUES, "interfaces", "wire"},
}
EVERYTHING = {"server", "cli", "__init__", "__main__"}

# Foreign libraries and the only places that know them.
FOREIGN = {
    "pyrad": {"wire.names"},
    "yaml": {"config.nodes"},
    "cryptography": {"stores.vault", "enrol.xmlenc", "enrol.pskc"},
    "argon2": {"primary.hashing"},
    "bcrypt": {"primary.hashing"},
    "segno": {"enrol.qr"},
    "pyotp": {"enrol.seeds", "enrol.otpauth"},
    "pskc": {"enrol.pskc"},
    "click": {"cli.*"},
    "twisted": {"server.*", "ops.*", "cli.run", "upstream.udp"},
    "zope": {"server.*", "ops.*"},
    "sqlite3": {"stores.*", "cli.*"},
}
PURE = (
    "wire",
    "login",
    "clients",
    "duplicates",
    "outcome",
    "decision",
    "request",
    "secret",
    "config.model",
)
WORLD = {
    "asyncio", "ctypes", "multiprocessing", "os", "secrets", "select", "selectors", "shutil",
    "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time",
    "twisted", "urllib",
}  # fmt: skip
# Where an octet string may come out of its wrapping.
REVEALING = {
    "cli.attempt",
    "cli.backup",
    "cli.exchange",
    "cli.probe",
    "cli.token",
    "cli.user",
    "clients",
    "enrol.*",
    "factors.*",
    "login.flow",
    "login.passcode",
    "primary.*",
    "server.*",
    "stores.*",
    "wire.*",
}
# The last boundaries: what a plug-in, a datagram or a command may throw ends there.
CATCHING_ALL = {"server.run", "server.udp", "cli.main"}
WITHOUT_TESTS = {"__main__"}


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.stat().st_size)


def _name(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports are not used here"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def _is_in(name: str, places: set[str]) -> bool:
    return name in places or f"{name.partition('.')[0]}.*" in places


EVERY = pytest.mark.parametrize("path", _modules(), ids=_name)


@EVERY
def test_arrows_point_down(path: Path) -> None:
    """A module imports of ours only what its package may."""
    package = _name(path).partition(".")[0]
    if package in EVERYTHING:
        return
    assert package in OURS, f"{package} needs a line in the table above and in ARCHITECTURE.md"
    for name, line in _imports(_tree(path)):
        if name.startswith("radiusmfa."):
            used = name.split(".")[1:]
            allowed = {package, *OURS[package]}
            assert {used[0], ".".join(used[:2])} & allowed, f"{path.name}:{line}: {name}"


@EVERY
def test_pure_code_touches_no_world(path: Path) -> None:
    """Pure modules import neither the reactor, nor sockets, threads, files' doors, or a clock."""
    module = _name(path)
    if not module.startswith(PURE) or module == "wire.names":
        return
    for name, line in _imports(_tree(path)):
        assert name.partition(".")[0] not in WORLD, f"{path.name}:{line}: {name}"


@EVERY
def test_foreign_libraries_have_one_home(path: Path) -> None:
    """Each foreign library is known in the places that the table names, and nowhere else."""
    for name, line in _imports(_tree(path)):
        homes = FOREIGN.get(name.partition(".")[0])
        assert homes is None or _is_in(_name(path), homes), f"{path.name}:{line}: {name}"


@EVERY
def test_secrets_are_revealed_where_they_are_used(path: Path) -> None:
    """`reveal()` stands only in modules that reviewers know."""
    if _name(path) == "secret" or _is_in(_name(path), REVEALING):
        return
    for node in ast.walk(_tree(path)):
        revealing = isinstance(node, ast.Attribute) and node.attr == "reveal"
        assert not revealing, f"{path.name}:{getattr(node, 'lineno', 0)}"


@EVERY
def test_exceptions_are_not_swallowed(path: Path) -> None:
    """`except Exception` stands at the last boundaries only; bare `except` and `pass` nowhere."""
    for node in ast.walk(_tree(path)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        where = f"{path.name}:{node.lineno}"
        assert node.type is not None, where
        assert not isinstance(node.body[0], ast.Pass), where
        if isinstance(node.type, ast.Name) and node.type.id == "Exception":
            assert _name(path) in CATCHING_ALL, where


@EVERY
def test_modules_stay_readable(path: Path) -> None:
    """No module has more than 400 lines, and each says first what it is for."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
    assert ast.get_docstring(_tree(path))


@EVERY
def test_import_does_nothing(path: Path) -> None:
    """At import a module defines; it opens, starts and registers nothing."""
    for node in _tree(path).body:
        called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        assert not called, f"{path.name}:{node.lineno}"


@EVERY
def test_every_module_has_its_tests(path: Path) -> None:
    """Each module has a test module of the same path."""
    if path.name == "__init__.py" or _name(path) in WITHOUT_TESTS:
        return
    inside = path.relative_to(PACKAGE)
    assert (ROOT / "tests" / "unit" / inside.with_name(f"test_{inside.name}")).exists()


def test_the_reactor_is_imported_once() -> None:
    """The global reactor is named in one place; everybody else is given it."""
    found = [
        _name(path)
        for path in _modules()
        for name, _ in _imports(_tree(path))
        if name == "twisted.internet.reactor"
    ]
    assert len(found) == 1, found


def test_tests_have_a_module() -> None:
    """No test module is left behind by a module that was moved."""
    unit = ROOT / "tests" / "unit"
    for path in unit.rglob("test_*.py"):
        inside = path.relative_to(unit)
        module = PACKAGE / inside.with_name(inside.name.removeprefix("test_"))
        assert module.exists() or inside.name == "test_example.py", path


def test_every_package_is_in_the_wheel() -> None:
    """`setup.cfg` names every package: one that it forgets would be missing in the wheel."""
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    named = set(re.findall(r"^    (radiusmfa[a-z_.]*)$", text, re.MULTILINE))
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("__init__.py")
    }
    assert named - {f"radiusmfa.{top}" for top in ("dictionaries", "conf", "systemd")} == packages
