"""Tests of `radiusmfa.server.ruling`: what is asked, what is known, what is told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.policy_model import Conditions, Policy
from radiusmfa.decision import Reject
from radiusmfa.login import person as people
from radiusmfa.login.challenges import Entry
from radiusmfa.login.errands import Bind, LookUp, Told
from radiusmfa.login.person import Person
from radiusmfa.login.talk import Talk
from radiusmfa.ops.audit import Ruled
from radiusmfa.outcome import Reason
from radiusmfa.primary.local import Answer
from radiusmfa.request import Credentials
from radiusmfa.server import ruling
from radiusmfa.server.attempt import Attempt
from radiusmfa.wire import codec, names
from radiusmfa.wire.template import Fields
from tests.flows.people import directory
from tests.flows.world import ASKING, STEP_UP, World, client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.server.parts import Site
    from radiusmfa.server.ruling import Judge

ALICE = Person(
    directory="corp", name="alice", dn="CN=alice", groups=("Staff",), attributes=(("dep", ("IT",)),)
)
FOUND = Told(directory="corp", person=ALICE, seconds=0.25)


class Bench:
    """One login before its first step."""

    def __init__(self, world: World, *policies: Policy, mode: Mode = Mode.STEP_UP) -> None:
        """Let *policies* decide; none: the client's own settings, with a directory."""
        self.world = world
        world.directories = (directory(), directory("byname", bind_dn="", bind_as="{user}"))
        world.policies = policies or None
        host = STEP_UP if mode is Mode.STEP_UP else ASKING
        world.clients = (client(host, mode, trust_address=True, directory="corp"),)
        world.reload()
        self.site: Site = world.pipeline.parts.sites[mode.value]
        self.judge: Judge = world.pipeline.parts.judge
        self.attempt = self.begin(b"alice")
        world.logins.begin()

    def begin(self, name: bytes, *attributes: tuple[str, str]) -> Attempt:
        """Return a login of *name*."""
        body = b"".join(names.encode(*one) for one in attributes)
        octets = codec.request(1, 0, bytes(16), body, codec.SigningKey(self.site.client.secret))
        site, asked = self.site, Credentials(name, b"typed", None)
        self.attempt = Attempt(
            site.client, site.plan, site.client.mode, codec.decode(octets), asked, None, 9.0
        )
        return self.attempt

    def settle(self) -> Reject | None:
        """Go as far as it goes without asking."""
        return self.judge.settle(self.attempt, self.site, self.world.now, 0.0)

    def told(self, answer: Any) -> Reject | None:  # noqa: ANN401 - also what nobody may say
        """Take an answer."""
        return self.judge.told(self.attempt, answer, self.world.now, 0.0)

    @property
    def asked(self) -> object:
        """What has to be asked."""
        return self.attempt.asked

    @property
    def ruled(self) -> Ruled:
        """What the audit would say."""
        assert self.attempt.ruling is not None
        return self.attempt.ruling.ruled(self.attempt)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A store with alice."""
    with World(tmp_path) as made:
        made.person()
        yield made


def policy(name: str = "p", **when: Any) -> Policy:  # noqa: ANN401 - conditions of any type
    """Return a policy with these conditions."""
    return Policy(name=name, when=Conditions(**when))


def test_directory_of_the_client_is_searched_first(world: World) -> None:
    """Without policies, too: who it is decides whose token counts."""
    bench = Bench(world)
    assert bench.settle() is None
    assert bench.asked == LookUp(directory="corp", name="alice", deadline=9.0)
    assert bench.told(FOUND) is None
    assert bench.settle() is None
    assert bench.attempt.ruling is not None
    assert bench.attempt.ruling.is_settled
    assert (bench.attempt.asked, bench.attempt.person) == (None, ALICE)


def test_promise_3_directory_that_cannot_be_asked_is_a_reject(world: World) -> None:
    """Why it could not stands in the audit."""
    bench = Bench(world)
    bench.settle()
    bench.told(Told(directory="corp", reason=Reason.DIRECTORY_SILENT))
    assert bench.settle() == Reject(Reason.DIRECTORY_SILENT)


@pytest.mark.parametrize("answer", [None, Answer(is_right=True, better=None)], ids=str)
def test_promise_3_answer_of_another_kind_is_a_reject(world: World, answer: object) -> None:
    """What answers no errand lets nobody in, nor does an answer to nothing."""
    bench = Bench(world)
    bench.settle()
    assert bench.told(answer) == Reject(Reason.BROKEN)
    bench.begin(b"alice")
    assert bench.told(FOUND) == Reject(Reason.BROKEN)


@pytest.mark.parametrize(
    ("name", "directory", "reason"),
    [
        (b"alice", "corp", None),
        (b"mallory", "corp", Reason.UNKNOWN_STATE),
        (b"alice", "elsewhere", Reason.UNKNOWN_STATE),
    ],
)
def test_challenge_is_answered_by_whom_it_was_put_to(
    world: World, name: bytes, directory: str, reason: Reason | None
) -> None:
    """A later round has the person of the first: the same name, found in the same directory."""
    bench = Bench(world)
    known = people.dump(replace(ALICE, directory=directory), "alice")
    entry = Entry(b"s", "", 1, "l", "step-up", 0, 0.0, 9.0, talk=Talk(person=known))
    bench.begin(name).entry = entry

    assert bench.settle() == (None if reason is None else Reject(reason))
    assert bench.attempt.person == (ALICE if reason is None else None)


def test_directory_is_searched_once_for_all_policies(world: World) -> None:
    """What it said of groups serves the next policy, too."""
    bench = Bench(world, policy("a", groups=("admins",)), policy("s", groups=("staff",)))
    bench.settle()
    bench.told(FOUND)
    assert bench.settle() is None
    assert bench.asked is None
    assert bench.ruled == Ruled(policy="s", group="Staff", directory=250_000)


def test_refusal_names_the_policy_that_came_nearest(world: World) -> None:
    """The audit shows it, and the texts of a Reject are its."""
    bench = Bench(world, policy("far", users=("bob",)), policy("near", groups=("admins",)))
    bench.settle()
    bench.told(FOUND)
    assert bench.settle() == Reject(Reason.NOT_IN_GROUP)
    assert bench.ruled.policy == "near"


def test_person_is_that_of_the_policys_directory(world: World) -> None:
    """What another directory said of somebody is not whose login it is."""
    first = Policy(name="a", when=Conditions(groups=("admins",)), directory="corp")
    local = Policy(name="l")
    bench = Bench(world, first, local)

    bench.settle()
    bench.told(FOUND)
    assert bench.settle() is None
    assert bench.attempt.person == ALICE  # of the client's own directory, for the policy l


def test_groups_of_a_directory_without_search_come_with_a_bind(world: World) -> None:
    """In mode challenge what was typed is the password; in others there is none to bind with."""
    made = Policy(name="g", when=Conditions(groups=("staff",)), primary="byname")
    bench = Bench(world, made, mode=Mode.CHALLENGE)
    assert bench.settle() is None
    assert isinstance(bench.attempt.asked, Bind)
    assert bench.attempt.asked.password == b"typed"
    person = Person(directory="byname", name="alice", dn="", groups=("staff",))
    assert bench.told(Told(directory="byname", person=person)) is None
    assert bench.settle() is None
    assert bench.attempt.ruling is not None
    assert (bench.attempt.ruling.bound, bench.attempt.person) == ({"byname"}, person)

    world.logins.commit()
    bench = Bench(world, made)
    assert bench.settle() == Reject(Reason.DIRECTORY_REFUSED)


def test_wrong_password_ends_the_search_for_a_policy(world: World) -> None:
    """Where the bind tells the groups, its no is the login's no."""
    made = Policy(name="g", when=Conditions(groups=("staff",)), primary="byname")
    bench = Bench(world, made, mode=Mode.CHALLENGE)
    bench.settle()
    told = bench.told(Told(directory="byname", reason=Reason.BAD_PASSWORD))
    assert told == Reject(Reason.BAD_PASSWORD)


