"""Attributes of an Accept that are filled in: the same after any mode and any number of rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.config import dialogues
from radiusmfa.config.model import Explain, Mode
from radiusmfa.stores import tokens
from radiusmfa.wire import vendor
from tests.flows.upstreams import PROXY, TokenServer, proxied, serve, tell, told, upstream
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    CLASS,
    MESSAGE_AUTHENTICATOR,
    REJECT,
    REPLY_MESSAGE,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from tests.flows.world import Person, Reply

FILTER_ID, VENDOR_SPECIFIC, SESSION_TIMEOUT, TUNNEL_TYPE, TUNNEL_GROUP = 11, 26, 27, 64, 81
EAP_MESSAGE: Final = 79
PRIMARY, FACTOR = "192.0.2.7", "192.0.2.8"
Pairs: TypeAlias = "tuple[tuple[str, str], ...]"
REPLY: Final[Pairs] = (
    ("Class", "mfa:{user}"),
    ("Group", "{groups|everybody}"),
    ("Tunnel-Type:1", "VLAN"),
    ("Tunnel-Private-Group-Id:1", "{upstream.Filter-Id|local}"),
    ("Cisco-AVPair", "a={user}"),
    ("Cisco-AVPair", "b={upstream.Session-Timeout|none}"),
)
GIVEN: Final = ((FILTER_ID, b"gold"), (SESSION_TIMEOUT, (600).to_bytes(4)))


def expected(pool: bytes, limit: bytes) -> list[tuple[int, bytes]]:
    """Return what `REPLY` is to become."""
    texts = (b"a=alice", b"b=" + limit)
    return [
        (CLASS, b"mfa:alice"),
        (FILTER_ID, b"ou=everybody"),
        (TUNNEL_TYPE, b"\1\0\0\15"),
        (TUNNEL_GROUP, b"\1" + pool),
        *((VENDOR_SPECIFIC, vendor.encode(9, 1, text)[2:]) for text in texts),
    ]


def configure(world: World, reply: Pairs = REPLY) -> TokenServer:
    """Serve a client of each mode, local and with an upstream, all with the same attributes."""
    shared = {"reply": reply, "group_reply": ("Filter-Id", "ou={group}"), "attempts": 3}
    return serve(
        world,
        client(STEP_UP, Mode.STEP_UP, **shared),
        client(APPEND, Mode.APPEND, **shared),
        client(ASKING, Mode.CHALLENGE, **shared),
        client(AUTO, Mode.AUTO, **shared),
        proxied(**shared),
        client(PRIMARY, Mode.CHALLENGE, name="primary", primary="rsa", **shared),
        client(FACTOR, Mode.STEP_UP, name="factor", factors=("securid",), **shared),
        upstreams=(upstream(dialogue=dialogues.shipped("securid")),),
    )


def own(reply: Reply | None) -> list[tuple[int, bytes]]:
    """Return the attributes of an Accept, less its signature and the id of the login."""
    assert reply is not None
    assert reply.code == ACCEPT
    first, *rest = reply.attributes
    assert first[0] == MESSAGE_AUTHENTICATOR
    return [(kind, value) for kind, value in rest if (kind, value[:6]) != (CLASS, b"login-")]


# -- ways to the last answer --


def step_up(world: World, alice: Person) -> Reply | None:
    """The passcode alone."""
    return world.nas(STEP_UP).ask("alice", alice.code(world.now))


def appended(world: World, alice: Person) -> Reply | None:
    """Password and passcode in one."""
    return world.nas(APPEND).ask("alice", alice.password + alice.code(world.now))


def asked_for(world: World, alice: Person, address: str = ASKING) -> Reply | None:
    """The passcode after a challenge."""
    nas = world.nas(address)
    return nas.ask("alice", alice.code(world.now), nas.challenged("alice", alice.password))


def asked_twice(world: World, alice: Person) -> Reply | None:
    """A wrong passcode in between, and another spelling of the name."""
    nas = world.nas(ASKING)
    again = nas.ask("ALICE", alice.wrong(world.now), nas.challenged("alice", alice.password))
    assert again is not None
    return nas.ask("Alice", alice.code(world.now), again.state)


def auto_appended(world: World, alice: Person) -> Reply | None:
    """`auto` where the tail is a passcode."""
    return world.nas(AUTO).ask("alice", alice.password + alice.code(world.now))


def auto_asked(world: World, alice: Person) -> Reply | None:
    """`auto` where it is none."""
    return asked_for(world, alice, AUTO)


def over_a_restart(world: World, alice: Person) -> Reply | None:
    """Another server answers the second round."""
    state = world.nas(ASKING).challenged("alice", alice.password)
    world.restart()
    return world.nas(ASKING).ask("alice", alice.code(world.now), state)


LOCAL: Final[list[Callable[[World, Person], Reply | None]]] = [
    step_up, appended, asked_for, asked_twice, auto_appended, auto_asked, over_a_restart,
]  # fmt: skip
EVERY_LOCAL: Final = pytest.mark.parametrize("way", LOCAL, ids=lambda way: way.__name__)


def relayed(world: World, server: TokenServer, address: str, rounds: int) -> Reply:
    """Return the answer at the end of a dialogue of *rounds* questions of the upstream."""
    nas, state = world.nas(address), None
    for number in range(rounds):
        request = tell(nas, "alice", b"typed", state)
        server.challenge(b"theirs %d" % number, b"Next?", (FILTER_ID, b"in a challenge"))
        state = told(nas, request).state
    request = tell(nas, "alice", b"typed", state)
    server.accept(*GIVEN)
    return told(nas, request)


EVERY_DIALOGUE: Final = pytest.mark.parametrize("rounds", [0, 1, 4])
EVERY_UPSTREAM: Final = pytest.mark.parametrize(
    "address", [PROXY, FACTOR, PRIMARY], ids=["proxy", "factor", "primary"]
)


def ended(world: World, server: TokenServer, address: str, rounds: int, alice: Person) -> Reply:
    """Return the last answer: behind a primary a passcode of ours is asked for, too."""
    reply = relayed(world, server, address, rounds)
    if address == PRIMARY:
        assert reply.code == CHALLENGE
        last = world.nas(address).ask("alice", alice.code(world.now), reply.state)
        assert last is not None
        return last
    return reply


# -- refused --


@EVERY_LOCAL
@pytest.mark.parametrize(
    "text", ["{groups}", "{group}", "{directory.mail}", "{upstream.Class}", "{user}" * 60]
)
def test_promise_6_no_mode_accepts_without_an_attribute(
    world: World, way: Callable[[World, Person], Reply | None], text: str
) -> None:
    """What cannot be made is a Reject after any mode, with its reason and nothing else in it."""
    alice = world.person()
    configure(world, (*REPLY, ("Reply-Message", text)))

    reply = way(world, alice)

    assert reply is not None
    assert (reply.code, len(reply.attributes)) == (REJECT, 1)
    assert world.reasons[-1] == ("reject", "attribute-failed")
    assert world.lines()[-1]["detail"].startswith("Reply-Message: ")


@EVERY_UPSTREAM
@EVERY_DIALOGUE
@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("Filter-Id", "{upstream.Reply-Message}", id="not-given"),
        pytest.param("Filter-Id", "{upstream.Class:,}", id="nothing-to-join"),
        pytest.param("Framed-IP-Address", "{upstream.Filter-Id}", id="of-another-type"),
        pytest.param("Filter-Id", "{upstream.Filter-Id}" + "x" * 250, id="too-long"),
    ],
)
def test_promise_6_no_dialogue_ends_in_less(
    world: World, address: str, rounds: int, name: str, text: str
) -> None:
    """What the upstream's Accept does not give is a Reject after any number of rounds."""
    alice = world.person()
    server = configure(world, ((name, text),))

    reply = ended(world, server, address, rounds, alice)

    assert (reply.code, len(reply.attributes)) == (REJECT, 1)
    assert world.reasons[-1] == ("reject", "attribute-failed")


