"""What tests of the sockets towards upstreams share: relays, and two servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.unit.server.network import Home, Net

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def net() -> Iterator[Net]:
    """Return relays."""
    net = Net()
    yield net
    net.close()


@pytest.fixture
def one() -> Iterator[Home]:
    """Return a server."""
    home = Home()
    yield home
    home.close()


@pytest.fixture
def two() -> Iterator[Home]:
    """Return another server."""
    home = Home()
    yield home
    home.close()
