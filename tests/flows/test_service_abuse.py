"""Attempts to get in with less than every proof where a service checks the second factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config.policy_model import Order
from radiusmfa.config.service_model import Service
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.login.account import Kind
from radiusmfa.outcome import PASSED, UPSTREAM_ASKS, Failed, Reason, Unavailable
from radiusmfa.primary import hashing
from radiusmfa.stores import people
from tests.flows.test_service_factor import (
    TEXTS,
    _device,
    _today,
    answer,
    begun,
    decided,
    duo,
    factor_of,
    serve,
)
from tests.flows.upstreams import assign, told
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    LIGHT,
    REJECT,
    STEP_UP,
    World,
)

if TYPE_CHECKING:
    from tests.flows.world import Nas, Person

MESSAGES: Final = Service(name="texts", settings=TEXTS)


@pytest.fixture
def alice(world: World) -> Person:
    """Somebody with a password and no token of ours."""
    return world.person(has_token=False)


def asked_for_a_code(world: World, host: str = ASKING) -> tuple[Nas, bytes]:
    """Return a NAS, and the State of a code that a service has asked for."""
    nas, request = begun(world, host)
    answer(world, UPSTREAM_ASKS, text="Code: ", state=b"tx")
    reply = told(nas, request)
    assert reply.code == CHALLENGE
    return nas, reply.state


# -- what changes between two rounds, or while the phone rings --


def test_password_that_was_changed_meanwhile_lets_nobody_in(world: World, alice: Person) -> None:
    """Somebody stole it; it is changed while the phone rings, and the person taps yes."""
    serve(world)
    nas, request = begun(world)
    other = hashing.hash_password(b"another one", LIGHT)
    people.set_password(world.admin, world.actor, alice.name, other)
    answer(world, PASSED)
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.BAD_PASSWORD)


def test_password_that_another_login_hashed_anew_is_the_same(world: World, alice: Person) -> None:
    """A hash of old parameters is replaced with the first login that ends: the others count."""
    serve(world)
    nas, request = begun(world)
    again = world.nas(AUTO)
    second = again.request(alice.name, alice.password)
    assert again.send(second) is None
    answer(world, PASSED)
    answer(world, PASSED)
    assert (told(nas, request).code, told(again, second).code) == (ACCEPT, ACCEPT)


def test_factor_that_a_reload_takes_away_cannot_be_answered(world: World, alice: Person) -> None:
    """The service is still there, for others: this client's logins want another proof now."""
    serve(world, duo(), MESSAGES)
    _device(world, alice.name, "sms", "SMS-1")
    assign(world, alice.name, "push")
    nas, state = asked_for_a_code(world)
    service = duo()
    serve(world, service, MESSAGES, factors=(factor_of(MESSAGES),))
    assert nas.decide(alice.name, b"123456", state) == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)
    assert world.relays.services == []


def test_name_there_that_is_changed_while_an_answer_is_looked_at(
    world: World, alice: Person
) -> None:
    """Nor does what the service says of an answer that was under way."""
    serve(world)
    nas, state = asked_for_a_code(world)
    request = nas.request(alice.name, b"123456", state)
    assert nas.send(request) is None
    world.admin.connection.execute("INSERT INTO upstream_users SELECT id, 'push', 'bob' FROM users")
    answer(world, PASSED)
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)


def test_device_that_is_disabled_between_two_rounds_is_gone(world: World, alice: Person) -> None:
    """A telephone was stolen: the code that is on its display opens nothing any more."""
    serve(world, MESSAGES)
    _device(world, alice.name, "sms", "SMS-1")
    nas, state = asked_for_a_code(world)
    world.admin.connection.execute("UPDATE tokens SET status = 'disabled'")
    assert nas.decide(alice.name, b"123456", state) == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)
    assert world.relays.services == []


def test_call_for_another_name_there_is_another_login(world: World, alice: Person) -> None:
    """A push that rings at somebody else's is not gone on with once the name is put right."""
    serve(world)
    assign(world, alice.name, "push", "bob")
    for name in ("bob", "carol"):
        world.admin.connection.execute("UPDATE upstream_users SET name = ?", (name,))
        begun(world)
        answer(world, Failed(Reason.UNANSWERED))
        world.clock.advance(60)
        people.unlock(world.admin, world.actor, alice.name)
        world.port.sent.clear()
    first, second = world.relays.asked_of_services
    assert first.place != second.place


# -- a service that wants nothing of a person --


@pytest.mark.parametrize("typed", [b"", b"push"])
def test_nothing_proved_is_no_login(world: World, alice: Person, typed: bytes) -> None:
    """Where no password is checked, a person whom the service lets pass has proved nothing."""
    serve(world)
    nas = world.nas(STEP_UP)
    request = nas.request(alice.name, typed)
    assert nas.send(request) is None
    answer(world, PASSED, way="bypass", is_waived=True)
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOTHING_PROVED)


