"""One request and its answer: what is believed, what is ignored, and when to give up."""

from __future__ import annotations

import click
import pytest

from radiusmfa.cli.exchange import Channel, Server, SilenceError, ask, login_request
from radiusmfa.secret import Secret
from radiusmfa.wire import codec, numbers
from tests.unit.cli.responder import (
    KEY,
    PATIENCE,
    SECRET,
    Act,
    Responder,
    answer,
    changed,
    closed_port,
    other_secret,
    silent,
)


def server(
    responder: Responder,
    *,
    timeout: float = PATIENCE,
    tries: int = 1,
    require_signature: bool = True,
) -> Server:
    """Return where *responder* is, to be asked once and patiently."""
    return Server(
        host=responder.host,
        port=responder.port,
        key=KEY,
        timeout=timeout,
        tries=tries,
        require_signature=require_signature,
    )


def login() -> bytes:
    """Return a login of alice."""
    return login_request(KEY, b"alice", Secret(b"correct horse"))


def status() -> bytes:
    """Return a Status-Server."""
    return codec.request(numbers.STATUS_SERVER, 7, bytes(16), b"", KEY)


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        pytest.param("192.0.2.1", "192.0.2.1:1812", id="ipv4"),
        pytest.param("2001:db8::1", "[2001:db8::1]:1812", id="ipv6"),
        pytest.param("radius.example", "radius.example:1812", id="name"),
    ],
)
def test_server_is_shown_as_it_is_typed(host: str, shown: str) -> None:
    """An IPv6 address has brackets around it."""
    assert str(Server(host=host, port=1812, key=KEY, timeout=1, tries=1)) == shown


def test_request_is_signed_first_and_hides_the_proof() -> None:
    """A login begins with a right Message-Authenticator and shows no password."""
    octets = login()
    packet = codec.decode(octets)

    assert codec.verify(packet, KEY)
    assert octets[20] == numbers.MESSAGE_AUTHENTICATOR
    assert packet.value(numbers.USER_NAME) == b"alice"
    assert b"correct horse" not in octets


def test_request_without_signature_has_none() -> None:
    """An outdated client is played without Message-Authenticator."""
    octets = login_request(KEY, b"alice", Secret(b"x"), signed=False)

    assert numbers.MESSAGE_AUTHENTICATOR not in codec.decode(octets)


def test_request_returns_the_state_and_more() -> None:
    """State and further attributes go with the answer to a challenge."""
    more = codec.attribute(numbers.NAS_IDENTIFIER, b"nas")
    packet = codec.decode(login_request(KEY, b"alice", Secret(b"1"), b"state", more))

    assert packet.value(numbers.STATE) == b"state"
    assert packet.value(numbers.NAS_IDENTIFIER) == b"nas"


def test_each_request_has_an_authenticator_of_its_own() -> None:
    """Two logins share no Request Authenticator (RFC 2865 section 3)."""
    assert codec.decode(login()).authenticator != codec.decode(login()).authenticator


@pytest.mark.parametrize(
    ("name", "proof"),
    [
        pytest.param(b"a" * 254, b"x", id="name"),
        pytest.param(b"alice", b"x" * 129, id="password"),
    ],
)
def test_what_does_not_fit_is_wrong_usage(name: bytes, proof: bytes) -> None:
    """A name over 253 octets or a password over 128 is refused, and not shown."""
    with pytest.raises(click.UsageError, match="at most 253 octets") as caught:
        login_request(KEY, name, Secret(proof))
    assert "aaaa" not in str(caught.value)
    assert "xxxx" not in str(caught.value)


