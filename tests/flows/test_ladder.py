"""`when_unavailable`: which factor counts while servers cannot be asked, and for whom never."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.outcome import Reason
from radiusmfa.stores import people, tokens
from tests.flows.upstreams import TokenServer, assign, factor, proxied, serve, tell, told
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
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

GONE = [Reason.UPSTREAM_SILENT, Reason.UPSTREAM_UNREACHABLE, Reason.UPSTREAM_BUSY]
NOT_GONE = [Reason.UNANSWERED, Reason.DIALOGUE_LOST]


def with_ladder(
    world: World,
    made: UpstreamFactor | None = None,
    **settings: Any,  # noqa: ANN401 - settings of any type
) -> TokenServer:
    """Serve clients where `totp`, then `recovery` counts while the servers of `rsa` are gone."""
    usual = {"factors": ("securid",), "when_unavailable": ("totp", "recovery")} | settings
    return serve(
        world,
        client(STEP_UP, Mode.STEP_UP, **usual),
        client(ASKING, Mode.CHALLENGE, **usual),
        client(APPEND, Mode.APPEND, delimiter=",", **usual),
        factors=(made or factor(),),
    )


# -- what is never followed --


@pytest.mark.parametrize("reason", [None, *NOT_GONE])
def test_refused_or_unanswered_is_never_an_outage(world: World, reason: Reason | None) -> None:
    """Who was refused, or did not answer, is rejected: no other factor stands in for that."""
    world.person()
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"123456")

    if reason is None:
        server.reject()
    else:
        server.fail(reason)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "upstream-refused" if reason is None else reason.value)]


def test_not_enrolled_is_never_an_outage(world: World) -> None:
    """Who has no factor there is not let in by another one because servers are gone."""
    alice = world.person()
    server = serve(
        world,
        client(STEP_UP, Mode.STEP_UP, factors=("hotp", "securid"), when_unavailable=("totp",)),
        factors=(),
    )

    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == REJECT
    assert world.reasons == [("reject", "not-enrolled")]
    assert server.asked == []


def test_text_that_cannot_be_written_is_never_an_outage(world: World) -> None:
    """What did not fit a packet is the person's, not the server's."""
    world.person()
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"123456")

    server.fail(Reason.TEXT_NOT_WRITABLE)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "text-not-writable")]


@pytest.mark.parametrize("reason", GONE)
def test_nothing_stands_in_for_a_primary(world: World, reason: Reason) -> None:
    """A password that nobody could check is no login, whatever other factor the person has."""
    alice = world.person()
    server = with_ladder(world, primary="rsa")
    for address in (ASKING, APPEND):
        nas = world.nas(address)
        request = tell(nas, "alice", b"password," + alice.code(world.now))
        server.fail(reason)
        assert told(nas, request).code == REJECT

    assert {reason for _, reason in world.reasons} == {reason.value}
    assert tokens.show(world.admin, alice.serial).last == -1


def test_nothing_stands_in_for_a_proxy(world: World) -> None:
    """With `mode: proxy` there is no other factor."""
    alice = world.person()
    server = serve(world, proxied(when_unavailable=("totp",)))
    nas = world.nas("192.0.2.5")
    request = tell(nas, "alice", alice.code(world.now))

    server.fail(Reason.UPSTREAM_SILENT)

    assert told(nas, request).code == REJECT


def test_who_has_nothing_else_is_rejected(world: World) -> None:
    """Without another factor the outage is the reason."""
    world.person(has_token=False)
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"123456")

    server.fail(Reason.UPSTREAM_SILENT)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "upstream-silent")]
    assert "instead_of" not in world.lines()[-1]


def test_client_that_shows_nothing_is_told_no(world: World) -> None:
    """Where nobody can be asked for the other passcode the outage is the reason."""
    world.person()
    server = with_ladder(world, shows_challenges=False)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"abcdef")

    server.fail(Reason.UPSTREAM_BUSY)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "upstream-busy")]
    assert world.lines()[-1]["instead_of"] == "securid"


# -- what is followed --


@pytest.mark.parametrize("reason", GONE)
def test_other_passcode_is_asked_for(world: World, reason: Reason) -> None:
    """While servers are gone the person is asked for another token's passcode, and gets in."""
    alice = world.person()
    server = with_ladder(world)
    nas = world.nas(ASKING)
    first = nas.ask("alice", alice.password)
    assert first is not None
    request = tell(nas, "alice", b"123456", first.state)
    server.fail(reason)
    challenge = told(nas, request)
    assert challenge.code == CHALLENGE
    assert b"another token" in challenge.values(REPLY_MESSAGE)[0]
    assert challenge.values(PROMPT) == [bytes(4)]

    assert nas.decide("alice", alice.code(world.now), challenge.state) == ACCEPT

    assert world.reasons[1:] == [
        ("challenge", "other-passcode-wanted"),
        ("accept", "passed-instead"),
    ]
    line = world.lines()[-1]
    assert (line["factor"], line["token"]) == ("totp", alice.serial)
    assert line["instead_of"] == "securid"
    assert world.lines()[1]["upstreams"][0]["answer"] == reason.value


@pytest.mark.parametrize("address", [STEP_UP, APPEND])
def test_other_passcode_may_be_typed_at_once(world: World, address: str) -> None:
    """Who knows of the outage types the other passcode straight away."""
    alice = world.person()
    server = with_ladder(world)
    nas = world.nas(address)
    before = b"" if address == STEP_UP else alice.password + b","
    request = tell(nas, "alice", before + alice.code(world.now))

    server.fail(Reason.UPSTREAM_UNREACHABLE)

    assert told(nas, request).code == ACCEPT
    line = world.lines()[-1]
    assert (line["reason"], line["instead_of"]) == ("passed-instead", "securid")


