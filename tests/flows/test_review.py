"""What a sceptical reviewer tried against policies and directories."""

from __future__ import annotations

import dataclasses
import json
import unicodedata
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.approval_model import ApprovalSource, ServiceNow
from radiusmfa.config.model import Mode
from radiusmfa.config.policy_model import By, Conditions, Order, Policy, Remember
from radiusmfa.config.upstream_model import UserName, Users
from radiusmfa.login.errands import Approval, Bind, LookUp, Told
from radiusmfa.outcome import Reason
from radiusmfa.secret import Secret
from radiusmfa.stores import granting, names
from tests.flows.people import People, directory
from tests.flows.upstreams import assign, factor, serve, tell, told, upstream
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

    from radiusmfa.config.model import Client

STATION, NAS_PORT_TYPE, FRAMED_IP = 31, 61, 8
VIRTUAL, ETHERNET = (NAS_PORT_TYPE, bytes((0, 0, 0, 5))), (NAS_PORT_TYPE, bytes((0, 0, 0, 15)))
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


def corp_clients(world: World, *modes: str, **settings: Any) -> People:  # noqa: ANN401
    """Let `corp` be the primary of every client; return who plays it."""
    which = {ASKING: Mode.CHALLENGE, APPEND: Mode.APPEND, AUTO: Mode.AUTO}
    world.directories = world.directories or (directory(),)
    world.clients = tuple(
        client(at, mode, primary="corp", **settings)
        for at, mode in which.items()
        if not modes or at in modes
    )
    world.reload()
    return People(world)


def by_framed_ip(one: Client) -> Client:
    """Return a client that says in Framed-IP-Address where a person is, and is believed."""
    return dataclasses.replace(one, trust_address=True, address=("Framed-IP-Address",))


# -- one proof instead of two --


def test_factor_first_of_a_client_without_policies_asks_for_the_password(world: World) -> None:
    """`order: factor-first` is a client's setting, too: the local password comes second."""
    alice = world.person()
    world.clients = (client(ASKING, Mode.CHALLENGE, order=Order.FACTOR_FIRST),)
    world.reload()
    reply = world.nas(ASKING).ask("alice", alice.code(world.now))
    assert reply is not None
    assert reply.code == CHALLENGE


# -- names --


def test_deny_by_name_fits_the_directorys_other_names_with_two_directories(world: World) -> None:
    """Whoever is kept out is kept out under every name, however many directories there are."""
    world.directories = (directory(), directory("guests"))
    world.person()
    corp = People(world)
    right = corp.add("alice", names=("alice@example.com",))
    rule(world, policy("no", deny=True, when={"users": ("alice",)}), policy("yes", primary="corp"))
    assert corp.decide(world.nas(ASKING), "alice@example.com", right) == REJECT
    assert last(world)["reason"] == "policy-denies"


def test_deny_by_name_fits_the_spelling_that_an_upstream_strips(world: World) -> None:
    """`alice@anything` is alice for an upstream that strips realms: so it is for a policy."""
    world.person()
    rsa = serve(
        world,
        client(ASKING, Mode.CHALLENGE, primary="rsa"),
        upstreams=(upstream(user_name=UserName(strip=("realm",))),),
    )
    rule(world, policy("no", deny=True, when={"users": ("alice",)}), policy("yes"))
    nas = world.nas(ASKING)
    assert nas.decide("alice", b"right") == REJECT
    request = nas.request("alice@anything", b"right")
    reply = nas.send(request)
    if reply is None:
        rsa.accept()
        reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT


def test_deny_by_group_fits_the_spelling_that_an_upstream_strips(world: World) -> None:
    """The same with a group that the store knows."""
    world.person()
    names.add_groups(world.admin, world.actor, "alice", ["banned"])
    rsa = serve(
        world,
        client(ASKING, Mode.CHALLENGE, primary="rsa"),
        upstreams=(upstream(user_name=UserName(strip=("realm",))),),
    )
    rule(world, policy("no", deny=True, when={"groups": ("banned",)}), policy("yes"))
    nas = world.nas(ASKING)
    assert nas.decide("alice", b"right") == REJECT
    request = nas.request("alice@anything", b"right")
    reply = nas.send(request)
    if reply is None:
        rsa.accept()
        reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT


