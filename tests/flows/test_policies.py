"""Logins that policies decide: refusals first, then what a policy changes."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, date, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
from radiusmfa.config.model import LOCAL, NONE, Mode
from radiusmfa.config.policy_model import By, Conditions, Policy, Remember, Schedule, Span
from radiusmfa.login.errands import Approval
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.stores import granting, names
from tests.flows.people import People, directory
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    CLASS,
    REJECT,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.config.model import Client
    from tests.flows.world import Nas, Person

STATION, NAS_PORT_TYPE, SESSION_TIMEOUT, FILTER_ID = 31, 61, 27, 11
INSIDE, OUTSIDE = (STATION, b"10.1.2.3"), (STATION, b"192.0.2.200")
OFFICE = (ip_network("10.0.0.0/8"),)
ROOT = ApprovalSource(name="root")
CHANGE = ApprovalSource(
    name="change",
    servicenow=ServiceNow(url="https://example.service-now.com", password=Secret(b"x")),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server with a client of each mode, which believe what the client says of addresses."""
    with World(tmp_path) as made:
        made.clients = tuple(dataclasses.replace(one, trust_address=True) for one in made.clients)
        made.approvals = (ROOT, CHANGE)
        yield made


def policy(
    name: str = "p",
    *,
    deny: bool = False,
    when: dict[str, Any] | None = None,
    **results: Any,  # noqa: ANN401
) -> Policy:
    """Return a policy with these conditions and results."""
    return Policy(name=name, when=Conditions(**(when or {})), deny=deny, **results)


def rule(world: World, *policies: Policy) -> None:
    """Let *policies* decide from now on."""
    world.policies = policies
    world.reload()


def last(world: World) -> dict[str, Any]:
    """Return the last audit line."""
    (line,) = world.admin.connection.execute(
        "SELECT line FROM audit ORDER BY seq DESC LIMIT 1"
    ).fetchone()
    found: dict[str, Any] = json.loads(line)
    return found


def refused(world: World, nas: Nas, *request: Any) -> str:  # noqa: ANN401 - as `Nas.ask` takes
    """Log in, see that it is refused, and return the reason."""
    assert nas.decide(*request) == REJECT
    return str(last(world)["reason"])


def password(person: Person) -> bytes:
    """Return what *person* types first."""
    return person.password


def whole(world: World, nas: Nas, person: Person, *extra: tuple[int, bytes]) -> int:
    """Log in with password and passcode where it is asked for."""
    reply = nas.ask(person.name, password(person), None, *extra)
    assert reply is not None
    if reply.code != CHALLENGE:
        return reply.code
    return nas.decide(person.name, person.code(world.now), reply.state)


