"""A token server checks the second factor: whom it is asked about, with what, and what counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import Dialogue as Speech
from radiusmfa.config.upstream_model import Event, Rule, StartWith, Users
from radiusmfa.outcome import Reason
from radiusmfa.stores import people, tokens
from tests.flows.upstreams import (
    TokenServer,
    assign,
    factor,
    serve,
    spoken,
    tell,
    told,
    upstream,
)
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
    from radiusmfa.config.upstream_model import UpstreamFactor
    from tests.flows.world import Reply

ALL = ("totp", "hotp", "recovery", "securid")
NOT_ANSWERED = [
    Reason.UPSTREAM_SILENT,
    Reason.UPSTREAM_UNREACHABLE,
    Reason.UPSTREAM_BUSY,
    Reason.UNANSWERED,
]


def with_factor(
    world: World,
    made: UpstreamFactor | None = None,
    **settings: Any,  # noqa: ANN401 - settings of any type
) -> TokenServer:
    """Serve a broker that sends passcodes alone and a client that asks for them."""
    settings = {"factors": ALL} | settings
    return serve(
        world,
        client(STEP_UP, Mode.STEP_UP, **settings),
        client(ASKING, Mode.CHALLENGE, **settings),
        client(APPEND, Mode.APPEND, delimiter=",", **settings),
        factors=(made or factor(),),
    )


def passcode_wanted(world: World, name: str = "alice") -> Reply:
    """Return the challenge that the right local password earns."""
    reply = world.nas(ASKING).ask(name, f"the secret of {name}".encode())
    assert reply is not None
    return reply


# -- refused --


def test_refused_passcode_is_rejected(world: World) -> None:
    """What the token server refuses is a Reject, counted as a wrong proof of its own kind."""
    world.person(has_token=False)
    server = with_factor(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"123456")

    asked = server.reject(b"Access denied.")

    assert (told(nas, request).code, asked.typed) == (REJECT, b"123456")
    assert world.reasons == [("reject", "upstream-refused")]
    assert [(one.factor, one.count) for one in people.failures(world.admin, "alice")] == [
        ("upstream", 1)
    ]


@pytest.mark.parametrize("reason", NOT_ANSWERED)
@pytest.mark.parametrize("address", [STEP_UP, ASKING, APPEND])
def test_passcode_that_nobody_has_checked_is_rejected(
    world: World, address: str, reason: Reason
) -> None:
    """Without an answer there is no login, whatever the cause, and nothing is counted."""
    alice = world.person(has_token=False)
    server = with_factor(world)
    nas = world.nas(address)
    state = passcode_wanted(world).state if address == ASKING else None
    typed = alice.password + b",123456" if address == APPEND else b"123456"
    request = tell(nas, "alice", typed, state)

    server.fail(reason)

    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", reason.value)
    assert spoken(world) == [{"name": "rsa", "answer": reason.value, "sent": 0}]
    assert people.failures(world.admin, "alice") == []


def test_wrong_password_asks_no_token_server(world: World) -> None:
    """Behind a wrong local password no token server hears of the passcode."""
    world.person(has_token=False)
    server = with_factor(world)

    assert world.nas(APPEND).decide("alice", b"wrong,123456") == REJECT
    assert server.asked == []
    assert world.reasons == [("reject", "bad-password")]


def test_refused_passcodes_lock(world: World) -> None:
    """After three refused passcodes the server is asked no more; the lock survives a restart."""
    world.person(has_token=False)
    server = with_factor(world)
    nas = world.nas(STEP_UP)
    for number in range(3):
        request = tell(nas, "alice", b"%06d" % number)
        server.reject()
        assert told(nas, request).code == REJECT
    world.restart()

    assert world.nas(STEP_UP).decide("alice", b"123456") == REJECT
    assert world.relays.asked == []
    assert world.reasons[-1] == ("reject", "locked")


def test_challenges_opened_beforehand_do_not_pass_the_lock(world: World) -> None:
    """Who opens many dialogues and then guesses in each is locked as everybody is."""
    world.person(has_token=False)
    server = with_factor(world)
    nas = world.nas(STEP_UP)
    states = []
    for number in range(4):
        request = tell(nas, "alice", b"9%05d" % number)
        server.challenge(b"theirs %d" % number, b"Next code: ")
        states.append(told(nas, request).state)
    for state in states[:3]:
        request = tell(nas, "alice", b"guess " + state[:8], state)
        server.reject()
        assert told(nas, request).code == REJECT

    assert nas.decide("alice", b"123456", states[3]) == REJECT
    assert len(server.asked) == 7
    assert world.reasons[-1] == ("reject", "locked")


def test_guesses_that_wait_at_the_same_time_do_not_pass_the_lock(world: World) -> None:
    """No more guesses are under way at once than in a row; the same one again is no guess."""
    world.person(has_token=False)
    server = with_factor(world)
    ports = [world.nas(STEP_UP, 40000 + number) for number in range(5)]
    requests = [tell(nas, "alice", b"%06d" % at) for at, nas in enumerate(ports[:3])]

    assert ports[3].decide("alice", b"%06d" % 3) == REJECT
    assert world.reasons[-1] == ("reject", "locked")
    again = tell(ports[4], "alice", b"%06d" % 2, None, (31, b"elsewhere"))

    assert len(server.asked) == 4
    for _ in range(4):
        server.reject()
    assert [told(nas, one).code for nas, one in zip(ports, [*requests], strict=False)] == [3] * 3
    assert told(ports[4], again).code == REJECT


def test_refused_passcode_is_asked_for_again(world: World) -> None:
    """Where the client gives two tries, the person is asked once more, then told no."""
    world.person(has_token=False)
    server = with_factor(world, factor(prompt="PASSCODE: "), attempts=2)
    nas = world.nas(ASKING)
    first = tell(nas, "alice", b"111111", passcode_wanted(world).state)
    server.reject()
    again = told(nas, first)
    assert (again.code, again.values(REPLY_MESSAGE)) == (CHALLENGE, [b"PASSCODE: "])
    second = tell(nas, "alice", b"222222", again.state)

    server.reject(b"Access denied.")

    assert told(nas, second).code == REJECT
    assert [reason for _, reason in world.reasons[1:]] == ["passcode-wanted", "upstream-refused"]
    assert [one.count for one in people.failures(world.admin, "alice")] == [2]


# -- let in --


def test_granted_passcode_is_accepted(world: World) -> None:
    """What the token server lets in is an Accept; the audit names factor and server."""
    world.person(has_token=False)
    server = with_factor(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"123456")

    server.accept((11, b"staff"))

    reply = told(nas, request)
    assert (reply.code, reply.values(11)) == (ACCEPT, [b"staff"])
    line = world.lines()[-1]
    assert (line["reason"], line["factor"], "token" in line) == ("passed", "securid", False)
    assert spoken(world)[0]["answer"] == "accept"


def test_passcode_after_the_password_is_accepted(world: World) -> None:
    """In `challenge` the local password comes first, then the factor's own prompt."""
    world.person(has_token=False)
    server = with_factor(world, factor(prompt="PASSCODE: "))
    nas = world.nas(ASKING)
    challenge = passcode_wanted(world)
    assert challenge.values(REPLY_MESSAGE) == [b"PASSCODE: "]
    assert challenge.values(PROMPT) == [bytes(4)]
    assert server.asked == []
    request = tell(nas, "alice", b"123456", challenge.state)

    asked = server.accept()

    assert told(nas, request).code == ACCEPT
    assert (asked.typed, asked.values(24)) == (b"123456", [])