@pytest.mark.parametrize("host", [ASKING, AUTO])
def test_bypass_after_the_password_is_the_services_word(
    world: World, alice: Person, host: str
) -> None:
    """The password was proved, and the service wants nothing besides; the audit says so."""
    serve(world)
    assert decided(world, PASSED, host, way="bypass", is_waived=True).code == ACCEPT
    assert world.lines()[-1]["upstreams"][0]["way"] == "bypass"
    assert alice.name


def test_bypass_before_the_password_still_wants_it(world: World, alice: Person) -> None:
    """With `order: factor-first` the password follows, and is all that is proved."""
    serve(world, order=Order.FACTOR_FIRST)
    nas = world.nas(ASKING)
    request = nas.request(alice.name, b"push")
    assert nas.send(request) is None
    answer(world, PASSED, way="bypass", is_waived=True)
    reply = told(nas, request)
    assert reply.code == CHALLENGE
    assert nas.decide(alice.name, b"wrong", reply.state) == REJECT


# -- while a service is gone --


def test_word_for_a_service_that_is_gone_opens_nothing(world: World, alice: Person) -> None:
    """The person's own factor works: another one that is out of order is no way around it."""
    other = duo(name="texts", open_until=_today())
    serve(world, duo(), other, factors=(factor_of(duo()), factor_of(other, words=("text",))))
    assign(world, alice.name, "push")
    assign(world, alice.name, "texts")
    nas, request = begun(world, APPEND, alice.password + b",text")
    assert answer(world, Unavailable(Reason.UPSTREAM_SILENT)).service == "texts"
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.UPSTREAM_SILENT)


@pytest.mark.parametrize("host", [ASKING, APPEND])
def test_who_has_a_token_of_ours_needs_no_open_door(world: World, host: str) -> None:
    """Alice can be asked for her code: nobody gets in by typing a word instead."""
    alice = world.person()
    assign(world, alice.name, "push")
    service = duo(open_until=_today())
    serve(world, service, factors=(factor_of(service, start_with=StartWith.CODE),))
    nas = world.nas(host)
    if host == ASKING:
        request = nas.request(alice.name, b"push", nas.challenged(alice.name, alice.password))
    else:
        request = nas.request(alice.name, alice.password + b",push")
    assert nas.send(request) is None
    answer(world, Unavailable(Reason.UPSTREAM_UNREACHABLE))
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.UPSTREAM_UNREACHABLE)


def test_open_door_does_not_forget_wrong_proofs(world: World, alice: Person) -> None:
    """Failing open is no right proof: what was wrong before still counts."""
    serve(world, duo(open_until=_today()))
    assert decided(world, Failed(Reason.BAD_PASSCODE)).code == REJECT
    assert decided(world, Unavailable(Reason.UPSTREAM_SILENT)).code == ACCEPT
    wrong = {one.factor: one.count for one in people.failures(world.admin, alice.name)}
    assert wrong == {Kind.UPSTREAM.value: 1}


# -- two logins at once --


def test_state_that_is_answered_twice_at_once_is_asked_about_once(
    world: World, alice: Person
) -> None:
    """Two guesses for one challenge: the second finds no challenge any more."""
    serve(world)
    nas, state = asked_for_a_code(world)
    first = nas.request(alice.name, b"111111", state)
    other = world.nas(ASKING, port=40001)
    second = other.request(alice.name, b"222222", state)
    nas.put(first)
    other.put(second)
    assert len(world.relays.services) == 1
    assert told(other, second).code == REJECT
    answer(world, PASSED)
    assert told(nas, first).code == ACCEPT


def test_outstanding_calls_of_one_person_are_bounded(world: World, alice: Person) -> None:
    """As many as wrong proofs are allowed, and no more, are under way at once."""
    serve(world)
    stations = [(31, b"station %d" % number) for number in range(6)]
    codes = []
    for number, station in enumerate(stations):
        nas = world.nas(ASKING, port=40000 + number)
        reply = nas.ask(alice.name, alice.password, None, station)
        codes.append(0 if reply is None else reply.code)
    assert codes == [0, 0, 0, REJECT, REJECT, REJECT]
    assert {reason for _, reason in world.reasons} == {Reason.LOCKED}


def test_strangers_are_told_apart_by_name_alone(world: World) -> None:
    """Somebody without a row is one person here, however often they come."""
    serve(world)
    for name in (b"carol", b"CAROL", b"carol"):
        nas = world.nas(STEP_UP)
        request = nas.request(name, b"push")
        assert nas.send(request) is None
        answer(world, Failed(Reason.UNANSWERED))
    numbers = {asked.number for asked in world.relays.asked_of_services}
    assert len(numbers) == 1
    assert numbers.pop() < 0
