"""Sockets and retransmissions: several listeners, both families, duplicates, quick retries."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Final

import pytest

from radiusmfa.wire import codec, numbers
from tests.live.clients import APPEND, CHALLENGE, CLIENTS, FAST, RETRYING, SLOW, STEP_UP
from tests.live.nas import Nas
from tests.live.world import SECRET, free_ports

if TYPE_CHECKING:
    from tests.live.world import World

_STEP_UP_ONLY: Final = {"name": "four", "networks": [f"{STEP_UP}/32"], "mode": "step-up"}
_IPV6_STEP_UP: Final = {"name": "six", "networks": ["::1/128"], "mode": "step-up"}


@pytest.mark.parametrize("source", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def test_login_over_either_family_is_accepted(world: World, source: str) -> None:
    """IPv4 and IPv6 listeners serve the same people."""
    person = world.person()

    with world.nas(source) as nas:
        code = nas.dialogue(person.name, person.password, person.code())

    assert code == numbers.ACCESS_ACCEPT


@pytest.mark.parametrize("source", ["127.0.0.1", "::1"], ids=["ipv4", "ipv6"])
def test_login_over_either_family_is_refused(world: World, source: str) -> None:
    """A wrong code is wrong over IPv4 and IPv6."""
    person = world.person()

    with world.nas(source) as nas:
        code = nas.dialogue(person.name, person.password, person.wrong_code())

    assert code == numbers.ACCESS_REJECT


def test_every_listener_serves(stopped: World) -> None:
    """Three listeners answer, each from the address that was asked."""
    first, second = free_ports(2)
    listen = [
        {"udp": f"127.0.0.1:{stopped.port}"},
        {"udp": f"127.0.0.1:{first}"},
        {"udp": f"[::1]:{second}"},
    ]
    stopped.configure(CLIENTS, json.dumps(listen), passwords=FAST)
    stopped.start()

    for port, source in ((stopped.port, STEP_UP), (first, STEP_UP), (second, "::1")):
        person = stopped.person()
        with Nas(port, SECRET, source) as nas:
            proof = person.code() if source == STEP_UP else person.password
            expected = numbers.ACCESS_ACCEPT if source == STEP_UP else numbers.ACCESS_CHALLENGE
            assert nas.login(person.name, proof) == expected


@pytest.mark.parametrize(
    ("wildcard", "asked", "source"),
    [
        pytest.param("0.0.0.0", "127.0.0.1", STEP_UP, id="ipv4"),
        pytest.param("0.0.0.0", "127.0.7.7", STEP_UP, id="ipv4-second-address"),
        pytest.param("[::]", "::1", "::1", id="ipv6"),
    ],
)
def test_wildcard_answers_from_the_address_that_was_asked(
    stopped: World, wildcard: str, asked: str, source: str
) -> None:
    """On a machine with several addresses a reply's source is the request's destination."""
    listen = [{"udp": f"127.0.0.1:{free_ports(1)[0]}"}, {"udp": f"{wildcard}:{stopped.port}"}]
    stopped.configure([_IPV6_STEP_UP, _STEP_UP_ONLY], json.dumps(listen), passwords=FAST)
    stopped.launch()
    stopped.until_logged("is ready")
    person = stopped.person()

    # A connected socket takes nothing from any other address.
    with Nas(stopped.port, SECRET, source, server=asked) as nas:
        request = nas.request(person.name, person.code())
        first = nas.ask(request)
        nas.send(request)
        again = nas.receive()

    assert first.code == numbers.ACCESS_ACCEPT
    assert again == first.packet.octets


def test_ipv6_wildcard_leaves_ipv4_alone(stopped: World) -> None:
    """`::` is IPv6 only: it takes no packet that `0.0.0.0` would have to answer."""
    listen = [{"udp": f"[::]:{stopped.port}"}, {"udp": f"0.0.0.0:{stopped.port}"}]
    stopped.configure(CLIENTS, json.dumps(listen), passwords=FAST)
    stopped.start()

    for source in (CHALLENGE, "::1"):
        with stopped.nas(source) as nas:
            assert nas.login(stopped.person().name, "correct horse") == numbers.ACCESS_CHALLENGE


def test_port_0_is_any_free_one_and_the_log_names_it(stopped: World) -> None:
    """Whoever asks for port 0 reads in the log which it became."""
    stopped.configure(CLIENTS, '[{udp: "127.0.0.1:0"}]', passwords=FAST)
    stopped.launch()

    found = stopped.until_logged(r"listening on udp 127\.0\.0\.1:(\d+) \(access\)")

    with Nas(int(found[1]), SECRET) as nas:
        assert nas.status()


def test_passcode_used_at_one_listener_is_used_at_all(stopped: World) -> None:
    """Two ports of one server do not accept the same code twice."""
    (other,) = free_ports(1)
    listen = [{"udp": f"127.0.0.1:{stopped.port}"}, {"udp": f"127.0.0.1:{other}"}]
    stopped.configure(CLIENTS, json.dumps(listen), passwords=FAST)
    stopped.start()
    person = stopped.person()
    code = person.code()

    with stopped.nas(STEP_UP) as nas, Nas(other, SECRET, STEP_UP) as elsewhere:
        assert nas.login(person.name, code) == numbers.ACCESS_ACCEPT
        assert elsewhere.login(person.name, code) == numbers.ACCESS_REJECT


def test_duplicate_gets_the_same_octets(world: World) -> None:
    """A retransmitted request is answered again with the same octets, not judged again."""
    person = world.person()
    with world.nas(STEP_UP) as nas:
        request = nas.request(person.name, person.code())
        nas.send(request)
        first = nas.receive()

        nas.send(request)
        second = nas.receive()

    assert first is not None
    assert first[0] == numbers.ACCESS_ACCEPT
    assert second == first
    lines = world.audit(kind="login", user=person.name)
    assert [line["decision"] for line in lines] == ["accept"]


def test_duplicate_of_a_pending_login_gets_one_answer(world: World) -> None:
    """What is sent five times before the first answer is one login."""
    person = world.person()
    with world.nas(APPEND) as nas:
        request = nas.request(person.name, person.password + person.code())
        for _ in range(5):
            nas.send(request)
        first = nas.receive()
        more = nas.before_status()

    assert first is not None
    assert first[0] == numbers.ACCESS_ACCEPT
    assert set(more) <= {first}
    assert len(world.audit(kind="login", user=person.name)) == 1


def test_late_duplicate_gets_the_same_octets(world: World) -> None:
    """A duplicate that was long on its way is answered alike, after others were served."""
    person, others = world.person(), [world.person() for _ in range(3)]
    with world.nas(STEP_UP) as nas:
        request = nas.request(person.name, person.code())
        first = nas.ask(request)
        for other in others:
            assert nas.login(other.name, other.code()) == numbers.ACCESS_ACCEPT
        world.run("user", "disable", person.name)

        nas.send(request)

        assert nas.receive() == first.packet.octets


def test_duplicate_of_a_challenge_has_the_same_state(world: World) -> None:
    """A retransmitted first round opens no second challenge, and its State still works."""
    person = world.person()
    with world.nas() as nas:
        request = nas.request(person.name, person.password)
        first = nas.ask(request)
        again = nas.ask(request)
        answer = nas.request(
            person.name, person.code(), codec.attribute(numbers.STATE, first.state)
        )
        accept = nas.ask(answer)
        late = nas.ask(answer)

    assert again.packet.octets == first.packet.octets
    assert accept.code == numbers.ACCESS_ACCEPT
    assert late.packet.octets == accept.packet.octets


def test_duplicate_is_silent_while_the_login_is_pending(stopped: World) -> None:
    """While the password is checked, a duplicate gets nothing; then all get one answer."""
    stopped.configure(CLIENTS, passwords=SLOW)
    person = stopped.person()
    stopped.run("user", "password", person.name, "--password-file", "-", typed="correct horse\n")
    stopped.start()
    with stopped.nas() as nas:
        request = nas.request(person.name, person.password)
        nas.send(request)
        for _ in range(3):
            nas.send(request)
            # The server answers others meanwhile.
            assert nas.before_status() == []

        octets = nas.receive()

        assert octets is not None
        assert nas.check(request, octets).code == numbers.ACCESS_CHALLENGE
        assert nas.before_status() == []
    assert len(stopped.audit(kind="login", user=person.name)) == 1


def test_same_identifier_with_another_authenticator_is_a_new_request(world: World) -> None:
    """A NAS that begins anew on the same port and identifier gets its own answer."""
    person = world.person()
    with world.nas(STEP_UP) as nas:
        wrong = nas.request(person.name, person.wrong_code(), identifier=7)
        assert nas.ask(wrong).code == numbers.ACCESS_REJECT

        right = nas.request(person.name, person.code(), identifier=7)

        assert nas.ask(right).code == numbers.ACCESS_ACCEPT


def test_forged_packet_does_not_disturb_the_duplicates(world: World) -> None:
    """A packet that does not verify changes nothing about the answer already given."""
    person = world.person()
    with world.nas(STEP_UP) as nas:
        request = nas.request(person.name, person.code(), identifier=12)
        nas.send(request)
        first = nas.receive()
        forged = bytearray(nas.request(person.name, "000000", identifier=12))
        forged[22] ^= 1
        nas.send(bytes(forged))

        nas.send(request)
        again = nas.receive()

    assert first is not None
    assert again == first


def test_retry_from_another_port_is_the_same_login(world: World) -> None:
    """Same client, identifier, user and code within seconds: the same decision, once."""
    person = world.person()
    code = person.code()
    with world.nas(RETRYING) as nas, world.nas(RETRYING) as other:
        first = nas.ask(nas.request(person.name, code, identifier=3))
        time.sleep(1)  # as long as a client waits at least
        retry = other.ask(other.request(person.name, code, identifier=3))

    assert (first.code, retry.code) == (numbers.ACCESS_ACCEPT, numbers.ACCESS_ACCEPT)
    assert first.packet.value(numbers.CLASS) == retry.packet.value(numbers.CLASS)
    assert len(world.audit(kind="login", user=person.name, decision="accept")) == 1


def test_retry_without_waiting_is_a_replay(world: World) -> None:
    """The same code at once from another port is used already, whatever its identifier."""
    person = world.person()
    code = person.code()
    with world.nas(RETRYING) as nas, world.nas(RETRYING) as other:
        first = nas.ask(nas.request(person.name, code, identifier=3))
        again = other.ask(other.request(person.name, code, identifier=3))

    assert (first.code, again.code) == (numbers.ACCESS_ACCEPT, numbers.ACCESS_REJECT)


def test_retry_with_another_identifier_is_a_replay(world: World) -> None:
    """The same code under another identifier is used already."""
    person = world.person()
    code = person.code()
    with world.nas(RETRYING) as nas:
        assert nas.ask(nas.request(person.name, code, identifier=3)).code == numbers.ACCESS_ACCEPT

        again = nas.ask(nas.request(person.name, code, identifier=4))

    assert again.code == numbers.ACCESS_REJECT
    reasons = [line["reason"] for line in world.audit(kind="login", user=person.name)]
    assert reasons == ["passed", "replayed-passcode"]


def test_retry_from_another_client_is_a_replay(world: World) -> None:
    """The second client with the same identifier and code is not the same login."""
    person = world.person()
    code = person.code()
    with world.nas(RETRYING) as nas, world.nas(APPEND) as other:
        assert nas.ask(nas.request(person.name, code, identifier=3)).code == numbers.ACCESS_ACCEPT

        stolen = other.request(person.name, person.password + code, identifier=3)

        assert other.ask(stolen).code == numbers.ACCESS_REJECT


def test_answer_to_a_challenge_may_come_from_another_port(world: World) -> None:
    """State is bound to client and user, not to the port (ocserv opens a socket per request)."""
    person = world.person()
    with world.nas() as nas, world.nas() as other:
        state = nas.ask(nas.request(person.name, person.password)).state
        more = codec.attribute(numbers.STATE, state)

        assert other.login(person.name, person.code(), more) == numbers.ACCESS_ACCEPT


def test_answer_to_a_challenge_from_another_client_is_refused(world: World) -> None:
    """A State that another client overheard is none."""
    person = world.person()
    with world.nas() as nas, world.nas(APPEND) as other:
        state = nas.ask(nas.request(person.name, person.password)).state
        more = codec.attribute(numbers.STATE, state)

        assert other.login(person.name, person.code(), more) == numbers.ACCESS_REJECT


def test_state_is_fit_for_every_client(world: World) -> None:
    """State is printable, without zero octets, at most 64 octets; the prompt is one."""
    person = world.person()
    with world.nas() as nas:
        challenge = nas.ask(nas.request(person.name, person.password)).packet

    state = challenge.values(numbers.STATE)
    assert len(state) == 1
    assert state[0].decode("ascii").isprintable()
    assert 16 <= len(state[0]) <= 64
    assert challenge.values(numbers.REPLY_MESSAGE) == [b"Passcode: "]
    assert challenge.values(numbers.PROMPT) == [bytes(4)]
