"""A service checks the second factor: what it is asked, what counts, and what lets nobody in."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from radiusmfa.config.message_model import Gateway, Smtp
from radiusmfa.config.model import LOCAL_FACTORS, Factors, Mode
from radiusmfa.config.service_model import Duo, Questions, Service
from radiusmfa.config.upstream_model import Event, StartWith, UpstreamFactor, Users
from radiusmfa.login.errands import AskService, Served
from radiusmfa.outcome import BROKEN, PASSED, UPSTREAM_ASKS, Failed, Outcome, Reason, Unavailable
from radiusmfa.secret import Secret
from radiusmfa.stores import people
from tests.fakes import START
from tests.flows.upstreams import assign, told
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    PROMPT,
    REJECT,
    REPLY_MESSAGE,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from radiusmfa.config.service_model import Settings
    from radiusmfa.server.received import Received
    from tests.flows.world import Nas, Person, Reply

DUO: Final = Duo(host="api-1.example", integration_key="DI", secret_key=Secret(b"key"))
TEXTS: Final = Gateway(url="https://sms.example/send")
GONE: Final = (
    Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY,
)  # fmt: skip
STATION: Final = 31


def duo(**settings: Any) -> Service:  # noqa: ANN401 - settings of any type
    """Return the service `push`."""
    usual: dict[str, Any] = {"name": "push", "settings": DUO}
    return Service(**(usual | settings))


def factor_of(service: Service, name: str = "", **settings: Any) -> UpstreamFactor:  # noqa: ANN401
    """Return the factor that *service* checks, as the file would have it."""
    of: Settings = service.settings
    usual: dict[str, Any] = {
        "name": name or service.name,
        "upstream": service.name,
        "start_with": of.start_with,
        "is_service": True,
        "holds": of.holds,
        "words": of.words,
        "takes_words": isinstance(of, Duo | Gateway),
        "is_weak": isinstance(of, Questions),
    }
    return UpstreamFactor(**(usual | settings))


def serve(
    world: World,
    *services: Service,
    factors: tuple[UpstreamFactor, ...] = (),
    **settings: Any,  # noqa: ANN401 - of every client
) -> None:
    """Let *world* serve clients of four modes whose second factors *services* check."""
    world.services = services or (duo(),)
    made = factors or tuple(factor_of(service) for service in world.services)
    names = (*(one.name for one in made), *LOCAL_FACTORS)
    world.factors = replace(Factors(), upstream=made, names=names)
    usual: dict[str, Any] = {"factors": names}
    world.clients = (
        client(STEP_UP, Mode.STEP_UP, **(usual | settings)),
        client(ASKING, Mode.CHALLENGE, **(usual | settings)),
        client(APPEND, Mode.APPEND, delimiter=",", **(usual | settings)),
        client(AUTO, Mode.AUTO, delimiter=",", **(usual | settings)),
    )
    world.reload()


def answer(world: World, outcome: Outcome, **facts: Any) -> AskService:  # noqa: ANN401
    """Let *outcome* come of the oldest question to a service; return the question."""
    received: Received
    received, asked = world.relays.services.pop(0)
    served = Served(**({"outcome": outcome, "service": asked.service, "seconds": 0.25} | facts))
    world.pipeline.answered([(received, served)])
    world.work()
    return asked


def begun(world: World, host: str = ASKING, typed: bytes = b"") -> tuple[Nas, bytes]:
    """Send a login that has reached the service; return the NAS and the request."""
    nas = world.nas(host)
    request = nas.request("alice", typed or b"the secret of alice")
    assert nas.send(request) is None
    assert len(world.relays.services) == 1
    return nas, request


def decided(world: World, outcome: Outcome, host: str = ASKING, **facts: Any) -> Reply:  # noqa: ANN401
    """Return what a login gets whose service says *outcome*."""
    nas, request = begun(world, host, b"" if host != STEP_UP else b"push")
    answer(world, outcome, **facts)
    return told(nas, request)


@pytest.fixture
def alice(world: World) -> Person:
    """Somebody with a password and no token of ours."""
    return world.person(has_token=False)


# -- refused --

REFUSALS: Final = [
    Reason.UPSTREAM_REFUSED, Reason.PERSON_REFUSED, Reason.FRAUD_REPORTED, Reason.UNANSWERED,
    Reason.BAD_PASSCODE, Reason.CODE_EXPIRED, Reason.NO_USABLE_DEVICE, Reason.CALL_OPEN,
    Reason.CALL_LIMIT, Reason.COOLING_DOWN, Reason.UPSTREAM_MISCONFIGURED,
    Reason.BAD_UPSTREAM_REPLY, Reason.TOO_LITTLE_TIME, Reason.DIALOGUE_LOST,
]  # fmt: skip


@pytest.mark.parametrize("host", [ASKING, STEP_UP, AUTO])
@pytest.mark.parametrize("reason", REFUSALS)
def test_refusal_is_a_reject_with_its_reason(
    world: World, alice: Person, reason: Reason, host: str
) -> None:
    """Whatever a service says but yes keeps the door shut."""
    serve(world)
    assert alice.name == "alice"
    assert decided(world, Failed(reason), host).code == REJECT
    assert world.reasons[-1] == ("reject", reason)


@pytest.mark.parametrize("reason", GONE)
def test_service_that_is_gone_fails_closed(world: World, alice: Person, reason: Reason) -> None:
    """A right password is not enough."""
    serve(world)
    assert decided(world, Unavailable(reason)).code == REJECT
    assert world.reasons[-1] == ("reject", reason)
    assert alice.name


def test_promise_3_what_broke_is_a_reject(world: World, alice: Person) -> None:
    """A dialogue that raised lets nobody in."""
    serve(world)
    assert decided(world, BROKEN).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.BROKEN)
    assert alice.name


def test_challenge_without_text_or_state_is_refused(world: World, alice: Person) -> None:
    """Nobody could answer it."""
    serve(world)
    for facts in ({"text": "Code: "}, {"state": b"s"}, {"text": "\x1b\x00", "state": b"s"}):
        assert decided(world, UPSTREAM_ASKS, **facts).code == REJECT
        assert world.reasons[-1] == ("reject", Reason.BAD_CHALLENGE)
    assert alice.name


def test_challenge_that_the_client_cannot_show_is_refused(world: World, alice: Person) -> None:
    """The service was told so, and asks all the same."""
    serve(world, shows_challenges=False)
    nas, request = begun(world)
    assert not world.relays.services[0][1].can_show
    answer(world, UPSTREAM_ASKS, text="Code: ", state=b"s")
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.CHALLENGE_NOT_SHOWN)
    assert alice.name


def test_endless_questions_end(world: World, alice: Person) -> None:
    """After twenty rounds of one login it is enough."""
    serve(world)
    nas, request = begun(world)
    for _ in range(20):
        answer(world, UPSTREAM_ASKS, text="More: ", state=b"s")
        reply = told(nas, request)
        assert reply.code == CHALLENGE
        request = nas.request("alice", b"1", reply.state)
        assert nas.send(request) is None
    answer(world, UPSTREAM_ASKS, text="More: ", state=b"s")
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.TOO_MANY_ROUNDS)
    assert alice.name


def test_wrong_password_asks_nobody(world: World, alice: Person) -> None:
    """No phone rings for somebody who does not know the password."""
    serve(world)
    assert world.nas(ASKING).decide("alice", b"wrong") == REJECT
    assert world.nas(AUTO).decide("alice", b"wrong,push") == REJECT
    assert world.nas(APPEND).decide("alice", b"wrong,push") == REJECT
    assert world.relays.asked_of_services == []
    assert alice.name


def test_user_who_was_disabled_meanwhile_does_not_get_in(world: World, alice: Person) -> None:
    """What an administrator does while the phone rings counts."""
    serve(world)
    nas, request = begun(world)
    people.set_disabled(world.admin, world.actor, alice.name, disabled=True)
    answer(world, PASSED)
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.USER_DISABLED)


def test_name_there_that_was_changed_meanwhile_does_not_count(world: World, alice: Person) -> None:
    """Another person's yes is not alice's."""
    serve(world)
    assign(world, alice.name, "push", "alice.there")
    nas, request = begun(world)
    assert world.relays.services[0][1].alias == "alice.there"
    world.admin.connection.execute("UPDATE upstream_users SET name = 'bob.there'")
    answer(world, PASSED)
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)


def test_wrong_codes_lock_and_then_nobody_is_asked(world: World, alice: Person) -> None:
    """What a service refuses counts as a wrong proof; a locked person costs no call."""
    serve(world)
    nas = world.nas(ASKING)
    for _ in range(3):
        request = nas.request("alice", alice.password)
        assert nas.send(request) is None
        answer(world, Failed(Reason.BAD_PASSCODE))
        assert told(nas, request).code == REJECT
    assert nas.decide("alice", alice.password) == REJECT
    assert world.reasons[-1] == ("reject", Reason.LOCKED)
    assert len(world.relays.asked_of_services) == 3


def test_wrong_code_that_a_service_asks_for_again_counts(world: World, alice: Person) -> None:
    """Nobody guesses for free who leaves each login before its last try."""
    serve(world)
    nas = world.nas(ASKING)
    for guess in range(3):
        request = nas.request("alice", alice.password)
        assert nas.send(request) is None
        answer(world, UPSTREAM_ASKS, text="Code: ", state=b"s")
        request = nas.request("alice", b"%06d" % guess, told(nas, request).state)
        assert nas.send(request) is None
        answer(world, UPSTREAM_ASKS, text="Wrong. Code: ", state=b"s", is_wrong=True)
        assert told(nas, request).code == CHALLENGE
    assert nas.decide("alice", alice.password) == REJECT
    assert world.reasons[-1] == ("reject", Reason.LOCKED)


def test_mschap_has_nothing_that_a_service_could_read(world: World, alice: Person) -> None:
    """A hash is no code, and no word."""
    serve(world)
    nas = world.nas(STEP_UP)
    request = nas.packet(1, bytes(16), ((1, b"alice"), (3, bytes(17)), (60, bytes(16))))
    reply = nas.send(request)
    assert reply is not None
    assert reply.code == REJECT
    assert world.relays.asked_of_services == []
    assert alice.name


# -- while it is gone --


def _today(days: int = 0) -> date:
    return (datetime.fromtimestamp(START, UTC) + timedelta(days=days)).date()


def test_open_until_never_counts_for_a_busy_service(world: World, alice: Person) -> None:
    """Whoever floods a service, or us, must not get in by that."""
    serve(world, duo(open_until=_today()))
    assert decided(world, Unavailable(Reason.UPSTREAM_BUSY)).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.UPSTREAM_BUSY)
    assert alice.name


@pytest.mark.parametrize("host", [ASKING, AUTO])
def test_open_until_never_counts_for_who_has_a_token(world: World, host: str) -> None:
    """A thief of the password names a service that is gone: the token is what has to be proved."""
    alice = world.person()
    assign(world, alice.name, "push")
    serve(world, duo(open_until=_today()))
    assert decided(world, Unavailable(Reason.UPSTREAM_SILENT), host).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.UPSTREAM_SILENT)


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_SILENT])
@pytest.mark.parametrize("host", [ASKING, AUTO])
def test_open_until_lets_the_password_in(
    world: World, alice: Person, reason: Reason, host: str
) -> None:
    """While the setting lasts, whoever has the password gets in, and the reason says it loudly."""
    serve(world, duo(open_until=_today()))
    assert decided(world, Unavailable(reason), host).code == ACCEPT
    assert world.reasons[-1] == ("accept", Reason.FAILED_OPEN)
    assert alice.name


def test_open_until_counts_for_append_too(world: World, alice: Person) -> None:
    """The password stands before the comma, and was right."""
    serve(world, duo(open_until=_today()))
    nas, request = begun(world, APPEND, b"the secret of alice,push")
    answer(world, Unavailable(Reason.UPSTREAM_UNREACHABLE))
    assert told(nas, request).code == ACCEPT
    assert world.reasons[-1] == ("accept", Reason.FAILED_OPEN)
    assert alice.name


def test_open_until_never_counts_without_a_password(world: World, alice: Person) -> None:
    """In `step-up` the factor is all there is."""
    serve(world, duo(open_until=_today()))
    assert decided(world, Unavailable(Reason.UPSTREAM_UNREACHABLE), STEP_UP).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.UPSTREAM_UNREACHABLE)
    assert alice.name


def test_open_until_ends_with_its_day(world: World, alice: Person) -> None:
    """The day after, the door is shut."""
    serve(world, duo(open_until=_today(-1)))
    assert decided(world, Unavailable(Reason.UPSTREAM_UNREACHABLE)).code == REJECT
    assert alice.name


@pytest.mark.parametrize("reason", REFUSALS)
def test_open_until_never_turns_a_no(world: World, alice: Person, reason: Reason) -> None:
    """A service that answers, or a person who does not, is no outage."""
    serve(world, duo(open_until=_today()))
    assert decided(world, Failed(reason)).code == REJECT
    assert alice.name


def test_other_factor_stands_in(world: World) -> None:
    """With `when_unavailable` somebody with a token of ours is asked for it instead."""
    alice = world.person()
    assign(world, alice.name, "push")
    serve(world, duo(open_until=_today()), when_unavailable=("totp",))
    nas, request = begun(world)
    answer(world, Unavailable(Reason.UPSTREAM_SILENT))
    reply = told(nas, request)
    assert reply.code == CHALLENGE
    assert nas.decide("alice", alice.code(world.now), reply.state) == ACCEPT
    assert world.reasons[-1] == ("accept", Reason.PASSED_INSTEAD)


# -- what lets in --


def test_push_after_the_password(world: World, alice: Person) -> None:
    """The service begins by itself; its yes is the second proof, and the audit says how."""
    serve(world)
    facts: dict[str, Any] = {
        "way": "push", "device": "iOS (***0100)", "person": 4.5, "server": "api-1.example",
        "event": Event.PUSH_SENT,
    }  # fmt: skip
    assert decided(world, PASSED, **facts).code == ACCEPT
    (asked,) = world.relays.asked_of_services
    assert (asked.typed, asked.state, asked.user, asked.client) == (b"", b"", "alice", "challenge")
    assert (asked.can_show, asked.has_password) == (True, True)
    line = world.lines()[-1]
    assert (line["decision"], line["factor"]) == ("accept", "push")
    assert line["upstreams"] == [
        {
            "name": "push", "server": "api-1.example", "event": "push-sent", "answer": "accept",
            "way": "push", "device": "iOS (***0100)", "person_us": 4_500_000, "us": 250_000,
        }
    ]  # fmt: skip
    assert alice.name == line["user"]


@pytest.mark.parametrize("host", [APPEND, AUTO])
@pytest.mark.parametrize("typed", [b"push", b"push2", b"123456", b"PHONE"])
def test_word_or_code_after_the_delimiter(
    world: World, alice: Person, typed: bytes, host: str
) -> None:
    """Password first, then the service gets what stands behind the comma."""
    serve(world)
    nas, request = begun(world, host, alice.password + b"," + typed)
    asked = answer(world, PASSED)
    assert told(nas, request).code == ACCEPT
    assert (asked.typed, asked.has_password) == (typed, True)


@pytest.mark.parametrize("typed", [b"push", b"123456", b""])
def test_step_up_gives_the_service_what_was_typed(
    world: World, alice: Person, typed: bytes
) -> None:
    """No password is known here; nothing typed lets the service begin by itself."""
    serve(world)
    nas = world.nas(STEP_UP)
    request = nas.request(alice.name, typed)
    assert nas.send(request) is None
    asked = answer(world, PASSED)
    assert told(nas, request).code == ACCEPT
    assert (asked.typed, asked.has_password) == (typed, False)


def test_dialogue_goes_on_where_it_was(world: World, alice: Person) -> None:
    """Text and echo are shown; the answer comes with what the service wanted remembered."""
    serve(world)
    nas, request = begun(world)
    answer(world, UPSTREAM_ASKS, text="Code from\n***0100: ", state=b"tx", echo=True, limit=60)
    reply = told(nas, request)
    assert reply.code == CHALLENGE
    assert reply.values(REPLY_MESSAGE) == [b"Code from\n***0100: "]
    assert reply.values(PROMPT) == [b"\0\0\0\1"]
    second = nas.request(alice.name, b"123456", reply.state)
    assert nas.send(second) is None
    asked = answer(world, PASSED, serial="SMS-1")
    assert told(nas, second).code == ACCEPT
    assert (asked.typed, asked.state, asked.has_password) == (b"123456", b"tx", True)
    line = world.lines()[-1]
    assert (line["factor"], line["token"]) == ("push", "SMS-1")


def test_dialogue_outlives_a_restart_and_is_sealed(world: World, alice: Person) -> None:
    """What the service wants remembered is on disk, and nobody can read it there."""
    serve(world)
    nas, request = begun(world)
    answer(world, UPSTREAM_ASKS, text="Code: ", state=b"a secret state")
    reply = told(nas, request)
    for file in world.path.parent.iterdir():
        assert b"a secret state" not in file.read_bytes()
    world.restart()
    second = nas.request(alice.name, b"123456", reply.state)
    assert nas.send(second) is None
    assert answer(world, PASSED).state == b"a secret state"
    assert told(nas, second).code == ACCEPT


def test_state_is_good_for_one_answer(world: World, alice: Person) -> None:
    """A challenge that was answered cannot be answered again."""
    serve(world)
    nas, request = begun(world)
    answer(world, UPSTREAM_ASKS, text="Code: ", state=b"tx")
    state = told(nas, request).state
    second = nas.request(alice.name, b"123456", state)
    assert nas.send(second) is None
    answer(world, PASSED)
    assert told(nas, second).code == ACCEPT
    other = world.nas(ASKING, port=40001)
    assert other.decide(alice.name, b"123456", state) == REJECT
    assert world.reasons[-1] == ("reject", Reason.UNKNOWN_STATE)


def test_code_is_asked_for_first_where_the_kind_says_so(world: World, alice: Person) -> None:
    """With `start_with: code` we ask, and nobody else is asked before there is something."""
    service = duo()
    serve(world, service, factors=(factor_of(service, start_with=StartWith.CODE),))
    nas = world.nas(ASKING)
    state = nas.challenged(alice.name, alice.password)
    assert world.relays.asked_of_services == []
    request = nas.request(alice.name, b"push", state)
    assert nas.send(request) is None
    assert answer(world, PASSED).typed == b"push"
    assert told(nas, request).code == ACCEPT


# -- one login, one call --


@pytest.mark.parametrize("port", [40000, 40001])
def test_promise_5_retry_joins_the_call_that_is_open(
    world: World, alice: Person, port: int
) -> None:
    """Another identifier, another port: the service was asked once, and both get its answer."""
    serve(world)
    nas, request = begun(world)
    world.clock.advance(5)
    again = world.nas(ASKING, port)
    second = again.request(alice.name, alice.password)
    assert again.send(second) is None
    assert len(world.relays.asked_of_services) == 1
    answer(world, PASSED)
    sent = {octets[1]: octets[0] for octets, _ in world.port.sent}
    assert sent == {request[1]: ACCEPT, second[1]: ACCEPT}
    assert nas.host == again.host


def test_place_is_the_same_for_the_same_login(world: World, alice: Person) -> None:
    """Same person, client and station: a call may be gone on with. Else it is another login."""
    serve(world)
    requests = [
        (ASKING, b"11-22-33-44-55-66"),
        (ASKING, b"11-22-33-44-55-66"),
        (ASKING, b"66-55-44-33-22-11"),
        (AUTO, b"11-22-33-44-55-66"),
    ]
    for host, station in requests:
        nas = world.nas(host)
        request = nas.request(alice.name, alice.password, None, (STATION, station))
        assert nas.send(request) is None
        answer(world, Failed(Reason.UNANSWERED))
        world.clock.advance(60)
        people.unlock(world.admin, world.actor, alice.name)
    places = [asked.place for asked in world.relays.asked_of_services]
    assert places[0] == places[1]
    assert len(set(places)) == 3
    assert all(len(place) == 16 for place in places)
    assert hmac.compare_digest(places[0], places[1])


def test_place_outlives_a_restart(world: World, alice: Person) -> None:
    """After `kill -9` the same request is known to be the same login."""
    serve(world)
    begun(world)
    world.restart()
    begun(world)
    first, second = world.relays.asked_of_services[0], world.relays.services[0][1]
    assert first.place == second.place
    assert alice.name


# -- who has which --


def test_local_token_spares_the_service(world: World) -> None:
    """Whoever has a token of ours and was not assigned is never sent a push."""
    alice = world.person()
    serve(world)
    nas = world.nas(ASKING)
    state = nas.challenged(alice.name, alice.password)
    assert nas.decide(alice.name, alice.code(world.now), state) == ACCEPT
    assert world.relays.asked_of_services == []


def test_word_chooses_the_service_though_there_is_a_token(world: World) -> None:
    """Somebody with both types `push` at our prompt: no wrong passcode, but a push."""
    alice = world.person()
    assign(world, alice.name, "push")
    service = duo()
    serve(world, service, factors=(factor_of(service, start_with=StartWith.CODE),))
    nas = world.nas(ASKING)
    state = nas.challenged(alice.name, alice.password)
    request = nas.request(alice.name, b"push", state)
    assert nas.send(request) is None
    assert answer(world, PASSED).typed == b"push"
    assert told(nas, request).code == ACCEPT


def test_word_chooses_among_services(world: World, alice: Person) -> None:
    """`sms` goes to the service of messages, whatever comes first."""
    texts = Service(name="texts", settings=TEXTS)
    serve(world, duo(), texts)
    _device(world, alice.name, "sms", "SMS-1")
    nas = world.nas(STEP_UP)
    for typed, service in ((b"sms", "texts"), (b"push", "push"), (b"sms1", "texts")):
        request = nas.request(alice.name, typed)
        assert nas.send(request) is None
        asked = answer(world, Failed(Reason.UNANSWERED))
        assert (asked.service, asked.typed) == (service, typed)


def test_only_who_has_a_device_has_that_factor(world: World, alice: Person) -> None:
    """Without a number nobody is sent a code, and nothing else is asked for."""
    serve(world, Service(name="texts", settings=TEXTS))
    assert world.nas(ASKING).decide(alice.name, alice.password) == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)
    _device(world, alice.name, "email", "MAIL-1")
    assert world.nas(ASKING).decide(alice.name, alice.password) == REJECT
    _device(world, alice.name, "sms", "SMS-1")
    _, _ = begun(world)
    (device,) = world.relays.services[0][1].devices
    assert (device.serial, device.kind, device.secret) == ("SMS-1", "sms", b"+15551234")
    assert "5551234" not in repr(world.relays.services[0][1])


def test_device_that_is_disabled_is_none(world: World, alice: Person) -> None:
    """An administrator takes it away: the factor is gone with it."""
    serve(world, Service(name="texts", settings=TEXTS))
    _device(world, alice.name, "sms", "SMS-1", status="disabled")
    assert world.nas(ASKING).decide(alice.name, alice.password) == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)


def test_assigned_only_means_assigned(world: World, alice: Person) -> None:
    """With `users: assigned` nobody else is asked about."""
    service = duo()
    serve(world, service, factors=(factor_of(service, users=Users.ASSIGNED),))
    assert world.nas(ASKING).decide(alice.name, alice.password) == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)
    assign(world, alice.name, "push")
    begun(world)


def test_address_counts_only_where_the_client_is_trusted(world: World, alice: Person) -> None:
    """A service with rules for networks hears no address that anybody could have made up."""
    for is_trusted, address in ((False, ""), (True, "198.51.100.7")):
        serve(world, trust_address=is_trusted)
        nas = world.nas(ASKING)
        request = nas.request(alice.name, alice.password, None, (STATION, b"198.51.100.7"))
        assert nas.send(request) is None
        assert answer(world, PASSED).address == address
        assert told(nas, request).code == ACCEPT


def _device(world: World, user: str, kind: str, serial: str, status: str = "active") -> None:
    (number,) = world.admin.connection.execute(
        "SELECT id FROM users WHERE name = ?", (user,)
    ).fetchone()
    sealed = world.vault.seal(b"+15551234", f"seed|{serial}|{number}")
    world.admin.connection.execute(
        "INSERT INTO tokens (serial, user, kind, algorithm, digits, period, seed, status, created)"
        " VALUES (?, ?, ?, '', 0, 0, ?, ?, 0)",
        (serial, number, kind, sealed, status),
    )


def test_request_without_a_password_begins_the_factor(world: World, alice: Person) -> None:
    """A device that has checked the password itself sends none: the phone rings, or nothing."""
    for passes, code in ((True, ACCEPT), (False, REJECT)):
        serve(world, without_password=True)
        nas = world.nas(STEP_UP)
        request = nas.packet(1, b"%16d" % code, ((1, alice.name.encode()),))
        assert nas.send(request) is None
        asked = answer(world, PASSED if passes else Failed(Reason.PERSON_REFUSED))
        assert (asked.typed, asked.has_password) == (b"", False)
        assert told(nas, request).code == code
    serve(world)
    nas = world.nas(STEP_UP)
    reply = nas.send(nas.packet(1, bytes(16), ((1, alice.name.encode()),)))
    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons[-1] == ("reject", Reason.NO_CREDENTIALS)


@pytest.mark.parametrize("passes", [True, False])
def test_word_chooses_a_service_that_does_not_come_first(
    world: World, alice: Person, *, passes: bool
) -> None:
    """What was chosen counts, though another factor of the person's comes before it."""
    texts = Service(name="texts", settings=TEXTS)
    serve(world, duo(), texts)
    _device(world, alice.name, "sms", "SMS-1")
    nas = world.nas(STEP_UP)
    request = nas.request(alice.name, b"sms")
    assert nas.send(request) is None
    answer(world, PASSED if passes else Failed(Reason.BAD_PASSCODE))
    assert told(nas, request).code == (ACCEPT if passes else REJECT)


