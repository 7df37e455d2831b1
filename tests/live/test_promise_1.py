"""Promise 1: a passcode opens one door once, whenever the power fails."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests.live.clients import APPEND, CHALLENGE, CLIENTS, FAST, STEP_UP, need
from tests.live.nas import Nas
from tests.live.world import SECRET, World

if TYPE_CHECKING:
    import pytest

    from tests.live.world import Person

_KILLS: Final = 8
_PEOPLE: Final = 100  # a life of the server
_SOURCES: Final = (STEP_UP, STEP_UP, APPEND, CHALLENGE)  # NASes that log in at the same time
_PATIENCE: Final = 0.25  # until a NAS gives a login up: the server is dead
_KEY: Final = codec.SigningKey(Secret(SECRET))


class LostError(Exception):
    """A NAS got no answer."""


@dataclass(slots=True)
class Witness:
    """
    What the NASes know.

    Attributes:
        accepted: Who was let in with which code, and the login's id by Class.
        lost: Who sent a code and got no answer.
    """

    accepted: list[tuple[Person, str, str]] = field(default_factory=list)
    lost: list[tuple[Person, str]] = field(default_factory=list)

    def log_in_all(self, world: World, source: str, people: list[tuple[Person, str]]) -> None:
        """Log people in one after another until the server is dead or all are in."""
        with Nas(world.port, SECRET, source) as nas:
            while people:
                person, code = people.pop()
                try:
                    login = log_in(nas, source, person, code)
                except LostError:
                    self.lost.append((person, code))
                    return
                self.accepted.append((person, code, login))


def log_in(nas: Nas, source: str, person: Person, code: str) -> str:
    """Log in as the client with *source* does; return the Accept's Class."""
    if source == STEP_UP:
        reply = ask(nas, nas.request(person.name, code))
    elif source == APPEND:
        reply = ask(nas, nas.request(person.name, person.password + code))
    else:
        first = ask(nas, nas.request(person.name, person.password))
        assert first.code == numbers.ACCESS_CHALLENGE
        state = codec.attribute(numbers.STATE, first.value(numbers.STATE) or b"")
        reply = ask(nas, nas.request(person.name, code, state))
    assert reply.code == numbers.ACCESS_ACCEPT
    return (reply.value(numbers.CLASS) or b"").decode()


def ask(nas: Nas, request: bytes) -> codec.Packet:
    """
    Return the genuine reply to *request*.

    Raises:
        LostError: There is none.
    """
    try:
        nas.send(request)
    except ConnectionRefusedError:
        raise LostError from None
    octets = nas.receive(_PATIENCE)
    if octets is None:
        raise LostError
    packet = codec.decode(octets)
    assert packet.identifier == request[1]
    codec.verify_reply(packet, request[4:20], _KEY)
    return packet


def test_promise_1_accepted_code_is_never_accepted_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """
    Under load the server is killed at random moments, again and again.

    After each restart no code that was accepted is accepted once more, and a code
    whose answer was lost counted once. In the end the audit's chain is whole and
    holds every Accept that a NAS received.
    """
    need("oathtool")
    world = World(tmp_path_factory.mktemp("promise-1"))
    world.configure(CLIENTS, passwords=FAST)
    world.populate(_KILLS * _PEOPLE)
    witness = Witness()
    try:
        for _ in range(_KILLS):
            world.start()
            load_until_killed(world, witness)
            world.start()
            replay(world, witness)
            world.kill()
    finally:
        world.kill()

    world.run("audit", "verify")
    check_audit(world.audit(kind="login"), witness)
    assert witness.lost, "no kill came in the middle of a login"


def check_audit(lines: list[dict[str, Any]], witness: Witness) -> None:
    """The audit holds every Accept that left, and nobody has two of them."""
    accepts = {line["id"]: line["user"] for line in lines if line["decision"] == "accept"}
    assert {login: accepts.get(login) for _, _, login in witness.accepted} == {
        login: person.name for person, _, login in witness.accepted
    }
    assert max(Counter(accepts.values()).values()) == 1
    # Refused because it was used, not because its time was over.
    replayed = {line["user"] for line in lines if line["reason"] == "replayed-passcode"}
    assert {person.name for person, _, _ in witness.accepted} <= replayed


def load_until_killed(world: World, witness: Witness) -> None:
    """Log in from several NASes and kill the server at a random moment meanwhile."""
    some = [world.person() for _ in range(_PEOPLE)]
    people = [(person, person.code(ahead=1)) for person in some]
    before = len(witness.accepted)
    threads = [
        threading.Thread(target=witness.log_in_all, args=(world, source, people))
        for source in _SOURCES
    ]
    for thread in threads:
        thread.start()
    wanted = before + random.randrange(1, _PEOPLE // 2)
    until = time.monotonic() + 10
    while len(witness.accepted) < wanted:
        assert time.monotonic() < until, f"the load was no load:\n{world.log()}"
        time.sleep(random.uniform(0, 0.002))
    world.kill()
    for thread in threads:
        thread.join()
    assert people, "all were in before the kill"


def replay(world: World, witness: Witness) -> None:
    """Send every accepted code of this life and the ones before once more."""
    with world.nas(STEP_UP) as nas:
        for person, code, _ in witness.accepted:
            assert nas.login(person.name, code) == numbers.ACCESS_REJECT
        for person, code in witness.lost:
            # Whether it was accepted before the kill or is now: not both.
            nas.login(person.name, code)
            assert nas.login(person.name, code) == numbers.ACCESS_REJECT
