"""CHAP and MS-CHAP are relayed to whoever can check them; nobody here can, so nobody here does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from radiusmfa.config.model import Mode
from radiusmfa.config.upstream_model import StartWith
from radiusmfa.outcome import Reason
from radiusmfa.stores import people
from radiusmfa.wire import salt, vendor
from tests.flows.upstreams import (
    PROXY,
    UPSTREAM_SECRET,
    TokenServer,
    factor,
    proxied,
    serve,
    told,
    upstream,
)
from tests.flows.world import (
    ACCEPT,
    APPEND,
    ASKING,
    AUTO,
    CHALLENGE,
    REJECT,
    REPLY_MESSAGE,
    SECRET,
    STATE,
    STEP_UP,
    USER_NAME,
    USER_PASSWORD,
    Nas,
    World,
    client,
)

if TYPE_CHECKING:
    from tests.flows.world import Reply

MICROSOFT, VENDOR_SPECIFIC, CHAP_PASSWORD, CHAP_CHALLENGE = 311, 26, 3, 60
MS_ERROR, MS_CHALLENGE, MS_SEND_KEY, MS_RECV_KEY = 2, 11, 16, 17
MS2_RESPONSE, MS2_SUCCESS = 25, 26
IDENT = b"\x2a"
# RFC 2548 sections 2.1.2 and 2.3.2: the shapes; nobody between client and upstream looks inside.
MSCHAP2 = ((MS_CHALLENGE, bytes(range(16))), (MS2_RESPONSE, IDENT + b"\0" + bytes(range(48))))
SUCCESS = IDENT + b"S=0123456789ABCDEF0123456789ABCDEF01234567"
SEND_KEY, RECV_KEY = bytes(range(32)), bytes(range(32, 64))
CHAP = b"\x07" + bytes(range(16))


def microsoft(*parts: tuple[int, bytes]) -> bytes:
    """Return Microsoft's attributes, encoded."""
    return b"".join(vendor.encode(MICROSOFT, *part) for part in parts)


def values_of(reply: Reply) -> dict[int, bytes]:
    """Return Microsoft's attributes of *reply* by type."""
    return {
        kind: value
        for whole in reply.values(VENDOR_SPECIFIC)
        for maker, kind, value in vendor.sub_attributes(whole) or ()
        if maker == MICROSOFT
    }


def asking(nas: Nas, *attributes: tuple[int, bytes], name: bytes = b"alice") -> bytes:
    """Return a request that proves with *attributes*."""
    authenticator = bytes((nas.identifier,)) * 16
    return nas.packet(1, authenticator, ((USER_NAME, name), *attributes))


def mschap2(nas: Nas, *extra: tuple[int, bytes]) -> bytes:
    """Return a request that proves with MS-CHAPv2."""
    parts = [(VENDOR_SPECIFIC, microsoft(part)[2:]) for part in MSCHAP2]
    return asking(nas, *parts, *extra)


def with_primary(world: World, **settings: Any) -> TokenServer:  # noqa: ANN401 - settings of any type
    """Let `rsa` check passwords of a client in `challenge`, and everything of another."""
    return serve(world, client(ASKING, Mode.CHALLENGE, primary="rsa", **settings), proxied())


# -- refused --


@pytest.mark.parametrize("mode", [Mode.CHALLENGE, Mode.APPEND, Mode.AUTO, Mode.STEP_UP], ids=str)
def test_nobody_here_checks_mschap(world: World, mode: Mode) -> None:
    """Where the store checks the proof MS-CHAP is refused, with its own error, unasked."""
    world.person()
    address = {Mode.CHALLENGE: ASKING, Mode.APPEND: APPEND, Mode.AUTO: AUTO, Mode.STEP_UP: STEP_UP}
    delimiter = "," if mode in (Mode.APPEND, Mode.AUTO) else ""
    factors = ("totp", "securid")
    entry = client(address[mode], mode, factors=factors, delimiter=delimiter)
    server = serve(world, entry)
    nas = world.nas(address[mode])

    reply = nas.send(mschap2(nas))

    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons == [("reject", "unsupported-method")]
    error = values_of(reply)[MS_ERROR]
    assert error.startswith(IDENT + b"E=691 R=0 C=")
    assert (server.asked, world.threads.asked) == ([], [])


