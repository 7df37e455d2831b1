"""An upstream checks the password: what it refuses stays out, what it grants needs a factor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import Codec
from radiusmfa.outcome import Reason
from radiusmfa.stores import people, tokens
from radiusmfa.wire import salt, vendor
from tests.flows.upstreams import (
    UPSTREAM_SECRET,
    Asked,
    TokenServer,
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
    CLASS,
    PROXY_STATE,
    REJECT,
    REPLY_MESSAGE,
    SECRET,
    World,
    client,
)

if TYPE_CHECKING:
    from tests.flows.world import Reply

MICROSOFT, SEND_KEY, RECV_KEY = 311, 16, 17
VENDOR_SPECIFIC, FILTER_ID, SESSION_TIMEOUT = 26, 11, 27
FILTER = (FILTER_ID, b"staff")
KEYS = {SEND_KEY: bytes(range(32)), RECV_KEY: bytes(range(32, 64))}
NOT_ASKED = [Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY]


def with_primary(world: World, mode: Mode = Mode.CHALLENGE, **settings: Any) -> TokenServer:  # noqa: ANN401
    """Let `rsa` check the passwords of a client in *mode*."""
    address = {Mode.CHALLENGE: ASKING, Mode.APPEND: APPEND, Mode.AUTO: AUTO}[mode]
    return serve(world, client(address, mode, **({"primary": "rsa"} | settings)))


def sealed(asked: Asked, keys: dict[int, bytes] = KEYS, secret: bytes = UPSTREAM_SECRET) -> bytes:
    """Return MPPE keys as the upstream hides them for the request in *asked*."""
    authenticator = asked.packet.authenticator
    return b"".join(
        vendor.encode(MICROSOFT, kind, salt.seal(key, secret, authenticator, bytes((0x80, kind))))
        for kind, key in keys.items()
    )


def opened(reply: Reply, request: bytes) -> dict[int, bytes]:
    """Return the MPPE keys of an Accept, as the client opens them with its own secret."""
    return {
        kind: salt.unseal(hidden, SECRET, request[4:20])
        for value in reply.values(VENDOR_SPECIFIC)
        for _, kind, hidden in vendor.sub_attributes(value) or ()
    }


def test_refused_password_is_rejected(world: World) -> None:
    """What the upstream refuses is a Reject with its words, and no code is asked for."""
    world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"wrong")

    asked = server.reject(b"Not today.")

    reply = told(nas, request)
    assert (reply.code, reply.values(REPLY_MESSAGE)) == (REJECT, [b"Not today."])
    assert asked.typed == b"wrong"
    assert world.reasons == [("reject", "upstream-refused")]
    assert spoken(world) == [
        {"name": "rsa", "server": "192.0.2.101:1812", "event": "denied", "answer": "reject",
         "sent": 1}
    ]  # fmt: skip
    assert "factor" not in world.lines()[-1]
    assert world.threads.asked == []


def test_configured_text_replaces_that_of_the_upstream(world: World) -> None:
    """A client with a text of its own for refusals never shows the upstream's."""
    world.person()
    server = with_primary(world, reject_message="No.")
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"wrong")

    server.reject(b"User is locked out on SERVER-7")

    assert told(nas, request).values(REPLY_MESSAGE) == [b"No."]


@pytest.mark.parametrize("mode", [Mode.CHALLENGE, Mode.APPEND, Mode.AUTO], ids=str)
@pytest.mark.parametrize("reason", [*NOT_ASKED, Reason.UNANSWERED])
def test_password_that_nobody_has_checked_is_rejected(
    world: World, mode: Mode, reason: Reason
) -> None:
    """Servers that are gone, busy or silent let nobody in; the right code stays unused."""
    alice = world.person()
    server = with_primary(world, mode, when_unavailable=("totp", "recovery"))
    nas = world.nas({Mode.CHALLENGE: ASKING, Mode.APPEND: APPEND, Mode.AUTO: AUTO}[mode])
    typed = b"" if mode is Mode.CHALLENGE else alice.code(world.now)
    request = tell(nas, "alice", b"password" + typed)

    server.fail(reason)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", reason.value)]
    assert spoken(world)[0]["answer"] == reason.value
    assert tokens.show(world.admin, alice.serial).last == -1
    assert people.failures(world.admin, "alice") == []


