"""Conditions of logins by policies and directories that no other test would miss."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.policy_model import Schedule, Span
from radiusmfa.config.upstream_model import Users
from radiusmfa.login.errands import Bind, Told
from radiusmfa.outcome import Reason
from radiusmfa.stores import granting, names
from tests.flows.people import People, directory
from tests.flows.test_review import CHANGE, ROOT, corp_clients, last, policy, rule
from tests.flows.upstreams import assign, factor, serve
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    REJECT,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from radiusmfa.login.errands import Errand

SESSION_TIMEOUT, VENDOR_SPECIFIC = 27, 26


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server with a client of each mode."""
    with World(tmp_path) as made:
        yield made


def by_name(world: World, **settings: Any) -> People:  # noqa: ANN401
    """Let a directory that nobody searches be the primary of every client."""
    world.directories = (directory(bind_dn="", bind_as="{user}", **settings),)
    return corp_clients(world)


def bind_of(world: World, corp: People, host: str, name: str, typed: bytes) -> Errand:
    """Log in until the bind, and return it; it waits still."""
    nas = world.nas(host)
    nas.put(nas.request(name, typed))
    while not isinstance(world.relays.errands[0][1], Bind):
        received, errand = world.relays.errands.pop(0)
        world.pipeline.answered([(received, corp.answer(errand))])
    return world.relays.errands[0][1]


def answer(world: World, told: Told) -> str:
    """Answer the bind that waits; return the reason of the login's decision."""
    received, _ = world.relays.errands.pop(0)
    world.pipeline.answered([(received, told)])
    return str(last(world)["reason"])


@pytest.mark.parametrize("reason", [None, Reason.BAD_PASSWORD, Reason.PASSWORD_EXPIRED])
def test_bind_of_nobody_proves_nothing_whatever_is_answered(
    world: World, reason: Reason | None
) -> None:
    """Somebody who was looked up in vain is unknown, even to a directory that says yes."""
    corp = corp_clients(world)
    errand = bind_of(world, corp, ASKING, "nobody", b"guess")
    assert isinstance(errand, Bind)
    assert errand.person is None
    assert answer(world, Told(directory="corp", reason=reason)) == "unknown-user"


def test_bind_of_somebody_who_cannot_be_read_lets_nobody_in(world: World) -> None:
    """A right password without a name is nobody's."""
    corp = by_name(world)
    world.person(password=None)
    bind_of(world, corp, ASKING, "alice", b"right")
    assert answer(world, Told(directory="corp")) == "unknown-user"


def test_person_of_the_search_stays_whoever_the_bind_names(world: World) -> None:
    """Tokens belong to whom the search has found."""
    corp = corp_clients(world)
    world.person(password=None)
    right = corp.add("alice")
    corp.add("bob")
    bind_of(world, corp, ASKING, "alice", right)
    bob = corp.entries[1].person
    assert answer(world, Told(directory="corp", person=bob)) == "passcode-wanted"


def test_user_of_the_store_is_not_whom_the_bind_names_otherwise(world: World) -> None:
    """Bound by name: the store's bob is not the directory's alice."""
    corp = by_name(world)
    world.person("bob", password=None)
    right = corp.add("alice", names=("bob",))
    assert corp.decide(world.nas(ASKING), "bob", right) == REJECT
    assert last(world)["reason"] == "ambiguous-user"


def test_bind_by_name_uses_the_name_without_what_is_stripped(world: World) -> None:
    r"""`EXAMPLE\Alice` is bound as alice."""
    corp = by_name(world, strip=("domain",))
    errand = bind_of(world, corp, ASKING, "EXAMPLE\\Alice", b"x")
    assert isinstance(errand, Bind)
    assert errand.name == "alice"


def test_locked_person_is_not_bound_by_name(world: World) -> None:
    """Where nobody searches there is no bind of nobody: nothing at all is sent."""
    corp = by_name(world)
    world.person(password=None)
    right = corp.add("alice")
    for typed in (b"one", b"two", right):
        assert corp.decide(world.nas(ASKING), "alice", typed) == REJECT
    assert last(world)["reason"] == "locked"
    assert len(corp.binds) == 2


def test_right_password_forgives_wrong_ones(world: World) -> None:
    """Wrong, right, wrong is not two in a row."""
    corp = corp_clients(world)
    world.person(password=None)
    right = corp.add("alice")
    nas = world.nas(ASKING)
    assert corp.decide(nas, "alice", b"one") == REJECT
    assert corp.decide(nas, "alice", right) == CHALLENGE
    assert corp.decide(nas, "alice", b"two") == REJECT
    assert corp.decide(nas, "alice", right) == CHALLENGE