def test_group_is_one_however_its_letters_are_composed(world: World) -> None:
    """NFD in the file, NFC in the store: one group."""
    alice = world.person()
    names.add_groups(world.admin, world.actor, "alice", ["Gäste"])
    decomposed = unicodedata.normalize("NFD", "Gäste")
    rule(world, policy("no", deny=True, when={"groups": (decomposed,)}), policy("yes"))
    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == REJECT


def test_policy_of_another_directorys_person_is_not_mine(world: World) -> None:
    """`x` is alice in corp and bob in guests: bob does not get in by the policy for alice."""
    world.directories = (directory(), directory("guests"))
    corp = People(world)
    corp.add("alice", names=("x",))
    right = corp.add("bob", names=("x",), directory="guests")
    rule(
        world,
        policy("first", when={"groups": ("none",)}, primary="corp"),
        policy("alices", when={"users": ("alice",)}, primary="guests", skips_factor=True),
    )
    assert corp.decide(world.nas(ASKING), "x", right) == REJECT


# -- joins --


def test_other_attributes_are_another_login(world: World) -> None:
    """What a policy looks at tells logins apart: nobody joins the login of another place."""
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    right = corp.add("alice")
    rule(
        world,
        policy(
            "office", when={"attributes": (("NAS-Port-Type", ("ethernet",)),)}, skips_factor=True
        ),
    )
    nas, other = world.nas(ASKING), world.nas(ASKING, 40001)
    first = nas.request("alice", right, None, ETHERNET)
    nas.put(first)
    second = other.request("alice", right, None, VIRTUAL)
    other.put(second)
    corp.work()
    assert nas.take(first).code == ACCEPT  # type: ignore[union-attr]
    reply = other.take(second)
    assert reply is not None
    assert reply.code == REJECT


def test_other_address_is_another_login(world: World) -> None:
    """The same, where the address stands in an attribute that is not Calling-Station-Id."""
    corp = corp_clients(world, ASKING)
    world.clients = tuple(by_framed_ip(one) for one in world.clients)
    world.person(password=None)
    right = corp.add("alice")
    rule(world, policy("office", when={"networks": (ip_network("10.0.0.0/8"),)}, skips_factor=True))
    nas, other = world.nas(ASKING), world.nas(ASKING, 40001)
    first = nas.request("alice", right, None, (FRAMED_IP, bytes((10, 1, 2, 3))))
    nas.put(first)
    second = other.request("alice", right, None, (FRAMED_IP, bytes((192, 0, 2, 200))))
    other.put(second)
    corp.work()
    assert nas.take(first).code == ACCEPT  # type: ignore[union-attr]
    reply = other.take(second)
    assert reply is not None
    assert reply.code == REJECT


def test_retry_from_another_address_is_another_login(world: World) -> None:
    """The answer of the last seconds is given to the same place only."""
    alice = world.person()
    world.clients = (by_framed_ip(client(STEP_UP, Mode.STEP_UP, retry_window=10)),)
    rule(world, policy("office", when={"networks": (ip_network("10.0.0.0/8"),)}))
    nas, other = world.nas(STEP_UP), world.nas(STEP_UP, 40001)
    other.identifier = nas.identifier
    code = alice.code(world.now)
    assert nas.decide("alice", code, None, (FRAMED_IP, bytes((10, 1, 2, 3)))) == ACCEPT
    world.clock.advance(2)
    assert other.decide("alice", code, None, (FRAMED_IP, bytes((192, 0, 2, 200)))) == REJECT


# -- the lock-out of the directory --


def test_same_wrong_password_after_its_memory_counts_again(world: World) -> None:
    """The directory counts every bind: so do we, or a stale client locks the account there."""
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    corp.add("alice")
    nas = world.nas(ASKING)
    for _ in range(5):
        assert corp.decide(nas, "alice", b"wrong") == REJECT
        world.clock.advance(301)
    assert len(corp.binds) <= 2


