"""Dialogues of token servers: relayed round by round, for one person at one client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config import dialogues
from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import Codec, Prompts
from radiusmfa.outcome import Reason
from radiusmfa.stores import people
from tests.flows.upstreams import (
    PROXY,
    TokenServer,
    proxied,
    serve,
    spoken,
    tell,
    told,
    upstream,
)
from tests.flows.world import (
    ACCEPT,
    CHALLENGE,
    PROMPT,
    REJECT,
    REPLY_MESSAGE,
    STATE,
    STEP_UP,
    World,
    client,
)

if TYPE_CHECKING:
    from tests.flows.world import Nas, Reply

EAP_MESSAGE, SESSION_TIMEOUT = 79, 27
OTHER = "192.0.2.9"
PROXIED = pytest.mark.parametrize("address", [STEP_UP, PROXY], ids=["factor", "proxy"])
"""A token server that checks the factor, and one that checks everything."""


def with_dialogue(world: World, *, rounds: int = 20, **settings: Any) -> TokenServer:  # noqa: ANN401
    """Serve a broker and a proxy whose upstream speaks like SecurID."""
    settings = {"factors": ("securid",)} | settings
    return serve(
        world,
        client(STEP_UP, Mode.STEP_UP, **settings),
        proxied(**settings),
        client(OTHER, Mode.STEP_UP, name="other", **settings),
        upstreams=(upstream(dialogue=dialogues.shipped("securid"), rounds=rounds),),
    )


def challenged(
    nas: Nas,
    server: TokenServer,
    *extra: tuple[int, bytes],
    text: bytes = b"Enter a new PIN having from 4 to 8 digits: ",
    theirs: bytes = b"theirs 1",
) -> Reply:
    """Return the first challenge of the upstream as the client gets it."""
    request = tell(nas, "alice", b"00123456")
    server.challenge(theirs, text, *extra)
    return told(nas, request)


# -- refused --


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param([(REPLY_MESSAGE, b"PIN?")], id="no-state"),
        pytest.param([(STATE, b"one"), (STATE, b"two")], id="two-states"),
        pytest.param([(STATE, b"")], id="empty-state"),
        pytest.param([(STATE, b"one"), (EAP_MESSAGE, b"\x01\x01\x00\x04")], id="eap"),
    ],
)
@PROXIED
def test_challenge_that_nobody_can_answer_is_rejected(
    world: World, address: str, attributes: list[tuple[int, bytes]]
) -> None:
    """Without exactly one State, or with EAP in it, a challenge ends the login."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(address)
    request = tell(nas, "alice", b"00123456")

    server.answer(CHALLENGE, *attributes)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "bad-challenge")]
    assert spoken(world)[0]["answer"] == "challenge"


def test_endless_dialogue_is_ended(world: World) -> None:
    """A server that asks again and again is stopped after as many rounds as are configured."""
    world.person(has_token=False)
    server = with_dialogue(world, rounds=3)
    nas = world.nas(STEP_UP)
    state = challenged(nas, server).state
    for number in range(2):
        request = tell(nas, "alice", b"1234", state)
        server.challenge(b"theirs again %d" % number, b"And again: ")
        state = told(nas, request).state
    request = tell(nas, "alice", b"1234", state)

    server.challenge(b"theirs for ever", b"And again: ")

    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", "too-many-rounds")
    assert len({line["id"] for line in world.lines()}) == 1


@PROXIED
def test_challenge_that_the_client_cannot_show_is_rejected(world: World, address: str) -> None:
    """A client without challenges gets a Reject, and the audit says what was asked."""
    world.person(has_token=False)
    server = with_dialogue(world, shows_challenges=False)
    nas = world.nas(address)

    reply = challenged(nas, server)

    assert (reply.code, reply.values(STATE)) == (REJECT, [])
    assert world.reasons == [("reject", "challenge-not-shown")]
    assert spoken(world)[0]["event"] == "new-pin-wanted"


