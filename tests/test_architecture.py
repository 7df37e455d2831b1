"""The import table of ARCHITECTURE.md, read with `ast`: arrows point down, pure code is pure."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "radiusmfa"

# Frozen values and what is shared by all; they import nothing of ours but each other.
VALUES = {
    "outcome": set[str](),
    "reasons": {"outcome"},
    "secret": set[str](),
    "interfaces": set[str](),
    "shipped": set[str](),
    "decision": {"outcome"},
    "config.upstream_model": {"secret"},
    "config.policy_model": set[str](),
    "config.directory_model": {"secret"},
    "config.approval_model": {"secret"},
    "config.message_model": {"secret", "config.upstream_model"},
    "config.service_model": {"secret", "config.upstream_model", "config.message_model"},
    "config.model": {
        "secret",
        "config.service_model",
        "config.upstream_model",
        "config.policy_model",
        "config.directory_model",
        "config.approval_model",
    },
}
# What each package or module may import of ours; the longest name that fits counts. A new package
# needs a line here and in ARCHITECTURE.md.
OURS = {
    **VALUES,
    "duplicates": {*VALUES},
    "wire": {*VALUES, "wire"},
    "request": {*VALUES, "wire"},
    "clients": {*VALUES, "wire"},
    "factors": {*VALUES, "factors"},
    "login": {*VALUES, "login", "factors"},
    "service": {
        *VALUES,
        "service",
        "factors.yubikey",
        "login.account",
        "login.devices",
        "login.errands",
        "login.talk",
        "upstream.line",
        "upstream.kept",
    },
    # What somebody's approval is worth, without the HTTP.
    "approval": {*VALUES, "approval", "login.errands"},
    "primary": {*VALUES, "primary", "login.errands", "login.person", "login.username"},
    "upstream": {
        *VALUES,
        "upstream",
        "wire",
        "login.account",
        "login.person",
        "login.talk",
        "login.username",
    },
    "stores": {
        *VALUES,
        "stores",
        "factors",
        "login.account",
        "login.calls",
        "login.devices",
        "login.errands",
        "login.person",
        "login.challenges",
        "login.talk",
        "login.throttle",
        "login.tries",
        "login.username",
    },
    "enrol": {
        *VALUES,
        "enrol",
        "factors.yubikey",
        "login.devices",
        "login.username",
        "primary.hashing",
    },
    "config": {
        *VALUES,
        "config",
        "login.devices",
        "login.username",
        # In which letters something can be sent.
        "service.wording",
        "wire.names",
        "wire.template",
        "wire.address",
        "wire.texts",
    },
    # What is configured for another product, carried over.
    "carry": {*VALUES, "carry", "config", "login.username", "wire.address", "wire.names"},
    "ops": {*VALUES, "ops", "wire.codec", "wire.numbers"},
}
EVERYTHING = {"server", "cli", "__main__", "__init__"}

# What answers for a primary or a factor; everything else beside them is arithmetic that they share.
PLUGINS = {
    "primary.local",
    "factors.totp",
    "factors.hotp",
    "factors.recovery",
    "factors.yubikey",
}

# Foreign libraries and the only places that know them.
FOREIGN = {
    "pyrad": {"wire.names"},
    "yaml": {"config.nodes"},
    "cryptography": {"stores.vault", "enrol.xmlenc", "factors.yubikey"},
    "argon2": {"primary.hashing"},
    "bcrypt": {"primary.hashing"},
    "segno": {"enrol.qr"},
    "pyotp": {"enrol.otpauth"},
    "click": {"cli.*"},
    "twisted": {"server.*", "ops.logs", "cli.run"},
    "zope": {"server.*"},
    "sqlite3": {"stores.*"},
    "ldap3": {"primary.ldap"},
    "treq": {"server.*"},
    "prometheus_client": {"server.metrics"},
}
PURE = {
    *VALUES, "approval", "wire", "login", "factors", "upstream", "service", "clients", "duplicates",
    "request",
} - {"shipped"}  # fmt: skip
WORLD = {
    "asyncio", "ctypes", "multiprocessing", "os", "secrets", "select", "selectors", "shutil",
    "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time",
    "twisted", "urllib",
}  # fmt: skip
# New recovery codes are drawn where they are defined.
DOORS = {("factors.recovery", "secrets")}
# Where an octet string may come out of its wrapping.
REVEALING = {
    "cli.attempt",
    "cli.demo",
    "cli.enroll_yubikey",
    "cli.demo_store",
    "cli.enroll_device",
    "cli.examine_approvals",
    "cli.examine_directory",
    "cli.exchange",
    "cli.import_authproxy",
    "cli.probe",
    "cli.token_enroll",
    "cli.user",
    "cli.user_import",
    "enrol.otpauth",
    "enrol.xmlenc",
    "config.service_yubico",
    "primary.directory",
    "server.connecting",
    "server.mailing",
    "server.servicenow",
    "service.duo_signing",
    "service.yubico",
    "service.securid_signing",
    "stores.devices",
    "service.forms",
    "stores.proving",
    "stores.tokens",
    "stores.twins",
    "stores.vault",
    "stores.yubikeys",
    "wire.codec",
}
# The last boundaries: what a login, a datagram or a command may throw ends there.
CATCHING_ALL = {"server.pipeline", "server.udp", "server.relays", "cli.main"}
THE_REACTOR = "cli.run"
MOST_LINES = 400
# The eleven steps stand on one page, top to bottom: cut in two, nobody could follow them.
# And one list of sentences, in one order.
LONGER = {"server.pipeline": 650, "reasons": 500}
WITHOUT_TESTS = {"__main__"}
# Tests of a file that is no module: conf/radiusmfa.yaml, docs/configuration.md.
OF_NO_MODULE = {"config/test_example.py", "config/test_reference.py"}


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
    package, dot, _ = name.partition(".")
    return name in places or bool(dot and f"{package}.*" in places)


EVERY = pytest.mark.parametrize("path", _modules(), ids=_name)


def _rule(module: str) -> set[str] | None:
    """Return what *module* may import of ours, or None for everything."""
    package = module.partition(".")[0]
    if package in EVERYTHING:
        return None
    found = OURS.get(module, OURS.get(package))
    assert found is not None, f"{package} needs a line in OURS and in ARCHITECTURE.md"
    return found


def _ours(path: Path) -> Iterator[tuple[str, int]]:
    """Yield each module of ours that *path* imports, without `radiusmfa.`, and the line."""
    for name, line in _imports(_tree(path)):
        if not name.startswith("radiusmfa."):
            continue
        parts = name.split(".")[1:]
        while parts and not PACKAGE.joinpath(*parts).with_suffix(".py").exists():
            parts.pop()
        if parts:  # else `radiusmfa.__version__`
            yield ".".join(parts), line


@EVERY
def test_arrows_point_down(path: Path) -> None:
    """A module imports of ours only what its package may."""
    allowed = _rule(_name(path))
    if allowed is None:
        return
    for used, line in _ours(path):
        assert {used, used.partition(".")[0]} & allowed, f"{path.name}:{line}: {used}"


def test_table_has_no_circle() -> None:
    """Packages form layers: none is above and below another one."""
    graph = {
        package: {name.partition(".")[0] if name not in OURS else name for name in allowed}
        - {package, *(VALUES if package == "config" else ())}
        for package, allowed in OURS.items()
    }
    assert tuple(TopologicalSorter(graph).static_order())


def test_modules_have_no_circle() -> None:
    """No two modules need each other when they are loaded, nor through others."""
    graph = {_name(path): {used for used, _ in _needed(path)} for path in _modules()}
    assert tuple(TopologicalSorter(graph).static_order())


def _needed(path: Path) -> Iterator[tuple[str, int]]:
    tree = _tree(path)
    # What only the type checker reads, and what a function loads when it is called, comes later.
    late = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING")
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return ((used, line) for used, line in _ours(path) if line not in late)


@EVERY
def test_no_plugin_imports_a_plugin(path: Path) -> None:
    """A primary or a factor knows no other one; what they share is arithmetic."""
    if _name(path).partition(".")[0] in {"primary", "factors"}:
        used = {name for name, _ in _ours(path)}
        assert not used & PLUGINS, _name(path)


def test_plugins_are_where_the_table_says() -> None:
    """The table of plug-ins names modules that exist."""
    assert {_name(path) for path in _modules()} >= PLUGINS


@EVERY
def test_pure_code_touches_no_world(path: Path) -> None:
    """Pure modules import neither the reactor, nor sockets, threads, files' doors, or a clock."""
    module = _name(path)
    if not {module, module.partition(".")[0]} & PURE:
        return
    for name, line in _imports(_tree(path)):
        outside = name.partition(".")[0]
        allowed = outside not in WORLD or (module, outside) in DOORS
        assert allowed, f"{path.name}:{line}: {name}"


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
        caught = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)}
        if "Exception" in caught:
            assert _name(path) in CATCHING_ALL, where
        if "BaseException" in caught:
            # To tidy up, never to go on.
            assert isinstance(node.body[-1], ast.Raise), where