def test_proof_has_no_tail(world: World) -> None:
    """In `append` nobody can take a passcode off a CHAP proof, whoever checks the password."""
    world.person()
    server = serve(world, client(APPEND, Mode.APPEND, primary="rsa"))
    nas = world.nas(APPEND)

    reply = nas.send(asking(nas, (CHAP_PASSWORD, CHAP)))

    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons == [("reject", "unsupported-method")]
    assert server.asked == []


def test_proof_in_auto_is_the_password(world: World) -> None:
    """In `auto` a CHAP proof is the password alone, and the code is asked for."""
    alice = world.person()
    server = serve(world, client(AUTO, Mode.AUTO, primary="rsa"))
    nas = world.nas(AUTO)
    request = asking(nas, (CHAP_PASSWORD, CHAP))
    assert nas.send(request) is None

    server.accept()

    challenge = told(nas, request)
    assert challenge.code == CHALLENGE
    assert nas.decide("alice", alice.code(world.now), challenge.state) == ACCEPT


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        pytest.param([(CHAP_PASSWORD, CHAP[:16])], "bad-user-password", id="short-chap"),
        pytest.param(
            [(VENDOR_SPECIFIC, microsoft(MSCHAP2[1])[2:])], "bad-user-password", id="no-challenge"
        ),
        pytest.param(
            [(CHAP_PASSWORD, CHAP), (USER_PASSWORD, bytes(16))], "two-credentials", id="both"
        ),
        pytest.param([(79, b"\x02\x01\x00\x04")], "unsupported-method", id="eap"),
    ],
)
def test_proof_that_is_none_is_rejected(
    world: World, attributes: list[tuple[int, bytes]], reason: str
) -> None:
    """A proof out of shape, two of them, or EAP is asked about nowhere."""
    server = with_primary(world)
    nas = world.nas(PROXY)

    reply = nas.send(asking(nas, *attributes))

    assert reply is not None
    assert reply.code == REJECT
    assert world.reasons == [("reject", reason)]
    assert server.asked == []


def test_error_of_the_upstream_is_passed_on(world: World) -> None:
    """MS-CHAP-Error tells the client why, in the upstream's own words, and the count is kept."""
    world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = mschap2(nas)
    assert nas.send(request) is None
    error = IDENT + b"E=648 R=0 C=00112233445566778899AABBCCDDEEFF V=3 M=Password expired"

    server.answer_with(server.heard(), REJECT, microsoft((MS_ERROR, error)))

    reply = told(nas, request)
    assert (reply.code, values_of(reply)) == (REJECT, {MS_ERROR: error})
    assert [one.factor for one in people.failures(world.admin, "alice")] == ["password"]


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_SILENT, Reason.UNANSWERED])
def test_error_is_ours_where_the_upstream_has_none(world: World, reason: Reason) -> None:
    """A client of MS-CHAP always gets an MS-CHAP-Error, also when nobody answered."""
    server = with_primary(world)
    nas = world.nas(PROXY)
    request = mschap2(nas)
    assert nas.send(request) is None

    server.fail(reason)

    reply = told(nas, request)
    assert reply.code == REJECT
    assert values_of(reply)[MS_ERROR].startswith(IDENT + b"E=691 R=0 C=")
    assert world.reasons == [("reject", reason.value)]


def test_keys_that_do_not_open_are_no_login(world: World) -> None:
    """An Accept whose keys nobody can open is a Reject: the client could not go on with it."""
    world.person(has_token=False, password_only=True)
    server = with_primary(world)
    nas = world.nas(ASKING)
    request = mschap2(nas)
    assert nas.send(request) is None
    sealed = salt.seal(SEND_KEY, UPSTREAM_SECRET, bytes(16), b"\x80\x01")[:-1]

    server.answer_with(server.heard(), ACCEPT, microsoft((MS_SEND_KEY, sealed)))

    reply = told(nas, request)
    assert reply.code == REJECT
    assert MS_SEND_KEY not in values_of(reply)
    assert world.reasons == [("reject", "bad-upstream-reply")]