def test_device_that_is_taken_away_meanwhile_does_not_count(world: World, alice: Person) -> None:
    """What was chosen by a word, too, has to be there when the answer comes."""
    texts = Service(name="texts", settings=TEXTS)
    serve(world, duo(), texts)
    _device(world, alice.name, "sms", "SMS-1")
    nas = world.nas(STEP_UP)
    request = nas.request(alice.name, b"sms")
    assert nas.send(request) is None
    world.admin.connection.execute("UPDATE tokens SET status = 'disabled'")
    answer(world, PASSED)
    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", Reason.NOT_ENROLLED)


@pytest.mark.parametrize("reason", [Reason.BAD_PASSCODE, Reason.UPSTREAM_REFUSED])
def test_wrong_code_is_asked_for_again_where_there_are_tries(
    world: World, alice: Person, reason: Reason
) -> None:
    """At our own prompt, as for a code of ours; each wrong one counts."""
    service = duo()
    serve(world, service, factors=(factor_of(service, start_with=StartWith.CODE),), attempts=2)
    nas = world.nas(ASKING)
    state = nas.challenged(alice.name, alice.password)
    for typed, code in ((b"111111", CHALLENGE), (b"222222", REJECT)):
        request = nas.request(alice.name, typed, state)
        assert nas.send(request) is None
        answer(world, Failed(reason))
        reply = told(nas, request)
        assert reply.code == code
        state = reply.state if code == CHALLENGE else b""
    (failure,) = people.failures(world.admin, alice.name)
    assert (failure.factor, failure.count) == ("upstream", 2)