def test_tail_after_the_password_is_accepted(world: World) -> None:
    """In `append` the token server gets what stands behind the delimiter, after the password."""
    alice = world.person(has_token=False)
    server = with_factor(world)
    nas = world.nas(APPEND)
    request = tell(nas, "alice", alice.password + b",123456")

    asked = server.accept()

    assert (told(nas, request).code, asked.typed) == (ACCEPT, b"123456")


def test_tail_of_fixed_length_needs_no_delimiter(world: World) -> None:
    """A factor whose passcodes have one length is split off by it."""
    alice = world.person(has_token=False)
    server = serve(
        world, client(APPEND, Mode.APPEND, factors=("securid",)), factors=(factor(tail=6),)
    )
    nas = world.nas(APPEND)
    request = tell(nas, "alice", alice.password + b"123456")

    asked = server.accept()

    assert (told(nas, request).code, asked.typed) == (ACCEPT, b"123456")


@pytest.mark.parametrize("typed", [b"123456", b"12345", b""])
def test_nothing_before_the_tail_is_rejected(world: World, typed: bytes) -> None:
    """A passcode alone, or less, is no password with a passcode."""
    world.person(has_token=False)
    server = serve(
        world, client(APPEND, Mode.APPEND, factors=("securid",)), factors=(factor(tail=6),)
    )

    assert world.nas(APPEND).decide("alice", typed) == REJECT
    assert server.asked == []