def test_accept_whose_keys_do_not_open_is_rejected(world: World) -> None:
    """An Accept with a hidden attribute that is none of ours to open lets nobody in."""
    world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")
    asked = server.heard()
    broken = vendor.encode(MICROSOFT, SEND_KEY, b"\x80\x01" + bytes(15))

    server.answer_with(asked, ACCEPT, broken)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "bad-upstream-reply")]
    assert spoken(world)[0]["answer"] == "accept"


@pytest.mark.parametrize(
    ("name", "typed"), [("alice", "\u4e2d".encode()), ("alice", b"\xff"), ("\u4e2d", b"right")]
)
def test_what_the_server_cannot_write_is_rejected_unasked(
    world: World, name: str, typed: bytes
) -> None:
    """A name or password that the server's codec lacks is a Reject, and nothing is sent."""
    world.person()
    server = with_primary(world)
    world.upstreams = (upstream(codec=Codec.CP1252),)
    world.reload()

    assert world.nas(ASKING).decide(name, typed) == REJECT
    assert server.asked == []
    assert world.reasons == [("reject", "text-not-writable")]
    assert "upstreams" not in world.lines()[0]


def test_password_is_written_in_the_codec_of_the_server(world: World) -> None:
    """A server that writes cp1252 gets the password in cp1252."""
    world.person()
    server = with_primary(world)
    world.upstreams = (upstream(codec=Codec.CP1252),)
    world.reload()

    tell(world.nas(ASKING), "alice", "p\u00e4ss".encode())

    assert server.heard().typed == b"p\xe4ss"


def test_password_alone_is_no_login(world: World) -> None:
    """Whom the upstream lets in is asked for the local code; a wrong one is a bare Reject."""
    alice = world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")

    server.accept(FILTER)

    challenge = told(nas, request)
    assert challenge.code == CHALLENGE
    assert challenge.values(FILTER_ID) == []
    reply = nas.ask("alice", alice.wrong(world.now), challenge.state)
    assert reply is not None
    assert (reply.code, reply.values(FILTER_ID)) == (REJECT, [])
    assert world.reasons == [("challenge", "passcode-wanted"), ("reject", "bad-passcode")]


def test_first_accept_is_kept_for_the_last(world: World) -> None:
    """Attributes and keys of the upstream's Accept are in ours, hidden for the final request."""
    alice = world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    first = tell(nas, "alice", b"right")
    asked = server.heard()
    server.answer_with(asked, ACCEPT, sealed(asked) + bytes((FILTER_ID, 7)) + b"staff")
    state = told(nas, first).state
    last = nas.request("alice", alice.code(world.now), state)

    reply = nas.send(last)

    assert reply is not None
    assert reply.code == ACCEPT
    assert reply.values(FILTER_ID) == [b"staff"]
    assert opened(reply, last) == KEYS
    assert first[4:20] != last[4:20]
    line = world.lines()[-1]
    assert (line["reason"], line["factor"], line["token"]) == ("passed", "totp", alice.serial)
    assert world.lines()[0]["id"] == line["id"]


def test_first_accept_is_kept_over_a_restart(world: World) -> None:
    """What the upstream gave waits in the store, sealed: a new server has it, a reader does not."""
    alice = world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    first = tell(nas, "alice", b"right")
    asked = server.heard()
    server.answer_with(asked, ACCEPT, sealed(asked))
    state = told(nas, first).state
    rows = world.admin.connection.execute("SELECT * FROM challenges").fetchall()
    world.restart()
    last = nas.request("alice", alice.code(world.now), state)

    reply = nas.send(last)

    assert reply is not None
    assert opened(reply, last) == KEYS
    assert not any(key in repr(rows).encode() for key in KEYS.values())


