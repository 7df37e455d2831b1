"""What stands in replies: signatures, Proxy-State, configured attributes, Class; and silence."""

from __future__ import annotations

import pytest

from radiusmfa.config.model import NONE, Client, Mode, Tri
from radiusmfa.secret import Secret
from radiusmfa.stores import trail
from tests.fakes import FakePort
from tests.flows.world import (
    ACCEPT,
    ACCOUNTED,
    ACCT_STATUS_TYPE,
    APPEND,
    ASKING,
    CHALLENGE,
    CLASS,
    MESSAGE_AUTHENTICATOR,
    PROXY_STATE,
    REJECT,
    REPLY_MESSAGE,
    STEP_UP,
    USER_NAME,
    USER_PASSWORD,
    World,
    client,
)

EAP_MESSAGE, CHAP_PASSWORD = 79, 3
FILTER_ID, SESSION_TIMEOUT = 11, 27
ALICE, BLANK = (USER_NAME, b"alice"), (USER_PASSWORD, bytes(16))


def configure(world: World, *clients: Client) -> None:
    """Serve other clients."""
    world.clients = clients
    world.reload()


def test_message_authenticator_is_first_in_every_reply(world: World) -> None:
    """Accept, Challenge and Reject each begin with a right Message-Authenticator."""
    alice = world.person()
    nas = world.nas(ASKING)
    state = nas.challenged("alice", alice.password)  # each reply is checked where it arrives

    for typed, expected in ((b"wrong", None), (alice.code(world.now), state)):
        reply = nas.ask("alice", typed, expected)
        assert reply is not None
        assert reply.attributes[0][0] == MESSAGE_AUTHENTICATOR
        assert len(reply.values(MESSAGE_AUTHENTICATOR)) == 1


def test_proxy_states_come_back_in_order(world: World) -> None:
    """Every Proxy-State is returned unchanged and in order, also an empty one."""
    alice = world.person()
    sent = [b"first", b"", b"\0\xff" * 100, b"first"]
    extra = [(PROXY_STATE, value) for value in sent]

    for typed in (alice.code(world.now), b"wrong"):
        reply = world.nas(STEP_UP).ask("alice", typed, None, *extra)
        assert reply is not None
        assert reply.values(PROXY_STATE) == sent


def test_configured_attributes_are_in_the_accept_only(world: World) -> None:
    """An Accept holds what the configuration says, filled in; a Reject holds none of it."""
    reply = (("Filter-Id", "for {user} at {client}"), ("Session-Timeout", "600"))
    configure(world, client(STEP_UP, Mode.STEP_UP, reply=reply))
    alice = world.person()
    nas = world.nas(STEP_UP)

    rejected = nas.ask("alice", b"wrong")
    accepted = nas.ask("ALICE", alice.code(world.now))

    assert rejected is not None
    assert accepted is not None
    assert [kind for kind, _ in rejected.attributes] == [MESSAGE_AUTHENTICATOR]
    assert accepted.values(FILTER_ID) == [b"for alice at step-up"]
    assert accepted.values(SESSION_TIMEOUT) == [(600).to_bytes(4)]


def test_promise_6_attribute_that_cannot_be_made_is_a_reject(world: World) -> None:
    """If a configured attribute does not fit, the login is rejected rather than accepted less."""
    reply = (("Filter-Id", "{user}" * 2),)
    configure(world, client(STEP_UP, Mode.STEP_UP, reply=reply))
    name = "a" * 130
    alice, bob = world.person(name), world.person("bob")
    nas = world.nas(STEP_UP)

    assert nas.decide(name, alice.code(world.now)) == REJECT
    assert world.reasons == [("reject", "attribute-failed")]
    assert nas.decide("bob", bob.code(world.now)) == ACCEPT


def proxied(octets: int) -> list[tuple[int, bytes]]:
    """Return Proxy-State attributes that take *octets* altogether."""
    whole, rest = divmod(octets, 255)
    values = [bytes(253)] * whole + ([bytes(rest - 2)] if rest >= 2 else [])
    return [(PROXY_STATE, value) for value in values]


def test_promise_6_accept_without_room_for_its_attributes_is_a_reject(world: World) -> None:
    """A reply too full of Proxy-State for the configured attributes is a Reject."""
    configure(world, client(STEP_UP, Mode.STEP_UP, reply=(("Filter-Id", "f" * 200),)))
    alice = world.person()

    reply = world.nas(STEP_UP).ask("alice", alice.code(world.now), None, *proxied(3900))

    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons == [("reject", "attribute-failed")]