# -- relayed --


def test_mschap_is_relayed_with_its_challenge(world: World) -> None:
    """The upstream gets challenge and response as they came, and no User-Password."""
    server = with_primary(world)
    nas = world.nas(PROXY)
    nas.send(mschap2(nas, (31, b"198.51.100.7")))

    asked = server.heard()

    assert asked.values(VENDOR_SPECIFIC) == [microsoft(part)[2:] for part in MSCHAP2]
    assert asked.values(USER_PASSWORD) == []
    assert asked.values(31) == [b"198.51.100.7"]


@pytest.mark.parametrize("has_challenge", [True, False])
def test_chap_is_relayed_with_its_challenge(world: World, *, has_challenge: bool) -> None:
    """Where the Request Authenticator was the challenge, the upstream gets it as an attribute."""
    server = with_primary(world)
    nas = world.nas(PROXY)
    given = [(CHAP_CHALLENGE, b"sixteen octets..")] if has_challenge else []
    request = asking(nas, (CHAP_PASSWORD, CHAP), *given)
    nas.send(request)

    asked = server.accept()

    assert asked.values(CHAP_PASSWORD) == [CHAP]
    assert asked.values(CHAP_CHALLENGE) == [given[0][1] if given else request[4:20]]
    assert asked.values(USER_PASSWORD) == []
    assert told(nas, request).code == ACCEPT


def granted(server: TokenServer, nas: Nas, request: bytes) -> Reply:
    """Let the upstream grant *request* with success and keys; return what the client gets."""
    asked = server.heard()
    keys = [
        (kind, salt.seal(key, UPSTREAM_SECRET, asked.packet.authenticator, bytes((0x80, kind))))
        for kind, key in ((MS_SEND_KEY, SEND_KEY), (MS_RECV_KEY, RECV_KEY))
    ]
    server.answer_with(asked, ACCEPT, microsoft((MS2_SUCCESS, SUCCESS), *keys))
    return told(nas, request)


def test_success_and_keys_reach_the_client(world: World) -> None:
    """MS-CHAP2-Success as it was, keys sealed anew with the client's secret and request."""
    server = with_primary(world)
    nas = world.nas(PROXY)
    request = mschap2(nas)
    nas.send(request)

    reply = granted(server, nas, request)

    values = values_of(reply)
    assert reply.code == ACCEPT
    assert values[MS2_SUCCESS] == SUCCESS
    opened = [salt.unseal(values[one], SECRET, request[4:20]) for one in (MS_SEND_KEY, MS_RECV_KEY)]
    assert opened == [SEND_KEY, RECV_KEY]
    assert values[MS_SEND_KEY][:2] != values[MS_RECV_KEY][:2]  # RFC 2868 section 3.5: salts differ


def test_success_and_keys_wait_for_the_factor(world: World) -> None:
    """With a code asked for after MS-CHAP, success and keys are in the final Accept, not before."""
    alice = world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    first = mschap2(nas)
    nas.send(first)
    challenge = granted(server, nas, first)
    assert challenge.code == CHALLENGE
    assert values_of(challenge) == {}
    last = nas.request("alice", alice.code(world.now), challenge.state)

    reply = nas.send(last)

    assert reply is not None
    values = values_of(reply)
    assert (reply.code, values[MS2_SUCCESS]) == (ACCEPT, SUCCESS)
    assert salt.unseal(values[MS_SEND_KEY], SECRET, last[4:20]) == SEND_KEY
    assert salt.unseal(values[MS_RECV_KEY], SECRET, last[4:20]) == RECV_KEY


def test_wrong_code_after_mschap_gives_no_keys(world: World) -> None:
    """A wrong code ends in a bare Reject: the keys stay here."""
    alice = world.person()
    server = with_primary(world)
    nas = world.nas(ASKING)
    first = mschap2(nas)
    nas.send(first)
    state = granted(server, nas, first).state

    reply = nas.ask("alice", alice.wrong(world.now), state)

    assert reply is not None
    assert (reply.code, reply.values(VENDOR_SPECIFIC)) == (REJECT, [])