@EVERY
def test_nothing_is_suppressed_as_a_whole(path: Path) -> None:
    """`suppress` names what may happen; it never hides every exception."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            named = {ast.unparse(argument) for argument in node.args}
            assert not named & {"Exception", "BaseException"}, f"{path.name}:{node.lineno}"


def test_boundaries_catch_all_in_one_place_each() -> None:
    """Each of the last boundaries has one such place, with its reason beside it."""
    for module in CATCHING_ALL:
        text = PACKAGE.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
        places = re.findall(r"except Exception\b.*", text)
        assert len(places) == 1, module
        assert re.search(r"# noqa: BLE001 - \S", places[0]), module


@EVERY
def test_modules_stay_readable(path: Path) -> None:
    """No module has more than 400 lines, and each says first what it is for."""
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGER.get(_name(path), MOST_LINES)
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
    assert found == [THE_REACTOR]


def test_loading_every_module_starts_no_reactor() -> None:
    """Whoever loads a module of ours gets no reactor with it, not through Twisted either."""
    names = [f"radiusmfa.{_name(path)}".removesuffix(".__init__") for path in _modules()]
    names.remove("radiusmfa.__main__")
    code = (
        "import importlib, sys\n"
        f"for name in {names}: importlib.import_module(name)\n"
        "print('twisted.internet.reactor' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert ran.stdout == "False\n"


def test_tests_have_a_module() -> None:
    """No test module is left behind by a module that was moved."""
    unit = ROOT / "tests" / "unit"
    for path in unit.rglob("test_*.py"):
        inside = path.relative_to(unit)
        module = PACKAGE / inside.with_name(inside.name.removeprefix("test_"))
        assert module.exists() or str(inside) in OF_NO_MODULE, path


def test_every_package_is_in_the_wheel() -> None:
    """`setup.cfg` names every package: one that it forgets would be missing in the wheel."""
    text = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    named = set(re.findall(r"^    (radiusmfa[a-z_.]*)$", text, re.MULTILINE))
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGE.rglob("__init__.py")
    }
    assert named - {f"radiusmfa.{top}" for top in ("dictionaries", "conf", "systemd")} == packages