def test_promise_6_challenge_without_room_for_its_state_is_a_reject(world: World) -> None:
    """A reply too full of Proxy-State for a State is a Reject."""
    alice = world.person()

    reply = world.nas(ASKING).ask("alice", alice.password, None, *proxied(4010))

    assert reply is not None
    assert reply.code == REJECT
    assert len(reply.values(PROXY_STATE)) == 16


def test_accept_without_room_leaves_class_out(world: World) -> None:
    """What no configuration promised may be missing where Proxy-State fills the packet."""
    alice = world.person()

    reply = world.nas(STEP_UP).ask("alice", alice.code(world.now), None, *proxied(4031))

    assert reply is not None
    assert (reply.code, reply.values(CLASS)) == (ACCEPT, [])
    assert world.reasons == [("accept", "passed")]


def test_reject_message_is_shown_and_says_nothing(world: World) -> None:
    """A Reject holds the configured message, the same whatever was wrong."""
    configure(world, client(ASKING, Mode.CHALLENGE, reject_message="No.", prompt_limit=16))
    world.person()
    nas = world.nas(ASKING)

    replies = [nas.ask(name, b"wrong") for name in ("alice", "mallory")]

    assert [reply.values(REPLY_MESSAGE) for reply in replies if reply] == [[b"No."]] * 2


def test_prompt_is_cut_between_characters(world: World) -> None:
    """A prompt longer than the client shows is cut, and stays UTF-8."""
    configure(world, client(ASKING, Mode.CHALLENGE, prompt="\u00e4" * 20, prompt_limit=17))
    alice = world.person()

    reply = world.nas(ASKING).ask("alice", alice.password)

    assert reply is not None
    assert reply.values(REPLY_MESSAGE) == ["\u00e4".encode() * 8]


def test_promise_4_stranger_gets_silence(world: World) -> None:
    """Whoever is no client gets no answer, whatever is sent."""
    alice = world.person()
    nas = world.nas("203.0.113.1")

    for request in (nas.request("alice", alice.code(world.now)), nas.status(), b"", b"\1" * 5000):
        nas.put(request)

    assert world.port.sent == []
    assert world.lines() == []
    assert world.counters.total_invalid_requests == 4


@pytest.mark.parametrize(
    "kind", ["wrong-secret", "unsigned", "changed", "cut", "long", "accounting"]
)
def test_promise_4_unverified_packet_gets_silence(world: World, kind: str) -> None:
    """What is not signed by the client's secret, or was changed, gets no answer and no trace."""
    alice = world.person()
    nas = world.nas(STEP_UP, secret=b"x" * 16 if kind == "wrong-secret" else b"")
    if kind != "wrong-secret":
        nas = world.nas(STEP_UP)
    nas.is_signing = kind != "unsigned"
    request = nas.request("alice", alice.code(world.now))
    changed = {
        "changed": request[:-1] + bytes([request[-1] ^ 1]),
        "cut": request[:-1],
        "long": request[:2] + b"\xff\xff" + request[4:],
        "accounting": b"\4" + request[1:],
    }

    nas.put(changed.get(kind, request))

    assert world.port.sent == []
    assert world.lines() == []
    assert len(world.port.duplicates) == 0