def test_same_last_answer_in_another_login_is_another_guess(world: World, alice: Person) -> None:
    """Whoever knows one answer of two does not guess at the other one for free."""
    serve(world)
    nas = world.nas(ASKING)
    for _ in range(3):
        request = nas.request(alice.name, alice.password)
        assert nas.send(request) is None
        answer(world, UPSTREAM_ASKS, text="Last? ", state=b"s")
        second = nas.request(alice.name, b"the same", told(nas, request).state)
        assert nas.send(second) is None
        answer(world, Failed(Reason.BAD_PASSCODE))
        assert told(nas, second).code == REJECT
    assert nas.decide(alice.name, alice.password) == REJECT
    assert world.reasons[-1] == ("reject", Reason.LOCKED)


def test_enter_that_sends_no_password_goes_on(world: World, alice: Person) -> None:
    """Approve, then Enter: some clients send State alone (RFC 2865 section 4.1)."""
    serve(world)
    nas, request = begun(world)
    answer(world, UPSTREAM_ASKS, text="Approve, then Enter. ", state=b"tx")
    state = told(nas, request).state
    enter = nas.packet(1, bytes(16), ((1, alice.name.encode()), (24, state)))
    assert nas.send(enter) is None
    asked = answer(world, PASSED)
    assert (asked.typed, asked.state) == (b"", b"tx")
    assert told(nas, enter).code == ACCEPT