def test_recovery_code_counts_instead(world: World) -> None:
    """A recovery code is the last step of the ladder."""
    alice = world.person()
    (code, _) = world.recovery(alice)
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", code)

    server.fail(Reason.UPSTREAM_SILENT)

    assert told(nas, request).code == ACCEPT
    line = world.lines()[-1]
    assert (line["reason"], line["factor"]) == ("passed-instead", "recovery")
    assert people.person(world.admin, "alice").recovery_codes == 1


def test_known_outage_asks_for_the_other_passcode_at_once(world: World) -> None:
    """Where it is known that nobody can be asked, no passcode is typed in vain."""
    alice = world.person()
    server = with_ladder(world)
    world.relays.dead.add("rsa")
    nas = world.nas(ASKING)

    challenge = nas.ask("alice", alice.password)

    assert challenge is not None
    assert world.reasons == [("challenge", "other-passcode-wanted")]
    (asked,) = world.lines()[-1]["upstreams"]
    assert (asked["name"], asked["answer"]) == ("rsa", "upstream-unreachable")
    assert nas.decide("alice", alice.code(world.now), challenge.state) == ACCEPT
    assert world.lines()[-1]["instead_of"] == "securid"
    assert server.asked == []


def test_push_that_cannot_be_sent_is_replaced(world: World) -> None:
    """A server that begins by itself and is gone is stood in for as well."""
    alice = world.person()
    server = with_ladder(world, factor(start_with=StartWith.WORD, word="push"))
    nas = world.nas(ASKING)
    request = tell(nas, "alice", alice.password)

    server.fail(Reason.UPSTREAM_SILENT)

    challenge = told(nas, request)
    assert challenge.code == CHALLENGE
    assert nas.decide("alice", alice.code(world.now), challenge.state) == ACCEPT
    assert world.reasons[-1] == ("accept", "passed-instead")


# -- and what it costs to guess --


def test_promise_1_other_passcode_is_used_up(world: World) -> None:
    """A passcode that stood in is used: neither it nor its State opens a second login."""
    alice = world.person()
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    code = alice.code(world.now)
    request = tell(nas, "alice", code)
    server.fail(Reason.UPSTREAM_SILENT)
    assert told(nas, request).code == ACCEPT

    other = tell(world.nas(STEP_UP, 40001), "alice", code)
    server.fail(Reason.UPSTREAM_SILENT)

    reply = world.nas(STEP_UP, 40001).take(other)
    assert reply is not None
    assert reply.code == CHALLENGE
    assert world.nas(STEP_UP).decide("alice", code, reply.state) == REJECT
    assert world.reasons[-1] == ("reject", "replayed-passcode")


def test_wrong_other_passcode_is_rejected(world: World) -> None:
    """The answer has to be right, and only its person at its client may give it."""
    alice, bob = world.person(), world.person("bob")
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"")
    server.fail(Reason.UPSTREAM_SILENT)
    state = told(nas, request).state

    assert world.nas(ASKING).decide("alice", alice.code(world.now), state) == REJECT
    assert nas.decide("alice", alice.wrong(world.now), state) == REJECT
    assert nas.decide("bob", bob.code(world.now), state) == REJECT
    assert [reason for _, reason in world.reasons[1:]] == [
        "unknown-state", "bad-passcode", "unknown-state",
    ]  # fmt: skip


def test_wrong_other_passcode_is_asked_for_again(world: World) -> None:
    """A client with several attempts gives as many at the other passcode."""
    alice = world.person()
    server = with_ladder(world, attempts=2)
    world.relays.dead.add("rsa")
    nas = world.nas(ASKING)
    first = nas.ask("alice", alice.password)
    assert first is not None

    second = nas.ask("alice", alice.wrong(world.now), first.state)

    assert second is not None
    assert second.code == CHALLENGE
    assert nas.decide("alice", alice.wrong(world.now), second.state) == REJECT
    assert server.asked == []


def test_guesses_at_the_other_passcode_lock(world: World) -> None:
    """An outage is no chance to guess: three wrong passcodes lock, and the right one is refused."""
    alice = world.person()
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    for number in range(3):
        tell(nas, "alice", b"%06d" % number)
        server.fail(Reason.UPSTREAM_SILENT)
    request = tell(nas, "alice", alice.code(world.now))

    server.fail(Reason.UPSTREAM_SILENT)

    assert told(nas, request).code == REJECT
    assert world.reasons[-1] == ("reject", "locked")


def test_disabled_meanwhile_is_rejected(world: World) -> None:
    """Whoever is disabled before the other passcode comes stays out."""
    alice = world.person()
    server = with_ladder(world)
    nas = world.nas(STEP_UP)
    request = tell(nas, "alice", b"")
    server.fail(Reason.UPSTREAM_SILENT)
    people.set_disabled(world.admin, world.actor, "alice", disabled=True)

    state = told(nas, request).state

    assert nas.decide("alice", alice.code(world.now), state) == REJECT
    assert world.reasons[-1] == ("reject", "user-disabled")


def test_own_token_of_both_needs_no_ladder(world: World) -> None:
    """Who has a local token that counts anyway never hears of the outage."""
    alice = world.person()
    server = with_ladder(world, factors=("totp", "securid"))
    assign(world, "alice")
    world.relays.dead.add("rsa")

    assert world.nas(STEP_UP).decide("alice", alice.code(world.now)) == ACCEPT
    assert world.reasons == [("accept", "passed")]
    assert server.asked == []