def test_promise_4_bad_packets_do_not_spoil_the_burst(world: World) -> None:
    """Between strange packets the right one is answered."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    right = nas.request("alice", alice.code(world.now))

    nas.put(b"", b"\1" * 19, right[:30], right, bytes(4096), b"\xff" * 100)

    assert [octets[0] for octets, _ in world.port.sent] == [ACCEPT]


def test_client_that_need_not_sign_is_answered_signed(world: World) -> None:
    """With the waiver an unsigned request is decided, and its reply signed all the same."""
    configure(world, client(STEP_UP, Mode.STEP_UP, require_message_authenticator=Tri.NO))
    alice = world.person()
    nas = world.nas(STEP_UP)
    nas.is_signing = False

    assert nas.decide("alice", alice.code(world.now)) == ACCEPT


def test_what_auto_learned_outlives_a_restart(world: World) -> None:
    """A client that signed once must sign for ever, also after a restart."""
    configure(world, client(STEP_UP, Mode.STEP_UP, require_message_authenticator=Tri.AUTO))
    alice = world.person()
    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT
    world.restart()
    nas = world.nas(STEP_UP)
    nas.is_signing = False

    assert nas.ask("alice", alice.code(world.now, 1)) is None


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        pytest.param([ALICE, (CHAP_PASSWORD, bytes(17))], "unsupported-method", id="chap"),
        pytest.param([ALICE, (EAP_MESSAGE, b"\2\7\0\4")], "unsupported-method", id="eap"),
        pytest.param([ALICE], "no-credentials", id="nothing"),
        pytest.param([BLANK], "no-user-name", id="nobody"),
        pytest.param([(USER_NAME, b""), BLANK], "bad-user-name", id="empty-name"),
        pytest.param([ALICE, (USER_PASSWORD, bytes(15))], "bad-user-password", id="odd"),
        pytest.param([ALICE, (USER_NAME, b"bob"), BLANK], "duplicate-attribute", id="two-names"),
        pytest.param(
            [ALICE, BLANK, (CHAP_PASSWORD, bytes(17))], "two-credentials", id="two-proofs"
        ),
    ],
)
def test_request_that_cannot_be_decided_is_rejected(
    world: World, attributes: list[tuple[int, bytes]], reason: str
) -> None:
    """A verified request without one usable proof is rejected, and the audit says why."""
    world.person(has_token=False, password_only=True)
    nas = world.nas(ASKING)

    reply = nas.send(nas.packet(1, bytes(range(16)), tuple(attributes)))

    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons == [("reject", reason)]
    if (EAP_MESSAGE, b"\2\7\0\4") in attributes:
        assert reply.values(EAP_MESSAGE) == [b"\4\7\0\4"]


def test_unsigned_request_without_proof_gets_silence(world: World) -> None:
    """What holds neither a proof nor a signature is not answered."""
    configure(world, client(STEP_UP, Mode.STEP_UP, require_message_authenticator=Tri.NO))
    nas = world.nas(STEP_UP)
    nas.is_signing = False

    assert nas.send(nas.packet(1, bytes(16), ((USER_NAME, b"alice"),))) is None
    assert world.lines() == []


def test_status_server_is_answered_on_both_ports(world: World) -> None:
    """A client that asks whether we live gets an Accept, or an Accounting-Response."""
    nas = world.nas(STEP_UP)

    first = nas.send(nas.status())
    again = nas.send(nas.status())
    second = nas.send(nas.status(), port=world.accounting)

    assert first is not None
    assert again is not None
    assert second is not None
    assert (first.code, again.code, second.code) == (ACCEPT, ACCEPT, ACCOUNTED)
    assert world.counters.total_status_requests == 3
    assert world.lines() == []


def test_unsigned_status_server_gets_silence(world: World) -> None:
    """A Status-Server needs a signature, waiver or not."""
    configure(world, client(STEP_UP, Mode.STEP_UP, require_message_authenticator=Tri.NO))
    nas = world.nas(STEP_UP)
    nas.is_signing = False

    assert nas.send(nas.status()) is None


def test_accounting_is_tied_to_its_login(world: World) -> None:
    """What a client reports of a session stands in the audit under the login that opened it."""
    alice = world.person()
    nas = world.nas(STEP_UP)
    accepted = nas.ask("alice", alice.code(world.now))
    assert accepted is not None
    (login,) = accepted.values(CLASS)

    for status in (1, 3, 2):
        request = nas.accounting(
            (ACCT_STATUS_TYPE, status.to_bytes(4)), (CLASS, login), (44, b"session-1"),
            (46, (60).to_bytes(4)), (USER_NAME, b"alice"), (PROXY_STATE, b"p"),
        )  # fmt: skip
        reply = nas.send(request, port=world.accounting)
        assert reply is not None
        assert reply.code == ACCOUNTED
        assert reply.values(PROXY_STATE) == [b"p"]

    lines = world.lines("accounting")
    assert [line["status"] for line in lines] == ["start", "interim", "stop"]
    assert {line["id"] for line in lines} == {login.decode(), world.lines()[0]["id"]}
    assert lines[0]["session"] == "session-1"
    assert trail.verify(world.admin).fault is None
    assert world.counters.total_accounting_responses == 3


def test_accounting_duplicate_is_one_line(world: World) -> None:
    """A report sent twice is answered twice and written once."""
    nas = world.nas(STEP_UP)
    request = nas.accounting((ACCT_STATUS_TYPE, (1).to_bytes(4)))

    replies = [nas.send(request, port=world.accounting) for _ in range(2)]

    assert replies[0] == replies[1]
    assert len(world.lines("accounting")) == 1


def test_accounting_that_cannot_be_recorded_is_not_acknowledged(world: World) -> None:
    """A report that says nothing is not answered, and may come again."""
    nas = world.nas(STEP_UP)
    request = nas.accounting((USER_NAME, b"alice"))

    assert nas.send(request, port=world.accounting) is None
    assert nas.send(request, port=world.accounting) is None
    assert world.lines("accounting") == []
    assert [reason for reason, _ in world.discards] == ["missing-attribute"] * 2


def test_promise_4_accounting_with_a_wrong_secret_gets_silence(world: World) -> None:
    """A forged report is neither answered nor written."""
    nas = world.nas(STEP_UP, secret=b"another secret...")

    nas.put(nas.accounting((ACCT_STATUS_TYPE, (1).to_bytes(4))), port=world.accounting)

    assert world.accounting.sent == []
    assert world.lines("accounting") == []


def test_client_that_drops_signed_replies_gets_unsigned_ones(world: World) -> None:
    """With `sign_replies: no` the reply has no Message-Authenticator."""
    configure(world, client(STEP_UP, Mode.STEP_UP, sign_replies=False))
    alice = world.person()
    nas = world.nas(STEP_UP)

    nas.put(nas.request("alice", alice.code(world.now)))

    ((octets, _),) = world.port.sent
    assert octets[0] == ACCEPT
    assert octets[20] == CLASS


def test_eap_is_answered_signed_whatever_the_client_wants(world: World) -> None:
    """A Reject with EAP-Message has a Message-Authenticator also with `sign_replies: no`."""
    configure(world, client(STEP_UP, Mode.STEP_UP, sign_replies=False))
    nas = world.nas(STEP_UP)

    reply = nas.send(nas.packet(1, bytes(16), ((USER_NAME, b"alice"), (79, b"\2\7\0\5\1"))))

    assert reply is not None
    assert reply.code == REJECT
    assert reply.values(79) == [b"\4\7\0\4"]


def test_each_client_is_known_by_its_own_secret(world: World) -> None:
    """The longest prefix decides whose secret counts, and a neighbor's is refused."""
    configure(
        world,
        client("192.0.2.0/24", Mode.STEP_UP, name="net"),
        client("192.0.2.7", Mode.STEP_UP, name="one", secret=Secret(b"a secret of its own")),
    )
    alice = world.person()

    assert world.nas("192.0.2.7").ask("alice", alice.code(world.now)) is None
    own = world.nas("192.0.2.7", secret=b"a secret of its own")
    assert own.decide("alice", alice.code(world.now)) == ACCEPT
    assert world.lines()[0]["client"] == "one"