@pytest.mark.parametrize(
    "code", [numbers.ACCESS_ACCEPT, numbers.ACCESS_REJECT, numbers.ACCESS_CHALLENGE]
)
def test_genuine_answer_is_returned(code: int) -> None:
    """Each of the three answers to a login is believed when it is genuine."""
    with Responder([answer(code)]) as responder:
        told = ask(server(responder), login())

    assert (told.packet.code, told.signed, told.sent, told.ignored) == (code, True, 1, {})
    assert told.seconds >= 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_either_family_is_asked(host: str) -> None:
    """IPv4 and IPv6 addresses are asked alike."""
    with Responder([answer(numbers.ACCESS_ACCEPT)], host) as responder:
        assert ask(server(responder), login()).packet.code == numbers.ACCESS_ACCEPT


@pytest.mark.parametrize("code", [numbers.ACCESS_ACCEPT, numbers.ACCOUNTING_RESPONSE])
def test_status_server_is_answered_by_either_port(code: int) -> None:
    """An access port answers Access-Accept, an accounting port Accounting-Response."""
    with Responder([answer(code)]) as responder:
        assert ask(server(responder), status()).packet.code == code


def test_same_octets_are_sent_until_an_answer_comes() -> None:
    """Silence is followed by the same octets again; the answer tells how often."""
    with Responder([silent, silent, answer(numbers.ACCESS_REJECT)]) as responder:
        told = ask(server(responder, timeout=0.1, tries=3), login())

    assert told.sent == 3
    assert len({packet.octets for packet in responder.arrived}) == 1


def other_identifier(packet: codec.Packet) -> list[bytes]:
    """Answer a request that nobody sent."""
    asked = codec.request(1, packet.identifier ^ 1, packet.authenticator, b"", KEY)
    return list(answer(numbers.ACCESS_ACCEPT)(codec.decode(asked)))


def other_authenticator(packet: codec.Packet) -> list[bytes]:
    """Answer an earlier request with the same identifier: a replayed Accept."""
    asked = codec.request(1, packet.identifier, bytes(16), b"", KEY)
    return list(answer(numbers.ACCESS_ACCEPT)(codec.decode(asked)))


@pytest.mark.parametrize(
    ("forged", "fault"),
    [
        pytest.param(changed, "bad-response-authenticator", id="changed"),
        pytest.param(other_secret, "bad-response-authenticator", id="other-secret"),
        pytest.param(other_authenticator, "bad-response-authenticator", id="replayed"),
        pytest.param(other_identifier, "answers-something-else", id="other-identifier"),
        pytest.param(
            answer(numbers.ACCESS_ACCEPT, signed=False),
            "missing-message-authenticator",
            id="unsigned",
        ),
        pytest.param(answer(numbers.ACCOUNTING_RESPONSE), "unexpected-code", id="other-code"),
        pytest.param(lambda _: [b""], "short-packet", id="empty"),
        pytest.param(lambda _: [bytes(4097)], "bad-length", id="zeros"),
    ],
)
def test_what_is_not_genuine_is_ignored_and_told(forged: Act, fault: str) -> None:
    """A forged answer is as none; the error says what was wrong with it."""
    with (
        Responder([forged]) as responder,
        pytest.raises(SilenceError) as caught,
    ):
        ask(server(responder, timeout=0.3), login())

    assert caught.value.ignored == {fault: 1}
    assert not caught.value.refused


def test_genuine_answer_behind_forged_ones_counts() -> None:
    """A forger who is faster does not keep the genuine answer out."""

    def both(packet: codec.Packet) -> list[bytes]:
        return [*changed(packet), *changed(packet), *answer(numbers.ACCESS_REJECT)(packet)]

    with Responder([both]) as responder:
        told = ask(server(responder), login())

    assert told.packet.code == numbers.ACCESS_REJECT
    assert told.ignored == {"bad-response-authenticator": 2}


def test_unsigned_answer_is_taken_where_that_is_allowed() -> None:
    """Without the demand for a signature an unsigned answer counts, and is called so."""
    with Responder([answer(numbers.ACCESS_ACCEPT, signed=False)]) as responder:
        told = ask(server(responder, require_signature=False), login())

    assert not told.signed