@EVERY_UPSTREAM
@pytest.mark.parametrize("value", [b"two\nlines", b"\xff", b"\x1b[2J"])
def test_value_of_an_upstream_that_is_no_text_is_a_reject(
    world: World, address: str, value: bytes
) -> None:
    """Control characters, and what is not UTF-8, are filled in nowhere."""
    alice = world.person()
    server = configure(world, (("Reply-Message", "{upstream.Filter-Id}"),))
    nas = world.nas(address)
    request = tell(nas, "alice", b"typed")
    server.accept((FILTER_ID, value))
    reply = told(nas, request)
    if address == PRIMARY:
        reply = nas.ask("alice", alice.code(world.now), reply.state) or reply

    assert reply.code == REJECT
    assert world.reasons[-1] == ("reject", "attribute-failed")


def test_promise_1_code_of_a_login_without_its_attributes_is_used(world: World) -> None:
    """A passcode that was right for an Accept that could not be made is good for no other."""
    alice = world.person()
    configure(world, (("Filter-Id", "{groups}"),))
    code = alice.code(world.now)
    assert world.nas(STEP_UP).decide("alice", code) == REJECT

    configure(world)

    assert world.nas(STEP_UP).decide("alice", code) == REJECT
    assert [reason for _, reason in world.reasons] == ["attribute-failed", "replayed-passcode"]