def test_configured_attributes_come_before_those_of_the_upstream(world: World) -> None:
    """What the configuration gives replaces what the upstream gives under the same name."""
    alice = world.person()
    server = with_primary(world, reply=(("Filter-Id", "local"),))
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")
    server.accept(FILTER, (SESSION_TIMEOUT, (600).to_bytes(4)), (CLASS, b"theirs"))

    reply = nas.ask("alice", alice.code(world.now), told(nas, request).state)

    assert reply is not None
    assert reply.values(FILTER_ID) == [b"local"]
    assert reply.values(SESSION_TIMEOUT) == [(600).to_bytes(4)]
    assert reply.values(CLASS)[1:] == [b"theirs"]


def test_promise_6_accept_without_room_for_what_was_given_is_a_reject(world: World) -> None:
    """Where Proxy-State leaves no room for the upstream's attributes nobody is let in without."""
    alice = world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")
    server.accept(*((FILTER_ID, bytes([65]) * 200) for _ in range(3)))
    filling = [(PROXY_STATE, bytes(253))] * 14

    reply = nas.ask("alice", alice.code(world.now), told(nas, request).state, *filling)

    assert reply is not None
    assert (reply.code, reply.values(FILTER_ID)) == (REJECT, [])
    assert world.reasons[-1] == ("reject", "attribute-failed")


@pytest.mark.parametrize("mode", [Mode.APPEND, Mode.AUTO], ids=str)
def test_password_before_a_code_is_checked_alone(world: World, mode: Mode) -> None:
    """The upstream gets the password without the code, which is used up afterwards."""
    alice = world.person()
    server = with_primary(world, mode)
    nas = world.nas(APPEND if mode is Mode.APPEND else AUTO)
    code = alice.code(world.now)
    request = tell(nas, "alice", b"right" + code)
    assert tokens.show(world.admin, alice.serial).last == -1

    asked = server.accept(FILTER)

    reply = told(nas, request)
    assert (reply.code, reply.values(FILTER_ID)) == (ACCEPT, [b"staff"])
    assert asked.typed == b"right"
    assert tokens.show(world.admin, alice.serial).last == world.now // 30


def test_promise_1_code_used_while_the_upstream_thought_is_a_reject(world: World) -> None:
    """A code that another login has used up meanwhile opens nothing."""
    alice = world.person()
    server = with_primary(world, Mode.APPEND)
    code = alice.code(world.now)
    nas, other = world.nas(APPEND), world.nas(APPEND, 40001)
    first = tell(nas, "alice", b"right" + code)
    second = tell(other, "alice", b"other" + code)

    server.accept()
    server.accept()

    assert [told(nas, first).code, told(other, second).code] == [ACCEPT, REJECT]
    assert world.reasons[-1] == ("reject", "replayed-passcode")


def test_challenge_before_a_code_is_not_shown(world: World) -> None:
    """In `append` an upstream that asks is refused: nobody could keep the code meanwhile."""
    alice = world.person()
    server = with_primary(world, Mode.APPEND, shows_challenges=True)
    nas = world.nas(APPEND)
    request = tell(nas, "alice", b"right" + alice.code(world.now))

    server.challenge(b"theirs", b"Password expired. New one:")

    reply = told(nas, request)
    assert (reply.code, reply.values(24)) == (REJECT, [])
    assert world.reasons == [("reject", "challenge-not-shown")]


def test_upstream_that_asks_before_the_factor_is_relayed(world: World) -> None:
    """A primary with a question of its own is answered first; the local code still follows."""
    alice = world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    first = tell(nas, "alice", b"old")
    server.challenge(b"theirs", b"Password expired. New one: ")
    question = told(nas, first)
    second = tell(nas, "alice", b"new", question.state)

    asked = server.accept(FILTER)

    assert asked.typed == b"new"
    assert asked.values(24) == [b"theirs"]
    challenge = told(nas, second)
    assert (challenge.code, challenge.values(REPLY_MESSAGE)) == (CHALLENGE, [b"Passcode: "])
    reply = nas.ask("alice", alice.code(world.now), challenge.state)
    assert reply is not None
    assert (reply.code, reply.values(FILTER_ID)) == (ACCEPT, [b"staff"])
    assert len({line["id"] for line in world.lines()}) == 1