def test_mapped_and_plain_ipv4_are_one_client(world: World) -> None:
    """An IPv4 client that arrives at an IPv6 socket is the same client."""
    alice = world.person()

    assert world.nas("::ffff:" + STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT


def test_counters_tell_what_was_answered(world: World) -> None:
    """The counters hold each kind of answer."""
    alice = world.person()
    nas = world.nas(ASKING)
    nas.decide("alice", alice.code(world.now), nas.challenged("alice", alice.password))
    nas.decide("alice", b"wrong")

    read = world.counters.read()

    assert read["total_access_requests"] == 3
    assert read["total_access_accepts"] == 1
    assert read["total_access_challenges"] == 1
    assert read["total_access_rejects"] == 1


def test_client_without_a_primary_never_asks_for_a_password(world: World) -> None:
    """In `step-up` no password is hashed."""
    alice = world.person()
    assert world.clients[0].primary == NONE

    world.nas(STEP_UP).decide("alice", alice.code(world.now))

    assert world.threads.asked == []


def test_no_more_is_read_while_too_much_waits(world: World) -> None:
    """While others write, requests wait in a bounded number."""
    world.person()
    nas = world.nas(STEP_UP)
    world.port = FakePort(lifetime=300)
    world.admin.connection.execute("BEGIN IMMEDIATE")
    assert not world.pipeline.is_blocked
    for port in range(20):
        nas.port = 41000 + port
        nas.put(*(nas.request("alice", b"000000") for _ in range(25)))

    states = (world.pipeline.is_blocked, world.pipeline.is_idle)
    assert states == (False, False)
    world.admin.connection.execute("ROLLBACK")
    world.clock.advance(0.01)
    assert world.pipeline.is_idle
    assert len(world.port.sent) == 500


def test_challenge_code_is_no_login(world: World) -> None:
    """A client that takes a Challenge for an Accept gets nothing in it that an Accept has."""
    alice = world.person()

    reply = world.nas(ASKING).ask("alice", alice.password)

    assert reply is not None
    assert reply.code == CHALLENGE
    assert reply.values(CLASS) == []
    assert world.nas(APPEND).decide("alice", alice.password) == REJECT