def test_same_wrong_password_at_once_is_no_more_than_in_a_row(world: World) -> None:
    """From many places at once: each bind counts in the directory."""
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    corp.add("alice")
    nas = [world.nas(ASKING, 40000 + at) for at in range(6)]
    for at, one in enumerate(nas):
        one.put(one.request("alice", b"wrong", None, (STATION, b"home %d" % at)))
    corp.work()
    assert len(corp.binds) <= 2


def test_same_wrong_password_through_several_clients_at_once(world: World) -> None:
    """The same through three clients."""
    corp = corp_clients(world, ASKING, AUTO)
    world.clients = (*world.clients, client("192.0.2.9", Mode.CHALLENGE, primary="corp", name="x"))
    world.reload()
    world.person(password=None)
    corp.add("alice")
    for host in (ASKING, AUTO, "192.0.2.9"):
        one = world.nas(host)
        one.put(one.request("alice", b"wrong"))
    corp.work()
    assert len(corp.binds) <= 2


def test_lock_is_the_persons_under_a_spelling_that_the_directory_strips(world: World) -> None:
    r"""Without a search: `EXAMPLE\alice` is the store's alice, locked or not."""
    world.directories = (directory(bind_dn="", bind_as="{user}", strip=("domain",)),)
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    corp.add("alice")
    nas = world.nas(ASKING)
    for at in range(2):
        assert corp.decide(nas, "alice", b"wrong %d" % at) == REJECT
    assert len(corp.binds) == 2
    assert corp.decide(nas, "EXAMPLE\\alice", b"wrong again") == REJECT
    assert last(world)["reason"] == "locked"
    assert len(corp.binds) == 2


def test_disabled_user_is_bound_under_no_spelling(world: World) -> None:
    """Without a search: no bind for somebody whom an administrator has disabled."""
    world.directories = (directory(bind_dn="", bind_as="{user}", strip=("domain",)),)
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    right = corp.add("alice")
    world.admin.connection.execute("UPDATE users SET disabled = 1")
    assert corp.decide(world.nas(ASKING), "EXAMPLE\\alice", right) == REJECT
    assert corp.binds == []


def test_reload_forgets_no_bind_under_way(world: World) -> None:
    """As many as are left before the lock: before and after a reload together."""
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    corp.add("alice")
    for at in range(4):
        one = world.nas(ASKING, 40000 + at)
        one.put(one.request("alice", b"guess %d" % at))
        for received, errand in [one for one in world.relays.errands if isinstance(one[1], LookUp)]:
            world.relays.errands.remove((received, errand))
            world.pipeline.answered([(received, corp.answer(errand))])
        if at == 1:
            world.reload()
    binds = [one for _, one in world.relays.errands if isinstance(one, Bind)]
    assert sum(one.person is not None for one in binds) == 2
    corp.work()


def test_known_wrong_password_costs_as_much_as_an_unknown_user(world: World) -> None:
    """Nobody learns from the time it takes who exists, the second time neither."""
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    corp.add("alice")
    nas = world.nas(ASKING)
    for name in ("alice", "nobody"):
        for _ in range(2):
            assert corp.decide(nas, name, b"wrong") == REJECT
    assert (len(corp.binds), corp.decoys) == (1, 3)


# -- binds to the wrong place or with the wrong thing --


def test_bind_goes_to_the_entry_of_the_directory_that_checks(world: World) -> None:
    """A policy whose groups come from one directory and whose password from another."""
    world.directories = (directory(), directory("guests"))
    world.person(password=None)
    corp = People(world)
    corp.add("alice", "Owners", directory="guests")
    rule(world, policy("p", when={"groups": ("owners",)}, directory="guests", primary="corp"))
    nas = world.nas(ASKING)
    nas.put(nas.request("alice", b"guess"))
    sent = []
    while world.relays.errands:
        received, errand = world.relays.errands.pop(0)
        if isinstance(errand, Bind):
            sent.append(errand)
        world.pipeline.answered([(received, corp.answer(errand))])
    assert [one for one in sent if one.person and one.person.directory != one.directory] == []