def test_state_of_an_account_is_no_wrong_password(world: World) -> None:
    """Whose account is enabled again gets in at once: nothing was counted or remembered."""
    corp = corp_clients(world)
    world.person(password=None)
    right = corp.add("alice", reason=Reason.ACCOUNT_DISABLED)
    nas = world.nas(ASKING)
    for _ in range(3):
        assert corp.decide(nas, "alice", right) == REJECT
        assert last(world)["reason"] == "account-disabled"
    corp.entries[0].reason = None
    assert corp.decide(nas, "alice", right) == CHALLENGE


def test_guesses_at_a_passcode_behind_the_right_password_are_counted(world: World) -> None:
    """In `auto` a wrong passcode is a wrong password for the directory, and a guess for us."""
    world.directories = (directory(lockout=10),)
    corp = corp_clients(world)
    alice = world.person(password=None)
    right = corp.add("alice")
    wrong = int(alice.wrong(world.now))
    nas = world.nas(AUTO)
    for at in range(3):
        assert corp.decide(nas, "alice", right + b"%06d" % (wrong + at)) == REJECT
    assert corp.decide(nas, "alice", right + alice.code(world.now)) == REJECT
    assert last(world)["reason"] == "locked"


def test_disabled_user_is_refused_before_groups_are_read_with_a_bind(world: World) -> None:
    """Whom an administrator has disabled during the bind does not get in by it."""
    corp = by_name(world)
    world.person(password=None)
    right = corp.add("alice", "Owners")
    rule(world, policy(when={"groups": ("owners",)}, primary="corp"))
    bind_of(world, corp, ASKING, "alice", right)
    world.admin.connection.execute("UPDATE users SET disabled = 1")
    assert answer(world, corp.answer(world.relays.errands[0][1])) == "user-disabled"  # type: ignore[arg-type]


def test_promise_2_grace_is_not_for_whom_a_token_server_knows(world: World) -> None:
    """Somebody assigned to an upstream has a factor, though no token of ours."""
    alice, bob = world.person(has_token=False), world.person("bob", has_token=False)
    clients = client(ASKING, Mode.CHALLENGE), client(APPEND, Mode.APPEND)
    serve(world, *clients, factors=(factor(users=Users.ASSIGNED),))
    assign(world, "alice")
    today = datetime.fromtimestamp(world.now, UTC).date()
    rule(world, policy(not_enrolled_until=today, factors=("securid", "totp")))
    assert world.nas(ASKING).decide("alice", alice.password) == CHALLENGE
    assert world.nas(APPEND).decide("alice", alice.password) == REJECT
    assert world.nas(ASKING).decide("bob", bob.password) == ACCEPT


def test_promise_2_bind_that_reads_groups_and_fails_proves_no_password(world: World) -> None:
    """Whom the directory does not know has proved nothing, whatever policy comes next."""
    corp = by_name(world)
    world.person(password=None, password_only=True)
    rule(
        world,
        policy("no", deny=True, when={"groups": ("banned",)}, primary="corp"),
        policy("yes", primary="corp"),
    )
    assert corp.decide(world.nas(ASKING), "alice", b"guess") == REJECT
    assert last(world)["reason"] == "unknown-user"