def at(text: str) -> float:
    """Return a time of day in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def hours(*days: int, start: int = 0, end: int = 1440) -> Schedule:
    """Return a schedule in UTC."""
    span = Span(days=frozenset(days or range(7)), start=start, end=end)
    return Schedule(name="s", spans=(span,), zone=ZoneInfo("UTC"))


def test_promise_3_no_policy_is_a_reject(world: World) -> None:
    """With an empty list of policies nobody gets in."""
    alice = world.person()
    rule(world)
    assert refused(world, world.nas(STEP_UP), "alice", alice.code(world.now)) == "no-policy"


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        pytest.param({"clients": ("append",)}, "no-policy", id="another client"),
        pytest.param({"users": ("bob",)}, "no-policy", id="another user"),
        pytest.param({"networks": OFFICE}, "outside-network", id="another network"),
        pytest.param({"schedule": hours(0)}, "outside-hours", id="another day"),
        pytest.param({"groups": ("root",)}, "not-in-group", id="another group"),
        pytest.param({"approval": "root"}, "not-approved", id="no approval"),
        pytest.param(
            {"attributes": (("NAS-Port-Type", ("virtual",)),)}, "other-attributes", id="attributes"
        ),
    ],
)
def test_right_passcode_is_refused_where_no_policy_fits(
    world: World, when: dict[str, Any], reason: str
) -> None:
    """Each condition keeps out by itself, and the passcode is not used up by it."""
    alice = world.person()
    rule(world, policy(when=when))
    nas, code = world.nas(STEP_UP), alice.code(world.now)
    assert refused(world, nas, "alice", code, None, OUTSIDE) == reason
    rule(world, policy())
    assert nas.decide("alice", code) == ACCEPT


def test_denied_is_denied_with_everything_right(world: World) -> None:
    """A policy that says deny keeps out whom it fits."""
    alice = world.person()
    rule(world, policy("no", deny=True, when={"users": ("alice",)}), policy("yes"))
    assert refused(world, world.nas(STEP_UP), "alice", alice.code(world.now)) == "policy-denies"
    assert last(world)["policy"] == "no"


def test_address_counts_from_a_trusted_client_only(world: World) -> None:
    """Any client can say anything: only where an administrator trusts it does it count."""
    alice = world.person()
    rule(world, policy(when={"networks": OFFICE}))
    nas = world.nas(STEP_UP)
    assert nas.decide("alice", alice.code(world.now), None, INSIDE) == ACCEPT
    assert last(world)["address"] == "10.1.2.3"

    world.clients = (client(STEP_UP, Mode.STEP_UP),)
    world.reload()
    world.clock.advance(30)
    code = alice.code(world.now)
    assert refused(world, nas, "alice", code, None, INSIDE) == "outside-network"


def test_attributes_of_the_request_choose(world: World) -> None:
    """A value is compared as a person writes it."""
    alice = world.person()
    rule(world, policy(when={"attributes": (("NAS-Port-Type", ("virtual",)),)}))
    nas = world.nas(STEP_UP)
    virtual, ethernet = (NAS_PORT_TYPE, bytes((0, 0, 0, 5))), (NAS_PORT_TYPE, bytes((0, 0, 0, 15)))
    code = alice.code(world.now)
    assert refused(world, nas, "alice", code, None, ethernet) == "other-attributes"
    assert nas.decide("alice", code, None, virtual) == ACCEPT


def test_group_of_the_store_chooses(world: World) -> None:
    """Whom an administrator puts into a group, its policy lets in, from the next login on."""
    alice = world.person()
    rule(world, policy(when={"groups": ("root",)}, reply=(("Class", "{group}"),)))
    nas = world.nas(STEP_UP)
    assert refused(world, nas, "alice", alice.code(world.now)) == "not-in-group"
    names.add_groups(world.admin, world.actor, "alice", ["Root"])
    reply = nas.ask("alice", alice.code(world.now))
    assert reply is not None
    assert reply.code == ACCEPT
    assert reply.values(CLASS)[0] == b"Root"
    assert last(world)["group"] == "Root"


def test_alias_is_the_person(world: World) -> None:
    """A policy, a token and a lock-out belong to the person, whatever was typed."""
    alice = world.person()
    names.add_aliases(world.admin, world.actor, "alice", ["a.smith@example.com"])
    rule(world, policy(when={"users": ("alice",)}))
    assert world.nas(STEP_UP).decide("A.Smith@example.com", alice.code(world.now)) == ACCEPT
    assert (last(world)["user"], last(world)["person"]) == ("A.Smith@example.com", "alice")


def test_first_policy_that_fits_gives_its_results(world: World) -> None:
    """Factors, primary and attributes come from the policy; what it does not say, the client."""
    alice = world.person()
    rule(
        world,
        policy("b", when={"users": ("bob",)}, reply=(("Filter-Id", "bob"),)),
        policy("a", when={"users": ("alice",)}, reply=(("Filter-Id", "{user}"),)),
        policy("rest"),
    )
    reply = world.nas(STEP_UP).ask("alice", alice.code(world.now))
    assert reply is not None
    assert reply.values(FILTER_ID) == [b"alice"]
    assert last(world)["policy"] == "a"


def test_promise_2_factor_that_a_policy_does_not_name_counts_for_nothing(world: World) -> None:
    """A TOTP code is none where only HOTP counts."""
    alice = world.person()
    rule(world, policy(factors=("hotp",)))
    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == REJECT
    assert last(world)["reason"] == "not-enrolled"


# -- hours and approvals in the middle of a login --


def test_hour_that_ends_in_the_middle_refuses(world: World) -> None:
    """The password came in time, the passcode did not."""
    alice = world.person()
    minute = int(world.now // 60 % 1440)
    rule(world, policy(when={"schedule": hours(start=minute, end=minute + 1)}))
    nas = world.nas(ASKING)
    state = nas.challenged("alice", password(alice))
    world.clock.advance(60)
    assert refused(world, nas, "alice", alice.code(world.now), state) == "outside-hours"


def grant(
    world: World, seconds: float, approval: ApprovalSource = ROOT, user: str = "alice"
) -> int:
    """Grant an approval as `radiusmfa approval grant` does; return its number."""
    return granting.grant(
        world.admin, world.actor, approval, user, why="CHG0030001", until=world.now + seconds
    ).id


def test_approval_lets_in_until_it_ends(world: World) -> None:
    """It counts from the next login on, limits the session, and ends by itself."""
    alice = world.person()
    rule(world, policy(when={"approval": "root"}))
    nas = world.nas(STEP_UP)
    assert refused(world, nas, "alice", alice.code(world.now)) == "not-approved"
    number = grant(world, 90)
    reply = nas.ask("alice", alice.code(world.now))
    assert reply is not None
    assert reply.code == ACCEPT
    assert reply.values(SESSION_TIMEOUT) == [(90).to_bytes(4)]
    assert last(world)["approval"] == f"#{number}"
    world.clock.advance(90)
    assert refused(world, nas, "alice", alice.code(world.now)) == "approval-expired"


def test_approval_that_ends_in_the_middle_refuses(world: World) -> None:
    """What the first round found in force must be in force when the passcode comes."""
    alice = world.person()
    rule(world, policy(when={"approval": "root"}))
    grant(world, 30)
    nas = world.nas(ASKING)
    state = nas.challenged("alice", password(alice))
    world.clock.advance(31)
    assert refused(world, nas, "alice", alice.code(world.now), state) == "approval-expired"


def test_approval_that_is_revoked_in_the_middle_refuses(world: World) -> None:
    """An administrator's word counts at once."""
    alice = world.person()
    rule(world, policy(when={"approval": "root"}))
    number = grant(world, 3600)
    nas = world.nas(ASKING)
    state = nas.challenged("alice", password(alice))
    granting.revoke(world.admin, world.actor, number)
    assert refused(world, nas, "alice", alice.code(world.now), state) in {
        "not-approved", "unknown-state",
    }  # fmt: skip


