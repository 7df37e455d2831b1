"""Thousands who wait for their phones at once: everybody else logs in, and nothing is left over."""

from __future__ import annotations

import base64
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyotp
import pytest

from radiusmfa.wire import numbers
from tests.duo import IKEY, SKEY
from tests.duo_server import Process
from tests.live.clients import FAST
from tests.live.load import Load
from tests.live.upstreams import ends
from tests.live.world import World, settled

if TYPE_CHECKING:
    from collections.abc import Iterator

    import trustme

_PUSHES, _CODES = "127.0.14.1", "127.0.14.2"
_CROWD: Final = 2000
_ROUNDS: Final = (_CROWD, 1000, 1000, 1000)
_PEOPLE: Final = sum(_ROUNDS)
_LOCAL: Final = 1000
_PACE: Final = 250.0
_LEAST: Final = 60.0
_MOST_OCTETS: Final = 40_000_000
"""By which the process may grow for 2,000 pushes that are over."""


@pytest.fixture(scope="module")
def duo(ca: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """Return a Duo at which nobody answers before a test says so."""
    with Process(ca, tmp_path_factory.mktemp("duo")) as duo:
        duo.tell("everybody", {"does": "timeout", "after": 3600})
        duo.tell("set", {"push_seconds": 3600.0, "longest_poll": 3600.0})
        yield duo


@pytest.fixture(scope="module")
def world(duo: Process, ca_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Return the server, with people who have a phone and people who have a token."""
    world = World(tmp_path_factory.mktemp("crowd"))
    (world.folder / "skey").write_text(SKEY)
    (world.folder / "skey").chmod(0o600)
    settings = {"host": duo.host, "integration_key": IKEY, "secret_key": {"file": "skey"}}
    world.configure(
        [
            {
                "name": "pushes", "networks": [_PUSHES], "mode": "step-up", "factors": ["duo"],
                "time_budget": 120, "shows_challenges": False,
            },
            {"name": "codes", "networks": [_CODES], "mode": "step-up", "factors": ["totp"]},
        ],
        passwords=FAST,
        factors={"totp": {}, "duo": {"service": "duo"}},
        services={
            "duo": {"duo": settings, "ca_file": str(ca_file), "limits": {"site_per_hour": 100_000}}
        },
    )  # fmt: skip
    yield world
    if world.is_running():
        assert world.stop() == 0
    alarms = [line for line in world.faults() if "ALARM: " in line]
    assert world.faults() == alarms
    assert len(alarms) == _CROWD // 20
    world.run("audit", "verify")


def test_crowd_waits_and_everybody_else_logs_in(world: World, duo: Process) -> None:
    """2,000 phones ring once each; a thousand codes are answered before the first of them is."""
    seeds = people(world)
    world.start(source=_CODES)
    names = [f"p{at:05d}" for at in range(_PEOPLE)]
    crowd, rest = names[:_CROWD], names[_CROWD:]
    with Load(world, _PUSHES, crowd, "push", pace=_PACE, budget=110) as load:
        load.until(_CROWD)
        waiting(duo, _CROWD)
        step = settled()
        with world.nas(_CODES) as nas:
            for name, seed in seeds.items():
                code = pyotp.TOTP(base64.b32encode(seed).decode()).at(step * 30)
                assert nas.insist(nas.request(name, code)).code == numbers.ACCESS_ACCEPT
            assert nas.status()
        assert duo.tell("state")["waiting"] == _CROWD
        for at, name in enumerate(crowd[::10]):
            duo.tell(f"answer?user={name}&result={'fraud' if at % 2 else 'deny'}", {})
        duo.tell("everyone", {"result": "approve"})
        codes = load.codes()
    assert codes == {numbers.ACCESS_ACCEPT: _CROWD * 9 // 10, numbers.ACCESS_REJECT: _CROWD // 10}
    assert duo.tell("state")["rings"] == _CROWD
    assert Counter(ends(world, crowd[0]) + ends(world, crowd[10]) + ends(world, crowd[1])) == {
        ("reject", "person-refused"): 1, ("reject", "fraud-reported"): 1, ("accept", "passed"): 1,
    }  # fmt: skip

    # Nothing of them is left over, but for what an hour's limits need.
    sizes = []
    while rest:
        some, rest = rest[:1000], rest[1000:]
        with Load(world, _PUSHES, some, "push", pace=_PACE, budget=110) as load:
            load.until(len(some))
            waiting(duo, len(some))
            duo.tell("everyone", {"result": "approve"})
            assert load.codes() == {numbers.ACCESS_ACCEPT: len(some)}
        sizes.append(size(world))
    assert sizes[-1] - sizes[0] < _MOST_OCTETS
    assert duo.tell("state")["rings"] == _PEOPLE


def people(world: World) -> dict[str, bytes]:
    """Import everybody; return names and seeds of those with a token."""
    seeds = {f"t{at:05d}": secrets.token_bytes(20) for at in range(_LOCAL)}
    rows = ["name,password,seed_base32,serial"]
    rows += [f"{name},,{base64.b32encode(seed).decode()},{name}" for name, seed in seeds.items()]
    rows += [f"p{at:05d},,," for at in range(_PEOPLE)]
    file = world.folder / "people.csv"
    file.write_text("\n".join(rows) + "\n")
    world.run("user", "import", str(file))
    return seeds


def waiting(duo: Process, count: int) -> None:
    """Wait until so many phones ring."""
    until = time.monotonic() + _LEAST
    while duo.tell("state")["waiting"] != count:
        assert time.monotonic() < until, duo.tell("state")
        time.sleep(0.05)


def size(world: World) -> int:
    """Return the memory that the server has, in octets."""
    status = Path(f"/proc/{world.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024