def test_questions_of_the_upstream_are_no_wrong_passcodes(world: World) -> None:
    """Whoever had to answer the primary first has as many tries at the code as everybody."""
    alice = world.person()
    server = with_primary(world, attempts=2)
    nas = world.nas(ASKING)
    first = tell(nas, "alice", b"old")
    server.challenge(b"theirs", b"Password expired. New one: ")
    second = tell(nas, "alice", b"new", told(nas, first).state)
    server.accept()
    challenge = told(nas, second)

    again = nas.ask("alice", alice.wrong(world.now), challenge.state)

    assert again is not None
    assert again.code == CHALLENGE
    assert nas.decide("alice", alice.code(world.now), again.state) == ACCEPT


def test_exempt_user_gets_what_the_upstream_gives(world: World) -> None:
    """Whom an administrator exempted is in after the upstream's Accept."""
    world.person(has_token=False, password_only=True)
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")

    server.accept(FILTER)

    reply = told(nas, request)
    assert (reply.code, reply.values(FILTER_ID)) == (ACCEPT, [b"staff"])
    assert world.reasons == [("accept", "password-only")]


# -- people whom the store does not know --


def test_promise_2_stranger_without_a_factor_is_rejected(world: World) -> None:
    """Somebody whom only the upstream knows has no second factor, so stays out."""
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "carol", b"right")

    server.accept()

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "not-enrolled")]


def test_stranger_is_unknown_where_the_store_checks_passwords(world: World) -> None:
    """With a local primary nobody is asked about people whom the store does not know."""
    server = serve(world, client(ASKING, Mode.CHALLENGE, factors=("securid",)))

    assert world.nas(ASKING).decide("carol", b"right") == REJECT
    assert server.asked == []
    assert world.reasons == [("reject", "unknown-user")]


def test_stranger_with_a_factor_for_everyone_gets_in(world: World) -> None:
    """Primary and factor of upstreams need no entry in the store, and leave none."""
    settings = {"primary": "nps", "factors": ("securid",)}
    server = serve(
        world,
        client(ASKING, Mode.CHALLENGE, **settings),
        upstreams=(upstream("nps"), upstream()),
        factors=(factor(),),
    )
    nas = world.nas(ASKING)
    first = tell(nas, "carol", b"right")
    server.accept()
    second = tell(nas, "carol", b"123456", told(nas, first).state)

    asked = server.accept()

    assert asked.inquiry.upstream == "rsa"
    assert told(nas, second).code == ACCEPT
    assert world.lines()[-1]["factor"] == "securid"
    assert [part["name"] for part in spoken(world)] == ["rsa"]
    assert world.logins.registered() == 0


# -- locks --


def refuse(world: World, server: TokenServer, typed: bytes, address: str = ASKING) -> int:
    """Return what comes of a login that the upstream, if it is asked, refuses."""
    nas = world.nas(address)
    request = nas.request("alice", typed)
    reply = nas.send(request)
    if reply is not None:
        return reply.code
    server.reject()
    return told(nas, request).code


def test_refused_passwords_lock(world: World) -> None:
    """After three passwords that the upstream refused it is asked no more for a while."""
    world.person()
    server = with_primary(world)
    for number in range(3):
        assert refuse(world, server, b"wrong %d" % number) == REJECT

    assert world.nas(ASKING).decide("alice", b"right") == REJECT

    assert len(server.asked) == 3
    assert world.reasons[-1] == ("reject", "locked")
    assert {one.factor for one in people.failures(world.admin, "alice")} == {"password"}
    world.clock.advance(31)
    tell(world.nas(ASKING), "alice", b"right")
    assert len(server.asked) == 4


def test_lock_of_a_stranger_holds(world: World) -> None:
    """Somebody whom the store does not know is locked too."""
    server = with_primary(world)
    for number in range(3):
        assert refuse(world, server, b"wrong %d" % number) == REJECT

    assert refuse(world, server, b"right") == REJECT
    assert len(server.asked) == 3


def test_same_wrong_password_counts_once(world: World) -> None:
    """A client that repeats an old password by itself locks nobody out."""
    world.person()
    server = with_primary(world)

    for _ in range(5):
        refuse(world, server, b"the old one")

    assert [one.count for one in people.failures(world.admin, "alice")] == [1]


