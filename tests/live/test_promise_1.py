"""Promise 1: a passcode opens one door once, whenever the power fails."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests.live.clients import FAST
from tests.live.nas import Nas
from tests.live.world import SECRET, World

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from tests.live.world import Person

_PEOPLE: Final = 600
_KILLS: Final = 6
_CLIENTS: Final = 4  # that log in at the same time
_SOURCE: Final = "127.0.0.2"
_PATIENCE: Final = 0.25  # until a NAS gives a login up: the server is dead


@dataclass(slots=True)
class Witness:
    """What the NASes know: which request was sent with which code, and which was accepted."""

    accepted: list[tuple[Person, str, str]] = field(default_factory=list)
    sent: int = 0

    def log_in_all(self, world: World, people: list[Person], dead: threading.Event) -> None:
        """Log people in one after another until the server is dead or all are in."""
        with Nas(world.port, SECRET, _SOURCE) as nas:
            while not dead.is_set():
                try:
                    person = people.pop()
                except IndexError:
                    return
                code = CODES[person.name]
                request = nas.request(person.name, code)
                nas.send(request)
                self.sent += 1
                octets = nas.receive(_PATIENCE)
                if octets is None:
                    continue
                packet = codec.decode(octets)
                if packet.identifier != request[1]:
                    continue
                codec.verify_reply(packet, request[4:20], codec.SigningKey(Secret(SECRET)))
                if packet.code == numbers.ACCESS_ACCEPT:
                    login = (packet.value(numbers.CLASS) or b"").decode()
                    self.accepted.append((person, code, login))


CODES: Final[dict[str, str]] = {}


def test_promise_1_accepted_code_is_never_accepted_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """
    Under load the server is killed at random moments, again and again.

    After each restart no code that was accepted is accepted once more; in the end
    the audit's chain is whole and holds every Accept that a NAS received.
    """
    world = World(tmp_path_factory.mktemp("promise-1"))
    step_up = {"name": "nas", "networks": [f"{_SOURCE}/32"], "mode": "step-up", "retry_window": 0}
    world.configure([step_up], passwords=FAST)
    world.make_store()
    world.populate(_PEOPLE)
    witness = Witness()
    try:
        for people in batches(world):
            world.start(source=_SOURCE)
            load_until_killed(world, people, witness)
            world.start(source=_SOURCE)
            replay(world, witness)
            world.kill()
    finally:
        if world.is_running():
            world.kill()

    assert len(witness.accepted) >= _KILLS, "the load was no load"
    assert len(witness.accepted) < witness.sent, "no kill came in the middle of a login"
    world.run("audit", "verify")
    lines = world.audit(kind="login")
    ids = [line["id"] for line in lines if line["decision"] == "accept"]
    assert len(ids) == len(set(ids))
    assert {login for _, _, login in witness.accepted} <= set(ids)
    for person, _, _ in witness.accepted:
        # Refused because it was used, not because its time was over.
        told = [line["reason"] for line in lines if line["user"] == person.name]
        assert told[:2] == ["passed", "replayed-passcode"]


def batches(world: World) -> Iterator[list[Person]]:
    """Yield people who have not logged in yet, with their codes made in advance."""
    for _ in range(_KILLS):
        people = [world.person() for _ in range(_PEOPLE // _KILLS)]
        CODES.update((person.name, person.code(ahead=1)) for person in people)
        yield people


def load_until_killed(world: World, people: list[Person], witness: Witness) -> None:
    """Log in from several NASes and kill the server at a random moment meanwhile."""
    dead = threading.Event()
    before = len(witness.accepted)
    threads = [
        threading.Thread(target=witness.log_in_all, args=(world, people, dead))
        for _ in range(_CLIENTS)
    ]
    for thread in threads:
        thread.start()
    wanted = before + random.randrange(1, 40)
    until = time.monotonic() + 10
    while len(witness.accepted) < wanted and people and time.monotonic() < until:
        time.sleep(random.uniform(0, 0.002))
    world.kill()
    dead.set()
    for thread in threads:
        thread.join()


def replay(world: World, witness: Witness) -> None:
    """Send every accepted code of this life and the ones before once more."""
    with world.nas(_SOURCE) as nas:
        for person, code, _ in witness.accepted:
            assert nas.login(person.name, code) == numbers.ACCESS_REJECT