def test_hour_that_ends_while_a_directory_is_asked_refuses(world: World) -> None:
    """What holds when the answer comes counts."""
    world.directories = (directory(),)
    corp = People(world)
    world.person()
    corp.add("alice", "Owners")
    minute = int(world.now // 60 % 1440)
    span = Span(days=frozenset(range(7)), start=minute, end=minute + 1)
    when = Schedule(name="s", spans=(span,), zone=ZoneInfo("UTC"))
    rule(world, policy(when={"groups": ("owners",), "schedule": when}))
    nas = world.nas(STEP_UP)
    nas.put(nas.request("alice", b"123456"))
    world.clock.advance(60)
    assert answer(world, corp.answer(world.relays.errands[0][1])) == "outside-hours"  # type: ignore[arg-type]


def test_person_without_a_row_is_bound_to_read_groups(world: World) -> None:
    """Where the client's own primary is the store, a policy's directory knows people, too."""
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    corp = People(world)
    right = corp.add("carol", "Owners")
    rule(world, policy(when={"groups": ("owners",)}, primary="corp", skips_factor=True))
    assert corp.decide(world.nas(ASKING), "carol", b"wrong") == REJECT
    assert last(world)["reason"] == "bad-password"
    assert corp.decide(world.nas(ASKING), "carol", right) == ACCEPT
    assert len(corp.binds) == 2


def test_approval_of_a_login_in_two_rounds_caps_the_session(world: World) -> None:
    """The Accept of the second round ends with the approval, and its line names the record."""
    alice = world.person()
    world.approvals = (ROOT,)
    rule(world, policy(when={"approval": "root"}))
    until = world.now + 90
    number = granting.grant(world.admin, world.actor, ROOT, "alice", why="CHG", until=until).id
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    reply = nas.ask("alice", alice.code(world.now), state)
    assert reply is not None
    assert reply.code == ACCEPT
    assert reply.values(SESSION_TIMEOUT) == [(90).to_bytes(4)]
    assert last(world)["approval"] == f"#{number}"


def test_service_is_asked_about_whom_the_directory_names_without_groups(world: World) -> None:
    """A policy with an approval alone looks the person up first."""
    world.approvals = (CHANGE,)
    corp = corp_clients(world)
    right = corp.add("alice", names=("smith",))
    rule(world, policy(when={"approval": "change"}))
    assert corp.decide(world.nas(ASKING), "smith", right) == REJECT
    assert corp.asked_approvals == ["alice"]


def test_nobody_is_bound_for_groups_without_a_password_or_while_locked(world: World) -> None:
    """What `binding` refuses ends the login before its policy is known."""
    corp = by_name(world)
    world.person(password=None)
    right = corp.add("alice", "Owners")
    rule(world, policy(when={"groups": ("owners",)}, primary="corp"))
    nas = world.nas(ASKING)
    for typed, reason in (
        (b"", "bad-password"),
        (b"one", "bad-password"),
        (b"one", "known-wrong-password"),
        (b"two", "bad-password"),
        (right, "locked"),
    ):
        assert corp.decide(nas, "alice", typed) == REJECT
        assert last(world)["reason"] == reason
    assert len(corp.binds) == 2


def test_audit_names_the_policy_that_came_nearest(world: World) -> None:
    """A refusal says which policy the person missed."""
    alice = world.person()
    rule(
        world,
        policy("bobs", when={"users": ("bob",)}),
        policy("roots", when={"groups": ("root",)}),
    )
    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == REJECT
    assert (last(world)["reason"], last(world)["policy"]) == ("not-in-group", "roots")


@pytest.mark.parametrize("host", [APPEND, AUTO])
def test_nothing_is_bound_for_groups_where_a_passcode_may_stand_behind(
    world: World, host: str
) -> None:
    """What was typed is no password yet: nobody's groups can be read with it."""
    corp = by_name(world)
    alice = world.person(password=None)
    right = corp.add("alice", "Owners")
    rule(world, policy(when={"groups": ("owners",)}, primary="corp"))
    assert corp.decide(world.nas(host), "alice", right + alice.code(world.now)) == REJECT
    assert last(world)["reason"] == "directory-refused"
    assert corp.binds == []


def test_directory_is_asked_for_the_stores_name_of_an_alias(world: World) -> None:
    """An alias is ours; the directory may not have it."""
    corp = corp_clients(world)
    world.person(password=None)
    names.add_aliases(world.admin, world.actor, "alice", ["smith"])
    right = corp.add("alice")
    assert corp.decide(world.nas(ASKING), "smith", right) == CHALLENGE
    assert corp.look_ups == ["alice"]


def test_disabled_user_is_not_bound_to_read_groups(world: World) -> None:
    """It is the store's user whom the bind is for."""
    corp = by_name(world)
    world.person(password=None)
    right = corp.add("alice", "Owners")
    world.admin.connection.execute("UPDATE users SET disabled = 1")
    rule(world, policy(when={"groups": ("owners",)}, primary="corp"))
    assert corp.decide(world.nas(ASKING), "alice", right) == REJECT
    assert last(world)["reason"] == "user-disabled"
    assert corp.binds == []


def test_groups_of_the_store_are_the_directorys_persons_too(world: World) -> None:
    """Whatever was typed: the store may know more of whom the directory has named."""
    corp = corp_clients(world)
    world.person(password=None)
    names.add_groups(world.admin, world.actor, "alice", ["root"])
    right = corp.add("alice", names=("smith",))
    rule(world, policy(when={"groups": ("root",)}))
    assert corp.decide(world.nas(ASKING), "smith", right) == CHALLENGE


def test_attribute_of_a_vendor_is_that_vendors_only(world: World) -> None:
    """The same text in another attribute, or of another vendor, fits no policy."""
    alice = world.person()
    rule(world, policy(when={"attributes": (("Cisco-AVPair", ("zone=office",)),)}))
    nas, code = world.nas(STEP_UP), alice.code(world.now)
    for maker, kind, wanted in ((9, 2, REJECT), (311, 1, REJECT), (9, 1, ACCEPT)):
        value = maker.to_bytes(4) + bytes((kind, 13)) + b"zone=office"
        assert nas.decide("alice", code, None, (VENDOR_SPECIFIC, value)) == wanted


def test_attribute_that_is_no_value_fits_no_policy(world: World) -> None:
    """Three octets are no NAS-Port-Type, and no fault of ours."""
    alice = world.person()
    rule(world, policy(when={"attributes": (("NAS-Port-Type", ("virtual",)),)}))
    nas = world.nas(STEP_UP)
    assert nas.decide("alice", alice.code(world.now), None, (61, bytes(3))) == REJECT
    assert last(world)["reason"] == "other-attributes"