def test_closed_port_is_told_apart_from_silence() -> None:
    """Where nothing listens, the host's refusal ends the waiting at once."""
    nobody = Server(host="127.0.0.1", port=closed_port(), key=KEY, timeout=60, tries=2)

    with pytest.raises(SilenceError) as caught:
        ask(nobody, login())

    assert caught.value.refused


def test_answer_from_elsewhere_does_not_count() -> None:
    """A genuine answer from another address is not believed, but told apart from silence."""
    with (
        Responder([answer(numbers.ACCESS_ACCEPT)], replies_from="127.0.0.9") as responder,
        pytest.raises(SilenceError) as caught,
    ):
        ask(server(responder, timeout=0.3), login())

    assert caught.value.ignored == {"wrong-source": 1}
    assert caught.value.elsewhere == ("127.0.0.9",)


def test_forger_elsewhere_is_not_taken_for_the_server() -> None:
    """Where a forged packet came from says nothing about the server."""
    with (
        Responder([changed], replies_from="127.0.0.9") as responder,
        pytest.raises(SilenceError) as caught,
    ):
        ask(server(responder, timeout=0.3), login())

    assert caught.value.ignored == {"wrong-source": 1}
    assert caught.value.elsewhere == ()


@pytest.mark.parametrize(
    ("brought", "is_taken"),
    [
        pytest.param(b"ours", True, id="unchanged"),
        pytest.param(b"", True, id="none"),
        pytest.param(b"other", False, id="changed"),
    ],
)
def test_proxy_state_comes_back_unchanged(brought: bytes, *, is_taken: bool) -> None:
    """A reply that brings another Proxy-State answers somebody else's request."""
    own = codec.attribute(numbers.PROXY_STATE, b"ours")
    attributes = codec.attribute(numbers.PROXY_STATE, brought) if brought else b""
    asked = codec.request(numbers.ACCESS_REQUEST, 7, bytes(16), own, KEY)

    def act(packet: codec.Packet) -> list[bytes]:
        stripped = codec.request(packet.code, packet.identifier, packet.authenticator, b"", KEY)
        return list(answer(numbers.ACCESS_REJECT, attributes)(codec.decode(stripped)))

    with Responder([act]) as responder, Channel(server(responder), asked) as channel:
        channel.send()
        told = channel.wait(PATIENCE if is_taken else 0.3)

    assert (told is not None) is is_taken
    assert channel.ignored == ({} if is_taken else {"bad-proxy-state": 1})


def test_no_time_left_is_no_answer() -> None:
    """Whoever has no time left waits for nothing."""
    with Responder([]) as responder, Channel(server(responder), login()) as channel:
        assert channel.wait(0) is None


def test_silence_shows_nothing_secret() -> None:
    """The error of an unanswered login holds neither secret nor password."""
    with (
        Responder([silent]) as responder,
        pytest.raises(SilenceError) as caught,
    ):
        ask(server(responder, timeout=0.05), login())

    assert SECRET.decode() not in repr(caught.value)
    assert "correct horse" not in repr(caught.value)


@pytest.mark.parametrize("host", ["no such host", "a" * 64 + ".example"])
def test_name_that_does_not_resolve_is_an_error_of_the_system(host: str) -> None:
    """A host that nobody knows is an OSError, which ends the command with a line."""
    nowhere = Server(host=host, port=1812, key=KEY, timeout=1, tries=1)

    with pytest.raises(OSError, match=r"not known|failure in name resolution") as caught:
        ask(nowhere, login())
    assert caught.value.filename == host


def test_address_that_cannot_be_reached_is_an_error_of_the_system() -> None:
    """What the system cannot send to is an OSError that names the server."""
    # To a broadcast address only who asks for that may send.
    nowhere = Server(host="255.255.255.255", port=1812, key=KEY, timeout=1, tries=1)

    with pytest.raises(OSError, match=r".") as caught:
        ask(nowhere, login())
    assert caught.value.filename == "255.255.255.255:1812"