def test_person_of_a_directory_that_a_reload_has_replaced_is_not_bound(world: World) -> None:
    """The policy keeps its name and gets another directory between passcode and password."""
    world.directories = (directory(), directory("guests"))
    alice = world.person(password=None)
    corp = People(world)
    right = corp.add("alice")
    rule(world, policy(primary="corp", order=Order.FACTOR_FIRST))
    nas = world.nas(ASKING)
    reply = corp.ask(nas, "alice", alice.code(world.now))
    assert reply is not None
    assert reply.code == CHALLENGE
    rule(world, policy(primary="guests", order=Order.FACTOR_FIRST))
    nas.put(nas.request("alice", right, reply.state))
    wrong = [
        errand for _, errand in world.relays.errands
        if isinstance(errand, Bind) and errand.person
        and errand.person.directory != errand.directory
    ]  # fmt: skip
    assert wrong == []


def test_second_directory_is_not_bound_as_the_person_of_the_first(world: World) -> None:
    """Two directories that nobody searches: one bind a login, never as another's entry."""
    world.directories = (
        directory(bind_dn="", bind_as="{user}"),
        directory("guests", bind_dn="", bind_as="{user}"),
    )
    world.person(password=None)
    corp = People(world)
    right = corp.add("alice")
    rule(
        world,
        policy("a", when={"groups": ("x",)}, primary="corp"),
        policy("b", when={"groups": ("y",)}, primary="guests"),
    )
    nas = world.nas(ASKING)
    nas.put(nas.request("alice", right))
    sent = []
    while world.relays.errands:
        received, errand = world.relays.errands.pop(0)
        sent.append(errand)
        world.pipeline.answered([(received, corp.answer(errand))])
    assert [
        one
        for one in sent
        if isinstance(one, Bind) and one.person and one.person.directory != one.directory
    ] == []


def test_passcode_is_not_bound_as_a_password(world: World) -> None:
    """With `factor-first` what comes first is a passcode, and no directory's business."""
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    alice = world.person(password=None)
    corp = People(world)
    corp.add("alice", "Owners")
    rule(
        world,
        policy(when={"groups": ("owners",)}, primary="corp", order=Order.FACTOR_FIRST),
    )
    corp.decide(world.nas(ASKING), "alice", alice.code(world.now))
    assert corp.binds == []


def test_local_password_is_not_sent_to_a_directory(world: World) -> None:
    """A directory that is nobody's primary gets no password to read groups with."""
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    alice = world.person()
    corp = People(world)
    corp.add("alice")
    rule(world, policy("no", deny=True, when={"users": ("bob",)}), policy("yes"))
    corp.decide(world.nas(ASKING), "alice", alice.password)
    assert corp.binds == []


# -- approvals --


def test_approval_is_the_persons_where_the_bind_tells_who_it_is(world: World) -> None:
    """Without a search: an approval of the typed name is not one of the person's."""
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    alice = world.person(password=None)
    corp = People(world)
    right = corp.add("alice", names=("smith",))
    rule(world, policy(when={"approval": "root"}, primary="corp"))
    granting.grant(world.admin, world.actor, ROOT, "smith", why="CHG", until=world.now + 3600)
    reply = corp.ask(world.nas(ASKING), "smith", right)
    assert reply is not None
    if reply.code == CHALLENGE:  # the second round is refused, whoever's approval it was
        state = reply.state
        assert corp.decide(world.nas(ASKING), "smith", alice.code(world.now), state) == REJECT
        assert last(world)["reason"] == "not-approved"
    assert reply.code == REJECT


