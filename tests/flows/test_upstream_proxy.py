"""`mode: proxy`: an upstream asks for every proof; policy, audit and lock-out stay here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from radiusmfa.config.upstream_model import Passing, UserName
from radiusmfa.outcome import Reason
from radiusmfa.stores import people
from tests.flows.upstreams import PROXY, proxied, serve, tell, told, upstream
from tests.flows.world import (
    ACCEPT,
    CLASS,
    MARKER,
    PROXY_STATE,
    REJECT,
    REPLY_MESSAGE,
    STATE,
    USER_PASSWORD,
    World,
)

if TYPE_CHECKING:
    from typing import Any

FILTER_ID, CALLING_STATION, CALLED_STATION, USER_NAME = 11, 31, 30, 1


def test_refused_is_rejected(world: World) -> None:
    """What the upstream refuses is a Reject in its words; the audit says that it was asked."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"wrong")

    server.reject(b"Access denied.")

    reply = told(nas, request)
    assert (reply.code, reply.values(REPLY_MESSAGE)) == (REJECT, [b"Access denied."])
    line = world.lines()[-1]
    assert (line["reason"], line["mode"], line["client"]) == ("upstream-refused", "proxy", "proxy")


@pytest.mark.parametrize(
    "reason",
    [
        Reason.UPSTREAM_SILENT,
        Reason.UPSTREAM_UNREACHABLE,
        Reason.UPSTREAM_BUSY,
        Reason.UNANSWERED,
        Reason.DIALOGUE_LOST,
    ],
)
def test_no_answer_is_rejected(world: World, reason: Reason) -> None:
    """Without a genuine answer nobody is let in."""
    world.person()
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"anything")

    server.fail(reason)

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", reason.value)]


@pytest.mark.parametrize(
    "states",
    [
        pytest.param([MARKER + bytes(8)], id="ours"),
        pytest.param([b"another", MARKER + b"12345678"], id="ours-behind"),
        pytest.param([b"%d" % number for number in range(21)], id="too-many"),
    ],
)
def test_circle_of_proxies_is_broken(world: World, states: list[bytes]) -> None:
    """A request that has been here before, or passed too many proxies, is a Reject unasked."""
    server = serve(world, proxied())

    code = world.nas(PROXY).decide("alice", b"x", None, *((PROXY_STATE, one) for one in states))

    assert code == REJECT
    assert server.asked == []
    assert world.reasons == [("reject", "proxy-loop")]


def test_proxies_in_front_are_no_circle(world: World) -> None:
    """Twenty proxies in front of us are served, and get their Proxy-State back, in order."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    states = [(PROXY_STATE, b"hop %d" % number) for number in range(20)]
    request = tell(nas, "alice", b"right", None, *states)

    asked = server.accept()

    assert asked.values(PROXY_STATE) == [asked.proxy_state]
    assert told(nas, request).values(PROXY_STATE) == [value for _, value in states]


def test_accept_is_passed_on(world: World) -> None:
    """An Accept brings the upstream's attributes, our Class first, and names the upstream."""
    server = serve(world, proxied(reply=(("Reply-Message", "Hello {user}"),)))
    nas = world.nas(PROXY)
    request = tell(nas, "carol", b"right")

    server.accept((FILTER_ID, b"staff"), (CLASS, b"theirs"), (REPLY_MESSAGE, b"Welcome"))

    reply = told(nas, request)
    assert reply.code == ACCEPT
    assert reply.values(FILTER_ID) == [b"staff"]
    assert reply.values(REPLY_MESSAGE) == [b"Hello carol"]
    assert reply.values(CLASS) == [world.lines()[-1]["id"].encode(), b"theirs"]
    assert world.lines()[-1]["factor"] == "rsa"


def test_what_belongs_to_one_hop_stays_there(world: World) -> None:
    """State and Proxy-State of the upstream's Accept never reach the client."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"right")
    asked = server.heard()

    server.accept((STATE, b"theirs"))

    reply = told(nas, request)
    assert reply.values(STATE) == reply.values(PROXY_STATE) == []
    assert asked.proxy_state not in reply.octets


def test_password_is_hidden_anew(world: World) -> None:
    """Nothing of the client's packet is reused: the password is hidden with the other secret."""
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    request = tell(nas, "alice", b"a password of more than 16 octets")

    asked = server.heard()

    assert asked.typed == b"a password of more than 16 octets"
    (hidden,) = asked.values(USER_PASSWORD)
    assert hidden not in request