def test_name_there_is_sent_as_it_is(world: World) -> None:
    """Somebody with another name at the token server is asked about under that name."""
    world.person(has_token=False)
    server = with_factor(world)
    assign(world, "alice", alias="asmith")

    tell(world.nas(STEP_UP), "Alice", b"123456")

    assert server.heard().values(1) == [b"asmith"]


def test_attributes_of_the_request_are_passed_on(world: World) -> None:
    """The token server learns where the person is; our State, Proxy-State and proofs stay here."""
    world.person(has_token=False)
    server = with_factor(world)
    nas = world.nas(STEP_UP)

    tell(
        nas, "alice", b"123456", None, (31, b"198.51.100.7"), (4, bytes((192, 0, 2, 1))), (33, b"x")
    )

    asked = server.heard()
    assert asked.values(31) == [b"198.51.100.7"]
    assert asked.values(4) == [bytes((192, 0, 2, 1))]
    assert asked.values(33) == [asked.proxy_state]
    assert asked.values(32) == []


def test_client_without_a_nas_identity_is_named(world: World) -> None:
    """A request that brings no identity of a NAS gets the client's name (RFC 2865 section 4.1)."""
    world.person(has_token=False)
    server = with_factor(world)

    tell(world.nas(STEP_UP), "alice", b"123456")

    assert server.heard().values(32) == [b"step-up"]


# -- who is asked about --


def test_dead_token_server_does_not_slow_users_of_local_tokens(world: World) -> None:
    """Who has a token here is decided at once, and no token server hears of it, dead or alive."""
    alice = world.person()
    server = with_factor(world)
    world.relays.dead.add("rsa")

    assert world.nas(STEP_UP).decide("alice", b"000000") == REJECT
    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT
    assert world.nas(APPEND).decide("alice", alice.password + b"," + alice.code(world.now, 1)) == (
        ACCEPT
    )
    assert (server.asked, world.pipeline.pending) == ([], 0)


def test_user_assigned_elsewhere_is_not_asked_about(world: World) -> None:
    """With `users: assigned` somebody who is not assigned has no such factor."""
    world.person(has_token=False)
    server = with_factor(world, factor(users=Users.ASSIGNED))

    assert world.nas(STEP_UP).decide("alice", b"123456") == REJECT
    assert world.reasons[-1] == ("reject", "not-enrolled")
    assert server.asked == []


def test_own_token_comes_first(world: World) -> None:
    """Who has both is let in by a local code without asking; anything else goes to the server."""
    alice = world.person()
    server = with_factor(world)
    assign(world, "alice")
    nas = world.nas(STEP_UP)
    assert nas.decide("alice", alice.code(world.now)) == ACCEPT
    assert server.asked == []

    request = tell(nas, "alice", b"87654321")
    server.accept()

    assert told(nas, request).code == ACCEPT
    assert [line["factor"] for line in world.lines()] == ["totp", "securid"]


def test_used_code_of_an_own_token_is_told_nobody(world: World) -> None:
    """A local code that was used already is a replay, and no passcode for the token server."""
    alice = world.person()
    server = with_factor(world)
    assign(world, "alice")
    nas = world.nas(STEP_UP)
    code = alice.code(world.now)
    assert nas.decide("alice", code) == ACCEPT

    assert nas.decide("alice", code) == REJECT
    assert server.asked == []
    assert world.reasons[-1] == ("reject", "replayed-passcode")