def test_passwords_guessed_before_the_same_passcode_lock(world: World) -> None:
    """Other passwords are other guesses, also with the same passcode of a token server behind."""
    world.person(has_token=False)
    settings = {"primary": "nps", "factors": ("securid",), "delimiter": ","}
    server = serve(
        world,
        client(APPEND, Mode.APPEND, **settings),
        upstreams=(upstream("nps"), upstream()),
    )
    for number in range(3):
        assert refuse(world, server, b"guess %d,123456" % number, APPEND) == REJECT

    assert refuse(world, server, b"right,123456", APPEND) == REJECT
    assert len(server.asked) == 3
    assert world.reasons[-1] == ("reject", "locked")


def test_guesses_that_wait_at_the_same_time_do_not_pass_the_lock(world: World) -> None:
    """No more guesses are under way at once than in a row; the same one again is no guess."""
    world.person()
    server = with_primary(world)
    ports = [world.nas(ASKING, 40000 + number) for number in range(5)]
    requests = [tell(nas, "alice", b"guess %d" % at) for at, nas in enumerate(ports[:3])]

    assert ports[3].decide("alice", b"guess %d" % 3) == REJECT
    assert world.reasons[-1] == ("reject", "locked")
    again = tell(ports[4], "alice", b"guess %d" % 2, None, (31, b"elsewhere"))

    assert len(server.asked) == 4
    for _ in range(4):
        server.reject()
    assert [told(nas, one).code for nas, one in zip(ports, [*requests], strict=False)] == [3] * 3
    assert told(ports[4], again).code == REJECT


def test_right_password_forgets_wrong_ones(world: World) -> None:
    """What the upstream lets in clears the count."""
    world.person()
    server = with_primary(world)
    refuse(world, server, b"wrong")
    assert people.failures(world.admin, "alice")
    tell(world.nas(ASKING), "alice", b"right")

    server.accept()

    assert people.failures(world.admin, "alice") == []


# -- changes while the upstream thinks --


@pytest.mark.parametrize(
    ("is_gone", "reason"), [(False, "user-disabled"), (True, "not-enrolled")], ids=["off", "gone"]
)
def test_change_while_the_upstream_thinks_counts(
    world: World, reason: str, *, is_gone: bool
) -> None:
    """Whoever is disabled, or loses the token, before the upstream has answered stays out."""
    world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")
    if is_gone:
        people.delete(world.admin, world.actor, "alice")
    else:
        people.set_disabled(world.admin, world.actor, "alice", disabled=True)

    server.accept()

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", reason)]


def test_disabled_user_is_not_asked_about(world: World) -> None:
    """Whom an administrator barred nobody is asked about."""
    world.person()
    people.set_disabled(world.admin, world.actor, "alice", disabled=True)
    server = with_primary(world)

    assert world.nas(ASKING).decide("alice", b"right") == REJECT
    assert server.asked == []


def test_upstream_removed_while_it_thinks_is_a_reject(world: World) -> None:
    """A reload that takes the upstream away refuses who waits for it, and the audit says why."""
    world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")
    world.upstreams = ()
    world.clients = (client(ASKING, Mode.CHALLENGE),)
    world.reload()

    server.accept()

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "dialogue-lost")]


# -- nothing leaves before it is on disk --


def test_promise_3_nothing_is_asked_when_the_commit_fails(world: World) -> None:
    """An upstream hears nothing of a turn that did not reach the disk, nor does the client."""
    world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    world.admin.connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    waiting, refused = nas.request("alice", b"right"), nas.request("alice", b"x", b"no state")

    nas.put(waiting, refused)

    assert (server.asked, world.port.sent, world.pipeline.pending) == ([], [], 0)
    world.admin.connection.execute("DROP TRIGGER broken")
    nas.put(waiting)
    assert len(server.asked) == 1


def test_promise_3_nothing_is_answered_when_the_commit_fails(world: World) -> None:
    """What the upstream granted is not passed on until it is on disk; the client asks again."""
    world.person(has_token=False, password_only=True)
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = tell(nas, "alice", b"right")
    world.admin.connection.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no'); END"
    )

    server.accept()

    assert nas.take(request) is None
    world.admin.connection.execute("DROP TRIGGER broken")
    nas.put(request)
    server.accept()
    assert told(nas, request).code == ACCEPT
