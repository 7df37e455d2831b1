"""The eleven steps: bursts, turns, what is kept back, what is lost, what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from twisted.logger import ILogObserver, globalLogPublisher
from zope.interface import provider

from radiusmfa.config.model import Mode, Tri
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.decision import Accept, Challenge
from radiusmfa.duplicates import Duplicates
from radiusmfa.outcome import Reason
from radiusmfa.primary.local import Answer, Question, check
from radiusmfa.server.pipeline import MOST_WAITING
from radiusmfa.wire import salt, vendor
from tests.flows.upstreams import PROXY, UPSTREAM_SECRET, factor, proxied, serve, tell, told
from tests.flows.world import (
    ACCEPT,
    ACCOUNTED,
    ACCT_STATUS_TYPE,
    APPEND,
    ASKING,
    CHALLENGE,
    CLASS,
    LIGHT,
    MARKER,
    PROXY_STATE,
    REJECT,
    SECRET,
    STATE,
    STEP_UP,
    USER_NAME,
    World,
    client,
    raising,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from twisted.logger import LogEvent

    from radiusmfa.decision import Decision
    from radiusmfa.server.received import Received


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A server with a client of each mode."""
    with World(tmp_path) as made:
        yield made


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    """Everything that is logged meanwhile."""
    events: list[LogEvent] = []

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        events.append(event)

    globalLogPublisher.addObserver(observe)
    yield events
    globalLogPublisher.removeObserver(observe)


def formats(logged: list[LogEvent]) -> list[str]:
    """Return the constant text of each event."""
    return [str(event["log_format"]) for event in logged]


def break_audit(world: World) -> None:
    """Let no audit line be written."""
    world.admin.connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
    )


def mend_audit(world: World) -> None:
    """End that."""
    world.admin.connection.execute("DROP TRIGGER broken")


def test_promise_4_strangers_and_bad_packets_get_silence(world: World) -> None:
    """Unknown sources, malformed and unsigned packets are counted, told of, and not answered."""
    nas = world.nas(STEP_UP)
    request = nas.request("alice", b"000000")
    nas.is_signing = False

    world.nas("203.0.113.1").put(request)
    nas.put(b"\1\2", request[:-1], nas.request("alice", b"000000"), b"\x28" + request[1:])

    assert world.port.sent == []
    read = world.counters.read()
    assert read["total_invalid_requests"] == 1
    assert read["total_malformed_requests"] == 2
    assert read["total_bad_authenticators"] == 1
    assert read["total_unknown_types"] == 1
    assert len(world.discards) == 5


def test_burst_is_one_transaction(world: World) -> None:
    """All logins of a burst are written by one commit, before any of their replies leaves."""
    everybody = [world.person(name) for name in ("alice", "bob", "carol")]
    nas = world.nas(STEP_UP)
    statements: list[str] = []
    world.store.connection.set_trace_callback(statements.append)

    nas.put(*(nas.request(one.name, one.code(world.now)) for one in everybody))

    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT] * 3
    assert statements.count("BEGIN IMMEDIATE") == statements.count("COMMIT") == 1


def test_logins_of_a_burst_see_each_other(world: World) -> None:
    """The second login of a burst knows what the first has used."""
    alice = world.person()
    nas = world.nas(STEP_UP)

    nas.put(*(nas.request("alice", alice.code(world.now)) for _ in range(2)))

    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT, REJECT]


def test_duplicates_get_silence_then_the_same_octets(world: World) -> None:
    """While a login is decided its duplicates are silent; then they get what it got."""
    alice = world.person()
    nas = world.nas(APPEND)
    request = nas.request("alice", alice.password + alice.code(world.now))
    nas.put(request, request)
    assert (world.port.sent, world.pipeline.pending) == ([], 1)

    world.work()
    nas.put(request)

    first, second = world.port.sent
    assert first == second
    assert world.counters.total_dup_requests == 2


def test_full_memory_of_duplicates_is_silence(world: World) -> None:
    """A request that cannot be remembered is not decided."""
    alice = world.person()
    world.port.duplicates = Duplicates(30, 2)
    nas = world.nas(STEP_UP)
    nas.put(nas.request("alice", b"000000"))

    assert nas.ask("alice", alice.code(world.now)) is None
    assert world.counters.total_packets_dropped == 1