def test_approval_of_the_persons_name_is_found_by_a_later_policy(world: World) -> None:
    """One policy asks by the store's name, the next one by the directory's: two questions."""
    world.directories = (directory(), directory("guests"))
    corp = People(world)
    right = corp.add("alice", names=("alice@example.com",))
    world.person(password=None)
    corp.approvals["change", "alice"] = Approval(approval="change")
    rule(
        world,
        policy("a", when={"approval": "change"}),
        policy("b", when={"approval": "change"}, primary="corp"),
    )
    assert corp.decide(world.nas(ASKING), "alice@example.com", right) == CHALLENGE


# -- what is lost --


def test_turn_that_fails_leaves_no_bind_under_way(world: World) -> None:
    """A store that cannot be read for a moment locks nobody out for ever."""
    world.directories = (directory(lockout=1),)
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    right = corp.add("alice")
    nas = world.nas(ASKING)
    nas.put(nas.request("alice", b"mistyped"))
    received, errand = world.relays.errands.pop()
    world.pipeline.answered([(received, corp.answer(errand))])
    received, errand = world.relays.errands.pop()
    assert isinstance(errand, Bind)
    world.admin.connection.execute("ALTER TABLE users RENAME TO gone")
    world.pipeline.answered([(received, corp.answer(errand))])
    world.admin.connection.execute("ALTER TABLE gone RENAME TO users")
    assert world.pipeline.pending == 0
    world.clock.advance(7200)
    assert corp.decide(nas, "alice", right) == CHALLENGE


# -- waivers --


def test_token_that_does_not_open_is_no_missing_one(world: World) -> None:
    """Until the day is over the password is enough for who has no token: not for a damaged one."""
    alice = world.person()
    today = datetime.fromtimestamp(world.now, UTC).date()
    rule(world, policy(not_enrolled_until=today))
    assert world.nas(ASKING).decide("alice", alice.password) == CHALLENGE
    world.admin.connection.execute("UPDATE tokens SET seed = x'00'")
    assert world.nas(ASKING).decide("alice", alice.password) == REJECT


def test_remembered_factor_is_the_directorys_person(world: World) -> None:
    """One alice of corp, another of guests: what one has passed the other has not."""
    world.directories = (directory(), directory("guests"))
    alice = world.person(password=None)
    corp = People(world)
    right = corp.add("alice")
    corp.add("alice", directory="guests")
    world.clients = (
        client(APPEND, Mode.APPEND, primary="corp"),
        client(ASKING, Mode.CHALLENGE, primary="guests"),
    )
    rule(world, policy(remember=Remember(seconds=3600, by=(By.USER,))))
    typed = right + alice.code(world.now)
    assert corp.decide(world.nas(APPEND), "alice", typed) == ACCEPT
    assert corp.decide(world.nas(ASKING), "alice", right) == CHALLENGE


# -- reload in the middle --


def test_dialogue_of_a_factor_that_the_policy_names_no_more_proves_nothing(world: World) -> None:
    """The policy keeps its name and loses the factor whose server has asked."""
    alice = world.person(has_token=False)
    rsa = serve(world, client(ASKING, Mode.CHALLENGE))
    assign(world, "alice")
    rule(world, policy(factors=("securid",)))
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    request = tell(nas, "alice", b"12345678", state)
    rsa.challenge(b"theirs", b"Next code?")
    asked = told(nas, request)
    assert asked.code == CHALLENGE
    rule(world, policy(factors=("totp",)))
    request = nas.request("alice", b"87654321", asked.state)
    reply = nas.send(request)
    if reply is None:
        rsa.accept()
        reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT


def test_reload_takes_a_directory_away_while_it_is_asked(world: World) -> None:
    """Whatever was under way is refused for a reason that is not our own fault."""
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    right = corp.add("alice")
    rule(world, policy(primary="corp"))
    nas = world.nas(ASKING)
    request = nas.request("alice", right)
    nas.put(request)
    world.directories = ()
    world.clients = (client(ASKING, Mode.CHALLENGE),)
    rule(world, policy())
    received, _ = world.relays.errands.pop()
    found = Told(directory="corp", person=corp.entries[0].person)
    world.pipeline.answered([(received, found)])
    while world.relays.errands:
        received, _ = world.relays.errands.pop()
        gone = Told(directory="corp", reason=Reason.DIRECTORY_UNREACHABLE)
        world.pipeline.answered([(received, gone)])
    reply = nas.take(request)
    assert reply is not None
    assert reply.code == REJECT
    assert last(world)["reason"] != "broken"


