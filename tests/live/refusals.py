"""The ways to be refused that every client is tried with, and the one way in."""

from __future__ import annotations

import secrets
from enum import Enum, unique
from typing import TYPE_CHECKING, Final, NamedTuple

from radiusmfa.wire import numbers
from tests.live.clients import APPEND, PAM_APPEND, STEP_UP

if TYPE_CHECKING:
    from tests.live.nas import Nas
    from tests.live.world import Person, World

# More wrong proofs than the default threshold, ten.
_GUESSES: Final = 11
_BY_CODE: Final = frozenset({STEP_UP, APPEND, PAM_APPEND})


@unique
class Refusal(Enum):
    """Why somebody must not get in."""

    WRONG_PASSWORD = "wrong-password"
    WRONG_CODE = "wrong-code"
    REUSED_CODE = "reused-code"
    UNKNOWN_USER = "unknown-user"
    LOCKED_USER = "locked-user"
    DISABLED_TOKEN = "disabled-token"
    DISABLED_USER = "disabled-user"


class Proof(NamedTuple):
    """What somebody types."""

    user: str
    password: str
    code: str


def good(world: World) -> Proof:
    """Return the proof of somebody who may in."""
    person = world.person()
    return Proof(person.name, person.password, person.code())


def refused(world: World, why: Refusal, source: str) -> Proof:
    """Return a proof that is right in all but *why*, at the client with *source*."""
    person = world.person()
    proof = Proof(person.name, person.password, person.code())
    match why:
        case Refusal.WRONG_PASSWORD:
            return proof._replace(password="correct mule")
        case Refusal.WRONG_CODE:
            return proof._replace(code=person.wrong_code())
        case Refusal.REUSED_CODE:
            _use(world, source, proof)
        case Refusal.UNKNOWN_USER:
            return proof._replace(user=f"nobody{secrets.token_hex(4)}")
        case Refusal.LOCKED_USER:
            _lock(world, source, person)
        case Refusal.DISABLED_TOKEN:
            world.run("token", "disable", person.serial)
        case Refusal.DISABLED_USER:
            world.run("user", "disable", person.name)
    return proof


def enter(nas: Nas, source: str, proof: Proof) -> int:
    """Log in as the client with *source* does; return the code of the last reply."""
    if source == STEP_UP:
        return nas.login(proof.user, proof.code)
    if source in _BY_CODE:
        return nas.login(proof.user, proof.password + proof.code)
    return nas.dialogue(proof.user, proof.password, proof.code)


def _use(world: World, source: str, proof: Proof) -> None:
    with world.nas(source) as nas:
        assert enter(nas, source, proof) == numbers.ACCESS_ACCEPT


def _lock(world: World, source: str, person: Person) -> None:
    # Each guess is another one: the same wrong word again counts once.
    with world.nas(source) as nas:
        for guess in range(_GUESSES):
            if source in _BY_CODE:
                proof = Proof(person.name, person.password, person.wrong_code())
            else:
                proof = Proof(person.name, f"guess {guess}", "")
            assert enter(nas, source, proof) == numbers.ACCESS_REJECT