def test_attributes_are_compared_as_texts(world: World) -> None:
    """Standard and vendors' attributes, numbers by their names; what is no value is none."""
    made = policy(attributes=(("NAS-Port-Type", ("virtual",)), ("Fortinet-Vdom-Name", ("root",))))
    bench = Bench(world, made)
    bench.begin(b"alice", ("NAS-Port-Type", "Virtual"), ("Fortinet-Vdom-Name", "root"))
    assert bench.settle() is None
    bench.begin(b"alice", ("NAS-Port-Type", "Virtual"))
    assert bench.settle() == Reject(Reason.OTHER_ATTRIBUTES)
    bench.begin(b"alice", ("NAS-Port-Type", "77"), ("Fortinet-Vdom-Name", "root"))
    assert bench.settle() == Reject(Reason.OTHER_ATTRIBUTES)


def test_reply_knows_person_group_and_end(world: World) -> None:
    """Groups of both places, attributes of the directory, and when the approval ends."""
    bench = Bench(world, policy(groups=("staff",)))
    bench.settle()
    bench.told(FOUND)
    bench.settle()
    user = world.logins.user(b"alice")
    assert user is not None
    user.groups = ("Local", "STAFF")
    found, limit = ruling.fields(bench.attempt, user, "L1", world.now)
    assert found == Fields("alice", "L1", "Staff", ("Staff", "Local"), (("dep", ("IT",)),))
    assert limit is None


def test_reply_without_policies_knows_the_name(world: World) -> None:
    """Where nothing had to be settled there is nothing more to know."""
    bench = Bench(world)
    user = world.logins.user(b"alice")
    assert user is not None
    assert ruling.fields(bench.attempt, user, "L1", 0.0) == (Fields("alice", "L1"), None)