def test_disabled_user_does_not_get_in_by_the_last_step(world: World) -> None:
    """Passcode first, without a search: who it is shows with the bind, and may be disabled."""
    world.person(password=None, has_token=False)
    world.admin.connection.execute("UPDATE users SET disabled = 1")
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    rsa = serve(
        world,
        client(
            ASKING, Mode.CHALLENGE, primary="corp", order=Order.FACTOR_FIRST, factors=("securid",)
        ),
        factors=(factor(users=Users.EVERYONE),),
    )
    corp = People(world)
    right = corp.add("alice", names=("a.smith",))
    nas = world.nas(ASKING)
    request = tell(nas, "a.smith", b"123456")
    rsa.accept()
    asked = told(nas, request)
    assert asked.code == CHALLENGE
    assert corp.decide(nas, "a.smith", right, asked.state) == REJECT


def test_second_factor_belongs_to_whom_the_last_step_names(world: World) -> None:
    """The passcode was proved for the typed name; the bind says that it is somebody else."""
    world.person(password=None)  # alice has a token of her own
    world.directories = (directory(bind_dn="", bind_as="{user}"),)
    rsa = serve(
        world,
        client(
            ASKING, Mode.CHALLENGE, primary="corp", order=Order.FACTOR_FIRST, factors=("securid",)
        ),
        factors=(factor(users=Users.EVERYONE),),
    )
    corp = People(world)
    right = corp.add("alice", names=("a.smith",))
    nas = world.nas(ASKING)
    request = tell(nas, "a.smith", b"123456")
    rsa.accept()
    asked = told(nas, request)
    assert asked.code == CHALLENGE
    assert corp.decide(nas, "a.smith", right, asked.state) == REJECT


def test_no_directory_is_bound_twice_in_one_login(world: World) -> None:
    """What a directory has found right before the policy was chosen stays known."""
    world.directories = (
        directory(bind_dn="", bind_as="{user}"),
        directory("guests", bind_dn="", bind_as="{user}"),
    )
    world.person(password=None)
    corp = People(world)
    right = corp.add("alice")
    corp.add("alice", directory="guests")
    rule(
        world,
        policy("a", when={"groups": ("x",)}, primary="corp"),
        policy("b", when={"groups": ("y",)}, primary="guests"),
        policy("c", primary="corp"),
    )
    people = {one.person.directory: one.person for one in corp.entries}
    nas = world.nas(ASKING)
    nas.put(nas.request("alice", right))
    sent = []
    while world.relays.errands:
        received, errand = world.relays.errands.pop(0)
        assert isinstance(errand, Bind)
        sent.append(errand.directory)
        told_right = Told(directory=errand.directory, person=people[errand.directory])
        world.pipeline.answered([(received, told_right)])
    assert len(sent) == len(set(sent))


def test_alias_of_another_in_the_store_is_no_name_of_the_directorys_person(world: World) -> None:
    """`smith` is an alias of exempt alice here, and somebody else in the directory."""
    corp = corp_clients(world, ASKING)
    world.person(password=None, has_token=False, password_only=True)
    names.add_aliases(world.admin, world.actor, "alice", ["smith"])
    right = corp.add("smith", names=("bob@example.com",))
    nas = world.nas(ASKING)
    assert corp.decide(nas, "smith", right) == REJECT
    assert corp.decide(nas, "bob@example.com", right) == REJECT


