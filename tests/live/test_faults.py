"""What goes wrong around the server: keys, store, ports, a full disk, a busy store."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from radiusmfa.cli import exits
from radiusmfa.wire import codec, numbers
from tests.live.clients import CLIENTS, FAST, STEP_UP, need
from tests.live.world import World, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_DISK = "8m"
_MOST_TRIES = 2000
_TIDIED = 1.2  # the server puts its store in order every second


def keys_gone(world: World) -> None:
    """Remove the keys."""
    (world.folder / "keys").unlink()


def keys_open(world: World) -> None:
    """Let others read the keys."""
    (world.folder / "keys").chmod(0o640)


def keys_of_another_store(world: World) -> None:
    """Put the keys of another store in the place of ours."""
    other = world.folder / "other"
    world.run("init", str(other))
    (other / "keys").replace(world.folder / "keys")


def store_gone(world: World) -> None:
    """Remove the store."""
    (world.folder / "radiusmfa.db").unlink()


def store_of_text(world: World) -> None:
    """Overwrite the store's beginning."""
    with (world.folder / "radiusmfa.db").open("r+b") as file:
        file.write(b"no database\n" * 10)


def store_cut(world: World) -> None:
    """Cut the store in half."""
    file = world.folder / "radiusmfa.db"
    os.truncate(file, file.stat().st_size // 2)


def store_of_tomorrow(world: World) -> None:
    """Make the store look like that of a later version."""
    with sqlite3.connect(world.folder / "radiusmfa.db") as store:
        store.execute("UPDATE meta SET value = 9999 WHERE name = 'schema_version'")
    store.close()


def secret_gone(world: World) -> None:
    """Remove the file with the shared secret."""
    (world.folder / "secret").unlink()


@pytest.mark.parametrize(
    ("harm", "code", "named"),
    [
        pytest.param(keys_gone, exits.STORE, "keys", id="no-keys"),
        pytest.param(keys_open, exits.STORE, "keys", id="keys-others-can-read"),
        pytest.param(keys_of_another_store, exits.STORE, "keys", id="keys-of-another-store"),
        pytest.param(store_gone, exits.STORE, "radiusmfa.db", id="no-store"),
        pytest.param(store_of_text, exits.STORE, "radiusmfa.db", id="store-damaged"),
        pytest.param(store_cut, exits.STORE, "radiusmfa.db", id="store-cut"),
        pytest.param(store_of_tomorrow, exits.STORE, "newer", id="store-of-a-newer-version"),
        pytest.param(secret_gone, exits.CONFIGURATION, "clients[8].secret", id="no-secret"),
    ],
)
def test_start_is_refused_in_one_line(
    stopped: World, harm: Callable[[World], None], code: int, named: str
) -> None:
    """What the server cannot work with it names before it serves anybody."""
    harm(stopped)

    done = stopped.run("run", expect=code)

    *more, last = done.stderr.splitlines()
    assert last.startswith("radiusmfa: ")
    assert named in last
    # One line, but of a configuration every fault at once.
    assert all("clients[" in line for line in more)


def test_taken_port_is_named(stopped: World) -> None:
    """A port that somebody else has is one line, and no password waits for an answer."""
    stopped.start()
    second = World(stopped.folder.parent, stopped.folder.parent / "second")
    second.port = stopped.port
    second.configure(CLIENTS, passwords=FAST)

    done = second.run("run", expect=exits.SYSTEM)

    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1:{stopped.port}" in done.stderr


def test_second_server_on_the_same_store_refuses_to_start(stopped: World) -> None:
    """Two servers on one store would accept a passcode twice: the second says so and ends."""
    stopped.start()
    first = stopped.port
    (stopped.port,) = free_ports(1)
    stopped.accounting_port += 1
    stopped.configure(CLIENTS, passwords=FAST)

    done = stopped.run("run", expect=exits.STORE)

    assert done.stderr.count("\n") == 1
    assert "running" in done.stderr
    stopped.port = first
    with stopped.nas() as nas:
        assert nas.status()


@contextmanager
def tmpfs(world: World) -> Iterator[None]:
    """Fill the small disk that *world* lies on."""
    filler = world.folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    yield
    filler.unlink()


@contextmanager
def size_limit(world: World) -> Iterator[None]:
    """Let no file of the server grow."""
    _, hard = resource.prlimit(world.pid, resource.RLIMIT_FSIZE)
    size = (world.folder / "radiusmfa.db-wal").stat().st_size
    resource.prlimit(world.pid, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(world.pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a small disk of its own."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: a small disk can only be mounted by root")
    need("mount")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=700", "tmpfs", str(place)]
    subprocess.run(mount, check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_full_disk_refuses_in_silence_and_recovers(disk: Path, tmp_path: Path) -> None:
    """While nothing can be written nobody gets in; once there is room the same packet does."""
    need("oathtool")
    full_disk(World(tmp_path, disk / "site"), tmpfs)


def test_file_that_cannot_grow_refuses_in_silence_and_recovers(tmp_path: Path) -> None:
    """A limit of the file's size is as a full disk: silence, and then the login."""
    need("oathtool")
    full_disk(World(tmp_path), size_limit)


def full_disk(world: World, fill: Callable[[World], AbstractContextManager[None]]) -> None:
    """Log in before, while and after the store's file cannot grow."""
    world.configure(CLIENTS, passwords=FAST)
    world.populate(3)
    world.start()
    before, during, asked = (world.person() for _ in range(3))
    try:
        with world.nas(STEP_UP) as nas, world.nas() as asking:
            assert nas.login(before.name, before.code()) == numbers.ACCESS_ACCEPT
            state = asking.ask(asking.request(asked.name, asked.password)).state
            more = codec.attribute(numbers.STATE, state)
            answer = asking.request(asked.name, asked.code(ahead=1), more)
            request = nas.request(during.name, during.code(ahead=1))
            with fill(world):
                until_silent(world)
                nas.send(request)
                asking.send(answer)
                world.until_logged("no login can be decided: ")
                # Nor does the server call itself alive: who can ask another one, shall.
                assert not nas.status(_TIDIED)
                assert not asking.status(_TIDIED)
            assert nas.insist(request).code == numbers.ACCESS_ACCEPT
            world.until_logged("the store can be written again")
            assert asking.insist(answer).code == numbers.ACCESS_ACCEPT
        assert world.stop() == 0
    finally:
        world.kill()
    world.run("audit", "verify")
    assert [line["reason"] for line in world.audit(user=during.name)] == ["passed"]


def until_silent(world: World) -> None:
    """Have rejects written until there is no room for one more."""
    with world.nas(STEP_UP) as nas:
        for number in range(_MOST_TRIES):
            nas.send(nas.request(f"nobody{number}", "123456"))
            if nas.receive(0.5) is None:
                return
    message = "the disk is not full"
    raise AssertionError(message)


def test_login_waits_while_a_command_writes(stopped: World) -> None:
    """A store that another process holds delays the answer; it does not lose it."""
    stopped.start()
    person = stopped.person()
    store = sqlite3.connect(stopped.folder / "radiusmfa.db", isolation_level=None)
    with stopped.nas(STEP_UP) as nas:
        request = nas.request(person.name, person.code())
        store.execute("BEGIN IMMEDIATE")
        nas.send(request)
        assert nas.before_status() == []
        nas.send(request)
        assert nas.before_status() == [], "a duplicate is answered while the login waits"

        store.execute("COMMIT")

        octets = nas.receive()
        assert octets is not None
        assert nas.check(request, octets).code == numbers.ACCESS_ACCEPT
        assert nas.before_status() == []
    store.close()
    assert stopped.faults() == []


def test_import_does_not_hold_up_logins_for_long(stopped: World) -> None:
    """People log in while an administrator imports a thousand others."""
    stopped.start()
    people = [stopped.person() for _ in range(5)]
    file = stopped.folder / "many.csv"
    file.write_text("name,password\n" + "".join(f"many{at},password {at}\n" for at in range(300)))
    child = subprocess.Popen(
        stopped.command("user", "import", str(file)),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with stopped.nas(STEP_UP) as nas:
            for person in people:
                request = nas.request(person.name, person.code())
                assert nas.insist(request).code == numbers.ACCESS_ACCEPT
                time.sleep(0.1)
    finally:
        assert child.wait(60) == 0
    with stopped.nas() as nas:
        assert nas.login("many299", "wrong") == numbers.ACCESS_REJECT