def test_status_server_is_answered_without_a_turn(world: World) -> None:
    """Status-Server is answered though the store is busy, on either port."""
    world.admin.connection.execute("BEGIN IMMEDIATE")
    nas = world.nas(STEP_UP)

    one = nas.send(nas.status())
    other = nas.send(nas.status(), port=world.accounting)
    world.admin.connection.execute("ROLLBACK")

    assert [reply.code for reply in (one, other) if reply] == [ACCEPT, ACCOUNTED]


def test_status_server_full_of_proxy_state_is_answered(world: World) -> None:
    """Whatever fits a request fits the answer."""
    nas = world.nas(STEP_UP)
    attributes = [(PROXY_STATE, bytes(253))] * 15 + [(PROXY_STATE, bytes(230))]
    request = nas.packet(12, bytes(16), tuple(attributes))

    reply = nas.send(request)

    assert reply is not None
    assert reply.values(PROXY_STATE) == [value for _, value in attributes]


def test_accounting_is_written_and_answered(world: World) -> None:
    """A report is answered after it is in the audit; one that says nothing is not."""
    nas = world.nas(STEP_UP)

    good = nas.send(nas.accounting((ACCT_STATUS_TYPE, (1).to_bytes(4))), port=world.accounting)
    bad = nas.send(nas.accounting((USER_NAME, b"x")), port=world.accounting)

    assert good is not None
    assert good.code == ACCOUNTED
    assert bad is None
    assert len(world.lines("accounting")) == 1
    assert world.counters.total_accounting_requests == 2
    assert world.counters.total_accounting_responses == 1


def test_challenge_and_its_answer(world: World) -> None:
    """A challenge is stored, answered once, and its rounds are one login."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    assert nas.decide("alice", alice.code(world.now), state) == ACCEPT
    assert nas.decide("alice", alice.code(world.now, 1), state) == REJECT
    assert [line["reason"] for line in world.lines()][-1] == "unknown-state"
    assert world.lines()[0]["id"] == world.lines()[1]["id"]


def test_state_of_another_user_is_a_reject(world: World) -> None:
    """A State answers for the user it was issued to."""
    alice, bob = world.person("alice"), world.person("bob")
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)

    assert nas.decide("bob", bob.code(world.now), state) == REJECT


def test_too_many_challenges_is_silence(world: World) -> None:
    """Where no challenge can be opened, the client is not answered."""
    world.most_challenges = 0
    world.restart()
    alice = world.person()

    assert world.nas(ASKING).ask("alice", alice.password) is None
    assert world.lines() == []


@pytest.mark.parametrize("has_signature", [True, False])
def test_request_without_a_proof(world: World, *, has_signature: bool) -> None:
    """Without any credential: a Reject to who signed, silence to who did not."""
    world.clients = (client(STEP_UP, Mode.STEP_UP, require_message_authenticator=Tri.NO),)
    world.reload()
    nas = world.nas(STEP_UP)
    nas.is_signing = has_signature

    reply = nas.send(nas.packet(1, bytes(16), ((USER_NAME, b"alice"),)))

    assert (reply.code if reply else 0) == (REJECT if has_signature else 0)


def test_retry_from_another_port_joins(world: World) -> None:
    """A retry joins the login under way, or gets its answer."""
    alice = world.person()
    typed = alice.password + alice.code(world.now)
    ports = [world.nas(APPEND, 40000 + number) for number in range(3)]
    for nas in ports:
        nas.identifier = 9
    requests = [nas.request("alice", typed) for nas in ports]
    ports[0].put(requests[0])
    ports[1].put(requests[1])
    world.work()
    world.clock.advance(1)
    ports[2].put(requests[2])

    replies = [nas.take(request) for nas, request in zip(ports, requests, strict=True)]
    assert [reply.code for reply in replies if reply] == [ACCEPT] * 3
    assert len({reply.values(CLASS)[0] for reply in replies if reply}) == 1
    assert len(world.lines()) == 1


def test_retry_of_a_login_that_was_given_up_is_new(world: World) -> None:
    """When a login ends in silence, those that waited for it are forgotten with it."""
    alice = world.person()
    typed = alice.password + alice.code(world.now)
    one, two = world.nas(APPEND, 40000), world.nas(APPEND, 40001)
    one.identifier = two.identifier = 9
    first, second = one.request("alice", typed), two.request("alice", typed)
    one.put(first)
    two.put(second)
    break_audit(world)
    world.work()
    assert world.port.sent == []
    mend_audit(world)

    reply = two.send(second)

    assert reply is not None
    assert reply.code == ACCEPT


def test_promise_3_busy_store_delays(world: World) -> None:
    """While others write nothing is decided; afterwards everything is, in order."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    world.admin.connection.execute("BEGIN IMMEDIATE")
    nas.put(nas.request("alice", alice.code(world.now)))
    nas.put(nas.request("alice", b"000000"))
    world.clock.advance(1)
    assert world.port.sent == []

    world.admin.connection.execute("ROLLBACK")
    world.clock.advance(0.005)

    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT, REJECT]