def test_service_is_asked_and_its_no_is_no(world: World) -> None:
    """Each answer of the service is a reason of its own; nobody could be asked is closed."""
    alice, corp = world.person(), People(world)
    rule(world, policy(when={"approval": "change"}))
    nas = world.nas(STEP_UP)
    for reason in (
        Reason.NOT_APPROVED,
        Reason.APPROVAL_PENDING,
        Reason.APPROVAL_REJECTED,
        Reason.APPROVAL_EXPIRED,
        Reason.APPROVAL_UNAVAILABLE,
    ):
        corp.approvals["change", "alice"] = Approval(approval="change", reason=reason)
        world.clock.advance(30)
        assert corp.decide(nas, "alice", alice.code(world.now)) == REJECT
        assert last(world)["reason"] == reason.value
    until = world.now + 600
    corp.approvals["change", "alice"] = Approval(
        approval="change", until=until, evidence="CHG0030001", seconds=0.125
    )
    assert corp.decide(nas, "alice", alice.code(world.now)) == ACCEPT
    line = last(world)
    assert (line["approval"], line["us"]["approval"]) == ("CHG0030001", 125_000)


def test_service_is_asked_about_the_directorys_name(world: World) -> None:
    """The approval belongs to the person, not to what was typed."""
    world.directories = (directory(),)
    alice, corp = world.person(), People(world)
    corp.add("alice", "owners", names=("alice@example.com",))
    rule(world, policy(when={"groups": ("owners",), "approval": "change"}))
    corp.approvals["change", "alice"] = Approval(approval="change")
    assert corp.decide(world.nas(STEP_UP), "alice@example.com", alice.code(world.now)) == ACCEPT
    assert corp.asked_approvals == ["alice"]
    assert corp.look_ups == ["alice@example.com"]