@pytest.mark.parametrize(
    ("send", "got"),
    [
        pytest.param(Passing(), {CALLING_STATION: [b"mac"], CALLED_STATION: [b"ap"]}, id="all"),
        pytest.param(Passing(everything=False), {CALLING_STATION: [], CALLED_STATION: []}, id="no"),
        pytest.param(
            Passing(everything=False, names=(("Calling-Station-Id", "Calling-Station-Id"),)),
            {CALLING_STATION: [b"mac"], CALLED_STATION: []},
            id="named",
        ),
        pytest.param(
            Passing(names=(("Calling-Station-Id", "Filter-Id"),)),
            {CALLING_STATION: [], FILTER_ID: [b"mac"], CALLED_STATION: [b"ap"]},
            id="renamed",
        ),
    ],
)
def test_attributes_are_passed_as_configured(
    world: World, send: Passing, got: dict[int, list[bytes]]
) -> None:
    """All, none, named or renamed: the upstream gets what the configuration says."""
    server = serve(world, proxied(), upstreams=(upstream(send=send),))

    tell(world.nas(PROXY), "alice", b"x", None, (CALLING_STATION, b"mac"), (CALLED_STATION, b"ap"))

    assert {kind: server.heard().values(kind) for kind in got} == got


@pytest.mark.parametrize(
    ("rules", "sent"),
    [
        (UserName(), b"LAB\\Alice@site.example"),
        (UserName(strip=("realm",)), b"LAB\\Alice"),
        (UserName(strip=("domain", "realm")), b"Alice"),
        (UserName(strip=("domain", "realm"), realm="other"), b"Alice@other"),
        (UserName(strip=("domain", "realm"), domain="CORP"), b"CORP\\Alice"),
    ],
    ids=["as-it-came", "no-realm", "bare", "other-realm", "other-domain"],
)
def test_name_is_rewritten(world: World, rules: UserName, sent: bytes) -> None:
    """The upstream gets the name in the form that it wants."""
    server = serve(world, proxied(), upstreams=(upstream(user_name=rules),))

    tell(world.nas(PROXY), "LAB\\Alice@site.example", b"x")

    assert server.heard().values(USER_NAME) == [sent]


def test_barred_user_is_not_asked_about(world: World) -> None:
    """Whom an administrator disabled here does not get in by the upstream."""
    world.person()
    people.set_disabled(world.admin, world.actor, "alice", disabled=True)
    server = serve(world, proxied())

    assert world.nas(PROXY).decide("alice", b"right") == REJECT
    assert server.asked == []
    assert world.reasons == [("reject", "user-disabled")]


def test_name_that_nobody_can_have_is_not_asked_about(world: World) -> None:
    """A User-Name that is no name is refused before anybody is asked."""
    server = serve(world, proxied())

    assert world.nas(PROXY).decide(b"a\x00b", b"right") == REJECT
    assert server.asked == []
    assert world.reasons == [("reject", "bad-user-name")]


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "stranger"])
def test_refused_proofs_lock(world: World, *, is_known: bool) -> None:
    """After three refused proofs nobody is asked; a right one before that forgets them."""
    if is_known:
        world.person()
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    for typed, answer in (
        (b"1", server.reject), (b"2", server.reject), (b"3", server.accept),
        (b"4", server.reject), (b"5", server.reject), (b"6", server.reject),
    ):  # fmt: skip
        tell(nas, "alice", typed)
        answer()

    assert nas.decide("alice", b"7") == REJECT
    assert len(server.asked) == 6
    assert world.reasons[-1] == ("reject", "locked")
    assert {one.factor for one in _failures(world)} == ({"upstream"} if is_known else set())


def test_local_tokens_and_passwords_are_not_looked_at(world: World) -> None:
    """In `proxy` the upstream alone decides: a local code goes there as it was typed, unused."""
    alice = world.person()
    server = serve(world, proxied())
    nas = world.nas(PROXY)
    code = alice.code(world.now)
    request = tell(nas, "alice", code)

    asked = server.reject()

    assert (told(nas, request).code, asked.typed) == (REJECT, code)
    assert world.threads.asked == []
    assert {one.factor for one in _failures(world)} == {"upstream"}


def test_deadline_leaves_time_for_the_way_back(world: World) -> None:
    """What the upstream gets ends before the client's time budget does."""
    server = serve(world, proxied(time_budget=10))
    world.clock.advance(100)

    tell(world.nas(PROXY), "alice", b"x")

    assert server.asked[0].deadline == pytest.approx(109.5)
    assert server.asked[0].server == ""


def _failures(world: World) -> list[Any]:
    found = world.admin.connection.execute("SELECT 1 FROM users WHERE name = 'alice'").fetchall()
    return people.failures(world.admin, "alice") if found else []
