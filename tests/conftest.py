"""What every test shares: how long random runs are, and that nothing is skipped unseen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from hypothesis import settings

from tests.loop import Loop

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

# `make property` takes "long"; the machine's speed decides nothing.
settings.register_profile("short", deadline=None)
settings.register_profile("long", deadline=None, max_examples=10_000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


def _nothing_may_be_skipped() -> bool:
    return os.environ.get("RADIUSMFA_NO_SKIP") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Turn a skipped test into a failed one where nothing may be skipped."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _nothing_may_be_skipped():
        report.outcome = "failed"
        report.longrepr = f"skipped, and nothing may be: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Turn a skipped module into a failed one where nothing may be skipped."""
    report = yield
    if report.skipped and _nothing_may_be_skipped():
        report.outcome = "failed"
        report.longrepr = f"skipped, and nothing may be: {report.longrepr}"
    return report


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """Return an authority that issues certificates."""
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return its own certificate, in a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def loop() -> Iterator[Loop]:
    """Return a reactor of the test's own."""
    with Loop() as made:
        yield made