@PROXIED
def test_refused_answer_is_rejected(world: World, address: str) -> None:
    """What the server refuses in the middle of a dialogue ends it, and is counted."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(address)
    request = tell(nas, "alice", b"1234", challenged(nas, server).state)

    server.reject(b"Access denied.")

    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", "upstream-refused")
    assert [one.factor for one in people.failures(world.admin, "alice")] == ["upstream"]


@pytest.mark.parametrize("reason", [Reason.DIALOGUE_LOST, Reason.UNANSWERED])
def test_server_that_vanishes_in_the_middle_is_no_outage(world: World, reason: Reason) -> None:
    """A dialogue stays on its server: where that is gone the login ends, no other factor counts."""
    world.person()
    server = with_dialogue(world, when_unavailable=("totp",))
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"1234", challenged(nas, server).state)

    server.fail(reason)

    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", reason.value)


def test_upstream_that_the_configuration_lost_ends_the_dialogue(world: World) -> None:
    """After a reload without the upstream an open dialogue is lost, whatever is typed."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    state = challenged(nas, server).state
    world.upstreams = (upstream("another"),)
    world.reload()

    assert nas.decide("alice", b"1234", state) == REJECT
    assert world.reasons[-1] == ("reject", "dialogue-lost")
    assert len(server.asked) == 1


def test_answer_that_cannot_be_written_is_rejected(world: World) -> None:
    """A PIN that the server's codec lacks is not sent; the dialogue is over."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    state = challenged(nas, server).state
    world.upstreams = (upstream(codec=Codec.CP1252),)
    world.reload()

    assert nas.decide("alice", "\u4e2d".encode(), state) == REJECT
    assert world.reasons[-1] == ("reject", "text-not-writable")
    assert len(server.asked) == 1


@PROXIED
def test_stolen_state_is_refused_and_stays_good(world: World, address: str) -> None:
    """A State shown by another client is refused there; who it belongs to can still answer."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(address)
    state = challenged(nas, server).state

    assert world.nas(OTHER).decide("alice", b"1234", state) == REJECT
    assert world.reasons[-1] == ("reject", "unknown-state")
    assert len(server.asked) == 1

    request = tell(nas, "alice", b"1234", state)
    server.accept()
    assert told(nas, request).code == ACCEPT


@PROXIED
def test_state_of_another_person_is_refused(world: World, address: str) -> None:
    """A dialogue goes on with the person it began with, stranger or not."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(address)
    state = challenged(nas, server).state

    assert nas.decide("mallory", b"1234", state) == REJECT
    assert world.reasons[-1] == ("reject", "unknown-state")
    assert len(server.asked) == 1


@pytest.mark.parametrize("state", [b"theirs 1", b"", b"x" * 253, b"\xff\x00"])
def test_state_that_is_none_of_ours_is_refused(world: World, state: bytes) -> None:
    """The upstream's own State, or any other, answers nothing."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    challenged(nas, server)

    assert nas.decide("alice", b"1234", state) == REJECT
    assert len(server.asked) == 1


def test_state_answers_once(world: World) -> None:
    """An answered State is used: the same answer again is another login's, and refused."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    state = challenged(nas, server).state
    tell(nas, "alice", b"1234", state)
    server.accept()

    assert nas.decide("alice", b"1234", state) == REJECT
    assert world.reasons[-1] == ("reject", "unknown-state")


@pytest.mark.parametrize(("limit", "seconds"), [(None, 180), (30, 30), (600, 180), (0, 180)])
def test_abandoned_dialogue_expires(world: World, limit: int | None, seconds: int) -> None:
    """Nobody answers after the lifetime, or after the shorter time that the server gave."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    extra = [] if limit is None else [(SESSION_TIMEOUT, limit.to_bytes(4))]
    early = challenged(nas, server, *extra).state
    late = challenged(nas, server, *extra).state
    world.clock.advance(seconds - 1)
    tell(nas, "alice", b"1234", early)
    world.clock.advance(1)

    assert nas.decide("alice", b"1234", late) == REJECT
    assert world.reasons[-1] == ("reject", "unknown-state")
    assert len(server.asked) == 3


def test_abandoned_dialogue_leaves_nothing(world: World) -> None:
    """What nobody answered is taken out of the store."""
    world.person(has_token=False)
    server = with_dialogue(world)
    challenged(world.nas(STEP_UP), server)
    world.clock.advance(181)

    world.pipeline.tidy()

    assert world.admin.connection.execute("SELECT count(*) FROM challenges").fetchone() == (0,)
    assert len(world.challenges) == 0


