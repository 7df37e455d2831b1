"""
An upstream whose name moves to another address, as the system's resolver tells it.

The server runs in a mount namespace of its own, where /etc/hosts is a file of the test's.
"""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import numbers
from tests.live import upstreams
from tests.live.clients import need
from tests.live.hostile_upstream import HostileUpstream, accept, say_nothing
from tests.live.upstreams import ends, entry, told
from tests.live.world import World, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.nas import Nas

_NAME: Final = "token.radiusmfa.test"
_OLD: Final = "127.0.0.41"
_NEW: Final = "127.0.0.42"
_SOURCE: Final = "127.0.0.1"
_IN_A_NAMESPACE: Final = (
    "unshare",
    "--mount",
    "sh",
    "-c",
    'mount --bind "$0" /etc/hosts && exec "$@"',
)
_PATIENCE: Final = 12.0


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """Return a file that knows no name but localhost."""
    file = tmp_path / "hosts"
    file.write_text("127.0.0.1 localhost\n")
    return file


@pytest.fixture
def world(hosts: Path, tmp_path: Path) -> Iterator[World]:
    """Return a world that does not run yet and will see *hosts* as /etc/hosts."""
    need("oathtool")
    wrapper = (*_IN_A_NAMESPACE, str(hosts))
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a mount namespace needs root")
    if subprocess.run([*wrapper, "true"], check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED: this system gives root no mount namespace")
    world = World(tmp_path)
    world.wrapper = wrapper
    client = {"name": "vpn", "networks": [_SOURCE], "mode": "proxy", "primary": "token"}
    (port,) = free_ports(1)
    upstreams.configure(
        world,
        [client | {"time_budget": 3}],
        {"token": {"servers": [entry(port, _NAME)], "retransmit": 1, "probe_interval": 1}},
    )
    world.start()
    yield world
    if world.is_running():
        assert world.stop() == 0
    assert world.faults() == []


def _port(world: World) -> int:
    found = world.until_logged(rf"upstream token \({_NAME}:(\d+)\)")
    return int(found[1])


def test_upstream_name_without_an_address_is_found_later(world: World, hosts: Path) -> None:
    """Until the name has an address the reason is `upstream-unreachable`; then logins pass."""
    world.until_logged("its name has no address")
    with world.nas() as nas:
        assert nas.login("early", "proof") == numbers.ACCESS_REJECT
    assert ends(world, "early") == [("reject", "upstream-unreachable")]

    hosts.write_text(f"{_NEW} {_NAME}\n")
    world.stop()
    world.start()

    with HostileUpstream(accept, host=_NEW, port=_port(world)), world.nas() as nas:
        assert nas.login("late", "proof") == numbers.ACCESS_ACCEPT


@pytest.mark.parametrize("leaves", ["port-closed", "silent"])
def test_upstream_moves_to_another_address(world: World, hosts: Path, leaves: str) -> None:
    """A server that is gone is looked up again; what its old address sends is no reply."""
    port = _port(world)
    world.stop()
    hosts.write_text(f"{_OLD} {_NAME}\n")
    with HostileUpstream(accept, host=_OLD, port=port), world.nas() as nas:
        world.start()
        assert nas.login("before", "proof") == numbers.ACCESS_ACCEPT

    hosts.write_text(f"{_NEW} {_NAME}\n")
    with HostileUpstream(accept, host=_NEW, port=port) as new, world.nas() as nas:
        if leaves == "silent":
            with HostileUpstream(say_nothing, host=_OLD, port=port, is_mute=True):
                refused = _until_accepted(nas)
        else:
            refused = _until_accepted(nas)

    (line,) = told(world, "moved-0")
    if leaves == "silent":
        assert refused
        assert (line["decision"], line["reason"]) == ("reject", "upstream-silent")
    else:
        # Refused at the old address, looked up, asked at the new one: one login.
        assert not refused
        assert line["upstreams"][0]["servers"] == 2
    assert len(new.seen) == 1
    log = world.log()
    assert f"upstream token ({_NAME}:{port}) is gone" in log
    assert f"upstream token ({_NAME}:{port}) is at {_NEW}" in log


def _until_accepted(nas: Nas) -> int:
    """Log in anew until somebody gets in; return how many did not."""
    until = time.monotonic() + _PATIENCE
    for at in range(1000):
        if nas.login(f"moved-{at}", f"proof {at}") == numbers.ACCESS_ACCEPT:
            return at
        assert time.monotonic() < until
        time.sleep(0.05)
    return -1
