"""Run every module's own test module alone, and print how much of the module it covers."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LEAST_PERCENT: Final = 90.0


@dataclass(frozen=True, slots=True)
class Cover:
    """
    How a test module covers its module.

    Attributes:
        module: Path of the module.
        percent: Lines and branches reached; None if the tests are missing or fail.
        remark: What is wrong.
    """

    module: Path
    percent: float | None
    remark: str


def test_of(module: Path) -> Path:
    """Return where the tests of *module* belong."""
    inside = module.relative_to(ROOT / "radiusmfa")
    return ROOT / "tests" / "unit" / inside.with_name(f"test_{inside.name}")


def cover(module: Path) -> Cover:
    """Run the tests of *module* alone."""
    tests = test_of(module)
    if not tests.exists():
        return Cover(module, None, "has no test module")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "COVERAGE_FILE": f"{folder}/data"}
        words = ["-m", "coverage", "run", "-m", "pytest", "-q", "-x"]
        ran = subprocess.run(
            [sys.executable, *words, "-p", "no:cacheprovider", str(tests)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            last = ran.stdout.strip().splitlines()[-1:] or [ran.stderr.strip()]
            return Cover(module, None, last[0])
        report = f"{folder}/report.json"
        subprocess.run(
            [sys.executable, "-m", "coverage", "json", "-q", f"--include={module}", "-o", report],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            check=False,
        )
        if not Path(report).exists():
            return Cover(module, None, "is never imported by its tests")
        totals = json.loads(Path(report).read_text(encoding="utf-8"))["totals"]
    percent = float(totals["percent_covered"])
    return Cover(
        module, percent, "" if percent >= LEAST_PERCENT else f"below {LEAST_PERCENT:.0f} %"
    )


def modules() -> list[Path]:
    """Return every module with code in it."""
    found = sorted((ROOT / "radiusmfa").rglob("*.py"))
    return [path for path in found if path.stat().st_size and path.name not in _WITHOUT]


# The version, and three lines that call `main`.
_WITHOUT: Final = frozenset({"__init__.py", "__main__.py"})


def main() -> int:
    """Print the table; 0 if every module reaches the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="words, one of which a module's path must hold")
    only = parser.parse_args().only
    chosen = [path for path in modules() if not only or any(word in str(path) for word in only)]
    short = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(cover, chosen):
            short += bool(found.remark)
            shown = "    -" if found.percent is None else f"{found.percent:5.1f}"
            print(
                f"{shown} %  {found.module.relative_to(ROOT)}  {found.remark}".rstrip(), flush=True
            )
    print(f"{len(chosen) - short} of {len(chosen)} modules are covered by their own tests")
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