@PROXIED
@pytest.mark.parametrize("is_before", [True, False], ids=["before", "while-it-thinks"])
def test_user_disabled_in_the_middle_is_rejected(
    world: World, address: str, *, is_before: bool
) -> None:
    """Whom an administrator disables during a dialogue does not get in by its last answer."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(address)
    state = challenged(nas, server).state
    if is_before:
        people.set_disabled(world.admin, world.actor, "alice", disabled=True)
        assert nas.decide("alice", b"1234", state) == REJECT
        assert len(server.asked) == 1
    else:
        request = tell(nas, "alice", b"1234", state)
        people.set_disabled(world.admin, world.actor, "alice", disabled=True)
        server.accept()
        assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", "user-disabled")


# -- relayed --


@PROXIED
def test_dialogue_of_several_rounds_ends_in_an_accept(world: World, address: str) -> None:
    """New PIN, confirmed, next code: each question and answer passes, and the Accept at the end."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(address)
    reply = challenged(nas, server)
    states = [reply.state]
    rounds = [
        (b"4711", b"Please re-enter new PIN:", b"theirs 2"),
        (b"4711", b"PIN Accepted. Wait for the token code to change, then enter it:", b"\x00\xff"),
    ]
    for typed, text, theirs in rounds:
        request = tell(nas, "alice", typed, states[-1])
        asked = server.challenge(theirs, text)
        assert asked.typed == typed
        reply = told(nas, request)
        assert reply.values(REPLY_MESSAGE) == [text]
        states.append(reply.state)
    request = tell(nas, "alice", b"4711654321", states[-1])
    asked = server.accept((11, b"staff"))

    last = told(nas, request)
    assert (last.code, last.values(11), last.values(STATE)) == (ACCEPT, [b"staff"], [])
    assert asked.values(STATE) == [b"\x00\xff"]
    assert len(set(states)) == 3
    assert [line["upstreams"][0].get("event") for line in world.lines()] == [
        "new-pin-wanted", "pin-confirm-wanted", "pin-accepted", None,
    ]  # fmt: skip
    assert {line["reason"] for line in world.lines()[:-1]} == {"upstream-asks"}
    assert len({line["id"] for line in world.lines()}) == 1


def test_state_of_the_server_stays_behind_ours(world: World) -> None:
    """The client sees our State only, the server its own only."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)

    reply = challenged(nas, server, theirs=b"a State of RSA")
    tell(nas, "alice", b"1234", reply.state)

    assert b"a State of RSA" not in reply.octets
    asked = server.heard()
    assert asked.values(STATE) == [b"a State of RSA"]
    assert reply.state not in asked.packet.octets


def test_dialogue_stays_on_its_server(world: World) -> None:
    """The answer goes to the server that asked, whichever is the first by now."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"00123456")
    server.challenge(b"theirs", b"PIN? ", server="192.0.2.102:1812")

    tell(nas, "alice", b"1234", told(nas, request).state)

    assert [one.server for one in server.asked] == ["", "192.0.2.102:1812"]


@PROXIED
def test_answer_may_come_late_and_from_another_port(world: World, address: str) -> None:
    """A person who takes two minutes, behind a NAS that changes its port, is served."""
    world.person(has_token=False)
    server = with_dialogue(world)
    state = challenged(world.nas(address), server).state
    world.clock.advance(120)
    nas = world.nas(address, 50123)
    request = tell(nas, "alice", b"1234", state)

    server.accept()

    assert told(nas, request).code == ACCEPT


@PROXIED
def test_dialogue_survives_a_restart(world: World, address: str) -> None:
    """A server that is started again goes on with the dialogue, also with a stranger's."""
    server = with_dialogue(world)
    nas = world.nas(address)
    state = challenged(nas, server).state
    world.restart()
    request = tell(nas, "alice", b"1234", state)

    asked = TokenServer(world).accept()

    assert asked.values(STATE) == [b"theirs 1"]
    assert told(nas, request).code == ACCEPT


def test_what_stands_in_the_store_is_sealed(world: World) -> None:
    """The upstream's State in the store is no use to whoever reads it."""
    world.person(has_token=False)
    server = with_dialogue(world)

    challenged(world.nas(STEP_UP), server, theirs=b"worth-a-passcode")

    files = [path for path in world.path.parent.iterdir() if path.name.startswith(world.path.name)]
    written = b"".join(path.read_bytes() for path in files)
    assert b"worth-a-passcode" not in written
    assert b"d29ydGgtYS1wYXNzY29kZQ" not in written  # in base64