def test_requests_wait_in_a_bounded_number(world: World) -> None:
    """When too many wait for the store the port is told to stop reading."""
    world.port.duplicates = Duplicates(300, 2 * MOST_WAITING)
    ports = [world.nas(STEP_UP, 40000 + number) for number in range(MOST_WAITING // 256)]
    world.admin.connection.execute("BEGIN IMMEDIATE")
    states = []
    for nas in ports:
        states.append(world.pipeline.is_blocked)
        nas.put(*(nas.request("nobody", b"000000") for _ in range(256)))
    states.append(world.pipeline.is_blocked)
    world.admin.connection.execute("ROLLBACK")
    world.clock.advance(0.005)
    states.append(world.pipeline.is_blocked)

    assert states == [False] * len(ports) + [True, False]
    assert len(world.port.sent) == MOST_WAITING


def test_promise_3_failed_store_is_silence_and_said_once_a_second(
    world: World, logged: list[LogEvent]
) -> None:
    """Nothing is answered while nothing can be written; the log says so, and not too often."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    break_audit(world)

    for _ in range(5):
        assert nas.ask("alice", alice.code(world.now)) is None
    world.clock.advance(1)
    nas.ask("alice", alice.code(world.now))

    assert formats(logged).count("no login can be decided: {error}") == 2


def test_promise_3_store_that_fails_within_a_turn_is_silence(world: World) -> None:
    """A user who cannot be read is not decided, nor is anybody else of the burst."""
    alice, bob = world.person("alice"), world.person("bob")
    nas = world.nas(STEP_UP)
    nas.ask("bob", b"000000")
    world.admin.connection.execute("ALTER TABLE failures RENAME TO gone")

    nas.put(*(nas.request(one.name, one.code(world.now)) for one in (bob, alice)))
    assert world.port.sent == []
    world.admin.connection.execute("ALTER TABLE gone RENAME TO failures")

    assert nas.decide("bob", bob.code(world.now)) == ACCEPT


def test_promise_3_exception_in_a_step_is_a_reject(world: World, logged: list[LogEvent]) -> None:
    """A login that breaks is rejected and logged."""
    world.pipeline.parts = world.pipeline.parts._replace(steps=raising("broke"))

    assert world.nas(STEP_UP).decide("alice", b"000000") == REJECT
    assert "a login of client {client} broke" in formats(logged)


def test_promise_3_exception_outside_a_step_answers_nothing(world: World) -> None:
    """If an answer cannot be made at all, the turn is taken back and nothing of it ever leaves."""
    alice, bob = world.person("alice"), world.person("bob")
    nas = world.nas(STEP_UP)
    names = iter(["a"])
    world.pipeline._name_login = lambda: next(names)

    with pytest.raises(StopIteration):
        nas.put(*(nas.request(one.name, one.code(world.now)) for one in (alice, bob)))
    world.pipeline._name_login = lambda: "z"
    nas.put(nas.request("nobody", b"000000"))

    assert [octets[0] for octets, _ in world.port.sent] == [REJECT]


def test_promise_3_answer_without_an_attempt_is_a_reject(world: World) -> None:
    """A password check that nobody asked for lets nobody in."""
    alice = world.person()
    nas = world.nas(APPEND)
    request = nas.request("alice", alice.password + alice.code(world.now))
    nas.put(request)
    ((received, _),) = world.threads._waiting
    received.attempt = None
    decision = world.pipeline._resume(received, world.now, 0)

    assert decision is not None
    assert type(decision).__name__ == "Reject"


def test_full_queue_is_silence(world: World) -> None:
    """Where no more passwords can be checked the client asks again."""
    alice = world.person()
    world.threads.is_full = True

    assert world.nas(ASKING).ask("alice", alice.password) is None
    assert world.pipeline.is_idle


def test_quick_check_is_answered_in_the_same_turn(world: World) -> None:
    """A check that is answered at once needs no second turn."""
    alice = world.person()

    def at_once(received: Received, question: Question) -> Answer:
        assert received.attempt is not None
        return check(question, world.store.pepper, LIGHT)

    world.pipeline._passwords = at_once
    nas = world.nas(ASKING)
    nas.put(nas.request("alice", alice.password), nas.request("alice", b"wrong"))

    assert [octets[0] for octets, _ in world.port.sent] == [CHALLENGE, REJECT]


@pytest.mark.parametrize(
    ("settings", "proxied", "code"),
    [
        pytest.param({"reply": (("Filter-Id", "f" * 200),)}, 3900, REJECT, id="attributes"),
        pytest.param({}, 4031, ACCEPT, id="class-alone"),
        pytest.param({"reply": (("Filter-Id", "{user}" * 60),)}, 2, REJECT, id="template"),
    ],
)
def test_promise_6_accept_holds_what_was_promised_or_is_none(
    world: World, settings: dict[str, object], proxied: int, code: int
) -> None:
    """An Accept without its configured attributes is a Reject."""
    world.clients = (client(STEP_UP, Mode.STEP_UP, **settings),)
    world.reload()
    alice = world.person()
    whole, rest = divmod(proxied, 255)
    extra = [(PROXY_STATE, bytes(253))] * whole + [(PROXY_STATE, bytes(rest - 2))]

    assert world.nas(STEP_UP).decide("alice", alice.code(world.now), None, *extra) == code


def test_challenge_that_does_not_fit_is_a_reject(world: World) -> None:
    """A challenge without room for its State is a Reject."""
    alice = world.person()
    extra = [(PROXY_STATE, bytes(253))] * 15 + [(PROXY_STATE, bytes(183))]

    assert world.nas(ASKING).decide("alice", alice.password, None, *extra) == REJECT


def test_what_a_client_teaches_is_stored_and_said(world: World, logged: list[LogEvent]) -> None:
    """What `auto` learned is written with the login that taught it, and logged."""
    world.clients = (client(STEP_UP, Mode.STEP_UP, require_message_authenticator=Tri.AUTO),)
    world.reload()

    world.nas(STEP_UP).decide("alice", b"000000")
    world.nas(STEP_UP).decide("alice", b"000000")

    assert world.logins.clients.peers()[0][:3] == ("step-up", STEP_UP, "yes")
    told = [text for text in formats(logged) if "require_message_authenticator" in text]
    assert len(told) == 1


def test_damaged_token_is_said(world: World, logged: list[LogEvent]) -> None:
    """A seed that does not open is named in the log, and lets nobody in."""
    alice = world.person()
    world.admin.connection.execute("UPDATE tokens SET seed = x'00'")

    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == REJECT
    assert [event["serial"] for event in logged if "serial" in event] == [alice.serial]


def test_tidying_ends_challenges_and_gives_way(world: World, logged: list[LogEvent]) -> None:
    """Old challenges are ended; a busy store is left alone, a failing one named."""
    alice = world.person()
    state = world.nas(ASKING).challenged("alice", alice.password)
    world.clock.advance(200)
    world.admin.connection.execute("BEGIN IMMEDIATE")
    world.pipeline.tidy()
    world.admin.connection.execute("ROLLBACK")
    assert len(world.challenges) == 1
    world.pipeline.tidy()
    assert len(world.challenges) == 0
    assert world.nas(ASKING).decide("alice", alice.code(world.now), state) == REJECT
    world.store.close()

    world.pipeline.tidy()

    assert "no login can be decided: {error}" in formats(logged)


def test_exempt_user_and_bad_name(world: World) -> None:
    """A name that nobody can have is a Reject; an exempt user's Accept says why."""
    bob = world.person("bob", has_token=False, password_only=True)
    nas = world.nas(ASKING)

    assert nas.decide(b"\xff", b"x") == REJECT
    assert nas.decide("bob", bob.password) == ACCEPT
    assert nas.decide("bob", bob.password, None, (STATE, b"x")) == REJECT
    assert [reason for _, reason in world.reasons] == [
        "bad-user-name",
        "password-only",
        "unknown-state",
    ]


# -- logins that wait for an upstream --


def test_upstream_is_asked_after_the_turn_and_answered_in_another(world: World) -> None:
    """The inquiry leaves when the turn is on disk; until the answer the login is pending."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"right")
    assert (len(server.asked), world.pipeline.pending) == (1, 1)
    assert not world.pipeline.is_idle

    server.accept((11, b"staff"))

    reply = told(nas, request)
    assert (reply.code, reply.values(11)) == (ACCEPT, [b"staff"])
    assert world.pipeline.is_idle


def test_keys_of_an_upstream_are_hidden_anew(world: World) -> None:
    """What was hidden with the upstream's secret is hidden with the client's."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"right")
    asked = server.heard()
    hidden = salt.seal(b"key", UPSTREAM_SECRET, asked.packet.authenticator, b"\x80\x01")

    server.answer_with(asked, ACCEPT, vendor.encode(311, 16, hidden))

    (value,) = told(nas, request).values(26)
    assert salt.unseal(value[6:], SECRET, request[4:20]) == b"key"


def test_same_login_waits_once(world: World) -> None:
    """Two requests of one login, also where both came before either had asked, are one."""
    world.person(has_token=False)
    made = factor(start_with=StartWith.WORD, word="push")
    server = serve(
        world, proxied(), client(ASKING, Mode.CHALLENGE, factors=("securid",)), factors=(made,)
    )
    for address, typed in ((PROXY, b"right"), (ASKING, b"the secret of alice")):
        nas = world.nas(address)
        nas.put(nas.request("alice", typed))
        nas.put(nas.request("alice", typed))
        world.work()
        server.accept()

    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT] * 4
    assert len(server.asked) == 2
    assert world.pipeline.is_idle


@pytest.mark.parametrize("count", [1, 21])
def test_circle_of_proxies_is_a_reject(world: World, count: int) -> None:
    """What has been here before, or came by too many proxies, is refused."""
    server = serve(world, proxied())
    states = [MARKER + b"%d" % number if count == 1 else b"hop" for number in range(count)]
    extra = [(PROXY_STATE, state) for state in states]

    assert world.nas(PROXY).decide("alice", b"x", None, *extra) == REJECT
    assert world.nas(PROXY).ask("alice", b"x", None, (PROXY_STATE, b"another's")) is None
    assert len(server.asked) == 1
    assert world.reasons == [("reject", "proxy-loop")]


def test_proof_is_refused_where_no_upstream_can_check_it(world: World) -> None:
    """CHAP to a client whose proofs are checked here is a Reject."""
    world.person()
    nas = world.nas(STEP_UP)
    request = nas.packet(1, bytes(16), ((USER_NAME, b"alice"), (3, bytes(17))))

    reply = nas.send(request)

    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons == [("reject", "unsupported-method")]


def test_promise_3_lost_turn_asks_no_upstream(world: World) -> None:
    """If a turn did not reach the disk, nothing of it is asked, and nobody waits."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    break_audit(world)

    request = nas.request("alice", b"right")
    nas.put(request, nas.request("alice", b"x", b"no state"))

    assert (server.asked, world.port.sent) == ([], [])
    assert world.pipeline.is_idle
    mend_audit(world)
    nas.put(request)
    assert len(server.asked) == 1


def test_promise_3_lost_turn_leaves_others_waiting(world: World) -> None:
    """A turn that failed takes nothing from a login that an upstream was asked about before."""
    server = serve(world, proxied())
    nas, again = world.nas(PROXY), world.nas(PROXY, 40001)
    first = tell(nas, "alice", b"right")
    break_audit(world)
    second = again.request("alice", b"right")
    again.put(second, again.request("alice", b"x", b"no state"))
    mend_audit(world)

    server.accept()

    assert [told(nas, first).code, told(again, second).code] == [ACCEPT, ACCEPT]
    assert len(server.asked) == 1


def test_only_wrong_passcodes_use_up_tries(world: World) -> None:
    """Rounds of an upstream are no wrong passcodes."""
    alice = world.person()
    server = serve(world, client(ASKING, Mode.CHALLENGE, primary="rsa", attempts=2))
    nas = world.nas(ASKING)
    first = tell(nas, "alice", b"old")
    server.challenge(b"theirs", b"New one: ")
    second = tell(nas, "alice", b"new", told(nas, first).state)
    server.accept()
    state = told(nas, second).state
    (entry,) = world.challenges._open.values()
    assert entry.wrong == 0

    reply = nas.ask("alice", alice.wrong(world.now), state)

    assert reply is not None
    assert reply.code == CHALLENGE
    (entry,) = world.challenges._open.values()
    assert entry.wrong == 1


def test_audit_says_what_let_in(world: World) -> None:
    """A passcode that stood in for a server that is gone is told as such, not as any other."""
    alice = world.person()
    settings = {"factors": ("securid",), "when_unavailable": ("totp",)}
    server = serve(world, client(STEP_UP, Mode.STEP_UP, **settings))
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", alice.code(world.now))

    server.fail(Reason.UPSTREAM_SILENT)

    assert told(nas, request).code == ACCEPT
    assert world.reasons == [("accept", "passed-instead")]


def test_joined_request_without_room_for_the_answer_is_silent(world: World) -> None:
    """What does not fit beside a request's own Proxy-State is not sent to it, cut or whole."""
    server = serve(world, proxied())
    nas, again = world.nas(PROXY), world.nas(PROXY, 40001)
    first = tell(nas, "alice", b"right")
    second = tell(again, "alice", b"right", None, *[(PROXY_STATE, bytes(253))] * 14)

    server.accept(*[(11, b"a" * 200)] * 3)

    assert told(nas, first).code == ACCEPT
    assert again.take(second) is None
    assert world.counters.total_packets_dropped == 1


# -- what cannot be, and what must not be answered --


def test_promise_3_step_that_asks_nobody_is_a_reject(world: World) -> None:
    """Without a decision and without anything asked for there is no login."""

    class Idle:
        def start(self, *_: object) -> None:
            """Decide nothing."""

    world.person()
    world.pipeline.parts = world.pipeline.parts._replace(steps=Idle())  # type: ignore[arg-type]

    assert world.nas(STEP_UP).decide("alice", b"000000") == REJECT
    assert world.reasons == [("reject", "broken")]


@pytest.mark.parametrize("decision", [Accept(Reason.PASSED), Challenge(Reason.PASSCODE_WANTED)])
def test_promise_2_nobody_is_let_in_without_a_name(world: World, decision: Decision) -> None:
    """An Accept or a Challenge for a user that nobody knows is a Reject."""

    class Generous:
        def start(self, *_: object) -> Decision:
            """Let everybody in."""
            return decision

    world.pipeline.parts = world.pipeline.parts._replace(steps=Generous())  # type: ignore[arg-type]

    assert world.nas(STEP_UP).decide("mallory", b"000000") == REJECT
    assert world.reasons == [("reject", "broken")]


def test_promise_3_turn_that_cannot_begin_loses_what_waits(world: World) -> None:
    """Where the store cannot even be locked, nothing is decided, and the clients ask again."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))
    world.store.connection.execute("BEGIN")

    nas.put(request)

    assert (world.port.sent, world.pipeline.is_idle) == ([], True)
    reply = nas.send(request)
    assert reply is not None
    assert reply.code == ACCEPT


def test_store_that_stays_busy_is_told_of(world: World, logged: list[LogEvent]) -> None:
    """Others may write for two seconds; then it is a fault, and everything still waits."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))
    world.admin.connection.execute("BEGIN IMMEDIATE")
    nas.put(request)
    world.clock.advance(1)
    assert "no login can be decided: {error}" not in formats(logged)

    world.clock.advance(2)

    assert "no login can be decided: {error}" in formats(logged)
    assert nas.send(nas.status()) is None
    world.admin.connection.execute("ROLLBACK")
    world.clock.advance(0.005)
    reply = nas.take(request)
    assert reply is not None
    assert reply.code == ACCEPT
    assert "the store can be written again" in formats(logged)


def test_store_that_failed_is_tried_by_itself(world: World, logged: list[LogEvent]) -> None:
    """Without any request the server finds out that there is room again."""
    nas = world.nas(STEP_UP)
    break_audit(world)
    nas.ask("alice", b"000000")
    assert nas.send(nas.status()) is None
    mend_audit(world)

    world.pipeline.tidy()

    assert nas.send(nas.status()) is not None
    assert "the store can be written again" in formats(logged)


def test_late_answer_to_an_abandoned_identifier_is_not_sent(world: World) -> None:
    """A client that used the identifier anew gets no answer to its older request."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    tell(nas, "alice", b"right")
    nas.identifier = (nas.identifier - 1) % 256
    nas.put(nas.request("alice", b"other"))

    server.accept()

    assert world.port.sent == []