@pytest.mark.parametrize("reason", [None, *NOT_ANSWERED])
def test_nobody_guesses_at_own_tokens_for_free(world: World, reason: Reason | None) -> None:
    """Digits that were no local code count as a wrong one unless the token server lets them in."""
    world.person()
    server = with_factor(world)
    assign(world, "alice")
    for number in range(3):
        tell(world.nas(STEP_UP), "alice", b"%06d" % number)
        if reason is None:
            server.reject()
        else:
            server.fail(reason)
    kinds = {one.factor: one.count for one in people.failures(world.admin, "alice")}

    assert kinds["oath"] == 3
    assert kinds.get("upstream", 0) == (3 if reason is None else 0)


def test_own_code_is_refused_where_it_was_guessed(world: World) -> None:
    """After guesses the local code goes to the token server only, which does not know it."""
    alice = world.person()
    server = with_factor(world)
    assign(world, "alice")
    for number in range(3):
        tell(world.nas(STEP_UP), "alice", b"%06d" % number)
        server.fail(Reason.UPSTREAM_SILENT)
    nas = world.nas(STEP_UP)

    request = tell(nas, "alice", alice.code(world.now))
    server.reject()

    assert told(nas, request).code == REJECT
    assert tokens.show(world.admin, alice.serial).last == -1


def test_stranger_is_asked_about_in_step_up(world: World) -> None:
    """Where a broker checks passwords, people whom the store does not know may have the factor."""
    server = with_factor(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "carol", b"123456")

    server.accept()

    assert told(nas, request).code == ACCEPT
    assert world.lines()[-1]["user"] == "carol"


def test_stranger_is_unknown_to_a_factor_for_those_assigned(world: World) -> None:
    """Nobody is assigned whom the store does not know."""
    with_factor(world, factor(users=Users.ASSIGNED))

    assert world.nas(STEP_UP).decide("carol", b"123456") == REJECT
    assert world.reasons == [("reject", "unknown-user")]


def test_exempt_user_needs_no_token_server(world: World) -> None:
    """Whom an administrator exempted is in after the password."""
    alice = world.person(has_token=False, password_only=True)
    server = with_factor(world, factor(start_with=StartWith.PASSWORD))

    assert world.nas(ASKING).decide("alice", alice.password) == ACCEPT
    assert server.asked == []


def test_dead_server_asks_for_no_passcode_in_vain(world: World) -> None:
    """Where it is known that nobody can be asked, the right password ends in a Reject at once."""
    alice = world.person(has_token=False)
    server = with_factor(world)
    world.relays.dead.add("rsa")

    assert world.nas(ASKING).decide("alice", alice.password) == REJECT
    assert world.reasons == [("reject", "upstream-unreachable")]
    assert server.asked == []


# -- servers that begin by themselves --


@pytest.mark.parametrize(
    ("made", "sent"),
    [
        pytest.param(factor(start_with=StartWith.PASSWORD), b"the secret of alice", id="password"),
        pytest.param(factor(start_with=StartWith.WORD, word="push"), b"push", id="word"),
    ],
)
def test_server_that_begins_by_itself_is_told_of_the_right_password(
    world: World, made: UpstreamFactor, sent: bytes
) -> None:
    """After the local password the server gets the password again, or its word, and may let in."""
    alice = world.person(has_token=False)
    server = with_factor(world, made)
    nas = world.nas(ASKING)
    assert nas.decide("alice", b"wrong") == REJECT
    assert server.asked == []
    request = tell(nas, "alice", alice.password)

    asked = server.accept()

    assert (told(nas, request).code, asked.typed) == (ACCEPT, sent)
    assert world.lines()[-1]["factor"] == "securid"


@pytest.mark.parametrize("reason", [None, *NOT_ANSWERED])
def test_push_that_is_not_confirmed_is_rejected(world: World, reason: Reason | None) -> None:
    """Refused, unanswered or undeliverable: the right password alone is no login."""
    alice = world.person(has_token=False)
    server = with_factor(world, factor(start_with=StartWith.WORD, word="push"))
    nas = world.nas(ASKING)
    request = tell(nas, "alice", alice.password)

    if reason is None:
        server.reject()
    else:
        server.fail(reason)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "upstream-refused" if reason is None else reason.value)]