def test_word_turns_to_another_service_in_the_middle(world: World, alice: Person) -> None:
    """At the question of one service, a word of another one is no wrong code, but a wish."""
    texts = Service(name="texts", settings=TEXTS)
    mails = Service(name="mails", settings=Smtp(host="mail.example", sender="a@b.example"))
    made = (factor_of(texts), factor_of(mails, takes_words=True))
    serve(world, texts, mails, factors=made)
    _device(world, alice.name, "sms", "SMS-1")
    _device(world, alice.name, "email", "MAIL-1")
    nas, request = begun(world)
    assert answer(world, UPSTREAM_ASKS, text="Code: ", state=b"of texts").service == "texts"
    second = nas.request(alice.name, b"email", told(nas, request).state)
    assert nas.send(second) is None
    asked = answer(world, UPSTREAM_ASKS, text="Code: ", state=b"of mails")
    assert (asked.service, asked.typed, asked.state) == ("mails", b"email", b"")
    assert asked.has_password
    third = nas.request(alice.name, b"123456", told(nas, second).state)
    assert nas.send(third) is None
    asked = answer(world, PASSED)
    assert (asked.service, asked.typed, asked.state) == ("mails", b"123456", b"of mails")
    assert told(nas, third).code == ACCEPT
    assert world.lines()[-1]["factor"] == "mails"