# -- the same after any way --


@EVERY_LOCAL
def test_attributes_are_the_same_after_any_mode(
    world: World, way: Callable[[World, Person], Reply | None]
) -> None:
    """Whatever the mode and however often it asked: the same attributes in the same order."""
    alice = world.person()
    configure(world)

    assert own(way(world, alice)) == expected(b"local", b"none")


@EVERY_UPSTREAM
@EVERY_DIALOGUE
def test_attributes_are_the_same_after_any_number_of_rounds(
    world: World, address: str, rounds: int
) -> None:
    """The upstream's Accept alone gives attributes, and ours replace those of the same name."""
    alice = world.person()
    server = configure(world)

    reply = ended(world, server, address, rounds, alice)

    given = [pair for pair in GIVEN if pair[0] != FILTER_ID]
    assert own(reply) == [*expected(b"gold", b"600"), *given]


def test_attributes_are_the_same_after_a_second_code(world: World) -> None:
    """A counter that ran away takes two codes, and the Accept is that of any other login."""
    configure(world)
    hotp = world.hotp()
    assert tokens.show(world.admin, hotp.serial).kind == "hotp"
    nas = world.nas(ASKING)
    state = nas.challenged("alice", hotp.password)
    again = nas.ask("alice", hotp.counted(60), state)
    assert again is not None
    assert world.reasons[-1] == ("challenge", "next-passcode-wanted")

    assert own(nas.ask("alice", hotp.counted(61), again.state)) == expected(b"local", b"none")


def test_attributes_are_the_same_for_a_retransmission(world: World) -> None:
    """A request that comes again gets the same octets, whatever was filled in."""
    alice = world.person()
    configure(world)
    nas = world.nas(STEP_UP)
    request = nas.request("alice", alice.code(world.now))

    first, second = nas.send(request), nas.send(request)

    assert first is not None
    assert second is not None
    assert first.octets == second.octets


# -- what a Reject says --


@pytest.mark.parametrize(
    ("explain", "form"),
    [(Explain.NOTHING, None), (Explain.ID, "({id})"), (Explain.REASON, "({reason} {id})")],
)
def test_reject_names_its_login_where_the_client_is_told_to(
    world: World, explain: Explain, form: str | None
) -> None:
    """The short id, and the reason, are those of the audit; else there is no text."""
    alice = world.person()
    world.clients = (client(STEP_UP, Mode.STEP_UP, explain=explain),)
    world.reload()
    nas = world.nas(STEP_UP)

    for typed in (b"wrong", alice.wrong(world.now)):
        reply = nas.ask("alice", typed)
        line = world.lines()[-1]
        assert reply is not None
        said = [] if form is None else [form.format(id=line["id"][:8], reason=line["reason"])]
        assert [text.decode() for text in reply.values(REPLY_MESSAGE)] == said


def test_words_of_an_upstream_come_before_the_id(world: World) -> None:
    """Whoever is refused by a token server reads its words first."""
    world.person(has_token=False)
    server = serve(world, proxied(explain=Explain.REASON))
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"typed")
    server.reject(b"Not today.")

    (said,) = told(nas, request).values(REPLY_MESSAGE)

    short = world.lines()[-1]["id"][:8].encode()
    assert said == b"Not today. (upstream-refused " + short + b")"


def test_reject_of_eap_explains_nothing(world: World) -> None:
    """EAP has no place for a text."""
    world.clients = (client(STEP_UP, Mode.STEP_UP, explain=Explain.REASON),)
    world.reload()
    nas = world.nas(STEP_UP)

    reply = nas.send(nas.packet(1, bytes(16), ((1, b"alice"), (EAP_MESSAGE, b"\2\7\0\4"))))

    assert reply is not None
    assert [kind for kind, _ in reply.attributes] == [MESSAGE_AUTHENTICATOR, EAP_MESSAGE]