def test_own_token_before_a_push_in_the_clients_order(world: World) -> None:
    """Where the client names local tokens first, who has one is asked for a code, not pushed."""
    alice = world.person()
    server = with_factor(world, factor(start_with=StartWith.WORD, word="push"))
    assign(world, "alice")

    assert world.nas(ASKING).decide("alice", alice.password) == CHALLENGE
    assert server.asked == []


def test_push_before_an_own_token_in_the_clients_order(world: World) -> None:
    """Where the client names the push first, who is assigned to it is pushed."""
    alice = world.person()
    server = with_factor(
        world, factor(start_with=StartWith.WORD, word="push"), factors=("securid", "totp")
    )
    assign(world, "alice")
    nas = world.nas(ASKING)
    request = tell(nas, "alice", alice.password)

    server.accept()

    assert told(nas, request).code == ACCEPT


def test_locked_factor_is_not_pushed(world: World) -> None:
    """Pushes that were refused lock: nobody's phone rings on."""
    alice = world.person(has_token=False)
    server = with_factor(world, factor(start_with=StartWith.WORD, word="push"))
    nas = world.nas(ASKING)
    for _ in range(3):
        tell(nas, "alice", alice.password)
        server.reject()
        world.clock.advance(121)  # until then the same is a repetition
    world.admin.connection.execute(
        "UPDATE failures SET until = ? WHERE factor = 'upstream'", (int(world.now) + 30,)
    )

    assert nas.decide("alice", alice.password) == REJECT
    assert len(server.asked) == 3
    assert world.reasons[-1] == ("reject", "locked")


def test_unassigned_while_the_password_was_checked_is_rejected(world: World) -> None:
    """Who loses the factor during the password check is asked for another, and has none."""
    alice = world.person(has_token=False)
    server = with_factor(
        world, factor(start_with=StartWith.WORD, word="push", users=Users.ASSIGNED)
    )
    assign(world, "alice")
    nas = world.nas(ASKING)
    request = nas.request("alice", alice.password)
    nas.put(request)
    world.admin.connection.execute("DELETE FROM upstream_users")

    world.work()

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "not-enrolled")]
    assert server.asked == []


def test_event_stands_in_the_audit(world: World) -> None:
    """What the server's text means is told by a name, never by the text."""
    world.person(has_token=False)
    server = with_factor(world)
    rules = (Rule(event=Event.LOCKED, words=("locked out",)),)
    world.upstreams = (upstream(dialogue=Speech(name="mine", rules=rules)),)
    world.reload()
    tell(world.nas(STEP_UP), "alice", b"123456")

    server.reject(b"You are LOCKED  out until 9.")

    assert spoken(world)[0]["event"] == "locked"
    assert "until 9" not in str(world.lines())


def test_password_of_a_user_with_both_is_split_in_auto(world: World) -> None:
    """In `auto` a local code behind the password is a login; the server is not asked."""
    alice = world.person()
    server = serve(world, client(AUTO, Mode.AUTO, factors=ALL))
    assign(world, "alice")

    assert world.nas(AUTO).decide("alice", alice.password + alice.code(world.now)) == ACCEPT
    assert server.asked == []


def test_what_else_arrived_is_counted_in_the_audit(world: World) -> None:
    """Replies that were none, retransmissions and servers tried stand in the line."""
    world.person(has_token=False)
    server = with_factor(world)
    tell(world.nas(STEP_UP), "alice", b"123456")

    server.fail(
        Reason.UPSTREAM_SILENT,
        "192.0.2.102:1812",
        sent=3,
        servers=2,
        ignored={"wrong-source": 2, "bad-response-authenticator": 1},
    )

    assert spoken(world) == [
        {"name": "rsa", "server": "192.0.2.102:1812", "answer": "upstream-silent", "sent": 3,
         "servers": 2, "ignored": {"wrong-source": 2, "bad-response-authenticator": 1}}
    ]  # fmt: skip