def test_change_by_command_line_in_between_is_no_harm(world: World) -> None:
    """Another process writes to the store: everything is read again, the dialogue too."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    state = challenged(nas, server).state
    world.person("bob")
    request = tell(nas, "alice", b"1234", state)
    world.person("carol")

    asked = server.accept()

    assert (told(nas, request).code, asked.values(STATE)) == (ACCEPT, [b"theirs 1"])


# -- prompts --


@pytest.mark.parametrize(
    ("attributes", "prompt", "limit"),
    [
        pytest.param([], bytes(4), [], id="none"),
        pytest.param([(PROMPT, (1).to_bytes(4))], (1).to_bytes(4), [], id="echo"),
        pytest.param([(PROMPT, b"\1")], bytes(4), [], id="bad-prompt"),
        pytest.param([(SESSION_TIMEOUT, (45).to_bytes(4))], bytes(4), [(45).to_bytes(4)], id="45"),
        pytest.param([(SESSION_TIMEOUT, bytes(4))], bytes(4), [], id="zero"),
        pytest.param([(SESSION_TIMEOUT, b"45")], bytes(4), [], id="bad-timeout"),
    ],
)
def test_prompt_and_time_are_passed_on(
    world: World, attributes: list[tuple[int, bytes]], prompt: bytes, limit: list[bytes]
) -> None:
    """Whether the answer is shown, and how long the person has, is what the server said."""
    world.person(has_token=False)
    server = with_dialogue(world)

    reply = challenged(world.nas(STEP_UP), server, *attributes)

    assert reply.values(PROMPT) == [prompt]
    assert reply.values(SESSION_TIMEOUT) == limit


@pytest.mark.parametrize(
    ("style", "text"),
    [
        (Prompts.RELAY, b"Enter a new PIN having from 4 to 8 digits:"),
        (Prompts.PLAIN, b"New PIN: "),
        (Prompts.ASA_SDI, b"Enter your new Alpha-Numerical PIN"),
        (Prompts.CITRIX_WI, b"CHANGE_PIN_USER"),
    ],
)
def test_prompt_is_in_the_style_of_the_client(world: World, style: Prompts, text: bytes) -> None:
    """Each client gets the texts that it knows."""
    world.person(has_token=False)
    server = with_dialogue(world, prompts=style)

    reply = challenged(world.nas(STEP_UP), server)

    assert reply.values(REPLY_MESSAGE) == [text]


@pytest.mark.parametrize(
    ("limit", "text", "shown"),
    [
        (16, b"First a greeting.\nNew PIN: ", b"New PIN:"),
        (16, b"Approve the request on your phone", b"Approve the"),
        (253, b"PIN? ", b"PIN?"),
        (253, b"", b"Passcode: "),
        (40, "\u20ac" * 20, "\u20ac" * 13),
    ],
)
def test_prompt_is_cut_to_what_the_client_shows(
    world: World, limit: int, text: bytes | str, shown: bytes | str
) -> None:
    """One Reply-Message, never empty, cut between words or characters where it has to be."""
    world.person(has_token=False)
    server = with_dialogue(world, prompt_limit=limit)
    octets = text.encode() if isinstance(text, str) else text
    expected = shown.encode() if isinstance(shown, str) else shown

    reply = challenged(world.nas(STEP_UP), server, text=octets)

    assert reply.values(REPLY_MESSAGE) == [expected]


def test_long_text_in_several_attributes_is_one(world: World) -> None:
    """A text that the server cut into attributes reaches the client as one."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"00123456")

    server.answer(CHALLENGE, (STATE, b"s"), (REPLY_MESSAGE, b"One."), (REPLY_MESSAGE, b"Two: "))

    assert told(nas, request).values(REPLY_MESSAGE) == [b"One.\nTwo:"]


def test_accept_that_nobody_asked_more_for_is_an_accept(world: World) -> None:
    """A server that could have asked and lets in at once lets in."""
    world.person(has_token=False)
    server = with_dialogue(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"00123456")

    server.accept((REPLY_MESSAGE, b"Enter a new PIN having from 4 to 8 digits:"))

    assert told(nas, request).code == ACCEPT