# -- groups of a directory --


def test_group_of_the_directory_chooses_for_a_broker(world: World) -> None:
    """The broker has checked the password; the directory says who is in the group."""
    world.directories = (directory(),)
    alice, corp = world.person(), People(world)
    corp.add("alice", "Owners")
    rule(world, policy(when={"groups": ("owners",)}))
    assert corp.decide(world.nas(STEP_UP), "alice", alice.code(world.now)) == ACCEPT
    assert last(world)["group"] == "Owners"
    assert corp.binds == []


def test_promise_3_silent_directory_is_not_another_policy(world: World) -> None:
    """Who is not known to be in no group does not get the policy of those who are in none."""
    world.directories = (directory(),)
    alice, corp = world.person(), People(world)
    corp.gone = Reason.DIRECTORY_SILENT
    rule(world, policy("strict", deny=True, when={"groups": ("banned",)}), policy("rest"))
    assert corp.decide(world.nas(STEP_UP), "alice", alice.code(world.now)) == REJECT
    assert last(world)["reason"] == "directory-silent"


def test_groups_of_a_directory_that_nobody_searches_come_with_the_bind(world: World) -> None:
    """One bind by name: it proves the password and tells the groups."""
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    alice, corp = world.person(), People(world)
    right = corp.add("alice", "Owners")
    rule(world, policy(when={"groups": ("owners",)}, primary="corp"))
    nas = world.nas(ASKING)
    assert corp.decide(nas, "alice", b"wrong") == REJECT
    assert last(world)["reason"] == "bad-password"
    reply = corp.ask(nas, "alice", right)
    assert reply is not None
    assert reply.code == CHALLENGE
    assert corp.decide(nas, "alice", alice.code(world.now), reply.state) == ACCEPT
    assert len(corp.binds) == 2


def test_other_directory_for_other_people(world: World) -> None:
    """Each policy has its own primary; the realm says whose."""
    world.directories = (directory(), directory("guests"))
    world.person("zoe@guests")
    corp = People(world)
    right = corp.add("zoe@guests", directory="guests")
    rule(
        world,
        policy("g", when={"realms": ("guests",)}, primary="guests"),
        policy("c", primary="corp"),
    )
    assert corp.decide(world.nas(ASKING), "zoe@guests", right) == CHALLENGE
    assert corp.decide(world.nas(ASKING), "zoe@other", right) == REJECT
    assert last(world)["reason"] == "unknown-user"


# -- the policy of the first round stays --


def test_promise_2_policy_of_the_first_round_stays(world: World) -> None:
    """What the second request brings chooses no other policy."""
    alice = world.person()
    rule(
        world,
        policy("inside", when={"networks": OFFICE}, reply=(("Filter-Id", "inside"),)),
        policy("outside", factors=("hotp",)),
    )
    nas = world.nas(ASKING)
    reply = nas.ask("alice", password(alice), None, INSIDE)
    assert reply is not None
    found = nas.ask("alice", alice.code(world.now), reply.state)  # no address this time
    assert found is not None
    assert found.code == ACCEPT
    assert found.values(FILTER_ID) == [b"inside"]


