"""What the live tests share: one running server a module, and whom it serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live import asked
from tests.live.asked import Asked
from tests.live.clients import CLIENTS, FAST, need
from tests.live.namespace import Namespace
from tests.live.samba import DomainController
from tests.live.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/live/" in item.nodeid:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return a running server that serves `CLIENTS`."""
    need("oathtool")
    world = World(tmp_path_factory.mktemp("world"))
    world.configure(CLIENTS, passwords=FAST)
    world.populate(40)
    world.start()
    yield world
    assert world.stop() == 0
    assert world.faults() == []
    world.run("audit", "verify")


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[World]:
    """Return a world of its own, configured and with people, that does not run yet."""
    need("oathtool")
    world = World(tmp_path)
    world.configure(CLIENTS, passwords=FAST)
    world.populate(5)
    yield world
    if world.is_running():
        world.stop()


@pytest.fixture(scope="session")
def network() -> Iterator[Namespace]:
    """Return another host, for servers whose ports are fixed."""
    network = Namespace()
    yield network
    network.remove()


@pytest.fixture(scope="session")
def domain(
    network: Namespace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DomainController]:
    """Return a running domain controller; whoever ends it starts it again."""
    domain = DomainController(tmp_path_factory.mktemp("domain"), network)
    domain.start()
    yield domain
    domain.stop()


@pytest.fixture
def ask(domain: DomainController) -> Iterator[Callable[..., Asked]]:
    """Return a function that makes our directory of the domain, with some settings changed."""
    made: list[Asked] = []

    def make(**other: object) -> Asked:
        made.append(Asked(asked.settings(domain, **other)))
        return made[-1]

    yield make
    for one in made:
        one.close()