@pytest.mark.parametrize("typed", [b"sms", b"sms2", b"123456", b"push", b""])
def test_what_is_no_word_of_another_goes_to_the_service(
    world: World, alice: Person, typed: bytes
) -> None:
    """Its own words, codes, and words of a factor that the person does not have."""
    texts = Service(name="texts", settings=TEXTS)
    assigned = factor_of(duo(), users=Users.ASSIGNED)
    serve(world, texts, duo(), factors=(factor_of(texts), assigned))
    _device(world, alice.name, "sms", "SMS-1")
    nas, request = begun(world)
    answer(world, UPSTREAM_ASKS, text="Code: ", state=b"of texts")
    second = nas.request(alice.name, typed, told(nas, request).state)
    assert nas.send(second) is None
    asked = answer(world, PASSED)
    assert (asked.service, asked.typed, asked.state) == ("texts", typed, b"of texts")


def test_answer_to_a_question_is_never_taken_for_a_word(world: World, alice: Person) -> None:
    """Somebody's first word may have been `sms`."""
    questions = Service(name="questions", settings=Questions())
    texts = Service(name="texts", settings=TEXTS)
    serve(world, questions, texts)
    _device(world, alice.name, "question", "Q-1")
    _device(world, alice.name, "sms", "SMS-1")
    nas, request = begun(world)
    answer(world, UPSTREAM_ASKS, text="Your first word? ", state=b"of questions")
    second = nas.request(alice.name, b"sms", told(nas, request).state)
    assert nas.send(second) is None
    asked = answer(world, Failed(Reason.BAD_PASSCODE))
    assert (asked.service, asked.typed) == ("questions", b"sms")