def test_answer_of_other_policies_is_given_to_no_retry(world: World) -> None:
    """What was let in before a reload may be denied after it, though the client is as it was."""
    alice = world.person()
    world.clients = (client(STEP_UP, Mode.STEP_UP, retry_window=10),)
    rule(world, policy("yes"))
    nas, other = world.nas(STEP_UP), world.nas(STEP_UP, 40001)
    other.identifier = nas.identifier
    code = alice.code(world.now)
    assert nas.decide("alice", code) == ACCEPT
    before = world.pipeline.parts.sites
    rule(world, policy("no", deny=True))
    for name, site in world.pipeline.parts.sites.items():
        site.inherit(before[name])  # as `server.service` does
    world.clock.advance(2)
    assert other.decide("alice", code) == REJECT


def test_policy_that_denies_since_a_reload_lets_no_answer_in(world: World) -> None:
    """The policy of the first round stays; if it says deny by now, that counts."""
    alice = world.person()
    rule(world, policy())
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    rule(world, policy(deny=True))
    assert nas.decide("alice", alice.code(world.now), state) == REJECT


def test_policy_that_is_for_others_since_a_reload_lets_no_answer_in(world: World) -> None:
    """Another policy of the same name is another policy."""
    alice = world.person()
    rule(world, policy())
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)
    rule(world, policy(when={"users": ("bob",)}))
    assert nas.decide("alice", alice.code(world.now), state) == REJECT


def test_lock_of_somebody_without_a_row_outlives_a_restart(world: World) -> None:
    """The directory has not forgotten either."""
    corp = corp_clients(world, ASKING)
    corp.add("carol")
    for typed in (b"one", b"two"):
        assert corp.decide(world.nas(ASKING), "carol", typed) == REJECT
    world.restart()
    assert corp.decide(world.nas(ASKING), "carol", b"three") == REJECT
    assert len(corp.binds) == 2


def test_audit_names_the_factor_of_a_login_whose_password_came_last(world: World) -> None:
    """The line of the Accept says what was proved, in whichever order."""
    corp = corp_clients(world, ASKING, order=Order.FACTOR_FIRST)
    alice = world.person(password=None)
    right = corp.add("alice")
    nas = world.nas(ASKING)
    reply = corp.ask(nas, "alice", alice.code(world.now))
    assert reply is not None
    assert corp.decide(nas, "alice", right, reply.state) == ACCEPT
    line = last(world)
    assert (line.get("factor"), line.get("token")) == ("totp", alice.serial)


# -- what breaks --


def test_login_that_breaks_leaves_no_bind_under_way(world: World) -> None:
    """A row that nobody can read breaks one login, and locks nobody out for ever."""
    world.directories = (directory(lockout=1),)
    corp = corp_clients(world, ASKING)
    world.person(password=None)
    right = corp.add("alice")
    nas = world.nas(ASKING)
    nas.put(nas.request("alice", b"mistyped"))
    received, errand = world.relays.errands.pop()
    world.pipeline.answered([(received, corp.answer(errand))])
    received, errand = world.relays.errands.pop()
    sql = world.admin.connection
    sql.execute("PRAGMA ignore_check_constraints = ON")
    sql.execute("INSERT INTO failures SELECT id, 'odd', 'x', 1, 0, 0, x'' FROM users")
    world.pipeline.answered([(received, corp.answer(errand))])
    assert last(world)["reason"] == "broken"
    sql.execute("DELETE FROM failures")
    assert corp.decide(nas, "alice", right) == CHALLENGE


def test_failures_that_cannot_be_read_for_a_moment_are_not_forgotten(world: World) -> None:
    """Whoever was locked before the restart is locked when the store can be read again."""
    corp = corp_clients(world, ASKING)
    corp.add("carol")
    for typed in (b"one", b"two"):
        assert corp.decide(world.nas(ASKING), "carol", typed) == REJECT
    world.restart()
    world.admin.connection.execute("ALTER TABLE failures RENAME TO gone")
    assert corp.decide(world.nas(ASKING), "carol", b"three") == 0
    world.admin.connection.execute("ALTER TABLE gone RENAME TO failures")
    assert corp.decide(world.nas(ASKING), "carol", b"four") == REJECT
    assert len(corp.binds) == 2