def test_promise_3_policy_that_a_reload_takes_away_ends_the_login(world: World) -> None:
    """A challenge of a policy that is gone is answered by nothing, nor by the client's settings."""
    alice = world.person()
    rule(world, policy("old"))
    nas = world.nas(ASKING)
    states = [nas.challenged("alice", password(alice)) for _ in range(2)]
    rule(world, policy("new"))
    assert refused(world, nas, "alice", alice.code(world.now), states[0]) == "unknown-state"
    world.policies = None
    world.reload()
    assert refused(world, nas, "alice", alice.code(world.now), states[1]) == "unknown-state"


def test_promise_3_challenge_from_before_the_policies_ends(world: World) -> None:
    """Whoever began without policies does not go on past them."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", password(alice))
    rule(world, policy("new"))
    assert refused(world, nas, "alice", alice.code(world.now), state) == "unknown-state"


def test_policy_stays_over_a_restart(world: World) -> None:
    """The store keeps which policy a challenge belongs to."""
    alice = world.person()
    rule(world, policy("a", when={"networks": OFFICE}))
    nas = world.nas(ASKING)
    reply = nas.ask("alice", password(alice), None, INSIDE)
    assert reply is not None
    world.restart()
    assert nas.decide("alice", alice.code(world.now), reply.state) == ACCEPT
    assert last(world)["policy"] == "a"


# -- waivers --


def test_skip_asks_for_no_factor_after_the_right_password(world: World) -> None:
    """The exempt group gets in by the password, and by nothing less."""
    alice = world.person()
    rule(world, policy(skips_factor=True))
    for host in (ASKING, APPEND, AUTO):
        nas = world.nas(host)
        assert nas.decide("alice", b"wrong") == REJECT
        assert nas.decide("alice", password(alice)) == ACCEPT
        assert last(world)["reason"] == "factor-skipped"


def test_promise_2_skip_skips_nothing_where_nobody_checks_a_password(world: World) -> None:
    """In `step-up` something has to be proved, whatever a policy says."""
    world.person()
    rule(world, policy(skips_factor=True))
    assert world.nas(STEP_UP).decide("alice", b"anything") == REJECT


def test_grace_ends_with_its_day(world: World) -> None:
    """Who has no factor gets in by the password until the day is over; who has one, does not."""
    bob, alice = world.person("bob", has_token=False), world.person()
    today = datetime.fromtimestamp(world.now, UTC).date()
    rule(world, policy(not_enrolled_until=today))
    for host in (ASKING, APPEND, AUTO):
        nas = world.nas(host)
        assert nas.decide("bob", b"wrong") == REJECT
        assert nas.decide("bob", password(bob)) == ACCEPT
        assert last(world)["reason"] == "not-enrolled-yet"
    assert world.nas(APPEND).decide("alice", password(alice)) == REJECT
    assert world.nas(ASKING).decide("alice", password(alice)) == CHALLENGE
    midnight = at(f"{date.fromordinal(today.toordinal() + 1)}T00:00:00")
    world.clock.advance(midnight - world.now)
    assert refused(world, world.nas(ASKING), "bob", password(bob)) == "not-enrolled"


HOME, ELSEWHERE = (STATION, b"home"), (STATION, b"elsewhere")


@pytest.fixture
def remembering(world: World) -> Person:
    """Somebody whose factor is remembered for an hour."""
    alice = world.person()
    rule(world, policy("r", remember=Remember(seconds=3600)))
    return alice


def test_factor_is_remembered_for_its_time(world: World, remembering: Person) -> None:
    """After a whole login the password is enough, until the time is over."""
    nas, alice = world.nas(ASKING), remembering
    assert whole(world, nas, alice, HOME) == ACCEPT
    state = nas.ask("alice", password(alice), None, HOME)
    assert state is not None
    assert state.code == CHALLENGE  # the answer brought no station: nothing was remembered

    world.clock.advance(30)
    found = nas.ask("alice", alice.code(world.now), state.state, HOME)
    assert found is not None
    assert found.code == ACCEPT
    assert nas.decide("alice", b"wrong", None, HOME) == REJECT
    assert nas.decide("alice", password(alice), None, HOME) == ACCEPT
    assert last(world)["reason"] == "remembered"
    world.clock.advance(3600)
    assert nas.decide("alice", password(alice), None, HOME) == CHALLENGE


def remembered(world: World, alice: Person, host: str = APPEND) -> Nas:
    """Log in whole from home and return the client."""
    nas = world.nas(host)
    typed = password(alice) + alice.code(world.now)
    assert nas.decide("alice", typed, None, HOME) == ACCEPT
    assert nas.decide("alice", password(alice), None, HOME) == ACCEPT
    assert last(world)["reason"] == "remembered"
    return nas


def test_remembered_factor_belongs_to_one_place_person_and_client(
    world: World, remembering: Person
) -> None:
    """From elsewhere, at another client, by another person it is asked for."""
    alice = remembering
    nas = remembered(world, alice)
    bob = world.person("bob")
    assert nas.decide("alice", password(alice), None, ELSEWHERE) == REJECT
    assert nas.decide("alice", password(alice), None) == REJECT
    assert nas.decide("bob", password(bob), None, HOME) == REJECT
    assert world.nas(ASKING).decide("alice", password(alice), None, HOME) == CHALLENGE


def test_who_is_remembered_may_type_a_passcode(world: World, remembering: Person) -> None:
    """Password and passcode in one field go on being right, and used up."""
    nas = remembered(world, remembering)
    world.clock.advance(30)
    typed = password(remembering) + remembering.code(world.now)
    assert nas.decide("alice", typed, None, HOME) == ACCEPT
    assert last(world)["reason"] == "passed"
    world.clock.advance(10)  # no retry any more
    assert nas.decide("alice", typed, None, HOME) == REJECT
    assert last(world)["reason"] == "replayed-passcode"


def test_remembered_by_user_alone_counts_everywhere(world: World) -> None:
    """What need not be the same is not looked at."""
    alice = world.person()
    rule(world, policy("r", remember=Remember(seconds=60, by=(By.USER,))))
    assert whole(world, world.nas(ASKING), alice) == ACCEPT
    assert world.nas(AUTO).decide("alice", password(alice), None, ELSEWHERE) == ACCEPT


def test_remembered_factor_is_another_policys_no_more(world: World, remembering: Person) -> None:
    """A policy remembers for itself."""
    nas = remembered(world, remembering)
    rule(world, policy("other", remember=Remember(seconds=3600)))
    assert nas.decide("alice", password(remembering), None, HOME) == REJECT


def test_promise_2_nothing_is_remembered_of_a_login_without_factor(world: World) -> None:
    """A waiver does not prolong itself, nor does an exemption become a proof."""
    bob = world.person("bob", has_token=False, password_only=True)
    rule(world, policy("r", remember=Remember(seconds=3600)))
    assert world.nas(ASKING).decide("bob", password(bob), None, HOME) == ACCEPT
    rows = world.admin.connection.execute("SELECT count(*) FROM remembered").fetchone()
    assert rows == (0,)


def test_clients_own_settings_need_no_policy(world: World) -> None:
    """Without a list of policies everything is as it was."""
    alice = world.person()
    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT
    assert "policy" not in last(world)


def test_policy_may_check_the_password_where_the_client_does_not_say(world: World) -> None:
    """`primary` of a policy goes before that of its client."""
    alice = world.person()
    own: Client = client(ASKING, Mode.CHALLENGE, primary=LOCAL)
    assert own.primary != NONE
    world.directories = (directory(),)
    corp = People(world)
    right = corp.add("alice")
    rule(world, policy(primary="corp"))
    assert corp.decide(world.nas(ASKING), "alice", password(alice)) == REJECT
    assert corp.decide(world.nas(ASKING), "alice", right) == CHALLENGE
