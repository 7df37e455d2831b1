"""Tests of `radiusmfa.server.identity`: whose login it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.login.person import Person
from radiusmfa.login.username import UserNameError
from radiusmfa.outcome import Reason
from radiusmfa.request import Credentials
from radiusmfa.server import identity
from radiusmfa.server.attempt import Attempt
from radiusmfa.stores import names
from radiusmfa.wire import codec
from tests.flows.people import directory
from tests.flows.upstreams import serve, upstream
from tests.flows.world import ASKING, STEP_UP, World, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.login.account import User

PERSON = Person(directory="corp", name="alice", dn="CN=alice")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store with alice, who has an alias, and a directory."""
    with World(tmp_path) as made:
        made.person()
        names.add_aliases(made.admin, made.actor, "alice", ["asmith"])
        made.directories = (directory(),)
        made.clients = (
            client(STEP_UP, Mode.STEP_UP),
            client(ASKING, Mode.CHALLENGE, primary="corp"),
        )
        made.reload()
        yield made


def attempt(
    world: World, name: bytes, person: Person | None = None, mode: Mode = Mode.STEP_UP
) -> Attempt:
    """Return a login of *name*."""
    site = world.pipeline.parts.sites[mode.value]
    octets = codec.request(1, 0, bytes(16), b"", codec.SigningKey(site.client.secret))
    asked = Credentials(name, b"", None)
    made = Attempt(site.client, site.plan, mode, codec.decode(octets), asked, None, 20.0)
    made.person = person
    return made


def find(
    world: World,
    name: bytes,
    person: Person | None = None,
    mode: Mode = Mode.STEP_UP,
    looked_up: str = "",
) -> User | Reason | None:
    """Return whose login it is."""
    made = attempt(world, name, person, mode)
    made.looked_up = looked_up
    world.logins.begin()
    found = identity.find(world.logins, made)
    world.logins.commit()
    return found


def learned(world: World, made: Attempt) -> Reason | None:
    """Let *made* learn whose it is."""
    world.logins.begin()
    reason = identity.learn(world.logins, made)
    world.logins.commit()
    return reason


def name_of(found: User | Reason | None) -> str:
    """Return the name of somebody who was found."""
    assert found is not None
    assert not isinstance(found, Reason)
    return found.name


@pytest.mark.parametrize("typed", [b"alice", b"ALICE", b"asmith"])
def test_name_and_alias_are_the_person(world: World, typed: bytes) -> None:
    """The store's own name and its aliases lead to one user."""
    assert name_of(find(world, typed)) == "alice"
    assert find(world, typed) is find(world, b"alice")


def test_nobody_is_nobody(world: World) -> None:
    """Whom neither store nor anybody else knows has no user."""
    assert find(world, b"nobody") is None


def test_person_of_the_directory_is_known_by_the_directorys_name(world: World) -> None:
    """Whatever was typed, the token belongs to the one name that the directory has."""
    assert name_of(find(world, b"a.smith@example.com", PERSON)) == "alice"
    zoe = Person(directory="corp", name="zoe", dn="CN=zoe")
    assert name_of(find(world, b"z@example.com", zoe)) == "zoe"


def test_promise_2_two_people_of_one_name_are_nobody(world: World) -> None:
    """A name of the store that the directory gives to somebody else proves nothing."""
    other = Person(directory="corp", name="mallory", dn="CN=mallory")
    assert find(world, b"alice", other) is Reason.AMBIGUOUS_USER
    assert find(world, b"asmith", other) is Reason.AMBIGUOUS_USER


def test_stranger_of_a_directory_is_counted_under_one_name(world: World) -> None:
    """However the name is written, failures before the bind belong to the name looked up."""
    one = find(world, b"CORP\\zoe", mode=Mode.CHALLENGE, looked_up="zoe")
    other = find(world, b"zoe@corp", mode=Mode.CHALLENGE, looked_up="zoe")
    assert name_of(one) == "zoe"
    assert one is other


def test_name_is_stripped_as_the_upstream_wants_it(world: World) -> None:
    """Where an upstream knows people without their realm, they are the same people here."""
    serve(
        world,
        client(STEP_UP, Mode.STEP_UP, factors=("securid",)),
        upstreams=(upstream(user_name=upstream().user_name.__class__(strip=("realm",))),),
    )
    assert name_of(find(world, b"alice@example.com")) == "alice"


def test_unfit_name_is_an_error(world: World) -> None:
    """A name that nobody can have is not looked for."""
    with pytest.raises(UserNameError):
        find(world, b"al\x00ice")


@pytest.mark.parametrize(
    ("typed", "person", "reason"),
    [
        pytest.param(b"al\x00ice", None, Reason.BAD_USER_NAME, id="nobody can have that name"),
        pytest.param(
            b"alice",
            Person(directory="corp", name="mallory", dn="CN=mallory"),
            Reason.AMBIGUOUS_USER,
            id="two people of one name",
        ),
    ],
)
def test_promise_2_login_of_nobody_who_can_be_told_says_why(
    world: World, typed: bytes, person: Person | None, reason: Reason
) -> None:
    """Whose login it is cannot be told: there is a reason, and no user of an earlier look."""
    made = attempt(world, typed, person)
    assert learned(world, made) is reason
    assert made.user is None


def test_somebody_who_was_known_before_is_forgotten_where_the_name_is_two_peoples(
    world: World,
) -> None:
    """A directory's answer may make a name ambiguous: the user found before does not stay."""
    made = attempt(world, b"alice")
    assert learned(world, made) is None
    assert name_of(made.user) == "alice"
    made.person = Person(directory="corp", name="mallory", dn="CN=mallory")
    assert learned(world, made) is Reason.AMBIGUOUS_USER
    assert made.user is None


@pytest.mark.parametrize(
    ("typed", "person"),
    [(b"asmith", None), (b"a.smith@example.com", PERSON), (b"alice", PERSON)],
)
def test_login_learns_whose_it_is_as_it_is_found(
    world: World, typed: bytes, person: Person | None
) -> None:
    """Learning and finding agree."""
    made = attempt(world, typed, person)
    assert learned(world, made) is None
    assert made.user is find(world, typed, person)
    assert name_of(made.user) == "alice"


def test_nobody_is_learned_as_nobody(world: World) -> None:
    """Whom nobody knows is no reason by itself: the step that asks refuses."""
    made = attempt(world, b"nobody")
    assert learned(world, made) is None
    assert made.user is None
