"""Build the wheel and the source distribution twice, and compare; the first pair stays in dist/."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
# One moment for every file: the archives depend on the contents alone.
EPOCH: Final = "1767225600"


def build(folder: Path) -> None:
    """Build both into *folder*, without a network."""
    with tempfile.TemporaryDirectory() as copy:
        tree = Path(copy) / "tree"
        shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        ran = subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(tree)],
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
            capture_output=True,
            text=True,
            check=False,
        )
    if ran.returncode:
        sys.exit(f"{ran.stdout}{ran.stderr}")


_LEFT_OUT: Final = (
    ".venv",
    ".git",
    "run",
    "dist",
    "build",
    "*.egg-info",
    ".*_cache",
    "__pycache__",
)


def contents(archive: Path) -> dict[str, str]:
    """Return the digest of each part of *archive*; a wheel is one part."""
    if archive.suffix == ".whl":
        return {"": hashlib.sha256(archive.read_bytes()).hexdigest()}
    found: dict[str, str] = {}
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member) if member.isfile() else None
            found[member.name] = hashlib.sha256(file.read()).hexdigest() if file else ""
    return found


def main() -> int:
    """Build, compare, and say what was made."""
    first = ROOT / "dist"
    shutil.rmtree(first, ignore_errors=True)
    build(first)
    with tempfile.TemporaryDirectory() as second:
        build(Path(second))
        for archive in sorted(first.iterdir()):
            if contents(archive) != contents(Path(second) / archive.name):
                print(f"{archive.name} differs between two builds", file=sys.stderr)
                return 1
            print(f"dist/{archive.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