def test_push_after_mschap_keeps_the_keys(world: World) -> None:
    """A token server that begins by its word stands behind MS-CHAP, and gives its own besides."""
    world.person(has_token=False)
    server = serve(
        world,
        client(ASKING, Mode.CHALLENGE, primary="nps", factors=("securid",)),
        upstreams=(upstream("nps"), upstream()),
        factors=(factor(start_with=StartWith.WORD, word="push"),),
    )
    nas = world.nas(ASKING)
    request = mschap2(nas)
    nas.send(request)
    asked = server.heard()
    server.answer_with(asked, ACCEPT, microsoft((MS2_SUCCESS, SUCCESS)) + b"\x0b\x07first")
    pushed = server.answer(ACCEPT, (11, b"other"), (REPLY_MESSAGE, b"Approved."))

    reply = told(nas, request)
    assert pushed.typed == b"push"
    assert pushed.values(VENDOR_SPECIFIC) == []
    assert (reply.code, values_of(reply)) == (ACCEPT, {MS2_SUCCESS: SUCCESS})
    assert reply.values(11) == [b"first"]
    assert reply.values(REPLY_MESSAGE) == [b"Approved."]
    assert [part["name"] for part in world.lines()[-1]["upstreams"]] == ["nps", "rsa"]


def test_password_is_not_at_hand_after_mschap(world: World) -> None:
    """A token server that is to be told the password cannot follow a proof that hides it."""
    world.person(has_token=False)
    server = serve(
        world,
        client(ASKING, Mode.CHALLENGE, primary="nps", factors=("securid",)),
        upstreams=(upstream("nps"), upstream()),
        factors=(factor(start_with=StartWith.PASSWORD),),
    )
    nas = world.nas(ASKING)
    request = mschap2(nas)
    nas.send(request)

    server.accept()

    assert told(nas, request).code == REJECT
    assert world.reasons == [("reject", "unsupported-method")]
    assert [one.upstream for one in server.asked] == ["nps"]


def test_factor_takes_mschap_in_step_up(world: World) -> None:
    """A passcode hidden in MS-CHAP is checked by the token server, not by tokens here."""
    world.person(has_token=False)
    server = serve(world, client(STEP_UP, Mode.STEP_UP, factors=("securid",)))
    nas = world.nas(STEP_UP)
    request = mschap2(nas)
    nas.send(request)

    assert granted(server, nas, request).code == ACCEPT
    assert world.lines()[-1]["factor"] == "securid"


def test_outage_is_no_passcode_for_a_proof(world: World) -> None:
    """Where another factor stands in, what was hidden in CHAP is none of its passcodes."""
    alice = world.person()
    server = serve(
        world,
        client(STEP_UP, Mode.STEP_UP, factors=("securid",), when_unavailable=("totp",)),
    )
    nas = world.nas(STEP_UP)
    request = asking(nas, (CHAP_PASSWORD, CHAP))
    nas.send(request)
    server.fail(Reason.UPSTREAM_SILENT)
    challenge = told(nas, request)
    assert challenge.code == CHALLENGE
    assert people.failures(world.admin, "alice") == []

    assert nas.decide("alice", alice.code(world.now), challenge.state) == ACCEPT


def test_challenge_goes_to_a_client_of_mschap(world: World) -> None:
    """An upstream may ask after MS-CHAP; the answer comes as a password."""
    server = with_primary(world)
    nas = world.nas(PROXY)
    request = mschap2(nas)
    nas.send(request)
    server.challenge(b"theirs", b"Code? ")
    challenge = told(nas, request)
    assert (challenge.code, len(challenge.values(STATE))) == (CHALLENGE, 1)
    last = nas.request("alice", b"123456", challenge.state)
    nas.send(last)

    asked = server.accept()

    assert (asked.typed, asked.values(VENDOR_SPECIFIC)) == (b"123456", [])
    assert told(nas, last).code == ACCEPT
