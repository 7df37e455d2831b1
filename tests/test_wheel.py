"""The wheel: built without a network, installed somewhere else, used from another folder."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import radiusmfa
from tools import dist

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


class Installed(NamedTuple):
    """
    A wheel in an environment of its own.

    Attributes:
        wheel: The file.
        program: `radiusmfa` of that environment.
        folder: An empty folder far from the checkout.
    """

    wheel: Path
    program: Path
    folder: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in the folder, as a person would."""
        return subprocess.run(
            [self.program.with_name(words[0]), *words[1:]],
            cwd=self.folder,
            env={"PATH": os.defpath, "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )


@pytest.fixture(scope="module")
def fixture_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("built")
    dist.build(folder)
    return folder


@pytest.fixture(scope="module")
def fixture_installed(fixture_built: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return the wheel, installed where only its dependencies are known."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = fixture_built.glob("*.whl")
    home = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
    # A folder named in a .pth file is searched, but its own .pth files are not read: the checkout's
    # editable installation stays out.
    packages = next((home / "lib").glob("python3*")) / "site-packages"
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install"]
    subprocess.run(
        [*pip, "--quiet", "--no-index", "--no-deps", "--ignore-installed", "--no-compile", wheel],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"},
    )
    (folder / "elsewhere").mkdir()
    return Installed(wheel, home / "bin" / "radiusmfa", folder / "elsewhere")


def test_two_builds_are_the_same(fixture_built: Path, tmp_path: Path) -> None:
    """Whoever builds the same tree gets the same wheel, and a source archive of the same files."""
    dist.build(tmp_path)
    names = sorted(path.name for path in fixture_built.iterdir())
    assert [Path(name).suffix for name in names] == [".whl", ".gz"]
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert dist.contents(fixture_built / name) == dist.contents(tmp_path / name)


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(ROOT))


def test_wheel_holds_the_package_and_its_files_and_nothing_else(fixture_built: Path) -> None:
    """Modules, schemas, dictionaries, the example and the unit are in the wheel; no test is."""
    (wheel,) = fixture_built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = set(_files(ROOT / "radiusmfa"))
    for top in ("conf", "dictionaries", "systemd"):
        wanted |= {f"radiusmfa/{name}" for name in _files(ROOT / top)}
    assert inside == wanted


def test_installed_package_is_the_wheels(fixture_installed: Installed) -> None:
    """What the next tests use is the wheel, not the checkout."""
    ran = fixture_installed.run("python", "-c", "import radiusmfa; print(radiusmfa.__file__)")
    assert ran.stdout.startswith(f"{fixture_installed.program.parents[1]}/lib/python3")


def test_version_is_printed(fixture_installed: Installed) -> None:
    """`radiusmfa --version` works where nothing but the wheel is."""
    ran = fixture_installed.run("radiusmfa", "--version")
    assert (ran.stdout, ran.stderr) == (f"radiusmfa {radiusmfa.__version__}\n", "")


def test_every_module_can_be_loaded(fixture_installed: Installed) -> None:
    """No module of the wheel needs something that only the checkout has."""
    code = (
        "import importlib, pkgutil, radiusmfa\n"
        "for found in pkgutil.walk_packages(radiusmfa.__path__, 'radiusmfa.'):\n"
        "    if not found.name.endswith('__main__'): importlib.import_module(found.name)\n"
    )
    ran = fixture_installed.run("python", "-W", "error", "-c", code)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        *[("dictionaries", path.name) for path in sorted((ROOT / "dictionaries").iterdir())],
        ("conf", "radiusmfa.yaml"),
        ("systemd", "radiusmfa.service"),
    ],
)
def test_shipped_files_are_found(name: str, file: str, fixture_installed: Installed) -> None:
    """The wheel finds its dictionaries, its example and its unit, as they are in the checkout."""
    code = f"from radiusmfa import shipped; print(shipped.text({name!r}, {file!r}), end='')"
    ran = fixture_installed.run("python", "-c", code)
    assert ran.stdout == (ROOT / name / file).read_text(encoding="utf-8")


def test_dictionaries_of_the_wheel_are_used(fixture_installed: Installed) -> None:
    """Attributes of RFCs and vendors have their names."""
    code = "from radiusmfa.wire import names; print(names.encode('Cisco-AVPair', 'a=b').hex())"
    assert fixture_installed.run("python", "-c", code).stdout == "1a0b000000090105613d62\n"


def test_first_steps_work(fixture_installed: Installed) -> None:
    """`init`, `check` and the first user: the wheel alone is enough."""
    assert fixture_installed.run("radiusmfa", "init", "etc").returncode == 0
    ran = fixture_installed.run("radiusmfa", "-c", "etc/radiusmfa.yaml", "check")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("etc/radiusmfa.yaml: can be used; 1 client, no warnings\n")
    password = fixture_installed.folder / "password"
    password.write_text("correct horse battery staple\n", encoding="utf-8")
    calls = [
        ["user", "add", "alice", "--password-file", "password"],
        ["user", "list"],
        ["audit", "verify"],
    ]
    for call in calls:
        ran = fixture_installed.run("radiusmfa", "-c", "etc/radiusmfa.yaml", *call)
        assert (ran.returncode, ran.stderr) == (0, ""), call


def _setup() -> configparser.ConfigParser:
    found = configparser.ConfigParser()
    found.read(ROOT / "setup.cfg", encoding="utf-8")
    return found


def _required() -> list[Requirement]:
    setup = _setup()
    lists = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    lines = [line for text in lists for line in text.splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def test_metadata_name_what_setup_cfg_requires(fixture_built: Path) -> None:
    """The wheel asks for the dependencies of setup.cfg, the optional ones as extras."""
    (wheel,) = fixture_built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    found = {Requirement(line).name for line in metadata.get_all("Requires-Dist") or []}
    assert found == {requirement.name for requirement in _required()}
    assert metadata["License"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"


PINS = re.findall(r"(?m)^([A-Za-z0-9._-]+)==(\S+) \\\n((?:    --hash=\S+(?: \\)?\n)+)", LOCK)


def test_lock_pins_each_package_once_with_hashes() -> None:
    """Every line of the lock is a version with SHA-256 hashes, or a remark."""
    assert len({canonicalize_name(name) for name, _, _ in PINS}) == len(PINS)
    assert len(PINS) == len(re.findall(r"==", LOCK))
    for _, _, hashes in PINS:
        assert re.fullmatch(r"(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", hashes)


def test_lock_names_no_index() -> None:
    """Where packages come from is the machine's business."""
    assert "://" not in LOCK
    assert not re.search(r"^\s*-(?!-hash)", LOCK, re.MULTILINE)


@pytest.mark.parametrize("requirement", _required(), ids=str)
def test_lock_fits_setup_cfg(requirement: Requirement) -> None:
    """Each dependency is in the lock, in a version that setup.cfg takes."""
    versions = {canonicalize_name(name): version for name, version, _ in PINS}
    assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])
    assert requirement.specifier, "a lower bound is missing"
